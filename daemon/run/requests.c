#include "daemon/run/requests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/codec.h"
#include "daemon/answer/change.h"
#include "daemon/answer/peer_list.h"
#include "daemon/run/log.h"
#include "net/clock.h"

/* Of what is asked, so much is answered in a round; the rest in the next ones, so that no
 * number of readers holds up what neighbours send. */
#define ROUND_US_MAX 5000

/* Who asked for changes and was told none waits so long for some, then is told so and asks
 * again: a client that went away is noticed by then. */
#define WAIT_MS_MAX 60000

struct waiter {
    uint64_t client, until_ms;
    struct buffer args;
};

struct requests {
    struct requests_options options;
    struct store_txn *reading; /* of this round; NULL: not begun */
    struct arena arena, scratch;
    struct buffer data;    /* of the reply being made */
    struct buffer encoded; /* scratch for fields */
    struct verification *verification;
    uint64_t verification_client;
    struct waiter waiters[CONTROL_CLIENTS_MAX];
    size_t waiter_count;
    size_t unasked; /* of them, at the front: not asked anew since the last commit */
    bool committed; /* something was since the waiters were looked at */
};

struct requests *requests_create(const struct requests_options *options)
{
    struct requests *requests = checked_malloc(sizeof *requests);
    *requests = (struct requests){.options = *options};
    arena_init(&requests->arena);
    arena_init(&requests->scratch);
    buffer_init(&requests->data, CONTROL_REPLY_SIZE_MAX);
    buffer_init(&requests->encoded, PAYLOAD_SIZE_MAX);
    return requests;
}

void requests_destroy(struct requests *requests)
{
    if (requests == NULL)
        return;
    requests_end_reading(requests);
    verification_end(requests->verification);
    for (size_t i = 0; i < requests->waiter_count; i++)
        buffer_deinit(&requests->waiters[i].args);
    buffer_deinit(&requests->encoded);
    buffer_deinit(&requests->data);
    arena_deinit(&requests->scratch);
    arena_deinit(&requests->arena);
    free(requests);
}

/* ---- reading ---- */

static enum status begin_reading(struct requests *requests)
{
    if (requests->reading != NULL)
        return OK;
    return node_read(requests->options.node, &requests->reading);
}

void requests_end_reading(struct requests *requests)
{
    if (requests->reading != NULL)
        store_abort(requests->reading);
    requests->reading = NULL;
}

/* A long answer's memory is not kept for the short ones that follow. */
#define DATA_KEPT_BYTES (256 * 1024)

static void data_clear(struct requests *requests)
{
    if (requests->data.capacity > DATA_KEPT_BYTES) {
        buffer_deinit(&requests->data);
        buffer_init(&requests->data, CONTROL_REPLY_SIZE_MAX);
    }
    buffer_clear(&requests->data);
}

static void reply_now(struct requests *requests, uint64_t client, enum status status,
                      const char *subject, const struct incomplete *incomplete)
{
    struct slice data = {0};
    struct buffer missing;
    buffer_init(&missing, INCOMPLETE_TEXT_SIZE);
    if (status == OK)
        data = buffer_slice(&requests->data);
    if (status == OK && incomplete != NULL)
        incomplete_put(incomplete, &missing);
    control_reply(requests->options.control, client, status, slice_text(subject),
                  buffer_slice(&missing), data);
    buffer_deinit(&missing);
    data_clear(requests);
}

/* Answers, or returns true where there is no news yet and it may be waited for. */
static bool answer_or_wait(struct requests *requests, uint64_t client,
                           struct slice command, struct slice args, bool may_wait)
{
    struct query query = {
        .sources = &requests->options.sources,
        .wall_ms = requests->options.batch->wall_ms,
        .steady_ms = requests->options.batch->steady_ms,
        .arena = &requests->arena,
        .scratch = &requests->scratch,
        .data = &requests->data,
    };
    enum status status = begin_reading(requests);
    if (status == OK)
        status = query_answer(&query, requests->reading, command, args);
    bool waits = may_wait && status == OK && query.waits;
    if (waits)
        data_clear(requests);
    else
        reply_now(requests, client, status, query.subject, &query.incomplete);
    /* The memory is given back: one long answer would otherwise hold it for good. */
    arena_deinit(&requests->arena);
    arena_deinit(&requests->scratch);
    return waits;
}

