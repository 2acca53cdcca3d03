#include "crdt/figures.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- one place ---- */

uint64_t figure_due(const struct figure *figure)
{
    return figure->persons[COVERAGE_VISITED] + figure->persons[COVERAGE_MISSED];
}

uint64_t figure_rate(const struct figure *figure)
{
    CHECK(figure_due(figure) > 0);
    return figure->persons[COVERAGE_VISITED] * 1000 / figure_due(figure);
}

void figure_sum(struct figure *sum, const struct figure *figure)
{
    for (size_t i = 0; i < ARRAY_SIZE(sum->persons); i++)
        sum->persons[i] += figure->persons[i];
    for (size_t i = 0; i < ARRAY_SIZE(sum->exempt); i++)
        sum->exempt[i] += figure->exempt[i];
}

bool figure_equal(const struct figure *a, const struct figure *b)
{
    return a->place == b->place &&
           memcmp(a->persons, b->persons, sizeof a->persons) == 0 &&
           memcmp(a->exempt, b->exempt, sizeof a->exempt) == 0;
}

/* ---- by place ---- */

static int figure_compare(const void *key, const void *item)
{
    const uint64_t *place = key;
    const struct figure *figure = item;
    return (*place > figure->place) - (*place < figure->place);
}

void figures_deinit(struct figures *figures)
{
    free(figures->rows);
    *figures = (struct figures){0};
}

const struct figure *figures_find(const struct figures *figures, uint64_t place)
{
    size_t at;
    return sorted_find(&place, figures->rows, figures->count, sizeof *figures->rows,
                       figure_compare, &at)
               ? &figures->rows[at]
               : NULL;
}

struct figure *figures_at(struct figures *figures, uint64_t place)
{
    size_t at;
    if (sorted_find(&place, figures->rows, figures->count, sizeof *figures->rows,
                    figure_compare, &at))
        return &figures->rows[at];
    figures->rows = array_grow(figures->rows, &figures->capacity, figures->count + 1,
                               sizeof *figures->rows);
    memmove(figures->rows + at + 1, figures->rows + at,
            (figures->count++ - at) * sizeof *figures->rows);
    figures->rows[at] = (struct figure){.place = place};
    return &figures->rows[at];
}

void figures_count(struct figures *figures, uint64_t place, enum coverage coverage,
                   uint8_t status)
{
    struct figure *figure = figures_at(figures, place);
    CHECK(coverage != COVERAGE_NONE);
    figure->persons[coverage]++;
    if (coverage == COVERAGE_EXEMPT) {
        CHECK(status < PERSON_STATUSES);
        figure->exempt[status]++;
    }
}

static uint64_t place_of_level(uint64_t place, enum division_level level)
{
    if (level == DIVISION_COUNTY)
        return division_county(place);
    return level == DIVISION_TOWNSHIP ? division_township(place) : place;
}

void figures_by(const struct figures *from, const struct divisions *divisions,
                enum division_level level, struct figures *to)
{
    for (size_t i = 0; i < from->count; i++) {
        uint64_t place = from->rows[i].place;
        if (divisions != NULL)
            place = divisions_standing(divisions, place);
        place = place_of_level(place, level);
        /* A township may have been merged whole, without a word on its villages. */
        if (divisions != NULL)
            place = divisions_standing(divisions, place);
        figure_sum(figures_at(to, place), &from->rows[i]);
    }
}

struct figure figures_total(const struct figures *figures)
{
    struct figure total = {0};
    for (size_t i = 0; i < figures->count; i++)
        figure_sum(&total, &figures->rows[i]);
    return total;
}

/* ---- as text ---- */

static const struct choice *status_choices(void)
{
    return schema_register(REGISTER_PERSON)->fields[PERSON_STATUS].choices;
}

static void put_count(struct buffer *out, const char *word, uint64_t count)
{
    char text[64];
    if (count == 0)
        return;
    int size = snprintf(text, sizeof text, " %s %" PRIu64, word, count);
    buffer_put(out, text, (size_t)size);
}

void figures_put(const struct figures *figures, struct buffer *out)
{
    for (size_t i = 0; i < figures->count; i++) {
        const struct figure *figure = &figures->rows[i];
        char place[24];
        int size =
            snprintf(place, sizeof place, "%s%" PRIu64, i > 0 ? "\n" : "", figure->place);
        buffer_put(out, place, (size_t)size);
        put_count(out, "due", figure_due(figure));
        put_count(out, "visited", figure->persons[COVERAGE_VISITED]);
        put_count(out, "not-due", figure->persons[COVERAGE_NOT_DUE]);
        for (const struct choice *c = status_choices(); c->name != NULL; c++)
            put_count(out, c->name, figure->exempt[c->id]);
    }
}

/* Up to the next `end`, which is taken too. */
static struct slice take_until(struct slice *text, uint8_t end)
{
    struct slice piece = *text;
    const uint8_t *at = text->size > 0 ? memchr(text->data, end, text->size) : NULL;
    if (at == NULL) {
        *text = slice_of(NULL, 0);
        return piece;
    }
    piece.size = (size_t)(at - piece.data);
    *text = slice_of(at + 1, text->size - piece.size - 1);
    return piece;
}

/* At most 12 digits, so that sums of them do not run over. */
static bool read_number(struct slice text, uint64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || i >= 12)
            return false;
        *number = *number * 10 + (uint64_t)(text.data[i] - '0');
    }
    return text.size > 0;
}

static bool read_line(struct slice line, struct figures *figures)
{
    uint64_t place, count, due = 0;
    if (!read_number(take_until(&line, ' '), &place) ||
        division_level(place) == DIVISION_NONE || figures_find(figures, place) != NULL)
        return false;
    struct figure *figure = figures_at(figures, place);
    while (line.size > 0) {
        struct slice word = take_until(&line, ' ');
        if (!read_number(take_until(&line, ' '), &count))
            return false;
        if (slice_equal(word, slice_text("due")))
            due = count;
        else if (slice_equal(word, slice_text("visited")))
            figure->persons[COVERAGE_VISITED] = count;
        else if (slice_equal(word, slice_text("not-due")))
            figure->persons[COVERAGE_NOT_DUE] = count;
        for (const struct choice *c = status_choices(); c->name != NULL; c++) {
            if (!slice_equal(word, slice_text(c->name)))
                continue;
            figure->exempt[c->id] = count;
            figure->persons[COVERAGE_EXEMPT] += count;
        }
    }
    if (figure->persons[COVERAGE_VISITED] > due)
        return false;
    figure->persons[COVERAGE_MISSED] = due - figure->persons[COVERAGE_VISITED];
    return true;
}

bool figures_read(struct slice text, struct figures *figures)
{
    bool read = true;
    while (read && text.size > 0)
        read = read_line(take_until(&text, '\n'), figures);
    return read;
}
