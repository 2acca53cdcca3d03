#include "crdt/lookup.h"

#include <string.h>

#include "crdt/codec.h"
#include "crdt/hash.h"
#include "crdt/normal.h"

enum {
    SEALED_TAG_SIZE = 16, /* schema.h, FIELD_SEALED */
    VALUE_HASH_SIZE = 12,
    PREFIX_SIZE = 1 + 1 + 8 + VALUE_HASH_SIZE,
    KEY_SIZE = PREFIX_SIZE + ENTRY_ID_SIZE,
    ROW_SIZE = KEY_SIZE + ENTRY_ID_SIZE,
};

struct slice lookup_value(const struct field *field, struct slice encoded)
{
    struct slice body;
    if (field->type != FIELD_SEALED)
        return encoded;
    if (!codec_take_bytes(&encoded, &body) || body.size < SEALED_TAG_SIZE)
        return (struct slice){0};
    return slice_of(body.data, SEALED_TAG_SIZE);
}

/* The store lies within one county, so that the hash needs no salt. */
static void put_prefix(uint8_t prefix[PREFIX_SIZE], uint8_t reg, uint8_t field,
                       uint64_t realm, struct slice value)
{
    static const struct county_salt no_salt;
    struct hash hash;
    hash_bytes(&hash, HASH_LOOKUP, &no_salt, value);
    prefix[0] = reg;
    prefix[1] = field;
    put_be64(prefix + 2, realm);
    memcpy(prefix + 10, hash.bytes, VALUE_HASH_SIZE);
}

void lookup_put_dated(struct slice key, struct slice date, struct buffer *out)
{
    buffer_put(out, key.data, key.size);
    buffer_put(out, date.data, date.size);
}

/* ---- who looks alike ---- */

#define ALIKE_REALM 0

/* False where one of the fields is empty, or the register has none. */
static bool put_alike(const struct schema_register *reg, const struct slice *values,
                      struct buffer *out)
{
    bool any = false;
    for (size_t i = 0; i < reg->field_count; i++) {
        struct slice value = values[i], text;
        size_t before = out->size;
        if (reg->fields[i].lookup != LOOKUP_ALIKE)
            continue;
        if (codec_take_text(&value, &text))
            normal_put(text, out);
        else
            buffer_put(out, values[i].data, values[i].size);
        if (out->size == before)
            return false;
        buffer_put_u8(out, 0);
        any = true;
    }
    return any;
}

bool lookup_alike_value(const struct record_view *record, struct buffer *value)
{
    struct slice values[FIELDS_MAX] = {{0}};
    for (uint8_t i = 0; i < record->reg->field_count; i++) {
        if (record->reg->fields[i].lookup == LOOKUP_ALIKE)
            values[i] = view_value(record, i);
    }
    buffer_clear(value);
    return put_alike(record->reg, values, value);
}

static void note_alike(struct buffer *rows, const struct operation *operation,
                       const struct looked_up *record)
{
    const struct schema_register *reg = schema_register(operation->reg);
    struct operation rest = *operation;
    struct slice values[FIELDS_MAX] = {{0}}, value;
    uint8_t prefix[PREFIX_SIZE], field;
    struct buffer alike;
    if (!operation->subject_is_self)
        return;
    while (operation_next_field(&rest, &field, &value))
        values[field] = value;
    buffer_init(&alike, SIZE_MAX);
    if (put_alike(reg, values, &alike)) {
        put_prefix(prefix, reg->id, FIELD_NONE, ALIKE_REALM, buffer_slice(&alike));
        buffer_put(rows, prefix, sizeof prefix);
        buffer_put(rows, record->id.bytes, ENTRY_ID_SIZE);
        buffer_put(rows, record->subject.bytes, ENTRY_ID_SIZE);
    }
    buffer_deinit(&alike);
}

void lookup_keep_alike(struct store_txn *txn, const struct record_view *record)
{
    uint8_t key[KEY_SIZE];
    struct buffer alike;
    struct slice there;
    buffer_init(&alike, SIZE_MAX);
    if (lookup_alike_value(record, &alike)) {
        put_prefix(key, record->reg->id, FIELD_NONE, ALIKE_REALM, buffer_slice(&alike));
        memcpy(key + PREFIX_SIZE, record->id.bytes, ENTRY_ID_SIZE);
        if (!store_get(txn, STORE_LOOKUPS, slice_of(key, sizeof key), &there))
            store_put(txn, STORE_LOOKUPS, slice_of(key, sizeof key),
                      slice_of(record->subject.bytes, ENTRY_ID_SIZE));
    }
    buffer_deinit(&alike);
}

size_t lookup_find_alike(struct store_txn *txn, uint8_t reg, struct slice value,
                         struct looked_up *found, size_t max)
{
    return lookup_find(txn, reg, FIELD_NONE, ALIKE_REALM, value, found, max);
}

/* ---- what the fold leaves ---- */

/* An edge is found from both of its ends. */
static void note_edge(struct buffer *rows, uint8_t reg, uint8_t field, uint64_t realm,
                      const struct entry_id *from, const struct entry_id *to)
{
    uint8_t prefix[PREFIX_SIZE];
    put_prefix(prefix, reg, field, realm, slice_of(from->bytes, ENTRY_ID_SIZE));
    buffer_put(rows, prefix, sizeof prefix);
    buffer_put(rows, to->bytes, ENTRY_ID_SIZE);
    buffer_put(rows, to->bytes, ENTRY_ID_SIZE);
}

