/* What becomes of an order: the same for every order in which its steps arrive, and what its
 * table allows is what refusals say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crdt/order.h"
#include "crdt/schema_lists.h"
#include "crdt/schema_orders.h"

#define EVENTS_MAX 8

/* Orders as their steps are written down: node 1 and 2 are villages, 3 the township. */
struct trace {
    struct order_event events[EVENTS_MAX];
    struct entry_id seen[EVENTS_MAX][EVENTS_MAX];
    size_t count;
    struct arena arena;
};

static struct entry_id id_at(uint32_t node, uint64_t seq)
{
    return entry_id_of((struct log_name){.node = node, .tag = 1, .lane = LANE_RECORD},
                       seq);
}

static const struct entry_id *chen(void)
{
    static struct entry_id id;
    id = id_at(9, 1);
    return &id;
}
static const struct entry_id *lan(void)
{
    static struct entry_id id;
    id = id_at(9, 2);
    return &id;
}

/* A step of a node, which has seen those whose places are in `after`. */
static struct order_event *step(struct trace *trace, uint32_t node, enum order_step what,
                                uint64_t stamp_ms, const char *after)
{
    size_t at = trace->count++;
    struct order_event *event = &trace->events[at];
    assert_true(at < EVENTS_MAX);
    *event = (struct order_event){.id = id_at(node, at + 1),
                                  .stamp_ms = stamp_ms,
                                  .actor = 1,
                                  .step = what,
                                  .seen = trace->seen[at]};
    for (; *after != '\0'; after++)
        trace->seen[at][event->seen_count++] = trace->events[*after - '0'].id;
    return event;
}

static void assign(struct trace *trace, uint32_t node, uint64_t stamp_ms,
                   const char *after, const struct entry_id *volunteer)
{
    struct order_event *event = step(trace, node, STEP_ASSIGN, stamp_ms, after);
    event->has_volunteer = true;
    event->volunteer = *volunteer;
}

static void at_minute(struct order_event *event, int64_t when)
{
    event->has_when = true;
    event->when = when;
}

/* Sign-in at minute 100, sign-out at 100 + `minutes`, confirmed by proxy at the same node. */
static void serve(struct trace *trace, uint32_t node, uint64_t stamp_ms, size_t after,
                  int64_t minutes)
{
    char seen[2] = {(char)('0' + after), '\0'};
    at_minute(step(trace, node, STEP_START, stamp_ms, seen), 100);
    seen[0] = (char)('0' + trace->count - 1);
    at_minute(step(trace, node, STEP_FINISH, stamp_ms + 1, seen), 100 + minutes);
    seen[0] = (char)('0' + trace->count - 1);
    step(trace, node, STEP_CONFIRM, stamp_ms + 2, seen)->by_proxy = true;
}

/* Bytes of what was folded, to be compared: ids instead of addresses. */
static void put_event(struct buffer *out, const struct order_event *event)
{
    static const struct entry_id none;
    buffer_put(out, event != NULL ? event->id.bytes : none.bytes, ENTRY_ID_SIZE);
}

static void fold_into(const struct order_event *events, size_t count, struct arena *arena,
                      struct buffer *out)
{
    struct order order;
    arena_reset(arena);
    order_fold(events, count, arena, &order);
    buffer_clear(out);
    buffer_put_u8(out, (uint8_t)order.state);
    buffer_put_u8(out, (uint8_t)order.flags);
    put_event(out, order.started);
    put_event(out, order.finished);
    put_event(out, order.confirmed);
    put_event(out, order.settled);
    put_event(out, order.rated);
    put_event(out, order.cancelled);
    for (size_t i = 0; i < order.assigned_count; i++)
        put_event(out, order.assigned[i]);
    buffer_put_u8(out, order.has_volunteer);
    buffer_put(out, order.volunteer.bytes, ENTRY_ID_SIZE);
    put_event(out, order.reached);
    put_event(out, order.minutes_from);
    buffer_put_u8(out, (uint8_t)order.minutes);
}

/* Heap's algorithm: every order in which the steps may arrive. Events point to ids that do
 * not move. */
static size_t permute(struct order_event *events, size_t left, size_t count,
                      struct arena *arena, struct slice expected, struct buffer *out)
{
    size_t tried = 0;
    if (left == 1) {
        fold_into(events, count, arena, out);
        assert_true(slice_equal(buffer_slice(out), expected));
        return 1;
    }
    for (size_t i = 0; i < left; i++) {
        tried += permute(events, left - 1, count, arena, expected, out);
        size_t other = left % 2 == 0 ? i : 0;
        struct order_event swapped = events[other];
        events[other] = events[left - 1];
        events[left - 1] = swapped;
    }
    return tried;
}

