/* A conflict is settled by an edit of one field. */
#include "crdt/codec.h"
#include "crdt/conflict.h"
#include "daemon/answer/change_parts.h"
#include "daemon/answer/resolve.h"

/* The field that is settled: the one asked for, or the only one in conflict. */
static enum status take_settled(struct reading *reading, struct slice args,
                                const struct record_view *record,
                                const struct field_view **settled)
{
    struct change *change = reading->change;
    struct slice value, name = {0};
    bool named = codec_map_find(args, "field", &value) && codec_take_text(&value, &name);
    const struct field *field = named ? schema_field_named(reading->reg, name) : NULL;
    size_t count = 0;
    if (named && field == NULL)
        return change_refuse(change, ERR_FIELD_UNKNOWN, name);
    for (size_t i = 0; i < record->reg->field_count; i++) {
        if (!field_in_conflict(&record->fields[i]) ||
            (field != NULL && field->id != record->fields[i].field->id))
            continue;
        *settled = &record->fields[i];
        count++;
    }
    if (count == 0)
        return change_refuse(change, ERR_SETTLED, name);
    return count == 1 ? OK
                      : change_refuse(change, ERR_FIELD_MISSING, slice_text("field"));
}

/* One of the values that are in conflict becomes the only one: the displayed one, or that of
 * the version whose id begins so. */
static enum status keep_version(struct reading *reading, const struct record_view *record,
                                const struct field_view *settled, struct slice text)
{
    struct change *change = reading->change;
    const struct version *kept = NULL;
    struct slice sealed, opened;
    bool shown = slice_equal(text, slice_text("shown"));
    if (!shown && text.size < RESOLVE_WRITE_MIN)
        return change_refuse(change, ERR_ID_SHORT, text);
    for (size_t i = 0; i < settled->count; i++) {
        const struct version *version = &settled->versions[i];
        if (shown ? i > 0 : !id_has_prefix(&version->id, text))
            continue;
        if (kept != NULL)
            return change_refuse(change, ERR_AMBIGUOUS, text);
        kept = version;
    }
    if (kept == NULL)
        return change_refuse(change, ERR_NOT_FOUND, text);
    struct slice value = kept->value;
    if (settled->field->type == FIELD_SEALED) {
        if (!codec_take_bytes(&value, &sealed) ||
            !engine_open_field(change->engine, record->realm, sealed, change->arena,
                               &opened))
            return change_refuse(change, ERR_UNREADABLE,
                                 slice_text(settled->field->name));
        buffer_clear(change->scratch);
        codec_put_text(change->scratch, opened);
        value = buffer_slice(change->scratch);
    }
    change_add_value(reading, settled->field->id, false,
                     arena_copy(change->arena, value));
    return OK;
}

/* An edit of one field; as any edit it replaces every version that is seen here, and no other:
 * what was written elsewhere meanwhile stays a conflict. */
enum status change_settle(struct reading *reading, struct slice args)
{
    struct change *change = reading->change;
    const struct field_view *settled = NULL;
    struct slice value, text, given;
    struct resolved resolved;
    struct record_view record;
    reading->write->kind = OPERATION_EDIT;
    reading->empty_clears = true;
    if (!codec_map_find(args, "id", &value) || !codec_take_text(&value, &text))
        return change_refuse(change, ERR_FIELD_MISSING, slice_text("id"));
    enum status status =
        resolve_any_to_write(change->engine, change->txn, change->arena, text,
                             &reading->reg, &resolved, &reading->fits);
    if (status != OK)
        return change_refuse_unresolved(reading, status, text);
    reading->write->reg = reading->reg->id;
    reading->write->realm = resolved.realm;
    reading->write->subject = resolved.subject;
    reading->write->target = resolved.id;
    if (!view_record(change->txn, reading->reg, resolved.realm,
                     resolved_subject(reading->reg, &resolved), &resolved.id,
                     change->arena, &record))
        return change_refuse(change, ERR_NOT_FOUND, text);
    status = take_settled(reading, args, &record, &settled);
    if (status != OK)
        return status;
    if (settled->field->computed)
        return change_refuse(change, ERR_BY_STEP, slice_text(settled->field->name));
    bool keeps = codec_map_find(args, "keep", &value) && codec_take_text(&value, &text);
    if (codec_map_find(args, "value", &given))
        return keeps
                   ? change_refuse(change, ERR_CONTRADICTS, slice_text("keep"))
                   : change_take_field(reading, slice_text(settled->field->name), given);
    return keeps ? keep_version(reading, &record, settled, text)
                 : change_refuse(change, ERR_FIELD_MISSING, slice_text("keep"));
}
