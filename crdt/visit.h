/* visit.h - what a visit record means beyond its fields. */
#ifndef LINLI_CRDT_VISIT_H
#define LINLI_CRDT_VISIT_H

#include "crdt/view.h"

/* Whether the visit counts towards coverage: it stands (known, not voided, not replaced) and
 * its person was met, or answered a phone or video call. 未遇 never counts. */
bool visit_counts(const struct record_view *visit);

/* Whether method, outcome and date agree with each other and with the person: nobody is met
 * by telephone or answers a call at home, and no visit follows the person's death (which
 * `insist` lets pass). Otherwise ERR_CONTRADICTS or ERR_AFTER_END, and the field at fault. */
MUST_USE enum status visit_agrees(const struct record_view *visit,
                                  const struct record_view *person, bool insist,
                                  uint8_t *field);

#endif
