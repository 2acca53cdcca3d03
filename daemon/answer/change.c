#include "daemon/answer/change_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crdt/codec.h"
#include "crdt/text.h"
#include "daemon/answer/answer.h"
#include "daemon/answer/query.h"
#include "daemon/answer/resolve.h"

enum status change_refuse(struct change *change, enum status status, struct slice subject)
{
    struct slice cut = text_cut(subject, sizeof change->subject - 1);
    if (cut.size > 0)
        memcpy(change->subject, cut.data, cut.size);
    change->subject[cut.size] = '\0';
    return status;
}

enum status change_refuse_unresolved(struct reading *reading, enum status status,
                                     struct slice text)
{
    return change_refuse(reading->change, status,
                         status == ERR_AMBIGUOUS ? buffer_slice(&reading->fits) : text);
}

/* ---- values ---- */

void change_add_value(struct reading *reading, uint8_t field, bool remove,
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

/* The record that a field names. */
static enum status parse_record(struct reading *reading, const struct field *field,
                                struct slice text, struct buffer *out)
{
    struct change *change = reading->change;
    const struct schema_register *reg = schema_register(field->names);
    struct resolved resolved;
    CHECK(reg != NULL);
    enum status status = resolve_to_write(change->engine, change->txn, change->arena, reg,
                                          text, &resolved, &reading->fits);
    if (status != OK)
        return status;
    codec_put_id(out, &resolved.id);
    if (field->id == reading->reg->subject_field && !reading->write->keep_rest) {
        reading->write->subject = resolved.id;
        reading->subject_realm = resolved.realm;
    }
    return OK;
}

static enum status take_value(struct reading *reading, const struct field *field,
                              struct slice text, bool remove)
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
    if (status == ERR_AMBIGUOUS && field->type == FIELD_DIVISION) {
        buffer_clear(&reading->fits);
        divisions_put_named(change->divisions, text, (enum division_level)field->limit,
                            &reading->fits);
    }
    if (status == OK && change->scratch->overflow)
        status = ERR_FIELD_TOO_LONG;
    if (status == OK)
        change_add_value(reading, field->id, remove,
                         arena_copy(change->arena, buffer_slice(change->scratch)));
    return status;
}

/* A text or a list of texts, each of which may hold several values. */
static enum status take_elements(struct reading *reading, const struct field *field,
                                 struct slice given, bool remove)
{
    struct slice text, piece;
    size_t count = 1;
    if (codec_peek(given) != CODEC_TEXT && !codec_take_array(&given, &count))
        return ERR_FIELD_VALUE;
    for (; count > 0; count--) {
        if (!codec_take_text(&given, &text))
            return ERR_FIELD_VALUE;
        while (field_next_value(&text, &piece)) {
            enum status status =
                piece.size > 0 ? take_value(reading, field, piece, remove) : OK;
            if (status != OK)
                return status;
        }
    }
    return OK;
}

/* Takes out every value that the set has here. */
static void clear_set(struct reading *reading, const struct field *field)
{
    struct change *change = reading->change;
    const struct write *write = reading->write;
    struct record_view record;
    if (!view_record(change->txn, reading->reg, write->realm,
                     reading->reg->subject_field != FIELD_NONE ? &write->subject : NULL,
                     &write->target, change->arena, &record))
        return;
    const struct field_view *values = &record.fields[field->id];
    for (size_t i = 0; i < values->count; i++)
        change_add_value(reading, field->id, true,
                         arena_copy(change->arena, values->versions[i].value));
}

/* What a set becomes, "" of a set that is emptied, or {"add": values, "remove": values}. */
static enum status take_set(struct reading *reading, const struct field *field,
                            struct slice given)
{
    struct slice values;
    size_t before = reading->count;
    enum status status = OK;
    if (codec_peek(given) != CODEC_MAP) {
        status = take_elements(reading, field, given, false);
    } else {
        if (codec_map_find(given, "add", &values))
            status = take_elements(reading, field, values, false);
        if (status == OK && codec_map_find(given, "remove", &values))
            status = reading->write->kind == OPERATION_EDIT
                         ? take_elements(reading, field, values, true)
                         : ERR_FIELD_VALUE;
    }
    if (status != OK || reading->count > before || !reading->empty_clears)
        return status;
    if (reading->write->kind != OPERATION_EDIT) {
        change_add_value(reading, field->id, false, (struct slice){0});
        return OK;
    }
    if (!codec_take_text(&given, &values) || values.size > 0)
        return ERR_FIELD_VALUE;
    clear_set(reading, field);
    return OK;
}

