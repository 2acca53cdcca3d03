/* health.h - one record of what is wrong, which everything else reads: `linli status`,
 * `linli explain`, the journal, the service manager's STATUS.
 *
 * Each trouble has a stable code (shown as LL-Wnnnn), a severity, what it says, and the
 * next command to type. It also has a time it must last before it is shown, so that blips
 * stay hidden, and it hides the troubles that only follow from it. Computing it is pure:
 * facts and time in, troubles out; nothing here reads a clock or the network. */
#ifndef LINLI_DAEMON_HEALTH_H
#define LINLI_DAEMON_HEALTH_H

#include "daemon/api/troubles.h"
#include "daemon/run/facts.h"

struct health; /* remembers since when things have been so */

struct health *health_create(void);
void health_destroy(struct health *health);
/* The same memories; to be destroyed. Who only looks updates a copy. */
struct health *health_copy(const struct health *health);

/* Takes the facts in; afterwards the functions below tell what they amount to. */
void health_update(struct health *health, const struct health_facts *facts);

/* Lives until the next update. */
const struct trouble_report *health_report(const struct health *health);

/* Whether this trouble was not among those of the update before: to be logged. */
bool health_is_news(const struct health *health, const struct trouble *trouble);

/* Steady time at which a trouble will be old enough to show though nothing else happens;
 * UINT64_MAX: never. */
uint64_t health_due_ms(const struct health *health);

#endif
