/* Bits that a disk flips: what is read is right, or it is told; what can be made anew is. */
#define _GNU_SOURCE /* memmem */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>

#include "crdt/log.h"
#include "daemon/store/store_pages.h"
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
    assert_true(spoil_rows(county) > 0);
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
    assert_true(spoil_rows(county) > 0);
    assert_int_not_equal(
        tell(county, TOWN, "person.set", ARGS({"id", id}, {"tier", "high"})), OK);
    county_step(county, TOWN, county_event(county, EVENT_TICK), 0);
    assert_int_equal(tell(county, TOWN, "person.set", ARGS({"id", id}, {"tier", "high"})),
                     OK);
    assert_int_equal(ask(county, TOWN, "person.show", ARGS({"id", id})), OK);
    assert_text(part(buffer_slice(&county->data), "record"), "address", ADDRESS);
}

/* As log.verify does, in pieces. */
static void verify(struct county *county)
{
    struct node *node = county->nodes[TOWN].node;
    struct verification *verification = verification_begin(node_engine(node));
    bool more = true;
    while (more) {
        struct store_txn *txn;
        assert_int_equal(node_read(node, &txn), OK);
        more = verification_step(verification, node_engine(node), txn, &county->scratch);
        store_abort(txn);
    }
    buffer_clear(&county->data);
    verification_answer(verification, &county->data);
    verification_end(verification);
}

static void verifying_goes_on_behind_a_damaged_run(void **state)
{
    struct county *county = *state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(
            tell(county, TOWN, "person.add",
                 ARGS({"name", "张三"}, {"village", VILLAGE_TEXT}, {"anyway", "yes"})),
            OK);
    verify(county);
    uint64_t runs = number_of(buffer_slice(&county->data), "runs");
    uint64_t entries = number_of(buffer_slice(&county->data), "entries");
    assert_int_equal(count_of(county, "problems"), 0);
    assert_true(spoil_newest_run(county) > 0);
    county_open_node(county, TOWN);
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            tell(county, TOWN, "person.add",
                 ARGS({"name", "李四"}, {"village", VILLAGE_TEXT}, {"anyway", "yes"})),
            OK);
    verify(county);
    assert_int_equal(number_of(buffer_slice(&county->data), "runs"), runs + 1);
    assert_int_equal(number_of(buffer_slice(&county->data), "entries"), entries + 1);
    assert_int_equal(number_of(buffer_slice(&county->data), "bad_runs"), 1);
    assert_int_equal(count_of(county, "problems"), 1);
    assert_text(element(county, "problems", 0), "code", "LL-E2005");
}

static void a_record_whose_run_is_damaged_outlives_folding_everything_again(void **state)
{
    struct county *county = *state;
    struct store_options options = {.directory = county->nodes[TOWN].directory,
                                    .without_sync = true};
    struct store *store;
    struct store_txn *txn;
    for (int i = 0; i < 2; i++)
        assert_int_equal(tell(county, TOWN, "person.add",
                              ARGS({"name", "张三"}, {"village", VILLAGE_TEXT},
                                   {"address", ADDRESS}, {"anyway", "yes"})),
                         OK);
    const char *id = told_id(county);
    assert_true(spoil_newest_run(county) > 0);
    for (int times = 0; times < 2; times++) {
        assert_int_equal(store_open(&store, &options), OK);
        assert_int_equal(store_begin(store, &txn), OK);
        store_delete(txn, STORE_META, slice_text("fold"));
        assert_int_equal(store_commit(txn), OK);
        store_close(store);
        county_open_node(county, TOWN);
        assert_true(engine_folding(node_engine(county->nodes[TOWN].node), NULL));
        while (engine_folding(node_engine(county->nodes[TOWN].node), NULL))
            county_step(county, TOWN, county_event(county, EVENT_TICK), 0);
        assert_int_equal(ask(county, TOWN, "person.list", NO_ARGS), OK);
        assert_int_equal(count_of(county, "records"), 2);
        assert_int_equal(ask(county, TOWN, "person.show", ARGS({"id", id})), OK);
        assert_text(part(buffer_slice(&county->data), "record"), "address", ADDRESS);
        if (times == 0)
            node_close(county->nodes[TOWN].node);
    }
}

/* ---- pages ---- */

static int open_file(struct county *county)
{
    char path[200];
    snprintf(path, sizeof path, "%s/store/data.mdb", county->nodes[TOWN].directory);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    return fd;
}

static void flip(int fd, uint64_t at, uint8_t bit)
{
    uint8_t byte;
    assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
    byte ^= bit;
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
}

/* The kind of every page on which the address stands is another then. */
static void spoil_pages_of_rows(struct county *county)
{
    char path[200];
    size_t size, spoilt = 0;
    uint8_t *bytes = read_store(county, &size, path);
    int fd = open_file(county);
    for (size_t page = 2; page < size / 4096; page++) {
        if (memmem(bytes + page * 4096, 4096, ADDRESS, strlen(ADDRESS)) == NULL)
            continue;
        flip(fd, page * 4096 + 10, 4);
        spoilt++;
    }
    assert_true(spoilt > 0);
    close(fd);
    free(bytes);
}

