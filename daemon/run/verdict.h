/* verdict.h - the one line that is all a hurried person needs: a word in capitals (OK, ALONE,
 * LATE, LOOK, TROUBLE), a space, and sentences with count and age, never a bare "synced". */
#ifndef LINLI_DAEMON_VERDICT_H
#define LINLI_DAEMON_VERDICT_H

#include "daemon/run/health.h"

#define VERDICT_SIZE (HEALTH_TEXT_SIZE + 64)

/* What the facts and the troubles that were found in them amount to. */
void verdict_format(const struct health *health, const struct health_facts *facts,
                    char out[VERDICT_SIZE]);

#endif
