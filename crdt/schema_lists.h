/* schema_lists.h - the three lists 三张清单: needs, resources, projects. A need lies in its
 * township, because it concerns persons; resources and projects lie in the county, because
 * others are to find them. */
#ifndef LINLI_CRDT_SCHEMA_LISTS_H
#define LINLI_CRDT_SCHEMA_LISTS_H

#include "crdt/view.h"

enum need_field {
    NEED_TITLE,
    NEED_KIND,
    NEED_VILLAGE,
    NEED_PERSON,
    NEED_UNTIL,
    NEED_RESOURCE,
    NEED_PROJECT,
    NEED_REASON,
    NEED_NOTE,
    NEED_EXTERNAL_KEY,
    NEED_STATE, /* computed */
};
enum offer_field { /* of resources and projects alike */
                   OFFER_TITLE,
                   OFFER_KIND,
                   OFFER_PLACE,
                   OFFER_PROVIDER,
                   OFFER_UNTIL,
                   OFFER_REASON,
                   OFFER_NOTE,
                   OFFER_EXTERNAL_KEY,
                   OFFER_STATE, /* computed */
};
enum list_state { LIST_OPEN = 1, LIST_MATCHED, LIST_CLOSED };

/* Closed where a reason says why, else matched where something is bound to it, else open. */
void need_compute(struct record_view *record, struct store_txn *txn, struct arena *arena);
void offer_compute(struct record_view *record, struct store_txn *txn,
                   struct arena *arena);

/* How near an offer at `place` is to a need in `village`: 0 the same village, 1 the same
 * township, 2 the whole county or no place said, 3 another place of the county. */
unsigned list_distance(uint64_t village, uint64_t place);

#endif