static enum status try_open(struct county *county, struct store_finding *finding)
{
    struct county_node *node = &county->nodes[TOWN];
    uint8_t random[RANDOM_SIZE] = {77};
    struct node_options options = {.directory = node->directory,
                                   .without_sync = true,
                                   .map_size = 4 << 20,
                                   .finding = finding,
                                   .seed = slice_of(node->seed, SEED_SIZE),
                                   .grant = buffer_slice(&county->grant)};
    return node_open(&node->node, &options, random);
}

static const char *add_person(struct county *county)
{
    assert_int_equal(
        tell(county, TOWN, "person.add",
             ARGS({"name", "张三"}, {"village", VILLAGE_TEXT}, {"address", ADDRESS})),
        OK);
    return told_id(county);
}

static void a_damaged_page_of_rows_is_left_behind_and_the_rows_made_anew(void **state)
{
    struct county *county = *state;
    struct store_finding finding;
    char path[200];
    const char *id = add_person(county);
    node_close(county->nodes[TOWN].node);
    spoil_pages_of_rows(county);
    assert_int_equal(try_open(county, &finding), OK);
    assert_string_equal(finding.of, "rows");
    assert_int_equal(node_rebuilds(county->nodes[TOWN].node), 1);
    county_step(county, TOWN, county_event(county, EVENT_TICK), 0);
    assert_int_equal(ask(county, TOWN, "person.show", ARGS({"id", id})), OK);
    assert_text(part(buffer_slice(&county->data), "record"), "address", ADDRESS);
    snprintf(path, sizeof path, "%s/store.damaged/data.mdb",
             county->nodes[TOWN].directory);
    assert_int_equal(access(path, R_OK), 0);

    /* It does so once: what was left behind is not met again. */
    node_close(county->nodes[TOWN].node);
    assert_int_equal(try_open(county, &finding), OK);
    assert_null(finding.of);
    assert_int_equal(node_rebuilds(county->nodes[TOWN].node), 0);
}

static void a_store_whose_root_is_damaged_is_refused_by_page(void **state)
{
    struct county *county = *state;
    struct store_finding finding;
    struct store_pages pages;
    (void)add_person(county);
    node_close(county->nodes[TOWN].node);
    int fd = open_file(county);
    assert_true(store_pages_open(&pages, fd));
    flip(fd, pages.main.root * 4096 + 12, 2);
    assert_int_equal(try_open(county, &finding), ERR_STORE_DAMAGED);
    assert_string_equal(finding.of, "main");
    assert_int_equal(finding.page, pages.main.root);
    flip(fd, pages.main.root * 4096 + 12, 2);
    store_pages_close(&pages);
    close(fd);
    assert_int_equal(try_open(county, &finding), OK);
    assert_null(finding.of);
}

/* Without the head of the authority's log the roster is empty. */
static void a_store_whose_roster_lacks_this_node_is_refused(void **state)
{
    struct county *county = *state;
    struct store_finding finding;
    uint8_t key[LOG_NAME_SIZE], head[200];
    (void)add_person(county);
    node_close(county->nodes[TOWN].node);
    struct store_options options = {.directory = county->nodes[TOWN].directory,
                                    .without_sync = true};
    struct store *store;
    struct store_txn *txn;
    struct store_cursor cursor;
    struct slice first, value;
    assert_int_equal(store_open(&store, &options), OK);
    assert_int_equal(store_begin(store, &txn), OK);
    assert_true(store_seek(txn, STORE_HEADS, (struct slice){0}, &cursor, &first, &value));
    assert_int_equal(first.size, LOG_NAME_SIZE);
    assert_true(value.size <= sizeof head);
    size_t head_size = value.size;
    memcpy(key, first.data, sizeof key);
    memcpy(head, value.data, head_size);
    store_cursor_close(&cursor);
    assert_int_equal(log_name_decode(key).lane, LANE_CONTROL);
    store_delete(txn, STORE_HEADS, slice_of(key, sizeof key));
    assert_int_equal(store_commit(txn), OK);
    store_close(store);
    assert_int_equal(try_open(county, &finding), ERR_STORE_DAMAGED);
    assert_int_equal(store_open(&store, &options), OK);
    assert_int_equal(store_begin(store, &txn), OK);
    store_put(txn, STORE_HEADS, slice_of(key, sizeof key), slice_of(head, head_size));
    assert_int_equal(store_commit(txn), OK);
    store_close(store);
    assert_int_equal(try_open(county, &finding), OK);
}

