/* Starting, and starting afresh after a failed commit, which is the same. */
#include <stdlib.h>
#include <string.h>

#include "net/engine_state.h"

#define META_GENESIS "genesis"
#define META_NODE "node" /* whose store it is */
#define META_HOME "home" /* the identity of the store's file */

bool engine_is_founded(struct store_txn *txn)
{
    struct slice value;

    return engine_meta_get(txn, META_GENESIS, &value);
}

static enum status load_identity(struct engine *engine)
{
    struct slice value;

    if (!engine_meta_get(engine->txn, META_GENESIS, &value))
        return ERR_STORE_FORMAT;
    if (!slice_equal(value, slice_of(engine->config.genesis_hash->bytes, HASH_SIZE)))
        return ERR_OTHER_COUNTY;
    if (!engine_meta_get(engine->txn, META_NODE, &value))
        return ERR_STORE_FORMAT;
    if (!slice_equal(value, slice_of(engine->config.keys->id.bytes, NODE_ID_SIZE)))
        return ERR_OTHER_NODE;
    return writing_load(engine) ? OK : ERR_STORE_DAMAGED;
}

static void load_sessions(struct engine *engine)
{
    struct store_cursor cursor;
    struct slice key, value;

    bool found =
        store_seek(engine->txn, STORE_PEERS, (struct slice){0}, &cursor, &key, &value);
    for (; found; found = store_next(engine->txn, &cursor, &key, &value)) {
        if (key.size == 4)
            sessions_meet(engine, get_be32(key.data));
    }
    store_cursor_close(&cursor);
}

static void discard_batch(struct engine *engine)
{
    fold_discard(engine->fold);
    engine->wrote = engine->roster_changed = false;
    engine->diverged_count = 0;
    for (int lane = 0; lane < LANES; lane++) {
        engine->writing[lane].open = false;
        engine->writing[lane].arrival = 0;
    }
}

static enum status load_state(struct engine *engine, struct store_txn *txn)
{
    enum status status = load_identity(engine);

    if (status != OK)
        return status;
    status = heads_load(engine->heads, txn);
    if (status != OK)
        return status;
    if (!log_last_arrival(txn, &engine->arrival)) {
        status = store_txn_status(txn);
        return status != OK ? status : ERR_STORE_DAMAGED;
    }
    folding_load(engine);
    status = intake_roster_load(engine);
    if (status != OK)
        return status;
    if (engine_self(engine) == NULL)
        return ERR_STORE_DAMAGED; /* only a store whose roster has this node is founded */
    folding_key_came(engine);
    wants_load(&engine->wants, txn);
    own_log_load(engine);
    if (!operators_load(engine))
        return ERR_STORE_DAMAGED;
    load_sessions(engine);
    sessions_meet_paused(engine);
    return store_txn_status(txn);
}

enum status engine_load(struct engine *engine, struct store_txn *txn)
{
    struct session **old = engine->sessions;
    size_t count = engine->session_count;
    enum status status;

    engine->txn = txn;
    engine->sessions = NULL;
    engine->session_count = engine->session_capacity = 0;
    discard_batch(engine);
    status = load_state(engine, txn);
    for (size_t i = 0; i < count; i++) {
        if (status == OK && old[i]->link) {
            struct session *session = sessions_meet(engine, old[i]->peer);
            session->link = true;
            if (!session->paused && !roster_revoked(engine->roster, old[i]->peer))
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
    engine_meta_put(engine, META_NODE,
                    slice_of(engine->config.keys->id.bytes, NODE_ID_SIZE));
    status = intake_grant(engine, grant_file, random);
    if (status == OK && engine_self(engine) == NULL)
        status = ERR_NOT_MEMBER;
    if (status == OK) {
        writing_new_incarnation(engine, random);
        fold_flush(engine->fold, txn);
        folding_save(engine);
        heads_flush(engine->heads, txn);
        status = store_txn_status(txn);
    }
    effects_deinit(&none);
    engine->effects = NULL;
    return status;
}

bool engine_is_at_home(struct store_txn *txn, struct slice file_identity)
{
    struct slice value;

    return engine_meta_get(txn, META_HOME, &value) && slice_equal(value, file_identity);
}

void engine_move_in(struct engine *engine, struct store_txn *txn,
                    struct slice file_identity, const uint8_t random[RANDOM_SIZE])
{
    struct slice value;
    bool moved = engine_meta_get(txn, META_HOME, &value);

    engine->txn = txn;
    engine_meta_put(engine, META_HOME, file_identity);
    if (moved)
        writing_new_incarnation(engine, random);
}

void engine_rebuild(struct engine *engine, struct store_txn *txn)
{
    engine->txn = txn;
    folding_forget(engine);
    store_clear(txn, STORE_WANTS);
    store_clear(txn, STORE_PEERS);
    store_clear(txn, STORE_LOOKUPS);
}
