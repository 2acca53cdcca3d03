/* verdict.h - the one line that is all a hurried person needs: a word in capitals (OK, ALONE,
 * LATE, LOOK, TROUBLE), a space, and sentences with count and age, never a bare "synced". */
#ifndef LINLI_DAEMON_VERDICT_H
#define LINLI_DAEMON_VERDICT_H

#include "daemon/api/troubles.h"
#include "daemon/run/facts.h"

/* Fills in the report's level and verdict: what the facts and the troubles that were found
 * in them amount to. */
void verdict_form(struct trouble_report *report, const struct health_facts *facts);

#endif
