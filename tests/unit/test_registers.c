/* The table of registers as a table: whatever register is added, it must say enough to be
 * entered, shown and listed; and edits in a chain of several records. */
#define _XOPEN_SOURCE 700 /* nftw in the fixture */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/stat.h>

#include <cmocka.h>

#include "tests/registers/schema_table.c" /* NOLINT(bugprone-suspicious-include) */
#include "tests/unit/world_fixture.h"

static void every_register_says_what_its_verbs_need(void **state)
{
    const struct schema_register *reg;
    (void)state;
    for (size_t i = 0; (reg = schema_register_at(i)) != NULL; i++) {
        const struct schema_register *subject = schema_subject(reg);
        assert_ptr_equal(schema_register(reg->id), reg);
        assert_true(reg->field_count > 0 && reg->field_count <= FIELDS_MAX);
        bool searched = false;
        for (size_t f = 0; f < reg->field_count; f++) {
            const struct field *field = &reg->fields[f];
            assert_int_equal(field->id, f);
            assert_int_equal(field->type == FIELD_RECORD, field->names != 0);
            if (field->names != 0)
                assert_non_null(schema_register(field->names));
            assert_int_equal(field->type == FIELD_CHOICE, field->choices != NULL);
            if (field->search == SEARCH_WHOLE)
                assert_int_equal(field->type, FIELD_SEALED);
            searched |= field->search != SEARCH_NONE;
        }
        if (reg->subject_field != FIELD_NONE) {
            assert_non_null(subject);
            /* Chains do not nest. */
            assert_int_equal(subject->subject_field, FIELD_NONE);
            assert_int_equal(reg->fields[reg->subject_field].rule, MERGE_ONCE);
            assert_true(reg->fields[reg->subject_field].required);
        }
        if (reg->place_field != FIELD_NONE)
            assert_int_equal(reg->fields[reg->place_field].type, FIELD_DIVISION);
        if (reg->name_field != FIELD_NONE)
            assert_int_equal(reg->fields[reg->name_field].type, FIELD_TEXT);
        if (reg->date_field != FIELD_NONE)
            assert_true(reg->fields[reg->date_field].type == FIELD_DATE ||
                        reg->fields[reg->date_field].type == FIELD_MOMENT);
        if (schema_has_verb(reg, VERB_AMEND)) {
            assert_int_not_equal(reg->amends_field, FIELD_NONE);
            assert_int_equal(reg->fields[reg->amends_field].names, reg->id);
        }
        assert_int_equal(schema_has_verb(reg, VERB_FIND) && !searched, 0);
    }
}

static void assert_shows(const struct record_view *record, uint8_t field,
                         const char *expected)
{
    struct buffer out;
    buffer_init(&out, 64);
    field_format(&record->reg->fields[field], view_value(record, field), false, &out);
    buffer_put_u8(&out, 0);
    assert_string_equal((const char *)out.data, expected);
    buffer_deinit(&out);
}

static struct slice ids_of(struct buffer *out, const struct entry_id *id)
{
    buffer_clear(out);
    codec_put_array(out, 1);
    codec_put_id(out, id);
    return buffer_slice(out);
}

/* [1, register, subject, [field, [], value]]: an edit that names only the chain. */
static struct written edit_of_nobody(const struct entry_id *subject)
{
    struct written written = {.id = id_at(4, 1), .realm = TOWNSHIP};
    struct buffer out;
    buffer_init(&out, 256);
    buffer_put_u8(&out, CODEC_PLAIN);
    codec_put_array(&out, 3);
    codec_put_uint(&out, 400); /* stamp */
    codec_put_uint(&out, 1);   /* actor */
    codec_put_array(&out, 4);
    codec_put_uint(&out, OPERATION_EDIT);
    codec_put_uint(&out, REGISTER_ERRAND);
    codec_put_id(&out, subject);
    codec_put_array(&out, 3);
    codec_put_uint(&out, ERRAND_STATE);
    codec_put_array(&out, 0);
    codec_put_uint(&out, 2);
    written_keep(&written, &out);
    return written;
}

