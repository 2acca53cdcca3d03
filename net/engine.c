#include "net/engine.h"

#include <stdlib.h>
#include <string.h>

#include "net/engine_state.h"

/* ---- making and unmaking ---- */

struct engine *engine_create(const struct engine_config *config)
{
    struct engine *engine = checked_malloc(sizeof *engine);

    *engine = (struct engine){.config = *config};
    engine->roster = roster_create(config->genesis, config->genesis_hash, config->keys);
    engine->heads = heads_create();
    engine->fold = fold_create();
    wants_init(&engine->wants);
    arena_init(&engine->scratch);
    buffer_init(&engine->encoded, RUN_SIZE_LIMIT);
    buffer_init(&engine->message, MESSAGE_SIZE_MAX);
    buffer_init(&engine->entries, RUN_SIZE_LIMIT);
    for (int lane = 0; lane < LANES; lane++)
        buffer_init(&engine->writing[lane].entries, RUN_SIZE_LIMIT);
    return engine;
}

void engine_destroy(struct engine *engine)
{
    for (size_t i = 0; i < engine->session_count; i++)
        session_destroy(engine->sessions[i]);
    free(engine->sessions);
    free(engine->diverged);
    free(engine->operators);
    for (int lane = 0; lane < LANES; lane++)
        buffer_deinit(&engine->writing[lane].entries);
    buffer_deinit(&engine->entries);
    buffer_deinit(&engine->message);
    buffer_deinit(&engine->encoded);
    arena_deinit(&engine->scratch);
    wants_deinit(&engine->wants);
    fold_destroy(engine->fold);
    heads_destroy(engine->heads);
    roster_destroy(engine->roster);
    free(engine);
}

/* ---- stepping ---- */

/* On a new link everything before the neighbour's hello is dropped: it was sent on an
 * earlier link. */
static void hear_message(struct engine *engine, struct session *session,
                         struct message *message, const struct event *event)
{
    if (message->kind == MESSAGE_HELLO) {
        greet_hear(engine, session, &message->hello);
        return;
    }
    if (session->state != SESSION_OPEN)
        return;
    switch (message->kind) {
    case MESSAGE_HELLO: return;
    case MESSAGE_HEADS: sync_hear_heads(engine, session, &message->heads); return;
    case MESSAGE_WANT: sync_hear_want(engine, session, &message->want); return;
    case MESSAGE_RUN:
        sync_hear_run(engine, session, &message->run, event->bytes, event->random);
        return;
    case MESSAGE_NOTED: sync_hear_noted(engine, session, &message->noted); return;
    }
}

static void step_frame(struct engine *engine, const struct event *event)
{
    struct session *session = sessions_meet(engine, event->peer);
    struct message message;
    enum status status;

    if (session->paused || engine_member(engine, event->peer) == NULL ||
        roster_revoked(engine->roster, event->peer) || session->state == SESSION_DOWN)
        return;
    session->heard_at_ms = event->steady_ms;
    session->bytes_in += event->bytes.size;
    status = message_decode(event->bytes, &message);
    if (status == ERR_VERSION)
        sync_offence(engine, session, REFUSED_VERSION);
    else if (status != OK)
        sync_offence(engine, session, REFUSED_MALFORMED);
    else if (clones_hear(engine, session, event->connection, &message))
        hear_message(engine, session, &message, event);
}

static void step_link(struct engine *engine, const struct event *event)
{
    struct session *session = sessions_meet(engine, event->peer);

    session->link = event->kind == EVENT_LINK_UP;
    clones_link_changed(session);
    wants_forget_asked(&engine->wants, event->peer);
    if (session->link &&
        (session->paused || roster_revoked(engine->roster, event->peer))) {
        engine_effect(engine, EFFECT_DROP, event->peer)->pause_ms = UINT64_MAX;
        return;
    }
    session_enter(session, session->link ? SESSION_LINK_UP : SESSION_LINK_DOWN,
                  event->steady_ms);
    session_rewind_soon(session);
}

static void reply(struct engine *engine, uint64_t token, enum status status)
{
    struct effect *effect = engine_effect(engine, EFFECT_REPLY, 0);

    effect->token = token;
    effect->status = status;
}

