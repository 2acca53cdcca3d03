/* Which part of those who were due in a month was visited: as it is known now, and, where the
 * month was closed, as it was closed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "crdt/calendar.h"
#include "crdt/closing.h"
#include "crdt/codec.h"
#include "daemon/answer/query_parts.h"
#include "net/records.h"

/* ---- figures as they are known now ---- */

void query_month_policy(const struct query *query, int64_t month, int64_t now,
                        struct policy *policy)
{
    int64_t last_day = month_first_day(month + 1) - 1, today = day_of_minutes(now);
    query_policy_at(query, today < last_day ? today : last_day, policy);
}

struct counting {
    int64_t month;
    const struct visit_policy *policy;
    struct figures *figures;
    bool names;
    struct care *missed, *exempt; /* without their months; where names are wanted */
    size_t missed_count, missed_capacity, exempt_count, exempt_capacity;
};

static void keep(struct care **list, size_t *count, size_t *capacity,
                 const struct care *care)
{
    *list = array_grow(*list, capacity, *count + 1, sizeof **list);
    (*list)[(*count)++] = *care;
}

static void count_person(void *context, const struct care *care)
{
    struct counting *counting = context;
    enum coverage coverage = coverage_of(care, counting->policy, counting->month);
    if (coverage == COVERAGE_NONE)
        return;
    figures_count(counting->figures, care->village != 0 ? care->village : care->realm,
                  coverage, care->status);
    if (counting->names && coverage == COVERAGE_MISSED)
        keep(&counting->missed, &counting->missed_count, &counting->missed_capacity,
             care);
    if (counting->names && coverage == COVERAGE_EXEMPT)
        keep(&counting->exempt, &counting->exempt_count, &counting->exempt_capacity,
             care);
}

void query_figures(struct query *query, struct store_txn *txn, const struct scope *scope,
                   int64_t month, int64_t now, const struct policy *policy,
                   struct figures *figures)
{
    struct counting counting = {
        .month = month, .policy = &policy->visits, .figures = figures};
    query_walk_care(query, txn, scope, now, count_person, &counting);
}

/* ---- what was closed ---- */

struct coverage_report {
    int64_t month, now;
    enum division_level level; /* a figure for each place of this level */
    struct policy policy;
    struct closings
        closings;         /* of all townships looked at, those that stand first in each */
    struct figures known; /* by village, as it is known now */
    struct figures shown; /* the same, but closed townships as they were closed */
    struct figures known_by, shown_by; /* by place of the level */
};

static bool is_closed(const struct coverage_report *report, uint64_t place)
{
    for (size_t i = 0; i < report->closings.count; i++) {
        if (division_within(report->closings.rows[i].township, place) ||
            division_within(place, report->closings.rows[i].township))
            return true;
    }
    return false;
}

static bool stands(const struct closings *closings, size_t index)
{
    return index == 0 ||
           closings->rows[index - 1].township != closings->rows[index].township;
}

static void find_closings(struct query *query, struct store_txn *txn,
                          const struct scope *scope, struct coverage_report *report)
{
    struct realm_walk realms = {0};
    uint64_t realm;
    /* Up to the end of the minute asked for. */
    int64_t until = report->now + 1 - 8 * 60;
    uint64_t until_ms = until > 0 ? (uint64_t)until * 60 * 1000 - 1 : 0;
    while (realm_walk_next(engine_roster(query_engine(query)), scope->reg, &realms,
                           &realm)) {
        struct closings found = {0};
        if (!scope_has_realm(scope, realm))
            continue;
        closings_find(txn, realm, report->month, until_ms, query->arena, &found);
        for (size_t i = 0; i < found.count; i++) {
            struct closings *all = &report->closings;
            all->rows =
                array_grow(all->rows, &all->capacity, all->count + 1, sizeof *all->rows);
            all->rows[all->count++] = found.rows[i];
        }
        free(found.rows); /* their figures are the report's now */
    }
}

