#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "crdt/run.h"

enum { ENTRIES = 5, PAYLOAD_SIZE = 70, MUTATIONS = 20000 };

static const struct county_salt salt = {{9, 8, 7, 6, 5, 4, 3, 2, 1}};
static const struct hash no_hash;

static const struct log_id log_id = {
    .node = {{0xaa, 0xbb, 0xcc}}, .incarnation = 0x1122334455667788, .lane = LANE_RECORD};
static const struct log_name log_name = {
    .node = 2191, .tag = 0x7788, .lane = LANE_RECORD};

/* A log of a few entries: what a run of it, or a part of it, is made from. */
struct fixture {
    uint8_t payloads[ENTRIES][PAYLOAD_SIZE];
    struct hash hashes[ENTRIES + 1]; /* hashes[n] is of seq n; 0 comes before the log */
    struct buffer entries;
    struct buffer encoded;
};

static int setup(void **state)
{
    struct fixture *fixture = checked_malloc(sizeof *fixture);
    *fixture = (struct fixture){0};
    buffer_init(&fixture->entries, 1 << 20);
    buffer_init(&fixture->encoded, 1 << 20);
    uint8_t header[HEADER_SIZE];
    for (unsigned i = 0; i < ENTRIES; i++) {
        memset(fixture->payloads[i], (int)(i + 1), PAYLOAD_SIZE);
        struct slice payload = slice_of(fixture->payloads[i], PAYLOAD_SIZE);
        entry_header(&salt, &log_id, i + 1, &fixture->hashes[i], 330127104, 1, payload,
                     header, &fixture->hashes[i + 1]);
    }
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    buffer_deinit(&fixture->entries);
    buffer_deinit(&fixture->encoded);
    free(fixture);
    return 0;
}

/* The run of entries `first` to `last`; its slices point into the fixture. */
static struct run run_of(struct fixture *fixture, unsigned first, unsigned last)
{
    buffer_clear(&fixture->entries);
    for (unsigned seq = first; seq <= last; seq++)
        entry_append(&fixture->entries,
                     slice_of(fixture->payloads[seq - 1], PAYLOAD_SIZE));
    struct run run = {
        .log = log_name,
        .incarnation = first == 1 ? log_id.incarnation : 0,
        .first_seq = first,
        .prev = fixture->hashes[first - 1],
        .realm = 330127104,
        .epoch = 1,
        .count = last - first + 1,
        .entries = buffer_slice(&fixture->entries),
    };
    memset(run.signature, 0x5a, sizeof run.signature);
    return run;
}

static struct slice encode(struct fixture *fixture, const struct run *run,
                           enum run_form form)
{
    buffer_clear(&fixture->encoded);
    run_encode(run, form, &fixture->encoded);
    assert_false(fixture->encoded.overflow);
    return buffer_slice(&fixture->encoded);
}

static struct hash chain_end(const struct log_id *log, const struct run *run,
                             const struct hash *prev)
{
    struct chain chain;
    struct entry entry;
    chain_begin(&chain, &salt, *log, run, prev);
    for (uint32_t i = 0; i < run->count; i++)
        assert_true(chain_next(&chain, &entry));
    assert_false(chain_next(&chain, &entry));
    assert_memory_equal(&chain.prev, &entry.hash, sizeof entry.hash);
    return chain.prev;
}

