#include "tools/csv_write.h"

#include <string.h>

void csv_put_mark(struct buffer *out)
{
    buffer_put(out, "\xef\xbb\xbf", 3);
}

void csv_put_cell(struct buffer *out, bool first, struct slice text)
{
    bool quoted = false;
    if (!first)
        buffer_put_u8(out, ',');
    bool guarded = text.size > 0 && strchr("=+-@\t\r", text.data[0]) != NULL;
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
