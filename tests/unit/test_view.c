#define _XOPEN_SOURCE 700 /* nftw in the fixture */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/stat.h>

#include <cmocka.h>

#include "tests/unit/world_fixture.h"

static struct record_view person_at(struct world *world, struct entry_id id)
{
    struct record_view record;
    assert_true(view_record(world->txn, schema_register(REGISTER_PERSON), TOWNSHIP, NULL,
                            &id, &world->arena, &record));
    return record;
}

static struct record_view visit_at(struct world *world, struct entry_id person,
                                   struct entry_id id)
{
    struct record_view record;
    assert_true(view_record(world->txn, schema_register(REGISTER_VISIT), TOWNSHIP,
                            &person, &id, &world->arena, &record));
    return record;
}

/* The versions of a field as people see them, "a|b|" in their order. */
static void assert_shows(const struct record_view *record, uint8_t field,
                         const char *expected)
{
    const struct field_view *view = &record->fields[field];
    struct buffer text;
    buffer_init(&text, 4096);
    for (size_t i = 0; i < view->count; i++) {
        field_format(view->field, view->versions[i].value, false, &text);
        buffer_put_u8(&text, '|');
    }
    buffer_put_u8(&text, 0);
    assert_string_equal((const char *)text.data, expected);
    buffer_deinit(&text);
}

static struct entry_id anna(struct world *world)
{
    return show(world, WRITE_CREATE(id_at(1, 1), 100, REGISTER_PERSON,
                                    {.field = PERSON_NAME, .text = "叶秀兰"},
                                    {.field = PERSON_VILLAGE, .text = "331121104234"},
                                    {.field = PERSON_TIER, .text = "key"},
                                    {.field = PERSON_PHONES, .text = "138,139"}));
}

static struct slice naming(struct world *world, size_t slot, struct entry_id id)
{
    return ids_replaced(&world->replaced[slot], &id, 1);
}

static void a_person_reads_as_it_was_created(void **state)
{
    struct world *world = *state;
    struct record_view record = person_at(world, anna(world));
    assert_true(record.known);
    assert_false(record.voided);
    assert_int_equal(record.created_ms, 100);
    assert_int_equal(record.created_by, 1);
    assert_shows(&record, PERSON_NAME, "叶秀兰|");
    assert_shows(&record, PERSON_PHONES, "138|139|");
    assert_shows(&record, PERSON_ADDRESS, "");
    assert_int_equal(view_value(&record, PERSON_ADDRESS).size, 0);
}

static void an_edit_shows_at_once_and_others_stay(void **state)
{
    struct world *world = *state;
    struct entry_id id = anna(world);
    show(world,
         WRITE_EDIT(
             id_at(2, 1), 200, &id,
             {.field = PERSON_NAME, .text = "叶秀蓝", .replaced = naming(world, 0, id)},
             {.field = PERSON_ADDRESS, .text = "村口第三家"}));
    struct record_view record = person_at(world, id);
    assert_shows(&record, PERSON_NAME, "叶秀蓝|");
    assert_shows(&record, PERSON_ADDRESS, "村口第三家|");
    assert_shows(&record, PERSON_TIER, "key|");
    assert_int_equal(record.created_ms, 100);
}

static void a_conflict_of_tiers_displays_the_higher_whoever_was_later(void **state)
{
    struct world *world = *state;
    struct entry_id id = anna(world);
    show(world,
         WRITE_EDIT(
             id_at(2, 1), 200, &id,
             {.field = PERSON_TIER, .text = "high", .replaced = naming(world, 0, id)}));
    show(world, WRITE_EDIT(id_at(3, 1), 900, &id,
                           {.field = PERSON_TIER,
                            .text = "general",
                            .replaced = naming(world, 0, id)}));
    struct record_view record = person_at(world, id);
    assert_shows(&record, PERSON_TIER, "high|general|");
    assert_int_equal(view_choice(&record, PERSON_TIER), TIER_HIGH);
}

static void a_conflict_of_status_displays_the_one_that_keeps_visits_due(void **state)
{
    struct world *world = *state;
    struct entry_id id = anna(world);
    static const char *const texts[] = {"deceased", "enrolled", "moved"};
    for (uint32_t i = 0; i < ARRAY_SIZE(texts); i++)
        show(world, WRITE_EDIT(id_at(2 + i, 1), 200 + i, &id,
                               {.field = PERSON_STATUS, .text = texts[i]}));
    struct record_view record = person_at(world, id);
    assert_shows(&record, PERSON_STATUS, "enrolled|moved|deceased|");
    assert_int_equal(view_choice(&record, PERSON_STATUS), PERSON_ENROLLED);
}

