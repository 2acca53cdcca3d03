#include "daemon/api/divisions_csv.h"

#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <csv.h>

#include "crdt/codec.h"
#include "crdt/normal.h"
#include "crdt/text.h"

enum column { COLUMN_CODE, COLUMN_NAME, COLUMN_PARENT, COLUMNS };

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
};

struct place_line {
    uint64_t code;
    unsigned line;
};

struct reading {
    const char *path;
    unsigned line;     /* that is being read */
    unsigned row_line; /* where its row began: a quoted field may hold line ends */
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
    config_errors_add(reading->errors, reading->path, reading->row_line, key, text);
}

/* ---- bytes to UTF-8 ---- */

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

static bool convert(const char *encoding, struct slice from, struct buffer *to)
{
    iconv_t conversion = iconv_open("UTF-8", encoding);
    char piece[16384];
    char *in = (char *)(uintptr_t)from.data; /* iconv reads it only */
    size_t left = from.size;
    bool fine = conversion != (iconv_t)-1;
    while (fine && left > 0) {
        char *out = piece;
        size_t room = sizeof piece;
        fine = iconv(conversion, &in, &left, &out, &room) != (size_t)-1 || errno == E2BIG;
        buffer_put(to, piece, sizeof piece - room);
    }
    if (conversion != (iconv_t)-1)
        (void)iconv_close(conversion);
    return fine;
}

/* Spreadsheets here write UTF-8 with a mark, GB 18030 without, or UTF-16 with one. */
static bool decode(struct reading *reading, struct slice file, struct buffer *text)
{
    bool fine = true;
    if (file.size >= 3 && memcmp(file.data, "\xef\xbb\xbf", 3) == 0)
        file = slice_of(file.data + 3, file.size - 3);
    if (file.size >= 2 &&
        (memcmp(file.data, "\xff\xfe", 2) == 0 || memcmp(file.data, "\xfe\xff", 2) == 0))
        fine = convert("UTF-16", file, text);
    else if (!convert("UTF-8", file, text)) {
        buffer_clear(text);
        fine = convert("GB18030", file, text);
    }
    if (!fine)
        complain(reading, NULL, "neither UTF-8 nor GB 18030 nor UTF-16");
    return fine;
}

/* ---- rows ---- */

/* Called by libcsv for each field. What is too long or too much cannot be a place: it is
 * cut here and found out when the row ends. */
static void take_field(void *data, size_t size, void *context)
{
    struct reading *reading = context;
    size_t index = reading->field_count++;
    if (index >= FIELDS_MAX_IN_ROW)
        return;
    char *field = reading->fields[index];
    if (size >= FIELD_BYTES_MAX || memchr(data, '\0', size) != NULL)
        size = 0;
    memcpy(field, data, size);
    field[size] = '\0';
}

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
    if (reading->place_count == reading->place_capacity) {
        reading->place_capacity = reading->place_capacity * 2 + 256;
        reading->places = checked_realloc(reading->places, reading->place_capacity *
                                                               sizeof *reading->places);
    }
    reading->places[reading->place_count++] =
        (struct place_line){code, reading->row_line};
}

static void take_place(struct reading *reading)
{
    uint64_t code;
    char digits[FIELD_BYTES_MAX], parent[FIELD_BYTES_MAX];
    struct slice name = slice_text(column_text(reading, COLUMN_NAME));
    code_digits(column_text(reading, COLUMN_CODE), digits);
    code_digits(column_text(reading, COLUMN_PARENT), parent);
    if (!read_code(digits, &code)) {
        complain(reading, "code",
                 strpbrk(digits, "eE") != NULL && strchr(digits, '.') != NULL
                     ? "a spreadsheet has rounded it: keep the column as text"
                     : "not a code of 6, 9 or 12 digits");
        return;
    }
    if (strncmp(digits, parent, strlen(parent)) != 0 || strlen(parent) >= strlen(digits))
        complain(reading, "parent", "does not contain the place");
    if (!text_is_one_line(name))
        complain(reading, "name", "stands on two lines");
    else if (divisions_add(reading->divisions, code, name) != OK)
        complain(reading, "name", "empty, too long or not valid text");
    note_line(reading, code);
}

static bool row_is_blank(const struct reading *reading)
{
    for (size_t i = 0; i < reading->field_count && i < FIELDS_MAX_IN_ROW; i++) {
        if (reading->fields[i][strspn(reading->fields[i], " \t")] != '\0')
            return false;
    }
    return true;
}

/* Called by libcsv at the end of each row. */
static void take_row(int ending, void *context)
{
    struct reading *reading = context;
    (void)ending;
    bool blank = row_is_blank(reading); /* a spreadsheet's empty rows mean nothing */
    if (!blank && !reading->header_seen)
        take_header(reading);
    else if (!blank && reading->header_sound)
        take_place(reading);
    reading->field_count = 0;
    reading->row_line = reading->line + 1;
}

/* ---- the file ---- */

/* Whichever stands most often in the first line. */
static unsigned char delimiter_of(struct slice text)
{
    static const char delimiters[] = {',', ';', '\t'};
    size_t counts[sizeof delimiters] = {0}, best = 0;
    for (size_t i = 0; i < text.size && text.data[i] != '\n'; i++) {
        for (size_t k = 0; k < sizeof delimiters; k++)
            counts[k] += text.data[i] == (uint8_t)delimiters[k];
    }
    for (size_t k = 1; k < sizeof delimiters; k++) {
        if (counts[k] > counts[best])
            best = k;
    }
    return (unsigned char)delimiters[best];
}

/* Line by line, so that errors can name the line; libcsv itself does not count them. */
static void feed(struct reading *reading, struct slice text)
{
    struct csv_parser parser;
    bool fine = true;
    CHECK(csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) == 0);
    csv_set_delim(&parser, delimiter_of(text));
    reading->row_line = 1;
    while (fine && text.size > 0) {
        const uint8_t *end = memchr(text.data, '\n', text.size);
        size_t size = end != NULL ? (size_t)(end - text.data) + 1 : text.size;
        reading->line++;
        fine = csv_parse(&parser, text.data, size, take_field, take_row, reading) == size;
        text = slice_of(text.data + size, text.size - size);
    }
    if (!fine || csv_fini(&parser, take_field, take_row, reading) != 0)
        complain(reading, NULL,
                 "a quotation mark is not closed, or stands in the middle");
    csv_free(&parser);
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
        (void)snprintf(text, sizeof text, "%llu is given twice, first in line %u",
                       (unsigned long long)place->code, place[-1].line);
        reading->row_line = place->line;
        complain(reading, "code", text);
    }
}

static void load(struct reading *reading, FILE *stream)
{
    struct buffer file, text;
    buffer_init(&file, DIVISIONS_CSV_SIZE_MAX);
    buffer_init(&text, SIZE_MAX);
    if (read_file(reading, stream, &file) && decode(reading, buffer_slice(&file), &text))
        feed(reading, buffer_slice(&text));
    buffer_deinit(&text);
    buffer_deinit(&file);
    divisions_sort(reading->divisions);
    check_twice(reading);
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