/* Whoever looks at what is sealed is named in the journal, once a list. */
static void note_revealed(const struct control_request *request)
{
    struct slice after;
    if (!args_flag(request->args, "reveal") || args_text(request->args, "after", &after))
        return;
    log_write(LOG_LEVEL_INFO, "%.*s (uid %u) asked for identity numbers: %.*s",
              (int)request->account.size, (const char *)request->account.data,
              (unsigned)request->uid, (int)request->command.size,
              (const char *)request->command.data);
}

static void answer_query(struct requests *requests, const struct control_request *request)
{
    bool may_wait = requests->waiter_count < CONTROL_CLIENTS_MAX;
    note_revealed(request);
    if (!answer_or_wait(requests, request->token, request->command, request->args,
                        may_wait))
        return;
    struct waiter *waiter = &requests->waiters[requests->waiter_count++];
    *waiter =
        (struct waiter){.client = request->token,
                        .until_ms = requests->options.batch->steady_ms + WAIT_MS_MAX};
    buffer_init(&waiter->args, CONTROL_REQUEST_SIZE_MAX);
    buffer_put(&waiter->args, request->args.data, request->args.size);
    control_hold(requests->options.control, request->token);
}

/* ---- waiting ---- */

uint64_t requests_wake_ms(const struct requests *requests)
{
    uint64_t due_ms = UINT64_MAX;
    for (size_t i = 0; i < requests->waiter_count; i++) {
        if (requests->waiters[i].until_ms < due_ms)
            due_ms = requests->waiters[i].until_ms;
    }
    return due_ms;
}

/* After a commit all of them are asked anew, each at the cost of a look at the last row or, with
 * news, of a piece of the feed. A round asks some of them, in turn; `unasked` at the front are
 * left. */
static void answer_waiters(struct requests *requests)
{
    uint64_t now_ms = requests->options.batch->steady_ms;
    uint64_t began_us = clock_thread_us();
    if (requests->committed || requests_wake_ms(requests) <= now_ms)
        requests->unasked = requests->waiter_count;
    if (requests->unasked == 0)
        return;
    while (requests->unasked > 0 && clock_thread_us() - began_us < ROUND_US_MAX) {
        struct waiter waiter = requests->waiters[0];
        requests->unasked--;
        requests->waiter_count--;
        memmove(requests->waiters, requests->waiters + 1,
                requests->waiter_count * sizeof *requests->waiters);
        bool left = control_under_way(requests->options.control, waiter.client) == 0;
        if (!left && answer_or_wait(requests, waiter.client, slice_text("changes"),
                                    buffer_slice(&waiter.args), waiter.until_ms > now_ms))
            requests->waiters[requests->waiter_count++] = waiter;
        else
            buffer_deinit(&waiter.args);
    }
    requests->committed = false;
    requests_end_reading(requests);
}

/* ---- verifying ---- */

static void begin_verification(struct requests *requests, uint64_t client)
{
    if (requests->verification != NULL) {
        reply_now(requests, client, ERR_BUSY, "log.verify", NULL);
        return;
    }
    requests->verification = verification_begin(requests->options.sources.engine);
    requests->verification_client = client;
    control_hold(requests->options.control, client);
}

