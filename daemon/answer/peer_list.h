/* peer_list.h - the neighbours as people see them: whom the configuration names and whom
 * the engine has met, each once. */
#ifndef LINLI_DAEMON_PEER_LIST_H
#define LINLI_DAEMON_PEER_LIST_H

#include "daemon/config/config.h"
#include "net/engine.h"
#include "net/transport.h"

struct peer_line {
    const struct member *member; /* NULL: configured, but not in the roster */
    const char *name;
    const char *address; /* NULL: it dials us */
    bool met;            /* by the engine; otherwise nothing is known of what it has */
    struct peer_report report; /* zero and offline unless it was met */
};

/* In the arena, members by number, then unknown ones as configured. Pointers die with the
 * next step of the engine. */
struct peer_line *peer_list(const struct engine *engine, const struct config *config,
                            struct arena *arena, size_t *count);

const char *peer_state_name(enum peer_state state);
/* A few words for a table and the journal; NULL: no trouble. */
const char *dial_trouble_words(enum dial_trouble trouble);
/* Without those of another history of a log, of which the troubles tell. */
uint64_t peer_refused_frames(const struct peer_report *report);

#endif
