/* Rows put in order by the command: by any column, upwards and downwards, in memory or in a
 * file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "crdt/codec.h"
#include "tools/pager.h"
#include "tools/rows.h"

static void add(struct rows *rows, const char *id, const char *name, const char *tier,
                int64_t age, size_t padding)
{
    struct buffer out;
    static const char blank[4096];
    buffer_init(&out, SIZE_MAX);
    codec_put_map(&out, 5);
    codec_put_cstring(&out, "id");
    codec_put_cstring(&out, id);
    codec_put_cstring(&out, "name");
    if (name != NULL)
        codec_put_cstring(&out, name);
    else
        codec_put_nil(&out);
    codec_put_cstring(&out, "tier");
    codec_put_cstring(&out, tier);
    codec_put_cstring(&out, "age");
    codec_put_int(&out, age);
    codec_put_cstring(&out, "padding");
    codec_put_bytes(&out, slice_of(blank, padding));
    assert_true(rows_add(rows, buffer_slice(&out)));
    buffer_deinit(&out);
}

static void assert_order(struct rows *rows, const char *ids)
{
    char found[64] = "";
    rows_sort(rows);
    for (size_t i = 0; i < rows_count(rows); i++) {
        struct slice value, text;
        assert_true(codec_map_find(rows_at(rows, i), "id", &value) &&
                    codec_take_text(&value, &text));
        size_t size = strlen(found);
        (void)snprintf(found + size, sizeof found - size, "%.*s", (int)text.size,
                       (const char *)text.data);
    }
    assert_string_equal(found, ids);
    rows_destroy(rows);
}

static void fill(struct rows *rows)
{
    const struct {
        const char *id, *name, *tier;
        int64_t age;
    } people[] = {{"B", "Li", "general", 9},
                  {"A", "Li", "high", -2},
                  {"D", NULL, "key", 10},
                  {"C", "Lin", "high", 70}};
    for (size_t i = 0; i < ARRAY_SIZE(people); i++)
        add(rows, people[i].id, people[i].name, people[i].tier, people[i].age, 0);
}

static void rows_go_by_value_then_as_they_came(void **state)
{
    const struct field *tier =
        schema_field_named(schema_register(REGISTER_PERSON), slice_text("tier"));
    const struct rows_key name = {"name", NULL, false}, name_down = {"name", NULL, true},
                          age = {"age", NULL, false}, age_down = {"age", NULL, true};
    struct rows *rows = rows_create(&name, 1, UINT64_MAX, false);
    (void)state;
    fill(rows);
    assert_order(rows, "BACD"); /* what is absent is last */
    rows = rows_create(&name_down, 1, UINT64_MAX, false);
    fill(rows);
    assert_order(rows, "CBAD"); /* and last the other way too */
    rows = rows_create(&age, 1, UINT64_MAX, false);
    fill(rows);
    assert_order(rows, "ABDC"); /* as numbers */
    rows = rows_create(&age_down, 1, UINT64_MAX, false);
    fill(rows);
    assert_order(rows, "CDBA");
    const struct rows_key both[] = {{"tier", tier, false}, {"age", NULL, true}};
    rows = rows_create(both, 2, UINT64_MAX, false);
    fill(rows);
    assert_order(rows, "CADB"); /* high, key, general: as the table has them */
    rows = rows_create(NULL, 0, UINT64_MAX, false);
    fill(rows);
    assert_order(rows, "BADC");
}

static void of_more_than_the_limit_the_first_or_the_last_are_kept(void **state)
{
    const struct rows_key age = {"age", NULL, false};
    (void)state;
    for (int last = 0; last < 2; last++) {
        struct rows *rows = rows_create(&age, 1, 2, last);
        for (int64_t i = 0; i < 5000; i++) {
            const char *id = i == 0      ? "a"
                             : i == 1    ? "b"
                             : i == 4998 ? "y"
                             : i == 4999 ? "z"
                                         : "-";
            add(rows, id, NULL, "high", i, 0);
        }
        assert_order(rows, last ? "yz" : "ab");
    }
}

static void more_than_fits_memory_is_put_in_order_all_the_same(void **state)
{
    const struct rows_key age = {"age", NULL, true};
    struct rows *rows = rows_create(&age, 1, UINT64_MAX, false);
    size_t count = ROWS_MEMORY / 4096 + 100;
    int64_t last = INT64_MAX;
    (void)state;
    for (size_t i = 0; i < count; i++)
        add(rows, "x", "Li", "high", (int64_t)((i * 7919) % count), 4096);
    rows_sort(rows);
    assert_int_equal(rows_count(rows), count);
    for (size_t i = 0; i < count; i++) {
        struct slice value;
        int64_t number = 0;
        assert_true(codec_map_find(rows_at(rows, i), "age", &value) &&
                    codec_take_int(&value, &number));
        assert_true(number <= last);
        last = number;
    }
    rows_destroy(rows);
}

static void what_fits_the_screen_is_not_paged(void **state)
{
    (void)state;
    assert_false(pager_is_longer(slice_text("a\nb\n"), 2));
    assert_true(pager_is_longer(slice_text("a\nb\nc\n"), 2));
    assert_false(pager_is_longer(slice_text(""), 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_go_by_value_then_as_they_came),
        cmocka_unit_test(of_more_than_the_limit_the_first_or_the_last_are_kept),
        cmocka_unit_test(more_than_fits_memory_is_put_in_order_all_the_same),
        cmocka_unit_test(what_fits_the_screen_is_not_paged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
