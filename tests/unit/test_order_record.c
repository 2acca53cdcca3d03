/* Orders as they stand in a store: who is one and the same from one incarnation of a node to
 * the next. */
#define _XOPEN_SOURCE 700 /* nftw in the fixture */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/stat.h>

#include <cmocka.h>

#include "crdt/order.h"
#include "crdt/schema_orders.h"
#include "tests/unit/world_fixture.h"

static struct entry_id at_tag(uint16_t tag, uint64_t seq)
{
    return entry_id_of((struct log_name){1, tag, LANE_RECORD}, seq);
}

static void account(struct world *world, struct entry_id id, const char *name)
{
    (void)show(world, WRITE_CREATE(id, 1, REGISTER_OPERATOR,
                                   {.field = OPERATOR_NUMBER, .text = "1"},
                                   {.field = OPERATOR_ACCOUNT, .text = name}));
}

/* A step by account 1, which has seen the one before; gives its id. */
static struct entry_id enter(struct world *world, struct entry_id id,
                             const struct entry_id *order, const char *what,
                             const struct entry_id *seen, const char *proxy)
{
    char text[ID_TEXT_SIZE] = "";
    if (seen != NULL)
        id_format(seen, text);
    struct entry_id volunteer = id_at(9, 1);
    return show(world,
                WRITE_CREATE(id, 100 + entry_id_seq(&id), REGISTER_ORDER_STEP,
                             {.field = STEP_ORDER, .record = order},
                             {.field = STEP_WHAT, .text = what},
                             {.field = STEP_SEEN, .text = seen != NULL ? text : NULL},
                             {.field = STEP_VOLUNTEER,
                              .record = strcmp(what, "assign") == 0 ? &volunteer : NULL},
                             {.field = STEP_PROXY, .text = proxy}));
}

/* Served at incarnation 1 of the node and settled at 2, by its account `name`. */
static bool is_flagged(struct world *world, const char *name)
{
    struct entry_id person = id_at(9, 2);
    struct entry_id order =
        show(world, WRITE_CREATE(at_tag(1, 2), 1, REGISTER_ORDER,
                                 {.field = ORDER_PERSON, .record = &person},
                                 {.field = ORDER_KIND, .text = "meals"}));
    struct record_view view;
    account(world, at_tag(1, 1), "zhou");
    account(world, at_tag(2, 1), name);
    struct entry_id last = enter(world, at_tag(1, 3), &order, "assign", NULL, NULL);
    last = enter(world, at_tag(1, 4), &order, "start", &last, NULL);
    last = enter(world, at_tag(1, 5), &order, "finish", &last, NULL);
    last = enter(world, at_tag(1, 6), &order, "confirm", &last, "李队长");
    (void)enter(world, at_tag(2, 2), &order, "settle", &last, NULL);
    assert_true(view_record(world->txn, schema_register(REGISTER_ORDER), TOWNSHIP, NULL,
                            &order, &world->arena, &view));
    assert_int_equal(view_choice(&view, ORDER_STATE), ORDER_SETTLED);
    return view_choice(&view, ORDER_REVIEW) == ORDER_SAME_PERSON;
}

static void an_account_of_an_earlier_incarnation_is_the_same_by_its_name(void **state)
{
    assert_true(is_flagged(*state, "zhou"));
}

static void another_account_with_its_number_is_another(void **state)
{
    assert_false(is_flagged(*state, "wu"));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(an_account_of_an_earlier_incarnation_is_the_same_by_its_name),
        CASE(another_account_with_its_number_is_another),
    };
    return cmocka_run_group_tests_name("order_record", tests, NULL, NULL);
}
