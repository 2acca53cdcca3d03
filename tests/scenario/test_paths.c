/* How a record travels: through townships that cannot read it, around those that are gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "crdt/log.h"
#include "net/message.h"
#include "net/session.h"
#include "tests/sim/checks.h"
#include "tests/sim/forge.h"
#include "tests/sim/scene.h"

static void assert_all_is_well(struct scene *scene)
{
    assert_true(scene_agrees(scene));
    check_converged(scene->world);
    check_acknowledged(scene->world);
    check_readable(scene->world);
    check_model(scene->world);
    assert_string_equal(scene->world->failure, "");
}

static void
a_visit_written_in_a_village_reaches_the_hub_and_is_readable_there(void **state)
{
    struct scene scene;
    (void)state;
    scene_open(&scene, 1);
    uint32_t township = scene_add(&scene, SHILIAN, "shilian");
    uint32_t village = scene_add(&scene, SHILIAN_VILLAGE, "village");
    scene_found(&scene);
    scene_connect(&scene, 0, township);
    scene_connect(&scene, township, village);
    scene_run(&scene, SECOND_MS);

    struct entry_id person = scene_person(&scene, village, SHILIAN);
    assert_int_equal(scene.status, OK);
    struct entry_id visit = scene_visit(&scene, village, SHILIAN, &person);
    assert_int_equal(scene.status, OK);
    scene_run(&scene, SECOND_MS);

    assert_true(scene_reads(&scene, 0, REGISTER_VISIT, SHILIAN, &person, &visit));
    assert_true(scene_reads(&scene, township, REGISTER_VISIT, SHILIAN, &person, &visit));
    assert_all_is_well(&scene);
    scene_close(&scene);
}

static void a_relay_without_keys_forwards_what_it_cannot_read(void **state)
{
    struct scene scene;
    (void)state;
    scene_open(&scene, 2);
    uint32_t relay = scene_add(&scene, SHILIAN, "shilian");
    uint32_t far = scene_add(&scene, GAOPING, "gaoping");
    scene_found(&scene);
    scene_connect(&scene, 0, relay);
    scene_connect(&scene, relay, far);
    scene_run(&scene, SECOND_MS);

    struct entry_id person = scene_person(&scene, far, GAOPING);
    scene_run(&scene, SECOND_MS);

    assert_true(scene_holds(&scene, relay, &person));
    assert_false(scene_reads(&scene, relay, REGISTER_PERSON, GAOPING, NULL, &person));
    assert_true(scene_reads(&scene, 0, REGISTER_PERSON, GAOPING, NULL, &person));
    assert_all_is_well(&scene);
    scene_close(&scene);
}

static void when_a_relay_is_gone_for_good_another_path_serves(void **state)
{
    struct scene scene;
    (void)state;
    scene_open(&scene, 3);
    uint32_t relay = scene_add(&scene, SHILIAN, "shilian");
    uint32_t far = scene_add(&scene, GAOPING, "gaoping");
    uint32_t other = scene_add(&scene, HUSHAN, "hushan");
    scene_found(&scene);
    uint32_t lost = scene_connect(&scene, 0, relay);
    scene_connect(&scene, relay, far);
    scene_run(&scene, SECOND_MS);
    link_cut(scene.world, lost);
    struct entry_id person = scene_person(&scene, far, GAOPING);
    scene_run(&scene, 60 * SECOND_MS);
    assert_true(scene_holds(&scene, relay, &person));
    assert_false(scene_holds(&scene, 0, &person));

    machine_power_off(scene.world, world_machine(scene.world, relay));
    scene_connect(&scene, far, other);
    scene_connect(&scene, other, 0);
    scene_run(&scene, 60 * SECOND_MS);

    assert_true(scene_reads(&scene, 0, REGISTER_PERSON, GAOPING, NULL, &person));
    scene_close(&scene);
}

static void neighbours_cut_off_from_the_hub_reconcile_by_themselves(void **state)
{
    struct scene scene;
    (void)state;
    scene_open(&scene, 4);
    uint32_t one = scene_add(&scene, SHILIAN, "shilian");
    uint32_t two = scene_add(&scene, GAOPING, "gaoping");
    scene_found(&scene);
    struct entry_id first = scene_person(&scene, one, SHILIAN);
    struct entry_id second = scene_person(&scene, two, GAOPING);
    scene_connect(&scene, one, two);
    scene_run(&scene, 2 * SECOND_MS);

    assert_true(scene_holds(&scene, two, &first));
    assert_true(scene_holds(&scene, one, &second));
    scene_close(&scene);
}

/* Loses every run of the authority's log, and so the roster, on its way to one machine. */
struct roster_thief {
    uint32_t victim;
    bool active;
};

