/* What the core may rely on: tables, walks, transactions, growth. How the store opens,
 * and what it survives, is in test_store_disk.c; random work against a model, in
 * test_store_model.c. */
#define _XOPEN_SOURCE 700 /* nftw in the fixture */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "tests/unit/store_fixture.h"

static void a_row_is_found_again_and_others_are_not(void **state)
{
    struct store_fixture *fixture = *state;
    fixture_open(fixture);
    struct store_txn *txn = fixture_begin(fixture);
    text_put(txn, STORE_CHAINS, "person", "first");
    text_put(txn, STORE_CHAINS, "person", "second");
    text_put(txn, STORE_CHAINS, "empty", "");
    text_put(txn, STORE_CHAINS, "gone", "soon");
    store_delete(txn, STORE_CHAINS, slice_text("gone"));
    store_delete(txn, STORE_CHAINS, slice_text("never there"));
    assert_true(text_is(txn, STORE_CHAINS, "person", "second"));
    assert_true(text_is(txn, STORE_CHAINS, "empty", ""));
    assert_true(text_absent(txn, STORE_CHAINS, "gone"));
    assert_true(text_absent(txn, STORE_CHAINS, "perso"));
    assert_true(text_absent(txn, STORE_HEADS, "person"));
    assert_int_equal(store_txn_status(txn), OK);
    assert_int_equal(store_commit(txn), OK);
    fixture_close(fixture);
}

static bool floor_is(struct store_txn *txn, const char *key, const char *expected)
{
    struct slice found;
    struct slice value;
    return store_floor(txn, STORE_RUNS, slice_text(key), &found, &value) &&
           slice_equal(found, slice_text(expected)) && slice_equal(value, found);
}

static void floor_finds_the_greatest_key_that_is_not_above(void **state)
{
    struct store_fixture *fixture = *state;
    struct slice found;
    struct slice value;
    fixture_open(fixture);
    struct store_txn *txn = fixture_begin(fixture);
    assert_false(store_floor(txn, STORE_RUNS, slice_text("x"), &found, &value));
    text_put(txn, STORE_RUNS, "b", "b");
    text_put(txn, STORE_RUNS, "bb", "bb");
    text_put(txn, STORE_RUNS, "d", "d");
    for (int committed = 0; committed < 2; committed++) {
        assert_false(store_floor(txn, STORE_RUNS, slice_text("a"), &found, &value));
        assert_true(floor_is(txn, "b", "b"));
        assert_true(floor_is(txn, "ba", "b"));
        assert_true(floor_is(txn, "c", "bb"));
        assert_true(floor_is(txn, "d", "d"));
        assert_true(floor_is(txn, "z", "d"));
        if (committed == 0) {
            assert_int_equal(store_commit(txn), OK);
            txn = fixture_begin_read(fixture);
        }
    }
    store_abort(txn);
    fixture_close(fixture);
}

static void a_walk_visits_the_rows_from_a_key_on_in_order(void **state)
{
    struct store_fixture *fixture = *state;
    struct store_cursor cursor;
    struct slice key;
    struct slice value;
    fixture_open(fixture);
    struct store_txn *txn = fixture_begin(fixture);
    text_put(txn, STORE_HEADS, "b", "2");
    text_put(txn, STORE_HEADS, "a", "1");
    text_put(txn, STORE_HEADS, "c", "3");
    assert_true(store_seek(txn, STORE_HEADS, slice_of(NULL, 0), &cursor, &key, &value));
    assert_true(slice_equal(key, slice_text("a")));
    store_cursor_close(&cursor);
    store_cursor_close(&cursor);
    assert_true(store_seek(txn, STORE_HEADS, slice_text("aa"), &cursor, &key, &value));
    assert_true(slice_equal(key, slice_text("b")));
    assert_true(store_next(txn, &cursor, &key, &value));
    assert_true(slice_equal(key, slice_text("c")) && slice_equal(value, slice_text("3")));
    assert_false(store_next(txn, &cursor, &key, &value));
    assert_false(store_next(txn, &cursor, &key, &value));
    store_cursor_close(&cursor);
    assert_false(store_seek(txn, STORE_HEADS, slice_text("d"), &cursor, &key, &value));
    store_cursor_close(&cursor);
    assert_false(store_seek(txn, STORE_WANTS, slice_of(NULL, 0), &cursor, &key, &value));
    assert_int_equal(store_commit(txn), OK);
    fixture_close(fixture);
}

