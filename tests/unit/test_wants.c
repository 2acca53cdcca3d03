#define _XOPEN_SOURCE 700 /* nftw in the fixture */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/wants.h"
#include "tests/unit/store_fixture.h"

static const struct log_name name = {9, 0x7788, LANE_RECORD};

struct fixture {
    struct store_fixture *store;
    struct store_txn *txn;
    struct wants wants;
    bool wrote;
};

static struct fixture begin(void **state)
{
    struct fixture fixture = {.store = *state};
    struct store_options options = {.directory = fixture.store->directory,
                                    .without_sync = true};
    assert_int_equal(store_open(&fixture.store->store, &options), OK);
    assert_int_equal(store_begin(fixture.store->store, &fixture.txn), OK);
    wants_init(&fixture.wants);
    return fixture;
}

static void end(struct fixture *fixture)
{
    wants_deinit(&fixture->wants);
    store_abort(fixture->txn);
    fixture_close(fixture->store);
}

static bool add(struct fixture *fixture, uint64_t to, uint32_t peer)
{
    return wants_add(&fixture->wants, fixture->txn, name, to, peer, true,
                     &fixture->wrote);
}

static void nothing_beyond_the_end_of_a_log_is_wanted(void **state)
{
    struct fixture fixture = begin(state);
    struct wants again;

    wants_init(&again);
    assert_true(add(&fixture, 40, 3));
    assert_true(add(&fixture, 15, 4));
    wants_ask(&fixture.wants, &fixture.wants.rows[0], 3, 40, 0);
    assert_false(wants_limit(&fixture.wants, fixture.txn, name, 10, 40));
    assert_true(fixture.wants.rows[0].asked);
    assert_true(wants_limit(&fixture.wants, fixture.txn, name, 10, 20));
    assert_false(fixture.wants.rows[0].asked); /* it is asked for again, up to there */
    assert_int_equal(fixture.wants.unasked, 1);
    wants_load(&again, fixture.txn);
    assert_int_equal(again.rows[0].sources[0].to, 20);
    assert_int_equal(again.rows[0].sources[1].to, 15);
    assert_true(wants_limit(&fixture.wants, fixture.txn, name, 12, 12));
    assert_int_equal(fixture.wants.count, 0);
    assert_int_equal(fixture.wants.unasked, 0);
    wants_deinit(&again);
    end(&fixture);
}

static void a_want_survives_a_restart_and_goes_when_satisfied(void **state)
{
    struct fixture fixture = begin(state);
    struct wants again;

    wants_init(&again);
    assert_true(add(&fixture, 40, 3));
    assert_true(fixture.wrote);
    wants_load(&again, fixture.txn);
    assert_int_equal(again.count, 1);
    assert_int_equal(again.rows[0].sources[0].to, 40);
    assert_int_equal(again.rows[0].sources[0].peer, 3);
    wants_advance(&again, fixture.txn, name, 39, 0);
    assert_int_equal(again.count, 1);
    wants_advance(&again, fixture.txn, name, 40, 0);
    assert_int_equal(again.count, 0);
    assert_int_equal(again.unasked, 0);
    wants_load(&fixture.wants, fixture.txn);
    assert_int_equal(fixture.wants.count, 0);
    wants_deinit(&again);
    end(&fixture);
}

static void the_same_announcement_again_writes_nothing(void **state)
{
    struct fixture fixture = begin(state);

    assert_true(add(&fixture, 40, 3));
    fixture.wrote = false;
    assert_true(add(&fixture, 40, 3));
    assert_true(add(&fixture, 30, 3));
    assert_false(fixture.wrote);
    end(&fixture);
}

static void a_true_announcement_outlives_a_false_one(void **state)
{
    struct fixture fixture = begin(state);
    struct want *want;

    assert_true(add(&fixture, 1000000, 3));
    assert_true(add(&fixture, 40, 4));
    want = wants_find(&fixture.wants, name);
    assert_int_equal(want->source_count, 2);
    wants_ask(&fixture.wants, want, 3, 1000000, 1000);
    wants_take_turns(&fixture.wants, 3, 999);
    assert_true(want->asked);
    wants_take_turns(&fixture.wants, 3, 1000);
    assert_false(want->asked);
    assert_int_equal(want->sources[want->turn % want->source_count].peer, 4);
    assert_true(wants_drop_source(&fixture.wants, fixture.txn, name, 3));
    assert_int_equal(wants_find(&fixture.wants, name)->sources[0].peer, 4);
    end(&fixture);
}

