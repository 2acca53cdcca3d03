#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "crdt/heads.h"
#include "daemon/store/store_lmdb.h"

enum { NODES = 700, STEPS = 5000 };

static const struct county_salt salt = {{1, 2, 3}};

struct fixture {
    char directory[256];
    struct store *store;
    struct heads *heads;
    uint64_t seed;
};

static int setup(void **state)
{
    struct fixture *fixture = checked_malloc(sizeof *fixture);
    const char *base = getenv("TMPDIR");
    snprintf(fixture->directory, sizeof fixture->directory, "%s/linli-heads-XXXXXX",
             base != NULL ? base : "/tmp");
    assert_non_null(mkdtemp(fixture->directory));
    struct store_options options = {.directory = fixture->directory,
                                    .without_sync = true};
    assert_int_equal(store_open(&fixture->store, &options), OK);
    fixture->heads = heads_create();
    const char *seed = getenv("LINLI_TEST_SEED");
    fixture->seed = seed != NULL ? strtoull(seed, NULL, 10) : 20260531;
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    heads_destroy(fixture->heads);
    store_close(fixture->store);
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", fixture->directory);
    int result = system(command);
    free(fixture);
    return result;
}

static uint64_t random_next(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static struct log_name log_of(uint32_t node, uint8_t lane)
{
    return (struct log_name){.node = node, .tag = (uint16_t)(node * 7), .lane = lane};
}

static uint64_t incarnation_of(struct log_name log)
{
    return UINT64_C(0xabcd00000000) | log.tag;
}

static struct hash hash_of(struct log_name log, uint64_t seq)
{
    struct hash hash = {{0}};
    put_le64(hash.bytes, seq);
    log_name_encode(log, hash.bytes + 8);
    return hash;
}

static void advance(struct heads *heads, struct log_name log, uint64_t seq,
                    uint64_t arrival)
{
    struct hash hash = hash_of(log, seq);
    heads_advance(heads, log, incarnation_of(log), seq, &hash, arrival);
}

static void flush(struct fixture *fixture)
{
    struct store_txn *txn;
    assert_int_equal(store_begin(fixture->store, &txn), OK);
    heads_flush(fixture->heads, txn);
    assert_int_equal(store_commit(txn), OK);
}

static enum status load(struct fixture *fixture, struct heads *heads)
{
    struct store_txn *txn;
    assert_int_equal(store_begin_read(fixture->store, &txn), OK);
    enum status status = heads_load(heads, txn);
    store_abort(txn);
    return status;
}

static bool carry_records(void *context, struct log_name log)
{
    (void)context;
    return log.lane == LANE_RECORD;
}

static struct hash digest_of(const struct heads *heads)
{
    struct hash digest;
    heads_digest(heads, &salt, NULL, NULL, &digest);
    return digest;
}

/* Many logs, advanced in a random order; the same set for the same seed. */
static uint64_t advance_at_random(struct heads *heads, uint64_t *seed, uint64_t arrival)
{
    for (int i = 0; i < STEPS; i++) {
        uint64_t random = random_next(seed);
        struct log_name log = log_of((uint32_t)(random % NODES), random >> 32 & 3);
        const struct head *head = heads_find(heads, log);
        advance(heads, log, (head != NULL ? head->seq : 0) + 1 + (random >> 40 & 7),
                ++arrival);
    }
    return arrival;
}

static void a_log_nobody_spoke_of_has_no_head(void **state)
{
    struct fixture *fixture = *state;
    assert_null(heads_find(fixture->heads, log_of(1, LANE_RECORD)));
    assert_int_equal(heads_count(fixture->heads), 0);
    advance(fixture->heads, log_of(1, LANE_RECORD), 4, 1);
    assert_null(heads_find(fixture->heads, log_of(1, LANE_URGENT)));
    assert_null(heads_find(fixture->heads, log_of(2, LANE_RECORD)));
    const struct head *head = heads_find(fixture->heads, log_of(1, LANE_RECORD));
    assert_non_null(head);
    assert_int_equal(head->seq, 4);
    assert_int_equal(head->incarnation, incarnation_of(head->log));
}

static void every_log_is_found_among_many(void **state)
{
    struct fixture *fixture = *state;
    uint64_t entries = 0;
    for (uint32_t node = 0; node < NODES; node++) {
        for (uint8_t lane = 0; lane < LANES; lane++) {
            advance(fixture->heads, log_of(node, lane), node + 1, 4 * node + lane + 1);
            entries += node + 1;
        }
    }
    assert_int_equal(heads_count(fixture->heads), NODES * LANES);
    assert_int_equal(heads_entries(fixture->heads), entries);
    for (uint32_t node = 0; node < NODES; node++) {
        for (uint8_t lane = 0; lane < LANES; lane++) {
            const struct head *head = heads_find(fixture->heads, log_of(node, lane));
            struct hash hash = hash_of(log_of(node, lane), node + 1);
            assert_true(head != NULL && hash_equal(&head->hash, &hash));
        }
    }
}

static void what_was_flushed_is_loaded_again(void **state)
{
    struct fixture *fixture = *state;
    print_message("seed %llu\n", (unsigned long long)fixture->seed);
    uint64_t arrival = advance_at_random(fixture->heads, &fixture->seed, 0);
    flush(fixture);
    arrival = advance_at_random(fixture->heads, &fixture->seed, arrival);
    flush(fixture);
    struct heads *loaded = heads_create();
    advance(loaded, log_of(9999, LANE_RECORD), 1, 1); /* forgotten by the load */
    assert_int_equal(load(fixture, loaded), OK);
    assert_int_equal(heads_count(loaded), heads_count(fixture->heads));
    assert_int_equal(heads_entries(loaded), heads_entries(fixture->heads));
    for (size_t i = 0; i < heads_count(loaded); i++) {
        const struct head *head = heads_at(loaded, i);
        const struct head *other = heads_find(fixture->heads, head->log);
        assert_non_null(other);
        assert_int_equal(head->seq, other->seq);
        assert_int_equal(head->arrival, other->arrival);
        assert_int_equal(head->incarnation, other->incarnation);
        assert_true(hash_equal(&head->hash, &other->hash));
    }
    struct hash ours = digest_of(fixture->heads);
    struct hash theirs = digest_of(loaded);
    assert_true(hash_equal(&ours, &theirs));
    heads_destroy(loaded);
}

static void what_was_not_flushed_is_forgotten_by_a_load(void **state)
{
    struct fixture *fixture = *state;
    advance(fixture->heads, log_of(1, LANE_RECORD), 1, 1);
    flush(fixture);
    advance(fixture->heads, log_of(1, LANE_RECORD), 2, 2);
    advance(fixture->heads, log_of(2, LANE_RECORD), 1, 3);
    assert_int_equal(load(fixture, fixture->heads), OK);
    assert_int_equal(heads_count(fixture->heads), 1);
    assert_int_equal(heads_find(fixture->heads, log_of(1, LANE_RECORD))->seq, 1);
    /* And the list of what moved is forgotten with it. */
    advance(fixture->heads, log_of(1, LANE_RECORD), 2, 2);
    flush(fixture);
    assert_int_equal(load(fixture, fixture->heads), OK);
    assert_int_equal(heads_count(fixture->heads), 1);
    assert_int_equal(heads_entries(fixture->heads), 2);
}

static void only_heads_that_moved_are_written(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t node = 1; node <= 3; node++)
        advance(fixture->heads, log_of(node, LANE_RECORD), 1, node);
    flush(fixture);
    struct store_txn *txn;
    assert_int_equal(store_begin(fixture->store, &txn), OK);
    store_clear(txn, STORE_HEADS);
    assert_int_equal(store_commit(txn), OK);
    advance(fixture->heads, log_of(2, LANE_RECORD), 2, 4);
    advance(fixture->heads, log_of(2, LANE_RECORD), 3, 5);
    flush(fixture);
    assert_int_equal(load(fixture, fixture->heads), OK);
    assert_int_equal(heads_count(fixture->heads), 1);
    assert_int_equal(heads_at(fixture->heads, 0)->log.node, 2);
}

