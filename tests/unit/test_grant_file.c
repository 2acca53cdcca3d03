#include "tests/unit/grant_fixture.h"

enum { MUTATIONS = 3000 };

static uint64_t random_next(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static void a_new_grant_is_the_genesis_alone(void **state)
{
    struct fixture *fixture = *state;
    struct grant grant = grant_of(fixture);
    struct hash hash;
    struct head head;
    genesis_hash(buffer_slice(&fixture->genesis), &hash);
    assert_true(hash_equal(&grant.genesis_hash, &hash));
    assert_string_equal(grant.genesis.name, "淳安县");
    assert_int_equal(grant.runs.size, 0);
    struct roster *roster = roster_create(&grant.genesis, &hash, NULL);
    assert_int_equal(grant_fold(&grant, roster, &head), OK);
    assert_int_equal(head.seq, 0);
    assert_int_equal(head.incarnation, authority_incarnation(&hash));
    assert_int_equal(roster_count(roster), 1);
    roster_destroy(roster);
}

static void a_grant_cut_anywhere_but_between_runs_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct grant grant;
    size_t ends[8];
    size_t count = 0;
    ends[count++] = fixture->file.size;
    for (uint32_t node = 1; node <= 3; node++) {
        must_admit(fixture, node, VILLAGE);
        ends[count++] = fixture->file.size;
    }
    size_t next = 0;
    for (size_t size = 0; size <= fixture->file.size; size++) {
        bool whole = next < count && size == ends[next];
        next += whole;
        assert_int_equal(grant_decode(slice_of(fixture->file.data, size), &grant),
                         whole ? OK : ERR_MALFORMED);
    }
    assert_int_equal(next, count);
}

/* Reads a file as a stranger would, and tells whether the roster came out whole. */
static enum status read_file(struct slice file, size_t *members)
{
    struct grant grant;
    struct head head;
    enum status status = grant_decode(file, &grant);
    if (status != OK)
        return status;
    struct roster *roster = roster_create(&grant.genesis, &grant.genesis_hash, NULL);
    status = grant_fold(&grant, roster, &head);
    *members = roster_count(roster);
    assert_true(status == OK || *members == 1);
    roster_destroy(roster);
    return status;
}

static void every_altered_byte_of_a_grant_is_refused(void **state)
{
    struct fixture *fixture = *state;
    size_t members;
    must_admit(fixture, 1, VILLAGE);
    size_t genesis_end = 8 + 1 + 1 + fixture->genesis.size; /* at most */
    for (size_t i = 0; i < fixture->file.size; i++) {
        fixture->file.data[i] ^= 1;
        enum status status = read_file(buffer_slice(&fixture->file), &members);
        /* Another genesis is another county, whose authority signed none of this. */
        assert_int_not_equal(status, OK);
        assert_true(i < genesis_end || status == ERR_MALFORMED || status == ERR_GAP ||
                    status == ERR_BAD_SIGNATURE);
        fixture->file.data[i] ^= 1;
    }
    assert_int_equal(read_file(buffer_slice(&fixture->file), &members), OK);
    assert_int_equal(members, 2);
}

