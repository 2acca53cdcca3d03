#include "daemon/answer/change.h"

#include <string.h>

#include "crdt/codec.h"
#include "daemon/answer/resolve.h"

/* One change while its arguments are read. */
struct reading {
    struct change *change;
    const struct schema_register *reg;
    struct write *write;
    struct write_value *values;
    size_t count, capacity;
    bool seen[FIELDS_MAX]; /* fields that were given, emptied ones too */
    bool with_sign;        /* set elements are "+element" or "-element" */
    bool empty_clears;     /* an empty value takes away what is there */
    bool amending;         /* the new record replaces `amended` */
    struct resolved amended;
};

static enum status refuse(struct change *change, enum status status, struct slice subject)
{
    struct slice cut = text_cut(subject, sizeof change->subject - 1);
    if (cut.size > 0)
        memcpy(change->subject, cut.data, cut.size);
    change->subject[cut.size] = '\0';
    return status;
}

/* ---- values ---- */

static void add_value(struct reading *reading, uint8_t field, bool remove,
                      struct slice value)
{
    if (reading->count == reading->capacity) {
        size_t capacity = reading->capacity * 2 + FIELDS_MAX;
        struct write_value *values =
            arena_alloc(reading->change->arena, capacity * sizeof *values);
        if (reading->count > 0)
            memcpy(values, reading->values, reading->count * sizeof *values);
        reading->values = values;
        reading->capacity = capacity;
    }
    reading->values[reading->count++] =
        (struct write_value){.field = field, .remove = remove, .value = value};
}

/* The record a field names: an amended one is of the same register, any other is a
 * person. */
static enum status parse_record(struct reading *reading, const struct field *field,
                                struct slice text, struct buffer *out)
{
    struct change *change = reading->change;
    const struct schema_register *reg = schema_register(
        field->id == reading->reg->amends_field ? reading->reg->id : REGISTER_PERSON);
    struct resolved resolved;
    enum status status =
        resolve_record(change->engine, change->txn, change->arena, reg, text, &resolved);
    if (status != OK)
        return status;
    codec_put_id(out, &resolved.id);
    if (field->id == reading->reg->subject_field) {
        reading->write->subject = resolved.id;
        reading->write->realm = resolved.realm;
    }
    return OK;
}

static enum status parse_value(struct reading *reading, const struct field *field,
                               struct slice text, struct slice *value)
{
    struct change *change = reading->change;
    const struct divisions *divisions =
        change->divisions->count > 0 ? change->divisions : NULL;
    enum status status;
    buffer_clear(change->scratch);
    if (field->type == FIELD_RECORD)
        status = parse_record(reading, field, text, change->scratch);
    else
        status = field_parse(field, text, divisions, change->scratch);
    if (status == OK && change->scratch->overflow)
        status = ERR_FIELD_TOO_LONG;
    if (status == OK)
        *value = arena_copy(change->arena, buffer_slice(change->scratch));
    return status;
}

static enum status take_element(struct reading *reading, const struct field *field,
                                struct slice text)
{
    struct slice value;
    bool remove = false;
    if (reading->with_sign) {
        if (text.size == 0 || (text.data[0] != '+' && text.data[0] != '-'))
            return ERR_FIELD_VALUE;
        remove = text.data[0] == '-';
        text = slice_of(text.data + 1, text.size - 1);
    }
    enum status status = parse_value(reading, field, text, &value);
    if (status == OK)
        add_value(reading, field->id, remove, value);
    return status;
}

static enum status take_elements(struct reading *reading, const struct field *field,
                                 struct slice given)
{
    struct slice text;
    size_t count;
    if (codec_take_text(&given, &text))
        return text.size == 0 && !reading->with_sign ? OK
                                                     : take_element(reading, field, text);
    if (!codec_take_array(&given, &count))
        return ERR_FIELD_VALUE;
    for (size_t i = 0; i < count; i++) {
        if (!codec_take_text(&given, &text))
            return ERR_FIELD_VALUE;
        enum status status = take_element(reading, field, text);
        if (status != OK)
            return status;
    }
    return OK;
}

static enum status take_single(struct reading *reading, const struct field *field,
                               struct slice given)
{
    struct slice text, value;
    if (reading->seen[field->id] || !codec_take_text(&given, &text))
        return ERR_FIELD_VALUE;
    if (text.size == 0) {
        if (reading->empty_clears)
            add_value(reading, field->id, false, (struct slice){0});
        return OK;
    }
    enum status status = parse_value(reading, field, text, &value);
    if (status == OK)
        add_value(reading, field->id, false, value);
    return status;
}

