/* lead.h - what a lead 发现线索 and the steps taken about it come to.
 *
 * A lead is open until somebody acknowledges or closes it. Several may do so without knowing of
 * each other: all steps stay, and the first of them, the minimum of (stamp, entry id), is the
 * answer, so that every node that holds the same steps names the same one. */
#ifndef LINLI_CRDT_LEAD_H
#define LINLI_CRDT_LEAD_H

#include "crdt/touch.h"
#include "crdt/view.h"

/* A red lead that nobody answered for so long is told to townships and the county. */
#define LEAD_ANSWER_MINUTES 120

/* Fills state, response time and who answered. */
void lead_compute(struct record_view *lead, struct store_txn *txn, struct arena *arena);

/* When it was noticed, else when it was entered; minutes as a FIELD_MOMENT. */
int64_t lead_since(const struct record_view *lead);

/* Whether entries about the lead overtake all records: it is red, or is said to be so. */
bool lead_is_urgent(const struct record_view *lead);

/* Nothing is noticed in time to come. */
MUST_USE enum status lead_agrees(const struct record_view *lead,
                                 const struct record_view *subject,
                                 const struct occasion *occasion, uint8_t *field);

/* A closed lead is not acknowledged any more, nor closed again. */
MUST_USE enum status lead_step_agrees(const struct record_view *step,
                                      const struct record_view *lead,
                                      const struct occasion *occasion, uint8_t *field);

/* ---- the leads that nobody answered ---- */

/* One row a lead that stands and is open, so that whoever watches them reads no others. A row
 * follows from the lead's chains alone; the rows are worked in behind the fold (crdt/follow).
 *
 *   STORE_LEADS  realm u64 BE, lead 12 -> level u8, since in minutes (u64) */
struct open_lead {
    uint64_t realm;
    struct entry_id id;
    uint8_t level; /* 0: none is stated */
    int64_t since;
};

bool lead_touched(const struct fold_row *row, const struct operation *operation,
                  struct touch *touch);
void lead_work(struct store_txn *txn, struct touch *touches, size_t count,
               struct arena *scratch);
void lead_withdrawn(struct store_txn *txn, const struct touch *touch,
                    struct arena *scratch);
void lead_forget(struct store_txn *txn); /* all rows */

/* Walks the rows, in order of (realm, lead). The struct is zero at first; close `cursor`. */
struct lead_walk {
    struct store_cursor cursor;
    bool started;
};
MUST_USE bool lead_next(struct store_txn *txn, struct lead_walk *walk,
                        struct open_lead *lead);

#endif
