/* An alarm overtakes what waits: a red lead goes by the urgent lane, behind no backlog of
 * records, on every stretch of its way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "crdt/schema_leads.h"
#include "tests/sim/checks.h"
#include "tests/sim/scene.h"
#include "tests/sim/workload.h"

#define BACKLOG 10000
#define MINUTE_MS (60 * SECOND_MS)
#define SLOW_BYTES_PER_S 2000 /* 16 kbit/s */
#define HOURS_MAX_MS (12 * 60 * MINUTE_MS)

static struct entry_id lead(struct scene *scene, uint32_t machine, uint8_t level)
{
    struct world *world = scene->world;
    scene_submit(scene, work_lead(world, world_machine(world, machine), SHILIAN, level));
    assert_int_equal(scene->status, OK);
    return scene->id;
}

/* A township writes a month while it is cut off. */
static void write_backlog(struct scene *scene, uint32_t machine, unsigned entries)
{
    struct entry_id person = scene_person(scene, machine, SHILIAN);
    for (unsigned i = 1; i < entries; i++) {
        (void)scene_visit(scene, machine, SHILIAN, &person);
        assert_int_equal(scene->status, OK);
    }
}

static uint32_t slow_line(struct scene *scene, uint32_t a, uint32_t b)
{
    return link_add(
        scene->world, a, b,
        &(struct link_quality){.delay_ms = 300, .rate_bytes_per_s = SLOW_BYTES_PER_S});
}

/* Runs until the machine holds the entry; how long that took. */
static uint64_t until_held(struct scene *scene, uint32_t machine,
                           const struct entry_id *id)
{
    uint64_t began_ms = scene->world->now_ms;
    while (!scene_holds(scene, machine, id)) {
        assert_true(scene->world->now_ms - began_ms < HOURS_MAX_MS);
        scene_run(scene, SECOND_MS);
    }
    return scene->world->now_ms - began_ms;
}

static void a_red_lead_behind_a_backlog_arrives_first(void **state)
{
    struct scene scene;
    (void)state;
    scene_open(&scene, 1);
    uint32_t township = scene_add(&scene, SHILIAN, "shilian");
    scene_found(&scene);
    write_backlog(&scene, township, BACKLOG);
    struct entry_id yellow = lead(&scene, township, LEAD_YELLOW);
    struct entry_id red = lead(&scene, township, LEAD_RED);
    assert_int_equal(entry_id_log(&yellow).lane, LANE_RECORD);
    assert_int_equal(entry_id_log(&red).lane, LANE_URGENT);

    slow_line(&scene, 0, township);
    uint64_t red_ms = until_held(&scene, 0, &red);
    assert_true(scene_reads(&scene, 0, REGISTER_LEAD, SHILIAN, NULL, &red));
    assert_false(scene_holds(&scene, 0, &yellow));
    uint64_t rest_ms = red_ms + until_held(&scene, 0, &yellow);
    print_message("red %llu s, the lane of records %llu s\n",
                  (unsigned long long)(red_ms / SECOND_MS),
                  (unsigned long long)(rest_ms / SECOND_MS));
    assert_true(red_ms < 5 * SECOND_MS);
    assert_true(rest_ms > 100 * red_ms);
    scene_close(&scene);
}

static void a_red_lead_overtakes_a_backlog_that_is_on_its_way(void **state)
{
    struct scene scene;
    (void)state;
    scene_open(&scene, 2);
    uint32_t township = scene_add(&scene, SHILIAN, "shilian");
    scene_found(&scene);
    write_backlog(&scene, township, BACKLOG / 4);
    struct entry_id last = scene.id;
    slow_line(&scene, 0, township);
    scene_run(&scene, MINUTE_MS);

    struct entry_id red = lead(&scene, township, LEAD_RED);
    uint64_t red_ms = until_held(&scene, 0, &red);
    assert_false(scene_holds(&scene, 0, &last));
    /* And what is done about it, by the same lane, the other way. */
    scene_submit(&scene,
                 work_ack(scene.world, world_machine(scene.world, 0), SHILIAN, &red));
    assert_int_equal(scene.status, OK);
    struct entry_id ack = scene.id;
    assert_int_equal(entry_id_log(&ack).lane, LANE_URGENT);
    uint64_t ack_ms = until_held(&scene, township, &ack);
    print_message("red %llu s, its acknowledgement %llu s\n",
                  (unsigned long long)(red_ms / SECOND_MS),
                  (unsigned long long)(ack_ms / SECOND_MS));
    assert_true(red_ms <= 20 * SECOND_MS);
    assert_true(ack_ms <= 20 * SECOND_MS);
    assert_false(scene_holds(&scene, 0, &last));
    scene_close(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_red_lead_behind_a_backlog_arrives_first),
        cmocka_unit_test(a_red_lead_overtakes_a_backlog_that_is_on_its_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
