/* By what people find persons, and where it is kept. */
#define _XOPEN_SOURCE 700 /* nftw in the fixture */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <sys/stat.h>

#include <cmocka.h>

#include "crdt/follow.h"
#include "crdt/readings.h"
#include "crdt/search.h"
#include "daemon/answer/find.h"
#include "tests/unit/world_fixture.h"

static struct entry_id enter(struct world *world, struct entry_id id, const char *name,
                             const char *phones, const char *address)
{
    return show(world, WRITE_CREATE(id, 1000, REGISTER_PERSON,
                                    {.field = PERSON_NAME, .text = name},
                                    {.field = PERSON_VILLAGE, .text = "331121104234"},
                                    {.field = PERSON_ADDRESS, .text = address},
                                    {.field = PERSON_PHONES, .text = phones}));
}

static size_t count_found(struct world *world, const char *text, bool whole)
{
    struct search_walk walk = {.realm = TOWNSHIP};
    struct search_entry entry;
    struct search search;
    size_t count = 0;
    while (follow_work(world->txn, 1000, &world->arena) > 0) {
    }
    arena_reset(&world->arena);
    search_read(slice_text(text), &world->arena, &search);
    while (search_next(world->txn, &walk, &entry))
        count += search_fits(&search, entry.mask, entry.lines, whole);
    store_cursor_close(&walk.cursor);
    return count;
}

static void assert_found(struct world *world, const char *const *texts, size_t expected)
{
    for (; *texts != NULL; texts++) {
        if (count_found(world, *texts, false) != expected)
            fail_msg("\"%s\" finds %zu", *texts, count_found(world, *texts, false));
    }
}

static void a_name_is_found_by_part_pinyin_and_initials(void **state)
{
    static const char *const by[] = {"王秀英",  "秀英",        "英",
                                     "王 秀英", "wangxiuying", "Wang Xiuying",
                                     "ＷＸＹ",  "wxy",         "xiuying",
                                     "xy",      "wangxy",      "王xy",
                                     "w秀英",   "wangxiuyi",   "wang'xiu'ying",
                                     NULL};
    static const char *const not_by[] = {"王英",  "wangying", "wy",  "xiuwang", "wxyz",
                                         "yingw", "angxiu",   "...", NULL};
    struct world *world = *state;
    enter(world, id_at(1, 1), "王秀英", NULL, NULL);
    assert_found(world, by, 1);
    assert_found(world, not_by, 0);
}

static void every_reading_of_a_character_finds_it(void **state)
{
    static const struct {
        const char *name, *by[7];
    } names[] = {
        {"曾桂兰", {"zengguilan", "cengguilan", "zgl", "cgl"}},
        {"单志明", {"shanzm", "danzm", "chanzm", "szm", "dzm"}},
        {"覃玉梅", {"qinyumei", "tanyumei", "qym", "tym"}},
        {"仇根土", {"qiu", "chou", "qgt"}},
        {"吕金花", {"lvjinhua", "lujinhua", "lüjinhua", "LÜ", "ljh"}},
        {"𬱖某", {"di"}},
    };
    struct world *world = *state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        enter(world, id_at(1, i + 1), names[i].name, NULL, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        for (size_t k = 0; names[i].by[k] != NULL; k++)
            if (count_found(world, names[i].by[k], false) == 0)
                fail_msg("%s is not found by %s", names[i].name, names[i].by[k]);
    }
}

static void a_telephone_is_found_by_its_digits(void **state)
{
    static const char *const by[] = {"13800001111",    "138-0000-1111",
                                     "138 0000 1111",  "１３８００００１１１１",
                                     "+8613800001111", "+86 138 0000 1111",
                                     "00001111",       "0086-13800001111",
                                     "0578-2101111",   NULL};
    static const char *const not_by[] = {"13800001112", "11", "8613", NULL};
    struct world *world = *state;
    enter(world, id_at(1, 1), "甲", "+86 138 0000-1111,(0578)2101111", NULL);
    enter(world, id_at(1, 2), "乙", "13900002222", NULL);
    assert_found(world, by, 1);
    assert_found(world, not_by, 0);
}

static void an_address_is_found_by_any_part(void **state)
{
    static const char *const by[] = {"柳村", "12号", "１２号", "柳村 12", NULL};
    struct world *world = *state;
    enter(world, id_at(1, 1), "甲", "13800001111", "大柳村１２号");
    enter(world, id_at(1, 2), "乙", "13800001112", "上街3号");
    assert_found(world, by, 1);
}