static void the_displayed_consent_is_the_last_of_its_log(void **state)
{
    struct world *world = *state;
    struct entry_id id = anna(world);
    show(world, WRITE_EDIT(id_at(2, 1), 300, &id,
                           {.field = PERSON_CONSENT, .text = "withdrawn"}));
    show(world,
         WRITE_EDIT(id_at(3, 1), 200, &id, {.field = PERSON_CONSENT, .text = "given"}));
    struct record_view record = person_at(world, id);
    assert_shows(&record, PERSON_CONSENT, "given|withdrawn|");
    assert_int_equal(view_choice(&record, PERSON_CONSENT), 2);
}

static void edits_of_what_is_written_once_change_nothing(void **state)
{
    struct world *world = *state;
    struct entry_id id =
        show(world, WRITE_CREATE(id_at(1, 5), 100, REGISTER_OPERATOR,
                                 {.field = OPERATOR_NUMBER, .text = "3"},
                                 {.field = OPERATOR_ACCOUNT, .text = "ye"}));
    struct operation_value value = {.field = OPERATOR_ACCOUNT,
                                    .value = slice_of("\xa3sun", 4),
                                    .replaced = naming(world, 0, id)};
    struct written edit = {.id = id_at(1, 6), .realm = TOWNSHIP};
    struct buffer plaintext;
    buffer_init(&plaintext, 512);
    operation_encode_edit(&plaintext, 200, 1, schema_register(REGISTER_OPERATOR), &id,
                          &id, &value, 1);
    written_keep(&edit, &plaintext);
    show(world, edit);
    struct record_view record;
    assert_true(view_record(world->txn, schema_register(REGISTER_OPERATOR), TOWNSHIP,
                            NULL, &id, &world->arena, &record));
    assert_shows(&record, OPERATOR_ACCOUNT, "ye|");
}

static void a_record_is_shown_before_its_creation_arrives(void **state)
{
    struct world *world = *state;
    struct entry_id id = id_at(1, 1);
    show(world,
         WRITE_EDIT(
             id_at(2, 1), 200, &id,
             {.field = PERSON_NAME, .text = "叶秀蓝", .replaced = naming(world, 0, id)}));
    struct record_view record = person_at(world, id);
    assert_false(record.known);
    assert_shows(&record, PERSON_NAME, "叶秀蓝|");
    anna(world);
    record = person_at(world, id);
    assert_true(record.known);
    assert_shows(&record, PERSON_NAME, "叶秀蓝|"); /* replaced what came after it */
}

static void a_voided_person_stays_readable(void **state)
{
    struct world *world = *state;
    struct entry_id id = anna(world);
    show(world, write_void(id_at(2, 2), 300, REGISTER_PERSON, &id, &id, "重复"));
    show(world, write_void(id_at(3, 2), 200, REGISTER_PERSON, &id, &id, "录错"));
    struct record_view record = person_at(world, id);
    assert_true(record.voided);
    assert_true(slice_equal(record.void_reason, slice_text("重复")));
    assert_shows(&record, PERSON_NAME, "叶秀兰|");
}

static void a_person_is_not_found_in_another_realm(void **state)
{
    struct world *world = *state;
    struct entry_id id = anna(world);
    struct record_view record;
    assert_false(view_record(world->txn, schema_register(REGISTER_PERSON), OTHER_TOWNSHIP,
                             NULL, &id, &world->arena, &record));
    struct entry_id nobody = id_at(1, 2);
    assert_false(view_record(world->txn, schema_register(REGISTER_PERSON), TOWNSHIP, NULL,
                             &nobody, &world->arena, &record));
}

/* ---- visits ---- */

