/* Forged, garbled and misplaced entries: whoever relays them, state does not change, and the
 * right one is blamed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "crdt/codec.h"
#include "crdt/operation.h"
#include "net/message.h"
#include "net/session.h"
#include "tests/sim/checks.h"
#include "tests/sim/forge.h"
#include "tests/sim/scene.h"

/* The hub with two townships, each of which has written one person. */
struct county_scene {
    struct scene scene;
    struct machine *hub, *shilian, *gaoping;
    struct entry_id person; /* of shilian */
};

static void open_county(struct county_scene *county, uint64_t seed)
{
    struct scene *scene = &county->scene;
    scene_open(scene, seed);
    uint32_t shilian = scene_add(scene, SHILIAN, "shilian");
    uint32_t gaoping = scene_add(scene, GAOPING, "gaoping");
    scene_found(scene);
    scene_connect(scene, 0, shilian);
    scene_connect(scene, 0, gaoping);
    scene_run(scene, SECOND_MS);
    county->person = scene_person(scene, shilian, SHILIAN);
    scene_person(scene, gaoping, GAOPING);
    assert_true(scene_agrees(scene));
    county->hub = world_machine(scene->world, 0);
    county->shilian = world_machine(scene->world, shilian);
    county->gaoping = world_machine(scene->world, gaoping);
}

static struct engine_report report_of(struct machine *machine)
{
    struct engine_report report;
    engine_report(node_engine(machine->node), &report);
    return report;
}

static void heads_of(struct machine *machine, struct hash *digest)
{
    engine_heads_digest(node_engine(machine->node), digest);
}

static void a_forged_run_is_the_peers_fault_and_changes_nothing(void **state)
{
    struct county_scene county;
    struct hash before, after;
    struct forge forge;
    struct buffer frame;
    (void)state;
    open_county(&county, 41);
    struct world *world = county.scene.world;
    uint8_t garbage[64] = {7};
    heads_of(county.hub, &before);
    forge_begin(&forge, world, county.shilian, county.hub, SHILIAN);
    forge_add(&forge, slice_of(garbage, sizeof(garbage)));
    forge_end(&forge, county.gaoping, &frame); /* in shilian's name, with gaoping's key */
    for (unsigned i = 0; i < OFFENCES_MAX; i++) {
        forge_deliver(world, county.hub, county.gaoping, &frame);
        scene_run(&county.scene, 100);
    }
    heads_of(county.hub, &after);

    assert_true(hash_equal(&before, &after));
    struct peer_report peer = scene_report(&county.scene, 0, county.gaoping->index);
    assert_int_equal(peer.refused[REFUSED_SIGNATURE], OFFENCES_MAX);
    uint32_t link = link_between(world, 0, county.gaoping->index);
    assert_false(world->links[link].alive); /* it is cut off for a while */
    scene_run(&county.scene, PENALTY_MS_MIN + 60 * SECOND_MS);
    assert_true(scene_agrees(&county.scene));
    assert_true(
        scene_reads(&county.scene, 0, REGISTER_PERSON, SHILIAN, NULL, &county.person));
    buffer_deinit(&frame);
    scene_close(&county.scene);
}

static void malformed_frames_are_counted_and_their_sender_is_cut_off(void **state)
{
    struct county_scene county;
    struct buffer frame;
    (void)state;
    open_county(&county, 42);
    struct world *world = county.scene.world;
    buffer_init(&frame, 64);
    buffer_put(&frame, "\x05 not a run", 11);
    for (unsigned i = 0; i < OFFENCES_MAX; i++) {
        forge_deliver(world, county.hub, county.gaoping, &frame);
        scene_run(&county.scene, 100);
    }
    struct peer_report peer = scene_report(&county.scene, 0, county.gaoping->index);
    assert_int_equal(peer.refused[REFUSED_MALFORMED], OFFENCES_MAX);
    assert_false(world->links[link_between(world, 0, county.gaoping->index)].alive);
    buffer_deinit(&frame);
    scene_close(&county.scene);
}

