/* Hellos. Each side says how far it is and a digest over the heads of the logs that both
 * carry. Equal: done, one round trip. Different: each announces what the other has not
 * noted. Different although everything is noted: a number that one side remembers of the other
 * is wrong, so the whole list of heads is asked for. The digest is computed from the heads that
 * are held now and is always right. */
#include "net/engine_state.h"

#include <string.h>

/* ---- what both carry ---- */

struct common {
    const struct engine *engine;
    const struct member *self, *peer;
};

static bool common_log(void *context, struct log_name log)
{
    const struct common *common = context;
    const struct member *author = roster_member(common->engine->roster, log.node);

    return author != NULL && roster_carries(common->self, author, log.lane) &&
           roster_carries(common->peer, author, log.lane);
}

static void common_digest(const struct engine *engine, uint32_t peer,
                          uint8_t digest[DIGEST_SIZE])
{
    struct common common = {engine, engine_self(engine), engine_member(engine, peer)};
    struct hash full = {0};

    if (common.self != NULL && common.peer != NULL)
        heads_digest(engine->heads, roster_salt(engine->roster), common_log, &common,
                     &full);
    memcpy(digest, full.bytes, DIGEST_SIZE);
}

static void control_position(const struct engine *engine, struct hello *hello)
{
    const struct head *head =
        heads_find(engine->heads, authority_log(engine->config.genesis_hash));

    if (head == NULL)
        return;
    hello->control_seq = head->seq;
    memcpy(hello->control_hash, head->hash.bytes, HASH_CHECK_SIZE);
}

/* ---- saying ---- */

static void greet_say(struct engine *engine, struct session *session)
{
    struct hello hello = {
        .version = PROTOCOL_VERSION,
        .flags =
            (uint8_t)((session->greeting.hello_answers ? 0 : HELLO_ANSWER) |
                      (session->greeting.relist ? HELLO_RELIST : 0) |
                      (clones_since_ms(session, engine->now_ms) > 0 ? HELLO_CLONE : 0) |
                      (engine->strayed > 0 ? HELLO_STRAYED : 0)),
        .incarnation = engine->incarnation,
        .last = engine->arrival,
        .clock_s = engine->wall_ms / 1000,
        .noted_incarnation = session->hearing.incarnation,
        .noted = session->greeting.relist ? 0 : session->hearing.heard,
    };

    CHECK(session->state != SESSION_DOWN && !session->paused);
    session->greeting.clock_offset_ms = engine->wall_ms - engine->now_ms;
    if (session->greeting.relist)
        session_forget_heard(session);
    control_position(engine, &hello);
    common_digest(engine, session->peer, hello.digest);
    buffer_clear(&engine->message);
    message_put_hello(&engine->message, &hello);
    engine_send(engine, session, buffer_slice(&engine->message));
    session_hello_sent(session);
}

/* Nothing is under way between us in either direction. */
static bool session_is_quiet(const struct engine *engine, const struct session *session)
{
    return session->sending.queue_count == 0 &&
           session->telling.noted >= session->telling.told &&
           session->telling.covered == engine->arrival &&
           !wants_any_asked(&engine->wants, session->peer);
}

/* The wall clock was set since the last hello, which told the neighbour the old time. */
static bool clock_was_set(const struct engine *engine, const struct session *session)
{
    uint64_t moved_ms =
        engine->wall_ms - engine->now_ms - session->greeting.clock_offset_ms;

    return moved_ms >= CLOCK_SET_MS && moved_ms <= UINT64_MAX - CLOCK_SET_MS;
}

void greet_speak(struct engine *engine, struct session *session,
                 const uint8_t random[RANDOM_SIZE])
{
    if (session->state == SESSION_DOWN || session->paused)
        return;
    bool due =
        engine->now_ms >= session->greeting.hello_at_ms || clock_was_set(engine, session);
    if (due && (session->state == SESSION_GREETING || session_is_quiet(engine, session)))
        session_owe_hello(session, session->greeting.hello_answers);
    if (!session->greeting.hello_due)
        return;
    bool answers = session->greeting.hello_answers;
    greet_say(engine, session);
    if (!answers)
        timers_hello_sent(session, random[0], engine->now_ms);
}

