#include "daemon/answer/find.h"

#include <stdlib.h>

#include "crdt/follow.h"

/* ---- what is not worked in ---- */

void find_begin(struct find *find, struct store_txn *txn)
{
    uint64_t last = fold_last_row(txn);
    size_t capacity = 0;
    *find = (struct find){.txn = txn};
    for (uint64_t number = last - follow_left(txn) + 1; number <= last; number++) {
        struct fold_row row;
        struct operation operation;
        if (!fold_row_read(txn, number, &row) ||
            operation_decode(row.plaintext, &operation) != OK ||
            operation.reg != REGISTER_PERSON)
            continue;
        find->late =
            array_grow(find->late, &capacity, find->late_count + 1, sizeof *find->late);
        find->late[find->late_count++] = touch_of(&row, &operation);
    }
    find->late_count = touches_once(find->late, find->late_count);
}

void find_end(struct find *find)
{
    free(find->late);
}

static bool is_late(const struct find *find, uint64_t realm,
                    const struct entry_id *person)
{
    const struct touch key = {REGISTER_PERSON, realm, *person};
    size_t place;
    return find->late_count > 0 && sorted_find(&key, find->late, find->late_count,
                                               sizeof *find->late, touch_compare, &place);
}

/* ---- finding ---- */

static bool record_fits(const struct find *find, const struct touch *late,
                        const struct search *search, bool whole, struct arena *arena)
{
    struct record_view person;
    struct buffer lines;
    arena_reset(arena);
    if (!view_record(find->txn, schema_register(REGISTER_PERSON), late->realm, NULL,
                     &late->subject, arena, &person) ||
        !person.known || person.voided)
        return false;
    buffer_init(&lines, SIZE_MAX);
    search_mask mask = search_put_lines(&person, &lines);
    bool fits = search_fits(search, mask, buffer_slice(&lines), whole);
    buffer_deinit(&lines);
    return fits;
}

void find_persons(const struct find *find, uint64_t realm, const struct search *search,
                  bool whole, find_each *each, void *context)
{
    struct search_walk walk = {.realm = realm, .mask = search->mask};
    struct search_entry entry;
    struct arena arena;
    bool more = true;
    while (more && search_next(find->txn, &walk, &entry)) {
        if (search_fits(search, entry.mask, entry.lines, whole) &&
            !is_late(find, realm, &entry.person))
            more = each(context, realm, &entry.person);
    }
    store_cursor_close(&walk.cursor);
    arena_init(&arena);
    for (size_t i = 0; more && i < find->late_count; i++) {
        const struct touch *late = &find->late[i];
        if (late->realm == realm && record_fits(find, late, search, whole, &arena))
            more = each(context, realm, &late->subject);
    }
    arena_deinit(&arena);
}

void find_by_id(const struct find *find, uint64_t realm, struct slice prefix,
                find_each *each, void *context)
{
    struct search_walk walk = {.realm = realm};
    struct search_entry entry;
    bool more = true;
    while (more && search_next(find->txn, &walk, &entry)) {
        if (id_has_prefix(&entry.person, prefix) && !is_late(find, realm, &entry.person))
            more = each(context, realm, &entry.person);
    }
    store_cursor_close(&walk.cursor);
    for (size_t i = 0; more && i < find->late_count; i++) {
        const struct touch *late = &find->late[i];
        if (late->realm == realm && id_has_prefix(&late->subject, prefix))
            more = each(context, realm, &late->subject);
    }
}