static void an_edit_changes_only_the_record_it_names_in_every_order(void **state)
{
    static const size_t orders[][5] = {
        {0, 1, 2, 3, 4}, {4, 3, 2, 1, 0}, {2, 0, 4, 1, 3}, {3, 2, 0, 1, 4}};
    struct world *world = *state;
    struct entry_id person = id_at(1, 1), first = id_at(1, 2), second = id_at(2, 7);
    struct slice seen = ids_of(&world->replaced[0], &first);
    struct written all[] = {
        WRITE_CREATE(first, 100, REGISTER_ERRAND,
                     {.field = ERRAND_PERSON, .record = &person},
                     {.field = ERRAND_DUE, .text = "2026-06-01"},
                     {.field = ERRAND_GOODS, .text = "米、油"}),
        WRITE_CREATE(second, 110, REGISTER_ERRAND,
                     {.field = ERRAND_PERSON, .record = &person},
                     {.field = ERRAND_DUE, .text = "2026-06-09"}),
        write_fields(
            OPERATION_EDIT, id_at(3, 1), 200, REGISTER_ERRAND, &person, &first,
            &(struct typed){.field = ERRAND_DUE, .text = "2026-06-02", .replaced = seen},
            1),
        write_fields(OPERATION_EDIT, id_at(3, 2), 300, REGISTER_ERRAND, &person, &second,
                     &(struct typed){.field = ERRAND_STATE, .text = "open"}, 1),
        edit_of_nobody(&person),
    };
    for (size_t o = 0; o < ARRAY_SIZE(orders); o++) {
        struct record_list list;
        store_clear(world->txn, STORE_ROWS);
        store_clear(world->txn, STORE_CHAINS);
        for (size_t i = 0; i < ARRAY_SIZE(all); i++)
            show(world, all[orders[o][i]]);
        view_chain(world->txn, schema_register(REGISTER_ERRAND), TOWNSHIP, &person,
                   &world->arena, &list);
        assert_int_equal(list.count, 2);
        assert_int_equal(list.records[0].fields[ERRAND_DUE].count, 1);
        assert_shows(&list.records[0], ERRAND_DUE, "2026-06-02");
        assert_int_equal(list.records[0].fields[ERRAND_GOODS].count, 2);
        assert_int_equal(list.records[0].fields[ERRAND_STATE].count, 0);
        assert_shows(&list.records[1], ERRAND_DUE, "2026-06-09");
        assert_int_equal(view_choice(&list.records[1], ERRAND_STATE), 1);
    }
}

static void an_edit_decodes_with_and_without_the_record_it_names(void **state)
{
    struct entry_id person = id_at(1, 1), errand = id_at(1, 2);
    struct operation operation;
    struct written named =
        write_fields(OPERATION_EDIT, id_at(3, 2), 300, REGISTER_ERRAND, &person, &errand,
                     &(struct typed){.field = ERRAND_STATE, .text = "open"}, 1);
    struct written unnamed = edit_of_nobody(&person);
    (void)state;
    assert_int_equal(operation_decode(written_plaintext(&named), &operation), OK);
    assert_true(operation.has_target);
    assert_int_equal(entry_id_compare(&operation.target, &errand), 0);
    assert_int_equal(operation_decode(written_plaintext(&unnamed), &operation), OK);
    assert_false(operation.has_target);
    /* A target and no triple, and a target where a record is its own subject. */
    struct buffer out;
    for (int own = 0; own < 2; own++) {
        buffer_init(&out, 256);
        buffer_put_u8(&out, CODEC_PLAIN);
        codec_put_array(&out, 3);
        codec_put_uint(&out, 400);
        codec_put_uint(&out, 1);
        codec_put_array(&out, own ? 5 : 4);
        codec_put_uint(&out, OPERATION_EDIT);
        codec_put_uint(&out, own ? REGISTER_PERSON : REGISTER_ERRAND);
        codec_put_id(&out, &person);
        codec_put_id(&out, &person);
        if (own) {
            codec_put_array(&out, 3);
            codec_put_uint(&out, PERSON_NAME);
            codec_put_array(&out, 0);
            codec_put_cstring(&out, "王");
        }
        assert_int_equal(operation_decode(buffer_slice(&out), &operation), ERR_MALFORMED);
        buffer_deinit(&out);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_register_says_what_its_verbs_need),
        cmocka_unit_test(an_edit_decodes_with_and_without_the_record_it_names),
        TEST(an_edit_changes_only_the_record_it_names_in_every_order),
    };
    return cmocka_run_group_tests_name("registers", tests, NULL, NULL);
}
