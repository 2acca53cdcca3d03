/* "It learns that it was restored from its own signature at a position it does not have
 * (only that is believed, never a bare claim)."
 *
 * A disk image that was put back whole looks like the disk it was taken from, so the start does
 * not notice it. If the node then writes before it hears anybody, its log has two histories
 * under its own signature: the one its neighbours hold, and the one here, which nobody accepts.
 * A neighbour that lists another hash raises a suspicion. It is asked for its runs, further and
 * further back until one continues what both hold; that run verifies in full, and the first
 * entry in it that differs is where the histories part. What was written here from there on is
 * set aside, the neighbours' history takes its place, and the node writes under a new
 * incarnation, where it is heard. */
#include "net/engine_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Arrival numbers, u64 each, of the runs set aside. */
#define META_STRAYED "strayed"
/* When the first of them were set aside, u64, Unix ms. */
#define META_STRAYED_WHEN "strayed.when"

/* Two neighbours may hold the two histories, for one that lags takes ours for the log. Giving
 * way to each in turn would never end, so a log gives way once; what is told of it later is a
 * divergence like any other's. */
#define META_FORKED "forked"

static void forked_key(char key[32], struct log_name log)
{
    (void)snprintf(key, 32, META_FORKED ".%04x.%u", (unsigned)log.tag,
                   (unsigned)log.lane);
}

bool own_log_is(const struct engine *engine, struct log_name log)
{
    const struct member *self = engine_self(engine);
    char key[32];
    struct slice value;

    if (self == NULL || log.node != self->number || log.lane == LANE_CONTROL)
        return false;
    forked_key(key, log);
    return !engine_meta_get(engine->txn, key, &value);
}

/* The hash of an entry held here; zeros before the first. False: it is not held. */
static bool hash_at(struct engine *engine, const struct head *head, uint64_t seq,
                    struct hash *hash)
{
    const struct member *author = engine_member(engine, head->log.node);
    struct verified_run laid_out;
    struct run run;
    uint64_t arrival;

    *hash = (struct hash){0};
    if (seq == 0)
        return true;
    if (author == NULL || seq > head->seq ||
        !log_run_holding(engine->txn, head->log, seq, &run, &arrival))
        return false;
    accept_lay_out(engine->roster, author, head->incarnation, &run.prev, &run,
                   &engine->scratch, &laid_out);
    *hash = laid_out.entries[seq - run.first_seq].hash;
    return true;
}

bool own_log_agrees(struct engine *engine, const struct listed_head *listed)
{
    const struct head *head = heads_find(engine->heads, listed->log);
    struct hash hash;

    arena_reset(&engine->scratch);
    return head == NULL || listed->seq > head->seq ||
           !hash_at(engine, head, listed->seq, &hash) ||
           memcmp(hash.bytes, listed->hash, HASH_CHECK_SIZE) == 0;
}

/* ---- asking ---- */

static void ask(struct engine *engine, struct session *session, struct log_name log,
                uint64_t from)
{
    buffer_clear(&engine->message);
    message_begin_want(&engine->message, 1);
    message_put_range(&engine->message, &(struct wanted_range){log, from, SEQ_MAX});
    engine_send(engine, session, buffer_slice(&engine->message));
    session->inquiry.from = from;
    session->inquiry.asked_at_ms = engine->now_ms;
}

void own_log_suspect(struct engine *engine, struct session *session, struct log_name log,
                     uint64_t seq)
{
    struct inquiry *inquiry = &session->inquiry;
    uint64_t since_ms = inquiry->suspected_since_ms;

    if (inquiry->open && engine->now_ms < inquiry->asked_at_ms + RETRY_MS)
        return;
    CHECK(seq > 0);
    *inquiry =
        (struct inquiry){.open = true,
                         .log = log,
                         .step = 1,
                         .suspected_since_ms = since_ms != 0 ? since_ms : engine->now_ms};
    ask(engine, session, log, seq);
}

static void ask_further_back(struct engine *engine, struct session *session,
                             const struct run *run)
{
    struct inquiry *inquiry = &session->inquiry;
    uint64_t from = run->first_seq > inquiry->step ? run->first_seq - inquiry->step : 1;

    if (inquiry->step < SEQ_MAX)
        inquiry->step *= 2;
    ask(engine, session, run->log, from);
}

/* ---- two histories ---- */

