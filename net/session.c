#include "net/session.h"

#include <stdlib.h>
#include <string.h>

enum session_state session_next(enum session_state state, enum session_event event)
{
    switch (event) {
    case SESSION_LINK_UP: return SESSION_GREETING;
    case SESSION_LINK_DOWN: return SESSION_DOWN;
    case SESSION_HELLO: return state == SESSION_DOWN ? SESSION_DOWN : SESSION_OPEN;
    }
    return state;
}

struct session *session_create(uint32_t peer)
{
    struct session *session = checked_malloc(sizeof *session);

    *session = (struct session){
        .peer = peer, .penalty_ms = PENALTY_MS_MIN, .hello_at_ms = UINT64_MAX};
    return session;
}

void session_destroy(struct session *session)
{
    free(session->held);
    free(session->owed);
    free(session->queue);
    free(session);
}

/* A new link begins with nothing under way in either direction. */
static void session_reset_link(struct session *session, uint64_t now_ms)
{
    session->queue_count = session->owed_count = 0;
    session->sent = session->acknowledged = session->received = 0;
    session->mark = 0;
    session->mark_at_ms = now_ms;
    session->window = WINDOW_START;
    session->told = session->covered = session->noted;
    session->list_hashes = session->relist = session->owes_noted = false;
    session->equal = session->hello_due = session->hello_answers = false;
    session->progress_at_ms = now_ms;
    session->greeting_ms = GREETING_MS;
    session->compare_ms = COMPARE_MS_MIN;
    session->verify_ms = VERIFY_MS_MIN;
    session->relist_ms = COMPARE_MS_MIN;
    session->relist_at_ms = now_ms + GREETING_MS; /* hellos cross, and differ twice */
    session->differences = 0;
    session->went_back_at_ms = 0;
}

void session_enter(struct session *session, enum session_event event, uint64_t now_ms)
{
    enum session_state next = session_next(session->state, event);

    switch (next) {
    case SESSION_DOWN:
        if (session->state != SESSION_DOWN)
            session_reset_link(session, now_ms);
        session->hello_at_ms = UINT64_MAX;
        break;
    case SESSION_GREETING:
        session_reset_link(session, now_ms);
        session->hello_due = true;
        session->hello_at_ms = now_ms + session->greeting_ms;
        break;
    case SESSION_OPEN:
        if (session->state != SESSION_OPEN)
            session->hello_at_ms = now_ms + COMPARE_MS_MIN;
        break;
    }
    session->state = next;
}

uint64_t session_held(const struct session *session, size_t head_index)
{
    return head_index < session->held_count ? session->held[head_index].seq : 0;
}

uint64_t session_offered(const struct session *session, size_t head_index)
{
    return head_index < session->held_count ? session->held[head_index].offered : 0;
}

static struct held_log *held_log_at(struct session *session, size_t head_index)
{
    if (head_index >= session->held_count) {
        size_t count = head_index + 16;
        session->held = checked_realloc(session->held, count * sizeof *session->held);
        memset(session->held + session->held_count, 0,
               (count - session->held_count) * sizeof *session->held);
        session->held_count = count;
    }
    return &session->held[head_index];
}

void session_hold(struct session *session, size_t head_index, uint64_t seq)
{
    struct held_log *held = held_log_at(session, head_index);

    if (seq > held->seq) {
        held->seq = seq;
        session->held_moved = true;
    }
    if (seq > held->offered)
        held->offered = seq;
}

void session_offer(struct session *session, size_t head_index, uint64_t seq)
{
    struct held_log *held = held_log_at(session, head_index);

    if (seq > held->offered)
        held->offered = seq;
}

void session_withdraw(struct session *session, size_t head_index, uint64_t seq)
{
    struct held_log *held = held_log_at(session, head_index);

    if (held->offered > seq)
        held->offered = seq > held->seq ? seq : held->seq;
}

void session_forget_held(struct session *session)
{
    if (session->held_count > 0)
        memset(session->held, 0, session->held_count * sizeof *session->held);
    session->confirmed = 0;
}

void session_owe(struct session *session, struct log_name log)
{
    session->owes_noted = true;
    for (size_t i = 0; i < session->owed_count; i++) {
        if (log_name_equal(session->owed[i], log))
            return;
    }
    if (session->owed_count == session->owed_capacity) {
        session->owed_capacity =
            session->owed_capacity == 0 ? 16 : session->owed_capacity * 2;
        session->owed = checked_realloc(session->owed,
                                        session->owed_capacity * sizeof *session->owed);
    }
    session->owed[session->owed_count++] = log;
}

bool session_may_go_back(struct session *session, uint64_t now_ms)
{
    if (session->went_back_at_ms != 0 &&
        now_ms < session->went_back_at_ms + LISTING_MS_MIN)
        return false;
    session->went_back_at_ms = now_ms;
    return true;
}

uint64_t session_room(const struct session *session)
{
    uint64_t under_way = session->sent - session->acknowledged;

    return under_way < session->window ? session->window - under_way : 0;
}

void session_count_sent(struct session *session, size_t bytes, uint64_t now_ms)
{
    if (session->mark <= session->acknowledged) {
        session->mark = session->sent + bytes;
        session->mark_at_ms = now_ms;
    }
    session->sent += bytes;
}

static void session_set_window(struct session *session, uint64_t window)
{
    session->window = window < WINDOW_MIN   ? WINDOW_MIN
                      : window > WINDOW_MAX ? WINDOW_MAX
                                            : window;
}

void session_count_lost(struct session *session)
{
    session->acknowledged = session->sent;
    session_set_window(session, session->window / 2);
}

void session_count_acknowledged(struct session *session, uint64_t bytes, uint64_t now_ms)
{
    uint64_t under_way = session->sent - session->acknowledged;
    bool measuring = session->mark > session->acknowledged;
    uint64_t took_ms = now_ms - session->mark_at_ms;

    session->acknowledged += bytes < under_way ? bytes : under_way;
    if (!measuring || session->acknowledged < session->mark)
        return;
    if (took_ms <= WINDOW_FAST_MS)
        session_set_window(session, session->window * 2);
    if (took_ms >= WINDOW_SLOW_MS)
        session_set_window(session, session->window / 2);
}

void session_queue(struct session *session, struct log_name log, uint64_t from,
                   uint64_t to)
{
    for (size_t i = 0; i < session->queue_count; i++) {
        if (log_name_equal(session->queue[i].log, log)) {
            session->queue[i].next = from;
            session->queue[i].to = to;
            return;
        }
    }
    if (session->queue_count == session->queue_capacity) {
        session->queue_capacity =
            session->queue_capacity == 0 ? 16 : session->queue_capacity * 2;
        session->queue = checked_realloc(session->queue, session->queue_capacity *
                                                             sizeof *session->queue);
    }
    session->queue[session->queue_count++] = (struct transfer){log, from, to};
}

struct transfer *session_queue_first(struct session *session)
{
    struct transfer *first = NULL;

    for (size_t i = 0; i < session->queue_count; i++) {
        if (first == NULL || session->queue[i].log.lane < first->log.lane)
            first = &session->queue[i];
    }
    return first;
}

void session_queue_remove(struct session *session, struct transfer *transfer)
{
    size_t index = (size_t)(transfer - session->queue);

    session->queue_count--;
    memmove(transfer, transfer + 1,
            (session->queue_count - index) * sizeof *session->queue);
}
