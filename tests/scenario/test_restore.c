/* A store put back in place: the file is the same to the system and older than what
 * neighbours hold of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "net/session.h"
#include "tests/sim/checks.h"
#include "tests/sim/forge.h"
#include "tests/sim/image.h"
#include "tests/sim/scene.h"

struct restored {
    struct scene scene;
    uint32_t township;
    bool liar; /* another neighbour of the township, that hears nothing of it */
    struct entry_id lost[64], strayed[64];
};

static struct machine *machine_at(struct restored *restored, uint32_t index)
{
    return world_machine(restored->scene.world, index);
}

static uint64_t strayed_entries(struct restored *restored)
{
    struct engine_report report;
    engine_report(node_engine(machine_at(restored, restored->township)->node), &report);
    return report.strayed_entries;
}

static uint64_t came_back_entries(struct restored *restored)
{
    struct engine_report report;
    engine_report(node_engine(machine_at(restored, restored->township)->node), &report);
    return report.came_back_entries;
}

/* What the machine says of its neighbour: the hub of the township, or the township of it. */
static struct peer_report said_of(struct restored *restored, uint32_t machine)
{
    struct peer_report reports[4];
    uint32_t other = machine == 0 ? restored->township : 0;
    uint32_t number = engine_self(node_engine(machine_at(restored, other)->node))->number;
    size_t count =
        engine_peers(node_engine(machine_at(restored, machine)->node), reports, 4);
    for (size_t i = 0; i < count; i++) {
        if (reports[i].number == number)
            return reports[i];
    }
    fail();
    return reports[0];
}

/* Runs of another history are no fault of a neighbour's program. */
static void assert_nothing_refused_but_the_other_history(struct restored *restored,
                                                         uint32_t machine)
{
    struct peer_report report = said_of(restored, machine);
    for (size_t i = 0; i < REFUSALS; i++) {
        if (i != REFUSED_DIVERGED)
            assert_int_equal(report.refused[i], 0);
    }
}

static struct entry_id write_person(struct restored *restored)
{
    struct entry_id id = scene_person(&restored->scene, restored->township, SHILIAN);
    assert_int_equal(restored->scene.status, OK);
    return id;
}

static bool reads(struct restored *restored, uint32_t machine, const struct entry_id *id)
{
    return scene_reads(&restored->scene, machine, REGISTER_PERSON, SHILIAN, NULL, id);
}

/* A run of the township's log under its neighbour's own signature, on a branch of nothing. */
static void tell_falsely(struct scene *scene, struct machine *victim,
                         struct machine *liar)
{
    struct forge forge;
    struct buffer frame;
    forge_begin(&forge, scene->world, victim, victim, SHILIAN);
    forge_branch_off(&forge);
    forge.run.first_seq = 2;
    forge_add(&forge, slice_text("a payload that nobody can open, of some length"));
    forge_end(&forge, liar, &frame);
    forge_deliver(scene->world, victim, liar, &frame);
    buffer_deinit(&frame);
}

/* `lost` writes reach the hub, the disk is put back to before them, and `written` more are
 * made before the line is up. */