static void a_flipped_bit_in_the_store_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    struct log_name log = log_of(5, LANE_RECORD);
    uint8_t key[LOG_NAME_SIZE];
    log_name_encode(log, key);
    advance(fixture->heads, log_of(4, LANE_RECORD), 1, 1);
    advance(fixture->heads, log, 1, 2);
    flush(fixture);
    struct store_txn *txn;
    struct slice value;
    uint8_t bytes[128];
    assert_int_equal(store_begin(fixture->store, &txn), OK);
    assert_true(store_get(txn, STORE_HEADS, slice_of(key, sizeof key), &value));
    size_t size = value.size;
    assert_true(size <= sizeof bytes);
    memcpy(bytes, value.data, size);
    struct heads *loaded = heads_create();
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        store_put(txn, STORE_HEADS, slice_of(key, sizeof key), slice_of(bytes, size));
        assert_int_equal(heads_load(loaded, txn), ERR_STORE_DAMAGED);
        assert_null(heads_find(loaded, log));
        assert_int_equal(heads_count(loaded), 1);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    store_put(txn, STORE_HEADS, slice_of(key, sizeof key), slice_of(bytes, size - 1));
    assert_int_equal(heads_load(loaded, txn), ERR_STORE_DAMAGED);
    store_abort(txn);
    heads_destroy(loaded);
}

