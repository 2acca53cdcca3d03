/* What the node says of itself: status, peers, members, digests. */
#include <stdlib.h>
#include <string.h>

#include "crdt/codec.h"
#include "crdt/conflict.h"
#include "daemon/answer/peer_list.h"
#include "daemon/answer/query_parts.h"

/* ---- version ---- */

enum status query_version(struct query *query, struct store_txn *txn, struct slice args)
{
    struct buffer *out = query->data;
    (void)txn;
    (void)args;
    codec_put_map(out, 3);
    answer_put_key(out, "version");
    codec_put_cstring(out, LINLI_VERSION);
    answer_put_key(out, "protocol");
    codec_put_uint(out, CONTROL_PROTOCOL);
    answer_put_key(out, "schema_level");
    codec_put_uint(out, SCHEMA_LEVEL);
    return OK;
}

/* ---- peers ---- */

/* Unknown is not none. */
static void put_count_or_nil(struct buffer *out, bool known, uint64_t count)
{
    if (known)
        codec_put_uint(out, count);
    else
        codec_put_nil(out);
}

uint64_t query_moment(const struct query *query, uint64_t steady_ms)
{
    uint64_t age_ms = query->steady_ms > steady_ms ? query->steady_ms - steady_ms : 0;
    return query->wall_ms > age_ms ? query->wall_ms - age_ms : 0;
}

/* nil: never. */
static void put_moment(struct query *query, const char *key, uint64_t steady_ms)
{
    answer_put_key(query->data, key);
    if (steady_ms == 0)
        codec_put_nil(query->data);
    else
        codec_put_uint(query->data, query_moment(query, steady_ms));
}

static void put_peer_report(struct query *query, const struct peer_line *line)
{
    const struct peer_report *report = &line->report;
    struct buffer *out = query->data;
    answer_put_key(out, "state");
    codec_put_cstring(out, peer_state_name(report->state));
    answer_put_key(out, "address");
    answer_put_text_or_nil(out, line->address);
    put_moment(query, "heard_ms", report->heard_at_ms);
    answer_put_key(out, "to_send");
    put_count_or_nil(out, line->met, report->to_send_entries);
    put_moment(query, "oldest_ms", report->oldest_unsent_at_ms);
    answer_put_key(out, "behind");
    put_count_or_nil(out, report->behind_known, report->behind_entries);
    answer_put_key(out, "bytes_in");
    codec_put_uint(out, report->bytes_in);
    answer_put_key(out, "bytes_out");
    codec_put_uint(out, report->bytes_out);
    answer_put_key(out, "refused");
    codec_put_uint(out, peer_refused_frames(report));
}

/* Why a peer that this node dials is away, and since when. */
static void put_peer_cause(struct query *query, const struct peer_line *line)
{
    const struct transport *transport = query->sources->transport;
    enum dial_trouble trouble = DIAL_NO_TROUBLE;
    uint64_t for_ms = 0;
    if (transport != NULL && line->member != NULL && line->report.state == PEER_OFFLINE)
        trouble = transport_dial_trouble(transport, line->member->number, &for_ms);
    answer_put_key(query->data, "cause");
    answer_put_text_or_nil(query->data, dial_trouble_words(trouble));
    put_moment(query, "cause_ms",
               trouble != DIAL_NO_TROUBLE ? query->steady_ms - for_ms : 0);
}

static void put_peer(struct query *query, const struct peer_line *line)
{
    const struct member *member = line->member;
    char fingerprint[FINGERPRINT_SIZE] = "";
    struct buffer *out = query->data;
    codec_put_map(out, 16);
    answer_put_key(out, "number");
    answer_put_uint_or_nil(out, member != NULL ? member->number : 0);
    answer_put_key(out, "name");
    answer_put_text_or_nil(out, line->name);
    query_put_division(query, member != NULL ? member->division : 0);
    if (member != NULL)
        node_fingerprint(&member->id, fingerprint);
    answer_put_key(out, "fingerprint");
    answer_put_text_or_nil(out, fingerprint);
    put_peer_report(query, line);
    put_peer_cause(query, line);
}

