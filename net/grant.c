#include "net/grant.h"

#include <string.h>

#include "crdt/codec.h"

enum {
    MAGIC_SIZE = 8,
    EPOCH_FIRST = 1,
    STATEMENT_SIZE_MAX = 8 * 1024,
    /* So many boxes of 88 bytes fill a run of RUN_SIZE_MAX, with their statement's head.
     */
    BOXES_MAX = 44,
};

static const char magic[MAGIC_SIZE + 1] = "LINLIGR1";

/* ---- the file ---- */

static enum status runs_check(struct slice rest)
{
    while (rest.size > 0) {
        uint64_t size;
        struct slice stored;
        struct run run;
        if (!slice_take_varint(&rest, &size) || size > RUN_SIZE_LIMIT ||
            !slice_borrow(&rest, size, &stored) ||
            run_decode(stored, RUN_STORED, &run) != OK)
            return ERR_MALFORMED;
    }
    return OK;
}

enum status grant_decode(struct slice file, struct grant *grant)
{
    *grant = (struct grant){0};
    uint8_t begin[MAGIC_SIZE];
    uint64_t size;
    if (file.size > GRANT_SIZE_MAX)
        return ERR_LIMIT;
    if (!slice_take(&file, MAGIC_SIZE, begin) || memcmp(begin, magic, MAGIC_SIZE) != 0 ||
        !slice_take_varint(&file, &size) || size > GENESIS_SIZE_MAX ||
        !slice_borrow(&file, size, &grant->genesis_encoded))
        return ERR_MALFORMED;
    enum status status = genesis_decode(grant->genesis_encoded, &grant->genesis);
    if (status != OK)
        return status;
    genesis_hash(grant->genesis_encoded, &grant->genesis_hash);
    grant->runs = file;
    return runs_check(grant->runs);
}

void grant_begin(struct buffer *out, struct slice genesis_encoded)
{
    buffer_put(out, magic, MAGIC_SIZE);
    buffer_put_varint(out, genesis_encoded.size);
    buffer_put(out, genesis_encoded.data, genesis_encoded.size);
}

void grant_add_run(struct buffer *out, const struct run *run)
{
    buffer_put_varint(out, run_stored_size(run));
    run_encode(run, RUN_STORED, out);
}

bool grant_next_run(struct slice *rest, struct slice *stored_run)
{
    uint64_t size;
    struct slice in = *rest;
    if (!slice_take_varint(&in, &size) || !slice_borrow(&in, size, stored_run))
        return false;
    *rest = in;
    return true;
}

/* ---- folding ---- */

static void fold_entries(struct roster *roster, struct chain *chain)
{
    struct entry entry;
    struct roster_change changed;
    while (chain_next(chain, &entry)) {
        /* A statement that the roster refuses is passed over. Every node that reads this log
         * refuses it likewise, so all rosters stay equal. */
        if (!entry.erased && entry.realm == 0)
            (void)roster_fold(roster, entry.payload, &changed);
    }
}

/* The run's last hash, if the run follows `head` and the authority signed it. */
static enum status run_verify(const struct grant *grant, const struct roster *roster,
                              const struct run *run, const struct head *head,
                              struct hash *last)
{
    struct log_id log = {grant->genesis.authority, head->incarnation, head->log.lane};
    struct chain chain;
    struct entry entry;
    struct hash signed_hash;
    if (!log_name_equal(run->log, head->log) ||
        (run->first_seq == 1 && run->incarnation != head->incarnation))
        return ERR_MALFORMED;
    if (run->first_seq != head->seq + 1)
        return ERR_GAP;
    if (!hash_equal(&run->prev, &head->hash))
        return ERR_BAD_SIGNATURE;
    chain_begin(&chain, roster_salt(roster), log, run, &head->hash);
    while (chain_next(&chain, &entry))
        *last = entry.hash;
    run_signed_hash(roster_salt(roster), last, &signed_hash);
    return crypto_verify(&log.node, &signed_hash, run->signature) ? OK
                                                                  : ERR_BAD_SIGNATURE;
}

static enum status run_fold(const struct grant *grant, struct slice stored,
                            struct roster *roster, struct head *head)
{
    struct run run;
    struct hash last = {{0}};
    enum status status = run_decode(stored, RUN_STORED, &run);
    if (status == OK)
        status = run_verify(grant, roster, &run, head, &last);
    if (status != OK)
        return status;
    struct log_id log = {grant->genesis.authority, head->incarnation, head->log.lane};
    struct chain chain;
    chain_begin(&chain, roster_salt(roster), log, &run, &head->hash);
    fold_entries(roster, &chain);
    head->seq = run_last_seq(&run);
    head->hash = last;
    return OK;
}