static void restore_in_place(struct restored *restored, uint64_t seed, size_t lost,
                             size_t written)
{
    struct scene *scene = &restored->scene;
    scene_open(scene, seed);
    restored->township = scene_add(scene, SHILIAN, "shilian");
    uint32_t liar = restored->liar ? scene_add(scene, GAOPING, "gaoping") : 0;
    scene_found(scene);
    scene_connect(scene, 0, restored->township);
    if (liar != 0)
        scene_connect(scene, restored->township, liar);
    scene_run(scene, 2 * SECOND_MS);
    write_person(restored);
    scene_run(scene, 2 * SECOND_MS);
    struct machine *machine = machine_at(restored, restored->township);
    machine_power_off(scene->world, machine);
    struct image image = image_take(machine);
    if (liar != 0)
        machine_power_off(scene->world, machine_at(restored, liar));
    machine_start(scene->world, machine);
    for (size_t i = 0; i < lost; i++)
        restored->lost[i] = write_person(restored);
    if (liar == 0)
        assert_true(scene_agrees(scene));
    /* The hub may notice late that the township's line was another before. */
    for (int i = 0; i < 120 && !reads(restored, 0, &restored->lost[lost - 1]); i++)
        scene_run(scene, SECOND_MS);
    assert_true(reads(restored, 0, &restored->lost[lost - 1]));
    machine_power_off(scene->world, machine);
    machine_power_off(scene->world, machine_at(restored, 0));
    image_put_back(machine, &image);
    image_drop(&image);
    machine_start(scene->world, machine);
    for (size_t i = 0; i < written; i++)
        restored->strayed[i % ARRAY_SIZE(restored->strayed)] = write_person(restored);
    if (liar != 0) {
        machine_start(scene->world, machine_at(restored, liar));
        scene_run(scene, 5 * SECOND_MS);
        tell_falsely(scene, machine, machine_at(restored, liar));
        scene_run(scene, 5 * SECOND_MS);
    }
    machine_start(scene->world, machine_at(restored, 0));
}

/* Whatever the two histories' lengths, from the first sign on all is as it should be. */
static void settle(struct restored *restored, size_t lost, size_t written)
{
    struct scene *scene = &restored->scene;
    scene_run(scene, 60 * SECOND_MS);
    assert_int_equal(strayed_entries(restored), written);
    assert_true(scene_agrees(scene));
    assert_nothing_refused_but_the_other_history(restored, 0);
    assert_nothing_refused_but_the_other_history(restored, restored->township);
    assert_int_equal(said_of(restored, restored->township).suspected_since_ms, 0);
    assert_int_equal(said_of(restored, 0).strayed_since_ms != 0, written > 0);
    assert_int_equal(came_back_entries(restored), lost);
    for (size_t i = 0; i < lost; i++) {
        assert_true(reads(restored, restored->township, &restored->lost[i]));
        assert_true(reads(restored, 0, &restored->lost[i]));
    }
    struct entry_id later = write_person(restored);
    assert_true(scene_agrees(scene));
    assert_true(reads(restored, 0, &later));
    machine_power_off(scene->world, machine_at(restored, restored->township));
    machine_start(scene->world, machine_at(restored, restored->township));
    assert_int_equal(strayed_entries(restored), written);
    later = write_person(restored);
    assert_true(scene_agrees(scene));
    assert_true(reads(restored, 0, &later));
    check_converged(scene->world);
    assert_string_equal(scene->world->failure, "");
}

static void restored_and_settled(size_t lost, size_t written)
{
    struct restored restored = {0};
    restore_in_place(&restored, 31 + lost + written, lost, written);
    settle(&restored, lost, written);
    scene_close(&restored.scene);
}

static void a_store_put_back_that_wrote_less_than_it_lost_is_heard_again(void **state)
{
    (void)state;
    restored_and_settled(5, 1);
}

static void a_store_put_back_that_wrote_as_much_as_it_lost_is_heard_again(void **state)
{
    (void)state;
    restored_and_settled(3, 3);
}

static void a_store_put_back_that_wrote_more_than_it_lost_is_heard_again(void **state)
{
    (void)state;
    restored_and_settled(1, 40);
}

static void a_store_put_back_that_wrote_nothing_sets_nothing_aside(void **state)
{
    (void)state;
    restored_and_settled(2, 0);
}

/* By the time the line is up the forked log is no more the one that is written. */
static void a_store_put_back_and_then_moved_is_heard_again(void **state)
{
    struct restored restored = {0};
    struct scene *scene = &restored.scene;
    (void)state;
    restore_in_place(&restored, 47, 2, 2);
    struct machine *machine = machine_at(&restored, restored.township);
    machine_power_off(scene->world, machine);
    image_move(machine);
    machine_start(scene->world, machine);
    settle(&restored, 2, 2);
    scene_close(scene);
}

