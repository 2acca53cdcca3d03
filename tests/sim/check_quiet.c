/* When nothing changes, next to nothing is said and nothing is written. */
#include <inttypes.h>
#include <stdlib.h>

#include "tests/sim/checks.h"
#include "tests/sim/commit.h"

#define SETTLING_MS UINT64_C(10800000) /* comparisons have backed off to one an hour */
#define QUIET_MS UINT64_C(21600000)
#define HOURS (QUIET_MS / 3600000)
/* "equal: done (<= 150 bytes, one round trip)", at most twice an hour. */
#define BYTES_PER_LINK_HOUR_MAX 300
#define TICKS_PER_LINK_HOUR_MAX 6

struct silence {
    uint64_t bytes_out, ticks;
};

static uint64_t links_of(const struct world *world, uint32_t machine)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < world->machine_count; i++) {
        count += link_between(world, machine, i) != LINK_NONE ? 1 : 0;
    }
    return count;
}

bool check_quiet(struct world *world)
{
    struct silence before[WORLD_MACHINES_MAX] = {{0}};
    world_run_for(world, SETTLING_MS);
    uint64_t commits = commit_count();
    for (size_t i = 0; i < world->machine_count; i++) {
        const struct machine *machine = &world->machines[i];
        before[i] = (struct silence){machine->bytes_out, machine->ticks};
    }
    world_run_for(world, QUIET_MS);
    for (uint32_t i = 0; i < world->machine_count && !world_failed(world); i++) {
        const struct machine *machine = &world->machines[i];
        if (machine->revoked) {
            continue; /* it goes on knocking */
        }
        uint64_t links = links_of(world, i);
        uint64_t bytes = machine->bytes_out - before[i].bytes_out;
        uint64_t ticks = machine->ticks - before[i].ticks;
        if (bytes > links * HOURS * BYTES_PER_LINK_HOUR_MAX ||
            ticks > links * HOURS * TICKS_PER_LINK_HOUR_MAX) {
            world_fail(world,
                       "%s with %" PRIu64 " links sent %" PRIu64
                       " bytes and woke %" PRIu64 " times in %" PRIu64 " quiet hours",
                       machine->name, links, bytes, ticks, HOURS);
        }
    }
    if (commit_count() != commits) {
        world_fail(world, "%" PRIu64 " commits in %" PRIu64 " quiet hours",
                   commit_count() - commits, HOURS);
    }
    return !world_failed(world);
}