static enum status take_single(struct reading *reading, const struct field *field,
                               struct slice given)
{
    struct slice text;
    if (reading->seen[field->id] || !codec_take_text(&given, &text))
        return ERR_FIELD_VALUE;
    if (text.size > 0)
        return take_value(reading, field, text, false);
    if (reading->empty_clears)
        change_add_value(reading, field->id, false, (struct slice){0});
    return OK;
}

enum status change_take_field(struct reading *reading, struct slice name,
                              struct slice given)
{
    const struct field *field = schema_field_named(reading->reg, name);
    /* What a record replaces is said by amending it. */
    if (field != NULL && (field->computed || field->seen || field->apart))
        return change_refuse(reading->change, ERR_BY_STEP, slice_text(field->name));
    if (field == NULL || field->id == reading->reg->amends_field ||
        (reading->step != NULL && (reading->step->fields & FIELD_BIT(field->id)) == 0))
        return change_refuse(reading->change, ERR_FIELD_UNKNOWN, name);
    enum status status = field->rule == MERGE_SET ? take_set(reading, field, given)
                                                  : take_single(reading, field, given);
    reading->seen[field->id] = true;
    return status == OK
               ? OK
               : change_refuse_unresolved(reading, status, slice_text(field->name));
}

/* Every argument but `id`, `anyway` and `trial` is a field. */
static enum status take_fields(struct reading *reading, struct slice args)
{
    size_t count;
    struct slice name, value;
    if (!codec_take_map(&args, &count))
        return ERR_MALFORMED;
    for (size_t i = 0; i < count; i++) {
        if (!codec_take_text(&args, &name) || !codec_take_any(&args, &value))
            return ERR_MALFORMED;
        if (slice_equal(name, slice_text("id")) ||
            slice_equal(name, slice_text("anyway")) ||
            slice_equal(name, slice_text("trial")) ||
            (reading->step != NULL && slice_equal(name, slice_text("with"))))
            continue;
        enum status status = change_take_field(reading, name, value);
        if (status != OK)
            return status;
    }
    return OK;
}

/* ---- commands ---- */

/* Where a new record lies; 0: what would say so is missing. */
static uint64_t realm_of_new(const struct reading *reading)
{
    const struct engine *engine = reading->change->engine;
    const struct member *self = engine_self(engine);
    uint64_t code;
    switch (reading->reg->realm) {
    case REALM_COUNTY: return roster_genesis(engine_roster(engine))->county;
    case REALM_HOME: return self != NULL ? member_home_realm(self) : 0;
    case REALM_TOWNSHIP: break;
    }
    if (reading->reg->subject_field != FIELD_NONE)
        return reading->subject_realm;
    for (size_t i = 0; i < reading->count; i++) {
        struct slice value = reading->values[i].value;
        if (reading->values[i].field == reading->reg->place_field &&
            codec_take_uint(&value, &code))
            return division_township(code);
    }
    return reading->reg->place_field == FIELD_NONE && self != NULL
               ? division_township(self->division)
               : 0;
}

static enum status find_record(struct reading *reading, const struct schema_register *reg,
                               struct slice args)
{
    struct change *change = reading->change;
    struct slice value, text;
    struct resolved resolved;
    if (!codec_map_find(args, "id", &value) || !codec_take_text(&value, &text))
        return change_refuse(change, ERR_FIELD_MISSING, slice_text("id"));
    enum status status = resolve_to_write(change->engine, change->txn, change->arena, reg,
                                          text, &resolved, &reading->fits);
    if (status != OK)
        return change_refuse_unresolved(reading, status, text);
    reading->write->realm = resolved.realm;
    reading->write->subject = resolved.subject;
    reading->write->target = resolved.id;
    return OK;
}

void change_add_encoded(struct reading *reading, uint8_t field)
{
    struct change *change = reading->change;
    change_add_value(reading, field, false,
                     arena_copy(change->arena, buffer_slice(change->scratch)));
}

/* Without a place of its own a record gets that of the record which gives it. */
static void take_place(struct reading *reading)
{
    const struct schema_register *reg = reading->reg;
    struct change *change = reading->change;
    if (reg->place_field == FIELD_NONE || reading->seen[reg->place_field])
        return;
    for (size_t i = 0; i < reading->count; i++) {
        const struct field *field = &reg->fields[reading->values[i].field];
        struct slice value = reading->values[i].value;
        struct record_view record;
        struct entry_id id;
        if (!field->gives_place || !codec_take_id(&value, &id) ||
            !record_find(engine_roster(change->engine), change->txn,
                         schema_register(field->names), &id, 0, change->arena, &record) ||
            record.reg->place_field == FIELD_NONE)
            continue;
        value = view_value(&record, record.reg->place_field);
        if (value.size > 0)
            change_add_value(reading, reg->place_field, false, value);
        return;
    }
}

