#include "daemon/answer/closing_draft.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crdt/calendar.h"
#include "crdt/closing.h"
#include "daemon/answer/query_parts.h"

#define ENDS_SIZE_MAX 16000 /* some 600 logs; an entry takes 64 KiB */

void closing_draft_init(struct closing_draft *draft)
{
    *draft = (struct closing_draft){0};
    buffer_init(&draft->figures, SIZE_MAX);
    buffer_init(&draft->ends, SIZE_MAX);
}

void closing_draft_deinit(struct closing_draft *draft)
{
    buffer_deinit(&draft->figures);
    buffer_deinit(&draft->ends);
}

static void digest_heads(const struct query *query, const struct scope *scope,
                         struct closing_draft *draft)
{
    struct buffer heads;
    struct hash hash;
    const struct head *head;
    buffer_init(&heads, SIZE_MAX);
    for (size_t at = 0; (head = query_next_head(query, scope, &at)) != NULL;) {
        char name[LOG_TEXT_SIZE], line[LOG_TEXT_SIZE + 32];
        log_name_format(head->log, name);
        int size = snprintf(line, sizeof line, "%s%s %" PRIu64,
                            draft->ends.size > 0 ? "\n" : "", name, head->seq);
        buffer_put(&draft->ends, line, (size_t)size);
        buffer_put(&heads, name, strlen(name));
        buffer_put_u64(&heads, head->seq);
        buffer_put(&heads, head->hash.bytes, HASH_SIZE);
        draft->logs++;
        draft->entries += head->seq;
    }
    hash_bytes(&hash, HASH_HEADS, roster_salt(engine_roster(query_engine(query))),
               buffer_slice(&heads));
    for (size_t i = 0; i < HASH_SIZE; i++)
        (void)snprintf(draft->heads + 2 * i, 3, "%02x", hash.bytes[i]);
    if (draft->ends.size > ENDS_SIZE_MAX)
        buffer_clear(&draft->ends);
    buffer_deinit(&heads);
}

/* The township asked for, or the one in which this node stands. */
static enum status take_township(struct query *query, struct store_txn *txn,
                                 struct slice args, struct scope *scope)
{
    const struct member *self = engine_self(query_engine(query));
    enum status status = query_take_division(query, txn, scope, args);
    if (status != OK)
        return status;
    if (scope->division == 0 && self != NULL)
        scope->division = division_township(self->division);
    if (division_level(scope->division) == DIVISION_TOWNSHIP)
        return OK;
    return scope->division == 0
               ? query_refuse(query, ERR_FIELD_MISSING, slice_text("division"))
               : query_refuse(query, ERR_FIELD_VALUE, slice_text("division"));
}

static enum status check_open(struct query *query, struct store_txn *txn,
                              const struct closing_draft *draft, int64_t month)
{
    struct closings found = {0};
    closings_find(txn, draft->township, month, UINT64_MAX, query->arena, &found);
    size_t count = found.count;
    closings_deinit(&found);
    return count == 0 ? OK : query_refuse(query, ERR_CLOSED, slice_text(draft->month));
}

/* What is known to be missing is refused or, on insistence, written down with the figure. */
static enum status check_whole(struct query *query, bool insist,
                               struct closing_draft *draft)
{
    const struct incomplete *incomplete = &query->incomplete;
    char said[INCOMPLETE_TEXT_SIZE];
    if (incomplete->kind == INCOMPLETE_NOT)
        return OK;
    incomplete_say(incomplete, said);
    if (!insist)
        return query_refuse(query, ERR_NOT_ALL_HERE, slice_text(said));
    if (incomplete->kind != INCOMPLETE_SILENT)
        (void)snprintf(draft->missing, sizeof draft->missing, "?");
    else if (incomplete->count == 0)
        (void)snprintf(draft->missing, sizeof draft->missing, "%s", incomplete->name);
    else
        (void)snprintf(draft->missing, sizeof draft->missing, "%s +%" PRIu64,
                       incomplete->name, incomplete->count);
    return OK;
}

enum status query_close(struct query *query, struct store_txn *txn, struct slice args,
                        bool insist, struct closing_draft *draft)
{
    struct scope scope = {.reg = schema_register(REGISTER_PERSON)};
    struct figures figures = {0};
    struct answering answering;
    struct policy policy;
    struct slice text;
    int64_t now = answer_now(query_engine(query), query->wall_ms), month;
    query->subject[0] = '\0';
    query->incomplete = (struct incomplete){.kind = INCOMPLETE_NOT};
    if (!args_text(args, "month", &text))
        return query_refuse(query, ERR_FIELD_MISSING, slice_text("month"));
    if (!month_parse(text, &month))
        return query_refuse(query, ERR_DATE, slice_text("month"));
    enum status status = take_township(query, txn, args, &scope);
    if (status != OK)
        return status;
    draft->township = scope.division;
    month_format(month, draft->month);
    if (now == INT64_MAX || (!insist && month >= month_of(day_of_minutes(now))))
        return query_refuse(query, ERR_TO_COME, slice_text(draft->month));
    status = check_open(query, txn, draft, month);
    if (status != OK)
        return status;
    query_month_policy(query, month, now, &policy);
    query_care_begin(query, txn, &answering);
    query_note_silent(query, txn, &scope, now, policy.silent_days);
    status = check_whole(query, insist, draft);
    if (status == OK) {
        query_figures(query, txn, &scope, month, now, &policy, &figures);
        struct figure total = figures_total(&figures);
        draft->due = figure_due(&total);
        draft->visited = total.persons[COVERAGE_VISITED];
        draft->policy = policy.number;
        figures_put(&figures, &draft->figures);
        digest_heads(query, &scope, draft);
    }
    figures_deinit(&figures);
    answering_deinit(&answering);
    return status;
}
