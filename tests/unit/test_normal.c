/* The same text in other spellings, and identity numbers as people hand them over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "crdt/calendar.h"
#include "crdt/id_number.h"
#include "crdt/normal.h"
#include "crdt/schema.h"

static bool same(const char *a, const char *b)
{
    struct buffer left, right;
    buffer_init(&left, SIZE_MAX);
    buffer_init(&right, SIZE_MAX);
    normal_put(slice_text(a), &left);
    normal_put(slice_text(b), &right);
    bool equal = left.size > 0 && slice_equal(buffer_slice(&left), buffer_slice(&right));
    buffer_deinit(&left);
    buffer_deinit(&right);
    return equal;
}

static void a_name_with_any_middle_dot_is_one_name(void **state)
{
    static const char *const dots[] = {"·", "•", "・",  "‧", "．",
                                       ".", "･", " · ", " ", ""};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(dots); i++) {
        char name[64];
        strcpy(name, "阿卜杜拉");
        strcat(name, dots[i]);
        strcat(name, "买买提");
        assert_true(same(name, "阿卜杜拉·买买提"));
    }
    assert_false(same("阿卜杜拉·买买提", "阿卜杜拉·买买"));
}

static void blanks_width_and_case_make_no_other_name(void **state)
{
    (void)state;
    assert_true(same("王　秀英", "王秀英"));
    assert_true(same("王 秀英 ", "王秀英"));
    assert_true(same("Ｗａｎｇ Xiuying", "wangxiuying"));
    assert_true(same("ＨＲ－７７", "hr-77"));
    assert_false(same("王秀英", "王秀荣"));
}

static void code_points_of_one_character_are_one_character(void **state)
{
    (void)state;
    assert_true(same("⾼建国", "高建国"));                 /* a Kangxi radical */
    assert_true(same("\xef\xa4\x80", "豈"));               /* a compatibility ideograph */
    assert_true(same("刘\xee\xa1\xa3", "刘䶮"));           /* U+E863 of GB 18030-2000 */
    assert_true(same("\xee\xa0\x96", "\xf0\xa0\x82\x87")); /* U+E816, U+20087 */
    assert_false(same("王𬱖", "王㛃"));
    assert_true(same("葛曾䮌", "葛曾䮌"));
    assert_false(same("刘\xee\x80\x80", "刘䶮")); /* a private character of nobody's */
}

static void every_former_private_code_point_has_a_place_of_its_own(void **state)
{
    struct buffer seen[80];
    (void)state;
    for (uint32_t i = 0; i < ARRAY_SIZE(seen); i++) {
        uint32_t character = 0xE815 + i;
        uint8_t bytes[3] = {(uint8_t)(0xE0 | character >> 12),
                            (uint8_t)(0x80 | (character >> 6 & 0x3F)),
                            (uint8_t)(0x80 | (character & 0x3F))};
        buffer_init(&seen[i], SIZE_MAX);
        normal_put(slice_of(bytes, 3), &seen[i]);
        assert_true(seen[i].size >= 3);
        assert_memory_not_equal(seen[i].data, bytes, 3);
        for (uint32_t j = 0; j < i; j++)
            assert_false(slice_equal(buffer_slice(&seen[i]), buffer_slice(&seen[j])));
    }
    for (uint32_t i = 0; i < ARRAY_SIZE(seen); i++)
        buffer_deinit(&seen[i]);
}

static void what_is_searched_may_stand_anywhere_in_the_text(void **state)
{
    struct buffer part, scratch;
    (void)state;
    buffer_init(&part, SIZE_MAX);
    buffer_init(&scratch, SIZE_MAX);
    normal_put(slice_text("买买"), &part);
    assert_true(
        normal_holds(slice_text("阿卜杜拉•买 买提"), buffer_slice(&part), &scratch));
    assert_false(normal_holds(slice_text("阿卜杜拉"), buffer_slice(&part), &scratch));
    buffer_deinit(&scratch);
    buffer_deinit(&part);
}

/* ---- identity numbers ---- */

static enum status read_number(const char *typed, char number[ID_NUMBER_SIZE + 1])
{
    struct buffer narrow;
    uint8_t read[ID_NUMBER_SIZE];
    buffer_init(&narrow, SIZE_MAX);
    normal_put_narrow(slice_text(typed), &narrow);
    enum status status = id_number_read(buffer_slice(&narrow), read);
    buffer_deinit(&narrow);
    if (status == OK) {
        memcpy(number, read, ID_NUMBER_SIZE);
        number[ID_NUMBER_SIZE] = '\0';
    }
    return status;
}

static void a_number_is_read_as_the_digits_it_is(void **state)
{
    static const char *const typed[] = {"33112319330511107X",
                                        "33112319330511107x",
                                        "３３１１２３１９３３０５１１１０７Ｘ",
                                        "331123 19330511 107X",
                                        "331123-19330511-107x",
                                        "'33112319330511107X",
                                        "=\"33112319330511107X\""};
    char number[ID_NUMBER_SIZE + 1];
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(typed); i++) {
        assert_int_equal(read_number(typed[i], number), OK);
        assert_string_equal(number, "33112319330511107X");
    }
    assert_int_equal(read_number("'331123194501020129", number), OK);
    /* Its division is gone from the table; that is no fault of the number. */
    assert_int_equal(read_number("370284194803100129", number), OK);
}

static void a_refused_number_is_told_what_is_wrong(void **state)
{
    char number[ID_NUMBER_SIZE + 1];
    (void)state;
    assert_int_equal(read_number("331123194501021000", number), ERR_ID_NUMBER_DAMAGED);
    assert_int_equal(read_number("3.31123E+17", number), ERR_ID_NUMBER_DAMAGED);
    assert_int_equal(read_number("331123194501021005.0", number), ERR_ID_NUMBER_DAMAGED);
    assert_int_equal(read_number("331123450102105", number), ERR_ID_NUMBER_OLD);
    assert_int_equal(read_number("331123", number), ERR_ID_NUMBER_FORM);
    assert_int_equal(read_number("33112319330511107Y", number), ERR_ID_NUMBER_FORM);
    assert_int_equal(read_number("331123193305111070", number), ERR_ID_NUMBER);
    assert_int_equal(read_number("33112319331311107X", number), ERR_ID_NUMBER_DATE);
}

static void a_number_tells_birth_and_sex(void **state)
{
    int64_t birth;
    (void)state;
    assert_true(date_parse(slice_text("1933-05-11"), &birth));
    const uint8_t *number = (const uint8_t *)"33112319330511107X";
    assert_true(id_number_birth(number) == birth);
    assert_true(id_number_is_male(number));
    assert_false(id_number_is_male((const uint8_t *)"370284194803100129"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_with_any_middle_dot_is_one_name),
        cmocka_unit_test(blanks_width_and_case_make_no_other_name),
        cmocka_unit_test(code_points_of_one_character_are_one_character),
        cmocka_unit_test(every_former_private_code_point_has_a_place_of_its_own),
        cmocka_unit_test(what_is_searched_may_stand_anywhere_in_the_text),
        cmocka_unit_test(a_number_is_read_as_the_digits_it_is),
        cmocka_unit_test(a_refused_number_is_told_what_is_wrong),
        cmocka_unit_test(a_number_tells_birth_and_sex),
    };
    return cmocka_run_group_tests_name("normal", tests, NULL, NULL);
}
