#include "crdt/coverage.h"

#include "crdt/calendar.h"

const struct visit_policy visit_policy_default = {
    .by_tier =
        {
            [0] = {.in_months = true, .count = 1},
            [TIER_HIGH] = {.in_months = false, .count = 7},
            [TIER_KEY] = {.in_months = true, .count = 1},
            [TIER_GENERAL] = {.in_months = true, .count = 3},
        },
};

static struct interval interval_of(const struct care *care,
                                   const struct visit_policy *policy)
{
    struct interval interval =
        policy->by_tier[care->tier <= TIER_GENERAL ? care->tier : 0];
    CHECK(interval.count > 0);
    return interval;
}

static int64_t last_day_of(int64_t month)
{
    return month_first_day(month + 1) - 1;
}

bool care_is_exempt(const struct care *care)
{
    return care->status > PERSON_ENROLLED;
}

int64_t care_due_day(const struct care *care, const struct visit_policy *policy)
{
    struct interval interval = interval_of(care, policy);
    bool visited = care->latest != CARE_NEVER;
    int64_t from = visited ? day_of_minutes(care->latest) : care->enrolled_day;

    CHECK(!care_is_exempt(care));
    if (!interval.in_months)
        return from + (visited ? interval.count : 1);
    return last_day_of(month_of(from) + (visited ? interval.count : 0));
}

/* Who left the roster is told of in the month in which it happened, and no more. */
static bool left_before(const struct care *care, int64_t first_day)
{
    return (care->status == PERSON_MOVED || care->status == PERSON_DECEASED) &&
           care->status_day < first_day;
}

enum coverage coverage_of(const struct care *care, const struct visit_policy *policy,
                          int64_t month)
{
    struct interval interval = interval_of(care, policy);
    int64_t first_day = month_first_day(month), last_day = last_day_of(month);
    bool was_visited = care->months.size > 0 && care->first_month <= month;

    if ((care->enrolled_day > last_day && !was_visited) || left_before(care, first_day))
        return COVERAGE_NONE;
    if (care_is_exempt(care) && care->status_day <= last_day)
        return COVERAGE_EXEMPT;
    for (int64_t back = 1; interval.in_months && back < interval.count; back++) {
        if (care_visited_in(care, month - back))
            return COVERAGE_NOT_DUE;
    }
    return care_visited_in(care, month) ? COVERAGE_VISITED : COVERAGE_MISSED;
}
