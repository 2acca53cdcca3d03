#include "daemon/answer/change.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crdt/codec.h"
#include "crdt/same.h"
#include "crdt/conflict.h"
#include "crdt/text.h"
#include "daemon/answer/answer.h"
#include "daemon/answer/closing_draft.h"
#include "daemon/answer/query.h"
#include "daemon/answer/resolve.h"

/* One change while its arguments are read. */
struct reading {
    struct change *change;
    const struct schema_register *reg;     /* whose records are written */
    const struct step *step;               /* NULL: no verb of a register's own */
    const struct schema_register *stepped; /* the register whose verb it is */
    struct write *write;
    struct write_value *values;
    size_t count, capacity;
    bool seen[FIELDS_MAX];  /* fields that were given, emptied ones too */
    bool empty_clears;      /* an empty value takes away what is there */
    struct buffer fits;     /* records that fit a short id or a name, in words */
    uint64_t subject_realm; /* of the record that the subject field names; 0: none */
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
        add_value(reading, field->id, remove,
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
        add_value(reading, field->id, true,
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
        add_value(reading, field->id, false, (struct slice){0});
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
        add_value(reading, field->id, false, (struct slice){0});
    return OK;
}

static enum status take_field(struct reading *reading, struct slice name,
                              struct slice given)
{
    const struct field *field = schema_field_named(reading->reg, name);
    /* What a record replaces is said by amending it. */
    if (field != NULL && (field->computed || field->seen || field->apart))
        return refuse(reading->change, ERR_BY_STEP, slice_text(field->name));
    if (field == NULL || field->id == reading->reg->amends_field ||
        (reading->step != NULL && (reading->step->fields & FIELD_BIT(field->id)) == 0))
        return refuse(reading->change, ERR_FIELD_UNKNOWN, name);
    enum status status = field->rule == MERGE_SET ? take_set(reading, field, given)
                                                  : take_single(reading, field, given);
    reading->seen[field->id] = true;
    if (status == ERR_AMBIGUOUS)
        return refuse(reading->change, status, buffer_slice(&reading->fits));
    return status == OK ? OK : refuse(reading->change, status, slice_text(field->name));
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
        enum status status = take_field(reading, name, value);
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
        return refuse(change, ERR_FIELD_MISSING, slice_text("id"));
    enum status status = resolve_to_write(change->engine, change->txn, change->arena, reg,
                                          text, &resolved, &reading->fits);
    if (status == ERR_AMBIGUOUS)
        return refuse(change, status, buffer_slice(&reading->fits));
    if (status != OK)
        return refuse(change, status, text);
    reading->write->realm = resolved.realm;
    reading->write->subject = resolved.subject;
    reading->write->target = resolved.id;
    return OK;
}

static void add_encoded(struct reading *reading, uint8_t field)
{
    struct change *change = reading->change;
    add_value(reading, field, false,
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
            add_value(reading, reg->place_field, false, value);
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
    add_encoded(reading, reading->reg->amends_field);
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
        return refuse(change, ERR_FIELD_MISSING, slice_text("reason"));
    if (!text_is_clean(reason))
        return refuse(change, ERR_TEXT, slice_text("reason"));
    if (text_characters(reason) > REASON_CHARACTERS_MAX)
        return refuse(change, ERR_FIELD_TOO_LONG, slice_text("reason"));
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
    if (status == ERR_AMBIGUOUS)
        return refuse(reading->change, status, buffer_slice(&reading->fits));
    return status == OK ? OK : refuse(reading->change, status, text);
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
        add_encoded(reading, reg->subject_field);
    }
    if (step->choice != 0) {
        buffer_clear(scratch);
        codec_put_uint(scratch, step->choice);
        add_encoded(reading, reading->stepped->step_field);
    }
    status = take_with(reading, args);
    if (status == OK)
        status = take_fields(reading, args);
    for (uint8_t i = 0; i < reg->field_count && status == OK; i++) {
        if ((step->needed & FIELD_BIT(i)) != 0 && !has_value(reading, i))
            status = refuse(reading->change, ERR_FIELD_MISSING,
                            slice_text(reg->fields[i].name));
    }
    return status;
}

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
        return refuse(change, ERR_FIELD_UNKNOWN, name);
    for (size_t i = 0; i < record->reg->field_count; i++) {
        if (!field_in_conflict(&record->fields[i]) ||
            (field != NULL && field->id != record->fields[i].field->id))
            continue;
        *settled = &record->fields[i];
        count++;
    }
    if (count == 0)
        return refuse(change, ERR_SETTLED, name);
    return count == 1 ? OK : refuse(change, ERR_FIELD_MISSING, slice_text("field"));
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
        return refuse(change, ERR_ID_SHORT, text);
    for (size_t i = 0; i < settled->count; i++) {
        const struct version *version = &settled->versions[i];
        if (shown ? i > 0 : !id_has_prefix(&version->id, text))
            continue;
        if (kept != NULL)
            return refuse(change, ERR_AMBIGUOUS, text);
        kept = version;
    }
    if (kept == NULL)
        return refuse(change, ERR_NOT_FOUND, text);
    struct slice value = kept->value;
    if (settled->field->type == FIELD_SEALED) {
        if (!codec_take_bytes(&value, &sealed) ||
            !engine_open_field(change->engine, record->realm, sealed, change->arena,
                               &opened))
            return refuse(change, ERR_UNREADABLE, slice_text(settled->field->name));
        buffer_clear(change->scratch);
        codec_put_text(change->scratch, opened);
        value = buffer_slice(change->scratch);
    }
    add_value(reading, settled->field->id, false, arena_copy(change->arena, value));
    return OK;
}

/* An edit of one field; as any edit it replaces every version that is seen here, and no other:
 * what was written elsewhere meanwhile stays a conflict. */
static enum status prepare_settle(struct reading *reading, struct slice args)
{
    struct change *change = reading->change;
    const struct field_view *settled = NULL;
    struct slice value, text, given;
    struct resolved resolved;
    struct record_view record;
    reading->write->kind = OPERATION_EDIT;
    reading->empty_clears = true;
    if (!codec_map_find(args, "id", &value) || !codec_take_text(&value, &text))
        return refuse(change, ERR_FIELD_MISSING, slice_text("id"));
    enum status status =
        resolve_any_to_write(change->engine, change->txn, change->arena, text,
                             &reading->reg, &resolved, &reading->fits);
    if (status != OK)
        return refuse(change, status,
                      status == ERR_AMBIGUOUS ? buffer_slice(&reading->fits) : text);
    reading->write->reg = reading->reg->id;
    reading->write->realm = resolved.realm;
    reading->write->subject = resolved.subject;
    reading->write->target = resolved.id;
    if (!view_record(change->txn, reading->reg, resolved.realm,
                     resolved_subject(reading->reg, &resolved), &resolved.id,
                     change->arena, &record))
        return refuse(change, ERR_NOT_FOUND, text);
    status = take_settled(reading, args, &record, &settled);
    if (status != OK)
        return status;
    if (settled->field->computed)
        return refuse(change, ERR_BY_STEP, slice_text(settled->field->name));
    bool keeps = codec_map_find(args, "keep", &value) && codec_take_text(&value, &text);
    if (codec_map_find(args, "value", &given))
        return keeps ? refuse(change, ERR_CONTRADICTS, slice_text("keep"))
                     : take_field(reading, slice_text(settled->field->name), given);
    return keeps ? keep_version(reading, &record, settled, text)
                 : refuse(change, ERR_FIELD_MISSING, slice_text("keep"));
}

/* ---- persons who were entered more than once ---- */

static enum status take_person(struct reading *reading, struct slice args,
                               const char *key, bool as_entered,
                               struct resolved *resolved)
{
    struct change *change = reading->change;
    struct slice value, text;
    if (!codec_map_find(args, key, &value) || !codec_take_text(&value, &text))
        return refuse(change, ERR_FIELD_MISSING, slice_text(key));
    enum status status =
        as_entered ? resolve_as_entered(change->engine, change->txn, change->arena,
                                        reading->reg, text, resolved, &reading->fits)
                   : resolve_to_write(change->engine, change->txn, change->arena,
                                      reading->reg, text, resolved, &reading->fits);
    if (status == OK)
        return OK;
    return refuse(change, status,
                  status == ERR_AMBIGUOUS ? buffer_slice(&reading->fits) : text);
}

static void take_edge(struct reading *reading, uint64_t realm,
                      const struct entry_id *holder, const struct entry_id *named,
                      bool remove)
{
    struct change *change = reading->change;
    reading->write->kind = OPERATION_EDIT;
    reading->write->realm = realm;
    reading->write->subject = *holder;
    reading->write->target = *holder;
    buffer_clear(change->scratch);
    codec_put_id(change->scratch, named);
    add_value(reading, PERSON_SAME_AS, remove,
              arena_copy(change->arena, buffer_slice(change->scratch)));
}

/* The edge lies in the chain of the lower id, by which both are known from then on, so that
 * two who merge the same two apart write the same. A person's records are sealed for their
 * township: whoever moved to another is entered anew there. */
static enum status prepare_merge(struct reading *reading, struct slice args)
{
    struct resolved one, other;
    enum status status = take_person(reading, args, "id", false, &one);
    if (status == OK)
        status = take_person(reading, args, "other", false, &other);
    if (status != OK)
        return status;
    int order = entry_id_compare(&one.id, &other.id);
    if (order == 0)
        return refuse(reading->change, ERR_MERGED, slice_text("other"));
    if (one.realm != other.realm)
        return refuse(reading->change, ERR_TOWNSHIP, slice_text("other"));
    take_edge(reading, one.realm, order < 0 ? &one.id : &other.id,
              order < 0 ? &other.id : &one.id, false);
    return OK;
}

/* The only one with whom `person` was merged; false where there are several or none. */
static bool only_neighbour(struct change *change, const struct resolved *person,
                           struct entry_id *neighbour, struct entry_id *holder)
{
    struct same ever;
    size_t count = 0;
    same_ever(change->txn, person->realm, &person->id, change->arena, &ever);
    for (size_t i = 0; i < ever.count; i++) {
        struct entry_id found;
        if (entry_id_compare(&ever.ids[i], &person->id) == 0 ||
            !same_edge(change->txn, person->realm, &person->id, &ever.ids[i],
                       change->arena, &found))
            continue;
        *neighbour = ever.ids[i];
        *holder = found;
        count++;
    }
    return count == 1;
}

static bool are_one(struct change *change, const struct resolved *one,
                    const struct resolved *other)
{
    struct same same;
    same_members(change->txn, one->realm, &one->id, change->arena, &same);
    for (size_t i = 0; i < same.count; i++) {
        if (entry_id_compare(&same.ids[i], &other->id) == 0)
            return true;
    }
    return false;
}

/* Takes out the edge between the two; where they are one person by way of others, the only
 * edge that leads to either. */
static enum status prepare_unmerge(struct reading *reading, struct slice args)
{
    struct change *change = reading->change;
    struct resolved one, other;
    struct entry_id holder, a, b;
    enum status status = take_person(reading, args, "id", true, &one);
    if (status == OK)
        status = take_person(reading, args, "other", true, &other);
    if (status != OK)
        return status;
    a = one.id;
    b = other.id;
    if (one.realm != other.realm || entry_id_compare(&a, &b) == 0)
        return refuse(change, ERR_NOT_MERGED, slice_text("other"));
    if (!same_edge(change->txn, one.realm, &a, &b, change->arena, &holder)) {
        bool found = are_one(change, &one, &other);
        if (found && only_neighbour(change, &other, &a, &holder))
            b = other.id;
        else if (found && only_neighbour(change, &one, &b, &holder))
            a = one.id;
        else
            return refuse(change, ERR_NOT_MERGED, slice_text("other"));
    }
    take_edge(reading, one.realm, &holder, entry_id_compare(&holder, &a) == 0 ? &b : &a,
              true);
    return OK;
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

/* ---- closing a month ---- */

static void add_number(struct reading *reading, uint8_t field, uint64_t number)
{
    buffer_clear(reading->change->scratch);
    codec_put_uint(reading->change->scratch, number);
    add_encoded(reading, field);
}

static void add_text(struct reading *reading, uint8_t field, struct slice text)
{
    if (text.size == 0)
        return;
    buffer_clear(reading->change->scratch);
    codec_put_text(reading->change->scratch, text);
    add_encoded(reading, field);
}

/* What is written is what the report says at this moment, and on which heads. */
static enum status prepare_close(struct reading *reading, struct slice args)
{
    struct change *change = reading->change;
    struct write *write = reading->write;
    struct closing_draft draft;
    closing_draft_init(&draft);
    CHECK(change->query != NULL);
    enum status status =
        query_close(change->query, change->txn, args, write->insist, &draft);
    if (status == OK) {
        write->kind = OPERATION_CREATE;
        write->realm = draft.township;
        add_number(reading, MONTH_PLACE, draft.township);
        add_text(reading, MONTH_MONTH, slice_text(draft.month));
        add_number(reading, MONTH_DUE, draft.due);
        add_number(reading, MONTH_VISITED, draft.visited);
        add_text(reading, MONTH_FIGURES, buffer_slice(&draft.figures));
        if (draft.policy != 0)
            add_number(reading, MONTH_POLICY, draft.policy);
        add_number(reading, MONTH_LOGS, draft.logs);
        add_number(reading, MONTH_ENTRIES, draft.entries);
        add_text(reading, MONTH_HEADS, slice_text(draft.heads));
        add_text(reading, MONTH_ENDS, buffer_slice(&draft.ends));
        add_text(reading, MONTH_MISSING, slice_text(draft.missing));
    } else {
        (void)refuse(change, status, slice_text(change->query->subject));
    }
    closing_draft_deinit(&draft);
    return status;
}

/* "conflict.resolve", which finds its register by the record; "month.close"; the merging of
 * persons; or the verb of a register that
 * writes. NULL: none. */
static prepare_verb *prepare_of_command(struct reading *reading, struct slice command)
{
    enum verb verb;
    if (slice_equal(command, slice_text("conflict.resolve")))
        return prepare_settle;
    if (slice_equal(command, slice_text("month.close"))) {
        reading->reg = schema_register(REGISTER_MONTH);
        return prepare_close;
    }
    if (slice_equal(command, slice_text("person.merge")) ||
        slice_equal(command, slice_text("person.unmerge"))) {
        reading->reg = schema_register(REGISTER_PERSON);
        return slice_equal(command, slice_text("person.merge")) ? prepare_merge
                                                                : prepare_unmerge;
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
