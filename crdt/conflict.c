#include "crdt/conflict.h"

#include <string.h>

enum {
    CHAIN_PREFIX_SIZE = 1 + 8 + ENTRY_ID_SIZE,
    CONFLICT_KEY_SIZE = CHAIN_PREFIX_SIZE + ENTRY_ID_SIZE,
};

bool field_in_conflict(const struct field_view *field)
{
    return field->field->rule == MERGE_MULTI && field->count > 1;
}

static void put_prefix(uint8_t key[CONFLICT_KEY_SIZE], uint8_t reg, uint64_t realm,
                       const struct entry_id *subject)
{
    key[0] = reg;
    put_be64(key + 1, realm);
    memcpy(key + 9, subject->bytes, ENTRY_ID_SIZE);
    memset(key + CHAIN_PREFIX_SIZE, 0, ENTRY_ID_SIZE);
}

static bool row_read(struct slice key, struct slice value, struct conflict *conflict)
{
    uint8_t realm[8];
    if (!slice_take_u8(&key, &conflict->reg) || !slice_take(&key, sizeof realm, realm) ||
        !slice_take(&key, ENTRY_ID_SIZE, conflict->subject.bytes) ||
        !slice_take(&key, ENTRY_ID_SIZE, conflict->record.bytes) || key.size != 0 ||
        !slice_take_u32(&value, &conflict->fields))
        return false;
    conflict->realm = get_be64(realm);
    return schema_register(conflict->reg) != NULL && conflict->fields != 0;
}

/* ---- one chain ---- */

/* The fields in conflict of a record that stands; what was voided or replaced needs no
 * decision any more. */
static uint32_t fields_in_conflict(const struct record_view *record)
{
    uint32_t fields = 0;
    if (!record->known || record->voided || record->amended_count > 0)
        return 0;
    for (size_t i = 0; i < record->reg->field_count; i++) {
        if (field_in_conflict(&record->fields[i]))
            fields |= UINT32_C(1) << i;
    }
    return fields;
}

/* The rows of one chain, in the scratch; how many there are. */
static size_t rows_of_chain(struct store_txn *txn, const struct touch *touch,
                            struct arena *scratch, struct conflict **rows)
{
    uint8_t from[CONFLICT_KEY_SIZE];
    struct store_cursor cursor;
    struct slice key, value;
    struct buffer found;
    struct conflict row;
    put_prefix(from, touch->reg, touch->realm, &touch->subject);
    buffer_init(&found, SIZE_MAX);
    bool more = store_seek(txn, STORE_CONFLICTS, slice_of(from, sizeof from), &cursor,
                           &key, &value);
    while (more && key.size == CONFLICT_KEY_SIZE &&
           memcmp(key.data, from, CHAIN_PREFIX_SIZE) == 0) {
        if (row_read(key, value, &row))
            buffer_put(&found, &row, sizeof row);
        more = store_next(txn, &cursor, &key, &value);
    }
    store_cursor_close(&cursor);
    size_t count = found.size / sizeof row;
    *rows = arena_alloc(scratch, (count + 1) * sizeof row);
    if (count > 0)
        memcpy(*rows, found.data, found.size);
    buffer_deinit(&found);
    return count;
}

