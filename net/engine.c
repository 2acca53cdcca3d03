#include "net/engine.h"

#include <stdlib.h>
#include <string.h>

#include "net/engine_state.h"

#define META_GENESIS "genesis"
#define META_INCARNATION "incarnation"
#define META_PAUSE "pause" /* followed by the peer's number, 4 bytes BE */

/* ---- effects ---- */

void effects_init(struct effects *effects)
{
    *effects = (struct effects){0};
    arena_init(&effects->arena);
}

void effects_deinit(struct effects *effects)
{
    free(effects->items);
    arena_deinit(&effects->arena);
}

void effects_clear(struct effects *effects)
{
    effects->count = 0;
    arena_reset(&effects->arena);
}

struct effect *effects_add(struct effects *effects, enum effect_kind kind, uint32_t peer)
{
    if (effects->count == effects->capacity) {
        effects->capacity = effects->capacity == 0 ? 64 : effects->capacity * 2;
        effects->items =
            checked_realloc(effects->items, effects->capacity * sizeof *effects->items);
    }
    effects->items[effects->count] =
        (struct effect){.kind = kind, .peer = peer, .field = FIELD_NONE};
    return &effects->items[effects->count++];
}

struct effect *engine_effect(struct engine *engine, enum effect_kind kind, uint32_t peer)
{
    return effects_add(engine->effects, kind, peer);
}

void engine_send(struct engine *engine, struct session *session, struct slice frame)
{
    struct effect *send = engine_effect(engine, EFFECT_SEND, session->peer);

    send->bytes = arena_copy(&engine->effects->arena, frame);
    session->bytes_out += frame.size;
}

/* ---- making and unmaking ---- */

struct engine *engine_create(const struct engine_config *config)
{
    struct engine *engine = checked_malloc(sizeof *engine);

    *engine = (struct engine){.config = *config};
    engine->roster = roster_create(config->genesis, config->genesis_hash, config->keys);
    engine->heads = heads_create();
    engine->fold = fold_create();
    wants_init(&engine->wants);
    arena_init(&engine->scratch);
    buffer_init(&engine->encoded, RUN_SIZE_LIMIT);
    buffer_init(&engine->message, MESSAGE_SIZE_MAX);
    buffer_init(&engine->entries, RUN_SIZE_LIMIT);
    for (int lane = 0; lane < LANES; lane++)
        buffer_init(&engine->writing[lane].entries, RUN_SIZE_LIMIT);
    return engine;
}

static void forget_sessions(struct engine *engine)
{
    for (size_t i = 0; i < engine->session_count; i++)
        session_destroy(engine->sessions[i]);
    engine->session_count = 0;
}

void engine_destroy(struct engine *engine)
{
    forget_sessions(engine);
    free(engine->sessions);
    free(engine->diverged);
    free(engine->operators);
    for (int lane = 0; lane < LANES; lane++)
        buffer_deinit(&engine->writing[lane].entries);
    buffer_deinit(&engine->entries);
    buffer_deinit(&engine->message);
    buffer_deinit(&engine->encoded);
    arena_deinit(&engine->scratch);
    wants_deinit(&engine->wants);
    fold_destroy(engine->fold);
    heads_destroy(engine->heads);
    roster_destroy(engine->roster);
    free(engine);
}

/* ---- small state under STORE_META ---- */

bool engine_meta_get(struct store_txn *txn, const char *name, struct slice *value)
{
    return store_get(txn, STORE_META, slice_text(name), value);
}

void engine_meta_put(struct engine *engine, const char *name, struct slice value)
{
    store_put(engine->txn, STORE_META, slice_text(name), value);
}

#define PAUSE_KEY_SIZE (sizeof META_PAUSE - 1 + 4)

static void pause_key(uint8_t key[PAUSE_KEY_SIZE], uint32_t peer)
{
    memcpy(key, META_PAUSE, sizeof META_PAUSE - 1);
    put_be32(key + sizeof META_PAUSE - 1, peer);
}

/* A random number that no earlier incarnation of this node shares its tag with. */
void engine_new_incarnation(struct engine *engine, const uint8_t random[RANDOM_SIZE])
{
    const struct member *self = engine_self(engine);
    struct hash drawn;
    uint8_t value[8], input[RANDOM_SIZE + 1];

    author_seal(engine);
    memcpy(input, random, RANDOM_SIZE);
    for (unsigned attempt = 0;; attempt++) {
        struct log_name log = {self != NULL ? self->number : 0, 0, 0};
        bool taken = false;
        input[RANDOM_SIZE] = (uint8_t)attempt;
        hash_bytes(&drawn, HASH_RANDOM, roster_salt(engine->roster),
                   slice_of(input, sizeof input));
        engine->incarnation = get_le64(drawn.bytes);
        log.tag = (uint16_t)engine->incarnation;
        for (uint8_t lane = 0; lane < LANES; lane++) {
            log.lane = lane;
            taken |= heads_find(engine->heads, log) != NULL;
        }
        if (!taken && engine->incarnation != 0)
            break;
    }
    put_le64(value, engine->incarnation);
    engine_meta_put(engine, META_INCARNATION, slice_of(value, sizeof value));
    engine->wrote = true;
}