static void appended_rows_are_the_last_ones(void **state)
{
    struct store_fixture *fixture = *state;
    struct slice key;
    struct slice value;
    uint8_t number[8];
    fixture_open(fixture);
    struct store_txn *txn = fixture_begin(fixture);
    assert_false(store_last(txn, STORE_LOG, &key, &value));
    for (uint64_t i = 0; i < 3000; i++) {
        put_be64(number, i);
        store_append(txn, STORE_LOG, slice_of(number, 8), slice_of(number, 8));
        assert_true(store_last(txn, STORE_LOG, &key, &value));
        assert_true(get_be64(key.data) == i && get_be64(value.data) == i);
    }
    assert_int_equal(store_commit(txn), OK);
    fixture_close(fixture);
}

static void append_out_of_order(struct store_fixture *fixture)
{
    struct store *store;
    struct store_txn *txn;
    if (store_open(&store, &(struct store_options){.directory = fixture->directory}) !=
        OK)
        return;
    if (store_begin(store, &txn) != OK)
        return;
    store_append(txn, STORE_LOG, slice_text("b"), slice_text("1"));
    store_append(txn, STORE_LOG, slice_text("b"), slice_text("2"));
}

static void write_under_a_walk(struct store_fixture *fixture)
{
    struct store *store;
    struct store_txn *txn;
    struct store_cursor cursor;
    struct slice key;
    struct slice value;
    if (store_open(&store, &(struct store_options){.directory = fixture->directory}) !=
        OK)
        return;
    if (store_begin(store, &txn) != OK)
        return;
    text_put(txn, STORE_WANTS, "a", "1");
    if (store_seek(txn, STORE_WANTS, slice_text("a"), &cursor, &key, &value))
        text_put(txn, STORE_WANTS, "b", "2");
}

/* True where `act` ends in a broken promise. It runs in a child of its own, quietly. */
static bool stops_at_once(struct store_fixture *fixture,
                          void (*act)(struct store_fixture *fixture))
{
    pid_t child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0});
        signal(SIGABRT, SIG_DFL);
        close(STDERR_FILENO);
        act(fixture);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void a_write_against_the_rules_stops_at_once(void **state)
{
    struct store_fixture *fixture = *state;
    assert_true(stops_at_once(fixture, append_out_of_order));
    assert_true(stops_at_once(fixture, write_under_a_walk));
}

static void clearing_empties_one_table_only(void **state)
{
    struct store_fixture *fixture = *state;
    struct slice key;
    struct slice value;
    fixture_open(fixture);
    assert_int_equal(commit_text(fixture, "kept", "yes"), OK);
    struct store_txn *txn = fixture_begin(fixture);
    uint8_t number[8];
    for (uint64_t i = 0; i < 5000; i++) {
        put_be64(number, i);
        store_append(txn, STORE_ROWS, slice_of(number, 8), slice_text("a folded row"));
    }
    assert_int_equal(store_commit(txn), OK);
    txn = fixture_begin(fixture);
    store_clear(txn, STORE_ROWS);
    assert_false(store_last(txn, STORE_ROWS, &key, &value));
    store_append(txn, STORE_ROWS, slice_text("anew"), slice_text("1"));
    assert_int_equal(store_commit(txn), OK);
    txn = fixture_begin_read(fixture);
    assert_true(text_is(txn, STORE_ROWS, "anew", "1"));
    assert_true(text_is(txn, STORE_CHAINS, "kept", "yes"));
    store_abort(txn);
    fixture_close(fixture);
}

