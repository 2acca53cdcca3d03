/* This node's own logs: entries are sealed and chained into the run that the batch writes,
 * which is signed once, at the end. */
#include <string.h>

#include "net/lane.h"

#define META_INCARNATION "incarnation"
/* The incarnation before, and how many entries of it came from others since, u64 each. */
#define META_LEFT "left"

static void writing_close(struct engine *engine, struct writing *writing)
{
    struct hash signed_hash;
    struct run *run = &writing->run;

    if (!writing->open)
        return;
    run_signed_hash(roster_salt(engine->roster), &writing->last, &signed_hash);
    crypto_sign_hash(engine->config.keys, &signed_hash, run->signature);
    run->entries = buffer_slice(&writing->entries);
    engine->arrival++;
    log_append(engine->txn, engine->arrival, run, &engine->encoded);
    heads_advance(engine->heads, run->log, engine->incarnation, run_last_seq(run),
                  &writing->last, engine->arrival);
    writing->open = false;
    writing->arrival = engine->arrival;
    engine->fold_dirty = true;
}

const struct run *writing_filed(const struct engine *engine, uint64_t arrival)
{
    for (int lane = 0; lane < LANES; lane++) {
        const struct writing *writing = &engine->writing[lane];
        if (writing->open || writing->arrival == 0 || writing->arrival != arrival)
            continue;
        const struct head *head = heads_find(engine->heads, writing->run.log);
        return head != NULL && hash_equal(&head->hash, &writing->last) ? &writing->run
                                                                       : NULL;
    }
    return NULL;
}

static void writing_begin(struct engine *engine, struct writing *writing, enum lane lane,
                          const struct realm_key *key)
{
    struct log_name log = engine_own_log(engine, lane);
    const struct head *head = heads_find(engine->heads, log);

    writing->open = true;
    writing->arrival = 0;
    writing->run = (struct run){
        .log = log,
        .first_seq = head != NULL ? head->seq + 1 : 1,
        .incarnation = head != NULL ? 0 : engine->incarnation,
        .realm = key->realm,
        .epoch = key->epoch,
    };
    if (head != NULL)
        writing->run.prev = head->hash;
    writing->last = writing->run.prev;
    buffer_clear(&writing->entries);
}

/* The lane's open run, if one more payload of this size and key still fits it; otherwise
 * a new one. */
static struct writing *writing_for(struct engine *engine, enum lane lane,
                                   const struct realm_key *key, size_t payload_size)
{
    struct writing *writing = &engine->writing[lane];
    bool fits =
        writing->open && writing->run.realm == key->realm &&
        writing->run.epoch == key->epoch &&
        writing->entries.size + payload_size + 3 + RUN_FRAME_SIZE_MAX <= RUN_SIZE_MAX;

    if (!fits) {
        writing_close(engine, writing);
        writing_begin(engine, writing, lane, key);
    }
    return writing;
}

/* Seals and chains one operation; folds it at once. */
struct entry_id writing_append(struct engine *engine, enum lane lane,
                               const struct realm_key *key, struct slice plaintext,
                               const uint8_t random[RANDOM_SIZE])
{
    const struct county_salt *salt = roster_salt(engine->roster);
    size_t size = plaintext.size + SEAL_OVERHEAD;
    struct writing *writing = writing_for(engine, lane, key, size);
    struct run *run = &writing->run;
    uint64_t seq = run->first_seq + run->count;
    struct log_id id = {engine->config.keys->id, engine->incarnation, (uint8_t)lane};
    struct entry_id entry = entry_id_of(run->log, seq);
    uint8_t header[HEADER_SIZE];
    uint8_t *payload = arena_alloc(&engine->scratch, size);
    struct hash prev = writing->last;

    entry_associated(&id, seq, &prev, run->realm, run->epoch, header);
    crypto_seal(key, salt, header, plaintext, random, payload);
    entry_header(salt, &id, seq, &prev, run->realm, run->epoch, slice_of(payload, size),
                 header, &writing->last);
    entry_append(&writing->entries, slice_of(payload, size));
    run->count++;
    engine->wrote = true;
    CHECK(lane_rules((uint8_t)lane)->fold(engine, &entry, run->realm, plaintext) == OK);
    return entry;
}

