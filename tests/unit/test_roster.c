#include "tests/unit/roster_fixture.h"

enum { MANY_MEMBERS = 2200 };

/* ---- members ---- */

static void at_first_there_is_only_the_authority(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(roster_count(fixture->roster), 1);
    const struct member *authority = roster_member(fixture->roster, 0);
    assert_non_null(authority);
    assert_int_equal(authority->role, ROLE_AUTHORITY);
    assert_ptr_equal(roster_by_id(fixture->roster, &fixture->genesis.authority),
                     authority);
    assert_ptr_equal(roster_at(fixture->roster, 0), authority);
    assert_null(roster_member(fixture->roster, 1));
    assert_null(roster_key_at(fixture->roster, 0));
}

static void a_key_of_zeros_is_nobodys(void **state)
{
    struct fixture *fixture = *state;
    static const uint8_t zeros[KEY_SIZE];
    assert_null(roster_by_curve(fixture->roster, zeros));
    struct member member = member_of(2, VILLAGE);
    memset(member.curve_public, 0, KEY_SIZE);
    assert_int_equal(admit(fixture, &member), ERR_MALFORMED);
    member = member_of(2, VILLAGE);
    memset(member.box_public, 0, KEY_SIZE);
    assert_int_equal(admit(fixture, &member), ERR_MALFORMED);
    assert_null(roster_by_curve(fixture->roster, zeros));
}

static void many_members_are_found_by_number_id_curve_and_name(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t i = 1; i <= MANY_MEMBERS; i++)
        must_admit(fixture, i, VILLAGE);
    assert_int_equal(roster_count(fixture->roster), MANY_MEMBERS + 1);
    for (uint32_t i = 1; i <= MANY_MEMBERS; i++) {
        struct member member = member_of(i, VILLAGE);
        const struct member *found = roster_member(fixture->roster, i);
        assert_non_null(found);
        assert_int_equal(found->number, i);
        assert_int_equal(found->role, ROLE_VILLAGE);
        assert_ptr_equal(roster_by_id(fixture->roster, &member.id), found);
        assert_ptr_equal(roster_by_curve(fixture->roster, member.curve_public), found);
        assert_ptr_equal(roster_by_name(fixture->roster, slice_text(member.name)), found);
        assert_ptr_equal(roster_at(fixture->roster, i), found);
    }
    struct member stranger = member_of(MANY_MEMBERS + 1, VILLAGE);
    assert_null(roster_by_id(fixture->roster, &stranger.id));
    assert_null(roster_by_curve(fixture->roster, stranger.curve_public));
}

static void numbers_may_come_in_any_order_and_with_gaps(void **state)
{
    struct fixture *fixture = *state;
    static const uint32_t numbers[] = {90, 5, 4000000000, 17, 1};
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        must_admit(fixture, numbers[i], VILLAGE);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        struct member member = member_of(numbers[i], VILLAGE);
        const struct member *found = roster_by_id(fixture->roster, &member.id);
        assert_ptr_equal(found, roster_member(fixture->roster, numbers[i]));
        assert_int_equal(found->number, numbers[i]);
    }
    for (size_t i = 1; i < roster_count(fixture->roster); i++)
        assert_true(roster_at(fixture->roster, i - 1)->number <
                    roster_at(fixture->roster, i)->number);
    assert_null(roster_member(fixture->roster, 2));
}

static void the_first_to_take_a_number_id_name_or_key_keeps_it(void **state)
{
    struct fixture *fixture = *state;
    struct member first = member_of(1, VILLAGE);
    assert_int_equal(admit(fixture, &first), OK);
    assert_true(fixture->changed.members);
    struct member number = member_of(2, OTHER_VILLAGE);
    number.number = 1;
    struct member id = member_of(2, OTHER_VILLAGE);
    id.id = first.id;
    struct member curve = member_of(2, OTHER_VILLAGE);
    memcpy(curve.curve_public, first.curve_public, KEY_SIZE);
    struct member name = member_of(2, OTHER_VILLAGE);
    memcpy(name.name, first.name, sizeof name.name);
    struct member authority = member_of(2, OTHER_VILLAGE);
    authority.id = fixture->genesis.authority;
    const struct member *seconds[] = {&number, &id, &curve, &name, &authority};
    for (size_t i = 0; i < ARRAY_SIZE(seconds); i++) {
        assert_int_equal(admit(fixture, seconds[i]), ERR_EXISTS);
        assert_false(fixture->changed.members);
        assert_int_equal(roster_count(fixture->roster), 2);
        assert_int_equal(roster_member(fixture->roster, 1)->division, VILLAGE);
        assert_ptr_equal(roster_by_id(fixture->roster, &first.id),
                         roster_member(fixture->roster, 1));
    }
}

