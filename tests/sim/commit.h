/* commit.h - decides the fate of store_commit, which the linker wraps around the real one
 * (-Wl,--wrap=store_commit), so that nodes meet full disks and power cuts at the one
 * place where they matter. */
#ifndef LINLI_TESTS_SIM_COMMIT_H
#define LINLI_TESTS_SIM_COMMIT_H

#include "tests/sim/machine.h"

/* The plan for the commits until the next call; NULL: they succeed. */
void commit_obey(struct commit_plan *plan);

bool commit_power_is_cut(
    const struct commit_plan *plan); /* the fate struck and is death */

/* Commits that reached a disk since the process began. */
uint64_t commit_count(void);

#endif
