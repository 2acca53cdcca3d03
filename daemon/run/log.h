/* log.h - what the daemon tells its operator: one line to stderr, prefixed for the
 * journal where stderr is the journal, and troubles with fields that can be searched for.
 *
 * Never a person's data and never a key: log lines are read by more people than records.
 */
#ifndef LINLI_DAEMON_LOG_H
#define LINLI_DAEMON_LOG_H

#include "daemon/config/config.h"

/* Until then: level info. Finds out whether stderr is the journal. */
void log_open(enum log_level level);

__attribute__((format(printf, 2, 3))) void log_write(enum log_level level,
                                                     const char *format, ...);

/* A trouble with its code: "LL-W1204: text. Next: …". In the journal it carries
 * LINLI_CODE and a MESSAGE_ID of its own, for `journalctl LINLI_CODE=LL-W1204` and
 * catalog entries. */
void log_coded(enum log_level level, char kind, unsigned number, const char *text,
               const char *next);

/* "Error LL-Ennnn: text", where it happened, and what to do, as a person at a terminal
 * reads it; for trouble that ends the start. `about` may be NULL. */
void log_status(enum status status, const char *about);

/* The same about a path, or whatever else was to be used, and why it could not be (may be
 * NULL). Always false, for the caller to give up with. */
bool log_failure(enum status status, const char *path, const char *why);

/* MESSAGE_ID is these 27 digits, then e for an LL-E and a for an LL-W, then the number's
 * four. */
#define LOG_MESSAGE_ID_PREFIX "7c1f0d5ae2b94c0b8d3e6a9517f"

/* Counts what must not fill a disk: says yes at most once a minute and gives how many
 * came since the last yes. */
struct log_limit {
    uint64_t last_ms;
    uint64_t count;
    bool started;
};
MUST_USE bool log_limit_due(struct log_limit *limit, uint64_t steady_ms, uint64_t count,
                            uint64_t *total);

#endif
