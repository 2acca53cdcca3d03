/* Promise 7: "It says what it does not know." Asked in the middle of the storm: where a machine
 * says of a neighbour that nothing waits to be sent, the neighbour durably holds everything that
 * this machine holds and it carries. */
#include <inttypes.h>

#include "tests/sim/checks.h"

static uint64_t held_there(const struct machine *machine, struct log_name log)
{
    const struct head *head = heads_find(engine_heads(node_engine(machine->node)), log);
    return head == NULL ? 0 : head->seq;
}

static bool check_nothing_waits(struct world *world, const struct machine *machine,
                                const struct machine *peer)
{
    const struct heads *heads = engine_heads(node_engine(machine->node));
    for (size_t i = 0; i < heads_count(heads) && !world_failed(world); i++) {
        const struct head *head = heads_at(heads, i);
        uint64_t there = held_there(peer, head->log), accepted = head->seq;
        struct cut scratch;
        const struct cut *cut =
            roster_cut(engine_roster(node_engine(peer->node)), head->log, &scratch);
        if (cut != NULL && cut->seq < accepted) {
            accepted = cut->seq; /* it knows of an end that this machine may not know */
        }
        if (carries(world, peer, head->log) && there < accepted) {
            world_fail(world,
                       "%s says nothing waits for %s, which has log %" PRIu32
                       ".%u to %" PRIu64 " of %" PRIu64,
                       machine->name, peer->name, head->log.node, head->log.lane, there,
                       head->seq);
        }
    }
    return !world_failed(world);
}

static void check_machine(struct world *world, struct machine *machine)
{
    struct peer_report reports[WORLD_MACHINES_MAX];
    size_t count = engine_peers(node_engine(machine->node), reports, WORLD_MACHINES_MAX);
    for (size_t i = 0; i < count && !world_failed(world); i++) {
        const struct machine *peer = world_member(world, reports[i].number);
        if (peer != NULL && peer->node != NULL && !peer->revoked &&
            reports[i].to_send_entries == 0) {
            check_nothing_waits(world, machine, peer);
        }
    }
}

bool check_honest(struct world *world)
{
    for (size_t i = 0; i < world->machine_count && !world_failed(world); i++) {
        if (world->machines[i].node != NULL && !world->machines[i].revoked) {
            check_machine(world, &world->machines[i]);
        }
    }
    return !world_failed(world);
}
