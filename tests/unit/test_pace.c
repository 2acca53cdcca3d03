/* How much work a round takes: much while nobody asks, little beside somebody who waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/run/pace.h"

#define FRAME_WORK 1000
#define ROUNDS_ENOUGH 20
#define LONG_MS UINT64_C(1000000)

/* One round of a sender who never ends, with frames of FRAME_WORK of which a unit takes
 * `unit_ns`; gives the work that it took. */
static uint64_t round_of(struct pace *pace, uint64_t now_ms, bool beside,
                         uint64_t unit_ns)
{
    uint64_t work = 0;
    pace_begin(pace, now_ms, beside);
    while (pace_allows(pace)) {
        pace_take(pace, FRAME_WORK, 100);
        work += FRAME_WORK;
    }
    pace_measure(pace, work * unit_ns / 1000);
    return work;
}

static uint64_t settled(struct pace *pace, uint64_t now_ms, bool beside, uint64_t unit_ns)
{
    for (int i = 0; i < ROUNDS_ENOUGH; i++)
        (void)round_of(pace, now_ms, beside, unit_ns);
    return round_of(pace, now_ms, beside, unit_ns);
}

static void cheap_work_fills_a_round_while_nobody_asks(void **state)
{
    (void)state;
    struct pace pace;
    pace_init(&pace);
    assert_int_equal(settled(&pace, LONG_MS, false, 10), PACE_FRAMES_MAX * FRAME_WORK);
}

static void a_slow_machine_takes_less_in_the_same_time(void **state)
{
    (void)state;
    struct pace pace;
    pace_init(&pace);
    uint64_t work = settled(&pace, LONG_MS, false, 10000);
    assert_true(work * 10 <= PACE_CALM_US + FRAME_WORK * 10);
    assert_true(work > PACE_WORK_MIN);
}

static void while_somebody_asks_rounds_are_shorter(void **state)
{
    (void)state;
    struct pace pace;
    pace_init(&pace);
    uint64_t calm = settled(&pace, LONG_MS, false, 1000);
    pace_hurry(&pace, LONG_MS);
    uint64_t hurried = round_of(&pace, LONG_MS, false, 1000);
    uint64_t beside = round_of(&pace, LONG_MS, true, 1000);
    assert_true(hurried <= PACE_HURRIED_US + FRAME_WORK && hurried < calm);
    assert_true(beside <= PACE_BESIDE_US + FRAME_WORK && beside < hurried);
    assert_int_equal(settled(&pace, LONG_MS + PACE_HURRY_MS, false, 1000), calm);
}

static void the_slowest_machine_still_gets_on(void **state)
{
    (void)state;
    struct pace pace;
    pace_init(&pace);
    assert_int_equal(settled(&pace, LONG_MS, true, UINT32_MAX), PACE_WORK_MIN);
}

/* Cheap ones before a dear round: what it may cost is at most twice what was allowed. */
static void a_round_is_at_most_twice_the_one_before(void **state)
{
    (void)state;
    struct pace pace;
    pace_init(&pace);
    uint64_t before = settled(&pace, LONG_MS, false, UINT32_MAX);
    for (int i = 0; i < ROUNDS_ENOUGH; i++) {
        uint64_t work = round_of(&pace, LONG_MS, false, 10);
        assert_true(work <= 2 * before);
        before = work;
    }
    assert_int_equal(before, PACE_FRAMES_MAX * FRAME_WORK);
}

static void long_frames_end_a_round_by_their_bytes(void **state)
{
    (void)state;
    struct pace pace;
    pace_init(&pace);
    (void)settled(&pace, LONG_MS, false, 10);
    pace_begin(&pace, LONG_MS, false);
    pace_take(&pace, 1, PACE_BYTES_MAX);
    assert_false(pace_allows(&pace));
}

static void a_round_with_little_work_says_nothing_of_it(void **state)
{
    (void)state;
    struct pace pace;
    pace_init(&pace);
    uint64_t before = settled(&pace, LONG_MS, false, 1000);
    pace_begin(&pace, LONG_MS, false);
    pace_measure(&pace, UINT32_MAX);
    pace_take(&pace, PACE_WORK_MIN - 1, 100);
    pace_measure(&pace, UINT32_MAX);
    assert_int_equal(round_of(&pace, LONG_MS, false, 1000), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cheap_work_fills_a_round_while_nobody_asks),
        cmocka_unit_test(a_slow_machine_takes_less_in_the_same_time),
        cmocka_unit_test(while_somebody_asks_rounds_are_shorter),
        cmocka_unit_test(the_slowest_machine_still_gets_on),
        cmocka_unit_test(a_round_is_at_most_twice_the_one_before),
        cmocka_unit_test(long_frames_end_a_round_by_their_bytes),
        cmocka_unit_test(a_round_with_little_work_says_nothing_of_it),
    };
    return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
