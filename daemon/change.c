#include "daemon/change.h"

#include <string.h>

#include "crdt/codec.h"
#include "daemon/resolve.h"

/* One change while its arguments are read. */
struct draft {
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
    size_t size = subject.size;
    if (size >= sizeof change->subject) {
        size = sizeof change->subject - 1;
        while (size > 0 && (subject.data[size] & 0xc0) == 0x80)
            size--;
    }
    if (size > 0)
        memcpy(change->subject, subject.data, size);
    change->subject[size] = '\0';
    return status;
}

/* ---- values ---- */

static void add_value(struct draft *draft, uint8_t field, bool remove, struct slice value)
{
    if (draft->count == draft->capacity) {
        size_t capacity = draft->capacity * 2 + FIELDS_MAX;
        struct write_value *values =
            arena_alloc(draft->change->arena, capacity * sizeof *values);
        if (draft->count > 0)
            memcpy(values, draft->values, draft->count * sizeof *values);
        draft->values = values;
        draft->capacity = capacity;
    }
    draft->values[draft->count++] =
        (struct write_value){.field = field, .remove = remove, .value = value};
}

/* The record a field names: an amended one is of the same register, any other is a
 * person. */
static enum status parse_record(struct draft *draft, const struct field *field,
                                struct slice text, struct buffer *out)
{
    struct change *change = draft->change;
    const struct schema_register *reg = schema_register(
        field->id == draft->reg->amends_field ? draft->reg->id : REGISTER_PERSON);
    struct resolved resolved;
    enum status status =
        resolve_record(change->engine, change->txn, change->arena, reg, text, &resolved);
    if (status != OK)
        return status;
    codec_put_bytes(out, slice_of(resolved.id.bytes, ENTRY_ID_SIZE));
    if (field->id == draft->reg->subject_field) {
        draft->write->subject = resolved.id;
        draft->write->realm = resolved.realm;
    }
    return OK;
}

static enum status parse_value(struct draft *draft, const struct field *field,
                               struct slice text, struct slice *value)
{
    struct change *change = draft->change;
    const struct divisions *divisions =
        change->divisions->count > 0 ? change->divisions : NULL;
    enum status status;
    buffer_clear(change->scratch);
    if (field->type == FIELD_RECORD)
        status = parse_record(draft, field, text, change->scratch);
    else
        status = field_parse(field, text, divisions, change->scratch);
    if (status == OK && change->scratch->overflow)
        status = ERR_FIELD_TOO_LONG;
    if (status == OK)
        *value = arena_copy(change->arena, buffer_slice(change->scratch));
    return status;
}

static enum status take_element(struct draft *draft, const struct field *field,
                                struct slice text)
{
    struct slice value;
    bool remove = false;
    if (draft->with_sign) {
        if (text.size == 0 || (text.data[0] != '+' && text.data[0] != '-'))
            return ERR_FIELD_VALUE;
        remove = text.data[0] == '-';
        text = slice_of(text.data + 1, text.size - 1);
    }
    enum status status = parse_value(draft, field, text, &value);
    if (status == OK)
        add_value(draft, field->id, remove, value);
    return status;
}

static enum status take_elements(struct draft *draft, const struct field *field,
                                 struct slice given)
{
    struct slice text;
    size_t count;
    if (codec_take_text(&given, &text))
        return text.size == 0 && !draft->with_sign ? OK
                                                   : take_element(draft, field, text);
    if (!codec_take_array(&given, &count))
        return ERR_FIELD_VALUE;
    for (size_t i = 0; i < count; i++) {
        if (!codec_take_text(&given, &text))
            return ERR_FIELD_VALUE;
        enum status status = take_element(draft, field, text);
        if (status != OK)
            return status;
    }
    return OK;
}

static enum status take_single(struct draft *draft, const struct field *field,
                               struct slice given)
{
    struct slice text, value;
    if (draft->seen[field->id] || !codec_take_text(&given, &text))
        return ERR_FIELD_VALUE;
    if (text.size == 0) {
        if (draft->empty_clears)
            add_value(draft, field->id, false, (struct slice){0});
        return OK;
    }
    enum status status = parse_value(draft, field, text, &value);
    if (status == OK)
        add_value(draft, field->id, false, value);
    return status;
}

