/* Leads: what their steps come to, in whatever order they arrive; and who is told. */
#define _XOPEN_SOURCE 700 /* nftw in the fixture */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <sys/stat.h>

#include <cmocka.h>

#include "crdt/calendar.h"
#include "crdt/conflict.h"
#include "crdt/follow.h"
#include "crdt/lead.h"
#include "crdt/schema_leads.h"
#include "tests/unit/world_fixture.h"

#define MINUTE_MS UINT64_C(60000)
#define ENTERED_MS UINT64_C(1780300000000) /* 2026-06-01 15:46:40 in Beijing */

static struct entry_id urgent_at(uint32_t node, uint64_t seq)
{
    return entry_id_of((struct log_name){node, 1, LANE_URGENT}, seq);
}

static struct written lead(struct entry_id id, const char *level, const char *noticed)
{
    return WRITE_CREATE(
        id, ENTERED_MS, REGISTER_LEAD, {.field = LEAD_VILLAGE, .text = "331121104234"},
        {.field = LEAD_LEVEL, .text = level}, {.field = LEAD_WHAT, .text = "两天未开门"},
        {.field = LEAD_NOTICED, .text = noticed});
}

static struct written step(struct entry_id id, uint64_t stamp_ms,
                           const struct entry_id *lead, const char *what)
{
    return WRITE_CREATE(id, stamp_ms, REGISTER_LEAD_STEP,
                        {.field = LEAD_STEP_LEAD, .record = lead},
                        {.field = LEAD_STEP_WHAT, .text = what},
                        {.field = LEAD_STEP_DONE, .text = "已电话联系"});
}

/* "state minutes answer": "acknowledged 35 2". */
static void assert_comes_to(struct world *world, const struct entry_id *id,
                            const char *expected)
{
    const struct schema_register *reg = schema_register(REGISTER_LEAD);
    struct record_view view;
    struct buffer text;
    struct entry_id answer;
    uint64_t minutes;
    char found[128];
    assert_true(view_record(world->txn, reg, TOWNSHIP, NULL, id, &world->arena, &view));
    buffer_init(&text, 256);
    field_format(&reg->fields[LEAD_STATE], view_value(&view, LEAD_STATE), false, &text);
    int size = snprintf(found, sizeof found, "%.*s", (int)text.size, (char *)text.data);
    struct slice value = view_value(&view, LEAD_RESPONSE);
    if (codec_take_uint(&value, &minutes))
        size +=
            snprintf(found + size, sizeof found - (size_t)size, " %u", (unsigned)minutes);
    value = view_value(&view, LEAD_ANSWERED_BY);
    if (codec_take_id(&value, &answer))
        (void)snprintf(found + size, sizeof found - (size_t)size, " %u",
                       (unsigned)entry_id_log(&answer).node);
    buffer_deinit(&text);
    assert_string_equal(found, expected);
}

static void the_first_acknowledgement_ends_the_response_time(void **state)
{
    struct world *world = *state;
    struct entry_id id = show(world, lead(urgent_at(1, 1), "red", "2026-06-01 15:00"));
    assert_comes_to(world, &id, "open");
    show(world, step(urgent_at(2, 1), ENTERED_MS + 60 * MINUTE_MS, &id, "ack"));
    assert_comes_to(world, &id, "acknowledged 106 2");
    show(world, step(urgent_at(3, 1), ENTERED_MS + 5 * MINUTE_MS, &id, "ack"));
    assert_comes_to(world, &id, "acknowledged 51 3");
    show(world, step(urgent_at(3, 2), ENTERED_MS + 90 * MINUTE_MS, &id, "close"));
    assert_comes_to(world, &id, "closed 51 3");
}

static void of_one_stamp_the_lower_id_was_first_wherever_it_came_first(void **state)
{
    struct world *world = *state;
    struct entry_id id = show(world, lead(urgent_at(1, 1), "red", NULL));
    show(world, step(urgent_at(3, 1), ENTERED_MS + 5 * MINUTE_MS, &id, "ack"));
    show(world, step(urgent_at(2, 1), ENTERED_MS + 5 * MINUTE_MS, &id, "ack"));
    assert_comes_to(world, &id, "acknowledged 5 2");
}

static void whoever_closes_a_lead_has_answered_it(void **state)
{
    struct world *world = *state;
    struct entry_id id = show(world, lead(urgent_at(1, 1), "red", NULL));
    show(world, step(urgent_at(2, 1), ENTERED_MS + 7 * MINUTE_MS, &id, "close"));
    assert_comes_to(world, &id, "closed 7 2");
}

static void a_clock_that_is_behind_makes_no_response_negative(void **state)
{
    struct world *world = *state;
    struct entry_id id = show(world, lead(urgent_at(1, 1), "red", NULL));
    show(world, step(urgent_at(2, 1), ENTERED_MS - 7 * MINUTE_MS, &id, "ack"));
    assert_comes_to(world, &id, "acknowledged 0 2");
}

