/* What is to be written, compared with what is here: whether it is known already, belongs to
 * another, contradicts itself or its subject, or was entered before. */
#include <string.h>

#include "crdt/calendar.h"
#include "crdt/codec.h"
#include "crdt/lookup.h"
#include "net/draft.h"
#include "net/records.h"

#define HOLDERS_MAX 16 /* of one value, looked at */

/* Whether a create gives all the fields by which events are told apart these values. */
static bool tells_same(const struct schema_register *reg,
                       const struct slice values[FIELDS_MAX],
                       const struct operation *operation)
{
    struct operation create = *operation;
    struct slice value;
    uint8_t field;

    while (operation_next_field(&create, &field, &value)) {
        if (reg->fields[field].tells_apart && !slice_equal(value, values[field]))
            return false;
    }
    return true;
}

/* "K3F9ABCD 王秀英 1940-01-01 331123106204": who it is, when born and where. */
static void name_record(struct engine *engine, struct draft *draft,
                        const struct record_view *record)
{
    char id[ID_TEXT_SIZE];
    struct slice value, name = {0};
    struct buffer words;

    id_format(&record->id, id);
    buffer_init(&words, PAYLOAD_SIZE_MAX);
    buffer_put(&words, id, ID_SHORT_SIZE);
    if (record->reg->name_field != FIELD_NONE) {
        value = view_value(record, record->reg->name_field);
        if (codec_take_text(&value, &name)) {
            buffer_put_u8(&words, ' ');
            buffer_put(&words, name.data, name.size);
        }
    }
    for (size_t i = 0; i < record->reg->field_count; i++) {
        const struct field *field = &record->reg->fields[i];
        value = view_value(record, field->id);
        if (value.size == 0 || field->id == record->reg->name_field ||
            (field->lookup != LOOKUP_ALIKE && field->id != record->reg->place_field))
            continue;
        buffer_put_u8(&words, ' ');
        field_format(field, value, false, &words);
    }
    draft->in_the_way = arena_copy(&engine->scratch, buffer_slice(&words));
    buffer_deinit(&words);
}

/* Whether the same event was entered before. Only the newest RECENT_ROWS rows of the chain are
 * looked through: the second entry usually comes soon after the first, and a write must not
 * take longer the longer the chain is. Rows are read only where a mark in memory fits, and
 * then down to that row. */
static enum status judge_double(struct engine *engine, struct draft *draft)
{
    const struct write *write = draft->write;
    const struct schema_register *reg = draft->reg;
    struct slice values[FIELDS_MAX] = {{0}};
    uint8_t marks[RECENT_ROWS], mark;
    struct fold_row row;
    struct operation operation;
    struct record_view record;
    uint64_t number;
    size_t left;

    if (write->insist || write->keep_rest || !schema_tells_apart(reg))
        return OK;
    for (size_t i = write->count; i > 0; i--)
        values[write->values[i - 1].field] = write->values[i - 1].value;
    mark = mark_of_values(reg, values);
    left = fold_chain_marks(engine->fold, engine->txn, reg->id, write->realm,
                            &write->subject, &number, marks);
    while (left > 0 && marks[left - 1] != mark)
        left--;
    for (size_t i = 0; i < left && fold_row_read(engine->txn, number, &row); i++) {
        number = row.previous;
        if (marks[i] != mark || operation_decode(row.plaintext, &operation) != OK ||
            operation.kind != OPERATION_CREATE || !tells_same(reg, values, &operation))
            continue;
        if (view_record(engine->txn, reg, write->realm, &write->subject, &row.id,
                        &engine->scratch, &record) &&
            !record.voided && record.amended_count == 0) {
            name_record(engine, draft, &record);
            return draft_refuse(draft, ERR_DOUBLE, reg->subject_field);
        }
    }
    return OK;
}

static bool holds(const struct field_view *field, struct slice value)
{
    for (size_t i = 0; i < field->count; i++) {
        if (slice_equal(lookup_value(field->field, field->versions[i].value), value))
            return true;
    }
    return false;
}

/* The record that holds the value in `realm` and stands, other than the one that is
 * written; of several the one that was entered first. */
static bool find_holder(struct engine *engine, const struct draft *draft,
                        const struct field *field, uint64_t realm, struct slice value,
                        struct record_view *first)
{
    const struct write_value *date =
        field->lookup == LOOKUP_DATED_KEY && draft->reg->date_field != FIELD_NONE
            ? draft_value(draft->write, draft->reg->date_field)
            : NULL;
    struct looked_up found[HOLDERS_MAX];
    struct slice sought = value, dated = date != NULL ? date->value : (struct slice){0};
    struct buffer both;
    bool any = false;

    buffer_init(&both, SIZE_MAX);
    if (field->lookup == LOOKUP_DATED_KEY) {
        lookup_put_dated(value, dated, &both);
        sought = buffer_slice(&both);
    }
    size_t count = lookup_find(engine->txn, draft->reg->id, field->id, realm, sought,
                               found, HOLDERS_MAX);
    buffer_deinit(&both);

