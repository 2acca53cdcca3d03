/* conflict.h - one row for each record that holds fields which were written differently at
 * the same time, so that whoever decides finds them without a look at every record.
 *
 * "A conflict between people is shown, not hidden. Both values stay until someone decides."
 * A row follows from its record's chain alone. The rows are worked in behind the fold
 * (crdt/follow).
 *
 *   STORE_CONFLICTS  register 1, realm u64 BE, subject 12, record 12 -> the fields, bit i of a
 *                    u32: field i */
#ifndef LINLI_CRDT_CONFLICT_H
#define LINLI_CRDT_CONFLICT_H

#include "crdt/touch.h"
#include "crdt/view.h"

struct conflict {
    uint8_t reg;
    uint64_t realm;
    struct entry_id subject, record;
    uint32_t fields; /* bit i: field i has several values */
};

/* Whether the values of a field are in conflict. */
bool field_in_conflict(const struct field_view *field);

/* The chain that a folded entry touches, where that can begin or end a conflict; false where
 * it cannot: most entries create a record that nothing was said of before. Of a register whose
 * steps can conflict every entry may, because its steps lie in another chain. */
bool conflict_touched(const struct fold_row *row, const struct operation *operation,
                      struct touch *touch);

/* Makes the rows of the touched chains anew, in the scratch; reorders `touches`. */
void conflict_work(struct store_txn *txn, struct touch *touches, size_t count,
                   struct arena *scratch);

/* Something was taken out of a subject's chain. */
void conflict_withdrawn(struct store_txn *txn, const struct touch *touch,
                        struct arena *scratch);
void conflict_forget(struct store_txn *txn); /* all rows */

/* Walks the rows, in order of their keys. The struct is zero at first; close `cursor`. */
struct conflict_walk {
    struct store_cursor cursor;
    bool started;
};
MUST_USE bool conflict_next(struct store_txn *txn, struct conflict_walk *walk,
                            struct conflict *conflict);

uint64_t conflict_count(struct store_txn *txn); /* records */

#endif
