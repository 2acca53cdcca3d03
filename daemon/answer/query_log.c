/* The logs themselves: what is held, entry by entry, and whether it still verifies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/codec.h"
#include "crdt/log.h"
#include "daemon/answer/query_parts.h"
#include "daemon/api/i18n.h"
#include "net/statement.h"

#define SHOW_LIMIT_DEFAULT 50
#define SHOW_LIMIT_MAX 10000
#define VERIFY_PIECE 4096 /* entries; a few milliseconds */
#define PROBLEMS_MAX 1000 /* a person needs no more to call for help */

/* ---- which log ---- */

static int by_log(const void *a, const void *b)
{
    const struct head *left = a, *right = b;
    return log_name_compare(left->log, right->log);
}

static struct head *sorted_heads(const struct engine *engine, struct arena *arena,
                                 size_t *count)
{
    const struct heads *heads = engine_heads(engine);
    *count = heads_count(heads);
    struct head *rows = arena_alloc(arena, (*count + 1) * sizeof *rows);
    for (size_t i = 0; i < *count; i++)
        rows[i] = *heads_at(heads, i);
    qsort(rows, *count, sizeof *rows, by_log);
    return rows;
}

/* "3.a41f.record", or a node's name where it has one record log, or "NAME.lane". */
static bool log_is_meant(const struct engine *engine, const struct head *head,
                         struct slice text)
{
    char name[LOG_TEXT_SIZE], spoken[NAME_SIZE_MAX + LOG_TEXT_SIZE];
    const struct member *member = roster_member(engine_roster(engine), head->log.node);
    log_name_format(head->log, name);
    if (slice_equal(text, slice_text(name)))
        return true;
    if (member == NULL || member->name[0] == '\0')
        return false;
    (void)snprintf(spoken, sizeof spoken, "%s.%s", member->name,
                   lane_name(head->log.lane));
    return slice_equal(text, slice_text(spoken)) ||
           (head->log.lane == LANE_RECORD && slice_equal(text, slice_text(member->name)));
}

static enum status find_log(const struct engine *engine, struct slice text,
                            const struct head **found)
{
    const struct heads *heads = engine_heads(engine);
    *found = NULL;
    for (size_t i = 0; i < heads_count(heads); i++) {
        const struct head *head = heads_at(heads, i);
        if (!log_is_meant(engine, head, text))
            continue;
        if (*found != NULL)
            return ERR_AMBIGUOUS;
        *found = head;
    }
    return *found != NULL ? OK : ERR_NOT_FOUND;
}

static void put_log_name(struct buffer *out, struct log_name log)
{
    char name[LOG_TEXT_SIZE];
    log_name_format(log, name);
    answer_put_key(out, "log");
    codec_put_cstring(out, name);
}

static void put_logs(struct query *query)
{
    const struct engine *engine = query_engine(query);
    struct buffer *out = query->data;
    size_t count;
    const struct head *rows = sorted_heads(engine, query->arena, &count);
    codec_put_map(out, 1);
    answer_put_key(out, "logs");
    codec_put_array(out, count);
    for (size_t i = 0; i < count; i++) {
        uint8_t incarnation[8];
        put_be64(incarnation, rows[i].incarnation);
        codec_put_map(out, 6);
        put_log_name(out, rows[i].log);
        answer_put_key(out, "node");
        answer_put_node(out, engine_roster(engine), rows[i].log.node);
        answer_put_key(out, "lane");
        codec_put_cstring(out, lane_name(rows[i].log.lane));
        answer_put_key(out, "incarnation");
        answer_put_hex(out, incarnation, sizeof incarnation);
        answer_put_key(out, "seq");
        codec_put_uint(out, rows[i].seq);
        answer_put_key(out, "hash");
        answer_put_hex(out, rows[i].hash.bytes, HASH_SIZE);
    }
}

/* ---- one entry ---- */

struct showing {
    struct query *query;
    struct answering answering;
    struct buffer encoded;
    size_t count;
};

static void put_operation_map(struct buffer *out, const char *kind, const char *reg,
                              const struct entry_id *subject,
                              const struct entry_id *target)
{
    codec_put_map(out, 4);
    answer_put_key(out, "kind");
    answer_put_text_or_nil(out, kind);
    answer_put_key(out, "register");
    answer_put_text_or_nil(out, reg);
    answer_put_key(out, "subject");
    if (subject != NULL)
        answer_put_id(out, subject);
    else
        codec_put_nil(out);
    answer_put_key(out, "target");
    if (target != NULL)
        answer_put_id(out, target);
    else
        codec_put_nil(out);
}

