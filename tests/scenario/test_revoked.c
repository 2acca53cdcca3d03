/* A revoked member: its logs end where the authority says, whoever holds more, less or exactly
 * that, and it is spoken with no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "crdt/log.h"
#include "net/message.h"
#include "net/session.h"
#include "tests/sim/checks.h"
#include "tests/sim/desk.h"
#include "tests/sim/forge.h"
#include "tests/sim/scene.h"

#define VISITS 12

/* shilian writes; county, gaoping and hushan hear more or less of it. */
struct revoking {
    struct scene scene;
    struct machine *hub, *shilian, *gaoping, *hushan;
    uint32_t link_shilian, link_gaoping, link_hushan;
    struct entry_id ids[VISITS + 1];
};

static void open_revoking(struct revoking *at, uint64_t seed)
{
    struct scene *scene = &at->scene;
    scene_open(scene, seed);
    uint32_t shilian = scene_add(scene, SHILIAN, "shilian");
    uint32_t gaoping = scene_add(scene, GAOPING, "gaoping");
    uint32_t hushan = scene_add(scene, HUSHAN, "hushan");
    scene_found(scene);
    at->link_shilian = scene_connect(scene, 0, shilian);
    at->link_gaoping = scene_connect(scene, 0, gaoping);
    at->link_hushan = scene_connect(scene, 0, hushan);
    scene_run(scene, SECOND_MS);
    at->shilian = world_machine(scene->world, shilian);
    at->hub = world_machine(scene->world, 0);
    at->gaoping = world_machine(scene->world, gaoping);
    at->hushan = world_machine(scene->world, hushan);
}

static void write_visits(struct revoking *at, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        at->ids[i] = i == 0 ? scene_person(&at->scene, 1, SHILIAN)
                            : scene_visit(&at->scene, 1, SHILIAN, &at->ids[0]);
        assert_int_equal(at->scene.status, OK);
    }
}

static bool take_hash(void *context, const struct opened_entry *opened)
{
    struct cut *cut = context;
    cut->hash = opened->entry.hash;
    return false;
}

static struct cut cut_at(struct machine *machine, const struct entry_id *id)
{
    struct cut cut = {.log = entry_id_log(id), .seq = entry_id_seq(id)};
    struct store_txn *txn;
    struct arena arena;
    arena_init(&arena);
    assert_int_equal(node_read(machine->node, &txn), OK);
    assert_int_equal(engine_walk_log(node_engine(machine->node), txn, cut.log, cut.seq,
                                     cut.seq, &arena, take_hash, &cut),
                     OK);
    store_abort(txn);
    arena_deinit(&arena);
    return cut;
}

static uint64_t held(struct machine *machine, const struct cut *cut)
{
    const struct head *head =
        heads_find(engine_heads(node_engine(machine->node)), cut->log);
    return head == NULL ? 0 : head->seq;
}

/* Every entry still verifies, though one run has no signature of its own any more. */
static void assert_verifies(struct machine *machine, const struct cut *cut)
{
    struct store_txn *txn;
    struct arena arena;
    struct cut last = *cut;
    arena_init(&arena);
    assert_int_equal(node_read(machine->node, &txn), OK);
    for (uint64_t seq = 1; seq <= cut->seq; seq++) {
        assert_int_equal(engine_walk_log(node_engine(machine->node), txn, cut->log, seq,
                                         seq, &arena, take_hash, &last),
                         OK);
    }
    assert_true(hash_equal(&last.hash, &cut->hash));
    store_abort(txn);
    arena_deinit(&arena);
}

/* county heard every entry in a run of its own, gaoping heard them joined in one, hushan
 * only the first. */
static void hear_differently(struct revoking *at)
{
    struct world *world = at->scene.world;
    link_cut(world, at->link_gaoping);
    write_visits(at, 0, 2);
    scene_run(&at->scene, 10 * SECOND_MS);
    link_cut(world, at->link_hushan);
    write_visits(at, 2, VISITS);
    scene_run(&at->scene, 10 * SECOND_MS);
    link_mend(world, at->link_gaoping);
    scene_run(&at->scene, 120 * SECOND_MS);
    assert_true(scene_holds(&at->scene, at->gaoping->index, &at->ids[VISITS - 1]));
    assert_false(scene_holds(&at->scene, at->hushan->index, &at->ids[2]));
}