    for (size_t i = 0; i < count; i++) {
        struct record_view record;
        const struct entry_id *subject =
            draft->reg->subject_field == FIELD_NONE ? NULL : &found[i].subject;
        if (entry_id_compare(&found[i].id, &draft->target) == 0 ||
            !view_record(engine->txn, draft->reg, realm, subject, &found[i].id,
                         &engine->scratch, &record) ||
            entry_id_compare(&record.id, &draft->target) == 0 || !record.known ||
            record.voided || !holds(&record.fields[field->id], value))
            continue;
        if (field->lookup == LOOKUP_UNIQUE && draft->reg->ended != NULL &&
            draft->reg->ended(&record))
            continue;
        if (field->lookup == LOOKUP_DATED_KEY &&
            !slice_equal(view_value(&record, draft->reg->date_field), dated))
            continue;
        if (!any || record.created_ms < first->created_ms)
            *first = record;
        any = true;
    }
    return any;
}

/* A new record whose key of another system is here already is known. Where an old record
 * gets such a key, it is another's. */
static enum status judge_key(struct engine *engine, struct draft *draft,
                             const struct field *field, struct slice value)
{
    const struct write *write = draft->write;
    struct record_view holder;

    if (write->insist || !find_holder(engine, draft, field, write->realm, value, &holder))
        return OK;
    if (write->kind == OPERATION_CREATE && !write->keep_rest) {
        draft->known = true;
        draft->known_id = holder.id;
        name_record(engine, draft, &holder);
        return OK;
    }
    name_record(engine, draft, &holder);
    return draft_refuse(draft, ERR_TAKEN, field->id);
}

/* What the fold's lookup rows know a value by, in turn for `turn` 0, 1, ...: itself, once; a
 * sealed one by its tag under each key of the realm. False past the last. */
static bool looked_up_by(struct engine *engine, const struct field *field, uint64_t realm,
                         struct slice value, size_t turn, uint8_t tag[FIELD_TAG_SIZE],
                         struct slice *sought)
{
    struct slice text;

    *sought = value;
    if (field->type != FIELD_SEALED)
        return turn == 0;
    *sought = slice_of(tag, FIELD_TAG_SIZE);
    return codec_take_text(&value, &text) &&
           engine_field_tag(engine, realm, text, turn, tag);
}

/* In every realm that can be read here; a sealed value's tag differs from realm to realm, and
 * from epoch to epoch. */
static enum status judge_unique(struct engine *engine, struct draft *draft,
                                const struct field *field, struct slice value)
{
    struct realm_walk walk = {0};
    struct record_view holder;
    struct slice sought;
    uint8_t tag[FIELD_TAG_SIZE];
    uint64_t realm;

    if (draft->write->insist)
        return OK;
    while (realm_walk_next(engine->roster, draft->reg, &walk, &realm)) {
        for (size_t turn = 0;
             looked_up_by(engine, field, realm, value, turn, tag, &sought); turn++) {
            if (!find_holder(engine, draft, field, realm, sought, &holder))
                continue;
            name_record(engine, draft, &holder);
            return draft_refuse(draft, ERR_TAKEN, field->id);
        }
    }
    return OK;
}

static enum status judge_lookups(struct engine *engine, struct draft *draft)
{
    static const enum lookup in_turn[] = {LOOKUP_KEY, LOOKUP_DATED_KEY, LOOKUP_UNIQUE};
    const struct write *write = draft->write;
    enum status status = OK;

    for (size_t turn = 0; turn < ARRAY_SIZE(in_turn); turn++) {
        for (size_t i = 0; i < write->count && status == OK && !draft->known; i++) {
            const struct field *field = &draft->reg->fields[write->values[i].field];
            struct slice value = write->values[i].value;
            if (field->lookup != in_turn[turn] || value.size == 0)
                continue;
            status = field->lookup == LOOKUP_UNIQUE
                         ? judge_unique(engine, draft, field, value)
                         : judge_key(engine, draft, field, value);
        }
    }
    return status;
}

/* Gives sealed fields the text that is written, or that they hold. */
static void open_sealed(struct engine *engine, const struct write *write,
                        struct record_view *record)
{
    struct slice sealed, text;
    struct buffer encoded;

    for (uint8_t id = 0; id < record->reg->field_count; id++) {
        const struct write_value *given = draft_value(write, id);
        struct slice value = view_value(record, id);
        struct version *opened;
        if (record->reg->fields[id].type != FIELD_SEALED)
            continue;
        if (given != NULL)
            value = given->value;
        else if (codec_take_bytes(&value, &sealed) &&
                 engine_open_field(engine, record->realm, sealed, &engine->scratch,
                                   &text)) {
            buffer_init(&encoded, PAYLOAD_SIZE_MAX);
            codec_put_text(&encoded, text);
            value = arena_copy(&engine->scratch, buffer_slice(&encoded));
            buffer_deinit(&encoded);
        } else {
            continue;
        }
        opened = arena_alloc(&engine->scratch, sizeof *opened);
        opened->value = value;
        record->fields[id].versions = opened;
        record->fields[id].count = value.size > 0;
    }
}

