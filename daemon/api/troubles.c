#include "daemon/api/troubles.h"

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
