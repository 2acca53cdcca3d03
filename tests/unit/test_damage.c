/* Bits that a disk flips: what is read is right, or it is told; what can be made anew is. */
#define _XOPEN_SOURCE 700
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>

#include "crdt/log.h"
#include "tests/unit/county_fixture.h"

#define ADDRESS "东头第三家门口有石榴树"

static uint8_t *read_store(struct county *county, size_t *size, char path[200])
{
    snprintf(path, 200, "%s/store/data.mdb", county->nodes[TOWN].directory);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    *size = (size_t)lseek(fd, 0, SEEK_END);
    uint8_t *bytes = malloc(*size);
    assert_int_equal(pread(fd, bytes, *size, 0), (ssize_t)*size);
    close(fd);
    return bytes;
}

/* Flips a bit in every place where the address stands in clear: in the derived rows. */
static size_t spoil_rows(struct county *county)
{
    char path[200];
    size_t size, spoilt = 0;
    uint8_t *bytes = read_store(county, &size, path);
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    for (size_t at = 0; at + strlen(ADDRESS) <= size; at++) {
        if (memcmp(bytes + at, ADDRESS, strlen(ADDRESS)) != 0)
            continue;
        bytes[at + 2] ^= 1;
        assert_int_equal(pwrite(fd, bytes + at + 2, 1, (off_t)(at + 2)), 1);
        spoilt++;
    }
    close(fd);
    free(bytes);
    return spoilt;
}

static void a_flipped_bit_in_a_row_is_told_and_the_row_made_anew(void **state)
{
    struct county *county = *state;
    assert_int_equal(
        tell(county, TOWN, "person.add",
             ARGS({"name", "张三"}, {"village", VILLAGE_TEXT}, {"address", ADDRESS})),
        OK);
    const char *id = told_id(county);
    node_close(county->nodes[TOWN].node);
    assert_true(spoil_rows(county) > 0);
    county_open_node(county, TOWN);
    assert_int_equal(ask(county, TOWN, "person.show", ARGS({"id", id})), ERR_ROW_DAMAGED);
    assert_true(node_wants_rebuild(county->nodes[TOWN].node));

    county_step(county, TOWN, county_event(county, EVENT_TICK), 0);
    assert_false(node_wants_rebuild(county->nodes[TOWN].node));
    assert_int_equal(node_rebuilds(county->nodes[TOWN].node), 1);
    assert_int_equal(ask(county, TOWN, "person.show", ARGS({"id", id})), OK);
    assert_text(part(buffer_slice(&county->data), "record"), "address", ADDRESS);
}

/* What the newest run says, wherever it stands in the file. */
static size_t spoil_newest_run(struct county *county)
{
    char path[200];
    size_t size, spoilt = 0;
    uint64_t arrival;
    struct store_txn *txn;
    struct run run;
    uint8_t entries[256];
    assert_int_equal(node_read(county->nodes[TOWN].node, &txn), OK);
    assert_true(log_last_arrival(txn, &arrival) && log_run_at(txn, arrival, &run));
    size_t length = run.entries.size < sizeof entries ? run.entries.size : sizeof entries;
    memcpy(entries, run.entries.data, length);
    store_abort(txn);
    node_close(county->nodes[TOWN].node);
    uint8_t *bytes = read_store(county, &size, path);
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    for (size_t at = 0; at + length <= size; at++) {
        if (memcmp(bytes + at, entries, length) != 0)
            continue;
        bytes[at + 20] ^= 1;
        assert_int_equal(pwrite(fd, bytes + at + 20, 1, (off_t)(at + 20)), 1);
        spoilt++;
    }
    close(fd);
    free(bytes);
    return spoilt;
}

static void a_damaged_newest_run_hides_no_record_and_stops_no_write(void **state)
{
    struct county *county = *state;
    assert_int_equal(tell(county, TOWN, "person.add",
                          ARGS({"name", "张三"}, {"village", VILLAGE_TEXT})),
                     OK);
    assert_int_equal(tell(county, TOWN, "person.add",
                          ARGS({"name", "李四"}, {"village", VILLAGE_TEXT})),
                     OK);
    assert_true(spoil_newest_run(county) > 0);
    county_open_node(county, TOWN);
    county_step(county, TOWN, county_event(county, EVENT_TICK), 0);
    assert_int_equal(ask(county, TOWN, "person.list", NO_ARGS), OK);
    assert_int_equal(count_of(county, "records"), 2);
    assert_true(store_is_damaged(node_store(county->nodes[TOWN].node), STORE_LOG));
    assert_int_equal(tell(county, TOWN, "person.add",
                          ARGS({"name", "王五"}, {"village", VILLAGE_TEXT})),
                     OK);
    assert_int_equal(ask(county, TOWN, "person.list", NO_ARGS), OK);
    assert_int_equal(count_of(county, "records"), 3);
}

static void a_write_that_meets_damage_waits_and_then_succeeds(void **state)
{
    struct county *county = *state;
    assert_int_equal(
        tell(county, TOWN, "person.add",
             ARGS({"name", "张三"}, {"village", VILLAGE_TEXT}, {"address", ADDRESS})),
        OK);
    const char *id = told_id(county);
    node_close(county->nodes[TOWN].node);
    assert_true(spoil_rows(county) > 0);
    county_open_node(county, TOWN);
    assert_int_not_equal(
        tell(county, TOWN, "person.set", ARGS({"id", id}, {"tier", "high"})), OK);
    county_step(county, TOWN, county_event(county, EVENT_TICK), 0);
    assert_int_equal(tell(county, TOWN, "person.set", ARGS({"id", id}, {"tier", "high"})),
                     OK);
    assert_int_equal(ask(county, TOWN, "person.show", ARGS({"id", id})), OK);
    assert_text(part(buffer_slice(&county->data), "record"), "address", ADDRESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_flipped_bit_in_a_row_is_told_and_the_row_made_anew, county_set_up,
            county_tear_down),
        cmocka_unit_test_setup_teardown(
            a_damaged_newest_run_hides_no_record_and_stops_no_write, county_set_up,
            county_tear_down),
        cmocka_unit_test_setup_teardown(a_write_that_meets_damage_waits_and_then_succeeds,
                                        county_set_up, county_tear_down),
    };
    return cmocka_run_group_tests_name("damage", tests, NULL, NULL);
}
