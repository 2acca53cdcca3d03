#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "crdt/codec.h"
#include "crdt/operation.h"
#include "tests/typed_set.h"

#define STAMP_MS UINT64_C(1780246800000)

static const struct entry_id person_id = {{0, 0, 0, 7, 1, 2, 3, 0, 0, 0, 0, 9}};
static const struct entry_id other_id = {{0, 0, 0, 8, 1, 2, 3, 0, 0, 0, 0, 4}};

struct fixture {
    struct buffer plaintext;
    struct buffer values; /* encoded values live here */
};

static int setup(void **state)
{
    struct fixture *fixture = checked_malloc(sizeof *fixture);
    buffer_init(&fixture->plaintext, 65536);
    buffer_init(&fixture->values, 65536);
    /* Slices into it stay where they are. */
    fixture->values.data = checked_malloc(65536);
    fixture->values.capacity = 65536;
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    buffer_deinit(&fixture->plaintext);
    buffer_deinit(&fixture->values);
    free(fixture);
    return 0;
}

static struct operation_value parsed(struct fixture *fixture, uint8_t reg, uint8_t field,
                                     const char *typed)
{
    size_t before = fixture->values.size;
    const struct field *schema = schema_field(schema_register(reg), field);
    enum status status =
        schema->rule == MERGE_SET
            ? typed_set(schema, slice_text(typed), &fixture->values)
            : field_parse(schema, slice_text(typed), NULL, &fixture->values);
    assert_int_equal(status, OK);
    return (struct operation_value){
        .field = field,
        .value = slice_of(fixture->values.data + before, fixture->values.size - before)};
}

static struct operation_value person_value(struct fixture *fixture,
                                           const struct entry_id *id)
{
    size_t before = fixture->values.size;
    codec_put_bytes(&fixture->values, slice_of(id->bytes, ENTRY_ID_SIZE));
    return (struct operation_value){
        .field = VISIT_PERSON,
        .value = slice_of(fixture->values.data + before, fixture->values.size - before)};
}

static void encode_common_visit(struct fixture *fixture)
{
    const struct operation_value values[] = {
        parsed(fixture, REGISTER_VISIT, VISIT_NEEDS, "ok"),
        parsed(fixture, REGISTER_VISIT, VISIT_SAFETY, "ok"),
        parsed(fixture, REGISTER_VISIT, VISIT_SUPPORT, "ok"),
        parsed(fixture, REGISTER_VISIT, VISIT_FINANCES, "ok"),
        parsed(fixture, REGISTER_VISIT, VISIT_HEALTH, "ok"),
        parsed(fixture, REGISTER_VISIT, VISIT_MINUTES, "20"),
        parsed(fixture, REGISTER_VISIT, VISIT_OUTCOME, "met"),
        parsed(fixture, REGISTER_VISIT, VISIT_METHOD, "home"),
        parsed(fixture, REGISTER_VISIT, VISIT_WHEN, "2026-05-31 14:05"),
        person_value(fixture, &person_id),
    };
    operation_encode_create(&fixture->plaintext, STAMP_MS, 3,
                            schema_register(REGISTER_VISIT), values, ARRAY_SIZE(values));
}

static void a_visit_reads_back_as_it_was_written(void **state)
{
    struct fixture *fixture = *state;
    struct operation operation;
    struct slice value;
    uint8_t field;
    uint64_t number;
    encode_common_visit(fixture);
    assert_int_equal(operation_decode(buffer_slice(&fixture->plaintext), &operation), OK);
    assert_int_equal(operation.stamp_ms, STAMP_MS);
    assert_int_equal(operation.actor, 3);
    assert_int_equal(operation.kind, OPERATION_CREATE);
    assert_int_equal(operation.reg, REGISTER_VISIT);
    assert_false(operation.subject_is_self);
    assert_int_equal(entry_id_compare(&operation.subject, &person_id), 0);
    size_t fields = 0;
    for (; operation_next_field(&operation, &field, &value); fields++) {
        assert_int_equal(field, fields);
        if (field == VISIT_MINUTES) {
            assert_true(codec_take_uint(&value, &number));
            assert_int_equal(number, 20);
        }
    }
    assert_int_equal(fields, VISIT_NEEDS + 1);
}

