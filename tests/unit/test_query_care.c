/* The due list and coverage: persons, not rows; honest about nodes that were not heard. */
#define _XOPEN_SOURCE 700
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/county_fixture.h"

/* The county's clock stands at 2026-06-01 15:46. */

static const char *add(struct county *county, size_t node, const char *name,
                       const char *village, const char *tier)
{
    assert_int_equal(tell(county, node, "person.add",
                          ARGS({"name", name}, {"village", village}, {"tier", tier})),
                     OK);
    return told_id(county);
}

static void visit(struct county *county, size_t node, const char *person,
                  const char *when, const char *outcome)
{
    assert_int_equal(tell(county, node, "visit.add",
                          ARGS({"person", person}, {"when", when}, {"method", "home"},
                               {"outcome", outcome})),
                     OK);
}

static void assert_due(struct county *county, const struct arg *args,
                       const char *expected)
{
    char names[512] = "";
    assert_int_equal(ask(county, TOWN, "visit.due", args), OK);
    for (size_t i = 0; i < count_of(county, "due"); i++) {
        struct slice row = element(county, "due", i), value = part(row, "name"), text;
        struct slice late = part(row, "days_late");
        uint64_t days = 0;
        assert_true(codec_take_text(&value, &text));
        if (!codec_take_uint(&late, &days))
            days = 0;
        size_t size = strlen(names);
        (void)snprintf(names + size, sizeof names - size, "%.*s+%u ", (int)text.size,
                       (const char *)text.data, (unsigned)days);
    }
    assert_string_equal(names, expected);
}

static void the_due_list_goes_by_tier_and_by_how_late_the_visit_is(void **state)
{
    struct county *county = *state;
    const char *general = add(county, TOWN, "乙", VILLAGE_TEXT, "general");
    const char *high = add(county, TOWN, "丙", OTHER_VILLAGE_TEXT, "high");
    const char *key = add(county, TOWN, "丁", VILLAGE_TEXT, "key");
    const char *higher = add(county, TOWN, "戊", VILLAGE_TEXT, "high");
    visit(county, TOWN, general, "2026-05-31 10:00", "met");
    visit(county, TOWN, high, "2026-05-20 10:00", "met");
    visit(county, TOWN, higher, "2026-05-10 10:00", "met");
    visit(county, TOWN, higher, "2026-05-31 10:00", "absent");
    visit(county, TOWN, key, "2026-04-30 10:00", "met");
    assert_due(county, NO_ARGS, "戊+15 丙+5 丁+1 ");
    assert_due(county, ARGS({"division", VILLAGE_TEXT}), "戊+15 丁+1 ");
    visit(county, TOWN, key, "2026-05-31 09:00", "met");
    visit(county, TOWN, higher, "2026-06-01 09:00", "met");
    assert_due(county, ARGS({"within", "0"}), "丙+5 ");
    assert_due(county, NO_ARGS, "丙+5 戊+0 丁+0 ");
    assert_due(county, ARGS({"within", "7d"}), "丙+5 戊+0 ");
    assert_int_equal(ask(county, TOWN, "visit.due", ARGS({"within", "soon"})),
                     ERR_FIELD_VALUE);
}

static void who_is_exempt_or_voided_is_not_due(void **state)
{
    struct county *county = *state;
    const char *away = add(county, TOWN, "乙", VILLAGE_TEXT, "high");
    const char *voided = add(county, TOWN, "丙", VILLAGE_TEXT, "high");
    assert_due(county, ARGS({"within", "7"}), "乙+0 丙+0 ");
    assert_int_equal(
        tell(county, TOWN, "person.set", ARGS({"id", away}, {"status", "hospital"})), OK);
    assert_int_equal(
        tell(county, TOWN, "person.void", ARGS({"id", voided}, {"reason", "重复录入"})),
        OK);
    assert_due(county, ARGS({"within", "7"}), "");
}

static void assert_figure(struct slice figure, uint64_t due, uint64_t visited,
                          uint64_t exempt, const char *rate)
{
    assert_int_equal(number_of(figure, "due"), due);
    assert_int_equal(number_of(figure, "visited"), visited);
    assert_int_equal(number_of(figure, "missed"), due - visited);
    assert_int_equal(number_of(figure, "exempt"), exempt);
    assert_text(figure, "rate", rate);
}

static void coverage_counts_persons_and_names_who_is_missing(void **state)
{
    struct county *county = *state;
    const char *met = add(county, TOWN, "乙", VILLAGE_TEXT, "key");
    const char *absent = add(county, TOWN, "丙", VILLAGE_TEXT, "key");
    const char *away = add(county, TOWN, "丁", VILLAGE_TEXT, "key");
    const char *other = add(county, TOWN, "戊", OTHER_VILLAGE_TEXT, "high");
    visit(county, TOWN, met, "2026-06-01 08:00", "met");
    visit(county, TOWN, met, "2026-06-01 09:00", "met");
    visit(county, TOWN, absent, "2026-06-01 08:00", "absent");
    visit(county, TOWN, other, "2026-05-01 08:00", "met");
    assert_int_equal(
        tell(county, TOWN, "person.set", ARGS({"id", away}, {"status", "away"})), OK);

    assert_int_equal(ask(county, TOWN, "report.coverage", ARGS({"names", "yes"})), OK);
    assert_text(buffer_slice(&county->data), "month", "2026-06");
    assert_int_equal(count_of(county, "figures"), 2);
    assert_figure(element(county, "figures", 0), 2, 1, 1, "50.0");
    assert_figure(element(county, "figures", 1), 1, 0, 0, "0.0");
    assert_text(element(county, "figures", 0), "place_name", "柳村");
    assert_figure(part(buffer_slice(&county->data), "total"), 3, 1, 1, "33.3");
    assert_int_equal(number_of(part(element(county, "figures", 0), "exempt_for"), "away"),
                     1);
    assert_int_equal(count_of(county, "missed"), 2);
    assert_text(element(county, "missed", 0), "name", "丙");
    assert_int_equal(count_of(county, "exempt"), 1);
    assert_text(element(county, "exempt", 0), "status", "away");

    assert_int_equal(ask(county, TOWN, "report.coverage",
                         ARGS({"month", "2026-05"}, {"by", "township"})),
                     OK);
    assert_int_equal(count_of(county, "figures"), 1);
    assert_figure(element(county, "figures", 0), 1, 1, 0, "100.0");
    assert_int_equal(ask(county, TOWN, "report.coverage", ARGS({"month", "2026-13"})),
                     ERR_DATE);
}