static enum status take_field(struct draft *draft, struct slice name, struct slice given)
{
    const struct field *field = schema_field_named(draft->reg, name);
    if (field == NULL || field->id == draft->reg->amends_field)
        return refuse(draft->change, ERR_FIELD_UNKNOWN, name);
    bool fixed = field->rule == MERGE_ONCE &&
                 (draft->write->kind == OPERATION_EDIT ||
                  (draft->amending && field->id == draft->reg->subject_field));
    if (fixed)
        return refuse(draft->change, ERR_FIELD_FIXED, slice_text(field->name));
    enum status status = field->rule == MERGE_SET ? take_elements(draft, field, given)
                                                  : take_single(draft, field, given);
    draft->seen[field->id] = true;
    return status == OK ? OK : refuse(draft->change, status, slice_text(field->name));
}

/* Every argument but `id` is a field. */
static enum status take_fields(struct draft *draft, struct slice args)
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
        enum status status = take_field(draft, name, value);
        if (status != OK)
            return status;
    }
    return OK;
}

/* ---- what must be there ---- */

static const struct write_value *value_of(const struct draft *draft, uint8_t field)
{
    for (size_t i = 0; i < draft->count; i++) {
        if (draft->values[i].field == field)
            return &draft->values[i];
    }
    return NULL;
}

static enum status check_required(const struct draft *draft)
{
    for (size_t i = 0; i < draft->reg->field_count; i++) {
        const struct field *field = &draft->reg->fields[i];
        const struct write_value *value = value_of(draft, field->id);
        if (!field->required || (value != NULL && value->value.size > 0))
            continue;
        if (draft->write->kind == OPERATION_CREATE || value != NULL)
            return refuse(draft->change, ERR_FIELD_MISSING, slice_text(field->name));
    }
    return OK;
}

/* The township where the first division among the fields lies; 0: none is given. */
static uint64_t township_given(const struct draft *draft, const struct field **field)
{
    for (size_t i = 0; i < draft->count; i++) {
        struct slice value = draft->values[i].value;
        uint64_t code;
        *field = schema_field(draft->reg, draft->values[i].field);
        if (*field != NULL && (*field)->type == FIELD_DIVISION &&
            codec_take_uint(&value, &code))
            return division_township(code);
    }
    return 0;
}

/* A record lies in one township for good, because its key does. Whoever moves gets the
 * status and is entered anew where they live now. */
static enum status check_township(const struct draft *draft)
{
    const struct field *field;
    uint64_t township = township_given(draft, &field);
    if (township == 0 || township == draft->write->realm)
        return OK;
    return refuse(draft->change, ERR_FIELD_FIXED, slice_text(field->name));
}

static enum status check_readable(const struct draft *draft, struct slice about)
{
    if (realm_is_readable(draft->change->engine, draft->write->realm))
        return OK;
    return refuse(draft->change, ERR_UNREADABLE, about);
}

/* ---- commands ---- */

static enum status find_record(struct draft *draft, struct slice args,
                               struct resolved *resolved)
{
    struct change *change = draft->change;
    struct slice value, text;
    if (!codec_map_find(args, "id", &value) || !codec_take_text(&value, &text))
        return refuse(change, ERR_FIELD_MISSING, slice_text("id"));
    enum status status = resolve_record(change->engine, change->txn, change->arena,
                                        draft->reg, text, resolved);
    if (status != OK)
        return refuse(change, status, text);
    draft->write->realm = resolved->realm;
    draft->write->subject = resolved->subject;
    return OK;
}

static enum status prepare_add(struct draft *draft, struct slice args)
{
    const struct field *field = NULL;
    draft->write->kind = OPERATION_CREATE;
    enum status status = take_fields(draft, args);
    if (status == OK)
        status = check_required(draft);
    if (status != OK)
        return status;
    if (draft->reg->subject_field == FIELD_NONE) {
        draft->write->realm = township_given(draft, &field);
        if (field == NULL || draft->write->realm == 0)
            return refuse(draft->change, ERR_FIELD_MISSING, (struct slice){0});
        return check_readable(draft, slice_text(field->name));
    }
    return check_readable(draft, (struct slice){0});
}

