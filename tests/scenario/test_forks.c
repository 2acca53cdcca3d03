/* A log with two histories heals: whoever heard which of them first, in whatever order they
 * meet. shilian's disk is put back to before entries that county has heard, and writes others in
 * their place, which xiacun, a village of it, may hear before anybody tells it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/checks.h"
#include "tests/sim/image.h"
#include "tests/sim/scene.h"

enum { COUNTY, TOWN, XIACUN, MACHINES };

struct parted {
    struct scene scene;
    uint32_t to_county, to_xiacun, between; /* links of shilian; county with xiacun */
    size_t lost_count, strayed_count;
    struct entry_id before, lost[64], last_strayed;
    struct image image;
};

static struct machine *machine_at(struct parted *parted, uint32_t index)
{
    return world_machine(parted->scene.world, index);
}

static void cut(struct parted *parted, uint32_t link)
{
    link_cut(parted->scene.world, link);
}

static void mend(struct parted *parted, uint32_t link)
{
    link_mend(parted->scene.world, link);
}

static struct entry_id write_person(struct parted *parted)
{
    struct entry_id id = scene_person(&parted->scene, TOWN, SHILIAN);
    assert_int_equal(parted->scene.status, OK);
    return id;
}

static bool reads(struct parted *parted, uint32_t machine, const struct entry_id *id)
{
    return scene_reads(&parted->scene, machine, REGISTER_PERSON, SHILIAN, NULL, id);
}

static size_t persons(struct parted *parted, uint32_t machine)
{
    struct fold_subjects walk = {.reg = REGISTER_PERSON, .realm = SHILIAN};
    struct entry_id subject;
    struct store_txn *txn;
    uint64_t realm, newest;
    size_t count = 0;
    assert_int_equal(node_read(machine_at(parted, machine)->node, &txn), OK);
    while (fold_subjects_next(txn, &walk, &realm, &subject, &newest))
        count++;
    store_cursor_close(&walk.cursor);
    store_abort(txn);
    return count;
}

static struct engine_report report_of(struct parted *parted, uint32_t machine)
{
    struct engine_report report;
    engine_report(node_engine(machine_at(parted, machine)->node), &report);
    return report;
}

struct fork_count {
    size_t forks;
    struct fork last;
};

static bool count_fork(void *context, const struct fork *fork)
{
    struct fork_count *counted = context;
    counted->forks++;
    counted->last = *fork;
    return true;
}

static struct fork_count forks_at(struct parted *parted, uint32_t machine)
{
    struct fork_count counted = {0};
    struct store_txn *txn;
    assert_int_equal(node_read(machine_at(parted, machine)->node, &txn), OK);
    engine_walk_forks(txn, count_fork, &counted);
    store_abort(txn);
    return counted;
}

static void until_read(struct parted *parted, uint32_t machine, const struct entry_id *id)
{
    for (int i = 0; i < 600 && !reads(parted, machine, id); i++)
        scene_run(&parted->scene, SECOND_MS);
    assert_true(reads(parted, machine, id));
}

static void restart(struct parted *parted, uint32_t machine)
{
    machine_power_off(parted->scene.world, machine_at(parted, machine));
    machine_start(parted->scene.world, machine_at(parted, machine));
}

static void open_parted(struct parted *parted, uint64_t seed, size_t joined)
{
    struct scene *scene = &parted->scene;
    *parted = (struct parted){0};
    scene_open(scene, seed);
    assert_int_equal(scene_add(scene, SHILIAN, "shilian"), TOWN);
    assert_int_equal(scene_add(scene, SHILIAN_VILLAGE, "xiacun"), XIACUN);
    scene_found(scene);
    parted->to_county = scene_connect(scene, COUNTY, TOWN);
    parted->to_xiacun = scene_connect(scene, TOWN, XIACUN);
    parted->between = scene_connect(scene, COUNTY, XIACUN);
    scene_run(scene, 2 * SECOND_MS);
    parted->before = write_person(parted);
    assert_true(scene_agrees(scene));
    /* What xiacun has not heard by now comes to it joined with what is written later. */
    cut(parted, parted->to_xiacun);
    cut(parted, parted->between);
    for (size_t i = 0; i < joined; i++)
        write_person(parted);
}

