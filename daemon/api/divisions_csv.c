#include "daemon/api/divisions_csv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/api/i18n.h"
#include "crdt/codec.h"
#include "crdt/normal.h"
#include "crdt/text.h"
#include "daemon/api/csv_text.h"

enum column { COLUMN_CODE, COLUMN_NAME, COLUMN_PARENT, COLUMN_SUCCESSOR, COLUMNS };

enum {
    FIELDS_MAX_IN_ROW = 16,
    FIELD_BYTES_MAX = 256,
    HEADINGS_MAX = 4,
};

/* As the first line may call them; the first is what errors call them. */
static const char *const headings[COLUMNS][HEADINGS_MAX] = {
    [COLUMN_CODE] = {"code", "代码", "区划代码", "行政区划代码"},
    [COLUMN_NAME] = {"name", "名称", "区划名称", "行政区划名称"},
    [COLUMN_PARENT] = {"parent", "上级代码", "上级", "上级区划代码"},
    [COLUMN_SUCCESSOR] = {"successor", "并入代码", "合并至", "后继代码"},
};

struct place_line {
    uint64_t code;
    unsigned line;
};

struct reading {
    const char *path;
    unsigned row_line; /* where the row begins that is looked at */
    struct divisions *divisions;
    struct config_errors *errors;
    bool header_seen, header_sound;
    size_t positions[COLUMNS]; /* of each column in a row */
    size_t field_count;        /* of the row so far */
    char fields[FIELDS_MAX_IN_ROW][FIELD_BYTES_MAX];
    struct place_line *places;
    size_t place_count, place_capacity;
};

static void complain(struct reading *reading, const char *key, const char *text)
{
    config_errors_add(reading->errors, reading->path, reading->row_line, key,
                      gettext(text));
}

/* The whole file in `out`, which frees it. */
static bool read_file(struct reading *reading, FILE *stream, struct buffer *out)
{
    char piece[16384];
    size_t size;
    while ((size = fread(piece, 1, sizeof piece, stream)) > 0)
        buffer_put(out, piece, size);
    if (ferror(stream) || out->overflow)
        complain(reading, NULL,
                 out->overflow ? "too large to be a table of places" : strerror(errno));
    return !ferror(stream) && !out->overflow;
}

/* ---- rows ---- */

static bool is_heading(const char *text, enum column column)
{
    for (size_t i = 0; i < HEADINGS_MAX; i++) {
        if (strcmp(text, headings[column][i]) == 0)
            return true;
    }
    return false;
}

static void take_header(struct reading *reading)
{
    reading->header_seen = true;
    reading->header_sound = true;
    for (size_t column = 0; column < COLUMNS; column++) {
        size_t position = 0;
        while (position < reading->field_count && position < FIELDS_MAX_IN_ROW &&
               !is_heading(reading->fields[position], (enum column)column))
            position++;
        reading->positions[column] = position;
        if (position < reading->field_count && position < FIELDS_MAX_IN_ROW)
            continue;
        if (column == COLUMN_SUCCESSOR) /* few tables have merged places */
            continue;
        reading->header_sound = false;
        complain(reading, headings[column][0], "the first line has no such column");
    }
}

static const char *column_text(const struct reading *reading, enum column column)
{
    size_t position = reading->positions[column];
    bool present = position < reading->field_count && position < FIELDS_MAX_IN_ROW;
    return present ? reading->fields[position] : "";
}

/* The digits of a code in any width, without what a spreadsheet put around them: blanks, a
 * guard before, ".0" after. */
static void code_digits(const char *text, char digits[FIELD_BYTES_MAX])
{
    struct buffer narrow;
    size_t size = 0;
    buffer_init(&narrow, SIZE_MAX);
    if (text_is_clean(slice_text(text)))
        normal_put_narrow(slice_text(text), &narrow);
    for (size_t i = 0; i < narrow.size && size < FIELD_BYTES_MAX - 1; i++) {
        if (narrow.data[i] != ' ' && narrow.data[i] != '\t' && narrow.data[i] != '\'')
            digits[size++] = (char)narrow.data[i];
    }
    if (size > 2 && memcmp(digits + size - 2, ".0", 2) == 0)
        size -= 2;
    digits[size] = '\0';
    buffer_deinit(&narrow);
}

static bool read_code(const char *digits, uint64_t *code)
{
    *code = 0;
    for (const char *digit = digits; *digit != '\0'; digit++) {
        if (*digit < '0' || *digit > '9' || digit - digits >= 12)
            return false;
        *code = *code * 10 + (uint64_t)(*digit - '0');
    }
    return division_level(*code) != DIVISION_NONE;
}

static void note_line(struct reading *reading, uint64_t code)
{
    reading->places = array_grow(reading->places, &reading->place_capacity,
                                 reading->place_count + 1, sizeof *reading->places);
    reading->places[reading->place_count++] =
        (struct place_line){code, reading->row_line};
}