static void put_peers(struct query *query)
{
    size_t count;
    const struct peer_line *lines =
        peer_list(query_engine(query), query->sources->config, query->arena, &count);
    answer_put_key(query->data, "peers");
    codec_put_array(query->data, count);
    for (size_t i = 0; i < count; i++)
        put_peer(query, &lines[i]);
}

enum status query_peers(struct query *query, struct store_txn *txn, struct slice args)
{
    (void)txn;
    (void)args;
    codec_put_map(query->data, 1);
    put_peers(query);
    return OK;
}

/* ---- health ---- */

static void put_summary(struct query *query, const struct verdict *verdict)
{
    const struct {
        const char *key;
        uint64_t number;
    } numbers[] = {
        {"peers", verdict->peers},     {"linked", verdict->linked},
        {"late", verdict->late},       {"paused", verdict->paused},
        {"dialled", verdict->dialled}, {"unmet", verdict->unmet},
        {"waiting", verdict->waiting}, {"entries", verdict->entries},
    };
    struct buffer *out = query->data;
    answer_put_key(out, "summary");
    codec_put_map(out, 3 + ARRAY_SIZE(numbers));
    answer_put_key(out, "kind");
    codec_put_cstring(out, verdict_kind_name(verdict->kind));
    answer_put_key(out, "trouble");
    put_count_or_nil(out, verdict->kind == VERDICT_TROUBLE, verdict->trouble);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        answer_put_key(out, numbers[i].key);
        codec_put_uint(out, numbers[i].number);
    }
    answer_put_key(out, "heard_age_ms");
    put_count_or_nil(out, verdict->heard_age_ms != UINT64_MAX, verdict->heard_age_ms);
}

static void put_troubles(struct query *query)
{
    struct buffer *out = query->data;
    struct trouble_report report = query->sources->report(
        query->sources->context, query->wall_ms, query->steady_ms, query->arena);
    answer_put_key(out, "level");
    codec_put_cstring(out, health_level_name(report.level));
    answer_put_key(out, "verdict");
    codec_put_cstring(out, report.verdict);
    put_summary(query, &report.values);
    answer_put_key(out, "troubles");
    codec_put_array(out, report.count);
    for (size_t i = 0; i < report.count; i++) {
        const struct trouble *trouble = &report.troubles[i];
        char code[16];
        health_code_format(trouble->words->code, code);
        codec_put_map(out, 10);
        answer_put_key(out, "code");
        codec_put_cstring(out, code);
        answer_put_key(out, "severity");
        codec_put_cstring(out, health_severity_name(trouble->words->severity));
        answer_put_key(out, "text");
        codec_put_cstring(out, trouble->text);
        answer_put_key(out, "subject");
        answer_put_text_or_nil(out, trouble->subject);
        answer_put_key(out, "age_ms");
        codec_put_uint(out, trouble->age_ms);
        answer_put_key(out, "next");
        answer_put_text_or_nil(out, trouble->next);
        answer_put_key(out, "count");
        put_count_or_nil(out, trouble->count != HEALTH_COUNT_UNKNOWN, trouble->count);
        answer_put_key(out, "span_ms");
        codec_put_uint(out, trouble->span_ms);
        answer_put_key(out, "way");
        answer_put_text_or_nil(out, trouble->way);
        answer_put_key(out, "address");
        answer_put_text_or_nil(out, trouble->address);
    }
}

/* ---- status ---- */

static void put_self(struct query *query)
{
    const struct member *self = engine_self(query_engine(query));
    const struct node_keys *keys = query->sources->keys;
    char fingerprint[FINGERPRINT_SIZE];
    struct buffer *out = query->data;
    node_fingerprint(&keys->id, fingerprint);
    answer_put_key(out, "node");
    codec_put_map(out, 8);
    answer_put_key(out, "number");
    answer_put_uint_or_nil(out, self != NULL ? self->number : 0);
    answer_put_key(out, "name");
    answer_put_text_or_nil(out, self != NULL ? self->name : NULL);
    query_put_division(query, self != NULL ? self->division : 0);
    answer_put_key(out, "role");
    answer_put_text_or_nil(out, self != NULL ? role_name(self->role) : NULL);
    answer_put_key(out, "fingerprint");
    codec_put_cstring(out, fingerprint);
    answer_put_key(out, "version");
    codec_put_cstring(out, LINLI_VERSION);
    put_moment(query, "started_ms", query->sources->started_ms);
}

