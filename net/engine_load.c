/* What an engine reads from its store when it starts or starts afresh, and what it writes there
 * about itself: identity, incarnation, pauses, and where it stands with each neighbour. */
#include <stdlib.h>
#include <string.h>

#include "net/engine_state.h"

#define META_GENESIS "genesis"
#define META_INCARNATION "incarnation"
#define META_PAUSE "pause" /* followed by the peer's number, 4 bytes BE */

/* ---- small state under STORE_META ---- */

bool engine_meta_get(struct store_txn *txn, const char *name, struct slice *value)
{
    return store_get(txn, STORE_META, slice_text(name), value);
}

void engine_meta_put(struct engine *engine, const char *name, struct slice value)
{
    store_put(engine->txn, STORE_META, slice_text(name), value);
}

#define PAUSE_KEY_SIZE (sizeof META_PAUSE - 1 + 4)

static void pause_key(uint8_t key[PAUSE_KEY_SIZE], uint32_t peer)
{
    memcpy(key, META_PAUSE, sizeof META_PAUSE - 1);
    put_be32(key + sizeof META_PAUSE - 1, peer);
}

/* A random number that no earlier incarnation of this node shares its tag with. */
void engine_new_incarnation(struct engine *engine, const uint8_t random[RANDOM_SIZE])
{
    const struct member *self = engine_self(engine);
    struct hash drawn;
    uint8_t value[8], input[RANDOM_SIZE + 1];

    author_seal(engine);
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
    engine->wrote = true;
}

/* ---- sessions ---- */

struct session *engine_session(struct engine *engine, uint32_t peer)
{
    for (size_t i = 0; i < engine->session_count; i++) {
        if (engine->sessions[i]->peer == peer)
            return engine->sessions[i];
    }
    return NULL;
}

static void read_peer_row(struct engine *engine, struct session *session)
{
    uint8_t key[4], pause[PAUSE_KEY_SIZE];
    struct slice value;

    put_be32(key, session->peer);
    pause_key(pause, session->peer);
    session->paused =
        store_get(engine->txn, STORE_META, slice_of(pause, sizeof pause), &value);
    if (!store_get(engine->txn, STORE_PEERS, slice_of(key, sizeof key), &value))
        return;
    if (!slice_take_u64(&value, &session->incarnation) ||
        !slice_take_u64(&value, &session->heard) ||
        !slice_take_u64(&value, &session->noted) || session->noted > engine->arrival)
        session->incarnation = session->heard = session->noted = 0;
}

static void remember_saved(struct session *session)
{
    session->saved[0] = session->incarnation;
    session->saved[1] = session->heard;
    session->saved[2] = session->noted;
}

void engine_save_session(struct engine *engine, struct session *session)
{
    uint8_t key[4], value[24];

    if (session->saved[0] == session->incarnation &&
        session->saved[1] == session->heard && session->saved[2] == session->noted)
        return;
    put_be32(key, session->peer);
    put_le64(value, session->incarnation);
    put_le64(value + 8, session->heard);
    put_le64(value + 16, session->noted);
    store_put(engine->txn, STORE_PEERS, slice_of(key, sizeof key),
              slice_of(value, sizeof value));
    remember_saved(session);
}

void engine_save_pause(struct engine *engine, const struct session *session)
{
    uint8_t key[PAUSE_KEY_SIZE], yes = 1;

    pause_key(key, session->peer);
    engine->wrote = true;
    if (session->paused)
        store_put(engine->txn, STORE_META, slice_of(key, sizeof key), slice_of(&yes, 1));
    else
        store_delete(engine->txn, STORE_META, slice_of(key, sizeof key));
}

/* The session of a peer met for the first time since the engine was loaded: what is known
 * to be held there is read off the number it had noted. */
struct session *engine_meet(struct engine *engine, uint32_t peer)
{
    struct session *session = engine_session(engine, peer);

