/* Runs on their way into state: judged, filed, folded; and the same fold over what is
 * filed already, when something was learned late (a key, a cut, a newer schema). One
 * cursor says up to which arrival the derived tables are folded; one function folds a
 * run, whether it just came, is read back, or was written here. */
#include "net/engine_state.h"
#include "net/grant.h"

#include <string.h>

#define META_FOLD "fold"

/* Runs folded again per batch: about 20,000 entries, a tenth of a second. */
#define FOLD_RUNS_MAX 400

static void fold_run_entry(struct engine *engine, const struct run *run,
                           const struct verified_run *laid_out, const struct entry *entry,
                           const struct realm_key *key)
{
    struct entry_id id = entry_id_of(run->log, entry->seq);
    struct slice plaintext;
    uint8_t *opened;

    if (accept_entry(engine->roster, laid_out->author, run->log, entry->seq,
                     entry->realm) != OK) {
        engine->refused++;
        return;
    }
    if (key == NULL) {
        engine->unreadable++;
        return;
    }
    if (entry->erased)
        return;
    if (entry->payload.size < SEAL_OVERHEAD) {
        engine->refused++;
        return;
    }
    opened = arena_alloc(&engine->scratch, entry->payload.size - SEAL_OVERHEAD + 1);
    if (!crypto_open(key, roster_salt(engine->roster), entry->header, entry->payload,
                     opened)) {
        engine->refused++;
        return;
    }
    plaintext = slice_of(opened, entry->payload.size - SEAL_OVERHEAD);
    if (fold_entry(engine->fold, &id, entry->realm, plaintext) != OK)
        engine->refused++;
}

/* The control lane was folded into the roster when it was filed. */
static void fold_run(struct engine *engine, const struct run *run,
                     const struct verified_run *laid_out)
{
    const struct realm_key *key;

    engine->fold_dirty = true;
    if (run->log.lane == LANE_CONTROL)
        return;
    key = roster_key(engine->roster, run->realm, run->epoch);
    for (uint32_t i = 0; i < run->count; i++)
        fold_run_entry(engine, run, laid_out, &laid_out->entries[i], key);
}

void intake_folded(struct engine *engine)
{
    if (engine->folded + 1 == engine->arrival)
        engine->folded = engine->arrival;
    engine->fold_dirty = true;
}

void intake_fold_again(struct engine *engine)
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
    fold_run(engine, &run, &laid_out);
}

void intake_fold_some(struct engine *engine)
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

void intake_fold_save(struct engine *engine)
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
void intake_fold_load(struct engine *engine)
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

/* What a change of the roster makes necessary. */
static void roster_has_changed(struct engine *engine, const struct roster_change *change)
{
    engine->roster_changed |= change->members;
    if ((change->keys && engine->unreadable > 0) || change->cuts)
        intake_fold_again(engine);
}

static void fold_control(struct engine *engine, const struct run *run,
                         const struct verified_run *laid_out)
{
    struct roster_change change = {0};

    if (run->log.node != 0 || run->log.lane != LANE_CONTROL)
        return;
    for (uint32_t i = 0; i < run->count; i++) {
        enum status status =
            roster_fold(engine->roster, laid_out->entries[i].payload, &change);
        if (status != OK && status != ERR_VERSION)
            engine->refused++;
    }
    roster_has_changed(engine, &change);
}

/* "A restored store learns it from its own signature at a position it does not have (only
 * that is believed, never a bare claim)": it writes under a new incarnation from then on.
 */
static void note_own_history(struct engine *engine, const struct run *run,
                             const uint8_t random[RANDOM_SIZE])
{
    const struct member *self = engine_self(engine);

    if (self != NULL && run->log.node == self->number &&
        run->log.tag == (uint16_t)engine->incarnation)
        engine_new_incarnation(engine, random);
}

enum status intake_run(struct engine *engine, const struct run *run,
                       const uint8_t random[RANDOM_SIZE])
{
    struct verified_run accepted;
    struct run filed = *run;
    const struct head *head;
    enum status status;

    author_seal(engine); /* the run may be of our own log: what we write comes first */
    head = heads_find(engine->heads, run->log);
    arena_reset(&engine->scratch);
    status = accept_run(engine->roster, head, run, &engine->scratch, &accepted);
    if (status != OK)
        return status;
    filed.prev = accepted.prev;
    engine->arrival++;
    engine->runs++;
    log_append(engine->txn, engine->arrival, &filed, &engine->encoded);
    heads_advance(engine->heads, run->log, accepted.id.incarnation, run_last_seq(run),
                  &accepted.last, engine->arrival);
    wants_satisfy(&engine->wants, engine->txn, run->log, run_last_seq(run));
    engine->wrote = true;
    if (engine->folded + 1 == engine->arrival) {
        fold_run(engine, run, &accepted);
        engine->folded = engine->arrival;
    }
    fold_control(engine, run, &accepted);
    note_own_history(engine, run, random);
    return OK;
}

enum status intake_grant(struct engine *engine, struct slice grant_file,
                         const uint8_t random[RANDOM_SIZE])
{
    struct grant grant;
    struct slice stored;
    struct run run;
    enum status status = grant_decode(grant_file, &grant);

    if (status != OK)
        return status;
    if (!hash_equal(&grant.genesis_hash, engine->config.genesis_hash))
        return ERR_OTHER_COUNTY;
    while (grant_next_run(&grant.runs, &stored)) {
        if (run_decode(stored, RUN_STORED, &run) != OK)
            return ERR_MALFORMED;
        status = intake_run(engine, &run, random);
        if (status != OK && status != ERR_DUPLICATE)
            return status;
    }
    return OK;
}

enum status intake_roster_load(struct engine *engine)
{
    struct log_name name = authority_log(engine->config.genesis_hash);
    const struct head *head = heads_find(engine->heads, name);
    struct verified_run laid_out;
    struct roster_change change;
    struct run run;
    uint64_t arrival;

    roster_reset(engine->roster);
    for (uint64_t seq = 1; head != NULL && seq <= head->seq;
         seq = run_last_seq(&run) + 1) {
        if (!log_run_holding(engine->txn, name, seq, &run, &arrival))
            return ERR_STORE_DAMAGED;
        arena_reset(&engine->scratch);
        accept_lay_out(engine->roster, roster_member(engine->roster, 0),
                       head->incarnation, &run.prev, &run, &engine->scratch, &laid_out);
        for (uint32_t i = 0; i < run.count; i++) {
            enum status status =
                roster_fold(engine->roster, laid_out.entries[i].payload, &change);
            if (status == ERR_STORE_DAMAGED)
                return status;
        }
    }
    return OK;
}
