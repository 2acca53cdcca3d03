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

    *session = (struct session){.peer = peer,
                                .penalty_ms = PENALTY_MS_MIN,
                                .greeting = {.hello_at_ms = UINT64_MAX}};
    return session;
}

void session_destroy(struct session *session)
{
    free(session->telling.held);
    free(session->hearing.owed);
    free(session->sending.queue);
    free(session);
}

/* A new link begins with nothing under way in either direction. */
static void session_reset_link(struct session *session)
{
    session->telling.told = session->telling.covered = session->telling.noted;
    session->telling.list_hashes = false;
    session->hearing.owed_count = 0;
    session->hearing.owes_noted = false;
    session->inquiry.open = false;
    session->sending.queue_count = 0;
    session->sending.sent = session->sending.acknowledged = session->sending.mark = 0;
    session->sending.window = WINDOW_START;
    session->receiving.received = 0;
    session->greeting.equal = session->greeting.relist = false;
    session->greeting.hello_due = session->greeting.hello_answers = false;
    session->greeting.differences = 0;
}

void session_enter(struct session *session, enum session_event event, uint64_t now_ms)
{
    enum session_state next = session_next(session->state, event);

    switch (next) {
    case SESSION_DOWN:
        if (session->state != SESSION_DOWN)
            session_reset_link(session);
        timers_link_down(session);
        break;
    case SESSION_GREETING:
        session_reset_link(session);
        timers_link_up(session, now_ms);
        session_owe_hello(session, false);
        break;
    case SESSION_OPEN:
        if (session->state != SESSION_OPEN)
            timers_opened(session, now_ms);
        break;
    }
    session->state = next;
}

/* ---- what is told ---- */

static void telling_check(const struct telling *telling, uint64_t newest)
{
    CHECK(telling->noted <= telling->told);
    CHECK(telling->told <= telling->covered);
    CHECK(telling->covered <= newest);
    CHECK(telling->confirmed <= newest);
}

void session_cover(struct session *session, uint64_t arrival, uint64_t newest)
{
    CHECK(arrival >= session->telling.covered);
    session->telling.covered = arrival;
    telling_check(&session->telling, newest);
}

void session_tell(struct session *session, uint64_t arrival, uint64_t newest,
                  uint64_t now_ms)
{
    CHECK(arrival >= session->telling.covered);
    session->telling.told = session->telling.covered = arrival;
    session->telling.told_at_ms = now_ms;
    telling_check(&session->telling, newest);
}

void session_take_noted(struct session *session, uint64_t noted)
{
    if (noted > session->telling.noted && noted <= session->telling.told)
        session->telling.noted = noted;
}

void session_tell_from(struct session *session, uint64_t noted, uint64_t newest)
{
    struct telling *telling = &session->telling;

    telling->noted = telling->told = telling->covered = noted;
    telling_check(telling, newest);
}

void session_told_backlog(struct session *session, bool list, uint64_t newest)
{
    CHECK(session->telling.noted <= newest);
    session->telling.backlog = newest;
    session->telling.list_hashes |= list;
    if (session->telling.list_hashes)
        session_forget_held(session);
}

void session_listed(struct session *session)
{
    session->telling.list_hashes = false;
}

void session_rewind_soon(struct session *session)
{
    session->telling.rewind_due = true;
}

void session_rewound(struct session *session)
{
    session->telling.rewind_due = false;
}

void session_wait(struct session *session, uint64_t now_ms)
{
    if (session->telling.unsent_since_ms == 0)
        session->telling.unsent_since_ms = now_ms;
}

void session_looked_at(struct session *session)
{
    session->telling.held_moved = false;
}

void session_confirm(struct session *session, uint64_t newest)
{
    CHECK(session->telling.confirmed <= newest);
    session->telling.confirmed = newest;
    session->telling.unsent_since_ms = 0;
}

/* ---- what is heard ---- */

void session_hear_store(struct session *session, uint64_t incarnation, uint64_t last)
{
    struct hearing *hearing = &session->hearing;

    if (hearing->incarnation != incarnation) {
        hearing->incarnation = incarnation;
        hearing->heard = 0;
        session_forget_held(session);
    }
    hearing->last = last;
    if (hearing->heard > last)
        hearing->heard = 0; /* its own count went back: that one means other runs */
}

void session_serve(struct session *session, uint64_t incarnation, uint64_t heard)
{
    session->hearing.incarnation = incarnation;
    session->hearing.heard = heard;
    session_forget_held(session);
}

void session_hear(struct session *session, uint64_t from, uint64_t to)
{
    CHECK(from <= to); /* message_decode refuses others */
    if (from <= session->hearing.heard && to > session->hearing.heard)
        session->hearing.heard = to;
}

void session_forget_heard(struct session *session)
{
    session->hearing.heard = 0;
}

void session_owe_noted(struct session *session)
{
    session->hearing.owes_noted = true;
}

void session_noted_sent(struct session *session)
{
    session->hearing.owes_noted = false;
    session->hearing.owed_count = 0;
    session->receiving.received = 0;
}

