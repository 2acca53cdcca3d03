/* The operation of a write that was judged: its values, sealed where the schema says so, and
 * what an edit replaces. */
#include "crdt/codec.h"
#include "net/draft.h"

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

static bool is_added(const struct write_value *value, uint8_t field)
{
    return value->field == field && !value->remove && value->value.size > 0;
}

static void put_added(struct buffer *out, const struct write *write, uint8_t field)
{
    size_t count = 0;

    for (size_t i = 0; i < write->count; i++)
        count += is_added(&write->values[i], field);
    codec_put_array(out, count);
    for (size_t i = 0; i < write->count; i++) {
        if (is_added(&write->values[i], field))
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

/* What an amendment keeps of the record that it replaces. A sealed value was opened by
 * draft_open_kept, to be sealed under the newest key. */
static void draft_kept(struct engine *engine, struct draft *draft,
                       const struct field_view *kept)
{
    struct operation_value *out;
    struct buffer encoded;

    if (kept->count == 0)
        return;
    out = &draft->values[draft->count++];
    out->field = kept->field->id;
    out->value = view_value(&draft->record, kept->field->id);
    if (kept->field->type == FIELD_SEALED)
        out->value = seal_field(engine, draft, draft->opened[kept->field->id]);
    if (kept->field->rule != MERGE_SET)
        return;
    buffer_init(&encoded, PAYLOAD_SIZE_MAX);
    codec_put_array(&encoded, kept->count);
    for (size_t i = 0; i < kept->count; i++)
        codec_put_raw(&encoded, kept->versions[i].value);
    out->value = arena_copy(&engine->scratch, buffer_slice(&encoded));
    buffer_deinit(&encoded);
}

/* Whether a record of the chain names this one as seen. */
static bool is_followed(const struct record_list *chain, uint8_t field,
                        const struct entry_id *id)
{
    for (size_t i = 0; i < chain->count; i++) {
        const struct field_view *seen = &chain->records[i].fields[field];
        for (size_t v = 0; v < seen->count; v++) {
            struct slice value = seen->versions[v].value;
            struct entry_id named;
            if (codec_take_id(&value, &named) && entry_id_compare(&named, id) == 0)
                return true;
        }
    }
    return false;
}

/* The records of the chain that nothing follows yet. Of more than a write can hold, those
 * with the greatest ids. */
static void draft_seen(struct engine *engine, struct draft *draft,
                       const struct field *field)
{
    const struct write *write = draft->write;
    struct record_list chain;
    struct buffer ids, encoded;
    size_t count = 0;

    view_chain(engine->txn, draft->reg, write->realm, &write->subject, &engine->scratch,
               &chain);
    buffer_init(&ids, PAYLOAD_SIZE_MAX);
    for (size_t i = chain.count; i > 0 && count < SET_VALUES_MAX; i--) {
        if (is_followed(&chain, field->id, &chain.records[i - 1].id))
            continue;
        codec_put_id(&ids, &chain.records[i - 1].id);
        count++;
    }
    if (count > 0) {
        struct operation_value *out = &draft->values[draft->count++];
        buffer_init(&encoded, PAYLOAD_SIZE_MAX);
        codec_put_array(&encoded, count);
        codec_put_raw(&encoded, buffer_slice(&ids));
        *out = (struct operation_value){
            .field = field->id,
            .value = arena_copy(&engine->scratch, buffer_slice(&encoded)),
        };
        buffer_deinit(&encoded);
    }
    buffer_deinit(&ids);
}

static void draft_fields(struct engine *engine, struct draft *draft)
{
    for (size_t i = 0; i < draft->reg->field_count; i++) {
        const struct field *field = &draft->reg->fields[i];
        const struct write_value *value = draft_value(draft->write, field->id);
        if (field->seen && draft->write->kind == OPERATION_CREATE)
            draft_seen(engine, draft, field);
        else if (value != NULL)
            draft_field(engine, draft, field, value->value);
        else if (draft->write->keep_rest)
            draft_kept(engine, draft, &draft->record.fields[i]);
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
                              &draft->target, draft->values, draft->count);
        return;
    case OPERATION_VOID:
        operation_encode_void(out, stamp_ms, actor, draft->reg, &write->subject,
                              &draft->target, write->reason, write->restores);
        return;
    }
}
