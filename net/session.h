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
#include "net/timers.h"

enum session_state { SESSION_DOWN, SESSION_GREETING, SESSION_OPEN };

enum session_event { SESSION_LINK_UP, SESSION_LINK_DOWN, SESSION_HELLO };

/* The next state, purely. */
enum session_state session_next(enum session_state state, enum session_event event);

/* Runs read back to find what was lost; beyond, everything unconfirmed counts as lost. */
#define REWIND_RUNS_MAX 1000

/* More than a township's urgent and ledger entries of a month. */
#define LANE_LEAD_BYTES (256 * 1024)

/* Bytes of runs under way to one neighbour: begins small, doubles while acknowledged
 * within WINDOW_FAST_MS, halves when slower than WINDOW_SLOW_MS. At most what the
 * transport queues. */
#define WINDOW_MIN (8 * 1024)
#define WINDOW_START (32 * 1024)
#define WINDOW_MAX (768 * 1024)

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

/* A log that the neighbour asked for, being sent. Authors are served in turn by bytes, so that
 * one who writes without end does not hold up the entries of all others. */
struct transfer {
    struct log_name log;
    uint64_t next, to;
    uint64_t served; /* bytes sent of its author's logs, as far as they are compared */
};

/* What the neighbour has of one log. People are told what it confirmed; what was sent in the
 * meantime is not sent twice. */
struct held_log {
    uint64_t seq;     /* by its own word: an acknowledgement, a list, equal digests */
    uint64_t offered; /* sent and not taken back; at least `seq` */
};

/* What we tell it. noted <= told <= covered <= the arrival of our newest run. */
struct telling {
    uint64_t noted;   /* the neighbour noted ours up to here                            */
    uint64_t told;    /* `to` of the newest announcement sent                           */
    uint64_t covered; /* nothing that the neighbour needs lies in (told, covered]       */
    uint64_t
        backlog; /* up to here it is announced as heads, what comes later is pushed */
    bool list_hashes; /* it asked for a full list with hashes                           */
    uint64_t told_at_ms;
    struct held_log *held; /* by index of our heads */
    size_t held_count;
    bool rewind_due;    /* what was offered and not noted may be lost */
    bool held_moved;    /* it confirmed something since it was last looked at */
    uint64_t confirmed; /* at this arrival number it held all that it carries; 0: never */
    uint64_t unsent_since_ms; /* 0: nothing waits */
};

/* What it tells us. */
struct hearing {
    uint64_t incarnation; /* of its store, 0: unknown */
    uint64_t heard;       /* its announcements are noted here up to this */
    uint64_t last;        /* its newest announcement, by its hello       */
    bool owes_noted;      /* a NOTED is due, naming these logs */
    struct log_name *owed;
    size_t owed_count, owed_capacity;
};

/* Runs that go to it. acknowledged <= sent. */
struct sending {
    struct transfer *queue;
    size_t queue_count, queue_capacity;
    uint64_t sent, acknowledged; /* bytes of RUN messages on this link */
    uint64_t window;
    uint64_t mark, mark_at_ms; /* when `sent` stood at `mark`: measures the round trip */
};

/* Runs that come from it. */
struct receiving {
    uint64_t received; /* bytes of RUN messages since the last NOTED */
    uint64_t progress_at_ms;
};

/* Hellos and what comparing digests showed. */
struct greeting {
    bool equal;           /* by the last digests compared */
    unsigned differences; /* digests that differed in turn while nothing moved */
    bool hello_due, hello_answers;
    bool relist;          /* ask for a full list with the next hello */
    uint64_t hello_at_ms; /* next one by timer */
    uint64_t compare_ms, verify_ms, greeting_ms;
    uint64_t relist_ms, relist_at_ms; /* not again before */
    uint64_t went_back_at_ms;         /* when it was last told again; 0: never */
    uint64_t
        clock_offset_ms; /* wall clock minus steady clock, as our last hello had them */
};

/* It may hold another history of a log than the one held here (net/branch.c). It is asked for runs, further
 * and further back, until one continues what both hold. Each neighbour is asked by itself, so
 * that the false word of one keeps nobody from the true word of another. */
