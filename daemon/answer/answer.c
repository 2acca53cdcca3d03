#include "daemon/answer/answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crdt/calendar.h"
#include "crdt/codec.h"
#include "crdt/conflict.h"
#include "crdt/text.h"
#include "net/records.h"

#define HIDDEN "(hidden)"
#define UNREADABLE "(unreadable)" /* as field_format says it */

/* ---- small things ---- */

void answer_put_key(struct buffer *out, const char *key)
{
    codec_put_cstring(out, key);
}

void answer_put_text_or_nil(struct buffer *out, const char *text)
{
    if (text == NULL || text[0] == '\0')
        codec_put_nil(out);
    else
        codec_put_cstring(out, text);
}

void answer_put_uint_or_nil(struct buffer *out, uint64_t value)
{
    if (value == 0)
        codec_put_nil(out);
    else
        codec_put_uint(out, value);
}

void answer_put_id(struct buffer *out, const struct entry_id *id)
{
    char text[ID_TEXT_SIZE];
    id_format(id, text);
    codec_put_cstring(out, text);
}

void answer_put_hex(struct buffer *out, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    char text[2 * HASH_SIZE];
    CHECK(size <= HASH_SIZE);
    for (size_t i = 0; i < size; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    codec_put_text(out, slice_of(text, 2 * size));
}

static void put_number_text(struct buffer *out, uint64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRIu64, number);
    codec_put_cstring(out, text);
}

void answer_put_node(struct buffer *out, const struct roster *roster, uint32_t number)
{
    const struct member *member = roster_member(roster, number);
    if (member != NULL && member->name[0] != '\0')
        codec_put_cstring(out, member->name);
    else
        put_number_text(out, number);
}

/* ---- who wrote ---- */

static struct slice text_of_value(struct slice value)
{
    struct slice text = {0};
    return codec_take_text(&value, &text) ? text : (struct slice){0};
}

static void operator_add(struct answering *answering, const struct record_view *record)
{
    struct slice number = view_value(record, OPERATOR_NUMBER);
    struct slice name = text_of_value(view_value(record, OPERATOR_NAME));
    uint64_t value;
    if (name.size == 0)
        name = text_of_value(view_value(record, OPERATOR_ACCOUNT));
    if (name.size == 0 || !codec_take_uint(&number, &value))
        return;
    if (answering->operator_count == answering->operator_capacity) {
        size_t capacity = answering->operator_capacity * 2 + 16;
        struct answer_operator *rows =
            arena_alloc(answering->arena, capacity * sizeof *rows);
        if (answering->operator_count > 0)
            memcpy(rows, answering->operators, answering->operator_count * sizeof *rows);
        answering->operators = rows;
        answering->operator_capacity = capacity;
    }
    struct log_name log = entry_id_log(&record->id);
    answering->operators[answering->operator_count++] = (struct answer_operator){
        .node = log.node,
        .tag = log.tag,
        .number = value,
        .name = arena_copy(answering->arena, name),
    };
}

void answer_learn_operators(struct answering *answering, uint64_t realm)
{
    const struct schema_register *reg = schema_register(REGISTER_OPERATOR);
    struct fold_subjects walk = {.reg = REGISTER_OPERATOR, .realm = realm};
    struct entry_id subject;
    struct record_view record;
    uint64_t found_realm, newest;
    while (fold_subjects_next(answering->txn, &walk, &found_realm, &subject, &newest)) {
        arena_reset(answering->scratch);
        if (view_record(answering->txn, reg, found_realm, NULL, &subject,
                        answering->scratch, &record))
            operator_add(answering, &record);
    }
    store_cursor_close(&walk.cursor);
}

void answer_put_actor(const struct answering *answering, struct buffer *out,
                      struct log_name log, uint64_t number)
{
    for (size_t i = 0; i < answering->operator_count; i++) {
        const struct answer_operator *row = &answering->operators[i];
        if (row->node == log.node && row->tag == log.tag && row->number == number) {
            codec_put_text(out, row->name);
            return;
        }
    }
    put_number_text(out, number);
}

