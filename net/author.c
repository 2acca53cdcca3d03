/* A write, from what a person asks to its reply. */
#include "net/lane.h"

/* What was drafted, in the form that every node will hold it to. */
static enum status finish(struct engine *engine, struct draft *draft,
                          const struct event *event, uint32_t actor,
                          struct buffer *plaintext)
{
    struct operation operation;

    lane_rules((uint8_t)draft->lane)
        ->encode(engine, draft, event->wall_ms, actor, plaintext);
    if (plaintext->overflow)
        return ERR_LIMIT;
    return operation_decode(buffer_slice(plaintext), &operation);
}

void author_write(struct engine *engine, const struct event *event)
{
    const struct write *write = event->write;
    struct draft draft = {
        .write = write, .refused_field = FIELD_NONE, .wall_ms = event->wall_ms};
    const struct member *self = engine_self(engine);
    const struct lane_rules *rules = NULL;
    struct effect *reply;
    struct entry_id id = {0};
    struct buffer plaintext;
    uint32_t actor = operators_number(engine, &write->account);
    enum status status;

    arena_reset(&engine->scratch);
    buffer_init(&plaintext, PAYLOAD_SIZE_MAX - SEAL_OVERHEAD);
    draft.actor = actor;
    draft.reg = schema_register(write->reg);
    if (draft.reg != NULL)
        rules = lane_rules(draft.reg->lane);
    CHECK(self != NULL); /* engine_load refuses a store whose roster lacks this node */
    /* A revoked node's entries are accepted nowhere: its clerks are told at once. */
    if (roster_revoked(engine->roster, self->number))
        status = ERR_PERMISSION;
    else
        status = rules != NULL && rules->judge != NULL ? rules->judge(engine, &draft)
                                                       : ERR_MALFORMED;
    if (status == OK && !draft.known)
        status = finish(engine, &draft, event, actor, &plaintext);
    if (draft.known) {
        id = draft.known_id;
    } else if (status == OK && !write->trial) {
        (void)operators_enrol(engine, &write->account, event);
        id = writing_append(engine, draft.lane, draft.key, buffer_slice(&plaintext),
                            event->random);
    }
    buffer_deinit(&plaintext);
    reply = engine_effect(engine, EFFECT_REPLY, 0);
    reply->token = write->token;
    reply->status = status;
    reply->id = id;
    reply->known = draft.known;
    reply->reg = write->reg;
    reply->field = draft.refused_field;
    if (draft.in_the_way.size > 0)
        reply->bytes = arena_copy(&engine->effects->arena, draft.in_the_way);
}
