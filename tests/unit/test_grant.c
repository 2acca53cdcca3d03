#include "tests/unit/grant_fixture.h"

enum { NODES_MAX = 160 };

/* The roster as one node reads it from the grant; to be destroyed. */
static struct roster *roster_of(const struct fixture *fixture, uint32_t node,
                                struct node_keys *keys)
{
    struct grant grant = grant_of(fixture);
    struct head head;
    keys_of(node, keys);
    struct roster *roster = roster_create(&grant.genesis, &grant.genesis_hash, keys);
    assert_int_equal(grant_fold(&grant, roster, &head), OK);
    return roster;
}

/* The realms `node` has keys for, in order, are exactly these (ended by 0). */
static void assert_holds(const struct fixture *fixture, uint32_t node,
                         const uint64_t *realms)
{
    struct node_keys keys;
    struct roster *roster = roster_of(fixture, node, &keys);
    size_t i = 0;
    for (; realms[i] != 0; i++) {
        const struct realm_key *key = roster_key_at(roster, i);
        uint8_t secret[KEY_SIZE];
        assert_non_null(key);
        assert_int_equal(key->realm, realms[i]);
        assert_int_equal(key->epoch, 1);
        crypto_realm_key_derive(authority_seed, roster_salt(roster), realms[i], 1,
                                secret);
        assert_memory_equal(key->secret, secret, KEY_SIZE);
    }
    assert_null(roster_key_at(roster, i));
    roster_destroy(roster);
}

static const uint64_t *const hub_realms =
    (const uint64_t[]){COUNTY, TOWNSHIP, OTHER_TOWNSHIP, 0};
static const uint64_t *const first_realms = (const uint64_t[]){COUNTY, TOWNSHIP, 0};
static const uint64_t *const second_realms =
    (const uint64_t[]){COUNTY, OTHER_TOWNSHIP, 0};

static void whoever_is_admitted_reads_it_from_the_grant(void **state)
{
    struct fixture *fixture = *state;
    struct node_keys keys;
    must_admit(fixture, 5, VILLAGE);
    must_admit(fixture, 6, TOWNSHIP);
    struct roster *roster = roster_of(fixture, 6, &keys);
    assert_int_equal(roster_count(roster), 3);
    const struct member *self = roster_by_id(roster, &keys.id);
    assert_non_null(self);
    assert_int_equal(self->number, 2);
    assert_int_equal(self->role, ROLE_TOWNSHIP);
    assert_string_equal(self->name, "node-6");
    assert_ptr_equal(roster_by_curve(roster, keys.curve_public), self);
    roster_destroy(roster);
}

static void each_holds_the_countys_and_its_own_townships_keys(void **state)
{
    struct fixture *fixture = *state;
    must_admit(fixture, 1, TOWNSHIP);
    must_admit(fixture, 2, OTHER_TOWNSHIP);
    must_admit(fixture, 3, VILLAGE);
    must_admit(fixture, 4, OTHER_VILLAGE);
    assert_holds(fixture, 1, first_realms);
    assert_holds(fixture, 2, second_realms);
    assert_holds(fixture, 3, first_realms);
    assert_holds(fixture, 4, second_realms);
    assert_holds(fixture, 5, (const uint64_t[]){0}); /* not admitted */
}

static void a_hub_holds_all_keys_whether_it_comes_first_last_or_between(void **state)
{
    struct fixture *fixture = *state;
    must_admit(fixture, 1, COUNTY);
    must_admit(fixture, 2, TOWNSHIP);
    must_admit(fixture, 3, COUNTY);
    must_admit(fixture, 4, OTHER_VILLAGE);
    must_admit(fixture, 5, COUNTY);
    assert_holds(fixture, 1, hub_realms);
    assert_holds(fixture, 3, hub_realms);
    assert_holds(fixture, 5, hub_realms);
    assert_holds(fixture, 2, first_realms);
    assert_holds(fixture, 4, second_realms);
}

static void admitting_all_at_once_gives_the_same_keys(void **state)
{
    struct fixture *fixture = *state;
    struct request requests[] = {request_of(4, OTHER_VILLAGE), request_of(1, COUNTY),
                                 request_of(2, TOWNSHIP)};
    assert_int_equal(admit(fixture, requests, ARRAY_SIZE(requests)), OK);
    assert_holds(fixture, 1, hub_realms);
    assert_holds(fixture, 2, first_realms);
    assert_holds(fixture, 4, second_realms);
}