static void assert_since(const struct heads *heads, uint64_t from)
{
    static const struct head *found[NODES * LANES];
    size_t expected = 0;
    for (size_t i = 0; i < heads_count(heads); i++)
        expected += heads_at(heads, i)->arrival > from;
    size_t count = heads_since(heads, from, found, ARRAY_SIZE(found));
    assert_int_equal(count, expected);
    for (size_t i = 0; i < count; i++) {
        assert_true(found[i]->arrival > from);
        assert_true(i == 0 || found[i - 1]->arrival < found[i]->arrival);
    }
}

static void since_names_what_moved_in_order_of_arrival(void **state)
{
    struct fixture *fixture = *state;
    uint64_t arrival = advance_at_random(fixture->heads, &fixture->seed, 0);
    for (uint64_t from = 0; from <= arrival; from += 97)
        assert_since(fixture->heads, from);
    assert_since(fixture->heads, arrival - 1);
    flush(fixture);
    assert_int_equal(load(fixture, fixture->heads), OK);
    for (uint64_t from = 0; from <= arrival; from += 97)
        assert_since(fixture->heads, from);
    arrival = advance_at_random(fixture->heads, &fixture->seed, arrival);
    for (uint64_t from = 0; from <= arrival; from += 97)
        assert_since(fixture->heads, from);
}

static void since_stops_at_its_capacity_with_the_earliest(void **state)
{
    struct fixture *fixture = *state;
    const struct head *found[2];
    for (uint32_t node = 1; node <= 5; node++)
        advance(fixture->heads, log_of(node, LANE_RECORD), 1, 10 * node);
    advance(fixture->heads, log_of(2, LANE_RECORD), 2, 60);
    assert_int_equal(heads_since(fixture->heads, 10, found, 2), 2);
    assert_int_equal(found[0]->log.node, 3);
    assert_int_equal(found[1]->log.node, 4);
    assert_int_equal(heads_since(fixture->heads, 40, found, 2), 2);
    assert_int_equal(found[0]->log.node, 5);
    assert_int_equal(found[1]->log.node, 2);
    assert_int_equal(heads_since(fixture->heads, 60, found, 2), 0);
}

