#define _XOPEN_SOURCE 700 /* nftw in the fixture */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <sys/stat.h>

#include <cmocka.h>

#include "crdt/calendar.h"
#include "crdt/coverage.h"
#include "crdt/follow.h"
#include "tests/unit/world_fixture.h"

#define NEVER_TO_COME INT64_MAX

static int64_t month(const char *text)
{
    int64_t number;
    assert_true(month_parse(slice_text(text), &number));
    return number;
}

static int64_t day(const char *text)
{
    int64_t days;
    assert_true(date_parse(slice_text(text), &days));
    return days;
}

/* Unix time of noon in Beijing. */
static uint64_t stamp(const char *text)
{
    return (uint64_t)(day(text) * 24 + 4) * 3600 * 1000;
}

static struct slice naming(struct world *world, struct entry_id id)
{
    return ids_replaced(&world->replaced[0], &id, 1);
}

static struct written person(struct entry_id id, const char *tier, const char *status)
{
    return WRITE_CREATE(id, stamp("2026-01-05"), REGISTER_PERSON,
                        {.field = PERSON_NAME, .text = "叶秀兰"},
                        {.field = PERSON_VILLAGE, .text = "331121104234"},
                        {.field = PERSON_TIER, .text = tier},
                        {.field = PERSON_STATUS, .text = status});
}

static struct written visit_on(struct entry_id id, const struct entry_id *whom,
                               const char *when, const char *outcome,
                               const struct entry_id *amends)
{
    return WRITE_CREATE(id, 1000, REGISTER_VISIT, {.field = VISIT_PERSON, .record = whom},
                        {.field = VISIT_WHEN, .text = when},
                        {.field = VISIT_METHOD, .text = "home"},
                        {.field = VISIT_OUTCOME, .text = outcome},
                        {.field = VISIT_AMENDS, .record = amends});
}

/* "village tier status latest months", as of a time. */
static void assert_row(struct world *world, const struct entry_id *id, int64_t now,
                       const char *expected)
{
    struct care care;
    char text[256] = "none", latest[17] = "never", name[8];
    while (follow_work(world->txn, 1000, &world->arena) > 0) {
    }
    if (care_find(world->txn, TOWNSHIP, id, &care)) {
        care_as_of(world->txn, &care, now, &world->arena);
        if (care.latest != CARE_NEVER)
            moment_format(care.latest, latest);
        int size =
            snprintf(text, sizeof text, "%u %u %s", care.tier, care.status, latest);
        for (int64_t at = MONTH_MIN; at <= MONTH_MAX; at++) {
            if (!care_visited_in(&care, at))
                continue;
            month_format(at, name);
            size += snprintf(text + size, sizeof text - (size_t)size, " %s", name);
        }
    }
    assert_string_equal(text, expected);
}

static void a_row_tells_the_latest_visit_that_counts_and_its_months(void **state)
{
    struct world *world = *state;
    struct entry_id id = show(world, person(id_at(1, 1), "key", NULL));
    assert_row(world, &id, NEVER_TO_COME, "2 0 never");
    show(world, visit_on(id_at(1, 2), &id, "2026-02-03 10:00", "met", NULL));
    show(world, visit_on(id_at(1, 3), &id, "2026-05-01 09:00", "absent", NULL));
    assert_row(world, &id, NEVER_TO_COME, "2 0 2026-02-03 10:00 2026-02");
    show(world, visit_on(id_at(1, 4), &id, "2025-12-31 23:59", "met", NULL));
    assert_row(world, &id, NEVER_TO_COME, "2 0 2026-02-03 10:00 2025-12 2026-02");
}

static void a_visit_before_1970_is_counted_in_its_month(void **state)
{
    struct world *world = *state;
    struct entry_id id = show(world, person(id_at(1, 1), "key", NULL));
    show(world, visit_on(id_at(1, 2), &id, "1969-08-03 10:00", "met", NULL));
    assert_row(world, &id, NEVER_TO_COME, "2 0 1969-08-03 10:00 1969-08");
}

