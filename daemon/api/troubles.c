#include "daemon/api/troubles.h"

#include <inttypes.h>
#include <stdio.h>

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
    if (seconds < 120)
        (void)snprintf(text, 24, "%" PRIu64 " s", seconds);
    else if (seconds < 120 * 60)
        (void)snprintf(text, 24, "%" PRIu64 " min", seconds / 60);
    else if (seconds < 48 * 3600)
        (void)snprintf(text, 24, "%" PRIu64 " h", seconds / 3600);
    else
        (void)snprintf(text, 24, "%" PRIu64 " d", seconds / 86400);
}
