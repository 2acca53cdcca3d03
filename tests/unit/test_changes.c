/* The feed of changes: nothing is missed, whatever is learned late, and what is taken back is
 * told. */
#define _XOPEN_SOURCE 700
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/late_fixture.h"

/* What a program keeps: the cursor, and what it was told last. */
#define FAR_PERSONS 450 /* more runs than one batch folds */

struct reader {
    char cursor[64];
    size_t count;      /* of changes of persons */
    bool restarted;    /* it was told that all comes anew */
    char happened[64]; /* their first letters */
    char last[ID_TEXT_SIZE];
    bool last_is_gone;
};

static const char *add_person(struct county *county, size_t index, const char *village)
{
    assert_int_equal(
        tell(county, index, "person.add", ARGS({"name", "张三"}, {"village", village})),
        OK);
    return told_id(county);
}

static void take_text(struct slice map, const char *key, char *out, size_t size)
{
    struct slice value = part(map, key), text = {0};
    assert_true(codec_take_text(&value, &text) && text.size < size);
    (void)snprintf(out, size, "%.*s", (int)text.size, (const char *)text.data);
}

static bool is_true(struct slice map, const char *key)
{
    struct slice value = part(map, key);
    bool yes = false;
    return codec_take_bool(&value, &yes) && yes;
}

static void note_change(struct reader *reader, struct slice change)
{
    char word[32];
    take_text(change, "cursor", reader->cursor, sizeof reader->cursor);
    take_text(change, "register", word, sizeof word);
    if (strcmp(word, "person") != 0)
        return;
    take_text(change, "happened", word, sizeof word);
    take_text(change, "id", reader->last, sizeof reader->last);
    reader->last_is_gone = codec_is_nil(part(change, "record"));
    if (reader->count < sizeof reader->happened - 1)
        reader->happened[reader->count] = word[0];
    reader->count++;
}

/* Reads on to the newest. */
static void read_on(struct county *county, size_t index, struct reader *reader)
{
    bool more = true;
    reader->count = 0;
    reader->restarted = false;
    memset(reader->happened, 0, sizeof reader->happened);
    while (more) {
        assert_int_equal(ask(county, index, "changes", ARGS({"since", reader->cursor})),
                         OK);
        struct slice data = buffer_slice(&county->data);
        more = is_true(data, "more");
        reader->restarted |= is_true(data, "restarted");
        for (size_t i = 0; i < count_of(county, "changes"); i++)
            note_change(reader, element(county, "changes", i));
        take_text(data, "next", reader->cursor, sizeof reader->cursor);
    }
}

static void changes_come_in_order_and_each_once(void **unused)
{
    struct county *county = *unused;
    struct reader reader = {.cursor = "0"};
    char person[ID_TEXT_SIZE];
    (void)snprintf(person, sizeof person, "%s", add_person(county, TOWN, VILLAGE_TEXT));
    assert_int_equal(
        tell(county, TOWN, "person.set", ARGS({"id", person}, {"address", "东头"})), OK);
    read_on(county, TOWN, &reader);
    assert_string_equal(reader.happened, "ce");
    assert_string_equal(reader.last, person);
    read_on(county, TOWN, &reader);
    assert_int_equal(reader.count, 0);
    assert_int_equal(
        tell(county, TOWN, "person.void", ARGS({"id", person}, {"reason", "错"})), OK);
    (void)add_person(county, TOWN, VILLAGE_TEXT);
    read_on(county, TOWN, &reader);
    assert_string_equal(reader.happened, "vc");
    assert_false(reader.restarted);
}

static void what_another_node_wrote_comes_when_it_arrives(void **unused)
{
    struct county *county = *unused;
    struct reader reader = {.cursor = "0"};
    (void)add_person(county, HUB, VILLAGE_TEXT);
    read_on(county, TOWN, &reader);
    assert_int_equal(reader.count, 0);
    county_link(county, TOWN, HUB, true);
    read_on(county, TOWN, &reader);
    assert_string_equal(reader.happened, "c");
}

static void what_a_late_key_opens_comes_when_it_is_readable(void **unused)
{
    struct county *county = *unused;
    struct reader reader = {.cursor = "0"};
    county_link(county, TOWN, HUB, true);
    (void)add_person(county, HUB, FAR_VILLAGE_TEXT);
    (void)add_person(county, TOWN, VILLAGE_TEXT);
    read_on(county, TOWN, &reader);
    assert_string_equal(reader.happened, "c");
    county_link(county, TOWN, HUB, false);
    state_key(county, TOWN, GAOPING);
    fold_all(county, TOWN);
    read_on(county, TOWN, &reader);
    assert_string_equal(reader.happened, "c");
    assert_false(reader.restarted);
}

