#include "crdt/follow.h"

#include <stdlib.h>

#include "crdt/care.h"
#include "crdt/conflict.h"
#include "crdt/lead.h"
#include "crdt/search.h"

/* Goes up when rows would read otherwise; all are made anew then. */
#define FOLLOW_LEVEL 1
#define META_FOLLOW "follow"

/* At most the last row there is. `anew`: no row is to be believed. */
static uint64_t cursor_read(struct store_txn *txn, bool *anew)
{
    struct slice row;
    uint64_t level, cursor, last = fold_last_row(txn);
    *anew = !store_get(txn, STORE_META, slice_text(META_FOLLOW), &row) ||
            !slice_take_u64(&row, &level) || level != FOLLOW_LEVEL ||
            !slice_take_u64(&row, &cursor);
    if (*anew)
        return 0;
    return cursor < last ? cursor : last;
}

static void cursor_write(struct store_txn *txn, uint64_t cursor)
{
    struct buffer row;
    buffer_init(&row, SIZE_MAX);
    buffer_put_u64(&row, FOLLOW_LEVEL);
    buffer_put_u64(&row, cursor);
    store_put(txn, STORE_META, slice_text(META_FOLLOW), buffer_slice(&row));
    buffer_deinit(&row);
}

uint64_t follow_left(struct store_txn *txn)
{
    bool anew;
    uint64_t cursor = cursor_read(txn, &anew);
    return fold_last_row(txn) - cursor;
}

void follow_forget(struct store_txn *txn)
{
    care_forget(txn);
    search_forget(txn);
    conflict_forget(txn);
    lead_forget(txn);
    store_delete(txn, STORE_META, slice_text(META_FOLLOW));
}

void follow_withdrawn(struct store_txn *txn, uint8_t reg, uint64_t realm,
                      const struct entry_id *subject, struct arena *scratch)
{
    const struct touch touch = {reg, realm, *subject};
    care_withdrawn(txn, &touch, scratch);
    conflict_withdrawn(txn, &touch, scratch);
    lead_withdrawn(txn, &touch, scratch);
}

uint64_t follow_work(struct store_txn *txn, size_t rows_max, struct arena *scratch)
{
    uint64_t last = fold_last_row(txn), cursor;
    struct care_touch *people;
    struct touch *edited, *leads;
    size_t count = 0, edited_count = 0, lead_count = 0;
    bool anew;

    cursor = cursor_read(txn, &anew);
    if (anew)
        follow_forget(txn);
    if (cursor == last)
        return 0;
    if (rows_max > last - cursor)
        rows_max = (size_t)(last - cursor);
    people = checked_malloc(rows_max * sizeof *people);
    edited = checked_malloc(rows_max * sizeof *edited);
    leads = checked_malloc(rows_max * sizeof *leads);
    for (size_t i = 0; i < rows_max; i++) {
        struct fold_row row;
        struct operation operation;
        cursor++;
        if (!fold_row_read(txn, cursor, &row) ||
            operation_decode(row.plaintext, &operation) != OK)
            continue;
        count += care_touched(&row, operation, &people[count]);
        edited_count += conflict_touched(&row, &operation, &edited[edited_count]);
        lead_count += lead_touched(&row, &operation, &leads[lead_count]);
    }
    care_work(txn, people, count, scratch);
    conflict_work(txn, edited, edited_count, scratch);
    lead_work(txn, leads, lead_count, scratch);
    free(people);
    free(edited);
    free(leads);
    cursor_write(txn, cursor);
    return last - cursor;
}
