/* engine_state.h - what an engine is made of; only the engine's own files include this. Each
 * uses mostly those above it:
 *
 *   engine_state.c  the parts, and small questions to them
 *   timers.c        when a session does what by itself
 *   session.c       one neighbour; alone advances what is counted of it
 *   sessions.c      neighbours met, and what of them outlives a restart
 *   lane.c          what the entries of each lane mean
 *   folding.c       entries into the derived tables, and what is learned late
 *   cuts.c          where logs of a revoked member end
 *   writing.c       this node's own logs: chained, signed once a batch
 *   draft_compare.c what is to be written, compared with what is here
 *   draft.c         what a person asks, judged
 *   draft_encode.c  and made an operation
 *   operators.c     the accounts that write here, by number
 *   author.c        a write, from judging to its reply
 *   intake.c        runs from others, and the roster
 *   forks.c         what is kept of logs with two histories
 *   own_log.c       what was written here in a history that does not stand
 *   branch.c        which of two histories of a log is held
 *   clones.c        two machines under one key, in turns
 *   greet.c         hellos: comparing digests, deciding who lacks what
 *   sync.c          announcing, wanting, sending
 *   report.c        what an engine says of itself to people
 *   engine_load.c   starting, and starting afresh
 *   engine.c        dispatching events, ending batches */
#ifndef LINLI_NET_ENGINE_STATE_H
#define LINLI_NET_ENGINE_STATE_H

#include "crdt/follow.h"
#include "crdt/log.h"
#include "crdt/view.h"
#include "net/accept.h"
#include "net/engine.h"
#include "net/session.h"
#include "net/wants.h"

/* All entries are being folded again, beside what stands. */
struct refold {
    uint64_t at;             /* runs up to this arrival were read again */
    uint64_t until;          /* those after this one were folded as they came */
    struct fold_sweep sweep; /* what stood before goes when all were read */
};

/* The run that this batch is writing into one of the node's own logs; when it is filed it
 * stays at hand until the next one begins. */
struct writing {
    bool open;
    uint64_t arrival; /* under which it was filed; 0: it was not */
    struct run run;   /* prev, realm, epoch, first_seq, count as they grow */
    struct buffer entries;
    struct hash last;
};

/* An account of this machine that has written under the present incarnation. */
struct known_operator {
    char name[NAME_SIZE_MAX + 1];
};

/* A neighbour tells another history of a log than the one held here. Its word, no proof. */
struct divergence {
    struct log_name log;
    uint32_t peer;
};

struct engine {
    struct engine_config config;
    struct roster *roster;
    struct heads *heads;
    struct fold *fold;
    struct wants wants;

    uint64_t incarnation;
    bool leaves_log; /* a history that it wrote was set aside: it begins new logs */
    uint64_t left;   /* the incarnation before it; 0: none */
    uint64_t came_back, came_back_at_ms; /* entries of that one, from others */
    uint64_t arrival;                    /* of the newest run */
    struct refold refold;
    uint64_t unreadable;  /* entries among them that no key here opens */
    uint64_t unread_left; /* runs that a key here opens and that are not in the tables */
    uint64_t refused;     /* entries among them that fold to nothing by their own fault */
    uint64_t refused_statements; /* of the control log, likewise */
    bool fold_dirty;
    uint64_t follow_left; /* folded rows that crdt/follow has not worked in */
    uint64_t follow_ms;   /* steady time at which it goes on with many */

    struct writing writing[LANES];
    struct known_operator *operators; /* number N is at N - 1 */
    size_t operator_count, operator_capacity;

    struct session **sessions;
    size_t session_count, session_capacity;
    struct divergence *diverged; /* those of one log side by side */
    size_t diverged_count, diverged_capacity;
    uint64_t strayed; /* entries of this node that were set aside */
    uint64_t strayed_wall_ms, strayed_at_ms; /* when the first were; 0: not known */

    struct arena scratch;    /* for one event or one run */
    struct buffer encoded;   /* scratch for store values   */
    struct buffer message;   /* scratch for a frame        */
    struct buffer entries;   /* scratch for a run being cut */
    struct effects *effects; /* of the step that is running */
    struct store_txn *txn;   /* likewise */
    uint64_t now_ms, wall_ms;
    bool wrote; /* the transaction has something to commit */
    bool roster_changed;
};

