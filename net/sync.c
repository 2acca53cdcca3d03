/* Announcing, wanting, sending. What is new is pushed as runs to neighbours that are
 * caught up; a backlog is announced as heads and asked for. After a cut link sending goes
 * on with the run that was not acknowledged. */
#include "net/engine_state.h"

#include <string.h>

/* Runs pushed at once instead of announced: what a batch of local writes makes. */
#define PUSH_RUNS_MAX 16

/* Entries of an urgent log sent unasked to a neighbour that may hold all of them. */
#define URGENT_UNASKED_MAX 16

/* ---- hearing ---- */

void sync_offence(struct engine *engine, struct session *session, enum refusal refusal)
{
    uint64_t penalty_ms = session_offend(session, refusal);

    if (penalty_ms > 0)
        engine_effect(engine, EFFECT_DROP, session->peer)->pause_ms = penalty_ms;
}

/* The neighbour has `log` up to `seq`. */
static bool hear_of_log(struct engine *engine, struct session *session,
                        struct log_name log, uint64_t seq)
{
    const struct head *head = heads_find(engine->heads, log);

    seq = cuts_limit(engine, log, seq);
    if (head != NULL)
        session_hold(session, engine_head_index(engine, head), seq);
    if (seq == 0)
        return true; /* nothing of it is accepted */
    if (head != NULL && head->seq >= seq)
        return true;
    if (engine_member(engine, log.node) != NULL && !engine_carries_itself(engine, log))
        return true;
    return wants_add(&engine->wants, engine->txn, log, seq, session->peer,
                     engine_member(engine, log.node) != NULL, &engine->wrote);
}

static void check_listed_hash(struct engine *engine, struct session *session,
                              const struct listed_head *listed)
{
    const struct head *head = heads_find(engine->heads, listed->log);

    if (branch_is_own(engine, listed->log)) {
        if (!branch_agrees(engine, listed))
            branch_suspect(engine, session, listed->log, listed->seq);
    } else if (head != NULL && head->seq == listed->seq &&
               memcmp(head->hash.bytes, listed->hash, HASH_CHECK_SIZE) != 0)
        engine_mark_diverged(engine, listed->log, session->peer);
}

/* The author of a run that is of another branch, or of a log that it holds less far than this
 * node, learns at once what is held here, rather than with the next full list: its store may
 * have been put back (net/branch.c). */
static void tell_branch(struct engine *engine, struct session *session,
                        struct log_name log)
{
    const struct head *head = heads_find(engine->heads, log);
    struct listed_head listed = {log, 0, {0}};

    if (log.node != session->peer || head == NULL || head->seq == 0)
        return;
    listed.seq = head->seq;
    memcpy(listed.hash, head->hash.bytes, HASH_CHECK_SIZE);
    buffer_clear(&engine->message);
    message_begin_heads(&engine->message, session->telling.told, session->telling.told,
                        HEADS_WITH_HASHES, 1);
    message_put_head(&engine->message, HEADS_WITH_HASHES, &listed);
    engine_send(engine, session, buffer_slice(&engine->message));
}

void sync_hear_heads(struct engine *engine, struct session *session,
                     struct heads_message *heads)
{
    struct listed_head listed;
    bool all = true, told = false;

    for (size_t i = 0; i < heads->count; i++) {
        CHECK(message_next_head(heads, &listed));
        if (heads->flags & HEADS_WITH_HASHES)
            check_listed_hash(engine, session, &listed);
        all &= hear_of_log(engine, session, listed.log, listed.seq);
        const struct head *head = heads_find(engine->heads, listed.log);
        if (!told && head != NULL && head->seq > listed.seq &&
            listed.log.node == session->peer) {
            tell_branch(engine, session, listed.log);
            told = true;
        }
    }
    session_moved(session);
    session_compare_soon(session, engine->now_ms);
    if (all)
        session_hear(session, heads->from, heads->to);
    session_owe_noted(session);
}

/* A neighbour that noted less than we thought has forgotten, or asked for everything again
 * in a hello that was lost: what it lacks is told again. */
void sync_hear_noted(struct engine *engine, struct session *session,
                     struct noted_message *noted)
{
    struct log_name log;
    uint64_t seq;

