/* Drawings are well-formed XML whose texts are texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tools/chart.h"

static void assert_holds(const struct buffer *svg, const char *piece, size_t times)
{
    size_t found = 0;
    for (const char *at = (const char *)svg->data; (at = strstr(at, piece)) != NULL; at++)
        found++;
    assert_int_equal(found, times);
}

/* LINLI_TEST_KEEP names a directory where the drawings stay, to be looked at. */
static void keep(const struct buffer *svg, const char *name)
{
    const char *directory = getenv("LINLI_TEST_KEEP");
    char path[256];
    if (directory == NULL)
        return;
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(svg->data, 1, svg->size - 1, file), svg->size - 1);
    assert_int_equal(fclose(file), 0);
}

static void a_grid_has_a_number_in_every_cell_that_is_known(void **state)
{
    const char *rows[] = {"黄皮村委会", "柳村", "<甲 & 乙>", "定溪"};
    const char *columns[] = {"2026-08", "2026-09", "2026-10", "2026-11"};
    const int64_t values[] = {1000, 999, 931, CHART_UNKNOWN, 860, 720,  650, 333,
                              0,    500, 990, 1000,          905, 1000, 410, 952};
    struct buffer svg;
    (void)state;
    buffer_init(&svg, SIZE_MAX);
    chart_grid(&(struct chart_grid){.title = "各村各月探访覆盖率",
                                    .note = "应探访人数中已探访的百分比",
                                    .rows = rows,
                                    .columns = columns,
                                    .row_count = 4,
                                    .column_count = 4,
                                    .values = values},
               &svg);
    buffer_put_u8(&svg, 0);
    keep(&svg, "grid.svg");
    assert_holds(&svg, "<svg ", 1);
    assert_holds(&svg, "</svg>", 1);
    assert_holds(&svg, ">93.1</text>", 1);
    assert_holds(&svg, ">100.0</text>", 3);
    assert_holds(&svg, ">-</text>", 1);
    assert_holds(&svg, "&lt;甲 &amp; 乙&gt;", 1);
    assert_holds(&svg, "<甲", 0);
    buffer_deinit(&svg);
}

static void bars_keep_their_values_and_the_longest_fits(void **state)
{
    const struct chart_bar response[] = {{"石练镇", 34}, {"高坪乡", 120}, {"大柘镇", 0}};
    const struct chart_bar hours[] = {{"石练镇", 1234}, {"高坪乡", 88}};
    const struct chart_group groups[] = {{"线索：响应分钟数，中位数", response, 3},
                                         {"服务单：服务小时合计", hours, 2}};
    struct buffer svg;
    (void)state;
    buffer_init(&svg, SIZE_MAX);
    chart_bars("2026-11 各乡镇", "截至 2026-11-28 19:00", groups, 2, &svg);
    buffer_put_u8(&svg, 0);
    keep(&svg, "bars.svg");
    assert_holds(&svg, "<rect ", 6);
    assert_holds(&svg, "width=\"420\" height=\"17\"", 2);
    assert_holds(&svg, ">1234</text>", 1);
    assert_holds(&svg, ">0</text>", 1);
    buffer_deinit(&svg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_grid_has_a_number_in_every_cell_that_is_known),
        cmocka_unit_test(bars_keep_their_values_and_the_longest_fits),
    };
    return cmocka_run_group_tests_name("chart", tests, NULL, NULL);
}
