#include "net/wants.h"

#include <stdlib.h>
#include <string.h>

/* A stored row: per source its seq u64 LE and its number u32 LE. */
#define WANT_SOURCE_SIZE 12

void wants_init(struct wants *wants)
{
    *wants = (struct wants){0};
}

void wants_deinit(struct wants *wants)
{
    free(wants->rows);
    free(wants->shares);
    wants_init(wants);
}

/* ---- shares ---- */

static struct want_share *wants_share(struct wants *wants, uint32_t peer)
{
    for (size_t i = 0; i < wants->share_count; i++) {
        if (wants->shares[i].peer == peer)
            return &wants->shares[i];
    }
    wants->shares = array_grow(wants->shares, &wants->share_capacity,
                               wants->share_count + 1, sizeof *wants->shares);
    wants->shares[wants->share_count] = (struct want_share){.peer = peer};
    return &wants->shares[wants->share_count++];
}

/* A row that named `peer` as announcer does no longer; it was counted when it began to. */
static void wants_share_less(struct wants *wants, uint32_t peer)
{
    struct want_share *share = wants_share(wants, peer);

    CHECK(share->rows > 0);
    share->rows--;
}

/* ---- rows ---- */

static int want_compare(const void *key, const void *row)
{
    const struct log_name *log = key;
    const struct want *want = row;

    return log_name_compare(*log, want->log);
}

/* The index of the row of `log`, or where it would stand. */
static bool wants_place(const struct wants *wants, struct log_name log, size_t *place)
{
    return sorted_find(&log, wants->rows, wants->count, sizeof *wants->rows, want_compare,
                       place);
}

struct want *wants_find(struct wants *wants, struct log_name log)
{
    size_t place;

    return wants_place(wants, log, &place) ? &wants->rows[place] : NULL;
}

static struct want *wants_insert(struct wants *wants, struct log_name log)
{
    size_t place;

    (void)wants_place(wants, log, &place);
    wants->rows =
        array_grow(wants->rows, &wants->capacity, wants->count + 1, sizeof *wants->rows);
    memmove(&wants->rows[place + 1], &wants->rows[place],
            (wants->count - place) * sizeof *wants->rows);
    wants->rows[place] = (struct want){.log = log};
    wants->count++;
    wants->unasked++;
    return &wants->rows[place];
}

static void want_unask(struct wants *wants, struct want *want)
{
    if (!want->asked)
        return;
    want->asked = false;
    wants->unasked++;
    CHECK(wants->unasked <= wants->count);
}

static void want_save(struct store_txn *txn, const struct want *want)
{
    uint8_t key[LOG_NAME_SIZE];
    struct buffer value;

    buffer_init(&value, sizeof want->sources);
    for (size_t i = 0; i < want->source_count; i++) {
        buffer_put_u64(&value, want->sources[i].to);
        buffer_put_u32(&value, want->sources[i].peer);
    }
    log_name_encode(want->log, key);
    store_put(txn, STORE_WANTS, slice_of(key, sizeof key), buffer_slice(&value));
    buffer_deinit(&value);
}

static void want_remove(struct wants *wants, struct store_txn *txn, struct want *want)
{
    size_t place = (size_t)(want - wants->rows);
    uint8_t key[LOG_NAME_SIZE];

    for (size_t i = 0; i < want->source_count; i++)
        wants_share_less(wants, want->sources[i].peer);
    log_name_encode(want->log, key);
    store_delete(txn, STORE_WANTS, slice_of(key, sizeof key));
    want_unask(wants, want);
    CHECK(place < wants->count && wants->unasked > 0);
    wants->unasked--;
    wants->count--;
    memmove(want, want + 1, (wants->count - place) * sizeof *wants->rows);
}

void wants_load(struct wants *wants, struct store_txn *txn)
{
    struct store_cursor cursor;
    struct slice key, value;

    wants->count = wants->unasked = wants->share_count = 0;
    bool found = store_seek(txn, STORE_WANTS, (struct slice){0}, &cursor, &key, &value);
    for (; found; found = store_next(txn, &cursor, &key, &value)) {
        if (key.size != LOG_NAME_SIZE || value.size < WANT_SOURCE_SIZE)
            continue;
        struct want *want = wants_insert(wants, log_name_decode(key.data));
        struct want_source *source = want->sources;
        while (want->source_count < WANT_SOURCES_MAX &&
               slice_take_u64(&value, &source->to) &&
               slice_take_u32(&value, &source->peer)) {
            wants_share(wants, source->peer)->rows++;
            want->source_count++;
            source++;
        }
    }
    store_cursor_close(&cursor);
}

/* ---- announcements ---- */

static struct want_source *want_source_of(struct want *want, uint32_t peer)
{
    for (size_t i = 0; i < want->source_count; i++) {
        if (want->sources[i].peer == peer)
            return &want->sources[i];
    }
    return NULL;
}

/* The place for a new announcer: a free one, else one that is not being asked. */
static struct want_source *want_new_source(struct wants *wants, struct want *want)
{
    size_t index = want->turn % WANT_SOURCES_MAX;

