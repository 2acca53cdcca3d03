#define _XOPEN_SOURCE 700 /* nftw in the fixture */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "crdt/log.h"
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
    uint64_t newest;
    assert_true(log_last_arrival(txn, &newest));
    assert_int_equal(newest, RUNS);
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

static void an_index_that_leads_to_another_log_holds_nothing(void **state)
{
    struct store_txn *txn = begin(*state);
    struct log_name other = {name.node + 1, name.tag, name.lane};
    uint8_t index[LOG_NAME_SIZE + 8], first[8];
    struct written written;
    struct buffer entries;
    struct run run;
    uint64_t arrival;

    write_runs(txn, &written);
    log_name_encode(other, index);
    put_be64(index + LOG_NAME_SIZE, 1);
    put_be64(first, 1);
    store_put(txn, STORE_RUNS, slice_of(index, sizeof index), slice_of(first, 8));
    buffer_init(&entries, RUN_SIZE_LIMIT);
    assert_false(log_run_holding(txn, other, 1, &run, &arrival));
    assert_false(log_cut_run(txn, &salt, other, &id, 1, 1, RUN_SIZE_MAX, &entries, &run));
    buffer_deinit(&entries);
    store_abort(txn);
    fixture_close(*state);
}

/* The third run holds the entries 4 to 6. */
static void an_index_that_leads_into_a_run_holds_nothing(void **state)
{
    struct store_txn *txn = begin(*state);
    uint8_t index[LOG_NAME_SIZE + 8], third[8];
    struct written written;
    struct run run;
    uint64_t arrival;

    write_runs(txn, &written);
    assert_true(log_run_holding(txn, name, 5, &run, &arrival));
    assert_int_equal(arrival, 3);
    log_name_encode(name, index);
    put_be64(index + LOG_NAME_SIZE, 5);
    put_be64(third, 3);
    store_put(txn, STORE_RUNS, slice_of(index, sizeof index), slice_of(third, 8));
    assert_false(log_run_holding(txn, name, 5, &run, &arrival));
    assert_true(log_run_holding(txn, name, 4, &run, &arrival));
    store_abort(txn);
    fixture_close(*state);
}

static void the_last_arrival_is_not_told_by_a_transaction_in_trouble(void **state)
{
    struct store_txn *txn = begin(*state);
    uint64_t arrival;

    assert_true(log_last_arrival(txn, &arrival));
    assert_int_equal(arrival, 0);
    store_mark_damaged(txn, STORE_ROWS);
    assert_int_equal(store_txn_status(txn), ERR_ROW_DAMAGED);
    assert_false(log_last_arrival(txn, &arrival));
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
    assert_int_equal(run_last_seq(&run), 3);
    assert_true(log_cut_run(txn, &salt, name, &id, 4, 4, RUN_SIZE_MAX, &entries, &run));
    assert_int_equal(run_last_seq(&run), 6); /* a signature stands only after 6 */
    buffer_deinit(&entries);
    store_abort(txn);
    fixture_close(*state);
}

static void a_shortened_run_ends_its_log_and_stays_whole_beside_it(void **state)
{
    struct store_txn *txn = begin(*state);
    struct written written;
    struct buffer scratch, entries, arrivals;
    struct run run, whole;
    uint64_t arrival, of;

    write_runs(txn, &written);
    assert_true(log_run_holding(txn, name, 24, &run, &of)); /* of 22..28 */
    assert_int_equal(run.first_seq, 22);
    buffer_init(&scratch, RUN_SIZE_LIMIT);
    buffer_init(&entries, RUN_SIZE_LIMIT);
    buffer_init(&arrivals, SIZE_MAX);
    log_shorten(txn, name, 24, RUNS + 1, &scratch);
    log_set_aside(txn, name, 25, &arrivals);

    assert_true(log_run_holding(txn, name, 24, &run, &arrival));
    assert_int_equal(arrival, of);
    assert_int_equal(run_last_seq(&run), 24);
    assert_true(run_is_unsigned(&run));
    assert_false(log_run_holding(txn, name, 25, &run, &arrival));
    assert_true(log_run_set_aside(txn, RUNS + 1, &whole));
    assert_int_equal(run_last_seq(&whole), 28);
    assert_int_equal(whole.signature[0], of);
    assert_true(
        log_cut_run(txn, &salt, name, &id, 2, SEQ_MAX, RUN_SIZE_LIMIT, &entries, &run));
    assert_int_equal(run_last_seq(&run), 24); /* joined up to the end, and no further */
    assert_true(run_is_unsigned(&run));
    struct chain chain;
    struct entry entry;
    chain_begin(&chain, &salt, id, &run, &run.prev);
    while (chain_next(&chain, &entry))
        ;
    assert_true(hash_equal(&chain.prev, &written.hashes[24]));
    buffer_deinit(&arrivals);
    buffer_deinit(&entries);
    buffer_deinit(&scratch);
    store_abort(txn);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_entry_is_found_in_its_run),
        TEST(an_index_that_leads_to_another_log_holds_nothing),
        TEST(an_index_that_leads_into_a_run_holds_nothing),
        TEST(the_last_arrival_is_not_told_by_a_transaction_in_trouble),
        TEST(a_cut_run_continues_the_chain_and_carries_its_last_signature),
        TEST(a_cut_run_stops_joining_where_what_was_asked_for_ends),
        TEST(a_shortened_run_ends_its_log_and_stays_whole_beside_it),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