/* ---- values ---- */

static void put_sealed(struct answering *answering, uint64_t realm, struct slice value,
                       struct buffer *out)
{
    struct slice sealed, text;
    if (!answering->reveal || !codec_take_bytes(&value, &sealed) ||
        !engine_open_field(answering->engine, realm, sealed, answering->scratch, &text))
        codec_put_cstring(out, HIDDEN);
    else if (text_is_clean(text) && text_is_one_line(text))
        codec_put_text(out, text);
    else /* nobody could look inside before: a member may have sealed anything */
        codec_put_cstring(out, UNREADABLE);
}

static void put_formatted(const struct field *field, struct slice value,
                          struct buffer *out)
{
    struct buffer text;
    buffer_init(&text, PAYLOAD_SIZE_MAX);
    field_format(field, value, false, &text);
    codec_put_text(out, buffer_slice(&text));
    buffer_deinit(&text);
}

static void put_value(struct answering *answering, const struct record_view *record,
                      const struct field *field, struct slice value, struct buffer *out)
{
    switch (field->type) {
    case FIELD_SEALED: put_sealed(answering, record->realm, value, out); return;
    case FIELD_COUNT:
    case FIELD_DIVISION: codec_put_raw(out, value); return;
    case FIELD_TEXT:
    case FIELD_DATE:
    case FIELD_MOMENT:
    case FIELD_CHOICE:
    case FIELD_RECORD:
    case FIELD_CHECK:
    case FIELD_FLAG: put_formatted(field, value, out); return;
    }
}

static void put_field(struct answering *answering, const struct record_view *record,
                      const struct field_view *field, struct buffer *out)
{
    bool several = field->field->rule == MERGE_SET || field->field->rule == MERGE_LOG;
    answer_put_key(out, field->field->name);
    if (!several) {
        struct slice value = view_value(record, field->field->id);
        if (value.size == 0)
            codec_put_nil(out);
        else
            put_value(answering, record, field->field, value, out);
        return;
    }
    codec_put_array(out, field->count);
    for (size_t i = 0; i < field->count; i++)
        put_value(answering, record, field->field, field->versions[i].value, out);
}

/* ---- names of other records ---- */

void answering_deinit(struct answering *answering)
{
    buffer_deinit(&answering->name);
}

static void remember_name(struct answering *answering, uint8_t reg,
                          const struct entry_id *id, struct slice name)
{
    if (answering->named_reg == 0)
        buffer_init(&answering->name, PAYLOAD_SIZE_MAX);
    buffer_clear(&answering->name);
    buffer_put(&answering->name, name.data, name.size);
    answering->named_reg = reg;
    answering->named = *id;
}

struct slice answer_name_of(struct answering *answering, uint8_t reg,
                            uint64_t likely_realm, const struct entry_id *id)
{
    const struct schema_register *named = schema_register(reg);
    struct record_view record;
    struct slice value, text;
    if (named == NULL || named->name_field == FIELD_NONE)
        return (struct slice){0};
    if (answering->named_reg == reg && entry_id_compare(&answering->named, id) == 0)
        return buffer_slice(&answering->name);
    remember_name(answering, reg, id, (struct slice){0});
    if (record_find(engine_roster(answering->engine), answering->txn, named, id,
                    likely_realm, answering->scratch, &record)) {
        value = view_value(&record, named->name_field);
        if (codec_take_text(&value, &text))
            buffer_put(&answering->name, text.data, text.size);
    }
    return buffer_slice(&answering->name);
}

static bool has_name_key(const struct field *field)
{
    const struct schema_register *named = schema_register(field->names);
    return field->type == FIELD_RECORD && !field->apart && named != NULL &&
           named->name_field != FIELD_NONE;
}

