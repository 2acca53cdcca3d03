#include "tests/sim/plan.h"

#include <string.h>

#include "tests/sim/checks.h"
#include "tests/sim/levels.h"

static void draw_faults(struct world *world, struct plan *plan)
{
    for (size_t i = 0; i < FAULTS; i++) {
        plan->fault_on[i] = chance_permille(&world->faults_chance, 600);
    }
    plan->fault_gap_ms = chance_between(&world->faults_chance, 1500, 40000);
    plan->fault_ms_max = chance_between(&world->faults_chance, 30000, 15 * MINUTE_MS);
}

static void draw_work(struct world *world, struct plan *plan)
{
    struct chance *chance = &world->work_chance;
    plan->storm_ms = chance_between(chance, 5, 40) * MINUTE_MS;
    plan->writes_max = (unsigned)chance_between(chance, 60, 400);
    plan->work_gap_ms = plan->storm_ms / plan->writes_max + 1;
    plan->burst_max = chance_permille(chance, 200) ? 120 : 12;
    plan->kind_weight[0] = (unsigned)chance_between(chance, 2, 20);
    static const unsigned weight_max[WORKS] = {
        [WORK_EDIT] = 60,       [WORK_VISIT] = 30,     [WORK_AMEND] = 30,
        [WORK_VOID] = 30,       [WORK_VOLUNTEER] = 12, [WORK_ORDER] = 16,
        [WORK_ORDER_STEP] = 60, [WORK_LEAD] = 12,      [WORK_LEAD_STEP] = 16,
        [WORK_SETTLE] = 20,     [WORK_CLOSE] = 4,      [WORK_NEED] = 12,
        [WORK_OFFER] = 8,       [WORK_MATCH] = 16,
    };
    for (size_t i = WORK_EDIT; i < WORKS; i++) {
        plan->kind_weight[i] = (unsigned)chance_between(chance, 0, weight_max[i]);
    }
    plan->statements_max = (unsigned)chance_below(chance, 4);
}

void plan_make(struct world *world, struct plan *plan,
               const struct storm_options *options)
{
    *plan = (struct plan){0};
    world->plan = plan;
    plan->shape = (enum shape)chance_below(&world->links_chance, SHAPES);
    draw_faults(world, plan);
    draw_work(world, plan);
    plan->late_count = chance_permille(&world->faults_chance, 300)
                           ? chance_between(&world->faults_chance, 1, 2)
                           : 0;
    plan->late_ms = plan->storm_ms / 3;
    plan->revokes = chance_permille(&world->faults_chance, 400);
    plan->revoke_ms = chance_between(&world->faults_chance, plan->late_ms + 1,
                                     plan->storm_ms - plan->storm_ms / 10);
    plan->older_count = chance_permille(&world->faults_chance, 400)
                            ? chance_between(&world->faults_chance, 1, 4)
                            : 0;
    plan->upgrade_ms =
        chance_between(&world->faults_chance, plan->storm_ms / 3, plan->storm_ms);
    shape_build(world, plan, options);
    plan->busy = (uint32_t)chance_between(&world->work_chance, 1, options->townships);
}

/* Entries of registers that a program does not know are kept and passed on, and read when a
 * newer one comes. */
static void upgrade(struct world *world)
{
    struct plan *plan = world->plan;
    plan->older_count = 0;
    for (size_t i = 0; i < world->machine_count; i++) {
        struct machine *machine = &world->machines[i];
        if (!machine->older) {
            continue;
        }
        if (machine->node != NULL) {
            machine_power_off(world, machine);
        }
        world_note(world, machine->name, "is upgraded");
        levels_upgrade(machine);
        if (machine->number != 0 && !world_failed(world)) {
            machine_start(world, machine);
        }
    }
}

/* Now and then somebody looks what the machines say of each other. */
static void weather_until(struct world *world, uint64_t end_ms)
{
    const struct plan *plan = world->plan;
    while (world->now_ms < end_ms && !world_failed(world)) {
        uint64_t step_ms = chance_between(&world->faults_chance, 1000, 20000);
        uint64_t next_ms = world->now_ms + step_ms;
        world_run_until(world, next_ms < end_ms ? next_ms : end_ms);
        if (!world_failed(world)) {
            check_honest(world);
        }
        if (plan->older_count > 0 && world->now_ms >= plan->upgrade_at_ms) {
            upgrade(world);
        }
    }
}

void plan_storm(struct world *world)
{
    struct plan *plan = world->plan;
    uint64_t begin_ms = world->now_ms;
    plan->upgrade_at_ms = begin_ms + plan->upgrade_ms;
    work_begin(world);
    faults_begin(world);
    if (plan->late_count > 0) {
        weather_until(world, begin_ms + plan->late_ms);
        shape_join_late(world);
    }
    if (plan->revokes) {
        weather_until(world, begin_ms + plan->revoke_ms);
        if (!world_failed(world)) {
            revoke_somebody(world);
        }
    }
    weather_until(world, begin_ms + plan->storm_ms);
    if (plan->older_count > 0) {
        upgrade(world);
    }
    faults_end(world);
    if (plan->late_count > 0 || plan->revoked || plan->statements > 0) {
        /* The operator who took the grant to the hub may have met a full disk. */
        machine_deliver(world, &world->machines[0], EVENT_JOIN, 0,
                        buffer_slice(&world->county.file), NULL);
        /* Else nobody knows of it, and so everybody agrees. */
        world_run_for(world, 1000);
    }
}