static void put_back(struct parted *parted)
{
    struct machine *shilian = machine_at(parted, TOWN);
    machine_power_off(parted->scene.world, shilian);
    image_put_back(shilian, &parted->image);
    machine_start(parted->scene.world, shilian);
}

/* All three are cut off from each other then. */
static void part(struct parted *parted, size_t lost, size_t strayed)
{
    struct machine *shilian = machine_at(parted, TOWN);
    machine_power_off(parted->scene.world, shilian);
    parted->image = image_take(shilian);
    machine_start(parted->scene.world, shilian);
    for (size_t i = 0; i < lost; i++)
        parted->lost[i] = write_person(parted);
    until_read(parted, COUNTY, &parted->lost[lost - 1]);
    cut(parted, parted->to_county);
    put_back(parted);
    for (size_t i = 0; i < strayed; i++)
        parted->last_strayed = write_person(parted);
    parted->lost_count = lost;
    parted->strayed_count = strayed;
}

static void assert_healed(struct parted *parted, size_t joined)
{
    struct scene *scene = &parted->scene;
    size_t strayed = parted->strayed_count, all = 1 + joined + parted->lost_count;

    scene_run(scene, 60 * SECOND_MS);
    assert_true(scene_agrees(scene));
    assert_int_equal(report_of(parted, TOWN).strayed_entries, strayed);
    for (uint32_t machine = 0; machine < MACHINES; machine++) {
        assert_int_equal(report_of(parted, machine).diverged_logs, 0);
        assert_int_equal(persons(parted, machine), all);
        for (size_t i = 0; i < parted->lost_count; i++)
            assert_true(reads(parted, machine, &parted->lost[i]));
    }
    machine_deliver(scene->world, machine_at(parted, TOWN), EVENT_RECLAIM, 0,
                    (struct slice){0}, NULL);
    scene_run(scene, SECOND_MS);
    assert_true(scene_agrees(scene));
    for (uint32_t machine = 0; machine < MACHINES; machine++)
        restart(parted, machine);
    assert_true(scene_agrees(scene));
    struct entry_id later = write_person(parted);
    assert_true(scene_agrees(scene));
    for (uint32_t machine = 0; machine < MACHINES; machine++) {
        assert_int_equal(persons(parted, machine), all + strayed + 1);
        assert_true(reads(parted, machine, &later));
    }
    check_converged(scene->world);
    assert_string_equal(scene->world->failure, "");
}

static void close_parted(struct parted *parted)
{
    image_drop(&parted->image);
    scene_close(&parted->scene);
}

enum order { XIACUN_FIRST, XIACUN_TELLS_COUNTY, COUNTY_FIRST, BOTH_AT_ONCE, ORDERS };

static void meet(struct parted *parted, enum order order)
{
    struct scene *scene = &parted->scene;

    switch (order) {
    case XIACUN_FIRST:
        mend(parted, parted->to_xiacun);
        until_read(parted, XIACUN, &parted->last_strayed);
        mend(parted, parted->to_county);
        scene_run(scene, 90 * SECOND_MS);
        mend(parted, parted->between);
        break;
    case XIACUN_TELLS_COUNTY:
        mend(parted, parted->to_xiacun);
        until_read(parted, XIACUN, &parted->last_strayed);
        cut(parted, parted->to_xiacun);
        mend(parted, parted->between);
        scene_run(scene, 90 * SECOND_MS);
        assert_int_not_equal(report_of(parted, COUNTY).diverged_logs +
                                 report_of(parted, XIACUN).diverged_logs,
                             0);
        cut(parted, parted->between);
        mend(parted, parted->to_county);
        scene_run(scene, 90 * SECOND_MS);
        mend(parted, parted->between);
        scene_run(scene, 90 * SECOND_MS);
        mend(parted, parted->to_xiacun);
        break;
    case COUNTY_FIRST:
        mend(parted, parted->to_county);
        scene_run(scene, 90 * SECOND_MS);
        mend(parted, parted->to_xiacun);
        mend(parted, parted->between);
        break;
    case BOTH_AT_ONCE:
        mend(parted, parted->to_county);
        mend(parted, parted->to_xiacun);
        mend(parted, parted->between);
        break;
    case ORDERS: break;
    }
}