/* Folds the trace in every order and leaves what each says in `order`. */
static void fold_in_every_order(struct trace *trace, struct order *order)
{
    struct order_event events[EVENTS_MAX];
    struct buffer expected, out;
    size_t factorial = 1;
    buffer_init(&expected, 4096);
    buffer_init(&out, 4096);
    memcpy(events, trace->events, sizeof events);
    fold_into(events, trace->count, &trace->arena, &expected);
    for (size_t i = 2; i <= trace->count; i++)
        factorial *= i;
    assert_int_equal(permute(events, trace->count, trace->count, &trace->arena,
                             buffer_slice(&expected), &out),
                     factorial);
    buffer_deinit(&expected);
    buffer_deinit(&out);
    arena_reset(&trace->arena);
    order_fold(trace->events, trace->count, &trace->arena, order);
}

static int setup(void **state)
{
    struct trace *trace = checked_malloc(sizeof *trace);
    memset(trace, 0, sizeof *trace);
    arena_init(&trace->arena);
    *state = trace;
    return 0;
}

static int teardown(void **state)
{
    struct trace *trace = *state;
    arena_deinit(&trace->arena);
    free(trace);
    return 0;
}

static bool has_flag(const struct order *order, enum order_flag flag)
{
    return (order->flags >> flag & 1) != 0;
}

/* What the settling step at a place credits. */
static bool credit_of(struct trace *trace, size_t at, struct order_credit *credit)
{
    return order_credit(trace->events, trace->count, &trace->events[at].id, &trace->arena,
                        credit);
}

/* Whether a step with all of the trace before it is refused. */
static enum status refuses(struct trace *trace, struct order_event event, uint8_t *field)
{
    const struct occasion occasion = {.now = 1000};
    return order_refuses(trace->events, trace->count, &event, &occasion, &trace->arena,
                         field);
}

static void an_order_runs_from_request_to_rating(void **state)
{
    struct trace *trace = *state;
    struct order order;
    struct order_credit credit;
    order_fold(trace->events, 0, &trace->arena, &order);
    assert_int_equal(order.state, ORDER_REQUESTED);
    assign(trace, 1, 10, "", chen());
    serve(trace, 1, 20, 0, 75);
    order_fold(trace->events, trace->count, &trace->arena, &order);
    assert_false(credit_of(trace, 3, &credit));
    (void)step(trace, 3, STEP_SETTLE, 30, "3");
    (void)step(trace, 1, STEP_RATE, 40, "4");
    fold_in_every_order(trace, &order);
    assert_int_equal(order.state, ORDER_RATED);
    assert_int_equal(order.flags, 0);
    assert_true(credit_of(trace, 4, &credit));
    assert_memory_equal(&credit.volunteer, chen(), sizeof credit.volunteer);
    assert_int_equal(credit.minutes, 75);
    assert_memory_equal(&credit.settled, &trace->events[4].id, sizeof credit.settled);
}

static void assigned_anew_the_later_one_stands_whatever_the_clocks_say(void **state)
{
    struct trace *trace = *state;
    struct order order;
    assign(trace, 1, 4000000000000, "", chen()); /* a clock far in the future */
    assign(trace, 3, 20, "0", lan());
    fold_in_every_order(trace, &order);
    assert_int_equal(order.state, ORDER_ASSIGNED);
    assert_int_equal(order.assigned_count, 1);
    assert_memory_equal(&order.volunteer, lan(), sizeof order.volunteer);
    assert_int_equal(order.flags, 0);
}

static void concurrent_assignments_are_a_conflict_until_one_follows_both(void **state)
{
    struct trace *trace = *state;
    struct order order;
    assign(trace, 1, 10, "", chen());
    assign(trace, 2, 11, "", lan());
    fold_in_every_order(trace, &order);
    assert_int_equal(order.state, ORDER_ASSIGNED);
    assert_int_equal(order.assigned_count, 2);
    assert_false(order.has_volunteer);
    assert_true(has_flag(&order, ORDER_TWO_ASSIGNED));
    assign(trace, 3, 12, "01", chen());
    fold_in_every_order(trace, &order);
    assert_int_equal(order.assigned_count, 1);
    assert_int_equal(order.flags, 0);
}