static void an_abort_leaves_nothing_and_a_commit_outlives_the_process(void **state)
{
    struct store_fixture *fixture = *state;
    fixture_open(fixture);
    assert_int_equal(commit_text(fixture, "kept", "yes"), OK);
    struct store_txn *txn = fixture_begin(fixture);
    text_put(txn, STORE_CHAINS, "dropped", "yes");
    text_put(txn, STORE_CHAINS, "kept", "no");
    store_abort(txn);
    for (int i = 0; i < 2; i++) {
        assert_true(committed_is(fixture, "kept", "yes"));
        assert_false(committed_is(fixture, "dropped", "yes"));
        fixture_reopen(fixture);
    }
    fixture_close(fixture);
}

static void readers_and_the_writer_take_turns(void **state)
{
    struct store_fixture *fixture = *state;
    struct store_txn *refused;
    fixture_open(fixture);
    assert_int_equal(commit_text(fixture, "n", "1"), OK);
    struct store_txn *reader = fixture_begin_read(fixture);
    struct store_txn *second = fixture_begin_read(fixture);
    assert_int_equal(store_begin(fixture->store, &refused), ERR_BUSY);
    assert_true(text_is(reader, STORE_CHAINS, "n", "1"));
    store_abort(reader);
    assert_int_equal(store_begin(fixture->store, &refused), ERR_BUSY);
    store_abort(second);
    struct store_txn *writer = fixture_begin(fixture);
    assert_int_equal(store_begin_read(fixture->store, &refused), ERR_BUSY);
    text_put(writer, STORE_CHAINS, "n", "2");
    assert_int_equal(store_commit(writer), OK);
    assert_true(committed_is(fixture, "n", "2"));
    for (int i = 3; i < 200; i++) {
        char text[12];
        snprintf(text, sizeof text, "%d", i);
        assert_int_equal(commit_text(fixture, "n", text), OK);
        assert_true(committed_is(fixture, "n", text));
    }
    fixture_close(fixture);
}

/* ---- growth and sticky trouble ---- */

static void put_bulk(struct store_txn *txn, uint64_t count)
{
    static const uint8_t value[1000] = {1};
    uint8_t key[8];
    for (uint64_t i = 0; i < count; i++) {
        put_be64(key, i);
        store_put(txn, STORE_ROWS, slice_of(key, 8), slice_of(value, sizeof value));
    }
}

static void after_trouble_a_transaction_finds_and_does_nothing(void **state)
{
    struct store_fixture *fixture = *state;
    struct store_cursor cursor;
    struct slice key;
    struct slice value;
    fixture_open_small(fixture, 128 << 10);
    assert_int_equal(commit_text(fixture, "kept", "yes"), OK);
    struct store_txn *txn = fixture_begin(fixture);
    put_bulk(txn, 1000);
    assert_int_equal(store_txn_status(txn), ERR_STORE_GROWN);
    assert_true(text_absent(txn, STORE_CHAINS, "kept"));
    assert_false(store_last(txn, STORE_CHAINS, &key, &value));
    assert_false(store_floor(txn, STORE_CHAINS, slice_text("z"), &key, &value));
    assert_false(store_seek(txn, STORE_CHAINS, slice_of(NULL, 0), &cursor, &key, &value));
    store_delete(txn, STORE_CHAINS, slice_text("kept"));
    store_clear(txn, STORE_CHAINS);
    text_put(txn, STORE_CHAINS, "more", "no");
    assert_int_equal(store_txn_dirty_pages(txn), 0);
    assert_int_equal(store_commit(txn), ERR_STORE_GROWN);
    assert_true(committed_is(fixture, "kept", "yes"));
    assert_false(committed_is(fixture, "more", "no"));
    fixture_close(fixture);
}

static int commit_bulk_until_it_fits(struct store_fixture *fixture, uint64_t count)
{
    for (int tries = 1;; tries++) {
        struct store_txn *txn = fixture_begin(fixture);
        put_bulk(txn, count);
        enum status status = store_commit(txn);
        if (status == OK)
            return tries;
        assert_int_equal(status, ERR_STORE_GROWN);
    }
}