    if (session != NULL)
        return session;
    session = session_create(peer);
    engine->sessions = checked_realloc(engine->sessions, (engine->session_count + 1) *
                                                             sizeof *engine->sessions);
    engine->sessions[engine->session_count++] = session;
    read_peer_row(engine, session);
    session->told = session->covered = session->noted;
    remember_saved(session);
    if (session->noted > 0) {
        for (size_t i = 0; i < heads_count(engine->heads); i++)
            session_hold(session, i, heads_at(engine->heads, i)->seq);
        sync_rewind(engine, session);
    }
    return session;
}

/* ---- loading ---- */

static enum status load_identity(struct engine *engine)
{
    struct slice value;

    if (!engine_meta_get(engine->txn, META_GENESIS, &value))
        return ERR_STORE_FORMAT;
    if (!slice_equal(value, slice_of(engine->config.genesis_hash->bytes, HASH_SIZE)))
        return ERR_OTHER_COUNTY;
    if (!engine_meta_get(engine->txn, META_INCARNATION, &value) ||
        !slice_take_u64(&value, &engine->incarnation))
        return ERR_STORE_DAMAGED;
    return OK;
}

static void load_sessions(struct engine *engine)
{
    struct store_cursor cursor;
    struct slice key, value;

    bool found =
        store_seek(engine->txn, STORE_PEERS, (struct slice){0}, &cursor, &key, &value);
    for (; found; found = store_next(engine->txn, &cursor, &key, &value)) {
        if (key.size == 4)
            engine_meet(engine, get_be32(key.data));
    }
    store_cursor_close(&cursor);
}

static void discard_batch(struct engine *engine)
{
    fold_discard(engine->fold);
    engine->wrote = engine->roster_changed = false;
    engine->diverged_count = 0;
    for (int lane = 0; lane < LANES; lane++)
        engine->writing[lane].open = false;
}

static enum status load_state(struct engine *engine, struct store_txn *txn)
{
    enum status status = load_identity(engine);

    if (status != OK)
        return status;
    status = heads_load(engine->heads, txn);
    if (status != OK)
        return status;
    engine->arrival = engine->runs = log_last_arrival(txn);
    intake_fold_load(engine);
    status = intake_roster_load(engine);
    if (status != OK)
        return status;
    wants_load(&engine->wants, txn);
    author_load(engine);
    load_sessions(engine);
    return store_txn_status(txn);
}

enum status engine_load(struct engine *engine, struct store_txn *txn)
{
    struct session **old = engine->sessions;
    size_t count = engine->session_count;
    enum status status;

    engine->txn = txn;
    engine->sessions = NULL;
    engine->session_count = 0;
    discard_batch(engine);
    status = load_state(engine, txn);
    for (size_t i = 0; i < count; i++) {
        if (status == OK && old[i]->link) {
            struct session *session = engine_meet(engine, old[i]->peer);
            session->link = true;
            if (!session->paused)
                session_enter(session, SESSION_LINK_UP, engine->now_ms);
        }
        session_destroy(old[i]);
    }
    free(old);
    return status;
}

enum status engine_found(struct engine *engine, struct store_txn *txn,
                         struct slice grant_file, const uint8_t random[RANDOM_SIZE])
{
    struct effects none;
    enum status status;

    effects_init(&none);
    engine->txn = txn;
    engine->effects = &none;
    engine_meta_put(engine, META_GENESIS,
                    slice_of(engine->config.genesis_hash->bytes, HASH_SIZE));
    status = intake_grant(engine, grant_file, random);
    if (status == OK && engine_self(engine) == NULL)
        status = ERR_NOT_MEMBER;
    if (status == OK) {
        engine_new_incarnation(engine, random);
        fold_flush(engine->fold, txn);
        intake_fold_save(engine);
        heads_flush(engine->heads, txn);
        status = store_txn_status(txn);
    }
    effects_deinit(&none);
    engine->effects = NULL;
    return status;
}
