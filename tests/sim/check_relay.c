/* "Relays carry ciphertext": a township holds, chained and signed, every entry the hub
 * reads, whether it can read it or not, and owns up to what it cannot read. */
#include <inttypes.h>

#include "tests/sim/checks.h"

static bool check_township(struct world *world, struct machine *machine,
                           const struct census *hub)
{
    struct census census;
    struct engine_report report;
    if (!census_take(world, machine, &census)) {
        return false;
    }
    engine_report(node_engine(machine->node), &report);
    if (census.records + census.unreadable != hub->records ||
        census.control != hub->control) {
        world_fail(world,
                   "%s holds %" PRIu64 " readable and %" PRIu64
                   " unreadable entries, county reads %" PRIu64,
                   machine->name, census.records, census.unreadable, hub->records);
    } else if (report.unreadable_entries != census.unreadable) {
        world_fail(world, "%s reports %" PRIu64 " unreadable entries and holds %" PRIu64,
                   machine->name, report.unreadable_entries, census.unreadable);
    }
    return !world_failed(world);
}

bool check_relay(struct world *world)
{
    struct census hub;
    if (!census_take(world, &world->machines[0], &hub)) {
        return false;
    }
    if (hub.unreadable != 0) {
        world_fail(world, "county cannot read %" PRIu64 " entries", hub.unreadable);
    }
    for (size_t i = 1; i < world->machine_count && !world_failed(world); i++) {
        struct machine *machine = &world->machines[i];
        if (!machine->revoked && division_level(machine->division) == DIVISION_TOWNSHIP &&
            chance_permille(&world->nodes_chance, 200)) {
            check_township(world, machine, &hub);
        }
    }
    return !world_failed(world);
}
