#define _XOPEN_SOURCE 700 /* nftw in the fixture */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <sys/stat.h>

#include <cmocka.h>

#include "crdt/follow.h"
#include "crdt/conflict.h"
#include "tests/unit/world_fixture.h"

#define PERSONS 5
#define EVENTS 60

static struct written person(struct entry_id id)
{
    return WRITE_CREATE(id, 1000, REGISTER_PERSON,
                        {.field = PERSON_NAME, .text = "叶秀兰"},
                        {.field = PERSON_VILLAGE, .text = "331121104234"});
}

static struct written tier(struct world *world, struct entry_id id,
                           const struct entry_id *subject, const char *value,
                           const struct entry_id *replaces, size_t count)
{
    return WRITE_EDIT(id, 2000 + entry_id_seq(&id), subject,
                      {.field = PERSON_TIER,
                       .text = value,
                       .replaced = ids_replaced(&world->replaced[0], replaces, count)});
}

static void work_in(struct world *world)
{
    while (follow_work(world->txn, 7, &world->arena) > 0) {
    }
}

/* The rows: "person's seq:fields ", in order. */
static void rows_of(struct world *world, char text[512])
{
    struct conflict_walk walk = {0};
    struct conflict conflict;
    int size = 0;
    text[0] = '\0';
    while (conflict_next(world->txn, &walk, &conflict))
        size += snprintf(text + size, 512 - (size_t)size, "%u:%x ",
                         (unsigned)entry_id_seq(&conflict.record), conflict.fields);
    store_cursor_close(&walk.cursor);
}

static void assert_rows(struct world *world, const char *expected)
{
    char text[512];
    work_in(world);
    rows_of(world, text);
    assert_string_equal(text, expected);
}

/* Bit 4 is PERSON_TIER. */
static void
what_was_written_at_the_same_time_is_a_conflict_until_it_is_settled(void **state)
{
    struct world *world = *state;
    struct entry_id id = show(world, person(id_at(1, 1)));
    const struct entry_id both[] = {id_at(2, 1), id_at(3, 1)};
    show(world, tier(world, both[0], &id, "high", NULL, 0));
    assert_rows(world, "");
    show(world, tier(world, both[1], &id, "general", NULL, 0));
    assert_rows(world, "1:10 ");
    show(world, tier(world, id_at(2, 2), &id, "key", both, 1));
    assert_rows(world, "1:10 ");
    const struct entry_id left[] = {id_at(2, 2), id_at(3, 1)};
    show(world, tier(world, id_at(3, 2), &id, "key", left, 2));
    assert_rows(world, "");
    assert_int_equal(conflict_count(world->txn), 0);
}

static void the_same_value_twice_is_no_conflict(void **state)
{
    struct world *world = *state;
    struct entry_id id = show(world, person(id_at(1, 1)));
    show(world, tier(world, id_at(2, 1), &id, "high", NULL, 0));
    show(world, tier(world, id_at(3, 1), &id, "high", NULL, 0));
    assert_rows(world, "");
}

static void a_record_is_in_conflict_when_it_is_known_and_stands(void **state)
{
    struct world *world = *state;
    struct entry_id id = id_at(1, 1);
    show(world, tier(world, id_at(2, 1), &id, "high", NULL, 0));
    show(world, tier(world, id_at(3, 1), &id, "general", NULL, 0));
    assert_rows(world, "");
    show(world, person(id));
    assert_rows(world, "1:10 ");
    show(world, write_void(id_at(1, 2), 5000, REGISTER_PERSON, &id, &id, "重复录入"));
    assert_rows(world, "");
}

static void what_is_withdrawn_was_never_in_conflict(void **state)
{
    struct world *world = *state;
    struct entry_id id = show(world, person(id_at(1, 1)));
    struct entry_id gone = id_at(3, 1);
    show(world, tier(world, id_at(2, 1), &id, "high", NULL, 0));
    show(world, tier(world, gone, &id, "general", NULL, 0));
    assert_rows(world, "1:10 ");
    fold_withdraw(world->txn, REGISTER_PERSON, TOWNSHIP, &id, entry_id_log(&gone), 1);
    follow_withdrawn(world->txn, REGISTER_PERSON, TOWNSHIP, &id, &world->arena);
    assert_rows(world, "");
}

/* What every chain says, without the rows. */
static void rows_expected(struct world *world, char text[512])
{
    int size = 0;
    text[0] = '\0';
    for (uint32_t i = 1; i <= PERSONS; i++) {
        struct record_view record;
        struct entry_id id = id_at(1, i);
        if (!view_record(world->txn, schema_register(REGISTER_PERSON), TOWNSHIP, NULL,
                         &id, &world->arena, &record))
            continue;
        if (record.known && !record.voided && record.fields[PERSON_TIER].count > 1)
            size += snprintf(text + size, 512 - (size_t)size, "%u:10 ", (unsigned)i);
    }
}

static void rows_follow_from_the_chains_in_whatever_order_entries_come(void **state)
{
    static const char *const tiers[] = {"high", "key", "general"};
    struct world *world = *state;
    struct written events[EVENTS + PERSONS];
    char expected[512], text[512];
    uint64_t seed = 20260601;
    size_t left = 0;
    for (uint32_t i = 1; i <= PERSONS; i++)
        events[left++] = person(id_at(1, i));
    for (uint32_t i = 0; i < EVENTS; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        struct entry_id whom = id_at(1, 1 + (uint32_t)(seed >> 33) % PERSONS);
        struct entry_id seen =
            id_at(2 + (uint32_t)(seed >> 40) % 3, 1 + (i > 9 ? i - 9 : 0));
        if (i % 20 == 19)
            events[left++] =
                write_void(id_at(5, i + 1), 9000, REGISTER_PERSON, &whom, &whom, "");
        else
            events[left++] = tier(world, id_at(2 + i % 3, 1 + i), &whom,
                                  tiers[(seed >> 50) % 3], &seen, i % 2);
    }
    while (left > 0) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        size_t next = (size_t)(seed >> 33) % left;
        show(world, events[next]);
        events[next] = events[--left];
        if (seed >> 60 < 6)
            continue; /* several are worked in at once */
        work_in(world);
        rows_of(world, text);
        rows_expected(world, expected);
        assert_string_equal(text, expected);
    }
    work_in(world);
    rows_of(world, expected);
    assert_true(expected[0] != '\0');
    follow_forget(world->txn);
    assert_int_equal(conflict_count(world->txn), 0);
    work_in(world);
    rows_of(world, text);
    assert_string_equal(text, expected);
}

#define WORLD_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(what_was_written_at_the_same_time_is_a_conflict_until_it_is_settled),
        WORLD_TEST(the_same_value_twice_is_no_conflict),
        WORLD_TEST(a_record_is_in_conflict_when_it_is_known_and_stands),
        WORLD_TEST(what_is_withdrawn_was_never_in_conflict),
        WORLD_TEST(rows_follow_from_the_chains_in_whatever_order_entries_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