static void note_same(struct buffer *rows, uint8_t reg, uint8_t field, uint64_t realm,
                      struct slice encoded, const struct looked_up *record)
{
    struct entry_id other;
    size_t count;
    if (!codec_take_array(&encoded, &count))
        return;
    for (size_t i = 0; i < count && codec_take_id(&encoded, &other); i++) {
        if (entry_id_compare(&other, &record->id) == 0)
            continue;
        note_edge(rows, reg, field, realm, &record->id, &other);
        note_edge(rows, reg, field, realm, &other, &record->id);
    }
}

static void note_value(struct buffer *rows, const struct operation *operation,
                       uint64_t realm, uint8_t id, struct slice encoded,
                       struct slice date, const struct looked_up *record)
{
    const struct schema_register *reg = schema_register(operation->reg);
    uint8_t prefix[PREFIX_SIZE];
    struct buffer dated;
    if (reg->fields[id].lookup == LOOKUP_NONE || reg->fields[id].lookup == LOOKUP_ALIKE ||
        encoded.size == 0)
        return;
    if (reg->fields[id].lookup == LOOKUP_SAME) {
        note_same(rows, reg->id, id, realm, encoded, record);
        return;
    }
    buffer_init(&dated, SIZE_MAX);
    struct slice value = lookup_value(&reg->fields[id], encoded);
    if (reg->fields[id].lookup == LOOKUP_DATED_KEY) {
        lookup_put_dated(value, date, &dated);
        value = buffer_slice(&dated);
    }
    put_prefix(prefix, reg->id, id, realm, value);
    buffer_deinit(&dated);
    buffer_put(rows, prefix, sizeof prefix);
    buffer_put(rows, record->id.bytes, ENTRY_ID_SIZE);
    buffer_put(rows, record->subject.bytes, ENTRY_ID_SIZE);
}

void lookup_note(struct buffer *rows, const struct operation *operation,
                 const struct entry_id *id, uint64_t realm)
{
    struct operation rest = *operation;
    struct looked_up record = {operation->target, operation->subject};
    struct slice value, replaced, date = {0};
    uint8_t field;
    if (operation->kind == OPERATION_CREATE) {
        const struct schema_register *reg = schema_register(operation->reg);
        size_t last = operation->body_count;
        record.id = *id;
        if (operation->subject_is_self)
            record.subject = *id;
        note_alike(rows, operation, &record);
        /* Most records end before the first field that is looked up. */
        while (last > 0 && reg->fields[last - 1].lookup == LOOKUP_NONE)
            last--;
        for (; last > 0 && operation_next_field(&rest, &field, &value); last--) {
            if (field == reg->date_field) /* it comes before a key that it belongs to */
                date = value;
            note_value(rows, operation, realm, field, value, date, &record);
        }
    } else if (operation->kind == OPERATION_EDIT && operation->has_target) {
        while (operation_next_edit(&rest, &field, &replaced, &value))
            note_value(rows, operation, realm, field, value, date, &record);
    }
}

void lookup_write(struct buffer *rows, struct store_txn *txn)
{
    for (size_t at = 0; at < rows->size; at += ROW_SIZE)
        store_put(txn, STORE_LOOKUPS, slice_of(rows->data + at, KEY_SIZE),
                  slice_of(rows->data + at + KEY_SIZE, ENTRY_ID_SIZE));
    buffer_clear(rows);
}

size_t lookup_find(struct store_txn *txn, uint8_t reg, uint8_t field, uint64_t realm,
                   struct slice value, struct looked_up *found, size_t max)
{
    uint8_t prefix[PREFIX_SIZE];
    struct store_cursor cursor = {0};
    struct slice key, subject;
    size_t count = 0;
    put_prefix(prefix, reg, field, realm, value);
    bool more = store_seek(txn, STORE_LOOKUPS, slice_of(prefix, sizeof prefix), &cursor,
                           &key, &subject);
    while (more && count < max && key.size == KEY_SIZE &&
           memcmp(key.data, prefix, sizeof prefix) == 0 &&
           subject.size == ENTRY_ID_SIZE) {
        memcpy(found[count].id.bytes, key.data + PREFIX_SIZE, ENTRY_ID_SIZE);
        memcpy(found[count].subject.bytes, subject.data, ENTRY_ID_SIZE);
        count++;
        more = store_next(txn, &cursor, &key, &subject);
    }
    store_cursor_close(&cursor);
    return count;
}

bool lookup_next(struct store_txn *txn, struct lookup_walk *walk, struct looked_up *found,
                 bool *is_next)
{
    uint8_t prefix[PREFIX_SIZE - VALUE_HASH_SIZE];
    struct slice key, subject;
    _Static_assert(sizeof walk->value == VALUE_HASH_SIZE, "one hash");
    prefix[0] = walk->reg;
    prefix[1] = walk->field;
    put_be64(prefix + 2, walk->realm);
    bool more = walk->started
                    ? store_next(txn, &walk->cursor, &key, &subject)
                    : store_seek(txn, STORE_LOOKUPS, slice_of(prefix, sizeof prefix),
                                 &walk->cursor, &key, &subject);
    if (!more || key.size != KEY_SIZE || subject.size != ENTRY_ID_SIZE ||
        memcmp(key.data, prefix, sizeof prefix) != 0)
        return false;
    *is_next = !walk->started ||
               memcmp(walk->value, key.data + sizeof prefix, VALUE_HASH_SIZE) != 0;
    walk->started = true;
    memcpy(walk->value, key.data + sizeof prefix, VALUE_HASH_SIZE);
    memcpy(found->id.bytes, key.data + PREFIX_SIZE, ENTRY_ID_SIZE);
    memcpy(found->subject.bytes, subject.data, ENTRY_ID_SIZE);
    return true;
}
