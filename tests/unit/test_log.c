#define _XOPEN_SOURCE 700 /* nftw in the fixture */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "crdt/log.h"
#include "net/wants.h"
#include "tests/unit/store_fixture.h"

enum { RUNS = 12, PAYLOAD_SIZE = 70 };

static const struct county_salt salt = {{1, 2, 3}};
static const struct log_id id = {{{0xaa}}, 0x55667788, LANE_RECORD};
static const struct log_name name = {9, 0x7788, LANE_RECORD};

/* A log of runs of one, two, three, ... entries, each run with a signature of its own. */
struct written {
    struct hash hashes[RUNS * (RUNS + 1) / 2 + 1];
    uint64_t last_seq;
};

static void write_runs(struct store_txn *txn, struct written *written)
{
    struct buffer entries, scratch;
    uint8_t payload[PAYLOAD_SIZE], header[HEADER_SIZE];
    uint64_t seq = 1;

    *written = (struct written){0};
    buffer_init(&entries, RUN_SIZE_LIMIT);
    buffer_init(&scratch, RUN_SIZE_LIMIT);
    for (uint32_t i = 1; i <= RUNS; i++) {
        struct run run = {.log = name,
                          .first_seq = seq,
                          .incarnation = seq == 1 ? id.incarnation : 0,
                          .prev = written->hashes[seq - 1],
                          .realm = 331123106,
                          .epoch = 1,
                          .count = i};
        buffer_clear(&entries);
        for (uint32_t n = 0; n < i; n++, seq++) {
            memset(payload, (int)seq, sizeof payload);
            entry_header(&salt, &id, seq, &written->hashes[seq - 1], run.realm, run.epoch,
                         slice_of(payload, sizeof payload), header,
                         &written->hashes[seq]);
            entry_append(&entries, slice_of(payload, sizeof payload));
        }
        memset(run.signature, (int)i, SIGNATURE_SIZE);
        run.entries = buffer_slice(&entries);
        log_append(txn, i, &run, &scratch);
    }
    written->last_seq = seq - 1;
    buffer_deinit(&scratch);
    buffer_deinit(&entries);
}

static struct store_txn *begin(struct store_fixture *fixture)
{
    struct store_options options = {.directory = fixture->directory,
                                    .without_sync = true};
    struct store_txn *txn;
    assert_int_equal(store_open(&fixture->store, &options), OK);
    assert_int_equal(store_begin(fixture->store, &txn), OK);
    return txn;
}

static void every_entry_is_found_in_its_run(void **state)
{
    struct store_txn *txn = begin(*state);
    struct written written;
    struct run run;
    uint64_t arrival;

    write_runs(txn, &written);
    assert_int_equal(log_last_arrival(txn), RUNS);
    for (uint64_t seq = 1; seq <= written.last_seq; seq++) {
        assert_true(log_run_holding(txn, name, seq, &run, &arrival));
        assert_in_range(seq, run.first_seq, run_last_seq(&run));
        assert_int_equal(run.signature[0], arrival);
    }
    assert_false(log_run_holding(txn, name, written.last_seq + 1, &run, &arrival));
    struct log_name other = {name.node + 1, name.tag, name.lane};
    assert_false(log_run_holding(txn, other, 1, &run, &arrival));
    store_abort(txn);
    fixture_close(*state);
}

static void a_cut_run_continues_the_chain_and_carries_its_last_signature(void **state)
{
    struct store_txn *txn = begin(*state);
    struct written written;
    struct buffer entries;

    buffer_init(&entries, RUN_SIZE_LIMIT);
    write_runs(txn, &written);
    for (uint64_t seq = 1; seq <= written.last_seq; seq++) {
        struct run run;
        struct chain chain;
        struct entry entry;
        struct hash prev;
        assert_true(log_cut_run(txn, &salt, name, &id, seq, written.last_seq,
                                RUN_SIZE_MAX, &entries, &run));
        assert_int_equal(run.first_seq, seq);
        assert_true(hash_equal(&run.prev, &written.hashes[seq - 1]));
        prev = run.prev;
        chain_begin(&chain, &salt, id, &run, &prev);
        while (chain_next(&chain, &entry))
            continue;
        assert_true(hash_equal(&chain.prev, &written.hashes[run_last_seq(&run)]));
        struct run holder;
        uint64_t arrival;
        assert_true(log_run_holding(txn, name, run_last_seq(&run), &holder, &arrival));
        assert_int_equal(run_last_seq(&holder), run_last_seq(&run));
        assert_memory_equal(holder.signature, run.signature, SIGNATURE_SIZE);
        assert_true(run_stored_size(&run) <= RUN_SIZE_MAX);
    }
    buffer_deinit(&entries);
    store_abort(txn);
    fixture_close(*state);
}