uint64_t greet_wake_ms(const struct engine *engine, const struct session *session)
{
    if (session->state == SESSION_DOWN || session->paused)
        return UINT64_MAX;
    if (session->state == SESSION_OPEN && !session_is_quiet(engine, session))
        return UINT64_MAX; /* its end, or its timer in sync.c, wakes the engine */
    return session->greeting.hello_at_ms;
}

/* ---- hearing ---- */

/* Equal digests say that this neighbour holds no more than we do of what both carry: what it
 * announced beyond that was never there. */
static void forget_false_wants(struct engine *engine, uint32_t peer)
{
    for (size_t i = engine->wants.count; i-- > 0;) {
        struct log_name log = engine->wants.rows[i].log;
        if (engine_carries(engine, peer, log) && engine_carries_itself(engine, log) &&
            wants_drop_source(&engine->wants, engine->txn, log, peer))
            engine->wrote = true;
    }
}

static void greet_equal(struct engine *engine, struct session *session)
{
    CHECK(session->state == SESSION_OPEN);
    session_compared_equal(session, engine->arrival);
    for (size_t i = 0; i < heads_count(engine->heads); i++) {
        const struct head *head = heads_at(engine->heads, i);
        if (engine_carries(engine, session->peer, head->log))
            session_hold(session, i, head->seq);
    }
    forget_false_wants(engine, session->peer);
    engine_clear_diverged(engine, session->peer);
    session->inquiry.suspected_since_ms = 0;
}

/* Everything is told again from what the neighbour noted; what it was offered beyond that
 * may be lost. One that goes back, or asks for the whole list, may do so now and then. */
static void greet_take_noted(struct engine *engine, struct session *session,
                             const struct hello *hello)
{
    bool same = hello->noted_incarnation == engine->incarnation;
    uint64_t noted = same && hello->noted <= engine->arrival ? hello->noted : 0;
    bool relist = (hello->flags & HELLO_RELIST) != 0;

    if ((relist || noted < session->telling.noted) &&
        !timers_may_go_back(session, engine->now_ms)) {
        noted = session->telling.noted;
        relist = false;
    }
    session_told_backlog(session, relist, engine->arrival);
    if (session->telling.told > noted)
        session_rewind_soon(session);
    session_tell_from(session, noted, engine->arrival);
}

void greet_hear(struct engine *engine, struct session *session, const struct hello *hello)
{
    struct hello ours = {0};
    bool quiet = session_is_quiet(engine, session);
    const struct head *control;
    bool control_equal, equal;

    if ((hello->flags & HELLO_CLONE) == 0)
        session->turns.told_since_ms = 0;
    else if (session->turns.told_since_ms == 0)
        session->turns.told_since_ms = engine->now_ms;
    if ((hello->flags & HELLO_STRAYED) == 0)
        session->strayed_since_ms = 0;
    else if (session->strayed_since_ms == 0)
        session->strayed_since_ms = engine->now_ms;
    session->clock_s = hello->clock_s;
    session->clock_at_ms = engine->now_ms;
    session_hear_store(session, hello->incarnation, hello->last);
    session_enter(session, SESSION_HELLO, engine->now_ms);
    greet_take_noted(engine, session, hello);
    control_position(engine, &ours);
    common_digest(engine, session->peer, ours.digest);
    control_equal = ours.control_seq == hello->control_seq &&
                    memcmp(ours.control_hash, hello->control_hash, HASH_CHECK_SIZE) == 0;
    /* Then the neighbour holds the roster as far as this node does. */
    control = heads_find(engine->heads, authority_log(engine->config.genesis_hash));
    if (control_equal && control != NULL)
        session_hold(session, engine_head_index(engine, control), control->seq);
    equal = control_equal && memcmp(ours.digest, hello->digest, DIGEST_SIZE) == 0;
    if (equal)
        greet_equal(engine, session);
    else if (session_compared_different(session, quiet, engine->now_ms))
        session_ask_list(session);
    if (hello->flags & HELLO_ANSWER) {
        /* A neighbour asks for an answer when nothing is under way between the two nodes, or
         * after a restart during which the link here stayed up: it has forgotten then what
         * was under way. */
        session_forget_under_way(session);
        session_owe_hello(session, !session->greeting.relist);
    }
}