void session_count_received(struct session *session, size_t bytes, uint64_t now_ms)
{
    session->receiving.received += bytes;
    session->receiving.progress_at_ms = now_ms;
    session_moved(session);
}

void session_asked(struct session *session, uint64_t now_ms)
{
    session->receiving.progress_at_ms = now_ms;
}

void session_moved(struct session *session)
{
    session->greeting.differences = 0;
}

/* ---- hellos ---- */

void session_owe_hello(struct session *session, bool answers)
{
    session->greeting.hello_due = true;
    session->greeting.hello_answers = answers;
}

void session_hello_sent(struct session *session)
{
    session->greeting.hello_due = session->greeting.hello_answers = false;
    session->greeting.relist = false;
}

void session_ask_list(struct session *session)
{
    session->greeting.relist = true;
    session_owe_hello(session, false);
}

void session_compare_soon(struct session *session, uint64_t now_ms)
{
    if (!session->greeting.equal)
        return;
    session->greeting.equal = false;
    timers_compare_soon(session, now_ms);
}

void session_compared_equal(struct session *session, uint64_t newest)
{
    session->greeting.equal = true;
    session->greeting.differences = 0;
    timers_compared_equal(session);
    session_tell_from(session, newest, newest);
    session->hearing.heard = session->hearing.last;
    session_forget_under_way(session);
}

bool session_compared_different(struct session *session, bool quiet, uint64_t now_ms)
{
    timers_compared_different(session, now_ms);
    session->greeting.equal = false;
    if (!quiet || ++session->greeting.differences < DIFFERENCES_MAX ||
        now_ms < session->greeting.relist_at_ms)
        return false;
    timers_list_asked(session, now_ms);
    return true;
}

/* ---- what outlives a restart ---- */

void session_restore(struct session *session, const uint64_t saved[4], uint64_t newest)
{
    static const uint64_t nothing[4];

    if (saved[2] > newest || saved[3] > newest)
        saved = nothing;
    session->hearing.incarnation = saved[0];
    session->hearing.heard = saved[1];
    session_tell_from(session, saved[2], newest);
    session->telling.confirmed = saved[3];
    telling_check(&session->telling, newest);
}

void session_saved(const struct session *session, uint64_t saved[4])
{
    saved[0] = session->hearing.incarnation;
    saved[1] = session->hearing.heard;
    saved[2] = session->telling.noted;
    saved[3] = session->telling.confirmed;
}

uint64_t session_offend(struct session *session, enum refusal refusal)
{
    session->refused[refusal]++;
    if (refusal != REFUSED_MALFORMED && refusal != REFUSED_SIGNATURE)
        return 0;
    if (++session->offences < OFFENCES_MAX)
        return 0;
    session->offences = 0;
    return timers_penalty_ms(session);
}

/* ---- what it holds ---- */

uint64_t session_held(const struct session *session, size_t head_index)
{
    return head_index < session->telling.held_count
               ? session->telling.held[head_index].seq
               : 0;
}

uint64_t session_offered(const struct session *session, size_t head_index)
{
    return head_index < session->telling.held_count
               ? session->telling.held[head_index].offered
               : 0;
}

static struct held_log *held_log_at(struct session *session, size_t head_index)
{
    if (head_index >= session->telling.held_count) {
        size_t before = session->telling.held_count;
        session->telling.held =
            array_grow(session->telling.held, &session->telling.held_count,
                       head_index + 1, sizeof *session->telling.held);
        memset(session->telling.held + before, 0,
               (session->telling.held_count - before) * sizeof *session->telling.held);
    }
    return &session->telling.held[head_index];
}

void session_hold(struct session *session, size_t head_index, uint64_t seq)
{
    struct held_log *held = held_log_at(session, head_index);

    if (seq > held->seq) {
        held->seq = seq;
        session->telling.held_moved = true;
    }
    if (seq > held->offered)
        held->offered = seq;
    CHECK(held->offered >= held->seq);
}

void session_offer(struct session *session, size_t head_index, uint64_t seq)
{
    struct held_log *held = held_log_at(session, head_index);

    if (seq > held->offered)
        held->offered = seq;
    CHECK(held->offered >= held->seq);
}

void session_lack(struct session *session, size_t head_index, uint64_t seq)
{
    struct held_log *held = held_log_at(session, head_index);

    if (held->seq > seq)
        held->seq = held->offered = seq;
    CHECK(held->offered >= held->seq);
}

void session_withdraw(struct session *session, size_t head_index, uint64_t seq)
{
    struct held_log *held = held_log_at(session, head_index);

    if (held->offered > seq)
        held->offered = seq > held->seq ? seq : held->seq;
    CHECK(held->offered >= held->seq);
}

void session_forget_held(struct session *session)
{
    if (session->telling.held_count > 0)
        memset(session->telling.held, 0,
               session->telling.held_count * sizeof *session->telling.held);
    session->telling.confirmed = 0;
}