static void admitting_again_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct request requests[] = {request_of(1, COUNTY), request_of(2, VILLAGE),
                                 request_of(1, COUNTY)};
    assert_int_equal(admit(fixture, requests, 3), OK);
    size_t size = fixture->file.size;
    uint8_t *before = checked_malloc(size);
    memcpy(before, fixture->file.data, size);
    assert_int_equal(admit(fixture, requests, 3), OK);
    assert_int_equal(admit(fixture, requests, 0), OK);
    assert_int_equal(fixture->file.size, size);
    assert_memory_equal(fixture->file.data, before, size);
    free(before);
    struct node_keys keys;
    struct roster *roster = roster_of(fixture, 1, &keys);
    assert_int_equal(roster_count(roster), 3);
    roster_destroy(roster);
}

static void a_new_grant_begins_with_the_old_one(void **state)
{
    struct fixture *fixture = *state;
    must_admit(fixture, 1, VILLAGE);
    size_t size = fixture->file.size;
    uint8_t *before = checked_malloc(size);
    memcpy(before, fixture->file.data, size);
    must_admit(fixture, 2, VILLAGE);
    assert_true(fixture->file.size > size);
    assert_memory_equal(fixture->file.data, before, size);
    free(before);
}

static void what_is_taken_or_elsewhere_is_not_admitted(void **state)
{
    struct fixture *fixture = *state;
    must_admit(fixture, 1, VILLAGE);
    struct request request = request_of(1, OTHER_VILLAGE); /* moved, same keys */
    assert_int_equal(admit(fixture, &request, 1), ERR_EXISTS);
    request = request_of(2, VILLAGE);
    snprintf(request.name, sizeof request.name, "node-1");
    assert_int_equal(admit(fixture, &request, 1), ERR_EXISTS);
    struct request first = request_of(1, VILLAGE);
    request = request_of(2, VILLAGE);
    memcpy(request.curve_public, first.curve_public, KEY_SIZE);
    assert_int_equal(admit(fixture, &request, 1), ERR_EXISTS);
    request = request_of(2, UINT64_C(330128104201));
    assert_int_equal(admit(fixture, &request, 1), ERR_DIVISION);
    request = request_of(2, VILLAGE);
    memset(request.box_public, 0, KEY_SIZE);
    assert_int_equal(admit(fixture, &request, 1), ERR_MALFORMED);
    request = request_of(2, VILLAGE);
    request.name[0] = 0;
    assert_int_equal(admit(fixture, &request, 1), ERR_MALFORMED);
}

static void one_bad_request_keeps_all_of_them_out(void **state)
{
    struct fixture *fixture = *state;
    struct request requests[] = {request_of(1, VILLAGE), request_of(2, VILLAGE)};
    snprintf(requests[1].name, sizeof requests[1].name, "node-1");
    assert_int_equal(admit(fixture, requests, 2), ERR_EXISTS);
    struct node_keys keys;
    struct roster *roster = roster_of(fixture, 1, &keys);
    assert_int_equal(roster_count(roster), 1);
    roster_destroy(roster);
}

static void only_the_authority_admits(void **state)
{
    struct fixture *fixture = *state;
    struct grant grant = grant_of(fixture);
    struct request request = request_of(1, VILLAGE);
    assert_int_equal(grant_admit(&grant, random_bytes, &request, 1, STAMP_MS,
                                 random_bytes, &fixture->next),
                     ERR_PERMISSION);
    assert_int_equal(fixture->next.size, 0);
}

static void a_damaged_grant_is_not_added_to(void **state)
{
    struct fixture *fixture = *state;
    must_admit(fixture, 1, VILLAGE);
    fixture->file.data[fixture->file.size - 1] ^= 1; /* of the last signature */
    struct request request = request_of(2, VILLAGE);
    assert_int_equal(admit(fixture, &request, 1), ERR_BAD_SIGNATURE);
}

