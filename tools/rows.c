#include "tools/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/codec.h"

#define ROWS_SPARE 1024 /* kept beyond the limit before the others are dropped */

struct row {
    struct slice key; /* compares as memcmp, whole; on the heap */
    uint64_t at;      /* in the memory or the file */
    uint32_t size;
};

struct rows {
    struct rows_key keys[ROWS_KEYS_MAX];
    size_t key_count;
    uint64_t limit;
    bool last;
    struct row *rows;
    size_t count, capacity;
    uint64_t added; /* ever */
    struct buffer memory;
    FILE *file; /* holds all, once memory was too small */
    uint64_t file_size;
    struct buffer key; /* scratch */
    uint8_t *read;     /* one row of the file */
    size_t read_capacity;
};

struct rows *rows_create(const struct rows_key *keys, size_t key_count, uint64_t limit,
                         bool last)
{
    struct rows *rows = checked_malloc(sizeof *rows);
    CHECK(key_count <= ROWS_KEYS_MAX && limit > 0);
    *rows = (struct rows){.key_count = key_count, .limit = limit, .last = last};
    for (size_t i = 0; i < key_count; i++)
        rows->keys[i] = keys[i];
    buffer_init(&rows->memory, SIZE_MAX);
    buffer_init(&rows->key, SIZE_MAX);
    return rows;
}

static void key_free(struct row *row)
{
    uint8_t *bytes;
    memcpy(&bytes, &row->key.data, sizeof bytes); /* ours, though a slice only reads */
    free(bytes);
}

void rows_destroy(struct rows *rows)
{
    if (rows == NULL)
        return;
    for (size_t i = 0; i < rows->count; i++)
        key_free(&rows->rows[i]);
    free(rows->rows);
    buffer_deinit(&rows->memory);
    buffer_deinit(&rows->key);
    free(rows->read);
    if (rows->file != NULL)
        (void)fclose(rows->file);
    free(rows);
}

/* ---- keys ---- */

enum { KEY_PRESENT = 1, KEY_ABSENT = 2 };

/* A choice as its place in the table, so that high comes before general. */
static bool put_choice(const struct field *field, struct slice text, struct buffer *out)
{
    if (field == NULL || field->type != FIELD_CHOICE)
        return false;
    for (size_t i = 0; field->choices[i].name != NULL; i++) {
        if (!slice_equal(text, slice_text(field->choices[i].name)))
            continue;
        buffer_put_u8(out, field->choices[i].id);
        return true;
    }
    return false;
}

/* Of several values the first counts. */
static void put_key_value(const struct field *field, struct slice value,
                          struct buffer *out)
{
    uint8_t number[8];
    struct slice text;
    size_t count;
    int64_t integer;
    bool flag;
    if (codec_take_int(&value, &integer)) {
        put_be64(number, (uint64_t)integer ^ (UINT64_C(1) << 63));
        buffer_put(out, number, sizeof number);
    } else if (codec_take_bool(&value, &flag)) {
        buffer_put_u8(out, flag);
    } else if (codec_take_text(&value, &text)) {
        if (!put_choice(field, text, out))
            buffer_put(out, text.data, text.size);
        buffer_put_u8(out, 0);
    } else if (codec_take_array(&value, &count) && count > 0 &&
               codec_take_text(&value, &text)) {
        buffer_put(out, text.data, text.size);
        buffer_put_u8(out, 0);
    }
}

static bool is_absent(struct slice record, const char *key, struct slice *value)
{
    if (!codec_map_find(record, key, value) || codec_peek(*value) == CODEC_NIL)
        return true;
    struct slice list = *value;
    size_t count;
    return codec_peek(list) == CODEC_ARRAY && codec_take_array(&list, &count) &&
           count == 0;
}