/* A closed figure never changes: it is what is shown, and what is known now beside it. */
static void show_closed(const struct query *query, struct coverage_report *report,
                        const struct scope *scope)
{
    for (size_t i = 0; i < report->known.count; i++) {
        const struct figure *figure = &report->known.rows[i];
        if (!is_closed(report, figure->place))
            figure_sum(figures_at(&report->shown, figure->place), figure);
    }
    for (size_t i = 0; i < report->closings.count; i++) {
        const struct figures *closed = &report->closings.rows[i].figures;
        for (size_t j = 0; stands(&report->closings, i) && j < closed->count; j++) {
            uint64_t place = closed->rows[j].place;
            if (scope->division == 0 || query_lies_in(query, place, scope->division))
                figure_sum(figures_at(&report->shown, place), &closed->rows[j]);
        }
    }
    figures_by(&report->known, query->sources->divisions, report->level,
               &report->known_by);
    figures_by(&report->shown, query->sources->divisions, report->level,
               &report->shown_by);
    for (size_t i = 0; i < report->known_by.count; i++)
        (void)figures_at(&report->shown_by, report->known_by.rows[i].place);
    for (size_t i = 0; i < report->shown_by.count; i++)
        (void)figures_at(&report->known_by, report->shown_by.rows[i].place);
}

static void report_deinit(struct coverage_report *report)
{
    figures_deinit(&report->known);
    figures_deinit(&report->shown);
    figures_deinit(&report->known_by);
    figures_deinit(&report->shown_by);
    closings_deinit(&report->closings);
}

void query_shown_figures(struct query *query, struct store_txn *txn,
                         const struct scope *scope, int64_t month, int64_t now,
                         enum division_level level, struct figures *figures)
{
    struct coverage_report report = {.month = month, .now = now, .level = level};
    query_month_policy(query, month, now, &report.policy);
    query_figures(query, txn, scope, month, now, &report.policy, &report.known);
    find_closings(query, txn, scope, &report);
    show_closed(query, &report, scope);
    *figures = report.shown_by;
    report.shown_by = (struct figures){0};
    report_deinit(&report);
}

/* ---- the answer ---- */

static void put_count(struct buffer *out, const char *key, uint64_t count)
{
    answer_put_key(out, key);
    codec_put_uint(out, count);
}

/* nil where nobody is due. */
static void put_rate(struct buffer *out, const char *key, const struct figure *figure)
{
    char rate[32] = "";
    if (figure_due(figure) > 0)
        (void)snprintf(rate, sizeof rate, "%" PRIu64 ".%" PRIu64,
                       figure_rate(figure) / 10, figure_rate(figure) % 10);
    answer_put_key(out, key);
    answer_put_text_or_nil(out, rate);
}

void query_put_figure(struct buffer *out, const struct figure *figure)
{
    const struct field *status = &schema_register(REGISTER_PERSON)->fields[PERSON_STATUS];
    size_t reasons = 0;
    put_count(out, "due", figure_due(figure));
    put_count(out, "visited", figure->persons[COVERAGE_VISITED]);
    put_count(out, "missed", figure->persons[COVERAGE_MISSED]);
    put_count(out, "not_due", figure->persons[COVERAGE_NOT_DUE]);
    put_count(out, "exempt", figure->persons[COVERAGE_EXEMPT]);
    for (uint8_t id = 0; id < PERSON_STATUSES; id++)
        reasons += figure->exempt[id] > 0;
    answer_put_key(out, "exempt_for");
    codec_put_map(out, reasons);
    for (uint8_t id = 0; id < PERSON_STATUSES; id++) {
        if (figure->exempt[id] > 0)
            put_count(out, query_choice_name(status, id), figure->exempt[id]);
    }
    put_rate(out, "rate", figure);
}

/* "restated": what is known now, nil where it is what is shown. */
static void put_restated(struct buffer *out, const struct figure *shown,
                         const struct figure *known)
{
    answer_put_key(out, "restated");
    if (figure_equal(shown, known)) {
        codec_put_nil(out);
        return;
    }
    codec_put_map(out, FIGURE_KEYS);
    query_put_figure(out, known);
}

/* The places of which something else is known now than was closed: as it was closed, and as it
 * is known. */