static void a_common_visit_is_about_forty_bytes(void **state)
{
    struct fixture *fixture = *state;
    encode_common_visit(fixture);
    print_message("a visit with its five checks is %zu bytes\n", fixture->plaintext.size);
    assert_in_range(fixture->plaintext.size, 38, 45);
}

static void absent_fields_are_nil_and_cut_at_the_end(void **state)
{
    struct fixture *fixture = *state;
    const struct schema_register *person = schema_register(REGISTER_PERSON);
    const struct operation_value values[] = {
        parsed(fixture, REGISTER_PERSON, PERSON_NAME, "叶秀兰"),
        parsed(fixture, REGISTER_PERSON, PERSON_TIER, "high"),
        {.field = PERSON_NOTE},
    };
    struct operation operation;
    struct slice value;
    uint8_t field;
    operation_encode_create(&fixture->plaintext, STAMP_MS, 0, person, values,
                            ARRAY_SIZE(values));
    assert_int_equal(operation_decode(buffer_slice(&fixture->plaintext), &operation), OK);
    assert_true(operation.subject_is_self);
    assert_int_equal(operation.body_count, PERSON_TIER + 1);
    while (operation_next_field(&operation, &field, &value))
        assert_int_equal(value.size > 0, field == PERSON_NAME || field == PERSON_TIER);
}

static struct slice encoded_ids(struct fixture *fixture, const struct entry_id *id)
{
    size_t before = fixture->values.size;
    codec_put_array(&fixture->values, 1);
    codec_put_bytes(&fixture->values, slice_of(id->bytes, ENTRY_ID_SIZE));
    return slice_of(fixture->values.data + before, fixture->values.size - before);
}

static void an_edit_reads_back_its_triples_by_field(void **state)
{
    struct fixture *fixture = *state;
    struct operation_value values[] = {
        parsed(fixture, REGISTER_PERSON, PERSON_PHONES, "13800000000"),
        {.field = PERSON_VILLAGE, .replaced = encoded_ids(fixture, &other_id)},
        parsed(fixture, REGISTER_PERSON, PERSON_CONSENT, "given"),
    };
    struct operation operation;
    struct slice replaced, value;
    uint8_t field;
    operation_encode_edit(&fixture->plaintext, STAMP_MS, 1,
                          schema_register(REGISTER_PERSON), &person_id, &person_id,
                          values, ARRAY_SIZE(values));
    assert_int_equal(operation_decode(buffer_slice(&fixture->plaintext), &operation), OK);
    assert_int_equal(operation.kind, OPERATION_EDIT);
    assert_int_equal(entry_id_compare(&operation.subject, &person_id), 0);
    assert_true(operation_next_edit(&operation, &field, &replaced, &value));
    assert_int_equal(field, PERSON_VILLAGE);
    assert_int_equal(value.size, 0);
    assert_true(slice_equal(replaced, values[1].replaced));
    assert_true(operation_next_edit(&operation, &field, &replaced, &value));
    assert_int_equal(field, PERSON_PHONES);
    assert_true(slice_equal(value, values[0].value));
    assert_true(operation_next_edit(&operation, &field, &replaced, &value));
    assert_int_equal(field, PERSON_CONSENT);
    assert_false(operation_next_edit(&operation, &field, &replaced, &value));
}

static void a_void_reads_back_target_and_reason(void **state)
{
    struct fixture *fixture = *state;
    struct operation operation;
    operation_encode_void(&fixture->plaintext, STAMP_MS, 1,
                          schema_register(REGISTER_VISIT), &person_id, &other_id,
                          slice_text("录错人"), false);
    assert_int_equal(operation_decode(buffer_slice(&fixture->plaintext), &operation), OK);
    assert_int_equal(operation.kind, OPERATION_VOID);
    assert_int_equal(entry_id_compare(&operation.subject, &person_id), 0);
    assert_int_equal(entry_id_compare(&operation.target, &other_id), 0);
    assert_true(slice_equal(operation.reason, slice_text("录错人")));
}

/* ---- what is refused, and as what ---- */

