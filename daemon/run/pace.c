#include "daemon/run/pace.h"

#define UNIT_NS_START 1000 /* until one was measured */

void pace_init(struct pace *pace)
{
    *pace = (struct pace){.unit_ns = UNIT_NS_START, .allowed = PACE_WORK_MIN};
}

void pace_hurry(struct pace *pace, uint64_t now_ms)
{
    pace->hurry_until_ms = now_ms + PACE_HURRY_MS;
}

/* The work allowed in a round is what the measured speed makes affordable, at most double what
 * was allowed in the last one. So a peer that sends frames which cost less than they are
 * rated, to raise the measured speed, gains little when it then sends costly ones. */
void pace_begin(struct pace *pace, uint64_t now_ms, bool beside)
{
    uint64_t us = beside                          ? PACE_BESIDE_US
                  : now_ms < pace->hurry_until_ms ? PACE_HURRIED_US
                                                  : PACE_CALM_US;
    uint64_t affordable = us * 1000 / pace->unit_ns;
    if (affordable > 2 * pace->allowed)
        affordable = 2 * pace->allowed;
    if (affordable < PACE_WORK_MIN)
        affordable = PACE_WORK_MIN;
    pace->allowed = affordable;
    pace->taken = 0;
    pace->frames = pace->bytes = 0;
}

bool pace_allows(const struct pace *pace)
{
    return pace->taken < pace->allowed && pace->frames < PACE_FRAMES_MAX &&
           pace->bytes < PACE_BYTES_MAX;
}

void pace_take(struct pace *pace, uint64_t work, size_t frame_bytes)
{
    pace->taken += work;
    pace->unmeasured += work;
    pace->frames++;
    pace->bytes += frame_bytes;
}

void pace_measure(struct pace *pace, uint64_t spent_us)
{
    if (pace->unmeasured < PACE_WORK_MIN)
        return;
    pace->unit_ns = spent_us * 1000 / pace->unmeasured + 1;
    pace->unmeasured = 0;
}
