#include "tests/sim/plan.h"

#include <inttypes.h>
#include <string.h>

const char *fault_name(enum fault fault)
{
    static const char *const names[FAULTS] = {"crash between batches",
                                              "crash before a commit",
                                              "crash after a commit",
                                              "failed commit",
                                              "full disk",
                                              "cut link",
                                              "isolated machine",
                                              "flapping link",
                                              "paused peer",
                                              "clock jump"};
    return names[fault];
}

static void plan_fault(struct world *world)
{
    const struct plan *plan = world->plan;
    if (!plan->calm) {
        uint64_t gap = chance_between(&world->faults_chance, 1, 2 * plan->fault_gap_ms);
        queue_add(&world->queue,
                  (struct happening){.at_ms = world->now_ms + gap, .kind = HAPPEN_FAULT});
    }
}

void faults_begin(struct world *world)
{
    world->on_fault = faults_happen;
    world->on_mend = faults_mend;
    plan_fault(world);
}

/* Most faults are short, a few are as long as the plan allows. */
static uint64_t draw_duration_ms(struct world *world)
{
    const struct plan *plan = world->plan;
    uint64_t longest = chance_permille(&world->faults_chance, 250)
                           ? plan->fault_ms_max
                           : plan->fault_ms_max / 10 + 1;
    return chance_between(&world->faults_chance, 1000, 1000 + longest);
}

static void plan_mend(struct world *world, enum fault fault, uint32_t machine,
                      uint32_t link)
{
    queue_add(&world->queue,
              (struct happening){.at_ms = world->now_ms + draw_duration_ms(world),
                                 .kind = HAPPEN_MEND,
                                 .what = (uint8_t)fault,
                                 .machine = machine,
                                 .link = link});
}

static void plan_restart(struct world *world, const struct machine *machine)
{
    queue_add(&world->queue,
              (struct happening){.at_ms = world->now_ms + draw_duration_ms(world),
                                 .kind = HAPPEN_START,
                                 .machine = machine->index});
}

static struct machine *pick_running(struct world *world)
{
    uint64_t at = chance_below(&world->faults_chance, world->machine_count);
    struct machine *machine = &world->machines[at];
    return machine->node != NULL ? machine : NULL;
}

/* A machine that dies in a commit is started again by itself, see machine.c. */
static void break_commits(struct world *world, struct machine *machine, enum fault fault)
{
    static const enum status troubles[] = {ERR_DISK_FULL, ERR_STORE};
    if (machine->plan.fate != COMMIT_SUCCEEDS) {
        return;
    }
    struct commit_plan plan = {.countdown =
                                   (unsigned)chance_below(&world->faults_chance, 4)};
    plan.status = troubles[chance_below(&world->faults_chance, ARRAY_SIZE(troubles))];
    plan.fate = fault == FAULT_CRASH_BEFORE  ? COMMIT_DIES_BEFORE
                : fault == FAULT_CRASH_AFTER ? COMMIT_DIES_AFTER
                : fault == FAULT_COMMIT      ? COMMIT_FAILS
                                             : COMMIT_DISK_FULL;
    machine->plan = plan;
    if (fault == FAULT_DISK_FULL) {
        plan_mend(world, fault, machine->index, LINK_NONE);
    }
}

static void isolate(struct world *world, uint32_t machine)
{
    for (uint32_t i = 0; i < world->link_count; i++) {
        const struct link *link = &world->links[i];
        if (link->machine[0] == machine || link->machine[1] == machine) {
            link_cut(world, i);
            plan_mend(world, FAULT_CUT, machine, i);
        }
    }
}

static void pause_peer(struct world *world, struct machine *machine)
{
    uint32_t link = (uint32_t)chance_below(&world->faults_chance, world->link_count);
    const struct link *chosen = &world->links[link];
    uint32_t side = (uint32_t)chance_below(&world->faults_chance, 2);
    machine = &world->machines[chosen->machine[side]];
    const struct machine *peer = &world->machines[chosen->machine[side ^ 1]];
    if (machine->node == NULL || machine->paused[peer->index] ||
        !machine_knows(machine, peer)) {
        return;
    }
    machine_deliver(world, machine, EVENT_PAUSE, peer->number, (struct slice){0}, NULL);
    plan_mend(world, FAULT_PAUSE, machine->index, link);
}

static void jump_clock(struct world *world, struct machine *machine)
{
    const int64_t hour_ms = INT64_C(3600000);
    int64_t jump = ((int64_t)chance_below(&world->faults_chance, 97) - 48) * hour_ms;
    machine->wall_offset_ms += jump;
    world_note(world, machine->name, "its clock jumps by %" PRId64 " h", jump / hour_ms);
}