    for (size_t i = 0; i < noted->count; i++) {
        CHECK(message_next_held(noted, &log, &seq));
        const struct head *head = heads_find(engine->heads, log);
        if (head != NULL)
            session_hold(session, engine_head_index(engine, head), seq);
    }
    if (noted->noted < session->telling.noted &&
        timers_may_go_back(session, engine->now_ms)) {
        session_tell_from(session, noted->noted, engine->arrival);
        session_rewind_soon(session);
    } else {
        session_take_noted(session, noted->noted);
    }
    session_count_acknowledged(session, noted->received, engine->now_ms);
}

void sync_hear_want(struct engine *engine, struct session *session,
                    struct want_message *want)
{
    struct wanted_range range;

    for (size_t i = 0; i < want->count; i++) {
        CHECK(message_next_range(want, &range));
        const struct head *head = heads_find(engine->heads, range.log);
        if (head == NULL || range.from > head->seq ||
            !engine_carries(engine, session->peer, range.log))
            continue;
        session_queue(session, range.log, range.from,
                      range.to < head->seq ? range.to : head->seq);
    }
}

static void count_refused_run(struct engine *engine, struct session *session,
                              enum status status, struct log_name log)
{
    switch ((int)status) {
    case ERR_UNKNOWN_AUTHOR:
        sync_offence(engine, session, REFUSED_UNKNOWN_AUTHOR);
        return;
    case ERR_GAP:
        /* What comes after another branch is of that branch. */
        sync_offence(engine, session,
                     engine_is_diverged(engine, log) ||
                             log.node == engine_self(engine)->number
                         ? REFUSED_DIVERGED
                         : REFUSED_GAP);
        return;
    case ERR_BEYOND_CUT: sync_offence(engine, session, REFUSED_BEYOND_CUT); return;
    case ERR_BAD_SIGNATURE: sync_offence(engine, session, REFUSED_SIGNATURE); return;
    case ERR_MALFORMED: sync_offence(engine, session, REFUSED_MALFORMED); return;
    default: return;
    }
}

void sync_refuse_branch(struct engine *engine, struct session *session,
                        struct log_name log)
{
    engine_mark_diverged(engine, log, session->peer);
    sync_offence(engine, session, REFUSED_DIVERGED);
    tell_branch(engine, session, log);
    /* This neighbour is not asked for the log until it announces it again. What it sent proves
     * nothing: whoever else announced the log still is. */
    engine->wrote |= wants_drop_source(&engine->wants, engine->txn, log, session->peer);
}

void sync_hear_run(struct engine *engine, struct session *session,
                   const struct run_message *message, struct slice frame,
                   const uint8_t random[RANDOM_SIZE])
{
    const struct run *run = &message->run;
    bool known_author = engine_member(engine, run->log.node) != NULL;
    bool noted = true;
    enum status status;

    CHECK(message->span <= message->to); /* message_decode refuses others */
    session_count_received(session, frame.size, engine->now_ms);
    session_owe(session, run->log);
    if (known_author && !engine_carries_itself(engine, run->log)) {
        sync_offence(engine, session, REFUSED_NOT_CARRIED);
    } else if (known_author && branch_hear(engine, session, run, random)) {
        noted = true;
    } else {
        status = intake_run(engine, run, random);
        if (status != OK && status != ERR_DUPLICATE)
            count_refused_run(engine, session, status, run->log);
        if (status == ERR_GAP || status == ERR_UNKNOWN_AUTHOR || status == OK ||
            status == ERR_DUPLICATE)
            noted = hear_of_log(engine, session, run->log, run_last_seq(run));
        else if (status == ERR_DIVERGED)
            sync_refuse_branch(engine, session, run->log);
        else if (status != ERR_BEYOND_CUT)
            noted = false;
    }
    if (noted && message->span > 0)
        session_hear(session, message->to - message->span, message->to);
}

/* ---- wanting ---- */

static bool can_ask(const struct session *session)
{
    return session != NULL && session->state == SESSION_OPEN && !session->paused;
}

/* Who is to be asked for a wanted log: its announcers in turn, of those that can be asked.
 * Where none can, any neighbour known to hold more of it than we do, and not of another
 * branch. */