static void in_every_order(size_t joined, size_t lost, size_t strayed)
{
    for (enum order order = 0; order < ORDERS; order++) {
        struct parted parted;
        open_parted(&parted, 100 + order + lost + strayed, joined);
        part(&parted, lost, strayed);
        meet(&parted, order);
        assert_healed(&parted, joined);
        close_parted(&parted);
    }
}

static void one_write_before_the_first_contact_heals_in_every_order(void **state)
{
    (void)state;
    in_every_order(0, 3, 1);
}

static void as_many_writes_as_were_lost_heal_in_every_order(void **state)
{
    (void)state;
    in_every_order(0, 2, 2);
}

static void a_thousand_writes_before_the_first_contact_heal_in_every_order(void **state)
{
    (void)state;
    in_every_order(0, 2, 1000);
}

/* xiacun holds the last common entries and the first of the other history in one run. */
static void histories_that_part_within_a_joined_run_heal_in_every_order(void **state)
{
    (void)state;
    in_every_order(5, 4, 3);
}

static void whoever_held_the_other_history_keeps_the_proof(void **state)
{
    struct parted parted;
    (void)state;
    open_parted(&parted, 211, 0);
    part(&parted, 2, 3);
    meet(&parted, XIACUN_FIRST);
    assert_healed(&parted, 0);
    struct fork_count own = forks_at(&parted, TOWN);
    struct fork_count other = forks_at(&parted, XIACUN);
    assert_int_equal(own.forks, 1);
    assert_int_equal(other.forks, 1);
    assert_true(own.last.set_aside && other.last.set_aside);
    assert_int_equal(own.last.seq, entry_id_seq(&parted.lost[0]));
    assert_int_equal(other.last.seq, own.last.seq);
    assert_true(hash_equal(&own.last.stands, &other.last.stands));
    assert_true(hash_equal(&own.last.other, &other.last.other));
    assert_false(hash_equal(&own.last.stands, &own.last.other));
    assert_int_equal(other.last.entries, 3);
    close_parted(&parted);
}

/* The statement was heard by the others before; the store that comes back has not made it. */
static void a_store_put_back_twice_heals_by_its_own_earlier_word(void **state)
{
    struct parted parted;
    (void)state;
    open_parted(&parted, 223, 0);
    part(&parted, 2, 1);
    meet(&parted, XIACUN_FIRST);
    scene_run(&parted.scene, 60 * SECOND_MS);
    assert_true(scene_agrees(&parted.scene));
    cut(&parted, parted.to_county);
    cut(&parted, parted.to_xiacun);
    put_back(&parted);
    parted.last_strayed = write_person(&parted);
    parted.strayed_count = 1;
    mend(&parted, parted.to_xiacun);
    scene_run(&parted.scene, 90 * SECOND_MS);
    mend(&parted, parted.to_county);
    assert_healed(&parted, 0);
    close_parted(&parted);
}

static void reclaim(struct parted *parted)
{
    machine_deliver(parted->scene.world, machine_at(parted, TOWN), EVENT_RECLAIM, 0,
                    (struct slice){0}, NULL);
    scene_run(&parted->scene, SECOND_MS);
    assert_true(scene_agrees(&parted->scene));
}

/* An image of the time when entries were set aside: after it they were written once more. */
static void what_was_written_once_more_is_not_again_by_a_store_put_back(void **state)
{
    struct parted parted;
    (void)state;
    open_parted(&parted, 227, 0);
    part(&parted, 2, 30);
    meet(&parted, XIACUN_FIRST);
    assert_true(scene_agrees(&parted.scene));
    assert_int_equal(report_of(&parted, TOWN).strayed_entries, 30);
    machine_power_off(parted.scene.world, machine_at(&parted, TOWN));
    image_drop(&parted.image);
    parted.image = image_take(machine_at(&parted, TOWN));
    machine_start(parted.scene.world, machine_at(&parted, TOWN));
    reclaim(&parted);
    assert_int_equal(persons(&parted, COUNTY), 1 + 2 + 30);
    put_back(&parted);
    assert_int_equal(report_of(&parted, TOWN).strayed_entries, 30);
    assert_true(scene_agrees(&parted.scene));
    assert_int_equal(report_of(&parted, TOWN).strayed_entries, 0);
    reclaim(&parted);
    for (uint32_t machine = 0; machine < MACHINES; machine++)
        assert_int_equal(persons(&parted, machine), 1 + 2 + 30);
    restart(&parted, TOWN);
    assert_int_equal(report_of(&parted, TOWN).strayed_entries, 0);
    assert_true(scene_agrees(&parted.scene));
    check_converged(parted.scene.world);
    assert_string_equal(parted.scene.world->failure, "");
    close_parted(&parted);
}

