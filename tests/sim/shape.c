#include "tests/sim/plan.h"

#include <inttypes.h>
#include <stdlib.h>

static struct link_quality draw_quality(struct chance *chance)
{
    struct link_quality quality = {.delay_ms = (uint32_t)chance_between(chance, 1, 80),
                                   .jitter_ms = (uint32_t)chance_between(chance, 0, 40)};
    uint64_t kind = chance_below(chance, 4);
    if (kind >= 1) { /* rural: slow and far */
        quality.delay_ms = (uint32_t)chance_between(chance, 100, 900);
        quality.jitter_ms = (uint32_t)chance_between(chance, 0, 600);
        quality.rate_bytes_per_s = (uint32_t)chance_between(chance, 1500, 60000);
    }
    if (kind >= 2) { /* and bad */
        quality.loss_permille = (unsigned)chance_between(chance, 0, 200);
        quality.duplicate_permille = (unsigned)chance_between(chance, 0, 100);
        quality.reorder_permille = (unsigned)chance_between(chance, 0, 200);
    }
    return quality;
}

static void connect(struct world *world, uint32_t a, uint32_t b)
{
    if (a != b && link_between(world, a, b) == LINK_NONE) {
        struct link_quality quality = draw_quality(&world->links_chance);
        link_add(world, a, b, &quality);
    }
}

static void connect_townships(struct world *world, enum shape shape, uint32_t count)
{
    for (uint32_t i = 1; i <= count; i++) {
        uint32_t earlier = (uint32_t)chance_below(&world->links_chance, i);
        switch (shape) {
        case SHAPE_STAR: connect(world, 0, i); break;
        case SHAPE_RING:
            connect(world, 0, i);
            connect(world, i, i == count ? 1 : i + 1);
            break;
        case SHAPE_CHAIN: connect(world, i - 1, i); break;
        case SHAPE_TREE: connect(world, earlier, i); break;
        case SHAPE_WEB:
            connect(world, earlier, i);
            connect(world, i, (uint32_t)chance_below(&world->links_chance, count + 1));
            break;
        case SHAPES: break;
        }
    }
}

static bool links_anywhere(const struct world *world, uint32_t machine)
{
    for (uint32_t i = 0; i < world->machine_count; i++) {
        if (link_between(world, machine, i) != LINK_NONE) {
            return true;
        }
    }
    return false;
}

/* To its township's machine, or to a village of the same township that is linked already. */
static void connect_village(struct world *world, uint32_t village)
{
    uint64_t township = division_township(world->machines[village].division);
    uint32_t to[WORLD_MACHINES_MAX];
    size_t count = 0;
    for (uint32_t i = 1; i < world->machine_count; i++) {
        const struct machine *machine = &world->machines[i];
        if (i != village && links_anywhere(world, i) &&
            division_within(machine->division, township)) {
            to[count++] = i;
        }
    }
    CHECK(count > 0);
    connect(world, village, to[chance_below(&world->links_chance, count)]);
}

static bool is_village(const struct machine *machine)
{
    return division_level(machine->division) == DIVISION_VILLAGE;
}

static void connect_villages(struct world *world, uint32_t first, size_t count)
{
    for (uint32_t i = first; i < first + count; i++) {
        if (is_village(&world->machines[i])) {
            connect_village(world, i);
        }
    }
}

/* One machine in 2099, one whose clock battery is flat, the others wrong by up to days.
 */
static void draw_clocks(struct world *world)
{
    const int64_t day_ms = INT64_C(86400000);
    struct chance *chance = &world->nodes_chance;
    uint64_t future = chance_below(chance, world->machine_count);
    uint64_t flat = chance_below(chance, world->machine_count);
    for (size_t i = 0; i < world->machine_count; i++) {
        uint64_t range = chance_permille(chance, 300) ? 10 * (uint64_t)day_ms : 120000;
        int64_t offset = (int64_t)chance_between(chance, 0, 2 * range) - (int64_t)range;
        offset = i == flat ? -9000 * day_ms : offset;
        offset = i == future ? 26600 * day_ms : offset;
        world->machines[i].wall_offset_ms = offset;
    }
}

static void add_villages(struct world *world, size_t first, size_t townships,
                         size_t count)
{
    for (size_t i = first; i < first + count; i++) {
        const struct place *place =
            &county_townships[chance_below(&world->nodes_chance, townships)];
        char name[48];
        snprintf(name, sizeof(name), "v%zu-%.30s", i, place->name);
        world_add_machine(world, place->code * 1000 + 200 + i, name);
    }
}

/* Those to be admitted late come last, so that the others are founded in one go. */
void shape_build(struct world *world, struct plan *plan,
                 const struct storm_options *options)
{
    size_t late_townships = plan->late_count > 0 && options->townships > 1 ? 1 : 0;
    size_t late_villages = plan->late_count > 1 && options->villages > 0 ? 1 : 0;
    size_t early = options->townships - late_townships;
    size_t villages = options->villages - late_villages;
    for (size_t i = 0; i < early; i++) {
        world_add_machine(world, county_townships[i].code, county_townships[i].name);
    }
    add_villages(world, 0, early, villages);
    size_t count = world->machine_count;
    for (size_t i = early; i < options->townships; i++) {
        world_add_machine(world, county_townships[i].code, county_townships[i].name);
    }
    add_villages(world, villages, early, late_villages);
    draw_clocks(world);
    for (size_t i = 0; i < plan->older_count; i++) {
        uint64_t at = chance_below(&world->faults_chance, world->machine_count);
        world->machines[at].older = true;
    }
    world_found(world, 0, count);
    connect_townships(world, plan->shape, (uint32_t)early);
    connect_villages(world, (uint32_t)(1 + early), villages);
}

/* Whoever is not yet a member is admitted now. The others learn of it through the control
 * log, which the hub's operator takes in as a grant file. */
void shape_join_late(struct world *world)
{
    for (uint32_t i = 1; i < world->machine_count; i++) {
        if (world->machines[i].number != 0) {
            continue;
        }
        world_found(world, i, 1);
        world_note(world, "-", "%s is admitted as %" PRIu32, world->machines[i].name,
                   world->machines[i].number);
        if (is_village(&world->machines[i])) {
            connect_village(world, i);
        } else {
            uint32_t other;
            do { /* not behind a village, which does not carry everything */
                other = (uint32_t)chance_below(&world->links_chance, i);
            } while (is_village(&world->machines[other]));
            connect(world, i, other);
        }
    }
    machine_deliver(world, &world->machines[0], EVENT_JOIN, 0,
                    buffer_slice(&world->county.file), NULL);
}
