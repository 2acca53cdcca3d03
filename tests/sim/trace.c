#include "tests/sim/trace.h"

#include <inttypes.h>
#include <stdarg.h>

static const struct county_salt no_salt;

void trace_init(struct trace *trace, FILE *out)
{
    *trace = (struct trace){.out = out};
    hash_begin(&trace->state, HASH_RANDOM, &no_salt);
}

static size_t put_stamp(char *line, size_t size, uint64_t now_ms, const char *who)
{
    uint64_t seconds = now_ms / 1000;
    int length = snprintf(line, size,
                          "%" PRIu64 " %02" PRIu64 ":%02" PRIu64 ":%02" PRIu64
                          ".%03" PRIu64 " %-10s ",
                          seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60,
                          seconds % 60, now_ms % 1000, who);
    CHECK(length > 0 && (size_t)length < size);
    return (size_t)length;
}

void trace_line(struct trace *trace, uint64_t now_ms, const char *who, const char *format,
                ...)
{
    char line[512];
    size_t length = put_stamp(line, sizeof(line), now_ms, who);
    va_list arguments;
    va_start(arguments, format);
    int more = vsnprintf(line + length, sizeof(line) - length, format, arguments);
    va_end(arguments);
    CHECK(more >= 0);
    length += (size_t)more;
    length = length < sizeof(line) - 1 ? length : sizeof(line) - 2;
    line[length++] = '\n';
    hash_add(&trace->state, slice_of(line, length));
    trace->lines++;
    if (trace->out != NULL) {
        fwrite(line, 1, length, trace->out);
    }
}

void trace_hash(const struct trace *trace, struct hash *hash)
{
    struct hash_state copy = trace->state;
    hash_end(&copy, hash);
}

const char *duration_text(uint64_t ms, char text[DURATION_SIZE])
{
    uint64_t seconds = ms / 1000;
    snprintf(text, DURATION_SIZE, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, seconds / 3600,
             seconds / 60 % 60, seconds % 60);
    return text;
}
