/* visit.h - what a visit record means beyond its fields. */
#ifndef LINLI_CRDT_VISIT_H
#define LINLI_CRDT_VISIT_H

#include "crdt/view.h"

/* Whether the visit counts towards coverage: it stands (known, not voided, not replaced) and
 * its person was met, or answered a phone or video call. 未遇 never counts. */
bool visit_counts(const struct record_view *visit);

#endif
