#include "daemon/run/round.h"

void round_init(struct round *round, struct node *node,
                const struct round_carrier *carrier)
{
    *round = (struct round){.node = node, .carrier = *carrier};
    batch_init(&round->batch);
    shares_init(&round->shares);
    pace_init(&round->pace);
    effects_init(&round->effects);
}

void round_deinit(struct round *round)
{
    effects_deinit(&round->effects);
    shares_deinit(&round->shares);
    batch_deinit(&round->batch);
}

void round_hear(struct round *round)
{
    struct transport_event heard;

    for (unsigned i = 0; i < ROUND_HEARD_MAX; i++) {
        if (shares_are_full(&round->shares) ||
            !round->carrier.receive(round->carrier.context, &heard))
            return;
        if (shares_add(&round->shares, &heard))
            continue;
        shares_forget(&round->shares, heard.peer);
        round->carrier.excess(round->carrier.context, heard.peer);
    }
}

void round_collect(struct round *round)
{
    struct batch *batch = &round->batch;
    struct transport_event heard;
    enum event_kind kind;
    uint64_t work;

    while (pace_allows(&round->pace) && !batch_is_full(batch) &&
           shares_take(&round->shares, &batch->arena, &heard, &work)) {
        pace_take(&round->pace, work, heard.frame.size);
        if (!round->carrier.translate(round->carrier.context, &heard, &kind))
            continue;
        struct event *event = batch_add(batch, kind);
        event->peer = heard.peer;
        event->connection = heard.connection;
        event->bytes = heard.frame;
        batch->bytes += heard.frame.size;
    }
}

enum status round_commit(struct round *round)
{
    enum status status = node_handle(round->node, round->batch.events, round->batch.count,
                                     &round->effects);

    for (size_t i = 0; i < round->effects.count; i++) {
        const struct effect *effect = &round->effects.items[i];
        if (effect->kind == EFFECT_DROP)
            shares_forget(&round->shares, effect->peer);
        round->carrier.release(round->carrier.context, effect);
    }
    effects_clear(&round->effects);
    return status;
}