static void put_county(struct query *query)
{
    const struct roster *roster = engine_roster(query_engine(query));
    const struct genesis *genesis = roster_genesis(roster);
    struct buffer *out = query->data;
    answer_put_key(out, "county");
    codec_put_map(out, 3);
    answer_put_key(out, "code");
    codec_put_uint(out, genesis->county);
    answer_put_key(out, "name");
    answer_put_text_or_nil(out, genesis->name);
    /* The salt is the beginning of the genesis hash. */
    answer_put_key(out, "genesis");
    answer_put_hex(out, roster_salt(roster)->bytes, COUNTY_SALT_SIZE);
}

static void put_storage(struct query *query, struct store_txn *txn)
{
    const struct engine *engine = query_engine(query);
    struct store_size size = store_measure(query->sources->store);
    struct engine_report report;
    uint64_t runs_left;
    engine_report(engine, &report);
    (void)engine_folding(engine, &runs_left);
    const struct {
        const char *key;
        uint64_t value;
    } rows[] = {
        {"file_bytes", size.file},
        {"used_bytes", size.used},
        {"disk_free_bytes", size.disk_free},
        {"entries", report.entries},
        {"logs", report.logs},
        {"runs", report.runs},
        {"unreadable_entries", report.unreadable_entries},
        {"refused_entries", report.refused_entries},
        {"wanted_logs", report.wanted_logs},
        {"runs_to_fold", runs_left},
        {"conflicts", conflict_count(txn)},
        {"uncounted_entries", engine_follow_left(engine)},
    };
    answer_put_key(query->data, "storage");
    codec_put_map(query->data, ARRAY_SIZE(rows));
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        answer_put_key(query->data, rows[i].key);
        codec_put_uint(query->data, rows[i].value);
    }
}

static void put_transport(struct query *query)
{
    struct transport_statistics counted = {0};
    if (query->sources->transport != NULL)
        counted = transport_statistics(query->sources->transport);
    const struct {
        const char *key;
        uint64_t value;
    } rows[] = {
        {"frames_in", counted.frames_in},
        {"frames_out", counted.frames_out},
        {"bytes_in", counted.bytes_in},
        {"bytes_out", counted.bytes_out},
        {"handshakes_done", counted.handshakes_done},
        {"handshakes_refused", counted.handshakes_refused},
        {"frames_refused", counted.frames_refused},
    };
    answer_put_key(query->data, "transport");
    codec_put_map(query->data, ARRAY_SIZE(rows));
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        answer_put_key(query->data, rows[i].key);
        codec_put_uint(query->data, rows[i].value);
    }
}

enum status query_status(struct query *query, struct store_txn *txn, struct slice args)
{
    (void)args;
    codec_put_map(query->data, 9);
    put_self(query);
    put_county(query);
    put_troubles(query);
    put_peers(query);
    put_storage(query, txn);
    put_transport(query);
    return OK;
}

/* ---- members ---- */

static void put_member(struct query *query, const struct member *member)
{
    const struct engine *engine = query_engine(query);
    const struct member *self = engine_self(engine);
    char fingerprint[FINGERPRINT_SIZE];
    struct buffer *out = query->data;
    node_fingerprint(&member->id, fingerprint);
    codec_put_map(out, 9);
    answer_put_key(out, "number");
    codec_put_uint(out, member->number);
    answer_put_key(out, "name");
    answer_put_text_or_nil(out, member->name);
    query_put_division(query, member->division);
    answer_put_key(out, "role");
    codec_put_cstring(out, role_name(member->role));
    answer_put_key(out, "fingerprint");
    codec_put_cstring(out, fingerprint);
    answer_put_key(out, "id");
    answer_put_hex(out, member->id.bytes, NODE_ID_SIZE);
    answer_put_key(out, "revoked");
    codec_put_bool(out, roster_revoked(engine_roster(engine), member->number));
    answer_put_key(out, "self");
    codec_put_bool(out, self != NULL && self->number == member->number);
}

