/* care.h - one small row a person: how often visits are due, and when there were any.
 *
 * Reports and the list of visits that are due read these rows and merge no chains: 100,000
 * of them are a few megabytes in a row. A row follows from the person's chain and the chain
 * of the person's visits alone, whatever the order in which entries came, so that nodes with
 * equal entries have equal rows.
 *
 * The rows are worked in behind the fold (crdt/follow). A visit that is only entered moves its
 * person's row by itself; after any amendment, void or edit the person's chains are merged
 * anew, and what she is found by is kept with that (crdt/search, crdt/lookup).
 *
 *   STORE_CARE  realm u64 BE, person 12 -> village, tier, status, enrolled day, status day,
 *               latest, rewritten, first month (varints, signed ones zigzag), months */
#ifndef LINLI_CRDT_CARE_H
#define LINLI_CRDT_CARE_H

#include "crdt/touch.h"
#include "crdt/view.h"

#define CARE_NEVER INT64_MIN

struct care {
    uint64_t realm;
    struct entry_id person;
    uint64_t village; /* 0: none is stated */
    uint8_t tier;     /* enum tier; 0: none is stated */
    uint8_t status;   /* enum person_status; 0: none is stated, which means enrolled */
    /* Days since 1970-01-01, Beijing. */
    int64_t
        enrolled_day;   /* of the entry that created the person, by its writer's clock */
    int64_t status_day; /* since when the status holds: as stated, else when it was
                             written; CARE_NEVER without a status */
    int64_t latest; /* of the visits that count, whether to come or not, in minutes as a
                       FIELD_MOMENT; CARE_NEVER: there was none */
    bool
        rewritten; /* visits of hers were amended or voided, or are named before they came */
    /* Months with a visit that counts, to come or not: bit i of `months` is the month
     * `first_month` + i. Points into the store. */
    int64_t first_month; /* since January 1970 */
    struct slice months;
};

/* The person whom a folded row concerns. */
struct care_touch {
    struct touch person;
    bool merge;   /* both chains are merged anew, whatever the rest says */
    bool reached; /* a visit was entered that counts, `when` */
    int64_t when;
};
/* False: it concerns nobody's row. */
bool care_touched(const struct fold_row *row, struct operation operation,
                  struct care_touch *touch);
/* Works the touches into the rows, in the scratch; reorders `touches`. */
void care_work(struct store_txn *txn, struct care_touch *touches, size_t count,
               struct arena *scratch);
/* Something was taken out of a chain: the person's row is made anew. */
void care_withdrawn(struct store_txn *txn, const struct touch *touch,
                    struct arena *scratch);
void care_forget(struct store_txn *txn); /* all rows */

/* Walks the rows of a realm (0: of all), in order of (realm, person). The struct is zero but
 * for `realm` at first; close `cursor` as a store cursor. */
struct care_walk {
    struct store_cursor cursor;
    uint64_t realm;
    bool started;
};
MUST_USE bool care_next(struct store_txn *txn, struct care_walk *walk, struct care *care);

/* One person's row; false where there is none: unknown here, or voided. */
MUST_USE bool care_find(struct store_txn *txn, uint64_t realm,
                        const struct entry_id *person, struct care *care);

/* Whether a visit that counts was in this month. */
bool care_visited_in(const struct care *care, int64_t month);

/* What remains of a row at a time: visits after `now` (minutes) are not counted. Merges the
 * person's visits where one is to come, into `scratch`, otherwise changes nothing. */
void care_as_of(struct store_txn *txn, struct care *care, int64_t now,
                struct arena *scratch);

#endif
