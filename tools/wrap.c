#define _GNU_SOURCE /* fopencookie */
#include "tools/wrap.h"

#include <stdlib.h>
#include <string.h>

#define LABEL_COLUMNS_MAX 12 /* "LL-W1204  " and the like */
#define INDENT_OTHERWISE 2
#define INDENT_ERROR 6 /* as what follows the first line of an error */
#define STREAM_BUFFER_SIZE 65536

struct wrap {
    FILE *to;
    size_t width;
    bool begun; /* the beginning of this line was flushed, and is not measured again */
};

/* ---- measuring ---- */

/* The character at the front: its bytes, and its columns. Escape sequences as colours use
 * them count as one character without columns. */
static size_t character_size(struct slice text, size_t *columns)
{
    uint32_t code = text.data[0];
    size_t size = 1;
    if (code == 0x1b) {
        while (size < text.size && (text.data[size] < 'A' || text.data[size] == '['))
            size++;
        *columns = 0;
        return size < text.size ? size + 1 : size;
    }
    if (code >= 0xf0)
        code &= 0x07;
    else if (code >= 0xe0)
        code &= 0x0f;
    else if (code >= 0xc0)
        code &= 0x1f;
    while (size < text.size && size < 4 && (text.data[size] & 0xc0) == 0x80)
        code = code << 6 | (text.data[size++] & 0x3f);
    bool wide =
        (code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xa4cf) ||
        (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) ||
        (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) ||
        (code >= 0xffe0 && code <= 0xffe6) || (code >= 0x20000 && code <= 0x3fffd);
    *columns = wide ? 2 : 1;
    return size;
}

size_t wrap_columns(struct slice text)
{
    size_t total = 0, columns;
    while (text.size > 0) {
        size_t size = character_size(text, &columns);
        total += columns;
        text = slice_of(text.data + size, text.size - size);
    }
    return total;
}

static size_t indent_of(struct slice line)
{
    size_t blanks = 0, columns;
    while (line.size > 0 && line.data[0] == 0x1b) {
        size_t size = character_size(line, &columns);
        line = slice_of(line.data + size, line.size - size);
    }
    while (blanks < line.size && line.data[blanks] == ' ')
        blanks++;
    if (blanks > 0)
        return blanks;
    if (line.size > 7 &&
        (memcmp(line.data, "Error ", 6) == 0 || memcmp(line.data, "错误 ", 7) == 0))
        return INDENT_ERROR;
    for (size_t i = 0; i + 1 < line.size && i < LABEL_COLUMNS_MAX; i++) {
        if (line.data[i] != ' ' || line.data[i + 1] != ' ')
            continue;
        while (i < line.size && line.data[i] == ' ')
            i++;
        columns = wrap_columns(slice_of(line.data, i));
        return columns <= LABEL_COLUMNS_MAX ? columns : INDENT_OTHERWISE;
    }
    return INDENT_OTHERWISE;
}

/* ---- breaking ---- */

/* How much of the line's front fits into `width` columns, broken where it may be; at least
 * one character. `skip` blanks after it are dropped. */
static size_t front_that_fits(struct slice line, size_t width, size_t *skip)
{
    size_t at = 0, columns = 0, best = 0, wide_before = 0;
    *skip = 0;
    while (at < line.size) {
        size_t character;
        size_t size =
            character_size(slice_of(line.data + at, line.size - at), &character);
        bool blank = line.data[at] == ' ';
        /* Between two Chinese characters a line may be broken; a sign stays with what
         * it ends. */
        bool sign = size == 3 && (memcmp(line.data + at, "\xe3\x80\x81", 3) == 0 ||
                                  memcmp(line.data + at, "\xe3\x80\x82", 3) == 0 ||
                                  line.data[at] == 0xef);
        if (at > 0 && columns <= width && !sign &&
            (blank || (character == 2 && wide_before)))
            best = at;
        if (!blank && columns + character > width)
            break;
        columns += character;
        wide_before = character == 2;
        at += size;
    }
    if (at == line.size)
        return line.size;
    if (best == 0) /* one long word */
        best = at > 0 ? at : 1;
    while (best + *skip < line.size && line.data[best + *skip] == ' ')
        ++*skip;
    return best;
}

void wrap_text(struct slice text, size_t width, struct buffer *out)
{
    size_t skip;
    while (text.size > 0) {
        const uint8_t *end = memchr(text.data, '\n', text.size);
        struct slice line =
            slice_of(text.data, end != NULL ? (size_t)(end - text.data) : text.size);
        size_t size = front_that_fits(line, width, &skip);
        buffer_put(out, line.data, size);
        if (size == line.size)
            skip = end != NULL;
        text = slice_of(text.data + size + skip, text.size - size - skip);
        if (text.size > 0)
            buffer_put_u8(out, '\n');
    }
}

static void put_line(const struct wrap *wrap, struct slice line)
{
    size_t indent = indent_of(line), lead = 0;
    struct buffer broken;
    if (indent > wrap->width / 2)
        indent = INDENT_OTHERWISE;
    while (lead < line.size && line.data[lead] == ' ')
        lead++; /* a line is not broken within its own indentation */
    if (lead > wrap->width / 2)
        lead = 0;
    buffer_init(&broken, SIZE_MAX);
    size_t skip;
    size_t front = lead + front_that_fits(slice_of(line.data + lead, line.size - lead),
                                          wrap->width - lead, &skip);
    (void)fwrite(line.data, 1, front, wrap->to);
    if (front < line.size)
        wrap_text(slice_of(line.data + front + skip, line.size - front - skip),
                  wrap->width - indent, &broken);
    for (struct slice rest = buffer_slice(&broken); rest.size > 0;) {
        const uint8_t *end = memchr(rest.data, '\n', rest.size);
        size_t size = end != NULL ? (size_t)(end - rest.data) : rest.size;
        (void)fprintf(wrap->to, "\n%*s%.*s", (int)indent, "", (int)size,
                      (const char *)rest.data);
        size += end != NULL;
        rest = slice_of(rest.data + size, rest.size - size);
    }
    buffer_deinit(&broken);
}

/* ---- the stream ---- */

static ssize_t wrap_write(void *cookie, const char *data, size_t size)
{
    struct wrap *wrap = cookie;
    for (size_t at = 0; at < size;) {
        const char *end = memchr(data + at, '\n', size - at);
        size_t length = end != NULL ? (size_t)(end - data) - at : size - at;
        if (wrap->begun)
            (void)fwrite(data + at, 1, length, wrap->to);
        else
            put_line(wrap, slice_of(data + at, length));
        at += length;
        wrap->begun = end == NULL;
        if (end == NULL)
            break;
        (void)fputc('\n', wrap->to);
        at++;
    }
    return fflush(wrap->to) == 0 && ferror(wrap->to) == 0 ? (ssize_t)size : 0;
}

static int wrap_close(void *cookie)
{
    free(cookie);
    return 0;
}

FILE *wrap_open(FILE *to, size_t width)
{
    struct wrap *wrap = checked_malloc(sizeof *wrap);
    *wrap =
        (struct wrap){.to = to, .width = width < WRAP_WIDTH_MIN ? WRAP_WIDTH_MIN : width};
    cookie_io_functions_t functions = {.write = wrap_write, .close = wrap_close};
    FILE *stream = fopencookie(wrap, "w", functions);
    CHECK(stream != NULL);
    /* What is written piece by piece comes as whole lines. */
    (void)setvbuf(stream, NULL, _IOLBF, STREAM_BUFFER_SIZE);
    return stream;
}
