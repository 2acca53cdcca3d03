/* Two machines that run under one key: a copied disk, both in use. They are told apart by the
 * incarnation in their hellos, and by the connection over which each speaks.
 *
 * A session is a conversation with one store, so they take turns. Out of turn only a hello is
 * heard, which puts the store in the queue; the first that comes is served at once, because a
 * machine that died and was replaced never speaks again and leaves an open connection behind
 * for a minute. When a turn is over the next of the queue is greeted over its own connection.
 * If it answers, both live: "two live sessions with one key and different incarnations raise a
 * clone alarm". If it does not, its connection is dead, and it is forgotten.
 *
 * Two stores with the same incarnation (an image of the disk put into a second machine) are
 * not told apart until their logs part and one of them begins new ones (branch.c). */
#include "net/engine_state.h"

#include <string.h>

static void forget_at(struct turns *turns, size_t index)
{
    CHECK(index < turns->count && turns->count <= STORES_WAITING_MAX);
    turns->count--;
    memmove(&turns->queue[index], &turns->queue[index + 1],
            (turns->count - index) * sizeof *turns->queue);
}

/* Its place in the queue is kept where it has one; the longest waiting gives way where there
 * is no room. */
static void enqueue(struct turns *turns, struct other_store store)
{
    for (size_t i = 0; i < turns->count; i++) {
        if (turns->queue[i].incarnation == store.incarnation) {
            turns->queue[i].connection = store.connection;
            return;
        }
    }
    if (turns->count == STORES_WAITING_MAX)
        forget_at(turns, 0);
    CHECK(turns->count < STORES_WAITING_MAX);
    turns->queue[turns->count++] = store;
}

/* What is under way with the store that was served is lost, as if its link had been cut. */
static void serve(struct engine *engine, struct session *session,
                  struct other_store store)
{
    struct turns *turns = &session->turns;

    for (size_t i = turns->count; i-- > 0;) {
        if (turns->queue[i].connection == store.connection ||
            turns->queue[i].incarnation == store.incarnation)
            forget_at(turns, i);
    }
    wants_forget_asked(&engine->wants, session->peer);
    session_serve(session, store.incarnation, store.heard);
    session_enter(session, SESSION_LINK_UP, engine->now_ms);
    session_rewind_soon(session);
    turns->connection = store.connection;
    turns->began_ms = engine->now_ms;
    turns->returning = store.left;
}

static struct other_store served_store(const struct session *session)
{
    return (struct other_store){.connection = session->turns.connection,
                                .incarnation = session->hearing.incarnation,
                                .heard = session->hearing.heard,
                                .left = true};
}

/* The store that is served says hello. One that had been left for another is alive beside
 * it: what it answers was asked after the other spoke. */
static void hear_served(struct engine *engine, struct turns *turns)
{
    turns->greeted = false;
    if (!turns->returning)
        return;
    turns->returning = false;
    if (turns->both_at_ms == 0 || engine->now_ms - turns->both_at_ms >= CLONES_TOLD_MS)
        turns->both_since_ms = engine->now_ms;
    turns->both_at_ms = engine->now_ms;
}

bool clones_hear(struct engine *engine, struct session *session, uint64_t connection,
                 const struct message *message)
{
    struct turns *turns = &session->turns;
    struct other_store store = {.connection = connection};

    if (message->kind != MESSAGE_HELLO) {
        /* One machine may have two connections with us, and speak on either. */
        if (turns->connection != connection && turns->count > 0)
            return false;
        turns->connection = connection;
        return true;
    }
    store.incarnation = message->hello.incarnation;
    if (turns->connection == 0 || turns->connection == connection ||
        session->hearing.incarnation == store.incarnation) {
        if (turns->connection == 0)
            turns->began_ms = engine->now_ms;
        turns->connection = connection;
        hear_served(engine, turns);
        return true;
    }
    if (engine->now_ms < turns->began_ms + STORE_TURN_MS) {
        enqueue(turns, store);
        return false;
    }
    /* What is known of it from its last turn stays known. */
    for (size_t i = 0; i < turns->count; i++) {
        if (turns->queue[i].incarnation == store.incarnation) {
            store.heard = turns->queue[i].heard;
            store.left = turns->queue[i].left;
        }
    }
    struct other_store before = served_store(session);
    bool silent = turns->greeted;
    serve(engine, session, store);
    enqueue(turns, before);
    turns->returning &= !silent; /* nobody spoke since it was left */
    hear_served(engine, turns);
    return true;
}

void clones_take_turns(struct engine *engine, struct session *session)
{
    struct turns *turns = &session->turns;

    if (engine->now_ms < clones_wake_ms(session))
        return;
    CHECK(turns->count > 0);
    struct other_store before = served_store(session);
    struct other_store next = turns->queue[0];
    bool gone = turns->greeted;
    serve(engine, session, next);
    if (!gone)
        enqueue(turns, before);
    turns->returning &= !gone; /* nobody spoke since it was left */
    turns->greeted = true;
}

uint64_t clones_wake_ms(const struct session *session)
{
    const struct turns *turns = &session->turns;

    if (turns->count == 0 || session->state == SESSION_DOWN || session->paused)
        return UINT64_MAX;
    return turns->began_ms + (turns->greeted ? STORE_SILENT_MS : STORE_TURN_MS);
}

void clones_link_changed(struct session *session)
{
    struct turns *turns = &session->turns;

    turns->connection = turns->count = 0;
    turns->greeted = turns->returning = false;
}

uint64_t clones_since_ms(const struct session *session, uint64_t now_ms)
{
    const struct turns *turns = &session->turns;
    bool told = turns->both_at_ms > 0 && now_ms - turns->both_at_ms < CLONES_TOLD_MS;

    return told ? turns->both_since_ms : 0;
}