static uint64_t entries_in(struct engine *engine, struct slice arrivals)
{
    uint64_t arrival, entries = 0;
    struct run run;

    while (slice_take_u64(&arrivals, &arrival)) {
        if (log_run_set_aside(engine->txn, arrival, &run))
            entries += run.count;
    }
    return entries;
}

void own_log_load(struct engine *engine)
{
    struct slice arrivals;

    engine->strayed = engine_meta_get(engine->txn, META_STRAYED, &arrivals)
                          ? entries_in(engine, arrivals)
                          : 0;
    engine->strayed_wall_ms = engine->strayed_at_ms = 0;
    if (engine->strayed > 0 &&
        engine_meta_get(engine->txn, META_STRAYED_WHEN, &arrivals) &&
        !slice_take_u64(&arrivals, &engine->strayed_wall_ms))
        engine->strayed_wall_ms = 0;
}

static void strayed_began(struct engine *engine)
{
    uint8_t value[8];

    engine->strayed_wall_ms = engine->wall_ms;
    engine->strayed_at_ms = engine->now_ms;
    put_le64(value, engine->wall_ms);
    engine_meta_put(engine, META_STRAYED_WHEN, slice_of(value, sizeof value));
}

/* It was proven by one, and needs no other's word. */
static void suspicion_ends(struct engine *engine, struct log_name log)
{
    for (size_t i = 0; i < engine->session_count; i++) {
        struct inquiry *inquiry = &engine->sessions[i]->inquiry;
        if (log_name_equal(inquiry->log, log))
            inquiry->suspected_since_ms = 0;
    }
}

/* From `seq` on, which begins a run here, because a store is copied between commits. */
static void set_aside(struct engine *engine, struct log_name log, uint64_t seq,
                      const struct hash *before, const uint8_t random[RANDOM_SIZE])
{
    struct buffer arrivals;
    char key[32];
    struct slice earlier;

    CHECK(seq > 0);
    buffer_init(&arrivals, SIZE_MAX);
    if (engine_meta_get(engine->txn, META_STRAYED, &earlier))
        buffer_put(&arrivals, earlier.data, earlier.size);
    folding_withdraw(engine, log, seq);
    log_set_aside(engine->txn, log, seq, &arrivals);
    heads_take_back(engine->heads, log, seq - 1, before);
    forked_key(key, log);
    engine_meta_put(engine, key, slice_text("1"));
    engine_meta_put(engine, META_STRAYED, buffer_slice(&arrivals));
    engine->wrote = true;
    suspicion_ends(engine, log);
    if (engine->strayed == 0)
        strayed_began(engine);
    engine->strayed = entries_in(engine, buffer_slice(&arrivals));
    buffer_deinit(&arrivals);
    /* A store that was moved since has left the log already. */
    if (log.tag == (uint16_t)engine->incarnation)
        writing_new_incarnation(engine, random);
}

/* The first entry of the run that is held here with another hash; 0: none. A hash covers all
 * that came before it, so the first difference is found by halving. */
static uint64_t first_different(struct engine *engine, const struct head *head,
                                const struct run *run,
                                const struct verified_run *laid_out)
{
    uint64_t low = run->first_seq;
    uint64_t end = run_last_seq(run) < head->seq ? run_last_seq(run) : head->seq;
    uint64_t high = end + 1;
    struct hash hash;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (hash_at(engine, head, middle, &hash) &&
            hash_equal(&hash, &laid_out->entries[middle - run->first_seq].hash))
            low = middle + 1;
        else
            high = middle;
    }
    return low <= end ? low : 0;
}

static bool begins_a_run(struct engine *engine, struct log_name log, uint64_t seq)
{
    struct run run;
    uint64_t arrival;

    return log_run_holding(engine->txn, log, seq, &run, &arrival) && run.first_seq == seq;
}

