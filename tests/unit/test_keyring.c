#include "tests/unit/roster_fixture.h"

static void keys_sealed_to_us_are_held_and_found(void **state)
{
    struct fixture *fixture = *state;
    must_admit(fixture, 1, VILLAGE);
    const struct realm_key keys[] = {key_of(TOWNSHIP, 2, 1), key_of(COUNTY, 1, 2),
                                     key_of(TOWNSHIP, 1, 3), key_of(COUNTY, 300, 4),
                                     key_of(TOWNSHIP, 9, 5)};
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        assert_int_equal(state_key(fixture, &keys[i], &keys[i], 1), OK);
        assert_true(fixture->changed.keys);
    }
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        const struct realm_key *held =
            roster_key(fixture->roster, keys[i].realm, keys[i].epoch);
        assert_non_null(held);
        assert_memory_equal(held->secret, keys[i].secret, KEY_SIZE);
        assert_memory_equal(held->seal, keys[i].seal, KEY_SIZE);
    }
    assert_int_equal(roster_newest_key(fixture->roster, COUNTY)->epoch, 300);
    assert_int_equal(roster_newest_key(fixture->roster, TOWNSHIP)->epoch, 9);
    assert_null(roster_newest_key(fixture->roster, OTHER_TOWNSHIP));
    assert_null(roster_key(fixture->roster, COUNTY, 2));
    assert_int_equal(roster_key_at(fixture->roster, 0)->realm, COUNTY);
    assert_int_equal(roster_key_at(fixture->roster, 4)->epoch, 9);
    assert_null(roster_key_at(fixture->roster, 5));
}

static void keys_sealed_to_others_are_known_but_not_held(void **state)
{
    struct fixture *fixture = *state;
    struct realm_key key = key_of(OTHER_TOWNSHIP, 1, 1);
    must_admit(fixture, 1, VILLAGE);
    must_admit(fixture, 2, OTHER_VILLAGE);
    assert_int_equal(state_key(fixture, &key, &key, 2), OK);
    assert_false(fixture->changed.keys);
    assert_null(roster_key(fixture->roster, OTHER_TOWNSHIP, 1));
    assert_int_equal(roster_commitment_at(fixture->roster, 0)->realm, OTHER_TOWNSHIP);
    /* And somebody else's box under our number does not open either. */
    struct sealed_key box = {.number = 1};
    struct hash commitment;
    struct node_keys other;
    keys_of(2, &other);
    crypto_box_to(other.box_public, (uint8_t[RANDOM_SIZE]){3},
                  slice_of(key.secret, KEY_SIZE), box.box);
    crypto_commitment(roster_salt(fixture->roster), &key, &commitment);
    buffer_clear(&fixture->out);
    statement_realm_key(&fixture->out, 1, OTHER_TOWNSHIP, 1, &commitment, &box, 1);
    assert_int_equal(fold(fixture), ERR_BAD_SIGNATURE);
    assert_null(roster_key(fixture->roster, OTHER_TOWNSHIP, 1));
}

static void a_key_that_does_not_fit_its_commitment_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct realm_key key = key_of(COUNTY, 1, 1);
    struct realm_key other = key_of(COUNTY, 1, 2);
    must_admit(fixture, 1, VILLAGE);
    assert_int_equal(state_key(fixture, &key, &other, 1), ERR_BAD_SIGNATURE);
    assert_false(fixture->changed.keys);
    assert_null(roster_key(fixture->roster, COUNTY, 1));
    /* The others hold the commitment by now, so for us too it is the only one. */
    assert_int_equal(state_key(fixture, &key, &key, 1), ERR_EXISTS);
    assert_int_equal(state_key(fixture, &other, &other, 1), OK);
    assert_memory_equal(roster_key(fixture->roster, COUNTY, 1)->secret, other.secret,
                        KEY_SIZE);
}

static void the_first_key_stated_for_a_realm_and_epoch_stands(void **state)
{
    struct fixture *fixture = *state;
    struct realm_key key = key_of(COUNTY, 1, 1);
    struct realm_key other = key_of(COUNTY, 1, 2);
    must_admit(fixture, 1, VILLAGE);
    must_admit(fixture, 2, VILLAGE);
    assert_int_equal(state_key(fixture, &key, &key, 2), OK); /* not for us */
    assert_int_equal(state_key(fixture, &other, &other, 1), ERR_EXISTS);
    assert_null(roster_key(fixture->roster, COUNTY, 1));
    assert_int_equal(state_key(fixture, &key, &key, 1), OK);
    assert_int_equal(state_key(fixture, &key, &key, 1), OK);
    assert_false(fixture->changed.keys);
    assert_null(roster_commitment_at(fixture->roster, 1));
}

static void a_reader_without_keys_follows_the_roster_and_holds_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct realm_key key = key_of(COUNTY, 1, 1);
    roster_destroy(fixture->roster);
    fixture->roster = roster_create(&fixture->genesis, &fixture->genesis_hash, NULL);
    must_admit(fixture, 1, VILLAGE);
    assert_int_equal(state_key(fixture, &key, &key, 1), OK);
    assert_null(roster_key(fixture->roster, COUNTY, 1));
    assert_non_null(roster_commitment_at(fixture->roster, 0));
}

static void only_the_county_and_its_townships_have_keys(void **state)
{
    struct fixture *fixture = *state;
    must_admit(fixture, 1, VILLAGE);
    const uint64_t realms[] = {0, 33, VILLAGE, UINT64_C(330128), UINT64_C(330128104)};
    for (size_t i = 0; i < ARRAY_SIZE(realms); i++) {
        struct realm_key key = key_of(realms[i], 1, 1);
        assert_int_equal(state_key(fixture, &key, &key, 1), ERR_MALFORMED);
    }
    struct realm_key key = key_of(COUNTY, 0, 1);
    assert_int_equal(state_key(fixture, &key, &key, 1), ERR_MALFORMED);
    assert_null(roster_commitment_at(fixture->roster, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keys_sealed_to_us_are_held_and_found),
        TEST(keys_sealed_to_others_are_known_but_not_held),
        TEST(a_key_that_does_not_fit_its_commitment_is_refused),
        TEST(the_first_key_stated_for_a_realm_and_epoch_stands),
        TEST(a_reader_without_keys_follows_the_roster_and_holds_nothing),
        TEST(only_the_county_and_its_townships_have_keys),
    };
    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