static uint64_t random_next(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static void a_run_reads_back_as_it_was_written_in_both_forms(void **state)
{
    struct fixture *fixture = *state;
    for (unsigned first = 1; first <= 2; first++) {
        struct run run = run_of(fixture, first, ENTRIES);
        struct run back;
        struct slice stored = encode(fixture, &run, RUN_STORED);
        assert_int_equal(stored.size, run_stored_size(&run));
        assert_int_equal(run_decode(stored, RUN_STORED, &back), OK);
        assert_int_equal(run_last_seq(&back), ENTRIES);
        assert_true(log_name_equal(back.log, log_name));
        assert_int_equal(back.incarnation, run.incarnation);
        assert_memory_equal(&back.prev, &run.prev, sizeof run.prev);
        assert_true(slice_equal(back.entries, run.entries));
        assert_memory_equal(back.signature, run.signature, SIGNATURE_SIZE);

        struct slice wire = encode(fixture, &run, RUN_WIRE);
        assert_int_equal(wire.size + 24, run_stored_size(&run));
        assert_int_equal(run_decode(wire, RUN_WIRE, &back), OK);
        assert_memory_equal(&back.prev, &run.prev, 8);
        assert_memory_equal(back.prev.bytes + 8, no_hash.bytes, 24);
        assert_int_equal(back.realm, 330127104);
        assert_int_equal(back.epoch, 1);
    }
}

static void headers_lie_as_documented(void **state)
{
    struct fixture *fixture = *state;
    struct run run = run_of(fixture, 2, 2);
    struct chain chain;
    struct entry entry;
    struct hash expected;
    chain_begin(&chain, &salt, log_id, &run, &fixture->hashes[1]);
    assert_true(chain_next(&chain, &entry));
    assert_memory_equal(entry.header, log_id.node.bytes, 32);
    assert_int_equal(get_le64(entry.header + 32), log_id.incarnation);
    assert_int_equal(entry.header[40], LANE_RECORD);
    assert_int_equal(get_le64(entry.header + 41), 2);
    assert_memory_equal(entry.header + 49, fixture->hashes[1].bytes, 32);
    assert_int_equal(get_le64(entry.header + 81), 330127104);
    assert_memory_equal(entry.header + 89, ((uint8_t[]){1, 0, PAYLOAD_SIZE, 0, 0, 0}), 6);
    hash_bytes(&expected, HASH_PAYLOAD, &salt, entry.payload);
    assert_memory_equal(entry.header + 95, expected.bytes, 32);
    hash_bytes(&expected, HASH_ENTRY, &salt, slice_of(entry.header, HEADER_SIZE));
    assert_memory_equal(&entry.hash, &expected, sizeof expected);
}

static void what_sealing_binds_to_is_the_headers_beginning(void **state)
{
    struct fixture *fixture = *state;
    uint8_t associated[HEADER_ASSOCIATED_SIZE];
    uint8_t header[HEADER_SIZE];
    struct hash hash;
    entry_associated(&log_id, 3, &fixture->hashes[2], 330127104, 7, associated);
    entry_header(&salt, &log_id, 3, &fixture->hashes[2], 330127104, 7, slice_text("x"),
                 header, &hash);
    assert_memory_equal(associated, header, sizeof associated);
}

static void the_reader_finds_the_hashes_of_the_writer(void **state)
{
    struct fixture *fixture = *state;
    for (unsigned first = 1; first <= ENTRIES; first++) {
        for (unsigned last = first; last <= ENTRIES; last++) {
            struct run run = run_of(fixture, first, last);
            struct hash end = chain_end(&log_id, &run, &fixture->hashes[first - 1]);
            assert_memory_equal(&end, &fixture->hashes[last], sizeof end);
        }
    }
}

static void every_field_of_the_header_is_bound_by_the_hash(void **state)
{
    struct fixture *fixture = *state;
    struct run run = run_of(fixture, 2, 3);
    const struct hash *prev = &fixture->hashes[1];
    struct hash honest = chain_end(&log_id, &run, prev);
    struct log_id log = log_id;
    struct run other = run;
    struct hash end;

    log.node.bytes[31] ^= 1;
    end = chain_end(&log, &run, prev);
    assert_memory_not_equal(&end, &honest, sizeof end);
    log = log_id;
    log.incarnation++;
    end = chain_end(&log, &run, prev);
    assert_memory_not_equal(&end, &honest, sizeof end);
    log = log_id;
    log.lane = LANE_URGENT;
    end = chain_end(&log, &run, prev);
    assert_memory_not_equal(&end, &honest, sizeof end);

    other.first_seq++;
    end = chain_end(&log_id, &other, prev);
    assert_memory_not_equal(&end, &honest, sizeof end);
    end = chain_end(&log_id, &run, &fixture->hashes[2]);
    assert_memory_not_equal(&end, &honest, sizeof end);
    other = run;
    other.realm++;
    end = chain_end(&log_id, &other, prev);
    assert_memory_not_equal(&end, &honest, sizeof end);
    other = run;
    other.epoch++;
    end = chain_end(&log_id, &other, prev);
    assert_memory_not_equal(&end, &honest, sizeof end);
    fixture->entries.data[1] ^= 1;
    end = chain_end(&log_id, &run, prev);
    assert_memory_not_equal(&end, &honest, sizeof end);
}

static void another_county_hashes_otherwise(void **state)
{
    struct fixture *fixture = *state;
    struct county_salt other = salt;
    struct run run = run_of(fixture, 1, 1);
    struct chain chain;
    struct entry entry;
    struct hash ours;
    struct hash theirs;
    other.bytes[0] ^= 1;
    chain_begin(&chain, &other, log_id, &run, &no_hash);
    assert_true(chain_next(&chain, &entry));
    assert_memory_not_equal(&entry.hash, &fixture->hashes[1], sizeof entry.hash);
    run_signed_hash(&salt, &fixture->hashes[1], &ours);
    run_signed_hash(&other, &fixture->hashes[1], &theirs);
    assert_memory_not_equal(&ours, &theirs, sizeof ours);
}

static void an_erased_payload_leaves_the_chain_intact(void **state)
{
    struct fixture *fixture = *state;
    struct run run = run_of(fixture, 1, 3);
    struct buffer erased;
    struct hash payload_hash;
    buffer_init(&erased, 1 << 16);
    entry_append(&erased, slice_of(fixture->payloads[0], PAYLOAD_SIZE));
    hash_bytes(&payload_hash, HASH_PAYLOAD, &salt,
               slice_of(fixture->payloads[1], PAYLOAD_SIZE));
    buffer_put_varint(&erased, 0);
    buffer_put_varint(&erased, PAYLOAD_SIZE);
    buffer_put(&erased, payload_hash.bytes, HASH_SIZE);
    entry_append(&erased, slice_of(fixture->payloads[2], PAYLOAD_SIZE));
    run.entries = buffer_slice(&erased);

    struct run back;
    struct slice stored = encode(fixture, &run, RUN_STORED);
    assert_int_equal(run_decode(stored, RUN_STORED, &back), OK);
    struct hash end = chain_end(&log_id, &back, &no_hash);
    assert_memory_equal(&end, &fixture->hashes[3], sizeof end);
    struct chain chain;
    struct entry entry;
    chain_begin(&chain, &salt, log_id, &back, &no_hash);
    assert_true(chain_next(&chain, &entry) && !entry.erased);
    assert_true(chain_next(&chain, &entry) && entry.erased);
    assert_int_equal(entry.payload.size, 0);
    buffer_deinit(&erased);
}

static void assert_refused(struct slice in)
{
    struct run run;
    assert_int_equal(run_decode(in, RUN_STORED, &run), ERR_MALFORMED);
}

static void a_run_cut_short_or_with_more_behind_it_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct run run = run_of(fixture, 1, 2);
    struct slice stored = encode(fixture, &run, RUN_STORED);
    for (size_t size = 0; size < stored.size; size++) {
        uint8_t *copy = checked_malloc(size); /* so that a sanitizer sees its end */
        memcpy(copy, stored.data, size);
        assert_refused(slice_of(copy, size));
        free(copy);
    }
    buffer_put_u8(&fixture->encoded, 0);
    assert_refused(buffer_slice(&fixture->encoded));
}

