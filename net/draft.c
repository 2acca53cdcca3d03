#include "net/draft.h"

#include <string.h>

#include "crdt/codec.h"
#include "crdt/lookup.h"
#include "net/records.h"

enum {
    SHORT_ID_SIZE = 8,
    HOLDERS_MAX = 16,     /* of one value, looked at */
    DOUBLE_ROWS_MAX = 16, /* of a chain, looked through for the same event */
};

/* ---- judging what is asked ---- */

static enum status refuse(struct draft *draft, enum status status, uint8_t field)
{
    draft->refused_field = field;
    return status;
}

static enum status judge_place(struct engine *engine, struct draft *draft)
{
    const struct schema_register *reg = draft->reg;
    const struct member *self = engine_self(engine);
    uint64_t county = engine->config.genesis->county;

    if (self == NULL ||
        roster_newest_key(engine->roster, member_home_realm(self)) == NULL)
        return ERR_NOT_MEMBER;
    /* Where it lies follows from its subject or its place. */
    if (draft->write->realm == 0)
        return refuse(draft, ERR_FIELD_MISSING,
                      reg->subject_field != FIELD_NONE ? reg->subject_field
                                                       : reg->place_field);
    draft->key = roster_newest_key(engine->roster, draft->write->realm);
    if (draft->key == NULL)
        return refuse(draft, ERR_UNREADABLE,
                      draft->write->kind == OPERATION_CREATE ? reg->place_field
                                                             : FIELD_NONE);
    if (!schema_realm_fits(reg, draft->write->realm))
        return ERR_DIVISION;
    if (division_level(self->division) > reg->writers)
        return ERR_PERMISSION;
    return roster_may_write(self, reg->lane, draft->write->realm, county)
               ? OK
               : ERR_PERMISSION;
}

/* What is changed, voided or amended is a record that stands. */
static enum status judge_target(struct engine *engine, struct draft *draft)
{
    const struct write *write = draft->write;
    const struct entry_id *subject =
        draft->reg->subject_field == FIELD_NONE ? NULL : &write->subject;

