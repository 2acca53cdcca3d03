#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "crdt/calendar.h"
#include "crdt/codec.h"
#include "crdt/schema.h"

static const struct field *field_of(uint8_t reg, uint8_t id)
{
    const struct field *field = schema_field(schema_register(reg), id);
    assert_non_null(field);
    return field;
}

static void assert_parse_fails(const struct field *field, const char *typed,
                               enum status expected)
{
    struct buffer out;
    buffer_init(&out, 4096);
    assert_int_equal(field_parse(field, slice_text(typed), NULL, &out), expected);
    assert_int_equal(out.size, 0);
    buffer_deinit(&out);
}

/* Typed text must come out as `shown` and as a value that the fold takes. */
static void assert_shown(const struct field *field, const char *typed, bool labels,
                         const char *shown)
{
    struct buffer value, text;
    buffer_init(&value, 4096);
    buffer_init(&text, 4096);
    assert_int_equal(field_parse(field, slice_text(typed), NULL, &value), OK);
    assert_true(codec_check(buffer_slice(&value)));
    assert_true(field_value_valid(field, buffer_slice(&value)));
    field_format(field, buffer_slice(&value), labels, &text);
    assert_int_equal(text.size, strlen(shown));
    assert_memory_equal(text.data, shown, text.size);
    buffer_deinit(&text);
    buffer_deinit(&value);
}

static void every_field_lies_at_its_id_and_is_described(void **state)
{
    (void)state;
    for (size_t i = 0; schema_register_at(i) != NULL; i++) {
        const struct schema_register *reg = schema_register_at(i);
        assert_ptr_equal(schema_register(reg->id), reg);
        assert_ptr_equal(schema_register_named(slice_text(reg->name)), reg);
        assert_true(reg->field_count <= FIELDS_MAX);
        for (size_t id = 0; id < reg->field_count; id++) {
            const struct field *field = &reg->fields[id];
            assert_int_equal(field->id, id);
            assert_true(strlen(field->label) > 0 && strlen(field->help) > 0);
            assert_ptr_equal(schema_field_named(reg, slice_text(field->name)), field);
            assert_ptr_equal(schema_field_named(reg, slice_text(field->label)), field);
            assert_int_equal(field->type == FIELD_CHOICE, field->choices != NULL);
        }
    }
    assert_null(schema_register(99));
    assert_null(schema_field(schema_register(REGISTER_VISIT), FIELD_NONE));
}

static void choices_have_ids_names_and_labels_of_their_own(void **state)
{
    (void)state;
    for (size_t i = 0; schema_register_at(i) != NULL; i++) {
        const struct schema_register *reg = schema_register_at(i);
        for (size_t id = 0; id < reg->field_count; id++) {
            const struct choice *choices = reg->fields[id].choices;
            for (size_t a = 0; choices != NULL && choices[a].name != NULL; a++) {
                assert_int_not_equal(choices[a].id, 0);
                for (size_t b = 0; b < a; b++) {
                    assert_int_not_equal(choices[a].id, choices[b].id);
                    assert_string_not_equal(choices[a].name, choices[b].name);
                    assert_string_not_equal(choices[a].label, choices[b].label);
                }
            }
        }
    }
}

static void subjects_and_amendments_are_named_by_record_fields(void **state)
{
    (void)state;
    const struct schema_register *visit = schema_register(REGISTER_VISIT);
    assert_int_equal(schema_field(visit, visit->subject_field)->type, FIELD_RECORD);
    assert_int_equal(schema_field(visit, visit->amends_field)->type, FIELD_RECORD);
    for (size_t id = 0; id < visit->field_count; id++)
        assert_int_equal(visit->fields[id].rule, MERGE_ONCE);
    assert_int_equal(schema_register(REGISTER_PERSON)->subject_field, FIELD_NONE);
}