static void many_are_admitted_in_runs_that_fit_a_page(void **state)
{
    struct fixture *fixture = *state;
    static struct request requests[NODES_MAX];
    for (uint32_t i = 0; i < NODES_MAX; i++)
        requests[i] = request_of(i + 1, i == 77 ? COUNTY : UINT64_C(330127100) + i % 20);
    assert_int_equal(admit(fixture, requests, NODES_MAX), OK);
    struct grant grant = grant_of(fixture);
    struct slice rest = grant.runs;
    struct slice stored;
    size_t runs = 0;
    while (grant_next_run(&rest, &stored)) {
        assert_true(stored.size <= RUN_SIZE_MAX);
        runs++;
    }
    /* And they are filled: an admit is some 130 bytes, a box some 90. */
    assert_true(runs <= grant.runs.size / 2000);
    struct node_keys keys;
    struct roster *roster = roster_of(fixture, 78, &keys);
    assert_int_equal(roster_count(roster), NODES_MAX + 1);
    assert_non_null(roster_key_at(roster, 20)); /* the county's and 20 townships' */
    assert_null(roster_key_at(roster, 21));
    roster_destroy(roster);
    assert_holds(fixture, NODES_MAX, (const uint64_t[]){COUNTY, 330127119, 0});
}

/* Statements that a later version of the authority's tool writes: another epoch's key, a
 * revocation. */
static void add_statement(struct fixture *fixture, struct slice payload)
{
    struct grant grant = grant_of(fixture);
    struct node_keys authority;
    struct head head;
    struct hash signed_hash;
    struct hash hash;
    uint8_t header[HEADER_SIZE];
    struct buffer entries;
    crypto_node_keys(authority_seed, &authority);
    struct roster *roster = roster_create(&grant.genesis, &grant.genesis_hash, NULL);
    assert_int_equal(grant_fold(&grant, roster, &head), OK);
    struct log_id log = {authority.id, head.incarnation, LANE_CONTROL};
    entry_header(roster_salt(roster), &log, head.seq + 1, &head.hash, 0, 0, payload,
                 header, &hash);
    buffer_init(&entries, RUN_SIZE_LIMIT);
    entry_append(&entries, payload);
    struct run run = {.log = head.log,
                      .first_seq = head.seq + 1,
                      .prev = head.hash,
                      .count = 1,
                      .entries = buffer_slice(&entries)};
    run_signed_hash(roster_salt(roster), &hash, &signed_hash);
    crypto_sign_hash(&authority, &signed_hash, run.signature);
    grant_add_run(&fixture->file, &run);
    buffer_deinit(&entries);
    roster_destroy(roster);
}

static void whoever_comes_later_gets_the_keys_of_all_epochs(void **state)
{
    struct fixture *fixture = *state;
    must_admit(fixture, 1, VILLAGE);
    struct grant grant = grant_of(fixture);
    struct county_salt salt;
    uint8_t secret[KEY_SIZE];
    struct realm_key key;
    struct hash commitment;
    struct buffer statement;
    county_salt_of(&grant.genesis_hash, &salt);
    crypto_realm_key_derive(authority_seed, &salt, TOWNSHIP, 2, secret);
    crypto_realm_key(TOWNSHIP, 2, secret, &key);
    crypto_commitment(&salt, &key, &commitment);
    buffer_init(&statement, PAYLOAD_SIZE_MAX);
    statement_realm_key(&statement, STAMP_MS, TOWNSHIP, 2, &commitment, NULL, 0);
    add_statement(fixture, buffer_slice(&statement));
    buffer_deinit(&statement);
    must_admit(fixture, 2, VILLAGE);
    struct node_keys keys;
    struct roster *roster = roster_of(fixture, 2, &keys);
    assert_non_null(roster_key(roster, COUNTY, 1));
    assert_non_null(roster_key(roster, TOWNSHIP, 1));
    assert_non_null(roster_key(roster, TOWNSHIP, 2));
    roster_destroy(roster);
}

static void a_revoked_hub_gets_no_key_and_does_not_come_back(void **state)
{
    struct fixture *fixture = *state;
    struct buffer statement;
    must_admit(fixture, 1, COUNTY);
    buffer_init(&statement, PAYLOAD_SIZE_MAX);
    statement_revoke(&statement, STAMP_MS, 1, NULL, 0);
    add_statement(fixture, buffer_slice(&statement));
    buffer_deinit(&statement);
    must_admit(fixture, 2, VILLAGE);
    assert_holds(fixture, 1, (const uint64_t[]){COUNTY, 0}); /* what it had before */
    assert_holds(fixture, 2, first_realms);
    struct request request = request_of(1, COUNTY);
    assert_int_equal(admit(fixture, &request, 1), ERR_EXISTS);
}