static void holding_more_less_and_exactly_the_cut_ends_in_equal_digests(void **state)
{
    struct revoking at;
    (void)state;
    open_revoking(&at, 71);
    hear_differently(&at);
    struct cut cut = cut_at(at.hub, &at.ids[5]);
    world_revoke(at.scene.world, 1, &cut, 1);
    link_mend(at.scene.world, at.link_hushan);

    assert_true(scene_agrees(&at.scene));
    assert_true(check_converged(at.scene.world));
    struct machine *all[] = {at.hub, at.gaoping, at.hushan};
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        assert_int_equal(held(all[i], &cut), cut.seq);
        assert_verifies(all[i], &cut);
    }
    assert_true(
        scene_reads(&at.scene, 0, REGISTER_VISIT, SHILIAN, &at.ids[0], &at.ids[5]));
    assert_false(
        scene_reads(&at.scene, 0, REGISTER_VISIT, SHILIAN, &at.ids[0], &at.ids[6]));
    scene_close(&at.scene);
}

static void a_revoked_member_is_hung_up_on_and_told_nothing_more(void **state)
{
    struct revoking at;
    struct peer_report reports[WORLD_MACHINES_MAX];
    (void)state;
    open_revoking(&at, 72);
    write_visits(&at, 0, 3);
    assert_true(scene_agrees(&at.scene));
    struct cut cut = cut_at(at.hub, &at.ids[2]);
    world_revoke(at.scene.world, at.shilian->index, &cut, 1);
    scene_run(&at.scene, SECOND_MS);
    assert_false(at.scene.world->links[at.link_shilian].alive);
    uint64_t told = scene_bytes(&at.scene, 0, at.shilian->index);
    struct entry_id news = scene_person(&at.scene, at.gaoping->index, GAOPING);
    scene_run(&at.scene, 3600 * SECOND_MS);

    assert_true(scene_holds(&at.scene, at.hushan->index, &news));
    assert_false(scene_holds(&at.scene, at.shilian->index, &news));
    assert_int_equal(scene_bytes(&at.scene, 0, at.shilian->index), told);
    size_t count = engine_peers(node_engine(at.hub->node), reports, WORLD_MACHINES_MAX);
    for (size_t i = 0; i < count; i++)
        assert_int_not_equal(reports[i].number, at.shilian->number);
    scene_close(&at.scene);
}

/* Whoever was not told writes on as before; whoever knows refuses the clerk at once. */
static void a_member_that_learns_of_its_revocation_writes_no_more(void **state)
{
    struct revoking at;
    (void)state;
    open_revoking(&at, 73);
    write_visits(&at, 0, 3);
    assert_true(scene_agrees(&at.scene));
    struct cut cut = cut_at(at.hub, &at.ids[1]);
    world_revoke(at.scene.world, at.shilian->index, &cut, 1);
    scene_run(&at.scene, SECOND_MS);
    (void)scene_person(&at.scene, at.shilian->index, SHILIAN);
    assert_int_equal(at.scene.status, OK);
    machine_deliver(at.scene.world, at.shilian, EVENT_JOIN, 0,
                    buffer_slice(&at.scene.world->county.file), NULL);
    scene_run(&at.scene, SECOND_MS);
    (void)scene_person(&at.scene, at.shilian->index, SHILIAN);
    assert_int_equal(at.scene.status, ERR_PERMISSION);
    assert_int_equal(held(at.shilian, &cut), cut.seq);
    scene_close(&at.scene);
}

static enum frame_verdict lose_runs(void *context, struct world *world, uint32_t from,
                                    uint32_t to, struct slice frame)
{
    const uint32_t *deaf = context;
    (void)world;
    (void)from;
    return to == *deaf && frame.data[0] == MESSAGE_RUN ? FRAME_LOST : FRAME_PASSES;
}

