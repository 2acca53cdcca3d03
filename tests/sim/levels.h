/* levels.h - a machine with an older program: its table ends at the registers that there were
 * first. The linker wraps these around the table's own functions
 * (-Wl,--wrap=schema_register, --wrap=schema_register_at). */
#ifndef LINLI_TESTS_SIM_LEVELS_H
#define LINLI_TESTS_SIM_LEVELS_H

#include "tests/sim/machine.h"

/* Until the next call the table is that of this machine's program; NULL: the newest. */
void levels_obey(const struct machine *machine);

/* An upgrade of a machine that is off: the newest program, over a store of a lower level. */
void levels_upgrade(struct machine *machine);

#endif
