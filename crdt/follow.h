/* follow.h - what follows from the chains and is kept beside them: a row a person (crdt/care)
 * with what she is found by (crdt/search), a row a conflict (crdt/conflict), a row an open
 * lead (crdt/lead).
 *
 * All of them are worked in behind the fold, by one cursor over the folded rows that says how
 * far. A row in them follows from its chains alone, so the order in which entries came and the
 * size of the pieces make no difference.
 *
 *   STORE_META  "follow" -> level, cursor (u64 each) */
#ifndef LINLI_CRDT_FOLLOW_H
#define LINLI_CRDT_FOLLOW_H

#include "crdt/fold.h"

/* Works in up to `rows_max` folded rows that are not worked in yet, and returns how many are
 * left. The fold has nothing pending. */
uint64_t follow_work(struct store_txn *txn, size_t rows_max, struct arena *scratch);

/* How many rows are not worked in yet. */
uint64_t follow_left(struct store_txn *txn);

/* Something was taken out of a subject's chain: what follows from it is made anew. */
void follow_withdrawn(struct store_txn *txn, uint8_t reg, uint64_t realm,
                      const struct entry_id *subject, struct arena *scratch);

/* Forgets all rows; follow_work begins at the first folded row again. */
void follow_forget(struct store_txn *txn);

#endif
