/* From accepted entries to the derived tables. One cursor says up to which arrival runs are
 * folded, and one function folds a run, whether it just came, is read back, or was written
 * here. What is learned late touches only what it concerns: a key folds the runs that it
 * opens, an end of a log takes back what came after it. Only after a newer schema level is
 * everything folded again, from the first run on. */
#include <string.h>

#include "net/lane.h"

#define META_FOLD "fold"

/* Runs folded again per batch: about 20,000 entries, a tenth of a second. */
#define FOLD_RUNS_MAX 400

/* Entries taken back at once. Of a log with more beyond its end than a faulty node writes in
 * weeks, everything is folded again instead: that goes in pieces. */
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

static void unread_put(struct engine *engine, const struct run *run, uint64_t arrival)
{
    uint8_t key[UNREAD_KEY_SIZE], yes = 1;

    unread_key(key, run->realm, run->epoch, arrival);
    store_put(engine->txn, STORE_UNREAD, slice_of(key, sizeof key), slice_of(&yes, 1));
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
    if (engine->folded == 0)
        return; /* everything is still to be folded, with every key */
    for (size_t i = 0; (key = roster_key_at(engine->roster, i)) != NULL; i++) {
        for (uint64_t arrival = 0; unread_next(engine, key, &arrival); arrival++)
            engine->unread_left++;
    }
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

void folding_fold_run(struct engine *engine, const struct run *run,
                      const struct verified_run *laid_out, uint64_t arrival)
{
    const struct lane_rules *rules = lane_rules(run->log.lane);
    bool unread = false;

    engine->fold_dirty = true;
    if (rules == NULL || rules->in_memory)
        return;
    for (uint32_t i = 0; i < run->count; i++)
        fold_run_entry(engine, run, laid_out, &laid_out->entries[i], &unread);
    if (unread)
        unread_put(engine, run, arrival);
}

void folding_newest_is_folded(struct engine *engine)
{
    if (engine->folded + 1 == engine->arrival)
        engine->folded = engine->arrival;
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

/* An entry that was refused for another fault was counted then, and became nothing. */
static void withdraw_entry(struct engine *engine, const struct run *run,
                           const struct member *author, const struct entry *entry,
                           uint64_t from_seq, bool refused, struct arena *arena)
{
    struct entry_id id = entry_id_of(run->log, entry->seq);
    struct slice plaintext;
    enum status status;

    if (!roster_may_write(author, run->log.lane, entry->realm,
                          engine->config.genesis->county))
        return;
    status = accept_unseal(engine->roster, run->log, entry, arena, &plaintext);
    if (status == ERR_NO_KEY)
        engine->unreadable--;
    else if (status == OK && !entry->erased)
        status = lane_rules(run->log.lane)
                     ->withdraw(engine, &id, entry->realm, plaintext, from_seq);
    if (refused && (status == OK || status == ERR_NO_KEY || status == ERR_VERSION))
        engine->refused++;
}

/* The run is copied: what it points to in the store dies with the first write. The arena is
 * its own, because the statement that brought the end is still being read in the engine's. */
static void withdraw_run(struct engine *engine, const struct run *stored,
                         const struct head *head, uint64_t from_seq, bool refused)
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
            withdraw_entry(engine, &run, author, &laid_out.entries[i], from_seq, refused,
                           &arena);
    }
    buffer_deinit(&entries);
    arena_deinit(&arena);
}

void folding_withdraw(struct engine *engine, struct log_name log, uint64_t from_seq,
                      bool refused)
{
    const struct lane_rules *rules = lane_rules(log.lane);
    const struct head *head = heads_find(engine->heads, log);
    struct run run;
    uint64_t arrival;

    if (rules == NULL || rules->withdraw == NULL || head == NULL || from_seq > head->seq)
        return;
    if (head->seq - from_seq >= WITHDRAW_ENTRIES_MAX) {
        folding_begin_again(engine);
        return;
    }
    fold_flush(engine->fold, engine->txn);
    engine->fold_dirty = engine->wrote = true;
    for (uint64_t seq = from_seq; seq <= head->seq; seq = run_last_seq(&run) + 1) {
        if (!log_run_holding(engine->txn, log, seq, &run, &arrival))
            return; /* damage */
        if (arrival <= engine->folded)
            withdraw_run(engine, &run, head, from_seq, refused);
    }
}

/* ---- folding again ---- */

void folding_begin_again(struct engine *engine)
{
    fold_discard(engine->fold);
    fold_reset(engine->txn);
    store_clear(engine->txn, STORE_UNREAD);
    engine->folded = engine->unread_left = 0;
    engine->unreadable = engine->refused = 0;
    engine->fold_dirty = engine->wrote = true;
}

/* What the key opens was counted as unreadable; what lies beyond its log's end was counted
 * when the end came. */
static void fold_unread_run(struct engine *engine, const struct realm_key *realm_key,
                            uint64_t arrival)
{
    uint8_t key[UNREAD_KEY_SIZE];
    struct verified_run laid_out;
    struct run run;
    bool unread = false;

    if (read_back(engine, arrival, &run, &laid_out)) {
        for (uint32_t i = 0; i < run.count; i++) {
            const struct entry *entry = &laid_out.entries[i];
            if (accept_entry(engine->roster, laid_out.author, run.log, entry->seq,
                             entry->realm) != OK)
                continue;
            engine->unreadable--;
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
            fold_unread_run(engine, key, arrival);
            engine->unread_left--;
        }
    }
    CHECK(engine->unread_left == 0);
}

void folding_fold_some(struct engine *engine)
{
    uint64_t until = engine->folded + FOLD_RUNS_MAX;
    struct verified_run laid_out;
    struct run run;

    if (engine->unread_left > 0)
        fold_some_unread(engine);
    if (engine->folded == 0 && engine->arrival > 0) {
        fold_reset(engine->txn);
        store_clear(engine->txn, STORE_UNREAD);
    }
    while (engine->folded < engine->arrival && engine->folded < until) {
        if (read_back(engine, engine->folded + 1, &run, &laid_out))
            folding_fold_run(engine, &run, &laid_out, engine->folded + 1);
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

    engine->fold_dirty = false;
    bool read = engine_meta_get(engine->txn, META_FOLD, &value) &&
                slice_take_u64(&value, &level) && level == SCHEMA_LEVEL &&
                slice_take_u64(&value, &engine->folded) &&
                slice_take_u64(&value, &engine->unreadable) &&
                slice_take_u64(&value, &engine->refused);
    if (!read)
        engine->folded = engine->unreadable = engine->refused = 0;
    engine->unread_left = 0; /* until the roster is there */
}
