/* A month that was closed: its figure stays, what comes later is told beside it. */
#define _XOPEN_SOURCE 700
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/county_fixture.h"

/* The county's clock stands at 2026-06-01 15:46. */

static const char *add(struct county *county, size_t node, const char *name,
                       const char *village)
{
    assert_int_equal(tell(county, node, "person.add",
                          ARGS({"name", name}, {"village", village}, {"tier", "key"},
                               {"anyway", "yes"})),
                     OK);
    return told_id(county);
}

static void visit(struct county *county, size_t node, const char *person,
                  const char *when)
{
    assert_int_equal(tell(county, node, "visit.add",
                          ARGS({"person", person}, {"when", when}, {"method", "home"},
                               {"outcome", "met"}, {"anyway", "yes"})),
                     OK);
}

/* "due visited rate" of a map. */
static void assert_figure(struct slice map, uint64_t due, uint64_t visited,
                          const char *rate)
{
    assert_int_equal(number_of(map, "due"), due);
    assert_int_equal(number_of(map, "visited"), visited);
    assert_text(map, "rate", rate);
}

static struct slice total(const struct county *county)
{
    return part(buffer_slice(&county->data), "total");
}

static void may(struct county *county, size_t node, const char *by)
{
    assert_int_equal(
        ask(county, node, "report.coverage",
            ARGS({"month", "2026-05"}, {"division", "331123103"}, {"by", by})),
        OK);
}

/* Two who were entered in June and visited in May count in May; so does who was not visited,
 * once her visit of May is entered. */
static void two_visited_in_may(struct county *county, const char *ids[3])
{
    ids[0] = add(county, TOWN, "乙", VILLAGE_TEXT);
    ids[1] = add(county, TOWN, "丙", VILLAGE_TEXT);
    ids[2] = add(county, TOWN, "丁", OTHER_VILLAGE_TEXT);
    visit(county, TOWN, ids[0], "2026-05-03 08:00");
    visit(county, TOWN, ids[1], "2026-05-04 08:00");
}

static void a_closed_figure_stays_and_what_came_later_is_told_beside_it(void **state)
{
    struct county *county = *state;
    const char *ids[3];
    two_visited_in_may(county, ids);
    assert_int_equal(tell(county, TOWN, "month.close", ARGS({"month", "2026-05"})), OK);
    may(county, TOWN, "village");
    assert_figure(total(county), 2, 2, "100.0");
    assert_int_equal(count_of(county, "closings"), 1);
    assert_int_equal(count_of(county, "restatements"), 0);
    assert_true(codec_is_nil(part(total(county), "restated")));

    visit(county, TOWN, ids[2], "2026-05-05 08:00");
    may(county, TOWN, "village");
    assert_figure(total(county), 2, 2, "100.0");
    assert_figure(part(total(county), "restated"), 3, 3, "100.0");
    assert_int_equal(count_of(county, "restatements"), 1);
    assert_int_equal(number_of(element(county, "restatements", 0), "closed_due"), 0);
    assert_int_equal(number_of(element(county, "restatements", 0), "due"), 1);
    assert_true(number_of(element(county, "closings", 0), "entries_since") > 0);
    may(county, TOWN, "county");
    assert_figure(element(county, "figures", 0), 2, 2, "100.0");
    assert_figure(element(county, "restatements", 0), 3, 3, "100.0");
    /* What is asked as of a day before the closing knows nothing of it. */
    assert_int_equal(ask(county, TOWN, "report.coverage",
                         ARGS({"month", "2026-05"}, {"as_of", "2026-05-31"})),
                     OK);
    assert_int_equal(count_of(county, "closings"), 0);
}

static void a_month_is_closed_once_where_it_is_known(void **state)
{
    struct county *county = *state;
    const char *ids[3];
    two_visited_in_may(county, ids);
    assert_int_equal(tell(county, TOWN, "month.close", ARGS({"month", "2026-06"})),
                     ERR_TO_COME);
    assert_int_equal(tell(county, TOWN, "month.close", ARGS({"month", "2026-13"})),
                     ERR_DATE);
    assert_int_equal(tell(county, HUB, "month.close", ARGS({"month", "2026-05"})),
                     ERR_FIELD_MISSING);
    assert_int_equal(tell(county, TOWN, "month.close",
                          ARGS({"month", "2026-05"}, {"division", VILLAGE_TEXT})),
                     ERR_FIELD_VALUE);
    assert_int_equal(tell(county, TOWN, "month.close", ARGS({"month", "2026-05"})), OK);
    const char *closing = told_id(county);
    assert_int_equal(tell(county, TOWN, "month.close", ARGS({"month", "2026-05"})),
                     ERR_CLOSED);
    /* Closed by mistake, it is taken back and may be closed again. */
    assert_int_equal(
        tell(county, TOWN, "month.void", ARGS({"id", closing}, {"reason", "过早"})), OK);
    may(county, TOWN, "village");
    assert_int_equal(count_of(county, "closings"), 0);
    assert_int_equal(tell(county, TOWN, "month.close", ARGS({"month", "2026-05"})), OK);
}