enum status grant_fold(const struct grant *grant, struct roster *roster,
                       struct head *head)
{
    *head = (struct head){.log = authority_log(&grant->genesis_hash),
                          .incarnation = authority_incarnation(&grant->genesis_hash)};
    roster_reset(roster);
    struct slice rest = grant->runs;
    struct slice stored;
    while (grant_next_run(&rest, &stored)) {
        enum status status = run_fold(grant, stored, roster, head);
        if (status == OK)
            continue;
        roster_reset(roster);
        return status;
    }
    return OK;
}

/* ---- admitting ---- */

/* What the authority adds: statements are folded as they are made, so that a grant never
 * holds one that its readers refuse, and gathered into runs. */
struct writer {
    const struct grant *grant;
    const uint8_t *seed;
    const uint8_t *random;
    uint64_t now_ms;
    struct node_keys keys;
    struct roster *roster;
    struct head head; /* after the entries gathered so far */
    struct run run;   /* being gathered; empty while count is 0 */
    struct buffer entries;
    struct buffer statement;
    struct sealed_key boxes[BOXES_MAX];
    struct buffer *out;
};

static void writer_end_run(struct writer *writer)
{
    if (writer->run.count == 0)
        return;
    struct hash signed_hash;
    writer->run.entries = buffer_slice(&writer->entries);
    run_signed_hash(roster_salt(writer->roster), &writer->head.hash, &signed_hash);
    crypto_sign_hash(&writer->keys, &signed_hash, writer->run.signature);
    grant_add_run(writer->out, &writer->run);
    writer->run.count = 0;
    buffer_clear(&writer->entries);
}

static bool writer_fits(struct writer *writer, struct slice payload)
{
    struct run longer = writer->run;
    longer.count++;
    longer.entries.size = writer->entries.size + varint_size(payload.size) + payload.size;
    return run_stored_size(&longer) <= RUN_SIZE_MAX;
}

static void writer_append(struct writer *writer, struct slice payload)
{
    struct head *head = &writer->head;
    struct log_id log = {writer->keys.id, head->incarnation, head->log.lane};
    struct hash hash;
    uint8_t header[HEADER_SIZE];
    if (writer->run.count > 0 && !writer_fits(writer, payload))
        writer_end_run(writer);
    if (writer->run.count == 0)
        writer->run = (struct run){
            .log = head->log,
            .incarnation = head->seq == 0 ? head->incarnation : 0,
            .first_seq = head->seq + 1,
            .prev = head->hash,
        };
    entry_header(roster_salt(writer->roster), &log, head->seq + 1, &head->hash, 0, 0,
                 payload, header, &hash);
    entry_append(&writer->entries, payload);
    writer->run.count++;
    head->seq++;
    head->hash = hash;
}

/* Takes up the statement that was just encoded. */
static enum status writer_state(struct writer *writer)
{
    struct roster_change changed;
    CHECK(!writer->statement.overflow);
    struct slice payload = buffer_slice(&writer->statement);
    enum status status = roster_fold(writer->roster, payload, &changed);
    if (status == OK)
        writer_append(writer, payload);
    buffer_clear(&writer->statement);
    return status;
}

static bool request_is_of(const struct request *request, const struct member *member)
{
    return memcmp(request->curve_public, member->curve_public, KEY_SIZE) == 0 &&
           memcmp(request->box_public, member->box_public, KEY_SIZE) == 0 &&
           request->division == member->division &&
           strcmp(request->name, member->name) == 0;
}

static enum status admit_one(struct writer *writer, const struct request *request)
{
    const struct roster *roster = writer->roster;
    const struct member *known = roster_by_id(roster, &request->id);
    if (known != NULL)
        return request_is_of(request, known) && !roster_revoked(roster, known->number)
                   ? OK
                   : ERR_EXISTS;
    if (!division_within(request->division, writer->grant->genesis.county))
        return ERR_DIVISION;
    if (!crypto_box_key_usable(request->box_public))
        return ERR_MALFORMED;
    uint32_t last = roster_at(roster, roster_count(roster) - 1)->number;
    if (last == UINT32_MAX)
        return ERR_LIMIT;
    struct member member = {
        .number = last + 1, .id = request->id, .division = request->division};
    memcpy(member.curve_public, request->curve_public, KEY_SIZE);
    memcpy(member.box_public, request->box_public, KEY_SIZE);
    memcpy(member.name, request->name, sizeof member.name);
    statement_admit(&writer->statement, writer->now_ms, &member);
    return writer_state(writer);
}

/* The ephemeral key depends on whom and what it serves: the same `random` twice then
 * gives the same box twice, never two boxes under one key. */