enum status query_members(struct query *query, struct store_txn *txn, struct slice args)
{
    const struct roster *roster = engine_roster(query_engine(query));
    const struct member *one = NULL;
    struct slice name;
    (void)txn;
    if (args_text(args, "node", &name)) {
        one = roster_by_name(roster, name);
        if (one == NULL)
            return query_refuse(query, ERR_NOT_FOUND, name);
    }
    codec_put_map(query->data, 1);
    answer_put_key(query->data, "members");
    codec_put_array(query->data, one != NULL ? 1 : roster_count(roster));
    for (size_t i = 0; one == NULL && i < roster_count(roster); i++)
        put_member(query, roster_at(roster, i));
    if (one != NULL)
        put_member(query, one);
    return OK;
}

/* ---- digests ---- */

/* The county and every township that has a member or a key here, ascending. */
static size_t collect_realms(const struct query *query, uint64_t **realms)
{
    const struct roster *roster = engine_roster(query_engine(query));
    const struct realm_key *key;
    size_t count = 0, keys = 0;
    while (roster_key_at(roster, keys) != NULL)
        keys++;
    *realms =
        arena_alloc(query->arena, (roster_count(roster) + keys + 1) * sizeof **realms);
    (*realms)[count++] = roster_genesis(roster)->county;
    for (size_t i = 0; i < roster_count(roster); i++) {
        uint64_t township = division_township(roster_at(roster, i)->division);
        if (township != 0)
            (*realms)[count++] = township;
    }
    for (size_t i = 0; (key = roster_key_at(roster, i)) != NULL; i++)
        (*realms)[count++] = key->realm;
    return count;
}

static int by_code(const void *a, const void *b)
{
    uint64_t left, right;
    memcpy(&left, a, sizeof left);
    memcpy(&right, b, sizeof right);
    return (left > right) - (left < right);
}

static size_t distinct(uint64_t *codes, size_t count)
{
    size_t kept = 0;
    qsort(codes, count, sizeof *codes, by_code);
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || codes[kept - 1] != codes[i])
            codes[kept++] = codes[i];
    }
    return kept;
}

static void put_realm(struct query *query, struct store_txn *txn, uint64_t realm)
{
    const struct roster *roster = engine_roster(query_engine(query));
    const struct division *division = divisions_find(query->sources->divisions, realm);
    bool readable = roster_newest_key(roster, realm) != NULL;
    struct buffer *out = query->data;
    struct hash digest;
    uint64_t records = 0;
    arena_reset(query->scratch);
    if (readable)
        view_digest(txn, realm, roster_salt(roster), &digest, &records);
    codec_put_map(out, 5);
    answer_put_key(out, "division");
    codec_put_uint(out, realm);
    answer_put_key(out, "name");
    answer_put_text_or_nil(out, division != NULL ? division->name : NULL);
    answer_put_key(out, "digest");
    if (readable)
        answer_put_hex(out, digest.bytes, HASH_SIZE);
    else
        codec_put_nil(out);
    answer_put_key(out, "records");
    put_count_or_nil(out, readable, records);
    answer_put_key(out, "readable");
    codec_put_bool(out, readable);
}

enum status query_digest(struct query *query, struct store_txn *txn, struct slice args)
{
    const struct engine *engine = query_engine(query);
    struct buffer *out = query->data;
    struct hash heads;
    uint64_t *realms;
    size_t count = collect_realms(query, &realms);
    count = distinct(realms, count);
    (void)args;
    engine_heads_digest(engine, &heads);
    query_note_incomplete(query);
    codec_put_map(out, 4);
    answer_put_key(out, "heads");
    answer_put_hex(out, heads.bytes, HASH_SIZE);
    answer_put_key(out, "logs");
    codec_put_uint(out, heads_count(engine_heads(engine)));
    answer_put_key(out, "entries");
    codec_put_uint(out, heads_entries(engine_heads(engine)));
    answer_put_key(out, "realms");
    codec_put_array(out, count);
    for (size_t i = 0; i < count; i++)
        put_realm(query, txn, realms[i]);
    return OK;
}
