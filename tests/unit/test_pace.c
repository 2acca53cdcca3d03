/* How many frames a round takes: many while nobody asks, few when they are dear. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/run/pace.h"

#define CHEAP_US 100
#define DEAR_US 10000
#define ROUNDS_ENOUGH 20
#define LONG_MS UINT64_C(1000000)

/* One round of a sender who never ends; gives how many frames it took. */
static size_t round_of(struct pace *pace, uint64_t now_ms, uint64_t frame_us)
{
    size_t frames = 0;
    pace_begin(pace, now_ms);
    while (pace_allows(pace)) {
        pace_take(pace, 100);
        frames++;
    }
    pace_measure(pace, frames * frame_us);
    return frames;
}

static size_t settled(struct pace *pace, uint64_t now_ms, uint64_t frame_us)
{
    for (int i = 0; i < ROUNDS_ENOUGH; i++)
        (void)round_of(pace, now_ms, frame_us);
    return round_of(pace, now_ms, frame_us);
}

static void cheap_frames_fill_a_round_while_nobody_asks(void **state)
{
    (void)state;
    struct pace pace;
    pace_init(&pace);
    assert_int_equal(settled(&pace, LONG_MS, CHEAP_US), PACE_FRAMES_MAX);
}

static void dear_frames_take_a_bounded_time(void **state)
{
    (void)state;
    struct pace pace;
    pace_init(&pace);
    size_t calm = settled(&pace, LONG_MS, DEAR_US);
    assert_true(calm * DEAR_US <= PACE_CALM_US);
    assert_true(calm > PACE_FRAMES_MIN);
}

static void while_somebody_asks_rounds_are_shorter(void **state)
{
    (void)state;
    struct pace pace;
    pace_init(&pace);
    size_t calm = settled(&pace, LONG_MS, 1000);
    pace_hurry(&pace, LONG_MS);
    size_t hurried = round_of(&pace, LONG_MS, 1000);
    assert_true(hurried * 1000 <= PACE_HURRIED_US);
    assert_true(hurried < calm);
    assert_int_equal(settled(&pace, LONG_MS + PACE_HURRY_MS, 1000), calm);
}

static void the_dearest_frames_still_get_on(void **state)
{
    (void)state;
    struct pace pace;
    pace_init(&pace);
    assert_int_equal(settled(&pace, LONG_MS, UINT32_MAX), PACE_FRAMES_MIN);
}

/* Cheap ones before a dear round: what it may cost is at most twice what was allowed. */
static void a_round_is_at_most_twice_the_one_before(void **state)
{
    (void)state;
    struct pace pace;
    pace_init(&pace);
    size_t before = settled(&pace, LONG_MS, UINT32_MAX);
    for (int i = 0; i < ROUNDS_ENOUGH; i++) {
        size_t frames = round_of(&pace, LONG_MS, 1);
        assert_true(frames <= 2 * before);
        before = frames;
    }
    assert_int_equal(before, PACE_FRAMES_MAX);
}

static void a_long_frame_counts_as_several(void **state)
{
    (void)state;
    struct pace pace;
    pace_init(&pace);
    pace_begin(&pace, LONG_MS);
    pace_take(&pace, PACE_FRAMES_MAX * (size_t)PACE_FRAME_BYTES);
    assert_false(pace_allows(&pace));
}

static void a_round_without_frames_says_nothing_of_them(void **state)
{
    (void)state;
    struct pace pace;
    pace_init(&pace);
    size_t before = settled(&pace, LONG_MS, CHEAP_US);
    pace_begin(&pace, LONG_MS);
    pace_measure(&pace, UINT32_MAX);
    assert_int_equal(round_of(&pace, LONG_MS, CHEAP_US), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cheap_frames_fill_a_round_while_nobody_asks),
        cmocka_unit_test(dear_frames_take_a_bounded_time),
        cmocka_unit_test(while_somebody_asks_rounds_are_shorter),
        cmocka_unit_test(the_dearest_frames_still_get_on),
        cmocka_unit_test(a_round_is_at_most_twice_the_one_before),
        cmocka_unit_test(a_long_frame_counts_as_several),
        cmocka_unit_test(a_round_without_frames_says_nothing_of_them),
    };
    return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