static void choices_are_typed_by_name_or_label(void **state)
{
    (void)state;
    const struct field *tier = field_of(REGISTER_PERSON, PERSON_TIER);
    assert_shown(tier, "高风险", false, "high");
    assert_shown(tier, " key ", true, "重点");
    assert_parse_fails(tier, "urgent", ERR_FIELD_VALUE);
    assert_parse_fails(tier, "", ERR_FIELD_VALUE);
    assert_shown(field_of(REGISTER_PERSON, PERSON_CATEGORIES), "计生特殊家庭", true,
                 "计生特殊家庭");
}

static void a_choice_of_a_newer_program_is_a_question_of_version(void **state)
{
    (void)state;
    const struct field *tier = field_of(REGISTER_PERSON, PERSON_TIER);
    assert_int_equal(field_value_check(tier, slice_of("\x07", 1)), ERR_VERSION);
    assert_int_equal(field_value_check(tier, slice_of("\x03", 1)), OK);
    assert_int_equal(field_value_check(tier, slice_of("\x00", 1)), ERR_FIELD_VALUE);
    assert_int_equal(field_value_check(tier, slice_of("\x03\x03", 2)), ERR_FIELD_VALUE);
    assert_int_equal(field_value_check(tier, slice_of("\xc0", 1)), ERR_FIELD_VALUE);
}

static void dates_are_read_in_the_forms_that_people_and_spreadsheets_use(void **state)
{
    (void)state;
    const struct field *birth = field_of(REGISTER_PERSON, PERSON_BIRTH);
    assert_shown(birth, "1941-03-05", false, "1941-03-05");
    assert_shown(birth, "1941-3-5", false, "1941-03-05");
    assert_shown(birth, "1941/3/5", false, "1941-03-05");
    assert_shown(birth, "1941.03.05", false, "1941-03-05");
    assert_shown(birth, "19410305", false, "1941-03-05");
    assert_shown(birth, "1941年3月5日", false, "1941-03-05");
    assert_shown(birth, "\xe3\x80\x80 2000-02-29\xc2\xa0", false, "2000-02-29");
    static const char *const wrong[] = {"1941-02-29", "1900-02-29", "2026-13-01",
                                        "2026-00-10", "2026-04-31", "1799-12-31",
                                        "2200-01-01"};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        assert_parse_fails(birth, wrong[i], ERR_DATE);
    /* What is written otherwise may well exist. */
    static const char *const otherwise[] = {
        "2026-05", "2026-05/31",       "20260531x", "41-3-5",
        "23.1.5",  "2026-05-31 10:00", "44927",     "2023-1-5T00:00"};
    for (size_t i = 0; i < ARRAY_SIZE(otherwise); i++)
        assert_parse_fails(birth, otherwise[i], ERR_DATE_FORM);
    /* Days of the years with summer time are days like any other. */
    assert_shown(birth, "1986-05-04", false, "1986-05-04");
    assert_shown(birth, "1988.4.17", false, "1988-04-17");
    assert_shown(birth, "1991年9月15日", false, "1991-09-15");
    assert_shown(birth, "１９４００６０３", false, "1940-06-03");
}

static void the_calendar_counts_every_day_once(void **state)
{
    (void)state;
    int64_t days, previous;
    char text[11];
    assert_true(date_parse(slice_text("1970-01-01"), &days));
    assert_int_equal(days, 0);
    assert_true(date_parse(slice_text("1969-12-31"), &days));
    assert_true(days == -1);
    assert_true(date_parse(slice_text("1800-01-01"), &previous));
    for (int64_t day = previous; date_in_range(day); day++) {
        date_format(day, text);
        assert_true(date_parse(slice_of(text, 10), &days));
        assert_true(days == day);
    }
    assert_true(date_parse(slice_text("2199-12-31"), &days));
    assert_true(date_in_range(days) && !date_in_range(days + 1));
}

