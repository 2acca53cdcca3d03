/* machine.h - one simulated node: the daemon's round, neighbours and node over a real store,
 * with a virtual clock, a carrier of virtual links and a power switch. */
#ifndef LINLI_TESTS_SIM_MACHINE_H
#define LINLI_TESTS_SIM_MACHINE_H

#include "daemon/run/neighbours.h"
#include "daemon/run/round.h"
#include "tests/sim/carrier.h"
#include "tests/sim/job.h"

struct world;
struct happening;

/* What waits at a machine and owns its bytes: what a link brought, or what its operator or
 * its clock wants. */
struct letter {
    enum event_kind kind;
    uint32_t peer;
    uint64_t token;
    uint8_t *bytes;
    size_t size;
    struct job *job; /* of EVENT_WRITE */
};
struct letters {
    struct letter *items;
    size_t count, capacity;
};

/* What becomes of the commits of a batch; see commit.c. */
enum commit_fate {
    COMMIT_SUCCEEDS,
    COMMIT_FAILS,       /* once, with `status`: nothing of it happened             */
    COMMIT_DISK_FULL,   /* every commit, until the fault is mended                 */
    COMMIT_DIES_BEFORE, /* power is cut: this and every later commit never happens */
    COMMIT_DIES_AFTER,  /* power is cut when it is durable and nobody knows yet    */
};
struct commit_plan {
    enum commit_fate fate;
    unsigned countdown; /* commits that still succeed before the fate strikes */
    enum status status;
    bool struck;
};

struct machine {
    uint32_t index;
    char name[NAME_SIZE_MAX + 1];
    char directory[128];
    uint64_t division;
    uint32_t number; /* the roster's; 0 until admitted */
    uint8_t seed[SEED_SIZE];
    struct node_keys keys;
    struct buffer grant; /* what it joined with */
    struct world *world;
    struct node *node; /* NULL: switched off, or not yet founded */
    bool founded;
    bool revoked; /* by the authority; it may not know */
    bool older;   /* its program knows persons and visits alone */

    int64_t wall_offset_ms; /* how wrong its clock is */
    uint64_t boot_ms;       /* world time at which its steady clock read 0 */
    uint64_t starts;        /* epoch of its wakes and runs */
    bool run_planned;
    uint64_t wake_planned_ms; /* world time; UINT64_MAX: none */

    struct letters arrived; /* over links: what the round receives */
    size_t received;        /* of them */
    struct letters wanted;  /* here: they come before what arrived */
    struct letters taken;   /* of `wanted`, by the round under way */
    struct config config;   /* names every machine there is as a peer */
    struct transport *transport;
    struct neighbours *neighbours; /* while it is on, as the round */
    struct round round;
    struct commit_plan plan;
    bool *paused; /* by machine index: an operator paused that peer */

    uint64_t batches, ticks, frames_in, frames_out, bytes_out, crashes, failed_commits;
};

void machine_init(struct world *world, struct machine *machine, uint32_t index,
                  uint64_t division, const char *name);
void machine_deinit(struct machine *machine);
void machine_request(const struct machine *machine, struct request *request);

/* Opens the node (its first start founds the store) and reports links as they come up. */
void machine_start(struct world *world, struct machine *machine);
void machine_power_off(struct world *world, struct machine *machine);

/* Puts an event where it waits for the next round; `bytes` is copied, `job` taken over. */
void machine_deliver(struct world *world, struct machine *machine, enum event_kind kind,
                     uint32_t peer, struct slice bytes, struct job *job);

void machine_run(struct world *world, const struct happening *happening);
void machine_wake(struct world *world, const struct happening *happening);

uint64_t machine_wall_ms(const struct world *world, const struct machine *machine);
uint64_t machine_steady_ms(const struct world *world, const struct machine *machine);
/* By its roster, and as its transport asks: who is shut out is not admitted. */
bool machine_knows(const struct machine *machine, const struct machine *other);
bool machine_admits(const struct machine *machine, const struct machine *other);

#endif