bool requests_advance(struct requests *requests)
{
    answer_waiters(requests);
    if (requests->verification == NULL)
        return requests->unasked > 0;
    enum status status = begin_reading(requests);
    bool more = status == OK && verification_step(requests->verification,
                                                  requests->options.sources.engine,
                                                  requests->reading, &requests->scratch);
    arena_reset(&requests->scratch);
    requests_end_reading(requests);
    /* The verification ends early where the client that asked for it has left. */
    bool left =
        control_under_way(requests->options.control, requests->verification_client) == 0;
    if (more && !left)
        return true;
    if (status == OK && !left)
        verification_answer(requests->verification, &requests->data);
    reply_now(requests, requests->verification_client, status, "", NULL);
    verification_end(requests->verification);
    requests->verification = NULL;
    return false;
}

/* ---- writing ---- */

static void refuse_in_turn(struct requests *requests, uint64_t client, enum status status,
                           const char *subject)
{
    struct asked *asked = batch_ask(requests->options.batch, client, ASKED_WRITE);
    asked->status = status;
    (void)snprintf(asked->subject, sizeof asked->subject, "%s", subject);
}

/* A user id without a login name is named by its number. */
static struct slice account_of(struct batch *batch, const struct control_request *request)
{
    char text[32];
    if (request->account.size > 0)
        return arena_copy(&batch->arena, request->account);
    (void)snprintf(text, sizeof text, "uid-%u", (unsigned)request->uid);
    return arena_copy(&batch->arena, slice_text(text));
}

static void add_write(struct batch *batch, const struct control_request *request,
                      struct write *write, struct slice summary)
{
    struct asked *asked = batch_ask(batch, request->token, ASKED_WRITE);
    asked->awaited = 1;
    asked->operation = write->kind;
    asked->id = write->target;
    asked->summary = summary;
    write->token = batch_token(batch, asked);
    write->account.uid = request->uid;
    write->account.name = account_of(batch, request);
    struct event *event = batch_add(batch, EVENT_WRITE);
    event->token = write->token;
    event->write = write;
}

static void take_change(struct requests *requests, const struct control_request *request)
{
    struct batch *batch = requests->options.batch;
    struct query query = {
        .sources = &requests->options.sources,
        .wall_ms = batch->wall_ms,
        .steady_ms = batch->steady_ms,
        .arena = &batch->arena,
        .scratch = &requests->scratch,
    };
    struct change change = {
        .engine = requests->options.sources.engine,
        .divisions = requests->options.sources.divisions,
        .arena = &batch->arena,
        .scratch = &requests->encoded,
        .wall_ms = batch->wall_ms,
        .query = &query,
    };
    struct write *write = arena_alloc(&batch->arena, sizeof *write);
    enum status status = begin_reading(requests);
    change.txn = requests->reading;
    if (status == OK)
        status = change_prepare(&change, request->command, request->args, write);
    if (status == OK)
        add_write(batch, request, write, change.summary);
    else
        refuse_in_turn(requests, request->token, status, change.subject);
}

/* ---- peers and grants ---- */

static void add_peer_event(struct batch *batch, struct asked *asked, enum event_kind kind,
                           uint32_t peer)
{
    struct event *event = batch_add(batch, kind);
    event->peer = peer;
    event->token = batch_token(batch, asked);
    asked->awaited++;
}

static void put_name(struct buffer *out, const char *name)
{
    codec_put_map(out, 1);
    codec_put_cstring(out, "name");
    codec_put_cstring(out, name);
}

/* All neighbours there are; those who are not in the roster cannot be met anyway. */
static void pause_all(struct requests *requests, struct asked *asked,
                      enum event_kind kind, struct buffer *names)
{
    struct batch *batch = requests->options.batch;
    const struct query_sources *sources = &requests->options.sources;
    size_t count, known = 0;
    const struct peer_line *lines =
        peer_list(sources->engine, sources->config, &batch->arena, &count);
    for (size_t i = 0; i < count; i++)
        known += lines[i].member != NULL;
    codec_put_array(names, known);
    for (size_t i = 0; i < count; i++) {
        if (lines[i].member == NULL)
            continue;
        add_peer_event(batch, asked, kind, lines[i].member->number);
        put_name(names, lines[i].name);
    }
}

