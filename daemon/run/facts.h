/* facts.h - what health judges: the state of this node as plain numbers, gathered from the
 * engine, the store, the transport and the configuration. */
#ifndef LINLI_DAEMON_FACTS_H
#define LINLI_DAEMON_FACTS_H

#include "daemon/config/config.h"
#include "daemon/run/node.h"
#include "net/transport.h"

struct health_peer {
    const char *name;
    uint64_t heard_at_ms; /* steady, as all that ends so; 0: never since the start */
    bool to_send_known;   /* false before the engine has met it */
    uint64_t to_send_entries;
    uint64_t oldest_unsent_at_ms;  /* 0: none */
    uint64_t clock_s, clock_at_ms; /* its wall clock at that time; 0: not known */
    uint64_t refused_frames;
    /* Steady; two machines under its key, and by its word under ours; 0: not so. */
    uint64_t cloned_since_ms, told_cloned_since_ms;
    /* Steady; it seems to hold another history of this node's records, and it says that
     * entries of its own are set aside; 0: not so. */
    uint64_t suspected_since_ms, strayed_since_ms;
    const char *address; /* that is dialled, "tcp://HOST:PORT"; NULL: it dials us */
    enum dial_trouble dial_trouble;
    uint32_t number; /* 0: configured, but not in the roster */
    bool linked;
    bool paused;
};

struct health_facts {
    uint64_t wall_ms, steady_ms;
    uint64_t started_ms;      /* steady */
    uint64_t founded_wall_ms; /* of the county */
    const struct health_peer *peers;
    size_t peer_count;
    uint64_t entries;          /* of people, held here */
    const char *diverged_node; /* whose log is first of those; "" where there is none */
    uint64_t diverged_logs, refused_entries, wanted_logs;
    uint64_t strayed_entries;
    uint64_t strayed_wall_ms, strayed_at_ms; /* since when; 0: not known */
    uint64_t came_back_entries,
        came_back_at_ms; /* the last, steady; 0: not since start */
    uint64_t runs_to_fold;
    uint64_t handshakes_refused; /* of connections that came in, since the start */
    uint64_t disk_free_bytes;
    enum status store_trouble; /* OK, or why the last transaction failed */
    bool rebuilt;              /* a damaged table was made anew, since the start */
    bool log_damaged;          /* an entry could not be read, since the start    */
    bool pages_damaged;        /* as a scrub found; they go at the next start    */
    bool revoked;
    /* Of the red leads that nobody acknowledged: how many for longer than
     * LEAD_ANSWER_MINUTES, since when the oldest, and in what time the next will be. Counted
     * at townships and the county, where the clock is set. */
    uint64_t leads_late, lead_age_ms;
    uint64_t lead_due_ms; /* 0: none */
};

struct facts_sources {
    struct node *node;
    const struct config *config;
    const struct transport *transport; /* NULL in tests */
    uint64_t started_ms;               /* steady */
};

/* As of now; what it points to lies in the arena and the roster. Slow in a large county: at
 * most every few seconds. */
struct health_facts facts_gather(const struct facts_sources *sources, uint64_t wall_ms,
                                 uint64_t steady_ms, struct arena *arena);

#endif
