/* Reading commands: the same bytes at every node that holds the same, and honest about the
 * rest. */
#define _XOPEN_SOURCE 700
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/county_fixture.h"

static const char *add_person(struct county *county, size_t node, const char *name,
                              const char *village)
{
    assert_int_equal(
        tell(county, node, "person.add",
             ARGS({"name", name}, {"village", village}, {"tier", "high"},
                  {"phones", "13800001111"}, {"id_number", "330102194001011231"},
                  {"external_key", "HR-77"}, {"anyway", "yes"})),
        OK);
    return told_id(county);
}

static const char *add_visit(struct county *county, size_t node, const char *person,
                             const char *when)
{
    assert_int_equal(tell(county, node, "visit.add",
                          ARGS({"person", person}, {"when", when}, {"method", "home"},
                               {"outcome", "met"})),
                     OK);
    return told_id(county);
}

static struct buffer answer_of(struct county *county, size_t node, const char *command,
                               const struct arg *args)
{
    struct buffer copy;
    assert_int_equal(ask(county, node, command, args), OK);
    buffer_init(&copy, 1 << 24);
    buffer_put(&copy, county->data.data, county->data.size);
    return copy;
}

static void assert_same_answer(struct county *county, const char *command,
                               const struct arg *args)
{
    struct buffer here = answer_of(county, TOWN, command, args);
    struct buffer there = answer_of(county, HUB, command, args);
    assert_true(slice_equal(buffer_slice(&here), buffer_slice(&there)));
    buffer_deinit(&here);
    buffer_deinit(&there);
}

static size_t listed(struct county *county, const char *command, const struct arg *args)
{
    assert_int_equal(ask(county, TOWN, command, args), OK);
    return count_of(county, "records");
}

/* ---- the same bytes ---- */

static void nodes_with_equal_heads_answer_with_equal_bytes(void **state)
{
    struct county *county = *state;
    const char *first = add_person(county, TOWN, "张三", VILLAGE_TEXT);
    const char *second = add_person(county, HUB, "李四", OTHER_VILLAGE_TEXT);
    add_visit(county, TOWN, first, "2026-05-31 14:05");
    add_visit(county, HUB, second, "2026-05-30 09:00");
    add_person(county, FAR, "王五", FAR_VILLAGE_TEXT);
    county_link(county, TOWN, HUB, true);
    county_link(county, FAR, HUB, true);
    const struct arg *shilian = ARGS({"division", "331123103"});
    assert_same_answer(county, "person.list", shilian);
    assert_int_equal(count_of(county, "records"), 2);
    assert_same_answer(county, "visit.list", shilian);
    assert_int_equal(count_of(county, "records"), 2);
    assert_same_answer(county, "visit.list", ARGS({"division", VILLAGE_TEXT}));
    assert_int_equal(count_of(county, "records"), 1);
    assert_same_answer(county, "person.show", ARGS({"id", first}));
}

static void both_sides_of_a_conflict_are_shown_alike(void **state)
{
    struct county *county = *state;
    const char *person = add_person(county, TOWN, "张三", VILLAGE_TEXT);
    county_link(county, TOWN, HUB, true);
    county_link(county, TOWN, HUB, false);
    assert_int_equal(
        tell(county, TOWN, "person.set", ARGS({"id", person}, {"address", "东头"})), OK);
    assert_int_equal(
        tell(county, HUB, "person.set", ARGS({"id", person}, {"address", "西头"})), OK);
    county_link(county, TOWN, HUB, true);
    assert_same_answer(county, "person.show", ARGS({"id", person}));
    struct slice record = part(buffer_slice(&county->data), "record");
    struct slice conflicts = part(record, "conflicts"), first = {0};
    size_t count = 0;
    assert_true(codec_take_array(&conflicts, &count));
    assert_int_equal(count, 2);
    assert_true(codec_take_any(&conflicts, &first));
    /* The later one is displayed. */
    assert_text(record, "address", "西头");
    assert_text(first, "field", "address");
    assert_text(first, "value", "西头");
    assert_text(first, "node", "county");
    assert_text(first, "actor", "wang");
}

