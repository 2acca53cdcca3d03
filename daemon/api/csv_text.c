#include "daemon/api/csv_text.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>

#include <csv.h>

/* ---- bytes to UTF-8 ---- */

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

bool csv_text_decode(struct slice file, struct buffer *text)
{
    if (file.size >= 3 && memcmp(file.data, "\xef\xbb\xbf", 3) == 0)
        file = slice_of(file.data + 3, file.size - 3);
    if (file.size >= 2 &&
        (memcmp(file.data, "\xff\xfe", 2) == 0 || memcmp(file.data, "\xfe\xff", 2) == 0))
        return convert("UTF-16", file, text);
    if (convert("UTF-8", file, text))
        return true;
    buffer_clear(text);
    return convert("GB18030", file, text);
}

/* ---- rows ---- */

struct rows {
    csv_row *row;
    void *context;
    unsigned line;       /* that is being read */
    unsigned began_line; /* where its row began */
    struct buffer bytes; /* of the cells so far, one after the other */
    size_t ends[CSV_CELLS_MAX];
    size_t count;
    bool holds_value;
};

static void take_cell(void *data, size_t size, void *context)
{
    struct rows *rows = context;
    const char *bytes = data;
    for (size_t i = 0; i < size && !rows->holds_value; i++)
        rows->holds_value = bytes[i] != ' ' && bytes[i] != '\t';
    if (rows->count == CSV_CELLS_MAX)
        return;
    buffer_put(&rows->bytes, data, size);
    rows->ends[rows->count++] = rows->bytes.size;
}

static void end_row(int ending, void *context)
{
    struct rows *rows = context;
    struct slice cells[CSV_CELLS_MAX];
    size_t begin = 0;
    (void)ending;
    for (size_t i = 0; i < rows->count; i++) {
        cells[i] = slice_of(rows->bytes.data + begin, rows->ends[i] - begin);
        begin = rows->ends[i];
    }
    if (rows->holds_value)
        rows->row(rows->context, rows->began_line, cells, rows->count);
    buffer_clear(&rows->bytes);
    rows->count = 0;
    rows->holds_value = false;
    rows->began_line = rows->line + 1;
}

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

/* Fed line by line, because libcsv itself counts none. */
bool csv_text_rows(struct slice text, csv_row *row, void *context, unsigned *line)
{
    struct rows rows = {.row = row, .context = context, .began_line = 1};
    struct csv_parser parser;
    bool fine = true;
    CHECK(csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) == 0);
    csv_set_delim(&parser, delimiter_of(text));
    buffer_init(&rows.bytes, SIZE_MAX);
    while (fine && text.size > 0) {
        const uint8_t *end = memchr(text.data, '\n', text.size);
        size_t size = end != NULL ? (size_t)(end - text.data) + 1 : text.size;
        rows.line++;
        fine = csv_parse(&parser, text.data, size, take_cell, end_row, &rows) == size;
        text = slice_of(text.data + size, text.size - size);
    }
    fine = fine && csv_fini(&parser, take_cell, end_row, &rows) == 0;
    *line = rows.began_line;
    csv_free(&parser);
    buffer_deinit(&rows.bytes);
    return fine;
}