static const char *statement_name(enum statement_kind kind)
{
    switch (kind) {
    case STATEMENT_ADMIT: return N_("admit");
    case STATEMENT_REALM_KEY: return N_("realm-key");
    case STATEMENT_REVOKE: return N_("revoke");
    case STATEMENT_POLICY: return N_("policy");
    case STATEMENT_STANDS: return N_("history-stands");
    case STATEMENT_AGAIN: return N_("written-again");
    }
    return NULL;
}

static const char *operation_name(enum operation_kind kind)
{
    switch (kind) {
    case OPERATION_CREATE: return N_("create");
    case OPERATION_EDIT: return N_("edit");
    case OPERATION_VOID: return N_("void");
    }
    return NULL;
}

/* What it does, without what it says: log lines are read by more people than records. */
static void put_what(struct showing *showing, const struct opened_entry *opened)
{
    struct buffer *out = &showing->encoded;
    struct operation operation = {0};
    struct statement statement = {0};
    const struct schema_register *reg;
    bool is_operation = opened->entry.realm != 0 && opened->plaintext.size > 0 &&
                        operation_decode(opened->plaintext, &operation) == OK;
    bool is_statement = opened->entry.realm == 0 && opened->plaintext.size > 0 &&
                        statement_decode(opened->plaintext, &statement) == OK;
    struct log_name log = opened->log;
    answer_put_key(out, "stamp_ms");
    answer_put_uint_or_nil(out, is_operation ? operation.stamp_ms : statement.stamp_ms);
    answer_put_key(out, "actor");
    if (is_operation)
        answer_put_actor(&showing->answering, out, log, operation.actor);
    else
        codec_put_nil(out);
    answer_put_key(out, "operation");
    if (is_operation) {
        reg = schema_register(operation.reg);
        put_operation_map(out, operation_name(operation.kind),
                          reg != NULL ? reg->name : NULL,
                          operation.subject_is_self ? NULL : &operation.subject,
                          operation.kind == OPERATION_VOID ? &operation.target : NULL);
    } else {
        put_operation_map(out, is_statement ? statement_name(statement.kind) : NULL, NULL,
                          NULL, NULL);
    }
}

static const char *state_of(const struct opened_entry *opened)
{
    if (opened->entry.erased)
        return "erased";
    if (opened->status == OK)
        return "ok";
    return opened->status == ERR_NO_KEY ? "unreadable" : "refused";
}

static bool show_entry(void *context, const struct opened_entry *opened)
{
    struct showing *showing = context;
    const struct entry *entry = &opened->entry;
    struct entry_id id = entry_id_of(opened->log, entry->seq);
    struct buffer *out = &showing->encoded;
    codec_put_map(out, 11);
    put_log_name(out, opened->log);
    answer_put_key(out, "seq");
    codec_put_uint(out, entry->seq);
    answer_put_key(out, "id");
    answer_put_id(out, &id);
    answer_put_key(out, "hash");
    answer_put_hex(out, entry->hash.bytes, HASH_SIZE);
    put_what(showing, opened);
    answer_put_key(out, "realm");
    answer_put_uint_or_nil(out, entry->realm);
    answer_put_key(out, "epoch");
    codec_put_uint(out, entry->epoch);
    answer_put_key(out, "bytes");
    codec_put_uint(out, entry->payload.size);
    answer_put_key(out, "state");
    codec_put_cstring(out, state_of(opened));
    showing->count++;
    return true;
}

/* ---- log.show ---- */

static bool args_number(struct slice args, const char *key, uint64_t *value)
{
    struct slice text, encoded;
    if (codec_map_find(args, key, &encoded) && codec_take_uint(&encoded, value))
        return true;
    if (!args_text(args, key, &text) || text.size == 0 || text.size > 15)
        return false;
    *value = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        *value = *value * 10 + (uint64_t)(text.data[i] - '0');
    }
    return true;
}

/* A number that is given and is none is refused, not taken for the default. */
static enum status number_or(struct query *query, struct slice args, const char *key,
                             uint64_t otherwise, uint64_t *value)
{
    struct slice encoded;
    *value = otherwise;
    if (codec_map_find(args, key, &encoded) && !args_number(args, key, value))
        return query_refuse(query, ERR_FIELD_VALUE, slice_text(key));
    return OK;
}

static void showing_begin(struct showing *showing, struct query *query,
                          struct store_txn *txn)
{
    const struct engine *engine = query_engine(query);
    struct realm_key const *key;
    *showing = (struct showing){.query = query};
    showing->answering = (struct answering){.engine = engine,
                                            .txn = txn,
                                            .arena = query->arena,
                                            .scratch = query->scratch,
                                            .now = answer_now(engine, query->wall_ms)};
    for (size_t i = 0; (key = roster_key_at(engine_roster(engine), i)) != NULL; i++)
        answer_learn_operators(&showing->answering, key->realm);
    buffer_init(&showing->encoded, CONTROL_REPLY_SIZE_MAX);
    arena_reset(query->scratch);
}