static void put_key(const struct rows *rows, struct slice record, struct buffer *out)
{
    uint8_t number[8];
    struct slice value;
    put_be64(number, rows->added);
    buffer_clear(out);
    for (size_t i = 0; i < rows->key_count; i++) {
        const struct rows_key *key = &rows->keys[i];
        bool absent = is_absent(record, key->key, &value);
        buffer_put_u8(out, absent ? KEY_ABSENT : KEY_PRESENT);
        size_t begin = out->size;
        if (!absent)
            put_key_value(key->field, value, out);
        for (size_t at = begin; key->descending && at < out->size; at++)
            out->data[at] = (uint8_t)~out->data[at];
    }
    buffer_put(out, number, sizeof number);
}

static int compare_rows(const void *a, const void *b)
{
    const struct row *left = a, *right = b;
    size_t shorter = left->key.size < right->key.size ? left->key.size : right->key.size;
    int order = shorter > 0 ? memcmp(left->key.data, right->key.data, shorter) : 0;
    if (order != 0)
        return order;
    return (left->key.size > right->key.size) - (left->key.size < right->key.size);
}

/* ---- keeping ---- */

static bool to_file(struct rows *rows, struct slice bytes)
{
    if (rows->file == NULL)
        rows->file = tmpfile();
    if (rows->file == NULL || fwrite(bytes.data, 1, bytes.size, rows->file) != bytes.size)
        return false;
    rows->file_size += bytes.size;
    return true;
}

/* Drops what is beyond the limit; what is kept moves to the front of the memory. */
static void keep_limit(struct rows *rows)
{
    struct buffer kept;
    if (rows->count > 1)
        qsort(rows->rows, rows->count, sizeof *rows->rows, compare_rows);
    if (rows->count <= rows->limit)
        return;
    size_t count = (size_t)rows->limit, drop = rows->count - count;
    size_t begin = rows->last ? 0 : count;
    for (size_t i = 0; i < drop; i++)
        key_free(&rows->rows[begin + i]);
    if (rows->last)
        memmove(rows->rows, rows->rows + drop, count * sizeof *rows->rows);
    rows->count = count;
    if (rows->file != NULL)
        return;
    buffer_init(&kept, SIZE_MAX);
    for (size_t i = 0; i < count; i++) {
        struct row *row = &rows->rows[i];
        uint64_t at = kept.size;
        buffer_put(&kept, rows->memory.data + row->at, row->size);
        row->at = at;
    }
    buffer_deinit(&rows->memory);
    rows->memory = kept;
}

bool rows_add(struct rows *rows, struct slice record)
{
    if (rows->count >= rows->limit && rows->count - rows->limit >= rows->limit &&
        rows->count - rows->limit >= ROWS_SPARE)
        keep_limit(rows);
    if (rows->file == NULL && rows->memory.size + record.size > ROWS_MEMORY) {
        if (!to_file(rows, buffer_slice(&rows->memory)))
            return false;
        buffer_deinit(&rows->memory);
        buffer_init(&rows->memory, SIZE_MAX);
    }
    put_key(rows, record, &rows->key);
    rows->added++;
    uint8_t *key = checked_malloc(rows->key.size + 1);
    memcpy(key, rows->key.data, rows->key.size);
    rows->rows =
        array_grow(rows->rows, &rows->capacity, rows->count + 1, sizeof *rows->rows);
    rows->rows[rows->count++] =
        (struct row){.key = slice_of(key, rows->key.size),
                     .at = rows->file != NULL ? rows->file_size : rows->memory.size,
                     .size = (uint32_t)record.size};
    if (rows->file != NULL)
        return to_file(rows, record);
    buffer_put(&rows->memory, record.data, record.size);
    return true;
}

void rows_sort(struct rows *rows)
{
    keep_limit(rows);
}

size_t rows_count(const struct rows *rows)
{
    return rows->count;
}

struct slice rows_at(struct rows *rows, size_t index)
{
    const struct row *row = &rows->rows[index];
    CHECK(index < rows->count);
    if (rows->file == NULL)
        return slice_of(rows->memory.data + row->at, row->size);
    rows->read = array_grow(rows->read, &rows->read_capacity, row->size, 1);
    if (fseek(rows->file, (long)row->at, SEEK_SET) != 0 ||
        fread(rows->read, 1, row->size, rows->file) != row->size)
        return (struct slice){0};
    return slice_of(rows->read, row->size);
}
