#include "daemon/api/divisions_csv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <csv.h>

enum column { COLUMN_CODE, COLUMN_NAME, COLUMN_PARENT, COLUMNS };

enum {
    FIELDS_MAX_IN_ROW = 16,
    FIELD_BYTES_MAX = 256,
};

static const char *const column_names[COLUMNS] = {"code", "name", "parent"};

struct reading {
    const char *path;
    unsigned line;
    struct divisions *divisions;
    struct config_errors *errors;
    bool header_seen, header_sound;
    size_t positions[COLUMNS]; /* of each column in a row */
    size_t field_count;        /* of the row so far */
    char fields[FIELDS_MAX_IN_ROW][FIELD_BYTES_MAX];
};

static void complain(struct reading *reading, const char *key, const char *text)
{
    config_errors_add(reading->errors, reading->path, reading->line, key, text);
}

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

static void take_header(struct reading *reading)
{
    reading->header_seen = true;
    reading->header_sound = true;
    for (size_t column = 0; column < COLUMNS; column++) {
        size_t position = 0;
        while (position < reading->field_count && position < FIELDS_MAX_IN_ROW &&
               strcmp(reading->fields[position], column_names[column]) != 0)
            position++;
        reading->positions[column] = position;
        if (position < reading->field_count && position < FIELDS_MAX_IN_ROW)
            continue;
        reading->header_sound = false;
        complain(reading, column_names[column], "the first line has no such column");
    }
}

static const char *column_text(const struct reading *reading, enum column column)
{
    size_t position = reading->positions[column];
    bool present = position < reading->field_count && position < FIELDS_MAX_IN_ROW;
    return present ? reading->fields[position] : "";
}

static bool read_code(const char *text, uint64_t *code)
{
    *code = 0;
    for (const char *digit = text; *digit != '\0'; digit++) {
        if (*digit < '0' || *digit > '9' || digit - text >= 12)
            return false;
        *code = *code * 10 + (uint64_t)(*digit - '0');
    }
    return division_level(*code) != DIVISION_NONE;
}

static void take_place(struct reading *reading)
{
    uint64_t code;
    const char *text = column_text(reading, COLUMN_CODE);
    const char *parent = column_text(reading, COLUMN_PARENT);
    if (!read_code(text, &code)) {
        complain(reading, "code", "not a code of 6, 9 or 12 digits");
        return;
    }
    if (strncmp(text, parent, strlen(parent)) != 0 || strlen(parent) >= strlen(text))
        complain(reading, "parent", "does not contain the place");
    struct slice name = slice_text(column_text(reading, COLUMN_NAME));
    if (divisions_add(reading->divisions, code, name) != OK)
        complain(reading, "name", "empty, too long or not valid UTF-8");
}

/* Called by libcsv at the end of each row. */
static void take_row(int ending, void *context)
{
    struct reading *reading = context;
    (void)ending;
    if (!reading->header_seen)
        take_header(reading);
    else if (reading->header_sound)
        take_place(reading);
    reading->field_count = 0;
}

/* Line by line, so that errors can name the line; libcsv itself does not count them. */
static bool feed(struct reading *reading, struct csv_parser *parser, FILE *stream)
{
    char *line = NULL;
    size_t capacity = 0, total = 0;
    ssize_t count;
    bool fine = true;
    while (fine && (count = getline(&line, &capacity, stream)) >= 0) {
        static const char byte_order_mark[] = "\xef\xbb\xbf";
        size_t size = (size_t)count, skip = 0;
        if (reading->line++ == 0 && size >= 3 && memcmp(line, byte_order_mark, 3) == 0)
            skip = 3;
        total += size;
        fine = total <= DIVISIONS_CSV_SIZE_MAX &&
               csv_parse(parser, line + skip, size - skip, take_field, take_row,
                         reading) == size - skip;
    }
    free(line);
    return fine && csv_fini(parser, take_field, take_row, reading) == 0 &&
           !ferror(stream);
}

static void check_twice(struct reading *reading)
{
    const struct divisions *divisions = reading->divisions;
    for (size_t i = 1; i < divisions->count; i++) {
        char text[64];
        if (divisions->rows[i].code != divisions->rows[i - 1].code)
            continue;
        (void)snprintf(text, sizeof text, "%llu is given twice",
                       (unsigned long long)divisions->rows[i].code);
        reading->line = 0;
        complain(reading, "code", text);
    }
}

enum status divisions_csv_load(const char *path, struct divisions *divisions,
                               struct config_errors *errors)
{
    struct csv_parser parser;
    size_t errors_before = errors->count;
    struct reading *reading = checked_malloc(sizeof *reading);
    *reading = (struct reading){.path = path, .divisions = divisions, .errors = errors};
    FILE *stream = fopen(path, "re");
    if (stream == NULL) {
        complain(reading, NULL, strerror(errno));
    } else {
        CHECK(csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) == 0);
        if (!feed(reading, &parser, stream))
            complain(reading, NULL, "not a CSV file that can be read to its end");
        csv_free(&parser);
        (void)fclose(stream);
        divisions_sort(divisions);
        check_twice(reading);
    }
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
