/* same.h - persons who were entered more than once and merged since.
 *
 * A merge is an edge between two persons of one township: an element of the set same_as in the
 * chain of one of them. Persons that edges connect are one person, known by the lowest id that
 * stands; so it does not matter in which order edges arrive, or which way they lead, and each
 * can be taken back. Chains stay as they are; crdt/view reads those of one person as one.
 *
 * The fold leaves a row for both ends of each edge (crdt/lookup). Rows are hints and stay when
 * an edge is taken out: whoever was ever merged is looked at, and the chains say what holds. */
#ifndef LINLI_CRDT_SAME_H
#define LINLI_CRDT_SAME_H

#include "crdt/view.h"

struct same {
    struct entry_id *ids; /* ascending; in the arena */
    size_t count;         /* 1: nobody but the person asked about */
};

/* Everybody whom an edge, of whatever time, connects with the person. What one of them is may
 * change by what is written of any other. */
void same_ever(struct store_txn *txn, uint64_t realm, const struct entry_id *person,
               struct arena *arena, struct same *same);

/* Those who stand and are the same person now; the first is the id that it is known by.
 * Whoever is voided or not known here is alone. */
void same_members(struct store_txn *txn, uint64_t realm, const struct entry_id *person,
                  struct arena *arena, struct same *same);

/* Whether an edge is between the two as it stands, in whichever chain: `holder` is its
 * subject. */
MUST_USE bool same_edge(struct store_txn *txn, uint64_t realm, const struct entry_id *a,
                        const struct entry_id *b, struct arena *arena,
                        struct entry_id *holder);

#endif
