#include "daemon/run/pace.h"

#define FRAME_NS_START 100000 /* until one was measured */

void pace_init(struct pace *pace)
{
    *pace = (struct pace){.frame_ns = FRAME_NS_START, .allowed = PACE_FRAMES_MIN};
}

void pace_hurry(struct pace *pace, uint64_t now_ms)
{
    pace->hurry_until_ms = now_ms + PACE_HURRY_MS;
}

/* Falls at once and rises by doubling: who sends what is cheap in order to be allowed much
 * of what is dear gains little. */
void pace_begin(struct pace *pace, uint64_t now_ms)
{
    uint64_t us = now_ms < pace->hurry_until_ms ? PACE_HURRIED_US : PACE_CALM_US;
    uint64_t affordable = us * 1000 / pace->frame_ns;
    if (affordable > 2 * pace->allowed)
        affordable = 2 * pace->allowed;
    if (affordable > PACE_FRAMES_MAX)
        affordable = PACE_FRAMES_MAX;
    if (affordable < PACE_FRAMES_MIN)
        affordable = PACE_FRAMES_MIN;
    pace->allowed = (size_t)affordable;
    pace->taken = 0;
}

bool pace_allows(const struct pace *pace)
{
    return pace->taken < pace->allowed;
}

void pace_take(struct pace *pace, size_t frame_bytes)
{
    size_t frames = 1 + frame_bytes / PACE_FRAME_BYTES;
    pace->taken += frames;
    pace->unmeasured += frames;
}

void pace_measure(struct pace *pace, uint64_t spent_us)
{
    if (pace->unmeasured == 0)
        return;
    pace->frame_ns = spent_us * 1000 / pace->unmeasured + 1;
    pace->unmeasured = 0;
}
