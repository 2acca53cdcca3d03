/* late_fixture.h - a county whose nodes learn something late: a key, the end of a log, a newer
 * schema level. */
#ifndef LINLI_TESTS_LATE_FIXTURE_H
#define LINLI_TESTS_LATE_FIXTURE_H

#include "tests/unit/county_fixture.h"

static inline struct engine *engine_at(const struct county *county, size_t index)
{
    return node_engine(county->nodes[index].node);
}

/* ---- what the authority adds ---- */

/* A grant with one more statement, taken in at the node. */
static inline void state(struct county *county, size_t index, struct slice statement)
{
    static const uint8_t authority_seed[SEED_SIZE] = {9, 9, 9};
    const struct roster *roster = engine_roster(engine_at(county, index));
    struct node_keys authority;
    struct grant grant;
    struct head head = {0};
    struct roster *folded;
    struct buffer entries, file;
    struct hash hash, signed_hash;
    uint8_t header[HEADER_SIZE];
    crypto_node_keys(authority_seed, &authority);
    assert_int_equal(grant_decode(buffer_slice(&county->grant), &grant), OK);
    folded = roster_create(&grant.genesis, &grant.genesis_hash, NULL);
    assert_int_equal(grant_fold(&grant, folded, &head), OK);
    roster_destroy(folded);
    struct log_id log = {authority.id, head.incarnation, head.log.lane};
    struct run run = {.log = head.log, .first_seq = head.seq + 1, .prev = head.hash};
    buffer_init(&entries, SIZE_MAX);
    entry_header(roster_salt(roster), &log, head.seq + 1, &head.hash, 0, 0, statement,
                 header, &hash);
    entry_append(&entries, statement);
    run.count = 1;
    run.entries = buffer_slice(&entries);
    run_signed_hash(roster_salt(roster), &hash, &signed_hash);
    crypto_sign_hash(&authority, &signed_hash, run.signature);
    buffer_init(&file, GRANT_SIZE_MAX);
    buffer_put(&file, county->grant.data, county->grant.size);
    grant_add_run(&file, &run);
    struct event event = county_event(county, EVENT_JOIN);
    event.bytes = buffer_slice(&file);
    county_step(county, index, event, 0);
    buffer_deinit(&file);
    buffer_deinit(&entries);
}

static inline void state_revoked(struct county *county, size_t at, size_t whom,
                                 const struct cut *cut)
{
    struct buffer statement;
    buffer_init(&statement, PAYLOAD_SIZE_MAX);
    statement_revoke(&statement, county->now_ms,
                     engine_self(engine_at(county, whom))->number, cut, 1);
    state(county, at, buffer_slice(&statement));
    buffer_deinit(&statement);
}

/* The far township's key, which this node was not given at its founding. */
static inline void state_key(struct county *county, size_t at, uint64_t realm)
{
    const struct realm_key *key =
        roster_newest_key(engine_roster(engine_at(county, HUB)), realm);
    const struct member *member = engine_self(engine_at(county, at));
    static const uint8_t random[RANDOM_SIZE] = {3};
    struct hash commitment;
    struct sealed_key box = {.number = member->number};
    struct buffer statement;
    assert_non_null(key);
    crypto_commitment(roster_salt(engine_roster(engine_at(county, at))), key,
                      &commitment);
    crypto_box_to(member->box_public, random, slice_of(key->secret, KEY_SIZE), box.box);
    buffer_init(&statement, PAYLOAD_SIZE_MAX);
    statement_realm_key(&statement, county->now_ms, key->realm, key->epoch, &commitment,
                        &box, 1);
    state(county, at, buffer_slice(&statement));
    buffer_deinit(&statement);
}

/* ---- folding again ---- */

static inline void fold_all(struct county *county, size_t index)
{
    while (engine_folding(engine_at(county, index), NULL))
        county_step(county, index, county_event(county, EVENT_TICK), 0);
}

static inline void fold_from_the_first_run_on(struct county *county, size_t index)
{
    struct store *store;
    struct store_txn *txn;
    struct store_options options = {.directory = county->nodes[index].directory,
                                    .without_sync = true};
    node_close(county->nodes[index].node);
    assert_int_equal(store_open(&store, &options), OK);
    assert_int_equal(store_begin(store, &txn), OK);
    store_delete(txn, STORE_META, slice_text("fold"));
    assert_int_equal(store_commit(txn), OK);
    store_close(store);
    county_open_node(county, index);
    assert_true(engine_folding(engine_at(county, index), NULL));
    fold_all(county, index);
}

/* As after an upgrade: the row of what is folded is of another schema level. */
static inline void upgrade(struct county *county, size_t index)
{
    struct store *store;
    struct store_txn *txn;
    struct store_options options = {.directory = county->nodes[index].directory,
                                    .without_sync = true};
    struct slice value;
    uint8_t row[256];
    node_close(county->nodes[index].node);
    assert_int_equal(store_open(&store, &options), OK);
    assert_int_equal(store_begin(store, &txn), OK);
    assert_true(store_get(txn, STORE_META, slice_text("fold"), &value));
    assert_true(value.size <= sizeof row);
    memcpy(row, value.data, value.size);
    put_le64(row, SCHEMA_LEVEL + 1);
    store_put(txn, STORE_META, slice_text("fold"), slice_of(row, value.size));
    assert_int_equal(store_commit(txn), OK);
    store_close(store);
    county_open_node(county, index);
}

#endif
