#include "tests/sim/world.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/calendar.h"
#include "daemon/run/log.h"
#include "tests/sim/place.h"

struct world *world_create(uint64_t seed, FILE *trace_out)
{
    crypto_init();
    log_open(LOG_LEVEL_ERROR); /* the trace has the rest */
    struct world *world = checked_malloc(sizeof(*world));
    memset(world, 0, sizeof(*world));
    world->seed = seed;
    queue_init(&world->queue);
    trace_init(&world->trace, trace_out);
    chance_init(&world->nodes_chance, seed, "nodes");
    chance_init(&world->links_chance, seed, "links");
    chance_init(&world->faults_chance, seed, "faults");
    chance_init(&world->work_chance, seed, "work");
    place_create(world->directory, sizeof(world->directory));
    county_init(&world->county, &world->nodes_chance, WORLD_START_WALL_MS);
    model_init(&world->model);
    for (size_t i = 0; i < WORLD_MACHINES_MAX; i++) {
        for (size_t k = 0; k < WORLD_MACHINES_MAX; k++) {
            world->link_of[i][k] = LINK_NONE;
        }
    }
    world_add_machine(world, COUNTY_CODE, "county");
    return world;
}

void world_destroy(struct world *world)
{
    for (size_t i = 0; i < world->machine_count; i++) {
        machine_deinit(&world->machines[i]);
    }
    queue_deinit(&world->queue);
    county_deinit(&world->county);
    model_deinit(&world->model);
    free(world->links);
    place_remove(world->directory);
    free(world);
}

uint32_t world_add_machine(struct world *world, uint64_t division, const char *name)
{
    CHECK(world->machine_count < WORLD_MACHINES_MAX);
    uint32_t index = (uint32_t)world->machine_count++;
    machine_init(world, &world->machines[index], index, division, name);
    return index;
}

void world_found(struct world *world, uint32_t first, size_t count)
{
    struct request *requests = checked_malloc((count + 1) * sizeof(*requests));
    for (size_t i = 0; i < count; i++) {
        machine_request(world_machine(world, first + (uint32_t)i), &requests[i]);
    }
    county_admit(&world->county, requests, count, WORLD_START_WALL_MS + world->now_ms,
                 &world->nodes_chance);
    free(requests);
    struct slice grant = buffer_slice(&world->county.file);
    for (size_t i = 0; i < count; i++) {
        struct machine *machine = world_machine(world, first + (uint32_t)i);
        machine->number = county_number(&world->county, &machine->keys.id);
        buffer_put(&machine->grant, grant.data, grant.size);
        machine_start(world, machine);
    }
}

void world_revoke(struct world *world, uint32_t index, const struct cut *cuts,
                  size_t count)
{
    struct machine *machine = world_machine(world, index);
    machine->revoked = true;
    world_note(world, "-", "%s is revoked", machine->name);
    county_revoke(&world->county, machine->number, cuts, count,
                  WORLD_START_WALL_MS + world->now_ms, &world->nodes_chance);
    machine_deliver(world, &world->machines[0], EVENT_JOIN, 0,
                    buffer_slice(&world->county.file), NULL);
}

void world_state_policy(struct world *world, const char *name, const char *value,
                        int64_t from_day)
{
    world_note(world, "-", "policy: %s is %s", name, value);
    county_state_policy(&world->county, name, value, from_day,
                        WORLD_START_WALL_MS + world->now_ms);
    machine_deliver(world, &world->machines[0], EVENT_JOIN, 0,
                    buffer_slice(&world->county.file), NULL);
}

int64_t world_today(const struct world *world)
{
    return day_of_minutes(beijing_minutes(WORLD_START_WALL_MS + world->now_ms));
}

static void happen_to_machine(struct world *world, const struct happening *happening)
{
    struct machine *machine = &world->machines[happening->machine];
    if (happening->kind == HAPPEN_RUN) {
        machine_run(world, happening);
    } else if (happening->kind == HAPPEN_WAKE) {
        machine_wake(world, happening);
    } else if (machine->node == NULL) {
        machine_start(world, machine);
    }
}

static void happen(struct world *world, const struct happening *happening)
{
    switch (happening->kind) {
    case HAPPEN_RUN:
    case HAPPEN_WAKE:
    case HAPPEN_START: happen_to_machine(world, happening); break;
    case HAPPEN_TRY: link_try(world, happening); break;
    case HAPPEN_SIDE_UP: link_side_up(world, happening); break;
    case HAPPEN_SIDE_DOWN: link_side_down(world, happening); break;
    case HAPPEN_FRAME: link_arrive(world, happening); break;
    case HAPPEN_WORK: world->on_work(world, happening); break;
    case HAPPEN_FAULT: world->on_fault(world, happening); break;
    case HAPPEN_MEND: world->on_mend(world, happening); break;
    }
}

void world_run_until(struct world *world, uint64_t at_ms)
{
    uint64_t next_ms;
    while (!world_failed(world) && queue_next_ms(&world->queue, &next_ms) &&
           next_ms <= at_ms) {
        struct happening happening = queue_take(&world->queue);
        CHECK(happening.at_ms >= world->now_ms);
        world->now_ms = happening.at_ms;
        happen(world, &happening);
        free(happening.bytes);
    }
    world->now_ms = at_ms > world->now_ms ? at_ms : world->now_ms;
}

void world_run_for(struct world *world, uint64_t ms)
{
    world_run_until(world, world->now_ms + ms);
}

bool world_run_until_fact(struct world *world, world_fact *fact, void *context,
                          uint64_t step_ms, uint64_t ms_max)
{
    uint64_t end_ms = world->now_ms + ms_max;
    while (!fact(world, context)) {
        if (world->now_ms >= end_ms || world_failed(world)) {
            return false;
        }
        world_run_for(world, step_ms);
    }
    return true;
}

void world_fail(struct world *world, const char *format, ...)
{
    if (world_failed(world)) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(world->failure, sizeof(world->failure), format, arguments);
    va_end(arguments);
    world_note(world, "-", "BROKEN PROMISE: %s", world->failure);
}

bool world_failed(const struct world *world)
{
    return world->failure[0] != '\0';
}

void world_note(struct world *world, const char *who, const char *format, ...)
{
    char line[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    trace_line(&world->trace, world->now_ms, who, "%s", line);
}

struct machine *world_machine(struct world *world, uint32_t index)
{
    CHECK(index < world->machine_count);
    return &world->machines[index];
}

struct machine *world_member(struct world *world, uint32_t number)
{
    for (size_t i = 0; number > 0 && i < world->machine_count; i++) {
        if (world->machines[i].number == number) {
            return &world->machines[i];
        }
    }
    return NULL;
}
