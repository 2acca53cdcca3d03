/* health.h - one record of what is wrong, which everything else reads: `linli status`,
 * `linli explain`, the journal, the service manager's STATUS.
 *
 * Each trouble has a stable code (shown as LL-Wnnnn), a severity, what it says, and the
 * next command to type. It also has a time it must last before it is shown, so that blips
 * stay hidden, and it hides the troubles that only follow from it. Computing it is pure:
 * facts and time in, troubles out; nothing here reads a clock or the network. */
#ifndef LINLI_DAEMON_HEALTH_H
#define LINLI_DAEMON_HEALTH_H

#include "daemon/api/troubles.h"
#include "net/transport.h"

/* ---- the facts ---- */

struct health_peer {
    const char *name;
    uint64_t heard_wall_ms; /* 0: never since the start */
    bool to_send_known;     /* false before the engine has met it */
    uint64_t to_send_entries;
    uint64_t oldest_unsent_wall_ms; /* 0: none */
    uint64_t refused_frames;
    const char *address; /* that is dialled, "tcp://HOST:PORT"; NULL: it dials us */
    enum dial_trouble dial_trouble;
    uint32_t number; /* 0: configured, but not in the roster */
    bool linked;
    bool paused;
};

struct health_facts {
    uint64_t wall_ms, steady_ms;
    uint64_t started_wall_ms;
    uint64_t founded_wall_ms; /* of the county */
    const struct health_peer *peers;
    size_t peer_count;
    uint64_t entries; /* held here */
    const char *diverged_node; /* whose log is first of those; "" where there is none */
    uint64_t diverged_logs, refused_entries, wanted_logs;
    uint64_t strayed_entries;
    uint64_t runs_to_fold;
    uint64_t handshakes_refused; /* of connections that came in, since the start */
    uint64_t disk_free_bytes;
    enum status store_trouble; /* OK, or why the last transaction failed */
    bool revoked;
};

/* ---- the troubles ---- */

#define HEALTH_NAME_SIZE 72
#define HEALTH_TEXT_SIZE 320
#define HEALTH_TROUBLES_MAX 64 /* the gravest are kept; nobody reads more at once */

struct trouble {
    const struct health_words *words;
    char subject[HEALTH_NAME_SIZE]; /* a peer's name, or empty */
    char text[HEALTH_TEXT_SIZE];    /* the table's text, filled in */
    char next[HEALTH_TEXT_SIZE];
    bool fresh; /* was not among the troubles of the update before: to be logged */
};

struct health; /* remembers since when things have been so */

struct health *health_create(void);
void health_destroy(struct health *health);

/* Takes the facts in; afterwards the functions below tell what they amount to. */
void health_update(struct health *health, const struct health_facts *facts);

size_t health_count(const struct health *health);
const struct trouble *health_at(const struct health *health,
                                size_t index); /* gravest first */

/* The line of daemon/run/verdict.h, `verdict` of the status reply. Lives until the next update. */
const char *health_verdict(const struct health *health);

/* Steady time at which a trouble will be old enough to show though nothing else happens;
 * UINT64_MAX: never. */
uint64_t health_due_ms(const struct health *health);

#endif
