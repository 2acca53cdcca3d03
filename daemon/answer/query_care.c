/* Who is due to be visited, and what answers about care share. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/calendar.h"
#include "crdt/codec.h"
#include "crdt/coverage.h"
#include "daemon/answer/query_parts.h"
#include "daemon/answer/resolve.h"
#include "net/records.h"

/* ---- as of when ---- */

enum status query_take_now(struct query *query, struct slice args, int64_t *now)
{
    struct slice text;
    int64_t day;
    *now = answer_now(query_engine(query), query->wall_ms);
    if (args_text(args, "as_of", &text)) {
        if (!date_parse(text, &day))
            return query_refuse(query, ERR_DATE, slice_text("as_of"));
        *now = (day + 1) * MINUTES_PER_DAY - 1;
    }
    return *now == INT64_MAX ? query_refuse(query, ERR_FIELD_MISSING, slice_text("as_of"))
                             : OK;
}

static bool take_stamp(void *context, const struct opened_entry *opened)
{
    uint64_t *stamp_ms = context;
    struct operation operation;
    if (opened->status == OK && operation_decode(opened->plaintext, &operation) == OK)
        *stamp_ms = operation.stamp_ms;
    return true;
}

/* The stamp of the newest entry of a node that is held and readable here; 0: there is none. */
static uint64_t latest_stamp(const struct query *query, struct store_txn *txn,
                             uint32_t node)
{
    const struct engine *engine = query_engine(query);
    const struct heads *heads = engine_heads(engine);
    uint64_t latest_ms = 0;
    for (size_t i = 0; i < heads_count(heads); i++) {
        const struct head *head = heads_at(heads, i);
        uint64_t stamp_ms = 0;
        if (head->log.node == node && head->seq > 0 &&
            engine_walk_log(engine, txn, head->log, head->seq, head->seq, query->scratch,
                            take_stamp, &stamp_ms) == OK &&
            stamp_ms > latest_ms)
            latest_ms = stamp_ms;
    }
    return latest_ms;
}

/* When something was last heard of a node, by its own entries or over a link. */
static int64_t heard_minutes(const struct query *query, struct store_txn *txn,
                             const struct peer_report *peers, size_t peer_count,
                             uint32_t number)
{
    int64_t heard = INT64_MIN;
    for (size_t i = 0; i < peer_count; i++) {
        if (peers[i].number == number && peers[i].heard_at_ms > 0)
            heard = beijing_minutes(query_moment(query, peers[i].heard_at_ms));
    }
    uint64_t stamp_ms = latest_stamp(query, txn, number);
    if (stamp_ms > 0 && beijing_minutes(stamp_ms) > heard)
        heard = beijing_minutes(stamp_ms);
    return heard;
}

void query_note_silent(struct query *query, struct store_txn *txn,
                       const struct scope *scope, int64_t now, int64_t silent_days)
{
    const struct engine *engine = query_engine(query);
    const struct roster *roster = engine_roster(engine);
    const char *name = NULL;
    int64_t since = 0;
    size_t silent = 0;
    if (query->incomplete.kind != INCOMPLETE_NOT)
        return;
    /* A peer is a member. */
    struct peer_report *peers =
        arena_alloc(query->arena, roster_count(roster) * sizeof *peers);
    size_t peer_count = engine_peers(engine, peers, roster_count(roster));
    if (peer_count > roster_count(roster))
        peer_count = roster_count(roster);
    for (size_t i = 0; i < roster_count(roster); i++) {
        const struct member *member = roster_at(roster, i);
        if (member->number == 0 || member == engine_self(engine) ||
            roster_revoked(roster, member->number) ||
            division_level(member->division) < DIVISION_TOWNSHIP ||
            !scope_has_realm(scope, division_township(member->division)) ||
            !realm_is_readable(engine, division_township(member->division)))
            continue;
        int64_t heard = heard_minutes(query, txn, peers, peer_count, member->number);
        if (heard >= now - silent_days * MINUTES_PER_DAY)
            continue;
        if (silent++ == 0) {
            name = member->name;
            since = heard;
        }
    }
    if (silent == 0)
        return;
    query->incomplete =
        (struct incomplete){.kind = INCOMPLETE_SILENT, .count = silent - 1};
    (void)snprintf(query->incomplete.name, sizeof query->incomplete.name, "%s", name);
    if (since != INT64_MIN && moment_in_range(since))
        date_format(day_of_minutes(since), query->incomplete.since);
}

