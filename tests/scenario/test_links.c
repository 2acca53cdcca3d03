/* What bad links may cost, and what they may not. Bytes are of frames, as the carrier is
 * handed them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "net/message.h"
#include "tests/sim/checks.h"
#include "tests/sim/scene.h"
#include "tests/sim/workload.h"

static uint32_t open_pair(struct scene *scene, uint64_t seed)
{
    scene_open(scene, seed);
    uint32_t township = scene_add(scene, SHILIAN, "shilian");
    scene_found(scene);
    return township;
}

static void assert_all_is_well(struct scene *scene)
{
    assert_true(scene_agrees(scene));
    check_converged(scene->world);
    check_acknowledged(scene->world);
    check_model(scene->world);
    assert_string_equal(scene->world->failure, "");
}

/* Counts entries that pass in runs, and loses the first runs it is told to lose. */
struct listener {
    unsigned lose_runs;
    uint64_t entries, hellos;
};

static enum frame_verdict listen_in(void *context, struct world *world, uint32_t from,
                                    uint32_t to, struct slice frame)
{
    struct listener *listener = context;
    struct message message;
    (void)world;
    (void)from;
    (void)to;
    assert_int_equal(message_decode(frame, &message), OK);
    listener->hellos += message.kind == MESSAGE_HELLO ? 1 : 0;
    if (message.kind != MESSAGE_RUN) {
        return FRAME_PASSES;
    }
    if (listener->lose_runs > 0) {
        listener->lose_runs--;
        return FRAME_LOST;
    }
    listener->entries += message.run.run.count;
    return FRAME_PASSES;
}

static void a_lost_push_is_noticed_and_fetched(void **state)
{
    struct scene scene;
    (void)state;
    uint32_t township = open_pair(&scene, 21);
    scene_connect(&scene, 0, township);
    scene_run(&scene, 5 * SECOND_MS);
    struct listener listener = {.lose_runs = 1};
    scene.world->intercept = listen_in;
    scene.world->intercept_context = &listener;

    struct entry_id person = scene_person(&scene, township, SHILIAN);
    scene_run(&scene, 2 * SECOND_MS);
    assert_false(scene_holds(&scene, 0, &person));
    scene_run(&scene, 120 * SECOND_MS);
    assert_true(scene_holds(&scene, 0, &person));
    assert_all_is_well(&scene);
    scene_close(&scene);
}

static void write_visits(struct scene *scene, uint32_t machine, unsigned count)
{
    struct entry_id person = scene_person(scene, machine, SHILIAN);
    for (unsigned i = 1; i < count; i++) {
        scene_visit(scene, machine, SHILIAN, &person);
        assert_int_equal(scene->status, OK);
    }
}

/* 2,000 writes over a line of 4 kB/s that is cut every quarter of a minute: each cut costs a
 * window again, never the backlog. */
static void a_cut_link_resumes_without_starting_over(void **state)
{
    struct scene scene;
    const unsigned cuts = 3, writes = 2000, window_entries = 500;
    (void)state;
    uint32_t township = open_pair(&scene, 22);
    write_visits(&scene, township, writes);
    struct listener listener = {0};
    scene.world->intercept = listen_in;
    scene.world->intercept_context = &listener;
    struct link_quality slow = {.delay_ms = 300, .rate_bytes_per_s = 4000};
    uint32_t link = link_add(scene.world, 0, township, &slow);
    const struct heads *at_hub = engine_heads(node_engine(scene.world->machines[0].node));
    uint64_t held = heads_entries(at_hub);

    for (unsigned cut = 0; cut < cuts; cut++) {
        scene_run(&scene, 15 * SECOND_MS);
        assert_true(heads_entries(at_hub) > held + 50);
        assert_false(scene_holds(&scene, 0, &scene.id));
        held = heads_entries(at_hub);
        link_cut(scene.world, link);
        scene_run(&scene, 90 * SECOND_MS);
        link_mend(scene.world, link);
    }
    assert_all_is_well(&scene);
    assert_true(listener.entries >= writes);
    assert_true(listener.entries <= writes + cuts * window_entries);
    scene_close(&scene);
}

static void equal_nodes_reconnect_with_one_round_trip(void **state)
{
    struct scene scene;
    (void)state;
    uint32_t township = open_pair(&scene, 23);
    uint32_t link = scene_connect(&scene, 0, township);
    write_visits(&scene, township, 100);
    assert_true(scene_agrees(&scene));
    struct listener listener = {0};
    scene.world->intercept = listen_in;
    scene.world->intercept_context = &listener;
    uint64_t up = scene_bytes(&scene, township, 0),
             down = scene_bytes(&scene, 0, township);

    link_break(scene.world, link, 0);
    scene_run(&scene, 20 * SECOND_MS);
    up = scene_bytes(&scene, township, 0) - up;
    down = scene_bytes(&scene, 0, township) - down;

    assert_true(up > 0 && up <= 150);
    assert_true(down > 0 && down <= 150);
    assert_int_equal(listener.entries, 0);
    assert_int_equal(scene_report(&scene, 0, township).state, PEER_ONLINE);
    assert_int_equal(scene_report(&scene, township, 0).state, PEER_ONLINE);
    scene_close(&scene);
}