/* Fields of a run as they are written, each by itself, so that each can be wrong. */
struct spelled {
    uint64_t node, first_seq, realm, epoch, count;
    uint16_t tag;
    uint8_t lane;
    uint64_t incarnation;
    uint8_t prev;
};

static enum status decode_spelled(struct fixture *fixture, const struct spelled *spelled)
{
    struct buffer *out = &fixture->encoded;
    uint8_t prev[HASH_SIZE] = {0};
    prev[HASH_SIZE - 1] = spelled->prev;
    buffer_clear(out);
    buffer_put_varint(out, spelled->node);
    buffer_put_u16(out, spelled->tag);
    buffer_put_u8(out, spelled->lane);
    buffer_put_varint(out, spelled->first_seq);
    if (spelled->first_seq == 1)
        buffer_put_u64(out, spelled->incarnation);
    buffer_put(out, prev, sizeof prev);
    buffer_put_varint(out, spelled->realm);
    buffer_put_varint(out, spelled->epoch);
    buffer_put_varint(out, spelled->count);
    for (uint64_t i = 0; i < spelled->count && i < 3; i++)
        entry_append(out, slice_text("payload"));
    buffer_put(out, (uint8_t[SIGNATURE_SIZE]){0}, SIGNATURE_SIZE);
    struct run run;
    return run_decode(buffer_slice(out), RUN_STORED, &run);
}