static void moments_are_beijing_time(void **state)
{
    (void)state;
    const struct field *when = field_of(REGISTER_VISIT, VISIT_WHEN);
    assert_shown(when, "2026-05-31 14:05", false, "2026-05-31 14:05");
    assert_shown(when, "2026-05-31T9:05", false, "2026-05-31 09:05");
    assert_shown(when, "2026/5/31 14:05:59", false, "2026-05-31 14:05");
    assert_shown(when, "2026年5月31日 14：05", false, "2026-05-31 14:05");
    assert_shown(when, "2026-05-31", false, "2026-05-31 00:00");
    assert_shown(when, "1950-01-01 23:59", false, "1950-01-01 23:59");
    assert_parse_fails(when, "2026-05-31 24:00", ERR_DATE);
    assert_parse_fails(when, "2026-05-31 14:60", ERR_DATE);
    assert_parse_fails(when, "2026-05-31 14", ERR_DATE_FORM);
    assert_parse_fails(when, "2026-11-20T06:05Z", ERR_DATE_FORM);
    assert_parse_fails(when, "2026-11-20 下午2:05", ERR_DATE_FORM);
    assert_parse_fails(when, "46346.587", ERR_DATE_FORM);
    assert_shown(when, "2026/11/20  14：05", false, "2026-11-20 14:05");
    assert_shown(when, "２０２６－１１－２０　１４：０５", false, "2026-11-20 14:05");
    char text[17];
    moment_format(beijing_minutes(UINT64_C(1780246800000)), text);
    assert_string_equal(text, "2026-06-01 01:00"); /* 17:00 UTC on the day before */
}

static void identity_numbers_must_fit_their_check_character(void **state)
{
    (void)state;
    const struct field *number = field_of(REGISTER_PERSON, PERSON_ID_NUMBER);
    struct buffer out;
    buffer_init(&out, 64);
    assert_int_equal(field_parse(number, slice_text("11010519491231002x"), NULL, &out),
                     OK);
    struct slice in = buffer_slice(&out), text;
    assert_true(codec_take_text(&in, &text));
    assert_true(slice_equal(text, slice_text("11010519491231002X")));
    /* Made up, with check characters computed from GB 11643's table of weights. */
    static const char *const good[] = {"331121194103050012", "331121195202290024",
                                       "331121193806300060"};
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_int_equal(field_parse(number, slice_text(good[i]), NULL, &out), OK);
    buffer_deinit(&out);
}

static void identity_numbers_with_a_slip_are_refused(void **state)
{
    (void)state;
    const struct field *number = field_of(REGISTER_PERSON, PERSON_ID_NUMBER);
    assert_parse_fails(number, "331121194103050013", ERR_ID_NUMBER);
    assert_parse_fails(number, "331121194103050021", ERR_ID_NUMBER);
    assert_parse_fails(number, "331121194113050012", ERR_ID_NUMBER_DATE);
    assert_parse_fails(number, "33112119410305001", ERR_ID_NUMBER_FORM);
    assert_parse_fails(number, "3311211941030500X2", ERR_ID_NUMBER_FORM);
}

/* The engine seals what field_parse gives: only sealed bytes are a valid value. */
static void sealed_values_are_bytes_and_never_shown(void **state)
{
    (void)state;
    const struct field *number = field_of(REGISTER_PERSON, PERSON_ID_NUMBER);
    struct buffer value, text;
    uint8_t sealed[40] = {1};
    buffer_init(&value, 64);
    buffer_init(&text, 64);
    codec_put_bytes(&value, slice_of(sealed, sizeof sealed));
    assert_true(field_value_valid(number, buffer_slice(&value)));
    field_format(number, buffer_slice(&value), true, &text);
    assert_true(slice_equal(buffer_slice(&text), slice_text("(hidden)")));
    buffer_clear(&value);
    codec_put_bytes(&value, slice_of(sealed, 16)); /* a tag over nothing */
    assert_false(field_value_valid(number, buffer_slice(&value)));
    buffer_clear(&value);
    codec_put_cstring(&value, "331121194103050012");
    assert_false(field_value_valid(number, buffer_slice(&value)));
    buffer_deinit(&value);
    buffer_deinit(&text);
}