static enum status showing_end(struct showing *showing, enum status status)
{
    struct buffer *out = showing->query->data;
    if (status == OK) {
        codec_put_map(out, 1);
        answer_put_key(out, "entries");
        codec_put_array(out, showing->count);
        codec_put_raw(out, buffer_slice(&showing->encoded));
    }
    buffer_deinit(&showing->encoded);
    return status;
}

static enum status show_log(struct query *query, struct store_txn *txn,
                            const struct head *head, uint64_t from, uint64_t limit)
{
    struct showing showing;
    showing_begin(&showing, query, txn);
    return showing_end(&showing, engine_walk_log(query_engine(query), txn, head->log,
                                                 from, from + limit - 1, query->scratch,
                                                 show_entry, &showing));
}

enum status query_strayed(struct query *query, struct store_txn *txn, struct slice args)
{
    struct showing showing;
    (void)args;
    showing_begin(&showing, query, txn);
    return showing_end(&showing,
                       engine_walk_strayed(query_engine(query), txn, query->scratch,
                                           show_entry, &showing));
}

/* ---- log.forks ---- */

struct listing_forks {
    const struct roster *roster;
    struct buffer encoded;
    size_t count;
};

static bool put_fork(void *context, const struct fork *fork)
{
    struct listing_forks *listing = context;
    struct buffer *out = &listing->encoded;
    const struct cut *said = roster_standing(listing->roster, fork->log, fork->seq);
    bool stated = said != NULL && said->seq == fork->seq;
    codec_put_map(out, 10);
    put_log_name(out, fork->log);
    answer_put_key(out, "node");
    answer_put_node(out, listing->roster, fork->log.node);
    answer_put_key(out, "lane");
    codec_put_cstring(out, lane_name(fork->log.lane));
    answer_put_key(out, "seq");
    codec_put_uint(out, fork->seq);
    answer_put_key(out, "hash");
    answer_put_hex(out, fork->stands.bytes, HASH_SIZE);
    answer_put_key(out, "other_hash");
    answer_put_hex(out, fork->other.bytes, HASH_SIZE);
    answer_put_key(out, "entries");
    codec_put_uint(out, fork->entries);
    answer_put_key(out, "seen_ms");
    codec_put_uint(out, fork->wall_ms);
    answer_put_key(out, "state");
    codec_put_cstring(out, fork->set_aside ? N_("set-aside") : N_("refused"));
    answer_put_key(out, "stated_hash");
    if (stated)
        answer_put_hex(out, said->hash.bytes, HASH_SIZE);
    else
        codec_put_nil(out);
    listing->count++;
    return true;
}

enum status query_forks(struct query *query, struct store_txn *txn, struct slice args)
{
    struct listing_forks listing = {.roster = engine_roster(query_engine(query))};
    struct buffer *out = query->data;
    (void)args;
    buffer_init(&listing.encoded, SIZE_MAX);
    engine_walk_forks(txn, put_fork, &listing);
    codec_put_map(out, 1);
    answer_put_key(out, "forks");
    codec_put_array(out, listing.count);
    codec_put_raw(out, buffer_slice(&listing.encoded));
    buffer_deinit(&listing.encoded);
    return OK;
}

enum status query_log(struct query *query, struct store_txn *txn, struct slice args)
{
    const struct head *head;
    struct slice text;
    uint64_t from, limit;
    if (!args_text(args, "log", &text)) {
        put_logs(query);
        return OK;
    }
    enum status status = find_log(query_engine(query), text, &head);
    if (status != OK)
        return query_refuse(query, status, text);
    status = number_or(query, args, "limit", SHOW_LIMIT_DEFAULT, &limit);
    if (status != OK)
        return status;
    if (limit == 0 || limit > SHOW_LIMIT_MAX)
        return query_refuse(query, ERR_LIMIT, slice_text("limit"));
    /* Without a beginning, the latest: they are what is usually asked about. */
    uint64_t latest = head->seq > limit ? head->seq - limit + 1 : 1;
    status = number_or(query, args, "from", latest, &from);
    if (status != OK)
        return status;
    return show_log(query, txn, head, from > 0 ? from : 1, limit);
}

/* ---- log.verify ---- */

struct problem {
    struct log_name log;
    uint64_t seq;
    enum status status;
};

struct verification {
    struct head *ends;
    size_t end_count;
    size_t at;    /* the log under way */
    uint64_t seq; /* its next entry */
    struct hash last;
    bool last_known; /* not behind what could not be read */
    uint64_t logs, entries, strayed;
    uint64_t runs, bad_runs; /* that verify, and that do not or cannot be read */
    struct problem problems[PROBLEMS_MAX];
    size_t problem_count;
};