static void the_first_confirmed_service_closes_the_order(void **state)
{
    struct trace *trace = *state;
    struct order order;
    assign(trace, 1, 10, "", chen());
    assign(trace, 2, 11, "", lan());
    serve(trace, 2, 20, 1, 30);
    fold_in_every_order(trace, &order);
    assert_int_equal(order.state, ORDER_CONFIRMED);
    assert_false(has_flag(&order, ORDER_TWO_ASSIGNED));
    assert_memory_equal(&order.volunteer, lan(), sizeof order.volunteer);
    serve(trace, 1, 50, 0, 45); /* the other village does not know */
    fold_in_every_order(trace, &order);
    assert_int_equal(order.state, ORDER_CONFIRMED);
    assert_memory_equal(&order.volunteer, lan(), sizeof order.volunteer);
    assert_int_equal(order.minutes, 30);
    assert_true(has_flag(&order, ORDER_TWO_CONFIRMED));
}

/* A service confirmed elsewhere that comes to light later does not move what was settled. */
static void a_settlement_is_of_the_service_it_had_seen(void **state)
{
    struct trace *trace = *state;
    struct order order;
    struct order_credit credit;
    assign(trace, 1, 10, "", chen());
    serve(trace, 1, 50, 0, 45);
    (void)step(trace, 3, STEP_SETTLE, 60, "3");
    assign(trace, 2, 5, "", lan());
    at_minute(step(trace, 2, STEP_START, 6, "5"), 100);
    at_minute(step(trace, 2, STEP_FINISH, 7, "6"), 110);
    fold_in_every_order(trace, &order);
    assert_true(credit_of(trace, 4, &credit));
    assert_memory_equal(&credit.volunteer, chen(), sizeof credit.volunteer);
    assert_int_equal(credit.minutes, 45);
    assert_int_equal(order.flags, 0);
}

/* Whichever clock was ahead: what was credited stays, and somebody is told. */
static void a_settlement_that_comes_to_light_later_moves_no_credit(void **state)
{
    struct trace *trace = *state;
    struct order order;
    struct order_credit before, after, other;
    assign(trace, 1, 10, "", chen());
    serve(trace, 1, 20, 0, 45);
    (void)step(trace, 3, STEP_SETTLE, 31, "3");
    fold_in_every_order(trace, &order);
    assert_false(has_flag(&order, ORDER_TWO_SETTLED));
    assert_true(credit_of(trace, 4, &before));
    step(trace, 4, STEP_SETTLE, 30, "3")->has_minutes = true; /* 0 minutes */
    fold_in_every_order(trace, &order);
    assert_true(has_flag(&order, ORDER_TWO_SETTLED));
    assert_true(credit_of(trace, 4, &after));
    assert_memory_equal(&before.settled, &after.settled, sizeof before.settled);
    assert_memory_equal(&before.volunteer, &after.volunteer, sizeof before.volunteer);
    assert_int_equal(before.minutes, after.minutes);
    assert_true(credit_of(trace, 5, &other));
    assert_int_equal(other.minutes, 0);
}

static void a_settlement_after_a_settlement_credits_nothing(void **state)
{
    struct trace *trace = *state;
    struct order_credit credit;
    assign(trace, 1, 10, "", chen());
    serve(trace, 1, 20, 0, 45);
    (void)step(trace, 3, STEP_SETTLE, 30, "3");
    (void)step(trace, 4, STEP_SETTLE, 31, "4");
    assert_false(credit_of(trace, 5, &credit));
}

static void a_cancelled_order_leaves_nothing_to_be_decided(void **state)
{
    struct trace *trace = *state;
    struct order order;
    assign(trace, 1, 10, "", chen());
    assign(trace, 2, 11, "", lan());
    (void)step(trace, 3, STEP_CANCEL, 20, "01");
    fold_in_every_order(trace, &order);
    assert_int_equal(order.state, ORDER_CANCELLED);
    assert_int_equal(order.assigned_count, 1);
    assert_int_equal(order.flags, 0);
}