static void make_anew(struct store_txn *txn, const struct touch *touch,
                      struct arena *scratch)
{
    const struct schema_register *reg = schema_register(touch->reg);
    struct record_list list;
    struct conflict *had;
    uint8_t key[CONFLICT_KEY_SIZE];
    size_t had_count = rows_of_chain(txn, touch, scratch, &had);
    put_prefix(key, touch->reg, touch->realm, &touch->subject);
    view_subject(txn, reg, touch->realm, &touch->subject, scratch, &list);
    for (size_t i = 0; i < list.count; i++) {
        uint32_t fields = fields_in_conflict(&list.records[i]), before = 0;
        for (size_t j = 0; j < had_count; j++) {
            if (entry_id_compare(&had[j].record, &list.records[i].id) != 0)
                continue;
            before = had[j].fields;
            had[j].fields = 0; /* it was looked at */
        }
        memcpy(key + CHAIN_PREFIX_SIZE, list.records[i].id.bytes, ENTRY_ID_SIZE);
        if (fields == before)
            continue;
        if (fields == 0) {
            store_delete(txn, STORE_CONFLICTS, slice_of(key, sizeof key));
            continue;
        }
        struct buffer row;
        buffer_init(&row, sizeof fields);
        buffer_put_u32(&row, fields);
        store_put(txn, STORE_CONFLICTS, slice_of(key, sizeof key), buffer_slice(&row));
        buffer_deinit(&row);
    }
    for (size_t j = 0; j < had_count; j++) { /* records of which nothing is left */
        memcpy(key + CHAIN_PREFIX_SIZE, had[j].record.bytes, ENTRY_ID_SIZE);
        if (had[j].fields != 0)
            store_delete(txn, STORE_CONFLICTS, slice_of(key, sizeof key));
    }
}

/* ---- what was folded ---- */

/* Whether what follows from steps can be in conflict: of an order, not of a lead. */
static bool steps_can_conflict(const struct schema_register *reg)
{
    bool can = false;
    for (size_t i = 0; i < reg->field_count; i++)
        can |= reg->fields[i].computed && reg->fields[i].rule == MERGE_MULTI;
    return can && reg->step_register != 0;
}

/* The register whose steps these are, where they can bring its record into conflict, or itself. */
static const struct schema_register *register_touched(uint8_t id)
{
    const struct schema_register *reg;
    for (size_t i = 0; (reg = schema_register_at(i)) != NULL; i++) {
        if (reg->step_register == id && steps_can_conflict(reg))
            return reg;
    }
    return schema_register(id);
}

bool conflict_touched(const struct fold_row *row, const struct operation *operation,
                      struct touch *touch)
{
    const struct schema_register *reg = register_touched(operation->reg);
    bool is_first = operation->kind == OPERATION_CREATE && row->previous == 0 &&
                    !steps_can_conflict(reg);
    if (is_first || !schema_can_conflict(reg))
        return false;
    *touch = touch_of(row, operation);
    touch->reg = reg->id;
    return true;
}

void conflict_work(struct store_txn *txn, struct touch *touches, size_t count,
                   struct arena *scratch)
{
    count = touches_once(touches, count);
    for (size_t i = 0; i < count; i++) {
        arena_reset(scratch);
        make_anew(txn, &touches[i], scratch);
    }
}

void conflict_withdrawn(struct store_txn *txn, const struct touch *touch,
                        struct arena *scratch)
{
    struct touch record = *touch;
    record.reg = register_touched(touch->reg)->id;
    conflict_work(txn, &record, 1, scratch);
}

void conflict_forget(struct store_txn *txn)
{
    store_clear(txn, STORE_CONFLICTS);
}

/* ---- reading ---- */

bool conflict_next(struct store_txn *txn, struct conflict_walk *walk,
                   struct conflict *conflict)
{
    struct slice key, value;
    bool more = walk->started ? store_next(txn, &walk->cursor, &key, &value)
                              : store_seek(txn, STORE_CONFLICTS, (struct slice){0},
                                           &walk->cursor, &key, &value);
    walk->started = true;
    if (!more)
        return false;
    if (!row_read(key, value, conflict)) { /* fewer rows would read as settled */
        store_mark_damaged(txn, STORE_CONFLICTS);
        return false;
    }
    return true;
}

uint64_t conflict_count(struct store_txn *txn)
{
    struct conflict_walk walk = {0};
    struct conflict conflict;
    uint64_t count = 0;
    while (conflict_next(txn, &walk, &conflict))
        count++;
    store_cursor_close(&walk.cursor);
    return count;
}
