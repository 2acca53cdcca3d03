/* visit.h - what a visit record means beyond its fields. */
#ifndef LINLI_CRDT_VISIT_H
#define LINLI_CRDT_VISIT_H

#include "crdt/view.h"

/* Whether the person was reached: met, or a phone or video call was answered. */
bool visit_reached(uint8_t method, uint8_t outcome);

/* Whether the visit counts towards coverage: it stands (known, not voided, not replaced), is
 * not still to come, and its person was met, or answered a phone or video call. 未遇 never
 * counts. */
bool visit_counts(const struct record_view *visit, int64_t now);

/* Whether method, outcome and date agree with each other and with the person: nobody is met
 * by telephone or answers a call at home; and no visit is still to come, follows the
 * person's death or precedes their birth (which insisting lets pass). Otherwise
 * ERR_CONTRADICTS, ERR_TO_COME, ERR_AFTER_END or ERR_BEFORE_BIRTH, and the field at fault. */
MUST_USE enum status visit_agrees(const struct record_view *visit,
                                  const struct record_view *person,
                                  const struct occasion *occasion, uint8_t *field);

#endif