/* A person's record that only its author could have sealed. */
static void put_person(struct buffer *plaintext)
{
    const struct schema_register *reg = schema_register(REGISTER_PERSON);
    struct buffer name, village;
    buffer_init(&name, 64);
    buffer_init(&village, 64);
    buffer_init(plaintext, 1024);
    const struct field *fields = reg->fields;
    assert_int_equal(field_parse(&fields[PERSON_NAME], slice_text("张桂英"), NULL, &name),
                     OK);
    assert_int_equal(
        field_parse(&fields[PERSON_VILLAGE], slice_text("331123106200"), NULL, &village),
        OK);
    struct operation_value values[] = {
        {.field = PERSON_NAME, .value = buffer_slice(&name)},
        {.field = PERSON_VILLAGE, .value = buffer_slice(&village)}};
    operation_encode_create(plaintext, WORLD_START_WALL_MS, 1, reg, values, 2);
    buffer_deinit(&name);
    buffer_deinit(&village);
}

/* One entry that nobody can open, then a good one, both rightly signed by their author. */
static void a_bad_entry_never_blocks_its_log(void **state)
{
    struct county_scene county;
    struct forge forge;
    struct buffer frame, plaintext;
    (void)state;
    open_county(&county, 43);
    struct world *world = county.scene.world;
    uint8_t garbage[64] = {7};
    put_person(&plaintext);
    forge_begin(&forge, world, county.shilian, county.hub, SHILIAN);
    struct entry_id good = entry_id_of(forge.run.log, forge.run.first_seq + 1);
    forge_add(&forge, slice_of(garbage, sizeof(garbage)));
    forge_add_sealed(&forge, county.hub, buffer_slice(&plaintext));
    forge_end(&forge, county.shilian, &frame);
    forge_deliver(world, county.hub, county.shilian, &frame);
    scene_run(&county.scene, 10 * SECOND_MS);

    assert_int_equal(report_of(county.hub).refused_entries, 1);
    assert_true(scene_reads(&county.scene, 0, REGISTER_PERSON, SHILIAN, NULL, &good));
    assert_true(scene_holds(&county.scene, county.gaoping->index, &good));
    struct peer_report peer = scene_report(&county.scene, 0, county.shilian->index);
    assert_int_equal(peer.refused[REFUSED_SIGNATURE], 0);
    buffer_deinit(&plaintext);
    buffer_deinit(&frame);
    scene_close(&county.scene);
}

/* Shilian, with its own key, into gaoping's realm: relayed and counted, and folded nowhere. */
static void an_entry_in_a_foreign_realm_is_kept_and_folds_to_nothing(void **state)
{
    struct county_scene county;
    struct forge forge;
    struct buffer frame, plaintext;
    (void)state;
    open_county(&county, 44);
    struct world *world = county.scene.world;
    put_person(&plaintext);
    forge_begin(&forge, world, county.shilian, county.hub, GAOPING);
    struct entry_id id = entry_id_of(forge.run.log, forge.run.first_seq);
    forge_add_sealed(&forge, county.gaoping, buffer_slice(&plaintext));
    forge_end(&forge, county.shilian, &frame);
    forge_deliver(world, county.hub, county.shilian, &frame);
    scene_run(&county.scene, 10 * SECOND_MS);

    const uint32_t at[] = {0, county.gaoping->index};
    for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
        assert_true(scene_holds(&county.scene, at[i], &id));
        assert_false(
            scene_reads(&county.scene, at[i], REGISTER_PERSON, GAOPING, NULL, &id));
        assert_int_equal(report_of(world_machine(world, at[i])).refused_entries, 1);
    }
    buffer_deinit(&plaintext);
    buffer_deinit(&frame);
    scene_close(&county.scene);
}

/* "Unknown is not invalid": a register that this program does not know comes from a newer one.
 * It is kept, relayed and nobody's fault. */
static void an_operation_of_a_newer_version_is_kept_and_relayed(void **state)
{
    struct county_scene county;
    struct forge forge;
    struct buffer frame, plaintext;
    (void)state;
    open_county(&county, 47);
    struct world *world = county.scene.world;
    buffer_init(&plaintext, 64);
    buffer_put_u8(&plaintext, CODEC_PLAIN);
    codec_put_array(&plaintext, 3); /* [stamp, actor, [create, register 99, "x"]] */
    codec_put_uint(&plaintext, WORLD_START_WALL_MS);
    codec_put_uint(&plaintext, 1);
    codec_put_array(&plaintext, 3);
    codec_put_uint(&plaintext, OPERATION_CREATE);
    codec_put_uint(&plaintext, 99);
    codec_put_cstring(&plaintext, "x");
    forge_begin(&forge, world, county.shilian, county.hub, SHILIAN);
    struct entry_id id = entry_id_of(forge.run.log, forge.run.first_seq);
    forge_add_sealed(&forge, county.hub, buffer_slice(&plaintext));
    forge_end(&forge, county.shilian, &frame);
    forge_deliver(world, county.hub, county.shilian, &frame);
    scene_run(&county.scene, 10 * SECOND_MS);

    assert_true(scene_holds(&county.scene, 0, &id));
    assert_true(scene_holds(&county.scene, county.gaoping->index, &id));
    assert_int_equal(report_of(county.hub).refused_entries, 0);
    buffer_deinit(&plaintext);
    buffer_deinit(&frame);
    scene_close(&county.scene);
}