static void every_field_has_its_bounds(void **state)
{
    struct fixture *fixture = *state;
    const struct spelled good = {.node = UINT32_MAX,
                                 .tag = 5,
                                 .lane = LANE_RECORD,
                                 .first_seq = SEQ_MAX - 2,
                                 .prev = 9,
                                 .realm = UINT64_C(999999999999),
                                 .epoch = UINT16_MAX,
                                 .count = 3};
    assert_int_equal(decode_spelled(fixture, &good), OK);
    struct spelled bad = good;
    bad.node++;
    assert_int_equal(decode_spelled(fixture, &bad), ERR_MALFORMED);
    bad = good;
    bad.lane = LANES;
    assert_int_equal(decode_spelled(fixture, &bad), ERR_MALFORMED);
    bad = good;
    bad.first_seq++; /* then the last seq lies beyond the greatest */
    assert_int_equal(decode_spelled(fixture, &bad), ERR_MALFORMED);
    bad = good;
    bad.first_seq = 0;
    assert_int_equal(decode_spelled(fixture, &bad), ERR_MALFORMED);
    bad = good;
    bad.realm++;
    assert_int_equal(decode_spelled(fixture, &bad), ERR_MALFORMED);
    bad = good;
    bad.epoch++;
    assert_int_equal(decode_spelled(fixture, &bad), ERR_MALFORMED);
    bad = good;
    bad.count = 0;
    assert_int_equal(decode_spelled(fixture, &bad), ERR_MALFORMED);
    bad.count = 4; /* but three entries */
    assert_int_equal(decode_spelled(fixture, &bad), ERR_MALFORMED);
    bad.count = UINT64_MAX;
    assert_int_equal(decode_spelled(fixture, &bad), ERR_MALFORMED);
}

static void the_first_run_states_its_incarnation_and_follows_nothing(void **state)
{
    struct fixture *fixture = *state;
    const struct spelled good = {.tag = 0x7788,
                                 .lane = LANE_RECORD,
                                 .first_seq = 1,
                                 .incarnation = log_id.incarnation,
                                 .count = 1};
    struct spelled bad = good;
    assert_int_equal(decode_spelled(fixture, &good), OK);
    bad.tag++;
    assert_int_equal(decode_spelled(fixture, &bad), ERR_MALFORMED);
    bad = good;
    bad.prev = 1;
    assert_int_equal(decode_spelled(fixture, &bad), ERR_MALFORMED);
}

static void a_longer_spelling_of_a_number_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct run run = run_of(fixture, 2, 2);
    run.log.node = 3;
    struct slice stored = encode(fixture, &run, RUN_STORED);
    struct buffer longer;
    buffer_init(&longer, 1 << 12);
    buffer_put(&longer, (uint8_t[]){0x83, 0x00}, 2); /* 3 in two bytes */
    buffer_put(&longer, stored.data + 1, stored.size - 1);
    assert_refused(buffer_slice(&longer));
    buffer_deinit(&longer);
}

static enum status decode_entries(struct fixture *fixture, struct slice entries,
                                  uint32_t count, enum run_form form)
{
    struct run run = run_of(fixture, 2, 2);
    struct run back;
    run.entries = entries;
    run.count = count;
    return run_decode(encode(fixture, &run, form), form, &back);
}

static void payloads_and_runs_have_their_greatest_size(void **state)
{
    struct fixture *fixture = *state;
    static const uint8_t zeros[PAYLOAD_SIZE_MAX + 1];
    struct buffer entries;
    buffer_init(&entries, 1 << 20);
    entry_append(&entries, slice_of(zeros, PAYLOAD_SIZE_MAX));
    assert_int_equal(decode_entries(fixture, buffer_slice(&entries), 1, RUN_STORED), OK);
    buffer_clear(&entries);
    buffer_put_varint(&entries, PAYLOAD_SIZE_MAX + 1);
    buffer_put(&entries, zeros, PAYLOAD_SIZE_MAX + 1);
    assert_int_equal(decode_entries(fixture, buffer_slice(&entries), 1, RUN_STORED),
                     ERR_MALFORMED);
    buffer_clear(&entries);
    for (int i = 0; i < 3; i++)
        entry_append(&entries, slice_of(zeros, PAYLOAD_SIZE_MAX / 3 + 50));
    assert_int_equal(decode_entries(fixture, buffer_slice(&entries), 3, RUN_STORED),
                     ERR_MALFORMED);
    buffer_deinit(&entries);
}

static void whatever_is_accepted_from_the_wire_can_be_read_from_the_store(void **state)
{
    struct fixture *fixture = *state;
    static const uint8_t zeros[PAYLOAD_SIZE_MAX];
    struct buffer entries;
    buffer_init(&entries, 1 << 20);
    unsigned accepted = 0;
    for (size_t size = PAYLOAD_SIZE_MAX - 100; size <= PAYLOAD_SIZE_MAX; size++) {
        buffer_clear(&entries);
        entry_append(&entries, slice_of(zeros, size));
        entry_append(&entries, slice_of(zeros, 70));
        struct slice both = buffer_slice(&entries);
        enum status wire = decode_entries(fixture, both, 2, RUN_WIRE);
        assert_int_equal(wire, decode_entries(fixture, both, 2, RUN_STORED));
        accepted += wire == OK;
    }
    assert_in_range(accepted, 1, 100);
    buffer_deinit(&entries);
}

