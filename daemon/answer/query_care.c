/* Who is due to be visited, and which part of those who were due was. */
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

/* The end of the day asked for, or now. A clock that is not set cannot say. */
static enum status take_now(struct query *query, struct slice args, int64_t *now)
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

/* docs/design.md, "It says what it does not know": a figure carries how complete it is. */
static void note_silent(struct query *query, struct store_txn *txn,
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

static const char *choice_name(const struct field *field, uint8_t id)
{
    for (const struct choice *choice = field->choices; choice->name != NULL; choice++) {
        if (choice->id == id)
            return choice->name;
    }
    return NULL;
}

static void put_date_or_nil(struct buffer *out, const char *key, bool known, int64_t day)
{
    char text[11] = "";
    if (known && date_in_range(day))
        date_format(day, text);
    answer_put_key(out, key);
    answer_put_text_or_nil(out, text);
}

/* id, name, village, village_name, tier: five pairs that say who it is. */
static void put_person(struct query *query, struct answering *answering,
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
    answer_put_text_or_nil(out, choice_name(&reg->fields[PERSON_TIER], care->tier));
}

static bool is_in(const struct scope *scope, const struct care *care)
{
    return scope->division == 0 ||
           division_within(care->village != 0 ? care->village : care->realm,
                           scope->division);
}

/* Calls `each` with the care row of every person within the scope, in order of (realm,
 * person), as of `now`. */
static void walk_scope(struct query *query, struct store_txn *txn,
                       const struct scope *scope, int64_t now,
                       void (*each)(void *context, const struct care *care),
                       void *context)
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
            if (!is_in(scope, &care))
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

static void begin(struct query *query, struct store_txn *txn, struct answering *answering)
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
        status = take_now(query, args, &now);
    if (status == OK)
        status = take_within(query, args, now, &list.until_day);
    if (status != OK)
        return status;
    list.today = day_of_minutes(now);
    query_policy_at(query, list.today, &list.policy);
    begin(query, txn, &answering);
    note_silent(query, txn, &scope, now, list.policy.silent_days);
    walk_scope(query, txn, &scope, now, due_add, &list);
    if (list.count > 1)
        qsort(list.items, list.count, sizeof *list.items, due_compare);
    codec_put_map(out, 4);
    put_date_or_nil(out, "until", true, list.until_day);
    query_put_policy(query, &list.policy);
    answer_put_key(out, "due");
    codec_put_array(out, list.count);
    for (size_t i = 0; i < list.count; i++) {
        const struct care *care = &list.items[i].care;
        int64_t late = day_of_minutes(now) - list.items[i].day;
        codec_put_map(out, 8);
        put_person(query, &answering, care);
        put_date_or_nil(out, "due", true, list.items[i].day);
        answer_put_key(out, "days_late");
        answer_put_uint_or_nil(out, late > 0 ? (uint64_t)late : 0);
        put_date_or_nil(out, "latest", care->latest != CARE_NEVER,
                        care->latest != CARE_NEVER ? day_of_minutes(care->latest) : 0);
    }
    query_put_rests_on(query, &scope);
    free(list.items);
    answering_deinit(&answering);
    return OK;
}

/* ---- coverage ---- */

#define STATUSES (PERSON_DECEASED + 1)

/* The figure of one place. Persons, not rows. */
struct figure {
    uint64_t place;
    uint64_t persons[COVERAGE_MISSED + 1];
    uint64_t exempt[STATUSES];
};

struct coverage_report {
    int64_t month;
    struct policy policy; /* of the month's last day, or of the day asked for within it */
    enum division_level level; /* a figure for each place of this level */
    bool names;
    struct figure *figures; /* by place */
    size_t count, capacity;
    struct care *missed, *exempt; /* without their months; where names are wanted */
    size_t missed_count, missed_capacity, exempt_count, exempt_capacity;
};