static enum frame_verdict steal_roster(void *context, struct world *world, uint32_t from,
                                       uint32_t to, struct slice frame)
{
    const struct roster_thief *thief = context;
    struct message message;
    (void)world;
    (void)from;
    bool control = message_decode(frame, &message) == OK && message.kind == MESSAGE_RUN &&
                   message.run.run.log.lane == LANE_CONTROL;
    return thief->active && to == thief->victim && control ? FRAME_LOST : FRAME_PASSES;
}

static void an_unknown_author_is_wanted_and_arrives_after_the_roster(void **state)
{
    struct scene scene;
    (void)state;
    scene_open(&scene, 5);
    uint32_t old = scene_add(&scene, SHILIAN, "shilian");
    scene_found(&scene);
    scene_connect(&scene, 0, old);
    scene_run(&scene, 5 * SECOND_MS);
    struct roster_thief thief = {.victim = old, .active = true};
    scene.world->intercept = steal_roster;
    scene.world->intercept_context = &thief;

    uint32_t newcomer = scene_add(&scene, GAOPING, "gaoping");
    world_found(scene.world, newcomer, 1);
    machine_deliver(scene.world, world_machine(scene.world, 0), EVENT_JOIN, 0,
                    buffer_slice(&scene.world->county.file), NULL);
    scene_connect(&scene, 0, newcomer);
    scene_run(&scene, 5 * SECOND_MS);
    struct entry_id person = scene_person(&scene, newcomer, GAOPING);
    scene_run(&scene, 60 * SECOND_MS);

    struct engine_report report;
    engine_report(node_engine(world_machine(scene.world, old)->node), &report);
    assert_false(scene_holds(&scene, old, &person));
    assert_true(report.wanted_logs >= 1);
    struct peer_report hub = scene_report(&scene, old, 0);
    assert_int_not_equal(hub.state, PEER_OFFLINE); /* nobody is penalised */

    thief.active = false;
    assert_all_is_well(&scene);
    assert_true(scene_holds(&scene, old, &person));
    scene_close(&scene);
}

static void what_the_hub_changes_reads_the_same_in_the_village(void **state)
{
    struct scene scene;
    char text[SHOWN_SIZE];
    size_t versions;
    (void)state;
    scene_open(&scene, 6);
    uint32_t township = scene_add(&scene, SHILIAN, "shilian");
    uint32_t village = scene_add(&scene, SHILIAN_VILLAGE, "village");
    scene_found(&scene);
    scene_connect(&scene, 0, township);
    scene_connect(&scene, township, village);
    scene_run(&scene, SECOND_MS);
    struct entry_id person = scene_person(&scene, village, SHILIAN);
    scene_run(&scene, 2 * SECOND_MS);
    scene_set(&scene, 0, &person, PERSON_NAME, "王秀兰");
    assert_int_equal(scene.status, OK);
    scene_run(&scene, 2 * SECOND_MS);

    assert_string_equal(
        scene_shows(&scene, village, SHILIAN, &person, PERSON_NAME, text, &versions),
        "王秀兰");
    assert_int_equal(versions, 1);
    assert_all_is_well(&scene);
    scene_close(&scene);
}

/* The operator and the person are written in one run, signed at its end. */
static void a_want_that_ends_within_a_run_is_answered_to_the_runs_end(void **state)
{
    struct scene scene;
    struct buffer frame;
    (void)state;
    scene_open(&scene, 8);
    uint32_t township = scene_add(&scene, SHILIAN, "shilian");
    scene_found(&scene);
    scene_connect(&scene, 0, township);
    scene_run(&scene, SECOND_MS);
    struct entry_id person = scene_person(&scene, township, SHILIAN);
    assert_true(scene_agrees(&scene));
    assert_int_equal(entry_id_seq(&person), 2);

    uint64_t sent = scene_bytes(&scene, township, 0);
    buffer_init(&frame, SIZE_MAX);
    message_begin_want(&frame, 1);
    message_put_range(&frame, &(struct wanted_range){entry_id_log(&person), 1, 1});
    forge_deliver(scene.world, world_machine(scene.world, township),
                  world_machine(scene.world, 0), &frame);
    buffer_deinit(&frame);
    scene_run(&scene, SECOND_MS);
    assert_true(scene_bytes(&scene, township, 0) > sent + 200);
    assert_all_is_well(&scene);
    scene_close(&scene);
}

