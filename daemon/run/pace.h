/* pace.h - how many frames one round takes, so that nobody at a terminal waits for a flood.
 *
 * A commit costs the same for one frame as for many, so while nobody asks a round takes
 * many. But a frame of a hostile member may cost a thousand times what an honest one does:
 * what the last frames cost decides how many come next. A round of frames then takes
 * PACE_CALM_US of the processor at most, and PACE_HURRIED_US while somebody asks. What is not
 * taken waits below, in the carrier, which reads its connections in turn and holds a sender
 * back whose queue is full.
 *
 * Time of the processor is measured, not of the clock: a slow disk is no reason for more
 * commits. */
#ifndef LINLI_DAEMON_PACE_H
#define LINLI_DAEMON_PACE_H

#include "crdt/base.h"

#define PACE_FRAMES_MAX 160   /* the rest of a batch is for whoever waits at a terminal */
#define PACE_FRAMES_MIN 8     /* however dear they are: the others must get on too */
#define PACE_FRAME_BYTES 6144 /* a longer one counts as several */
#define PACE_CALM_US 200000
#define PACE_HURRIED_US 20000
#define PACE_HURRY_MS 500 /* who asked so lately will ask again */

struct pace {
    uint64_t frame_ns; /* what a frame cost the last time */
    size_t allowed, taken;
    size_t unmeasured; /* taken, and not yet handled */
    uint64_t hurry_until_ms;
};

void pace_init(struct pace *pace);

/* Somebody asked at `now_ms`. */
void pace_hurry(struct pace *pace, uint64_t now_ms);

/* Begins a round. */
void pace_begin(struct pace *pace, uint64_t now_ms);
bool pace_allows(const struct pace *pace); /* one more frame in this round */
void pace_take(struct pace *pace, size_t frame_bytes);

/* What was taken since the last call was handled in `spent_us`. */
void pace_measure(struct pace *pace, uint64_t spent_us);

#endif
