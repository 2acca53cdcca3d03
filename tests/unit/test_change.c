/* Writing commands: what is accepted, and how a refusal names the field. */
#define _XOPEN_SOURCE 700
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/county_fixture.h"

static const char *add_person(struct county *county, const char *name)
{
    assert_int_equal(
        tell(county, TOWN, "person.add", ARGS({"name", name}, {"village", VILLAGE_TEXT})),
        OK);
    return told_id(county);
}

static const char *add_visit(struct county *county, const char *person)
{
    assert_int_equal(
        tell(county, TOWN, "visit.add",
             ARGS({"person", person}, {"when", "2026-05-31 14:05"}, {"method", "home"},
                  {"outcome", "met"}, {"health", "ok"}, {"note", "门口有台阶"})),
        OK);
    return told_id(county);
}

static void assert_refused(struct county *county, enum status expected,
                           const char *command, const struct arg *args,
                           const char *subject)
{
    uint64_t before = heads_entries(engine_heads(node_engine(county->nodes[TOWN].node)));
    assert_int_equal(tell(county, TOWN, command, args), expected);
    assert_string_equal(county->subject, subject);
    assert_int_equal(heads_entries(engine_heads(node_engine(county->nodes[TOWN].node))),
                     before);
}

static struct slice show(struct county *county, const char *command, const char *id)
{
    assert_int_equal(ask(county, TOWN, command, ARGS({"id", id})), OK);
    return part(buffer_slice(&county->data), "record");
}

/* ---- persons ---- */

static void a_person_is_entered_with_everything(void **state)
{
    struct county *county = *state;
    assert_int_equal(
        tell(county, TOWN, "person.add",
             ARGS({"name", "张三"}, {"village", VILLAGE_TEXT}, {"sex", "男"},
                  {"birth", "1940-01-01"}, {"tier", "high"}, {"categories", "独居"},
                  {"categories", "veteran"}, {"phones", "+8613800001111"},
                  {"id_number", "330102194001011231"}, {"external_key", "HR-77"})),
        OK);
    struct slice record = show(county, "person.show", told_id(county));
    assert_text(record, "name", "张三");
    assert_text(record, "sex", "male");
    assert_text(record, "birth", "1940-01-01");
    assert_text(record, "id_number", "(hidden)");
    assert_text(record, "address", NULL);
    assert_int_equal(number_of(record, "village"), 331123103201);
    assert_int_equal(number_of(record, "township"), SHILIAN);
    struct slice phones = part(record, "phones"), phone = {0};
    size_t count;
    assert_true(codec_take_array(&phones, &count) && codec_take_text(&phones, &phone));
    /* Entering takes texts as they are; only changing reads a sign. */
    assert_true(slice_equal(phone, slice_text("+8613800001111")));
}

static void every_bad_field_is_refused_by_its_name(void **state)
{
    struct county *county = *state;
    char long_name[400];
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    assert_refused(county, ERR_FIELD_MISSING, "person.add",
                   ARGS({"village", VILLAGE_TEXT}), "name");
    assert_refused(county, ERR_FIELD_MISSING, "person.add", ARGS({"name", "张三"}),
                   "village");
    assert_refused(county, ERR_FIELD_TOO_LONG, "person.add",
                   ARGS({"name", long_name}, {"village", VILLAGE_TEXT}), "name");
    assert_refused(
        county, ERR_DATE, "person.add",
        ARGS({"name", "张三"}, {"village", VILLAGE_TEXT}, {"birth", "2026-02-30"}),
        "birth");
    assert_refused(county, ERR_DIVISION, "person.add",
                   ARGS({"name", "张三"}, {"village", "331123103999"}), "village");
    assert_refused(county, ERR_ID_NUMBER, "person.add",
                   ARGS({"name", "张三"}, {"village", VILLAGE_TEXT},
                        {"id_number", "330102194001011238"}),
                   "id_number");
    assert_refused(county, ERR_FIELD_VALUE, "person.add",
                   ARGS({"name", "张三"}, {"village", VILLAGE_TEXT},
                        {"categories", "veteran"}, {"categories", "pirate"}),
                   "categories");
    assert_refused(county, ERR_FIELD_UNKNOWN, "person.add",
                   ARGS({"name", "张三"}, {"village", VILLAGE_TEXT}, {"shoe", "42"}),
                   "shoe");
}

static void a_township_without_a_key_here_is_refused(void **state)
{
    struct county *county = *state;
    assert_refused(county, ERR_UNREADABLE, "person.add",
                   ARGS({"name", "张三"}, {"village", FAR_VILLAGE_TEXT}), "village");
    assert_int_equal(tell(county, HUB, "person.add",
                          ARGS({"name", "张三"}, {"village", FAR_VILLAGE_TEXT})),
                     OK);
}

static void sets_change_by_what_is_added_and_removed(void **state)
{
    struct county *county = *state;
    const char *id = add_person(county, "张三");
    assert_int_equal(
        tell(county, TOWN, "person.set",
             ARGS({"id", id}, {"tier", "key"}, {"phones", "111"}, {"phones", "+8622"})),
        OK);
    assert_int_equal(tell(county, TOWN, "person.set",
                          ARGS({"id", id}, {"tier", ""}, {"-phones", "111"})),
                     OK);
    struct slice record = show(county, "person.show", id);
    assert_text(record, "tier", NULL);
    struct slice phones = part(record, "phones"), phone = {0};
    size_t count;
    assert_true(codec_take_array(&phones, &count));
    assert_int_equal(count, 1);
    assert_true(codec_take_text(&phones, &phone));
    assert_true(slice_equal(phone, slice_text("+8622")));
    assert_refused(county, ERR_FIELD_MISSING, "person.set",
                   ARGS({"id", id}, {"name", ""}), "name");
}