static enum frame_verdict lose_runs(void *context, struct world *world, uint32_t from,
                                    uint32_t to, struct slice frame)
{
    const uint32_t *deaf = context;
    (void)world;
    (void)from;
    return to == *deaf && frame.data[0] == MESSAGE_RUN ? FRAME_LOST : FRAME_PASSES;
}

/* A township asks the hub for what a neighbour brings it meanwhile; the hub's answer is one run
 * of all of it. */
static void what_is_held_of_a_run_does_not_keep_out_the_rest(void **state)
{
    struct scene scene;
    struct store_txn *txn;
    struct buffer entries, frame;
    struct run run;
    (void)state;
    scene_open(&scene, 20);
    uint32_t township = scene_add(&scene, SHILIAN, "shilian");
    uint32_t other = scene_add(&scene, HUSHAN, "hushan");
    scene_found(&scene);
    scene_connect(&scene, 0, township);
    scene_connect(&scene, 0, other);
    scene_run(&scene, SECOND_MS);
    struct entry_id person = scene_person(&scene, township, SHILIAN);
    scene_run(&scene, SECOND_MS);
    scene.world->intercept = lose_runs;
    scene.world->intercept_context = &other;
    struct entry_id visit = person;
    for (int i = 0; i < 3; i++) {
        visit = scene_visit(&scene, township, SHILIAN, &person);
        scene_run(&scene, SECOND_MS);
    }
    assert_true(scene_holds(&scene, other, &person));
    assert_false(scene_holds(&scene, other, &visit));

    struct log_name log = entry_id_log(&person);
    struct machine *hub = world_machine(scene.world, 0);
    const struct head *head = heads_find(engine_heads(node_engine(hub->node)), log);
    struct log_id id = {world_machine(scene.world, township)->keys.id, head->incarnation,
                        log.lane};
    buffer_init(&entries, RUN_SIZE_LIMIT);
    buffer_init(&frame, MESSAGE_SIZE_MAX);
    assert_int_equal(node_read(hub->node, &txn), OK);
    assert_true(log_cut_run(txn, &scene.world->county.salt, log, &id,
                            entry_id_seq(&person), head->seq, RUN_SIZE_MAX, &entries,
                            &run));
    assert_int_equal(run_last_seq(&run), entry_id_seq(&visit));
    message_put_run(&frame, 0, 0, &run);
    store_abort(txn);
    forge_deliver(scene.world, world_machine(scene.world, other), hub, &frame);
    scene_run(&scene, 100);

    assert_true(scene_holds(&scene, other, &visit));
    assert_int_equal(scene_report(&scene, other, 0).refused[REFUSED_GAP], 0);
    scene.world->intercept = NULL;
    assert_all_is_well(&scene);
    buffer_deinit(&entries);
    buffer_deinit(&frame);
    scene_close(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_visit_written_in_a_village_reaches_the_hub_and_is_readable_there),
        cmocka_unit_test(a_relay_without_keys_forwards_what_it_cannot_read),
        cmocka_unit_test(when_a_relay_is_gone_for_good_another_path_serves),
        cmocka_unit_test(neighbours_cut_off_from_the_hub_reconcile_by_themselves),
        cmocka_unit_test(an_unknown_author_is_wanted_and_arrives_after_the_roster),
        cmocka_unit_test(what_the_hub_changes_reads_the_same_in_the_village),
        cmocka_unit_test(a_want_that_ends_within_a_run_is_answered_to_the_runs_end),
        cmocka_unit_test(what_is_held_of_a_run_does_not_keep_out_the_rest),
    };
    return cmocka_run_group_tests_name("paths", tests, NULL, NULL);
}