static void each_value_names_the_step_that_states_it(void **state)
{
    struct trace *trace = *state;
    struct order order;
    assign(trace, 1, 10, "", chen());
    assign(trace, 1, 11, "0", lan());
    fold_in_every_order(trace, &order);
    assert_ptr_equal(order.reached, &trace->events[0]);
    serve(trace, 1, 20, 1, 45);
    fold_in_every_order(trace, &order);
    assert_ptr_equal(order.reached, &trace->events[4]);
    assert_ptr_equal(order.minutes_from, &trace->events[3]);
    trace->events[4].has_minutes = true;
    fold_in_every_order(trace, &order);
    assert_ptr_equal(order.minutes_from, &trace->events[4]);
    step(trace, 3, STEP_SETTLE, 30, "4")->has_minutes = true;
    fold_in_every_order(trace, &order);
    assert_ptr_equal(order.reached, &trace->events[5]);
    assert_ptr_equal(order.minutes_from, &trace->events[5]);
}

static void a_confirmed_service_beats_a_cancellation_it_did_not_know(void **state)
{
    struct trace *trace = *state;
    struct order order;
    assign(trace, 1, 10, "", chen());
    (void)step(trace, 3, STEP_CANCEL, 15, "0");
    fold_in_every_order(trace, &order);
    assert_int_equal(order.state, ORDER_CANCELLED);
    serve(trace, 1, 20, 0, 45);
    fold_in_every_order(trace, &order);
    assert_int_equal(order.state, ORDER_CONFIRMED);
    assert_true(has_flag(&order, ORDER_CANCELLED_MEANWHILE));
}

static void a_step_out_of_turn_is_flagged_and_moves_nothing(void **state)
{
    struct trace *trace = *state;
    struct order order;
    assign(trace, 1, 10, "", chen());
    (void)step(trace, 2, STEP_SETTLE, 15, "0");
    fold_in_every_order(trace, &order);
    assert_int_equal(order.state, ORDER_ASSIGNED);
    assert_true(has_flag(&order, ORDER_OUT_OF_TURN));
    assert_null(order.settled);
}

static void steps_that_name_each_other_in_a_circle_are_folded_all_the_same(void **state)
{
    struct trace *trace = *state;
    struct order order;
    assign(trace, 1, 10, "", chen());
    assign(trace, 2, 11, "0", lan());
    trace->seen[0][0] = trace->events[1].id;
    trace->events[0].seen_count = 1;
    fold_in_every_order(trace, &order);
    assert_int_equal(order.state, ORDER_ASSIGNED);
}

static void who_served_confirmed_and_settled_differ_or_it_is_flagged(void **state)
{
    struct trace *trace = *state;
    struct order order;
    struct order_event *confirmed, *settled;
    assign(trace, 1, 10, "", chen());
    serve(trace, 1, 20, 0, 45);
    confirmed = &trace->events[3];
    settled = step(trace, 3, STEP_SETTLE, 30, "3");
    fold_in_every_order(trace, &order);
    assert_false(has_flag(&order, ORDER_SAME_PERSON));
    confirmed->by_proxy = false; /* the account that recorded it, in its own name */
    fold_in_every_order(trace, &order);
    assert_true(has_flag(&order, ORDER_SAME_PERSON));
    confirmed->by_proxy = true;
    confirmed->by = slice_text("李　队长");
    settled->by = slice_text("李队长"); /* one person at two machines */
    fold_in_every_order(trace, &order);
    assert_true(has_flag(&order, ORDER_SAME_PERSON));
    settled->by = slice_text("周主任");
    fold_in_every_order(trace, &order);
    assert_false(has_flag(&order, ORDER_SAME_PERSON));
    settled->id = id_at(1, 9); /* the account that confirmed it */
    fold_in_every_order(trace, &order);
    assert_true(has_flag(&order, ORDER_SAME_PERSON));
}

/* Chen was recorded at node 1, Lan later at node 2. */
static void two_serve(struct trace *trace)
{
    assign(trace, 1, 10, "", chen());
    assign(trace, 2, 11, "", lan());
    at_minute(step(trace, 1, STEP_START, 20, "0"), 100);
    at_minute(step(trace, 1, STEP_FINISH, 21, "2"), 130);
    at_minute(step(trace, 2, STEP_START, 30, "1"), 300);
    at_minute(step(trace, 2, STEP_FINISH, 31, "4"), 360);
}

/* By the account 1 of a node. */
static struct order_event entered(uint32_t node, enum order_step what,
                                  const struct entry_id *volunteer)
{
    struct order_event event = {.id = id_at(node, 99), .actor = 1, .step = what};
    event.has_volunteer = volunteer != NULL;
    if (volunteer != NULL)
        event.volunteer = *volunteer;
    return event;
}

