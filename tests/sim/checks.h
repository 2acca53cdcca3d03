/* checks.h - what must hold, each in a file of its own: check_NAME.c. Each notes the
 * first broken promise with world_fail and returns whether all is well. They are asked
 * when the storm is over and time has passed; check_quiet lets more time pass by itself.
 */
#ifndef LINLI_TESTS_SIM_CHECKS_H
#define LINLI_TESTS_SIM_CHECKS_H

#include "tests/sim/world.h"

/* Every machine that carries a log holds it as far as anybody does, and every machine
 * says of every neighbour that it is equal: the fact that ends a storm. `why`, if not
 * NULL, receives what is still missing. */
bool converged_yet(struct world *world, char why[WORLD_FAILURE_SIZE]);

bool check_converged(struct world *world);    /* equal heads, equal answers            */
bool check_acknowledged(struct world *world); /* every write is where it belongs       */
bool check_readable(
    struct world *world);              /* only what is accepted and readable was folded */
bool check_relay(struct world *world); /* carriers without the key hold it all  */
bool check_model(struct world *world); /* records read as the second opinion says */
bool check_figures(struct world *world); /* reports and lists are equal to the byte */
bool check_counted(struct world *world); /* coverage counts persons, not rows */
bool check_quiet(struct world *world);   /* silence costs nothing                 */
bool check_revoked(struct world *world); /* nobody holds what lies beyond a cut */
bool check_honest(struct world *world);  /* in the storm: nobody claims to be done */

/* Whether this machine stores and forwards that log. */
bool carries(struct world *world, const struct machine *machine, struct log_name log);

/* What a machine's logs hold, entry by entry, chain and signatures verified. */
struct census {
    uint64_t records; /* entries of every lane but control, which it can read */
    uint64_t control;
    uint64_t unreadable; /* for which it holds no key */
};
bool census_take(struct world *world, struct machine *machine, struct census *census);

#endif