struct inquiry {
    bool open;
    struct log_name log;
    uint64_t from; /* the entry asked for */
    uint64_t step; /* how much further back the next question goes */
    uint64_t asked_at_ms;
    uint64_t suspected_since_ms; /* until proof, or until both hold the same; 0: no */
};

/* Another store of this neighbour's key, waiting for its turn. */
struct other_store {
    uint64_t connection;
    uint64_t incarnation;
    uint64_t heard; /* its announcements are noted here up to this */
    bool left;      /* it was served before another spoke */
};

/* The stores under this neighbour's key that speak at the same time (net/clones.c). */
#define STORES_WAITING_MAX 3 /* two machines are what happens; a transport lets in four */
struct turns {
    uint64_t
        connection; /* over which the store that is served speaks; 0: not known yet */
    uint64_t began_ms;
    bool returning; /* it was served before, and left for another        */
    bool greeted;   /* its turn came by the clock: it is to answer first */
    struct other_store queue[STORES_WAITING_MAX];
    size_t count;
    uint64_t both_since_ms; /* two were heard in turns, first and last; 0: never */
    uint64_t both_at_ms;
    uint64_t told_since_ms; /* it says the same of this node's key; 0: it does not */
};

struct session {
    uint32_t peer;
    enum session_state state;
    bool link; /* the carrier's link is up; while paused nothing is made of it */
    bool paused;

    struct telling telling;
    struct hearing hearing;
    struct sending sending;
    struct receiving receiving;
    struct greeting greeting;
    struct inquiry inquiry;
    struct turns turns;

    /* For people, and against the hostile. */
    uint64_t saved[4]; /* incarnation, heard, noted, confirmed as STORE_PEERS has them */
    uint64_t heard_at_ms;          /* steady; 0: never since the start */
    uint64_t clock_s, clock_at_ms; /* its wall clock by its last hello, steady; 0: none */
    uint64_t strayed_since_ms; /* it says that entries of its own are set aside; 0: no */
    uint64_t bytes_in, bytes_out;
    uint64_t refused[REFUSALS];
    unsigned offences;
    uint64_t penalty_ms;
};

struct session *session_create(uint32_t peer);
void session_destroy(struct session *session);

/* Applies an event: computes the next state and acts on entering it. */
void session_enter(struct session *session, enum session_event event, uint64_t now_ms);

/* The counters of what is told are advanced by these alone; each CHECKs the order above.
 * `newest` is the arrival of our newest run. */
/* Nothing that the neighbour needs lies between what is covered and `arrival`. */
void session_cover(struct session *session, uint64_t arrival, uint64_t newest);
/* Everything up to `arrival` has been said to it, in an announcement or a pushed run. */
void session_tell(struct session *session, uint64_t arrival, uint64_t newest,
                  uint64_t now_ms);
/* It noted what we said up to `noted`. What was never said to it cannot have been noted:
 * then nothing changes. */
void session_take_noted(struct session *session, uint64_t noted);
/* Everything after `noted` is to be said again. */
void session_tell_from(struct session *session, uint64_t noted, uint64_t newest);
/* It said hello: what we hold now is announced as heads, what comes later is pushed. With
 * `list` it is told every head with its hash, and nothing is known of what it holds. */
void session_told_backlog(struct session *session, bool list, uint64_t newest);
void session_listed(struct session *session); /* the full list was sent */
/* What it was offered and did not note may be lost; it is looked at before more is sent. */
void session_rewind_soon(struct session *session);
void session_rewound(struct session *session);
/* It held all that it carries of our runs up to the newest. */
void session_confirm(struct session *session, uint64_t newest);
/* It did not: something waits for it, since now unless something did already. */
void session_wait(struct session *session, uint64_t now_ms);
void session_looked_at(struct session *session); /* nothing it confirmed is unseen */

/* Its store is `incarnation`, its newest announcement `last`, by its hello. */
void session_hear_store(struct session *session, uint64_t incarnation, uint64_t last);
/* The conversation goes on with another of its stores, whose announcements are noted up to
 * `heard`; what that one holds is not known. */