static void a_cut_run_stops_joining_where_what_was_asked_for_ends(void **state)
{
    struct store_txn *txn = begin(*state);
    struct written written;
    struct buffer entries;
    struct run run;

    buffer_init(&entries, RUN_SIZE_LIMIT);
    write_runs(txn, &written);
    assert_true(log_cut_run(txn, &salt, name, &id, 1, 3, RUN_SIZE_MAX, &entries, &run));
    assert_int_equal(run_last_seq(&run), 3);
    assert_true(log_cut_run(txn, &salt, name, &id, 1, 4, RUN_SIZE_MAX, &entries, &run));
    assert_int_equal(run_last_seq(&run), 6); /* a signature stands only after 6 */
    buffer_deinit(&entries);
    store_abort(txn);
    fixture_close(*state);
}

/* ---- wants ---- */

static void a_want_survives_a_restart_and_goes_when_satisfied(void **state)
{
    struct store_txn *txn = begin(*state);
    struct wants wants, again;
    bool wrote = false;

    wants_init(&wants);
    wants_init(&again);
    assert_true(wants_add(&wants, txn, name, 40, 3, &wrote));
    assert_true(wrote);
    wants_load(&again, txn);
    assert_int_equal(again.count, 1);
    assert_int_equal(again.rows[0].to, 40);
    assert_int_equal(again.rows[0].peer, 3);
    assert_false(wants_satisfy(&again, txn, name, 39));
    assert_true(wants_satisfy(&again, txn, name, 40));
    assert_int_equal(again.unasked, 0);
    wants_load(&wants, txn);
    assert_int_equal(wants.count, 0);
    wants_deinit(&wants);
    wants_deinit(&again);
    store_abort(txn);
    fixture_close(*state);
}

static void the_last_announcer_is_asked_unless_one_is_being_asked(void **state)
{
    struct store_txn *txn = begin(*state);
    struct wants wants;
    bool wrote = false;

    wants_init(&wants);
    assert_true(wants_add(&wants, txn, name, 40, 3, &wrote));
    assert_true(wants_add(&wants, txn, name, 40, 4, &wrote));
    assert_int_equal(wants_find(&wants, name)->peer, 4);
    wants_find(&wants, name)->asked = true;
    wants.unasked = 0;
    assert_true(wants_add(&wants, txn, name, 30, 5, &wrote));
    assert_int_equal(wants_find(&wants, name)->peer, 4);
    assert_true(wants_any_asked(&wants, 4));
    wants_forget_asked(&wants, 4);
    assert_false(wants_any_asked(&wants, 4));
    assert_int_equal(wants.unasked, 1);
    wants_deinit(&wants);
    store_abort(txn);
    fixture_close(*state);
}

static void wants_stay_sorted_and_bounded(void **state)
{
    struct store_txn *txn = begin(*state);
    struct wants wants;
    bool wrote = false;

    wants_init(&wants);
    for (uint32_t i = 0; i < 1000; i++) {
        struct log_name log = {i * 7919 % 1000, 1, LANE_RECORD};
        assert_true(wants_add(&wants, txn, log, i + 1, 1, &wrote));
    }
    assert_int_equal(wants.count, 1000);
    for (size_t i = 1; i < wants.count; i++)
        assert_true(log_name_compare(wants.rows[i - 1].log, wants.rows[i].log) < 0);
    wants_deinit(&wants);
    store_abort(txn);
    fixture_close(*state);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_entry_is_found_in_its_run),
        TEST(a_cut_run_continues_the_chain_and_carries_its_last_signature),
        TEST(a_cut_run_stops_joining_where_what_was_asked_for_ends),
        TEST(a_want_survives_a_restart_and_goes_when_satisfied),
        TEST(the_last_announcer_is_asked_unless_one_is_being_asked),
        TEST(wants_stay_sorted_and_bounded),
    };
    return cmocka_run_group_tests_name("log and wants", tests, NULL, NULL);
}