static void what_a_revocation_cuts_off_comes_as_withdrawn(void **unused)
{
    struct county *county = *unused;
    struct reader reader = {.cursor = "0"};
    char kept[ID_TEXT_SIZE], gone[ID_TEXT_SIZE];
    county_link(county, TOWN, HUB, true);
    (void)snprintf(kept, sizeof kept, "%s", add_person(county, TOWN, VILLAGE_TEXT));
    const struct head head =
        *heads_find(engine_heads(engine_at(county, TOWN)),
                    engine_own_log(engine_at(county, TOWN), LANE_RECORD));
    assert_int_equal(
        tell(county, TOWN, "person.set", ARGS({"id", kept}, {"address", "东头"})), OK);
    (void)snprintf(gone, sizeof gone, "%s", add_person(county, TOWN, VILLAGE_TEXT));
    read_on(county, HUB, &reader);
    assert_string_equal(reader.happened, "cec");

    state_revoked(county, HUB, TOWN, &(struct cut){head.log, head.seq, head.hash});
    read_on(county, HUB, &reader);
    assert_string_equal(reader.happened, "ww");
    assert_string_equal(reader.last, gone);
    assert_true(reader.last_is_gone);
    assert_int_equal(ask(county, HUB, "person.show", ARGS({"id", kept})), OK);
    /* Numbers that were taken out are not given again: this one is not missed. */
    (void)add_person(county, HUB, VILLAGE_TEXT);
    read_on(county, HUB, &reader);
    assert_string_equal(reader.happened, "c");
    assert_false(reader.restarted);

    /* What was withdrawn is told after a fold of everything too. */
    struct reader late = {.cursor = "0"};
    upgrade(county, HUB);
    fold_all(county, HUB);
    read_on(county, HUB, &late);
    assert_non_null(strchr(late.happened, 'w'));
}

static void a_fold_of_everything_repeats_and_misses_nothing(void **unused)
{
    struct county *county = *unused;
    struct reader before = {.cursor = "0"}, amid;
    for (int i = 0; i < FAR_PERSONS; i++)
        (void)add_person(county, TOWN, VILLAGE_TEXT);
    read_on(county, TOWN, &before);
    assert_int_equal(before.count, FAR_PERSONS);
    amid = before;
    upgrade(county, TOWN);
    county_step(county, TOWN, county_event(county, EVENT_TICK), 0);
    read_on(county, TOWN, &amid);
    size_t first = amid.count;
    (void)add_person(county, TOWN, VILLAGE_TEXT);
    fold_all(county, TOWN);
    read_on(county, TOWN, &amid);
    assert_true(first + amid.count >= FAR_PERSONS + 1);
    /* And who slept meanwhile is told all of it. */
    read_on(county, TOWN, &before);
    assert_true(before.count >= FAR_PERSONS + 1);
    assert_false(before.restarted);
    read_on(county, TOWN, &before);
    assert_int_equal(before.count, 0);
}

static void a_cursor_outlives_a_restart(void **unused)
{
    struct county *county = *unused;
    struct reader reader = {.cursor = "0"};
    (void)add_person(county, TOWN, VILLAGE_TEXT);
    read_on(county, TOWN, &reader);
    node_close(county->nodes[TOWN].node);
    county_open_node(county, TOWN);
    (void)add_person(county, TOWN, VILLAGE_TEXT);
    read_on(county, TOWN, &reader);
    assert_string_equal(reader.happened, "c");
    assert_false(reader.restarted);
}

static void a_cursor_of_another_store_begins_anew_and_says_so(void **unused)
{
    struct county *county = *unused;
    struct reader reader = {.cursor = "0"};
    county_link(county, TOWN, HUB, true);
    (void)add_person(county, TOWN, VILLAGE_TEXT);
    read_on(county, HUB, &reader);
    assert_int_equal(reader.count, 1);
    read_on(county, TOWN, &reader);
    assert_int_equal(reader.count, 1);
    assert_true(reader.restarted);
    /* A number that was never given: of this store before it was put back. */
    (void)snprintf(strchr(reader.cursor, '-'), 16, "-900000");
    read_on(county, TOWN, &reader);
    assert_int_equal(reader.count, 1);
    assert_true(reader.restarted);
}

static void rows_made_anew_from_nothing_begin_anew(void **unused)
{
    struct county *county = *unused;
    struct reader reader = {.cursor = "0"};
    struct store *store;
    struct store_txn *txn;
    struct store_options options = {.directory = county->nodes[TOWN].directory,
                                    .without_sync = true};
    (void)add_person(county, TOWN, VILLAGE_TEXT);
    read_on(county, TOWN, &reader);
    node_close(county->nodes[TOWN].node);
    assert_int_equal(store_open(&store, &options), OK);
    assert_int_equal(store_begin(store, &txn), OK);
    uint8_t times[8];
    put_le64(times, 1);
    store_clear(txn, STORE_ROWS);
    store_clear(txn, STORE_CHAINS);
    store_put(txn, STORE_META, slice_text("forgotten"), slice_of(times, sizeof times));
    store_delete(txn, STORE_META, slice_text("fold"));
    assert_int_equal(store_commit(txn), OK);
    store_close(store);
    county_open_node(county, TOWN);
    fold_all(county, TOWN);
    read_on(county, TOWN, &reader);
    assert_true(reader.restarted);
    assert_int_equal(reader.count, 1);
}

static void what_is_no_cursor_is_refused(void **unused)
{
    struct county *county = *unused;
    const char *const wrong[] = {"1", "abc", "0123456789abcdef", "0123456789abcdeg-1",
                                 "0123456789abcdef-1x"};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        assert_int_equal(ask(county, TOWN, "changes", ARGS({"since", wrong[i]})),
                         ERR_FIELD_VALUE);
        assert_string_equal(county->subject, "since");
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, county_set_up, county_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(changes_come_in_order_and_each_once),
        TEST(what_another_node_wrote_comes_when_it_arrives),
        TEST(what_a_late_key_opens_comes_when_it_is_readable),
        TEST(what_a_revocation_cuts_off_comes_as_withdrawn),
        TEST(a_fold_of_everything_repeats_and_misses_nothing),
        TEST(a_cursor_outlives_a_restart),
        TEST(a_cursor_of_another_store_begins_anew_and_says_so),
        TEST(rows_made_anew_from_nothing_begin_anew),
        TEST(what_is_no_cursor_is_refused),
    };
    return cmocka_run_group_tests_name("changes", tests, NULL, NULL);
}