static void a_revocation_renews_the_keys_that_the_node_knew(void **state)
{
    struct fixture *fixture = *state;
    struct node_keys keys;
    struct cut scratch;
    must_admit(fixture, 1, TOWNSHIP);
    must_admit(fixture, 2, VILLAGE);
    must_admit(fixture, 3, OTHER_VILLAGE);
    struct grant grant = grant_of(fixture);
    struct cut cut = {{1, 7, LANE_RECORD}, 5, {{1}}};
    assert_int_equal(grant_revoke(&grant, authority_seed, 0, NULL, 0, STAMP_MS,
                                  random_bytes, &fixture->next),
                     ERR_NOT_FOUND);
    assert_int_equal(grant_revoke(&grant, authority_seed, 1, &cut, 1, STAMP_MS,
                                  random_bytes, &fixture->next),
                     OK);
    buffer_clear(&fixture->file);
    buffer_put(&fixture->file, fixture->next.data, fixture->next.size);

    struct roster *roster = roster_of(fixture, 1, &keys);
    assert_int_equal(roster_newest_key(roster, COUNTY)->epoch, 1);
    assert_int_equal(roster_newest_key(roster, TOWNSHIP)->epoch, 1);
    assert_int_equal(roster_cut(roster, cut.log, &scratch)->seq, 5);
    roster_destroy(roster);
    roster = roster_of(fixture, 2, &keys);
    assert_int_equal(roster_newest_key(roster, COUNTY)->epoch, 2);
    assert_int_equal(roster_newest_key(roster, TOWNSHIP)->epoch, 2);
    assert_non_null(roster_key(roster, TOWNSHIP, 1)); /* old records are read with it */
    roster_destroy(roster);
    roster = roster_of(fixture, 3, &keys); /* knew nothing that the other did but one */
    assert_int_equal(roster_newest_key(roster, COUNTY)->epoch, 2);
    assert_int_equal(roster_newest_key(roster, OTHER_TOWNSHIP)->epoch, 1);
    roster_destroy(roster);
    grant = grant_of(fixture);
    assert_int_equal(grant_revoke(&grant, authority_seed, 1, NULL, 0, STAMP_MS,
                                  random_bytes, &fixture->next),
                     ERR_EXISTS);
}

static void statements_of_a_newer_version_stay_in_the_chain(void **state)
{
    struct fixture *fixture = *state;
    struct node_keys keys;
    must_admit(fixture, 1, VILLAGE);
    add_statement(fixture, slice_text("\x07 from the future"));
    must_admit(fixture, 2, VILLAGE);
    struct roster *roster = roster_of(fixture, 2, &keys);
    assert_int_equal(roster_count(roster), 3);
    roster_destroy(roster);
}

static void keys_of_another_seed_are_not_mixed_in(void **state)
{
    struct fixture *fixture = *state;
    struct buffer statement;
    must_admit(fixture, 1, VILLAGE);
    buffer_init(&statement, PAYLOAD_SIZE_MAX);
    statement_realm_key(&statement, STAMP_MS, OTHER_TOWNSHIP, 1, &(struct hash){{1}},
                        NULL, 0);
    add_statement(fixture, buffer_slice(&statement));
    buffer_deinit(&statement);
    struct request request = request_of(2, OTHER_VILLAGE);
    assert_int_equal(admit(fixture, &request, 1), ERR_NO_KEY);
    must_admit(fixture, 3, VILLAGE); /* whom it does not concern */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(whoever_is_admitted_reads_it_from_the_grant),
        TEST(each_holds_the_countys_and_its_own_townships_keys),
        TEST(a_hub_holds_all_keys_whether_it_comes_first_last_or_between),
        TEST(admitting_all_at_once_gives_the_same_keys),
        TEST(admitting_again_changes_nothing),
        TEST(a_new_grant_begins_with_the_old_one),
        TEST(what_is_taken_or_elsewhere_is_not_admitted),
        TEST(one_bad_request_keeps_all_of_them_out),
        TEST(only_the_authority_admits),
        TEST(a_damaged_grant_is_not_added_to),
        TEST(many_are_admitted_in_runs_that_fit_a_page),
        TEST(whoever_comes_later_gets_the_keys_of_all_epochs),
        TEST(a_revocation_renews_the_keys_that_the_node_knew),
        TEST(a_revoked_hub_gets_no_key_and_does_not_come_back),
        TEST(statements_of_a_newer_version_stay_in_the_chain),
        TEST(keys_of_another_seed_are_not_mixed_in),
    };
    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