/* Then the commit before looks like the newest, and everything in it is sound. */
static void a_commit_that_calls_itself_older_than_it_is_is_not_passed_over(void **state)
{
    struct county *county = *state;
    struct store_finding finding;
    struct store_pages pages;
    (void)add_person(county);
    (void)add_person(county);
    node_close(county->nodes[TOWN].node);
    int fd = open_file(county);
    assert_true(store_pages_open(&pages, fd));
    uint64_t at = pages.commit % 2 * 4096 + 16 + 128;
    for (uint8_t bit = 1; bit != 0; bit = (uint8_t)(bit << 1)) {
        flip(fd, at, bit);
        assert_int_equal(try_open(county, &finding), ERR_STORE_DAMAGED);
        assert_string_equal(finding.of, "meta");
        flip(fd, at, bit);
    }
    store_pages_close(&pages);
    close(fd);
    assert_int_equal(try_open(county, &finding), OK);
}

/* ---- the scrub ---- */

static void scrub_all(struct county *county)
{
    struct store *store = node_store(county->nodes[TOWN].node);
    while (store_scrub(store, 100000)) {
    }
}

static void a_scrub_finds_a_damaged_row_that_nobody_asks_for(void **state)
{
    struct county *county = *state;
    const char *id = add_person(county);
    scrub_all(county);
    assert_false(node_wants_rebuild(county->nodes[TOWN].node));
    assert_true(spoil_rows(county) > 0);
    scrub_all(county);
    assert_true(node_wants_rebuild(county->nodes[TOWN].node));
    assert_null(store_found(node_store(county->nodes[TOWN].node))->of);
    county_step(county, TOWN, county_event(county, EVENT_TICK), 0);
    assert_int_equal(ask(county, TOWN, "person.show", ARGS({"id", id})), OK);
    assert_text(part(buffer_slice(&county->data), "record"), "address", ADDRESS);
}

static void a_damaged_page_that_a_scrub_finds_goes_at_the_next_start(void **state)
{
    struct county *county = *state;
    struct store_finding finding;
    const char *id = add_person(county);
    spoil_pages_of_rows(county);
    scrub_all(county);
    assert_string_equal(store_found(node_store(county->nodes[TOWN].node))->of, "rows");
    assert_int_equal(ask(county, TOWN, "status", NO_ARGS), OK);
    struct slice trouble = element(county, "troubles", 0);
    assert_text(trouble, "code", "LL-W3107");
    node_close(county->nodes[TOWN].node);
    assert_int_equal(try_open(county, &finding), OK);
    county_step(county, TOWN, county_event(county, EVENT_TICK), 0);
    assert_int_equal(ask(county, TOWN, "person.show", ARGS({"id", id})), OK);
}

/* Every piece begins behind the last key, in the tree as it is by then. */
static void a_scrub_goes_on_through_writes(void **state)
{
    struct county *county = *state;
    char name[32];
    size_t pieces = 0;
    for (int i = 0; i < 150; i++) {
        snprintf(name, sizeof name, "张%d", i);
        assert_int_equal(
            tell(county, TOWN, "person.add",
                 ARGS({"name", name}, {"village", VILLAGE_TEXT}, {"address", ADDRESS})),
            OK);
    }
    struct store *store = node_store(county->nodes[TOWN].node);
    while (store_scrub(store, 100000)) {
        snprintf(name, sizeof name, "李%zu", pieces++);
        assert_int_equal(tell(county, TOWN, "person.add",
                              ARGS({"name", name}, {"village", VILLAGE_TEXT})),
                         OK);
    }
    assert_true(pieces > 0);
    assert_null(store_found(store)->of);
    assert_false(node_wants_rebuild(county->nodes[TOWN].node));
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
        cmocka_unit_test_setup_teardown(
            a_damaged_page_of_rows_is_left_behind_and_the_rows_made_anew, county_set_up,
            county_tear_down),
        cmocka_unit_test_setup_teardown(a_store_whose_roster_lacks_this_node_is_refused,
                                        county_set_up, county_tear_down),
        cmocka_unit_test_setup_teardown(a_store_whose_root_is_damaged_is_refused_by_page,
                                        county_set_up, county_tear_down),
        cmocka_unit_test_setup_teardown(a_scrub_finds_a_damaged_row_that_nobody_asks_for,
                                        county_set_up, county_tear_down),
        cmocka_unit_test_setup_teardown(
            a_damaged_page_that_a_scrub_finds_goes_at_the_next_start, county_set_up,
            county_tear_down),
        cmocka_unit_test_setup_teardown(a_scrub_goes_on_through_writes, county_set_up,
                                        county_tear_down),
        cmocka_unit_test_setup_teardown(
            a_commit_that_calls_itself_older_than_it_is_is_not_passed_over, county_set_up,
            county_tear_down),
        cmocka_unit_test_setup_teardown(verifying_goes_on_behind_a_damaged_run,
                                        county_set_up, county_tear_down),
        cmocka_unit_test_setup_teardown(
            a_record_whose_run_is_damaged_outlives_folding_everything_again,
            county_set_up, county_tear_down),
    };
    return cmocka_run_group_tests_name("damage", tests, NULL, NULL);
}