static void a_visit_alone_costs_at_most_180_bytes(void **state)
{
    struct scene scene;
    (void)state;
    uint32_t township = open_pair(&scene, 24);
    scene_connect(&scene, 0, township);
    struct entry_id person = scene_person(&scene, township, SHILIAN);
    assert_true(scene_agrees(&scene));
    scene_run(&scene, 7200 * SECOND_MS); /* comparisons have become rare */
    uint64_t before = scene_bytes(&scene, township, 0) + scene_bytes(&scene, 0, township);

    const struct schema_register *reg = schema_register(REGISTER_VISIT);
    struct job *job = work_visit(scene.world, world_machine(scene.world, township),
                                 SHILIAN, &person, NULL);
    size_t kept = 0;
    for (size_t i = 0; i < job->write.count; i++) {
        if (schema_field(reg, job->values[i].field)->required) {
            job->values[kept++] = job->values[i];
        }
    }
    job->write.count = kept;
    scene_submit(&scene, job);
    assert_int_equal(scene.status, OK);
    scene_run(&scene, 10 * SECOND_MS);

    assert_true(scene_holds(&scene, 0, &scene.id));
    uint64_t cost =
        scene_bytes(&scene, township, 0) + scene_bytes(&scene, 0, township) - before;
    assert_true(cost <= 180);
    scene_close(&scene);
}

static void duplicates_and_reordering_change_nothing(void **state)
{
    struct scene scene;
    (void)state;
    uint32_t township = open_pair(&scene, 25);
    struct link_quality wild = {.delay_ms = 50,
                                .jitter_ms = 200,
                                .duplicate_permille = 500,
                                .reorder_permille = 500};
    link_add(scene.world, 0, township, &wild);
    scene_run(&scene, 5 * SECOND_MS);
    write_visits(&scene, township, 60);
    write_visits(&scene, 0, 60);

    assert_all_is_well(&scene);
    check_readable(scene.world);
    assert_string_equal(scene.world->failure, "");
    scene_close(&scene);
}

static void a_paused_peer_gets_nothing_until_resumed(void **state)
{
    struct scene scene;
    (void)state;
    uint32_t township = open_pair(&scene, 26);
    scene_connect(&scene, 0, township);
    scene_run(&scene, 5 * SECOND_MS);
    struct machine *machine = world_machine(scene.world, township);
    uint32_t hub = world_machine(scene.world, 0)->number;
    machine_deliver(scene.world, machine, EVENT_PAUSE, hub, (struct slice){0}, NULL);
    scene_run(&scene, SECOND_MS);
    uint64_t before = scene_bytes(&scene, township, 0);
    struct entry_id person = scene_person(&scene, township, SHILIAN);
    assert_int_equal(scene.status, OK);
    scene_run(&scene, 600 * SECOND_MS);
    machine_power_off(scene.world, machine); /* a pause is durable */
    machine_start(scene.world, machine);
    scene_run(&scene, 600 * SECOND_MS);

    assert_int_equal(scene_bytes(&scene, township, 0), before);
    assert_false(scene_holds(&scene, 0, &person));
    assert_int_equal(scene_report(&scene, township, 0).state, PEER_PAUSED);
    machine_deliver(scene.world, machine, EVENT_RESUME, hub, (struct slice){0}, NULL);
    assert_all_is_well(&scene);
    assert_true(scene_holds(&scene, 0, &person));
    scene_close(&scene);
}

static size_t peers_shown(struct machine *machine)
{
    struct peer_report reports[4];
    return engine_peers(node_engine(machine->node), reports, 4);
}