/* ---- sessions ---- */

struct session *engine_session(struct engine *engine, uint32_t peer)
{
    for (size_t i = 0; i < engine->session_count; i++) {
        if (engine->sessions[i]->peer == peer)
            return engine->sessions[i];
    }
    return NULL;
}

static void read_peer_row(struct engine *engine, struct session *session)
{
    uint8_t key[4], pause[PAUSE_KEY_SIZE];
    struct slice value;

    put_be32(key, session->peer);
    pause_key(pause, session->peer);
    session->paused =
        store_get(engine->txn, STORE_META, slice_of(pause, sizeof pause), &value);
    if (!store_get(engine->txn, STORE_PEERS, slice_of(key, sizeof key), &value))
        return;
    if (!slice_take_u64(&value, &session->incarnation) ||
        !slice_take_u64(&value, &session->heard) ||
        !slice_take_u64(&value, &session->noted) || session->noted > engine->arrival)
        session->incarnation = session->heard = session->noted = 0;
}

static void write_peer_row(struct engine *engine, const struct session *session)
{
    uint8_t key[4], value[24];

    put_be32(key, session->peer);
    put_le64(value, session->incarnation);
    put_le64(value + 8, session->heard);
    put_le64(value + 16, session->noted);
    store_put(engine->txn, STORE_PEERS, slice_of(key, sizeof key),
              slice_of(value, sizeof value));
}

/* The session of a peer met for the first time since the engine was loaded: what is known
 * to be held there is read off the number it had noted. */
static struct session *meet(struct engine *engine, uint32_t peer)
{
    struct session *session = engine_session(engine, peer);

    if (session != NULL)
        return session;
    session = session_create(peer);
    engine->sessions = checked_realloc(engine->sessions, (engine->session_count + 1) *
                                                             sizeof *engine->sessions);
    engine->sessions[engine->session_count++] = session;
    read_peer_row(engine, session);
    session->told = session->covered = session->noted;
    session->hello_at_ms = UINT64_MAX;
    if (session->noted > 0) {
        for (size_t i = 0; i < heads_count(engine->heads); i++)
            session_hold(session, i, heads_at(engine->heads, i)->seq);
        sync_rewind(engine, session);
    }
    return session;
}

/* ---- loading ---- */

static enum status load_identity(struct engine *engine)
{
    struct slice value;

    if (!engine_meta_get(engine->txn, META_GENESIS, &value))
        return ERR_STORE_FORMAT;
    if (!slice_equal(value, slice_of(engine->config.genesis_hash->bytes, HASH_SIZE)))
        return ERR_OTHER_COUNTY;
    if (!engine_meta_get(engine->txn, META_INCARNATION, &value) ||
        !slice_take_u64(&value, &engine->incarnation))
        return ERR_STORE_DAMAGED;
    return OK;
}

static void load_sessions(struct engine *engine)
{
    struct store_cursor cursor;
    struct slice key, value;

    bool found =
        store_seek(engine->txn, STORE_PEERS, (struct slice){0}, &cursor, &key, &value);
    for (; found; found = store_next(engine->txn, &cursor, &key, &value)) {
        if (key.size == 4)
            meet(engine, get_be32(key.data));
    }
    store_cursor_close(&cursor);
}

static void discard_batch(struct engine *engine)
{
    fold_discard(engine->fold);
    engine->wrote = engine->roster_changed = false;
    engine->diverged_count = 0;
    for (int lane = 0; lane < LANES; lane++)
        engine->writing[lane].open = false;
}

static enum status load_state(struct engine *engine, struct store_txn *txn)
{
    enum status status = load_identity(engine);

    if (status != OK)
        return status;
    status = heads_load(engine->heads, txn);
    if (status != OK)
        return status;
    engine->arrival = engine->runs = log_last_arrival(txn);
    intake_fold_load(engine);
    status = intake_roster_load(engine);
    if (status != OK)
        return status;
    wants_load(&engine->wants, txn);
    author_load(engine);
    load_sessions(engine);
    return store_txn_status(txn);
}

enum status engine_load(struct engine *engine, struct store_txn *txn)
{
    struct session **old = engine->sessions;
    size_t count = engine->session_count;
    enum status status;