/* The name of the record that a value of the field names; nil where it is none. */
static void put_name_of(struct answering *answering, const struct record_view *record,
                        const struct field *field, struct slice value, struct buffer *out)
{
    struct slice name = {0};
    struct entry_id id;
    if (has_name_key(field) && codec_take_id(&value, &id))
        name = answer_name_of(answering, field->names, record->realm, &id);
    if (name.size > 0)
        codec_put_text(out, name);
    else
        codec_put_nil(out);
}

static void put_name_key(struct answering *answering, const struct record_view *record,
                         const struct field *field, struct buffer *out)
{
    char key[64];
    (void)snprintf(key, sizeof key, "%s_name", field->name);
    answer_put_key(out, key);
    put_name_of(answering, record, field, view_value(record, field->id), out);
}

/* ---- records ---- */

void answer_put_version(struct answering *answering, const struct record_view *record,
                        const struct field_view *field, const struct version *version,
                        struct buffer *out)
{
    struct log_name log = entry_id_log(&version->id);
    answer_put_key(out, "field");
    codec_put_cstring(out, field->field->name);
    answer_put_key(out, "value");
    if (version->value.size == 0)
        codec_put_nil(out);
    else
        put_value(answering, record, field->field, version->value, out);
    answer_put_key(out, "value_name");
    put_name_of(answering, record, field->field, version->value, out);
    answer_put_key(out, "version");
    answer_put_id(out, &version->id);
    answer_put_key(out, "stamp_ms");
    codec_put_uint(out, version->stamp_ms);
    answer_put_key(out, "node");
    answer_put_node(out, engine_roster(answering->engine), log.node);
    answer_put_key(out, "actor");
    answer_put_actor(answering, out, log, version->actor);
}

static void put_conflicts(struct answering *answering, const struct record_view *record,
                          struct buffer *out)
{
    size_t count = 0;
    for (size_t i = 0; i < record->reg->field_count; i++)
        count += field_in_conflict(&record->fields[i]) ? record->fields[i].count : 0;
    answer_put_key(out, "conflicts");
    codec_put_array(out, count);
    for (size_t i = 0; i < record->reg->field_count; i++) {
        const struct field_view *field = &record->fields[i];
        for (size_t v = 0; field_in_conflict(field) && v < field->count; v++) {
            codec_put_map(out, VERSION_KEYS);
            answer_put_version(answering, record, field, &field->versions[v], out);
        }
    }
}

static void put_origin(struct answering *answering, const struct record_view *record,
                       struct buffer *out)
{
    struct log_name log = entry_id_log(&record->id);
    answer_put_key(out, "created_ms");
    answer_put_uint_or_nil(out, record->known ? record->created_ms : 0);
    answer_put_key(out, "node");
    answer_put_node(out, engine_roster(answering->engine), log.node);
    answer_put_key(out, "actor");
    if (record->known)
        answer_put_actor(answering, out, log, record->created_by);
    else
        codec_put_nil(out);
}

static void put_state(const struct record_view *record, struct buffer *out)
{
    answer_put_key(out, "known");
    codec_put_bool(out, record->known);
    answer_put_key(out, "voided");
    if (record->voided)
        codec_put_text(out, record->void_reason);
    else
        codec_put_nil(out);
    answer_put_key(out, "amended_by");
    codec_put_array(out, record->amended_count);
    for (size_t i = 0; i < record->amended_count; i++)
        answer_put_id(out, &record->amended_by[i]);
}

int64_t answer_now(const struct engine *engine, uint64_t wall_ms)
{
    bool is_set = wall_ms >= roster_genesis(engine_roster(engine))->created_ms;
    return is_set ? beijing_minutes(wall_ms) : INT64_MAX;
}

static void put_derived(const struct answering *answering,
                        const struct record_view *record, struct buffer *out)
{
    for (size_t i = 0; i < schema_derived_count(record->reg); i++) {
        answer_put_key(out, record->reg->derived[i].name);
        codec_put_bool(out, record->reg->derived[i].holds(record, answering->now));
    }
}

static void put_merged(const struct record_view *record, const struct field *field,
                       struct buffer *out)
{
    answer_put_key(out, field->name);
    codec_put_array(out, record->merged_count);
    for (size_t i = 0; i < record->merged_count; i++)
        answer_put_id(out, &record->merged[i]);
}