static enum status prepare_set(struct draft *draft, struct slice args)
{
    struct resolved resolved;
    draft->write->kind = OPERATION_EDIT;
    draft->with_sign = true;
    draft->empty_clears = true;
    enum status status = find_record(draft, args, &resolved);
    if (status == OK)
        status = take_fields(draft, args);
    if (status == OK)
        status = check_required(draft);
    return status == OK ? check_township(draft) : status;
}

/* What is not given stays as it was. A sealed value is opened to be sealed again. */
static enum status copy_field(struct draft *draft, const struct record_view *record,
                              const struct field *field)
{
    struct change *change = draft->change;
    struct slice value = view_value(record, field->id), sealed, text;
    if (value.size == 0 || draft->seen[field->id] ||
        field->id == draft->reg->amends_field)
        return OK;
    if (field->type != FIELD_SEALED) {
        add_value(draft, field->id, false, arena_copy(change->arena, value));
        return OK;
    }
    if (!codec_take_bytes(&value, &sealed) ||
        !engine_open_field(change->engine, record->realm, sealed, change->arena, &text))
        return refuse(change, ERR_UNREADABLE, slice_text(field->name));
    buffer_clear(change->scratch);
    codec_put_text(change->scratch, text);
    add_value(draft, field->id, false,
              arena_copy(change->arena, buffer_slice(change->scratch)));
    return OK;
}

static enum status copy_rest(struct draft *draft)
{
    struct change *change = draft->change;
    struct record_view record;
    if (!view_record(change->txn, draft->reg, draft->amended.realm,
                     resolved_subject(draft->reg, &draft->amended), &draft->amended.id,
                     change->arena, &record))
        return ERR_NOT_FOUND;
    for (size_t i = 0; i < draft->reg->field_count; i++) {
        enum status status = copy_field(draft, &record, &draft->reg->fields[i]);
        if (status != OK)
            return status;
    }
    return OK;
}

static enum status prepare_amend(struct draft *draft, struct slice args)
{
    struct change *change = draft->change;
    draft->write->kind = OPERATION_CREATE;
    draft->amending = true;
    if (draft->reg->amends_field == FIELD_NONE)
        return ERR_UNKNOWN_COMMAND;
    enum status status = find_record(draft, args, &draft->amended);
    if (status == OK)
        status = take_fields(draft, args);
    if (status == OK)
        status = copy_rest(draft);
    if (status != OK)
        return status;
    draft->write->target = draft->amended.id;
    buffer_clear(change->scratch);
    codec_put_bytes(change->scratch, slice_of(draft->amended.id.bytes, ENTRY_ID_SIZE));
    add_value(draft, draft->reg->amends_field, false,
              arena_copy(change->arena, buffer_slice(change->scratch)));
    return check_required(draft);
}

static enum status prepare_void(struct draft *draft, struct slice args)
{
    struct change *change = draft->change;
    struct resolved resolved;
    struct slice value, reason;
    draft->write->kind = OPERATION_VOID;
    if (draft->reg->amends_field == FIELD_NONE)
        return ERR_UNKNOWN_COMMAND;
    enum status status = find_record(draft, args, &resolved);
    if (status != OK)
        return status;
    draft->write->target = resolved.id;
    if (!codec_map_find(args, "reason", &value) || !codec_take_text(&value, &reason) ||
        reason.size == 0)
        return refuse(change, ERR_FIELD_MISSING, slice_text("reason"));
    if (!text_is_clean(reason))
        return refuse(change, ERR_TEXT, slice_text("reason"));
    if (text_characters(reason) > REASON_CHARACTERS_MAX)
        return refuse(change, ERR_FIELD_TOO_LONG, slice_text("reason"));
    draft->write->reason = arena_copy(change->arena, reason);
    return OK;
}

static const struct {
    const char *verb;
    enum status (*prepare)(struct draft *draft, struct slice args);
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
    struct draft draft = {.change = change, .write = write};
    size_t verb;
    change->subject[0] = '\0';
    *write = (struct write){0};
    if (!command_read(command, &draft.reg, &verb))
        return ERR_UNKNOWN_COMMAND;
    if (args.size > CHANGE_ARGS_SIZE_MAX)
        return ERR_LIMIT;
    write->reg = draft.reg->id;
    enum status status = verbs[verb].prepare(&draft, args);
    if (status == OK && store_txn_status(change->txn) != OK)
        status = store_txn_status(change->txn);
    write->values = draft.values;
    write->count = draft.count;
    return status;
}
