#include <stdlib.h>

#include "net/engine.h"

void effects_init(struct effects *effects)
{
    *effects = (struct effects){0};
    arena_init(&effects->arena);
}

void effects_deinit(struct effects *effects)
{
    free(effects->items);
    arena_deinit(&effects->arena);
}

void effects_clear(struct effects *effects)
{
    effects->count = 0;
    arena_reset(&effects->arena);
}

struct effect *effects_add(struct effects *effects, enum effect_kind kind, uint32_t peer)
{
    effects->items = array_grow(effects->items, &effects->capacity, effects->count + 1,
                                sizeof *effects->items);
    effects->items[effects->count] =
        (struct effect){.kind = kind, .peer = peer, .field = FIELD_NONE};
    return &effects->items[effects->count++];
}
