/* Hellos. Each side says how far it is and a digest over the heads of the logs that both
 * carry. Equal: done, one round trip. Different: each announces what the other has not
 * noted. Different although everything is noted: a remembered number lied, so the whole
 * list is asked for. "A sketch or a remembered number can lie, a digest decides." */
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
        .flags = (uint8_t)((session->hello_answers ? 0 : HELLO_ANSWER) |
                           (session->relist ? HELLO_RELIST : 0)),
        .incarnation = engine->incarnation,
        .last = engine->arrival,
        .noted_incarnation = session->incarnation,
        .noted = session->relist ? 0 : session->heard,
    };

    if (session->relist)
        session->heard = 0;
    control_position(engine, &hello);
    common_digest(engine, session->peer, hello.digest);
    buffer_clear(&engine->message);
    message_put_hello(&engine->message, &hello);
    engine_send(engine, session, buffer_slice(&engine->message));
    session->hello_due = session->hello_answers = session->relist = false;
}

/* A timer's instant, spread by a quarter either way so that a county does not act at
 * once. */
static uint64_t spread(uint64_t interval_ms, const uint8_t random[RANDOM_SIZE])
{
    return interval_ms - interval_ms / 4 + interval_ms * random[0] / 512;
}

static uint64_t doubled(uint64_t interval_ms, uint64_t interval_ms_max)
{
    return interval_ms * 2 > interval_ms_max ? interval_ms_max : interval_ms * 2;
}

static void greet_schedule(struct engine *engine, struct session *session,
                           const uint8_t random[RANDOM_SIZE])
{
    uint64_t wait_ms;

    if (session->state == SESSION_GREETING) {
        wait_ms = session->greeting_ms;
        session->greeting_ms = doubled(wait_ms, GREETING_MS_MAX);
    } else if (session->equal) {
        wait_ms = spread(session->compare_ms, random);
        session->compare_ms = doubled(session->compare_ms, COMPARE_MS_MAX);
    } else {
        wait_ms = spread(session->verify_ms, random);
        session->verify_ms = doubled(session->verify_ms, COMPARE_MS_MAX);
    }
    session->hello_at_ms = engine->now_ms + wait_ms;
}

/* Nothing is under way between us in either direction. */
static bool session_is_quiet(const struct engine *engine, const struct session *session)
{
    return session->queue_count == 0 && session->noted >= session->told &&
           session->covered == engine->arrival &&
           !wants_any_asked(&engine->wants, session->peer);
}

void greet_speak(struct engine *engine, struct session *session,
                 const uint8_t random[RANDOM_SIZE])
{
    if (session->state == SESSION_DOWN || session->paused)
        return;
    if (engine->now_ms >= session->hello_at_ms &&
        (session->state == SESSION_GREETING || session_is_quiet(engine, session)))
        session->hello_due = true;
    if (!session->hello_due)
        return;
    bool by_timer = !session->hello_answers;
    greet_say(engine, session);
    if (by_timer)
        greet_schedule(engine, session, random);
}

uint64_t greet_wake_ms(const struct engine *engine, const struct session *session)
{
    if (session->state == SESSION_DOWN || session->paused)
        return UINT64_MAX;
    if (session->state == SESSION_OPEN && !session_is_quiet(engine, session))
        return UINT64_MAX; /* what is under way will wake us */
    return session->hello_at_ms;
}

/* What was told as heads is fetched from anybody; only a digest shows that it has come. */
void greet_compare_soon(struct engine *engine, struct session *session)
{
    if (!session->equal)
        return;
    session->equal = false;
    session->hello_at_ms = engine->now_ms + session->verify_ms;
}

/* ---- hearing ---- */

/* Equal digests say that this neighbour holds no more than we do of what both carry: what it
 * announced beyond that was never there. */
static void forget_false_wants(struct engine *engine, uint32_t peer)
{
    uint32_t self = engine_self(engine)->number;

    for (size_t i = engine->wants.count; i-- > 0;) {
        struct log_name log = engine->wants.rows[i].log;
        if (engine_carries(engine, peer, log) && engine_carries(engine, self, log) &&
            wants_drop_source(&engine->wants, engine->txn, log, peer))
            engine->wrote = true;
    }
}

