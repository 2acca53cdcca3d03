#include "tests/sim/queue.h"

#include <stdlib.h>

void queue_init(struct queue *queue)
{
    *queue = (struct queue){0};
}

void queue_deinit(struct queue *queue)
{
    for (size_t i = 0; i < queue->count; i++) {
        free(queue->items[i].bytes);
    }
    free(queue->items);
    *queue = (struct queue){0};
}

static bool comes_before(const struct happening *a, const struct happening *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->serial < b->serial;
}

static void swap_items(struct queue *queue, size_t a, size_t b)
{
    struct happening kept = queue->items[a];
    queue->items[a] = queue->items[b];
    queue->items[b] = kept;
}

void queue_add(struct queue *queue, struct happening happening)
{
    queue->items = array_grow(queue->items, &queue->capacity, queue->count + 1,
                              sizeof *queue->items);
    happening.serial = queue->serial++;
    size_t at = queue->count++;
    queue->items[at] = happening;
    while (at > 0 && comes_before(&queue->items[at], &queue->items[(at - 1) / 2])) {
        swap_items(queue, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
}

bool queue_next_ms(const struct queue *queue, uint64_t *at_ms)
{
    if (queue->count == 0) {
        return false;
    }
    *at_ms = queue->items[0].at_ms;
    return true;
}

static void sink_root(struct queue *queue)
{
    size_t at = 0;
    for (;;) {
        size_t first = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2; child++) {
            if (child < queue->count &&
                comes_before(&queue->items[child], &queue->items[first])) {
                first = child;
            }
        }
        if (first == at) {
            return;
        }
        swap_items(queue, at, first);
        at = first;
    }
}

struct happening queue_take(struct queue *queue)
{
    CHECK(queue->count > 0);
    struct happening taken = queue->items[0];
    queue->items[0] = queue->items[--queue->count];
    sink_root(queue);
    return taken;
}