const char *query_choice_name(const struct field *field, uint8_t id)
{
    for (const struct choice *choice = field->choices; choice->name != NULL; choice++) {
        if (choice->id == id)
            return choice->name;
    }
    return NULL;
}

void query_put_date_or_nil(struct buffer *out, const char *key, bool known, int64_t day)
{
    char text[11] = "";
    if (known && date_in_range(day))
        date_format(day, text);
    answer_put_key(out, key);
    answer_put_text_or_nil(out, text);
}

void query_put_person(struct query *query, struct answering *answering,
                      const struct care *care)
{
    const struct schema_register *reg = schema_register(REGISTER_PERSON);
    const struct division *village =
        divisions_find(query->sources->divisions, care->village);
    struct buffer *out = query->data;
    answer_put_key(out, "id");
    answer_put_id(out, &care->person);
    answer_put_key(out, "name");
    struct slice name =
        answer_name_of(answering, REGISTER_PERSON, care->realm, &care->person);
    if (name.size > 0)
        codec_put_text(out, name);
    else
        codec_put_nil(out);
    answer_put_key(out, "village");
    answer_put_uint_or_nil(out, care->village);
    answer_put_key(out, "village_name");
    answer_put_text_or_nil(out, village != NULL ? village->name : NULL);
    answer_put_key(out, "tier");
    answer_put_text_or_nil(out, query_choice_name(&reg->fields[PERSON_TIER], care->tier));
}

void query_put_place(const struct query *query, uint64_t code)
{
    const struct division *division = divisions_find(query->sources->divisions, code);
    answer_put_key(query->data, "place");
    codec_put_uint(query->data, code);
    answer_put_key(query->data, "place_name");
    answer_put_text_or_nil(query->data, division != NULL ? division->name : NULL);
}

bool query_lies_in(const struct query *query, uint64_t place, uint64_t division)
{
    return division_within(place, division) ||
           division_within(divisions_standing(query->sources->divisions, place),
                           division);
}

static bool is_in(const struct query *query, const struct scope *scope,
                  const struct care *care)
{
    return scope->division == 0 ||
           query_lies_in(query, care->village != 0 ? care->village : care->realm,
                         scope->division);
}

void query_walk_care(struct query *query, struct store_txn *txn,
                     const struct scope *scope, int64_t now,
                     void (*each)(void *context, const struct care *care), void *context)
{
    const struct roster *roster = engine_roster(query_engine(query));
    struct realm_walk realms = {0};
    uint64_t realm;
    while (realm_walk_next(roster, scope->reg, &realms, &realm)) {
        struct care_walk walk = {.realm = realm};
        struct care care;
        if (!scope_has_realm(scope, realm))
            continue;
        while (care_next(txn, &walk, &care)) {
            if (!is_in(query, scope, &care))
                continue;
            if (care.latest > now) {
                arena_reset(query->scratch);
                care_as_of(txn, &care, now, query->scratch);
            }
            each(context, &care);
        }
        store_cursor_close(&walk.cursor);
    }
}

/* ---- the due list ---- */

struct due {
    struct care care; /* its months are not kept */
    int64_t day;
};

struct due_list {
    int64_t today, until_day;
    struct policy policy; /* of today */
    struct due *items;
    size_t count, capacity;
};