static void who_recorded_a_service_cannot_confirm_it_whoever_served_last(void **state)
{
    struct trace *trace = *state;
    uint8_t field;
    two_serve(trace);
    assert_int_equal(refuses(trace, entered(1, STEP_CONFIRM, chen()), &field),
                     ERR_ORDER_PROXY);
    assert_int_equal(refuses(trace, entered(2, STEP_CONFIRM, lan()), &field),
                     ERR_ORDER_PROXY);
    assert_int_equal(refuses(trace, entered(2, STEP_CONFIRM, chen()), &field), OK);
    assert_int_equal(refuses(trace, entered(1, STEP_CONFIRM, lan()), &field), OK);
}

static void what_was_flagged_once_lets_nobody_settle_their_own(void **state)
{
    struct trace *trace = *state;
    struct order order;
    uint8_t field;
    assign(trace, 1, 10, "", chen());
    serve(trace, 1, 20, 0, 45);
    trace->events[3].by_proxy = false;
    fold_in_every_order(trace, &order);
    assert_true(has_flag(&order, ORDER_SAME_PERSON));
    assert_int_equal(refuses(trace, entered(1, STEP_SETTLE, NULL), &field),
                     ERR_ORDER_SAME);
    assert_int_equal(field, STEP_BY);
    assert_int_equal(refuses(trace, entered(3, STEP_SETTLE, NULL), &field), OK);
}

static void a_sign_out_is_compared_with_the_sign_in_of_that_volunteer(void **state)
{
    struct trace *trace = *state;
    struct order_event finish = entered(3, STEP_FINISH, chen());
    uint8_t field;
    assign(trace, 1, 10, "", chen());
    assign(trace, 2, 11, "", lan());
    at_minute(step(trace, 1, STEP_START, 20, "0"), 100);
    at_minute(step(trace, 2, STEP_START, 30, "1"), 300);
    at_minute(&finish, 130);
    assert_int_equal(refuses(trace, finish, &field), OK);
    at_minute(&finish, 90);
    assert_int_equal(refuses(trace, finish, &field), ERR_CONTRADICTS);
    finish.volunteer = *lan();
    at_minute(&finish, 200);
    assert_int_equal(refuses(trace, finish, &field), ERR_CONTRADICTS);
}

/* A store put back begins a new incarnation, and its first account is number 1 again. */
static void an_account_is_the_same_in_every_incarnation_of_its_node(void **state)
{
    struct trace *trace = *state;
    struct order_event settled = entered(1, STEP_SETTLE, NULL);
    struct order order;
    uint8_t field;
    assign(trace, 1, 10, "", chen());
    serve(trace, 1, 20, 0, 45);
    for (size_t i = 0; i < trace->count; i++)
        trace->events[i].account = slice_text("zhou");
    settled.id =
        entry_id_of((struct log_name){.node = 1, .tag = 2, .lane = LANE_RECORD}, 99);
    settled.actor = 2;
    settled.account = slice_text("zhou");
    assert_int_equal(refuses(trace, settled, &field), ERR_ORDER_SAME);
    settled.actor = 1;
    settled.account = slice_text("wu");
    assert_int_equal(refuses(trace, settled, &field), OK);
    settled.account = slice_text("zhou");
    *step(trace, 1, STEP_SETTLE, 30, "3") = settled;
    trace->events[4].stamp_ms = 30;
    trace->events[4].seen = trace->seen[4];
    trace->events[4].seen_count = 1;
    fold_in_every_order(trace, &order);
    assert_true(has_flag(&order, ORDER_SAME_PERSON));
}

static void an_order_takes_no_more_steps_than_a_fold(void **state)
{
    struct trace *trace = *state;
    struct order_event *events =
        arena_alloc(&trace->arena, ORDER_EVENTS_MAX * sizeof *events);
    struct order_event cancel = entered(3, STEP_CANCEL, NULL);
    const struct occasion occasion = {.now = 1000};
    uint8_t field;
    for (size_t i = 0; i < ORDER_EVENTS_MAX; i++)
        events[i] = (struct order_event){.id = id_at(1, i + 1),
                                         .step = STEP_ASSIGN,
                                         .has_volunteer = true,
                                         .volunteer = *chen()};
    assert_int_equal(order_refuses(events, ORDER_EVENTS_MAX - 1, &cancel, &occasion,
                                   &trace->arena, &field),
                     OK);
    assert_int_equal(order_refuses(events, ORDER_EVENTS_MAX, &cancel, &occasion,
                                   &trace->arena, &field),
                     ERR_LIMIT);
}

