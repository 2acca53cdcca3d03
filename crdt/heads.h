/* heads.h - how far each log is accepted here.
 *
 * Two nodes with equal heads hold the same entries; heads are all that they compare. A
 * forked log has a head too: where it stopped. Heads are kept in memory, loaded from
 * STORE_HEADS, and those that moved are written back at the end of a batch. Each
 * remembers the arrival number at which it last moved: the arrival number is the
 * announcement number, so "what is new since A" is a question to the heads and needs no
 * table of its own.
 *
 *   STORE_HEADS   log name 7 -> incarnation 8, seq 8, arrival 8 (little-endian), hash 32,
 *                 check 8
 *
 * The check is the first bytes of HASH_HEADS, without a county, over key and value: LMDB
 * has no checksums, and a flipped bit would make the next entry look like a fork. */
#ifndef LINLI_CRDT_HEADS_H
#define LINLI_CRDT_HEADS_H

#include "crdt/run.h"
#include "crdt/store.h"

struct head {
    struct log_name log;
    uint64_t incarnation;
    uint64_t seq;
    struct hash hash;
    uint64_t arrival; /* number of the stored run that moved it here */
};

struct heads;

struct heads *heads_create(void);
void heads_destroy(struct heads *heads);
/* Forgets what was before. ERR_STORE_DAMAGED where a row fails its check: that log is
 * then not held, and the store is not to be used. Trouble of the store is
 * the txn's. */
enum status heads_load(struct heads *heads, struct store_txn *txn);
/* Writes those that moved since the last load or flush, in order of the name. */
void heads_flush(struct heads *heads, struct store_txn *txn);

/* NULL where nothing of the log is held. Dies with the next heads_advance or heads_load.
 */
const struct head *heads_find(const struct heads *heads, struct log_name log);
const struct head *heads_at(const struct heads *heads, size_t index); /* any order */
/* The index of a head that heads_find or heads_at gave; it stays until heads_load. */
size_t heads_index(const struct heads *heads, const struct head *head);
size_t heads_count(const struct heads *heads);
uint64_t heads_entries(const struct heads *heads); /* sum of seqs */

/* Advances the log to (seq, hash), making it known with `incarnation` if new. The caller
 * has verified the chain up to there; `seq` is greater than the present head's, and
 * `incarnation` bears the log's tag and is the present head's, CHECKed. */
void heads_advance(struct heads *heads, struct log_name log, uint64_t incarnation,
                   uint64_t seq, const struct hash *hash, uint64_t arrival);

/* Takes the log back to (seq, hash), or to nothing (seq 0, a hash of zeros): what came after
 * was set aside (crdt/log.h). `seq` is less than the present head's, CHECKed. */
void heads_take_back(struct heads *heads, struct log_name log, uint64_t seq,
                     const struct hash *hash);

/* The heads that moved after arrival `from`, in order of arrival, at most `capacity`.
 * Returns how many. */
size_t heads_since(const struct heads *heads, uint64_t from, const struct head **found,
                   size_t capacity);

/* HASH_HEADS over (log, incarnation, seq, hash) of every log for which `carried` holds,
 * in order of the name. `carried` NULL: of all. What both of two neighbours carry is
 * compared, see net/greet.c. */
void heads_digest(const struct heads *heads, const struct county_salt *salt,
                  bool (*carried)(void *context, struct log_name log), void *context,
                  struct hash *digest);

#endif
