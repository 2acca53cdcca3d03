/* Whose frame is next: every peer that waits gets the same share of the work. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "daemon/run/round.h"
#include "daemon/run/shares.h"
#include "net/message.h"
#include "net/session.h"

#define GREEDY 7
#define HONEST 8
#define PEERS 5
#define ENTRIES_MANY 20000

struct fixture {
    struct shares shares;
    struct arena arena;
    struct buffer dear, cheap; /* frames */
    uint64_t done[16];         /* work, by peer */
};

/* A run of so many entries of one byte. */
static void put_run(struct buffer *out, uint32_t count)
{
    struct run run = {.log = {3, 1, 3}, .first_seq = 2, .count = count, .realm = 1};
    struct buffer entries;
    buffer_init(&entries, RUN_SIZE_LIMIT);
    for (uint32_t i = 0; i < count; i++)
        buffer_put(&entries, "\x01x", 2);
    run.entries = buffer_slice(&entries);
    buffer_init(out, MESSAGE_SIZE_MAX);
    message_put_run(out, 0, 0, &run);
    buffer_deinit(&entries);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    shares_init(&fixture->shares);
    arena_init(&fixture->arena);
    put_run(&fixture->dear, ENTRIES_MANY);
    put_run(&fixture->cheap, 1);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    shares_deinit(&fixture->shares);
    arena_deinit(&fixture->arena);
    buffer_deinit(&fixture->dear);
    buffer_deinit(&fixture->cheap);
    free(fixture);
    return 0;
}

static bool add(struct fixture *fixture, uint32_t peer, const struct buffer *frame)
{
    return shares_add(&fixture->shares,
                      &(struct transport_event){.kind = TRANSPORT_FRAME,
                                                .peer = peer,
                                                .frame = buffer_slice(frame)});
}

/* Gives the peer whose frame was taken. */
static uint32_t take(struct fixture *fixture)
{
    struct transport_event heard;
    uint64_t work;
    assert_true(shares_take(&fixture->shares, &fixture->arena, &heard, &work));
    fixture->done[heard.peer] += work;
    arena_reset(&fixture->arena);
    return heard.peer;
}

static void a_greedy_peer_gets_no_more_than_its_share_while_another_waits(void **state)
{
    struct fixture *fixture = *state;
    uint64_t most = SHARES_QUANTUM + shares_work(buffer_slice(&fixture->dear));
    while (add(fixture, GREEDY, &fixture->dear))
        continue;
    while (add(fixture, HONEST, &fixture->cheap))
        continue;
    for (int i = 0; i < 20000; i++) {
        uint32_t peer = take(fixture);
        (void)add(fixture, peer, peer == GREEDY ? &fixture->dear : &fixture->cheap);
        assert_true(fixture->done[GREEDY] <= fixture->done[HONEST] + most);
        assert_true(fixture->done[HONEST] <= fixture->done[GREEDY] + most);
    }
    assert_true(fixture->done[GREEDY] > most);
}

static void no_peer_starves(void **state)
{
    struct fixture *fixture = *state;
    uint64_t most = SHARES_QUANTUM + shares_work(buffer_slice(&fixture->dear));
    for (uint32_t peer = 1; peer <= PEERS; peer++) {
        for (int i = 0; i < 20; i++)
            assert_true(add(fixture, peer, peer % 2 ? &fixture->dear : &fixture->cheap));
    }
    for (int i = 0; i < 20000; i++) {
        uint32_t taken = take(fixture);
        (void)add(fixture, taken, taken % 2 ? &fixture->dear : &fixture->cheap);
        for (uint32_t peer = 1; peer <= PEERS; peer++)
            assert_true(fixture->done[taken] <= fixture->done[peer] + most);
    }
}

/* Whoever comes back after a long silence is owed nothing for it. */
static void an_idle_peer_builds_no_credit(void **state)
{
    struct fixture *fixture = *state;
    assert_true(add(fixture, HONEST, &fixture->cheap));
    assert_int_equal(take(fixture), HONEST);
    while (add(fixture, GREEDY, &fixture->dear))
        continue;
    for (int i = 0; i < 1000; i++) {
        (void)add(fixture, take(fixture), &fixture->dear);
    }
    memset(fixture->done, 0, sizeof fixture->done);
    while (add(fixture, HONEST, &fixture->cheap))
        continue;
    uint64_t most = SHARES_QUANTUM + shares_work(buffer_slice(&fixture->dear));
    for (int i = 0; i < 5000; i++) {
        uint32_t peer = take(fixture);
        (void)add(fixture, peer, peer == GREEDY ? &fixture->dear : &fixture->cheap);
        assert_true(fixture->done[HONEST] <= fixture->done[GREEDY] + most);
    }
}

static void who_alone_waits_is_served_without_pause(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 5; i++)
        assert_true(add(fixture, GREEDY, &fixture->dear));
    for (int i = 0; i < 5; i++)
        assert_int_equal(take(fixture), GREEDY);
    assert_false(shares_any(&fixture->shares));
}

static void what_waits_stays_within_its_bounds(void **state)
{
    struct fixture *fixture = *state;
    uint32_t peer = 0;
    for (; !shares_are_full(&fixture->shares); peer++) {
        while (add(fixture, peer, &fixture->dear))
            continue;
    }
    assert_true(fixture->shares.bytes <= SHARES_BYTES_MAX + SHARES_PEER_BYTES_MAX);
    assert_true(peer >= SHARES_BYTES_MAX / SHARES_PEER_BYTES_MAX);
}