/* Where this machine's clock stands before the founding of the county it was never set,
 * and no date is judged by it. */
static struct occasion occasion_of(const struct engine *engine, const struct draft *draft)
{
    bool is_set = draft->wall_ms >= roster_genesis(engine->roster)->created_ms;

    return (struct occasion){
        .now = is_set ? beijing_minutes(draft->wall_ms) : INT64_MAX,
        .insist = draft->write->insist,
        .log = engine_own_log(engine, draft->reg->lane),
        .actor = draft->actor,
        .account = operators_name(&draft->write->account),
        .txn = engine->txn,
    };
}

static enum status judge_agreement(struct engine *engine, struct draft *draft)
{
    static const struct write nothing = {0};
    struct occasion occasion = occasion_of(engine, draft);
    struct record_view record;
    uint8_t field = FIELD_NONE;
    enum status status;

    if (draft->reg->agrees == NULL)
        return OK;
    record_foresee(engine->txn, draft->reg, draft->write, &engine->scratch, &record);
    open_sealed(engine, draft->write, &record);
    status = draft->reg->agrees(&record, draft->has_subject ? &draft->subject : NULL,
                                &occasion, &field);
    if (status == OK || draft->write->kind != OPERATION_EDIT)
        return status == OK ? OK : draft_refuse(draft, status, field);
    /* An edit is let through where the record contradicted itself in the same field already:
     * the edit did not cause it, and refusing would block edits of other fields. */
    if (!view_record(engine->txn, draft->reg, draft->write->realm,
                     draft->reg->subject_field == FIELD_NONE ? NULL
                                                             : &draft->write->subject,
                     &draft->target, &engine->scratch, &record))
        return OK;
    uint8_t before = FIELD_NONE;
    open_sealed(engine, &nothing, &record);
    return draft->reg->agrees(&record, NULL, &occasion, &before) == status &&
                   before == field
               ? OK
               : draft_refuse(draft, status, field);
}

/* Both have an identity number: were they equal, the new one would have been refused. */
static bool told_apart_by_number(const struct draft *draft,
                                 const struct record_view *record)
{
    for (size_t i = 0; i < draft->reg->field_count; i++) {
        const struct field *field = &draft->reg->fields[i];
        const struct write_value *given = draft_value(draft->write, field->id);
        if (field->lookup == LOOKUP_UNIQUE && record->fields[i].count > 0 &&
            given != NULL && given->value.size > 0)
            return true;
    }
    return false;
}

/* "Where a row has a key the key decides." */
static bool has_key(const struct draft *draft)
{
    for (size_t i = 0; i < draft->write->count; i++) {
        const struct write_value *value = &draft->write->values[i];
        if (draft->reg->fields[value->field].lookup == LOOKUP_KEY &&
            value->value.size > 0)
            return true;
    }
    return false;
}

/* Whether a new record looks like one that stands, wherever it lies that can be read. */
static enum status judge_alike(struct engine *engine, struct draft *draft)
{
    const struct schema_register *reg = draft->reg;
    struct looked_up found[HOLDERS_MAX];
    struct record_view record;
    struct buffer sought, held;
    enum status status = OK;
    size_t count = 0;

    if (draft->write->insist || draft->write->keep_rest ||
        reg->subject_field != FIELD_NONE || has_key(draft))
        return OK;
    record_foresee(engine->txn, reg, draft->write, &engine->scratch, &record);
    buffer_init(&sought, SIZE_MAX);
    buffer_init(&held, SIZE_MAX);
    if (lookup_alike_value(&record, &sought))
        count = lookup_find_alike(engine->txn, reg->id, buffer_slice(&sought), found,
                                  HOLDERS_MAX);
    for (size_t i = 0; i < count && status == OK; i++) {
        if (!record_find(engine->roster, engine->txn, reg, &found[i].id,
                         draft->write->realm, &engine->scratch, &record) ||
            !record.known || record.voided ||
            (reg->ended != NULL && reg->ended(&record)) ||
            !lookup_alike_value(&record, &held) ||
            !slice_equal(buffer_slice(&held), buffer_slice(&sought)) ||
            told_apart_by_number(draft, &record))
            continue;
        name_record(engine, draft, &record);
        status = draft_refuse(draft, ERR_ALIKE, reg->name_field);
    }
    buffer_deinit(&held);
    buffer_deinit(&sought);
    return status;
}

enum status draft_compare(struct engine *engine, struct draft *draft)
{
    enum status status = judge_lookups(engine, draft);

    if (status == OK && !draft->known)
        status = judge_agreement(engine, draft);
    if (status == OK && !draft->known && draft->write->kind == OPERATION_CREATE)
        status = judge_double(engine, draft);
    if (status == OK && !draft->known && draft->write->kind == OPERATION_CREATE)
        status = judge_alike(engine, draft);
    return status;
}
