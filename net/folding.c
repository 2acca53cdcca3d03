/* From accepted entries to the derived tables. Every run is folded as it comes, and one
 * function folds a run, whether it just came or is read back. What is learned late touches
 * only what it concerns: a key folds the runs that it opens, an end of a log takes back what
 * came after it. After a newer schema level all runs are read again, in pieces, beside what
 * stands: a row that is there twice counts once (crdt/view.c), so that nobody sees less
 * meanwhile. When all were read, the rows that stood before go. */
#include <string.h>

#include "net/lane.h"

#define META_FOLD "fold"
#define META_FORGOTTEN "forgotten" /* how often all rows were emptied (u64) */

/* Runs folded again per batch: about 20,000 entries, a tenth of a second. */
#define FOLD_RUNS_MAX 400

/* Entries taken back at once. Of a log with more beyond its end than a faulty node writes in
 * weeks, everything is folded again instead: that goes in pieces, and takes back last. */
#define WITHDRAW_ENTRIES_MAX 20000

/* ---- what no key here opens ---- */

#define UNREAD_KEY_SIZE 18

static void unread_key(uint8_t key[UNREAD_KEY_SIZE], uint64_t realm, uint16_t epoch,
                       uint64_t arrival)
{
    put_be64(key, realm);
    key[8] = (uint8_t)(epoch >> 8);
    key[9] = (uint8_t)epoch;
    put_be64(key + 10, arrival);
}

/* A run that a fold of everything has still to read. The counters do not have it yet. */
static bool is_awaited(const struct engine *engine, uint64_t arrival)
{
    return arrival > engine->refold.at && arrival <= engine->refold.until;
}

/* The first run at or after `arrival` that this key opens. */
static bool unread_next(struct engine *engine, const struct realm_key *realm_key,
                        uint64_t *arrival)
{
    uint8_t from[UNREAD_KEY_SIZE];
    struct store_cursor cursor;
    struct slice key, value;

    unread_key(from, realm_key->realm, realm_key->epoch, *arrival);
    bool found = store_seek(engine->txn, STORE_UNREAD, slice_of(from, sizeof from),
                            &cursor, &key, &value) &&
                 key.size == sizeof from && memcmp(key.data, from, 10) == 0;
    if (found)
        *arrival = get_be64(key.data + 10);
    store_cursor_close(&cursor);
    return found;
}

void folding_key_came(struct engine *engine)
{
    const struct realm_key *key;

    engine->unread_left = 0;
    for (size_t i = 0; (key = roster_key_at(engine->roster, i)) != NULL; i++) {
        for (uint64_t arrival = 0; unread_next(engine, key, &arrival); arrival++)
            engine->unread_left++;
    }
}

/* The counter is read back from the store, where damage can have made it too small: it stops
 * at 0. A fold of everything counts anew. */
static void count_one_less_unreadable(struct engine *engine)
{
    if (engine->unreadable > 0)
        engine->unreadable--;
}

/* ---- one run ---- */

static void fold_run_entry(struct engine *engine, const struct run *run,
                           const struct verified_run *laid_out, const struct entry *entry,
                           bool *unread)
{
    const struct lane_rules *rules = lane_rules(run->log.lane);
    struct entry_id id = entry_id_of(run->log, entry->seq);
    struct slice plaintext;
    enum status status = accept_open(engine->roster, laid_out->author, run->log, entry,
                                     &engine->scratch, &plaintext);

    if (status == OK && !entry->erased)
        status = rules->fold(engine, &id, entry->realm, plaintext);
    if (status == ERR_NO_KEY) {
        engine->unreadable++;
        *unread = true;
    } else if (status != OK && status != ERR_VERSION) { /* "Unknown is not invalid" */
        engine->refused++;
    }
}

/* Whether entries of it are unreadable; then it is listed. */
static bool fold_run(struct engine *engine, const struct run *run,
                     const struct verified_run *laid_out, uint64_t arrival)
{
    const struct lane_rules *rules = lane_rules(run->log.lane);
    uint8_t key[UNREAD_KEY_SIZE], yes = 1;
    bool unread = false;

    if (rules == NULL || rules->recall != NULL)
        return false;
    for (uint32_t i = 0; i < run->count; i++)
        fold_run_entry(engine, run, laid_out, &laid_out->entries[i], &unread);
    if (unread) {
        unread_key(key, run->realm, run->epoch, arrival);
        store_put(engine->txn, STORE_UNREAD, slice_of(key, sizeof key),
                  slice_of(&yes, 1));
    }
    return unread;
}