static void random_bytes_never_fold_to_another_roster(void **state)
{
    struct fixture *fixture = *state;
    const char *given = getenv("LINLI_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : 20260531;
    print_message("seed %llu\n", (unsigned long long)seed);
    for (uint32_t node = 1; node <= 3; node++)
        must_admit(fixture, node, VILLAGE);
    for (int i = 0; i < MUTATIONS; i++) {
        size_t size = fixture->file.size;
        if (random_next(&seed) % 4 == 0)
            size = random_next(&seed) % size;
        uint8_t *copy = checked_malloc(size);
        memcpy(copy, fixture->file.data, size);
        for (uint64_t n = 1 + random_next(&seed) % 3; n > 0 && size > 0; n--) {
            /* Mostly where lengths are: in the beginning of the file or of a run. */
            size_t reach = random_next(&seed) % 2 == 0 && size > 400 ? 400 : size;
            copy[random_next(&seed) % reach] = (uint8_t)random_next(&seed);
        }
        size_t members = 0;
        if (read_file(slice_of(copy, size), &members) == OK)
            assert_true(size <= fixture->file.size &&
                        memcmp(copy, fixture->file.data, size) == 0);
        free(copy);
    }
}

static void a_run_left_out_or_taken_twice_is_a_gap(void **state)
{
    struct fixture *fixture = *state;
    size_t members;
    must_admit(fixture, 1, VILLAGE);
    must_admit(fixture, 2, VILLAGE);
    struct grant grant = grant_of(fixture);
    struct slice rest = grant.runs;
    struct slice first;
    struct slice second;
    struct run run;
    assert_true(grant_next_run(&rest, &first));
    assert_true(grant_next_run(&rest, &second));
    buffer_clear(&fixture->next);
    grant_begin(&fixture->next, grant.genesis_encoded);
    assert_int_equal(run_decode(second, RUN_STORED, &run), OK);
    grant_add_run(&fixture->next, &run);
    assert_int_equal(read_file(buffer_slice(&fixture->next), &members), ERR_GAP);
    buffer_clear(&fixture->next);
    grant_begin(&fixture->next, grant.genesis_encoded);
    assert_int_equal(run_decode(first, RUN_STORED, &run), OK);
    grant_add_run(&fixture->next, &run);
    assert_int_equal(read_file(buffer_slice(&fixture->next), &members), OK);
    grant_add_run(&fixture->next, &run);
    assert_int_equal(read_file(buffer_slice(&fixture->next), &members), ERR_GAP);
}

/* "It covers the run through the chain": a run cut elsewhere needs a signature over its
 * own last entry, and with one it is as good as the whole. */
static void a_run_cut_elsewhere_verifies_with_a_signature_of_its_own(void **state)
{
    struct fixture *fixture = *state;
    size_t members;
    must_admit(fixture, 1, VILLAGE); /* one run: an admit and two keys */
    struct grant grant = grant_of(fixture);
    struct slice rest = grant.runs;
    struct slice stored;
    struct run whole;
    assert_true(grant_next_run(&rest, &stored));
    assert_int_equal(run_decode(stored, RUN_STORED, &whole), OK);
    assert_int_equal(whole.count, 3);

    struct county_salt salt;
    struct chain chain;
    struct entry entry;
    struct hash signed_hash;
    struct node_keys authority;
    county_salt_of(&grant.genesis_hash, &salt);
    chain_begin(&chain, &salt,
                (struct log_id){grant.genesis.authority, whole.incarnation, LANE_CONTROL},
                &whole, &whole.prev);
    assert_true(chain_next(&chain, &entry));
    struct run part = whole;
    part.count = 1;
    part.entries.size -= chain.rest.size;
    buffer_clear(&fixture->next);
    grant_begin(&fixture->next, grant.genesis_encoded);
    grant_add_run(&fixture->next, &part);
    assert_int_equal(read_file(buffer_slice(&fixture->next), &members),
                     ERR_BAD_SIGNATURE);
    crypto_node_keys(authority_seed, &authority);
    run_signed_hash(&salt, &entry.hash, &signed_hash);
    crypto_sign_hash(&authority, &signed_hash, part.signature);
    struct run tail = whole;
    tail.first_seq = 2;
    tail.prev = entry.hash;
    tail.count = 2;
    tail.entries = chain.rest;
    buffer_clear(&fixture->next);
    grant_begin(&fixture->next, grant.genesis_encoded);
    grant_add_run(&fixture->next, &part);
    grant_add_run(&fixture->next, &tail); /* with the signature the whole had */
    assert_int_equal(read_file(buffer_slice(&fixture->next), &members), OK);
    assert_int_equal(members, 2);
}

static void runs_of_another_county_are_refused(void **state)
{
    struct fixture *fixture = *state;
    struct genesis genesis;
    struct buffer encoded;
    size_t members;
    must_admit(fixture, 1, VILLAGE);
    struct grant grant = grant_of(fixture);
    genesis = grant.genesis;
    genesis.nonce[0] ^= 1; /* a training mesh of the same authority */
    buffer_init(&encoded, GENESIS_SIZE_MAX);
    genesis_encode(&genesis, &encoded);
    buffer_clear(&fixture->next);
    grant_begin(&fixture->next, buffer_slice(&encoded));
    buffer_put(&fixture->next, grant.runs.data, grant.runs.size);
    assert_int_equal(read_file(buffer_slice(&fixture->next), &members), ERR_MALFORMED);
    buffer_deinit(&encoded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_grant_is_the_genesis_alone),
        TEST(a_grant_cut_anywhere_but_between_runs_is_refused),
        TEST(every_altered_byte_of_a_grant_is_refused),
        TEST(random_bytes_never_fold_to_another_roster),
        TEST(a_run_left_out_or_taken_twice_is_a_gap),
        TEST(a_run_cut_elsewhere_verifies_with_a_signature_of_its_own),
        TEST(runs_of_another_county_are_refused),
    };
    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
