#include "crdt/operation.h"

#include <string.h>

#include "crdt/codec.h"
#include "crdt/text.h"

/* ---- reading ---- */

static enum status set_check(const struct field *field, struct slice values)
{
    size_t count;
    struct slice value;
    if (!codec_take_array(&values, &count) || count == 0 || count > SET_VALUES_MAX)
        return ERR_MALFORMED;
    for (; count > 0; count--) {
        if (!codec_take_any(&values, &value))
            return ERR_MALFORMED;
        enum status status = field_value_check(field, value);
        if (status != OK)
            return status;
    }
    return OK;
}

/* What a create or an edit writes into a field; not nil. */
static enum status written_check(const struct field *field, struct slice value)
{
    return field->rule == MERGE_SET ? set_check(field, value)
                                    : field_value_check(field, value);
}

static enum status decode_subject(const struct schema_register *reg,
                                  struct operation *operation)
{
    struct operation create = *operation;
    uint8_t field;
    struct slice value;
    operation->subject_is_self = reg->subject_field == FIELD_NONE;
    if (operation->subject_is_self)
        return OK;
    while (operation_next_field(&create, &field, &value)) {
        if (field == reg->subject_field)
            return codec_take_id(&value, &operation->subject) ? OK : ERR_MALFORMED;
    }
    return ERR_MALFORMED;
}

/* `in` is at the first field. Absent fields at the end are cut, so the last is there. */
static enum status decode_create(const struct schema_register *reg, size_t count,
                                 struct slice *in, struct operation *operation)
{
    struct slice body = *in, value = {0};
    if (count > reg->field_count)
        return ERR_VERSION;
    for (size_t id = 0; id < count; id++) {
        if (!codec_take_any(in, &value))
            return ERR_MALFORMED;
        if (codec_is_nil(value))
            continue;
        enum status status = written_check(&reg->fields[id], value);
        if (status != OK)
            return status;
    }
    if (count > 0 && codec_is_nil(value))
        return ERR_MALFORMED;
    operation->body = slice_of(body.data, body.size - in->size);
    operation->body_count = count;
    return decode_subject(reg, operation);
}

/* [entry id, value] */
static enum status removal_check(const struct field *field, struct slice *in)
{
    struct entry_id id;
    struct slice value;
    size_t count;
    if (!codec_take_array(in, &count) || count != 2 || !codec_take_id(in, &id) ||
        !codec_take_any(in, &value))
        return ERR_MALFORMED;
    return field_value_check(field, value);
}

static enum status replaced_check(const struct field *field, struct slice replaced)
{
    size_t count;
    struct entry_id id;
    if (!codec_take_array(&replaced, &count))
        return ERR_MALFORMED;
    if (field->rule == MERGE_LOG && count > 0)
        return ERR_MALFORMED;
    for (; count > 0; count--) {
        enum status status = OK;
        if (field->rule == MERGE_SET)
            status = removal_check(field, &replaced);
        else if (!codec_take_id(&replaced, &id))
            status = ERR_MALFORMED;
        if (status != OK)
            return status;
    }
    return OK;
}

/* [field, replaced, value]; `field_min` is the least id that may stand here. */
static enum status triple_check(const struct schema_register *reg, struct slice *in,
                                uint64_t *field_min)
{
    size_t count;
    uint64_t id;
    struct slice replaced, value;
    if (!codec_take_array(in, &count) || count != 3 || !codec_take_uint(in, &id) ||
        !codec_take_any(in, &replaced) || !codec_take_any(in, &value))
        return ERR_MALFORMED;
    if (id < *field_min || id >= FIELD_NONE)
        return ERR_MALFORMED;
    if (id >= reg->field_count)
        return ERR_VERSION;
    *field_min = id + 1;
    const struct field *field = &reg->fields[id];
    enum status status = replaced_check(field, replaced);
    if (status != OK)
        return status;
    if (codec_is_nil(value))
        return field->rule == MERGE_LOG ? ERR_MALFORMED : OK;
    return written_check(field, value);
}

static enum status decode_edit(const struct schema_register *reg, size_t count,
                               struct slice *in, struct operation *operation)
{
    uint64_t field_min = 0;
    bool own_subject = reg->subject_field == FIELD_NONE;
    if (count < 2 || !codec_take_id(in, &operation->subject))
        return ERR_MALFORMED;
    count--;
    operation->target = operation->subject;
    operation->has_target = own_subject;
    if (!own_subject && codec_peek(*in) == CODEC_BYTES) {
        if (count < 2 || !codec_take_id(in, &operation->target))
            return ERR_MALFORMED;
        operation->has_target = true;
        count--;
    }
    struct slice body = *in;
    operation->body_count = count;
    for (size_t i = 0; i < operation->body_count; i++) {
        enum status status = triple_check(reg, in, &field_min);
        if (status != OK)
            return status;
    }
    operation->body = slice_of(body.data, body.size - in->size);
    return OK;
}