    engine->txn = txn;
    engine->sessions = NULL;
    engine->session_count = 0;
    discard_batch(engine);
    status = load_state(engine, txn);
    for (size_t i = 0; i < count; i++) {
        if (status == OK && old[i]->link) {
            struct session *session = meet(engine, old[i]->peer);
            session->link = true;
            if (!session->paused)
                session_enter(session, SESSION_LINK_UP, engine->now_ms);
        }
        session_destroy(old[i]);
    }
    free(old);
    return status;
}

enum status engine_found(struct engine *engine, struct store_txn *txn,
                         struct slice grant_file, const uint8_t random[RANDOM_SIZE])
{
    struct effects none;
    enum status status;

    effects_init(&none);
    engine->txn = txn;
    engine->effects = &none;
    engine_meta_put(engine, META_GENESIS,
                    slice_of(engine->config.genesis_hash->bytes, HASH_SIZE));
    status = intake_grant(engine, grant_file, random);
    if (status == OK && engine_self(engine) == NULL)
        status = ERR_NOT_MEMBER;
    if (status == OK) {
        engine_new_incarnation(engine, random);
        fold_flush(engine->fold, txn);
        intake_fold_save(engine);
        heads_flush(engine->heads, txn);
        status = store_txn_status(txn);
    }
    effects_deinit(&none);
    engine->effects = NULL;
    return status;
}

/* ---- stepping ---- */

static void hear_noted(struct engine *engine, struct session *session, uint64_t noted,
                       uint64_t received)
{
    if (noted > session->noted && noted <= session->told)
        session->noted = noted;
    session_count_acknowledged(session, received, engine->now_ms);
    if (session->noted >= session->told)
        session->unsent_since_wall_ms = 0;
}

/* Before the hellos only a hello says anything: what else arrives belongs to an earlier
 * link. */
static void hear_message(struct engine *engine, struct session *session,
                         struct message *message, const struct event *event)
{
    if (message->kind == MESSAGE_HELLO) {
        greet_hear(engine, session, &message->hello);
        return;
    }
    if (session->state != SESSION_OPEN)
        return;
    switch (message->kind) {
    case MESSAGE_HELLO: return;
    case MESSAGE_HEADS: sync_hear_heads(engine, session, &message->heads); return;
    case MESSAGE_WANT: sync_hear_want(engine, session, &message->want); return;
    case MESSAGE_RUN:
        sync_hear_run(engine, session, &message->run, event->bytes, event->random);
        return;
    case MESSAGE_NOTED:
        hear_noted(engine, session, message->noted.noted, message->noted.received);
        return;
    }
}

static void step_frame(struct engine *engine, const struct event *event)
{
    struct session *session = meet(engine, event->peer);
    struct message message;
    enum status status;

    if (session->paused || engine_member(engine, event->peer) == NULL ||
        roster_revoked(engine->roster, event->peer) || session->state == SESSION_DOWN)
        return;
    session->heard_wall_ms = event->wall_ms;
    session->bytes_in += event->bytes.size;
    status = message_decode(event->bytes, &message);
    if (status == ERR_VERSION)
        sync_offence(engine, session, REFUSED_VERSION);
    else if (status != OK)
        sync_offence(engine, session, REFUSED_MALFORMED);
    else
        hear_message(engine, session, &message, event);
}

static void step_link(struct engine *engine, const struct event *event)
{
    struct session *session = meet(engine, event->peer);

    session->link = event->kind == EVENT_LINK_UP;
    wants_forget_asked(&engine->wants, event->peer);
    if (session->link && session->paused) {
        engine_effect(engine, EFFECT_DROP, event->peer)->pause_ms = UINT64_MAX;
        return;
    }
    session_enter(session, session->link ? SESSION_LINK_UP : SESSION_LINK_DOWN,
                  event->steady_ms);
    sync_rewind(engine, session);
}

static void reply(struct engine *engine, uint64_t token, enum status status)
{
    struct effect *effect = engine_effect(engine, EFFECT_REPLY, 0);

    effect->token = token;
    effect->status = status;
}

static void step_pause(struct engine *engine, const struct event *event)
{
    struct session *session;
    uint8_t key[PAUSE_KEY_SIZE], yes = 1;

    if (engine_member(engine, event->peer) == NULL ||
        engine_member(engine, event->peer) == engine_self(engine)) {
        reply(engine, event->token, ERR_NOT_FOUND);
        return;
    }
    session = meet(engine, event->peer);
    pause_key(key, event->peer);
    session->paused = event->kind == EVENT_PAUSE;
    engine->wrote = true;
    if (session->paused) {
        store_put(engine->txn, STORE_META, slice_of(key, sizeof key), slice_of(&yes, 1));
        session_enter(session, SESSION_LINK_DOWN, event->steady_ms);
        wants_forget_asked(&engine->wants, event->peer);
        engine_effect(engine, EFFECT_DROP, event->peer)->pause_ms = UINT64_MAX;
    } else {
        store_delete(engine->txn, STORE_META, slice_of(key, sizeof key));
        engine_effect(engine, EFFECT_DIAL, event->peer);
    }
    reply(engine, event->token, OK);
}

