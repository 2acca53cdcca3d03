/* Power cuts, failed commits and full disks, at the one place where they matter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/sim/checks.h"
#include "tests/sim/commit.h"
#include "tests/sim/scene.h"

#define POWER_OFF_MAX_MS (200 * SECOND_MS) /* a machine that died is on again by then */

static void open_pair(struct scene *scene, uint64_t seed, uint32_t *township)
{
    scene_open(scene, seed);
    *township = scene_add(scene, SHILIAN, "shilian");
    scene_found(scene);
    scene_connect(scene, 0, *township);
    scene_run(scene, 2 * SECOND_MS);
}

static void doom(struct scene *scene, uint32_t machine, enum commit_fate fate,
                 enum status status)
{
    world_machine(scene->world, machine)->plan =
        (struct commit_plan){.fate = fate, .status = status};
}

static void assert_all_is_well(struct scene *scene)
{
    assert_true(scene_agrees(scene));
    check_converged(scene->world);
    check_acknowledged(scene->world);
    check_readable(scene->world);
    check_model(scene->world);
    assert_string_equal(scene->world->failure, "");
}

static void a_restart_forgets_no_acknowledged_write(void **state)
{
    struct scene scene;
    uint32_t township;
    (void)state;
    open_pair(&scene, 11, &township);
    struct entry_id person = scene_person(&scene, township, SHILIAN);
    assert_int_equal(scene.status, OK);
    machine_power_off(scene.world, world_machine(scene.world, township));
    machine_start(scene.world, world_machine(scene.world, township));

    assert_true(scene_reads(&scene, township, REGISTER_PERSON, SHILIAN, NULL, &person));
    assert_all_is_well(&scene);
    assert_true(scene_reads(&scene, 0, REGISTER_PERSON, SHILIAN, NULL, &person));
    scene_close(&scene);
}

static void a_power_cut_before_the_commit_leaves_nothing(void **state)
{
    struct scene scene;
    uint32_t township;
    (void)state;
    open_pair(&scene, 12, &township);
    doom(&scene, township, COMMIT_DIES_BEFORE, ERR_STORE);
    scene_person(&scene, township, SHILIAN);
    assert_false(scene.answered);
    scene_run(&scene, POWER_OFF_MAX_MS);

    assert_int_equal(scene.world->model.count, 0);
    assert_all_is_well(&scene);
    scene_close(&scene);
}

static void a_power_cut_after_the_commit_keeps_what_nobody_was_told(void **state)
{
    struct scene scene;
    uint32_t township;
    (void)state;
    open_pair(&scene, 13, &township);
    doom(&scene, township, COMMIT_DIES_AFTER, ERR_STORE);
    scene_person(&scene, township, SHILIAN);
    assert_false(scene.answered);
    scene_run(&scene, POWER_OFF_MAX_MS);

    assert_int_equal(scene.world->model.count, 1);
    const struct entry_id *id = &scene.world->model.writes[0].id;
    assert_all_is_well(&scene);
    assert_true(scene_reads(&scene, 0, REGISTER_PERSON, SHILIAN, NULL, id));
    scene_close(&scene);
}

static void a_failed_commit_is_answered_and_the_next_write_succeeds(void **state)
{
    struct scene scene;
    uint32_t township;
    (void)state;
    open_pair(&scene, 14, &township);
    doom(&scene, township, COMMIT_FAILS, ERR_STORE);
    scene_person(&scene, township, SHILIAN);
    assert_int_equal(scene.status, ERR_STORE);
    struct entry_id person = scene_person(&scene, township, SHILIAN);
    assert_int_equal(scene.status, OK);

    assert_all_is_well(&scene);
    assert_true(scene_reads(&scene, 0, REGISTER_PERSON, SHILIAN, NULL, &person));
    scene_close(&scene);
}

/* Changes a byte of the store's founding row in its file, and changes it back. */
static void spoil_founding(const struct scene *scene, uint32_t machine)
{
    static const char name[] = "genesis";
    char path[200];
    snprintf(path, sizeof path, "%s/store/data.mdb",
             world_machine(scene->world, machine)->directory);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    size_t size = (size_t)lseek(fd, 0, SEEK_END), spoilt = 0;
    uint8_t *bytes = malloc(size);
    assert_int_equal(pread(fd, bytes, size, 0), (ssize_t)size);
    for (size_t at = 0; at + 64 <= size; at++) {
        if (memcmp(bytes + at, name, sizeof name - 1) != 0)
            continue;
        bytes[at + 20] ^= 1;
        assert_int_equal(pwrite(fd, bytes + at + 20, 1, (off_t)(at + 20)), 1);
        spoilt++;
    }
    assert_true(spoilt > 0);
    free(bytes);
    close(fd);
}

