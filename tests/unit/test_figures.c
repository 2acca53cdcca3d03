/* Figures by place, and as the text in which a closed month keeps them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "crdt/figures.h"

#define LIU UINT64_C(331123103201)
#define DING UINT64_C(331123103202)
#define FAR UINT64_C(331123104201)

static struct figures counted(void)
{
    struct figures figures = {0};
    figures_count(&figures, FAR, COVERAGE_VISITED, 0);
    for (int i = 0; i < 3; i++)
        figures_count(&figures, LIU, COVERAGE_VISITED, 0);
    figures_count(&figures, LIU, COVERAGE_MISSED, 0);
    figures_count(&figures, LIU, COVERAGE_EXEMPT, PERSON_AWAY);
    figures_count(&figures, DING, COVERAGE_NOT_DUE, 0);
    return figures;
}

static void assert_text(const struct figures *figures, const char *expected)
{
    struct buffer text;
    buffer_init(&text, 1000);
    figures_put(figures, &text);
    buffer_put_u8(&text, 0);
    assert_string_equal((const char *)text.data, expected);
    buffer_deinit(&text);
}

static void what_is_written_is_read_back(void **state)
{
    struct figures figures = counted(), again = {0};
    const char *text = "331123103201 due 4 visited 3 away 1\n"
                       "331123103202 not-due 1\n"
                       "331123104201 due 1 visited 1";
    (void)state;
    assert_text(&figures, text);
    assert_true(figures_read(slice_text(text), &again));
    assert_int_equal(again.count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_true(figure_equal(&figures.rows[i], &again.rows[i]));
    assert_int_equal(figure_rate(&again.rows[0]), 750);
    figures_deinit(&figures);
    figures_deinit(&again);
}

static void sums_by_place_keep_every_person(void **state)
{
    struct figures figures = counted(), townships = {0}, county = {0};
    (void)state;
    figures_by(&figures, NULL, DIVISION_TOWNSHIP, &townships);
    assert_text(&townships, "331123103 due 4 visited 3 not-due 1 away 1\n"
                            "331123104 due 1 visited 1");
    figures_by(&figures, NULL, DIVISION_COUNTY, &county);
    assert_text(&county, "331123 due 5 visited 4 not-due 1 away 1");
    struct figure total = figures_total(&figures);
    assert_int_equal(figure_due(&total), 5);
    figures_deinit(&figures);
    figures_deinit(&townships);
    figures_deinit(&county);
}

static void place(struct divisions *divisions, uint64_t code, uint64_t successor)
{
    assert_int_equal(divisions_add(divisions, code, slice_text("村")), OK);
    if (successor != 0)
        assert_int_equal(divisions_merge_last(divisions, successor), OK);
}

static void what_was_merged_is_counted_under_what_stands(void **state)
{
    struct figures figures = counted(), villages = {0}, townships = {0};
    struct divisions divisions;
    (void)state;
    divisions_init(&divisions);
    place(&divisions, LIU, DING); /* into a village that was merged itself since, */
    place(&divisions, DING, FAR); /* into one of another township */
    place(&divisions, FAR, 0);
    divisions_sort(&divisions);
    figures_by(&figures, &divisions, DIVISION_VILLAGE, &villages);
    assert_text(&villages, "331123104201 due 5 visited 4 not-due 1 away 1");
    figures_by(&figures, &divisions, DIVISION_TOWNSHIP, &townships);
    assert_text(&townships, "331123104 due 5 visited 4 not-due 1 away 1");
    assert_int_equal(divisions_merge_last(&divisions, UINT64_C(331123104)), ERR_DIVISION);
    divisions_deinit(&divisions);
    divisions_init(&divisions);
    place(&divisions, LIU, DING);
    place(&divisions, DING, LIU);
    divisions_sort(&divisions);
    assert_int_equal(divisions_standing(&divisions, LIU), LIU);
    divisions_deinit(&divisions);
    figures_deinit(&figures);
    figures_deinit(&villages);
    figures_deinit(&townships);
}

static void what_is_no_figure_is_not_read(void **state)
{
    static const char *const texts[] = {
        "33112310320 due 1",
        "331123103201 due",
        "331123103201 due x",
        "331123103201 due 1 visited 2",
        "331123103201 due 9999999999999",
        "331123103201 due 1\n331123103201 due 2",
        " due 1",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct figures figures = {0};
        assert_false(figures_read(slice_text(texts[i]), &figures));
        figures_deinit(&figures);
    }
    struct figures newer = {0};
    assert_true(
        figures_read(slice_text("331123103201 due 2 by-post 1 visited 1"), &newer));
    assert_int_equal(newer.rows[0].persons[COVERAGE_VISITED], 1);
    figures_deinit(&newer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(sums_by_place_keep_every_person),
        cmocka_unit_test(what_was_merged_is_counted_under_what_stands),
        cmocka_unit_test(what_is_no_figure_is_not_read),
    };
    return cmocka_run_group_tests_name("figures", tests, NULL, NULL);
}