static void seal_for(struct writer *writer, const struct member *member,
                     const struct realm_key *key, struct sealed_key *box)
{
    uint8_t input[8 + 2 + 4];
    uint8_t random[RANDOM_SIZE];
    put_le64(input, key->realm);
    input[8] = (uint8_t)key->epoch;
    input[9] = (uint8_t)(key->epoch >> 8);
    put_be32(input + 10, member->number);
    hash_keyed(random, sizeof random, HASH_RANDOM, roster_salt(writer->roster),
               writer->random, slice_of(input, sizeof input));
    box->number = member->number;
    crypto_box_to(member->box_public, random, slice_of(key->secret, KEY_SIZE), box->box);
    crypto_wipe(random, sizeof random);
}

static enum status state_key(struct writer *writer, const struct realm_key *key,
                             const struct hash *commitment, size_t count)
{
    if (count == 0)
        return OK;
    statement_realm_key(&writer->statement, writer->now_ms, key->realm, key->epoch,
                        commitment, writer->boxes, count);
    return writer_state(writer);
}

/* Seals the key to all members from number `first` on who are to hold it. */
static enum status grant_key(struct writer *writer, uint64_t realm, uint16_t epoch,
                             uint32_t first)
{
    const struct roster *roster = writer->roster;
    uint8_t secret[KEY_SIZE];
    struct realm_key key;
    struct hash commitment;
    crypto_realm_key_derive(writer->seed, roster_salt(roster), realm, epoch, secret);
    crypto_realm_key(realm, epoch, secret, &key);
    crypto_commitment(roster_salt(roster), &key, &commitment);
    size_t count = 0;
    enum status status = OK;
    for (size_t i = 0; status == OK && i < roster_count(roster); i++) {
        const struct member *member = roster_at(roster, i);
        if (member->number < first || roster_revoked(roster, member->number) ||
            !member_holds(member, realm, writer->grant->genesis.county) ||
            !crypto_box_key_usable(member->box_public))
            continue;
        seal_for(writer, member, &key, &writer->boxes[count++]);
        if (count == BOXES_MAX) {
            status = state_key(writer, &key, &commitment, count);
            count = 0;
        }
    }
    if (status == OK)
        status = state_key(writer, &key, &commitment, count);
    crypto_wipe(secret, sizeof secret);
    crypto_wipe(&key, sizeof key);
    /* The commitment stated for it is of another key: the one that is held was derived
     * from another seed. */
    return status == ERR_EXISTS ? ERR_NO_KEY : status;
}

static bool realm_is_keyed(const struct roster *roster, uint64_t realm)
{
    const struct realm_commitment *row;
    for (size_t i = 0; (row = roster_commitment_at(roster, i)) != NULL; i++) {
        if (row->realm == realm)
            return true;
    }
    return false;
}

/* Gives all keys that are held, of all epochs: old records are read with old keys. */
static enum status grant_old_keys(struct writer *writer, size_t keys, uint32_t first_new)
{
    /* Nothing new is stated for a realm that has a key, so the rows do not move. */
    for (size_t i = 0; i < keys; i++) {
        const struct realm_commitment row = *roster_commitment_at(writer->roster, i);
        enum status status = grant_key(writer, row.realm, row.epoch, first_new);
        if (status != OK)
            return status;
    }
    return OK;
}

/* A realm without a key gets its first one, for everybody who is to hold it. */
static enum status grant_new_key(struct writer *writer, uint64_t realm)
{
    if (realm == 0 || realm_is_keyed(writer->roster, realm))
        return OK;
    return grant_key(writer, realm, EPOCH_FIRST, 0);
}

static enum status grant_keys(struct writer *writer, uint32_t first_new)
{
    const struct roster *roster = writer->roster;
    size_t keys = 0;
    while (roster_commitment_at(roster, keys) != NULL)
        keys++;
    enum status status = grant_old_keys(writer, keys, first_new);
    if (status == OK)
        status = grant_new_key(writer, writer->grant->genesis.county);
    for (size_t i = 0; status == OK && i < roster_count(roster); i++) {
        const struct member *member = roster_at(roster, i);
        if (member->number >= first_new)
            status = grant_new_key(writer, division_township(member->division));
    }
    return status;
}

static enum status writer_admit(struct writer *writer, const struct request *requests,
                                size_t count)
{
    const struct roster *roster = writer->roster;
    enum status status = OK;
    uint32_t last = roster_at(roster, roster_count(roster) - 1)->number;
    for (size_t i = 0; status == OK && i < count; i++)
        status = admit_one(writer, &requests[i]);
    if (status == OK && roster_at(roster, roster_count(roster) - 1)->number > last)
        status = grant_keys(writer, last + 1);
    return status;
}

/* ---- revoking ---- */