static void due_add(void *context, const struct care *care)
{
    struct due_list *list = context;
    /* Enrolled after the day asked for, and not visited before it. */
    if (care_is_exempt(care) ||
        (care->enrolled_day > list->today && care->latest == CARE_NEVER))
        return;
    int64_t day = care_due_day(care, &list->policy.visits);
    if (day > list->until_day)
        return;
    list->items =
        array_grow(list->items, &list->capacity, list->count + 1, sizeof *list->items);
    list->items[list->count++] = (struct due){.care = *care, .day = day};
}

/* Nobody stands behind those of a lower tier for an empty field. */
static unsigned tier_rank(const struct care *care)
{
    return care->tier == 0 ? TIER_KEY : care->tier;
}

static int due_compare(const void *a, const void *b)
{
    const struct due *left = a, *right = b;
    if (tier_rank(&left->care) != tier_rank(&right->care))
        return tier_rank(&left->care) < tier_rank(&right->care) ? -1 : 1;
    if (left->day != right->day)
        return left->day < right->day ? -1 : 1;
    return entry_id_compare(&left->care.person, &right->care.person);
}

/* "3d", "3": days from today on. Without it, to the end of the month, and a week at least. */
static enum status take_within(struct query *query, struct slice args, int64_t now,
                               int64_t *until_day)
{
    struct slice text;
    int64_t today = day_of_minutes(now), days = 0;
    *until_day = month_first_day(month_of(today) + 1) - 1;
    if (*until_day < today + 6)
        *until_day = today + 6;
    if (!args_text(args, "within", &text))
        return OK;
    if (text.size > 1 && text.data[text.size - 1] == 'd')
        text.size--;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || i >= 4)
            return query_refuse(query, ERR_FIELD_VALUE, slice_text("within"));
        days = days * 10 + (text.data[i] - '0');
    }
    if (text.size == 0)
        return query_refuse(query, ERR_FIELD_VALUE, slice_text("within"));
    *until_day = today + days;
    return OK;
}

void query_care_begin(struct query *query, struct store_txn *txn,
                      struct answering *answering)
{
    *answering = (struct answering){
        .engine = query_engine(query),
        .txn = txn,
        .arena = query->arena,
        .scratch = query->scratch,
    };
    query_note_incomplete(query);
    query_note_not_worked_in(query);
}

enum status query_due(struct query *query, struct store_txn *txn, struct slice args)
{
    struct scope scope = {.reg = schema_register(REGISTER_PERSON)};
    struct due_list list = {0};
    struct answering answering;
    struct buffer *out = query->data;
    int64_t now;
    enum status status = query_take_division(query, txn, &scope, args);
    if (status == OK)
        status = query_take_now(query, args, &now);
    if (status == OK)
        status = take_within(query, args, now, &list.until_day);
    if (status != OK)
        return status;
    list.today = day_of_minutes(now);
    query_policy_at(query, list.today, &list.policy);
    query_care_begin(query, txn, &answering);
    query_note_silent(query, txn, &scope, now, list.policy.silent_days);
    query_walk_care(query, txn, &scope, now, due_add, &list);
    if (list.count > 1)
        qsort(list.items, list.count, sizeof *list.items, due_compare);
    codec_put_map(out, 4);
    query_put_date_or_nil(out, "until", true, list.until_day);
    query_put_policy(query, &list.policy);
    answer_put_key(out, "due");
    codec_put_array(out, list.count);
    for (size_t i = 0; i < list.count; i++) {
        const struct care *care = &list.items[i].care;
        int64_t late = day_of_minutes(now) - list.items[i].day;
        codec_put_map(out, 8);
        query_put_person(query, &answering, care);
        query_put_date_or_nil(out, "due", true, list.items[i].day);
        answer_put_key(out, "days_late");
        answer_put_uint_or_nil(out, late > 0 ? (uint64_t)late : 0);
        query_put_date_or_nil(out, "latest", care->latest != CARE_NEVER,
                              care->latest != CARE_NEVER ? day_of_minutes(care->latest)
                                                         : 0);
    }
    query_put_rests_on(query, &scope);
    free(list.items);
    answering_deinit(&answering);
    return OK;
}
