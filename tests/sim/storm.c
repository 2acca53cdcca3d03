#include "tests/sim/storm.h"

#include <inttypes.h>

#include "tests/sim/checks.h"

#define CONVERGENCE_MS_MAX (6 * HOUR_MS)

static bool has_converged(struct world *world, void *context)
{
    (void)context;
    return converged_yet(world, NULL);
}

static const char *shape_name(enum shape shape)
{
    static const char *const names[SHAPES] = {"star", "ring", "chain", "tree", "web"};
    return names[shape];
}

static void describe(const struct world *world, const struct plan *plan, uint64_t took_ms,
                     struct storm_result *result)
{
    char text[DURATION_SIZE];
    uint64_t crashes = 0;
    for (size_t i = 0; i < world->machine_count; i++) {
        crashes += world->machines[i].crashes;
    }
    snprintf(result->line, sizeof(result->line),
             "%s of %zu, %zu writes, %" PRIu64 " faults, %" PRIu64 " crashes, %" PRIu64
             " frames, equal after %s%s",
             shape_name(plan->shape), world->machine_count, world->model.count,
             plan->faults_made, crashes, world->frames_delivered,
             duration_text(took_ms, text), plan->revoked ? ", one revoked" : "");
}

static void check_everything(struct world *world)
{
    bool (*const checks[])(struct world *) = {
        check_converged, check_acknowledged, check_readable, check_relay,
        check_revoked,   check_model,        check_quiet,    check_converged,
        check_figures,   check_counted};
    for (size_t i = 0; i < ARRAY_SIZE(checks) && !world_failed(world); i++) {
        checks[i](world);
    }
}

static void finish_trace(const struct world *world, struct storm_result *result)
{
    struct hash hash;
    trace_hash(&world->trace, &hash);
    snprintf(result->trace, sizeof(result->trace), "%016" PRIx64, get_be64(hash.bytes));
}

void storm_run(uint64_t seed, const struct storm_options *options, FILE *trace_out,
               struct storm_result *result)
{
    char why[WORLD_FAILURE_SIZE];
    struct plan plan;
    struct world *world = world_create(seed, trace_out);
    plan_make(world, &plan, options);
    plan_storm(world);
    uint64_t over_ms = world->now_ms;
    if (!world_run_until_fact(world, has_converged, NULL, 10000, CONVERGENCE_MS_MAX)) {
        converged_yet(world, why);
        world_fail(world, "still different hours after the storm: %s", why);
    }
    uint64_t took_ms = world->now_ms - over_ms;
    if (plan.revoked && !world_failed(world)) {
        revoke_settle(world);
    }
    check_everything(world);
    describe(world, &plan, took_ms, result);
    result->ok = !world_failed(world);
    if (!result->ok) {
        snprintf(result->line, sizeof(result->line), "%s", world->failure);
    }
    finish_trace(world, result);
    world_destroy(world);
}