static void the_role_follows_from_the_division(void **state)
{
    struct fixture *fixture = *state;
    must_admit(fixture, 1, COUNTY);
    must_admit(fixture, 2, TOWNSHIP);
    must_admit(fixture, 3, VILLAGE);
    assert_int_equal(roster_member(fixture->roster, 1)->role, ROLE_HUB);
    assert_int_equal(roster_member(fixture->roster, 2)->role, ROLE_TOWNSHIP);
    assert_int_equal(roster_member(fixture->roster, 3)->role, ROLE_VILLAGE);
    struct member stranger = member_of(4, UINT64_C(330128104201));
    assert_int_equal(admit(fixture, &stranger), ERR_MALFORMED);
    stranger.division = 33;
    assert_int_equal(admit(fixture, &stranger), ERR_MALFORMED);
}

static void a_member_is_found_by_fingerprint_and_by_the_start_of_its_id(void **state)
{
    struct fixture *fixture = *state;
    char text[FINGERPRINT_SIZE];
    char hex[2 * NODE_ID_SIZE + 1];
    for (uint32_t i = 1; i <= 20; i++)
        must_admit(fixture, i, VILLAGE);
    const struct member *member = roster_member(fixture->roster, 9);
    node_fingerprint(&member->id, text);
    assert_ptr_equal(roster_by_name(fixture->roster, slice_text(text)), member);
    char typed[FINGERPRINT_SIZE];
    size_t size = 0;
    for (size_t i = 0; text[i] != 0; i++) {
        char c = text[i];
        if (c == '-')
            continue;
        c = (char)(c == '1' ? 'l' : c == '0' ? 'o' : c);
        typed[size++] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    assert_ptr_equal(roster_by_name(fixture->roster, slice_of(typed, size)), member);
    for (size_t i = 0; i < NODE_ID_SIZE; i++)
        snprintf(hex + 2 * i, 3, "%02x", member->id.bytes[i]);
    assert_ptr_equal(roster_by_name(fixture->roster, slice_of(hex, 64)), member);
    assert_ptr_equal(roster_by_name(fixture->roster, slice_of(hex, 9)), member);
    assert_null(roster_by_name(fixture->roster, slice_of(hex, 3)));
    assert_null(roster_by_name(fixture->roster, slice_text("nobody")));
    assert_null(roster_by_name(fixture->roster, slice_text("")));
}

static void what_fits_two_members_names_neither(void **state)
{
    struct fixture *fixture = *state;
    struct member first = member_of(1, VILLAGE);
    struct member second = member_of(2, VILLAGE);
    memcpy(second.id.bytes, first.id.bytes, 2);
    char hex[7];
    snprintf(hex, sizeof hex, "%02X%02X%02X", first.id.bytes[0], first.id.bytes[1],
             first.id.bytes[2]);
    assert_int_equal(admit(fixture, &first), OK);
    assert_non_null(roster_by_name(fixture->roster, slice_of(hex, 4)));
    assert_int_equal(admit(fixture, &second), OK);
    assert_null(roster_by_name(fixture->roster, slice_of(hex, 4)));
    /* A full name goes before both. */
    struct member third = member_of(3, VILLAGE);
    memcpy(third.name, hex, 4);
    third.name[4] = 0;
    assert_int_equal(admit(fixture, &third), OK);
    assert_int_equal(roster_by_name(fixture->roster, slice_of(hex, 4))->number, 3);
}

static void a_reset_leaves_nobody_but_the_authority(void **state)
{
    struct fixture *fixture = *state;
    struct realm_key key = key_of(COUNTY, 1, 1);
    struct member member = member_of(1, VILLAGE);
    must_admit(fixture, 1, VILLAGE);
    assert_int_equal(state_key(fixture, &key, &key, 1), OK);
    assert_int_equal(revoke(fixture, 1, NULL, 0), OK);
    roster_reset(fixture->roster);
    at_first_there_is_only_the_authority(state);
    assert_null(roster_by_id(fixture->roster, &member.id));
    assert_null(roster_commitment_at(fixture->roster, 0));
    assert_false(roster_revoked(fixture->roster, 1));
    must_admit(fixture, 1, VILLAGE);
    assert_int_equal(state_key(fixture, &key, &key, 1), OK);
    assert_non_null(roster_key(fixture->roster, COUNTY, 1));
}

/* ---- revocation ---- */

static void a_revoked_members_logs_end_where_it_is_said(void **state)
{
    struct fixture *fixture = *state;
    struct log_name record = {1, 77, LANE_RECORD};
    struct log_name urgent = {1, 77, LANE_URGENT};
    struct log_name other = {2, 77, LANE_RECORD};
    struct cut cuts[] = {{record, 41, {{1}}}, {{1, 78, LANE_RECORD}, 0, {{0}}}};
    struct cut scratch;
    must_admit(fixture, 1, VILLAGE);
    must_admit(fixture, 2, VILLAGE);
    assert_null(roster_cut(fixture->roster, record, &scratch));
    assert_int_equal(revoke(fixture, 1, cuts, ARRAY_SIZE(cuts)), OK);
    assert_true(fixture->changed.cut_node == 1 && fixture->changed.members);
    const struct cut *cut = roster_cut(fixture->roster, record, &scratch);
    assert_non_null(cut);
    assert_int_equal(cut->seq, 41);
    assert_int_equal(cut->hash.bytes[0], 1);
    cut = roster_cut(fixture->roster, urgent, &scratch); /* not listed */
    assert_non_null(cut);
    assert_int_equal(cut->seq, 0);
    assert_true(log_name_equal(cut->log, urgent));
    assert_null(roster_cut(fixture->roster, other, &scratch));
}

static void a_revoked_member_is_remembered_but_not_spoken_with(void **state)
{
    struct fixture *fixture = *state;
    struct member member = member_of(1, VILLAGE);
    must_admit(fixture, 1, VILLAGE);
    assert_non_null(roster_by_curve(fixture->roster, member.curve_public));
    assert_false(roster_revoked(fixture->roster, 1));
    assert_int_equal(revoke(fixture, 1, NULL, 0), OK);
    assert_true(roster_revoked(fixture->roster, 1));
    assert_null(roster_by_curve(fixture->roster, member.curve_public));
    assert_non_null(roster_member(fixture->roster, 1));
    assert_non_null(roster_by_id(fixture->roster, &member.id));
    /* Nobody takes its number, id or key after it. */
    assert_int_equal(admit(fixture, &member), ERR_EXISTS);
    member.number = 2;
    assert_int_equal(admit(fixture, &member), ERR_EXISTS);
}

static void a_dead_box_is_replaced_under_its_name(void **state)
{
    struct fixture *fixture = *state;
    struct member old = member_of(1, VILLAGE);
    struct member next = member_of(2, VILLAGE);
    must_admit(fixture, 1, VILLAGE);
    memcpy(next.name, old.name, sizeof next.name);
    assert_int_equal(admit(fixture, &next), ERR_EXISTS);
    assert_int_equal(revoke(fixture, 1, NULL, 0), OK);
    assert_int_equal(roster_by_name(fixture->roster, slice_text(old.name))->number, 1);
    assert_int_equal(admit(fixture, &next), OK);
    assert_int_equal(roster_by_name(fixture->roster, slice_text(old.name))->number, 2);
    for (uint32_t number = 3; number < 200; number++)
        must_admit(fixture, number, VILLAGE); /* the index is rebuilt on the way */
    assert_int_equal(roster_by_name(fixture->roster, slice_text(old.name))->number, 2);
    next.number = 200;
    assert_int_equal(admit(fixture, &next), ERR_EXISTS);
}

static void the_first_of_two_revocations_stands(void **state)
{
    struct fixture *fixture = *state;
    struct log_name record = {1, 77, LANE_RECORD};
    struct cut first = {record, 41, {{1}}};
    struct cut twice[] = {first, {record, 50, {{2}}}};
    struct cut second = {record, 60, {{3}}};
    struct cut scratch;
    must_admit(fixture, 1, VILLAGE);
    assert_int_equal(revoke(fixture, 1, twice, 2), OK);
    assert_int_equal(revoke(fixture, 1, &second, 1), ERR_EXISTS);
    assert_int_equal(fixture->changed.cut_node, 0);
    assert_int_equal(roster_cut(fixture->roster, record, &scratch)->seq, 41);
}

static void nobody_unknown_and_not_the_authority_is_revoked(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(revoke(fixture, 5, NULL, 0), ERR_MALFORMED);
    assert_int_equal(revoke(fixture, 0, NULL, 0), ERR_MALFORMED);
    assert_false(roster_revoked(fixture->roster, 0));
}

/* ---- judgement ---- */

static void township_rights_follow_the_realm_of_the_header(void **state)
{
    (void)state;
    const struct member authority = {.role = ROLE_AUTHORITY, .division = COUNTY};
    const struct member hub = {.role = ROLE_HUB, .division = COUNTY};
    const struct member township = {.role = ROLE_TOWNSHIP, .division = TOWNSHIP};
    const struct member village = {.role = ROLE_VILLAGE, .division = VILLAGE};
    const struct {
        const struct member *author;
        uint8_t lane;
        uint64_t realm;
        bool may;
    } cases[] = {
        {&authority, LANE_CONTROL, 0, true},
        {&authority, LANE_RECORD, COUNTY, false},
        {&hub, LANE_CONTROL, 0, true},
        {&hub, LANE_RECORD, COUNTY, true},
        {&hub, LANE_RECORD, TOWNSHIP, true},
        {&hub, LANE_URGENT, OTHER_TOWNSHIP, true},
        {&hub, LANE_RECORD, 0, false},
        {&hub, LANE_RECORD, UINT64_C(330128), false},
        {&township, LANE_CONTROL, 0, true},
        {&township, LANE_CONTROL, TOWNSHIP, false},
        {&township, LANE_RECORD, TOWNSHIP, true},
        {&township, LANE_LEDGER, COUNTY, true},
        {&township, LANE_RECORD, OTHER_TOWNSHIP, false},
        {&township, LANE_RECORD, 0, false},
        {&village, LANE_CONTROL, 0, true},
        {&village, LANE_RECORD, TOWNSHIP, true},
        {&village, LANE_URGENT, COUNTY, true},
        {&village, LANE_RECORD, VILLAGE, false},
        {&village, LANE_RECORD, OTHER_TOWNSHIP, false},
        {&village, LANE_RECORD, 0, false},
        {&hub, LANES, COUNTY, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        if (roster_may_write(cases[i].author, cases[i].lane, cases[i].realm, COUNTY) !=
            cases[i].may)
            fail_msg("case %zu", i);
    }
}

static void records_are_carried_where_they_concern_someone(void **state)
{
    (void)state;
    const struct member hub = {.role = ROLE_HUB, .division = COUNTY};
    const struct member township = {.role = ROLE_TOWNSHIP, .division = TOWNSHIP};
    const struct member village = {.role = ROLE_VILLAGE, .division = VILLAGE};
    const struct member far = {.role = ROLE_VILLAGE, .division = OTHER_VILLAGE};
    const struct member *all[] = {&hub, &township, &village, &far};
    /* rows: who carries; columns: whose records, in the order above */
    static const bool records[4][4] = {{true, true, true, true},
                                       {true, true, true, true},
                                       {true, true, true, false},
                                       {true, false, false, true}};
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < 4; k++) {
            assert_int_equal(roster_carries(all[i], all[k], LANE_RECORD), records[i][k]);
            assert_true(roster_carries(all[i], all[k], LANE_CONTROL));
            assert_true(roster_carries(all[i], all[k], LANE_URGENT));
            assert_true(roster_carries(all[i], all[k], LANE_LEDGER));
            assert_false(roster_carries(all[i], all[k], LANES));
        }
    }
}