    if (!view_record(engine->txn, draft->reg, write->realm, subject, &draft->target,
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

static bool value_id(const struct write_value *value, struct entry_id *id)
{
    struct slice rest;

    if (value == NULL)
        return false;
    rest = value->value;
    return codec_take_id(&rest, id);
}

/* The record whose chain this one joins stands. */
static enum status judge_subject(struct engine *engine, struct draft *draft)
{
    const struct write *write = draft->write;
    const struct schema_register *reg = schema_subject(draft->reg);
    uint8_t field = draft->reg->subject_field;
    struct record_view *subject = &draft->subject;
    struct entry_id named;
    uint64_t realm;

    CHECK(reg != NULL && reg->subject_field == FIELD_NONE);
    if (value_id(find_value(write, field), &named) &&
        (write->keep_rest || entry_id_compare(&named, &write->subject) != 0))
        return refuse(draft, ERR_FIELD_FIXED, field);
    if (!record_realm(engine->roster, engine->txn, reg, &write->subject, write->realm,
                      &realm))
        return refuse(draft, ERR_NOT_FOUND, field);
    draft->has_subject = view_record(engine->txn, reg, realm, NULL, &write->subject,
                                     &engine->scratch, subject);
    return draft->has_subject && subject->voided ? refuse(draft, ERR_VOIDED, field) : OK;
}

/* Rules of single fields that hold for what is written, whether a record is new or old. */
static enum status judge_values(struct draft *draft)
{
    const struct schema_register *reg = draft->reg;
    const struct write *write = draft->write;
    size_t counts[FIELDS_MAX] = {0};
    uint64_t place;

    for (size_t i = 0; i < write->count; i++) {
        const struct field *field = schema_field(reg, write->values[i].field);
        struct slice value = write->values[i].value;
        if (field == NULL)
            return ERR_FIELD_UNKNOWN;
        if (write->kind == OPERATION_EDIT && field->rule == MERGE_ONCE)
            return refuse(draft, ERR_FIELD_FIXED, field->id);
        if (field->required && value.size == 0)
            return refuse(draft, ERR_FIELD_MISSING, field->id);
        if (++counts[field->id] > SET_VALUES_MAX)
            return refuse(draft, ERR_LIMIT, field->id);
        /* A record lies in one township for good, because its key does. Whoever moves gets
         * the status and is entered anew where they live now. */
        if (field->id == reg->place_field && reg->realm == REALM_TOWNSHIP &&
            codec_take_uint(&value, &place) && division_township(place) != write->realm)
            return refuse(draft, ERR_TOWNSHIP, field->id);
    }
    return OK;
}

/* Sealed values that an amendment keeps, as encoded texts. */
static enum status draft_open_kept(struct engine *engine, struct draft *draft)
{
    struct slice sealed, text;
    struct buffer encoded;

    for (uint8_t id = 0; id < draft->reg->field_count; id++) {
        struct slice value = view_value(&draft->record, id);
        if (draft->reg->fields[id].type != FIELD_SEALED || value.size == 0 ||
            find_value(draft->write, id) != NULL)
            continue;
        if (!codec_take_bytes(&value, &sealed) ||
            !engine_open_field(engine, draft->record.realm, sealed, &engine->scratch,
                               &text))
            return refuse(draft, ERR_UNREADABLE, id);
        buffer_init(&encoded, PAYLOAD_SIZE_MAX);
        codec_put_text(&encoded, text);
        draft->opened[id] = arena_copy(&engine->scratch, buffer_slice(&encoded));
        buffer_deinit(&encoded);
    }
    return OK;
}

/* ---- what a person is asked about ---- */

/* Whether a create gives all the fields by which events are told apart the values that the
 * write gives them. */
static bool tells_same(const struct draft *draft, const struct operation *operation)
{
    struct operation create = *operation;
    struct slice value, mine[FIELDS_MAX];
    uint8_t field;

    for (size_t i = 0; i < draft->reg->field_count; i++) {
        const struct write_value *given = find_value(draft->write, (uint8_t)i);
        mine[i] = given != NULL ? given->value : (struct slice){0};
    }
    while (operation_next_field(&create, &field, &value)) {
        if (draft->reg->fields[field].tells_apart && !slice_equal(value, mine[field]))
            return false;
    }
    return true;
}

/* Spares decoding most rows: one that holds the date nowhere is of another event. */
static bool may_be_same(const struct draft *draft, struct slice plaintext)
{
    const struct write_value *date = NULL;

    if (draft->reg->date_field != FIELD_NONE &&
        draft->reg->fields[draft->reg->date_field].tells_apart)
        date = find_value(draft->write, draft->reg->date_field);
    if (date == NULL || date->value.size == 0)
        return true;
    for (size_t at = 0; at + date->value.size <= plaintext.size; at++) {
        if (memcmp(plaintext.data + at, date->value.data, date->value.size) == 0)
            return true;
    }
    return false;
}

/* "K3F9ABCD 王秀英" */
static void name_record(struct engine *engine, struct draft *draft,
                        const struct record_view *record)
{
    char id[ID_TEXT_SIZE];
    struct slice value, name = {0};
    struct buffer words;

    id_format(&record->id, id);
    buffer_init(&words, PAYLOAD_SIZE_MAX);
    buffer_put(&words, id, SHORT_ID_SIZE);
    if (record->reg->name_field != FIELD_NONE) {
        value = view_value(record, record->reg->name_field);
        if (codec_take_text(&value, &name)) {
            buffer_put_u8(&words, ' ');
            buffer_put(&words, name.data, name.size);
        }
    }
    draft->in_the_way = arena_copy(&engine->scratch, buffer_slice(&words));
    buffer_deinit(&words);
}

/* One event entered twice. Only the newest rows of a chain are looked through: what is
 * entered twice is entered twice soon, and a write must not cost a chain's length. */
static enum status judge_double(struct engine *engine, struct draft *draft)
{
    const struct write *write = draft->write;
    struct fold_row row;
    struct operation operation;
    struct record_view record;
    uint64_t number, rows;
    bool tells = false;

    for (size_t i = 0; i < draft->reg->field_count; i++)
        tells |= draft->reg->fields[i].tells_apart;
    if (!tells || write->insist || write->keep_rest ||
        !fold_chain_newest(engine->txn, draft->reg->id, write->realm, &write->subject,
                           &number, &rows))
        return OK;
    for (int i = 0; i < DOUBLE_ROWS_MAX && number != 0; i++) {
        if (!fold_row_read(engine->txn, number, &row))
            return OK;
        number = row.previous;
        if (!may_be_same(draft, row.plaintext) ||
            operation_decode(row.plaintext, &operation) != OK ||
            operation.kind != OPERATION_CREATE || !tells_same(draft, &operation))
            continue;
        if (view_record(engine->txn, draft->reg, write->realm, &write->subject, &row.id,
                        &engine->scratch, &record) &&
            !record.voided && record.amended_count == 0) {
            name_record(engine, draft, &record);
            return refuse(draft, ERR_DOUBLE, draft->reg->subject_field);
        }
        if (store_txn_status(engine->txn) != OK)
            return OK;
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
    struct looked_up found[HOLDERS_MAX];
    size_t count = lookup_find(engine->txn, draft->reg->id, field->id, realm, value,
                               found, HOLDERS_MAX);
    bool any = false;

    for (size_t i = 0; i < count; i++) {
        struct record_view record;
        const struct entry_id *subject =
            draft->reg->subject_field == FIELD_NONE ? NULL : &found[i].subject;
        if (entry_id_compare(&found[i].id, &draft->target) == 0 ||
            !view_record(engine->txn, draft->reg, realm, subject, &found[i].id,
                         &engine->scratch, &record) ||
            !record.known || record.voided || !holds(&record.fields[field->id], value))
            continue;
        if (field->lookup == LOOKUP_UNIQUE && draft->reg->ended != NULL &&
            draft->reg->ended(&record))
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
        return OK;
    }
    name_record(engine, draft, &holder);
    return refuse(draft, ERR_TAKEN, field->id);
}

/* In every realm that can be read here; a sealed value's tag differs from realm to realm. */
static enum status judge_unique(struct engine *engine, struct draft *draft,
                                const struct field *field, struct slice value)
{
    struct realm_walk walk = {0};
    struct record_view holder;
    struct slice text, encoded;
    uint8_t tag[FIELD_TAG_SIZE];
    uint64_t realm;

    if (draft->write->insist)
        return OK;
    while (realm_walk_next(engine->roster, draft->reg, &walk, &realm)) {
        struct slice sought = value;
        if (field->type == FIELD_SEALED) {
            encoded = value;
            if (!codec_take_text(&encoded, &text) ||
                !engine_field_tag(engine, realm, text, tag))
                continue;
            sought = slice_of(tag, sizeof tag);
        }
        if (find_holder(engine, draft, field, realm, sought, &holder)) {
            name_record(engine, draft, &holder);
            return refuse(draft, ERR_TAKEN, field->id);
        }
    }
    return OK;
}

static enum status judge_lookups(struct engine *engine, struct draft *draft)
{
    static const enum lookup in_turn[] = {LOOKUP_KEY, LOOKUP_UNIQUE};
    const struct write *write = draft->write;
    enum status status = OK;

    for (size_t turn = 0; turn < ARRAY_SIZE(in_turn); turn++) {
        for (size_t i = 0; i < write->count && status == OK && !draft->known; i++) {
            const struct field *field = &draft->reg->fields[write->values[i].field];
            struct slice value = write->values[i].value;
            if (field->lookup != in_turn[turn] || value.size == 0)
                continue;
            status = field->lookup == LOOKUP_KEY
                         ? judge_key(engine, draft, field, value)
                         : judge_unique(engine, draft, field, value);
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
        const struct write_value *given = find_value(write, id);
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

/* A clock that stands before the county's founding is not set. */
static struct occasion occasion_of(const struct engine *engine, const struct draft *draft)
{
    bool is_set = draft->wall_ms >= roster_genesis(engine->roster)->created_ms;

    return (struct occasion){
        .now = is_set ? beijing_minutes(draft->wall_ms) : INT64_MAX,
        .insist = draft->write->insist,
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
        return status == OK ? OK : refuse(draft, status, field);
    /* What did not agree before is not this edit's fault. */
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
               : refuse(draft, status, field);
}

static enum status judge_create(struct engine *engine, struct draft *draft)
{
    const struct schema_register *reg = draft->reg;
    const struct write *write = draft->write;
    bool amends = reg->amends_field != FIELD_NONE &&
                  value_id(find_value(write, reg->amends_field), &draft->target);
    enum status status = judge_values(draft);

    for (size_t i = 0; i < reg->field_count && status == OK && !write->keep_rest; i++) {
        const struct field *field = &reg->fields[i];
        if (field->required && find_value(write, field->id) == NULL)
            status = refuse(draft, ERR_FIELD_MISSING, field->id);
    }
    if (status == OK && reg->subject_field != FIELD_NONE)
        status = judge_subject(engine, draft);
    if (status == OK && amends)
        status = judge_target(engine, draft);
    /* A correction that corrects nothing would only hide what it replaces. */
    if (status == OK && write->keep_rest && write->count < 2)
        status = ERR_FIELD_MISSING;
    if (status == OK && write->keep_rest)
        status = draft_open_kept(engine, draft);
    if (status == OK)
        status = judge_lookups(engine, draft);
    if (status == OK && !draft->known)
        status = judge_agreement(engine, draft);
    if (status == OK && !draft->known)
        status = judge_double(engine, draft);
    return status;
}

static enum status judge_edit(struct engine *engine, struct draft *draft)
{
    enum status status = judge_target(engine, draft);

    if (status == OK)
        status = judge_values(draft);
    if (status == OK && draft->write->count == 0)
        status = ERR_FIELD_MISSING;
    if (status == OK)
        status = judge_agreement(engine, draft);
    if (status == OK)
        status = judge_lookups(engine, draft);
    return status;
}

/* What was voided already can still be undone. */
static enum status judge_void(struct engine *engine, struct draft *draft)
{
    const struct schema_register *reg = draft->reg;
    enum status status = judge_target(engine, draft);

    if (!draft->write->restores || (status != OK && status != ERR_VOIDED))
        return status;
    if (reg->amends_field == FIELD_NONE ||
        view_value(&draft->record, reg->amends_field).size == 0)
        return ERR_REPLACES_NONE;
    return draft->record.undone || draft->record.amended_count > 0 ? ERR_VOIDED : OK;
}

enum status draft_judge(struct engine *engine, struct draft *draft)
{
    const struct write *write = draft->write;
    enum status status = judge_place(engine, draft);

    if (status != OK)
        return status;
    draft->target = write->target;
    if (write->kind == OPERATION_EDIT && draft->reg->subject_field == FIELD_NONE)
        draft->target = write->subject;
    fold_flush(engine->fold, engine->txn);
    switch (write->kind) {
    case OPERATION_CREATE: return judge_create(engine, draft);
    case OPERATION_EDIT: return judge_edit(engine, draft);
    case OPERATION_VOID: return judge_void(engine, draft);
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

static void draft_fields(struct engine *engine, struct draft *draft)
{
    for (size_t i = 0; i < draft->reg->field_count; i++) {
        const struct field *field = &draft->reg->fields[i];
        const struct write_value *value = find_value(draft->write, field->id);
        if (value != NULL)
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
