/* What is learned late: a key, the end of a log. Only what it concerns is folded again, and
 * the outcome is that of folding everything from the first run on. */
#define _XOPEN_SOURCE 700
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/late_fixture.h"

#define FAR_PERSONS 450 /* more runs than one batch folds */

static const char *add_person(struct county *county, size_t index, const char *village)
{
    assert_int_equal(
        tell(county, index, "person.add", ARGS({"name", "张三"}, {"village", village})),
        OK);
    return told_id(county);
}

/* ---- comparing with folding everything ---- */

static struct buffer digests(struct county *county, size_t index)
{
    struct buffer copy;
    assert_int_equal(ask(county, index, "digest", NO_ARGS), OK);
    buffer_init(&copy, SIZE_MAX);
    buffer_put(&copy, county->data.data, county->data.size);
    return copy;
}

static void assert_same_as_folding_all(struct county *county, size_t index)
{
    struct engine_report before, after;
    struct buffer late = digests(county, index);
    engine_report(engine_at(county, index), &before);
    fold_from_the_first_run_on(county, index);
    engine_report(engine_at(county, index), &after);
    struct buffer all = digests(county, index);
    assert_true(slice_equal(buffer_slice(&late), buffer_slice(&all)));
    assert_int_equal(before.unreadable_entries, after.unreadable_entries);
    assert_int_equal(before.refused_entries, after.refused_entries);
    buffer_deinit(&late);
    buffer_deinit(&all);
}

/* ---- the claims ---- */

static size_t persons(struct county *county, size_t index)
{
    char next[64] = "";
    struct slice value, text;
    size_t count = 0;
    do {
        const struct arg *args = next[0] != '\0' ? ARGS({"after", next}) : NO_ARGS;
        assert_int_equal(ask(county, index, "person.list", args), OK);
        count += count_of(county, "records");
        value = part(buffer_slice(&county->data), "next");
        next[0] = '\0';
        if (codec_take_text(&value, &text))
            (void)snprintf(next, sizeof next, "%.*s", (int)text.size,
                           (const char *)text.data);
    } while (next[0] != '\0');
    return count;
}

static void the_end_of_a_log_takes_back_what_lay_beyond_it(void **unused)
{
    struct county *county = *unused;
    county_link(county, TOWN, HUB, true);
    const char *kept = add_person(county, TOWN, VILLAGE_TEXT);
    const char *by_hub = add_person(county, HUB, VILLAGE_TEXT);
    const struct head head =
        *heads_find(engine_heads(engine_at(county, TOWN)),
                    engine_own_log(engine_at(county, TOWN), LANE_RECORD));
    assert_int_equal(
        tell(county, TOWN, "person.set", ARGS({"id", kept}, {"address", "东头"})), OK);
    assert_int_equal(
        tell(county, TOWN, "person.set", ARGS({"id", by_hub}, {"address", "西头"})), OK);
    (void)add_person(county, TOWN, OTHER_VILLAGE_TEXT);
    assert_int_equal(persons(county, HUB), 3);

    state_revoked(county, HUB, TOWN, &(struct cut){head.log, head.seq, head.hash});
    assert_false(engine_folding(engine_at(county, HUB), NULL));
    assert_int_equal(persons(county, HUB), 2);
    assert_int_equal(ask(county, HUB, "person.show", ARGS({"id", kept})), OK);
    assert_text(part(buffer_slice(&county->data), "record"), "address", NULL);
    assert_int_equal(ask(county, HUB, "person.show", ARGS({"id", by_hub})), OK);
    assert_text(part(buffer_slice(&county->data), "record"), "address", NULL);
    assert_same_as_folding_all(county, HUB);
}