static void take_pause(struct requests *requests, const struct control_request *request,
                       enum event_kind kind)
{
    struct batch *batch = requests->options.batch;
    const struct engine *engine = requests->options.sources.engine;
    struct slice name = {0};
    const struct member *member = NULL;
    bool all =
        args_text(request->args, "peer", &name) && slice_equal(name, slice_text("all"));
    all &= kind != EVENT_FORGET;
    if (!all && name.size > 0)
        member = roster_by_name(engine_roster(engine), name);
    if (!all && member == NULL) {
        char subject[BATCH_SUBJECT_SIZE];
        int size = name.size < NAME_SIZE_MAX ? (int)name.size : 0;
        (void)snprintf(subject, sizeof subject, "%.*s", size, (const char *)name.data);
        refuse_in_turn(requests, request->token,
                       name.size > 0 ? ERR_NOT_FOUND : ERR_FIELD_MISSING,
                       name.size > 0 ? subject : "peer");
        return;
    }
    struct asked *asked = batch_ask(batch, request->token, ASKED_PEERS);
    buffer_clear(&requests->data);
    if (all) {
        pause_all(requests, asked, kind, &requests->data);
    } else {
        codec_put_array(&requests->data, 1);
        put_name(&requests->data, member->name);
        add_peer_event(batch, asked, kind, member->number);
    }
    asked->names = arena_copy(&batch->arena, buffer_slice(&requests->data));
    data_clear(requests);
}

/* What the configuration names stays a peer whatever becomes of it. */
static void take_forget(struct requests *requests, const struct control_request *request)
{
    const struct config *config = requests->options.sources.config;
    struct slice name = {0};
    bool given = args_text(request->args, "peer", &name);
    for (size_t i = 0; given && i < config->peer_count; i++) {
        const char *peer = config->peers[i].name;
        char section[NAME_SIZE_MAX + 16], subject[BATCH_SUBJECT_SIZE];
        if (!slice_equal(name, slice_text(peer)))
            continue;
        (void)snprintf(section, sizeof section, "peer %s", peer);
        const struct config_place *place = config_place(config, section, "");
        if (place != NULL)
            (void)snprintf(subject, sizeof subject, "%s: %s:%u", peer, place->file,
                           place->line);
        else
            (void)snprintf(subject, sizeof subject, "%s", peer);
        refuse_in_turn(requests, request->token, ERR_PEER_CONFIGURED, subject);
        return;
    }
    take_pause(requests, request, EVENT_FORGET);
}

/* The numbers of those who are revoked now, one after the other; they die with the batch. */
static struct slice revoked_numbers(struct requests *requests)
{
    const struct roster *roster = engine_roster(requests->options.sources.engine);
    struct buffer *numbers = &requests->data;
    buffer_clear(numbers);
    for (size_t i = 0; i < roster_count(roster); i++) {
        uint32_t number = roster_at(roster, i)->number;
        if (roster_revoked(roster, number))
            buffer_put(numbers, (const uint8_t *)&number, sizeof number);
    }
    return arena_copy(&requests->options.batch->arena, buffer_slice(numbers));
}

/* The names of those who are revoked now and were not when the numbers were taken. */
static void put_newly_revoked(const struct roster *roster, struct slice before,
                              struct buffer *out)
{
    size_t known = before.size / sizeof(uint32_t), revoked = 0;
    for (size_t i = 0; i < roster_count(roster); i++)
        revoked += roster_revoked(roster, roster_at(roster, i)->number);
    codec_put_array(out, revoked > known ? revoked - known : 0);
    for (size_t i = 0; i < roster_count(roster); i++) {
        const struct member *member = roster_at(roster, i);
        bool told = !roster_revoked(roster, member->number);
        for (size_t k = 0; k < known && !told; k++)
            told = memcmp(before.data + k * sizeof member->number, &member->number,
                          sizeof member->number) == 0;
        if (!told)
            codec_put_cstring(out, member->name);
    }
}