static void the_digest_does_not_depend_on_the_order_of_coming(void **state)
{
    struct fixture *fixture = *state;
    struct heads *other = heads_create();
    for (uint32_t node = 0; node < NODES; node++)
        advance(fixture->heads, log_of(node, LANE_RECORD), 3, node + 1);
    for (uint32_t node = NODES; node > 0; node--)
        advance(other, log_of(node - 1, LANE_RECORD), 2, NODES + 1 - node);
    struct hash ours = digest_of(fixture->heads);
    struct hash theirs = digest_of(other);
    assert_false(hash_equal(&ours, &theirs));
    for (uint32_t node = 0; node < NODES; node++) {
        uint32_t shuffled = (node * 13 + 5) % NODES;
        advance(other, log_of(shuffled, LANE_RECORD), 3, NODES + 1 + node);
    }
    theirs = digest_of(other);
    assert_true(hash_equal(&ours, &theirs));
    heads_destroy(other);
}

static void the_digest_depends_on_each_of_its_fields(void **state)
{
    struct fixture *fixture = *state;
    struct log_name log = log_of(1, LANE_RECORD);
    struct hash hash = hash_of(log, 1);
    struct hash other = hash_of(log, 2);
    const struct {
        struct log_name log;
        uint64_t incarnation, seq;
        struct hash hash;
    } heads[] = {{log, log.tag, 1, hash},
                 {log_of(1, LANE_URGENT), log.tag, 1, hash},
                 {log, log.tag | 1 << 20, 1, hash},
                 {log, log.tag, 2, hash},
                 {log, log.tag, 1, other}};
    struct hash digests[ARRAY_SIZE(heads) + 1];
    for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
        struct heads *single = heads_create();
        heads_advance(single, heads[i].log, heads[i].incarnation, heads[i].seq,
                      &heads[i].hash, 1);
        digests[i] = digest_of(single);
        heads_destroy(single);
    }
    digests[ARRAY_SIZE(heads)] = digest_of(fixture->heads); /* of none */
    for (size_t i = 0; i < ARRAY_SIZE(digests); i++) {
        for (size_t k = 0; k < i; k++)
            assert_false(hash_equal(&digests[i], &digests[k]));
    }
}

static void the_digest_covers_only_what_is_carried(void **state)
{
    struct fixture *fixture = *state;
    struct hash before;
    struct hash after;
    for (uint32_t node = 0; node < NODES; node++)
        advance(fixture->heads, log_of(node, LANE_RECORD), 1, node + 1);
    heads_digest(fixture->heads, &salt, carry_records, NULL, &before);
    struct hash all = digest_of(fixture->heads);
    assert_true(hash_equal(&before, &all));
    advance(fixture->heads, log_of(3, LANE_URGENT), 1, NODES + 1);
    heads_digest(fixture->heads, &salt, carry_records, NULL, &after);
    assert_true(hash_equal(&before, &after));
    advance(fixture->heads, log_of(3, LANE_RECORD), 2, NODES + 2);
    heads_digest(fixture->heads, &salt, carry_records, NULL, &after);
    assert_false(hash_equal(&before, &after));
}

static void a_log_taken_back_to_nothing_is_as_if_it_had_never_come(void **state)
{
    struct fixture *fixture = *state;
    struct log_name one = {1, 7, LANE_RECORD}, other = {2, 8, LANE_RECORD};
    struct hash hash = {{1}}, nothing = {{0}}, before, after;
    heads_advance(fixture->heads, one, 7, 5, &hash, 1);
    heads_digest(fixture->heads, &salt, NULL, NULL, &before);
    heads_advance(fixture->heads, other, 8, 3, &hash, 2);
    heads_take_back(fixture->heads, other, 0, &nothing);
    heads_digest(fixture->heads, &salt, NULL, NULL, &after);
    assert_true(hash_equal(&before, &after));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_log_nobody_spoke_of_has_no_head, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(every_log_is_found_among_many, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_flushed_is_loaded_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_was_not_flushed_is_forgotten_by_a_load,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(only_heads_that_moved_are_written, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_flipped_bit_in_the_store_is_noticed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(since_names_what_moved_in_order_of_arrival, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(since_stops_at_its_capacity_with_the_earliest,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(the_digest_does_not_depend_on_the_order_of_coming,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(the_digest_depends_on_each_of_its_fields, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_digest_covers_only_what_is_carried, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            a_log_taken_back_to_nothing_is_as_if_it_had_never_come, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
