#include "tools/csv_write.h"

#include <string.h>

void csv_put_mark(struct buffer *out)
{
    buffer_put(out, "\xef\xbb\xbf", 3);
}

bool csv_is_guarded(struct slice text)
{
    static const char *const signs[] = {"=",  "+",  "-",  "@",  "\t",
                                        "\r", "＝", "＋", "－", "＠"};
    while (text.size > 0 && text.data[0] == '\'')
        text = slice_of(text.data + 1, text.size - 1);
    for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
        size_t size = strlen(signs[i]);
        if (text.size >= size && memcmp(text.data, signs[i], size) == 0)
            return true;
    }
    return false;
}

void csv_put_cell(struct buffer *out, bool first, struct slice text)
{
    bool quoted = false;
    if (!first)
        buffer_put_u8(out, ',');
    bool guarded = csv_is_guarded(text);
    for (size_t i = 0; i < text.size; i++)
        quoted |= strchr(",;\"\r\n\t", text.data[i]) != NULL;
    if (quoted)
        buffer_put_u8(out, '"');
    if (guarded)
        buffer_put_u8(out, '\'');
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '"')
            buffer_put_u8(out, '"');
        buffer_put_u8(out, text.data[i]);
    }
    if (quoted)
        buffer_put_u8(out, '"');
}

void csv_put_end(struct buffer *out)
{
    buffer_put(out, "\r\n", 2);
}
