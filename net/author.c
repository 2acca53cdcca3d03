/* This node's own writes. A change that a person asks for is judged against what the node
 * sees, becomes an operation, is sealed and chained into the run that this batch writes,
 * and is folded by the same function as everybody else's. The run is signed once, at the
 * end. */
#include "crdt/codec.h"
#include "net/engine_state.h"

#include <stdlib.h>
#include <string.h>

/* Where a node keeps what concerns itself: its township's realm, a hub the county's. */
static uint64_t home_realm(const struct member *self)
{
    uint64_t township = division_township(self->division);

    return township != 0 ? township : self->division;
}

/* ---- the run being written ---- */

static void writing_close(struct engine *engine, struct writing *writing)
{
    struct hash signed_hash;
    struct run *run = &writing->run;

    if (!writing->open)
        return;
    run_signed_hash(roster_salt(engine->roster), &writing->last, &signed_hash);
    crypto_sign_hash(engine->config.keys, &signed_hash, run->signature);
    run->entries = buffer_slice(&writing->entries);
    engine->arrival++;
    engine->runs++;
    log_append(engine->txn, engine->arrival, run, &engine->encoded);
    heads_advance(engine->heads, run->log, engine->incarnation, run_last_seq(run),
                  &writing->last, engine->arrival);
    writing->open = false;
    intake_folded(engine);
}

static void writing_begin(struct engine *engine, struct writing *writing, enum lane lane,
                          const struct realm_key *key)
{
    struct log_name log = engine_own_log(engine, lane);
    const struct head *head = heads_find(engine->heads, log);

    writing->open = true;
    writing->run = (struct run){
        .log = log,
        .first_seq = head != NULL ? head->seq + 1 : 1,
        .incarnation = head != NULL ? 0 : engine->incarnation,
        .realm = key->realm,
        .epoch = key->epoch,
    };
    if (head != NULL)
        writing->run.prev = head->hash;
    writing->last = writing->run.prev;
    buffer_clear(&writing->entries);
}

/* The lane's open run, if one more payload of this size and key still fits it; otherwise
 * a new one. */
static struct writing *writing_for(struct engine *engine, enum lane lane,
                                   const struct realm_key *key, size_t payload_size)
{
    struct writing *writing = &engine->writing[lane];
    bool fits =
        writing->open && writing->run.realm == key->realm &&
        writing->run.epoch == key->epoch &&
        writing->entries.size + payload_size + 3 + RUN_FRAME_SIZE_MAX <= RUN_SIZE_MAX;

    if (!fits) {
        writing_close(engine, writing);
        writing_begin(engine, writing, lane, key);
    }
    return writing;
}

/* Seals and chains one operation; folds it at once. */
static struct entry_id write_entry(struct engine *engine, enum lane lane,
                                   const struct realm_key *key, struct slice plaintext,
                                   const uint8_t random[RANDOM_SIZE])
{
    const struct county_salt *salt = roster_salt(engine->roster);
    size_t size = plaintext.size + SEAL_OVERHEAD;
    struct writing *writing = writing_for(engine, lane, key, size);
    struct run *run = &writing->run;
    uint64_t seq = run->first_seq + run->count;
    struct log_id id = {engine->config.keys->id, engine->incarnation, (uint8_t)lane};
    struct entry_id entry = entry_id_of(run->log, seq);
    uint8_t header[HEADER_SIZE];
    uint8_t *payload = arena_alloc(&engine->scratch, size);
    struct hash prev = writing->last;

    entry_associated(&id, seq, &prev, run->realm, run->epoch, header);
    crypto_seal(key, salt, header, plaintext, random, payload);
    entry_header(salt, &id, seq, &prev, run->realm, run->epoch, slice_of(payload, size),
                 header, &writing->last);
    entry_append(&writing->entries, slice_of(payload, size));
    run->count++;
    engine->wrote = true;
    CHECK(fold_entry(engine->fold, &entry, run->realm, plaintext) == OK);
    return entry;
}

void author_seal(struct engine *engine)
{
    for (int lane = 0; lane < LANES; lane++)
        writing_close(engine, &engine->writing[lane]);
}

/* ---- who writes ---- */

/* A login name that fits, cut between characters. */
static size_t account_name_size(struct slice name)
{
    size_t size = name.size < NAME_SIZE_MAX ? name.size : NAME_SIZE_MAX;

    while (size < name.size && size > 0 && (name.data[size] & 0xc0) == 0x80)
        size--;
    return text_is_clean(slice_of(name.data, size)) ? size : 0;
}

static void remember_operator(struct engine *engine, uint32_t number, struct slice name)
{
    struct known_operator *known;

    name.size = account_name_size(name);
    engine->operators = checked_realloc(engine->operators, (engine->operator_count + 1) *
                                                               sizeof *engine->operators);
    known = &engine->operators[engine->operator_count++];
    *known = (struct known_operator){.number = number};
    memcpy(known->name, name.data, name.size);
}

