#include "crdt/tally.h"

#include <stdlib.h>
#include <string.h>

#include "crdt/codec.h"

void tallies_deinit(struct tallies *tallies)
{
    for (size_t i = 0; i < tallies->count; i++)
        free(tallies->rows[i].values);
    free(tallies->rows);
    *tallies = (struct tallies){0};
}

bool tally_is_meant(const struct schema_register *reg)
{
    if (reg->id == REGISTER_PERSON || reg->id == REGISTER_VISIT ||
        reg->id == REGISTER_OPERATOR || reg->id == REGISTER_MONTH)
        return false;
    for (size_t i = 0; schema_register_at(i) != NULL; i++) {
        if (schema_register_at(i)->step_register == reg->id)
            return false;
    }
    return true;
}

static int tally_compare(const void *key, const void *item)
{
    const struct tally *left = key, *right = item;
    if (left->place != right->place)
        return left->place < right->place ? -1 : 1;
    if (left->reg != right->reg)
        return left->reg < right->reg ? -1 : 1;
    /* All records of a register come before its fields. */
    uint8_t a = (uint8_t)(left->field + 1), b = (uint8_t)(right->field + 1);
    return (a > b) - (a < b);
}

static struct tally *tally_at(struct tallies *tallies, uint64_t place, uint8_t reg,
                              uint8_t field)
{
    const struct tally key = {.place = place, .reg = reg, .field = field};
    size_t at;
    if (sorted_find(&key, tallies->rows, tallies->count, sizeof *tallies->rows,
                    tally_compare, &at))
        return &tallies->rows[at];
    tallies->rows = array_grow(tallies->rows, &tallies->capacity, tallies->count + 1,
                               sizeof *tallies->rows);
    memmove(tallies->rows + at + 1, tallies->rows + at,
            (tallies->count++ - at) * sizeof *tallies->rows);
    tallies->rows[at] = key;
    return &tallies->rows[at];
}

void tallies_add(struct tallies *tallies, uint64_t place,
                 const struct record_view *record)
{
    const struct schema_register *reg = record->reg;
    tally_at(tallies, place, reg->id, FIELD_NONE)->records++;
    for (size_t i = 0; i < reg->field_count; i++) {
        const struct field *field = &reg->fields[i];
        struct slice value = view_value(record, field->id);
        uint64_t number;
        if (field->rule == MERGE_SET || field->rule == MERGE_LOG ||
            (field->type != FIELD_CHOICE && field->type != FIELD_COUNT) ||
            !codec_take_uint(&value, &number))
            continue;
        struct tally *tally = tally_at(tallies, place, reg->id, field->id);
        if (field->type == FIELD_CHOICE) {
            if (number < TALLY_CHOICES)
                tally->counts[number]++;
        } else {
            tally->values = array_grow(tally->values, &tally->capacity,
                                       (size_t)tally->records + 1, sizeof *tally->values);
            tally->values[tally->records] = number;
        }
        tally->records++;
    }
}

static int compare_numbers(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

uint64_t tally_median(struct tally *tally)
{
    CHECK(tally->records > 0 && tally->values != NULL);
    qsort(tally->values, (size_t)tally->records, sizeof *tally->values, compare_numbers);
    return tally->values[(tally->records - 1) / 2];
}

uint64_t tally_sum(const struct tally *tally)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < tally->records && tally->values != NULL; i++)
        sum += tally->values[i];
    return sum;
}

uint64_t tally_mean_tenths(const struct tally *tally)
{
    CHECK(tally->records > 0);
    return tally_sum(tally) * 10 / tally->records;
}
