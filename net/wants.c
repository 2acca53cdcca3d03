#include "net/wants.h"

#include <stdlib.h>
#include <string.h>

/* A stored row: seq u64 LE, peer u32 LE. */
#define WANT_ROW_SIZE 12

void wants_init(struct wants *wants)
{
    *wants = (struct wants){0};
}

void wants_deinit(struct wants *wants)
{
    free(wants->rows);
    wants_init(wants);
}

/* Index of the row of `log`, or where it would stand. */
static size_t wants_place(const struct wants *wants, struct log_name log)
{
    size_t low = 0, high = wants->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (log_name_compare(wants->rows[middle].log, log) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct want *wants_find(struct wants *wants, struct log_name log)
{
    size_t place = wants_place(wants, log);

    if (place == wants->count || !log_name_equal(wants->rows[place].log, log))
        return NULL;
    return &wants->rows[place];
}

static struct want *wants_insert(struct wants *wants, struct log_name log)
{
    size_t place = wants_place(wants, log);

    if (wants->count == wants->capacity) {
        wants->capacity = wants->capacity == 0 ? 64 : wants->capacity * 2;
        wants->rows = checked_realloc(wants->rows, wants->capacity * sizeof *wants->rows);
    }
    memmove(&wants->rows[place + 1], &wants->rows[place],
            (wants->count - place) * sizeof *wants->rows);
    wants->rows[place] = (struct want){.log = log};
    wants->count++;
    wants->unasked++;
    return &wants->rows[place];
}

void wants_load(struct wants *wants, struct store_txn *txn)
{
    struct store_cursor cursor;
    struct slice key, value;
    uint32_t peer;
    uint64_t to;

    wants->count = wants->unasked = 0;
    bool found = store_seek(txn, STORE_WANTS, (struct slice){0}, &cursor, &key, &value);
    for (; found; found = store_next(txn, &cursor, &key, &value)) {
        if (key.size != LOG_NAME_SIZE || !slice_take_u64(&value, &to) ||
            !slice_take_u32(&value, &peer))
            continue;
        struct want *want = wants_insert(wants, log_name_decode(key.data));
        want->to = to;
        want->peer = peer;
    }
    store_cursor_close(&cursor);
}

static void want_write(struct store_txn *txn, const struct want *want)
{
    uint8_t key[LOG_NAME_SIZE], value[WANT_ROW_SIZE];

    log_name_encode(want->log, key);
    put_le64(value, want->to);
    for (size_t i = 0; i < 4; i++)
        value[8 + i] = (uint8_t)(want->peer >> (8 * i));
    store_put(txn, STORE_WANTS, slice_of(key, sizeof key), slice_of(value, sizeof value));
}

static bool wants_share_is_full(const struct wants *wants, uint32_t peer)
{
    size_t count = 0;

    if (wants->count < WANTS_PEER_MAX)
        return false;
    for (size_t i = 0; i < wants->count; i++)
        count += wants->rows[i].peer == peer;
    return count >= WANTS_PEER_MAX;
}

bool wants_add(struct wants *wants, struct store_txn *txn, struct log_name log,
               uint64_t to, uint32_t peer, bool *wrote)
{
    struct want *want = wants_find(wants, log);

    if (want == NULL) {
        if (wants->count == WANTS_MAX || wants_share_is_full(wants, peer))
            return false;
        want = wants_insert(wants, log);
    } else if (want->to >= to && want->asked) {
        return true; /* under way already */
    } else if (want->to >= to && want->peer == peer) {
        return true;
    }
    if (want->asked)
        wants->unasked++;
    want->asked = false;
    want->to = to > want->to ? to : want->to;
    want->peer = peer;
    want_write(txn, want);
    *wrote = true;
    return true;
}

bool wants_satisfy(struct wants *wants, struct store_txn *txn, struct log_name log,
                   uint64_t seq)
{
    struct want *want = wants_find(wants, log);
    uint8_t key[LOG_NAME_SIZE];

    if (want == NULL || want->to > seq)
        return false;
    log_name_encode(log, key);
    store_delete(txn, STORE_WANTS, slice_of(key, sizeof key));
    if (!want->asked)
        wants->unasked--;
    size_t place = (size_t)(want - wants->rows);
    wants->count--;
    memmove(want, want + 1, (wants->count - place) * sizeof *wants->rows);
    return true;
}

void wants_forget_asked(struct wants *wants, uint32_t peer)
{
    for (size_t i = 0; i < wants->count; i++) {
        if (wants->rows[i].asked && wants->rows[i].peer == peer) {
            wants->rows[i].asked = false;
            wants->unasked++;
        }
    }
}

bool wants_any_asked(const struct wants *wants, uint32_t peer)
{
    for (size_t i = 0; i < wants->count; i++) {
        if (wants->rows[i].asked && wants->rows[i].peer == peer)
            return true;
    }
    return false;
}
