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
        if (head->arrival > session->telling.confirmed && held < head->seq &&
            engine_carries(engine, session->peer, head->log))
            entries += head->seq - held;
    }
    return entries;
}

void sessions_rewind(struct engine *engine, struct session *session)
{
    CHECK(session->telling.noted <= engine->arrival);
    bool near = session->telling.noted > 0 &&
                engine->arrival - session->telling.noted <= REWIND_RUNS_MAX;
    struct run run;

    session_rewound(session);
    for (size_t i = 0; !near && i < session->telling.held_count; i++)
        session_withdraw(session, i, 0);
    for (uint64_t arrival = session->telling.noted + 1;
         near && arrival <= engine->arrival; arrival++) {
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
    session_saved(session, session->saved);
}

static bool is_saved(const struct session *session)
{
    uint64_t now[4];

    session_saved(session, now);
    return memcmp(session->saved, now, sizeof now) == 0;
}

static void read_peer_row(struct engine *engine, struct session *session)
{
    uint8_t key[4], pause[PAUSE_KEY_SIZE];
    struct slice value;
    uint64_t saved[4];

    put_be32(key, session->peer);
    pause_key(pause, session->peer);
    session->paused =
        store_get(engine->txn, STORE_META, slice_of(pause, sizeof pause), &value);
    if (!store_get(engine->txn, STORE_PEERS, slice_of(key, sizeof key), &value))
        return;
    for (size_t i = 0; i < 4; i++) {
        if (!slice_take_u64(&value, &saved[i]))
            return;
    }
    session_restore(session, saved, engine->arrival);
}

/* What it held when everything was last confirmed: all but the runs filed since. */
static void hold_as_confirmed(struct engine *engine, struct session *session)
{
    struct run run;

    for (size_t i = 0; i < heads_count(engine->heads); i++)
        session_hold(session, i, heads_at(engine->heads, i)->seq);
    for (uint64_t arrival = session->telling.confirmed + 1; arrival <= engine->arrival;
         arrival++) {
        if (!log_run_at(engine->txn, arrival, &run))
            continue;
        const struct head *head = heads_find(engine->heads, run.log);
        if (head != NULL)
            session_lack(session, engine_head_index(engine, head), run.first_seq - 1);
    }
}

struct session *sessions_meet(struct engine *engine, uint32_t peer)
{
    struct session *session = sessions_find(engine, peer);

    if (session != NULL)
        return session;
    session = session_create(peer);
    engine->sessions = array_grow(engine->sessions, &engine->session_capacity,
                                  engine->session_count + 1, sizeof(struct session *));
    engine->sessions[engine->session_count++] = session;
    read_peer_row(engine, session);
    remember_saved(session);
    if (session->telling.confirmed > 0)
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
    if (session->telling.confirmed == engine->arrival ||
        !(engine->wrote || session->telling.held_moved))
        return;
    session_looked_at(session);
    if (sessions_entries_to_send(engine, session) == 0)
        session_confirm(session, engine->arrival);
    else
        session_wait(session, engine->now_ms);
}

void sessions_save(struct engine *engine, struct session *session)
{
    uint8_t key[4];
    struct buffer value;

    if (is_saved(session))
        return;
    put_be32(key, session->peer);
    buffer_init(&value, 32);
    remember_saved(session);
    for (size_t i = 0; i < 4; i++)
        buffer_put_u64(&value, session->saved[i]);
    store_put(engine->txn, STORE_PEERS, slice_of(key, sizeof key), buffer_slice(&value));
    buffer_deinit(&value);
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

void sessions_forget(struct engine *engine, struct session *session)
{
    uint8_t key[4];
    size_t at = 0;

    CHECK(!session->link);
    engine_clear_diverged(engine, session->peer);
    for (size_t i = engine->wants.count; i-- > 0;)
        (void)wants_drop_source(&engine->wants, engine->txn, engine->wants.rows[i].log,
                                session->peer);
    session->paused = false;
    sessions_save_pause(engine, session);
    put_be32(key, session->peer);
    store_delete(engine->txn, STORE_PEERS, slice_of(key, sizeof key));
    while (engine->sessions[at] != session)
        at++;
    engine->sessions[at] = engine->sessions[--engine->session_count];
    session_destroy(session);
}
