/* A store put back in place: the file is the same to the system and older than what
 * neighbours hold of it. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/sim/checks.h"
#include "tests/sim/scene.h"

struct image {
    char path[200];
    uint8_t *bytes;
    size_t size;
};

static struct image image_take(struct machine *machine)
{
    struct image image;
    (void)snprintf(image.path, sizeof image.path, "%s/store/data.mdb",
                   machine->directory);
    int fd = open(image.path, O_RDONLY);
    assert_true(fd >= 0);
    image.size = (size_t)lseek(fd, 0, SEEK_END);
    image.bytes = malloc(image.size);
    assert_int_equal(pread(fd, image.bytes, image.size, 0), (ssize_t)image.size);
    close(fd);
    return image;
}

/* Over the file that is there, which keeps its inode and time of birth. */
static void image_put_back(struct image *image)
{
    int fd = open(image->path, O_WRONLY | O_TRUNC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, image->bytes, image->size), (ssize_t)image->size);
    close(fd);
    free(image->bytes);
}

struct restored {
    struct scene scene;
    uint32_t township;
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

/* `lost` writes reach the hub, the disk is put back to before them, and `written` more are
 * made before the line is up. */
static void restore_in_place(struct restored *restored, uint64_t seed, size_t lost,
                             size_t written)
{
    struct scene *scene = &restored->scene;
    scene_open(scene, seed);
    restored->township = scene_add(scene, SHILIAN, "shilian");
    scene_found(scene);
    scene_connect(scene, 0, restored->township);
    scene_run(scene, 2 * SECOND_MS);
    write_person(restored);
    scene_run(scene, 2 * SECOND_MS);
    struct machine *machine = machine_at(restored, restored->township);
    machine_power_off(scene->world, machine);
    struct image image = image_take(machine);
    machine_start(scene->world, machine);
    for (size_t i = 0; i < lost; i++)
        restored->lost[i] = write_person(restored);
    assert_true(scene_agrees(scene));
    machine_power_off(scene->world, machine);
    machine_power_off(scene->world, machine_at(restored, 0));
    image_put_back(&image);
    machine_start(scene->world, machine);
    for (size_t i = 0; i < written; i++)
        restored->strayed[i] = write_person(restored);
    machine_start(scene->world, machine_at(restored, 0));
}

/* Whatever the two histories' lengths, from the first sign on all is as it should be. */
static void settle(struct restored *restored, size_t lost, size_t written)
{
    struct scene *scene = &restored->scene;
    scene_run(scene, 60 * SECOND_MS);
    assert_int_equal(strayed_entries(restored), written);
    assert_true(scene_agrees(scene));
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
    struct restored restored;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_put_back_that_wrote_less_than_it_lost_is_heard_again),
        cmocka_unit_test(a_store_put_back_that_wrote_as_much_as_it_lost_is_heard_again),
        cmocka_unit_test(a_store_put_back_that_wrote_more_than_it_lost_is_heard_again),
        cmocka_unit_test(a_store_put_back_that_wrote_nothing_sets_nothing_aside),
    };
    return cmocka_run_group_tests_name("restore", tests, NULL, NULL);
}