static void villages_need_twelve_digits_and_a_row_in_the_table(void **state)
{
    (void)state;
    const struct field *village = field_of(REGISTER_PERSON, PERSON_VILLAGE);
    struct divisions divisions;
    struct buffer out;
    divisions_init(&divisions);
    buffer_init(&out, 64);
    assert_int_equal(divisions_add(&divisions, 331121104234, slice_text("上田本村")), OK);
    divisions_sort(&divisions);
    assert_shown(village, "331121104234", false, "331121104234");
    assert_int_equal(field_parse(village, slice_text("331121104234"), &divisions, &out),
                     OK);
    assert_int_equal(field_parse(village, slice_text("331121104235"), &divisions, &out),
                     ERR_DIVISION);
    assert_parse_fails(village, "331121104", ERR_VILLAGE_WANTED);
    assert_int_equal(
        field_parse(village, slice_text("３３１１２１１０４２３４"), &divisions, &out),
        OK);
    assert_parse_fails(village, "33112110423x", ERR_DIVISION);
    buffer_deinit(&out);
    divisions_deinit(&divisions);
}

static void checks_are_fine_or_say_the_problem(void **state)
{
    (void)state;
    const struct field *health = field_of(REGISTER_VISIT, VISIT_HEALTH);
    assert_shown(health, "ok", false, "ok");
    assert_shown(health, "正常", true, "正常");
    assert_shown(health, "腿痛，走不了路", true, "腿痛，走不了路");
    assert_false(field_value_valid(health, slice_of("\xc2", 1))); /* false says nothing */
    assert_shown(field_of(REGISTER_VISIT, VISIT_FOLLOW_UP), "是", false, "yes");
    assert_shown(field_of(REGISTER_VISIT, VISIT_FOLLOW_UP), "no", true, "否");
    assert_parse_fails(field_of(REGISTER_VISIT, VISIT_FOLLOW_UP), "maybe",
                       ERR_FIELD_VALUE);
}

static void numbers_and_texts_keep_their_limits(void **state)
{
    (void)state;
    const struct field *minutes = field_of(REGISTER_VISIT, VISIT_MINUTES);
    assert_shown(minutes, "1440", false, "1440");
    assert_parse_fails(minutes, "1441", ERR_FIELD_VALUE);
    assert_parse_fails(minutes, "-5", ERR_FIELD_VALUE);
    assert_parse_fails(minutes, "99999999999999999999", ERR_FIELD_VALUE);
    const struct field *name = field_of(REGISTER_PERSON, PERSON_NAME);
    char characters[3 * 51 + 1] = {0};
    for (size_t i = 0; i < 51; i++)
        memcpy(characters + 3 * i, "村", 3);
    assert_parse_fails(name, characters, ERR_FIELD_TOO_LONG);
    characters[3 * 50] = 0;
    assert_shown(name, characters, false, characters);
    assert_parse_fails(name, "a\x1b[31m", ERR_TEXT);
    assert_parse_fails(name, "\xff", ERR_TEXT);
}

static void only_notes_have_several_lines(void **state)
{
    (void)state;
    static const struct {
        uint8_t reg, field;
    } one_line[] = {
        {REGISTER_PERSON, PERSON_NAME},     {REGISTER_PERSON, PERSON_ADDRESS},
        {REGISTER_PERSON, PERSON_PHONES},   {REGISTER_PERSON, PERSON_CONTACTS},
        {REGISTER_VISIT, VISIT_HEALTH},     {REGISTER_VISIT, VISIT_VISITORS},
        {REGISTER_OPERATOR, OPERATOR_NAME}, {REGISTER_OPERATOR, OPERATOR_ACCOUNT},
    };
    for (size_t i = 0; i < ARRAY_SIZE(one_line); i++) {
        const struct field *field = field_of(one_line[i].reg, one_line[i].field);
        assert_parse_fails(field, "a\nb", ERR_TEXT);
        assert_parse_fails(field, "a\tb", ERR_TEXT);
        assert_false(field_value_valid(field, slice_of("\xa3"
                                                       "a\nb",
                                                       4)));
        assert_false(field_value_valid(field, slice_of("\xa3"
                                                       "a\tb",
                                                       4)));
        assert_shown(field, " a 1\n", false, "a 1");
    }
    assert_shown(field_of(REGISTER_PERSON, PERSON_NOTE), "a\n\tb", false, "a\n\tb");
    assert_shown(field_of(REGISTER_VISIT, VISIT_NOTE), "a\n\tb", false, "a\n\tb");
}