/* Begins a plaintext up to and with the register of an operation of `count` values. */
static void put_front(struct buffer *out, uint64_t kind, uint64_t reg, size_t count)
{
    buffer_clear(out);
    buffer_put_u8(out, CODEC_PLAIN);
    codec_put_array(out, 3);
    codec_put_uint(out, STAMP_MS);
    codec_put_uint(out, 1);
    codec_put_array(out, count + 2);
    codec_put_uint(out, kind);
    codec_put_uint(out, reg);
}

static void put_id(struct buffer *out, const struct entry_id *id)
{
    codec_put_bytes(out, slice_of(id->bytes, ENTRY_ID_SIZE));
}

static void assert_decodes(const struct buffer *plaintext, enum status expected)
{
    struct operation operation;
    assert_int_equal(operation_decode(buffer_slice(plaintext), &operation), expected);
}

static void what_a_newer_program_writes_is_a_question_of_version(void **state)
{
    struct buffer *out = &((struct fixture *)*state)->plaintext;
    buffer_put_u8(out, 1);
    assert_decodes(out, ERR_VERSION);
    put_front(out, 3, REGISTER_PERSON, 0);
    assert_decodes(out, ERR_VERSION);
    put_front(out, OPERATION_CREATE, 200, 1);
    codec_put_bool(out, true);
    assert_decodes(out, ERR_VERSION);
    put_front(out, OPERATION_CREATE, REGISTER_PERSON, 20);
    for (size_t i = 0; i < 20; i++)
        codec_put_bool(out, true);
    assert_decodes(out, ERR_VERSION);
    put_front(out, OPERATION_CREATE, REGISTER_PERSON, PERSON_TIER + 1);
    for (size_t i = 0; i < PERSON_TIER; i++)
        codec_put_nil(out);
    codec_put_uint(out, 9); /* a tier that is not in our table */
    assert_decodes(out, ERR_VERSION);
    put_front(out, OPERATION_EDIT, REGISTER_PERSON, 2);
    put_id(out, &person_id);
    codec_put_array(out, 3);
    codec_put_uint(out, 30);
    codec_put_array(out, 0);
    codec_put_bool(out, true);
    assert_decodes(out, ERR_VERSION);
}

static void only_well_formed_bytes_can_be_newer(void **state)
{
    struct buffer *out = &((struct fixture *)*state)->plaintext;
    put_front(out, OPERATION_CREATE, 200, 1);
    assert_decodes(out, ERR_MALFORMED); /* its one value is missing */
    put_front(out, OPERATION_CREATE, 200, 0);
    codec_put_nil(out);
    assert_decodes(out, ERR_MALFORMED); /* one more than it says */
}

static void creates_that_do_not_fit_the_table_are_refused(void **state)
{
    struct buffer *out = &((struct fixture *)*state)->plaintext;
    put_front(out, OPERATION_CREATE, REGISTER_PERSON, 1);
    codec_put_uint(out, 5);
    assert_decodes(out, ERR_FIELD_VALUE); /* a name that is no text */
    put_front(out, OPERATION_CREATE, REGISTER_PERSON, 2);
    codec_put_cstring(out, "x");
    codec_put_nil(out);
    assert_decodes(out, ERR_MALFORMED); /* a nil at the end */
    put_front(out, OPERATION_CREATE, REGISTER_VISIT, 2);
    codec_put_nil(out);
    codec_put_int(out, 5);
    assert_decodes(out, ERR_MALFORMED); /* a visit of nobody */
    put_front(out, OPERATION_CREATE, REGISTER_VISIT, 1);
    codec_put_bytes(out, slice_of(person_id.bytes, ENTRY_ID_SIZE - 1));
    assert_decodes(out, ERR_FIELD_VALUE);
    put_front(out, OPERATION_CREATE, REGISTER_PERSON, 1);
    codec_put_cstring(out, "x");
    codec_put_nil(out);
    assert_decodes(out, ERR_MALFORMED); /* trailing bytes */
}

static void put_triple_front(struct buffer *out, uint8_t field)
{
    codec_put_array(out, 3);
    codec_put_uint(out, field);
}