void writing_state(struct engine *engine, struct slice plaintext)
{
    const struct realm_key in_the_clear = {0};
    struct writing *writing =
        writing_for(engine, LANE_CONTROL, &in_the_clear, plaintext.size);
    struct run *run = &writing->run;
    uint64_t seq = run->first_seq + run->count;
    struct log_id id = {engine->config.keys->id, engine->incarnation, LANE_CONTROL};
    struct entry_id entry = entry_id_of(run->log, seq);
    struct hash prev = writing->last;
    uint8_t header[HEADER_SIZE];

    entry_header(roster_salt(engine->roster), &id, seq, &prev, 0, 0, plaintext, header,
                 &writing->last);
    entry_append(&writing->entries, plaintext);
    run->count++;
    engine->wrote = true;
    CHECK(lane_rules(LANE_CONTROL)->fold(engine, &entry, 0, plaintext) == OK);
}

void writing_sign(struct engine *engine)
{
    for (int lane = 0; lane < LANES; lane++)
        writing_close(engine, &engine->writing[lane]);
}

bool writing_load(struct engine *engine)
{
    struct slice value;

    engine->left = engine->came_back = 0;
    if (engine_meta_get(engine->txn, META_LEFT, &value) &&
        (!slice_take_u64(&value, &engine->left) ||
         !slice_take_u64(&value, &engine->came_back)))
        engine->left = engine->came_back = 0;
    return engine_meta_get(engine->txn, META_INCARNATION, &value) &&
           slice_take_u64(&value, &engine->incarnation);
}

static void save_left(struct engine *engine)
{
    uint8_t value[16];

    put_le64(value, engine->left);
    put_le64(value + 8, engine->came_back);
    engine_meta_put(engine, META_LEFT, slice_of(value, sizeof value));
}

void writing_left(struct engine *engine, uint64_t incarnation)
{
    if (engine->left == incarnation)
        return;
    engine->left = incarnation;
    save_left(engine);
}

void writing_came_back(struct engine *engine, struct log_name log, uint64_t entries)
{
    const struct member *self = engine_self(engine);

    if (self == NULL || log.node != self->number || engine->left == 0 ||
        log.tag != (uint16_t)engine->left)
        return;
    engine->came_back += entries;
    engine->came_back_at_ms = engine->now_ms;
    save_left(engine);
}

/* A random number that no earlier incarnation of this node shares its tag with. */
void writing_new_incarnation(struct engine *engine, const uint8_t random[RANDOM_SIZE])
{
    const struct member *self = engine_self(engine);
    struct hash drawn;
    uint8_t value[8], input[RANDOM_SIZE + 1];

    writing_sign(engine);
    if (engine->incarnation != 0) {
        engine->left = engine->incarnation;
        engine->came_back = engine->came_back_at_ms = 0;
        save_left(engine);
    }
    if (self != NULL && engine->incarnation != 0)
        operators_keep(engine, engine_own_log(engine, LANE_RECORD));
    memcpy(input, random, RANDOM_SIZE);
    for (unsigned attempt = 0;; attempt++) {
        struct log_name log = {self != NULL ? self->number : 0, 0, 0};
        bool taken = false;
        input[RANDOM_SIZE] = (uint8_t)attempt;
        hash_bytes(&drawn, HASH_RANDOM, roster_salt(engine->roster),
                   slice_of(input, sizeof input));
        engine->incarnation = get_le64(drawn.bytes);
        log.tag = (uint16_t)engine->incarnation;
        for (uint8_t lane = 0; lane < LANES; lane++) {
            log.lane = lane;
            taken |= heads_find(engine->heads, log) != NULL;
        }
        if (!taken && engine->incarnation != 0)
            break;
    }
    put_le64(value, engine->incarnation);
    engine_meta_put(engine, META_INCARNATION, slice_of(value, sizeof value));
    operators_begin_again(engine);
    engine->wrote = true;
}