static void digests_are_equal_where_the_records_are(void **state)
{
    struct county *county = *state;
    add_person(county, TOWN, "张三", VILLAGE_TEXT);
    county_link(county, TOWN, HUB, true);
    struct buffer there = answer_of(county, HUB, "digest", NO_ARGS);
    assert_int_equal(ask(county, TOWN, "digest", NO_ARGS), OK);
    assert_int_equal(count_of(county, "realms"), 3);
    struct slice here = element(county, "realms", 1);
    assert_int_equal(number_of(here, "division"), SHILIAN);
    assert_text(here, "name", "石练镇");
    /* The person and the operator who entered it. */
    assert_int_equal(number_of(here, "records"), 2);
    struct slice far = element(county, "realms", 2);
    assert_text(far, "digest", NULL);
    assert_int_equal(codec_peek(part(far, "records")), CODEC_NIL);
    struct slice realms = part(buffer_slice(&there), "realms"), realm = {0};
    size_t count;
    assert_true(codec_take_array(&realms, &count));
    assert_true(codec_take_any(&realms, &realm) && codec_take_any(&realms, &realm));
    assert_true(slice_equal(realm, here));
    buffer_deinit(&there);
}

/* ---- choosing ---- */

static void lists_are_chosen_by_place_person_and_date(void **state)
{
    struct county *county = *state;
    const char *first = add_person(county, TOWN, "张三", VILLAGE_TEXT);
    const char *second = add_person(county, TOWN, "李四", OTHER_VILLAGE_TEXT);
    add_visit(county, TOWN, first, "2026-05-01 00:00");
    add_visit(county, TOWN, first, "2026-05-31 23:59");
    add_visit(county, TOWN, second, "2026-05-31 08:00");
    assert_int_equal(listed(county, "person.list", NO_ARGS), 2);
    assert_int_equal(listed(county, "person.list", ARGS({"division", VILLAGE_TEXT})), 1);
    assert_int_equal(listed(county, "visit.list", ARGS({"person", first})), 2);
    assert_int_equal(listed(county, "visit.list",
                            ARGS({"division", "331123103"}, {"from", "2026-05-31"})),
                     2);
    assert_int_equal(listed(county, "visit.list", ARGS({"to", "2026-05-01"})), 1);
    assert_int_equal(
        listed(county, "visit.list", ARGS({"from", "2026-05-02"}, {"to", "2026-05-30"})),
        0);
    struct slice rests_on = part(buffer_slice(&county->data), "rests_on");
    assert_int_equal(number_of(rests_on, "logs"), 1);
    assert_int_equal(number_of(rests_on, "entries"), 6);
}

static void people_of_a_village_gone_from_the_table_are_still_listed(void **state)
{
    struct county *county = *state;
    const char *person = add_person(county, TOWN, "张三", VILLAGE_TEXT);
    add_visit(county, TOWN, person, "2026-05-01 00:00");
    for (size_t i = 0; i < county->divisions.count; i++) {
        if (county->divisions.rows[i].code == 331123103201)
            county->divisions.rows[i].code = 331123103301;
    }
    divisions_sort(&county->divisions);
    assert_int_equal(listed(county, "person.list", ARGS({"division", VILLAGE_TEXT})), 1);
    assert_int_equal(listed(county, "visit.list", ARGS({"division", VILLAGE_TEXT})), 1);
    /* A code that neither the table nor a record knows is mistyped. */
    assert_int_equal(ask(county, TOWN, "person.list", ARGS({"division", "331123103999"})),
                     ERR_DIVISION);
    assert_int_equal(ask(county, TOWN, "person.list", ARGS({"division", "331123999"})),
                     ERR_DIVISION);
}

static void assert_counts(struct slice visit, bool expected)
{
    struct slice value = part(visit, "counts");
    bool counts = !expected;
    assert_true(codec_take_bool(&value, &counts));
    assert_int_equal(counts, expected);
}

