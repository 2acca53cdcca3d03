#include "daemon/api/incomplete.h"

#include <stdio.h>
#include <string.h>

#include "crdt/codec.h"
#include "daemon/api/i18n.h"

static const char *const names[] = {"",
#define INCOMPLETE_NAME(kind, name) name,
                                    INCOMPLETE_TABLE(INCOMPLETE_NAME)
#undef INCOMPLETE_NAME
};

static void put_text_or_nil(struct buffer *out, const char *text)
{
    if (text[0] != '\0')
        codec_put_cstring(out, text);
    else
        codec_put_nil(out);
}

void incomplete_put(const struct incomplete *incomplete, struct buffer *out)
{
    if (incomplete->kind == INCOMPLETE_NOT) {
        codec_put_nil(out);
        return;
    }
    codec_put_map(out, 4);
    codec_put_cstring(out, "kind");
    codec_put_cstring(out, names[incomplete->kind]);
    codec_put_cstring(out, "count");
    codec_put_uint(out, incomplete->count);
    codec_put_cstring(out, "name");
    put_text_or_nil(out, incomplete->name);
    codec_put_cstring(out, "since");
    put_text_or_nil(out, incomplete->since);
}

static bool take_text_or_nil(struct slice map, const char *key, char *text, size_t size)
{
    struct slice value, found = {0};
    if (!codec_map_find(map, key, &value) ||
        (!codec_take_nil(&value) && !codec_take_text(&value, &found)) ||
        found.size >= size)
        return false;
    if (found.size > 0)
        memcpy(text, found.data, found.size);
    text[found.size] = '\0';
    return true;
}

bool incomplete_take(struct slice *in, struct incomplete *incomplete)
{
    struct slice map, kind, value;
    *incomplete = (struct incomplete){.kind = INCOMPLETE_NOT};
    if (codec_take_nil(in))
        return true;
    if (codec_peek(*in) != CODEC_MAP || !codec_take_any(in, &map) ||
        !codec_map_find(map, "kind", &value) || !codec_take_text(&value, &kind) ||
        !codec_map_find(map, "count", &value) ||
        !codec_take_uint(&value, &incomplete->count) ||
        !take_text_or_nil(map, "name", incomplete->name, sizeof incomplete->name) ||
        !take_text_or_nil(map, "since", incomplete->since, sizeof incomplete->since))
        return false;
    incomplete->kind = INCOMPLETE_OTHER;
    for (size_t i = 1; i < ARRAY_SIZE(names); i++) {
        if (slice_equal(kind, slice_text(names[i])))
            incomplete->kind = (enum incomplete_kind)i;
    }
    return true;
}

static void say_silent(const struct incomplete *incomplete,
                       char text[INCOMPLETE_TEXT_SIZE])
{
    const char *name = incomplete->name, *since = incomplete->since;
    unsigned long long others = incomplete->count;
    const size_t size = INCOMPLETE_TEXT_SIZE;
    if (others > 0 && since[0] != '\0')
        (void)snprintf(text, size,
                       _("nothing has come from %s and %llu other nodes since %s; visits "
                         "entered there may be missing"),
                       name, others, since);
    else if (others > 0)
        (void)snprintf(text, size,
                       _("nothing has come from %s and %llu other nodes yet; visits "
                         "entered there may be missing"),
                       name, others);
    else if (since[0] != '\0')
        (void)snprintf(text, size,
                       _("nothing has come from %s since %s; visits entered there may be "
                         "missing"),
                       name, since);
    else
        (void)snprintf(text, size,
                       _("nothing has come from %s yet; visits entered there may be "
                         "missing"),
                       name);
}

void incomplete_say(const struct incomplete *incomplete, char text[INCOMPLETE_TEXT_SIZE])
{
    unsigned long long count = incomplete->count;
    const size_t size = INCOMPLETE_TEXT_SIZE;
    text[0] = '\0';
    switch (incomplete->kind) {
    case INCOMPLETE_NOT: break;
    case INCOMPLETE_CLEARING:
        (void)snprintf(text, size, "%s",
                       _("everything held here was read again; what no longer counts is "
                         "still being cleared away"));
        break;
    case INCOMPLETE_READING:
        (void)snprintf(text, size,
                       _("%llu runs of entries held here are still being read"), count);
        break;
    case INCOMPLETE_WANTED:
        (void)snprintf(text, size,
                       _("entries of %llu logs were announced and have not arrived"),
                       count);
        break;
    case INCOMPLETE_SILENT: say_silent(incomplete, text); break;
    case INCOMPLETE_COUNTING:
        (void)snprintf(text, size, _("%llu entries held here are still being counted"),
                       count);
        break;
    case INCOMPLETE_UNREADABLE:
        (void)snprintf(text, size,
                       _("%llu entries held here could not be read, for want of their "
                         "township's key; ask that township or the county hub"),
                       count);
        break;
    case INCOMPLETE_NO_KEY:
        (void)snprintf(text, size,
                       _("this node has no key for %s and perhaps others; ask the county "
                         "hub"),
                       incomplete->name);
        break;
    case INCOMPLETE_OTHER:
        (void)snprintf(text, size, "%s",
                       _("for a reason that this version has no words for; command and "
                         "daemon differ in version: linli version"));
        break;
    }
}
