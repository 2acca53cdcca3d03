#include "daemon/api/troubles.h"

#include <stdio.h>
#include <string.h>

#include "daemon/api/i18n.h"

static const struct health_words table[] = {
#define HEALTH_ROW(name, number, severity, text, next) {name, severity, text, next},
    HEALTH_TABLE(HEALTH_ROW)
#undef HEALTH_ROW
};

const struct health_words *health_words(unsigned number)
{
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        if ((unsigned)table[i].code == number)
            return &table[i];
    }
    return NULL;
}

void health_code_format(enum health_code code, char text[16])
{
    (void)snprintf(text, 16, "LL-W%04u", (unsigned)code);
}

const char *health_severity_name(enum health_severity severity)
{
    switch (severity) {
    case HEALTH_NOTICE: return "notice";
    case HEALTH_WARNING: return "warning";
    case HEALTH_ERROR: return "error";
    }
    return "error";
}

const char *health_level_name(enum health_level level)
{
    switch (level) {
    case HEALTH_OK: return "ok";
    case HEALTH_LEVEL_ALONE: return "alone";
    case HEALTH_LEVEL_LATE: return "late";
    case HEALTH_LEVEL_LOOK: return "look";
    case HEALTH_LEVEL_TROUBLE: return "trouble";
    }
    return "trouble";
}

void health_age_format(uint64_t age_ms, char text[24])
{
    uint64_t seconds = age_ms / 1000;
    unsigned long long shown = seconds;
    if (seconds < 120)
        (void)snprintf(text, 24, _("%llu s"), shown);
    else if (seconds < 120 * 60)
        (void)snprintf(text, 24, _("%llu min"), shown / 60);
    else if (seconds < 48 * 3600)
        (void)snprintf(text, 24, _("%llu h"), shown / 3600);
    else
        (void)snprintf(text, 24, _("%llu d"), shown / 86400);
}

/* ---- troubles in words ---- */

/* Of "tcp://[::1]:5100" the "::1", as ping takes it. */
static void host_of(const char *address, char host[HEALTH_TEXT_SIZE])
{
    const char *start = strstr(address, "://");
    start = start != NULL ? start + 3 : address;
    start += *start == '[';
    const char *end = strrchr(start, ':');
    size_t size = end != NULL ? (size_t)(end - start) : strlen(start);
    if (size > 0 && start[size - 1] == ']')
        size--;
    (void)snprintf(host, HEALTH_TEXT_SIZE, "%.*s", (int)size, start);
}

/* The value that the text names at `at`, `size` bytes long there; NULL: none. */
static const char *placeholder(const struct trouble *trouble, const char *at,
                               char scratch[HEALTH_TEXT_SIZE], size_t *size)
{
    if (strncmp(at, "NAME", 4) == 0) {
        *size = 4;
        return trouble->subject;
    }
    if (strncmp(at, "COUNT", 5) == 0) {
        *size = 5;
        if (trouble->count == HEALTH_COUNT_UNKNOWN)
            return _("an unknown number of");
        (void)snprintf(scratch, HEALTH_TEXT_SIZE, "%llu",
                       (unsigned long long)trouble->count);
        return scratch;
    }
    if (strncmp(at, "AGE", 3) == 0) {
        *size = 3;
        health_age_format(trouble->age_ms, scratch);
        return scratch;
    }
    if (trouble->way != NULL && strncmp(at, "SPAN", 4) == 0) {
        *size = 4;
        health_age_format(trouble->span_ms, scratch);
        return scratch;
    }
    if (trouble->way != NULL && strncmp(at, "WAY", 3) == 0) {
        *size = 3;
        return gettext(trouble->way);
    }
    if (trouble->address != NULL && strncmp(at, "ADDRESS", 7) == 0) {
        *size = 7;
        return trouble->address;
    }
    if (trouble->address != NULL && strncmp(at, "HOST", 4) == 0) {
        *size = 4;
        host_of(trouble->address, scratch);
        return scratch;
    }
    return NULL;
}

static void fill_in(const struct trouble *trouble, const char *text,
                    char out[HEALTH_TEXT_SIZE])
{
    size_t used = 0;
    while (*text != '\0' && used < HEALTH_TEXT_SIZE - 1) {
        char scratch[HEALTH_TEXT_SIZE];
        size_t taken = 1;
        const char *value = placeholder(trouble, text, scratch, &taken);
        size_t size = value != NULL ? strlen(value) : 1;
        if (size > HEALTH_TEXT_SIZE - 1 - used)
            break;
        memcpy(out + used, value != NULL ? value : text, size);
        used += size;
        text += taken;
    }
    out[used] = '\0';
}

void trouble_say(struct trouble *trouble)
{
    char age[24];
    fill_in(trouble, gettext(trouble->words->text), trouble->text);
    fill_in(trouble, gettext(trouble->words->next), trouble->next);
    /* What began this second is told by its being new. */
    if (strstr(trouble->words->text, "AGE") != NULL || trouble->age_ms < 1000)
        return;
    size_t used = strlen(trouble->text);
    health_age_format(trouble->age_ms, age);
    (void)snprintf(trouble->text + used, sizeof trouble->text - used, _(" (for %s)"),
                   age);
}