/* The log's run from `seq` on as this machine sends it. */
static void frame_of(struct revoking *at, struct machine *machine, struct log_name log,
                     uint64_t seq, struct buffer *frame)
{
    const struct head *head = heads_find(engine_heads(node_engine(machine->node)), log);
    struct log_id id = {at->shilian->keys.id, head->incarnation, log.lane};
    struct store_txn *txn;
    struct buffer entries;
    struct run run;
    assert_int_equal(node_read(machine->node, &txn), OK);
    buffer_init(&entries, RUN_SIZE_LIMIT);
    buffer_init(frame, MESSAGE_SIZE_MAX);
    assert_true(log_cut_run(txn, &at->scene.world->county.salt, log, &id, seq, head->seq,
                            RUN_SIZE_MAX, &entries, &run));
    message_put_run(frame, 0, 0, &run);
    buffer_deinit(&entries);
    store_abort(txn);
}

static void a_run_that_spans_the_cut_is_accepted_up_to_it(void **state)
{
    struct revoking at;
    struct buffer frame;
    (void)state;
    open_revoking(&at, 74);
    hear_differently(&at);
    struct cut cut = cut_at(at.hub, &at.ids[5]);
    frame_of(&at, at.gaoping, cut.log, held(at.hushan, &cut) + 1, &frame);
    at.scene.world->intercept = lose_runs;
    at.scene.world->intercept_context = &at.hushan->index;
    link_mend(at.scene.world, at.link_hushan);
    scene_run(&at.scene, 60 * SECOND_MS);
    world_revoke(at.scene.world, at.shilian->index, &cut, 1);
    machine_deliver(at.scene.world, at.hushan, EVENT_JOIN, 0,
                    buffer_slice(&at.scene.world->county.file), NULL);
    scene_run(&at.scene, SECOND_MS);
    assert_true(held(at.hushan, &cut) < cut.seq);
    forge_deliver(at.scene.world, at.hushan, at.hub, &frame);
    scene_run(&at.scene, SECOND_MS);

    assert_int_equal(held(at.hushan, &cut), cut.seq);
    assert_verifies(at.hushan, &cut);
    buffer_deinit(&frame);
    scene_close(&at.scene);
}

static void an_unsigned_run_before_its_cut_is_known_blames_nobody(void **state)
{
    struct revoking at;
    struct buffer frame;
    (void)state;
    open_revoking(&at, 75);
    hear_differently(&at);
    struct cut cut = cut_at(at.hub, &at.ids[5]);
    at.scene.world->intercept = lose_runs;
    at.scene.world->intercept_context = &at.hushan->index;
    link_mend(at.scene.world, at.link_hushan);
    scene_run(&at.scene, 60 * SECOND_MS);
    world_revoke(at.scene.world, at.shilian->index, &cut, 1);
    scene_run(&at.scene, SECOND_MS);
    frame_of(&at, at.gaoping, cut.log, held(at.hushan, &cut) + 1, &frame);
    uint64_t before = held(at.hushan, &cut);
    for (unsigned i = 0; i < 4; i++) {
        forge_deliver(at.scene.world, at.hushan, at.hub, &frame);
        scene_run(&at.scene, 100);
    }
    assert_int_equal(held(at.hushan, &cut), before);
    struct peer_report peer = scene_report(&at.scene, at.hushan->index, 0);
    assert_int_equal(peer.refused[REFUSED_SIGNATURE], 0);
    assert_int_equal(peer.refused[REFUSED_GAP], 4);
    assert_true(at.scene.world->links[at.link_hushan].alive);

    at.scene.world->intercept = NULL;
    assert_true(scene_agrees(&at.scene));
    assert_int_equal(held(at.hushan, &cut), cut.seq);
    buffer_deinit(&frame);
    scene_close(&at.scene);
}

