#include "net/timers.h"

#include "net/session.h"

static uint64_t doubled(uint64_t interval_ms, uint64_t interval_ms_max)
{
    return interval_ms * 2 > interval_ms_max ? interval_ms_max : interval_ms * 2;
}

static uint64_t spread(uint64_t interval_ms, uint8_t random)
{
    return interval_ms - interval_ms / 4 + interval_ms * random / 512;
}

/* Both ends greet as the link comes up, and the two hellos cross: each may differ once from
 * what is told right after it, so a list is not asked for at once. */
static void timers_reset(struct greeting *greeting, uint64_t now_ms)
{
    greeting->greeting_ms = GREETING_MS;
    greeting->compare_ms = COMPARE_MS_MIN;
    greeting->verify_ms = VERIFY_MS_MIN;
    greeting->relist_ms = COMPARE_MS_MIN;
    greeting->relist_at_ms = now_ms + GREETING_MS;
    greeting->went_back_at_ms = 0;
}

void timers_link_up(struct session *session, uint64_t now_ms)
{
    timers_reset(&session->greeting, now_ms);
    session->greeting.hello_at_ms = now_ms + session->greeting.greeting_ms;
    session->receiving.progress_at_ms = now_ms;
    session->sending.mark_at_ms = now_ms;
}

void timers_link_down(struct session *session)
{
    session->greeting.hello_at_ms = UINT64_MAX;
}

void timers_opened(struct session *session, uint64_t now_ms)
{
    session->greeting.hello_at_ms = now_ms + COMPARE_MS_MIN;
}

void timers_hello_sent(struct session *session, uint8_t random, uint64_t now_ms)
{
    struct greeting *greeting = &session->greeting;
    uint64_t wait_ms;

    if (session->state == SESSION_GREETING) {
        wait_ms = greeting->greeting_ms;
        greeting->greeting_ms = doubled(wait_ms, GREETING_MS_MAX);
    } else if (greeting->equal) {
        wait_ms = spread(greeting->compare_ms, random);
        greeting->compare_ms = doubled(greeting->compare_ms, COMPARE_MS_MAX);
    } else {
        wait_ms = spread(greeting->verify_ms, random);
        greeting->verify_ms = doubled(greeting->verify_ms, COMPARE_MS_MAX);
    }
    greeting->hello_at_ms = now_ms + wait_ms;
}

void timers_compared_equal(struct session *session)
{
    session->greeting.verify_ms = VERIFY_MS_MIN;
    session->greeting.relist_ms = COMPARE_MS_MIN;
}

void timers_compared_different(struct session *session, uint64_t now_ms)
{
    struct greeting *greeting = &session->greeting;

    if (greeting->equal)
        greeting->compare_ms = COMPARE_MS_MIN;
    if (greeting->hello_at_ms > now_ms + greeting->verify_ms)
        greeting->hello_at_ms = now_ms + greeting->verify_ms;
}

void timers_list_asked(struct session *session, uint64_t now_ms)
{
    struct greeting *greeting = &session->greeting;

    greeting->relist_at_ms = now_ms + greeting->relist_ms;
    greeting->relist_ms = doubled(greeting->relist_ms, COMPARE_MS_MAX);
}

void timers_compare_soon(struct session *session, uint64_t now_ms)
{
    session->greeting.hello_at_ms = now_ms + session->greeting.verify_ms;
}

bool timers_may_go_back(struct session *session, uint64_t now_ms)
{
    uint64_t *went_back_at_ms = &session->greeting.went_back_at_ms;

    if (*went_back_at_ms != 0 && now_ms < *went_back_at_ms + LISTING_MS_MIN)
        return false;
    *went_back_at_ms = now_ms;
    return true;
}

uint64_t timers_penalty_ms(struct session *session)
{
    uint64_t penalty_ms = session->penalty_ms;

    session->penalty_ms = doubled(penalty_ms, PENALTY_MS_MAX);
    return penalty_ms;
}

bool timers_noted_overdue(const struct session *session, uint64_t now_ms)
{
    return session->telling.noted < session->telling.told &&
           now_ms >= session->telling.told_at_ms + RETRY_MS;
}

bool timers_acknowledgement_overdue(const struct session *session, uint64_t now_ms)
{
    return session->sending.acknowledged < session->sending.sent &&
           now_ms >= session->sending.mark_at_ms + RETRY_MS;
}

/* What was asked before the time returned, and has not moved since, is asked of another. A
 * neighbour from which no run at all comes has probably lost the question and gets RETRY_MS;
 * one that is sending other runs gets RETRY_SLOW_MS. */
uint64_t timers_asked_overdue_before_ms(const struct session *session, uint64_t now_ms)
{
    bool silent = now_ms >= session->receiving.progress_at_ms + RETRY_MS;
    uint64_t patience_ms = silent ? RETRY_MS : RETRY_SLOW_MS;

    return now_ms > patience_ms ? now_ms - patience_ms : 0;
}

uint64_t timers_next_retry_ms(const struct session *session, uint64_t still_since_ms,
                              uint64_t now_ms)
{
    uint64_t next_ms = UINT64_MAX;

    if (session->telling.noted < session->telling.told)
        next_ms = session->telling.told_at_ms + RETRY_MS;
    if (session->sending.acknowledged < session->sending.sent &&
        session->sending.mark_at_ms + RETRY_MS < next_ms)
        next_ms = session->sending.mark_at_ms + RETRY_MS;
    if (still_since_ms != UINT64_MAX) {
        uint64_t due_ms = still_since_ms + RETRY_MS;
        if (due_ms <= now_ms) /* looked at already, and given more time */
            due_ms = still_since_ms + RETRY_SLOW_MS;
        if (due_ms < next_ms)
            next_ms = due_ms;
    }
    return next_ms;
}
