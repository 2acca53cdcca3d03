/* storm.h - one seed from beginning to end: found a county, work on it while everything
 * that can break breaks, let it mend, and hold it to its promises. */
#ifndef LINLI_TESTS_SIM_STORM_H
#define LINLI_TESTS_SIM_STORM_H

#include "tests/sim/plan.h"

struct storm_result {
    bool ok;
    char line[WORLD_FAILURE_SIZE + 256]; /* what happened, or what broke */
    char trace[17];                      /* start of the trace's hash, hex */
};

/* `trace_out` NULL: no trace is printed. */
void storm_run(uint64_t seed, const struct storm_options *options, FILE *trace_out,
               struct storm_result *result);

#endif
