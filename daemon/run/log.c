/* sd_journal_send asks for the caller's place unless told not to. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include "daemon/api/i18n.h"
#include "daemon/run/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <systemd/sd-journal.h>

enum {
    LINE_SIZE = 1024,
    ABOUT_SIZE = 512,
    CODE_SIZE = 16,
    LIMIT_MS = 60000,
};

static enum log_level level_max = LOG_LEVEL_INFO;
static bool to_journal;

static const struct {
    const char *name;
    const char *shown;
    int priority; /* of syslog(3) */
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", "error: ", 3},
    [LOG_LEVEL_WARNING] = {"warning", "warning: ", 4},
    [LOG_LEVEL_INFO] = {"info", "", 6},
    [LOG_LEVEL_DEBUG] = {"debug", "", 7},
};

/* systemd.exec(5): JOURNAL_STREAM holds device and inode of the journal's end of stderr,
 * so a redirection by hand does not get prefixes. */
static bool stderr_is_journal(void)
{
    struct stat found;
    unsigned long long device, inode;
    const char *stream = getenv("JOURNAL_STREAM");
    if (stream == NULL || sscanf(stream, "%llu:%llu", &device, &inode) != 2)
        return false;
    return fstat(STDERR_FILENO, &found) == 0 && found.st_dev == device &&
           found.st_ino == inode;
}

void log_open(enum log_level level)
{
    level_max = level;
    to_journal = stderr_is_journal();
}

/* One write per line: lines of several processes do not mix. */
static void line_out(enum log_level level, const char *line)
{
    if (to_journal)
        (void)fprintf(stderr, "<%d>%s\n", levels[level].priority, line);
    else
        (void)fprintf(stderr, "linlid: %s%s\n", levels[level].shown, line);
}

void log_write(enum log_level level, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list arguments;
    if (level > level_max)
        return;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    line_out(level, line);
}

void log_coded(enum log_level level, char kind, unsigned number, const char *text,
               const char *next)
{
    char code[CODE_SIZE], line[LINE_SIZE];
    if (level > level_max)
        return;
    (void)snprintf(code, sizeof code, "LL-%c%04u", kind, number);
    (void)snprintf(line, sizeof line, "%s: %s%s%s", code, text,
                   next[0] != '\0' ? ". Next: " : "", next);
    if (to_journal && sd_journal_send("MESSAGE=%s", line, "PRIORITY=%d",
                                      levels[level].priority, "LINLI_CODE=%s", code,
                                      "MESSAGE_ID=" LOG_MESSAGE_ID_PREFIX "%c%04u",
                                      kind == 'E' ? 'e' : 'a', number,
                                      "SYSLOG_IDENTIFIER=linlid", NULL) == 0)
        return;
    line_out(level, line);
}

void log_status(enum status status, const char *about)
{
    const struct status_words *words = status_words(status);
    if (to_journal) {
        char line[LINE_SIZE];
        (void)snprintf(line, sizeof line, "%s%s%s", words->text,
                       about != NULL ? ": " : "", about != NULL ? about : "");
        log_coded(LOG_LEVEL_ERROR, 'E', (unsigned)status, line, words->next);
        return;
    }
    (void)fprintf(stderr, _("Error LL-E%04u: "), (unsigned)status);
    (void)fprintf(stderr, about != NULL ? _("%s: %s.\n") : _("%s.\n"),
                  gettext(words->text), about);
    if (words->next[0] != '\0')
        (void)fprintf(stderr, _("      Next: %s\n"), gettext(words->next));
}

bool log_failure(enum status status, const char *path, const char *why)
{
    char about[ABOUT_SIZE];
    (void)snprintf(about, sizeof about, "%s%s%s", path, why != NULL ? ": " : "",
                   why != NULL ? why : "");
    log_status(status, about);
    return false;
}

bool log_limit_due(struct log_limit *limit, uint64_t steady_ms, uint64_t count,
                   uint64_t *total)
{
    limit->count += count;
    if (limit->count == 0)
        return false;
    if (limit->started && steady_ms - limit->last_ms < LIMIT_MS)
        return false;
    limit->started = true;
    limit->last_ms = steady_ms;
    *total = limit->count;
    limit->count = 0;
    return true;
}