static enum status prepare_add(struct reading *reading, struct slice args)
{
    reading->write->kind = OPERATION_CREATE;
    enum status status = take_fields(reading, args);
    if (status == OK)
        take_place(reading);
    reading->write->realm = realm_of_new(reading);
    return status;
}

static enum status prepare_set(struct reading *reading, struct slice args)
{
    reading->write->kind = OPERATION_EDIT;
    reading->empty_clears = true;
    enum status status = find_record(reading, reading->reg, args);
    return status == OK ? take_fields(reading, args) : status;
}

static enum status prepare_amend(struct reading *reading, struct slice args)
{
    struct change *change = reading->change;
    reading->write->kind = OPERATION_CREATE;
    reading->write->keep_rest = true;
    reading->empty_clears = true;
    enum status status = find_record(reading, reading->reg, args);
    if (status == OK)
        status = take_fields(reading, args);
    buffer_clear(change->scratch);
    codec_put_id(change->scratch, &reading->write->target);
    change_add_encoded(reading, reading->reg->amends_field);
    return status;
}

static enum status prepare_void(struct reading *reading, struct slice args)
{
    struct change *change = reading->change;
    struct slice value, reason;
    reading->write->kind = OPERATION_VOID;
    enum status status = find_record(reading, reading->reg, args);
    if (status != OK)
        return status;
    reading->write->restores = args_flag(args, "restore_amended");
    if (!codec_map_find(args, "reason", &value) || !codec_take_text(&value, &reason) ||
        reason.size == 0)
        return change_refuse(change, ERR_FIELD_MISSING, slice_text("reason"));
    if (!text_is_clean(reason))
        return change_refuse(change, ERR_TEXT, slice_text("reason"));
    if (text_characters(reason) > REASON_CHARACTERS_MAX)
        return change_refuse(change, ERR_FIELD_TOO_LONG, slice_text("reason"));
    reading->write->reason = arena_copy(change->arena, reason);
    return OK;
}

/* `with` names a record of any register that the step's fields name: it becomes the value of
 * the first field that it fits. */
static enum status take_with(struct reading *reading, struct slice args)
{
    struct slice value, text;
    enum status status = ERR_NOT_FOUND;
    if (!codec_map_find(args, "with", &value))
        return OK;
    if (!codec_take_text(&value, &text))
        return ERR_MALFORMED;
    for (size_t i = 0; i < reading->reg->field_count && status == ERR_NOT_FOUND; i++) {
        const struct field *field = &reading->reg->fields[i];
        if (field->type == FIELD_RECORD &&
            (reading->step->fields & FIELD_BIT(field->id)) != 0)
            status = take_value(reading, field, text, false);
    }
    return status == OK ? OK : change_refuse_unresolved(reading, status, text);
}

static bool has_value(const struct reading *reading, uint8_t field)
{
    for (size_t i = 0; i < reading->count; i++) {
        if (reading->values[i].field == field && reading->values[i].value.size > 0)
            return true;
    }
    return false;
}

/* Whether the step can follow on the record as it stands. */
static enum status step_follows(struct reading *reading)
{
    const struct write *write = reading->write;
    struct change *change = reading->change;
    struct record_view record;
    if (reading->step->follows == NULL ||
        !view_record(change->txn, reading->stepped, write->realm, NULL, &write->target,
                     change->arena, &record))
        return OK;
    return reading->step->follows(&record);
}

/* Enters what happened to the record, or changes it. */
static enum status prepare_step(struct reading *reading, struct slice args)
{
    const struct step *step = reading->step;
    const struct schema_register *reg = reading->reg;
    struct buffer *scratch = reading->change->scratch;
    bool enters = reg != reading->stepped;
    reading->write->kind = enters ? OPERATION_CREATE : OPERATION_EDIT;
    enum status status = find_record(reading, reading->stepped, args);
    if (status == OK)
        status = step_follows(reading);
    if (status != OK)
        return status;
    if (enters) {
        reading->write->subject = reading->write->target;
        reading->write->target = (struct entry_id){0};
        buffer_clear(scratch);
        codec_put_id(scratch, &reading->write->subject);
        change_add_encoded(reading, reg->subject_field);
    }
    if (step->choice != 0) {
        buffer_clear(scratch);
        codec_put_uint(scratch, step->choice);
        change_add_encoded(reading, reading->stepped->step_field);
    }
    status = take_with(reading, args);
    if (status == OK)
        status = take_fields(reading, args);
    for (uint8_t i = 0; i < reg->field_count && status == OK; i++) {
        if ((step->needed & FIELD_BIT(i)) != 0 && !has_value(reading, i))
            status = change_refuse(reading->change, ERR_FIELD_MISSING,
                                   slice_text(reg->fields[i].name));
    }
    return status;
}