void folding_fold_run(struct engine *engine, const struct run *run,
                      const struct verified_run *laid_out, uint64_t arrival)
{
    (void)fold_run(engine, run, laid_out, arrival);
    engine->fold_dirty = true;
}

/* A filed run, read back and laid out in the scratch arena. False: damage, which `log verify`
 * names and peers hold; or it was set aside. */
static bool read_back(struct engine *engine, uint64_t arrival, struct run *run,
                      struct verified_run *laid_out)
{
    const struct head *head;
    const struct member *author;

    arena_reset(&engine->scratch);
    if (!log_run_at(engine->txn, arrival, run))
        return false;
    author = roster_member(engine->roster, run->log.node);
    head = heads_find(engine->heads, run->log);
    if (author == NULL || head == NULL)
        return false;
    accept_lay_out(engine->roster, author, head->incarnation, &run->prev, run,
                   &engine->scratch, laid_out);
    return true;
}

/* ---- taking back ---- */

/* Takes out of the tables what the entry put in. An entry that its author may not write was
 * refused when it was folded and put nothing in; the count of refused entries keeps it. */
static void withdraw_entry(struct engine *engine, const struct run *run,
                           const struct member *author, const struct entry *entry,
                           uint64_t from_seq, bool counted, struct arena *arena)
{
    struct entry_id id = entry_id_of(run->log, entry->seq);
    struct slice plaintext;
    enum status status;

    if (!roster_may_write(author, run->log.lane, entry->realm,
                          engine->config.genesis->county))
        return;
    status = accept_unseal(engine->roster, run->log, entry, arena, &plaintext);
    if (status == ERR_NO_KEY && counted)
        count_one_less_unreadable(engine);
    else if (status == OK && !entry->erased)
        (void)lane_rules(run->log.lane)
            ->withdraw(engine, &id, entry->realm, plaintext, from_seq);
}

/* The run is copied: what it points to in the store dies with the first write. The arena is
 * its own, because the statement that brought the end is still being read in the engine's. */
static void withdraw_run(struct engine *engine, const struct run *stored,
                         const struct head *head, uint64_t from_seq, bool counted)
{
    const struct member *author = roster_member(engine->roster, stored->log.node);
    struct run run = *stored;
    struct verified_run laid_out;
    struct buffer entries;
    struct arena arena;

    if (author == NULL)
        return;
    arena_init(&arena);
    buffer_init(&entries, SIZE_MAX);
    buffer_put(&entries, run.entries.data, run.entries.size);
    run.entries = buffer_slice(&entries);
    accept_lay_out(engine->roster, author, head->incarnation, &run.prev, &run, &arena,
                   &laid_out);
    for (uint32_t i = 0; i < run.count; i++) {
        if (laid_out.entries[i].seq >= from_seq)
            withdraw_entry(engine, &run, author, &laid_out.entries[i], from_seq, counted,
                           &arena);
    }
    buffer_deinit(&entries);
    arena_deinit(&arena);
}

/* Reads all runs again. Whatever is filed by now is in the store, below what will be. */
static void begin_again(struct engine *engine)
{
    for (int lane = 0; lane < LANES; lane++)
        CHECK(!engine->writing[lane].open); /* its entries come after `until` */
    fold_flush(engine->fold, engine->txn);
    engine->refold = (struct refold){
        .until = engine->arrival,
        .sweep.stale = fold_last_row(engine->txn),
    };
    engine->unreadable = engine->refused = 0;
    engine->fold_dirty = engine->wrote = true;
}

void folding_withdraw(struct engine *engine, struct log_name log, uint64_t from_seq)
{
    const struct lane_rules *rules = lane_rules(log.lane);
    const struct head *head = heads_find(engine->heads, log);
    struct run run;
    uint64_t arrival;

    if (rules == NULL || rules->withdraw == NULL || head == NULL || from_seq > head->seq)
        return;
    if (head->seq - from_seq >= WITHDRAW_ENTRIES_MAX) {
        begin_again(engine);
        return;
    }
    fold_flush(engine->fold, engine->txn);
    engine->fold_dirty = engine->wrote = true;
    for (uint64_t seq = from_seq; seq <= head->seq; seq = run_last_seq(&run) + 1) {
        if (!log_run_holding(engine->txn, log, seq, &run, &arrival))
            break; /* damage */
        withdraw_run(engine, &run, head, from_seq, !is_awaited(engine, arrival));
    }
    engine->follow_left = follow_left(engine->txn);
}