    if (want->source_count < WANT_SOURCES_MAX)
        return &want->sources[want->source_count++];
    if (want->asked && want->sources[index].peer == want->asked_of)
        index = (index + 1) % WANT_SOURCES_MAX;
    wants_share_less(wants, want->sources[index].peer);
    return &want->sources[index];
}

bool wants_add(struct wants *wants, struct store_txn *txn, struct log_name log,
               uint64_t to, uint32_t peer, bool author_known, bool *wrote)
{
    struct want *want = wants_find(wants, log);
    struct want_source *source = want != NULL ? want_source_of(want, peer) : NULL;

    if (source != NULL && source->to >= to)
        return true;
    size_t share_max = author_known ? WANTS_PEER_MAX : WANTS_UNKNOWN_MAX;
    if (source == NULL && wants_share(wants, peer)->rows >= share_max)
        return false;
    if (want == NULL) {
        if (wants->count == WANTS_MAX)
            return false;
        want = wants_insert(wants, log);
    }
    if (source == NULL) {
        source = want_new_source(wants, want);
        wants_share(wants, peer)->rows++;
    }
    *source = (struct want_source){peer, to};
    want_save(txn, want);
    *wrote = true;
    return true;
}

/* Keeps the sources that announced more than `seq`, and not `without`. */
static bool want_keep_sources(struct wants *wants, struct want *want, uint64_t seq,
                              const uint32_t *without)
{
    size_t kept = 0, before = want->source_count;

    for (size_t i = 0; i < before; i++) {
        bool goes = want->sources[i].to <= seq ||
                    (without != NULL && want->sources[i].peer == *without);
        if (goes)
            wants_share_less(wants, want->sources[i].peer);
        else
            want->sources[kept++] = want->sources[i];
    }
    want->source_count = kept;
    return kept != before;
}

static void want_changed(struct wants *wants, struct store_txn *txn, struct want *want)
{
    if (want->source_count == 0)
        want_remove(wants, txn, want);
    else
        want_save(txn, want);
}

void wants_advance(struct wants *wants, struct store_txn *txn, struct log_name log,
                   uint64_t seq, uint64_t now_ms)
{
    struct want *want = wants_find(wants, log);

    if (want == NULL)
        return;
    want->moved_at_ms = now_ms;
    if (want->asked && seq >= want->asked_to)
        want_unask(wants, want);
    if (want_keep_sources(wants, want, seq, NULL))
        want_changed(wants, txn, want);
}

bool wants_limit(struct wants *wants, struct store_txn *txn, struct log_name log,
                 uint64_t seq, uint64_t to)
{
    struct want *want = wants_find(wants, log);
    bool changed = false;

    for (size_t i = 0; want != NULL && i < want->source_count; i++) {
        changed |= want->sources[i].to > to;
        if (want->sources[i].to > to)
            want->sources[i].to = to;
    }
    if (!changed)
        return false;
    want_unask(wants, want); /* more was asked for than will come */
    (void)want_keep_sources(wants, want, seq, NULL);
    want_changed(wants, txn, want);
    return true;
}

bool wants_drop(struct wants *wants, struct store_txn *txn, struct log_name log)
{
    struct want *want = wants_find(wants, log);

    if (want == NULL)
        return false;
    want_remove(wants, txn, want);
    return true;
}

bool wants_drop_source(struct wants *wants, struct store_txn *txn, struct log_name log,
                       uint32_t peer)
{
    struct want *want = wants_find(wants, log);

    if (want == NULL || !want_keep_sources(wants, want, 0, &peer))
        return false;
    if (want->asked && want->asked_of == peer)
        want_unask(wants, want);
    want_changed(wants, txn, want);
    return true;
}

/* ---- asking ---- */

void wants_ask(struct wants *wants, struct want *want, uint32_t peer, uint64_t to,
               uint64_t now_ms)
{
    if (!want->asked) {
        CHECK(wants->unasked > 0);
        wants->unasked--;
    }
    want->asked = true;
    want->asked_of = peer;
    want->asked_to = to;
    want->moved_at_ms = now_ms;
}

static bool want_is_asked_of(const struct want *want, uint32_t peer)
{
    return want->asked && want->asked_of == peer;
}

void wants_forget_asked(struct wants *wants, uint32_t peer)
{
    for (size_t i = 0; i < wants->count; i++) {
        if (want_is_asked_of(&wants->rows[i], peer))
            want_unask(wants, &wants->rows[i]);
    }
}

void wants_take_turns(struct wants *wants, uint32_t peer, uint64_t before_ms)
{
    for (size_t i = 0; i < wants->count; i++) {
        struct want *want = &wants->rows[i];
        if (!want_is_asked_of(want, peer) || want->moved_at_ms > before_ms)
            continue;
        want_unask(wants, want);
        want->turn++;
    }
}

bool wants_any_asked(const struct wants *wants, uint32_t peer)
{
    return wants_still_since_ms(wants, peer) != UINT64_MAX;
}

uint64_t wants_still_since_ms(const struct wants *wants, uint32_t peer)
{
    uint64_t since_ms = UINT64_MAX;

    for (size_t i = 0; i < wants->count; i++) {
        const struct want *want = &wants->rows[i];
        if (want_is_asked_of(want, peer) && want->moved_at_ms < since_ms)
            since_ms = want->moved_at_ms;
    }
    return since_ms;
}