/* The run continues what both hold, so its signature can be checked. */
static void compare(struct engine *engine, struct session *session,
                    const struct head *head, const struct run *run, bool answers,
                    const struct hash *before, const uint8_t random[RANDOM_SIZE])
{
    const struct member *author = engine_member(engine, run->log.node);
    struct verified_run laid_out;
    struct hash hash;
    uint64_t different;

    CHECK(author != NULL && author == engine_self(engine));
    CHECK(run->first_seq <= head->seq);
    accept_lay_out(engine->roster, author, head->incarnation, before, run,
                   &engine->scratch, &laid_out);
    if (!accept_is_signed(engine->roster, run, &laid_out)) {
        sync_offence(engine, session, REFUSED_SIGNATURE);
        return;
    }
    different = first_different(engine, head, run, &laid_out);
    if (answers && different == 0 && run_last_seq(run) < head->seq)
        ask(engine, session, run->log, run_last_seq(run) + 1);
    if (different == 0 || !begins_a_run(engine, run->log, different))
        return;
    session->inquiry.open = false;
    if (!hash_at(engine, head, different - 1, &hash))
        return; /* damage */
    set_aside(engine, run->log, different, &hash, random);
    engine->wrote |= wants_drop(&engine->wants, engine->txn, run->log);
    if (!wants_add(&engine->wants, engine->txn, run->log, run_last_seq(run),
                   session->peer, true, &engine->wrote))
        session_ask_list(session); /* no room: to be told again */
}

bool own_log_hear(struct engine *engine, struct session *session, const struct run *run,
                  const uint8_t random[RANDOM_SIZE])
{
    struct inquiry *inquiry = &session->inquiry;
    const struct head *head;
    struct hash before;

    writing_sign(engine); /* what this batch wrote so far is of the log too */
    head = heads_find(engine->heads, run->log);
    if (head == NULL || run->first_seq > head->seq + 1)
        return false;
    arena_reset(&engine->scratch);
    if (!hash_at(engine, head, run->first_seq - 1, &before))
        return false;
    bool continues = memcmp(before.bytes, run->prev.bytes, HASH_CHECK_SIZE) == 0;
    bool answers = inquiry->open && log_name_equal(inquiry->log, run->log) &&
                   inquiry->from == run->first_seq;
    if (continues && run->first_seq == head->seq + 1) {
        if (answers)
            inquiry->open = false;
        return false; /* accepted as any run that continues its log */
    }
    if (continues) {
        compare(engine, session, head, run, answers, &before, random);
    } else if (answers && run->first_seq > 1) {
        ask_further_back(engine, session, run);
    } else {
        sync_offence(engine, session, REFUSED_DIVERGED);
        own_log_suspect(engine, session, run->log, run->first_seq);
    }
    return true;
}

/* ---- written once more ---- */

/* The ids of entries set aside, by the place they had, and those they got. */
struct renamed {
    struct log_name log; /* of the run */
    uint64_t first_seq;
    size_t count;
    struct entry_id *ids; /* zeros where the entry is not written again */
};

struct reclaiming {
    struct engine *engine;
    const struct event *event;
    struct renamed *runs; /* in the order in which they were written */
    size_t run_count;
};

static void rename_id(void *context, struct entry_id *id)
{
    const struct reclaiming *reclaiming = context;
    static const struct entry_id none;
    struct log_name log = entry_id_log(id);
    uint64_t seq = entry_id_seq(id);

    for (size_t i = 0; i < reclaiming->run_count; i++) {
        const struct renamed *run = &reclaiming->runs[i];
        if (log_name_equal(run->log, log) && seq >= run->first_seq &&
            seq - run->first_seq < run->count &&
            entry_id_compare(&run->ids[seq - run->first_seq], &none) != 0) {
            *id = run->ids[seq - run->first_seq];
            return;
        }
    }
}

/* The account that the entry's actor named, under the number that it has now. */
static uint32_t actor_now(struct reclaiming *reclaiming, struct log_name log,
                          uint32_t number)
{
    char text[NAME_SIZE_MAX + 1] = "";
    struct slice name;

    if (operators_former(reclaiming->engine, log, number, &name))
        memcpy(text, name.data, name.size);
    return operators_enrol(reclaiming->engine,
                           &(struct account){.name = slice_text(text)},
                           reclaiming->event);
}