static void a_whole_name_is_not_a_part_of_one(void **state)
{
    struct world *world = *state;
    enter(world, id_at(1, 1), "王秀英", NULL, NULL);
    enter(world, id_at(1, 2), "王秀", NULL, NULL);
    assert_int_equal(count_found(world, "王秀", false), 2);
    assert_int_equal(count_found(world, "王秀", true), 1);
    assert_int_equal(count_found(world, "wxy", true), 1);
    assert_int_equal(count_found(world, "wangxiuying", true), 1);
    assert_int_equal(count_found(world, "wangxiuyi", true), 0);
}

static void what_was_changed_is_found_as_it_is_now(void **state)
{
    struct world *world = *state;
    struct entry_id id = enter(world, id_at(1, 1), "王秀英", NULL, NULL);
    assert_int_equal(count_found(world, "wxy", false), 1);
    show(world, WRITE_EDIT(id_at(2, 1), 2000, &id,
                           {.field = PERSON_NAME,
                            .text = "李桂兰",
                            .replaced = ids_replaced(&world->replaced[0], &id, 1)}));
    assert_int_equal(count_found(world, "wxy", false), 0);
    assert_int_equal(count_found(world, "lgl", false), 1);
    show(world, write_void(id_at(2, 2), 3000, REGISTER_PERSON, &id, &id, ""));
    assert_int_equal(count_found(world, "lgl", false), 0);
}

/* Many blocks, filled in any order and emptied again. */
static void everybody_is_found_however_the_entries_came(void **state)
{
    enum { PERSONS = 600 };
    struct world *world = *state;
    struct random random = {20261128};
    uint64_t order[PERSONS];
    char name[32];

    for (int round = 0; round < 3; round++) {
        store_clear(world->txn, STORE_ROWS);
        store_clear(world->txn, STORE_CHAINS);
        follow_forget(world->txn);
        for (size_t i = 0; i < PERSONS; i++)
            order[i] = round == 1 ? PERSONS - i : i + 1;
        for (size_t i = PERSONS; round == 2 && i > 1; i--) {
            size_t j = random_below(&random, i);
            uint64_t kept = order[i - 1];
            order[i - 1] = order[j];
            order[j] = kept;
        }
        for (size_t i = 0; i < PERSONS; i++) {
            (void)snprintf(name, sizeof name, "王%u号", (unsigned)order[i]);
            enter(world, id_at(1, order[i]), name, "13800001111", "遂昌县石练镇柳村上街");
            if (random_below(&random, 20) == 0)
                (void)follow_work(world->txn, 1000, &world->arena);
        }
        assert_int_equal(count_found(world, "w", false), PERSONS);
        assert_int_equal(count_found(world, "王77号", false), 1);
        for (uint64_t i = 1; i <= PERSONS; i += 2) {
            struct entry_id id = id_at(1, i);
            show(world, write_void(id_at(2, i), 5, REGISTER_PERSON, &id, &id, ""));
        }
        assert_int_equal(count_found(world, "w", false), PERSONS / 2);
        assert_int_equal(count_found(world, "王77号", false), 0);
        assert_int_equal(count_found(world, "王78号", false), 1);
    }
}

static bool count_person(void *context, uint64_t realm, const struct entry_id *person)
{
    size_t *count = context;
    (void)realm;
    (void)person;
    (*count)++;
    return true;
}

static void whoever_is_not_worked_in_yet_is_found_by_an_id(void **state)
{
    struct world *world = *state;
    struct find find;
    char text[ID_TEXT_SIZE];
    for (int round = 0; round < 2; round++) { /* not worked in, worked in */
        struct entry_id id = id_at(1, 1);
        size_t count = 0;
        if (round == 0)
            enter(world, id, "王秀英", "13800001111", "遂昌县石练镇柳村上街");
        else
            (void)follow_work(world->txn, 1000, &world->arena);
        id_format(&id, text);
        find_begin(&find, world->txn);
        find_by_id(&find, TOWNSHIP, slice_of(text, 8), count_person, &count);
        find_end(&find);
        assert_int_equal(count, 1);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_name_is_found_by_part_pinyin_and_initials),
        TEST(every_reading_of_a_character_finds_it),
        TEST(a_telephone_is_found_by_its_digits),
        TEST(an_address_is_found_by_any_part),
        TEST(a_whole_name_is_not_a_part_of_one),
        TEST(what_was_changed_is_found_as_it_is_now),
        TEST(whoever_is_not_worked_in_yet_is_found_by_an_id),
        TEST(everybody_is_found_however_the_entries_came),
    };
    return cmocka_run_group_tests_name("search", tests, NULL, NULL);
}