static void strike_link(struct world *world, enum fault fault)
{
    uint32_t link = (uint32_t)chance_below(&world->faults_chance, world->link_count);
    if (fault == FAULT_CUT) {
        link_cut(world, link);
        plan_mend(world, fault, 0, link);
    } else {
        link_break(world, link, chance_permille(&world->faults_chance, 500) ? 0 : 40000);
    }
}

static void strike(struct world *world, enum fault fault)
{
    struct machine *machine = pick_running(world);
    if (machine == NULL) {
        return;
    }
    struct plan *plan = world->plan;
    plan->faults_made++;
    plan->counts[fault]++;
    world_note(world, machine->name, "fault: %s", fault_name(fault));
    switch (fault) {
    case FAULT_CRASH_IDLE:
        machine_power_off(world, machine);
        plan_restart(world, machine);
        break;
    case FAULT_CRASH_BEFORE:
    case FAULT_CRASH_AFTER:
    case FAULT_COMMIT:
    case FAULT_DISK_FULL: break_commits(world, machine, fault); break;
    case FAULT_CUT:
    case FAULT_FLAP: strike_link(world, fault); break;
    case FAULT_ISOLATE: isolate(world, machine->index); break;
    case FAULT_PAUSE: pause_peer(world, machine); break;
    case FAULT_CLOCK: jump_clock(world, machine); break;
    case FAULTS: break;
    }
}

void faults_happen(struct world *world, const struct happening *happening)
{
    const struct plan *plan = world->plan;
    (void)happening;
    if (plan->calm) {
        return;
    }
    enum fault fault = (enum fault)chance_below(&world->faults_chance, FAULTS);
    if (plan->fault_on[fault]) {
        strike(world, fault);
    }
    plan_fault(world);
}

static void resume_peer(struct world *world, struct machine *machine,
                        const struct machine *peer)
{
    machine_deliver(world, machine, EVENT_RESUME, peer->number, (struct slice){0}, NULL);
}

void faults_mend(struct world *world, const struct happening *happening)
{
    struct machine *machine = &world->machines[happening->machine];
    enum fault fault = (enum fault)happening->what;
    if (fault == FAULT_CUT) {
        world_note(world, "-", "link %" PRIu32 " is mended", happening->link);
        link_mend(world, happening->link);
    } else if (fault == FAULT_DISK_FULL && machine->plan.fate == COMMIT_DISK_FULL) {
        world_note(world, machine->name, "has room on its disk again");
        machine->plan = (struct commit_plan){0};
    } else if (fault == FAULT_PAUSE) {
        const struct link *link = &world->links[happening->link];
        uint32_t peer =
            link->machine[0] == machine->index ? link->machine[1] : link->machine[0];
        resume_peer(world, machine, &world->machines[peer]);
    }
}

static void resume_everybody(struct world *world)
{
    for (size_t i = 0; i < world->machine_count; i++) {
        for (size_t peer = 0; peer < world->machine_count; peer++) {
            struct machine *machine = &world->machines[i];
            if (machine->paused[peer] && machine->node != NULL) {
                resume_peer(world, machine, &world->machines[peer]);
            }
        }
    }
}

static void mend_links(struct world *world)
{
    for (uint32_t i = 0; i < world->link_count; i++) {
        struct link *link = &world->links[i];
        while (link->cuts > 0) {
            link_mend(world, i);
        }
        link->quality.loss_permille = 0;
        link->quality.duplicate_permille = 0;
        link->quality.reorder_permille = 0;
    }
}

/* Mends that were planned and have not come yet find nothing to do: the queue is swept.
 */
static void forget_plans(struct world *world)
{
    struct queue kept;
    queue_init(&kept);
    while (world->queue.count > 0) {
        struct happening happening = queue_take(&world->queue);
        if (happening.kind != HAPPEN_MEND && happening.kind != HAPPEN_FAULT &&
            happening.kind != HAPPEN_WORK) {
            queue_add(&kept, happening);
        }
    }
    queue_deinit(&world->queue);
    world->queue = kept;
}

void faults_end(struct world *world)
{
    struct plan *plan = world->plan;
    plan->calm = true;
    world_note(world, "-", "the storm is over");
    forget_plans(world);
    for (size_t i = 0; i < world->machine_count; i++) {
        struct machine *machine = &world->machines[i];
        machine->plan = (struct commit_plan){0};
        if (machine->node == NULL && !world_failed(world)) {
            machine_start(world, machine);
        }
    }
    mend_links(world);
    /* Pauses asked for in the last moments are made before they are taken back. */
    world_run_for(world, 1000);
    resume_everybody(world);
}
