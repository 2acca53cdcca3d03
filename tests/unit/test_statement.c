#include "tests/unit/roster_fixture.h"

#include "crdt/codec.h"

enum { MUTATIONS = 4000 };

static void put_statement_head(struct buffer *out, uint8_t codec, size_t parts,
                               uint64_t kind)
{
    buffer_clear(out);
    buffer_put_u8(out, codec);
    codec_put_array(out, 3);
    codec_put_uint(out, 1000);
    codec_put_uint(out, 0);
    codec_put_array(out, parts);
    codec_put_uint(out, kind);
}

static void what_a_newer_version_states_is_ignored(void **state)
{
    struct fixture *fixture = *state;
    put_statement_head(&fixture->out, 0, 2, 99);
    codec_put_cstring(&fixture->out, "whatever");
    assert_int_equal(fold(fixture), ERR_VERSION);
    put_statement_head(&fixture->out, 1, 1, 0); /* another codec */
    assert_int_equal(fold(fixture), ERR_VERSION);
    put_statement_head(&fixture->out, 0, 8, 0); /* an admit that says more */
    for (int i = 0; i < 7; i++)
        codec_put_uint(&fixture->out, 1);
    assert_int_equal(fold(fixture), ERR_VERSION);
    put_statement_head(&fixture->out, 0, 6, 0); /* one that says less */
    for (int i = 0; i < 5; i++)
        codec_put_uint(&fixture->out, 1);
    assert_int_equal(fold(fixture), ERR_MALFORMED);
    assert_int_equal(roster_count(fixture->roster), 1);
}

static void a_statement_cut_short_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct member member = member_of(1, VILLAGE);
    struct roster_change changed;
    buffer_clear(&fixture->out);
    statement_admit(&fixture->out, 1000, &member);
    for (size_t size = 0; size < fixture->out.size; size++) {
        assert_int_equal(
            roster_fold(fixture->roster, slice_of(fixture->out.data, size), &changed),
            ERR_MALFORMED);
        assert_int_equal(roster_count(fixture->roster), 1);
    }
    buffer_put_u8(&fixture->out, 0);
    assert_int_equal(fold(fixture), ERR_MALFORMED);
}

static enum status lay_down(struct fixture *fixture, const char *name, const char *value,
                            int64_t from_day)
{
    buffer_clear(&fixture->out);
    statement_policy(&fixture->out, 1000, slice_text(name), slice_text(value), from_day);
    return fold(fixture);
}

static void a_policy_is_kept_whether_its_name_is_known_or_not(void **state)
{
    struct fixture *fixture = *state;
    const struct policies *policies = roster_policies(fixture->roster);
    assert_int_equal(lay_down(fixture, "visit.key", "2m", 20000), OK);
    assert_int_equal(lay_down(fixture, "of-a-newer-version", "任何", 20100), OK);
    assert_int_equal(policies->count, 2);
    assert_int_equal(policies->rows[1].number, 2);
    assert_string_equal(
        policies_find(policies, slice_text("of-a-newer-version"), 20100)->value, "任何");
    put_statement_head(&fixture->out, 0, 4, 3);
    codec_put_cstring(&fixture->out, "two\nlines");
    codec_put_cstring(&fixture->out, "1");
    codec_put_int(&fixture->out, 20000);
    assert_int_equal(fold(fixture), ERR_MALFORMED);
    assert_int_equal(policies->count, 2);
    roster_reset(fixture->roster);
    assert_int_equal(policies->count, 0);
}

/* Makes one of the four kinds, then alters it. */
static struct slice mutated_statement(struct fixture *fixture, uint64_t *seed,
                                      uint8_t *bytes)
{
    struct member member = member_of((uint32_t)(2 + random_next(seed) % 5), VILLAGE);
    struct sealed_key boxes[2] = {{.number = 1}, {.number = 2}};
    struct cut cuts[2] = {{{1, 5, 3}, 9, {{1}}}, {{1, 6, 3}, 9, {{1}}}};
    struct hash commitment = {{1}};
    buffer_clear(&fixture->out);
    switch (random_next(seed) % 4) {
    case 0: statement_admit(&fixture->out, 5, &member); break;
    case 1:
        statement_realm_key(&fixture->out, 5, TOWNSHIP, 1, &commitment, boxes, 2);
        break;
    case 2: statement_revoke(&fixture->out, 5, 1, cuts, 2); break;
    case 3:
        statement_policy(&fixture->out, 5, slice_text("visit.key"), slice_text("1m"),
                         20000);
        break;
    }
    size_t size = fixture->out.size;
    memcpy(bytes, fixture->out.data, size);
    for (uint64_t n = random_next(seed) % 4; n > 0; n--)
        bytes[random_next(seed) % size] = (uint8_t)random_next(seed);
    if (random_next(seed) % 4 == 0)
        size = random_next(seed) % size;
    return slice_of(bytes, size);
}

static void random_statements_are_refused_or_folded_alike_by_all(void **state)
{
    struct fixture *fixture = *state;
    uint64_t seed = seed_given();
    struct roster *reader =
        roster_create(&fixture->genesis, &fixture->genesis_hash, NULL);
    uint8_t bytes[1024];
    unsigned folded = 0;
    struct roster_change changed;
    for (int i = 0; i < MUTATIONS; i++) {
        struct slice statement = mutated_statement(fixture, &seed, bytes);
        uint8_t *copy = checked_malloc(statement.size); /* its end is guarded */
        memcpy(copy, statement.data, statement.size);
        struct slice in = slice_of(copy, statement.size);
        enum status ours = roster_fold(fixture->roster, in, &changed);
        enum status theirs = roster_fold(reader, in, &changed);
        /* Only whether a box opens is for its addressee alone to know. */
        assert_true(ours == theirs || (ours == ERR_BAD_SIGNATURE && theirs == OK));
        assert_int_equal(roster_count(fixture->roster), roster_count(reader));
        folded += ours == OK;
        free(copy);
    }
    assert_in_range(folded, 1, MUTATIONS - 1);
    roster_destroy(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_a_newer_version_states_is_ignored),
        TEST(a_policy_is_kept_whether_its_name_is_known_or_not),
        TEST(a_statement_cut_short_changes_nothing),
        TEST(random_statements_are_refused_or_folded_alike_by_all),
    };
    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