static void load_operator(struct engine *engine, const struct record_view *record)
{
    struct slice number = view_value(record, OPERATOR_NUMBER);
    struct slice account = view_value(record, OPERATOR_ACCOUNT);
    struct slice name;
    uint64_t value;

    if (entry_id_log(&record->id).node != engine_self(engine)->number)
        return;
    if (codec_take_uint(&number, &value) && codec_take_text(&account, &name))
        remember_operator(engine, (uint32_t)value, name);
}

void author_load(struct engine *engine)
{
    const struct schema_register *reg = schema_register(REGISTER_OPERATOR);
    const struct member *self = engine_self(engine);
    struct fold_subjects walk = {.reg = REGISTER_OPERATOR};
    struct record_view record;
    struct entry_id subject;
    uint64_t realm, newest;

    engine->operator_count = 0;
    if (self == NULL)
        return;
    walk.realm = home_realm(self);
    while (fold_subjects_next(engine->txn, &walk, &realm, &subject, &newest)) {
        arena_reset(&engine->scratch);
        if (view_record(engine->txn, reg, realm, NULL, &subject, &engine->scratch,
                        &record))
            load_operator(engine, &record);
    }
    store_cursor_close(&walk.cursor);
}

/* The actor's number for an account; the first write of an account records it as an
 * operator of this node. */
static uint32_t actor_of(struct engine *engine, const struct event *event)
{
    const struct schema_register *reg = schema_register(REGISTER_OPERATOR);
    struct slice name = event->write->account.name;
    struct operation_value values[2];
    struct buffer fields[2], plaintext;
    uint32_t number = (uint32_t)engine->operator_count + 1;

    name.size = account_name_size(name);
    for (size_t i = 0; i < engine->operator_count; i++) {
        if (slice_equal(slice_text(engine->operators[i].name), name))
            return engine->operators[i].number;
    }
    for (size_t i = 0; i < 2; i++)
        buffer_init(&fields[i], 256);
    buffer_init(&plaintext, 1024);
    codec_put_uint(&fields[0], number);
    codec_put_text(&fields[1], name);
    values[0] = (struct operation_value){.field = OPERATOR_NUMBER,
                                         .value = buffer_slice(&fields[0])};
    values[1] = (struct operation_value){.field = OPERATOR_ACCOUNT,
                                         .value = buffer_slice(&fields[1])};
    operation_encode_create(&plaintext, event->wall_ms, number, reg, values, 2);
    write_entry(engine, LANE_RECORD,
                roster_newest_key(engine->roster, home_realm(engine_self(engine))),
                buffer_slice(&plaintext), event->random);
    remember_operator(engine, number, name);
    buffer_deinit(&plaintext);
    buffer_deinit(&fields[0]);
    buffer_deinit(&fields[1]);
    return number;
}

/* ---- judging what is asked ---- */

/* What a write needs to know while it is judged and encoded. */
struct draft {
    const struct write *write;
    const struct schema_register *reg;
    const struct realm_key *key;
    struct record_view
        record; /* of an edit's subject, or of a void's or amend's target */
    struct operation_value values[FIELDS_MAX];
    size_t count;
    uint8_t refused_field;
};

static enum status judge_place(struct engine *engine, struct draft *draft)
{
    const struct member *self = engine_self(engine);
    uint64_t county = engine->config.genesis->county;

    if (self == NULL || roster_newest_key(engine->roster, home_realm(self)) == NULL)
        return ERR_NOT_MEMBER;
    if (engine_folding(engine, NULL))
        return ERR_BUSY;
    draft->key = roster_newest_key(engine->roster, draft->write->realm);
    if (draft->key == NULL)
        return ERR_UNREADABLE;
    if (!schema_realm_fits(draft->reg, draft->write->realm))
        return ERR_DIVISION;
    return roster_may_write(self, draft->reg->lane, draft->write->realm, county)
               ? OK
               : ERR_PERMISSION;
}