#define RECORD_KEYS 11 /* without the fields */

void answer_put_record(struct answering *answering, const struct record_view *record,
                       struct buffer *out)
{
    const struct schema_register *reg = record->reg;
    size_t names = 0;
    for (size_t i = 0; i < reg->field_count; i++)
        names += has_name_key(&reg->fields[i]);
    codec_put_map(out, RECORD_KEYS + schema_derived_count(reg) + names + reg->field_count);
    answer_put_key(out, "id");
    answer_put_id(out, &record->id);
    answer_put_key(out, "register");
    codec_put_cstring(out, reg->name);
    answer_put_key(out, "township");
    codec_put_uint(out, record->realm);
    answer_put_key(out, "subject");
    answer_put_id(out, &record->subject);
    put_origin(answering, record, out);
    put_state(record, out);
    put_conflicts(answering, record, out);
    put_derived(answering, record, out);
    for (size_t i = 0; i < reg->field_count; i++) {
        if (reg->fields[i].apart)
            put_merged(record, &reg->fields[i], out);
        else
            put_field(answering, record, &record->fields[i], out);
        if (has_name_key(&reg->fields[i]))
            put_name_key(answering, record, &reg->fields[i], out);
    }
}

/* ---- what a reply says of what was written ---- */

/* The record itself, or the one that is its subject. False where neither is known. */
static bool find_whose(struct answering *answering, const struct record_view *record,
                       struct record_view *whose)
{
    const struct schema_register *subject = schema_subject(record->reg);
    *whose = *record;
    return subject == NULL ||
           record_find(engine_roster(answering->engine), answering->txn, subject,
                       &record->subject, record->realm, answering->scratch, whose);
}

uint64_t answer_put_whose(struct answering *answering, const struct record_view *record,
                          const struct divisions *divisions, struct buffer *out)
{
    const struct schema_register *reg = record->reg;
    struct record_view whose;
    struct slice name = {0}, value;
    uint64_t place = 0;
    if (find_whose(answering, record, &whose)) {
        if (whose.reg->name_field != FIELD_NONE)
            name = text_of_value(view_value(&whose, whose.reg->name_field));
        if (whose.reg != reg)
            remember_name(answering, whose.reg->id, &record->subject, name);
        if (whose.reg->place_field != FIELD_NONE) {
            value = view_value(&whose, whose.reg->place_field);
            if (!codec_take_uint(&value, &place))
                place = 0;
        }
    }
    answer_put_key(out, "name");
    if (name.size > 0)
        codec_put_text(out, name);
    else
        codec_put_nil(out);
    const struct division *division = divisions_find(divisions, place);
    answer_put_key(out, "place");
    answer_put_uint_or_nil(out, place);
    answer_put_key(out, "place_name");
    answer_put_text_or_nil(out, division != NULL ? division->name : NULL);
    answer_put_key(out, "date");
    if (reg->date_field != FIELD_NONE && view_value(record, reg->date_field).size > 0)
        put_formatted(&reg->fields[reg->date_field], view_value(record, reg->date_field),
                      out);
    else
        codec_put_nil(out);
    return place;
}

void answer_put_listed(struct answering *answering, const struct record_view *record,
                       struct buffer *out)
{
    const struct schema_register *reg = record->reg;
    size_t keys = schema_derived_count(reg);
    for (size_t i = 0; i < reg->field_count; i++) {
        if (reg->fields[i].heading != NULL)
            keys += 1 + has_name_key(&reg->fields[i]);
    }
    codec_put_map(out, keys);
    for (size_t i = 0; i < reg->field_count; i++) {
        if (reg->fields[i].heading == NULL)
            continue;
        put_field(answering, record, &record->fields[i], out);
        if (has_name_key(&reg->fields[i]))
            put_name_key(answering, record, &reg->fields[i], out);
    }
    put_derived(answering, record, out);
}