static void everybody_holds_the_countys_and_its_own_townships_keys(void **state)
{
    (void)state;
    const struct member hub = {.role = ROLE_HUB, .division = COUNTY};
    const struct member village = {.role = ROLE_VILLAGE, .division = VILLAGE};
    const struct member authority = {.role = ROLE_AUTHORITY, .division = COUNTY};
    assert_true(member_holds(&hub, COUNTY, COUNTY));
    assert_true(member_holds(&hub, OTHER_TOWNSHIP, COUNTY));
    assert_false(member_holds(&hub, UINT64_C(330128), COUNTY));
    assert_true(member_holds(&village, COUNTY, COUNTY));
    assert_true(member_holds(&village, TOWNSHIP, COUNTY));
    assert_false(member_holds(&village, OTHER_TOWNSHIP, COUNTY));
    assert_false(member_holds(&authority, COUNTY, COUNTY));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(at_first_there_is_only_the_authority),
        TEST(a_key_of_zeros_is_nobodys),
        TEST(many_members_are_found_by_number_id_curve_and_name),
        TEST(numbers_may_come_in_any_order_and_with_gaps),
        TEST(the_first_to_take_a_number_id_name_or_key_keeps_it),
        TEST(the_role_follows_from_the_division),
        TEST(a_member_is_found_by_fingerprint_and_by_the_start_of_its_id),
        TEST(what_fits_two_members_names_neither),
        TEST(a_reset_leaves_nobody_but_the_authority),
        TEST(a_revoked_members_logs_end_where_it_is_said),
        TEST(a_revoked_member_is_remembered_but_not_spoken_with),
        TEST(a_dead_box_is_replaced_under_its_name),
        TEST(the_first_of_two_revocations_stands),
        TEST(nobody_unknown_and_not_the_authority_is_revoked),
        TEST(township_rights_follow_the_realm_of_the_header),
        TEST(records_are_carried_where_they_concern_someone),
        TEST(everybody_holds_the_countys_and_its_own_townships_keys),
    };
    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