/* engine_state.c */
const struct member *engine_member(const struct engine *engine, uint32_t number);
struct effect *engine_effect(struct engine *engine, enum effect_kind kind, uint32_t peer);
void engine_send(struct engine *engine, struct session *session, struct slice frame);
void engine_mark_diverged(struct engine *engine, struct log_name log, uint32_t peer);
void engine_clear_diverged(struct engine *engine, uint32_t peer); /* what it told */
void engine_clear_diverged_log(struct engine *engine, struct log_name log);
bool engine_is_diverged(const struct engine *engine, struct log_name log); /* by anyone */
bool engine_tells_other_branch(const struct engine *engine, struct log_name log,
                               uint32_t peer);
bool engine_carries(const struct engine *engine, uint32_t peer, struct log_name log);
/* Whether this node carries `log`, of an author that the roster knows. */
bool engine_carries_itself(const struct engine *engine, struct log_name log);
size_t engine_head_index(const struct engine *engine, const struct head *head);
void engine_meta_put(struct engine *engine, const char *name, struct slice value);
bool engine_meta_get(struct store_txn *txn, const char *name, struct slice *value);

/* sessions.c */
struct session *sessions_find(struct engine *engine, uint32_t peer); /* NULL: none yet */
struct session *sessions_meet(struct engine *engine, uint32_t peer); /* made if needed */
void sessions_meet_paused(
    struct engine *engine); /* so that they show as paused at once */
/* Whether anything waits for it, and since when. */
void sessions_look(struct engine *engine, struct session *session);
void sessions_save(struct engine *engine, struct session *session);
/* What is kept of a neighbour that is not linked goes, an operator's pause too. */
void sessions_forget(struct engine *engine, struct session *session);
void sessions_save_pause(struct engine *engine, const struct session *session);
/* Entries held here that the neighbour carries and has not confirmed to hold. */
uint64_t sessions_entries_to_send(const struct engine *engine,
                                  const struct session *session);
/* What was sent after `noted` may have been lost: the neighbour is taken to hold of each log
 * only what came before the runs filed since. */
void sessions_rewind(struct engine *engine, struct session *session);

/* writing.c */
struct entry_id writing_append(struct engine *engine, enum lane lane,
                               const struct realm_key *key, struct slice plaintext,
                               const uint8_t random[RANDOM_SIZE]);
/* A statement, in the clear, in this node's control log. */
void writing_state(struct engine *engine, struct slice plaintext);
void writing_sign(struct engine *engine); /* signs and files what this batch wrote */
/* The run filed under `arrival`, if it is one that was just written here and is still at the
 * end of its log. NULL: it is read from the store. It lives until the next write. */
const struct run *writing_filed(const struct engine *engine, uint64_t arrival);
void writing_new_incarnation(struct engine *engine, const uint8_t random[RANDOM_SIZE]);
/* The incarnation whose entries may come back from others. */
void writing_left(struct engine *engine, uint64_t incarnation);
/* Entries that this node wrote before its present incarnation came from others: its store is
 * older than they are. */
void writing_came_back(struct engine *engine, struct log_name log, uint64_t entries);
bool writing_load(struct engine *engine); /* false: the store has no incarnation */

/* folding.c */
void folding_load(struct engine *engine);
void folding_save(struct engine *engine);
void folding_forget(struct engine *engine); /* for a store in which a table was damaged */
uint64_t folding_forgotten(struct store_txn *txn); /* how often that was done */
void folding_fold_run(struct engine *engine, const struct run *run,
                      const struct verified_run *laid_out, uint64_t arrival);
/* A realm's key came late: the runs that it opens are folded by the batches to come. */
void folding_key_came(struct engine *engine);
/* Takes back what the log's entries from this one on had become. */
void folding_withdraw(struct engine *engine, struct log_name log, uint64_t from_seq);
void folding_fold_some(struct engine *engine); /* a bounded piece of what is not folded */
/* Writes what was folded, and lets crdt/follow work in a bounded piece of it. */
void folding_flush(struct engine *engine);

/* cuts.c */
/* What follows from the revocation of a member, which the roster holds now. */
void cuts_came(struct engine *engine, uint32_t node);
/* `seq`, or the end of the log where that comes before. */
uint64_t cuts_limit(const struct engine *engine, struct log_name log, uint64_t seq);

/* operators.c */
/* The account as its record names it. */
struct slice operators_name(const struct account *account);
/* The number that an account's entries name as their actor: the one it has, or the next. */
uint32_t operators_number(const struct engine *engine, const struct account *account);
/* Records the account as an operator of this node, unless it is one; gives its number. */
uint32_t operators_enrol(struct engine *engine, const struct account *account,
                         const struct event *event);
/* Keeps the names of the present numbers for entries of `log`, which this node leaves. */
void operators_keep(struct engine *engine, struct log_name log);
/* The name lives until the next write. False: none was kept. */
MUST_USE bool operators_former(struct engine *engine, struct log_name log,
                               uint32_t number, struct slice *name);