static void another_branch_is_shown_and_blames_no_relay(void **state)
{
    struct county_scene county;
    struct hash before, after;
    struct forge forge;
    struct buffer frame, plaintext;
    (void)state;
    open_county(&county, 45);
    struct world *world = county.scene.world;
    put_person(&plaintext);
    heads_of(county.hub, &before);
    forge_begin(&forge, world, county.shilian, county.hub, SHILIAN);
    forge_branch_off(&forge);
    forge_add_sealed(&forge, county.hub, buffer_slice(&plaintext));
    forge_end(&forge, county.shilian, &frame);
    for (unsigned i = 0; i < OFFENCES_MAX + 1; i++) {
        forge_deliver(world, county.hub, county.gaoping, &frame);
        scene_run(&county.scene, 100);
    }
    heads_of(county.hub, &after);

    assert_true(hash_equal(&before, &after));
    assert_int_equal(report_of(county.hub).diverged_logs, 1);
    assert_true(world->links[link_between(world, 0, county.gaoping->index)].alive);
    buffer_deinit(&plaintext);
    buffer_deinit(&frame);
    scene_close(&county.scene);
}

/* A member sends what looks like another branch of a log that is wanted from somebody else. It
 * proves nothing: the log stays wanted of whoever announced it. */
static void an_unproven_branch_takes_no_want_away(void **state)
{
    struct county_scene county;
    struct forge forge;
    struct buffer heads, frame;
    (void)state;
    open_county(&county, 49);
    struct world *world = county.scene.world;
    uint8_t garbage[64] = {7};
    forge_begin(&forge, world, county.shilian, county.hub, SHILIAN);
    forge_branch_off(&forge);
    forge_add(&forge, slice_of(garbage, sizeof(garbage)));
    forge_end(&forge, county.gaoping, &frame); /* with gaoping's key */
    struct listed_head head = {.log = forge.run.log, .seq = forge.run.first_seq + 5};
    buffer_init(&heads, 64);
    message_begin_heads(&heads, 0, 1, 0, 1);
    message_put_head(&heads, 0, &head);
    forge_deliver(world, county.hub, county.shilian, &heads);
    scene_run(&county.scene, 10);
    assert_int_equal(report_of(county.hub).wanted_logs, 1);
    forge_deliver(world, county.hub, county.gaoping, &frame);
    scene_run(&county.scene, 10);

    assert_int_equal(report_of(county.hub).diverged_logs, 1);
    assert_int_equal(report_of(county.hub).wanted_logs, 1);
    buffer_deinit(&heads);
    buffer_deinit(&frame);
    scene_close(&county.scene);
}

/* A log's first run states its incarnation and has nothing before it: there a branch is proven
 * by its signature, or it is a forgery. */
static void a_forged_beginning_of_a_log_is_the_peers_fault(void **state)
{
    struct county_scene county;
    struct forge forge;
    struct buffer frame;
    (void)state;
    open_county(&county, 50);
    struct world *world = county.scene.world;
    uint8_t garbage[64] = {7};
    forge_begin(&forge, world, county.shilian, county.hub, SHILIAN);
    forge.id.incarnation ^= 1 << 16; /* with the same tag */
    forge.run.incarnation = forge.id.incarnation;
    forge.run.first_seq = 1;
    forge.run.prev = forge.last = (struct hash){0};
    forge_add(&forge, slice_of(garbage, sizeof(garbage)));
    forge_end(&forge, county.gaoping, &frame);
    forge_deliver(world, county.hub, county.gaoping, &frame);
    scene_run(&county.scene, 100);

    struct peer_report peer = scene_report(&county.scene, 0, county.gaoping->index);
    assert_int_equal(peer.refused[REFUSED_SIGNATURE], 1);
    assert_int_equal(report_of(county.hub).diverged_logs, 0);
    buffer_deinit(&frame);
    scene_close(&county.scene);
}