void session_owe(struct session *session, struct log_name log)
{
    session->hearing.owes_noted = true;
    for (size_t i = 0; i < session->hearing.owed_count; i++) {
        if (log_name_equal(session->hearing.owed[i], log))
            return;
    }
    session->hearing.owed =
        array_grow(session->hearing.owed, &session->hearing.owed_capacity,
                   session->hearing.owed_count + 1, sizeof *session->hearing.owed);
    session->hearing.owed[session->hearing.owed_count++] = log;
}

/* ---- runs under way ---- */

uint64_t session_room(const struct session *session)
{
    CHECK(session->sending.acknowledged <= session->sending.sent);
    uint64_t under_way = session->sending.sent - session->sending.acknowledged;

    return under_way < session->sending.window ? session->sending.window - under_way : 0;
}

void session_count_sent(struct session *session, size_t bytes, uint64_t now_ms)
{
    if (session->sending.mark <= session->sending.acknowledged) {
        session->sending.mark = session->sending.sent + bytes;
        session->sending.mark_at_ms = now_ms;
    }
    session->sending.sent += bytes;
}

static void session_set_window(struct session *session, uint64_t window)
{
    session->sending.window = window < WINDOW_MIN   ? WINDOW_MIN
                              : window > WINDOW_MAX ? WINDOW_MAX
                                                    : window;
}

void session_count_lost(struct session *session)
{
    session->sending.acknowledged = session->sending.sent;
    session_set_window(session, session->sending.window / 2);
}

void session_forget_under_way(struct session *session)
{
    session->sending.queue_count = 0;
    session->sending.acknowledged = session->sending.sent;
}

void session_count_acknowledged(struct session *session, uint64_t bytes, uint64_t now_ms)
{
    uint64_t under_way = session->sending.sent - session->sending.acknowledged;
    bool measuring = session->sending.mark > session->sending.acknowledged;
    uint64_t took_ms = now_ms - session->sending.mark_at_ms;

    session->sending.acknowledged += bytes < under_way ? bytes : under_way;
    CHECK(session->sending.acknowledged <= session->sending.sent);
    if (!measuring || session->sending.acknowledged < session->sending.mark)
        return;
    if (took_ms <= WINDOW_FAST_MS)
        session_set_window(session, session->sending.window * 2);
    if (took_ms >= WINDOW_SLOW_MS)
        session_set_window(session, session->sending.window / 2);
}

/* Where the count of a newly queued log of `author` begins. */
static uint64_t queue_level(const struct sending *sending, uint32_t author)
{
    uint64_t least = UINT64_MAX;

    for (size_t i = 0; i < sending->queue_count; i++) {
        const struct transfer *transfer = &sending->queue[i];
        if (transfer->log.node == author)
            return transfer->served;
        if (transfer->served < least)
            least = transfer->served;
    }
    return least == UINT64_MAX ? 0 : least;
}

static struct transfer *queued(struct sending *sending, struct log_name log)
{
    for (size_t i = 0; i < sending->queue_count; i++) {
        if (log_name_equal(sending->queue[i].log, log))
            return &sending->queue[i];
    }
    return NULL;
}

void session_queue(struct session *session, struct log_name log, uint64_t from,
                   uint64_t to)
{
    struct sending *sending = &session->sending;
    struct transfer *transfer = queued(sending, log);

    if (transfer != NULL) {
        transfer->next = from;
        transfer->to = to;
        return;
    }
    sending->queue = array_grow(sending->queue, &sending->queue_capacity,
                                sending->queue_count + 1, sizeof *sending->queue);
    uint64_t served = queue_level(sending, log.node);
    sending->queue[sending->queue_count++] = (struct transfer){log, from, to, served};
}

void session_queue_more(struct session *session, struct log_name log, uint64_t from,
                        uint64_t to)
{
    struct transfer *transfer = queued(&session->sending, log);

    if (transfer == NULL)
        session_queue(session, log, from, to);
    else if (transfer->to < to)
        transfer->to = to;
}

/* Who comes next has the lowest rank: a lane is behind the one below it by LANE_LEAD_BYTES. */
static uint64_t transfer_rank(const struct transfer *transfer)
{
    return transfer->served + (uint64_t)transfer->log.lane * LANE_LEAD_BYTES;
}

struct transfer *session_queue_next(struct session *session)
{
    struct transfer *next = NULL;

    for (size_t i = 0; i < session->sending.queue_count; i++) {
        struct transfer *transfer = &session->sending.queue[i];
        if (next == NULL || transfer_rank(transfer) < transfer_rank(next))
            next = transfer;
    }
    return next;
}

void session_queue_served(struct session *session, uint32_t author, uint64_t bytes)
{
    for (size_t i = 0; i < session->sending.queue_count; i++) {
        if (session->sending.queue[i].log.node == author)
            session->sending.queue[i].served += bytes;
    }
}

void session_queue_remove(struct session *session, struct transfer *transfer)
{
    size_t index = (size_t)(transfer - session->sending.queue);

    CHECK(index < session->sending.queue_count);
    session->sending.queue_count--;
    memmove(transfer, transfer + 1,
            (session->sending.queue_count - index) * sizeof *session->sending.queue);
}