/* Each frame takes memory beside its bytes, and an empty one takes no less. */
static void frames_of_hardly_a_byte_fill_a_peers_share_too(void **state)
{
    struct fixture *fixture = *state;
    static const uint8_t byte = 1;
    for (uint32_t size = 0; size < 2; size++) {
        struct transport_event event = {
            .kind = TRANSPORT_FRAME, .peer = size, .frame = slice_of(&byte, size)};
        size_t frames = 0;
        while (frames < SHARES_PEER_BYTES_MAX && shares_add(&fixture->shares, &event))
            frames++;
        assert_true(frames <= SHARES_PEER_BYTES_MAX / 32);
        shares_forget(&fixture->shares, size);
    }
    assert_int_equal(fixture->shares.bytes, 0);
}

struct flood {
    unsigned heard;
};

static bool flood_receive(void *context, struct transport_event *heard)
{
    struct flood *flood = context;
    flood->heard++;
    assert_true(flood->heard <= ROUND_HEARD_MAX);
    *heard = (struct transport_event){.kind = TRANSPORT_UP, .peer = GREEDY};
    return true;
}

/* Links that come and go are always taken. */
static void a_flood_without_end_does_not_hold_the_round(void **state)
{
    struct flood flood = {0};
    struct round round;
    (void)state;
    round_init(&round, NULL,
               &(struct round_carrier){.context = &flood, .receive = flood_receive});
    round_hear(&round);
    assert_int_equal(flood.heard, ROUND_HEARD_MAX);
    assert_true(shares_any(&round.shares));
    round_deinit(&round);
}

/* The smallest run that says anything: a neighbour that keeps to its window is never cut. */
static void
what_a_window_allows_on_two_connections_fits_in_the_smallest_runs(void **state)
{
    struct fixture *fixture = *state;
    size_t under_way = 0;
    while (under_way < 2 * WINDOW_MAX) {
        assert_true(add(fixture, HONEST, &fixture->cheap));
        under_way += fixture->cheap.size;
    }
    assert_true(add(fixture, HONEST, &fixture->dear));
}

static void a_peers_frames_come_in_their_order_with_its_links_ends(void **state)
{
    static const enum transport_event_kind kinds[] = {
        TRANSPORT_UP, TRANSPORT_FRAME, TRANSPORT_DOWN, TRANSPORT_UP, TRANSPORT_FRAME};
    struct fixture *fixture = *state;
    struct transport_event heard;
    uint64_t work;
    for (uint8_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        struct transport_event event = {
            .kind = kinds[i], .peer = HONEST, .connection = i, .frame = slice_of(&i, 1)};
        assert_true(shares_add(&fixture->shares, &event));
    }
    for (uint8_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        assert_true(shares_take(&fixture->shares, &fixture->arena, &heard, &work));
        assert_int_equal(heard.kind, kinds[i]);
        assert_int_equal(heard.connection, i);
        if (heard.kind == TRANSPORT_FRAME)
            assert_int_equal(heard.frame.data[0], i);
    }
}

static void who_is_cut_off_loses_its_frames_and_no_end_of_a_link(void **state)
{
    struct fixture *fixture = *state;
    struct transport_event heard;
    uint64_t work;
    assert_true(add(fixture, GREEDY, &fixture->dear));
    assert_true(
        shares_add(&fixture->shares,
                   &(struct transport_event){.kind = TRANSPORT_DOWN, .peer = GREEDY}));
    assert_true(add(fixture, GREEDY, &fixture->dear));
    assert_true(add(fixture, HONEST, &fixture->cheap));
    shares_forget(&fixture->shares, GREEDY);
    assert_true(shares_take(&fixture->shares, &fixture->arena, &heard, &work));
    assert_int_equal(heard.peer, GREEDY);
    assert_int_equal(heard.kind, TRANSPORT_DOWN);
    assert_true(shares_take(&fixture->shares, &fixture->arena, &heard, &work));
    assert_int_equal(heard.peer, HONEST);
    assert_false(shares_any(&fixture->shares));
    assert_int_equal(fixture->shares.bytes, 0);
}

static void work_follows_what_a_frame_makes_us_do(void **state)
{
    struct fixture *fixture = *state;
    uint64_t cheap = shares_work(buffer_slice(&fixture->cheap));
    uint64_t dear = shares_work(buffer_slice(&fixture->dear));
    assert_true(dear > 100 * cheap);
    struct slice noise = slice_of(fixture->dear.data + 1, fixture->dear.size - 1);
    assert_true(shares_work(noise) < dear / 10);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_greedy_peer_gets_no_more_than_its_share_while_another_waits),
        TEST(no_peer_starves),
        TEST(an_idle_peer_builds_no_credit),
        TEST(who_alone_waits_is_served_without_pause),
        TEST(what_waits_stays_within_its_bounds),
        TEST(frames_of_hardly_a_byte_fill_a_peers_share_too),
        TEST(a_flood_without_end_does_not_hold_the_round),
        TEST(what_a_window_allows_on_two_connections_fits_in_the_smallest_runs),
        TEST(a_peers_frames_come_in_their_order_with_its_links_ends),
        TEST(who_is_cut_off_loses_its_frames_and_no_end_of_a_link),
        TEST(work_follows_what_a_frame_makes_us_do),
    };
    return cmocka_run_group_tests_name("shares", tests, NULL, NULL);
}