static enum status take_field(struct reading *reading, struct slice name,
                              struct slice given)
{
    const struct field *field = schema_field_named(reading->reg, name);
    if (field == NULL || field->id == reading->reg->amends_field)
        return refuse(reading->change, ERR_FIELD_UNKNOWN, name);
    bool fixed = field->rule == MERGE_ONCE &&
                 (reading->write->kind == OPERATION_EDIT ||
                  (reading->amending && field->id == reading->reg->subject_field));
    if (fixed)
        return refuse(reading->change, ERR_FIELD_FIXED, slice_text(field->name));
    enum status status = field->rule == MERGE_SET ? take_elements(reading, field, given)
                                                  : take_single(reading, field, given);
    reading->seen[field->id] = true;
    return status == OK ? OK : refuse(reading->change, status, slice_text(field->name));
}

/* Every argument but `id` is a field. */
static enum status take_fields(struct reading *reading, struct slice args)
{
    size_t count;
    struct slice name, value;
    if (!codec_take_map(&args, &count))
        return ERR_MALFORMED;
    for (size_t i = 0; i < count; i++) {
        if (!codec_take_text(&args, &name) || !codec_take_any(&args, &value))
            return ERR_MALFORMED;
        if (slice_equal(name, slice_text("id")))
            continue;
        enum status status = take_field(reading, name, value);
        if (status != OK)
            return status;
    }
    return OK;
}

/* ---- what must be there ---- */

static const struct write_value *value_of(const struct reading *reading, uint8_t field)
{
    for (size_t i = 0; i < reading->count; i++) {
        if (reading->values[i].field == field)
            return &reading->values[i];
    }
    return NULL;
}

static enum status check_required(const struct reading *reading)
{
    for (size_t i = 0; i < reading->reg->field_count; i++) {
        const struct field *field = &reading->reg->fields[i];
        const struct write_value *value = value_of(reading, field->id);
        if (!field->required || (value != NULL && value->value.size > 0))
            continue;
        if (reading->write->kind == OPERATION_CREATE || value != NULL)
            return refuse(reading->change, ERR_FIELD_MISSING, slice_text(field->name));
    }
    return OK;
}

/* The township where the first division among the fields lies; 0: none is given. */
static uint64_t township_given(const struct reading *reading, const struct field **field)
{
    for (size_t i = 0; i < reading->count; i++) {
        struct slice value = reading->values[i].value;
        uint64_t code;
        *field = schema_field(reading->reg, reading->values[i].field);
        if (*field != NULL && (*field)->type == FIELD_DIVISION &&
            codec_take_uint(&value, &code))
            return division_township(code);
    }
    return 0;
}

/* A record lies in one township for good, because its key does. Whoever moves gets the
 * status and is entered anew where they live now. */
static enum status check_township(const struct reading *reading)
{
    const struct field *field;
    uint64_t township = township_given(reading, &field);
    if (township == 0 || township == reading->write->realm)
        return OK;
    return refuse(reading->change, ERR_TOWNSHIP, slice_text(field->name));
}

static enum status check_readable(const struct reading *reading, struct slice about)
{
    if (realm_is_readable(reading->change->engine, reading->write->realm))
        return OK;
    return refuse(reading->change, ERR_UNREADABLE, about);
}

/* ---- commands ---- */

static enum status find_record(struct reading *reading, struct slice args,
                               struct resolved *resolved)
{
    struct change *change = reading->change;
    struct slice value, text;
    if (!codec_map_find(args, "id", &value) || !codec_take_text(&value, &text))
        return refuse(change, ERR_FIELD_MISSING, slice_text("id"));
    enum status status = resolve_record(change->engine, change->txn, change->arena,
                                        reading->reg, text, resolved);
    if (status != OK)
        return refuse(change, status, text);
    reading->write->realm = resolved->realm;
    reading->write->subject = resolved->subject;
    return OK;
}

static enum status prepare_add(struct reading *reading, struct slice args)
{
    const struct field *field = NULL;
    reading->write->kind = OPERATION_CREATE;
    enum status status = take_fields(reading, args);
    if (status == OK)
        status = check_required(reading);
    if (status != OK)
        return status;
    if (reading->reg->subject_field == FIELD_NONE) {
        reading->write->realm = township_given(reading, &field);
        if (field == NULL || reading->write->realm == 0)
            return refuse(reading->change, ERR_FIELD_MISSING, (struct slice){0});
        return check_readable(reading, slice_text(field->name));
    }
    return check_readable(reading, (struct slice){0});
}

static enum status prepare_set(struct reading *reading, struct slice args)
{
    struct resolved resolved;
    reading->write->kind = OPERATION_EDIT;
    reading->with_sign = true;
    reading->empty_clears = true;
    enum status status = find_record(reading, args, &resolved);
    if (status == OK)
        status = take_fields(reading, args);
    if (status == OK)
        status = check_required(reading);
    return status == OK ? check_township(reading) : status;
}