static void a_neighbours_false_word_keeps_nobody_from_the_truth(void **state)
{
    struct restored restored = {.liar = true};
    struct scene *scene = &restored.scene;
    (void)state;
    restore_in_place(&restored, 53, 5, 7);
    for (int i = 0; i < 18; i++) {
        tell_falsely(scene, machine_at(&restored, restored.township),
                     machine_at(&restored, restored.township + 1));
        scene_run(scene, 10 * SECOND_MS);
    }
    assert_int_equal(strayed_entries(&restored), 7);
    assert_true(reads(&restored, restored.township, &restored.lost[4]));
    scene_close(scene);
}

static size_t subjects(struct restored *restored, uint32_t machine, uint8_t reg)
{
    struct fold_subjects walk = {.reg = reg, .realm = SHILIAN};
    struct entry_id subject;
    struct store_txn *txn;
    uint64_t realm, newest;
    size_t count = 0;
    assert_int_equal(node_read(machine_at(restored, machine)->node, &txn), OK);
    while (fold_subjects_next(txn, &walk, &realm, &subject, &newest))
        count++;
    store_cursor_close(&walk.cursor);
    store_abort(txn);
    return count;
}

static void reclaim(struct restored *restored)
{
    struct machine *machine = machine_at(restored, restored->township);
    machine_deliver(restored->scene.world, machine, EVENT_RECLAIM, 0, (struct slice){0},
                    NULL);
    scene_run(&restored->scene, SECOND_MS);
    assert_true(scene_agrees(&restored->scene));
    assert_int_equal(strayed_entries(restored), 0);
}

static void what_was_set_aside_is_written_once_more_where_it_is_heard(void **state)
{
    struct restored restored = {0};
    struct scene *scene = &restored.scene;
    (void)state;
    restore_in_place(&restored, 41, 2, 3);
    scene_visit(scene, restored.township, SHILIAN, &restored.strayed[0]);
    assert_int_equal(scene->status, OK);
    scene_run(scene, 60 * SECOND_MS);
    assert_int_equal(strayed_entries(&restored), 4);
    assert_true(scene_agrees(scene));
    assert_int_equal(subjects(&restored, 0, REGISTER_PERSON), 3);
    assert_int_equal(subjects(&restored, restored.township, REGISTER_PERSON), 3);
    assert_int_equal(subjects(&restored, restored.township, REGISTER_VISIT), 0);
    assert_int_not_equal(said_of(&restored, 0).strayed_since_ms, 0);

    reclaim(&restored);
    assert_int_equal(said_of(&restored, 0).strayed_since_ms, 0);
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t machine = i == 0 ? 0 : restored.township;
        assert_int_equal(subjects(&restored, machine, REGISTER_PERSON), 6);
        assert_int_equal(subjects(&restored, machine, REGISTER_VISIT), 1);
    }
    check_converged(scene->world);
    assert_string_equal(scene->world->failure, "");

    reclaim(&restored); /* again */
    machine_power_off(scene->world, machine_at(&restored, restored.township));
    machine_start(scene->world, machine_at(&restored, restored.township));
    reclaim(&restored);
    assert_int_equal(subjects(&restored, 0, REGISTER_PERSON), 6);
    scene_close(scene);
}

/* More than is taken back at once: all entries are read again, and meanwhile what was set
 * aside is seen beside what is written once more. */
static void a_month_set_aside_is_written_once_more_while_all_is_read_again(void **state)
{
    struct restored restored = {0};
    struct scene *scene = &restored.scene;
    struct engine *engine;
    const size_t month = 20001;
    (void)state;
    restore_in_place(&restored, 43, 2, month);
    engine = node_engine(machine_at(&restored, restored.township)->node);
    for (int i = 0; i < 6000 && strayed_entries(&restored) == 0; i++)
        scene_run(scene, 10);
    assert_int_equal(strayed_entries(&restored), month);
    assert_true(engine_folding(engine, NULL));
    machine_deliver(scene->world, machine_at(&restored, restored.township), EVENT_RECLAIM,
                    0, (struct slice){0}, NULL);
    for (int i = 0; i < 6000 && strayed_entries(&restored) > 0; i++)
        scene_run(scene, 10);
    assert_int_equal(strayed_entries(&restored), 0);
    scene_run(scene, 60 * SECOND_MS);
    assert_false(engine_folding(engine, NULL));
    assert_true(scene_agrees(scene));
    assert_int_equal(subjects(&restored, restored.township, REGISTER_PERSON), 3 + month);
    assert_int_equal(subjects(&restored, 0, REGISTER_PERSON), 3 + month);
    scene_close(scene);
}

