/* Traces of connections that come and go; no socket is involved. */
#include "net/links.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

enum { TOWNSHIP = 7, VILLAGE = 9 };

static int links_setup(void **state)
{
    struct links *links = checked_malloc(sizeof(*links));
    links_init(links);
    *state = links;
    return 0;
}

static int links_teardown(void **state)
{
    links_deinit(*state);
    free(*state);
    return 0;
}

static void expect_notice(struct links *links, uint32_t peer, bool up)
{
    uint32_t noticed_peer;
    bool noticed_up;
    assert_true(links_next_notice(links, &noticed_peer, &noticed_up));
    assert_int_equal(noticed_peer, peer);
    assert_int_equal(noticed_up, up);
}

static void expect_no_notice(struct links *links)
{
    uint32_t peer;
    bool up;
    assert_false(links_next_notice(links, &peer, &up));
}

static void two_connections_are_one_link(void **state)
{
    struct links *links = *state;
    links_descriptor_opened(links, 12);
    links_add_dialled(links, 1, TOWNSHIP);
    expect_notice(links, TOWNSHIP, true);
    links_add_accepted(links, 100, TOWNSHIP, 12);
    expect_no_notice(links);
    links_remove(links, links_find(links, true, 1));
    expect_no_notice(links);
    links_remove(links, links_find(links, false, 100));
    expect_notice(links, TOWNSHIP, false);
    expect_no_notice(links);
}

static void the_newest_connection_that_stands_is_sent_on(void **state)
{
    struct links *links = *state;
    links_descriptor_opened(links, 12);
    links_add_dialled(links, 1, TOWNSHIP);
    links_add_accepted(links, 100, TOWNSHIP, 12);
    links_add_dialled(links, 2, VILLAGE);
    assert_int_equal(links_to(links, TOWNSHIP, 0)->id, 100);
    links_descriptor_closed(links, 12);
    assert_int_equal(links_to(links, TOWNSHIP, 0)->id, 1);
    assert_null(links_to(links, 1234, 0));
}

static void down_and_up_between_two_looks_are_both_told(void **state)
{
    struct links *links = *state;
    links_add_dialled(links, 1, TOWNSHIP);
    expect_notice(links, TOWNSHIP, true);
    links_remove(links, links_find(links, true, 1));
    links_add_dialled(links, 2, TOWNSHIP);
    expect_notice(links, TOWNSHIP, false);
    expect_notice(links, TOWNSHIP, true);
    expect_no_notice(links);
}

static void what_came_and_went_unseen_is_not_told(void **state)
{
    struct links *links = *state;
    links_add_dialled(links, 1, TOWNSHIP);
    links_remove(links, links_find(links, true, 1));
    expect_no_notice(links);
    assert_int_equal(links->peer_count, 0);
}

static void a_closed_connection_stays_up_until_it_is_emptied(void **state)
{
    struct links *links = *state;
    links_descriptor_opened(links, 12);
    struct link *link = links_add_accepted(links, 100, TOWNSHIP, 12);
    expect_notice(links, TOWNSHIP, true);
    links_descriptor_closed(links, 12);
    assert_true(link->closed);
    assert_true(links_any_closed(links));
    expect_no_notice(links);
    links_remove(links, link);
    expect_notice(links, TOWNSHIP, false);
}

/* Descriptor 12 is closed and used again while frames of its former connection wait. */
static void a_reused_descriptor_is_not_taken_for_its_former_connection(void **state)
{
    struct links *links = *state;
    links_descriptor_opened(links, 12);
    links_add_accepted(links, 100, TOWNSHIP, 12);
    links_descriptor_closed(links, 12);
    links_descriptor_opened(links, 12);
    links_add_accepted(links, 101, VILLAGE, 12);
    assert_true(links_find(links, false, 100)->closed);
    assert_false(links_find(links, false, 101)->closed);
    assert_null(links_to(links, TOWNSHIP, 0));
    assert_int_equal(links_to(links, VILLAGE, 0)->id, 101);
}

static void a_frame_of_an_ended_connection_does_not_leave_a_link_behind(void **state)
{
    struct links *links = *state;
    links_descriptor_opened(links, 12);
    links_descriptor_closed(links, 12);
    struct link *link = links_add_accepted(links, 100, TOWNSHIP, 12);
    assert_true(link->closed);
    assert_null(links_to(links, TOWNSHIP, 0));
    links_remove(links, link);
    expect_no_notice(links);
}

static void a_cut_connection_is_down_at_once_and_known_until_it_ends(void **state)
{
    struct links *links = *state;
    links_descriptor_opened(links, 12);
    struct link *link = links_add_accepted(links, 100, TOWNSHIP, 12);
    expect_notice(links, TOWNSHIP, true);
    links_cut(links, link);
    expect_notice(links, TOWNSHIP, false);
    assert_non_null(links_find(links, false, 100));
    assert_false(links_any_closed(links));
    links_descriptor_closed(links, 12);
    assert_true(links_any_closed(links));
    links_remove(links, links_find(links, false, 100));
    expect_no_notice(links);
}

static void a_routing_id_taken_by_another_ends_the_former(void **state)
{
    struct links *links = *state;
    links_descriptor_opened(links, 12);
    links_descriptor_opened(links, 13);
    links_add_accepted(links, 100, TOWNSHIP, 12);
    expect_notice(links, TOWNSHIP, true);
    links_add_accepted(links, 100, VILLAGE, 13);
    expect_notice(links, TOWNSHIP, false);
    expect_notice(links, VILLAGE, true);
    assert_int_equal(links->count, 1);
}

static void only_a_crowd_of_one_peer_has_a_surplus(void **state)
{
    struct links *links = *state;
    for (int i = 0; i < ACCEPTED_PER_PEER_MAX; i++) {
        links_descriptor_opened(links, 20 + i);
        links_add_accepted(links, 100 + (uint64_t)i, TOWNSHIP, 20 + i);
    }
    links_add_dialled(links, 1, TOWNSHIP);
    assert_null(links_surplus(links, TOWNSHIP));
    links_descriptor_opened(links, 40);
    links_add_accepted(links, 200, TOWNSHIP, 40);
    assert_int_equal(links_surplus(links, TOWNSHIP)->id, 100);
    links_cut(links, links_surplus(links, TOWNSHIP));
    assert_null(links_surplus(links, TOWNSHIP));
}

static void strange_descriptors_are_ignored(void **state)
{
    struct links *links = *state;
    const int strange[] = {-1, INT32_MIN, INT32_MAX};
    for (size_t i = 0; i < ARRAY_SIZE(strange); i++) {
        links_descriptor_opened(links, strange[i]);
        links_descriptor_closed(links, strange[i]);
        assert_false(links_descriptor_is_open(links, strange[i]));
    }
    assert_int_equal(links->descriptors_size, 0);
}

#define TRACE(name) cmocka_unit_test_setup_teardown(name, links_setup, links_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRACE(two_connections_are_one_link),
        TRACE(the_newest_connection_that_stands_is_sent_on),
        TRACE(down_and_up_between_two_looks_are_both_told),
        TRACE(what_came_and_went_unseen_is_not_told),
        TRACE(a_closed_connection_stays_up_until_it_is_emptied),
        TRACE(a_reused_descriptor_is_not_taken_for_its_former_connection),
        TRACE(a_frame_of_an_ended_connection_does_not_leave_a_link_behind),
        TRACE(a_cut_connection_is_down_at_once_and_known_until_it_ends),
        TRACE(a_routing_id_taken_by_another_ends_the_former),
        TRACE(only_a_crowd_of_one_peer_has_a_surplus),
        TRACE(strange_descriptors_are_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