/* ---- the verdict in words ---- */

const char *verdict_kind_name(enum verdict_kind kind)
{
    static const char *const names[] = {
#define VERDICT_NAME(name, text) text,
        VERDICT_TABLE(VERDICT_NAME)
#undef VERDICT_NAME
    };
    return names[kind];
}

#define COUNTED(number) ((unsigned long long)verdict->number)

/* Whom it has not met since the start, this node knows nothing of: what waits for them is
 * not counted, and the sentence says so. */
static void say_waiting(const struct verdict *verdict, char text[HEALTH_TEXT_SIZE])
{
    bool least = verdict->unmet > 0, unknown = least && verdict->waiting == 0;
    if (verdict->kind == VERDICT_LATE && unknown)
        (void)snprintf(text, HEALTH_TEXT_SIZE, "%s",
                       _(". How many records wait here is unknown; all are saved on this "
                         "disk."));
    else if (verdict->kind == VERDICT_LATE)
        (void)snprintf(text, HEALTH_TEXT_SIZE,
                       least ? _(". At least %llu records wait here; all are saved on "
                                 "this disk.")
                             : _(". %llu records wait here; all are saved on this disk."),
                       COUNTED(waiting));
    else if (unknown)
        (void)snprintf(text, HEALTH_TEXT_SIZE,
                       _(". %llu entries saved on this disk, an unknown number still to "
                         "be sent."),
                       COUNTED(entries));
    else
        (void)snprintf(text, HEALTH_TEXT_SIZE,
                       least ? _(". %llu entries saved on this disk, at least %llu still "
                                 "to be sent.")
                             : _(". %llu entries saved on this disk, %llu still to be "
                                 "sent."),
                       COUNTED(entries), COUNTED(waiting));
}

void verdict_say(const struct verdict *verdict, const char *about,
                 char text[VERDICT_SIZE])
{
    static const char *const levels[] = {
        [HEALTH_OK] = N_("OK"),
        [HEALTH_LEVEL_ALONE] = N_("ALONE"),
        [HEALTH_LEVEL_LATE] = N_("LATE"),
        [HEALTH_LEVEL_LOOK] = N_("LOOK"),
        [HEALTH_LEVEL_TROUBLE] = N_("TROUBLE"),
    };
    const char *level = gettext(levels[verdict->level]);
    char peers[HEALTH_TEXT_SIZE] = "", unmet[64] = "", waiting[HEALTH_TEXT_SIZE], age[24];
    bool heard = verdict->heard_age_ms != UINT64_MAX;
    health_age_format(heard ? verdict->heard_age_ms : 0, age);
    switch (verdict->kind) {
    case VERDICT_TROUBLE:
        (void)snprintf(peers, sizeof peers, _("%.*s."), HEALTH_TEXT_SIZE - 8, about);
        (void)snprintf(text, VERDICT_SIZE, "%s %s", level, peers);
        return;
    case VERDICT_ALONE:
        (void)snprintf(peers, sizeof peers,
                       _("%llu entries saved on this disk and nowhere else; no peer is "
                         "known yet."),
                       COUNTED(entries));
        (void)snprintf(text, VERDICT_SIZE, "%s %s", level, peers);
        return;
    case VERDICT_LATE:
        (void)snprintf(peers, sizeof peers, _("%llu of %llu peers late"), COUNTED(late),
                       COUNTED(peers));
        break;
    case VERDICT_NONE_REACHED:
        (void)snprintf(peers, sizeof peers, _("none of %llu configured peers connected"),
                       COUNTED(dialled));
        break;
    case VERDICT_NONE_LINKED:
        if (heard)
            (void)snprintf(
                peers, sizeof peers,
                _("none of %llu peers connected (heard last %s ago), %llu paused"),
                COUNTED(peers), age, COUNTED(paused));
        else
            (void)snprintf(peers, sizeof peers,
                           _("none of %llu peers connected (nobody heard since the "
                             "start), %llu paused"),
                           COUNTED(peers), COUNTED(paused));
        break;
    case VERDICT_ALL_PAUSED:
        (void)snprintf(peers, sizeof peers,
                       ngettext("%llu peer, and it is paused",
                                "all %llu peers are paused", verdict->peers),
                       COUNTED(peers));
        break;
    case VERDICT_LINKED:
        (void)snprintf(peers, sizeof peers,
                       _("%llu of %llu peers connected, %llu paused"), COUNTED(linked),
                       COUNTED(peers), COUNTED(paused));
        break;
    }
    if (verdict->unmet > 0)
        (void)snprintf(unmet, sizeof unmet, _(", %llu not met since the start"),
                       COUNTED(unmet));
    say_waiting(verdict, waiting);
    (void)snprintf(text, VERDICT_SIZE, "%s %.*s%s%.*s", level, 120, peers, unmet, 160,
                   waiting);
}
