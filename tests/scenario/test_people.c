/* Two people, one record: what each of them finds afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/checks.h"
#include "tests/sim/scene.h"

static uint32_t open_pair(struct scene *scene, uint64_t seed)
{
    scene_open(scene, seed);
    uint32_t township = scene_add(scene, SHILIAN, "shilian");
    scene_found(scene);
    scene_connect(scene, 0, township);
    scene_run(scene, 5 * SECOND_MS);
    return township;
}

static void assert_shown(struct scene *scene, uint32_t machine,
                         const struct entry_id *person, uint8_t field,
                         const char *expected, size_t versions_expected)
{
    char text[SHOWN_SIZE];
    size_t versions;
    scene_shows(scene, machine, SHILIAN, person, field, text, &versions);
    assert_string_equal(text, expected);
    assert_int_equal(versions, versions_expected);
}

static void concurrent_edits_stay_visible_until_someone_decides(void **state)
{
    struct scene scene;
    (void)state;
    uint32_t township = open_pair(&scene, 31);
    struct entry_id person = scene_person(&scene, township, SHILIAN);
    assert_true(scene_agrees(&scene));
    link_cut(scene.world, 0);
    scene_run(&scene, 70 * SECOND_MS);
    scene_set(&scene, township, &person, PERSON_NAME, "李桂兰");
    scene_run(&scene, SECOND_MS);
    scene_set(&scene, 0, &person, PERSON_NAME, "李桂芝");
    link_mend(scene.world, 0);
    assert_true(scene_agrees(&scene));
    assert_shown(&scene, 0, &person, PERSON_NAME, "李桂芝", 2);
    assert_shown(&scene, township, &person, PERSON_NAME, "李桂芝", 2);

    scene_set(&scene, township, &person, PERSON_NAME, "李桂兰");
    assert_true(scene_agrees(&scene));
    assert_shown(&scene, 0, &person, PERSON_NAME, "李桂兰", 1);
    check_model(scene.world);
    assert_string_equal(scene.world->failure, "");
    scene_close(&scene);
}

static void in_a_conflict_the_higher_tier_is_displayed(void **state)
{
    struct scene scene;
    (void)state;
    uint32_t township = open_pair(&scene, 32);
    struct entry_id person = scene_person(&scene, township, SHILIAN);
    assert_true(scene_agrees(&scene));
    link_cut(scene.world, 0);
    scene_run(&scene, 70 * SECOND_MS);
    scene_set(&scene, township, &person, PERSON_TIER, "high");
    scene_run(&scene, SECOND_MS);
    scene_set(&scene, 0, &person, PERSON_TIER, "general");
    link_mend(scene.world, 0);
    assert_true(scene_agrees(&scene));
    assert_shown(&scene, 0, &person, PERSON_TIER, "high", 2);
    assert_shown(&scene, township, &person, PERSON_TIER, "high", 2);
    scene_close(&scene);
}

/* "A clock in 2099 poisons nothing": whoever saw a value and replaces it wins, whatever the
 * clocks say. */
static void a_clock_in_2099_loses_to_whoever_saw_its_value(void **state)
{
    struct scene scene;
    (void)state;
    uint32_t township = open_pair(&scene, 33);
    world_machine(scene.world, township)->wall_offset_ms = INT64_C(2300000000000);
    struct entry_id person = scene_person(&scene, township, SHILIAN);
    scene_set(&scene, township, &person, PERSON_NAME, "张建国");
    assert_true(scene_agrees(&scene));
    scene_set(&scene, 0, &person, PERSON_NAME, "张建华");
    assert_true(scene_agrees(&scene));
    assert_shown(&scene, 0, &person, PERSON_NAME, "张建华", 1);
    assert_shown(&scene, township, &person, PERSON_NAME, "张建华", 1);
    scene_close(&scene);
}

static void an_element_added_while_it_is_taken_out_elsewhere_stays(void **state)
{
    struct scene scene;
    (void)state;
    uint32_t township = open_pair(&scene, 34);
    struct entry_id person = scene_person(&scene, township, SHILIAN);
    scene_set(&scene, township, &person, PERSON_PHONES, "13905780001");
    assert_true(scene_agrees(&scene));
    link_cut(scene.world, 0);
    scene_run(&scene, 70 * SECOND_MS);
    scene_set(&scene, 0, &person, PERSON_PHONES, "13905780002");
    scene_set(&scene, township, &person, PERSON_PHONES, "13905780002");
    link_mend(scene.world, 0);
    assert_true(scene_agrees(&scene));
    check_model(scene.world);
    assert_string_equal(scene.world->failure, "");
    scene_close(&scene);
}

static void nobody_writes_for_a_township_whose_key_he_lacks(void **state)
{
    struct scene scene;
    (void)state;
    uint32_t township = open_pair(&scene, 35);
    scene_person(&scene, township, GAOPING);
    assert_int_equal(scene.status, ERR_UNREADABLE);
    assert_true(scene_agrees(&scene));
    assert_int_equal(scene.world->model.count, 0);
    scene_close(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(concurrent_edits_stay_visible_until_someone_decides),
        cmocka_unit_test(in_a_conflict_the_higher_tier_is_displayed),
        cmocka_unit_test(a_clock_in_2099_loses_to_whoever_saw_its_value),
        cmocka_unit_test(an_element_added_while_it_is_taken_out_elsewhere_stays),
        cmocka_unit_test(nobody_writes_for_a_township_whose_key_he_lacks),
    };
    return cmocka_run_group_tests_name("people", tests, NULL, NULL);
}
