/* world.h - a county of real nodes on a virtual clock, all of it from one seed.
 *
 *   world_create -> world_add_machine … -> world_found -> link_add … ->
 *   world_run_for / world_run_until -> checks.h -> world_destroy
 *
 * Nothing in here asks the system for time or chance: the same seed and calls give the
 * same trace, byte for byte. */
#ifndef LINLI_TESTS_SIM_WORLD_H
#define LINLI_TESTS_SIM_WORLD_H

#include "tests/sim/county.h"
#include "tests/sim/link.h"
#include "tests/sim/machine.h"
#include "tests/sim/model.h"
#include "tests/sim/trace.h"

#define WORLD_START_WALL_MS UINT64_C(1780000000000) /* 2026-05-28 */
#define WORLD_MACHINES_MAX 64
#define WORLD_FAILURE_SIZE 512

/* A frame on its way from one machine to another, for tests that listen in or tamper. */
enum frame_verdict { FRAME_PASSES, FRAME_LOST };
typedef enum frame_verdict world_intercept(void *context, struct world *world,
                                           uint32_t from, uint32_t to,
                                           struct slice frame);
/* The answer to a job that was released to its asker. */
typedef void world_answered(void *context, const struct job *job,
                            const struct effect *reply);
typedef void world_happened(struct world *world, const struct happening *happening);

struct world {
    uint64_t seed;
    uint64_t now_ms;
    struct queue queue;
    struct trace trace;
    struct chance nodes_chance, links_chance, faults_chance, work_chance;
    char directory[96];
    struct county county;
    struct machine machines[WORLD_MACHINES_MAX];
    size_t machine_count;
    struct link *links;
    size_t link_count, link_capacity;
    uint32_t link_of[WORLD_MACHINES_MAX][WORLD_MACHINES_MAX];
    struct model model;
    uint64_t token;

    world_intercept *intercept;
    void *intercept_context;
    world_answered *answered;
    void *answered_context;
    world_happened *on_work, *on_fault, *on_mend;
    void *plan; /* of the workload and the faults, see plan.h */

    uint64_t frames_delivered, writes_refused, writes_failed;
    char failure[WORLD_FAILURE_SIZE]; /* the first broken promise; empty: none */
};

/* `trace_out` NULL: the trace is only hashed. CHECKs that a directory can be made. */
struct world *world_create(uint64_t seed, FILE *trace_out);
void world_destroy(struct world *world); /* removes the stores */

/* Returns its index. Machine 0 is the hub, added by world_create. */
uint32_t world_add_machine(struct world *world, uint64_t division, const char *name);

/* The authority admits machines first..first+count-1 and hands each the grant; they
 * start. */
void world_found(struct world *world, uint32_t first, size_t count);

/* The authority revokes the machine, and the hub's operator takes the grant in. */
void world_revoke(struct world *world, uint32_t index, const struct cut *cuts,
                  size_t count);

/* The authority lays down a policy, which the hub's operator takes in likewise. */
void world_state_policy(struct world *world, const char *name, const char *value,
                        int64_t from_day);
int64_t world_today(const struct world *world); /* the true day, Beijing */

void world_run_until(struct world *world, uint64_t at_ms);
void world_run_for(struct world *world, uint64_t ms);
/* Runs until `fact` holds, asking each `step_ms`; false when `ms_max` passed without it.
 */
typedef bool world_fact(struct world *world, void *context);
bool world_run_until_fact(struct world *world, world_fact *fact, void *context,
                          uint64_t step_ms, uint64_t ms_max);

/* Notes the first failure; later ones are consequences. */
void world_fail(struct world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
bool world_failed(const struct world *world);

void world_note(struct world *world, const char *who, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

struct machine *world_machine(struct world *world, uint32_t index);
/* The machine with this member number, or NULL. */
struct machine *world_member(struct world *world, uint32_t number);

#endif
