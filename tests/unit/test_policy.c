/* What the authority lays down, by date. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "crdt/calendar.h"
#include "crdt/policy.h"

static int64_t day(const char *text)
{
    int64_t days;
    assert_true(date_parse(slice_text(text), &days));
    return days;
}

static void lay_down(struct policies *policies, const char *name, const char *value,
                     const char *from)
{
    policies_add(policies, slice_text(name), slice_text(value), day(from), 1000);
}

static struct policy on(const struct policies *policies, const char *date)
{
    struct policy policy;
    policy_at(policies, day(date), &policy);
    return policy;
}

static void where_nothing_is_stated_the_defaults_hold(void **state)
{
    const struct policies none = {0};
    struct policy policy = on(&none, "2026-11-28");
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(policy.visits.by_tier); i++) {
        assert_int_equal(policy.visits.by_tier[i].count,
                         visit_policy_default.by_tier[i].count);
        assert_int_equal(policy.visits.by_tier[i].in_months,
                         visit_policy_default.by_tier[i].in_months);
    }
    assert_int_equal(policy.silent_days, 3);
    assert_int_equal(policy.star_hours[0], 100);
    assert_int_equal(policy.star_hours[4], 1500);
    assert_int_equal(policy.hours_cap, 1500);
    assert_int_equal(policy.number, 0);
}

static void a_policy_holds_from_its_date_on(void **state)
{
    struct policies policies = {0};
    (void)state;
    lay_down(&policies, "visit.general", "2m", "2027-01-01");
    lay_down(&policies, "silent-days", "5", "2026-06-01");
    assert_int_equal(on(&policies, "2026-05-31").silent_days, 3);
    assert_int_equal(on(&policies, "2026-06-01").silent_days, 5);
    assert_int_equal(on(&policies, "2026-06-01").number, 2);
    assert_int_equal(on(&policies, "2026-12-31").visits.by_tier[TIER_GENERAL].count, 3);
    assert_int_equal(on(&policies, "2027-01-01").visits.by_tier[TIER_GENERAL].count, 2);
    /* Stated afterwards for a time in between: the latest date that is not to come holds. */
    lay_down(&policies, "visit.general", "6m", "2026-07-01");
    assert_int_equal(on(&policies, "2026-12-31").visits.by_tier[TIER_GENERAL].count, 6);
    assert_int_equal(on(&policies, "2026-12-31").number, 3);
    assert_int_equal(on(&policies, "2027-01-01").visits.by_tier[TIER_GENERAL].count, 2);
    policies_deinit(&policies);
}

static void of_two_with_one_date_the_later_statement_holds(void **state)
{
    struct policies policies = {0};
    (void)state;
    lay_down(&policies, "visit.high", "3d", "2026-06-01");
    lay_down(&policies, "visit.high", "10d", "2026-06-01");
    assert_int_equal(on(&policies, "2026-06-01").visits.by_tier[TIER_HIGH].count, 10);
    assert_int_equal(on(&policies, "2026-06-01").number, 2);
    policies_deinit(&policies);
}

static void what_a_newer_version_states_changes_nothing_here(void **state)
{
    struct policies policies = {0};
    (void)state;
    lay_down(&policies, "visit.high", "every-other-week", "2026-06-01");
    lay_down(&policies, "visit.very-high", "1d", "2026-06-01");
    assert_int_equal(on(&policies, "2026-06-01").visits.by_tier[TIER_HIGH].count, 7);
    assert_int_equal(on(&policies, "2026-06-01").number, 0);
    assert_non_null(
        policies_find(&policies, slice_text("visit.very-high"), day("2026-06-01")));
    policies_deinit(&policies);
}

static void assert_read(enum policy_kind kind, const char *typed, const char *expected)
{
    struct buffer out;
    buffer_init(&out, 256);
    bool read = policy_value_read(kind, slice_text(typed), &out);
    assert_int_equal(read, expected != NULL);
    if (read)
        assert_true(slice_equal(buffer_slice(&out), slice_text(expected)));
    buffer_deinit(&out);
}

static void values_are_read_as_people_type_them(void **state)
{
    (void)state;
    assert_read(POLICY_INTERVAL, "7d", "7d");
    assert_read(POLICY_INTERVAL, "每周", "7d");
    assert_read(POLICY_INTERVAL, "10天", "10d");
    assert_read(POLICY_INTERVAL, "quarterly", "3m");
    assert_read(POLICY_INTERVAL, "2个月", "2m");
    assert_read(POLICY_INTERVAL, "32d", NULL);
    assert_read(POLICY_INTERVAL, "25m", NULL);
    assert_read(POLICY_INTERVAL, "0d", NULL);
    assert_read(POLICY_INTERVAL, "7", NULL);
    assert_read(POLICY_INTERVAL, "", NULL);
    assert_read(POLICY_DAYS, "3", "3");
    assert_read(POLICY_DAYS, "3d", NULL);
    assert_read(POLICY_HOURS, "99999999999999999999", NULL);
    assert_read(POLICY_STAR_HOURS, "100/300/600/1000/1500", "100/300/600/1000/1500");
    assert_read(POLICY_STAR_HOURS, "100/300/300/1000/1500", NULL);
    assert_read(POLICY_STAR_HOURS, "100/300/600/1000", NULL);
    assert_read(POLICY_STAR_HOURS, "100/300/600/1000/1500/2000", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_nothing_is_stated_the_defaults_hold),
        cmocka_unit_test(a_policy_holds_from_its_date_on),
        cmocka_unit_test(of_two_with_one_date_the_later_statement_holds),
        cmocka_unit_test(what_a_newer_version_states_changes_nothing_here),
        cmocka_unit_test(values_are_read_as_people_type_them),
    };
    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
