/* Who wrote: an account's number, its record, and what may not confuse the two. */
#define _XOPEN_SOURCE 700
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/county_fixture.h"

/* More runs than one batch folds again (net/folding.c). */
#define RUNS 450

static const char *add_person(struct county *county, const char *account)
{
    county->account = account;
    assert_int_equal(tell(county, TOWN, "person.add",
                          ARGS({"name", "张三"}, {"village", VILLAGE_TEXT})),
                     OK);
    return told_id(county);
}

static void assert_written_by(struct county *county, const char *id, const char *account)
{
    assert_int_equal(ask(county, TOWN, "person.show", ARGS({"id", id})), OK);
    assert_text(part(buffer_slice(&county->data), "record"), "actor", account);
}

static void restart(struct county *county)
{
    node_close(county->nodes[TOWN].node);
    county_open_node(county, TOWN);
}

static uint64_t entries(const struct county *county)
{
    return heads_entries(engine_heads(node_engine(county->nodes[TOWN].node)));
}

/* As after an upgrade that folds otherwise: everything is to be read again. */
static void forget_what_is_folded(struct county *county)
{
    struct store_txn *txn;
    node_close(county->nodes[TOWN].node);
    struct store *store;
    struct store_options options = {.directory = county->nodes[TOWN].directory,
                                    .without_sync = true};
    assert_int_equal(store_open(&store, &options), OK);
    assert_int_equal(store_begin(store, &txn), OK);
    store_delete(txn, STORE_META, slice_text("fold"));
    assert_int_equal(store_commit(txn), OK);
    store_close(store);
    county_open_node(county, TOWN);
}

static void a_restart_amid_a_refold_gives_nobody_anothers_number(void **state)
{
    struct county *county = *state;
    for (int i = 0; i < RUNS; i++)
        (void)add_person(county, "wang");
    const char *of_li = add_person(county, "li");
    forget_what_is_folded(county);
    county_step(county, TOWN, county_event(county, EVENT_TICK), 0);
    assert_true(engine_folding(node_engine(county->nodes[TOWN].node), NULL));
    restart(county);
    while (engine_folding(node_engine(county->nodes[TOWN].node), NULL))
        county_step(county, TOWN, county_event(county, EVENT_TICK), 0);
    const char *of_zhao = add_person(county, "zhao");
    assert_written_by(county, of_zhao, "zhao");
    assert_written_by(county, of_li, "li");
}

static void an_account_keeps_its_number_over_restarts(void **state)
{
    struct county *county = *state;
    (void)add_person(county, "wang");
    const char *of_li = add_person(county, "li");
    uint64_t before = entries(county);
    restart(county);
    const char *again = add_person(county, "li");
    assert_int_equal(entries(county), before + 1); /* and no second record of li */
    assert_written_by(county, of_li, "li");
    assert_written_by(county, again, "li");
}

static void a_refused_write_records_nobody(void **state)
{
    struct county *county = *state;
    const char *id = add_person(county, "wang");
    uint64_t before = entries(county);
    county->account = "li";
    assert_int_equal(tell(county, TOWN, "person.void", ARGS({"id", id}, {"reason", "x"})),
                     OK);
    county->account = "zhao";
    assert_int_equal(tell(county, TOWN, "person.void", ARGS({"id", id}, {"reason", "x"})),
                     ERR_VOIDED);
    assert_int_equal(entries(county), before + 2); /* li, and what li wrote */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_restart_amid_a_refold_gives_nobody_anothers_number, county_set_up,
            county_tear_down),
        cmocka_unit_test_setup_teardown(an_account_keeps_its_number_over_restarts,
                                        county_set_up, county_tear_down),
        cmocka_unit_test_setup_teardown(a_refused_write_records_nobody, county_set_up,
                                        county_tear_down),
    };
    return cmocka_run_group_tests_name("operators", tests, NULL, NULL);
}
