/* A write, from what a person asks to its reply; and whose hands wrote here before. */
#include "crdt/codec.h"
#include "net/draft.h"

#include <stdlib.h>
#include <string.h>

/* ---- who writes ---- */

static void remember_operator(struct engine *engine, uint32_t number, struct slice name)
{
    struct known_operator *known;

    name = text_cut(name, NAME_SIZE_MAX);
    engine->operators = checked_realloc(engine->operators, (engine->operator_count + 1) *
                                                               sizeof *engine->operators);
    known = &engine->operators[engine->operator_count++];
    *known = (struct known_operator){.number = number};
    memcpy(known->name, name.data, name.size);
}

static void load_operator(struct engine *engine, const struct record_view *record)
{
    struct slice number = view_value(record, OPERATOR_NUMBER);
    struct slice account = view_value(record, OPERATOR_ACCOUNT);
    struct slice name;
    uint64_t value;

    if (entry_id_log(&record->id).node != engine_self(engine)->number)
        return;
    if (codec_take_uint(&number, &value) && codec_take_text(&account, &name))
        remember_operator(engine, (uint32_t)value, name);
}

void author_load(struct engine *engine)
{
    const struct schema_register *reg = schema_register(REGISTER_OPERATOR);
    const struct member *self = engine_self(engine);
    struct fold_subjects walk = {.reg = REGISTER_OPERATOR};
    struct record_view record;
    struct entry_id subject;
    uint64_t realm, newest;

    engine->operator_count = 0;
    if (self == NULL)
        return;
    walk.realm = member_home_realm(self);
    while (fold_subjects_next(engine->txn, &walk, &realm, &subject, &newest)) {
        arena_reset(&engine->scratch);
        if (view_record(engine->txn, reg, realm, NULL, &subject, &engine->scratch,
                        &record))
            load_operator(engine, &record);
    }
    store_cursor_close(&walk.cursor);
}

/* The actor's number for an account; the first write of an account records it as an
 * operator of this node. */
static uint32_t actor_of(struct engine *engine, const struct event *event)
{
    const struct schema_register *reg = schema_register(REGISTER_OPERATOR);
    struct slice name = event->write->account.name;
    struct operation_value values[2];
    struct buffer fields[2], plaintext;
    uint32_t number = (uint32_t)engine->operator_count + 1;

    name = text_cut(name, NAME_SIZE_MAX);
    if (name.size == 0 || !text_is_clean(name))
        name = slice_text("unknown");
    for (size_t i = 0; i < engine->operator_count; i++) {
        if (slice_equal(slice_text(engine->operators[i].name), name))
            return engine->operators[i].number;
    }
    for (size_t i = 0; i < 2; i++)
        buffer_init(&fields[i], 256);
    buffer_init(&plaintext, 1024);
    codec_put_uint(&fields[0], number);
    codec_put_text(&fields[1], name);
    values[0] = (struct operation_value){.field = OPERATOR_NUMBER,
                                         .value = buffer_slice(&fields[0])};
    values[1] = (struct operation_value){.field = OPERATOR_ACCOUNT,
                                         .value = buffer_slice(&fields[1])};
    operation_encode_create(&plaintext, event->wall_ms, number, reg, values, 2);
    writing_append(
        engine, LANE_RECORD,
        roster_newest_key(engine->roster, member_home_realm(engine_self(engine))),
        buffer_slice(&plaintext), event->random);
    remember_operator(engine, number, name);
    buffer_deinit(&plaintext);
    buffer_deinit(&fields[0]);
    buffer_deinit(&fields[1]);
    return number;
}

/* What was drafted, in the form that every node will hold it to. */
static enum status draft_finish(struct engine *engine, struct draft *draft,
                                const struct event *event, struct buffer *plaintext)
{
    struct operation operation;

    draft_encode(engine, draft, event->wall_ms, actor_of(engine, event), plaintext);
    if (plaintext->overflow)
        return ERR_LIMIT;
    return operation_decode(buffer_slice(plaintext), &operation);
}

void author_write(struct engine *engine, const struct event *event)
{
    const struct write *write = event->write;
    struct draft draft = {.write = write, .refused_field = FIELD_NONE};
    struct effect *reply;
    struct entry_id id = {0};
    struct buffer plaintext;
    enum status status;

    arena_reset(&engine->scratch);
    buffer_init(&plaintext, PAYLOAD_SIZE_MAX - SEAL_OVERHEAD);
    draft.reg = schema_register(write->reg);
    status = draft.reg != NULL ? draft_judge(engine, &draft) : ERR_MALFORMED;
    if (status == OK)
        status = draft_finish(engine, &draft, event, &plaintext);
    if (status == OK)
        id = writing_append(engine, draft.reg->lane, draft.key, buffer_slice(&plaintext),
                            event->random);
    buffer_deinit(&plaintext);
    reply = engine_effect(engine, EFFECT_REPLY, 0);
    reply->token = write->token;
    reply->status = status;
    reply->id = id;
    reply->reg = write->reg;
    reply->field = draft.refused_field;
}