static void an_empty_value_takes_every_element_out_of_a_set(void **state)
{
    struct county *county = *state;
    const char *id = add_person(county, "张三");
    assert_int_equal(tell(county, TOWN, "person.set",
                          ARGS({"id", id}, {"phones", "111"}, {"phones", "+8622"})),
                     OK);
    assert_int_equal(tell(county, TOWN, "person.set", ARGS({"id", id}, {"phones", ""})),
                     OK);
    struct slice phones = part(show(county, "person.show", id), "phones");
    size_t count;
    assert_true(codec_take_array(&phones, &count));
    assert_int_equal(count, 0);
    assert_refused(county, ERR_FIELD_VALUE, "person.set",
                   ARGS({"id", id}, {"phones", ","}), "phones");
    assert_refused(county, ERR_FIELD_MISSING, "person.set",
                   ARGS({"id", id}, {"phones", ""}), "");
}

static void a_person_stays_in_its_township(void **state)
{
    struct county *county = *state;
    const char *id = add_person(county, "张三");
    assert_int_equal(tell(county, TOWN, "person.set",
                          ARGS({"id", id}, {"village", OTHER_VILLAGE_TEXT})),
                     OK);
    assert_refused(county, ERR_TOWNSHIP, "person.set",
                   ARGS({"id", id}, {"village", FAR_VILLAGE_TEXT}), "village");
}

static void an_id_may_be_short_but_must_fit_one(void **state)
{
    struct county *county = *state;
    const char *id = add_person(county, "张三");
    for (int i = 0; i < 40; i++)
        add_person(county, "李四");
    char prefix[9];
    snprintf(prefix, sizeof prefix, "%.8s", id);
    assert_int_equal(
        tell(county, TOWN, "person.set", ARGS({"id", prefix}, {"tier", "key"})), OK);
    snprintf(prefix, sizeof prefix, "%.3s", id);
    assert_refused(county, ERR_ID_SHORT, "person.set",
                   ARGS({"id", prefix}, {"tier", "key"}), prefix);
    /* Reading takes less; 41 persons and 32 first characters: one of them stands twice. */
    size_t ambiguous = 0;
    static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    for (size_t i = 0; i < sizeof alphabet - 1; i++) {
        char first[2] = {alphabet[i], '\0'};
        ambiguous +=
            ask(county, TOWN, "person.show", ARGS({"id", first})) == ERR_AMBIGUOUS;
    }
    assert_true(ambiguous > 0);
    assert_refused(county, ERR_NOT_FOUND, "person.set",
                   ARGS({"id", "ZZZZZZZZZZZZZZZZZZZZ"}, {"tier", "key"}),
                   "ZZZZZZZZZZZZZZZZZZZZ");
    assert_refused(county, ERR_FIELD_MISSING, "person.set", ARGS({"tier", "key"}), "id");
}

static void a_name_that_only_one_has_names_them(void **state)
{
    struct county *county = *state;
    const char *id = add_person(county, "张三");
    add_visit(county, "张三");
    struct slice record = show(county, "visit.show", told_id(county));
    assert_text(record, "person", id);
    assert_text(record, "person_name", "张三");
    const char *other = add_person(county, "张三");
    assert_int_equal(
        tell(county, TOWN, "person.set", ARGS({"id", other}, {"birth", "1940-01-01"})),
        OK);
    /* Two of the name: refused, and each is told by what can tell them apart. */
    assert_int_equal(
        tell(county, TOWN, "person.set", ARGS({"id", "张三"}, {"tier", "key"})),
        ERR_AMBIGUOUS);
    char first[9], second[9];
    snprintf(first, sizeof first, "%.8s", id);
    snprintf(second, sizeof second, "%.8s", other);
    assert_non_null(strstr(county->subject, first));
    assert_non_null(strstr(county->subject, second));
    assert_non_null(strstr(county->subject, "1940-01-01"));
    /* Whoever was entered by mistake is no longer meant. */
    assert_int_equal(
        tell(county, TOWN, "person.void", ARGS({"id", other}, {"reason", "错"})), OK);
    assert_int_equal(
        tell(county, TOWN, "person.set", ARGS({"id", "张三"}, {"tier", "key"})), OK);
    assert_refused(county, ERR_NOT_FOUND, "person.set",
                   ARGS({"id", "王五"}, {"tier", "key"}), "王五");
}

static void a_name_means_its_person_however_it_was_typed(void **state)
{
    static const char *const typed[] = {"阿卜杜拉•买买提", "阿卜杜拉・买买提",
                                        "阿卜杜拉 买买提 ", "阿卜杜拉．买买提"};
    struct county *county = *state;
    const char *id = add_person(county, "阿卜杜拉·买买提");
    for (size_t i = 0; i < ARRAY_SIZE(typed); i++)
        assert_int_equal(tell(county, TOWN, "person.set",
                              ARGS({"id", typed[i]}, {"tier", i % 2 ? "key" : "high"})),
                         OK);
    assert_text(show(county, "person.show", id), "name", "阿卜杜拉·买买提");
    assert_refused(county, ERR_NOT_FOUND, "person.set",
                   ARGS({"id", "·"}, {"tier", "key"}), "·");
}

static void a_village_may_be_given_by_a_name_that_only_one_has(void **state)
{
    struct county *county = *state;
    assert_int_equal(
        tell(county, TOWN, "person.add", ARGS({"name", "张三"}, {"village", "柳村"})),
        OK);
    struct slice record = show(county, "person.show", told_id(county));
    assert_int_equal(number_of(record, "village"), 331123103201);
    assert_int_equal(divisions_add(&county->divisions, 331123104202, slice_text("柳村")),
                     OK);
    divisions_sort(&county->divisions);
    assert_refused(county, ERR_AMBIGUOUS, "person.add",
                   ARGS({"name", "李四"}, {"village", "柳村"}),
                   "柳村: 331123103201 石练镇/柳村; 331123104202 高坪乡/柳村");
    assert_int_equal(tell(county, TOWN, "person.add",
                          ARGS({"name", "李四"}, {"village", "石练镇 柳村"})),
                     OK);
    assert_int_equal(tell(county, TOWN, "person.add",
                          ARGS({"name", "李四"}, {"village", "石练镇/柳村"})),
                     OK);
    assert_int_equal(
        divisions_add(&county->divisions, 331123103203, slice_text("黄皮村委会")), OK);
    divisions_sort(&county->divisions);
    assert_int_equal(
        tell(county, TOWN, "person.add", ARGS({"name", "赵六"}, {"village", "黄皮村"})),
        OK);
    assert_refused(county, ERR_VILLAGE_WANTED, "person.add",
                   ARGS({"name", "王五"}, {"village", "石练镇"}), "village");
    assert_refused(county, ERR_VILLAGE_WANTED, "person.add",
                   ARGS({"name", "王五"}, {"village", "331123103"}), "village");
    assert_refused(county, ERR_DIVISION, "person.add",
                   ARGS({"name", "王五"}, {"village", "桃村"}), "village");
}