static void a_peer_that_is_gone_is_forgotten_until_it_is_heard_of_again(void **state)
{
    struct scene scene;
    (void)state;
    uint32_t township = open_pair(&scene, 28);
    uint32_t link = scene_connect(&scene, 0, township);
    scene_run(&scene, 5 * SECOND_MS);
    struct machine *hub = world_machine(scene.world, 0);
    uint32_t number = world_machine(scene.world, township)->number;
    machine_deliver(scene.world, hub, EVENT_FORGET, number, (struct slice){0}, NULL);
    scene_run(&scene, SECOND_MS);
    assert_int_equal(peers_shown(hub), 1); /* it is linked */
    machine_power_off(scene.world, world_machine(scene.world, township));
    link_cut(scene.world, link);
    scene_run(&scene, 120 * SECOND_MS);
    machine_deliver(scene.world, hub, EVENT_FORGET, number, (struct slice){0}, NULL);
    scene_run(&scene, SECOND_MS);
    assert_int_equal(peers_shown(hub), 0);
    machine_start(scene.world, world_machine(scene.world, township));
    link_mend(scene.world, link);
    assert_all_is_well(&scene);
    assert_int_equal(peers_shown(hub), 1);
    scene_close(&scene);
}

static void a_neighbour_that_restarts_unnoticed_is_greeted_again(void **state)
{
    struct scene scene;
    (void)state;
    uint32_t township = open_pair(&scene, 27);
    uint32_t link = scene_connect(&scene, 0, township);
    scene_run(&scene, 5 * SECOND_MS);
    struct machine *machine = world_machine(scene.world, township);
    machine_power_off(scene.world, machine);
    machine_start(scene.world, machine);
    /* The line is replaced before the hub notices that the old one ended. */
    scene.world->links[link].side[0].up = true;
    struct entry_id person = scene_person(&scene, township, SHILIAN);
    scene_run(&scene, 120 * SECOND_MS);

    assert_true(scene_holds(&scene, 0, &person));
    assert_all_is_well(&scene);
    scene_close(&scene);
}

/* Keeps the first hello that passes from one machine, loses runs, counts calls for a list. */
struct hello_keeper {
    uint32_t from;
    struct buffer hello;
    unsigned lose_runs, relists;
};

static enum frame_verdict keep_hello(void *context, struct world *world, uint32_t from,
                                     uint32_t to, struct slice frame)
{
    struct hello_keeper *keeper = context;
    struct message message;
    (void)world;
    (void)to;
    assert_int_equal(message_decode(frame, &message), OK);
    if (message.kind == MESSAGE_HELLO) {
        keeper->relists += message.hello.flags & HELLO_RELIST ? 1 : 0;
        if (from == keeper->from && keeper->hello.size == 0) {
            buffer_put(&keeper->hello, frame.data, frame.size);
        }
    }
    if (message.kind == MESSAGE_RUN && keeper->lose_runs > 0) {
        keeper->lose_runs--;
        return FRAME_LOST;
    }
    return FRAME_PASSES;
}

/* A hello that notes less than was noted means: tell me again from there. What was pushed
 * since and lost is part of it. */
static void a_lower_note_is_taken_at_its_word_and_skips_nothing(void **state)
{
    struct scene scene;
    (void)state;
    uint32_t township = open_pair(&scene, 28);
    struct hello_keeper keeper = {.from = 0};
    buffer_init(&keeper.hello, MESSAGE_SIZE_MAX);
    scene.world->intercept = keep_hello;
    scene.world->intercept_context = &keeper;
    scene_connect(&scene, 0, township);
    scene_person(&scene, township, SHILIAN);
    assert_true(scene_agrees(&scene));
    scene_run(&scene, 600 * SECOND_MS); /* comparisons have become rare */

    keeper.lose_runs = 1;
    struct entry_id lost = scene_person(&scene, township, SHILIAN);
    scene_run(&scene, SECOND_MS);
    assert_false(scene_holds(&scene, 0, &lost));
    machine_deliver(scene.world, world_machine(scene.world, township), EVENT_FRAME,
                    world_machine(scene.world, 0)->number, buffer_slice(&keeper.hello),
                    NULL);
    scene_run(&scene, SECOND_MS);

    assert_true(scene_holds(&scene, 0, &lost));
    assert_int_equal(keeper.relists, 0);
    assert_all_is_well(&scene);
    buffer_deinit(&keeper.hello);
    scene_close(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lost_push_is_noticed_and_fetched),
        cmocka_unit_test(a_cut_link_resumes_without_starting_over),
        cmocka_unit_test(equal_nodes_reconnect_with_one_round_trip),
        cmocka_unit_test(a_visit_alone_costs_at_most_180_bytes),
        cmocka_unit_test(duplicates_and_reordering_change_nothing),
        cmocka_unit_test(a_paused_peer_gets_nothing_until_resumed),
        cmocka_unit_test(a_peer_that_is_gone_is_forgotten_until_it_is_heard_of_again),
        cmocka_unit_test(a_neighbour_that_restarts_unnoticed_is_greeted_again),
        cmocka_unit_test(a_lower_note_is_taken_at_its_word_and_skips_nothing),
    };
    return cmocka_run_group_tests_name("links", tests, NULL, NULL);
}