static struct want_source want_source(struct engine *engine, const struct want *want,
                                      const struct head *head)
{
    uint64_t seq = head != NULL ? head->seq : 0;

    for (size_t i = 0; i < want->source_count; i++) {
        struct want_source source = want->sources[(want->turn + i) % want->source_count];
        if (source.to > seq && can_ask(sessions_find(engine, source.peer)))
            return source;
    }
    for (size_t i = 0; head != NULL && i < engine->session_count; i++) {
        struct session *other = engine->sessions[i];
        uint64_t held = session_held(other, engine_head_index(engine, head));
        if (can_ask(other) && held > seq &&
            !engine_tells_other_branch(engine, want->log, other->peer))
            return (struct want_source){other->peer, held};
    }
    return (struct want_source){0};
}

static void send_wants(struct engine *engine, struct session *session, size_t count,
                       struct slice ranges)
{
    if (count == 0)
        return;
    buffer_clear(&engine->message);
    message_begin_want(&engine->message, count);
    buffer_put(&engine->message, ranges.data, ranges.size);
    engine_send(engine, session, buffer_slice(&engine->message));
    session_asked(session, engine->now_ms);
}

/* Asks `session` for every unasked want that it is to serve. */
static void request_from(struct engine *engine, struct session *session)
{
    struct buffer *ranges = &engine->entries;
    size_t count = 0;

    buffer_clear(ranges);
    for (size_t i = 0; i < engine->wants.count; i++) {
        struct want *want = &engine->wants.rows[i];
        const struct head *head = heads_find(engine->heads, want->log);
        struct want_source source;
        if (want->asked || engine_member(engine, want->log.node) == NULL)
            continue;
        source = want_source(engine, want, head);
        if (source.to == 0 || source.peer != session->peer)
            continue;
        wants_ask(&engine->wants, want, source.peer, source.to, engine->now_ms);
        message_put_range(ranges, &(struct wanted_range){want->log,
                                                         head != NULL ? head->seq + 1 : 1,
                                                         source.to});
        if (++count == MESSAGE_LOGS_MAX) {
            send_wants(engine, session, count, buffer_slice(ranges));
            buffer_clear(ranges);
            count = 0;
        }
    }
    send_wants(engine, session, count, buffer_slice(ranges));
}

void sync_request(struct engine *engine)
{
    /* A new member's logs may have been wanted although they are not this node's to carry. */
    for (size_t i = engine->wants.count; engine->roster_changed && i-- > 0;) {
        struct log_name log = engine->wants.rows[i].log;
        if (engine_member(engine, log.node) != NULL &&
            !engine_carries_itself(engine, log))
            engine->wrote |= wants_drop(&engine->wants, engine->txn, log);
    }
    if (engine->wants.unasked == 0)
        return;
    for (size_t i = 0; i < engine->session_count; i++) {
        struct session *session = engine->sessions[i];
        if (can_ask(session))
            request_from(engine, session);
    }
}

/* ---- sending ---- */

static uint64_t send_this_run(struct engine *engine, struct session *session,
                              const struct head *head, struct run run, uint64_t announced,
                              uint64_t span)
{
    CHECK(run_last_seq(&run) <= head->seq);
    if (run.first_seq == 1)
        run.incarnation = head->incarnation;
    buffer_clear(&engine->message);
    message_put_run(&engine->message, announced, span, &run);
    session_count_sent(session, engine->message.size, engine->now_ms);
    engine_send(engine, session, buffer_slice(&engine->message));
    session_offer(session, engine_head_index(engine, head), run_last_seq(&run));
    return run_last_seq(&run);
}

/* Sends one run of `log` from `seq` on; returns its last seq, or 0 where there is none.
 */
