#include "crdt/log.h"

#include <string.h>

static void arrival_key(uint8_t key[8], uint64_t arrival)
{
    put_be64(key, arrival);
}

#define RUN_KEY_SIZE (LOG_NAME_SIZE + 8)

static void run_key(uint8_t key[RUN_KEY_SIZE], struct log_name log, uint64_t seq)
{
    log_name_encode(log, key);
    put_be64(key + LOG_NAME_SIZE, seq);
}

/* A number taken for less than it is would be given again, and what was folded from the runs
 * behind it would count as stale. So the newest row's key counts where its value does not,
 * if it follows the key before it. */
bool log_last_arrival(struct store_txn *txn, uint64_t *arrival)
{
    struct slice key, found, value;
    uint8_t before[8];

    *arrival = 0;
    if (!store_last_key(txn, STORE_LOG, &key))
        return store_txn_status(txn) == OK;
    if (key.size != 8 || get_be64(key.data) == 0)
        return false;
    *arrival = get_be64(key.data);
    if (store_last(txn, STORE_LOG, &key, &value) || *arrival == 1)
        return true;
    arrival_key(before, *arrival - 1);
    found = (struct slice){0};
    (void)store_floor(txn, STORE_LOG, slice_of(before, sizeof before), &found, &value);
    return slice_equal(found, slice_of(before, sizeof before));
}

void log_append(struct store_txn *txn, uint64_t arrival, const struct run *run,
                struct buffer *scratch)
{
    uint8_t number[8], index[RUN_KEY_SIZE];

    buffer_clear(scratch);
    run_encode(run, RUN_STORED, scratch);
    CHECK(!scratch->overflow);
    arrival_key(number, arrival);
    run_key(index, run->log, run->first_seq);
    store_append(txn, STORE_LOG, slice_of(number, sizeof number), buffer_slice(scratch));
    store_put(txn, STORE_RUNS, slice_of(index, sizeof index),
              slice_of(number, sizeof number));
}

static bool run_read(struct store_txn *txn, uint64_t arrival, struct run *run)
{
    uint8_t key[8];
    struct slice value;

    arrival_key(key, arrival);
    return store_get(txn, STORE_LOG, slice_of(key, sizeof key), &value) &&
           run_decode(value, RUN_STORED, run) == OK;
}

/* The index leads to what is of the log; a run that it does not lead to was set aside. */
static bool run_is_indexed(struct store_txn *txn, const struct run *run, uint64_t arrival)
{
    uint8_t key[RUN_KEY_SIZE];
    struct slice value;

    run_key(key, run->log, run->first_seq);
    return store_get(txn, STORE_RUNS, slice_of(key, sizeof key), &value) &&
           value.size == 8 && get_be64(value.data) == arrival;
}

bool log_run_at(struct store_txn *txn, uint64_t arrival, struct run *run)
{
    return run_read(txn, arrival, run) && run_is_indexed(txn, run, arrival);
}

bool log_run_set_aside(struct store_txn *txn, uint64_t arrival, struct run *run)
{
    return run_read(txn, arrival, run) && !run_is_indexed(txn, run, arrival);
}

void log_shorten(struct store_txn *txn, struct log_name log, uint64_t seq,
                 uint64_t arrival, struct buffer *scratch)
{
    uint8_t key[8];
    struct run run;
    uint64_t of;

    CHECK(log_run_holding(txn, log, seq, &run, &of) && run_last_seq(&run) > seq);
    buffer_clear(scratch);
    run_encode(&run, RUN_STORED, scratch);
    arrival_key(key, arrival);
    store_append(txn, STORE_LOG, slice_of(key, sizeof key), buffer_slice(scratch));
    CHECK(log_run_holding(txn, log, seq, &run, &of));
    run_drop_after(&run, seq);
    buffer_clear(scratch);
    run_encode(&run, RUN_STORED, scratch);
    CHECK(!scratch->overflow);
    arrival_key(key, of);
    store_put(txn, STORE_LOG, slice_of(key, sizeof key), buffer_slice(scratch));
}

void log_set_aside(struct store_txn *txn, struct log_name log, uint64_t seq,
                   struct buffer *arrivals)
{
    uint8_t key[RUN_KEY_SIZE], from[RUN_KEY_SIZE];
    struct slice found, value;
    size_t start = arrivals->size;

