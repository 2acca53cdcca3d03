#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "crdt/division.h"
#include "crdt/id.h"

static const struct log_name record_log = {7, 0xbeef, LANE_RECORD};

static void an_id_gives_back_its_log_and_position(void **state)
{
    (void)state;
    struct log_name log = {UINT32_MAX, 0x0102, LANE_URGENT};
    struct entry_id id = entry_id_of(log, SEQ_MAX);
    assert_true(log_name_equal(entry_id_log(&id), log));
    assert_int_equal(entry_id_seq(&id), SEQ_MAX);
    assert_int_equal(id.bytes[4], 1);
    assert_int_equal(id.bytes[5], 2);
}

static void ids_sort_by_node_then_tag_then_lane_then_position(void **state)
{
    (void)state;
    const struct entry_id ordered[] = {
        entry_id_of((struct log_name){1, 9, 3}, 900),
        entry_id_of((struct log_name){2, 1, 3}, 900),
        entry_id_of((struct log_name){2, 2, 1}, 900),
        entry_id_of((struct log_name){2, 2, 3}, 255),
        entry_id_of((struct log_name){2, 2, 3}, 256),
    };
    for (size_t i = 1; i < ARRAY_SIZE(ordered); i++) {
        assert_true(entry_id_compare(&ordered[i - 1], &ordered[i]) < 0);
        assert_true(log_name_compare(entry_id_log(&ordered[i - 1]),
                                     entry_id_log(&ordered[i])) <= 0);
    }
}

static void every_id_reads_back_from_its_text(void **state)
{
    (void)state;
    char text[ID_TEXT_SIZE];
    for (uint64_t seq = 1; seq < 5000; seq++) {
        struct entry_id id = entry_id_of(record_log, seq), back;
        id_format(&id, text);
        assert_int_equal(strlen(text), ID_TEXT_SIZE - 1);
        assert_true(id_parse(slice_text(text), &back));
        assert_int_equal(entry_id_compare(&id, &back), 0);
    }
}

static void neighbours_differ_in_their_first_characters(void **state)
{
    (void)state;
    static char texts[1000][ID_TEXT_SIZE];
    size_t shared = 0;
    for (uint64_t seq = 0; seq < ARRAY_SIZE(texts); seq++) {
        struct entry_id id = entry_id_of(record_log, seq + 1);
        id_format(&id, texts[seq]);
        for (uint64_t other = 0; other < seq; other++)
            shared += memcmp(texts[seq], texts[other], 6) == 0;
    }
    /* 499,500 pairs over 2^30 prefixes: a shared one is a surprise, two are a fault. */
    assert_true(shared < 2);
}

static void people_may_type_lower_case_look_alikes_and_hyphens(void **state)
{
    (void)state;
    char text[ID_TEXT_SIZE], typed[3 * ID_TEXT_SIZE];
    for (uint64_t seq = 1; seq < 300; seq++) {
        struct entry_id id = entry_id_of(record_log, seq), back;
        size_t size = 0;
        id_format(&id, text);
        for (size_t i = 0; i < ID_TEXT_SIZE - 1; i++) {
            char c = text[i];
            typed[size++] = c == '0' ? 'o' : c == '1' ? (i % 2 ? 'l' : 'I') : c;
            if (c >= 'A' && i % 3 == 0)
                typed[size - 1] = (char)(c - 'A' + 'a');
            if (i % 4 == 3)
                typed[size++] = '-';
        }
        assert_true(id_parse(slice_of(typed, size), &back));
        assert_int_equal(entry_id_compare(&id, &back), 0);
        assert_true(id_has_prefix(&id, slice_of(typed, 7)));
    }
}

static void what_is_no_id_is_refused(void **state)
{
    (void)state;
    struct entry_id id = entry_id_of(record_log, 1), back;
    char text[ID_TEXT_SIZE + 2] = {0};
    id_format(&id, text);
    assert_false(id_parse(slice_of(text, ID_TEXT_SIZE - 2), &back));
    assert_false(id_parse(slice_text(""), &back));
    text[3] = 'U';
    assert_false(id_parse(slice_text(text), &back));
    id_format(&id, text);
    text[ID_TEXT_SIZE - 2] = text[ID_TEXT_SIZE - 2] == '1' ? '3' : '1'; /* padding bits */
    assert_false(id_parse(slice_text(text), &back));
    text[2] = 0;
    assert_false(id_parse(slice_of(text, ID_TEXT_SIZE - 1), &back));
    assert_false(id_has_prefix(&id, slice_text("")));
    assert_false(id_has_prefix(&id, slice_text("--")));
}