static void greet_equal(struct engine *engine, struct session *session,
                        const struct hello *hello)
{
    session->equal = true;
    session->differences = 0;
    session->verify_ms = VERIFY_MS_MIN;
    session->relist_ms = COMPARE_MS_MIN;
    session->noted = session->told = session->covered = engine->arrival;
    session->heard = hello->last;
    session->queue_count = 0;
    session->acknowledged = session->sent;
    for (size_t i = 0; i < heads_count(engine->heads); i++) {
        const struct head *head = heads_at(engine->heads, i);
        if (engine_carries(engine, session->peer, head->log))
            session_hold(session, i, head->seq);
    }
    forget_false_wants(engine, session->peer);
    engine_clear_diverged(engine, session->peer);
}

static void greet_different(struct engine *engine, struct session *session, bool quiet)
{
    if (session->equal)
        session->compare_ms = COMPARE_MS_MIN;
    session->equal = false;
    if (session->hello_at_ms > engine->now_ms + session->verify_ms)
        session->hello_at_ms = engine->now_ms + session->verify_ms;
    if (!quiet || ++session->differences < DIFFERENCES_MAX ||
        engine->now_ms < session->relist_at_ms)
        return;
    session->relist = session->hello_due = true;
    session->relist_at_ms = engine->now_ms + session->relist_ms;
    session->relist_ms = doubled(session->relist_ms, COMPARE_MS_MAX);
}

/* Everything is told again from what the neighbour noted; what it was offered beyond that
 * may be lost. One that goes back, or asks for the whole list, may do so now and then. */
static void greet_take_noted(struct engine *engine, struct session *session,
                             const struct hello *hello)
{
    bool same = hello->noted_incarnation == engine->incarnation;
    uint64_t noted = same && hello->noted <= engine->arrival ? hello->noted : 0;
    bool relist = (hello->flags & HELLO_RELIST) != 0;

    session->backlog = engine->arrival;
    if ((relist || noted < session->noted) &&
        !session_may_go_back(session, engine->now_ms))
        noted = session->noted;
    else if (relist)
        session->list_hashes = true;
    if (session->list_hashes)
        session_forget_held(session);
    session->rewind_due |= session->told > noted;
    session->noted = session->told = session->covered = noted;
}

/* Whoever asks for a hello has nothing under way with us, or has forgotten it: it greets anew
 * after a restart that our link did not notice. */
static void forget_under_way(struct session *session)
{
    session->queue_count = 0;
    session->acknowledged = session->sent;
}

/* Equal control heads: the roster need not be told. */
static void hold_control(struct engine *engine, struct session *session)
{
    const struct head *head =
        heads_find(engine->heads, authority_log(engine->config.genesis_hash));

    if (head != NULL)
        session_hold(session, engine_head_index(engine, head), head->seq);
}

void greet_hear(struct engine *engine, struct session *session, const struct hello *hello)
{
    struct hello ours = {0};
    bool quiet = session_is_quiet(engine, session);
    bool control_equal, equal;

    if (session->incarnation != hello->incarnation) {
        session->incarnation = hello->incarnation;
        session->heard = 0;
        session_forget_held(session);
    }
    session->last = hello->last;
    if (session->heard > hello->last)
        session->heard = 0;
    session_enter(session, SESSION_HELLO, engine->now_ms);
    greet_take_noted(engine, session, hello);
    control_position(engine, &ours);
    common_digest(engine, session->peer, ours.digest);
    control_equal = ours.control_seq == hello->control_seq &&
                    memcmp(ours.control_hash, hello->control_hash, HASH_CHECK_SIZE) == 0;
    if (control_equal)
        hold_control(engine, session);
    equal = control_equal && memcmp(ours.digest, hello->digest, DIGEST_SIZE) == 0;
    if (equal)
        greet_equal(engine, session, hello);
    else
        greet_different(engine, session, quiet);
    if (hello->flags & HELLO_ANSWER) {
        forget_under_way(session);
        session->hello_due = true;
        session->hello_answers = !session->relist;
    }
}
