/* Two machines under one key, as a hub hears them: by hellos over connections. */
#define _XOPEN_SOURCE 700
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/message.h"
#include "net/timers.h"
#include "tests/unit/county_fixture.h"

enum { ORIGINAL = 11, COPY = 22 };

static uint32_t town_number(struct county *county)
{
    return engine_self(node_engine(county->nodes[TOWN].node))->number;
}

/* The connection to which the hub sent its last frame for the town; UINT64_MAX: none. */
static uint64_t handle(struct county *county, struct event event)
{
    struct effects effects;
    uint64_t connection = UINT64_MAX;
    effects_init(&effects);
    assert_int_equal(node_handle(county->nodes[HUB].node, &event, 1, &effects), OK);
    for (size_t i = 0; i < effects.count; i++) {
        if (effects.items[i].kind == EFFECT_SEND)
            connection = effects.items[i].connection;
    }
    effects_deinit(&effects);
    return connection;
}

static void link_goes(struct county *county, enum event_kind kind)
{
    struct event event = county_event(county, kind);
    event.peer = town_number(county);
    (void)handle(county, event);
}

/* What the hub answers goes over the connection that is returned. */
static uint64_t hello(struct county *county, uint64_t connection, uint64_t incarnation)
{
    struct hello hello = {
        .version = PROTOCOL_VERSION, .flags = HELLO_ANSWER, .incarnation = incarnation};
    struct event event = county_event(county, EVENT_FRAME);
    struct buffer frame;
    buffer_init(&frame, MESSAGE_SIZE_MAX);
    message_put_hello(&frame, &hello);
    event.peer = town_number(county);
    event.connection = connection;
    event.bytes = buffer_slice(&frame);
    uint64_t to = handle(county, event);
    buffer_deinit(&frame);
    return to;
}

static uint64_t wait_ms(struct county *county, uint64_t ms)
{
    county->now_ms += ms;
    return handle(county, county_event(county, EVENT_TICK));
}

static uint64_t cloned_since(struct county *county)
{
    struct peer_report reports[NODES];
    size_t count = engine_peers(node_engine(county->nodes[HUB].node), reports, NODES);
    for (size_t i = 0; i < count; i++) {
        if (reports[i].number == town_number(county))
            return reports[i].cloned_since_ms;
    }
    return 0;
}

static void two_machines_under_one_key_are_served_in_turns_and_told(void **state)
{
    struct county *county = *state;
    link_goes(county, EVENT_LINK_UP);
    wait_ms(county, 1000);
    assert_int_equal(hello(county, ORIGINAL, 5), 0); /* one machine: any connection */
    wait_ms(county, STORE_TURN_MS);
    assert_int_equal(hello(county, COPY, 6), COPY); /* it may be the one that lives */
    assert_int_equal(cloned_since(county), 0);
    assert_int_equal(hello(county, ORIGINAL, 5), UINT64_MAX); /* not its turn */
    assert_int_equal(wait_ms(county, STORE_TURN_MS), ORIGINAL);
    assert_int_equal(cloned_since(county), 0);
    assert_int_equal(hello(county, ORIGINAL, 5), ORIGINAL);
    uint64_t since = cloned_since(county);
    assert_int_equal(since, county->now_ms - START_MS);
    assert_int_equal(wait_ms(county, STORE_TURN_MS), COPY);
    assert_int_equal(hello(county, COPY, 6), COPY);
    assert_int_equal(cloned_since(county), since);
    assert_int_equal(wait_ms(county, STORE_TURN_MS), ORIGINAL);
}

/* A store that was left and speaks by itself when its turn has come is no new one. */
static void a_store_that_speaks_first_in_its_turn_is_told_at_once(void **state)
{
    struct county *county = *state;
    link_goes(county, EVENT_LINK_UP);
    wait_ms(county, 1000);
    assert_int_equal(hello(county, ORIGINAL, 5), 0);
    wait_ms(county, STORE_TURN_MS);
    assert_int_equal(hello(county, COPY, 6), COPY);
    assert_int_equal(cloned_since(county), 0);
    county->now_ms += STORE_TURN_MS;
    assert_int_equal(hello(county, ORIGINAL, 5), ORIGINAL);
    assert_int_equal(cloned_since(county), county->now_ms - START_MS);
}

static void they_are_told_for_an_hour_after_one_was_stopped(void **state)
{
    struct county *county = *state;
    two_machines_under_one_key_are_served_in_turns_and_told(state);
    assert_int_equal(wait_ms(county, STORE_SILENT_MS), 0); /* the original is gone */
    assert_int_equal(hello(county, COPY, 6), 0);
    assert_int_not_equal(cloned_since(county), 0);
    wait_ms(county, CLONES_TOLD_MS);
    assert_int_equal(cloned_since(county), 0);
}

static void a_machine_that_died_and_was_replaced_is_no_clone(void **state)
{
    struct county *county = *state;
    link_goes(county, EVENT_LINK_UP);
    wait_ms(county, 1000);
    assert_int_equal(hello(county, ORIGINAL, 5), 0);
    wait_ms(county, STORE_TURN_MS);
    assert_int_equal(hello(county, COPY, 6),
                     COPY); /* the dead one's connection is open */
    assert_int_equal(wait_ms(county, STORE_TURN_MS), ORIGINAL);
    assert_int_equal(wait_ms(county, STORE_SILENT_MS), 0);
    assert_int_equal(hello(county, COPY, 6), 0);
    assert_int_equal(cloned_since(county), 0);
}

static void a_store_put_back_to_an_earlier_incarnation_is_no_clone(void **state)
{
    struct county *county = *state;
    for (uint64_t i = 0; i < 4; i++) {
        link_goes(county, EVENT_LINK_UP);
        wait_ms(county, 1000);
        assert_int_equal(hello(county, ORIGINAL + i, i % 2), 0);
        wait_ms(county, 2 * STORE_TURN_MS);
        link_goes(county, EVENT_LINK_DOWN);
    }
    assert_int_equal(cloned_since(county), 0);
}

static void a_machine_with_two_connections_is_no_clone(void **state)
{
    struct county *county = *state;
    link_goes(county, EVENT_LINK_UP);
    for (int i = 0; i < 4; i++) {
        wait_ms(county, STORE_TURN_MS);
        assert_int_equal(hello(county, ORIGINAL, 5), 0);
        assert_int_equal(hello(county, COPY, 5), 0);
    }
    assert_int_equal(cloned_since(county), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, county_set_up, county_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_machines_under_one_key_are_served_in_turns_and_told),
        TEST(a_store_that_speaks_first_in_its_turn_is_told_at_once),
        TEST(they_are_told_for_an_hour_after_one_was_stopped),
        TEST(a_machine_that_died_and_was_replaced_is_no_clone),
        TEST(a_store_put_back_to_an_earlier_incarnation_is_no_clone),
        TEST(a_machine_with_two_connections_is_no_clone),
    };
    return cmocka_run_group_tests_name("clones", tests, NULL, NULL);
}