static void history_of_a_merged_village_is_counted_under_its_successor(void **state)
{
    struct county *county = *state;
    const char *old = add(county, TOWN, "乙", OTHER_VILLAGE_TEXT, "key");
    add(county, TOWN, "丙", VILLAGE_TEXT, "key");
    visit(county, TOWN, old, "2026-06-01 08:00", "met");
    assert_int_equal(ask(county, TOWN, "report.coverage", NO_ARGS), OK);
    assert_int_equal(count_of(county, "figures"), 2);
    for (size_t i = 0; i < county->divisions.count; i++) {
        struct division *row = &county->divisions.rows[i];
        if (row->code == UINT64_C(331123103202))
            row->successor = UINT64_C(331123103201);
    }
    assert_int_equal(ask(county, TOWN, "report.coverage", NO_ARGS), OK);
    assert_int_equal(count_of(county, "figures"), 1);
    assert_text(element(county, "figures", 0), "place_name", "柳村");
    assert_figure(element(county, "figures", 0), 2, 1, 0, "50.0");
    /* Who is asked for by the new name is found, and stays under the old one. */
    assert_int_equal(ask(county, TOWN, "report.coverage",
                         ARGS({"division", VILLAGE_TEXT}, {"names", "yes"})),
                     OK);
    assert_figure(element(county, "figures", 0), 2, 1, 0, "50.0");
    assert_int_equal(ask(county, TOWN, "person.show", ARGS({"id", old})), OK);
    assert_int_equal(number_of(part(buffer_slice(&county->data), "record"), "village"),
                     UINT64_C(331123103202));
}

static void nodes_with_equal_heads_report_equal_bytes(void **state)
{
    struct county *county = *state;
    const char *first = add(county, TOWN, "张三", VILLAGE_TEXT, "key");
    const char *second = add(county, HUB, "李四", OTHER_VILLAGE_TEXT, "high");
    visit(county, TOWN, first, "2026-06-01 08:00", "met");
    visit(county, HUB, second, "2026-05-30 09:00", "met");
    county_link(county, TOWN, HUB, true);
    const struct arg *shilian =
        ARGS({"division", "331123103"}, {"names", "yes"}, {"as_of", "2026-06-01"});
    static const char *const commands[] = {"report.coverage", "visit.due"};
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        struct buffer here;
        assert_int_equal(ask(county, TOWN, commands[i], shilian), OK);
        buffer_init(&here, 1 << 20);
        buffer_put(&here, county->data.data, county->data.size);
        assert_int_equal(ask(county, HUB, commands[i], shilian), OK);
        assert_true(slice_equal(buffer_slice(&here), buffer_slice(&county->data)));
        buffer_deinit(&here);
    }
}

static void a_figure_says_which_node_was_not_heard(void **state)
{
    struct county *county = *state;
    char missing[INCOMPLETE_TEXT_SIZE];
    add(county, TOWN, "张三", VILLAGE_TEXT, "key");
    county_link(county, TOWN, HUB, true);
    assert_int_equal(ask(county, HUB, "report.coverage", ARGS({"by", "township"})), OK);
    incomplete_say(&county->incomplete, missing);
    assert_non_null(strstr(missing, "gaoping yet"));
    assert_int_equal(ask(county, HUB, "report.coverage", ARGS({"division", "331123103"})),
                     OK);
    assert_int_equal(county->incomplete.kind, INCOMPLETE_NOT);
    county->now_ms += UINT64_C(4) * 24 * 3600 * 1000;
    county_link(county, TOWN, HUB, false);
    assert_int_equal(ask(county, HUB, "report.coverage", ARGS({"division", "331123103"})),
                     OK);
    incomplete_say(&county->incomplete, missing);
    assert_non_null(strstr(missing, "shilian since 2026-06-01"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            the_due_list_goes_by_tier_and_by_how_late_the_visit_is, county_set_up,
            county_tear_down),
        cmocka_unit_test_setup_teardown(who_is_exempt_or_voided_is_not_due, county_set_up,
                                        county_tear_down),
        cmocka_unit_test_setup_teardown(coverage_counts_persons_and_names_who_is_missing,
                                        county_set_up, county_tear_down),
        cmocka_unit_test_setup_teardown(
            history_of_a_merged_village_is_counted_under_its_successor, county_set_up,
            county_tear_down),
        cmocka_unit_test_setup_teardown(nodes_with_equal_heads_report_equal_bytes,
                                        county_set_up, county_tear_down),
        cmocka_unit_test_setup_teardown(a_figure_says_which_node_was_not_heard,
                                        county_set_up, county_tear_down),
    };
    return cmocka_run_group_tests_name("query_care", tests, NULL, NULL);
}