void session_serve(struct session *session, uint64_t incarnation, uint64_t heard);
/* Its announcements from..to are noted here, if those up to `from` are. */
void session_hear(struct session *session, uint64_t from, uint64_t to);
/* It is to announce everything again. */
void session_forget_heard(struct session *session);
void session_owe_noted(struct session *session); /* a NOTED is due */
/* A NOTED that says all this was sent. */
void session_noted_sent(struct session *session);

/* A run came, of so many bytes with its frame. */
void session_count_received(struct session *session, size_t bytes, uint64_t now_ms);
/* It was asked for runs: until the first of them the time counts from now. */
void session_asked(struct session *session, uint64_t now_ms);
/* Something new came from it: digests that differed before say nothing now. */
void session_moved(struct session *session);

/* A hello goes with the next batch. One that answers asks for none in turn. */
void session_owe_hello(struct session *session, bool answers);
void session_hello_sent(struct session *session);
/* The digests were compared. Equal: it holds what we hold, and we what it announced. */
void session_compared_equal(struct session *session, uint64_t newest);
/* Different, while nothing was under way (`quiet`) or while something was. Returns whether
 * the whole list is to be asked for. */
bool session_compared_different(struct session *session, bool quiet, uint64_t now_ms);
void session_ask_list(struct session *session); /* with a hello of its own */
/* The digest is to be compared soon, because what was told may be fetched from others. */
void session_compare_soon(struct session *session, uint64_t now_ms);

/* From its row in STORE_PEERS; counters beyond `newest` are damage, and count as none. */
void session_restore(struct session *session, const uint64_t saved[4], uint64_t newest);
void session_saved(const struct session *session, uint64_t saved[4]);

/* An offence. Returns for how long it is to be cut off, 0: not yet. */
uint64_t session_offend(struct session *session, enum refusal refusal);

/* What the neighbour has of the head with this index, by its word or by ours. */
uint64_t session_held(const struct session *session, size_t head_index);
uint64_t session_offered(const struct session *session, size_t head_index);
void session_hold(struct session *session, size_t head_index, uint64_t seq);
void session_offer(struct session *session, size_t head_index, uint64_t seq);
/* It lacks what comes after `seq`, whatever it was taken to hold. */
void session_lack(struct session *session, size_t head_index, uint64_t seq);
/* What was offered above `seq` may be lost. */
void session_withdraw(struct session *session, size_t head_index, uint64_t seq);
/* Its store is another, or it asked for everything: nothing is known of it. */
void session_forget_held(struct session *session);

/* A run of `log` came: its NOTED is to say how far the log is held now. */
void session_owe(struct session *session, struct log_name log);

/* Bytes that may still be sent now. */
uint64_t session_room(const struct session *session);
void session_count_sent(struct session *session, size_t bytes, uint64_t now_ms);
/* `bytes` more have arrived there: a difference, so that a neighbour that restarted without
 * our link having gone needs no counter of ours. */
void session_count_acknowledged(struct session *session, uint64_t bytes, uint64_t now_ms);
void session_count_lost(struct session *session); /* all that is under way */
/* It has nothing under way with us, or has forgotten it. */
void session_forget_under_way(struct session *session);

/* Queues a range to send, replacing what was queued of that log: at most one per head. */
void session_queue(struct session *session, struct log_name log, uint64_t from,
                   uint64_t to);
/* The same of what was not asked for; what is queued of the log goes on from where it is. */
void session_queue_more(struct session *session, struct log_name log, uint64_t from,
                        uint64_t to);
/* What is to be sent next: the log whose author was served least, where each lane counts as
 * if LANE_LEAD_BYTES less than the next higher one had been sent. So an alarm overtakes a
 * backlog of records, and alarms without end leave records their share. NULL: nothing is
 * queued. */
struct transfer *session_queue_next(struct session *session);
/* So many bytes of an author's logs were sent. Who has nothing queued gains nothing by it: a
 * new author begins level with who was served least. */
void session_queue_served(struct session *session, uint32_t author, uint64_t bytes);
void session_queue_remove(struct session *session, struct transfer *transfer);

#endif
