/* session.h - one neighbour: what it was told, what it told us, what is under way.
 *
 *              link up                 hello
 *    DOWN ---------------> GREETING ---------------> OPEN
 *      ^  <------------------- | <--------------------- |
 *              link down or paused, from any state
 *
 * A session is memory only, but for its row in STORE_PEERS: the neighbour's incarnation, up
 * to where its announcements are noted here and ours there, and when it last confirmed to
 * hold everything. Losing them costs an announcement said again, never a record: a digest
 * has the last word. */
#ifndef LINLI_NET_SESSION_H
#define LINLI_NET_SESSION_H

#include "net/engine.h"
#include "net/message.h"

enum session_state { SESSION_DOWN, SESSION_GREETING, SESSION_OPEN };

enum session_event { SESSION_LINK_UP, SESSION_LINK_DOWN, SESSION_HELLO };

/* The next state, purely. */
enum session_state session_next(enum session_state state, enum session_event event);

/* A hello goes unanswered for this long before it is said again, doubling up to the
 * maximum. Longer than a satellite's round trip on top of a connection's start. */
#define GREETING_MS 10000
#define GREETING_MS_MAX 60000

/* Anti-entropy: a hello with a digest on a quiet link, doubling while nothing differs. */
#define COMPARE_MS_MIN 60000
#define COMPARE_MS_MAX 3600000
/* After catching up the digest is compared soon, then less often while it still differs.
 */
#define VERIFY_MS_MIN 1000

/* So many digests in turn may differ while nothing moves: then a remembered number lied, and
 * the whole list is asked for. One may, because what is new is told after it. */
#define DIFFERENCES_MAX 2

/* A neighbour is told again what it had noted at most this often, whatever it says: 47 bytes
 * ask for up to 20 KB. */
#define LISTING_MS_MIN 10000

/* Runs read back to find what was lost; beyond, everything unconfirmed counts as lost. */
#define REWIND_RUNS_MAX 1000

/* Without a run for this long, what was asked for is asked again: a run of 4 KiB takes 27
 * s at 1,200 bit/s. The same for announcements that are not noted. */
#define RETRY_MS 30000

/* Bytes of runs under way to one neighbour: begins small, doubles while acknowledged
 * within WINDOW_FAST_MS, halves when slower than WINDOW_SLOW_MS. At most what the
 * transport queues. */
#define WINDOW_MIN (8 * 1024)
#define WINDOW_START (32 * 1024)
#define WINDOW_MAX (768 * 1024)
#define WINDOW_FAST_MS 1500
#define WINDOW_SLOW_MS 6000

/* Offences (what only a faulty or hostile peer sends) before it is cut off, and for how
 * long, doubling. */
#define OFFENCES_MAX 3
#define PENALTY_MS_MIN 30000
#define PENALTY_MS_MAX 3600000

/* Kinds of what was not taken from a peer, for counting. */
enum refusal {
    REFUSED_MALFORMED,
    REFUSED_SIGNATURE,
    REFUSED_UNKNOWN_AUTHOR,
    REFUSED_DIVERGED,
    REFUSED_BEYOND_CUT,
    REFUSED_GAP,
    REFUSED_NOT_CARRIED,
    REFUSED_VERSION,
    REFUSALS,
};

/* A log that the neighbour asked for, being sent. */
struct transfer {
    struct log_name log;
    uint64_t next, to;
};

/* What the neighbour has of one log. People are told what it confirmed; what was sent in the
 * meantime is not sent twice. */
struct held_log {
    uint64_t seq;     /* by its own word: an acknowledgement, a list, equal digests */
    uint64_t offered; /* sent and not taken back; at least `seq` */
};

struct session {
    uint32_t peer;
    enum session_state state;
    bool link; /* the carrier's link is up; while paused nothing is made of it */
    bool paused;

