/* plan.h - what a seed does to a county: its shape, its work, its faults, all drawn from
 * the seed, and each kind of trouble switched off in some seeds so that others can go
 * further. */
#ifndef LINLI_TESTS_SIM_PLAN_H
#define LINLI_TESTS_SIM_PLAN_H

#include "tests/sim/workload.h"

#define MINUTE_MS UINT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)

enum shape {
    SHAPE_STAR,  /* every township to the hub                              */
    SHAPE_RING,  /* a star whose townships also know their neighbours      */
    SHAPE_CHAIN, /* the hub at one end: townships are the only path        */
    SHAPE_TREE,  /* every township behind an earlier one                   */
    SHAPE_WEB,   /* a tree with as many links again, at random             */
    SHAPES,
};

enum fault {
    FAULT_CRASH_IDLE,   /* power fails between two batches               */
    FAULT_CRASH_BEFORE, /* power fails before a commit                   */
    FAULT_CRASH_AFTER,  /* power fails when it is durable, before effects */
    FAULT_COMMIT,       /* a commit fails                                */
    FAULT_DISK_FULL,    /* every commit fails for a while                */
    FAULT_CUT,          /* a link is cut for a while                     */
    FAULT_ISOLATE,      /* all links of a machine are                    */
    FAULT_FLAP,         /* a link breaks and may come back at once       */
    FAULT_PAUSE,        /* an operator pauses a peer for a while         */
    FAULT_CLOCK,        /* a wall clock jumps                            */
    FAULTS,
};

struct plan {
    enum shape shape;
    uint64_t storm_ms; /* how long work and faults last */
    size_t late_count; /* nodes admitted in the middle of it */
    uint64_t late_ms;
    size_t older_count; /* nodes whose program is older, until they are upgraded */
    uint64_t upgrade_ms, upgrade_at_ms; /* into the storm, and world time */
    bool revokes, revoked;              /* somebody is to be, has been */
    uint64_t revoke_ms;
    unsigned writes_max;
    unsigned writes_made;
    uint64_t work_gap_ms; /* mean time between pieces of work */
    unsigned burst_max;   /* writes in one piece */
    unsigned kind_weight[WORKS];
    uint32_t busy; /* the machine of a township where much is done, by the hub too */
    unsigned statements_max, statements; /* of policy, by the authority */
    bool fault_on[FAULTS];
    uint64_t fault_gap_ms; /* mean time between faults */
    uint64_t fault_ms_max; /* a fault lasts at most this */
    uint64_t faults_made;
    uint64_t counts[FAULTS];
    bool calm; /* the storm is over: what was broken gets mended, nothing new breaks */
};

struct storm_options {
    size_t townships, villages;
};

/* Draws a plan, adds machines and links, and founds the county. */
void plan_make(struct world *world, struct plan *plan,
               const struct storm_options *options);
/* Runs the storm, then mends everything. */
void plan_storm(struct world *world);

/* faults.c */
void faults_begin(struct world *world);
void faults_happen(struct world *world, const struct happening *happening);
void faults_mend(struct world *world, const struct happening *happening);
void faults_end(struct world *world); /* everything on, connected and resumed */
const char *fault_name(enum fault fault);

/* revoke.c */
void revoke_somebody(struct world *world);
void revoke_settle(struct world *world); /* what does not count leaves the model */

/* workload.c */
void work_begin(struct world *world);
void work_happen(struct world *world, const struct happening *happening);
/* One write of a random kind by this machine; false where it could do nothing. */
bool work_once(struct world *world, struct machine *machine);

/* shape.c */
void shape_build(struct world *world, struct plan *plan,
                 const struct storm_options *options);
void shape_join_late(struct world *world); /* the late nodes are admitted and linked */

#endif