static void voided_and_replaced_visits_are_listed_only_with_all(void **state)
{
    struct county *county = *state;
    const char *person = add_person(county, TOWN, "张三", VILLAGE_TEXT);
    const char *visit = add_visit(county, TOWN, person, "2026-05-31 08:00");
    assert_int_equal(
        tell(county, TOWN, "visit.amend", ARGS({"id", visit}, {"outcome", "absent"})),
        OK);
    assert_int_equal(listed(county, "visit.list", NO_ARGS), 1);
    assert_text(element(county, "records", 0), "outcome", "absent");
    assert_counts(element(county, "records", 0), false);
    assert_int_equal(listed(county, "visit.list", ARGS({"all", "yes"})), 2);
    const char *amendment = told_id(county);
    assert_int_equal(
        tell(county, TOWN, "visit.void", ARGS({"id", amendment}, {"reason", "错"})), OK);
    /* What it replaced stays replaced, until the amendment itself is undone. */
    assert_int_equal(listed(county, "visit.list", NO_ARGS), 0);
    assert_int_equal(
        tell(county, TOWN, "visit.void",
             ARGS({"id", amendment}, {"reason", "错"}, {"restore_amended", "yes"})),
        OK);
    assert_int_equal(listed(county, "visit.list", NO_ARGS), 1);
    assert_text(element(county, "records", 0), "outcome", "met");
    assert_counts(element(county, "records", 0), true);
    assert_int_equal(
        tell(county, TOWN, "visit.void",
             ARGS({"id", visit}, {"reason", "错"}, {"restore_amended", "yes"})),
        ERR_REPLACES_NONE);
}

static void a_person_is_found_by_what_is_known_of_them(void **state)
{
    struct county *county = *state;
    static const char *const found[] = {"张",
                                        "三",
                                        "张三",
                                        "0001111",
                                        "hr-7",
                                        "HR-77",
                                        "zhang",
                                        "zs",
                                        "zhangs",
                                        "Zhang San",
                                        "zhsan",
                                        "张san",
                                        "ｚｓ",
                                        "+86 138-0000-1111",
                                        "330102194001011231"};
    static const char *const not_found[] = {
        "李",   "HR-78", "33010219400101123", "331123193305121075",
        "high", "zb",    "138000011112"};
    const char *person = add_person(county, TOWN, "张三", VILLAGE_TEXT);
    char prefix[7];
    snprintf(prefix, sizeof prefix, "%.6s", person);
    for (size_t i = 0; i < ARRAY_SIZE(found); i++)
        if (listed(county, "person.find", ARGS({"text", found[i]})) != 1)
            fail_msg("not found by %s", found[i]);
    for (size_t i = 0; i < ARRAY_SIZE(not_found); i++)
        if (listed(county, "person.find", ARGS({"text", not_found[i]})) != 0)
            fail_msg("found by %s", not_found[i]);
    assert_int_equal(listed(county, "person.find", ARGS({"text", prefix})), 1);
    assert_int_equal(ask(county, TOWN, "person.find", NO_ARGS), ERR_FIELD_MISSING);
    assert_string_equal(county->subject, "text");
    assert_int_equal(
        ask(county, TOWN, "person.find", ARGS({"text", "330102194001011233"})),
        ERR_ID_NUMBER);
}

static void sealed_fields_are_hidden_until_asked_for(void **state)
{
    struct county *county = *state;
    const char *person = add_person(county, TOWN, "张三", VILLAGE_TEXT);
    assert_int_equal(ask(county, TOWN, "person.show", ARGS({"id", person})), OK);
    assert_text(part(buffer_slice(&county->data), "record"), "id_number", "(hidden)");
    assert_int_equal(
        ask(county, TOWN, "person.show", ARGS({"id", person}, {"reveal", "yes"})), OK);
    assert_text(part(buffer_slice(&county->data), "record"), "id_number",
                "330102194001011231");
    assert_int_equal(
        ask(county, TOWN, "person.show", ARGS({"id", person}, {"reveal", "no"})), OK);
    assert_text(part(buffer_slice(&county->data), "record"), "id_number", "(hidden)");
}

