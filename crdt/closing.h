/* closing.h - a closed month: the coverage of a township as it was known when somebody closed
 * it, by which heads.
 *
 * A closed figure never changes. What comes later makes the figure of now differ, and reports
 * show both. Where two closed the same month without knowing of each other, the first by
 * (stamp, id) stands and the other is shown beside it. */
#ifndef LINLI_CRDT_CLOSING_H
#define LINLI_CRDT_CLOSING_H

#include "crdt/figures.h"

struct closing {
    struct entry_id id;
    uint64_t closed_ms;
    uint32_t closed_by; /* actor number at the node of `id` */
    uint64_t township;
    int64_t month;
    struct figures figures; /* owned */
    uint64_t policy;        /* the statement that it rested on; 0: defaults */
    uint64_t logs, entries; /* that it rested on */
    struct slice missing;   /* what was known to be missing; empty: nothing */
};

/* The closings of a month in a township up to `until_ms`, that which stands first. Voided ones
 * and those that cannot be read are left out. Texts lie in `arena`. */
struct closings {
    struct closing *rows;
    size_t count, capacity;
};
void closings_find(struct store_txn *txn, uint64_t township, int64_t month,
                   uint64_t until_ms, struct arena *arena, struct closings *closings);
void closings_deinit(struct closings *closings);

/* Which of two stands, by an order that is the same everywhere: < 0 where `a` does. */
int closing_compare(const struct closing *a, const struct closing *b);

/* Whether what is closed agrees with itself and is over; otherwise (which insisting lets pass
 * where it is not over) why not, and the field at fault. */
MUST_USE enum status closing_agrees(const struct record_view *record,
                                    const struct record_view *subject,
                                    const struct occasion *occasion, uint8_t *field);

#endif