static void the_map_grows_until_the_work_fits(void **state)
{
    struct store_fixture *fixture = *state;
    uint8_t key[8];
    struct slice value;
    fixture_open_small(fixture, 64 << 10);
    assert_true(commit_bulk_until_it_fits(fixture, 5000) > 4);
    for (int i = 0; i < 2; i++) {
        struct store_txn *txn = fixture_begin_read(fixture);
        put_be64(key, 4999);
        assert_true(store_get(txn, STORE_ROWS, slice_of(key, 8), &value));
        assert_int_equal(value.size, 1000);
        store_abort(txn);
        fixture_close(fixture);
        fixture_open_small(fixture, 64 << 10);
    }
    /* What it has grown to is kept, so that a restart need not grow again. */
    assert_int_equal(commit_bulk_until_it_fits(fixture, 100), 1);
    fixture_close(fixture);
}

/* ---- measures ---- */

static void dirty_pages_follow_what_was_written(void **state)
{
    struct store_fixture *fixture = *state;
    static const uint8_t value[400] = {1};
    uint8_t key[8];
    fixture_open(fixture);
    struct store_txn *txn = fixture_begin(fixture);
    assert_int_equal(store_txn_dirty_pages(txn), 0);
    for (int i = 0; i < 1000; i++)
        text_put(txn, STORE_META, "the same", "row");
    assert_in_range(store_txn_dirty_pages(txn), 1, 3);
    for (uint64_t i = 0; i < 10000; i++) {
        put_be64(key, i);
        store_append(txn, STORE_LOG, slice_of(key, 8), slice_of(value, sizeof value));
    }
    /* 4.18 MB on pages of 4 KiB; a page holds nine such rows. */
    assert_in_range(store_txn_dirty_pages(txn), 950, 1200);
    assert_int_equal(store_commit(txn), OK);
    txn = fixture_begin(fixture);
    for (uint64_t i = 0; i < 500; i++) {
        put_be64(key, i * 20);
        store_put(txn, STORE_LOG, slice_of(key, 8), slice_of(value, sizeof value));
    }
    assert_in_range(store_txn_dirty_pages(txn), 450, 550);
    assert_int_equal(store_commit(txn), OK);
    fixture_close(fixture);
}

static void the_measured_size_follows_the_content(void **state)
{
    struct store_fixture *fixture = *state;
    fixture_open_small(fixture, 32 << 20);
    struct store_size before = store_measure(fixture->store);
    assert_true(before.file < 1 << 20); /* the rest of the map is a hole */
    struct store_txn *txn = fixture_begin(fixture);
    put_bulk(txn, 4000);
    assert_int_equal(store_commit(txn), OK);
    struct store_size after = store_measure(fixture->store);
    assert_true(after.used >= before.used + 4000 * 1000);
    assert_true(after.file >= after.used);
    assert_true(after.disk_free > 0);
    fixture_close(fixture);
}

#define STORE_TEST(name)                                                                 \
    cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_row_is_found_again_and_others_are_not),
        STORE_TEST(floor_finds_the_greatest_key_that_is_not_above),
        STORE_TEST(a_walk_visits_the_rows_from_a_key_on_in_order),
        STORE_TEST(appended_rows_are_the_last_ones),
        STORE_TEST(a_write_against_the_rules_stops_at_once),
        STORE_TEST(clearing_empties_one_table_only),
        STORE_TEST(an_abort_leaves_nothing_and_a_commit_outlives_the_process),
        STORE_TEST(readers_and_the_writer_take_turns),
        STORE_TEST(after_trouble_a_transaction_finds_and_does_nothing),
        STORE_TEST(the_map_grows_until_the_work_fits),
        STORE_TEST(dirty_pages_follow_what_was_written),
        STORE_TEST(the_measured_size_follows_the_content),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
