/* engine.h - one node's behaviour as a pure step.
 *
 * Events come in with their time and randomness, the store comes in as a transaction, and
 * what is to happen outside comes out as effects, released only after the transaction is
 * durable. Daemon and simulator are both this step:
 *
 *   begin -> engine_step for each event -> engine_end_batch (sign, file, announce) -> commit
 *         -> release effects
 *
 * If the commit fails, the effects are dropped and engine_load reads the store again:
 * crash recovery and failed commit are one path. An engine whose engine_load failed takes no
 * step until one succeeds. */
#ifndef LINLI_NET_ENGINE_H
#define LINLI_NET_ENGINE_H

#include "crdt/fold.h"
#include "net/roster.h"

/* Who asks, as the kernel says it: the actor of an entry. */
struct account {
    uint32_t uid;
    struct slice name; /* login name; may be empty */
};

/* A change a person asks for. Values are encoded and valid (schema's field_parse); a
 * sealed field's value is its plain text, which the engine seals. For MERGE_SET fields
 * `remove` takes the element out, otherwise it is added. */
struct write_value {
    uint8_t field;
    bool remove;
    struct slice value; /* empty: clears a MERGE_MULTI field */
};

struct write {
    uint64_t token; /* comes back in the reply */
    struct account account;
    enum operation_kind kind;
    uint8_t reg;
    uint64_t realm; /* where the record lies: of the subject, or of a new person's
                       village; must be readable here */
    struct entry_id subject; /* not used where a create's subject is itself */
    struct entry_id target;  /* of a void; of an edit where a chain holds several records;
                                of an amendment: what it replaces */
    bool keep_rest;          /* of an amendment: what is not given stays as it was */
    struct slice reason;     /* of a void */
    bool trial;              /* judged, and not written */
    bool insist;             /* what a person is asked about is meant so */
    bool restores;           /* of a void: what its target had replaced counts again */
    const struct write_value *values;
    size_t count;
};

enum event_kind {
    EVENT_TICK,      /* time has come to engine_wake_ms                       */
    EVENT_LINK_UP,   /* `peer` can be sent to                                 */
    EVENT_LINK_DOWN, /* it cannot any more; frames under way may be lost      */
    EVENT_FRAME,     /* `bytes` came from `peer`                              */
    EVENT_WRITE,     /* `write` is wanted                                     */
    EVENT_PAUSE,     /* no traffic with `peer` until EVENT_RESUME; durable    */
    EVENT_RESUME,
    EVENT_FORGET,  /* nothing is kept of `peer` until it is heard of again  */
    EVENT_JOIN,    /* `bytes` is a grant file: its control log is taken in  */
    EVENT_RECLAIM, /* what was set aside of this node's logs is written once more */
};

struct event {
    enum event_kind kind;
    uint64_t token; /* of PAUSE, RESUME, FORGET, JOIN, RECLAIM: comes back in the reply */
    uint32_t peer;  /* member number */
    uint64_t connection; /* of FRAME: over which it came; 0: they are not told apart */
    struct slice bytes;
    const struct write *write;
    uint64_t wall_ms;   /* Unix time: stamps */
    uint64_t steady_ms; /* monotonic time: timers */
    uint8_t random[RANDOM_SIZE];
};

enum effect_kind {
    EFFECT_SEND,   /* `bytes` to `peer`                                          */
    EFFECT_REPLY,  /* to the asker of `token`: `status`, `id` of what was written,
                      `field` that was refused                                   */
    EFFECT_DROP,   /* cut `peer` off for `pause_ms`: it keeps sending what is not
                      acceptable, or is paused (pause_ms UINT64_MAX)             */
    EFFECT_DIAL,   /* `peer` may be dialled again now                            */
    EFFECT_ROSTER, /* members changed: dial whom the configuration names         */
};

struct effect {
    enum effect_kind kind;
    uint32_t peer;
    uint64_t connection; /* of SEND: the one to use, or to lose it with; 0: any */
    struct slice bytes;  /* lives until effects_clear; of a write: the record that stands
                           in its way, or was here before, "short id name"; may be empty */
    uint64_t token;
    enum status status;
    struct entry_id id;
    bool known;         /* of a write: `id` was here before, nothing was written */
    uint8_t reg, field; /* of a refused write; FIELD_NONE where it is not about a field */
    uint64_t pause_ms;
};

struct effects {
    struct effect *items;
    size_t count, capacity;
    struct arena arena;
};
void effects_init(struct effects *effects);
void effects_deinit(struct effects *effects);
void effects_clear(struct effects *effects);
/* Appends an effect that is zero but for these. Dies with the next effects_add. */
struct effect *effects_add(struct effects *effects, enum effect_kind kind, uint32_t peer);