static bool take_hash(void *context, const struct opened_entry *opened)
{
    struct cut *cut = context;
    cut->hash = opened->entry.hash;
    return false;
}

static struct cut cut_at(struct parted *parted, uint32_t machine, struct log_name log)
{
    const struct engine *engine = node_engine(machine_at(parted, machine)->node);
    struct cut cut = {.log = log, .seq = heads_find(engine_heads(engine), log)->seq};
    struct store_txn *txn;
    struct arena arena;
    arena_init(&arena);
    assert_int_equal(node_read(machine_at(parted, machine)->node, &txn), OK);
    assert_int_equal(
        engine_walk_log(engine, txn, cut.log, cut.seq, cut.seq, &arena, take_hash, &cut),
        OK);
    store_abort(txn);
    arena_deinit(&arena);
    return cut;
}

/* shilian's box is stolen: nobody ever hears from it which of its histories stands, but the
 * authority ends its log as county holds it. */
static void ended_by_the_authority(size_t joined, size_t lost, size_t strayed,
                                   bool met_before)
{
    struct parted parted;
    open_parted(&parted, 300 + joined + lost + strayed, joined);
    part(&parted, lost, strayed);
    mend(&parted, parted.to_xiacun);
    until_read(&parted, XIACUN, &parted.last_strayed);
    cut(&parted, parted.to_xiacun);
    if (met_before) {
        mend(&parted, parted.between);
        scene_run(&parted.scene, 90 * SECOND_MS);
        cut(&parted, parted.between);
    }
    struct cut end = cut_at(&parted, COUNTY, entry_id_log(&parted.lost[0]));
    world_revoke(parted.scene.world, TOWN, &end, 1);
    mend(&parted, parted.between);
    assert_true(scene_agrees(&parted.scene));
    for (size_t i = 0; i < lost; i++)
        assert_true(reads(&parted, XIACUN, &parted.lost[i]));
    assert_int_equal(persons(&parted, XIACUN), 1 + joined + lost);
    check_converged(parted.scene.world);
    assert_string_equal(parted.scene.world->failure, "");
    restart(&parted, XIACUN);
    assert_true(scene_agrees(&parted.scene));
    close_parted(&parted);
}

static void
a_node_with_less_than_a_cut_on_another_branch_finds_the_right_one(void **state)
{
    (void)state;
    for (int met = 0; met < 2; met++) {
        ended_by_the_authority(0, 4, 1, met);
        ended_by_the_authority(0, 40, 30, met);
        ended_by_the_authority(6, 7, 2, met);
    }
}

static void
a_node_with_more_than_a_cut_on_another_branch_finds_the_right_one(void **state)
{
    (void)state;
    for (int met = 0; met < 2; met++) {
        ended_by_the_authority(0, 2, 5, met);
        ended_by_the_authority(3, 4, 4, met);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_write_before_the_first_contact_heals_in_every_order),
        cmocka_unit_test(as_many_writes_as_were_lost_heal_in_every_order),
        cmocka_unit_test(a_thousand_writes_before_the_first_contact_heal_in_every_order),
        cmocka_unit_test(histories_that_part_within_a_joined_run_heal_in_every_order),
        cmocka_unit_test(whoever_held_the_other_history_keeps_the_proof),
        cmocka_unit_test(a_store_put_back_twice_heals_by_its_own_earlier_word),
        cmocka_unit_test(what_was_written_once_more_is_not_again_by_a_store_put_back),
        cmocka_unit_test(
            a_node_with_less_than_a_cut_on_another_branch_finds_the_right_one),
        cmocka_unit_test(
            a_node_with_more_than_a_cut_on_another_branch_finds_the_right_one),
    };
    return cmocka_run_group_tests_name("forks", tests, NULL, NULL);
}
