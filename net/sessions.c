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

struct session *sessions_find(struct engine *engine, uint32_t peer)
{
    for (size_t i = 0; i < engine->session_count; i++) {
        if (engine->sessions[i]->peer == peer)
            return engine->sessions[i];
    }
    return NULL;
}

uint64_t sessions_entries_to_send(const struct engine *engine,
                                  const struct session *session)
{
    uint64_t entries = 0;

    for (size_t i = 0; i < heads_count(engine->heads); i++) {
        const struct head *head = heads_at(engine->heads, i);
        uint64_t held = session_held(session, i);
        if (head->arrival > session->confirmed && held < head->seq &&
            engine_carries(engine, session->peer, head->log))
            entries += head->seq - held;
    }
    return entries;
}

void sessions_rewind(struct engine *engine, struct session *session)
{
    bool near = session->noted > 0 && engine->arrival - session->noted <= REWIND_RUNS_MAX;
    struct run run;

    session->rewind_due = false;
    for (size_t i = 0; !near && i < session->held_count; i++)
        session_withdraw(session, i, 0);
    for (uint64_t arrival = session->noted + 1; near && arrival <= engine->arrival;
         arrival++) {
        if (!log_run_at(engine->txn, arrival, &run))
            continue;
        const struct head *head = heads_find(engine->heads, run.log);
        if (head != NULL)
            session_withdraw(session, engine_head_index(engine, head), run.first_seq - 1);
    }
}

/* ---- what outlives a restart ---- */

static void remember_saved(struct session *session)
{
    session->saved[0] = session->incarnation;
    session->saved[1] = session->heard;
    session->saved[2] = session->noted;
    session->saved[3] = session->confirmed;
}

static bool is_saved(const struct session *session)
{
    return session->saved[0] == session->incarnation &&
           session->saved[1] == session->heard && session->saved[2] == session->noted &&
           session->saved[3] == session->confirmed;
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
        !slice_take_u64(&value, &session->noted) ||
        !slice_take_u64(&value, &session->confirmed) ||
        session->noted > engine->arrival || session->confirmed > engine->arrival)
        session->incarnation = session->heard = session->noted = session->confirmed = 0;
}

/* What it held when everything was last confirmed: all but the runs filed since. */
static void hold_as_confirmed(struct engine *engine, struct session *session)
{
    struct run run;

    for (size_t i = 0; i < heads_count(engine->heads); i++)
        session_hold(session, i, heads_at(engine->heads, i)->seq);
    for (uint64_t arrival = session->confirmed + 1; arrival <= engine->arrival;
         arrival++) {
        if (!log_run_at(engine->txn, arrival, &run))
            continue;
        const struct head *head = heads_find(engine->heads, run.log);
        struct held_log *held =
            head != NULL ? &session->held[engine_head_index(engine, head)] : NULL;
        if (held != NULL && held->seq >= run.first_seq)
            held->seq = held->offered = run.first_seq - 1;
    }
}

struct session *sessions_meet(struct engine *engine, uint32_t peer)
{
    struct session *session = sessions_find(engine, peer);

    if (session != NULL)
        return session;
    session = session_create(peer);
    engine->sessions = checked_realloc(engine->sessions, (engine->session_count + 1) *
                                                             sizeof *engine->sessions);
    engine->sessions[engine->session_count++] = session;
    read_peer_row(engine, session);
    session->told = session->covered = session->noted;
    remember_saved(session);
    if (session->confirmed > 0)
        hold_as_confirmed(engine, session);
    return session;
}

void sessions_meet_paused(struct engine *engine)
{
    for (size_t i = 0; i < roster_count(engine->roster); i++) {
        uint8_t key[PAUSE_KEY_SIZE];
        struct slice value;
        uint32_t peer = roster_at(engine->roster, i)->number;
        pause_key(key, peer);
        if (store_get(engine->txn, STORE_META, slice_of(key, sizeof key), &value))
            (void)sessions_meet(engine, peer);
    }
}

void sessions_look(struct engine *engine, struct session *session)
{
    if (session->confirmed == engine->arrival || !(engine->wrote || session->held_moved))
        return;
    session->held_moved = false;
    if (sessions_entries_to_send(engine, session) == 0) {
        session->confirmed = engine->arrival;
        session->unsent_since_wall_ms = 0;
    } else if (session->unsent_since_wall_ms == 0) {
        session->unsent_since_wall_ms = engine->wall_ms;
    }
}

void sessions_save(struct engine *engine, struct session *session)
{
    uint8_t key[4];
    struct buffer value;

    if (is_saved(session))
        return;
    put_be32(key, session->peer);
    buffer_init(&value, 32);
    buffer_put_u64(&value, session->incarnation);
    buffer_put_u64(&value, session->heard);
    buffer_put_u64(&value, session->noted);
    buffer_put_u64(&value, session->confirmed);
    store_put(engine->txn, STORE_PEERS, slice_of(key, sizeof key), buffer_slice(&value));
    buffer_deinit(&value);
    remember_saved(session);
}

void sessions_save_pause(struct engine *engine, const struct session *session)
{
    uint8_t key[PAUSE_KEY_SIZE], yes = 1;

    pause_key(key, session->peer);
    engine->wrote = true;
    if (session->paused)
        store_put(engine->txn, STORE_META, slice_of(key, sizeof key), slice_of(&yes, 1));
    else
        store_delete(engine->txn, STORE_META, slice_of(key, sizeof key));
}