static void take_place(struct reading *reading)
{
    uint64_t code;
    char digits[FIELD_BYTES_MAX], parent[FIELD_BYTES_MAX], merged[FIELD_BYTES_MAX];
    uint64_t successor;
    struct slice name = slice_text(column_text(reading, COLUMN_NAME));
    code_digits(column_text(reading, COLUMN_CODE), digits);
    code_digits(column_text(reading, COLUMN_PARENT), parent);
    code_digits(column_text(reading, COLUMN_SUCCESSOR), merged);
    if (!read_code(digits, &code)) {
        complain(reading, "code",
                 strpbrk(digits, "eE") != NULL && strchr(digits, '.') != NULL
                     ? N_("a spreadsheet has rounded it: keep the column as text")
                     : N_("not a code of 6, 9 or 12 digits"));
        return;
    }
    if (strncmp(digits, parent, strlen(parent)) != 0 || strlen(parent) >= strlen(digits))
        complain(reading, "parent", "does not contain the place");
    if (!text_is_one_line(name))
        complain(reading, "name", "stands on two lines");
    else if (divisions_add(reading->divisions, code, name) != OK)
        complain(reading, "name", "empty, too long or not valid text");
    else if (merged[0] != '\0' &&
             (!read_code(merged, &successor) ||
              divisions_merge_last(reading->divisions, successor) != OK))
        complain(reading, "successor", N_("not another place of the same level"));
    note_line(reading, code);
}

/* ---- the file ---- */

/* What is too long cannot be a place: it is cut here and found out below. */
static void take_row(void *context, unsigned line, const struct slice *cells,
                     size_t count)
{
    struct reading *reading = context;
    reading->row_line = line;
    reading->field_count = count;
    for (size_t i = 0; i < count && i < FIELDS_MAX_IN_ROW; i++) {
        struct slice cell = cells[i];
        if (cell.size >= FIELD_BYTES_MAX || memchr(cell.data, '\0', cell.size) != NULL)
            cell.size = 0;
        memcpy(reading->fields[i], cell.data, cell.size);
        reading->fields[i][cell.size] = '\0';
    }
    if (!reading->header_seen)
        take_header(reading);
    else if (reading->header_sound)
        take_place(reading);
}

static int by_code_and_line(const void *a, const void *b)
{
    const struct place_line *left = a, *right = b;
    if (left->code != right->code)
        return left->code < right->code ? -1 : 1;
    return (left->line > right->line) - (left->line < right->line);
}

static void check_twice(struct reading *reading)
{
    if (reading->place_count > 1)
        qsort(reading->places, reading->place_count, sizeof *reading->places,
              by_code_and_line);
    for (size_t i = 1; i < reading->place_count; i++) {
        const struct place_line *place = &reading->places[i];
        char text[80];
        if (place->code != place[-1].code)
            continue;
        (void)snprintf(text, sizeof text, _("%llu is given twice, first in line %u"),
                       (unsigned long long)place->code, place[-1].line);
        reading->row_line = place->line;
        complain(reading, "code", text);
    }
}

/* What a merged place is counted under is a place of the table, and in the end one that stands. */
static void check_successors(struct reading *reading)
{
    const struct divisions *divisions = reading->divisions;
    for (size_t i = 0; i < reading->place_count; i++) {
        const struct division *place = divisions_find(divisions, reading->places[i].code);
        if (place == NULL || place->successor == 0)
            continue;
        reading->row_line = reading->places[i].line;
        if (divisions_find(divisions, place->successor) == NULL)
            complain(reading, "successor", N_("this place is not in the table"));
        else if (divisions_standing(divisions, place->code) == place->code)
            complain(reading, "successor", N_("merged in a circle"));
    }
}

static void load(struct reading *reading, FILE *stream)
{
    struct buffer file, text;
    buffer_init(&file, DIVISIONS_CSV_SIZE_MAX);
    buffer_init(&text, SIZE_MAX);
    if (read_file(reading, stream, &file)) {
        if (!csv_text_decode(buffer_slice(&file), &text))
            complain(reading, NULL, "neither UTF-8 nor GB 18030 nor UTF-16");
        else if (!csv_text_rows(buffer_slice(&text), take_row, reading,
                                &reading->row_line))
            complain(reading, NULL,
                     "a quotation mark is not closed, or stands in the middle");
    }
    buffer_deinit(&text);
    buffer_deinit(&file);
    divisions_sort(reading->divisions);
    check_twice(reading);
    check_successors(reading);
}

enum status divisions_csv_load(const char *path, struct divisions *divisions,
                               struct config_errors *errors)
{
    size_t errors_before = errors->count;
    struct reading *reading = checked_malloc(sizeof *reading);
    *reading = (struct reading){.path = path, .divisions = divisions, .errors = errors};
    FILE *stream = fopen(path, "re");
    if (stream == NULL) {
        complain(reading, NULL, strerror(errno));
    } else {
        load(reading, stream);
        (void)fclose(stream);
    }
    free(reading->places);
    free(reading);
    return errors->count == errors_before ? OK : ERR_CONFIG;
}

void divisions_keep_county(struct divisions *divisions, uint64_t county)
{
    size_t kept = 0;
    for (size_t i = 0; i < divisions->count; i++) {
        if (division_county(divisions->rows[i].code) == county)
            divisions->rows[kept++] = divisions->rows[i];
    }
    divisions->count = kept;
}
