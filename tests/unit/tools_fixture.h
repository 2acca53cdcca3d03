/* tools_fixture.h - a command line run against a daemon that says what the test wrote. */
#ifndef LINLI_TESTS_TOOLS_FIXTURE_H
#define LINLI_TESTS_TOOLS_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crdt/codec.h"
#include "tools/arguments.h"
#include "tools/terminal.h"

#define FIXTURE_NOW_MS UINT64_C(1780214700000) /* 2026-05-31 16:05 in Beijing */

/* Output into memory: `text` and `error` are what a person would have seen. */
struct screen {
    struct terminal terminal;
    char *text, *error;
    size_t text_size, error_size;
};

static inline void screen_open(struct screen *screen, bool json)
{
    *screen = (struct screen){0};
    screen->terminal.out = open_memstream(&screen->text, &screen->text_size);
    screen->terminal.err = open_memstream(&screen->error, &screen->error_size);
    screen->terminal.json = json;
    screen->terminal.now_ms = FIXTURE_NOW_MS;
    assert_non_null(screen->terminal.out);
    assert_non_null(screen->terminal.err);
}

static inline void screen_flush(struct screen *screen)
{
    assert_int_equal(fflush(screen->terminal.out), 0);
    assert_int_equal(fflush(screen->terminal.err), 0);
}

static inline void screen_close(struct screen *screen)
{
    (void)fclose(screen->terminal.out);
    (void)fclose(screen->terminal.err);
    free(screen->text);
    free(screen->error);
}

static inline void put_pair_text(struct buffer *out, const char *key, const char *value)
{
    codec_put_cstring(out, key);
    if (value != NULL)
        codec_put_cstring(out, value);
    else
        codec_put_nil(out);
}

static inline void put_pair_uint(struct buffer *out, const char *key, uint64_t value)
{
    codec_put_cstring(out, key);
    codec_put_uint(out, value);
}

#endif