static void what_cannot_be_loaded_again_is_not_written_to(void **state)
{
    struct scene scene;
    uint32_t township;
    (void)state;
    open_pair(&scene, 17, &township);
    doom(&scene, township, COMMIT_FAILS, ERR_STORE);
    spoil_founding(&scene, township);
    scene_person(&scene, township, SHILIAN);
    assert_int_equal(scene.status, ERR_STORE);
    scene_person(&scene, township, SHILIAN);
    assert_int_not_equal(scene.status, OK);
    scene_run(&scene, 60 * SECOND_MS);
    spoil_founding(&scene, township);
    scene_run(&scene, 60 * SECOND_MS);
    struct entry_id person = scene_person(&scene, township, SHILIAN);
    assert_int_equal(scene.status, OK);

    assert_all_is_well(&scene);
    assert_true(scene_reads(&scene, 0, REGISTER_PERSON, SHILIAN, NULL, &person));
    scene_close(&scene);
}

static void a_full_disk_refuses_writes_serves_reads_and_resumes_by_itself(void **state)
{
    struct scene scene;
    uint32_t township;
    (void)state;
    open_pair(&scene, 15, &township);
    struct entry_id before = scene_person(&scene, township, SHILIAN);
    scene_run(&scene, 2 * SECOND_MS);
    doom(&scene, township, COMMIT_DISK_FULL, ERR_DISK_FULL);
    scene_person(&scene, township, SHILIAN);
    assert_int_equal(scene.status, ERR_DISK_FULL);
    assert_true(scene_reads(&scene, township, REGISTER_PERSON, SHILIAN, NULL, &before));
    struct entry_id meanwhile = scene_person(&scene, 0, SHILIAN);
    scene_run(&scene, 300 * SECOND_MS);
    assert_false(scene_holds(&scene, township, &meanwhile));

    doom(&scene, township, COMMIT_SUCCEEDS, OK);
    scene_run(&scene, 120 * SECOND_MS);
    scene_person(&scene, township, SHILIAN);
    assert_int_equal(scene.status, OK);
    assert_true(scene_holds(&scene, township, &meanwhile));
    assert_all_is_well(&scene);
    scene_close(&scene);
}

/* The first start founds the store in one commit; without it there is nothing, and the next
 * start founds it. */
static void a_power_cut_during_the_first_start_leaves_a_store_that_opens(void **state)
{
    struct scene scene;
    uint32_t township;
    (void)state;
    open_pair(&scene, 16, &township);
    uint32_t late = scene_add(&scene, GAOPING, "gaoping");
    struct machine *machine = world_machine(scene.world, late);
    struct request request;
    machine_request(machine, &request);
    county_admit(&scene.world->county, &request, 1, WORLD_START_WALL_MS,
                 &scene.world->nodes_chance);
    machine->number = county_number(&scene.world->county, &machine->keys.id);
    struct slice grant = buffer_slice(&scene.world->county.file);
    buffer_put(&machine->grant, grant.data, grant.size);

    struct commit_plan plan = {.fate = COMMIT_DIES_BEFORE};
    commit_obey(&plan);
    const uint8_t random[RANDOM_SIZE] = {1};
    assert_int_equal(
        node_open(&machine->node,
                  &(struct node_options){.directory = machine->directory,
                                         .without_sync = true,
                                         .seed = slice_of(machine->seed, SEED_SIZE),
                                         .grant = grant},
                  random),
        ERR_STORE);
    assert_true(plan.struck);
    commit_obey(NULL);
    machine->node = NULL;
    machine_start(scene.world, machine);
    assert_string_equal(scene.world->failure, "");
    machine_deliver(scene.world, world_machine(scene.world, 0), EVENT_JOIN, 0, grant,
                    NULL);
    scene_connect(&scene, 0, late);
    assert_all_is_well(&scene);
    scene_close(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_restart_forgets_no_acknowledged_write),
        cmocka_unit_test(a_power_cut_before_the_commit_leaves_nothing),
        cmocka_unit_test(a_power_cut_after_the_commit_keeps_what_nobody_was_told),
        cmocka_unit_test(a_failed_commit_is_answered_and_the_next_write_succeeds),
        cmocka_unit_test(what_cannot_be_loaded_again_is_not_written_to),
        cmocka_unit_test(a_power_cut_during_the_first_start_leaves_a_store_that_opens),
        cmocka_unit_test(a_full_disk_refuses_writes_serves_reads_and_resumes_by_itself),
    };
    return cmocka_run_group_tests_name("storage", tests, NULL, NULL);
}
