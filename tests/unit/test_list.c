/* Lists in pieces: each record once, in the same order at every node, whatever is written
 * between two pieces. */
#define _XOPEN_SOURCE 700
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/county_fixture.h"

#define MANY 1300 /* more than a piece */

static void add_person(struct county *county, size_t node, const char *name,
                       const char *village)
{
    assert_int_equal(
        tell(county, node, "person.add", ARGS({"name", name}, {"village", village})), OK);
}

static void add_many(struct county *county, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "王%zu", i);
        add_person(county, TOWN, name, VILLAGE_TEXT);
    }
}

static void learn_next(struct county *county, char next[64])
{
    struct slice value = part(buffer_slice(&county->data), "next"), text;
    next[0] = '\0';
    if (codec_take_text(&value, &text))
        (void)snprintf(next, 64, "%.*s", (int)text.size, (const char *)text.data);
}

static bool is_listed(struct county *county, const char *name)
{
    for (size_t i = 0; i < count_of(county, "records"); i++) {
        struct slice value = part(element(county, "records", i), "name"), text;
        if (codec_take_text(&value, &text) && slice_equal(text, slice_text(name)))
            return true;
    }
    return false;
}

static void a_long_list_comes_in_pieces_with_each_record_once(void **state)
{
    struct county *county = *state;
    char next[64] = "";
    struct entry_id id, last = {{0}};
    size_t pieces = 0, records = 0;
    add_many(county, MANY);
    do {
        const struct arg *args = next[0] != '\0' ? ARGS({"after", next}) : NO_ARGS;
        assert_int_equal(ask(county, TOWN, "person.list", args), OK);
        size_t count = count_of(county, "records");
        assert_true(count < MANY);
        assert_int_equal(number_of(buffer_slice(&county->data), "found"), count);
        for (size_t i = 0; i < count; i++) {
            struct slice value = part(element(county, "records", i), "id"), text;
            assert_true(codec_take_text(&value, &text) && id_parse(text, &id));
            /* Ascending, so none comes twice. */
            assert_true(entry_id_compare(&id, &last) > 0);
            last = id;
        }
        records += count;
        pieces++;
        learn_next(county, next);
    } while (next[0] != '\0');
    assert_true(pieces > 1);
    assert_int_equal(records, MANY);
}

static void what_stands_throughout_is_listed_whatever_is_written_meanwhile(void **state)
{
    struct county *county = *state;
    char next[64], first[ID_TEXT_SIZE];
    size_t records;
    add_person(county, TOWN, "张三", VILLAGE_TEXT);
    (void)snprintf(first, sizeof first, "%s", told_id(county));
    add_many(county, MANY);
    assert_int_equal(ask(county, TOWN, "person.list", NO_ARGS), OK);
    assert_true(is_listed(county, "张三"));
    records = count_of(county, "records");
    learn_next(county, next);
    /* Where the piece ended, something is taken out; behind it something is entered. */
    assert_int_equal(
        tell(county, TOWN, "person.void", ARGS({"id", first}, {"reason", "错"})), OK);
    add_person(county, TOWN, "李四", VILLAGE_TEXT);
    while (next[0] != '\0') {
        assert_int_equal(ask(county, TOWN, "person.list", ARGS({"after", next})), OK);
        records += count_of(county, "records");
        learn_next(county, next);
    }
    assert_true(is_listed(county, "李四"));
    assert_int_equal(records, MANY + 2);
}

static void pieces_go_through_all_townships(void **state)
{
    struct county *county = *state;
    char next[64] = "";
    size_t records = 0;
    add_many(county, MANY);
    add_person(county, FAR, "王五", FAR_VILLAGE_TEXT);
    county_link(county, TOWN, HUB, true);
    county_link(county, FAR, HUB, true);
    do {
        const struct arg *args = next[0] != '\0' ? ARGS({"after", next}) : NO_ARGS;
        assert_int_equal(ask(county, HUB, "person.list", args), OK);
        records += count_of(county, "records");
        learn_next(county, next);
    } while (next[0] != '\0');
    assert_int_equal(records, MANY + 1);
    assert_true(is_listed(county, "王五"));
}

static void only_the_columns_asked_for_are_sent(void **state)
{
    struct county *county = *state;
    size_t count;
    add_person(county, TOWN, "张三", VILLAGE_TEXT);
    assert_int_equal(ask(county, TOWN, "person.list", ARGS({"columns", "village,name"})),
                     OK);
    struct slice record = element(county, "records", 0), rest = record;
    assert_text(record, "name", "张三");
    assert_int_equal(number_of(record, "village"), 331123103201);
    assert_true(codec_take_map(&rest, &count));
    assert_int_equal(count, 3); /* and the id */
}

static void what_no_piece_said_is_refused_as_a_place_to_begin(void **state)
{
    struct county *county = *state;
    assert_int_equal(ask(county, TOWN, "person.list", ARGS({"after", "0"})),
                     ERR_FIELD_VALUE);
    assert_string_equal(county->subject, "after");
    assert_int_equal(ask(county, TOWN, "person.list",
                         ARGS({"after", "x000000000000000000000000000000000000000"})),
                     ERR_FIELD_VALUE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, county_set_up, county_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_long_list_comes_in_pieces_with_each_record_once),
        TEST(what_stands_throughout_is_listed_whatever_is_written_meanwhile),
        TEST(pieces_go_through_all_townships),
        TEST(only_the_columns_asked_for_are_sent),
        TEST(what_no_piece_said_is_refused_as_a_place_to_begin),
    };
    return cmocka_run_group_tests_name("list", tests, NULL, NULL);
}
