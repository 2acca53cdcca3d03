/* "It learns that it was restored from its own signature at a position it does not have
 * (only that is believed, never a bare claim)."
 *
 * What this node wrote into a log whose other history stands (net/branch.c) reaches nobody. It
 * is kept, told, and written once more on request, under the log that is heard. */
#include "net/engine_state.h"

#include <stdlib.h>
#include <string.h>

/* Per run set aside: its arrival number, and the first of its entries that is of the other
 * history, u64 each. */
#define META_STRAYED "strayed"
/* When the first of them were set aside, u64, Unix ms. */
#define META_STRAYED_WHEN "strayed.when"

static bool strayed_next(struct slice *rows, uint64_t *arrival, uint64_t *from)
{
    return slice_take_u64(rows, arrival) && slice_take_u64(rows, from);
}

static uint64_t entries_in(struct engine *engine, struct slice rows)
{
    uint64_t arrival, from, entries = 0;
    struct run run;

    while (strayed_next(&rows, &arrival, &from)) {
        if (log_run_set_aside(engine->txn, arrival, &run) && run_last_seq(&run) >= from)
            entries +=
                run_last_seq(&run) - (from > run.first_seq ? from : run.first_seq) + 1;
    }
    return entries;
}

void own_log_load(struct engine *engine)
{
    struct slice rows;

    engine->strayed =
        engine_meta_get(engine->txn, META_STRAYED, &rows) ? entries_in(engine, rows) : 0;
    engine->strayed_wall_ms = engine->strayed_at_ms = 0;
    if (engine->strayed > 0 && engine_meta_get(engine->txn, META_STRAYED_WHEN, &rows) &&
        !slice_take_u64(&rows, &engine->strayed_wall_ms))
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

void own_log_strayed(struct engine *engine, struct slice arrivals, uint64_t from)
{
    struct buffer rows;
    struct slice earlier;
    uint64_t arrival;

    buffer_init(&rows, SIZE_MAX);
    if (engine_meta_get(engine->txn, META_STRAYED, &earlier))
        buffer_put(&rows, earlier.data, earlier.size);
    while (slice_take_u64(&arrivals, &arrival)) {
        buffer_put_u64(&rows, arrival);
        buffer_put_u64(&rows, from);
    }
    engine_meta_put(engine, META_STRAYED, buffer_slice(&rows));
    engine->wrote = true;
    if (engine->strayed == 0)
        strayed_began(engine);
    engine->strayed = entries_in(engine, buffer_slice(&rows));
    buffer_deinit(&rows);
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

/* The history of which it is may stand after all, by a second statement. */
static bool stands_now(struct engine *engine, const struct head *head,
                       const struct entry *entry)
{
    struct hash held;
    struct arena arena; /* the entry is in the engine's */

    arena_init(&arena);
    bool same = branch_hash_at(engine, head, entry->seq, &arena, &held) &&
                hash_equal(&held, &entry->hash);
    arena_deinit(&arena);
    return same;
}

static void reclaim_run(struct reclaiming *reclaiming, uint64_t arrival, uint64_t from)
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
    for (uint32_t i = 0; i < run.count; i++) {
        const struct entry *entry = &laid_out.entries[i];
        if (entry->seq >= from && !stands_now(engine, head, entry))
            reclaim_entry(reclaiming, &run, &laid_out, i);
    }
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
    struct buffer rows;
    struct slice stored, left;
    uint64_t arrival, from;

    if (!engine_meta_get(engine->txn, META_STRAYED, &stored))
        return OK;
    buffer_init(&rows, SIZE_MAX);
    buffer_put(&rows, stored.data, stored.size);
    left = buffer_slice(&rows);
    reclaiming.runs = checked_malloc((left.size / 16 + 1) * sizeof *reclaiming.runs);
    while (strayed_next(&left, &arrival, &from))
        reclaim_run(&reclaiming, arrival, from);
    store_delete(engine->txn, STORE_META, slice_text(META_STRAYED));
    engine->strayed = 0;
    engine->wrote = true;
    tell_neighbours(engine);
    for (size_t i = 0; i < reclaiming.run_count; i++)
        free(reclaiming.runs[i].ids);
    free(reclaiming.runs);
    buffer_deinit(&rows);
    return OK;
}

enum status engine_walk_strayed(const struct engine *engine, struct store_txn *txn,
                                struct arena *arena, engine_visit_entry *visit,
                                void *context)
{
    struct slice rows;
    uint64_t arrival, from;
    struct run run;

    if (!engine_meta_get(txn, META_STRAYED, &rows))
        return OK;
    while (strayed_next(&rows, &arrival, &from)) {
        struct verified_run laid_out;
        if (!log_run_set_aside(txn, arrival, &run))
            continue;
        const struct member *author = roster_member(engine->roster, run.log.node);
        const struct head *head = heads_find(engine->heads, run.log);
        if (author == NULL || head == NULL)
            continue;
        accept_lay_out(engine->roster, author, head->incarnation, &run.prev, &run, arena,
                       &laid_out);
        if (!report_visit_run(engine, &run, &laid_out, from, SEQ_MAX, false, arena, visit,
                              context))
            return OK;
    }
    return OK;
}