/* A void or an amendment names a record that stands. */
static enum status judge_target(struct engine *engine, struct draft *draft,
                                const struct entry_id *target)
{
    const struct write *write = draft->write;
    const struct entry_id *subject =
        draft->reg->subject_field == FIELD_NONE ? NULL : &write->subject;

    if (!view_record(engine->txn, draft->reg, write->realm, subject, target,
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

static enum status judge_amended(struct engine *engine, struct draft *draft)
{
    const struct write_value *amends = NULL;
    struct entry_id target;
    struct slice value, bytes;

    if (draft->reg->amends_field != FIELD_NONE)
        amends = find_value(draft->write, draft->reg->amends_field);
    if (amends == NULL)
        return OK;
    value = amends->value;
    if (!codec_take_bytes(&value, &bytes) || bytes.size != ENTRY_ID_SIZE)
        return ERR_FIELD_VALUE;
    memcpy(target.bytes, bytes.data, ENTRY_ID_SIZE);
    return judge_target(engine, draft, &target);
}

static enum status judge_create(struct engine *engine, struct draft *draft)
{
    const struct write *write = draft->write;
    uint64_t newest, rows;

    for (size_t i = 0; i < draft->reg->field_count; i++) {
        const struct field *field = &draft->reg->fields[i];
        if (field->required && find_value(write, field->id) == NULL) {
            draft->refused_field = field->id;
            return ERR_FIELD_MISSING;
        }
    }
    if (draft->reg->subject_field == FIELD_NONE)
        return OK;
    draft->refused_field = draft->reg->subject_field;
    if (!fold_chain_newest(engine->txn, REGISTER_PERSON, write->realm, &write->subject,
                           &newest, &rows))
        return ERR_NOT_FOUND;
    draft->refused_field = FIELD_NONE;
    return judge_amended(engine, draft);
}

static enum status judge_edit(struct engine *engine, struct draft *draft)
{
    const struct write *write = draft->write;

    if (!view_record(engine->txn, draft->reg, write->realm, NULL, &write->subject,
                     &engine->scratch, &draft->record) ||
        !draft->record.known)
        return ERR_NOT_FOUND;
    for (size_t i = 0; i < write->count; i++) {
        const struct field *field = schema_field(draft->reg, write->values[i].field);
        draft->refused_field = write->values[i].field;
        if (field == NULL)
            return ERR_FIELD_UNKNOWN;
        if (field->rule == MERGE_ONCE)
            return ERR_FIELD_FIXED;
    }
    draft->refused_field = FIELD_NONE;
    return write->count > 0 ? OK : ERR_FIELD_MISSING;
}

static enum status judge(struct engine *engine, struct draft *draft)
{
    enum status status = judge_place(engine, draft);

    if (status != OK)
        return status;
    fold_flush(engine->fold, engine->txn);
    switch (draft->write->kind) {
    case OPERATION_CREATE: return judge_create(engine, draft);
    case OPERATION_EDIT: return judge_edit(engine, draft);
    case OPERATION_VOID: return judge_target(engine, draft, &draft->write->target);
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

static void put_added(struct buffer *out, const struct write *write, uint8_t field)
{
    size_t count = 0;

    for (size_t i = 0; i < write->count; i++)
        count += write->values[i].field == field && !write->values[i].remove;
    codec_put_array(out, count);
    for (size_t i = 0; i < write->count; i++) {
        if (write->values[i].field == field && !write->values[i].remove)
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

static void draft_fields(struct engine *engine, struct draft *draft)
{
    for (size_t i = 0; i < draft->reg->field_count; i++) {
        const struct field *field = &draft->reg->fields[i];
        const struct write_value *value = find_value(draft->write, field->id);
        if (value != NULL)
            draft_field(engine, draft, field, value->value);
    }
}

static void draft_encode(const struct draft *draft, uint64_t stamp_ms, uint32_t actor,
                         struct buffer *out)
{
    const struct write *write = draft->write;

    switch (write->kind) {
    case OPERATION_CREATE:
        operation_encode_create(out, stamp_ms, actor, draft->reg, draft->values,
                                draft->count);
        return;
    case OPERATION_EDIT:
        operation_encode_edit(out, stamp_ms, actor, draft->reg, &write->subject,
                              draft->values, draft->count);
        return;
    case OPERATION_VOID:
        operation_encode_void(out, stamp_ms, actor, draft->reg, &write->subject,
                              &write->target, write->reason);
        return;
    }
}

/* What was drafted, in the form that every node will hold it to. */
static enum status draft_finish(struct engine *engine, struct draft *draft,
                                const struct event *event, struct buffer *plaintext)
{
    struct operation operation;

    draft_fields(engine, draft);
    draft_encode(draft, event->wall_ms, actor_of(engine, event), plaintext);
    if (plaintext->overflow)
        return ERR_LIMIT;
    return operation_decode(buffer_slice(plaintext), &operation);
}

void author_write(struct engine *engine, const struct event *event)
{
    const struct write *write = event->write;
    struct draft draft = {.write = write, .refused_field = FIELD_NONE};
    struct effect *reply;
    struct entry_id id = {0};
    struct buffer plaintext;
    enum status status;

    arena_reset(&engine->scratch);
    buffer_init(&plaintext, PAYLOAD_SIZE_MAX - SEAL_OVERHEAD);
    draft.reg = schema_register(write->reg);
    status = draft.reg != NULL ? judge(engine, &draft) : ERR_MALFORMED;
    if (status == OK)
        status = draft_finish(engine, &draft, event, &plaintext);
    if (status == OK)
        id = write_entry(engine, draft.reg->lane, draft.key, buffer_slice(&plaintext),
                         event->random);
    buffer_deinit(&plaintext);
    reply = engine_effect(engine, EFFECT_REPLY, 0);
    reply->token = write->token;
    reply->status = status;
    reply->id = id;
    reply->reg = write->reg;
    reply->field = draft.refused_field;
}