static uint64_t place_of(const struct coverage_report *report, const struct care *care)
{
    if (report->level == DIVISION_COUNTY)
        return division_county(care->realm);
    if (report->level == DIVISION_TOWNSHIP || care->village == 0)
        return care->realm;
    return care->village;
}

static int figure_compare(const void *key, const void *item)
{
    const uint64_t *place = key;
    const struct figure *figure = item;
    return (*place > figure->place) - (*place < figure->place);
}

static struct figure *figure_for(struct coverage_report *report, uint64_t place)
{
    size_t at;
    if (sorted_find(&place, report->figures, report->count, sizeof *report->figures,
                    figure_compare, &at))
        return &report->figures[at];
    report->figures = array_grow(report->figures, &report->capacity, report->count + 1,
                                 sizeof *report->figures);
    memmove(report->figures + at + 1, report->figures + at,
            (report->count++ - at) * sizeof(struct figure));
    report->figures[at] = (struct figure){.place = place};
    return &report->figures[at];
}

static void keep(struct care **list, size_t *count, size_t *capacity,
                 const struct care *care)
{
    *list = array_grow(*list, capacity, *count + 1, sizeof **list);
    (*list)[(*count)++] = *care;
}

static void coverage_add(void *context, const struct care *care)
{
    struct coverage_report *report = context;
    enum coverage coverage = coverage_of(care, &report->policy.visits, report->month);
    if (coverage == COVERAGE_NONE)
        return;
    struct figure *figure = figure_for(report, place_of(report, care));
    figure->persons[coverage]++;
    if (coverage == COVERAGE_EXEMPT) {
        CHECK(care->status < STATUSES);
        figure->exempt[care->status]++;
    }
    if (report->names && coverage == COVERAGE_MISSED)
        keep(&report->missed, &report->missed_count, &report->missed_capacity, care);
    if (report->names && coverage == COVERAGE_EXEMPT)
        keep(&report->exempt, &report->exempt_count, &report->exempt_capacity, care);
}

static void put_count(struct buffer *out, const char *key, uint64_t count)
{
    answer_put_key(out, key);
    codec_put_uint(out, count);
}

/* due, visited, missed, not_due, exempt, exempt_for and rate: seven pairs. The rate is in
 * tenths of a percent, rounded down: 100.0 only where nobody is missing; nil where nobody is
 * due. */
static void put_figure(struct buffer *out, const struct figure *figure)
{
    const struct field *status = &schema_register(REGISTER_PERSON)->fields[PERSON_STATUS];
    uint64_t visited = figure->persons[COVERAGE_VISITED];
    uint64_t due = visited + figure->persons[COVERAGE_MISSED];
    char rate[32] = "";
    size_t reasons = 0;
    put_count(out, "due", due);
    put_count(out, "visited", visited);
    put_count(out, "missed", figure->persons[COVERAGE_MISSED]);
    put_count(out, "not_due", figure->persons[COVERAGE_NOT_DUE]);
    put_count(out, "exempt", figure->persons[COVERAGE_EXEMPT]);
    for (uint8_t id = 0; id < STATUSES; id++)
        reasons += figure->exempt[id] > 0;
    answer_put_key(out, "exempt_for");
    codec_put_map(out, reasons);
    for (uint8_t id = 0; id < STATUSES; id++) {
        if (figure->exempt[id] > 0)
            put_count(out, choice_name(status, id), figure->exempt[id]);
    }
    if (due > 0)
        (void)snprintf(rate, sizeof rate, "%" PRIu64 ".%" PRIu64,
                       visited * 1000 / due / 10, visited * 1000 / due % 10);
    answer_put_key(out, "rate");
    answer_put_text_or_nil(out, rate);
}

static void put_place(struct query *query, uint64_t code)
{
    const struct division *division = divisions_find(query->sources->divisions, code);
    answer_put_key(query->data, "place");
    codec_put_uint(query->data, code);
    answer_put_key(query->data, "place_name");
    answer_put_text_or_nil(query->data, division != NULL ? division->name : NULL);
}