static void step_pause(struct engine *engine, const struct event *event)
{
    const struct member *member = engine_member(engine, event->peer);
    struct session *session;

    if (member == NULL || member == engine_self(engine)) {
        reply(engine, event->token, ERR_NOT_FOUND);
        return;
    }
    session = sessions_meet(engine, event->peer);
    session->paused = event->kind == EVENT_PAUSE;
    sessions_save_pause(engine, session);
    if (session->paused) {
        session_enter(session, SESSION_LINK_DOWN, event->steady_ms);
        wants_forget_asked(&engine->wants, event->peer);
        engine_effect(engine, EFFECT_DROP, event->peer)->pause_ms = UINT64_MAX;
    } else {
        engine_effect(engine, EFFECT_DIAL, event->peer);
    }
    reply(engine, event->token, OK);
}

static void step_forget(struct engine *engine, const struct event *event)
{
    struct session *session = sessions_find(engine, event->peer);
    enum status status = OK;

    if (session == NULL)
        status = ERR_NOT_FOUND;
    else if (session->link)
        status = ERR_PEER_LINKED;
    if (status == OK) {
        if (session->paused)
            engine_effect(engine, EFFECT_DIAL, event->peer); /* it may link again */
        sessions_forget(engine, session);
    }
    reply(engine, event->token, status);
}

void engine_step(struct engine *engine, struct store_txn *txn, const struct event *event,
                 struct effects *effects)
{
    engine->txn = txn;
    engine->effects = effects;
    engine->now_ms = event->steady_ms;
    engine->wall_ms = event->wall_ms;
    switch (event->kind) {
    case EVENT_TICK: return;
    case EVENT_LINK_UP:
    case EVENT_LINK_DOWN: step_link(engine, event); return;
    case EVENT_FRAME: step_frame(engine, event); return;
    case EVENT_WRITE: author_write(engine, event); return;
    case EVENT_PAUSE:
    case EVENT_RESUME: step_pause(engine, event); return;
    case EVENT_FORGET: step_forget(engine, event); return;
    case EVENT_JOIN:
        reply(engine, event->token, intake_grant(engine, event->bytes, event->random));
        return;
    case EVENT_RECLAIM:
        own_log_reclaim(engine, event);
        reply(engine, event->token, OK);
        return;
    }
}

void engine_end_batch(struct engine *engine, struct store_txn *txn,
                      const struct event *last, struct effects *effects)
{
    engine->txn = txn;
    engine->effects = effects;
    engine->now_ms = last->steady_ms;
    engine->wall_ms = last->wall_ms;
    writing_sign(engine);
    folding_fold_some(engine);
    folding_flush(engine);
    for (size_t i = 0; i < engine->session_count; i++)
        clones_take_turns(engine, engine->sessions[i]);
    /* All hellos come first: on a new link nothing that goes before it is heard. */
    for (size_t i = 0; i < engine->session_count; i++)
        greet_speak(engine, engine->sessions[i], last->random);
    sync_request(engine);
    for (size_t i = 0; i < engine->session_count; i++) {
        sync_speak(engine, engine->sessions[i]);
        sessions_look(engine, engine->sessions[i]);
    }
    if (engine->roster_changed)
        engine_effect(engine, EFFECT_ROSTER, 0);
    engine->roster_changed = false;
    if (!engine->wrote)
        return;
    for (size_t i = 0; i < engine->session_count; i++)
        sessions_save(engine, engine->sessions[i]);
    if (engine->fold_dirty)
        folding_save(engine);
    heads_flush(engine->heads, txn);
}

size_t engine_rows_pending(const struct engine *engine)
{
    return fold_pending(engine->fold);
}

bool engine_take_wrote(struct engine *engine)
{
    bool wrote = engine->wrote;

    engine->wrote = false;
    return wrote;
}

uint64_t engine_wake_ms(const struct engine *engine)
{
    uint64_t wake_ms = engine->follow_left > 0 ? engine->follow_ms : UINT64_MAX;

    if (engine_folding(engine, NULL))
        wake_ms = 0;

    for (size_t i = 0; i < engine->session_count; i++) {
        uint64_t greet_ms = greet_wake_ms(engine, engine->sessions[i]);
        uint64_t sync_ms = sync_wake_ms(engine, engine->sessions[i]);
        uint64_t turn_ms = clones_wake_ms(engine->sessions[i]);
        if (turn_ms < wake_ms)
            wake_ms = turn_ms;
        if (greet_ms < wake_ms)
            wake_ms = greet_ms;
        if (sync_ms < wake_ms)
            wake_ms = sync_ms;
    }
    return wake_ms;
}

/* ---- reading ---- */

void engine_heads_digest(const struct engine *engine, struct hash *digest)
{
    heads_digest(engine->heads, roster_salt(engine->roster), NULL, NULL, digest);
}
