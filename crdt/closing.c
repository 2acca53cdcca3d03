#include "crdt/closing.h"

#include <stdlib.h>

#include "crdt/calendar.h"
#include "crdt/codec.h"

static struct slice text_of(const struct record_view *record, uint8_t field)
{
    struct slice value = view_value(record, field), text = {0};
    return codec_take_text(&value, &text) ? text : (struct slice){0};
}

static uint64_t count_of(const struct record_view *record, uint8_t field)
{
    struct slice value = view_value(record, field);
    uint64_t count = 0;
    return codec_take_uint(&value, &count) ? count : 0;
}

int closing_compare(const struct closing *a, const struct closing *b)
{
    if (a->closed_ms != b->closed_ms)
        return a->closed_ms < b->closed_ms ? -1 : 1;
    return entry_id_compare(&a->id, &b->id);
}

static int compare(const void *a, const void *b)
{
    return closing_compare(a, b);
}

static void closing_add(struct closings *closings, const struct record_view *record,
                        int64_t month, struct arena *arena)
{
    struct closing closing = {
        .id = record->id,
        .closed_ms = record->created_ms,
        .closed_by = record->created_by,
        .township = record->realm,
        .policy = count_of(record, MONTH_POLICY),
        .logs = count_of(record, MONTH_LOGS),
        .entries = count_of(record, MONTH_ENTRIES),
    };
    if (!month_parse(text_of(record, MONTH_MONTH), &closing.month) ||
        closing.month != month || count_of(record, MONTH_PLACE) != record->realm)
        return;
    if (!figures_read(text_of(record, MONTH_FIGURES), &closing.figures)) {
        figures_deinit(&closing.figures);
        return;
    }
    closing.missing = arena_copy(arena, text_of(record, MONTH_MISSING));
    closings->rows = array_grow(closings->rows, &closings->capacity, closings->count + 1,
                                sizeof *closings->rows);
    closings->rows[closings->count++] = closing;
}

void closings_find(struct store_txn *txn, uint64_t township, int64_t month,
                   uint64_t until_ms, struct arena *arena, struct closings *closings)
{
    const struct schema_register *reg = schema_register(REGISTER_MONTH);
    struct fold_subjects walk = {.reg = REGISTER_MONTH, .realm = township};
    struct entry_id subject;
    struct record_view record;
    struct arena scratch;
    uint64_t realm, newest;
    arena_init(&scratch);
    while (fold_subjects_next(txn, &walk, &realm, &subject, &newest)) {
        arena_reset(&scratch);
        if (view_record(txn, reg, realm, NULL, &subject, &scratch, &record) &&
            record.known && !record.voided && record.created_ms <= until_ms)
            closing_add(closings, &record, month, arena);
    }
    store_cursor_close(&walk.cursor);
    arena_deinit(&scratch);
    if (closings->count > 1)
        qsort(closings->rows, closings->count, sizeof *closings->rows, compare);
}

void closings_deinit(struct closings *closings)
{
    for (size_t i = 0; i < closings->count; i++)
        figures_deinit(&closings->rows[i].figures);
    free(closings->rows);
    *closings = (struct closings){0};
}

enum status closing_agrees(const struct record_view *record,
                           const struct record_view *subject,
                           const struct occasion *occasion, uint8_t *field)
{
    int64_t month;
    (void)subject;
    *field = MONTH_MONTH;
    if (!month_parse(text_of(record, MONTH_MONTH), &month))
        return ERR_DATE;
    if (!occasion->insist && occasion->now != INT64_MAX &&
        month >= month_of(day_of_minutes(occasion->now)))
        return ERR_TO_COME;
    return OK;
}