static void reclaim_entry(struct reclaiming *reclaiming, const struct run *run,
                          const struct verified_run *laid_out, uint32_t index)
{
    struct engine *engine = reclaiming->engine;
    const struct entry *entry = &laid_out->entries[index];
    struct operation operation;
    struct slice plaintext;
    struct buffer again;

    if (accept_open(engine->roster, laid_out->author, run->log, entry, &engine->scratch,
                    &plaintext) != OK ||
        operation_decode(plaintext, &operation) != OK ||
        operation.reg == REGISTER_OPERATOR)
        return;
    buffer_init(&again, PAYLOAD_SIZE_MAX - SEAL_OVERHEAD);
    if (operation_readdress(plaintext, actor_now(reclaiming, run->log, operation.actor),
                            rename_id, reclaiming, &again))
        reclaiming->runs[reclaiming->run_count - 1].ids[index] =
            writing_append(engine, (enum lane)run->log.lane,
                           roster_newest_key(engine->roster, entry->realm),
                           buffer_slice(&again), reclaiming->event->random);
    buffer_deinit(&again);
}

static void reclaim_run(struct reclaiming *reclaiming, uint64_t arrival)
{
    struct engine *engine = reclaiming->engine;
    const struct member *author = engine_self(engine);
    struct verified_run laid_out;
    struct buffer entries;
    struct run run;

    arena_reset(&engine->scratch);
    if (!log_run_set_aside(engine->txn, arrival, &run))
        return;
    buffer_init(&entries, SIZE_MAX); /* the store's bytes die with the first write */
    buffer_put(&entries, run.entries.data, run.entries.size);
    run.entries = buffer_slice(&entries);
    const struct head *head = heads_find(engine->heads, run.log);
    CHECK(author != NULL && head != NULL);
    accept_lay_out(engine->roster, author, head->incarnation, &run.prev, &run,
                   &engine->scratch, &laid_out);
    struct renamed *renamed = &reclaiming->runs[reclaiming->run_count++];
    *renamed =
        (struct renamed){.log = run.log, .first_seq = run.first_seq, .count = run.count};
    renamed->ids = checked_malloc(run.count * sizeof *renamed->ids);
    memset(renamed->ids, 0, run.count * sizeof *renamed->ids);
    for (uint32_t i = 0; i < run.count; i++)
        reclaim_entry(reclaiming, &run, &laid_out, i);
    buffer_deinit(&entries);
}

/* That nothing is set aside any more is seen in a hello. */
static void tell_neighbours(struct engine *engine)
{
    for (size_t i = 0; i < engine->session_count; i++) {
        struct session *session = engine->sessions[i];
        if (session->state == SESSION_OPEN && !session->paused &&
            !session->greeting.hello_due)
            session_owe_hello(session, true);
    }
}

enum status own_log_reclaim(struct engine *engine, const struct event *event)
{
    struct reclaiming reclaiming = {.engine = engine, .event = event};
    struct buffer arrivals;
    struct slice stored, left;
    uint64_t arrival;

    if (!engine_meta_get(engine->txn, META_STRAYED, &stored))
        return OK;
    buffer_init(&arrivals, SIZE_MAX);
    buffer_put(&arrivals, stored.data, stored.size);
    left = buffer_slice(&arrivals);
    reclaiming.runs = checked_malloc((left.size / 8 + 1) * sizeof *reclaiming.runs);
    while (slice_take_u64(&left, &arrival))
        reclaim_run(&reclaiming, arrival);
    store_delete(engine->txn, STORE_META, slice_text(META_STRAYED));
    engine->strayed = 0;
    engine->wrote = true;
    tell_neighbours(engine);
    for (size_t i = 0; i < reclaiming.run_count; i++)
        free(reclaiming.runs[i].ids);
    free(reclaiming.runs);
    buffer_deinit(&arrivals);
    return OK;
}

enum status engine_walk_strayed(const struct engine *engine, struct store_txn *txn,
                                struct arena *arena, engine_visit_entry *visit,
                                void *context)
{
    struct slice arrivals;
    uint64_t arrival;
    struct run run;

    if (!engine_meta_get(txn, META_STRAYED, &arrivals))
        return OK;
    while (slice_take_u64(&arrivals, &arrival)) {
        struct verified_run laid_out;
        if (!log_run_set_aside(txn, arrival, &run))
            continue;
        const struct member *author = roster_member(engine->roster, run.log.node);
        const struct head *head = heads_find(engine->heads, run.log);
        if (author == NULL || head == NULL)
            continue;
        accept_lay_out(engine->roster, author, head->incarnation, &run.prev, &run, arena,
                       &laid_out);
        if (!report_visit_run(engine, &run, &laid_out, 0, SEQ_MAX, false, arena, visit,
                              context))
            return OK;
    }
    return OK;
}