static void take_grant(struct requests *requests, const struct control_request *request)
{
    struct batch *batch = requests->options.batch;
    const struct engine *engine = requests->options.sources.engine;
    struct slice value, grant;
    if (!codec_map_find(request->args, "grant", &value) ||
        !codec_take_bytes(&value, &grant)) {
        refuse_in_turn(requests, request->token, ERR_FIELD_MISSING, "grant");
        return;
    }
    struct asked *asked = batch_ask(batch, request->token, ASKED_JOIN);
    asked->awaited = 1;
    asked->members_before = roster_count(engine_roster(engine)) - 1;
    asked->names = revoked_numbers(requests);
    struct event *event = batch_add(batch, EVENT_JOIN);
    event->token = batch_token(batch, asked);
    event->bytes = arena_copy(&batch->arena, grant);
    batch->bytes += grant.size;
}

static void take_reclaim(struct requests *requests, const struct control_request *request)
{
    struct batch *batch = requests->options.batch;
    struct engine_report report;
    engine_report(requests->options.sources.engine, &report);
    struct asked *asked = batch_ask(batch, request->token, ASKED_RECLAIM);
    asked->awaited = 1;
    asked->strayed_before = report.strayed_entries;
    batch_add(batch, EVENT_RECLAIM)->token = batch_token(batch, asked);
}

/* ---- receiving ---- */

static bool is(const struct control_request *request, const char *command)
{
    return slice_equal(request->command, slice_text(command));
}

static void take_reading(struct requests *requests, const struct control_request *request)
{
    /* What this client wrote before is committed and answered first, so that this read
     * sees it and answers come in order. The request lies in the client's memory and
     * outlives the commit. */
    if (control_under_way(requests->options.control, request->token) > 1)
        requests->options.commit(requests->options.context);
    if (is(request, "log.verify"))
        begin_verification(requests, request->token);
    else
        answer_query(requests, request);
}

static void take(struct requests *requests, const struct control_request *request)
{
    if (change_is_meant(request->command))
        take_change(requests, request);
    else if (is(request, "peer.pause"))
        take_pause(requests, request, EVENT_PAUSE);
    else if (is(request, "peer.resume"))
        take_pause(requests, request, EVENT_RESUME);
    else if (is(request, "peer.forget"))
        take_forget(requests, request);
    else if (is(request, "node.join"))
        take_grant(requests, request);
    else if (is(request, "log.reclaim"))
        take_reclaim(requests, request);
    else
        take_reading(requests, request);
}

bool requests_collect(struct requests *requests)
{
    struct control_request request;
    size_t received = 0;
    uint64_t began_us = clock_thread_us();
    while (received < BATCH_EVENTS_MAX && !batch_is_full(requests->options.batch) &&
           clock_thread_us() - began_us < ROUND_US_MAX &&
           control_receive(requests->options.control, &request)) {
        take(requests, &request);
        received++;
    }
    requests_end_reading(requests);
    return received > 0;
}

/* ---- replying ---- */

static void note_field(struct asked *asked, const struct effect *effect)
{
    const struct schema_register *reg = schema_register(effect->reg);
    const struct field *field = NULL;
    if (reg != NULL && effect->field != FIELD_NONE)
        field = schema_field(reg, effect->field);
    if (field != NULL && effect->bytes.size > 0)
        (void)snprintf(asked->subject, sizeof asked->subject, "%s: %.*s", field->name,
                       (int)effect->bytes.size, (const char *)effect->bytes.data);
    else if (field != NULL)
        (void)snprintf(asked->subject, sizeof asked->subject, "%s", field->name);
    else if (asked->operation != OPERATION_CREATE || effect->status == ERR_VOIDED)
        id_format(&asked->id, asked->subject);
}