static void an_erased_entry_states_a_length_and_a_hash(void **state)
{
    struct fixture *fixture = *state;
    struct buffer entries;
    buffer_init(&entries, 1 << 12);
    for (uint64_t length = 0; length < 2; length++) {
        buffer_clear(&entries);
        buffer_put_varint(&entries, 0);
        buffer_put_varint(&entries, length);
        buffer_put(&entries, no_hash.bytes, HASH_SIZE);
        assert_int_equal(decode_entries(fixture, buffer_slice(&entries), 1, RUN_STORED),
                         length == 0 ? ERR_MALFORMED : OK);
    }
    buffer_deinit(&entries);
}

/* Any altered byte is refused, or the run says something else: never the same thing. */
static void no_altered_byte_leaves_the_run_as_it_was(void **state)
{
    struct fixture *fixture = *state;
    struct run run = run_of(fixture, 1, 3);
    struct slice stored = encode(fixture, &run, RUN_STORED);
    uint8_t altered[512];
    assert_true(stored.size <= sizeof altered);
    for (size_t i = 0; i < 8 * stored.size; i++) {
        struct run back;
        memcpy(altered, stored.data, stored.size);
        altered[i / 8] ^= (uint8_t)(1u << i % 8);
        if (run_decode(slice_of(altered, stored.size), RUN_STORED, &back) != OK)
            continue;
        struct log_id log = log_id;
        log.lane = back.log.lane;
        log.incarnation = back.incarnation;
        struct hash end = chain_end(&log, &back, &back.prev);
        bool same_name = back.log.node == log_name.node;
        bool same_signature = memcmp(back.signature, run.signature, SIGNATURE_SIZE) == 0;
        assert_false(hash_equal(&end, &fixture->hashes[3]) && same_name &&
                     same_signature);
    }
}

/* What is accepted has one spelling: writing it again gives the same bytes. */
static void random_bytes_are_refused_or_have_one_spelling(void **state)
{
    struct fixture *fixture = *state;
    const char *given = getenv("LINLI_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : 20260531;
    print_message("seed %llu\n", (unsigned long long)seed);
    struct buffer again;
    buffer_init(&again, 1 << 20);
    unsigned accepted = 0;
    for (int i = 0; i < MUTATIONS; i++) {
        enum run_form form = i % 2 == 0 ? RUN_WIRE : RUN_STORED;
        unsigned first = 1 + (unsigned)(random_next(&seed) % ENTRIES);
        struct run run = run_of(fixture, first, ENTRIES);
        struct slice honest = encode(fixture, &run, form);
        size_t size = honest.size;
        if (random_next(&seed) % 4 == 0)
            size = random_next(&seed) % (size + 1);
        uint8_t *bytes = checked_malloc(size);
        memcpy(bytes, honest.data, size);
        for (uint64_t n = random_next(&seed) % 4; n > 0 && size > 0; n--) {
            /* Mostly in the short beginning, where the form is decided. */
            size_t reach = random_next(&seed) % 2 == 0 && size > 60 ? 60 : size;
            bytes[random_next(&seed) % reach] = (uint8_t)random_next(&seed);
        }
        struct run back;
        if (run_decode(slice_of(bytes, size), form, &back) == OK) {
            accepted++;
            buffer_clear(&again);
            run_encode(&back, form, &again);
            assert_true(slice_equal(buffer_slice(&again), slice_of(bytes, size)));
            (void)chain_end(&log_id, &back, &no_hash);
        }
        free(bytes);
    }
    assert_in_range(accepted, 1, MUTATIONS - 1);
    buffer_deinit(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_run_reads_back_as_it_was_written_in_both_forms,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(headers_lie_as_documented, setup, teardown),
        cmocka_unit_test_setup_teardown(what_sealing_binds_to_is_the_headers_beginning,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(the_reader_finds_the_hashes_of_the_writer, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(every_field_of_the_header_is_bound_by_the_hash,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(another_county_hashes_otherwise, setup, teardown),
        cmocka_unit_test_setup_teardown(an_erased_payload_leaves_the_chain_intact, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_run_cut_short_or_with_more_behind_it_is_refused,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(every_field_has_its_bounds, setup, teardown),
        cmocka_unit_test_setup_teardown(
            the_first_run_states_its_incarnation_and_follows_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_longer_spelling_of_a_number_is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(payloads_and_runs_have_their_greatest_size, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            whatever_is_accepted_from_the_wire_can_be_read_from_the_store, setup,
            teardown),
        cmocka_unit_test_setup_teardown(an_erased_entry_states_a_length_and_a_hash, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(no_altered_byte_leaves_the_run_as_it_was, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(random_bytes_are_refused_or_have_one_spelling,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