static void more_steps_than_a_fold_takes_are_out_of_turn(void **state)
{
    struct trace *trace = *state;
    size_t count = ORDER_EVENTS_MAX + 1;
    struct order_event *events = arena_alloc(&trace->arena, count * sizeof *events);
    struct order order;
    for (size_t i = 0; i < count; i++)
        events[i] = (struct order_event){.id = id_at(1, i + 1),
                                         .stamp_ms = i,
                                         .step = STEP_ASSIGN,
                                         .has_volunteer = true,
                                         .volunteer = id_at(9, i + 1)};
    order_fold(events, count, &trace->arena, &order);
    assert_true(has_flag(&order, ORDER_OUT_OF_TURN));
    assert_int_equal(order.assigned_count, ORDER_EVENTS_MAX);
}

/* ---- the table ---- */

static const struct step *step_of(enum order_step what)
{
    const struct step *steps = schema_register(REGISTER_ORDER)->steps;
    while (steps->choice != what)
        steps++;
    return steps;
}

/* "What can be done from here" names the steps that the table allows, and no others. */
static void a_refusal_names_what_the_table_allows(void **state)
{
    (void)state;
    for (int s = ORDER_REQUESTED; s <= ORDER_RATED; s++) {
        const char *next = status_words(order_refusal((enum order_state)s))->next;
        for (int what = STEP_ASSIGN; what <= STEP_CANCEL; what++) {
            const char *word = step_of((enum order_step)what)->word;
            bool allowed = order_next((enum order_state)s, (enum order_step)what) != 0;
            if ((strstr(next, word) != NULL) != allowed)
                fail_msg("state %d, step %s: %s", s, word, next);
        }
    }
}

static void every_step_is_allowed_somewhere_and_leads_on(void **state)
{
    (void)state;
    for (int what = STEP_ASSIGN; what <= STEP_CANCEL; what++) {
        bool anywhere = false;
        for (int s = ORDER_REQUESTED; s <= ORDER_RATED; s++) {
            uint8_t next = order_next((enum order_state)s, (enum order_step)what);
            anywhere |= next != 0;
            /* The fold takes the furthest state, so none may lead back. */
            assert_true(next == 0 || next >= s);
        }
        assert_true(anywhere);
    }
}

/* ---- the three lists ---- */

static void
the_same_village_is_nearer_than_the_township_and_that_than_the_county(void **state)
{
    const uint64_t village = 331123106204;
    const uint64_t nearest_first[] = {village, 331123106, 331123, 331123203200};
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(nearest_first); i++)
        assert_int_equal(list_distance(village, nearest_first[i]), i);
    assert_int_equal(list_distance(village, 331123106213), 1);
    assert_int_equal(list_distance(village, 0), 2); /* none said: the whole county */
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(an_order_runs_from_request_to_rating),
        CASE(assigned_anew_the_later_one_stands_whatever_the_clocks_say),
        CASE(concurrent_assignments_are_a_conflict_until_one_follows_both),
        CASE(the_first_confirmed_service_closes_the_order),
        CASE(a_settlement_is_of_the_service_it_had_seen),
        CASE(a_settlement_that_comes_to_light_later_moves_no_credit),
        CASE(a_settlement_after_a_settlement_credits_nothing),
        CASE(a_cancelled_order_leaves_nothing_to_be_decided),
        CASE(each_value_names_the_step_that_states_it),
        CASE(a_confirmed_service_beats_a_cancellation_it_did_not_know),
        CASE(a_step_out_of_turn_is_flagged_and_moves_nothing),
        CASE(steps_that_name_each_other_in_a_circle_are_folded_all_the_same),
        CASE(who_served_confirmed_and_settled_differ_or_it_is_flagged),
        CASE(who_recorded_a_service_cannot_confirm_it_whoever_served_last),
        CASE(what_was_flagged_once_lets_nobody_settle_their_own),
        CASE(a_sign_out_is_compared_with_the_sign_in_of_that_volunteer),
        CASE(an_account_is_the_same_in_every_incarnation_of_its_node),
        CASE(an_order_takes_no_more_steps_than_a_fold),
        CASE(more_steps_than_a_fold_takes_are_out_of_turn),
        CASE(a_refusal_names_what_the_table_allows),
        CASE(every_step_is_allowed_somewhere_and_leads_on),
        CASE(the_same_village_is_nearer_than_the_township_and_that_than_the_county),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