/* The fold cannot look inside a seal, and whoever holds the key seals what it likes. */
static void what_was_sealed_and_is_no_line_of_text_is_not_shown(void **state)
{
    struct county *county = *state;
    const char *person = add_person(county, TOWN, "张三", VILLAGE_TEXT);
    struct buffer text;
    buffer_init(&text, 64);
    codec_put_cstring(&text, "1\nstatus  deceased");
    const struct write_value value = {.field = PERSON_ID_NUMBER,
                                      .value = buffer_slice(&text)};
    struct write write = {.kind = OPERATION_EDIT,
                          .reg = REGISTER_PERSON,
                          .realm = 331123103,
                          .values = &value,
                          .count = 1};
    assert_true(id_parse(slice_text(person), &write.subject));
    assert_int_equal(county_apply(county, TOWN, &write), OK);
    assert_int_equal(
        ask(county, TOWN, "person.show", ARGS({"id", person}, {"reveal", "yes"})), OK);
    assert_text(part(buffer_slice(&county->data), "record"), "id_number", "(unreadable)");
    buffer_deinit(&text);
}

/* ---- what cannot be answered ---- */

static void another_townships_records_are_unreadable_not_absent(void **state)
{
    struct county *county = *state;
    const char *person = add_person(county, FAR, "王五", FAR_VILLAGE_TEXT);
    const char *visit = add_visit(county, FAR, person, "2026-05-31 08:00");
    county_link(county, FAR, HUB, true);
    county_link(county, HUB, TOWN, true);
    assert_int_equal(ask(county, TOWN, "visit.list", ARGS({"division", "331123104"})),
                     ERR_UNREADABLE);
    assert_string_equal(county->subject, "331123104");
    assert_int_equal(ask(county, TOWN, "person.show", ARGS({"id", person})),
                     ERR_UNREADABLE);
    assert_int_equal(ask(county, TOWN, "visit.show", ARGS({"id", visit})),
                     ERR_UNREADABLE);
    assert_int_equal(ask(county, HUB, "visit.show", ARGS({"id", visit})), OK);
    assert_int_equal(ask(county, TOWN, "person.list", ARGS({"division", "331123"})), OK);
    assert_int_equal(county->incomplete.kind, INCOMPLETE_NO_KEY);
    assert_string_equal(county->incomplete.name, "331123104");
    assert_int_equal(ask(county, HUB, "person.list", ARGS({"division", "331123"})), OK);
    assert_int_equal(county->incomplete.kind, INCOMPLETE_NOT);
}

static void bad_arguments_are_named(void **state)
{
    struct county *county = *state;
    assert_int_equal(ask(county, TOWN, "visit.list", ARGS({"division", "99"})),
                     ERR_DIVISION);
    assert_int_equal(ask(county, TOWN, "visit.list", ARGS({"division", "330127101"})),
                     ERR_DIVISION);
    assert_int_equal(ask(county, TOWN, "visit.list", ARGS({"division", "331123103999"})),
                     ERR_DIVISION);
    assert_int_equal(ask(county, TOWN, "visit.list", ARGS({"from", "2026-02-30"})),
                     ERR_DATE);
    assert_string_equal(county->subject, "from");
    assert_int_equal(ask(county, TOWN, "person.show", ARGS({"id", "ZZZZ"})),
                     ERR_NOT_FOUND);
    assert_int_equal(ask(county, TOWN, "visit.show", ARGS({"id", ""})), ERR_NOT_FOUND);
    assert_int_equal(ask(county, TOWN, "log.show", ARGS({"log", "nobody"})),
                     ERR_NOT_FOUND);
    assert_int_equal(
        ask(county, TOWN, "log.show", ARGS({"log", "authority.control"}, {"limit", "x"})),
        ERR_FIELD_VALUE);
    static const char *const unknown[] = {"", "x", "person", "visit.find", "person.fly"};
    for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
        assert_int_equal(ask(county, TOWN, unknown[i], NO_ARGS), ERR_UNKNOWN_COMMAND);
}