static void put_persons(struct query *query, struct answering *answering, const char *key,
                        const struct care *list, size_t count)
{
    const struct field *status = &schema_register(REGISTER_PERSON)->fields[PERSON_STATUS];
    struct buffer *out = query->data;
    answer_put_key(out, key);
    codec_put_array(out, count);
    for (size_t i = 0; i < count; i++) {
        codec_put_map(out, 6);
        put_person(query, answering, &list[i]);
        answer_put_key(out, "status");
        answer_put_text_or_nil(out, choice_name(status, list[i].status));
    }
}

static void put_report(struct query *query, struct answering *answering,
                       const struct scope *scope, const struct coverage_report *report)
{
    struct buffer *out = query->data;
    struct figure total = {0};
    char month[8];
    month_format(report->month, month);
    codec_put_map(out, report->names ? 7 : 5);
    answer_put_key(out, "month");
    codec_put_cstring(out, month);
    query_put_policy(query, &report->policy);
    answer_put_key(out, "figures");
    codec_put_array(out, report->count);
    for (size_t i = 0; i < report->count; i++) {
        codec_put_map(out, 9);
        put_place(query, report->figures[i].place);
        put_figure(out, &report->figures[i]);
        for (size_t j = 0; j < ARRAY_SIZE(total.persons); j++)
            total.persons[j] += report->figures[i].persons[j];
        for (size_t j = 0; j < STATUSES; j++)
            total.exempt[j] += report->figures[i].exempt[j];
    }
    answer_put_key(out, "total");
    codec_put_map(out, 7);
    put_figure(out, &total);
    if (report->names) {
        put_persons(query, answering, "missed", report->missed, report->missed_count);
        put_persons(query, answering, "exempt", report->exempt, report->exempt_count);
    }
    query_put_rests_on(query, scope);
}

/* Of the month in which `now` lies, unless one is given; by village, unless `by` says
 * otherwise. */
static enum status take_report(struct query *query, struct slice args, int64_t now,
                               struct coverage_report *report)
{
    struct slice text;
    report->month = month_of(day_of_minutes(now));
    report->level = DIVISION_VILLAGE;
    report->names = args_flag(args, "names");
    if (args_text(args, "month", &text) && !month_parse(text, &report->month))
        return query_refuse(query, ERR_DATE, slice_text("month"));
    if (!args_text(args, "by", &text))
        return OK;
    if (slice_equal(text, slice_text("township")))
        report->level = DIVISION_TOWNSHIP;
    else if (slice_equal(text, slice_text("county")))
        report->level = DIVISION_COUNTY;
    else if (!slice_equal(text, slice_text("village")))
        return query_refuse(query, ERR_FIELD_VALUE, slice_text("by"));
    return OK;
}

/* A figure is made by the rules of its own month, whenever it is asked for. */
static void report_policy(struct query *query, int64_t now,
                          struct coverage_report *report)
{
    int64_t last_day = month_first_day(report->month + 1) - 1,
            today = day_of_minutes(now);
    query_policy_at(query, today < last_day ? today : last_day, &report->policy);
}

enum status query_coverage(struct query *query, struct store_txn *txn, struct slice args)
{
    struct scope scope = {.reg = schema_register(REGISTER_PERSON)};
    struct coverage_report report = {0};
    struct answering answering;
    int64_t now;
    enum status status = query_take_division(query, txn, &scope, args);
    if (status == OK)
        status = take_now(query, args, &now);
    if (status == OK)
        status = take_report(query, args, now, &report);
    if (status != OK)
        return status;
    begin(query, txn, &answering);
    report_policy(query, now, &report);
    note_silent(query, txn, &scope, now, report.policy.silent_days);
    walk_scope(query, txn, &scope, now, coverage_add, &report);
    put_report(query, &answering, &scope, &report);
    free(report.figures);
    free(report.missed);
    free(report.exempt);
    answering_deinit(&answering);
    return OK;
}