static void a_prefix_fits_only_ids_that_begin_with_it(void **state)
{
    (void)state;
    struct entry_id id = entry_id_of(record_log, 77);
    char text[ID_TEXT_SIZE];
    id_format(&id, text);
    for (size_t size = 1; size < ID_TEXT_SIZE; size++) {
        assert_true(id_has_prefix(&id, slice_of(text, size)));
        char wrong[ID_TEXT_SIZE];
        memcpy(wrong, text, sizeof wrong);
        wrong[size - 1] = wrong[size - 1] == 'Z' ? 'Y' : 'Z';
        assert_false(id_has_prefix(&id, slice_of(wrong, size)));
    }
}

static void the_check_character_finds_every_wrong_character(void **state)
{
    (void)state;
    char text[ID_TEXT_SIZE], spoken[ID_TEXT_SIZE + 1];
    struct entry_id id = entry_id_of(record_log, 4711), back;
    id_format(&id, text);
    char check = id_check_character(text);
    snprintf(spoken, sizeof spoken, "%s%c", text, check);
    assert_true(id_parse(slice_text(spoken), &back));
    assert_int_equal(entry_id_compare(&id, &back), 0);
    for (size_t i = 0; i < ID_TEXT_SIZE - 1; i++) {
        for (const char *other = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; *other; other++) {
            if (*other == text[i])
                continue;
            char wrong[ID_TEXT_SIZE];
            memcpy(wrong, text, sizeof wrong);
            wrong[i] = *other;
            assert_int_not_equal(id_check_character(wrong), check);
        }
    }
    spoken[ID_TEXT_SIZE - 1] = check == 'Z' ? 'Y' : 'Z';
    assert_false(id_parse(slice_text(spoken), &back));
}

static void divisions_nest_by_their_digits(void **state)
{
    (void)state;
    assert_int_equal(division_level(331121), DIVISION_COUNTY);
    assert_int_equal(division_level(331121104), DIVISION_TOWNSHIP);
    assert_int_equal(division_level(331121104234), DIVISION_VILLAGE);
    assert_int_equal(division_level(3311), DIVISION_NONE);
    assert_int_equal(division_level(3311211), DIVISION_NONE);
    assert_int_equal(division_county(331121104234), 331121);
    assert_int_equal(division_county(12), 0);
    assert_int_equal(division_township(331121104234), 331121104);
    assert_int_equal(division_township(331121), 0);
    assert_true(division_within(331121104234, 331121104));
    assert_true(division_within(331121104, 331121104));
    assert_false(division_within(331121, 331121104));
    assert_false(division_within(331121104234, 331121105));
    assert_false(division_within(0, 0));
}

static void divisions_are_found_by_code_once_sorted(void **state)
{
    (void)state;
    struct divisions divisions;
    divisions_init(&divisions);
    assert_null(divisions_find(&divisions, 331121));
    for (uint64_t village = 999; village >= 1; village--)
        assert_int_equal(
            divisions_add(&divisions, 331121104000 + village, slice_text("村")), OK);
    assert_int_equal(divisions_add(&divisions, 331121, slice_text("青田县")), OK);
    assert_int_equal(divisions_add(&divisions, 42, slice_text("x")), ERR_DIVISION);
    assert_int_equal(divisions_add(&divisions, 331122, slice_text("")), ERR_TEXT);
    assert_int_equal(divisions_add(&divisions, 331122, slice_text("\x1b[2J")), ERR_TEXT);
    divisions_sort(&divisions);
    assert_string_equal(divisions_find(&divisions, 331121)->name, "青田县");
    for (uint64_t village = 1; village <= 999; village++)
        assert_non_null(divisions_find(&divisions, 331121104000 + village));
    assert_null(divisions_find(&divisions, 331121105000));
    divisions_deinit(&divisions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_gives_back_its_log_and_position),
        cmocka_unit_test(ids_sort_by_node_then_tag_then_lane_then_position),
        cmocka_unit_test(every_id_reads_back_from_its_text),
        cmocka_unit_test(neighbours_differ_in_their_first_characters),
        cmocka_unit_test(people_may_type_lower_case_look_alikes_and_hyphens),
        cmocka_unit_test(what_is_no_id_is_refused),
        cmocka_unit_test(a_prefix_fits_only_ids_that_begin_with_it),
        cmocka_unit_test(the_check_character_finds_every_wrong_character),
        cmocka_unit_test(divisions_nest_by_their_digits),
        cmocka_unit_test(divisions_are_found_by_code_once_sorted),
    };
    return cmocka_run_group_tests_name("id", tests, NULL, NULL);
}