static uint64_t send_run(struct engine *engine, struct session *session,
                         struct log_name log, uint64_t seq, uint64_t to,
                         uint64_t announced, uint64_t span)
{
    const struct head *head = heads_find(engine->heads, log);
    const struct member *author = engine_member(engine, log.node);
    struct log_id id;
    struct run run;

    if (head == NULL || author == NULL)
        return 0;
    if (to > head->seq)
        to = head->seq; /* it was taken back since this was asked for */
    if (seq > to)
        return 0;
    id = (struct log_id){author->id, head->incarnation, log.lane};
    if (!log_cut_run(engine->txn, roster_salt(engine->roster), log, &id, seq, to,
                     RUN_SIZE_MAX, &engine->entries, &run))
        return 0;
    /* A run is sent whole to its signature, though what was asked for may end within it. */
    CHECK(run.first_seq == seq && run_last_seq(&run) <= head->seq);
    return send_this_run(engine, session, head, run, announced, span);
}

/* What is new in an urgent lane is sent as if it had been asked for, next of all, so that it
 * waits neither for room to announce it nor for an answer: where the neighbour is thought to
 * hold all before it, or that is little. */
static void queue_urgent(struct engine *engine, struct session *session)
{
    const struct head *found[MESSAGE_LOGS_MAX];
    size_t count = session->telling.covered < engine->arrival
                       ? heads_since(engine->heads, session->telling.covered, found,
                                     MESSAGE_LOGS_MAX)
                       : 0;

    for (size_t i = 0; i < count; i++) {
        const struct head *head = found[i];
        uint64_t offered = session_offered(session, engine_head_index(engine, head));
        if (head->log.lane == LANE_URGENT && offered < head->seq &&
            (offered > 0 || head->seq <= URGENT_UNASKED_MAX) &&
            engine_carries(engine, session->peer, head->log))
            session_queue_more(session, head->log, offered + 1, head->seq);
    }
}

static void send_wanted(struct engine *engine, struct session *session)
{
    struct transfer *transfer;

    while (session_room(session) > 0 &&
           (transfer = session_queue_next(session)) != NULL) {
        uint64_t before = session->sending.sent;
        uint64_t last =
            send_run(engine, session, transfer->log, transfer->next, transfer->to, 0, 0);
        session_queue_served(session, transfer->log.node, session->sending.sent - before);
        transfer->next = last + 1;
        if (last == 0 || last >= transfer->to)
            session_queue_remove(session, transfer);
    }
}

/* Pushes the newest runs one by one, while they are few and the window has room. Returns
 * whether everything is covered. */
static bool push_new_runs(struct engine *engine, struct session *session)
{
    while (session->telling.covered < engine->arrival) {
        uint64_t arrival = session->telling.covered + 1;
        uint64_t span = arrival - session->telling.told;
        const struct run *filed = writing_filed(engine, arrival);
        struct run run;
        const struct head *head;

        if (filed != NULL)
            run = *filed;
        else if (!log_run_at(engine->txn, arrival, &run))
            return false;
        head = heads_find(engine->heads, run.log);
        size_t index = head != NULL ? engine_head_index(engine, head) : 0;
        uint64_t last = run_last_seq(&run);
        if (head == NULL || session_offered(session, index) >= last ||
            !engine_carries(engine, session->peer, run.log)) {
            session_cover(session, arrival, engine->arrival);
            continue;
        }
        if (session_offered(session, index) + 1 < run.first_seq ||
            session_room(session) == 0)
            return false;
        uint64_t from = session_offered(session, index) + 1;
        CHECK(run.first_seq <= from && from <= last && last <= head->seq);
        if (from == run.first_seq)
            (void)send_this_run(engine, session, head, run, arrival, span);
        else if (send_run(engine, session, run.log, from, last, arrival, span) == 0)
            return false;
        session_tell(session, arrival, engine->arrival, engine->now_ms);
    }
    return true;
}

