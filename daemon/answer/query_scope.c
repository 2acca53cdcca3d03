/* Where an answer looks, and on what it rests. */
#include <inttypes.h>
#include <stdio.h>

#include "crdt/codec.h"
#include "crdt/text.h"
#include "daemon/answer/query_parts.h"
#include "daemon/answer/resolve.h"

bool scope_has_realm(const struct scope *scope, uint64_t realm)
{
    if (scope->realm != 0)
        return realm == scope->realm;
    return scope->division == 0 || division_within(realm, scope->division) ||
           division_within(scope->division, realm);
}

/* ---- what it rests on ---- */

/* A log counts when its author may write where was looked; whoever may read there carries
 * it, so that equal heads give equal numbers. One that was cut before its first entry is
 * held by nobody, whether it was held once or not. */
static bool log_counts(const struct roster *roster, const struct scope *scope,
                       const struct head *head)
{
    const struct member *author = roster_member(roster, head->log.node);
    struct realm_walk walk = {0};
    uint64_t realm;
    if (author == NULL || head->log.lane == LANE_CONTROL || head->seq == 0)
        return false;
    while (realm_walk_next(roster, scope->reg, &walk, &realm)) {
        if (scope_has_realm(scope, realm) &&
            roster_may_write(author, head->log.lane, realm,
                             roster_genesis(roster)->county))
            return true;
    }
    return false;
}

const struct head *query_next_head(const struct query *query, const struct scope *scope,
                                   size_t *at)
{
    const struct roster *roster = engine_roster(query_engine(query));
    const struct heads *heads = engine_heads(query_engine(query));
    while (*at < heads_count(heads)) {
        const struct head *head = heads_at(heads, (*at)++);
        if (log_counts(roster, scope, head))
            return head;
    }
    return NULL;
}

void query_put_rests_on(const struct query *query, const struct scope *scope)
{
    struct buffer *out = query->data;
    const struct head *head;
    uint64_t logs = 0, entries = 0;
    for (size_t at = 0; (head = query_next_head(query, scope, &at)) != NULL;) {
        logs++;
        entries += head->seq;
    }
    answer_put_key(out, "rests_on");
    codec_put_map(out, 2);
    answer_put_key(out, "logs");
    codec_put_uint(out, logs);
    answer_put_key(out, "entries");
    codec_put_uint(out, entries);
}

/* ---- the division asked for ---- */

static bool read_code(struct slice text, uint64_t *code)
{
    *code = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || i >= 12)
            return false;
        *code = *code * 10 + (uint64_t)(text.data[i] - '0');
    }
    return division_level(*code) != DIVISION_NONE;
}

/* A county asked for by name covers townships that may not be readable here. */
static void note_unreadable(struct query *query)
{
    const struct engine *engine = query_engine(query);
    const struct roster *roster = engine_roster(engine);
    for (size_t i = 0; i < roster_count(roster); i++) {
        uint64_t township = division_township(roster_at(roster, i)->division);
        if (township == 0 || realm_is_readable(engine, township))
            continue;
        query->incomplete = (struct incomplete){.kind = INCOMPLETE_NO_KEY};
        (void)snprintf(query->incomplete.name, sizeof query->incomplete.name, "%" PRIu64,
                       township);
        return;
    }
}

static bool has_member_in(const struct roster *roster, uint64_t township)
{
    for (size_t i = 0; i < roster_count(roster); i++) {
        if (division_township(roster_at(roster, i)->division) == township)
            return true;
    }
    return false;
}

/* Whether a record lies in the village, shown or not. */
static bool has_record_in(struct query *query, struct store_txn *txn,
                          const struct schema_register *reg, uint64_t village)
{
    struct fold_subjects walk = {.realm = division_township(village)};
    struct record_view record;
    struct entry_id subject;
    uint64_t realm, newest, code;
    bool found = false;
    if (reg->place_field == FIELD_NONE)
        reg = schema_subject(reg);
    if (reg == NULL || reg->place_field == FIELD_NONE)
        return false;
    walk.reg = reg->id;
    while (!found && fold_subjects_next(txn, &walk, &realm, &subject, &newest)) {
        arena_reset(query->scratch);
        if (!view_record(txn, reg, realm, NULL, &subject, query->scratch, &record))
            continue;
        const struct field_view *place = &record.fields[reg->place_field];
        for (size_t i = 0; i < place->count; i++) {
            struct slice value = place->versions[i].value;
            found |= codec_take_uint(&value, &code) && code == village;
        }
    }
    store_cursor_close(&walk.cursor);
    return found;
}

/* Places are merged and leave the table; who was entered there is still there. */
static bool division_is_known(struct query *query, struct store_txn *txn,
                              const struct schema_register *reg, uint64_t code)
{
    const struct roster *roster = engine_roster(query_engine(query));
    const struct divisions *divisions = query->sources->divisions;
    if (division_county(code) != roster_genesis(roster)->county)
        return false;
    if (divisions->count == 0 || divisions_find(divisions, code) != NULL)
        return true;
    return division_level(code) == DIVISION_VILLAGE
               ? has_record_in(query, txn, reg, code)
               : has_member_in(roster, division_township(code));
}

/* By its name or path; of several that have it the refusal says which. */
static enum status place_named(struct query *query, struct slice text, uint64_t *code)
{
    const struct divisions *divisions = query->sources->divisions;
    const struct division *place;
    struct buffer fits;
    if (!text_is_clean(text))
        return query_refuse(query, ERR_TEXT, slice_text("division"));
    size_t count = divisions_named(divisions, text, DIVISION_NONE, &place, 1);
    if (count == 0)
        return query_refuse(query, ERR_DIVISION, text);
    *code = place->code;
    if (count == 1)
        return OK;
    buffer_init(&fits, SIZE_MAX);
    divisions_put_named(divisions, text, DIVISION_NONE, &fits);
    enum status status = query_refuse(query, ERR_AMBIGUOUS, buffer_slice(&fits));
    buffer_deinit(&fits);
    return status;
}

enum status query_take_division(struct query *query, struct store_txn *txn,
                                struct scope *scope, struct slice args)
{
    const struct engine *engine = query_engine(query);
    struct slice text;
    uint64_t code;
    if (!args_text(args, "division", &text))
        return OK;
    if (!read_code(text, &code)) {
        enum status status = place_named(query, text, &code);
        if (status != OK)
            return status;
    }
    if (!division_is_known(query, txn, scope->reg, code))
        return query_refuse(query, ERR_DIVISION, text);
    scope->division = code;
    uint64_t township = division_township(code);
    if (township == 0)
        note_unreadable(query);
    else if (!realm_is_readable(engine, township))
        return query_refuse(query, ERR_UNREADABLE, text);
    return OK;
}