    /* What we tell. noted <= told <= covered <= our last arrival. */
    uint64_t noted;   /* the neighbour noted ours up to here                            */
    uint64_t told;    /* `to` of the newest announcement sent                           */
    uint64_t covered; /* nothing that the neighbour needs lies in (told, covered]       */
    uint64_t
        backlog; /* up to here it is announced as heads, what comes later is pushed  */
    bool list_hashes; /* it asked for a full list with hashes                           */
    uint64_t told_at_ms;
    struct held_log *held; /* by index of our heads */
    size_t held_count;
    bool rewind_due;    /* what was offered and not noted may be lost */
    bool held_moved;    /* it confirmed something since it was last looked at */
    uint64_t confirmed; /* at this arrival number it held all that it carries; 0: never */
    uint64_t unsent_since_wall_ms; /* 0: nothing waits */

    /* What we are told. */
    uint64_t incarnation; /* of its store, 0: unknown */
    uint64_t heard;       /* its announcements are noted here up to this */
    uint64_t last;        /* its newest announcement, by its hello       */
    bool owes_noted;      /* a NOTED is due, naming these logs */
    struct log_name *owed;
    size_t owed_count, owed_capacity;

    /* Sending runs. */
    struct transfer *queue;
    size_t queue_count, queue_capacity;
    uint64_t sent, acknowledged; /* bytes of RUN messages on this link */
    uint64_t window;
    uint64_t mark, mark_at_ms; /* when `sent` stood at `mark`: measures the round trip */

    /* Receiving runs. */
    uint64_t received; /* bytes of RUN messages since the last NOTED */
    uint64_t progress_at_ms;

    /* Greeting and comparing. */
    bool equal;           /* by the last digests compared */
    unsigned differences; /* digests that differed in turn while nothing moved */
    bool hello_due, hello_answers;
    bool relist;          /* ask for a full list with the next hello */
    uint64_t hello_at_ms; /* next one by timer */
    uint64_t compare_ms, verify_ms, greeting_ms;
    uint64_t relist_ms, relist_at_ms; /* not again before */
    uint64_t went_back_at_ms;         /* when it was last told again; 0: never */

    /* For people, and against the hostile. */
    uint64_t saved[4]; /* incarnation, heard, noted, confirmed as STORE_PEERS has them */
    uint64_t heard_wall_ms;
    uint64_t bytes_in, bytes_out;
    uint64_t refused[REFUSALS];
    unsigned offences;
    uint64_t penalty_ms;
};

struct engine;

struct session *session_create(uint32_t peer);
void session_destroy(struct session *session);

/* Applies an event: computes the next state and acts on entering it. */
void session_enter(struct session *session, enum session_event event, uint64_t now_ms);

/* What the neighbour has of the head with this index, by its word or by ours. */
uint64_t session_held(const struct session *session, size_t head_index);
uint64_t session_offered(const struct session *session, size_t head_index);
void session_hold(struct session *session, size_t head_index, uint64_t seq);
void session_offer(struct session *session, size_t head_index, uint64_t seq);
/* What was offered above `seq` may be lost. */
void session_withdraw(struct session *session, size_t head_index, uint64_t seq);
/* Its store is another, or it asked for everything: nothing is known of it. */
void session_forget_held(struct session *session);

/* A run of `log` came: its NOTED is to say how far the log is held now. */
void session_owe(struct session *session, struct log_name log);

/* Whether it may be told again what it had noted before; counts as done if so. */
bool session_may_go_back(struct session *session, uint64_t now_ms);

/* Bytes that may still be sent now. */
uint64_t session_room(const struct session *session);
void session_count_sent(struct session *session, size_t bytes, uint64_t now_ms);
/* `bytes` more have arrived there: a difference, so that a neighbour that restarted without
 * our link having gone needs no counter of ours. */
void session_count_acknowledged(struct session *session, uint64_t bytes, uint64_t now_ms);
void session_count_lost(struct session *session); /* all that is under way */

/* Queues a range to send, replacing what was queued of that log: at most one per head. */
void session_queue(struct session *session, struct log_name log, uint64_t from,
                   uint64_t to);
struct transfer *
session_queue_first(struct session *session); /* lowest lane; NULL: none */
void session_queue_remove(struct session *session, struct transfer *transfer);

#endif