static enum status decode_void(size_t count, struct slice *in,
                               struct operation *operation)
{
    if (count < 3 || count > 4 || !codec_take_id(in, &operation->subject) ||
        !codec_take_id(in, &operation->target) ||
        !codec_take_text(in, &operation->reason))
        return ERR_MALFORMED;
    if (count == 4 &&
        (!codec_take_bool(in, &operation->restores) || !operation->restores))
        return ERR_MALFORMED;
    operation->has_target = true;
    return text_characters(operation->reason) <= REASON_CHARACTERS_MAX ? OK
                                                                       : ERR_FIELD_VALUE;
}

/* The operation's array after kind and register, `count` values. */
static enum status decode_body(size_t count, struct slice *in,
                               struct operation *operation)
{
    const struct schema_register *reg = schema_register(operation->reg);
    if (reg == NULL)
        return ERR_VERSION;
    switch (operation->kind) {
    case OPERATION_CREATE: return decode_create(reg, count, in, operation);
    case OPERATION_EDIT: return decode_edit(reg, count, in, operation);
    case OPERATION_VOID: return decode_void(count, in, operation);
    }
    return ERR_VERSION;
}

static enum status decode_operation(struct slice in, struct operation *operation)
{
    size_t outer, inner;
    uint64_t actor, kind, reg;
    if (!codec_take_array(&in, &outer) || outer != 3 ||
        !codec_take_uint(&in, &operation->stamp_ms) || !codec_take_uint(&in, &actor) ||
        actor > UINT32_MAX || !codec_take_array(&in, &inner) || inner < 2 ||
        !codec_take_uint(&in, &kind) || !codec_take_uint(&in, &reg))
        return ERR_MALFORMED;
    if (kind > OPERATION_VOID || reg > UINT8_MAX)
        return ERR_VERSION;
    operation->actor = (uint32_t)actor;
    operation->kind = (enum operation_kind)kind;
    operation->reg = (uint8_t)reg;
    enum status status = decode_body(inner - 2, &in, operation);
    return status == OK && in.size > 0 ? ERR_MALFORMED : status;
}

enum status operation_decode(struct slice plaintext, struct operation *operation)
{
    uint8_t codec;
    *operation = (struct operation){0};
    if (!slice_take_u8(&plaintext, &codec))
        return ERR_MALFORMED;
    if (codec != CODEC_PLAIN)
        return ERR_VERSION;
    enum status status = decode_operation(plaintext, operation);
    /* What a newer program wrote is well-formed too, and is kept until the upgrade. */
    if (status == ERR_VERSION && !codec_check(plaintext))
        return ERR_MALFORMED;
    return status;
}

bool operation_next_field(struct operation *create, uint8_t *field, struct slice *value)
{
    if (create->body_count == 0)
        return false;
    CHECK(codec_take_any(&create->body, value));
    if (codec_is_nil(*value))
        *value = (struct slice){0};
    *field = create->next_field++;
    create->body_count--;
    return true;
}

bool operation_next_edit(struct operation *edit, uint8_t *field, struct slice *replaced,
                         struct slice *value)
{
    size_t count;
    uint64_t id;
    if (edit->body_count == 0)
        return false;
    CHECK(codec_take_array(&edit->body, &count) && codec_take_uint(&edit->body, &id) &&
          codec_take_any(&edit->body, replaced) && codec_take_any(&edit->body, value));
    if (codec_is_nil(*value))
        *value = (struct slice){0};
    *field = (uint8_t)id;
    edit->body_count--;
    return true;
}

/* ---- writing ---- */

/* Up to and with the register; `count` values follow. */
static void put_front(struct buffer *out, uint64_t stamp_ms, uint32_t actor,
                      enum operation_kind kind, const struct schema_register *reg,
                      size_t count)
{
    buffer_put_u8(out, CODEC_PLAIN);
    codec_put_array(out, 3);
    codec_put_uint(out, stamp_ms);
    codec_put_uint(out, actor);
    codec_put_array(out, count + 2);
    codec_put_uint(out, (uint64_t)kind);
    codec_put_uint(out, reg->id);
}

/* The values by field id; no field stands twice. */
static void order_values(const struct schema_register *reg,
                         const struct operation_value *values, size_t count,
                         const struct operation_value *ordered[FIELDS_MAX])
{
    for (size_t id = 0; id < FIELDS_MAX; id++)
        ordered[id] = NULL;
    for (size_t i = 0; i < count; i++) {
        CHECK(values[i].field < reg->field_count && ordered[values[i].field] == NULL);
        ordered[values[i].field] = &values[i];
    }
}