/* A revoked member still has the keys that it was given. So every realm whose key it held
 * gets a new one, which is given to all other holders, and entries from now on are sealed
 * under that. */
static enum status renew_keys(struct writer *writer, const struct member *revoked)
{
    const struct roster *roster = writer->roster;
    const struct realm_commitment *at;
    size_t i = 0;

    while ((at = roster_commitment_at(roster, i)) != NULL) {
        const struct realm_commitment *next;
        struct realm_commitment newest = *at;
        for (i++; (next = roster_commitment_at(roster, i)) != NULL &&
                  next->realm == newest.realm;
             i++)
            newest = *next;
        if (!member_holds(revoked, newest.realm, writer->grant->genesis.county))
            continue;
        if (newest.epoch == UINT16_MAX)
            return ERR_LIMIT;
        enum status status =
            grant_key(writer, newest.realm, (uint16_t)(newest.epoch + 1), 0);
        if (status != OK)
            return status;
        /* The new key's commitment stands before the next realm's, if anybody holds it. */
        next = roster_commitment_at(roster, i);
        if (next != NULL && next->realm == newest.realm)
            i++;
    }
    return OK;
}

static enum status writer_revoke(struct writer *writer, uint32_t number,
                                 const struct cut *cuts, size_t count)
{
    const struct member *known = roster_member(writer->roster, number);
    if (known == NULL || known->role == ROLE_AUTHORITY)
        return ERR_NOT_FOUND;
    const struct member revoked = *known;
    if (count > GRANT_CUTS_MAX)
        return ERR_LIMIT;
    statement_revoke(&writer->statement, writer->now_ms, number, cuts, count);
    enum status status = writer_state(writer);
    return status == OK ? renew_keys(writer, &revoked) : status;
}

/* ---- a new grant from the old one ---- */

static enum status writer_open(struct writer *writer)
{
    const struct grant *grant = writer->grant;
    buffer_clear(writer->out);
    crypto_node_keys(writer->seed, &writer->keys);
    if (memcmp(&writer->keys.id, &grant->genesis.authority, sizeof writer->keys.id) != 0)
        return ERR_PERMISSION;
    writer->roster = roster_create(&grant->genesis, &grant->genesis_hash, NULL);
    buffer_init(&writer->entries, RUN_SIZE_LIMIT);
    buffer_init(&writer->statement, STATEMENT_SIZE_MAX);
    grant_begin(writer->out, grant->genesis_encoded);
    buffer_put(writer->out, grant->runs.data, grant->runs.size);
    return grant_fold(grant, writer->roster, &writer->head);
}

static enum status writer_close(struct writer *writer, enum status status)
{
    if (status == OK)
        writer_end_run(writer);
    if (status == OK && writer->out->overflow)
        status = ERR_LIMIT;
    if (status != OK)
        buffer_clear(writer->out);
    if (writer->roster != NULL) {
        buffer_deinit(&writer->statement);
        buffer_deinit(&writer->entries);
        roster_destroy(writer->roster);
    }
    crypto_wipe(&writer->keys, sizeof writer->keys);
    return status;
}

enum status grant_admit(const struct grant *grant,
                        const uint8_t authority_seed[SEED_SIZE],
                        const struct request *requests, size_t count, uint64_t now_ms,
                        const uint8_t random[RANDOM_SIZE], struct buffer *out)
{
    struct writer writer = {.grant = grant,
                            .seed = authority_seed,
                            .random = random,
                            .now_ms = now_ms,
                            .out = out};
    enum status status = writer_open(&writer);
    if (status == OK)
        status = writer_admit(&writer, requests, count);
    return writer_close(&writer, status);
}

enum status grant_revoke(const struct grant *grant,
                         const uint8_t authority_seed[SEED_SIZE], uint32_t number,
                         const struct cut *cuts, size_t count, uint64_t now_ms,
                         const uint8_t random[RANDOM_SIZE], struct buffer *out)
{
    struct writer writer = {.grant = grant,
                            .seed = authority_seed,
                            .random = random,
                            .now_ms = now_ms,
                            .out = out};
    enum status status = writer_open(&writer);
    if (status == OK)
        status = writer_revoke(&writer, number, cuts, count);
    return writer_close(&writer, status);
}

enum status grant_policy(const struct grant *grant,
                         const uint8_t authority_seed[SEED_SIZE], struct slice name,
                         struct slice value, int64_t from_day, uint64_t now_ms,
                         struct buffer *out)
{
    struct writer writer = {
        .grant = grant, .seed = authority_seed, .now_ms = now_ms, .out = out};
    enum status status = writer_open(&writer);
    if (status == OK) {
        statement_policy(&writer.statement, now_ms, name, value, from_day);
        status = writer_state(&writer);
    }
    return writer_close(&writer, status);
}