/* ---- the node itself ---- */

static void status_has_its_shape_with_and_without_peers(void **state)
{
    struct county *county = *state;
    for (int linked = 0; linked < 2; linked++) {
        if (linked)
            county_link(county, TOWN, HUB, true);
        assert_int_equal(ask(county, TOWN, "status", NO_ARGS), OK);
        struct slice data = buffer_slice(&county->data);
        assert_text(part(data, "node"), "name", "shilian");
        assert_text(part(data, "node"), "division_name", "石练镇");
        assert_text(part(data, "node"), "role", "township");
        assert_int_equal(number_of(part(data, "county"), "code"), COUNTY);
        assert_int_equal(count_of(county, "peers"), linked);
        if (count_of(county, "troubles") != 0)
            fail_msg("%.*s", 200, (const char *)element(county, "troubles", 0).data);
        assert_true(number_of(part(data, "storage"), "entries") > 0);
        assert_int_equal(number_of(part(data, "transport"), "frames_in"), 0);
    }
    struct slice peer = element(county, "peers", 0);
    assert_text(peer, "name", "county");
    assert_text(peer, "state", "online");
    assert_text(peer, "address", NULL);
    assert_int_equal(number_of(peer, "to_send"), 0);
}

static void a_configured_peer_is_listed_before_it_is_met(void **state)
{
    struct county *county = *state;
    char name[] = "county", unknown[] = "xyz", address[] = "tcp://10.0.0.1:5100";
    struct config_peer peers[] = {{name, address}, {unknown, address}};
    county->config.peers = peers;
    county->config.peer_count = 2;
    assert_int_equal(ask(county, TOWN, "peer.list", NO_ARGS), OK);
    assert_int_equal(count_of(county, "peers"), 2);
    struct slice known = element(county, "peers", 0);
    assert_text(known, "name", "county");
    assert_text(known, "state", "offline");
    assert_text(known, "address", address);
    assert_int_equal(codec_peek(part(known, "behind")), CODEC_NIL);
    assert_int_equal(codec_peek(part(known, "to_send")), CODEC_NIL);
    struct slice other = element(county, "peers", 1);
    assert_int_equal(codec_peek(part(other, "number")), CODEC_NIL);
    assert_text(other, "fingerprint", NULL);
    assert_int_equal(codec_peek(part(other, "to_send")), CODEC_NIL);
    county->config = (struct config){0};
}

static void no_verdict_claims_that_nothing_waits_for_a_peer_not_met(void **state)
{
    struct county *county = *state;
    char name[] = "county", address[] = "tcp://10.0.0.1:5100";
    struct config_peer peer = {name, address};
    county->config.peers = &peer;
    county->config.peer_count = 1;
    add_person(county, TOWN, "张三", VILLAGE_TEXT);
    assert_int_equal(ask(county, TOWN, "status", NO_ARGS), OK);
    struct slice value = part(buffer_slice(&county->data), "verdict"), verdict;
    static const char *const ends = ", an unknown number still to be sent.";
    assert_true(codec_take_text(&value, &verdict));
    assert_true(verdict.size > strlen(ends));
    assert_memory_equal(verdict.data + verdict.size - strlen(ends), ends, strlen(ends));
    county->config = (struct config){0};
}

static void members_are_shown_all_or_one(void **state)
{
    struct county *county = *state;
    assert_int_equal(ask(county, TOWN, "node.show", NO_ARGS), OK);
    assert_int_equal(count_of(county, "members"), NODES + 1);
    assert_int_equal(ask(county, TOWN, "node.show", ARGS({"node", "gaoping"})), OK);
    assert_int_equal(count_of(county, "members"), 1);
    assert_int_equal(number_of(element(county, "members", 0), "division"), GAOPING);
    assert_int_equal(ask(county, TOWN, "node.show", ARGS({"node", "nobody"})),
                     ERR_NOT_FOUND);
    assert_string_equal(county->subject, "nobody");
}

