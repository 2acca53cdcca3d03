/* "It learns that it was restored from its own signature at a position it does not have
 * (only that is believed, never a bare claim)."
 *
 * What this node wrote into a log whose other history stands (net/branch.c) reaches nobody. It
 * is kept, told, and written once more on request, in the logs of a new incarnation. */
#include "net/engine_state.h"

#include <stdlib.h>
#include <string.h>

/* Per run set aside, u64 each: its arrival number; the entry from which on its history is
 * another than the one that stands; and the last entry of that history that was written once
 * more, 0: none. Runs of one history follow each other, the first holds that entry. */
#define META_STRAYED "strayed"
/* When the first of them were set aside, u64, Unix ms. */
#define META_STRAYED_WHEN "strayed.when"

struct strayed {
    uint64_t arrival, from, after;
    struct run run; /* as it is in the store */
    bool begins;    /* it is the first of its history */
};
#define STRAYED_SIZE 24

/* The next run that can be read. */
static bool strayed_next(struct store_txn *txn, struct slice *rows, struct strayed *row)
{
    while (slice_take_u64(rows, &row->arrival) && slice_take_u64(rows, &row->from) &&
           slice_take_u64(rows, &row->after)) {
        if (!log_run_set_aside(txn, row->arrival, &row->run))
            continue;
        row->begins =
            row->run.first_seq <= row->from && row->from <= run_last_seq(&row->run);
        return true;
    }
    return false;
}

/* The first entry of the run that was not written once more. */
static uint64_t strayed_first(const struct strayed *row)
{
    uint64_t first = row->from > row->run.first_seq ? row->from : row->run.first_seq;
    return row->after >= first ? row->after + 1 : first;
}