static void only_met_and_answered_calls_count_as_visited(void **state)
{
    struct world *world = *state;
    struct entry_id person = anna(world);
    static const struct {
        const char *method, *outcome;
        bool counts;
    } cases[] = {
        {"home", "met", true},       {"home", "absent", false},
        {"home", "refused", false},  {"home", "hospital", false},
        {"home", "away", false},     {"home", "answered", false},
        {"phone", "answered", true}, {"video", "answered", true},
        {"phone", "absent", false},  {"video", "met", true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct entry_id id = show(world, visit(id_at(2, i + 1), &person, cases[i].method,
                                               cases[i].outcome, NULL));
        struct record_view record = visit_at(world, person, id);
        assert_int_equal(visit_counts(&record, INT64_MAX), cases[i].counts);
    }
    struct record_list list;
    view_chain(world->txn, schema_register(REGISTER_VISIT), TOWNSHIP, &person,
               &world->arena, &list);
    assert_int_equal(list.count, ARRAY_SIZE(cases));
    for (size_t i = 0; i < list.count; i++)
        assert_int_equal(entry_id_seq(&list.records[i].id), i + 1);
}

static void an_amended_visit_no_longer_counts_and_names_its_successor(void **state)
{
    struct world *world = *state;
    struct entry_id person = anna(world);
    struct entry_id old = show(world, visit(id_at(2, 1), &person, "home", "met", NULL));
    struct entry_id new =
        show(world, visit(id_at(2, 2), &person, "home", "absent", &old));
    struct record_view record = visit_at(world, person, old);
    assert_int_equal(record.amended_count, 1);
    assert_int_equal(entry_id_compare(&record.amended_by[0], &new), 0);
    assert_false(visit_counts(&record, INT64_MAX));
    record = visit_at(world, person, new);
    assert_int_equal(record.amended_count, 0);
}

static void two_corrections_of_one_visit_are_a_conflict(void **state)
{
    struct world *world = *state;
    struct entry_id person = anna(world);
    struct entry_id old = show(world, visit(id_at(2, 1), &person, "home", "met", NULL));
    show(world, visit(id_at(4, 1), &person, "phone", "answered", &old));
    show(world, visit(id_at(3, 1), &person, "home", "absent", &old));
    struct record_view record = visit_at(world, person, old);
    assert_int_equal(record.amended_count, 2);
    assert_int_equal(entry_id_log(&record.amended_by[0]).node, 3);
    assert_int_equal(entry_id_log(&record.amended_by[1]).node, 4);
}

/* A void that restores, unlike a plain one. */
static struct written undo(struct entry_id id, uint64_t stamp_ms,
                           const struct entry_id *person, const struct entry_id *target)
{
    struct written written = {.id = id, .realm = TOWNSHIP};
    struct buffer plaintext;
    buffer_init(&plaintext, 4096);
    operation_encode_void(&plaintext, stamp_ms, 1, schema_register(REGISTER_VISIT),
                          person, target, slice_text("x"), true);
    written_keep(&written, &plaintext);
    return written;
}

static void voiding_a_correction_takes_out_what_it_corrected_too(void **state)
{
    struct world *world = *state;
    struct entry_id person = anna(world);
    struct entry_id first = show(world, visit(id_at(2, 1), &person, "home", "met", NULL));
    struct entry_id second =
        show(world, visit(id_at(2, 2), &person, "home", "met", &first));
    show(world, write_void(id_at(2, 3), 10, REGISTER_VISIT, &person, &second, "x"));
    struct record_view record = visit_at(world, person, first);
    assert_false(visit_counts(&record, INT64_MAX));
    record = visit_at(world, person, second);
    assert_false(visit_counts(&record, INT64_MAX));
}

static void undoing_a_correction_brings_back_what_it_corrected(void **state)
{
    struct world *world = *state;
    struct entry_id person = anna(world);
    struct entry_id first = show(world, visit(id_at(2, 1), &person, "home", "met", NULL));
    struct entry_id second =
        show(world, visit(id_at(2, 2), &person, "home", "met", &first));
    show(world, undo(id_at(2, 3), 10, &person, &second));
    struct record_view record = visit_at(world, person, first);
    assert_true(visit_counts(&record, INT64_MAX));
    record = visit_at(world, person, second);
    assert_false(visit_counts(&record, INT64_MAX));
    /* Of several voids the latest says whether it is undone, in whatever order they came. */
    show(world, write_void(id_at(4, 1), 9, REGISTER_VISIT, &person, &second, "y"));
    record = visit_at(world, person, first);
    assert_true(visit_counts(&record, INT64_MAX));
    show(world, write_void(id_at(4, 2), 11, REGISTER_VISIT, &person, &second, "z"));
    record = visit_at(world, person, first);
    assert_false(visit_counts(&record, INT64_MAX));
    show(world, undo(id_at(4, 3), 12, &person, &second));
    record = visit_at(world, person, first);
    assert_true(visit_counts(&record, INT64_MAX));
    /* Corrected in the meantime by someone who had not heard: that one holds. */
    struct entry_id third =
        show(world, visit(id_at(3, 4), &person, "home", "met", &second));
    record = visit_at(world, person, first);
    assert_false(visit_counts(&record, INT64_MAX));
    record = visit_at(world, person, second);
    assert_false(visit_counts(&record, INT64_MAX));
    record = visit_at(world, person, third);
    assert_true(visit_counts(&record, INT64_MAX));
}

static void visits_that_amend_each_other_in_a_circle_end(void **state)
{
    struct world *world = *state;
    struct entry_id person = anna(world);
    struct entry_id a = id_at(2, 1), b = id_at(2, 2), c = id_at(2, 3);
    show(world, visit(a, &person, "home", "met", &b));
    show(world, visit(b, &person, "home", "met", &a));
    show(world, visit(c, &person, "home", "met", &c)); /* itself: says nothing */
    struct record_view record = visit_at(world, person, a);
    assert_false(visit_counts(&record, INT64_MAX));
    record = visit_at(world, person, b);
    assert_false(visit_counts(&record, INT64_MAX));
    record = visit_at(world, person, c);
    assert_true(visit_counts(&record, INT64_MAX));
}

static void a_void_before_its_visit_is_kept_for_it(void **state)
{
    struct world *world = *state;
    struct entry_id person = anna(world), id = id_at(2, 1);
    show(world, write_void(id_at(3, 1), 10, REGISTER_VISIT, &person, &id, "录错人"));
    struct record_view record = visit_at(world, person, id);
    assert_false(record.known);
    assert_true(record.voided);
    show(world, visit(id, &person, "home", "met", NULL));
    record = visit_at(world, person, id);
    assert_true(record.known);
    assert_true(record.voided);
    assert_false(visit_counts(&record, INT64_MAX));
}

static void records_encode_as_what_the_codec_takes(void **state)
{
    struct world *world = *state;
    struct buffer encoded;
    size_t count;
    buffer_init(&encoded, 4096);
    struct record_view record = person_at(world, anna(world));
    view_encode(&record, &encoded);
    assert_true(codec_check(buffer_slice(&encoded)));
    struct slice in = buffer_slice(&encoded);
    assert_true(codec_take_array(&in, &count));
    assert_int_equal(count, 10);
    buffer_deinit(&encoded);
}

static void the_digest_sees_every_change_and_only_its_realm(void **state)
{
    struct world *world = *state;
    struct hash digests[5], other;
    uint64_t records;
    view_digest(world->txn, TOWNSHIP, &salt, &digests[0], &records);
    assert_int_equal(records, 0);
    struct entry_id person = anna(world);
    view_digest(world->txn, TOWNSHIP, &salt, &digests[1], &records);
    assert_int_equal(records, 1);
    show(world, visit(id_at(2, 1), &person, "home", "met", NULL));
    view_digest(world->txn, TOWNSHIP, &salt, &digests[2], &records);
    assert_int_equal(records, 2);
    show(world, WRITE_EDIT(id_at(2, 2), 9, &person, {.field = PERSON_NOTE, .text = "x"}));
    view_digest(world->txn, TOWNSHIP, &salt, &digests[3], &records);
    show(world, WRITE_CREATE(id_at(2, 3), 9, REGISTER_OPERATOR,
                             {.field = OPERATOR_NUMBER, .text = "3"},
                             {.field = OPERATOR_ACCOUNT, .text = "ye"}));
    view_digest(world->txn, TOWNSHIP, &salt, &digests[4], &records);
    assert_int_equal(records, 3);
    for (size_t i = 0; i < ARRAY_SIZE(digests); i++) {
        for (size_t k = 0; k < i; k++)
            assert_false(hash_equal(&digests[i], &digests[k]));
    }
    view_digest(world->txn, OTHER_TOWNSHIP, &salt, &other, &records);
    assert_true(hash_equal(&other, &digests[0]));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_person_reads_as_it_was_created),
        TEST(an_edit_shows_at_once_and_others_stay),
        TEST(a_conflict_of_tiers_displays_the_higher_whoever_was_later),
        TEST(a_conflict_of_status_displays_the_one_that_keeps_visits_due),
        TEST(the_displayed_consent_is_the_last_of_its_log),
        TEST(edits_of_what_is_written_once_change_nothing),
        TEST(a_record_is_shown_before_its_creation_arrives),
        TEST(a_voided_person_stays_readable),
        TEST(a_person_is_not_found_in_another_realm),
        TEST(only_met_and_answered_calls_count_as_visited),
        TEST(an_amended_visit_no_longer_counts_and_names_its_successor),
        TEST(two_corrections_of_one_visit_are_a_conflict),
        TEST(voiding_a_correction_takes_out_what_it_corrected_too),
        TEST(undoing_a_correction_brings_back_what_it_corrected),
        TEST(visits_that_amend_each_other_in_a_circle_end),
        TEST(a_void_before_its_visit_is_kept_for_it),
        TEST(records_encode_as_what_the_codec_takes),
        TEST(the_digest_sees_every_change_and_only_its_realm),
    };
    return cmocka_run_group_tests_name("view", tests, NULL, NULL);
}