/* ---- logs ---- */

static void logs_show_what_was_done_and_not_what_it_says(void **state)
{
    struct county *county = *state;
    const char *person = add_person(county, TOWN, "张三", VILLAGE_TEXT);
    add_visit(county, TOWN, person, "2026-05-31 08:00");
    assert_int_equal(ask(county, TOWN, "log.show", NO_ARGS), OK);
    assert_int_equal(count_of(county, "logs"), 2);
    assert_int_equal(ask(county, TOWN, "log.show", ARGS({"log", "shilian"})), OK);
    assert_int_equal(count_of(county, "entries"), 3);
    struct slice visit = element(county, "entries", 2);
    assert_int_equal(number_of(visit, "seq"), 3);
    assert_text(visit, "state", "ok");
    assert_text(visit, "actor", "wang");
    assert_text(part(visit, "operation"), "kind", "create");
    assert_text(part(visit, "operation"), "register", "visit");
    assert_text(part(visit, "operation"), "subject", person);
    for (size_t i = 0; i + sizeof "张三" <= county->data.size; i++)
        assert_memory_not_equal(county->data.data + i, "张三", sizeof "张三" - 1);
    assert_int_equal(ask(county, TOWN, "log.show",
                         ARGS({"log", "shilian.record"}, {"from", "2"}, {"limit", "1"})),
                     OK);
    assert_int_equal(count_of(county, "entries"), 1);
    assert_int_equal(number_of(element(county, "entries", 0), "seq"), 2);
}

static void all_logs_verify_in_pieces(void **state)
{
    struct county *county = *state;
    const char *person = add_person(county, TOWN, "张三", VILLAGE_TEXT);
    for (int i = 0; i < 50; i++) {
        char when[32];
        snprintf(when, sizeof when, "2026-05-31 08:%02d", i);
        add_visit(county, TOWN, person, when);
    }
    const struct engine *engine = node_engine(county->nodes[TOWN].node);
    struct verification *verification = verification_begin(engine);
    bool more = true;
    while (more) {
        struct store_txn *txn;
        assert_int_equal(node_read(county->nodes[TOWN].node, &txn), OK);
        more = verification_step(verification, engine, txn, &county->scratch);
        store_abort(txn);
    }
    buffer_clear(&county->data);
    verification_answer(verification, &county->data);
    verification_end(verification);
    assert_int_equal(count_of(county, "problems"), 0);
    assert_int_equal(number_of(buffer_slice(&county->data), "logs"), 2);
    assert_int_equal(number_of(buffer_slice(&county->data), "entries"),
                     heads_entries(engine_heads(engine)));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, county_set_up, county_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nodes_with_equal_heads_answer_with_equal_bytes),
        TEST(both_sides_of_a_conflict_are_shown_alike),
        TEST(digests_are_equal_where_the_records_are),
        TEST(lists_are_chosen_by_place_person_and_date),
        TEST(people_of_a_village_gone_from_the_table_are_still_listed),
        TEST(voided_and_replaced_visits_are_listed_only_with_all),
        TEST(a_person_is_found_by_what_is_known_of_them),
        TEST(sealed_fields_are_hidden_until_asked_for),
        TEST(what_was_sealed_and_is_no_line_of_text_is_not_shown),
        TEST(another_townships_records_are_unreadable_not_absent),
        TEST(bad_arguments_are_named),
        TEST(status_has_its_shape_with_and_without_peers),
        TEST(a_configured_peer_is_listed_before_it_is_met),
        TEST(no_verdict_claims_that_nothing_waits_for_a_peer_not_met),
        TEST(members_are_shown_all_or_one),
        TEST(logs_show_what_was_done_and_not_what_it_says),
        TEST(all_logs_verify_in_pieces),
    };
    return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