/* An empty set is written as nil, which decode_create takes for it and nothing else. */
static bool is_absent(const struct schema_register *reg,
                      const struct operation_value *value)
{
    struct slice encoded = value->value;
    size_t count;
    if (encoded.size == 0)
        return true;
    return reg->fields[value->field].rule == MERGE_SET &&
           codec_take_array(&encoded, &count) && count == 0;
}

void operation_encode_create(struct buffer *out, uint64_t stamp_ms, uint32_t actor,
                             const struct schema_register *reg,
                             const struct operation_value *values, size_t count)
{
    const struct operation_value *ordered[FIELDS_MAX];
    size_t used = 0;
    order_values(reg, values, count, ordered);
    for (size_t id = 0; id < reg->field_count; id++) {
        if (ordered[id] != NULL && !is_absent(reg, ordered[id]))
            used = id + 1;
    }
    put_front(out, stamp_ms, actor, OPERATION_CREATE, reg, used);
    for (size_t id = 0; id < used; id++) {
        if (ordered[id] != NULL && !is_absent(reg, ordered[id]))
            codec_put_raw(out, ordered[id]->value);
        else
            codec_put_nil(out);
    }
}

static void put_triple(struct buffer *out, const struct schema_register *reg,
                       const struct operation_value *value)
{
    codec_put_array(out, 3);
    codec_put_uint(out, value->field);
    if (value->replaced.size > 0)
        codec_put_raw(out, value->replaced);
    else
        codec_put_array(out, 0);
    if (is_absent(reg, value))
        codec_put_nil(out);
    else
        codec_put_raw(out, value->value);
}

void operation_encode_edit(struct buffer *out, uint64_t stamp_ms, uint32_t actor,
                           const struct schema_register *reg,
                           const struct entry_id *subject, const struct entry_id *target,
                           const struct operation_value *values, size_t count)
{
    const struct operation_value *ordered[FIELDS_MAX];
    bool own_subject = reg->subject_field == FIELD_NONE;
    CHECK(count > 0);
    CHECK(!own_subject || entry_id_compare(subject, target) == 0);
    order_values(reg, values, count, ordered);
    put_front(out, stamp_ms, actor, OPERATION_EDIT, reg, count + (own_subject ? 1 : 2));
    codec_put_id(out, subject);
    if (!own_subject)
        codec_put_id(out, target);
    for (size_t id = 0; id < reg->field_count; id++) {
        if (ordered[id] != NULL)
            put_triple(out, reg, ordered[id]);
    }
}

void operation_encode_void(struct buffer *out, uint64_t stamp_ms, uint32_t actor,
                           const struct schema_register *reg,
                           const struct entry_id *subject, const struct entry_id *target,
                           struct slice reason, bool restores)
{
    put_front(out, stamp_ms, actor, OPERATION_VOID, reg, restores ? 4 : 3);
    codec_put_id(out, subject);
    codec_put_id(out, target);
    codec_put_text(out, reason);
    if (restores)
        codec_put_bool(out, true);
}

/* ---- written again elsewhere ---- */

/* Ids stand as byte strings of their size wherever they are named, and nothing else is as
 * long: a sealed field is longer, and no text holds the two bytes before an id. */
bool operation_readdress(struct slice plaintext, uint32_t actor,
                         void (*rename)(void *context, struct entry_id *id),
                         void *context, struct buffer *out)
{
    static const uint8_t id_head[] = {0xc4, ENTRY_ID_SIZE};
    struct operation operation;
    struct slice rest = plaintext;
    uint64_t stamp_ms, old_actor;
    uint8_t codec;
    size_t count;

    if (operation_decode(plaintext, &operation) != OK || !slice_take_u8(&rest, &codec) ||
        !codec_take_array(&rest, &count) || !codec_take_uint(&rest, &stamp_ms) ||
        !codec_take_uint(&rest, &old_actor))
        return false;
    buffer_put_u8(out, CODEC_PLAIN);
    codec_put_array(out, count);
    codec_put_uint(out, stamp_ms);
    codec_put_uint(out, actor);
    while (rest.size > 0) {
        struct entry_id id;
        size_t size = sizeof id_head + ENTRY_ID_SIZE;
        if (rest.size < size || memcmp(rest.data, id_head, sizeof id_head) != 0) {
            buffer_put_u8(out, rest.data[0]);
            rest = slice_of(rest.data + 1, rest.size - 1);
            continue;
        }
        memcpy(id.bytes, rest.data + sizeof id_head, ENTRY_ID_SIZE);
        rename(context, &id);
        buffer_put(out, id_head, sizeof id_head);
        buffer_put(out, id.bytes, ENTRY_ID_SIZE);
        rest = slice_of(rest.data + size, rest.size - size);
    }
    return !out->overflow;
}
