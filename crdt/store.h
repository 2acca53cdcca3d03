/* store.h - the port through which the core reads and writes durable state.
 *
 * The core calls these functions; an edge implements them (daemon/store/store_lmdb.c). The
 * simulator uses the same implementation on a disk of its own.
 *
 * One commit rule: inside a transaction nothing fails visibly. An environment error (disk
 * full, map too small, damage) is remembered by the transaction, reads then find nothing,
 * writes do nothing, and store_commit reports it. So the core has no half-done states to
 * handle: a transaction that met trouble cannot be committed.
 *
 * Keys are 1 to 64 bytes and sort as memcmp. Slices that point into the store die with
 * the transaction or with the next write to it, whichever comes first: copy to keep. */
#ifndef LINLI_CRDT_STORE_H
#define LINLI_CRDT_STORE_H

#include "crdt/base.h"

enum store_table {
    STORE_META,   /* name -> value: format, genesis, incarnation, fold cursor, pauses   */
    STORE_LOG,    /* arrival number u64 BE -> stored run (crdt/run.h); appended only    */
    STORE_RUNS,   /* log name 7, first seq u64 BE -> arrival number: an index per run   */
    STORE_HEADS,  /* log name 7 -> head (crdt/heads.h)                                  */
    STORE_ROWS,   /* row number u64 BE -> folded row (crdt/fold.h)                      */
    STORE_CHAINS, /* register, realm, subject -> newest row of the subject              */
    STORE_WANTS, /* log name 7 -> announced seq not held here, and by whom              */
    STORE_PEERS, /* peer number u32 BE -> what was noted of its announcements          */
    STORE_UNREAD, /* realm u64 BE, epoch u16 BE, arrival u64 BE -> nothing: runs that no key
                     here opens                                                          */
    STORE_LOOKUPS, /* register, field, realm, value's hash, record -> subject
                      (crdt/lookup.h) */
    STORE_CARE, /* realm, person -> when visits are due and were (crdt/care.h)        */
    STORE_CONFLICTS, /* register, realm, subject, record -> its fields that are in conflict
                        (crdt/conflict.h) */
    STORE_SEARCH,    /* realm, first person of a block -> what persons are found by
                     (crdt/search.h) */
    STORE_LEADS,     /* realm, lead -> level and time of a lead that nobody answered
                        (crdt/lead.h) */
    STORE_TABLES, /* how many tables there are                                          */
};

#define STORE_KEY_MAX 64 /* the longest key is 34 bytes; LMDB's own bound is 511 */

struct store;     /* an open store; one writer at a time */
struct store_txn; /* a transaction, read-only or writing  */

bool store_get(struct store_txn *txn, enum store_table table, struct slice key,
               struct slice *value);

/* The core met what cannot be: a row that must be there is not, or cannot be read. The
 * transaction ends with ERR_ROW_DAMAGED, unless the table is of the logs. */
void store_mark_damaged(struct store_txn *txn, enum store_table table);

/* Greatest key <= `key`. False where there is none. */
bool store_floor(struct store_txn *txn, enum store_table table, struct slice key,
                 struct slice *found_key, struct slice *value);

/* The greatest key of a table, whatever its value; false where there is none. */
bool store_last_key(struct store_txn *txn, enum store_table table, struct slice *key);

/* Walking: the first key >= `from` (an empty `from`: the very first), then the next ones.
 * A cursor lives in the caller's frame; close it before any write to the same table and
 * before the transaction ends. */
struct store_cursor {
    void *handle;
};
bool store_seek(struct store_txn *txn, enum store_table table, struct slice from,
                struct store_cursor *cursor, struct slice *key, struct slice *value);
bool store_next(struct store_txn *txn, struct store_cursor *cursor, struct slice *key,
                struct slice *value);
void store_cursor_close(struct store_cursor *cursor); /* harmless on a closed cursor */

/* The last key of a table; false where it is empty. */
bool store_last(struct store_txn *txn, enum store_table table, struct slice *key,
                struct slice *value);

void store_put(struct store_txn *txn, enum store_table table, struct slice key,
               struct slice value);
/* `key` is greater than every key of the table, CHECKed: pages fill up whole. */
void store_append(struct store_txn *txn, enum store_table table, struct slice key,
                  struct slice value);
void store_delete(struct store_txn *txn, enum store_table table, struct slice key);
void store_clear(struct store_txn *txn, enum store_table table); /* all rows */

/* OK, or the first trouble this transaction met. */
enum status store_txn_status(const struct store_txn *txn);

#endif
