#include "crdt/heads.h"

#include <stdlib.h>
#include <string.h>

enum {
    HEAD_BODY_SIZE = 8 + 8 + 8 + HASH_SIZE,
    HEAD_CHECK_SIZE = 8,
    HEAD_VALUE_SIZE = HEAD_BODY_SIZE + HEAD_CHECK_SIZE,
    HEAD_DIGEST_SIZE = LOG_NAME_SIZE + 8 + 8 + HASH_SIZE,
    CAPACITY_MIN = 64,
    DIGEST_HEADS_AT_ONCE = 64,
};

#define NOWHERE UINT32_MAX

/* Heads lie in an array in the order in which their logs became known and never move
 * within it. Three things lead to them: a hash table by name, an order by name (for the
 * digest) and a list by arrival (for heads_since), all kept as heads come and advance, so
 * that nothing is sorted when asked. */
struct place {
    struct head head;      /* first: heads_index goes from it to its place */
    uint32_t older, newer; /* neighbours by arrival */
    bool moved;
};

struct heads {
    struct place *places;
    uint32_t *by_name;
    size_t count, capacity;
    uint32_t *slots; /* twice the capacity, a power of two; NOWHERE where empty */
    uint32_t oldest, newest;
    uint32_t *moved; /* places to be flushed, each once */
    size_t moved_count;
    uint64_t entries;
};

/* ---- names ---- */

static uint64_t name_packed(struct log_name log)
{
    return (uint64_t)log.node << 24 | (uint64_t)log.tag << 8 | log.lane;
}

/* The finaliser of splitmix64 (Steele, Lea, Flood 2014): node numbers are consecutive and
 * tags are their owner's choice, so every bit of the name has to count. */
