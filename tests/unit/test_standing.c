#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "net/standing.h"
#include "net/statement.h"

static const struct log_name records = {7, 0x1234, LANE_RECORD};

static struct cut entry(struct log_name log, uint64_t seq, uint8_t hash)
{
    struct cut cut = {.log = log, .seq = seq};
    memset(cut.hash.bytes, hash, HASH_SIZE);
    return cut;
}

static void
of_two_words_about_one_place_the_lower_hash_stands_in_either_order(void **state)
{
    struct cut low = entry(records, 5, 1), high = entry(records, 5, 9);
    (void)state;
    for (int order = 0; order < 2; order++) {
        struct standing standing = {0};
        assert_true(standing_add(&standing, order == 0 ? &low : &high));
        assert_int_equal(standing_add(&standing, order == 0 ? &high : &low), order == 1);
        assert_false(standing_add(&standing, &low));
        assert_int_equal(standing.count, 1);
        assert_int_equal(standing_from(&standing, records, 5)->hash.bytes[0], 1);
        standing_deinit(&standing);
    }
}

static void places_of_a_log_are_found_from_anywhere_before_them(void **state)
{
    struct log_name urgent = {7, 0x1234, LANE_URGENT}, other = {8, 0x1234, LANE_RECORD};
    struct cut later = entry(records, 9, 3), first = entry(records, 5, 2);
    struct cut beside = entry(urgent, 6, 4), foreign = entry(other, 1, 5);
    struct standing standing = {0};
    (void)state;
    assert_null(standing_from(&standing, records, 1));
    assert_true(standing_add(&standing, &later));
    assert_true(standing_add(&standing, &foreign));
    assert_true(standing_add(&standing, &first));
    assert_true(standing_add(&standing, &beside));
    assert_int_equal(standing_from(&standing, records, 1)->seq, 5);
    assert_int_equal(standing_from(&standing, records, 5)->seq, 5);
    assert_int_equal(standing_from(&standing, records, 6)->seq, 9);
    assert_null(standing_from(&standing, records, 10));
    assert_int_equal(standing_from(&standing, urgent, 1)->seq, 6);
    assert_null(standing_from(&standing, urgent, 7));
    assert_int_equal(standing_from(&standing, other, 0)->seq, 1);
    standing_clear(&standing);
    assert_null(standing_from(&standing, records, 1));
    standing_deinit(&standing);
}

static void what_was_written_again_is_known_as_far_as_it_was(void **state)
{
    struct again first = {entry(records, 5, 2), 7}, more = {entry(records, 5, 2), 9};
    struct again other = {entry(records, 5, 3), 6};
    struct standing standing = {0};
    (void)state;
    assert_int_equal(standing_again(&standing, &first.first), 0);
    standing_add_again(&standing, &more);
    standing_add_again(&standing, &first);
    assert_int_equal(standing_again(&standing, &first.first), 9);
    assert_int_equal(standing_again(&standing, &other.first), 0);
    standing_add_again(&standing, &other);
    assert_int_equal(standing_again(&standing, &other.first), 6);
    standing_clear(&standing);
    assert_int_equal(standing_again(&standing, &other.first), 0);
    standing_deinit(&standing);
}

static void what_was_written_again_reads_as_it_was_stated(void **state)
{
    struct again stated[] = {{entry(records, 5, 2), 7}, {entry(records, 9, 4), 9}};
    struct statement statement;
    struct again again;
    struct buffer out;
    (void)state;
    buffer_init(&out, SIZE_MAX);
    statement_again(&out, 1700000000000, stated, 2);
    assert_int_equal(statement_decode(buffer_slice(&out), &statement), OK);
    for (size_t i = 0; i < 2; i++) {
        assert_true(statement_next_again(&statement, &again));
        assert_int_equal(again.first.seq, stated[i].first.seq);
        assert_true(hash_equal(&again.first.hash, &stated[i].first.hash));
        assert_int_equal(again.last, stated[i].last);
    }
    assert_false(statement_next_again(&statement, &again));
    stated[0].last = 4; /* before it began */
    buffer_clear(&out);
    statement_again(&out, 1700000000000, stated, 2);
    assert_int_equal(statement_decode(buffer_slice(&out), &statement), ERR_MALFORMED);
    buffer_deinit(&out);
}

static enum status reads_as(const struct cut *stands, struct statement *statement)
{
    struct buffer out;
    buffer_init(&out, SIZE_MAX);
    statement_stands(&out, 1700000000000, stands);
    enum status status = statement_decode(buffer_slice(&out), statement);
    buffer_deinit(&out);
    return status;
}

static void a_word_about_a_log_reads_as_it_was_written(void **state)
{
    struct cut stands = entry(records, 5, 2);
    struct statement statement;
    (void)state;
    assert_int_equal(reads_as(&stands, &statement), OK);
    assert_int_equal(statement.kind, STATEMENT_STANDS);
    assert_int_equal(statement.stands.log.tag, 0x1234);
    assert_int_equal(statement.stands.log.lane, LANE_RECORD);
    assert_int_equal(statement.stands.seq, 5);
    assert_true(hash_equal(&statement.stands.hash, &stands.hash));
}

static void no_word_is_about_a_control_log_or_the_place_before_the_first(void **state)
{
    struct cut none = entry(records, 0, 2);
    struct cut control = entry((struct log_name){7, 0x1234, LANE_CONTROL}, 1, 2);
    struct statement statement;
    (void)state;
    assert_int_equal(reads_as(&none, &statement), ERR_MALFORMED);
    assert_int_equal(reads_as(&control, &statement), ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            of_two_words_about_one_place_the_lower_hash_stands_in_either_order),
        cmocka_unit_test(places_of_a_log_are_found_from_anywhere_before_them),
        cmocka_unit_test(what_was_written_again_is_known_as_far_as_it_was),
        cmocka_unit_test(what_was_written_again_reads_as_it_was_stated),
        cmocka_unit_test(a_word_about_a_log_reads_as_it_was_written),
        cmocka_unit_test(no_word_is_about_a_control_log_or_the_place_before_the_first),
    };
    return cmocka_run_group_tests_name("standing", tests, NULL, NULL);
}
