/* Places: found by code or name, and named beside the codes of an answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/codec.h"
#include "crdt/normal.h"
#include "crdt/text.h"
#include "daemon/answer/query_parts.h"

static const char *level_name(uint64_t code)
{
    switch (division_level(code)) {
    case DIVISION_COUNTY: return "county";
    case DIVISION_TOWNSHIP: return "township";
    case DIVISION_VILLAGE: return "village";
    case DIVISION_NONE: break;
    }
    return NULL;
}

static void put_place(struct buffer *out, const struct divisions *divisions,
                      const struct division *place)
{
    char path[DIVISION_PATH_SIZE];
    division_path(divisions, place, path);
    codec_put_map(out, 4);
    answer_put_key(out, "code");
    codec_put_uint(out, place->code);
    answer_put_key(out, "name");
    codec_put_cstring(out, place->name);
    answer_put_key(out, "full_name");
    codec_put_cstring(out, path);
    answer_put_key(out, "level");
    answer_put_text_or_nil(out, level_name(place->code));
}

/* A code begins with the digits, or the text is a part of the path, however it was typed. */
static bool is_meant(const struct divisions *divisions, const struct division *place,
                     struct slice normal, struct buffer *scratch)
{
    char path[DIVISION_PATH_SIZE], code[24];
    (void)snprintf(code, sizeof code, "%llu", (unsigned long long)place->code);
    if (normal.size <= strlen(code) && memcmp(code, normal.data, normal.size) == 0)
        return true;
    division_path(divisions, place, path);
    return normal_holds(slice_text(path), normal, scratch);
}

enum status query_places(struct query *query, struct store_txn *txn, struct slice args)
{
    const struct divisions *divisions = query->sources->divisions;
    struct buffer normal, scratch, places;
    struct slice text;
    size_t count = 0;
    (void)txn;
    if (!args_text(args, "text", &text) || text.size == 0)
        return query_refuse(query, ERR_FIELD_MISSING, slice_text("text"));
    if (!text_is_clean(text))
        return query_refuse(query, ERR_TEXT, slice_text("text"));
    buffer_init(&normal, SIZE_MAX);
    buffer_init(&scratch, SIZE_MAX);
    buffer_init(&places, CONTROL_REPLY_SIZE_MAX);
    normal_put(text, &normal);
    for (size_t i = 0; i < divisions->count && normal.size > 0; i++) {
        if (!is_meant(divisions, &divisions->rows[i], buffer_slice(&normal), &scratch))
            continue;
        put_place(&places, divisions, &divisions->rows[i]);
        count++;
    }
    codec_put_map(query->data, 1);
    answer_put_key(query->data, "places");
    codec_put_array(query->data, count);
    codec_put_raw(query->data, buffer_slice(&places));
    buffer_deinit(&places);
    buffer_deinit(&scratch);
    buffer_deinit(&normal);
    return OK;
}

/* ---- beside an answer ---- */

void places_note(struct places *places, const struct record_view *record)
{
    uint64_t code;
    for (size_t i = 0; i < record->reg->field_count; i++) {
        const struct field_view *field = &record->fields[i];
        for (size_t k = 0; field->field->type == FIELD_DIVISION && k < field->count;
             k++) {
            struct slice value = field->versions[k].value;
            /* Most records of a list lie where the one before them does. */
            if (!codec_take_uint(&value, &code) ||
                (places->count > 0 && places->codes[places->count - 1] == code))
                continue;
            places->codes = array_grow(places->codes, &places->capacity,
                                       places->count + 1, sizeof *places->codes);
            places->codes[places->count++] = code;
        }
    }
}

static int by_code(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

void query_put_places(struct query *query, struct places *places)
{
    const struct divisions *divisions = query->sources->divisions;
    size_t count = 0;
    if (places->count > 0)
        qsort(places->codes, places->count, sizeof *places->codes, by_code);
    for (size_t i = 0; i < places->count; i++) {
        bool known = (count == 0 || places->codes[count - 1] != places->codes[i]) &&
                     divisions_find(divisions, places->codes[i]) != NULL;
        if (known)
            places->codes[count++] = places->codes[i];
    }
    answer_put_key(query->data, "places");
    codec_put_array(query->data, count);
    for (size_t i = 0; i < count; i++)
        put_place(query->data, divisions, divisions_find(divisions, places->codes[i]));
    free(places->codes);
    *places = (struct places){0};
}