/* ---- folding again ---- */

/* Folds a run that was listed as unread. Its entries were counted as unreadable and are no
 * longer; those beyond their log's end left the count when the log was cut. */
static void fold_unread_run(struct engine *engine, const struct realm_key *realm_key,
                            uint64_t arrival)
{
    uint8_t key[UNREAD_KEY_SIZE];
    struct verified_run laid_out;
    struct run run;
    bool unread = false;

    if (!is_awaited(engine, arrival) && read_back(engine, arrival, &run, &laid_out)) {
        for (uint32_t i = 0; i < run.count; i++) {
            const struct entry *entry = &laid_out.entries[i];
            if (accept_entry(engine->roster, laid_out.author, run.log, entry->seq,
                             entry->realm) != OK)
                continue;
            count_one_less_unreadable(engine);
            fold_run_entry(engine, &run, &laid_out, entry, &unread);
        }
    }
    CHECK(!unread);
    unread_key(key, realm_key->realm, realm_key->epoch, arrival);
    store_delete(engine->txn, STORE_UNREAD, slice_of(key, sizeof key));
    engine->fold_dirty = engine->wrote = true;
}

static void fold_some_unread(struct engine *engine)
{
    const struct realm_key *key;
    size_t runs = 0;

    for (size_t i = 0; (key = roster_key_at(engine->roster, i)) != NULL; i++) {
        uint64_t arrival = 0;
        for (; unread_next(engine, key, &arrival); runs++) {
            if (runs == FOLD_RUNS_MAX)
                return;
            CHECK(engine->unread_left > 0);
            fold_unread_run(engine, key, arrival);
            engine->unread_left--;
        }
    }
    CHECK(engine->unread_left == 0);
}

/* The run is listed as unread if no key opens it now, and taken off the list if one does. */
static void fold_run_again(struct engine *engine, uint64_t arrival)
{
    uint8_t key[UNREAD_KEY_SIZE];
    struct verified_run laid_out;
    struct run run;

    if (!read_back(engine, arrival, &run, &laid_out))
        return;
    unread_key(key, run.realm, run.epoch, arrival);
    if (!fold_run(engine, &run, &laid_out, arrival))
        store_delete(engine->txn, STORE_UNREAD, slice_of(key, sizeof key));
}

/* What was set aside lies beyond its log's head. Of an accepted entry the run may not be
 * readable: its row was not folded again. */
static enum fold_fate fate_of(void *context, const struct entry_id *id)
{
    const struct engine *engine = context;
    struct log_name log = entry_id_log(id);
    const struct head *head = heads_find(engine->heads, log);
    struct run run;
    uint64_t arrival;

    if (head == NULL || entry_id_seq(id) > head->seq)
        return FOLD_WAS_WITHDRAWN;
    return log_run_holding(engine->txn, log, entry_id_seq(id), &run, &arrival)
               ? FOLD_WAS_FOLDED_AGAIN
               : FOLD_IS_LAST_COPY;
}

static void fold_some_again(struct engine *engine)
{
    struct refold *refold = &engine->refold;

    CHECK(refold->at <= refold->until && refold->until <= engine->arrival);
    if (refold->at < refold->until) {
        for (size_t runs = 0; runs < FOLD_RUNS_MAX && refold->at < refold->until;
             runs++) {
            fold_run_again(engine, refold->at + 1);
            refold->at++;
        }
    } else if (refold->sweep.stale > 0) {
        fold_flush(engine->fold, engine->txn);
        fold_sweep_some(engine->txn, &refold->sweep, fate_of, engine);
        if (refold->sweep.stale == 0) { /* what follows counted what was swept */
            follow_forget(engine->txn);
            engine->follow_left = follow_left(engine->txn);
        }
    } else {
        return;
    }
    engine->fold_dirty = engine->wrote = true;
}

void folding_fold_some(struct engine *engine)
{
    if (engine->unread_left > 0)
        fold_some_unread(engine);
    else
        fold_some_again(engine); /* it may read a run that counts as left */
}

/* ---- what follows from the rows ---- */