static void a_void_takes_the_visit_out_whichever_came_first(void **state)
{
    struct world *world = *state;
    struct entry_id id = show(world, person(id_at(1, 1), "key", NULL));
    struct entry_id first = id_at(1, 2), second = id_at(1, 3);
    show(world, write_void(id_at(2, 1), 5, REGISTER_VISIT, &id, &second, ""));
    assert_row(world, &id, NEVER_TO_COME, "2 0 never");
    show(world, visit_on(second, &id, "2026-03-01", "met", NULL));
    assert_row(world, &id, NEVER_TO_COME, "2 0 never");
    show(world, visit_on(first, &id, "2026-02-01", "met", NULL));
    assert_row(world, &id, NEVER_TO_COME, "2 0 2026-02-01 00:00 2026-02");
    show(world, write_void(id_at(2, 2), 5, REGISTER_VISIT, &id, &first, ""));
    assert_row(world, &id, NEVER_TO_COME, "2 0 never");
}

static void an_amendment_moves_the_visit(void **state)
{
    struct world *world = *state;
    struct entry_id id = show(world, person(id_at(1, 1), "key", NULL));
    struct entry_id first = id_at(1, 2);
    show(world, visit_on(first, &id, "2026-02-01", "met", NULL));
    assert_row(world, &id, NEVER_TO_COME, "2 0 2026-02-01 00:00 2026-02");
    show(world, visit_on(id_at(1, 3), &id, "2026-01-31", "met", &first));
    assert_row(world, &id, NEVER_TO_COME, "2 0 2026-01-31 00:00 2026-01");
}

static void visits_that_come_before_their_person_count_when_she_is_known(void **state)
{
    struct world *world = *state;
    struct entry_id id = id_at(1, 1);
    show(world, visit_on(id_at(1, 2), &id, "2026-02-01", "met", NULL));
    assert_row(world, &id, NEVER_TO_COME, "none");
    show(world, person(id, "key", "away"));
    assert_row(world, &id, NEVER_TO_COME, "2 2 2026-02-01 00:00 2026-02");
    show(world, write_void(id_at(2, 2), 5, REGISTER_PERSON, &id, &id, ""));
    assert_row(world, &id, NEVER_TO_COME, "none");
}

static void a_visit_to_come_is_not_counted_until_it_is_due(void **state)
{
    struct world *world = *state;
    struct entry_id id = show(world, person(id_at(1, 1), "key", NULL));
    show(world, visit_on(id_at(1, 2), &id, "2026-02-01", "met", NULL));
    show(world, visit_on(id_at(1, 3), &id, "2026-03-09 08:00", "met", NULL));
    int64_t before = day("2026-03-09") * MINUTES_PER_DAY;
    assert_row(world, &id, before, "2 0 2026-02-01 00:00 2026-02");
    assert_row(world, &id, before + 480, "2 0 2026-03-09 08:00 2026-02 2026-03");
}

/* Worked in row by row in any order, or all at once, the rows are the same. */
static void rows_do_not_depend_on_how_entries_came(void **state)
{
    static const char *const outcomes[] = {"met", "absent", "away"};
    struct world *world = *state;
    struct random random = {20260501};
    struct written entries[60];
    struct entry_id ids[3] = {id_at(1, 1), id_at(1, 2), id_at(1, 3)};
    char first[3][256];

    for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
        const struct entry_id *whom = &ids[i % 3];
        struct entry_id id = id_at(2, i + 1),
                        other = id_at(2, random_below(&random, 60) + 1);
        char when[17];
        (void)snprintf(when, sizeof when, "2026-%02u-%02u", (unsigned)(1 + i % 12),
                       (unsigned)(1 + random_below(&random, 28)));
        if (i < 3)
            entries[i] = person(ids[i], "high", NULL);
        else if (random_below(&random, 4) == 0)
            entries[i] = write_void(id, 7, REGISTER_VISIT, whom, &other, "");
        else
            entries[i] = visit_on(id, whom, when, outcomes[random_below(&random, 3)],
                                  random_below(&random, 3) == 0 ? &other : NULL);
    }
    for (int round = 0; round < 8; round++) {
        for (size_t i = ARRAY_SIZE(entries); i > 1; i--) {
            size_t j = random_below(&random, i);
            struct written kept = entries[i - 1];
            entries[i - 1] = entries[j];
            entries[j] = kept;
        }
        store_clear(world->txn, STORE_ROWS);
        store_clear(world->txn, STORE_CHAINS);
        follow_forget(world->txn);
        for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
            show(world, entries[i]);
            if (random_below(&random, 3) == 0)
                (void)follow_work(world->txn, 1 + random_below(&random, 9),
                                  &world->arena);
        }
        while (follow_work(world->txn, 7, &world->arena) > 0) {
        }
        for (size_t i = 0; i < 3; i++) {
            struct care care;
            char text[256];
            int size;
            assert_true(care_find(world->txn, TOWNSHIP, &ids[i], &care));
            size = snprintf(text, sizeof text, "%d %ld %ld:", care.rewritten,
                            (long)care.latest, (long)care.first_month);
            for (size_t j = 0; j < care.months.size; j++)
                size += snprintf(text + size, sizeof text - (size_t)size, " %02x",
                                 care.months.data[j]);
            if (round == 0)
                memcpy(first[i], text, sizeof text);
            assert_string_equal(text, first[i]);
        }
    }
}