static void put_restatements(struct query *query, const struct coverage_report *report)
{
    struct buffer *out = query->data;
    size_t count = 0;
    for (size_t i = 0; i < report->shown_by.count; i++)
        count += !figure_equal(&report->shown_by.rows[i], &report->known_by.rows[i]);
    answer_put_key(out, "restatements");
    codec_put_array(out, count);
    for (size_t i = 0; i < report->shown_by.count; i++) {
        const struct figure *shown = &report->shown_by.rows[i];
        const struct figure *known = &report->known_by.rows[i];
        if (figure_equal(shown, known))
            continue;
        codec_put_map(out, 5 + FIGURE_KEYS);
        query_put_place(query, shown->place);
        put_count(out, "closed_due", figure_due(shown));
        put_count(out, "closed_visited", shown->persons[COVERAGE_VISITED]);
        put_rate(out, "closed_rate", shown);
        query_put_figure(out, known);
    }
}

/* Who is missing, also with the day on which the visit was due: by the policy of the report's
 * day, counted from the latest visit there was up to then. */
static void put_persons(struct query *query, struct answering *answering, const char *key,
                        const struct coverage_report *report, const struct care *list,
                        size_t count)
{
    const struct field *status = &schema_register(REGISTER_PERSON)->fields[PERSON_STATUS];
    struct buffer *out = query->data;
    answer_put_key(out, key);
    codec_put_array(out, count);
    for (size_t i = 0; i < count; i++) {
        bool is_due = !care_is_exempt(&list[i]);
        int64_t day = is_due ? care_due_day(&list[i], &report->policy.visits) : 0;
        int64_t late = day_of_minutes(report->now) - day;
        codec_put_map(out, 8);
        query_put_person(query, answering, &list[i]);
        answer_put_key(out, "status");
        answer_put_text_or_nil(out, query_choice_name(status, list[i].status));
        query_put_date_or_nil(out, "due", is_due, day);
        put_count(out, "days_late", is_due && late > 0 ? (uint64_t)late : 0);
    }
}

/* How many entries of the township's logs are held beyond those that a closing rested on. */
static uint64_t entries_since(const struct query *query, const struct scope *scope,
                              const struct closing *closing)
{
    const struct scope township = {.reg = scope->reg, .realm = closing->township};
    const struct head *head;
    uint64_t entries = 0;
    for (size_t at = 0; (head = query_next_head(query, &township, &at)) != NULL;)
        entries += head->seq;
    return entries > closing->entries ? entries - closing->entries : 0;
}

static void put_closings(struct query *query, struct answering *answering,
                         const struct scope *scope, const struct coverage_report *report)
{
    struct buffer *out = query->data;
    answer_put_key(out, "closings");
    codec_put_array(out, report->closings.count);
    if (report->closings.count > 0) /* a hub's operators are recorded there */
        answer_learn_operators(answering,
                               roster_genesis(engine_roster(answering->engine))->county);
    for (size_t i = 0; i < report->closings.count; i++) {
        const struct closing *closing = &report->closings.rows[i];
        struct log_name log = entry_id_log(&closing->id);
        struct figure total = figures_total(&closing->figures);
        if (stands(&report->closings, i))
            answer_learn_operators(answering, closing->township);
        codec_put_map(out, 12 + FIGURE_KEYS);
        answer_put_key(out, "id");
        answer_put_id(out, &closing->id);
        query_put_place(query, closing->township);
        answer_put_key(out, "closed_ms");
        codec_put_uint(out, closing->closed_ms);
        answer_put_key(out, "node");
        answer_put_node(out, engine_roster(answering->engine), log.node);
        answer_put_key(out, "actor");
        answer_put_actor(answering, out, log, closing->closed_by);
        answer_put_key(out, "stands");
        codec_put_bool(out, stands(&report->closings, i));
        query_put_figure(out, &total);
        answer_put_key(out, "policy");
        answer_put_uint_or_nil(out, closing->policy);
        put_count(out, "logs", closing->logs);
        put_count(out, "entries", closing->entries);
        put_count(out, "entries_since", entries_since(query, scope, closing));
        answer_put_key(out, "missing");
        if (closing->missing.size > 0)
            codec_put_text(out, closing->missing);
        else
            codec_put_nil(out);
    }
}