    run_key(from, log, seq);
    run_key(key, log, SEQ_MAX);
    while (store_floor(txn, STORE_RUNS, slice_of(key, sizeof key), &found, &value) &&
           found.size == sizeof key && memcmp(found.data, from, sizeof from) >= 0) {
        uint8_t index[RUN_KEY_SIZE];
        memcpy(index, found.data, sizeof index);
        CHECK(value.size == 8);
        buffer_put_u64(arrivals, get_be64(value.data));
        store_delete(txn, STORE_RUNS, slice_of(index, sizeof index));
    }
    /* The newest came first. */
    for (size_t low = start, high = arrivals->size; high - low > 8; low += 8, high -= 8) {
        uint8_t older[8];
        memcpy(older, arrivals->data + high - 8, 8);
        memcpy(arrivals->data + high - 8, arrivals->data + low, 8);
        memcpy(arrivals->data + low, older, 8);
    }
}

bool log_run_holding(struct store_txn *txn, struct log_name log, uint64_t seq,
                     struct run *run, uint64_t *arrival)
{
    uint8_t key[RUN_KEY_SIZE];
    struct slice found, value;

    run_key(key, log, seq);
    if (!store_floor(txn, STORE_RUNS, slice_of(key, sizeof key), &found, &value))
        return false;
    if (found.size != RUN_KEY_SIZE || value.size != 8 ||
        memcmp(found.data, key, LOG_NAME_SIZE) != 0)
        return false;
    *arrival = get_be64(value.data);
    return run_read(txn, *arrival, run) && log_name_equal(run->log, log) &&
           run->first_seq == get_be64(found.data + LOG_NAME_SIZE) &&
           run->first_seq <= seq && seq <= run_last_seq(run);
}

bool log_next_run(struct store_txn *txn, struct log_name log, uint64_t seq,
                  uint64_t *first_seq)
{
    uint8_t from[RUN_KEY_SIZE];
    struct store_cursor cursor;
    struct slice key, value;
    bool found = false;

    if (seq == SEQ_MAX)
        return false;
    run_key(from, log, seq + 1);
    if (store_seek(txn, STORE_RUNS, slice_of(from, sizeof from), &cursor, &key, &value)) {
        found = key.size == RUN_KEY_SIZE && memcmp(key.data, from, LOG_NAME_SIZE) == 0;
        if (found)
            *first_seq = get_be64(key.data + LOG_NAME_SIZE);
        store_cursor_close(&cursor);
    }
    return found;
}

/* Moves the start of `run` forward to `seq`: the entries before it are walked for their
 * hashes and left out. */
static void run_drop_before(struct run *run, const struct county_salt *salt,
                            const struct log_id *id, uint64_t seq)
{
    struct hash prev = run->prev;
    struct chain chain;
    struct entry entry;

    if (run->first_seq == seq)
        return;
    chain_begin(&chain, salt, *id, run, &prev);
    while (chain.seq < seq)
        CHECK(chain_next(&chain, &entry));
    run->count -= (uint32_t)(seq - run->first_seq);
    run->first_seq = seq;
    run->incarnation = 0;
    run->prev = chain.prev;
    run->entries = chain.rest;
}

/* Whether `next` continues `run` and both still fit one run of `size_max`. */
static bool run_can_join(const struct run *run, const struct run *next, size_t size,
                         size_t size_max)
{
    return next->realm == run->realm && next->epoch == run->epoch &&
           next->first_seq == run_last_seq(run) + 1 &&
           size + next->entries.size + RUN_FRAME_SIZE_MAX <= size_max;
}

bool log_cut_run(struct store_txn *txn, const struct county_salt *salt,
                 struct log_name name, const struct log_id *id, uint64_t seq, uint64_t to,
                 size_t size_max, struct buffer *entries, struct run *run)
{
    struct run next;
    uint64_t arrival;

    buffer_clear(entries);
    if (!log_run_holding(txn, name, seq, run, &arrival))
        return false;
    run_drop_before(run, salt, id, seq);
    buffer_put(entries, run->entries.data, run->entries.size);
    while (run_last_seq(run) < to &&
           log_run_holding(txn, name, run_last_seq(run) + 1, &next, &arrival) &&
           run_last_seq(&next) <= to &&
           run_can_join(run, &next, entries->size, size_max)) {
        buffer_put(entries, next.entries.data, next.entries.size);
        run->count += next.count;
        memcpy(run->signature, next.signature, SIGNATURE_SIZE);
    }
    run->entries = buffer_slice(entries);
    return true;
}
