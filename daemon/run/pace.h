/* pace.h - how much work one round takes from neighbours, so that nobody at a terminal waits
 * for a flood.
 *
 * A commit costs the same for one frame as for many, so while nobody asks a round takes much:
 * frames worth PACE_CALM_US of the processor. While somebody has asked lately it is
 * PACE_HURRIED_US, because who asks next waits for the round under way; and PACE_BESIDE_US
 * in a batch that somebody waits for already. Whose frames they are is decided by
 * daemon/run/shares.h, in units of work; how long a unit takes on this machine is measured,
 * as time of the processor, not of the clock: a slow disk is no reason for more commits. */
#ifndef LINLI_DAEMON_PACE_H
#define LINLI_DAEMON_PACE_H

#include "crdt/base.h"

#define PACE_FRAMES_MAX 160         /* the rest of a batch is for whoever asks */
#define PACE_BYTES_MAX (960 * 1024) /* memory of a batch */
#define PACE_WORK_MIN 1000          /* however slow: everybody must get on too */
#define PACE_CALM_US 200000
#define PACE_HURRIED_US 20000
#define PACE_BESIDE_US 4000
#define PACE_HURRY_MS 500 /* who asked so lately will ask again */

struct pace {
    uint64_t unit_ns; /* what a unit of work cost the last time */
    uint64_t allowed, taken;
    size_t frames, bytes;
    uint64_t unmeasured; /* taken, and not yet handled */
    uint64_t hurry_until_ms;
};

void pace_init(struct pace *pace);

/* Somebody asked at `now_ms`. */
void pace_hurry(struct pace *pace, uint64_t now_ms);

/* Begins a round. `beside`: its batch has something that somebody waits for. */
void pace_begin(struct pace *pace, uint64_t now_ms, bool beside);
bool pace_allows(const struct pace *pace); /* one more frame in this round */
void pace_take(struct pace *pace, uint64_t work, size_t frame_bytes);

/* What was taken since it was last measured was handled in `spent_us`. Work of less than
 * PACE_WORK_MIN says nothing of a unit, because a commit has its own cost. Without such calls
 * a unit is taken for the microsecond that it is on the machine it was measured on. */
void pace_measure(struct pace *pace, uint64_t spent_us);

#endif