/* ---- visits ---- */

static void a_visit_lies_where_its_person_lies(void **state)
{
    struct county *county = *state;
    char prefix[9];
    const char *person = add_person(county, "张三");
    snprintf(prefix, sizeof prefix, "%.8s", person);
    const char *visit = add_visit(county, prefix);
    struct slice record = show(county, "visit.show", visit);
    assert_text(record, "person", person);
    assert_text(record, "subject", person);
    assert_int_equal(number_of(record, "township"), SHILIAN);
    assert_text(record, "actor", "wang");
    assert_text(record, "node", "shilian");
    assert_refused(county, ERR_NOT_FOUND, "visit.add",
                   ARGS({"person", "ZZZZZZZZZZZZZZZZZZZZ"}, {"when", "2026-05-31 14:05"},
                        {"method", "home"}, {"outcome", "met"}),
                   "person");
}

static void an_amended_visit_keeps_what_was_not_given(void **state)
{
    struct county *county = *state;
    const char *person = add_person(county, "张三");
    const char *visit = add_visit(county, person);
    assert_int_equal(tell(county, TOWN, "visit.amend",
                          ARGS({"id", visit}, {"outcome", "absent"}, {"note", ""})),
                     OK);
    const char *amended = told_id(county);
    struct slice record = show(county, "visit.show", amended);
    assert_text(record, "outcome", "absent");
    assert_text(record, "method", "home");
    assert_text(record, "health", "ok");
    assert_text(record, "note", NULL);
    assert_text(record, "amends", visit);
    assert_refused(county, ERR_VOIDED, "visit.amend",
                   ARGS({"id", visit}, {"outcome", "met"}), "");
    assert_refused(county, ERR_FIELD_FIXED, "visit.amend",
                   ARGS({"id", amended}, {"person", person}), "person");
    assert_refused(county, ERR_FIELD_UNKNOWN, "visit.add", ARGS({"amends", visit}),
                   "amends");
}

static void a_void_needs_a_reason_and_happens_once(void **state)
{
    struct county *county = *state;
    const char *visit = add_visit(county, add_person(county, "张三"));
    assert_refused(county, ERR_FIELD_MISSING, "visit.void", ARGS({"id", visit}),
                   "reason");
    assert_int_equal(
        tell(county, TOWN, "visit.void", ARGS({"id", visit}, {"reason", "重复"})), OK);
    assert_text(show(county, "visit.show", visit), "voided", "重复");
    assert_refused(county, ERR_VOIDED, "visit.void",
                   ARGS({"id", visit}, {"reason", "again"}), "");
}

static size_t listed(struct county *county, const char *command, const struct arg *args)
{
    assert_int_equal(ask(county, TOWN, command, args), OK);
    struct slice records = part(buffer_slice(&county->data), "records");
    size_t count = 0;
    assert_true(codec_take_array(&records, &count));
    return count;
}

static void a_voided_person_leaves_the_list_and_their_visits_stay(void **state)
{
    struct county *county = *state;
    const char *person = add_person(county, "张三");
    const char *visit = add_visit(county, person);
    assert_refused(county, ERR_FIELD_MISSING, "person.void", ARGS({"id", person}),
                   "reason");
    assert_int_equal(
        tell(county, TOWN, "person.void", ARGS({"id", person}, {"reason", "重复"})), OK);
    assert_text(show(county, "person.show", person), "voided", "重复");
    assert_int_equal(listed(county, "person.list", ARGS({"division", VILLAGE_TEXT})), 0);
    assert_int_equal(listed(county, "person.find", ARGS({"text", "张三"})), 0);
    assert_int_equal(listed(county, "visit.list", ARGS({"division", VILLAGE_TEXT})), 1);
    assert_text(show(county, "visit.show", visit), "voided", NULL);
    assert_refused(county, ERR_VOIDED, "person.void",
                   ARGS({"id", person}, {"reason", "again"}), "");
}

static void an_amendment_without_a_field_is_refused(void **state)
{
    struct county *county = *state;
    const char *visit = add_visit(county, add_person(county, "张三"));
    assert_refused(county, ERR_FIELD_MISSING, "visit.amend", ARGS({"id", visit}), "");
}

/* ---- commands ---- */

static void only_what_writes_records_is_meant(void **state)
{
    static const char *const others[] = {
        "",           "person",        "person.",      ".add",       "person.list",
        "visit.show", "operator.add",  "operator.set", "pirate.add", "person.adds",
        "status",     "person.add.it", "peer.pause",   "log.verify"};
    struct county *county = *state;
    assert_true(change_is_meant(slice_text("person.add")));
    assert_true(change_is_meant(slice_text("visit.void")));
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        assert_false(change_is_meant(slice_text(others[i])));
    assert_refused(county, ERR_UNKNOWN_COMMAND, "operator.add", ARGS({"number", "1"}),
                   "");
    assert_refused(county, ERR_UNKNOWN_COMMAND, "operator.void", ARGS({"id", "1"}), "");
}