static uint64_t name_mixed(uint64_t packed)
{
    packed = (packed ^ packed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    packed = (packed ^ packed >> 27) * UINT64_C(0x94d049bb133111eb);
    return packed ^ packed >> 31;
}

/* The slot that holds the log, or the empty one where it belongs. */
static size_t slot_find(const struct heads *heads, struct log_name log)
{
    size_t mask = 2 * heads->capacity - 1;
    size_t slot = (size_t)name_mixed(name_packed(log)) & mask;
    while (heads->slots[slot] != NOWHERE &&
           !log_name_equal(heads->places[heads->slots[slot]].head.log, log))
        slot = (slot + 1) & mask;
    return slot;
}

static void slots_fill(struct heads *heads)
{
    for (size_t i = 0; i < 2 * heads->capacity; i++)
        heads->slots[i] = NOWHERE;
    for (size_t i = 0; i < heads->count; i++)
        heads->slots[slot_find(heads, heads->places[i].head.log)] = (uint32_t)i;
}

/* How many heads have a smaller name than `log`. */
static size_t name_rank(const struct heads *heads, struct log_name log)
{
    size_t low = 0;
    size_t high = heads->count;
    /* Logs are loaded in order of the name: then the new one comes last. */
    if (high > 0) {
        uint32_t last = heads->by_name[high - 1];
        if (log_name_compare(heads->places[last].head.log, log) < 0)
            return high;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (log_name_compare(heads->places[heads->by_name[middle]].head.log, log) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ---- memory ---- */

static void heads_resize(struct heads *heads, size_t capacity)
{
    CHECK(capacity < NOWHERE / 2);
    heads->places = checked_realloc(heads->places, capacity * sizeof *heads->places);
    heads->by_name = checked_realloc(heads->by_name, capacity * sizeof *heads->by_name);
    heads->moved = checked_realloc(heads->moved, capacity * sizeof *heads->moved);
    heads->slots = checked_realloc(heads->slots, 2 * capacity * sizeof *heads->slots);
    heads->capacity = capacity;
    slots_fill(heads);
}

static void heads_clear(struct heads *heads)
{
    heads->count = 0;
    heads->moved_count = 0;
    heads->entries = 0;
    heads->oldest = NOWHERE;
    heads->newest = NOWHERE;
    slots_fill(heads);
}

struct heads *heads_create(void)
{
    struct heads *heads = checked_malloc(sizeof *heads);
    *heads = (struct heads){0};
    heads_resize(heads, CAPACITY_MIN);
    heads_clear(heads);
    return heads;
}

void heads_destroy(struct heads *heads)
{
    if (heads == NULL)
        return;
    free(heads->places);
    free(heads->by_name);
    free(heads->moved);
    free(heads->slots);
    free(heads);
}

/* ---- order of arrival ---- */

static void arrival_unlink(struct heads *heads, uint32_t index)
{
    struct place *place = &heads->places[index];
    if (place->older == NOWHERE)
        heads->oldest = place->newer;
    else
        heads->places[place->older].newer = place->newer;
    if (place->newer == NOWHERE)
        heads->newest = place->older;
    else
        heads->places[place->newer].older = place->older;
}

/* Arrival numbers only grow, so the walk ends at its first step. */
static void arrival_link(struct heads *heads, uint32_t index)
{
    struct place *place = &heads->places[index];
    uint32_t older = heads->newest;
    while (older != NOWHERE && heads->places[older].head.arrival > place->head.arrival)
        older = heads->places[older].older;
    place->older = older;
    if (older == NOWHERE) {
        place->newer = heads->oldest;
        heads->oldest = index;
    } else {
        place->newer = heads->places[older].newer;
        heads->places[older].newer = index;
    }
    if (place->newer == NOWHERE)
        heads->newest = index;
    else
        heads->places[place->newer].older = index;
}

static int place_compare_arrival(const void *a, const void *b)
{
    const struct place *const *left = a;
    const struct place *const *right = b;
    uint64_t first = (*left)->head.arrival;
    uint64_t second = (*right)->head.arrival;
    return (first > second) - (first < second);
}

/* After a load, which comes in order of the name. */
static void arrival_link_all(struct heads *heads)
{
    const struct place **sorted = checked_malloc(heads->count * sizeof(*sorted));
    for (size_t i = 0; i < heads->count; i++)
        sorted[i] = &heads->places[i];
    qsort(sorted, heads->count, sizeof(*sorted), place_compare_arrival);
    for (size_t i = 0; i < heads->count; i++)
        arrival_link(heads, (uint32_t)(sorted[i] - heads->places));
    free(sorted);
}

/* ---- one head ---- */

static uint32_t head_add(struct heads *heads, struct log_name log, uint64_t incarnation)
{
    if (heads->count == heads->capacity)
        heads_resize(heads, 2 * heads->capacity);
    uint32_t index = (uint32_t)heads->count;
    size_t rank = name_rank(heads, log);
    memmove(heads->by_name + rank + 1, heads->by_name + rank,
            (heads->count - rank) * sizeof *heads->by_name);
    heads->by_name[rank] = index;
    heads->slots[slot_find(heads, log)] = index;
    heads->places[index] =
        (struct place){.head = {.log = log, .incarnation = incarnation}};
    heads->count++;
    return index;
}

static void head_mark_moved(struct heads *heads, uint32_t index)
{
    if (heads->places[index].moved)
        return;
    heads->places[index].moved = true;
    heads->moved[heads->moved_count++] = index;
}

void heads_advance(struct heads *heads, struct log_name log, uint64_t incarnation,
                   uint64_t seq, const struct hash *hash, uint64_t arrival)
{
    CHECK(log.lane < LANES && (uint16_t)incarnation == log.tag);
    uint32_t index = heads->slots[slot_find(heads, log)];
    if (index == NOWHERE)
        index = head_add(heads, log, incarnation);
    else
        arrival_unlink(heads, index);
    struct head *head = &heads->places[index].head;
    CHECK(seq > head->seq && seq <= SEQ_MAX && head->incarnation == incarnation);
    heads->entries += seq - head->seq;
    head->seq = seq;
    head->hash = *hash;
    head->arrival = arrival;
    arrival_link(heads, index);
    head_mark_moved(heads, index);
}

/* It keeps its arrival: neighbours are told of the log when it moves on. */
void heads_take_back(struct heads *heads, struct log_name log, uint64_t seq,
                     const struct hash *hash)
{
    uint32_t index = heads->slots[slot_find(heads, log)];
    CHECK(index != NOWHERE);
    struct head *head = &heads->places[index].head;
    CHECK(seq < head->seq);
    heads->entries -= head->seq - seq;
    head->seq = seq;
    head->hash = *hash;
    head_mark_moved(heads, index);
}

const struct head *heads_find(const struct heads *heads, struct log_name log)
{
    uint32_t index = heads->slots[slot_find(heads, log)];
    return index == NOWHERE ? NULL : &heads->places[index].head;
}

const struct head *heads_at(const struct heads *heads, size_t index)
{
    CHECK(index < heads->count);
    return &heads->places[index].head;
}

size_t heads_index(const struct heads *heads, const struct head *head)
{
    size_t offset = (size_t)((const uint8_t *)head - (const uint8_t *)heads->places);

    CHECK(offset % sizeof *heads->places == 0);
    return offset / sizeof *heads->places;
}

size_t heads_count(const struct heads *heads)
{
    return heads->count;
}

uint64_t heads_entries(const struct heads *heads)
{
    return heads->entries;
}

/* ---- the store ---- */

static void head_check(const uint8_t key[LOG_NAME_SIZE],
                       const uint8_t body[HEAD_BODY_SIZE], uint8_t check[HEAD_CHECK_SIZE])
{
    static const struct county_salt no_county;
    uint8_t input[LOG_NAME_SIZE + HEAD_BODY_SIZE];
    memcpy(input, key, LOG_NAME_SIZE);
    memcpy(input + LOG_NAME_SIZE, body, HEAD_BODY_SIZE);
    struct hash hash;
    hash_bytes(&hash, HASH_HEADS, &no_county, slice_of(input, sizeof input));
    memcpy(check, hash.bytes, HEAD_CHECK_SIZE);
}

static void head_write(const struct head *head, struct store_txn *txn)
{
    uint8_t key[LOG_NAME_SIZE];
    uint8_t value[HEAD_VALUE_SIZE];
    log_name_encode(head->log, key);
    put_le64(value, head->incarnation);
    put_le64(value + 8, head->seq);
    put_le64(value + 16, head->arrival);
    memcpy(value + 24, head->hash.bytes, HASH_SIZE);
    head_check(key, value, value + HEAD_BODY_SIZE);
    store_put(txn, STORE_HEADS, slice_of(key, sizeof key), slice_of(value, sizeof value));
}

static bool head_read(struct slice key, struct slice value, struct head *head)
{
    uint8_t check[HEAD_CHECK_SIZE];
    if (key.size != LOG_NAME_SIZE || value.size != HEAD_VALUE_SIZE)
        return false;
    head_check(key.data, value.data, check);
    if (memcmp(check, value.data + HEAD_BODY_SIZE, HEAD_CHECK_SIZE) != 0)
        return false;
    head->log = log_name_decode(key.data);
    head->incarnation = get_le64(value.data);
    head->seq = get_le64(value.data + 8);
    head->arrival = get_le64(value.data + 16);
    memcpy(head->hash.bytes, value.data + 24, HASH_SIZE);
    return true;
}

enum status heads_load(struct heads *heads, struct store_txn *txn)
{
    heads_clear(heads);
    enum status status = OK;
    struct store_cursor cursor = {0};
    struct slice key;
    struct slice value;
    bool found = store_seek(txn, STORE_HEADS, slice_of(NULL, 0), &cursor, &key, &value);
    for (; found; found = store_next(txn, &cursor, &key, &value)) {
        struct head head;
        if (!head_read(key, value, &head)) {
            status = ERR_STORE_DAMAGED;
            continue;
        }
        uint32_t index = head_add(heads, head.log, head.incarnation);
        heads->places[index].head = head;
        heads->entries += head.seq;
    }
    store_cursor_close(&cursor);
    arrival_link_all(heads);
    return status;
}

static int packed_compare(const void *a, const void *b)
{
    const uint64_t *left = a;
    const uint64_t *right = b;
    return (*left > *right) - (*left < *right);
}

/* A name is 56 bits; sorted with the place it leads to would need 88, so the place is
 * looked up again. */
void heads_flush(struct heads *heads, struct store_txn *txn)
{
    if (heads->moved_count == 0)
        return;
    uint64_t *names = checked_malloc(heads->moved_count * sizeof *names);
    for (size_t i = 0; i < heads->moved_count; i++)
        names[i] = name_packed(heads->places[heads->moved[i]].head.log);
    qsort(names, heads->moved_count, sizeof *names, packed_compare);
    for (size_t i = 0; i < heads->moved_count; i++) {
        struct log_name log = {.node = (uint32_t)(names[i] >> 24),
                               .tag = (uint16_t)(names[i] >> 8),
                               .lane = (uint8_t)names[i]};
        uint32_t index = heads->slots[slot_find(heads, log)];
        head_write(&heads->places[index].head, txn);
        heads->places[index].moved = false;
    }
    heads->moved_count = 0;
    free(names);
}

/* ---- comparing ---- */

size_t heads_since(const struct heads *heads, uint64_t from, const struct head **found,
                   size_t capacity)
{
    uint32_t first = NOWHERE;
    for (uint32_t index = heads->newest;
         index != NOWHERE && heads->places[index].head.arrival > from;
         index = heads->places[index].older)
        first = index;
    size_t count = 0;
    for (; first != NOWHERE && count < capacity; first = heads->places[first].newer)
        found[count++] = &heads->places[first].head;
    return count;
}

static void head_put_digest(const struct head *head, uint8_t out[HEAD_DIGEST_SIZE])
{
    log_name_encode(head->log, out);
    put_le64(out + LOG_NAME_SIZE, head->incarnation);
    put_le64(out + LOG_NAME_SIZE + 8, head->seq);
    memcpy(out + LOG_NAME_SIZE + 16, head->hash.bytes, HASH_SIZE);
}

void heads_digest(const struct heads *heads, const struct county_salt *salt,
                  bool (*carried)(void *context, struct log_name log), void *context,
                  struct hash *digest)
{
    uint8_t gathered[DIGEST_HEADS_AT_ONCE * HEAD_DIGEST_SIZE];
    size_t size = 0;
    struct hash_state state;
    hash_begin(&state, HASH_HEADS, salt);
    for (size_t i = 0; i < heads->count; i++) {
        const struct head *head = &heads->places[heads->by_name[i]].head;
        if (head->seq == 0)
            continue; /* taken back to nothing: as if it had never been heard of */
        if (carried != NULL && !carried(context, head->log))
            continue;
        head_put_digest(head, gathered + size);
        size += HEAD_DIGEST_SIZE;
        if (size == sizeof gathered) {
            hash_add(&state, slice_of(gathered, size));
            size = 0;
        }
    }
    hash_add(&state, slice_of(gathered, size));
    hash_end(&state, digest);
}