static void edits_that_do_not_fit_the_table_are_refused(void **state)
{
    struct buffer *out = &((struct fixture *)*state)->plaintext;
    put_front(out, OPERATION_EDIT, REGISTER_PERSON, 1);
    put_id(out, &person_id);
    assert_decodes(out, ERR_MALFORMED); /* edits nothing */
    put_front(out, OPERATION_EDIT, REGISTER_PERSON, 3);
    put_id(out, &person_id);
    for (size_t i = 0; i < 2; i++) {
        put_triple_front(out, PERSON_NAME);
        codec_put_array(out, 0);
        codec_put_cstring(out, "x");
    }
    assert_decodes(out, ERR_MALFORMED); /* one field twice */
    put_front(out, OPERATION_EDIT, REGISTER_PERSON, 2);
    put_id(out, &person_id);
    put_triple_front(out, PERSON_CONSENT);
    codec_put_array(out, 1);
    put_id(out, &other_id);
    codec_put_uint(out, 1);
    assert_decodes(out, ERR_MALFORMED); /* a log replaces nothing */
    put_front(out, OPERATION_EDIT, REGISTER_PERSON, 2);
    put_id(out, &person_id);
    put_triple_front(out, PERSON_PHONES);
    codec_put_array(out, 0);
    codec_put_cstring(out, "138");
    assert_decodes(out, ERR_MALFORMED); /* a set takes an array */
    put_front(out, OPERATION_EDIT, REGISTER_PERSON, 2);
    put_id(out, &person_id);
    put_triple_front(out, PERSON_PHONES);
    codec_put_array(out, 1);
    put_id(out, &other_id);
    codec_put_nil(out);
    assert_decodes(out, ERR_MALFORMED); /* a removal is a pair */
}

static void every_cut_of_a_good_operation_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct operation operation;
    encode_common_visit(fixture);
    for (size_t size = 0; size < fixture->plaintext.size; size++)
        assert_int_equal(
            operation_decode(slice_of(fixture->plaintext.data, size), &operation),
            ERR_MALFORMED);
}

static uint64_t random_state;

static uint64_t random_next(void) /* splitmix64 */
{
    uint64_t mixed = random_state += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

/* Whatever decodes can be walked to its end. */
static void walk(struct operation *operation)
{
    uint8_t field;
    struct slice replaced, value;
    while (operation->kind == OPERATION_CREATE &&
           operation_next_field(operation, &field, &value)) {
    }
    while (operation->kind == OPERATION_EDIT &&
           operation_next_edit(operation, &field, &replaced, &value)) {
    }
    if (operation->kind != OPERATION_VOID) {
        assert_int_equal(operation->body.size, 0);
        assert_int_equal(operation->body_count, 0);
    }
}

static void damaged_operations_never_crash_the_reader(void **state)
{
    struct fixture *fixture = *state;
    size_t accepted = 0;
    encode_common_visit(fixture);
    random_state = 7;
    print_message("seed %llu\n", (unsigned long long)random_state);
    for (unsigned round = 0; round < 200000; round++) {
        size_t size = fixture->plaintext.size;
        uint8_t *bytes = checked_malloc(size);
        memcpy(bytes, fixture->plaintext.data, size);
        for (uint64_t flips = 1 + random_next() % 2; flips > 0; flips--)
            bytes[random_next() % size] ^= (uint8_t)(1u << random_next() % 8);
        struct operation operation;
        if (operation_decode(slice_of(bytes, size), &operation) == OK) {
            walk(&operation);
            accepted++;
        }
        free(bytes);
    }
    assert_true(accepted > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_visit_reads_back_as_it_was_written, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_common_visit_is_about_forty_bytes, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(absent_fields_are_nil_and_cut_at_the_end, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_edit_reads_back_its_triples_by_field, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_void_reads_back_target_and_reason, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            what_a_newer_program_writes_is_a_question_of_version, setup, teardown),
        cmocka_unit_test_setup_teardown(only_well_formed_bytes_can_be_newer, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(creates_that_do_not_fit_the_table_are_refused,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(edits_that_do_not_fit_the_table_are_refused,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(every_cut_of_a_good_operation_is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(damaged_operations_never_crash_the_reader, setup,
                                        teardown),
    };
    return cmocka_run_group_tests_name("operation", tests, NULL, NULL);
}
