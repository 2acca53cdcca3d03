#include "net/draft.h"

#include <string.h>

#include "crdt/codec.h"

/* ---- judging what is asked ---- */

static enum status judge_place(struct engine *engine, struct draft *draft)
{
    const struct member *self = engine_self(engine);
    uint64_t county = engine->config.genesis->county;

    if (self == NULL ||
        roster_newest_key(engine->roster, member_home_realm(self)) == NULL)
        return ERR_NOT_MEMBER;
    if (engine_folding(engine, NULL))
        return ERR_BUSY;
    draft->key = roster_newest_key(engine->roster, draft->write->realm);
    if (draft->key == NULL)
        return ERR_UNREADABLE;
    if (!schema_realm_fits(draft->reg, draft->write->realm))
        return ERR_DIVISION;
    return roster_may_write(self, draft->reg->lane, draft->write->realm, county)
               ? OK
               : ERR_PERMISSION;
}

/* A void or an amendment names a record that stands. */
static enum status judge_target(struct engine *engine, struct draft *draft,
                                const struct entry_id *target)
{
    const struct write *write = draft->write;
    const struct entry_id *subject =
        draft->reg->subject_field == FIELD_NONE ? NULL : &write->subject;

    if (!view_record(engine->txn, draft->reg, write->realm, subject, target,
                     &engine->scratch, &draft->record) ||
        !draft->record.known)
        return ERR_NOT_FOUND;
    return draft->record.voided || draft->record.amended_count > 0 ? ERR_VOIDED : OK;
}

static const struct write_value *find_value(const struct write *write, uint8_t field)
{
    for (size_t i = 0; i < write->count; i++) {
        if (write->values[i].field == field)
            return &write->values[i];
    }
    return NULL;
}

static enum status judge_amended(struct engine *engine, struct draft *draft)
{
    const struct write_value *amends = NULL;
    struct entry_id target;
    struct slice value, bytes;

    if (draft->reg->amends_field != FIELD_NONE)
        amends = find_value(draft->write, draft->reg->amends_field);
    if (amends == NULL)
        return OK;
    value = amends->value;
    if (!codec_take_bytes(&value, &bytes) || bytes.size != ENTRY_ID_SIZE)
        return ERR_FIELD_VALUE;
    memcpy(target.bytes, bytes.data, ENTRY_ID_SIZE);
    return judge_target(engine, draft, &target);
}

static enum status judge_create(struct engine *engine, struct draft *draft)
{
    const struct write *write = draft->write;
    uint64_t newest, rows;

    for (size_t i = 0; i < draft->reg->field_count; i++) {
        const struct field *field = &draft->reg->fields[i];
        if (field->required && find_value(write, field->id) == NULL) {
            draft->refused_field = field->id;
            return ERR_FIELD_MISSING;
        }
    }
    if (draft->reg->subject_field == FIELD_NONE)
        return OK;
    draft->refused_field = draft->reg->subject_field;
    if (!fold_chain_newest(engine->txn, REGISTER_PERSON, write->realm, &write->subject,
                           &newest, &rows))
        return ERR_NOT_FOUND;
    /* A single row is the creation, or nothing that could void it. */
    if (rows > 1 &&
        view_record(engine->txn, schema_register(REGISTER_PERSON), write->realm, NULL,
                    &write->subject, &engine->scratch, &draft->record) &&
        draft->record.voided)
        return ERR_VOIDED;
    draft->refused_field = FIELD_NONE;
    return judge_amended(engine, draft);
}

static enum status judge_edit(struct engine *engine, struct draft *draft)
{
    const struct write *write = draft->write;

    if (!view_record(engine->txn, draft->reg, write->realm, NULL, &write->subject,
                     &engine->scratch, &draft->record) ||
        !draft->record.known)
        return ERR_NOT_FOUND;
    if (draft->record.voided)
        return ERR_VOIDED;
    for (size_t i = 0; i < write->count; i++) {
        const struct field *field = schema_field(draft->reg, write->values[i].field);
        draft->refused_field = write->values[i].field;
        if (field == NULL)
            return ERR_FIELD_UNKNOWN;
        if (field->rule == MERGE_ONCE)
            return ERR_FIELD_FIXED;
        if (field->required && write->values[i].value.size == 0)
            return ERR_FIELD_MISSING;
    }
    draft->refused_field = FIELD_NONE;
    return write->count > 0 ? OK : ERR_FIELD_MISSING;
}

enum status draft_judge(struct engine *engine, struct draft *draft)
{
    enum status status = judge_place(engine, draft);

    if (status != OK)
        return status;
    fold_flush(engine->fold, engine->txn);
    switch (draft->write->kind) {
    case OPERATION_CREATE: return judge_create(engine, draft);
    case OPERATION_EDIT: return judge_edit(engine, draft);
    case OPERATION_VOID: return judge_target(engine, draft, &draft->write->target);
    }
    return ERR_MALFORMED;
}