static void a_late_key_folds_what_it_opens_and_stops_no_write(void **unused)
{
    struct county *county = *unused;
    struct engine_report report;
    uint64_t runs_left;
    county_link(county, TOWN, HUB, true); /* so that each run comes alone */
    for (int i = 0; i < FAR_PERSONS; i++)
        (void)add_person(county, HUB, FAR_VILLAGE_TEXT);
    (void)add_person(county, TOWN, VILLAGE_TEXT);
    engine_report(engine_at(county, TOWN), &report);
    assert_true(report.unreadable_entries >= FAR_PERSONS);
    assert_int_equal(persons(county, TOWN), 1);

    county_link(county, TOWN, HUB, false);
    state_key(county, TOWN, GAOPING);
    assert_true(engine_folding(engine_at(county, TOWN), &runs_left));
    assert_true(runs_left <= FAR_PERSONS); /* the hub's own runs alone */
    (void)add_person(county, TOWN, VILLAGE_TEXT);
    fold_all(county, TOWN);
    assert_int_equal(persons(county, TOWN), FAR_PERSONS + 2);
    assert_same_as_folding_all(county, TOWN);
}

static void a_restart_amid_the_folding_of_a_late_key_goes_on_where_it_was(void **unused)
{
    struct county *county = *unused;
    county_link(county, TOWN, HUB, true);
    for (int i = 0; i < FAR_PERSONS; i++)
        (void)add_person(county, HUB, FAR_VILLAGE_TEXT);
    county_link(county, TOWN, HUB, false);
    state_key(county, TOWN, GAOPING);
    assert_true(engine_folding(engine_at(county, TOWN), NULL));
    node_close(county->nodes[TOWN].node);
    county_open_node(county, TOWN);
    assert_true(engine_folding(engine_at(county, TOWN), NULL));
    fold_all(county, TOWN);
    assert_int_equal(persons(county, TOWN), FAR_PERSONS);
    assert_same_as_folding_all(county, TOWN);
}

static void restart(struct county *county, size_t index)
{
    node_close(county->nodes[index].node);
    county_open_node(county, index);
}

static uint64_t rows_stored(struct county *county, size_t index)
{
    struct store_txn *txn;
    struct store_cursor cursor;
    struct slice key, value;
    uint64_t rows = 0;
    assert_int_equal(node_read(county->nodes[index].node, &txn), OK);
    for (bool more =
             store_seek(txn, STORE_ROWS, (struct slice){0}, &cursor, &key, &value);
         more; more = store_next(txn, &cursor, &key, &value))
        rows++;
    store_cursor_close(&cursor);
    store_abort(txn);
    return rows;
}

static void after_an_upgrade_nobody_sees_less_and_writes_go_on(void **unused)
{
    struct county *county = *unused;
    char first[ID_TEXT_SIZE];
    uint64_t rows;
    (void)snprintf(first, sizeof first, "%s", add_person(county, TOWN, VILLAGE_TEXT));
    for (int i = 1; i < FAR_PERSONS; i++)
        (void)add_person(county, TOWN, VILLAGE_TEXT);
    rows = rows_stored(county, TOWN);

    upgrade(county, TOWN);
    assert_int_equal(persons(county, TOWN), FAR_PERSONS);
    county_step(county, TOWN, county_event(county, EVENT_TICK), 0);
    assert_true(engine_folding(engine_at(county, TOWN), NULL));
    assert_int_equal(persons(county, TOWN), FAR_PERSONS);
    assert_int_equal(
        tell(county, TOWN, "person.set", ARGS({"id", first}, {"address", "东头"})), OK);
    restart(county, TOWN);
    assert_true(engine_folding(engine_at(county, TOWN), NULL));
    while (engine_folding(engine_at(county, TOWN), NULL)) {
        county_step(county, TOWN, county_event(county, EVENT_TICK), 0);
        restart(county, TOWN);
        assert_int_equal(persons(county, TOWN), FAR_PERSONS);
    }
    assert_int_equal(ask(county, TOWN, "person.show", ARGS({"id", first})), OK);
    assert_text(part(buffer_slice(&county->data), "record"), "address", "东头");
    assert_int_equal(rows_stored(county, TOWN), rows + 1);
    assert_same_as_folding_all(county, TOWN);
}

