#include "crdt/division.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/codec.h"
#include "crdt/normal.h"
#include "crdt/text.h"

enum {
    COUNTY_DIGITS = 1000000, /* one more than the greatest 6-digit code */
};

enum division_level division_level(uint64_t code)
{
    if (code >= UINT64_C(100000) && code < UINT64_C(1000000))
        return DIVISION_COUNTY;
    if (code >= UINT64_C(100000000) && code < UINT64_C(1000000000))
        return DIVISION_TOWNSHIP;
    if (code >= UINT64_C(100000000000) && code < UINT64_C(1000000000000))
        return DIVISION_VILLAGE;
    return DIVISION_NONE;
}

uint64_t division_county(uint64_t code)
{
    if (division_level(code) == DIVISION_NONE)
        return 0;
    while (code >= COUNTY_DIGITS)
        code /= 1000;
    return code;
}

uint64_t division_township(uint64_t code)
{
    switch (division_level(code)) {
    case DIVISION_TOWNSHIP: return code;
    case DIVISION_VILLAGE: return code / 1000;
    case DIVISION_NONE:
    case DIVISION_COUNTY: return 0;
    }
    return 0;
}

bool division_within(uint64_t inner, uint64_t outer)
{
    switch (division_level(outer)) {
    case DIVISION_COUNTY: return division_county(inner) == outer;
    case DIVISION_TOWNSHIP: return division_township(inner) == outer;
    case DIVISION_VILLAGE: return inner == outer;
    case DIVISION_NONE: return false;
    }
    return false;
}

void divisions_init(struct divisions *divisions)
{
    *divisions = (struct divisions){0};
}

void divisions_deinit(struct divisions *divisions)
{
    free(divisions->rows);
    *divisions = (struct divisions){0};
}

enum status divisions_add(struct divisions *divisions, uint64_t code, struct slice name)
{
    if (division_level(code) == DIVISION_NONE)
        return ERR_DIVISION;
    if (name.size == 0 || name.size >= DIVISION_NAME_MAX || !text_is_clean(name))
        return ERR_TEXT;
    divisions->rows = array_grow(divisions->rows, &divisions->capacity,
                                 divisions->count + 1, sizeof *divisions->rows);
    struct division *row = &divisions->rows[divisions->count++];
    *row = (struct division){.code = code};
    memcpy(row->name, name.data, name.size);
    return OK;
}

enum status divisions_merge_last(struct divisions *divisions, uint64_t successor)
{
    CHECK(divisions->count > 0);
    struct division *row = &divisions->rows[divisions->count - 1];
    if (division_level(successor) != division_level(row->code) || successor == row->code)
        return ERR_DIVISION;
    row->successor = successor;
    return OK;
}

#define MERGERS_MAX 16 /* of one place, one after the other */

uint64_t divisions_standing(const struct divisions *divisions, uint64_t code)
{
    uint64_t at = code;
    for (size_t i = 0; i < MERGERS_MAX; i++) {
        const struct division *row = divisions_find(divisions, at);
        if (row == NULL || row->successor == 0)
            return at;
        at = row->successor;
    }
    return code;
}

static int division_compare(const void *a, const void *b)
{
    const struct division *left = a, *right = b;
    if (left->code != right->code)
        return left->code < right->code ? -1 : 1;
    return strcmp(left->name, right->name);
}

void divisions_sort(struct divisions *divisions)
{
    if (divisions->count > 0)
        qsort(divisions->rows, divisions->count, sizeof *divisions->rows,
              division_compare);
}

static int code_compare(const void *key, const void *row)
{
    const uint64_t *code = key;
    const struct division *division = row;
    return (*code > division->code) - (*code < division->code);
}

const struct division *divisions_find(const struct divisions *divisions, uint64_t code)
{
    size_t place;
    bool found = sorted_find(&code, divisions->rows, divisions->count,
                             sizeof *divisions->rows, code_compare, &place);
    return found ? &divisions->rows[place] : NULL;
}

/* 黄皮村 is what people call 黄皮村委会; but a town is not its 居民委员会. */
static bool is_called(struct slice name, struct slice called)
{
    static const char *const committees[] = {"", "委会", "村委会", "民委员会",
                                             "村民委员会"};
    if (name.size < called.size || memcmp(name.data, called.data, called.size) != 0)
        return false;
    struct slice rest = slice_of(name.data + called.size, name.size - called.size);
    for (size_t i = 0; i < ARRAY_SIZE(committees); i++) {
        if (slice_equal(rest, slice_text(committees[i])))
            return true;
    }
    return false;
}

/* By its own name, or after its township's, or after the county's and its township's. */
static bool has_name(const struct divisions *divisions, const struct division *place,
                     struct slice normal, struct buffer *scratch)
{
    const uint64_t above[] = {division_county(place->code),
                              division_township(place->code)};
    for (size_t first = 0; first <= ARRAY_SIZE(above); first++) {
        buffer_clear(scratch);
        for (size_t i = first; i < ARRAY_SIZE(above); i++) {
            const struct division *larger = divisions_find(divisions, above[i]);
            if (larger != NULL && larger != place)
                normal_put(slice_text(larger->name), scratch);
        }
        normal_put(slice_text(place->name), scratch);
        if (is_called(buffer_slice(scratch), normal))
            return true;
    }
    return false;
}

size_t divisions_named(const struct divisions *divisions, struct slice name,
                       enum division_level level, const struct division **found,
                       size_t capacity)
{
    struct buffer normal, scratch;
    size_t count = 0;
    buffer_init(&normal, SIZE_MAX);
    buffer_init(&scratch, SIZE_MAX);
    normal_put(name, &normal);
    size_t kept = 0; /* what stands between the names of a path says nothing */
    for (size_t i = 0; i < normal.size; i++) {
        if (normal.data[i] != '/')
            normal.data[kept++] = normal.data[i];
    }
    normal.size = kept;
    for (size_t i = 0; i < divisions->count && normal.size > 0; i++) {
        const struct division *place = &divisions->rows[i];
        if ((level != DIVISION_NONE && division_level(place->code) != level) ||
            !has_name(divisions, place, buffer_slice(&normal), &scratch))
            continue;
        if (count < capacity)
            found[count] = place;
        count++;
    }
    buffer_deinit(&scratch);
    buffer_deinit(&normal);
    return count;
}

void division_path(const struct divisions *divisions, const struct division *place,
                   char path[DIVISION_PATH_SIZE])
{
    const struct division *township =
        divisions_find(divisions, division_township(place->code));
    bool within = township != NULL && township != place;
    (void)snprintf(path, DIVISION_PATH_SIZE, "%s%s%s", within ? township->name : "",
                   within ? "/" : "", place->name);
}

void divisions_put_named(const struct divisions *divisions, struct slice name,
                         enum division_level level, struct buffer *out)
{
    const struct division *found[4];
    char text[DIVISION_PATH_SIZE + 32], path[DIVISION_PATH_SIZE];
    size_t count = divisions_named(divisions, name, level, found, ARRAY_SIZE(found));
    buffer_put(out, name.data, name.size);
    for (size_t i = 0; i < count && i < ARRAY_SIZE(found); i++) {
        division_path(divisions, found[i], path);
        int size = snprintf(text, sizeof text, "%s%" PRIu64 " %s", i == 0 ? ": " : "; ",
                            found[i]->code, path);
        buffer_put(out, text, (size_t)size);
    }
    if (count > ARRAY_SIZE(found))
        buffer_put(out, "; ...", 5);
}
