/* Records counted by place, register and field. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "crdt/codec.h"
#include "crdt/tally.h"

#define LIU UINT64_C(331123103201)
#define DING UINT64_C(331123103202)

/* Counts a visit with that outcome and so many minutes; 0: none are stated. */
static void count(struct tallies *tallies, uint64_t place, uint8_t outcome,
                  uint64_t minutes)
{
    const struct schema_register *reg = schema_register(REGISTER_VISIT);
    struct field_view fields[FIELDS_MAX];
    struct version versions[2];
    struct buffer encoded[2];
    struct record_view record = {.reg = reg, .known = true, .fields = fields};
    for (size_t i = 0; i < reg->field_count; i++)
        fields[i] = (struct field_view){.field = &reg->fields[i]};
    for (size_t i = 0; i < 2; i++) {
        uint8_t field = i == 0 ? VISIT_OUTCOME : VISIT_MINUTES;
        uint64_t value = i == 0 ? outcome : minutes;
        buffer_init(&encoded[i], 16);
        codec_put_uint(&encoded[i], value);
        versions[i] = (struct version){.value = buffer_slice(&encoded[i])};
        fields[field].versions = &versions[i];
        fields[field].count = value > 0;
    }
    tallies_add(tallies, place, &record);
    buffer_deinit(&encoded[0]);
    buffer_deinit(&encoded[1]);
}

static void records_are_counted_by_place_and_choice(void **state)
{
    struct tallies tallies = {0};
    (void)state;
    count(&tallies, DING, OUTCOME_MET, 0);
    count(&tallies, LIU, OUTCOME_MET, 30);
    count(&tallies, LIU, OUTCOME_ABSENT, 5);
    count(&tallies, LIU, OUTCOME_MET, 41);
    count(&tallies, LIU, 0, 40);
    assert_int_equal(tallies.count, 5);
    assert_int_equal(tallies.rows[0].place, LIU);
    assert_int_equal(tallies.rows[0].field, FIELD_NONE);
    assert_int_equal(tallies.rows[0].records, 4);
    assert_int_equal(tallies.rows[1].field, VISIT_OUTCOME);
    assert_int_equal(tallies.rows[1].records, 3);
    assert_int_equal(tallies.rows[1].counts[OUTCOME_MET], 2);
    assert_int_equal(tallies.rows[2].field, VISIT_MINUTES);
    assert_int_equal(tallies.rows[2].records, 4);
    assert_int_equal(tally_median(&tallies.rows[2]), 30);
    assert_int_equal(tally_mean_tenths(&tallies.rows[2]), 290);
    assert_int_equal(tally_sum(&tallies.rows[2]), 116);
    assert_int_equal(tallies.rows[3].place, DING);
    assert_int_equal(tallies.rows[3].records, 1);
    tallies_deinit(&tallies);
}

static void what_coverage_counts_is_not_counted_again(void **state)
{
    (void)state;
    assert_false(tally_is_meant(schema_register(REGISTER_PERSON)));
    assert_false(tally_is_meant(schema_register(REGISTER_VISIT)));
    assert_false(tally_is_meant(schema_register(REGISTER_MONTH)));
    for (size_t i = 0; schema_register_at(i) != NULL; i++) {
        const struct schema_register *steps =
            schema_register(schema_register_at(i)->step_register);
        if (steps != NULL)
            assert_false(tally_is_meant(steps));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_counted_by_place_and_choice),
        cmocka_unit_test(what_coverage_counts_is_not_counted_again),
    };
    return cmocka_run_group_tests_name("tally", tests, NULL, NULL);
}