static void what_is_withdrawn_leaves_the_row(void **state)
{
    struct world *world = *state;
    struct entry_id id = show(world, person(id_at(1, 1), "key", NULL));
    show(world, visit_on(id_at(1, 2), &id, "2026-02-01", "met", NULL));
    show(world, visit_on(id_at(3, 1), &id, "2026-03-01", "met", NULL));
    assert_row(world, &id, NEVER_TO_COME, "2 0 2026-03-01 00:00 2026-02 2026-03");
    struct entry_id gone = id_at(3, 1);
    fold_withdraw(world->txn, REGISTER_VISIT, TOWNSHIP, &id, entry_id_log(&gone), 1);
    follow_withdrawn(world->txn, REGISTER_VISIT, TOWNSHIP, &id, &world->arena);
    assert_row(world, &id, NEVER_TO_COME, "2 0 2026-02-01 00:00 2026-02");
    /* Its row number is given again. */
    show(world, visit_on(id_at(4, 1), &id, "2026-04-01", "met", NULL));
    assert_row(world, &id, NEVER_TO_COME, "2 0 2026-04-01 00:00 2026-02 2026-04");
}

static void a_day_stated_for_an_earlier_status_says_nothing_of_this_one(void **state)
{
    struct world *world = *state;
    struct care care;
    struct entry_id id = show(world, person(id_at(1, 1), "key", NULL));
    show(world, WRITE_EDIT(id_at(2, 1), stamp("2026-01-20"), &id,
                           {.field = PERSON_STATUS, .text = "hospital"},
                           {.field = PERSON_STATUS_SINCE, .text = "2026-01-15"}));
    (void)follow_work(world->txn, 1000, &world->arena);
    assert_true(care_find(world->txn, TOWNSHIP, &id, &care));
    assert_int_equal(care.status_day, day("2026-01-15"));
    struct entry_id replaced = id_at(2, 1);
    show(world, WRITE_EDIT(id_at(2, 2), stamp("2026-05-20"), &id,
                           {.field = PERSON_STATUS,
                            .text = "deceased",
                            .replaced = naming(world, replaced)}));
    (void)follow_work(world->txn, 1000, &world->arena);
    assert_true(care_find(world->txn, TOWNSHIP, &id, &care));
    assert_int_equal(care.status, PERSON_DECEASED);
    assert_int_equal(care.status_day, day("2026-05-20"));
}

/* ---- figures ---- */

static struct care care_with(uint8_t tier, uint8_t status, const char *latest)
{
    static uint8_t months[8];
    struct care care = {.tier = tier,
                        .status = status,
                        .enrolled_day = day("2026-01-05"),
                        .status_day = CARE_NEVER,
                        .latest = CARE_NEVER};
    memset(months, 0, sizeof months);
    if (latest != NULL) {
        care.latest = day(latest) * MINUTES_PER_DAY;
        care.first_month = month_of(day(latest));
        months[0] = 1;
        care.months = slice_of(months, 1);
    }
    return care;
}

