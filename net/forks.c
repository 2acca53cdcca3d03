/* What is kept of logs with two histories: two entries at one place, both signed.
 *
 *   STORE_META   "history." log name 7, seq u64 BE, 8 bytes of the other hash
 *                -> when u64 (Unix ms), set aside u8, entries u64, hash that stands here 32,
 *                   other hash 32, then the proof: arrival numbers u64 of the runs that were
 *                   set aside, or the stored form of the run that was refused */
#include "net/engine_state.h"

#include <string.h>

#define PREFIX "history."
#define PREFIX_SIZE (sizeof PREFIX - 1)
#define KEY_SIZE_OF_FORK (PREFIX_SIZE + LOG_NAME_SIZE + 8 + HASH_CHECK_SIZE)

/* Of one log. A key that signs at will could fill the disk with proofs of it. */
#define FORKS_OF_LOG_MAX 8

static void fork_key(uint8_t key[KEY_SIZE_OF_FORK], const struct fork *fork)
{
    memcpy(key, PREFIX, PREFIX_SIZE);
    log_name_encode(fork->log, key + PREFIX_SIZE);
    put_be64(key + PREFIX_SIZE + LOG_NAME_SIZE, fork->seq);
    memcpy(key + PREFIX_SIZE + LOG_NAME_SIZE + 8, fork->other.bytes, HASH_CHECK_SIZE);
}

static bool is_fork_key(struct slice key)
{
    return key.size == KEY_SIZE_OF_FORK && memcmp(key.data, PREFIX, PREFIX_SIZE) == 0;
}

static size_t forks_of(struct engine *engine, const uint8_t of[KEY_SIZE_OF_FORK])
{
    struct store_cursor cursor;
    struct slice key, value;
    size_t count = 0;

    bool found =
        store_seek(engine->txn, STORE_META, slice_of(of, PREFIX_SIZE + LOG_NAME_SIZE),
                   &cursor, &key, &value);
    for (; found && is_fork_key(key) &&
           memcmp(key.data, of, PREFIX_SIZE + LOG_NAME_SIZE) == 0;
         found = store_next(engine->txn, &cursor, &key, &value))
        count++;
    store_cursor_close(&cursor);
    return count;
}

void forks_note(struct engine *engine, const struct fork *fork, struct slice proof)
{
    uint8_t key[KEY_SIZE_OF_FORK];
    struct slice value;
    struct buffer row;

    fork_key(key, fork);
    if (store_get(engine->txn, STORE_META, slice_of(key, sizeof key), &value) ||
        forks_of(engine, key) >= FORKS_OF_LOG_MAX)
        return;
    buffer_init(&row, SIZE_MAX);
    buffer_put_u64(&row, engine->wall_ms);
    buffer_put_u8(&row, fork->set_aside);
    buffer_put_u64(&row, fork->entries);
    buffer_put(&row, fork->stands.bytes, HASH_SIZE);
    buffer_put(&row, fork->other.bytes, HASH_SIZE);
    buffer_put(&row, proof.data, proof.size);
    store_put(engine->txn, STORE_META, slice_of(key, sizeof key), buffer_slice(&row));
    buffer_deinit(&row);
    engine->wrote = true;
}

void forks_note_run(struct engine *engine, const struct fork *fork, const struct run *run,
                    const struct hash *before)
{
    struct run kept = *run;
    struct buffer proof;

    kept.prev = *before;
    buffer_init(&proof, RUN_SIZE_LIMIT);
    run_encode(&kept, RUN_STORED, &proof);
    CHECK(!proof.overflow);
    forks_note(engine, fork, buffer_slice(&proof));
    buffer_deinit(&proof);
}

void engine_walk_forks(struct store_txn *txn,
                       bool (*visit)(void *context, const struct fork *fork),
                       void *context)
{
    struct store_cursor cursor;
    struct slice key, value;

    bool found = store_seek(txn, STORE_META, slice_text(PREFIX), &cursor, &key, &value);
    for (; found && is_fork_key(key); found = store_next(txn, &cursor, &key, &value)) {
        struct fork fork = {.log = log_name_decode(key.data + PREFIX_SIZE),
                            .seq = get_be64(key.data + PREFIX_SIZE + LOG_NAME_SIZE)};
        uint8_t set_aside;
        if (!slice_take_u64(&value, &fork.wall_ms) ||
            !slice_take_u8(&value, &set_aside) ||
            !slice_take_u64(&value, &fork.entries) ||
            !slice_take(&value, HASH_SIZE, fork.stands.bytes) ||
            !slice_take(&value, HASH_SIZE, fork.other.bytes))
            continue;
        fork.set_aside = set_aside != 0;
        if (!visit(context, &fork))
            break;
    }
    store_cursor_close(&cursor);
}