typedef enum status prepare_verb(struct reading *reading, struct slice args);

/* NULL: the verb only reads. */
static prepare_verb *prepare_of(enum verb verb)
{
    switch (verb) {
    case VERB_ADD: return prepare_add;
    case VERB_SET: return prepare_set;
    case VERB_AMEND: return prepare_amend;
    case VERB_VOID: return prepare_void;
    case VERB_STEP: return prepare_step;
    case VERB_SHOW:
    case VERB_LIST:
    case VERB_FIND: break;
    }
    return NULL;
}

/* ---- what a reply says of what was written ---- */

/* "A village writing for its neighbour within a township is a warning": the village that this
 * node serves, where the record lies in another. */
static void put_serves(struct change *change, uint64_t place)
{
    const struct member *self = engine_self(change->engine);
    uint64_t serves = self != NULL ? self->division : 0;
    if (division_level(serves) != DIVISION_VILLAGE ||
        division_level(place) != DIVISION_VILLAGE || place == serves)
        serves = 0;
    const struct division *division = divisions_find(change->divisions, serves);
    answer_put_key(change->scratch, "serves");
    answer_put_uint_or_nil(change->scratch, serves);
    answer_put_key(change->scratch, "serves_name");
    answer_put_text_or_nil(change->scratch, division != NULL ? division->name : NULL);
}

static void summarise(struct change *change, const struct schema_register *reg,
                      const struct write *write)
{
    struct arena scratch;
    struct record_view record;
    struct entry_id restored;
    struct answering answering = {
        .engine = change->engine,
        .txn = change->txn,
        .arena = change->arena,
        .scratch = &scratch,
        .now = answer_now(change->engine, change->wall_ms),
    };
    arena_init(&scratch);
    buffer_clear(change->scratch);
    record_foresee(change->txn, reg, write, change->arena, &record);
    uint64_t place =
        answer_put_whose(&answering, &record, change->divisions, change->scratch);
    answer_put_key(change->scratch, "record");
    answer_put_listed(&answering, &record, change->scratch);
    answer_put_key(change->scratch, "restored");
    struct slice amends = {0};
    if (write->restores && reg->amends_field != FIELD_NONE)
        amends = view_value(&record, reg->amends_field);
    if (codec_take_id(&amends, &restored))
        answer_put_id(change->scratch, &restored);
    else
        codec_put_nil(change->scratch);
    put_serves(change, place);
    change->summary = arena_copy(change->arena, buffer_slice(change->scratch));
    answering_deinit(&answering);
    arena_deinit(&scratch);
}

/* "conflict.resolve", which finds its register by the record; "month.close"; the merging of
 * persons; or the verb of a register that writes. NULL: none. */
static prepare_verb *prepare_of_command(struct reading *reading, struct slice command)
{
    enum verb verb;
    if (slice_equal(command, slice_text("conflict.resolve")))
        return change_settle;
    if (slice_equal(command, slice_text("month.close"))) {
        reading->reg = schema_register(REGISTER_MONTH);
        return change_close;
    }
    if (slice_equal(command, slice_text("person.merge")) ||
        slice_equal(command, slice_text("person.unmerge"))) {
        reading->reg = schema_register(REGISTER_PERSON);
        return slice_equal(command, slice_text("person.merge")) ? change_merge
                                                                : change_unmerge;
    }
    if (!schema_command(command, &reading->stepped, &verb, &reading->step))
        return NULL;
    reading->reg = verb == VERB_STEP ? schema_steps(reading->stepped) : reading->stepped;
    return prepare_of(verb);
}

bool change_is_meant(struct slice command)
{
    struct reading reading = {0};
    return prepare_of_command(&reading, command) != NULL;
}

enum status change_prepare(struct change *change, struct slice command, struct slice args,
                           struct write *write)
{
    struct reading reading = {.change = change, .write = write};
    prepare_verb *prepare = prepare_of_command(&reading, command);
    change->subject[0] = '\0';
    *write = (struct write){0};
    if (prepare == NULL)
        return ERR_UNKNOWN_COMMAND;
    if (args.size > CHANGE_ARGS_SIZE_MAX)
        return ERR_LIMIT;
    if (reading.reg != NULL)
        write->reg = reading.reg->id;
    write->insist = args_flag(args, "anyway");
    write->trial = args_flag(args, "trial");
    buffer_init(&reading.fits, PAYLOAD_SIZE_MAX);
    enum status status = prepare(&reading, args);
    buffer_deinit(&reading.fits);
    if (store_txn_status(change->txn) != OK)
        status = store_txn_status(change->txn);
    write->values = reading.values;
    write->count = reading.count;
    if (status == OK)
        summarise(change, reading.reg, write);
    return status;
}