void engine_step(struct engine *engine, struct store_txn *txn, const struct event *event,
                 struct effects *effects)
{
    engine->txn = txn;
    engine->effects = effects;
    engine->now_ms = event->steady_ms;
    engine->wall_ms = event->wall_ms;
    switch (event->kind) {
    case EVENT_TICK: return;
    case EVENT_LINK_UP:
    case EVENT_LINK_DOWN: step_link(engine, event); return;
    case EVENT_FRAME: step_frame(engine, event); return;
    case EVENT_WRITE: author_write(engine, event); return;
    case EVENT_PAUSE:
    case EVENT_RESUME: step_pause(engine, event); return;
    case EVENT_JOIN:
        reply(engine, event->token, intake_grant(engine, event->bytes, event->random));
        return;
    }
}

void engine_seal(struct engine *engine, struct store_txn *txn, const struct event *last,
                 struct effects *effects)
{
    engine->txn = txn;
    engine->effects = effects;
    engine->now_ms = last->steady_ms;
    engine->wall_ms = last->wall_ms;
    author_seal(engine);
    intake_fold_some(engine);
    fold_flush(engine->fold, txn);
    sync_request(engine);
    for (size_t i = 0; i < engine->session_count; i++) {
        sync_seal(engine, engine->sessions[i]);
        greet_seal(engine, engine->sessions[i], last->random);
    }
    if (engine->roster_changed)
        engine_effect(engine, EFFECT_ROSTER, 0);
    engine->roster_changed = false;
    if (!engine->wrote)
        return;
    for (size_t i = 0; i < engine->session_count; i++)
        write_peer_row(engine, engine->sessions[i]);
    if (engine->fold_dirty)
        intake_fold_save(engine);
    heads_flush(engine->heads, txn);
}

size_t engine_rows_pending(const struct engine *engine)
{
    return fold_pending(engine->fold);
}

bool engine_take_wrote(struct engine *engine)
{
    bool wrote = engine->wrote;

    engine->wrote = false;
    return wrote;
}

uint64_t engine_wake_ms(const struct engine *engine)
{
    uint64_t wake_ms = engine_folding(engine, NULL) ? 0 : UINT64_MAX;

    for (size_t i = 0; i < engine->session_count; i++) {
        uint64_t greet_ms = greet_wake_ms(engine, engine->sessions[i]);
        uint64_t sync_ms = sync_wake_ms(engine, engine->sessions[i]);
        if (greet_ms < wake_ms)
            wake_ms = greet_ms;
        if (sync_ms < wake_ms)
            wake_ms = sync_ms;
    }
    return wake_ms;
}

/* ---- reading ---- */

bool engine_folding(const struct engine *engine, uint64_t *runs_left)
{
    if (runs_left != NULL)
        *runs_left = engine->arrival - engine->folded;
    return engine->folded < engine->arrival;
}

const struct roster *engine_roster(const struct engine *engine)
{
    return engine->roster;
}

const struct heads *engine_heads(const struct engine *engine)
{
    return engine->heads;
}

const struct member *engine_self(const struct engine *engine)
{
    return roster_by_id(engine->roster, &engine->config.keys->id);
}

const struct member *engine_member(const struct engine *engine, uint32_t number)
{
    return roster_member(engine->roster, number);
}

struct log_name engine_own_log(const struct engine *engine, enum lane lane)
{
    const struct member *self = engine_self(engine);

    CHECK(self != NULL);
    return (struct log_name){self->number, (uint16_t)engine->incarnation, (uint8_t)lane};
}

size_t engine_head_index(const struct engine *engine, const struct head *head)
{
    return heads_index(engine->heads, head);
}

bool engine_carries(const struct engine *engine, uint32_t peer, struct log_name log)
{
    const struct member *member = engine_member(engine, peer);
    const struct member *author = engine_member(engine, log.node);

    return member != NULL && author != NULL && roster_carries(member, author, log.lane);
}

static bool every_log(void *context, struct log_name log)
{
    (void)context;
    (void)log;
    return true;
}

void engine_heads_digest(const struct engine *engine, struct hash *digest)
{
    heads_digest(engine->heads, roster_salt(engine->roster), every_log, NULL, digest);
}

void engine_mark_diverged(struct engine *engine, struct log_name log)
{
    for (size_t i = 0; i < engine->diverged_count; i++) {
        if (log_name_equal(engine->diverged[i], log))
            return;
    }
    engine->diverged = checked_realloc(engine->diverged, (engine->diverged_count + 1) *
                                                             sizeof *engine->diverged);
    engine->diverged[engine->diverged_count++] = log;
}