/* What is not given stays as it was. A sealed value is opened to be sealed again. */
static enum status copy_field(struct reading *reading, const struct record_view *record,
                              const struct field *field)
{
    struct change *change = reading->change;
    struct slice value = view_value(record, field->id), sealed, text;
    if (value.size == 0 || reading->seen[field->id] ||
        field->id == reading->reg->amends_field)
        return OK;
    if (field->type != FIELD_SEALED) {
        add_value(reading, field->id, false, arena_copy(change->arena, value));
        return OK;
    }
    if (!codec_take_bytes(&value, &sealed) ||
        !engine_open_field(change->engine, record->realm, sealed, change->arena, &text))
        return refuse(change, ERR_UNREADABLE, slice_text(field->name));
    buffer_clear(change->scratch);
    codec_put_text(change->scratch, text);
    add_value(reading, field->id, false,
              arena_copy(change->arena, buffer_slice(change->scratch)));
    return OK;
}

static enum status copy_rest(struct reading *reading)
{
    struct change *change = reading->change;
    struct record_view record;
    if (!view_record(change->txn, reading->reg, reading->amended.realm,
                     resolved_subject(reading->reg, &reading->amended),
                     &reading->amended.id, change->arena, &record))
        return ERR_NOT_FOUND;
    for (size_t i = 0; i < reading->reg->field_count; i++) {
        enum status status = copy_field(reading, &record, &reading->reg->fields[i]);
        if (status != OK)
            return status;
    }
    return OK;
}

/* A correction that corrects nothing would only hide what it replaces. */
static bool gives_fields(const struct reading *reading)
{
    for (size_t i = 0; i < ARRAY_SIZE(reading->seen); i++) {
        if (reading->seen[i])
            return true;
    }
    return false;
}

static enum status prepare_amend(struct reading *reading, struct slice args)
{
    struct change *change = reading->change;
    reading->write->kind = OPERATION_CREATE;
    reading->amending = true;
    if (reading->reg->amends_field == FIELD_NONE)
        return ERR_UNKNOWN_COMMAND;
    enum status status = find_record(reading, args, &reading->amended);
    if (status == OK)
        status = take_fields(reading, args);
    if (status == OK && !gives_fields(reading))
        status = ERR_FIELD_MISSING;
    if (status == OK)
        status = copy_rest(reading);
    if (status != OK)
        return status;
    reading->write->target = reading->amended.id;
    buffer_clear(change->scratch);
    codec_put_id(change->scratch, &reading->amended.id);
    add_value(reading, reading->reg->amends_field, false,
              arena_copy(change->arena, buffer_slice(change->scratch)));
    return check_required(reading);
}

static enum status prepare_void(struct reading *reading, struct slice args)
{
    struct change *change = reading->change;
    struct resolved resolved;
    struct slice value, reason;
    reading->write->kind = OPERATION_VOID;
    enum status status = find_record(reading, args, &resolved);
    if (status != OK)
        return status;
    reading->write->target = resolved.id;
    if (!codec_map_find(args, "reason", &value) || !codec_take_text(&value, &reason) ||
        reason.size == 0)
        return refuse(change, ERR_FIELD_MISSING, slice_text("reason"));
    if (!text_is_clean(reason))
        return refuse(change, ERR_TEXT, slice_text("reason"));
    if (text_characters(reason) > REASON_CHARACTERS_MAX)
        return refuse(change, ERR_FIELD_TOO_LONG, slice_text("reason"));
    reading->write->reason = arena_copy(change->arena, reason);
    return OK;
}

static const struct {
    const char *verb;
    enum status (*prepare)(struct reading *reading, struct slice args);
} verbs[] = {
    {"add", prepare_add},
    {"set", prepare_set},
    {"amend", prepare_amend},
    {"void", prepare_void},
};

/* The register and the verb's place in the table. A node's own operators are recorded by
 * the engine alone. */
static bool command_read(struct slice command, const struct schema_register **reg,
                         size_t *verb)
{
    const uint8_t *dot =
        command.size > 0 ? memchr(command.data, '.', command.size) : NULL;
    if (dot == NULL)
        return false;
    size_t size = (size_t)(dot - command.data);
    struct slice word = slice_of(dot + 1, command.size - size - 1);
    *reg = schema_register_named(slice_of(command.data, size));
    if (*reg == NULL || (*reg)->realm != REALM_TOWNSHIP)
        return false;
    for (*verb = 0; *verb < ARRAY_SIZE(verbs); (*verb)++) {
        if (slice_equal(word, slice_text(verbs[*verb].verb)))
            return true;
    }
    return false;
}

bool change_is_meant(struct slice command)
{
    const struct schema_register *reg;
    size_t verb;
    return command_read(command, &reg, &verb);
}

enum status change_prepare(struct change *change, struct slice command, struct slice args,
                           struct write *write)
{
    struct reading reading = {.change = change, .write = write};
    size_t verb;
    change->subject[0] = '\0';
    *write = (struct write){0};
    if (!command_read(command, &reading.reg, &verb))
        return ERR_UNKNOWN_COMMAND;
    if (args.size > CHANGE_ARGS_SIZE_MAX)
        return ERR_LIMIT;
    write->reg = reading.reg->id;
    enum status status = verbs[verb].prepare(&reading, args);
    if (status == OK && store_txn_status(change->txn) != OK)
        status = store_txn_status(change->txn);
    write->values = reading.values;
    write->count = reading.count;
    return status;
}