static void steps_that_come_before_their_lead_count_when_it_is_there(void **state)
{
    struct world *world = *state;
    struct entry_id id = urgent_at(1, 1);
    show(world, step(urgent_at(2, 1), ENTERED_MS + 7 * MINUTE_MS, &id, "ack"));
    show(world, lead(id, "red", NULL));
    assert_comes_to(world, &id, "acknowledged 7 2");
}

/* ---- the rows of open leads ---- */

static void assert_open(struct world *world, const char *expected)
{
    struct lead_walk walk = {0};
    struct open_lead open;
    char found[128] = "";
    int size = 0;
    while (follow_work(world->txn, 3, &world->arena) > 0) {
    }
    while (lead_next(world->txn, &walk, &open))
        size += snprintf(found + size, sizeof found - (size_t)size, "%u:%u:%d ",
                         (unsigned)entry_id_seq(&open.id), open.level,
                         (int)(open.since - beijing_minutes(ENTERED_MS)));
    store_cursor_close(&walk.cursor);
    assert_string_equal(found, expected);
}

static void a_lead_has_a_row_until_somebody_answers(void **state)
{
    struct world *world = *state;
    struct entry_id red = show(world, lead(urgent_at(1, 1), "red", "2026-06-01 15:00"));
    struct entry_id green = show(world, lead(id_at(1, 2), "green", NULL));
    assert_open(world, "1:1:-46 2:3:0 ");
    show(world, write_void(id_at(1, 3), ENTERED_MS, REGISTER_LEAD, &green, &green, "误"));
    assert_open(world, "1:1:-46 ");
    show(world, step(urgent_at(2, 1), ENTERED_MS, &red, "ack"));
    assert_open(world, "");
}

/* Nothing that follows from its steps can be: the first of them is the answer. */
static void neither_a_new_lead_nor_its_steps_are_looked_at_for_conflicts(void **state)
{
    struct written told = lead(urgent_at(1, 1), "red", NULL);
    struct written answered = step(urgent_at(2, 1), ENTERED_MS, &told.id, "ack");
    const struct written *both[] = {&told, &answered};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct fold_row row = {.realm = TOWNSHIP, .id = both[i]->id};
        struct operation operation;
        struct touch touch;
        assert_int_equal(operation_decode(written_plaintext(both[i]), &operation), OK);
        assert_false(conflict_touched(&row, &operation, &touch));
    }
}

static void rows_are_the_same_in_whatever_order_entries_come(void **state)
{
    struct world *world = *state;
    struct entry_id red = urgent_at(1, 1), other = urgent_at(1, 4);
    show(world, step(urgent_at(2, 1), ENTERED_MS, &red, "ack"));
    assert_open(world, "");
    show(world, lead(other, "red", NULL));
    show(world, lead(red, "red", NULL));
    assert_open(world, "4:1:0 ");
    struct entry_id gone = urgent_at(2, 1);
    fold_withdraw(world->txn, REGISTER_LEAD_STEP, TOWNSHIP, &red, entry_id_log(&gone), 1);
    follow_withdrawn(world->txn, REGISTER_LEAD_STEP, TOWNSHIP, &red, &world->arena);
    assert_open(world, "1:1:0 4:1:0 ");
    follow_forget(world->txn);
    assert_open(world, "1:1:0 4:1:0 ");
}

static void what_is_no_lead_counts_in_no_urgent_lane(void **state)
{
    struct world *world = *state;
    struct written person = WRITE_CREATE(
        urgent_at(1, 1), 1000, REGISTER_PERSON, {.field = PERSON_NAME, .text = "叶秀兰"},
        {.field = PERSON_VILLAGE, .text = "331121104234"});
    struct written yellow = lead(id_at(1, 1), "yellow", NULL);
    assert_int_equal(
        fold_entry(world->fold, &person.id, TOWNSHIP, written_plaintext(&person)),
        ERR_PERMISSION);
    show(world, yellow);
    assert_open(world, "1:2:0 ");
}

#define WORLD_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(the_first_acknowledgement_ends_the_response_time),
        WORLD_TEST(of_one_stamp_the_lower_id_was_first_wherever_it_came_first),
        WORLD_TEST(whoever_closes_a_lead_has_answered_it),
        WORLD_TEST(a_clock_that_is_behind_makes_no_response_negative),
        WORLD_TEST(steps_that_come_before_their_lead_count_when_it_is_there),
        WORLD_TEST(a_lead_has_a_row_until_somebody_answers),
        cmocka_unit_test(neither_a_new_lead_nor_its_steps_are_looked_at_for_conflicts),
        WORLD_TEST(rows_are_the_same_in_whatever_order_entries_come),
        WORLD_TEST(what_is_no_lead_counts_in_no_urgent_lane),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
