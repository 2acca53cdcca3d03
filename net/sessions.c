/* The neighbours an engine has met, and what of them outlives a restart: where each stands
 * with us, and whether an operator paused it. */
#include <stdlib.h>
#include <string.h>

#include "net/engine_state.h"

#define META_PAUSE "pause" /* followed by the peer's number, 4 bytes BE */
#define PAUSE_KEY_SIZE (sizeof META_PAUSE - 1 + 4)

static void pause_key(uint8_t key[PAUSE_KEY_SIZE], uint32_t peer)
{
    memcpy(key, META_PAUSE, sizeof META_PAUSE - 1);
    put_be32(key + sizeof META_PAUSE - 1, peer);
}

struct session *engine_session(struct engine *engine, uint32_t peer)
{
    for (size_t i = 0; i < engine->session_count; i++) {
        if (engine->sessions[i]->peer == peer)
            return engine->sessions[i];
    }
    return NULL;
}

/* What was sent after `noted` may have been lost: the neighbour is taken to hold of each
 * log only what came before the runs filed since. */
void engine_rewind(struct engine *engine, struct session *session)
{
    struct run run;

    if (session->noted == 0) {
        session_hold_nothing(session);
        return;
    }
    for (uint64_t arrival = session->noted + 1; arrival <= engine->arrival; arrival++) {
        if (!log_run_at(engine->txn, arrival, &run))
            continue;
        const struct head *head = heads_find(engine->heads, run.log);
        if (head != NULL)
            session_hold_at_most(session, engine_head_index(engine, head),
                                 run.first_seq - 1);
    }
}

static void remember_saved(struct session *session)
{
    session->saved[0] = session->incarnation;
    session->saved[1] = session->heard;
    session->saved[2] = session->noted;
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
        engine_rewind(engine, session);
    }
    return session;
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