void requests_note(struct requests *requests, const struct effect *effect)
{
    struct asked *asked = batch_asked(requests->options.batch, effect->token);
    if (asked == NULL || asked->awaited == 0)
        return;
    asked->awaited--;
    if (asked->status == OK)
        asked->status = effect->status;
    if (asked->kind != ASKED_WRITE)
        return;
    if (effect->status != OK)
        note_field(asked, effect);
    else if (asked->operation == OPERATION_CREATE)
        asked->id = effect->id;
    asked->known = effect->known;
    if (asked->known && effect->bytes.size > ID_SHORT_SIZE + 1)
        asked->known_name = arena_copy(&requests->options.batch->arena,
                                       slice_of(effect->bytes.data + ID_SHORT_SIZE + 1,
                                                effect->bytes.size - ID_SHORT_SIZE - 1));
}

/* The record was there already, so what was typed may differ from what it says. Of the one
 * that is there only the name is at hand; all other parts are nil. */
static void put_known_summary(struct buffer *out, struct slice name)
{
    static const char *const keys[CHANGE_SUMMARY_KEYS] = {
        "name",   "place",    "place_name", "date",
        "record", "restored", "serves",     "serves_name"};
    for (size_t i = 0; i < CHANGE_SUMMARY_KEYS; i++) {
        codec_put_cstring(out, keys[i]);
        if (i == 0 && name.size > 0)
            codec_put_text(out, name);
        else
            codec_put_nil(out);
    }
}

static void put_written(struct buffer *out, const struct asked *asked)
{
    char text[ID_TEXT_SIZE] = ""; /* a trial has no entry and so no id */
    if (entry_id_seq(&asked->id) > 0)
        id_format(&asked->id, text);
    codec_put_map(out, 3 + CHANGE_SUMMARY_KEYS);
    codec_put_cstring(out, "id");
    answer_put_text_or_nil(out, text);
    codec_put_cstring(out, "short_id");
    text[ID_SHORT_SIZE] = '\0';
    answer_put_text_or_nil(out, text);
    codec_put_cstring(out, "known");
    codec_put_bool(out, asked->known);
    if (asked->known)
        put_known_summary(out, asked->known_name);
    else
        codec_put_raw(out, asked->summary);
}

static void put_answer(struct requests *requests, const struct asked *asked)
{
    struct buffer *out = &requests->data;
    /* The authority has a seat in the roster and is not counted as a member. */
    size_t members = roster_count(engine_roster(requests->options.sources.engine)) - 1;
    switch (asked->kind) {
    case ASKED_WRITE: put_written(out, asked); return;
    case ASKED_PEERS:
        codec_put_map(out, 1);
        codec_put_cstring(out, "peers");
        codec_put_raw(out, asked->names);
        return;
    case ASKED_JOIN:
        codec_put_map(out, 3);
        codec_put_cstring(out, "members");
        codec_put_uint(out, members);
        codec_put_cstring(out, "admitted");
        codec_put_uint(out, members - asked->members_before);
        codec_put_cstring(out, "revoked");
        put_newly_revoked(engine_roster(requests->options.sources.engine), asked->names,
                          out);
        return;
    case ASKED_RECLAIM:
        codec_put_map(out, 1);
        codec_put_cstring(out, "reclaimed");
        codec_put_uint(out, asked->strayed_before);
        return;
    }
}

void requests_reply(struct requests *requests)
{
    struct batch *batch = requests->options.batch;
    requests->committed = true;
    for (size_t i = 0; i < batch->asked_count; i++) {
        struct asked *asked = &batch->asked[i];
        /* The engine replies to every write that it committed; without a reply the write
         * is not in the store. */
        if (asked->awaited > 0 && asked->status == OK)
            asked->status = ERR_STORE;
        buffer_clear(&requests->data);
        if (asked->status == OK)
            put_answer(requests, asked);
        reply_now(requests, asked->client, asked->status, asked->subject, NULL);
    }
}