struct engine;

/* All borrowed for the engine's life. */
struct engine_config {
    const struct node_keys *keys;
    const struct genesis *genesis;
    const struct hash *genesis_hash;
};

struct engine *engine_create(const struct engine_config *config);
void engine_destroy(struct engine *engine);

/* Whether a store was ever founded: a county's genesis is in it. */
MUST_USE bool engine_is_founded(struct store_txn *txn);

/* First start of a store: writes the incarnation (taken from `random`) and takes in the
 * grant's control log. ERR_NOT_MEMBER when the grant does not admit this node. */
MUST_USE enum status engine_found(struct engine *engine, struct store_txn *txn,
                                  struct slice grant_file,
                                  const uint8_t random[RANDOM_SIZE]);

/* "It learns that it was restored from its file's identity": whether the store's file is the
 * one it was when engine_move_in last said so. A copy writes under a new incarnation, taken
 * from `random`, because the original may have written on. Loaded engine. */
MUST_USE bool engine_is_at_home(struct store_txn *txn, struct slice file_identity);
void engine_move_in(struct engine *engine, struct store_txn *txn,
                    struct slice file_identity, const uint8_t random[RANDOM_SIZE]);

/* Reads heads, roster, operators and wants anew; links that were up are greeted again.
 * ERR_STORE_FORMAT, ERR_OTHER_COUNTY, ERR_OTHER_NODE or ERR_STORE_DAMAGED when the store
 * does not fit. */
MUST_USE enum status engine_load(struct engine *engine, struct store_txn *txn);

/* Empties every table that can be made anew; engine_load then folds from the first run on,
 * and neighbours tell again what they have. For a store in which one was damaged. */
void engine_rebuild(struct engine *engine, struct store_txn *txn);

void engine_step(struct engine *engine, struct store_txn *txn, const struct event *event,
                 struct effects *effects);

/* Ends the batch: signs and files the runs it wrote, writes heads and rows, folds a
 * bounded piece of what is not yet folded, and emits what peers are to be sent. */
void engine_end_batch(struct engine *engine, struct store_txn *txn,
                      const struct event *last, struct effects *effects);

/* Whether the steps since the last call wrote anything: if not, there is nothing to
 * commit, and a quiet daemon does not touch its disk. */
MUST_USE bool engine_take_wrote(struct engine *engine);

/* Rows filed by the steps since the last engine_end_batch: a batch ends by them. */
size_t engine_rows_pending(const struct engine *engine);

/* Steady time at which EVENT_TICK is due; UINT64_MAX: not before something happens. */
uint64_t engine_wake_ms(const struct engine *engine);

/* True while something is folded again: what a late key opens, or, after a newer schema
 * level, all. Answers are known to be incomplete, people's writes go on, and the engine wants
 * ticks without delay. `runs_left` is 0 while only what stood before is cleared away. */
bool engine_folding(const struct engine *engine, uint64_t *runs_left);

/* Folded rows that what follows (crdt/follow.h) does not have yet: figures made of them are
 * known to be incomplete, and the engine wants ticks without delay. */
uint64_t engine_follow_left(const struct engine *engine);

/* Which numbering of folded rows this is (crdt/fold.h): a number of another says nothing here.
 * A restored or copied store has another, and one whose rows were all made anew. */
uint64_t engine_row_numbering(const struct engine *engine, struct store_txn *txn);

/* Reading, for answers to people. Pointers die with the next step. */
const struct roster *engine_roster(const struct engine *engine);
const struct heads *engine_heads(const struct engine *engine);
const struct member *engine_self(const struct engine *engine);
struct log_name engine_own_log(const struct engine *engine, enum lane lane);
void engine_heads_digest(const struct engine *engine,
                         struct hash *digest); /* of all held */