/* Arguments come from programs, and programs have faults. */
static void arguments_of_other_types_are_refused(void **state)
{
    struct county *county = *state;
    uint64_t seed = 77;
    for (int round = 0; round < 2000; round++) {
        struct buffer encoded;
        struct write write;
        uint8_t bytes[40] = {0x82, 0xa4, 'n', 'a', 'm', 'e'};
        for (size_t i = 6; i < sizeof bytes; i++) {
            seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            bytes[i] = (uint8_t)(seed >> 56);
        }
        struct change change = {
            .engine = node_engine(county->nodes[TOWN].node),
            .divisions = &county->divisions,
            .arena = &county->arena,
            .scratch = &encoded,
        };
        buffer_init(&encoded, PAYLOAD_SIZE_MAX);
        assert_int_equal(node_read(county->nodes[TOWN].node, &change.txn), OK);
        assert_int_not_equal(change_prepare(&change, slice_text("person.add"),
                                            slice_of(bytes, sizeof bytes), &write),
                             OK);
        store_abort(change.txn);
        buffer_deinit(&encoded);
        arena_reset(&county->arena);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, county_set_up, county_tear_down)

static enum status visit_of(struct county *county, const char *person, const char *when,
                            const char *method, const char *outcome, const char *anyway)
{
    return tell(county, TOWN, "visit.add",
                ARGS({"person", person}, {"when", when}, {"method", method},
                     {"outcome", outcome}, {"anyway", anyway}));
}

static void method_and_outcome_must_agree(void **state)
{
    struct county *county = *state;
    const char *id = add_person(county, "张三");
    const char *when = "2026-05-31 14:05";
    assert_int_equal(visit_of(county, id, when, "phone", "met", "yes"), ERR_CONTRADICTS);
    assert_string_equal(county->subject, "outcome");
    assert_int_equal(visit_of(county, id, when, "home", "answered", "yes"),
                     ERR_CONTRADICTS);
    assert_int_equal(visit_of(county, id, when, "phone", "answered", "no"), OK);
    const char *visit = told_id(county);
    /* What an amendment leaves as it was is a part of it. */
    assert_refused(county, ERR_CONTRADICTS, "visit.amend",
                   ARGS({"id", visit}, {"method", "home"}), "outcome");
    assert_int_equal(tell(county, TOWN, "visit.amend",
                          ARGS({"id", visit}, {"method", "home"}, {"outcome", "met"})),
                     OK);
}

static void one_event_entered_twice_is_asked_about(void **state)
{
    struct county *county = *state;
    const char *id = add_person(county, "张三");
    const char *other = add_person(county, "李四");
    const char *when = "2026-05-31 14:05";
    assert_int_equal(visit_of(county, id, when, "home", "met", "no"), OK);
    const char *visit = told_id(county);
    assert_int_equal(visit_of(county, id, when, "video", "met", "no"), ERR_DOUBLE);
    assert_string_equal(county->subject, "person");
    assert_int_equal(visit_of(county, other, when, "home", "met", "no"), OK);
    assert_int_equal(visit_of(county, id, when, "home", "absent", "no"), OK);
    assert_int_equal(visit_of(county, id, "2026-05-31 14:06", "home", "met", "no"), OK);
    assert_int_equal(visit_of(county, id, when, "home", "met", "yes"), OK);
    /* What was taken out may be entered anew. */
    assert_int_equal(
        tell(county, TOWN, "visit.void", ARGS({"id", told_id(county)}, {"reason", "错"})),
        OK);
    assert_int_equal(
        tell(county, TOWN, "visit.void", ARGS({"id", visit}, {"reason", "错"})), OK);
    assert_int_equal(visit_of(county, id, when, "home", "met", "no"), OK);
}

static void one_event_is_looked_for_among_the_newest_sixteen_rows(void **state)
{
    struct county *county = *state;
    const char *id = add_person(county, "张三");
    const char *when = "2026-05-01 00:00";
    char between[20];
    assert_int_equal(visit_of(county, id, when, "home", "met", "no"), OK);
    for (int day = 2; day <= 16; day++) {
        snprintf(between, sizeof between, "2026-05-%02d 14:05", day);
        assert_int_equal(visit_of(county, id, between, "home", "met", "no"), OK);
        assert_int_equal(visit_of(county, id, between, "home", "met", "no"), ERR_DOUBLE);
        assert_int_equal(visit_of(county, id, when, "home", "met", "no"), ERR_DOUBLE);
    }
    assert_int_equal(visit_of(county, id, "2026-05-17 14:05", "home", "met", "no"), OK);
    assert_int_equal(visit_of(county, id, when, "home", "met", "no"), OK);
}

static void a_visit_after_the_persons_death_is_told(void **state)
{
    struct county *county = *state;
    const char *id = add_person(county, "张三");
    assert_int_equal(
        tell(county, TOWN, "person.set",
             ARGS({"id", id}, {"status", "deceased"}, {"status_since", "2026-05-30"})),
        OK);
    assert_int_equal(visit_of(county, id, "2026-05-31 00:00", "home", "met", "no"),
                     ERR_AFTER_END);
    assert_string_equal(county->subject, "when");
    assert_int_equal(visit_of(county, id, "2026-05-30 23:59", "home", "met", "no"), OK);
    assert_int_equal(visit_of(county, id, "2026-05-31 00:00", "home", "met", "yes"), OK);
}

static enum status keyed(struct county *county, const char *name, const char *key,
                         const char *number, const char *anyway)
{
    return tell(county, TOWN, "person.add",
                ARGS({"name", name}, {"village", VILLAGE_TEXT}, {"external_key", key},
                     {"id_number", number}, {"anyway", anyway}));
}

static uint64_t entries_at(struct county *county, size_t node)
{
    return heads_entries(engine_heads(node_engine(county->nodes[node].node)));
}

static void an_external_key_that_comes_again_is_known(void **state)
{
    struct county *county = *state;
    assert_int_equal(keyed(county, "张三", "HR-5", "", "no"), OK);
    const char *first = told_id(county);
    uint64_t entries = entries_at(county, TOWN);
    /* In another order of the fields, with other values, the first id is answered. */
    assert_int_equal(tell(county, TOWN, "person.add",
                          ARGS({"external_key", "HR-5"}, {"village", OTHER_VILLAGE_TEXT},
                               {"name", "李四"})),
                     OK);
    assert_string_equal(told_id(county), first);
    assert_int_equal(entries_at(county, TOWN), entries);
    assert_int_equal(keyed(county, "张三", "HR-0005", "", "no"), OK);
    const char *other = told_id(county);
    assert_string_not_equal(other, first);
    assert_int_equal(entries_at(county, TOWN), entries + 1);
    /* Another's key is no key of this one. */
    assert_refused(county, ERR_TAKEN, "person.set",
                   ARGS({"id", other}, {"external_key", "HR-5"}), "external_key");
    /* One's own may be written again; and it is free once it is given up. */
    assert_int_equal(
        tell(county, TOWN, "person.set", ARGS({"id", first}, {"external_key", "HR-5"})),
        OK);
    assert_int_equal(
        tell(county, TOWN, "person.set", ARGS({"id", first}, {"external_key", "HR-6"})),
        OK);
    assert_int_equal(
        tell(county, TOWN, "person.set", ARGS({"id", other}, {"external_key", "HR-5"})),
        OK);
    assert_int_equal(keyed(county, "王五", "HR-5", "", "no"), OK);
    assert_string_equal(told_id(county), other);
    /* The key of a record that was taken out is free. */
    assert_int_equal(
        tell(county, TOWN, "person.void", ARGS({"id", other}, {"reason", "错"})), OK);
    assert_int_equal(keyed(county, "王五", "HR-5", "", "no"), OK);
    assert_string_not_equal(told_id(county), other);
}

static void an_external_key_of_a_visit_is_known_too(void **state)
{
    struct county *county = *state;
    const char *id = add_person(county, "张三");
    for (int i = 0; i < 2; i++) {
        char when[32];
        snprintf(when, sizeof when, "2026-05-31 08:%02d", i);
        assert_int_equal(tell(county, TOWN, "visit.add",
                              ARGS({"person", id}, {"when", when}, {"method", "home"},
                                   {"outcome", "met"}, {"external_key", "V-1"})),
                         OK);
    }
    const char *visit = told_id(county);
    /* Amending keeps the key; what was imported is known by its original. */
    assert_int_equal(
        tell(county, TOWN, "visit.amend", ARGS({"id", visit}, {"outcome", "absent"})),
        OK);
    uint64_t entries = entries_at(county, TOWN);
    assert_int_equal(
        tell(county, TOWN, "visit.add",
             ARGS({"person", id}, {"when", "2026-05-31 08:00"}, {"method", "home"},
                  {"outcome", "met"}, {"external_key", "V-1"})),
        OK);
    assert_string_equal(told_id(county), visit);
    assert_int_equal(entries_at(county, TOWN), entries);
}

static void an_identity_number_belongs_to_one_living_person(void **state)
{
    struct county *county = *state;
    const char *number = "330102194001011231";
    assert_int_equal(keyed(county, "张三", "", number, "no"), OK);
    const char *first = told_id(county);
    assert_int_equal(keyed(county, "李四", "", number, "no"), ERR_TAKEN);
    assert_string_equal(county->subject, "id_number");
    assert_int_equal(keyed(county, "李四", "", number, "yes"), OK);
    const char *second = told_id(county);
    assert_int_equal(
        tell(county, TOWN, "person.set", ARGS({"id", second}, {"id_number", number})),
        ERR_TAKEN);
    /* Whoever moved is entered anew where they live now. */
    assert_int_equal(
        tell(county, TOWN, "person.set", ARGS({"id", first}, {"status", "moved"})), OK);
    assert_int_equal(
        tell(county, TOWN, "person.set", ARGS({"id", second}, {"id_number", number})),
        OK);
    /* In another township's realm the same number has another tag; the hub sees both. */
    county_link(county, TOWN, HUB, true);
    assert_int_equal(tell(county, HUB, "person.add",
                          ARGS({"name", "王五"}, {"village", FAR_VILLAGE_TEXT},
                               {"id_number", number})),
                     ERR_TAKEN);
}

static enum status born(struct county *county, size_t node, const char *name,
                        const char *village, const char *birth, const char *number,
                        const char *key, const char *anyway)
{
    return tell(county, node, "person.add",
                ARGS({"name", name}, {"village", village}, {"birth", birth},
                     {"id_number", number}, {"external_key", key}, {"anyway", anyway}));
}

static void somebody_of_one_name_and_birth_is_asked_about(void **state)
{
    struct county *county = *state;
    const char *day = "1940-01-01", *number = "330102194001011231";
    assert_int_equal(born(county, TOWN, "古丽·买买提", VILLAGE_TEXT, day, "", "", "no"),
                     OK);
    const char *first = told_id(county);
    assert_int_equal(born(county, TOWN, "古丽 买买提", VILLAGE_TEXT, day, "", "", "no"),
                     ERR_ALIKE);
    assert_string_equal(county->subject, "name");
    assert_int_equal(
        born(county, TOWN, "古丽·买买提", VILLAGE_TEXT, "1940-01-02", "", "", "no"), OK);
    assert_int_equal(tell(county, TOWN, "person.add",
                          ARGS({"name", "古丽·买买提"}, {"village", VILLAGE_TEXT})),
                     OK);
    /* The hub sees what the township holds. */
    county_link(county, TOWN, HUB, true);
    assert_int_equal(
        born(county, HUB, "古丽・买买提", FAR_VILLAGE_TEXT, day, number, "", "no"),
        ERR_ALIKE);
    /* A key decides, and so does insisting. */
    assert_int_equal(
        born(county, HUB, "古丽·买买提", FAR_VILLAGE_TEXT, day, number, "K-1", "no"), OK);
    assert_int_equal(born(county, TOWN, "古丽·买买提", VILLAGE_TEXT, day, "", "", "yes"),
                     OK);
    const char *second = told_id(county);
    /* As they read now: whoever got another birth or was taken out looks like nobody. */
    assert_int_equal(
        tell(county, TOWN, "person.set", ARGS({"id", first}, {"birth", "1941-05-05"})),
        OK);
    assert_int_equal(
        tell(county, TOWN, "person.void", ARGS({"id", second}, {"reason", "重复"})), OK);
    assert_int_equal(born(county, TOWN, "古丽·买买提", VILLAGE_TEXT, day, "", "", "no"),
                     OK);
    assert_int_equal(
        born(county, TOWN, "古丽·买买提", VILLAGE_TEXT, "1941-05-05", "", "", "no"),
        ERR_ALIKE);
}

static void assert_doubles(struct county *county, size_t node, const struct arg *args,
                           const char *expected)
{
    char pairs[512] = "";
    assert_int_equal(ask(county, node, "person.doubles", args), OK);
    for (size_t i = 0; i < count_of(county, "doubles"); i++) {
        struct slice row = element(county, "doubles", i);
        struct slice name = part(row, "name"), same = part(row, "same"), one, two;
        size_t size = strlen(pairs);
        assert_true(codec_take_text(&name, &one) && codec_take_text(&same, &two));
        (void)snprintf(pairs + size, sizeof pairs - size, "%.*s:%.*s ", (int)one.size,
                       (const char *)one.data, (int)two.size, (const char *)two.data);
    }
    assert_string_equal(pairs, expected);
}

static void who_was_entered_twice_is_listed_while_both_stand(void **state)
{
    struct county *county = *state;
    const char *day = "1940-01-01";
    assert_int_equal(born(county, TOWN, "王五", VILLAGE_TEXT, day, "", "", "no"), OK);
    const char *first = told_id(county);
    assert_int_equal(born(county, TOWN, "赵六", VILLAGE_TEXT, day, "", "", "no"), OK);
    assert_doubles(county, TOWN, NO_ARGS, "");
    assert_int_equal(born(county, TOWN, "王 五", OTHER_VILLAGE_TEXT, day, "", "", "yes"),
                     OK);
    const char *second = told_id(county);
    assert_doubles(county, TOWN, NO_ARGS, "王五:name-and-birth ");
    assert_doubles(county, TOWN, ARGS({"division", VILLAGE_TEXT}),
                   "王五:name-and-birth ");
    assert_doubles(county, TOWN, ARGS({"division", OTHER_VILLAGE_TEXT}),
                   "王五:name-and-birth ");
    /* Whoever became alike by an edit is found, and whoever is told apart by one is not. */
    assert_int_equal(
        tell(county, TOWN, "person.set", ARGS({"id", second}, {"birth", "1941-05-05"})),
        OK);
    assert_doubles(county, TOWN, NO_ARGS, "");
    assert_int_equal(tell(county, TOWN, "person.set",
                          ARGS({"id", second}, {"birth", day}, {"anyway", "yes"})),
                     OK);
    assert_doubles(county, TOWN, NO_ARGS, "王五:name-and-birth ");
    assert_int_equal(
        tell(county, TOWN, "person.set", ARGS({"id", second}, {"status", "moved"})), OK);
    assert_doubles(county, TOWN, NO_ARGS, "");
    assert_int_equal(
        tell(county, TOWN, "person.set", ARGS({"id", second}, {"status", ""})), OK);
    assert_int_equal(
        tell(county, TOWN, "person.void", ARGS({"id", first}, {"reason", "重复"})), OK);
    assert_doubles(county, TOWN, NO_ARGS, "");
}

static void one_identity_number_in_two_townships_is_listed_at_the_hub(void **state)
{
    struct county *county = *state;
    const char *number = "330102194001011231", *other = "330102194001011258";
    county_link(county, TOWN, HUB, true);
    assert_int_equal(
        born(county, TOWN, "王五", VILLAGE_TEXT, "1940-01-01", number, "", "no"), OK);
    assert_int_equal(
        born(county, HUB, "王武", FAR_VILLAGE_TEXT, "1940-01-01", number, "", "yes"), OK);
    assert_int_equal(
        born(county, HUB, "王五", FAR_VILLAGE_TEXT, "1940-01-01", other, "", "yes"), OK);
    county_link(county, TOWN, HUB, true);
    struct slice row;
    assert_int_equal(ask(county, HUB, "person.doubles", NO_ARGS), OK);
    assert_int_equal(count_of(county, "doubles"), 1);
    row = element(county, "doubles", 0);
    assert_text(row, "same", "id-number");
    assert_doubles(county, TOWN, NO_ARGS, "");
}

static void person_alone(struct county *county, const char *id, const char *name,
                         size_t merged)
{
    assert_int_equal(ask(county, TOWN, "person.show", ARGS({"id", id})), OK);
    struct slice record = part(buffer_slice(&county->data), "record");
    assert_text(record, "name", name);
    struct slice list = part(record, "same_as");
    size_t count = 0;
    assert_true(codec_take_array(&list, &count));
    assert_int_equal(count, merged);
}

static size_t how_many(struct county *county, const char *command, const struct arg *args,
                       const char *key)
{
    assert_int_equal(ask(county, TOWN, command, args), OK);
    return count_of(county, key);
}

static void merged_persons_are_one_until_it_is_taken_back(void **state)
{
    struct county *county = *state;
    const char *day = "1940-01-01";
    assert_int_equal(born(county, TOWN, "王五", VILLAGE_TEXT, day, "", "", "no"), OK);
    const char *first = told_id(county);
    assert_int_equal(born(county, TOWN, "王五", OTHER_VILLAGE_TEXT, day, "", "", "yes"),
                     OK);
    const char *second = told_id(county);
    assert_int_equal(visit_of(county, first, "2026-05-31 14:05", "home", "met", "no"),
                     OK);
    assert_int_equal(visit_of(county, second, "2026-05-30 14:05", "home", "met", "no"),
                     OK);
    assert_int_equal(how_many(county, "person.list", NO_ARGS, "records"), 2);
    assert_doubles(county, TOWN, NO_ARGS, "王五:name-and-birth ");

    assert_int_equal(
        tell(county, TOWN, "person.merge", ARGS({"id", second}, {"other", first})), OK);
    person_alone(county, first, "王五", 1);
    person_alone(county, second, "王五", 1);
    assert_doubles(county, TOWN, NO_ARGS, "");
    assert_int_equal(how_many(county, "person.list", NO_ARGS, "records"), 1);
    assert_int_equal(how_many(county, "visit.list", ARGS({"person", first}), "records"),
                     2);
    assert_int_equal(how_many(county, "visit.list", ARGS({"person", second}), "records"),
                     2);
    assert_int_equal(how_many(county, "visit.due", ARGS({"within", "400"}), "due"), 1);
    assert_int_equal(
        tell(county, TOWN, "person.merge", ARGS({"id", first}, {"other", second})),
        ERR_MERGED);
    /* Where they lived in two villages, that is a conflict, and is resolved as any other. */
    assert_int_equal(how_many(county, "conflict.list", NO_ARGS, "conflicts"), 2);
    assert_int_equal(
        tell(county, TOWN, "conflict.resolve", ARGS({"id", second}, {"keep", "shown"})),
        OK);
    assert_int_equal(how_many(county, "conflict.list", NO_ARGS, "conflicts"), 0);
    assert_int_equal(
        tell(county, TOWN, "person.set", ARGS({"id", second}, {"name", "王武"})), OK);
    person_alone(county, first, "王武", 1);
    /* A visit is entered under either id. */
    assert_int_equal(visit_of(county, second, "2026-05-29 14:05", "home", "met", "no"),
                     OK);
    assert_int_equal(how_many(county, "visit.list", ARGS({"person", first}), "records"),
                     3);

    assert_int_equal(
        tell(county, TOWN, "person.unmerge", ARGS({"id", first}, {"other", second})), OK);
    person_alone(county, first, "王武", 0);
    person_alone(county, second, "王五", 0);
    assert_int_equal(how_many(county, "person.list", NO_ARGS, "records"), 2);
    assert_int_equal(how_many(county, "visit.due", ARGS({"within", "400"}), "due"), 2);
    assert_int_equal(how_many(county, "visit.list", ARGS({"person", second}), "records"),
                     1);
    assert_int_equal(how_many(county, "conflict.list", NO_ARGS, "conflicts"), 0);
    assert_int_equal(
        tell(county, TOWN, "person.unmerge", ARGS({"id", first}, {"other", second})),
        ERR_NOT_MERGED);
    assert_int_equal(
        tell(county, TOWN, "person.merge", ARGS({"id", first}, {"other", first})),
        ERR_MERGED);
    assert_int_equal(
        tell(county, TOWN, "person.set", ARGS({"id", first}, {"same_as", second})),
        ERR_BY_STEP);
}

static void of_three_who_are_one_any_can_be_taken_out(void **state)
{
    struct county *county = *state;
    const char *ids[3];
    for (size_t i = 0; i < 3; i++) {
        static const char *const names[] = {"王五", "赵六", "孙七"};
        ids[i] = add_person(county, names[i]);
    }
    assert_int_equal(
        tell(county, TOWN, "person.merge", ARGS({"id", ids[1]}, {"other", ids[2]})), OK);
    assert_int_equal(
        tell(county, TOWN, "person.merge", ARGS({"id", ids[2]}, {"other", ids[0]})), OK);
    assert_int_equal(how_many(county, "person.list", NO_ARGS, "records"), 1);
    assert_int_equal(
        tell(county, TOWN, "person.unmerge", ARGS({"id", ids[2]}, {"other", ids[0]})),
        OK);
    assert_int_equal(how_many(county, "person.list", NO_ARGS, "records"), 2);
    person_alone(county, ids[1], "孙七", 1);
    /* Whoever is taken out leaves the others merged. */
    assert_int_equal(
        tell(county, TOWN, "person.void", ARGS({"id", ids[0]}, {"reason", "重复"})), OK);
    person_alone(county, ids[2], "孙七", 1);
}

static void a_visit_to_come_is_asked_about_and_counts_when_it_is_due(void **state)
{
    struct county *county = *state;
    const char *id = add_person(county, "张三");
    assert_int_equal(visit_of(county, id, "2062-05-31 14:05", "home", "met", "no"),
                     ERR_TO_COME);
    assert_string_equal(county->subject, "when");
    assert_int_equal(visit_of(county, id, "2026-06-02 14:05", "home", "met", "yes"), OK);
    const char *visit = told_id(county);
    bool counts = true;
    struct slice value = part(show(county, "visit.show", visit), "counts");
    assert_true(codec_take_bool(&value, &counts));
    assert_false(counts);
    county->now_ms += UINT64_C(24) * 60 * 60 * 1000;
    value = part(show(county, "visit.show", visit), "counts");
    assert_true(codec_take_bool(&value, &counts));
    assert_true(counts);
}

static void a_clock_that_is_not_set_calls_nothing_a_time_to_come(void **state)
{
    struct county *county = *state;
    const char *id = add_person(county, "张三");
    county->now_ms = 1000;
    assert_int_equal(visit_of(county, id, "2026-05-31 14:05", "home", "met", "no"), OK);
    bool counts = false;
    struct slice value = part(show(county, "visit.show", told_id(county)), "counts");
    assert_true(codec_take_bool(&value, &counts));
    assert_true(counts);
    assert_int_equal(
        tell(county, TOWN, "person.set", ARGS({"id", id}, {"birth", "1940-01-01"})), OK);
}

static void a_visit_before_the_persons_birth_is_told(void **state)
{
    struct county *county = *state;
    const char *id = add_person(county, "张三");
    assert_int_equal(
        tell(county, TOWN, "person.set", ARGS({"id", id}, {"birth", "1950-03-01"})), OK);
    assert_int_equal(visit_of(county, id, "1926-05-31 14:05", "home", "met", "no"),
                     ERR_BEFORE_BIRTH);
    assert_string_equal(county->subject, "when");
    assert_int_equal(visit_of(county, id, "1926-05-31 14:05", "home", "met", "yes"), OK);
}

static void a_birth_that_can_hardly_be_is_asked_about(void **state)
{
    struct county *county = *state;
    assert_refused(
        county, ERR_TO_COME, "person.add",
        ARGS({"name", "张三"}, {"village", VILLAGE_TEXT}, {"birth", "2099-01-01"}),
        "birth");
    assert_refused(
        county, ERR_TOO_OLD, "person.add",
        ARGS({"name", "张三"}, {"village", VILLAGE_TEXT}, {"birth", "1826-05-11"}),
        "birth");
    assert_int_equal(tell(county, TOWN, "person.add",
                          ARGS({"name", "张三"}, {"village", VILLAGE_TEXT},
                               {"birth", "1826-05-11"}, {"anyway", "yes"})),
                     OK);
    const char *id = told_id(county);
    /* What was insisted on is not asked about at every other change. */
    assert_int_equal(tell(county, TOWN, "person.set", ARGS({"id", id}, {"tier", "key"})),
                     OK);
    assert_refused(county, ERR_TO_COME, "person.set",
                   ARGS({"id", id}, {"birth", "2099-01-01"}), "birth");
}

static void an_identity_number_agrees_with_birth_and_sex(void **state)
{
    struct county *county = *state;
    const char *number = "331123194501020129"; /* a woman's, of 1945-01-02 */
    assert_refused(county, ERR_ID_NUMBER_BIRTH, "person.add",
                   ARGS({"name", "王五"}, {"village", VILLAGE_TEXT},
                        {"birth", "1954-01-02"}, {"id_number", number}),
                   "id_number");
    assert_refused(county, ERR_ID_NUMBER_SEX, "person.add",
                   ARGS({"name", "王五"}, {"village", VILLAGE_TEXT}, {"sex", "male"},
                        {"id_number", number}),
                   "id_number");
    assert_int_equal(
        tell(county, TOWN, "person.add",
             ARGS({"name", "王五"}, {"village", VILLAGE_TEXT}, {"sex", "female"},
                  {"birth", "1945-01-02"}, {"id_number", number})),
        OK);
    const char *id = told_id(county);
    /* The number that is sealed already counts as well. */
    assert_refused(county, ERR_ID_NUMBER_BIRTH, "person.set",
                   ARGS({"id", id}, {"birth", "1954-01-02"}), "id_number");
    assert_int_equal(tell(county, TOWN, "person.set",
                          ARGS({"id", id}, {"birth", "1954-01-02"}, {"anyway", "yes"})),
                     OK);
}

/* ---- steps ---- */

static void what_a_step_needs_is_not_given_by_an_empty_text(void **state)
{
    struct county *county = *state;
    const char *person = add_person(county, "张三");
    assert_int_equal(
        tell(county, TOWN, "order.add", ARGS({"person", person}, {"kind", "meals"})), OK);
    const char *order = told_id(county);
    assert_refused(county, ERR_FIELD_MISSING, "order.assign",
                   ARGS({"id", order}, {"volunteer", ""}), "volunteer");
    assert_refused(county, ERR_FIELD_MISSING, "order.cancel",
                   ARGS({"id", order}, {"words", ""}), "words");
    assert_int_equal(
        tell(county, TOWN, "order.cancel", ARGS({"id", order}, {"words", "老人外出"})),
        OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_person_is_entered_with_everything),
        TEST(every_bad_field_is_refused_by_its_name),
        TEST(a_township_without_a_key_here_is_refused),
        TEST(sets_change_by_what_is_added_and_removed),
        TEST(an_empty_value_takes_every_element_out_of_a_set),
        TEST(a_person_stays_in_its_township),
        TEST(an_external_key_that_comes_again_is_known),
        TEST(an_external_key_of_a_visit_is_known_too),
        TEST(an_identity_number_belongs_to_one_living_person),
        TEST(an_id_may_be_short_but_must_fit_one),
        TEST(method_and_outcome_must_agree),
        TEST(one_event_entered_twice_is_asked_about),
        TEST(one_event_is_looked_for_among_the_newest_sixteen_rows),
        TEST(a_visit_after_the_persons_death_is_told),
        TEST(somebody_of_one_name_and_birth_is_asked_about),
        TEST(who_was_entered_twice_is_listed_while_both_stand),
        TEST(merged_persons_are_one_until_it_is_taken_back),
        TEST(of_three_who_are_one_any_can_be_taken_out),
        TEST(one_identity_number_in_two_townships_is_listed_at_the_hub),
        TEST(a_visit_to_come_is_asked_about_and_counts_when_it_is_due),
        TEST(a_clock_that_is_not_set_calls_nothing_a_time_to_come),
        TEST(a_visit_before_the_persons_birth_is_told),
        TEST(a_birth_that_can_hardly_be_is_asked_about),
        TEST(an_identity_number_agrees_with_birth_and_sex),
        TEST(a_name_that_only_one_has_names_them),
        TEST(a_name_means_its_person_however_it_was_typed),
        TEST(a_village_may_be_given_by_a_name_that_only_one_has),
        TEST(a_visit_lies_where_its_person_lies),
        TEST(an_amended_visit_keeps_what_was_not_given),
        TEST(a_void_needs_a_reason_and_happens_once),
        TEST(a_voided_person_leaves_the_list_and_their_visits_stay),
        TEST(an_amendment_without_a_field_is_refused),
        TEST(what_a_step_needs_is_not_given_by_an_empty_text),
        TEST(only_what_writes_records_is_meant),
        TEST(arguments_of_other_types_are_refused),
    };
    return cmocka_run_group_tests_name("change", tests, NULL, NULL);
}
