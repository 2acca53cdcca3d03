/* link.h - a virtual line between two machines: delay, rate, loss, duplicates,
 * reordering, cuts, and sides that learn late what happened to it.
 *
 * What net/transport.h promises holds here too: a side that was told of no DOWN may find
 * its line replaced by a newer one without an UP, and frames under way may be lost. */
#ifndef LINLI_TESTS_SIM_LINK_H
#define LINLI_TESTS_SIM_LINK_H

#include "tests/sim/queue.h"

struct world;

struct link_quality {
    uint32_t delay_ms;
    uint32_t jitter_ms;
    uint32_t rate_bytes_per_s; /* 0: without limit */
    unsigned loss_permille;
    unsigned duplicate_permille;
    unsigned reorder_permille;
};

struct link_side {
    bool up;                  /* what this machine's engine was told */
    uint64_t up_at_ms;        /* frames arrive after it */
    uint64_t free_at_ms;      /* the line is busy with this side's frames until then */
    uint64_t last_arrival_ms; /* of this side's frames at the other */
    uint64_t frames, bytes;   /* handed to the line by this side */
    uint64_t frames_lost;
};

struct link {
    uint32_t machine[2];
    struct link_quality quality;
    bool alive;     /* frames arrive */
    unsigned cuts;  /* faults that hold it down */
    uint64_t epoch; /* of its present life */
    struct link_side side[2];
    bool try_planned;
};

#define LINK_NONE UINT32_MAX

uint32_t link_add(struct world *world, uint32_t a, uint32_t b,
                  const struct link_quality *quality);
uint32_t link_between(const struct world *world, uint32_t a, uint32_t b);

void link_cut(struct world *world, uint32_t link); /* counts: two cuts need two mends */
void link_mend(struct world *world, uint32_t link);
/* Frames under way are lost; each side learns of it within `notice_ms_max`. */
void link_break(struct world *world, uint32_t link, uint64_t notice_ms_max);

/* A machine without power: its side forgets, the other learns in its time. */
void link_lose_machine(struct world *world, uint32_t machine);
void link_find_machine(struct world *world, uint32_t machine); /* it is on again */

/* A machine ends the connection, or tries soon to make one. */
void link_hang_up(struct world *world, uint32_t link, uint32_t machine);
void link_dial(struct world *world, uint32_t link);

void link_send(struct world *world, uint32_t link, uint32_t from, struct slice frame);

/* The queue's happenings. */
void link_try(struct world *world, const struct happening *happening);
void link_side_up(struct world *world, const struct happening *happening);
void link_side_down(struct world *world, const struct happening *happening);
void link_arrive(struct world *world, const struct happening *happening);

#endif