static void learn_a_cut(struct county *county, int batches_before)
{
    county_link(county, TOWN, HUB, true);
    for (int i = 0; i < FAR_PERSONS; i++)
        (void)add_person(county, HUB, FAR_VILLAGE_TEXT);
    (void)add_person(county, TOWN, VILLAGE_TEXT);
    (void)add_person(county, HUB, VILLAGE_TEXT);
    const struct head head =
        *heads_find(engine_heads(engine_at(county, HUB)),
                    engine_own_log(engine_at(county, HUB), LANE_RECORD));
    for (int i = 0; i < 8; i++)
        (void)add_person(county, HUB, VILLAGE_TEXT);
    (void)add_person(county, HUB, FAR_VILLAGE_TEXT);
    county_link(county, TOWN, HUB, false);

    upgrade(county, TOWN);
    for (int i = 0; i < batches_before; i++)
        county_step(county, TOWN, county_event(county, EVENT_TICK), 0);
    assert_true(engine_folding(engine_at(county, TOWN), NULL));
    state_revoked(county, TOWN, HUB, &(struct cut){head.log, head.seq, head.hash});
    restart(county, TOWN);
    assert_true(engine_folding(engine_at(county, TOWN), NULL));
    assert_int_equal(persons(county, TOWN), 2);
    fold_all(county, TOWN);
    assert_int_equal(persons(county, TOWN), 2);
    assert_same_as_folding_all(county, TOWN);
}

static void a_cut_learned_amid_an_upgrade_counts_once(void **unused)
{
    learn_a_cut(*unused, 1);
}

/* The rows taken back are the last of their table, so that their numbers are given again. */
static void a_cut_learned_first_after_an_upgrade_takes_no_others_row(void **unused)
{
    learn_a_cut(*unused, 0);
}

static void a_key_learned_amid_an_upgrade_counts_once(void **unused)
{
    struct county *county = *unused;
    county_link(county, TOWN, HUB, true);
    for (int i = 0; i < FAR_PERSONS; i++)
        (void)add_person(county, HUB, FAR_VILLAGE_TEXT);
    county_link(county, TOWN, HUB, false);
    upgrade(county, TOWN);
    county_step(county, TOWN, county_event(county, EVENT_TICK), 0);
    assert_true(engine_folding(engine_at(county, TOWN), NULL));
    state_key(county, TOWN, GAOPING);
    restart(county, TOWN);
    fold_all(county, TOWN);
    assert_int_equal(persons(county, TOWN), FAR_PERSONS);
    assert_same_as_folding_all(county, TOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_end_of_a_log_takes_back_what_lay_beyond_it,
                                        county_set_up, county_tear_down),
        cmocka_unit_test_setup_teardown(a_late_key_folds_what_it_opens_and_stops_no_write,
                                        county_set_up, county_tear_down),
        cmocka_unit_test_setup_teardown(
            a_restart_amid_the_folding_of_a_late_key_goes_on_where_it_was, county_set_up,
            county_tear_down),
        cmocka_unit_test_setup_teardown(
            after_an_upgrade_nobody_sees_less_and_writes_go_on, county_set_up,
            county_tear_down),
        cmocka_unit_test_setup_teardown(a_cut_learned_amid_an_upgrade_counts_once,
                                        county_set_up, county_tear_down),
        cmocka_unit_test_setup_teardown(
            a_cut_learned_first_after_an_upgrade_takes_no_others_row, county_set_up,
            county_tear_down),
        cmocka_unit_test_setup_teardown(a_key_learned_amid_an_upgrade_counts_once,
                                        county_set_up, county_tear_down),
    };
    return cmocka_run_group_tests_name("late", tests, NULL, NULL);
}
