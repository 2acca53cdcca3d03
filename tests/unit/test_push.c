/* What was just written is at hand when it is pushed. */
#define _XOPEN_SOURCE 700
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "crdt/log.h"
#include "tests/unit/county_fixture.h"

/* Reads of stored runs that were filed after this one. */
static uint64_t filed_before = UINT64_MAX;
static size_t read_back;

bool __real_store_get(struct store_txn *txn, enum store_table table, struct slice key,
                      struct slice *value);
bool __wrap_store_get(struct store_txn *txn, enum store_table table, struct slice key,
                      struct slice *value);

bool __wrap_store_get(struct store_txn *txn, enum store_table table, struct slice key,
                      struct slice *value)
{
    if (table == STORE_LOG && key.size == 8 && get_be64(key.data) > filed_before)
        read_back++;
    return __real_store_get(txn, table, key, value);
}

static void add_person(struct county *county)
{
    assert_int_equal(tell(county, TOWN, "person.add",
                          ARGS({"name", "张三"}, {"village", VILLAGE_TEXT})),
                     OK);
}

static uint64_t runs_at_town(struct county *county)
{
    struct store_txn *txn;
    assert_int_equal(node_read(county->nodes[TOWN].node, &txn), OK);
    uint64_t runs;
    assert_true(log_last_arrival(txn, &runs));
    store_abort(txn);
    return runs;
}

static uint64_t sent_by_town(struct county *county)
{
    struct peer_report reports[NODES];
    uint64_t bytes = 0;
    size_t count = engine_peers(node_engine(county->nodes[TOWN].node), reports, NODES);
    for (size_t i = 0; i < count; i++)
        bytes += reports[i].bytes_out;
    return bytes;
}

static void a_run_just_written_is_pushed_without_being_read_back(void **state)
{
    struct county *county = *state;
    county_link(county, TOWN, HUB, true);
    add_person(county); /* the clerk has a number now */
    filed_before = runs_at_town(county);
    uint64_t sent = sent_by_town(county);
    county->nodes[TOWN].up[HUB] =
        false; /* what it sends is lost: the hub reads nothing */
    add_person(county);
    assert_int_equal(runs_at_town(county), filed_before + 1);
    assert_true(sent_by_town(county) > sent);
    assert_int_equal(read_back, 0);
    filed_before = UINT64_MAX;
}

static void what_is_pushed_from_hand_is_what_is_stored(void **state)
{
    struct county *county = *state;
    county_link(county, TOWN, HUB, true);
    for (int i = 0; i < 5; i++)
        add_person(county);
    county_link(county, TOWN, HUB, false);
    const struct heads *here = engine_heads(node_engine(county->nodes[TOWN].node));
    const struct heads *there = engine_heads(node_engine(county->nodes[HUB].node));
    struct log_name log =
        engine_own_log(node_engine(county->nodes[TOWN].node), LANE_RECORD);
    assert_int_equal(heads_find(here, log)->seq, heads_find(there, log)->seq);
    assert_true(hash_equal(&heads_find(here, log)->hash, &heads_find(there, log)->hash));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_run_just_written_is_pushed_without_being_read_back, county_set_up,
            county_tear_down),
        cmocka_unit_test_setup_teardown(what_is_pushed_from_hand_is_what_is_stored,
                                        county_set_up, county_tear_down),
    };
    return cmocka_run_group_tests_name("push", tests, NULL, NULL);
}