/* ---- encoding ---- */

/* A sealed field's plain text becomes tag and ciphertext. */
static struct slice seal_field(struct engine *engine, const struct draft *draft,
                               struct slice value)
{
    struct slice text;
    struct buffer encoded;
    uint8_t *sealed;

    CHECK(codec_take_text(&value, &text));
    sealed = arena_alloc(&engine->scratch, FIELD_TAG_SIZE + text.size);
    crypto_field_seal(draft->key, roster_salt(engine->roster), text, sealed);
    buffer_init(&encoded, PAYLOAD_SIZE_MAX);
    codec_put_bytes(&encoded, slice_of(sealed, FIELD_TAG_SIZE + text.size));
    struct slice result = arena_copy(&engine->scratch, buffer_slice(&encoded));
    buffer_deinit(&encoded);
    return result;
}

/* The versions that an edit replaces: all that its writer sees now. */
static void put_replaced(struct buffer *out, const struct field_view *seen)
{
    struct buffer ids;
    size_t count = 0;

    buffer_init(&ids, PAYLOAD_SIZE_MAX);
    for (size_t i = 0; i < seen->count; i++)
        count += version_put_ids(&seen->versions[i], &ids);
    codec_put_array(out, count);
    codec_put_raw(out, buffer_slice(&ids));
    buffer_deinit(&ids);
}

static bool is_removed(const struct write *write, uint8_t field, struct slice element)
{
    for (size_t i = 0; i < write->count; i++) {
        if (write->values[i].field == field && write->values[i].remove &&
            slice_equal(write->values[i].value, element))
            return true;
    }
    return false;
}

/* "Observed-remove": a removal names each addition of the element that it has seen. */
static void put_removed(struct buffer *out, const struct write *write,
                        const struct field_view *seen)
{
    struct buffer pairs;
    size_t count = 0;

    buffer_init(&pairs, PAYLOAD_SIZE_MAX);
    for (size_t i = 0; i < seen->count; i++) {
        if (is_removed(write, seen->field->id, seen->versions[i].value))
            count += version_put_removals(&seen->versions[i], &pairs);
    }
    codec_put_array(out, count);
    codec_put_raw(out, buffer_slice(&pairs));
    buffer_deinit(&pairs);
}

static void put_added(struct buffer *out, const struct write *write, uint8_t field)
{
    size_t count = 0;

    for (size_t i = 0; i < write->count; i++)
        count += write->values[i].field == field && !write->values[i].remove;
    codec_put_array(out, count);
    for (size_t i = 0; i < write->count; i++) {
        if (write->values[i].field == field && !write->values[i].remove)
            codec_put_raw(out, write->values[i].value);
    }
}

/* One field's share of the operation, from every value given for it. */
static void draft_field(struct engine *engine, struct draft *draft,
                        const struct field *field, struct slice value)
{
    bool edit = draft->write->kind == OPERATION_EDIT;
    struct operation_value *out = &draft->values[draft->count++];
    struct buffer encoded;

    *out = (struct operation_value){.field = field->id, .value = value};
    if (field->type == FIELD_SEALED && value.size > 0)
        out->value = seal_field(engine, draft, value);
    buffer_init(&encoded, PAYLOAD_SIZE_MAX);
    if (field->rule == MERGE_SET) {
        put_added(&encoded, draft->write, field->id);
        out->value = arena_copy(&engine->scratch, buffer_slice(&encoded));
    }
    buffer_clear(&encoded);
    if (edit && field->rule == MERGE_SET)
        put_removed(&encoded, draft->write, &draft->record.fields[field->id]);
    else if (edit && field->rule == MERGE_MULTI)
        put_replaced(&encoded, &draft->record.fields[field->id]);
    else if (edit)
        codec_put_array(&encoded, 0);
    out->replaced = arena_copy(&engine->scratch, buffer_slice(&encoded));
    buffer_deinit(&encoded);
}

static void draft_fields(struct engine *engine, struct draft *draft)
{
    for (size_t i = 0; i < draft->reg->field_count; i++) {
        const struct field *field = &draft->reg->fields[i];
        const struct write_value *value = find_value(draft->write, field->id);
        if (value != NULL)
            draft_field(engine, draft, field, value->value);
    }
}

void draft_encode(struct engine *engine, struct draft *draft, uint64_t stamp_ms,
                  uint32_t actor, struct buffer *out)
{
    const struct write *write = draft->write;

    draft_fields(engine, draft);
    switch (write->kind) {
    case OPERATION_CREATE:
        operation_encode_create(out, stamp_ms, actor, draft->reg, draft->values,
                                draft->count);
        return;
    case OPERATION_EDIT:
        operation_encode_edit(out, stamp_ms, actor, draft->reg, &write->subject,
                              draft->values, draft->count);
        return;
    case OPERATION_VOID:
        operation_encode_void(out, stamp_ms, actor, draft->reg, &write->subject,
                              &write->target, write->reason);
        return;
    }
}