/* A liar says no hello that would show what it holds. */
static enum frame_verdict lose_hellos(void *context, struct world *world, uint32_t from,
                                      uint32_t to, struct slice frame)
{
    const uint32_t *liar = context;
    (void)world;
    (void)to;
    return from == *liar && frame.data[0] == MESSAGE_HELLO ? FRAME_LOST : FRAME_PASSES;
}

/* A member announces entries that nobody has. What honest neighbours hold of that log still
 * arrives, also where it must be asked for. */
static void a_false_announcement_keeps_nobody_from_the_truth(void **state)
{
    struct scene scene;
    struct buffer frame;
    (void)state;
    scene_open(&scene, 48);
    uint32_t author = scene_add(&scene, SHILIAN, "shilian");
    uint32_t liar = scene_add(&scene, GAOPING, "gaoping");
    uint32_t relay = scene_add(&scene, HUSHAN, "hushan");
    scene_found(&scene);
    scene_connect(&scene, 0, liar);
    scene_connect(&scene, relay, author);
    scene_run(&scene, 120 * SECOND_MS);
    struct entry_id person = scene_person(&scene, author, SHILIAN);
    for (unsigned i = 0; i < 40; i++) { /* one by one: a backlog too long to be pushed */
        scene_visit(&scene, author, SHILIAN, &person);
        scene_run(&scene, 100);
    }
    assert_true(scene_holds(&scene, relay, &scene.id));

    struct listed_head lie = {.log = entry_id_log(&person), .seq = 1000000};
    buffer_init(&frame, 64);
    message_begin_heads(&frame, 0, 1, 0, 1);
    message_put_head(&frame, 0, &lie);
    forge_deliver(scene.world, world_machine(scene.world, 0),
                  world_machine(scene.world, liar), &frame);
    scene.world->intercept = lose_hellos;
    scene.world->intercept_context = &liar;
    scene_run(&scene, SECOND_MS);
    scene_connect(&scene, 0, relay);
    scene_run(&scene, 300 * SECOND_MS);

    assert_true(scene_holds(&scene, 0, &scene.id));
    buffer_deinit(&frame);
    scene_close(&scene);
}

/* "A restored store learns it from its own signature at a position it does not have." */
static void a_store_that_meets_its_own_later_entries_begins_new_logs(void **state)
{
    struct county_scene county;
    struct forge forge;
    struct buffer frame, plaintext;
    (void)state;
    open_county(&county, 46);
    struct world *world = county.scene.world;
    put_person(&plaintext);
    forge_begin(&forge, world, county.shilian, county.hub, SHILIAN);
    struct entry_id lost = entry_id_of(forge.run.log, forge.run.first_seq);
    forge_add_sealed(&forge, county.hub, buffer_slice(&plaintext));
    forge_end(&forge, county.shilian, &frame);
    forge_deliver(world, county.hub, county.shilian, &frame);
    scene_run(&county.scene, 120 * SECOND_MS);
    assert_true(scene_holds(&county.scene, county.shilian->index, &lost));

    struct entry_id next = scene_person(&county.scene, county.shilian->index, SHILIAN);
    assert_int_equal(county.scene.status, OK);
    assert_int_not_equal(entry_id_log(&next).tag, entry_id_log(&lost).tag);
    assert_true(scene_agrees(&county.scene));
    assert_true(scene_reads(&county.scene, 0, REGISTER_PERSON, SHILIAN, NULL, &next));
    assert_int_equal(report_of(county.hub).diverged_logs, 0);
    buffer_deinit(&plaintext);
    buffer_deinit(&frame);
    scene_close(&county.scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forged_run_is_the_peers_fault_and_changes_nothing),
        cmocka_unit_test(malformed_frames_are_counted_and_their_sender_is_cut_off),
        cmocka_unit_test(a_bad_entry_never_blocks_its_log),
        cmocka_unit_test(an_entry_in_a_foreign_realm_is_kept_and_folds_to_nothing),
        cmocka_unit_test(an_operation_of_a_newer_version_is_kept_and_relayed),
        cmocka_unit_test(another_branch_is_shown_and_blames_no_relay),
        cmocka_unit_test(an_unproven_branch_takes_no_want_away),
        cmocka_unit_test(a_forged_beginning_of_a_log_is_the_peers_fault),
        cmocka_unit_test(a_false_announcement_keeps_nobody_from_the_truth),
        cmocka_unit_test(a_store_that_meets_its_own_later_entries_begins_new_logs),
    };
    return cmocka_run_group_tests_name("trust", tests, NULL, NULL);
}