/* A batch that files a few rows works in those and no more: what a clerk writes counts at
 * once, and a backlog is not slowed down. Neither is a load of writes: each row puts a page of
 * its own on the disk, which doubled what they write. The rest waits until no batch that filed more
 * came for a second, and then goes in pieces of about ten milliseconds. */
#define FOLLOW_ROWS_BUSY 16
#define FOLLOW_ROWS_IDLE 4000
#define FOLLOW_QUIET_MS 1000

void folding_flush(struct engine *engine)
{
    fold_flush(engine->fold, engine->txn);
    uint64_t left = follow_left(engine->txn);
    if (left > engine->follow_left + FOLLOW_ROWS_BUSY)
        engine->follow_ms = engine->now_ms + FOLLOW_QUIET_MS;
    if (left > 0 && (left <= FOLLOW_ROWS_BUSY || engine->now_ms >= engine->follow_ms)) {
        left = follow_work(engine->txn, FOLLOW_ROWS_IDLE, &engine->scratch);
        engine->wrote = true;
    }
    engine->follow_left = left;
}

/* ---- what outlives a restart ---- */

void folding_save(struct engine *engine)
{
    const struct refold *refold = &engine->refold;
    struct buffer row;

    buffer_init(&row, SIZE_MAX);
    buffer_put_u64(&row, SCHEMA_LEVEL);
    buffer_put_u64(&row, engine->arrival);
    buffer_put_u64(&row, engine->unreadable);
    buffer_put_u64(&row, engine->refused);
    buffer_put_u64(&row, refold->at);
    buffer_put_u64(&row, refold->until);
    buffer_put_u64(&row, refold->sweep.stale);
    buffer_put_u8(&row, refold->sweep.chains_are_free);
    buffer_put(&row, refold->sweep.done, sizeof refold->sweep.done);
    engine_meta_put(engine, META_FOLD, buffer_slice(&row));
    buffer_deinit(&row);
    engine->fold_dirty = false;
}

static bool take_refold(struct slice *row, uint64_t arrival, struct refold *refold)
{
    uint8_t chains_are_free;

    if (!slice_take_u64(row, &refold->at) || !slice_take_u64(row, &refold->until) ||
        !slice_take_u64(row, &refold->sweep.stale) ||
        !slice_take_u8(row, &chains_are_free) ||
        !slice_take(row, sizeof refold->sweep.done, refold->sweep.done))
        return false;
    refold->sweep.chains_are_free = chains_are_free != 0;
    return refold->at <= refold->until && refold->until <= arrival;
}

uint64_t folding_forgotten(struct store_txn *txn)
{
    struct slice row;
    uint64_t times;

    return engine_meta_get(txn, META_FORGOTTEN, &row) && slice_take_u64(&row, &times)
               ? times
               : 0;
}

/* Empties the tables; the next load reads every run again. */
void folding_forget(struct engine *engine)
{
    uint8_t forgotten[8];

    put_le64(forgotten, folding_forgotten(engine->txn) + 1);
    engine_meta_put(engine, META_FORGOTTEN, slice_of(forgotten, sizeof forgotten));
    fold_discard(engine->fold);
    store_clear(engine->txn, STORE_ROWS);
    store_clear(engine->txn, STORE_CHAINS);
    store_clear(engine->txn, STORE_UNREAD);
    follow_forget(engine->txn);
    store_delete(engine->txn, STORE_META, slice_text(META_FOLD));
}

/* Without a row, or with one of another schema level or another number of runs, all runs are
 * read again from the first on. Nothing is written here: that row is replaced by the first
 * batch that folds. */
void folding_load(struct engine *engine)
{
    struct slice row;
    uint64_t level = 0, arrival = 0;

    engine->fold_dirty = false;
    engine->follow_left = follow_left(engine->txn);
    engine->unread_left = 0; /* until the roster is there */
    engine->refold = (struct refold){0};
    if (engine_meta_get(engine->txn, META_FOLD, &row) && slice_take_u64(&row, &level) &&
        level == SCHEMA_LEVEL && slice_take_u64(&row, &arrival) &&
        arrival == engine->arrival && slice_take_u64(&row, &engine->unreadable) &&
        slice_take_u64(&row, &engine->refused) &&
        take_refold(&row, engine->arrival, &engine->refold))
        return;
    engine->unreadable = engine->refused = 0;
    engine->refold = (struct refold){
        .until = engine->arrival,
        .sweep.stale = fold_last_row(engine->txn),
    };
}
