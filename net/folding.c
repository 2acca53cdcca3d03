/* One cursor says up to which arrival the derived tables are folded, and one function folds
 * a run, whether it just came, is read back, or was written here. After what is learned late
 * (a key, a cut, a newer schema) the cursor goes back to the first run. */
#include <string.h>

#include "net/engine_state.h"

#define META_FOLD "fold"

/* Runs folded again per batch: about 20,000 entries, a tenth of a second. */
#define FOLD_RUNS_MAX 400

static void fold_run_entry(struct engine *engine, const struct run *run,
                           const struct verified_run *laid_out, const struct entry *entry)
{
    struct entry_id id = entry_id_of(run->log, entry->seq);
    struct slice plaintext;
    enum status status = accept_open(engine->roster, laid_out->author, run->log, entry,
                                     &engine->scratch, &plaintext);

    if (status == OK && !entry->erased)
        status = fold_entry(engine->fold, &id, entry->realm, plaintext);
    if (status == ERR_NO_KEY)
        engine->unreadable++;
    else if (status != OK && status != ERR_VERSION) /* "Unknown is not invalid" */
        engine->refused++;
}

/* The control lane was folded into the roster when it was filed. */
void folding_fold_run(struct engine *engine, const struct run *run,
                      const struct verified_run *laid_out)
{
    engine->fold_dirty = true;
    if (run->log.lane == LANE_CONTROL)
        return;
    for (uint32_t i = 0; i < run->count; i++)
        fold_run_entry(engine, run, laid_out, &laid_out->entries[i]);
}

void folding_newest_is_folded(struct engine *engine)
{
    if (engine->folded + 1 == engine->arrival)
        engine->folded = engine->arrival;
    engine->fold_dirty = true;
}

void folding_begin_again(struct engine *engine)
{
    fold_discard(engine->fold);
    fold_reset(engine->txn);
    engine->folded = 0;
    engine->unreadable = engine->refused = 0;
    engine->fold_dirty = engine->wrote = true;
}

/* Reads one filed run back and folds it. */
static void fold_filed_run(struct engine *engine, uint64_t arrival)
{
    struct verified_run laid_out;
    struct run run;
    const struct head *head;
    const struct member *author;

    arena_reset(&engine->scratch);
    if (!log_run_at(engine->txn, arrival, &run))
        return; /* damage: `log verify` names it, peers hold it */
    author = roster_member(engine->roster, run.log.node);
    head = heads_find(engine->heads, run.log);
    if (author == NULL || head == NULL)
        return;
    accept_lay_out(engine->roster, author, head->incarnation, &run.prev, &run,
                   &engine->scratch, &laid_out);
    folding_fold_run(engine, &run, &laid_out);
}

void folding_fold_some(struct engine *engine)
{
    uint64_t until = engine->folded + FOLD_RUNS_MAX;

    if (engine->folded == 0 && engine->arrival > 0)
        fold_reset(engine->txn);
    while (engine->folded < engine->arrival && engine->folded < until) {
        fold_filed_run(engine, engine->folded + 1);
        engine->folded++;
        engine->fold_dirty = engine->wrote = true;
    }
}

void folding_save(struct engine *engine)
{
    uint8_t value[32];

    put_le64(value, SCHEMA_LEVEL);
    put_le64(value + 8, engine->folded);
    put_le64(value + 16, engine->unreadable);
    put_le64(value + 24, engine->refused);
    engine_meta_put(engine, META_FOLD, slice_of(value, sizeof value));
    engine->fold_dirty = false;
}

/* Without a row, or with one of another schema level, everything is folded again: then
 * the tables are emptied by the first batch that folds. */
void folding_load(struct engine *engine)
{
    struct slice value;
    uint64_t level = 0;

    engine->folded = engine->unreadable = engine->refused = 0;
    engine->fold_dirty = false;
    if (engine_meta_get(engine->txn, META_FOLD, &value) &&
        slice_take_u64(&value, &level) && level == SCHEMA_LEVEL &&
        slice_take_u64(&value, &engine->folded) &&
        slice_take_u64(&value, &engine->unreadable) &&
        slice_take_u64(&value, &engine->refused))
        return;
    engine->folded = engine->unreadable = engine->refused = 0;
}