static void what_is_missing_is_not_closed_over_in_silence(void **state)
{
    struct county *county = *state;
    county_link(county, TOWN, HUB, true);
    add(county, TOWN, "乙", VILLAGE_TEXT);
    county_link(county, TOWN, HUB, false);
    county->now_ms += UINT64_C(5) * 24 * 3600 * 1000;
    const struct arg *args = ARGS({"month", "2026-05"}, {"division", "331123103"});
    assert_int_equal(tell(county, HUB, "month.close", args), ERR_NOT_ALL_HERE);
    assert_non_null(strstr(county->subject, "shilian"));
    assert_int_equal(
        tell(county, HUB, "month.close",
             ARGS({"month", "2026-05"}, {"division", "331123103"}, {"anyway", "yes"})),
        OK);
    may(county, HUB, "village");
    assert_text(element(county, "closings", 0), "missing", "shilian");
}

/* Both close without knowing of each other, first `first`; then they meet. */
static void close_apart(struct county *county, size_t first, size_t second)
{
    const char *ids[3];
    county_link(county, TOWN, HUB, true);
    two_visited_in_may(county, ids);
    county_link(county, TOWN, HUB, false);
    visit(county, TOWN, ids[2], "2026-05-05 08:00");
    const struct arg *args =
        ARGS({"month", "2026-05"}, {"division", "331123103"}, {"anyway", "yes"});
    assert_int_equal(tell(county, first, "month.close", args), OK);
    assert_int_equal(tell(county, second, "month.close", args), OK);
    county_link(county, TOWN, HUB, true);
}

static bool stands(const struct county *county, size_t index)
{
    struct slice value = part(element(county, "closings", index), "stands");
    bool stands = false;
    assert_true(codec_take_bool(&value, &stands));
    return stands;
}

static void assert_same_at_both(struct county *county)
{
    struct buffer here;
    buffer_init(&here, 1 << 20);
    const struct arg *args =
        ARGS({"month", "2026-05"}, {"division", "331123103"}, {"as_of", "2026-06-02"});
    assert_int_equal(ask(county, HUB, "report.coverage", args), OK);
    buffer_put(&here, county->data.data, county->data.size);
    assert_int_equal(ask(county, TOWN, "report.coverage", args), OK);
    assert_true(slice_equal(buffer_slice(&here), buffer_slice(&county->data)));
    buffer_deinit(&here);
    assert_int_equal(count_of(county, "closings"), 2);
    assert_true(stands(county, 0));
    assert_false(stands(county, 1));
}

static void of_two_closings_the_first_stands_when_the_town_was_first(void **state)
{
    struct county *county = *state;
    close_apart(county, TOWN, HUB);
    assert_same_at_both(county);
    assert_figure(total(county), 3, 3, "100.0");
    assert_figure(element(county, "closings", 1), 2, 2, "100.0");
}

static void of_two_closings_the_first_stands_when_the_hub_was_first(void **state)
{
    struct county *county = *state;
    close_apart(county, HUB, TOWN);
    assert_same_at_both(county);
    assert_figure(total(county), 2, 2, "100.0");
    assert_figure(part(total(county), "restated"), 3, 3, "100.0");
}

/* A hub's operators are recorded in the county's realm, others in their township's. */
static void who_closed_a_month_is_named_the_hubs_clerk_too(void **state)
{
    struct county *county = *state;
    struct slice name, actor;
    close_apart(county, HUB, TOWN);
    assert_same_at_both(county);
    for (size_t i = 0; i < 2; i++) {
        actor = part(element(county, "closings", i), "actor");
        assert_true(codec_take_text(&actor, &name));
        assert_true(slice_equal(name, slice_text(county->account)));
    }
}

#define COUNTY_TEST(name)                                                                \
    cmocka_unit_test_setup_teardown(name, county_set_up, county_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        COUNTY_TEST(a_closed_figure_stays_and_what_came_later_is_told_beside_it),
        COUNTY_TEST(a_month_is_closed_once_where_it_is_known),
        COUNTY_TEST(what_is_missing_is_not_closed_over_in_silence),
        COUNTY_TEST(of_two_closings_the_first_stands_when_the_town_was_first),
        COUNTY_TEST(of_two_closings_the_first_stands_when_the_hub_was_first),
        COUNTY_TEST(who_closed_a_month_is_named_the_hubs_clerk_too),
    };
    return cmocka_run_group_tests_name("closing", tests, NULL, NULL);
}
