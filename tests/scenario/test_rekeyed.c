/* A member is revoked and everybody else gets new keys: a person whose identity number was
 * sealed under the keys before is still found by it, and not entered a second time. */
#define _XOPEN_SOURCE 700
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/county_fixture.h"

#define NUMBER "330102194001011231"
#define FAR_NUMBER "11010519491231002X"

static struct engine *engine_at(const struct county *county, size_t index)
{
    return node_engine(county->nodes[index].node);
}

static enum status enter(struct county *county, size_t index, const char *name,
                         const char *village, const char *number)
{
    return tell(county, index, "person.add",
                ARGS({"name", name}, {"village", village}, {"id_number", number}));
}

/* The authority revokes a member up to what it has written, and the hub takes it in. */
static void revoke(struct county *county, size_t whom)
{
    static const uint8_t authority_seed[SEED_SIZE] = {9, 9, 9};
    const struct head head =
        *heads_find(engine_heads(engine_at(county, whom)),
                    engine_own_log(engine_at(county, whom), LANE_RECORD));
    struct cut cut = {head.log, head.seq, head.hash};
    uint8_t random[RANDOM_SIZE] = {11, (uint8_t)whom};
    struct grant grant;
    struct buffer file;
    assert_int_equal(grant_decode(buffer_slice(&county->grant), &grant), OK);
    buffer_init(&file, GRANT_SIZE_MAX);
    assert_int_equal(grant_revoke(&grant, authority_seed,
                                  engine_self(engine_at(county, whom))->number, &cut, 1,
                                  county->now_ms, random, &file),
                     OK);
    buffer_deinit(&county->grant);
    county->grant = file;
    struct event event = county_event(county, EVENT_JOIN);
    event.bytes = buffer_slice(&county->grant);
    county_step(county, HUB, event, 0);
}

static uint16_t newest_epoch(struct county *county, uint64_t realm)
{
    const struct roster *roster = engine_roster(engine_at(county, HUB));
    return roster_newest_key(roster, realm)->epoch;
}

static size_t found(struct county *county, const char *number)
{
    assert_int_equal(ask(county, HUB, "person.find", ARGS({"text", number})), OK);
    return count_of(county, "records");
}

/* shilian and gaoping each entered a person, both were heard by the hub and revoked. */
static void rekey_after_two_were_entered(struct county *county, const char *ids[2])
{
    county_link(county, TOWN, HUB, true);
    county_link(county, FAR, HUB, true);
    assert_int_equal(enter(county, TOWN, "王秀英", VILLAGE_TEXT, NUMBER), OK);
    ids[0] = told_id(county);
    assert_int_equal(enter(county, FAR, "李桂兰", FAR_VILLAGE_TEXT, FAR_NUMBER), OK);
    ids[1] = told_id(county);
    county_wait(county);
    assert_int_equal(found(county, NUMBER), 1);
    assert_int_equal(found(county, FAR_NUMBER), 1);
    uint16_t epoch = newest_epoch(county, SHILIAN);
    revoke(county, TOWN);
    revoke(county, FAR);
    assert_int_equal(newest_epoch(county, SHILIAN), epoch + 1);
    assert_int_equal(newest_epoch(county, GAOPING), epoch + 1);
}

static void a_person_is_found_by_a_number_sealed_before_the_keys_changed(void **state)
{
    struct county *county = *state;
    const char *ids[2];
    rekey_after_two_were_entered(county, ids);
    assert_int_equal(found(county, NUMBER), 1);
    assert_text(element(county, "records", 0), "id", ids[0]);
    assert_int_equal(found(county, FAR_NUMBER), 1);
    assert_text(element(county, "records", 0), "id", ids[1]);
}

static void who_was_entered_before_is_not_entered_again(void **state)
{
    struct county *county = *state;
    const char *ids[2];
    rekey_after_two_were_entered(county, ids);
    assert_int_equal(enter(county, HUB, "王秀英", VILLAGE_TEXT, NUMBER), ERR_TAKEN);
    assert_string_equal(county->subject, "id_number");
    /* Nor in another township, whose keys changed as well. */
    assert_int_equal(enter(county, HUB, "李桂兰", VILLAGE_TEXT, FAR_NUMBER), ERR_TAKEN);

    /* Nor is a number given to a second person by a change. */
    assert_int_equal(tell(county, HUB, "person.add",
                          ARGS({"name", "张三"}, {"village", VILLAGE_TEXT})),
                     OK);
    assert_int_equal(tell(county, HUB, "person.set",
                          ARGS({"id", told_id(county)}, {"id_number", NUMBER})),
                     ERR_TAKEN);
}

static void what_was_sealed_before_and_after_is_found_together(void **state)
{
    struct county *county = *state;
    const char *ids[2];
    rekey_after_two_were_entered(county, ids);
    assert_int_equal(tell(county, HUB, "person.add",
                          ARGS({"name", "王秀英"}, {"village", OTHER_VILLAGE_TEXT},
                               {"id_number", NUMBER}, {"anyway", "yes"})),
                     OK);
    assert_int_equal(found(county, NUMBER), 2);

    /* Writing the number anew seals it under the new key, and it is still the owner's. */
    assert_int_equal(
        tell(county, HUB, "person.set", ARGS({"id", ids[1]}, {"id_number", FAR_NUMBER})),
        OK);
    assert_int_equal(found(county, FAR_NUMBER), 1);
    assert_int_equal(enter(county, HUB, "李桂兰", VILLAGE_TEXT, FAR_NUMBER), ERR_TAKEN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, county_set_up, county_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_person_is_found_by_a_number_sealed_before_the_keys_changed),
        TEST(who_was_entered_before_is_not_entered_again),
        TEST(what_was_sealed_before_and_after_is_found_together),
    };
    return cmocka_run_group_tests_name("rekeyed", tests, NULL, NULL);
}
