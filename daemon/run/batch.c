#include "daemon/run/batch.h"

#include <stdlib.h>

/* A batch of frames ends soon after BATCH_FRAME_BYTES_MAX, and its memory is used again.
 * What is larger than this held a large grant, of 64 MiB at most: that is given back. */
#define BATCH_KEPT_BYTES_MAX (4 * BATCH_FRAME_BYTES_MAX)

void batch_init(struct batch *batch)
{
    *batch = (struct batch){0};
    arena_init(&batch->arena);
}

void batch_deinit(struct batch *batch)
{
    free(batch->events);
    free(batch->asked);
    arena_deinit(&batch->arena);
    random_wipe(&batch->random);
}

void batch_clear(struct batch *batch)
{
    if (batch->bytes > BATCH_KEPT_BYTES_MAX)
        arena_deinit(&batch->arena);
    else
        arena_reset(&batch->arena);
    batch->count = 0;
    batch->asked_count = 0;
    batch->bytes = 0;
}

bool batch_is_full(const struct batch *batch)
{
    return batch->count >= BATCH_EVENTS_MAX || batch->asked_count >= BATCH_EVENTS_MAX ||
           batch->bytes >= BATCH_FRAME_BYTES_MAX;
}

struct event *batch_add(struct batch *batch, enum event_kind kind)
{
    batch->events = array_grow(batch->events, &batch->capacity, batch->count + 1,
                               sizeof *batch->events);
    struct event *event = &batch->events[batch->count++];
    *event = (struct event){
        .kind = kind, .wall_ms = batch->wall_ms, .steady_ms = batch->steady_ms};
    random_take(&batch->random, event->random, sizeof event->random);
    return event;
}

struct asked *batch_ask(struct batch *batch, uint64_t client, enum asked_kind kind)
{
    batch->asked = array_grow(batch->asked, &batch->asked_capacity,
                              batch->asked_count + 1, sizeof *batch->asked);
    struct asked *asked = &batch->asked[batch->asked_count++];
    *asked = (struct asked){.client = client, .kind = kind};
    return asked;
}

uint64_t batch_token(const struct batch *batch, const struct asked *asked)
{
    return (uint64_t)(asked - batch->asked) + 1;
}

struct asked *batch_asked(struct batch *batch, uint64_t token)
{
    bool known = token >= 1 && token <= batch->asked_count;
    return known ? &batch->asked[token - 1] : NULL;
}