enum peer_state {
    PEER_OFFLINE,  /* no link                                        */
    PEER_GREETING, /* link is up, hello not answered yet             */
    PEER_SYNCING,  /* entries are going over                         */
    PEER_ONLINE,   /* equal as far as both sides know                */
    PEER_PAUSED,   /* by an operator                                 */
};
struct peer_report {
    uint32_t number;
    enum peer_state state;
    uint64_t heard_at_ms; /* steady; 0: never since start                        */
    uint64_t clock_s, clock_at_ms; /* its wall clock at that steady time; 0: not known */
    uint64_t to_send_entries; /* held here, and not confirmed to be held there        */
    uint64_t behind_entries;  /* announced by it, not yet held here                   */
    bool behind_known;        /* false before its first hello since start             */
    /* Since when something of to_send waits, as far back as this start, steady; 0: nothing
     * does. */
    uint64_t oldest_unsent_at_ms;
    uint64_t bytes_in, bytes_out; /* of frames */
    /* Since when two machines were heard under its key, and since when it says so of this
     * node's; steady, 0: not so. */
    uint64_t cloned_since_ms, told_cloned_since_ms;
    /* Since when it is taken to hold another history of this node's records, without proof
     * yet, and since when it says that entries of its own are set aside; likewise. */
    uint64_t suspected_since_ms, strayed_since_ms;
    uint64_t refused[8]; /* by enum refusal, see net/session.h */
};
size_t engine_peers(const struct engine *engine, struct peer_report *reports,
                    size_t capacity);

/* Own troubles worth a person's eye; counters only grow since start. */
struct engine_report {
    uint64_t entries, runs, logs;
    uint64_t statements;         /* entries of the authority among them */
    uint64_t unreadable_entries; /* no key here: relayed only; expected at most nodes */
    uint64_t refused_entries; /* accepted in the chain, fold to nothing: see log verify */
    uint64_t diverged_logs;
    uint64_t strayed_entries; /* of this node, set aside: its log went on without them */
    /* When that was found, by the wall clock, and, in this life of the process, steady;
     * 0: not known. */
    uint64_t strayed_wall_ms, strayed_at_ms;
    /* Entries of this node that its store had lost and others sent, and when the last came,
     * steady; 0: not in this life of the process. */
    uint64_t came_back_entries, came_back_at_ms;
    uint64_t wanted_logs; /* announced, not held: author unknown or under way      */
};
void engine_report(const struct engine *engine, struct engine_report *report);
/* The logs of which a neighbour tells another history; false past the last. */
MUST_USE bool engine_diverged_at(const struct engine *engine, size_t index,
                                 struct log_name *log);

/* Walks a stored log and opens entries, for `log show`, `log verify` and reading rows
 * that hold sealed fields. */
struct opened_entry {
    struct log_name log;
    struct entry entry;     /* payload points into the store */
    struct slice plaintext; /* in the arena; empty where unreadable */
    enum status status;     /* OK, ERR_NO_KEY, ERR_UNDECRYPTABLE, ERR_PERMISSION, … */
    bool ends_run;          /* of a run whose chain and signature hold */
};
typedef bool engine_visit_entry(void *context, const struct opened_entry *opened);
/* Entries from..to of a log, in order, until `visit` returns false. Verifies as it goes:
 * ERR_BAD_SIGNATURE or ERR_GAP where the store does not hold what it should, and
 * ERR_UNKNOWN_AUTHOR where nobody is known whose signature to look for. */
MUST_USE enum status engine_walk_log(const struct engine *engine, struct store_txn *txn,
                                     struct log_name log, uint64_t from, uint64_t to,
                                     struct arena *arena, engine_visit_entry *visit,
                                     void *context);
/* The entries of this node that were set aside when its store turned out to be older than
 * what neighbours hold of it, until EVENT_RECLAIM; in the order of their writing. */
MUST_USE enum status engine_walk_strayed(const struct engine *engine,
                                         struct store_txn *txn, struct arena *arena,
                                         engine_visit_entry *visit, void *context);
/* Two signed entries at one place of a log: its author's key is used twice, or its store was
 * put back. */
struct fork {
    struct log_name log;
    uint64_t seq;       /* the first that differs */
    struct hash stands; /* of the one that was held from then on */
    struct hash other;  /* of the one that was set aside, or refused */
    uint64_t entries;   /* of the other history, as far as it was seen */
    uint64_t wall_ms;   /* when */
    bool set_aside;     /* it had been held until then */
};
void engine_walk_forks(struct store_txn *txn,
                       bool (*visit)(void *context, const struct fork *fork),
                       void *context);
MUST_USE bool engine_open_field(const struct engine *engine, uint64_t realm,
                                struct slice sealed, struct arena *arena,
                                struct slice *text);
/* The tag that a sealed field has under the realm's newest key, or under that of `back` held
 * epochs before it; false where no key so old is held. Whoever searches asks for each in turn:
 * what was written before the keys changed keeps its tag. */
MUST_USE bool engine_field_tag(const struct engine *engine, uint64_t realm,
                               struct slice text, size_t back,
                               uint8_t tag[FIELD_TAG_SIZE]);

#endif
