/* This node's own writes. A change that a person asks for is judged against what the node
 * sees, becomes an operation, is sealed and chained into the run that this batch writes,
 * and is folded by the same function as everybody else's. The run is signed once, at the
 * end. */
#include "crdt/codec.h"
#include "net/draft.h"

#include <stdlib.h>
#include <string.h>

/* Where a node keeps what concerns itself: its township's realm, a hub the county's. */
uint64_t author_home_realm(const struct member *self)
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
    walk.realm = author_home_realm(self);
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
                roster_newest_key(engine->roster, author_home_realm(engine_self(engine))),
                buffer_slice(&plaintext), event->random);
    remember_operator(engine, number, name);
    buffer_deinit(&plaintext);
    buffer_deinit(&fields[0]);
    buffer_deinit(&fields[1]);
    return number;
}

/* What was drafted, in the form that every node will hold it to. */
static enum status draft_finish(struct engine *engine, struct draft *draft,
                                const struct event *event, struct buffer *plaintext)
{
    struct operation operation;

    draft_encode(engine, draft, event->wall_ms, actor_of(engine, event), plaintext);
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
    status = draft.reg != NULL ? draft_judge(engine, &draft) : ERR_MALFORMED;
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
