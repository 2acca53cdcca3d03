#include "net/draft.h"

#include "crdt/codec.h"
#include "net/records.h"

/* ---- judging what is asked ---- */

enum status draft_refuse(struct draft *draft, enum status status, uint8_t field)
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
        return draft_refuse(draft, ERR_FIELD_MISSING,
                            reg->subject_field != FIELD_NONE ? reg->subject_field
                                                             : reg->place_field);
    draft->key = roster_newest_key(engine->roster, draft->write->realm);
    if (draft->key == NULL)
        return draft_refuse(draft, ERR_UNREADABLE,
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

/* The record that is changed, voided or amended is neither voided nor replaced. */
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

const struct write_value *draft_value(const struct write *write, uint8_t field)
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

/* The record whose chain this one joins is neither voided nor replaced. */
static enum status judge_subject(struct engine *engine, struct draft *draft)
{
    const struct write *write = draft->write;
    const struct schema_register *reg = schema_subject(draft->reg);
    uint8_t field = draft->reg->subject_field;
    struct record_view *subject = &draft->subject;
    struct entry_id named;

    CHECK(reg != NULL && reg->subject_field == FIELD_NONE);
    if (value_id(draft_value(write, field), &named) &&
        (write->keep_rest || entry_id_compare(&named, &write->subject) != 0))
        return draft_refuse(draft, ERR_FIELD_FIXED, field);
    draft->has_subject = record_find(engine->roster, engine->txn, reg, &write->subject,
                                     write->realm, &engine->scratch, subject);
    if (!draft->has_subject)
        return draft_refuse(draft, ERR_NOT_FOUND, field);
    return subject->voided ? draft_refuse(draft, ERR_VOIDED, field) : OK;
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
        if (field->computed || field->seen)
            return draft_refuse(draft, ERR_BY_STEP, field->id);
        if (write->kind == OPERATION_EDIT && field->rule == MERGE_ONCE)
            return draft_refuse(draft, ERR_FIELD_FIXED, field->id);
        if (field->required && value.size == 0)
            return draft_refuse(draft, ERR_FIELD_MISSING, field->id);
        if (++counts[field->id] > SET_VALUES_MAX)
            return draft_refuse(draft, ERR_LIMIT, field->id);
        /* A record is sealed under its township's key, so it cannot change the township. A
         * person who moves away gets the status "moved" and is entered anew in the other
         * township. */
        if (field->id == reg->place_field && reg->realm == REALM_TOWNSHIP &&
            codec_take_uint(&value, &place) && division_township(place) != write->realm)
            return draft_refuse(draft, ERR_TOWNSHIP, field->id);
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
            draft_value(draft->write, id) != NULL)
            continue;
        if (!codec_take_bytes(&value, &sealed) ||
            !engine_open_field(engine, draft->record.realm, sealed, &engine->scratch,
                               &text))
            return draft_refuse(draft, ERR_UNREADABLE, id);
        buffer_init(&encoded, PAYLOAD_SIZE_MAX);
        codec_put_text(&encoded, text);
        draft->opened[id] = arena_copy(&engine->scratch, buffer_slice(&encoded));
        buffer_deinit(&encoded);
    }
    return OK;
}

static enum status judge_create(struct engine *engine, struct draft *draft)
{
    const struct schema_register *reg = draft->reg;
    const struct write *write = draft->write;
    bool amends = reg->amends_field != FIELD_NONE &&
                  value_id(draft_value(write, reg->amends_field), &draft->target);
    enum status status = judge_values(draft);

    for (size_t i = 0; i < reg->field_count && status == OK && !write->keep_rest; i++) {
        const struct field *field = &reg->fields[i];
        if (field->required && draft_value(write, field->id) == NULL)
            status = draft_refuse(draft, ERR_FIELD_MISSING, field->id);
    }
    if (status == OK && reg->subject_field != FIELD_NONE)
        status = judge_subject(engine, draft);
    if (status == OK && amends)
        status = judge_target(engine, draft);
    /* An amendment without any field of its own is refused: it would hide the record that
     * it replaces and say nothing new. */
    if (status == OK && write->keep_rest && write->count < 2)
        status = ERR_FIELD_MISSING;
    if (status == OK && write->keep_rest)
        status = draft_open_kept(engine, draft);
    if (status == OK)
        status = draft_compare(engine, draft);
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
        status = draft_compare(engine, draft);
    return status;
}

/* A record that was voided already may still be voided with --restore-amended, which brings
 * back the one that it replaced. */
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

/* What is urgent overtakes: by what the record says now or will say, or, of a step, by its
 * subject. */
static bool is_urgent(struct engine *engine, const struct draft *draft)
{
    const struct schema_register *reg = draft->reg;
    struct record_view record;

    if (reg->urgent == NULL)
        return false;
    if (reg->subject_field != FIELD_NONE)
        return draft->has_subject && reg->urgent(&draft->subject);
    if (draft->write->kind != OPERATION_CREATE && reg->urgent(&draft->record))
        return true;
    record_foresee(engine->txn, reg, draft->write, &engine->scratch, &record);
    return reg->urgent(&record);
}

enum status draft_judge(struct engine *engine, struct draft *draft)
{
    const struct write *write = draft->write;
    enum status status = judge_place(engine, draft);

    if (status != OK)
        return status;
    draft->lane = (enum lane)draft->reg->lane;
    draft->target = write->target;
    if (write->kind == OPERATION_EDIT && draft->reg->subject_field == FIELD_NONE)
        draft->target = write->subject;
    fold_flush(engine->fold, engine->txn);
    switch (write->kind) {
    case OPERATION_CREATE: status = judge_create(engine, draft); break;
    case OPERATION_EDIT: status = judge_edit(engine, draft); break;
    case OPERATION_VOID: status = judge_void(engine, draft); break;
    }
    if (status == OK && is_urgent(engine, draft))
        draft->lane = LANE_URGENT;
    return status;
}
