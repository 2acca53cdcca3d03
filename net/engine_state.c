#include "net/engine_state.h"

#include <stdlib.h>
#include <string.h>

struct effect *engine_effect(struct engine *engine, enum effect_kind kind, uint32_t peer)
{
    return effects_add(engine->effects, kind, peer);
}

void engine_send(struct engine *engine, struct session *session, struct slice frame)
{
    struct effect *send = engine_effect(engine, EFFECT_SEND, session->peer);

    CHECK(!engine->message.overflow);
    CHECK(!roster_revoked(engine->roster, session->peer)); /* it is sent nothing more */
    send->connection = session->turns.count > 0 ? session->turns.connection : 0;
    send->bytes = arena_copy(&engine->effects->arena, frame);
    session->bytes_out += frame.size;
}

bool engine_folding(const struct engine *engine, uint64_t *runs_left)
{
    const struct refold *refold = &engine->refold;
    uint64_t left = refold->until - refold->at + engine->unread_left;
    bool sweeps = refold->sweep.stale > 0;

    if (runs_left != NULL)
        *runs_left = left;
    return left > 0 || sweeps;
}

const struct roster *engine_roster(const struct engine *engine)
{
    return engine->roster;
}

const struct heads *engine_heads(const struct engine *engine)
{
    return engine->heads;
}

const struct member *engine_self(const struct engine *engine)
{
    return roster_by_id(engine->roster, &engine->config.keys->id);
}

const struct member *engine_member(const struct engine *engine, uint32_t number)
{
    return roster_member(engine->roster, number);
}

struct log_name engine_own_log(const struct engine *engine, enum lane lane)
{
    const struct member *self = engine_self(engine);

    CHECK(self != NULL);
    return (struct log_name){self->number, (uint16_t)engine->incarnation, (uint8_t)lane};
}

size_t engine_head_index(const struct engine *engine, const struct head *head)
{
    return heads_index(engine->heads, head);
}

bool engine_carries(const struct engine *engine, uint32_t peer, struct log_name log)
{
    const struct member *member = engine_member(engine, peer);
    const struct member *author = engine_member(engine, log.node);

    return member != NULL && author != NULL && roster_carries(member, author, log.lane);
}

bool engine_carries_itself(const struct engine *engine, struct log_name log)
{
    const struct member *self = engine_self(engine);

    CHECK(self != NULL); /* engine_load refuses a store whose roster lacks this node */
    return engine_carries(engine, self->number, log);
}

bool engine_is_diverged(const struct engine *engine, struct log_name log)
{
    for (size_t i = 0; i < engine->diverged_count; i++) {
        if (log_name_equal(engine->diverged[i].log, log))
            return true;
    }
    return false;
}

bool engine_tells_other_branch(const struct engine *engine, struct log_name log,
                               uint32_t peer)
{
    for (size_t i = 0; i < engine->diverged_count; i++) {
        if (engine->diverged[i].peer == peer &&
            log_name_equal(engine->diverged[i].log, log))
            return true;
    }
    return false;
}

void engine_mark_diverged(struct engine *engine, struct log_name log, uint32_t peer)
{
    size_t at = 0;

    if (engine_tells_other_branch(engine, log, peer))
        return;
    engine->diverged = array_grow(engine->diverged, &engine->diverged_capacity,
                                  engine->diverged_count + 1, sizeof *engine->diverged);
    while (at < engine->diverged_count && !log_name_equal(engine->diverged[at].log, log))
        at++;
    memmove(&engine->diverged[at + 1], &engine->diverged[at],
            (engine->diverged_count - at) * sizeof *engine->diverged);
    engine->diverged[at] = (struct divergence){log, peer};
    engine->diverged_count++;
}

void engine_clear_diverged(struct engine *engine, uint32_t peer)
{
    size_t kept = 0;

    for (size_t i = 0; i < engine->diverged_count; i++) {
        if (engine->diverged[i].peer != peer)
            engine->diverged[kept++] = engine->diverged[i];
    }
    engine->diverged_count = kept;
}

void engine_clear_diverged_log(struct engine *engine, struct log_name log)
{
    size_t kept = 0;

    for (size_t i = 0; i < engine->diverged_count; i++) {
        if (!log_name_equal(engine->diverged[i].log, log))
            engine->diverged[kept++] = engine->diverged[i];
    }
    engine->diverged_count = kept;
}

bool engine_meta_get(struct store_txn *txn, const char *name, struct slice *value)
{
    return store_get(txn, STORE_META, slice_text(name), value);
}

void engine_meta_put(struct engine *engine, const char *name, struct slice value)
{
    store_put(engine->txn, STORE_META, slice_text(name), value);
}