bool operators_load(struct engine *engine);        /* false: the row is damaged */
void operators_begin_again(struct engine *engine); /* a new incarnation has none */

/* author.c */
void author_write(struct engine *engine, const struct event *event);

/* intake.c */
enum status intake_run(struct engine *engine, const struct run *run,
                       const uint8_t random[RANDOM_SIZE]);
enum status intake_grant(struct engine *engine, struct slice grant_file,
                         const uint8_t random[RANDOM_SIZE]);
enum status intake_roster_load(struct engine *engine);

/* forks.c */
/* Keeps it, with what proves it, unless enough is kept of the log. */
void forks_note(struct engine *engine, const struct fork *fork, struct slice proof);
/* The proof is a run that was refused; `before` is the hash of the entry before it. */
void forks_note_run(struct engine *engine, const struct fork *fork, const struct run *run,
                    const struct hash *before);

/* own_log.c */
/* Runs of this node's that were set aside, whose entries from this one on do not stand. */
void own_log_strayed(struct engine *engine, struct slice arrivals, uint64_t from);
/* What of it was written once more, by its roster's word, is not written again. */
void own_log_written_again(struct engine *engine);
void own_log_load(struct engine *engine);
/* Writes what was set aside once more, in the logs of a new incarnation. */
void own_log_reclaim(struct engine *engine, const struct event *event);

/* branch.c */
/* Whether this node alone writes it, or did, and finds out itself where it has two histories. */
bool branch_is_own(const struct engine *engine, struct log_name log);
/* The hash of an entry held here; zeros before the first. False: it is not held. */
bool branch_hash_at(struct engine *engine, const struct head *head, uint64_t seq,
                    struct arena *arena, struct hash *hash);
/* Whether the entry that a neighbour lists of an own log is the one held here. */
bool branch_agrees(struct engine *engine, const struct listed_head *listed);
/* A neighbour's unproven word about a log: its entry `seq` is another than here. */
void branch_suspect(struct engine *engine, struct session *session, struct log_name log,
                    uint64_t seq);
/* A run came. Where it proves another history of its log, that is kept, and what is held gives
 * way to it where it must. True: the run is dealt with. */
bool branch_hear(struct engine *engine, struct session *session, const struct run *run,
                 const uint8_t random[RANDOM_SIZE]);
/* The author of a log said which entry stands at a place; the roster holds it now. */
void branch_stated(struct engine *engine, const struct cut *stated);
/* What neighbours hold of a log is asked of them again, whatever they had of it before. */
void branch_want_again(struct engine *engine, struct log_name log);

/* greet.c */
void greet_hear(struct engine *engine, struct session *session,
                const struct hello *hello);
void greet_speak(struct engine *engine, struct session *session,
                 const uint8_t random[RANDOM_SIZE]);
uint64_t greet_wake_ms(const struct engine *engine, const struct session *session);

/* clones.c */
/* Whether the message that came over `connection` is of the store that is served now. */
bool clones_hear(struct engine *engine, struct session *session, uint64_t connection,
                 const struct message *message);
void clones_take_turns(struct engine *engine, struct session *session);
uint64_t clones_wake_ms(const struct session *session);
void clones_link_changed(struct session *session); /* whoever speaks next is served */
/* Since when two machines are heard under its key; 0: they are not, by now. */
uint64_t clones_since_ms(const struct session *session, uint64_t now_ms);

/* sync.c */
void sync_hear_heads(struct engine *engine, struct session *session,
                     struct heads_message *heads);
void sync_hear_noted(struct engine *engine, struct session *session,
                     struct noted_message *noted);
void sync_hear_want(struct engine *engine, struct session *session,
                    struct want_message *want);
void sync_hear_run(struct engine *engine, struct session *session,
                   const struct run_message *message, struct slice frame,
                   const uint8_t random[RANDOM_SIZE]);
void sync_speak(struct engine *engine, struct session *session);
void sync_request(struct engine *engine);
uint64_t sync_wake_ms(const struct engine *engine, const struct session *session);
/* It has another branch of the log than the one held here. */
void sync_refuse_branch(struct engine *engine, struct session *session,
                        struct log_name log);
void sync_offence(struct engine *engine, struct session *session, enum refusal refusal);

/* Shows the entries from..to of a run that is laid out; false: `visit` wants no more. */
MUST_USE bool report_visit_run(const struct engine *engine, const struct run *run,
                               const struct verified_run *laid_out, uint64_t from,
                               uint64_t to, bool authentic, struct arena *arena,
                               engine_visit_entry *visit, void *context);

#endif
