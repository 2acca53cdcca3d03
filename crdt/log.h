/* log.h - the stored logs: runs in arrival order, and an index from log and seq to them.
 *
 * A run gets the next arrival number when it is filed; the number is also the number of the
 * announcement by which neighbours learn of it. Runs are appended one value each and found
 * again by one index entry per run, not per entry (92 bytes of log per entry instead of
 * 440). Signatures are kept with their runs, so a relay can join runs anew: through the chain
 * the last signature covers what came before. */
#ifndef LINLI_CRDT_LOG_H
#define LINLI_CRDT_LOG_H

#include "crdt/run.h"
#include "crdt/store.h"

/* The arrival number of the newest run, though the run itself may be damaged; 0: none yet.
 * False where the number cannot be trusted: it does not follow the one before, or the
 * transaction is in trouble. */
MUST_USE bool log_last_arrival(struct store_txn *txn, uint64_t *arrival);

/* Files `run` (its `prev` in full) under `arrival`, greater than all before it. */
void log_append(struct store_txn *txn, uint64_t arrival, const struct run *run,
                struct buffer *scratch);

/* The run with that arrival number; slices die with the next write. False: none, or it was
 * set aside, or it is not decodable, which is damage. */
MUST_USE bool log_run_at(struct store_txn *txn, uint64_t arrival, struct run *run);

/* The stored run that holds entry `seq` of `log`, which is not its last, ends with it from
 * now on, unsigned. As it was, it stays readable, set aside, under `arrival`, which is new. */
void log_shorten(struct store_txn *txn, struct log_name log, uint64_t seq,
                 uint64_t arrival, struct buffer *scratch);

/* Sets the runs of `log` from the one that begins with `seq` on aside: they are of the log
 * no more, and stay readable under their arrival numbers alone, which are appended to
 * `arrivals` (u64, ascending). */
void log_set_aside(struct store_txn *txn, struct log_name log, uint64_t seq,
                   struct buffer *arrivals);
MUST_USE bool log_run_set_aside(struct store_txn *txn, uint64_t arrival, struct run *run);

/* The stored run of `log` that holds entry `seq`. False: it is not held, or the index leads to
 * what cannot be decoded or is of another log. */
MUST_USE bool log_run_holding(struct store_txn *txn, struct log_name log, uint64_t seq,
                              struct run *run, uint64_t *arrival);

/* Where the next run of `log` begins that the index knows, behind entry `seq`. False: none. */
MUST_USE bool log_next_run(struct store_txn *txn, struct log_name log, uint64_t seq,
                           uint64_t *first_seq);

/* A run of log `name` from entry `seq` on: stored runs joined while they end at or
 * below `to`, realm and epoch stay the same and all fits `size_max` bytes stored. The first
 * stored run is given whatever its size and end, because a signature stands only at the end
 * of a stored run. `entries` receives what run->entries points to. `id` is needed where
 * `seq` lies within a stored run, whose hashes are then rebuilt. False: `seq` is not held. */
MUST_USE bool log_cut_run(struct store_txn *txn, const struct county_salt *salt,
                          struct log_name name, const struct log_id *id, uint64_t seq,
                          uint64_t to, size_t size_max, struct buffer *entries,
                          struct run *run);

#endif