static void the_next_visit_is_due_by_the_tier(void **state)
{
    static const struct {
        uint8_t tier;
        const char *latest, *due;
    } rows[] = {
        {TIER_HIGH, "2026-05-20", "2026-05-27"},
        {TIER_KEY, "2026-05-01", "2026-06-30"},
        {TIER_KEY, "2026-12-31", "2027-01-31"},
        {0, "2026-05-01", "2026-06-30"},
        {TIER_GENERAL, "2026-11-30", "2027-02-28"},
        {TIER_HIGH, NULL, "2026-01-06"},
        {TIER_KEY, NULL, "2026-01-31"},
        {TIER_GENERAL, NULL, "2026-01-31"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct care care = care_with(rows[i].tier, 0, rows[i].latest);
        assert_int_equal(care_due_day(&care, &visit_policy_default), day(rows[i].due));
    }
}

static void a_month_counts_persons_by_tier_status_and_enrolment(void **state)
{
    static const struct {
        uint8_t tier, status;
        const char *status_day, *latest, *month;
        enum coverage coverage;
    } rows[] = {
        {TIER_KEY, 0, NULL, "2026-05-31", "2026-05", COVERAGE_VISITED},
        {TIER_KEY, 0, NULL, "2026-05-31", "2026-06", COVERAGE_MISSED},
        {TIER_KEY, 0, NULL, NULL, "2025-12", COVERAGE_NONE},
        {TIER_KEY, 0, NULL, NULL, "2026-01", COVERAGE_MISSED},
        {TIER_KEY, 0, NULL, "2025-11-01", "2025-12", COVERAGE_MISSED},
        {TIER_GENERAL, 0, NULL, "2026-05-31", "2026-07", COVERAGE_NOT_DUE},
        {TIER_GENERAL, 0, NULL, "2026-05-31", "2026-08", COVERAGE_MISSED},
        {TIER_KEY, PERSON_AWAY, "2026-06-10", NULL, "2026-05", COVERAGE_MISSED},
        {TIER_KEY, PERSON_AWAY, "2026-06-10", NULL, "2026-06", COVERAGE_EXEMPT},
        {TIER_KEY, PERSON_AWAY, "2026-06-10", NULL, "2026-09", COVERAGE_EXEMPT},
        {TIER_KEY, PERSON_DECEASED, "2026-06-10", NULL, "2026-06", COVERAGE_EXEMPT},
        {TIER_KEY, PERSON_DECEASED, "2026-06-10", NULL, "2026-07", COVERAGE_NONE},
        {TIER_KEY, PERSON_ENROLLED, "2026-06-10", NULL, "2026-07", COVERAGE_MISSED},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct care care = care_with(rows[i].tier, rows[i].status, rows[i].latest);
        if (rows[i].status_day != NULL)
            care.status_day = day(rows[i].status_day);
        assert_int_equal(coverage_of(&care, &visit_policy_default, month(rows[i].month)),
                         rows[i].coverage);
    }
}

static void months_are_read_and_shown(void **state)
{
    static const char *const texts[] = {"2026-11", "2026/11", "2026年11月",
                                        "1800-01", "2199-12", "1969-12"};
    static const char *const wrong[] = {"2026-13",    "2026-00", "2026", "1799-12",
                                        "2026-11-01", "11-2026", ""};
    char text[8];
    int64_t number;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        month_format(month(texts[i]), text);
        assert_string_equal(text, i < 3 ? "2026-11" : texts[i]);
        assert_int_equal(month_of(month_first_day(month(texts[i]))), month(texts[i]));
    }
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        assert_false(month_parse(slice_text(wrong[i]), &number));
}

#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(a_row_tells_the_latest_visit_that_counts_and_its_months),
        WORLD_TEST(a_visit_before_1970_is_counted_in_its_month),
        WORLD_TEST(a_void_takes_the_visit_out_whichever_came_first),
        WORLD_TEST(an_amendment_moves_the_visit),
        WORLD_TEST(visits_that_come_before_their_person_count_when_she_is_known),
        WORLD_TEST(a_visit_to_come_is_not_counted_until_it_is_due),
        WORLD_TEST(rows_do_not_depend_on_how_entries_came),
        WORLD_TEST(what_is_withdrawn_leaves_the_row),
        WORLD_TEST(a_day_stated_for_an_earlier_status_says_nothing_of_this_one),
        cmocka_unit_test(the_next_visit_is_due_by_the_tier),
        cmocka_unit_test(a_month_counts_persons_by_tier_status_and_enrolment),
        cmocka_unit_test(months_are_read_and_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