/* Announces as heads what is not covered, and skips what this neighbour does not need. */
static void announce_heads(struct engine *engine, struct session *session)
{
    const struct head *found[MESSAGE_LOGS_MAX];
    uint8_t flags = session->telling.list_hashes ? HEADS_WITH_HASHES : 0;
    struct buffer *list = &engine->entries;

    while (session->telling.covered < engine->arrival) {
        size_t count =
            heads_since(engine->heads, session->telling.covered, found, MESSAGE_LOGS_MAX);
        uint64_t to =
            count == MESSAGE_LOGS_MAX ? found[count - 1]->arrival : engine->arrival;
        size_t listed = 0;
        buffer_clear(list);
        for (size_t i = 0; i < count; i++) {
            struct listed_head head = {found[i]->log, found[i]->seq, {0}};
            if (head.seq == 0)
                continue;
            CHECK(head.seq == cuts_limit(engine, head.log, head.seq));
            /* In a full list also logs that it holds as far: it may hold another history. */
            bool lists = engine_carries(engine, session->peer, head.log) &&
                         (session->telling.list_hashes ||
                          session_offered(session, engine_head_index(engine, found[i])) <
                              head.seq);
            if (!lists)
                continue;
            memcpy(head.hash, found[i]->hash.bytes, HASH_CHECK_SIZE);
            message_put_head(list, flags, &head);
            listed++;
        }
        session_cover(session, to, engine->arrival);
        if (listed == 0)
            continue;
        buffer_clear(&engine->message);
        message_begin_heads(&engine->message, session->telling.told, to, flags, listed);
        buffer_put(&engine->message, list->data, list->size);
        engine_send(engine, session, buffer_slice(&engine->message));
        session_tell(session, to, engine->arrival, engine->now_ms);
        /* The neighbour may fetch from any of its neighbours what it was told as heads. So no
         * acknowledgement to this node is due, and the digests are compared soon instead. */
        session_compare_soon(session, engine->now_ms);
    }
    session_listed(session);
}

static void announce(struct engine *engine, struct session *session)
{
    if (session->telling.covered == engine->arrival)
        return;
    if (!session->telling.list_hashes &&
        session->telling.covered >= session->telling.backlog &&
        engine->arrival - session->telling.covered <= PUSH_RUNS_MAX &&
        push_new_runs(engine, session))
        return;
    if (session_room(session) == 0 && session->telling.noted < session->telling.told)
        return; /* the next acknowledgement brings us back here */
    announce_heads(engine, session);
}

/* What was announced and not noted, or sent and not acknowledged, was lost on the way. */
static void repeat_what_was_lost(struct engine *engine, struct session *session)
{
    bool not_noted = timers_noted_overdue(session, engine->now_ms);
    bool not_acknowledged = timers_acknowledgement_overdue(session, engine->now_ms);

    if (not_acknowledged)
        session_count_lost(session);
    if (not_noted || not_acknowledged) {
        session_tell_from(session, session->telling.noted, engine->arrival);
        session_rewind_soon(session);
    }
    if (engine->now_ms >= RETRY_MS)
        wants_take_turns(&engine->wants, session->peer,
                         timers_asked_overdue_before_ms(session, engine->now_ms));
}

/* Acknowledges what this batch made durable: the announcements, and each log that runs came
 * of, up to where it is held now. */
static void send_noted(struct engine *engine, struct session *session)
{
    struct buffer *list = &engine->entries;
    size_t count = 0;

    if (!session->hearing.owes_noted)
        return;
    buffer_clear(list);
    for (size_t i = 0; i < session->hearing.owed_count && count < MESSAGE_LOGS_MAX; i++) {
        const struct head *head = heads_find(engine->heads, session->hearing.owed[i]);
        if (head == NULL || head->seq == 0)
            continue;
        message_put_held(list, head->log, head->seq);
        count++;
    }
    buffer_clear(&engine->message);
    message_begin_noted(&engine->message, session->hearing.heard,
                        session->receiving.received, count);
    buffer_put(&engine->message, list->data, list->size);
    engine_send(engine, session, buffer_slice(&engine->message));
    session_noted_sent(session);
}

void sync_speak(struct engine *engine, struct session *session)
{
    if (session->state != SESSION_OPEN || session->paused)
        return;
    repeat_what_was_lost(engine, session);
    if (session->telling.rewind_due)
        sessions_rewind(engine, session);
    queue_urgent(engine, session);
    send_wanted(engine, session);
    announce(engine, session);
    send_noted(engine, session);
}

uint64_t sync_wake_ms(const struct engine *engine, const struct session *session)
{
    if (session->state != SESSION_OPEN || session->paused)
        return UINT64_MAX;
    return timers_next_retry_ms(
        session, wants_still_since_ms(&engine->wants, session->peer), engine->now_ms);
}