struct verification *verification_begin(const struct engine *engine)
{
    const struct heads *heads = engine_heads(engine);
    struct engine_report report;
    struct verification *verification = checked_malloc(sizeof *verification);
    memset(verification, 0, sizeof *verification);
    engine_report(engine, &report);
    verification->strayed = report.strayed_entries;
    verification->end_count = heads_count(heads);
    verification->ends =
        checked_malloc((verification->end_count + 1) * sizeof *verification->ends);
    for (size_t i = 0; i < verification->end_count; i++)
        verification->ends[i] = *heads_at(heads, i);
    verification->seq = 1;
    verification->last_known = true;
    for (size_t i = 0; verification->problem_count < PROBLEMS_MAX &&
                       engine_diverged_at(engine, i, &verification->problems[i].log);
         i++) {
        verification->problems[i].status = ERR_DIVERGED;
        verification->problem_count++;
    }
    return verification;
}

void verification_end(struct verification *verification)
{
    if (verification == NULL)
        return;
    free(verification->ends);
    free(verification);
}

static void problem_add(struct verification *verification, uint64_t seq,
                        enum status status)
{
    if (verification->problem_count == PROBLEMS_MAX)
        return;
    verification->problems[verification->problem_count++] = (struct problem){
        .log = verification->ends[verification->at].log, .seq = seq, .status = status};
}

#define HEADER_PREV_OFFSET 49

/* The walk checks chains within its piece; from piece to piece they are checked here. */
static bool verify_entry(void *context, const struct opened_entry *opened)
{
    struct verification *verification = context;
    const struct entry *entry = &opened->entry;
    if (verification->last_known && memcmp(entry->header + HEADER_PREV_OFFSET,
                                           verification->last.bytes, HASH_SIZE) != 0)
        problem_add(verification, entry->seq, ERR_BAD_SIGNATURE);
    if (opened->status != OK && opened->status != ERR_NO_KEY)
        problem_add(verification, entry->seq, opened->status);
    verification->last = entry->hash;
    verification->last_known = true;
    verification->seq = entry->seq + 1;
    verification->entries++;
    verification->runs += opened->ends_run;
    return true;
}

static void next_log(struct verification *verification)
{
    verification->at++;
    verification->logs++;
    verification->seq = 1;
    verification->last = (struct hash){0};
    verification->last_known = true;
}

bool verification_step(struct verification *verification, const struct engine *engine,
                       struct store_txn *txn, struct arena *scratch)
{
    if (verification->at == verification->end_count)
        return false;
    const struct head *end = &verification->ends[verification->at];
    uint64_t to = verification->seq + VERIFY_PIECE - 1;
    if (to > end->seq)
        to = end->seq;
    arena_reset(scratch);
    enum status status = engine_walk_log(engine, txn, end->log, verification->seq, to,
                                         scratch, verify_entry, verification);
    if (status != OK || verification->seq <= to) {
        problem_add(verification, verification->seq, status != OK ? status : ERR_GAP);
        verification->bad_runs++;
        /* Whose author is unknown cannot be told from what is forged: all of it. Otherwise
         * what follows is looked at by itself. */
        verification->last_known = false;
        if (status == ERR_UNKNOWN_AUTHOR ||
            !log_next_run(txn, end->log, verification->seq, &verification->seq) ||
            verification->seq > end->seq)
            next_log(verification);
    } else if (verification->seq > end->seq) {
        if (!hash_equal(&verification->last, &end->hash))
            problem_add(verification, end->seq, ERR_BAD_SIGNATURE);
        next_log(verification);
    }
    return verification->at < verification->end_count;
}

void verification_answer(const struct verification *verification, struct buffer *data)
{
    codec_put_map(data, 6);
    answer_put_key(data, "strayed");
    codec_put_uint(data, verification->strayed);
    answer_put_key(data, "logs");
    codec_put_uint(data, verification->logs);
    answer_put_key(data, "entries");
    codec_put_uint(data, verification->entries);
    answer_put_key(data, "runs");
    codec_put_uint(data, verification->runs);
    answer_put_key(data, "bad_runs");
    codec_put_uint(data, verification->bad_runs);
    answer_put_key(data, "problems");
    codec_put_array(data, verification->problem_count);
    for (size_t i = 0; i < verification->problem_count; i++) {
        const struct problem *problem = &verification->problems[i];
        char code[16];
        (void)snprintf(code, sizeof code, "LL-E%04u", (unsigned)problem->status);
        codec_put_map(data, 4);
        put_log_name(data, problem->log);
        answer_put_key(data, "seq");
        codec_put_uint(data, problem->seq);
        answer_put_key(data, "code");
        codec_put_cstring(data, code);
        answer_put_key(data, "text");
        codec_put_cstring(data, status_words(problem->status)->text);
    }
}
