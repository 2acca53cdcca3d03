#include "crdt/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    VARINT_SIZE_MAX = 10, /* ten groups of 7 bits hold 64 */
    BUFFER_CAPACITY_MIN = 64,
    ARRAY_CAPACITY_MIN = 16,
    ARENA_ALIGNMENT = 16,
    ARENA_BLOCK_MIN = 64 * 1024,
};

/* ---- statuses and promises ---- */

static const struct status_words status_table[] = {
#define STATUS_ROW(name, number, text, next) {name, #name, text, next},
    STATUS_TABLE(STATUS_ROW)
#undef STATUS_ROW
};

const struct status_words *status_words(enum status status)
{
    const struct status_words *fallback = &status_table[0];
    for (size_t i = 0; i < ARRAY_SIZE(status_table); i++) {
        if (status_table[i].status == status)
            return &status_table[i];
        if (status_table[i].status == ERR_MALFORMED)
            fallback = &status_table[i];
    }
    return fallback;
}

const struct status_words *status_words_at(size_t index)
{
    return index < ARRAY_SIZE(status_table) ? &status_table[index] : NULL;
}

_Noreturn void check_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: promise broken: %s\n", file, line, condition);
    abort();
}

void *checked_malloc(size_t size)
{
    void *memory = malloc(size > 0 ? size : 1);
    CHECK(memory != NULL);
    return memory;
}

void *checked_realloc(void *memory, size_t size)
{
    void *moved = realloc(memory, size > 0 ? size : 1);
    CHECK(moved != NULL);
    return moved;
}

/* ---- arrays ---- */

void *array_grow(void *items, size_t *capacity, size_t count, size_t size)
{
    if (count <= *capacity)
        return items;
    CHECK(count <= SIZE_MAX / 2 / size);
    size_t grown = 2 * *capacity;
    if (grown < ARRAY_CAPACITY_MIN)
        grown = ARRAY_CAPACITY_MIN;
    if (grown < count)
        grown = count;
    *capacity = grown;
    return checked_realloc(items, grown * size);
}

bool sorted_find(const void *key, const void *items, size_t count, size_t size,
                 int (*compare)(const void *key, const void *item), size_t *place)
{
    const uint8_t *bytes = items;
    size_t low = 0, high = count;
    bool found = false;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(key, bytes + middle * size);
        if (order > 0) {
            low = middle + 1;
        } else {
            high = middle;
            found |= order == 0;
        }
    }
    *place = low;
    return found;
}

/* ---- slices ---- */

struct slice slice_of(const void *data, size_t size)
{
    return (struct slice){.data = data, .size = size};
}

struct slice slice_text(const char *text)
{
    return slice_of(text, strlen(text));
}

bool slice_equal(struct slice a, struct slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

int slice_compare(struct slice a, struct slice b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
    if (order != 0)
        return order;
    return (a.size > b.size) - (a.size < b.size);
}

bool slice_borrow(struct slice *in, size_t size, struct slice *out)
{
    if (size > in->size)
        return false;
    *out = slice_of(in->data, size);
    /* Nothing may be added to a null pointer, not even zero. */
    if (size > 0)
        *in = slice_of(in->data + size, in->size - size);
    return true;
}

bool slice_take(struct slice *in, size_t size, void *out)
{
    struct slice taken;
    if (!slice_borrow(in, size, &taken))
        return false;
    if (size > 0)
        memcpy(out, taken.data, size);
    return true;
}

static bool slice_take_le(struct slice *in, size_t size, uint64_t *out)
{
    struct slice taken;
    if (!slice_borrow(in, size, &taken))
        return false;
    uint64_t value = 0;
    for (size_t i = size; i > 0; i--)
        value = value << 8 | taken.data[i - 1];
    *out = value;
    return true;
}

bool slice_take_u8(struct slice *in, uint8_t *out)
{
    return slice_take(in, 1, out);
}

bool slice_take_u16(struct slice *in, uint16_t *out)
{
    uint64_t value;
    if (!slice_take_le(in, 2, &value))
        return false;
    *out = (uint16_t)value;
    return true;
}

bool slice_take_u32(struct slice *in, uint32_t *out)
{
    uint64_t value;
    if (!slice_take_le(in, 4, &value))
        return false;
    *out = (uint32_t)value;
    return true;
}

bool slice_take_u64(struct slice *in, uint64_t *out)
{
    return slice_take_le(in, 8, out);
}

bool slice_take_varint(struct slice *in, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < VARINT_SIZE_MAX && i < in->size; i++) {
        uint8_t byte = in->data[i];
        /* The tenth byte holds the one bit that is left of 64. */
        if (i == VARINT_SIZE_MAX - 1 && byte > 1)
            return false;
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte & 0x80)
            continue;
        if (byte == 0 && i > 0)
            return false;
        *in = slice_of(in->data + i + 1, in->size - i - 1);
        *out = value;
        return true;
    }
    return false;
}

/* ---- buffers ---- */

void buffer_init(struct buffer *buffer, size_t limit)
{
    *buffer = (struct buffer){.limit = limit};
}

void buffer_deinit(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}

void buffer_clear(struct buffer *buffer)
{
    buffer->size = 0;
    buffer->overflow = false;
}