/* shilian signed two entries at one place; the hub took up one, gaoping the other. */
static void
another_branch_than_the_authority_names_gives_way_to_the_right_one(void **state)
{
    struct revoking at;
    struct forge forge, right;
    struct buffer frame;
    struct cut cut;
    uint8_t payload[64] = {1};
    (void)state;
    open_revoking(&at, 76);
    write_visits(&at, 0, 3);
    assert_true(scene_agrees(&at.scene));
    struct world *world = at.scene.world;
    link_cut(world, at.link_gaoping);
    link_cut(world, at.link_shilian);
    scene_run(&at.scene, 60 * SECOND_MS);
    forge_begin(&forge, world, at.shilian, at.hub, SHILIAN);
    forge_begin(&right, world, at.shilian, at.hub, SHILIAN);
    forge_add(&forge, slice_of(payload, sizeof(payload)));
    forge_end(&forge, at.shilian, &frame);
    forge_deliver(world, at.hub, at.hushan, &frame);
    buffer_deinit(&frame);
    world->intercept = lose_runs;
    world->intercept_context = &at.gaoping->index;
    link_mend(world, at.link_gaoping);
    scene_run(&at.scene, 30 * SECOND_MS);
    payload[0] = 2;
    forge_add(&right, slice_of(payload, sizeof(payload)));
    cut = (struct cut){.log = right.run.log, .seq = right.run.first_seq};
    cut.hash = right.last;
    forge_end(&right, at.shilian, &frame);
    forge_deliver(world, at.gaoping, at.hub, &frame);
    buffer_deinit(&frame);
    scene_run(&at.scene, SECOND_MS);
    assert_int_equal(held(at.gaoping, &cut), cut.seq);
    assert_int_equal(held(at.hub, &cut), cut.seq);
    world->intercept = NULL;
    world_revoke(world, at.shilian->index, &cut, 1);

    assert_true(scene_agrees(&at.scene));
    struct machine *all[] = {at.hub, at.gaoping, at.hushan};
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        assert_int_equal(held(all[i], &cut), cut.seq);
        assert_verifies(all[i], &cut);
    }
    assert_true(
        scene_reads(&at.scene, 0, REGISTER_VISIT, SHILIAN, &at.ids[0], &at.ids[2]));
    scene_close(&at.scene);
}

/* A log that is cut before its first entry is held by nobody: whoever had it counts it no
 * more, and answers as whoever never heard of it. */
static void a_log_cut_at_its_beginning_counts_for_nobody(void **state)
{
    const struct desk_arg all[] = {{"all", "yes"}, {NULL, NULL}};
    struct revoking at;
    struct desk desk;
    struct buffer at_the_hub;
    (void)state;
    open_revoking(&at, 57);
    struct world *world = at.scene.world;
    uint64_t wall_ms = WORLD_START_WALL_MS + world->now_ms;
    link_cut(world, at.link_gaoping);
    write_visits(&at, 0, 2);
    scene_run(&at.scene, 10 * SECOND_MS);
    world_revoke(world, at.shilian->index, NULL, 0);
    link_mend(world, at.link_gaoping);
    scene_run(&at.scene, 120 * SECOND_MS);

    desk_init(&desk);
    buffer_init(&at_the_hub, SIZE_MAX);
    assert_int_equal(desk_ask(&desk, at.hub, wall_ms, "volunteer.list", all), OK);
    buffer_put(&at_the_hub, desk.data.data, desk.data.size);
    assert_int_equal(desk_ask(&desk, at.gaoping, wall_ms, "volunteer.list", all), OK);
    assert_true(slice_equal(buffer_slice(&desk.data), buffer_slice(&at_the_hub)));
    buffer_deinit(&at_the_hub);
    desk_deinit(&desk);
    scene_close(&at.scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holding_more_less_and_exactly_the_cut_ends_in_equal_digests),
        cmocka_unit_test(a_revoked_member_is_hung_up_on_and_told_nothing_more),
        cmocka_unit_test(a_member_that_learns_of_its_revocation_writes_no_more),
        cmocka_unit_test(a_run_that_spans_the_cut_is_accepted_up_to_it),
        cmocka_unit_test(an_unsigned_run_before_its_cut_is_known_blames_nobody),
        cmocka_unit_test(
            another_branch_than_the_authority_names_gives_way_to_the_right_one),
        cmocka_unit_test(a_log_cut_at_its_beginning_counts_for_nobody),
    };
    return cmocka_run_group_tests_name("revoked", tests, NULL, NULL);
}