static void a_further_announcer_never_displaces_the_one_being_asked(void **state)
{
    struct fixture fixture = begin(state);
    struct want *want;

    for (uint32_t peer = 1; peer <= WANT_SOURCES_MAX; peer++)
        assert_true(add(&fixture, 40, peer));
    want = wants_find(&fixture.wants, name);
    wants_ask(&fixture.wants, want, want->sources[0].peer, 40, 0);
    assert_true(add(&fixture, 50, 99));
    assert_int_equal(want->source_count, WANT_SOURCES_MAX);
    assert_int_equal(want->sources[0].peer, 1);
    end(&fixture);
}

static void
what_was_asked_is_asked_again_after_it_came_and_more_was_announced(void **state)
{
    struct fixture fixture = begin(state);
    struct want *want;

    assert_true(add(&fixture, 40, 3));
    want = wants_find(&fixture.wants, name);
    wants_ask(&fixture.wants, want, 3, 40, 0);
    assert_true(add(&fixture, 60, 3));
    assert_true(want->asked);
    wants_advance(&fixture.wants, fixture.txn, name, 40, 5);
    want = wants_find(&fixture.wants, name);
    assert_non_null(want);
    assert_false(want->asked);
    assert_int_equal(fixture.wants.unasked, 1);
    end(&fixture);
}

static void a_cut_link_frees_what_was_asked_over_it_alone(void **state)
{
    struct fixture fixture = begin(state);
    struct want *want;

    assert_true(add(&fixture, 40, 3));
    want = wants_find(&fixture.wants, name);
    wants_ask(&fixture.wants, want, 3, 40, 7);
    assert_true(wants_any_asked(&fixture.wants, 3));
    assert_int_equal(wants_still_since_ms(&fixture.wants, 3), 7);
    wants_forget_asked(&fixture.wants, 4);
    assert_true(want->asked);
    wants_forget_asked(&fixture.wants, 3);
    assert_false(wants_any_asked(&fixture.wants, 3));
    assert_int_equal(fixture.wants.unasked, 1);
    end(&fixture);
}

/* How many of more than enough logs a lone announcer gets into the table. */
static uint32_t fill(struct fixture *fixture, bool author_known)
{
    struct log_name log = {.tag = 1, .lane = LANE_RECORD};
    uint32_t taken = 0;

    for (log.node = 1; log.node <= WANTS_PEER_MAX + 10; log.node++)
        taken += wants_add(&fixture->wants, fixture->txn, log, 1, 3, author_known,
                           &fixture->wrote);
    return taken;
}

static void one_announcer_cannot_fill_the_table(void **state)
{
    struct fixture fixture = begin(state);
    struct log_name last = {WANTS_PEER_MAX + 1, 1, LANE_RECORD};

    assert_int_equal(fill(&fixture, true), WANTS_PEER_MAX);
    assert_true(wants_add(&fixture.wants, fixture.txn, last, 1, 4, true, &fixture.wrote));
    for (size_t i = 1; i < fixture.wants.count; i++)
        assert_true(log_name_compare(fixture.wants.rows[i - 1].log,
                                     fixture.wants.rows[i].log) < 0);
    end(&fixture);
}

static void of_unknown_authors_only_a_few_are_wanted(void **state)
{
    struct fixture fixture = begin(state);

    assert_int_equal(fill(&fixture, false), WANTS_UNKNOWN_MAX);
    assert_true(wants_drop(&fixture.wants, fixture.txn, fixture.wants.rows[0].log));
    assert_int_equal(fixture.wants.count, WANTS_UNKNOWN_MAX - 1);
    (void)fill(&fixture, false);
    assert_int_equal(fixture.wants.count, WANTS_UNKNOWN_MAX);
    end(&fixture);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_want_survives_a_restart_and_goes_when_satisfied),
        TEST(the_same_announcement_again_writes_nothing),
        TEST(a_true_announcement_outlives_a_false_one),
        TEST(a_further_announcer_never_displaces_the_one_being_asked),
        TEST(what_was_asked_is_asked_again_after_it_came_and_more_was_announced),
        TEST(a_cut_link_frees_what_was_asked_over_it_alone),
        TEST(one_announcer_cannot_fill_the_table),
        TEST(nothing_beyond_the_end_of_a_log_is_wanted),
        TEST(of_unknown_authors_only_a_few_are_wanted),
    };
    return cmocka_run_group_tests_name("wants", tests, NULL, NULL);
}