static uint64_t entries_in(struct engine *engine, struct slice rows)
{
    struct strayed row;
    uint64_t entries = 0;

    while (strayed_next(engine->txn, &rows, &row)) {
        if (strayed_first(&row) <= run_last_seq(&row.run))
            entries += run_last_seq(&row.run) - strayed_first(&row) + 1;
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

/* The place where the history of this run, its first, parts from the one that stands. */
static bool place_of(struct engine *engine, const struct strayed *row, struct cut *place)
{
    const struct member *author = engine_member(engine, row->run.log.node);
    const struct head *head = heads_find(engine->heads, row->run.log);
    struct verified_run laid_out;
    struct arena arena; /* the engine's may hold the statement that is being read */

    CHECK(row->begins);
    if (author == NULL || head == NULL)
        return false;
    arena_init(&arena);
    accept_lay_out(engine->roster, author, head->incarnation, &row->run.prev, &row->run,
                   &arena, &laid_out);
    *place = (struct cut){row->run.log, row->from,
                          laid_out.entries[row->from - row->run.first_seq].hash};
    arena_deinit(&arena);
    return true;
}

/* Keeps these rows, without the histories of which all was written once more. */
static void strayed_save(struct engine *engine, struct slice rows)
{
    struct buffer kept;
    struct strayed row;
    size_t history = 0; /* where the rows of the present one begin */
    uint64_t again = 0;
    bool left = false;

    buffer_init(&kept, SIZE_MAX);
    while (strayed_next(engine->txn, &rows, &row)) {
        struct cut place;
        if (row.begins) {
            if (!left)
                kept.size = history;
            history = kept.size;
            left = false;
            again =
                place_of(engine, &row, &place) ? roster_again(engine->roster, &place) : 0;
        }
        if (row.after < again)
            row.after = again;
        left |= run_last_seq(&row.run) > row.after;
        buffer_put_u64(&kept, row.arrival);
        buffer_put_u64(&kept, row.from);
        buffer_put_u64(&kept, row.after);
    }
    if (!left)
        kept.size = history;
    uint64_t before = engine->strayed;
    engine->strayed = entries_in(engine, buffer_slice(&kept));
    if (kept.size > 0)
        engine_meta_put(engine, META_STRAYED, buffer_slice(&kept));
    else
        store_delete(engine->txn, STORE_META, slice_text(META_STRAYED));
    engine->wrote = true;
    buffer_deinit(&kept);
    if (before == 0 && engine->strayed > 0)
        strayed_began(engine);
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
        buffer_put_u64(&rows, 0);
    }
    strayed_save(engine, buffer_slice(&rows));
    buffer_deinit(&rows);
}

void own_log_written_again(struct engine *engine)
{
    struct buffer rows;
    struct slice stored;

    if (!engine_meta_get(engine->txn, META_STRAYED, &stored))
        return;
    buffer_init(&rows, SIZE_MAX);
    buffer_put(&rows, stored.data, stored.size);
    strayed_save(engine, buffer_slice(&rows));
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

static void reclaim_run(struct reclaiming *reclaiming, const struct strayed *row)
{
    struct engine *engine = reclaiming->engine;
    const struct member *author = engine_self(engine);
    struct verified_run laid_out;
    struct run run = row->run;
    struct buffer entries;

    arena_reset(&engine->scratch);
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
        if (entry->seq >= strayed_first(row) && !stands_now(engine, head, entry))
            reclaim_entry(reclaiming, &run, &laid_out, i);
    }
    buffer_deinit(&entries);
}

/* In a new incarnation, whose control log says so first: a copy of this store, or this one put
 * back, hears it before it asks a person to write the same once more. */
static void state_written_again(struct engine *engine, struct slice rows,
                                const uint8_t random[RANDOM_SIZE])
{
    struct again *again = checked_malloc((rows.size / STRAYED_SIZE + 1) * sizeof *again);
    uint64_t left = engine->left;
    struct buffer statement;
    struct strayed row;
    size_t count = 0;

    while (strayed_next(engine->txn, &rows, &row)) {
        if (row.begins && place_of(engine, &row, &again[count].first))
            count++;
        if (count > 0)
            again[count - 1].last = run_last_seq(&row.run);
    }
    writing_new_incarnation(engine, random);
    writing_left(engine, left);
    buffer_init(&statement, SIZE_MAX);
    statement_again(&statement, engine->wall_ms, again, count);
    writing_state(engine, buffer_slice(&statement));
    buffer_deinit(&statement);
    free(again);
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

/* Rows of META_STRAYED, by arrival. */
static int strayed_compare(const void *a, const void *b)
{
    uint64_t left = get_le64(a), right = get_le64(b);
    return (left > right) - (left < right);
}

void own_log_reclaim(struct engine *engine, const struct event *event)
{
    struct reclaiming reclaiming = {.engine = engine, .event = event};
    struct buffer rows;
    struct slice stored, left;
    struct strayed row;

    if (!engine_meta_get(engine->txn, META_STRAYED, &stored))
        return;
    buffer_init(&rows, SIZE_MAX);
    buffer_put(&rows, stored.data, stored.size);
    left = buffer_slice(&rows);
    state_written_again(engine, left, event->random);
    reclaiming.runs =
        checked_malloc((left.size / STRAYED_SIZE + 1) * sizeof *reclaiming.runs);
    /* An entry names only what was durable before it was written, in whichever lane: in the
     * order of arrival what it names was renamed before. */
    if (rows.size > 0)
        qsort(rows.data, rows.size / STRAYED_SIZE, STRAYED_SIZE, strayed_compare);
    while (strayed_next(engine->txn, &left, &row))
        reclaim_run(&reclaiming, &row);
    store_delete(engine->txn, STORE_META, slice_text(META_STRAYED));
    engine->strayed = 0;
    engine->wrote = true;
    tell_neighbours(engine);
    for (size_t i = 0; i < reclaiming.run_count; i++)
        free(reclaiming.runs[i].ids);
    free(reclaiming.runs);
    buffer_deinit(&rows);
}

enum status engine_walk_strayed(const struct engine *engine, struct store_txn *txn,
                                struct arena *arena, engine_visit_entry *visit,
                                void *context)
{
    struct slice rows;
    struct strayed row;

    if (!engine_meta_get(txn, META_STRAYED, &rows))
        return OK;
    while (strayed_next(txn, &rows, &row)) {
        struct verified_run laid_out;
        struct run run = row.run;
        const struct member *author = roster_member(engine->roster, run.log.node);
        const struct head *head = heads_find(engine->heads, run.log);
        if (author == NULL || head == NULL)
            continue;
        accept_lay_out(engine->roster, author, head->incarnation, &run.prev, &run, arena,
                       &laid_out);
        if (!report_visit_run(engine, &run, &laid_out, strayed_first(&row), SEQ_MAX,
                              false, arena, visit, context))
            return OK;
    }
    return OK;
}