static void put_report(struct query *query, struct answering *answering,
                       const struct scope *scope, const struct coverage_report *report,
                       const struct counting *counting)
{
    struct buffer *out = query->data;
    struct figure shown = figures_total(&report->shown_by);
    struct figure known = figures_total(&report->known_by);
    char month[8];
    month_format(report->month, month);
    codec_put_map(out, counting->names ? 9 : 7);
    answer_put_key(out, "month");
    codec_put_cstring(out, month);
    query_put_policy(query, &report->policy);
    answer_put_key(out, "figures");
    codec_put_array(out, report->shown_by.count);
    for (size_t i = 0; i < report->shown_by.count; i++) {
        const struct figure *figure = &report->shown_by.rows[i];
        codec_put_map(out, 3 + FIGURE_KEYS);
        query_put_place(query, figure->place);
        query_put_figure(out, figure);
        answer_put_key(out, "closed");
        codec_put_bool(out, is_closed(report, figure->place));
    }
    put_restatements(query, report);
    answer_put_key(out, "total");
    codec_put_map(out, 1 + FIGURE_KEYS);
    query_put_figure(out, &shown);
    put_restated(out, &shown, &known);
    put_closings(query, answering, scope, report);
    if (counting->names) {
        put_persons(query, answering, "missed", report, counting->missed,
                    counting->missed_count);
        put_persons(query, answering, "exempt", report, counting->exempt,
                    counting->exempt_count);
    }
    query_put_rests_on(query, scope);
}

/* By village, unless `by` says otherwise. */
enum status query_take_level(struct query *query, struct slice args,
                             enum division_level *level)
{
    static const struct {
        const char *name, *label;
        enum division_level level;
    } levels[] = {{"village", "村", DIVISION_VILLAGE},
                  {"township", "乡镇", DIVISION_TOWNSHIP},
                  {"county", "县", DIVISION_COUNTY}};
    struct slice text;
    *level = DIVISION_VILLAGE;
    if (!args_text(args, "by", &text))
        return OK;
    for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
        if (slice_equal(text, slice_text(levels[i].name)) ||
            slice_equal(text, slice_text(levels[i].label))) {
            *level = levels[i].level;
            return OK;
        }
    }
    return query_refuse(query, ERR_FIELD_VALUE, slice_text("by"));
}

/* Of the month in which `now` lies, unless one is given. */
enum status query_take_month(struct query *query, struct slice args, int64_t now,
                             int64_t *month)
{
    struct slice text;
    *month = month_of(day_of_minutes(now));
    if (args_text(args, "month", &text) && !month_parse(text, month))
        return query_refuse(query, ERR_DATE, slice_text("month"));
    return OK;
}

enum status query_coverage(struct query *query, struct store_txn *txn, struct slice args)
{
    struct scope scope = {.reg = schema_register(REGISTER_PERSON)};
    struct coverage_report report = {0};
    struct answering answering;
    enum status status = query_take_division(query, txn, &scope, args);
    if (status == OK)
        status = query_take_now(query, args, &report.now);
    if (status == OK)
        status = query_take_month(query, args, report.now, &report.month);
    if (status == OK)
        status = query_take_level(query, args, &report.level);
    if (status != OK)
        return status;
    struct counting counting = {.month = report.month,
                                .policy = &report.policy.visits,
                                .figures = &report.known,
                                .names = args_flag(args, "names")};
    query_care_begin(query, txn, &answering);
    query_month_policy(query, report.month, report.now, &report.policy);
    query_note_silent(query, txn, &scope, report.now, report.policy.silent_days);
    query_walk_care(query, txn, &scope, report.now, count_person, &counting);
    find_closings(query, txn, &scope, &report);
    show_closed(query, &report, &scope);
    put_report(query, &answering, &scope, &report, &counting);
    report_deinit(&report);
    free(counting.missed);
    free(counting.exempt);
    answering_deinit(&answering);
    return OK;
}