static void a_telephone_has_a_digit(void **state)
{
    const struct field *field = field_of(REGISTER_PERSON, PERSON_PHONES);
    (void)state;
    assert_parse_fails(field, "abc", ERR_FIELD_VALUE);
    assert_parse_fails(field, "无", ERR_FIELD_VALUE);
    assert_shown(field, "０５７８-2101111转3", false, "０５７８-2101111转3");
}

static void records_are_named_by_a_full_id(void **state)
{
    (void)state;
    const struct field *person = field_of(REGISTER_VISIT, VISIT_PERSON);
    struct entry_id id = entry_id_of((struct log_name){3, 4, LANE_RECORD}, 5);
    char text[ID_TEXT_SIZE];
    id_format(&id, text);
    assert_shown(person, text, false, text);
    text[10] = 0;
    assert_parse_fails(person, text, ERR_FIELD_VALUE);
}

static void several_values_are_typed_as_a_list(void **state)
{
    static const char *const typed[] = {"独居、高龄",  "独居 ，高龄", " 独居,高龄",
                                        "独居；高龄 ", "独居;高龄",   "独居|高龄",
                                        "独居\n高龄",  "独居\r高龄"};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(typed); i++) {
        struct slice text = slice_text(typed[i]), value;
        assert_true(field_next_value(&text, &value));
        assert_true(slice_equal(value, slice_text("独居")));
        assert_true(field_next_value(&text, &value));
        assert_true(slice_equal(value, slice_text("高龄")));
        assert_false(field_next_value(&text, &value));
    }
    struct slice text = slice_text("高龄,, "), value;
    assert_true(field_next_value(&text, &value));
    assert_true(field_next_value(&text, &value));
    assert_int_equal(value.size, 0);
}

static void what_does_not_fit_a_field_is_shown_as_unreadable(void **state)
{
    (void)state;
    struct buffer text;
    buffer_init(&text, 64);
    field_format(field_of(REGISTER_PERSON, PERSON_TIER), slice_of("\x63", 1), true,
                 &text);
    assert_true(slice_equal(buffer_slice(&text), slice_text("(unreadable)")));
    buffer_clear(&text);
    field_format(field_of(REGISTER_PERSON, PERSON_BIRTH),
                 slice_of("\xce\xff\xff\xff\xff", 5), true, &text);
    assert_true(slice_equal(buffer_slice(&text), slice_text("(unreadable)")));
    buffer_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_lies_at_its_id_and_is_described),
        cmocka_unit_test(choices_have_ids_names_and_labels_of_their_own),
        cmocka_unit_test(subjects_and_amendments_are_named_by_record_fields),
        cmocka_unit_test(choices_are_typed_by_name_or_label),
        cmocka_unit_test(a_choice_of_a_newer_program_is_a_question_of_version),
        cmocka_unit_test(dates_are_read_in_the_forms_that_people_and_spreadsheets_use),
        cmocka_unit_test(the_calendar_counts_every_day_once),
        cmocka_unit_test(moments_are_beijing_time),
        cmocka_unit_test(identity_numbers_must_fit_their_check_character),
        cmocka_unit_test(identity_numbers_with_a_slip_are_refused),
        cmocka_unit_test(sealed_values_are_bytes_and_never_shown),
        cmocka_unit_test(villages_need_twelve_digits_and_a_row_in_the_table),
        cmocka_unit_test(checks_are_fine_or_say_the_problem),
        cmocka_unit_test(numbers_and_texts_keep_their_limits),
        cmocka_unit_test(only_notes_have_several_lines),
        cmocka_unit_test(a_telephone_has_a_digit),
        cmocka_unit_test(records_are_named_by_a_full_id),
        cmocka_unit_test(several_values_are_typed_as_a_list),
        cmocka_unit_test(what_does_not_fit_a_field_is_shown_as_unreadable),
    };
    return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