static void buffer_grow(struct buffer *buffer, size_t needed)
{
    size_t capacity = buffer->capacity;
    if (capacity < BUFFER_CAPACITY_MIN)
        capacity = BUFFER_CAPACITY_MIN;
    while (capacity < needed)
        capacity = capacity <= SIZE_MAX / 2 ? capacity * 2 : needed;
    /* The limit caps the memory too; `needed` lies within it. */
    if (capacity > buffer->limit)
        capacity = buffer->limit;
    buffer->data = checked_realloc(buffer->data, capacity);
    buffer->capacity = capacity;
}

void buffer_put(struct buffer *buffer, const void *data, size_t size)
{
    if (buffer->overflow || size > buffer->limit - buffer->size) {
        buffer->overflow = true;
        return;
    }
    if (size == 0)
        return;
    if (size > buffer->capacity - buffer->size)
        buffer_grow(buffer, buffer->size + size);
    memcpy(buffer->data + buffer->size, data, size);
    buffer->size += size;
}

static void buffer_put_le(struct buffer *buffer, uint64_t value, size_t size)
{
    uint8_t bytes[8];
    put_le64(bytes, value);
    buffer_put(buffer, bytes, size);
}

void buffer_put_u8(struct buffer *buffer, uint8_t value)
{
    buffer_put(buffer, &value, 1);
}

void buffer_put_u16(struct buffer *buffer, uint16_t value)
{
    buffer_put_le(buffer, value, 2);
}

void buffer_put_u32(struct buffer *buffer, uint32_t value)
{
    buffer_put_le(buffer, value, 4);
}

void buffer_put_u64(struct buffer *buffer, uint64_t value)
{
    buffer_put_le(buffer, value, 8);
}

void buffer_put_varint(struct buffer *buffer, uint64_t value)
{
    uint8_t bytes[VARINT_SIZE_MAX];
    size_t size = 0;
    while (value >= 0x80) {
        bytes[size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes[size++] = (uint8_t)value;
    buffer_put(buffer, bytes, size);
}

struct slice buffer_slice(const struct buffer *buffer)
{
    return slice_of(buffer->data, buffer->size);
}

/* ---- integers as bytes ---- */

size_t varint_size(uint64_t value)
{
    size_t size = 1;
    while (value >>= 7)
        size++;
    return size;
}

void put_le32(uint8_t out[4], uint32_t value)
{
    for (size_t i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

void put_le64(uint8_t out[8], uint64_t value)
{
    for (size_t i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

uint64_t get_le64(const uint8_t in[8])
{
    uint64_t value = 0;
    for (size_t i = 8; i > 0; i--)
        value = value << 8 | in[i - 1];
    return value;
}

void put_be32(uint8_t out[4], uint32_t value)
{
    for (size_t i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (8 * (3 - i)));
}

uint32_t get_be32(const uint8_t in[4])
{
    uint32_t value = 0;
    for (size_t i = 0; i < 4; i++)
        value = value << 8 | in[i];
    return value;
}

void put_be64(uint8_t out[8], uint64_t value)
{
    for (size_t i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (8 * (7 - i)));
}

uint64_t get_be64(const uint8_t in[8])
{
    uint64_t value = 0;
    for (size_t i = 0; i < 8; i++)
        value = value << 8 | in[i];
    return value;
}

/* ---- the arena ---- */

/* Blocks are chained newest first and at least double, so the newest is the largest. */
struct arena_block {
    struct arena_block *older;
    size_t capacity;
    size_t used;
    _Alignas(ARENA_ALIGNMENT) uint8_t data[];
};

void arena_init(struct arena *arena)
{
    arena->blocks = NULL;
}

static void arena_free_blocks(struct arena_block *block)
{
    while (block != NULL) {
        struct arena_block *older = block->older;
        free(block);
        block = older;
    }
}

void arena_deinit(struct arena *arena)
{
    arena_free_blocks(arena->blocks);
    arena->blocks = NULL;
}

void arena_reset(struct arena *arena)
{
    struct arena_block *newest = arena->blocks;
    if (newest == NULL)
        return;
    arena_free_blocks(newest->older);
    newest->older = NULL;
    newest->used = 0;
}

static void arena_grow(struct arena *arena, size_t size)
{
    size_t capacity = ARENA_BLOCK_MIN;
    if (arena->blocks != NULL)
        capacity = arena->blocks->capacity * 2;
    if (capacity < size)
        capacity = size;
    struct arena_block *block = checked_malloc(sizeof *block + capacity);
    block->older = arena->blocks;
    block->capacity = capacity;
    block->used = 0;
    arena->blocks = block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    CHECK(size <= SIZE_MAX / 4);
    size_t rounded = (size + ARENA_ALIGNMENT - 1) & ~(size_t)(ARENA_ALIGNMENT - 1);
    struct arena_block *newest = arena->blocks;
    if (newest == NULL || rounded > newest->capacity - newest->used) {
        arena_grow(arena, rounded);
        newest = arena->blocks;
    }
    uint8_t *memory = newest->data + newest->used;
    newest->used += rounded;
    return memset(memory, 0, rounded);
}

struct slice arena_copy(struct arena *arena, struct slice from)
{
    uint8_t *memory = arena_alloc(arena, from.size);
    if (from.size > 0)
        memcpy(memory, from.data, from.size);
    return slice_of(memory, from.size);
}