/* The person who was visited is one of those that were written once more. */
static void a_visit_set_aside_follows_its_person_to_the_new_id(void **state)
{
    struct restored restored = {0};
    struct scene *scene = &restored.scene;
    struct fold_subjects walk = {.reg = REGISTER_VISIT, .realm = SHILIAN};
    struct entry_id person;
    struct store_txn *txn;
    uint64_t realm, newest;
    (void)state;
    restore_in_place(&restored, 42, 1, 1);
    scene_visit(scene, restored.township, SHILIAN, &restored.strayed[0]);
    scene_run(scene, 60 * SECOND_MS);
    reclaim(&restored);
    assert_int_equal(node_read(machine_at(&restored, 0)->node, &txn), OK);
    assert_true(fold_subjects_next(txn, &walk, &realm, &person, &newest));
    store_cursor_close(&walk.cursor);
    store_abort(txn);
    assert_int_not_equal(entry_id_compare(&person, &restored.strayed[0]), 0);
    assert_true(reads(&restored, 0, &person));
    scene_close(scene);
}

/* A node never holds less of its own log than others do, unless its store was put back. */
static void a_store_put_back_learns_it_when_it_says_how_far_its_log_is(void **state)
{
    struct restored restored = {0};
    (void)state;
    restore_in_place(&restored, 61, 5, 2);
    for (int i = 0; i < 600 && said_of(&restored, 0).state != PEER_ONLINE; i++)
        scene_run(&restored.scene, 100);
    scene_run(&restored.scene, 2 * SECOND_MS);
    assert_int_equal(strayed_entries(&restored), 2);
    scene_close(&restored.scene);
}

/* From the first word of it until the proof the township says that it may not be heard. */
static void what_may_not_be_heard_is_told_from_the_first_suspicion_on(void **state)
{
    struct restored restored = {0};
    struct scene *scene = &restored.scene;
    bool suspected = false;
    (void)state;
    restore_in_place(&restored, 59, 5, 2);
    for (int i = 0; i < 600000 && strayed_entries(&restored) == 0; i++) {
        scene_run(scene, 10);
        suspected |= said_of(&restored, restored.township).suspected_since_ms != 0;
    }
    assert_int_equal(strayed_entries(&restored), 2);
    assert_true(suspected);
    assert_int_equal(said_of(&restored, restored.township).suspected_since_ms, 0);
    scene_close(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_put_back_that_wrote_less_than_it_lost_is_heard_again),
        cmocka_unit_test(a_store_put_back_that_wrote_as_much_as_it_lost_is_heard_again),
        cmocka_unit_test(a_store_put_back_that_wrote_more_than_it_lost_is_heard_again),
        cmocka_unit_test(a_store_put_back_that_wrote_nothing_sets_nothing_aside),
        cmocka_unit_test(a_store_put_back_and_then_moved_is_heard_again),
        cmocka_unit_test(a_neighbours_false_word_keeps_nobody_from_the_truth),
        cmocka_unit_test(what_was_set_aside_is_written_once_more_where_it_is_heard),
        cmocka_unit_test(a_month_set_aside_is_written_once_more_while_all_is_read_again),
        cmocka_unit_test(a_store_put_back_learns_it_when_it_says_how_far_its_log_is),
        cmocka_unit_test(what_may_not_be_heard_is_told_from_the_first_suspicion_on),
        cmocka_unit_test(a_visit_set_aside_follows_its_person_to_the_new_id),
    };
    return cmocka_run_group_tests_name("restore", tests, NULL, NULL);
}
