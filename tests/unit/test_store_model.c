/* Random work on a table against an array that does the same. */
#define _XOPEN_SOURCE 700 /* nftw in the fixture */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/stat.h>

#include <cmocka.h>

#include "tests/unit/store_fixture.h"

enum { MODEL_KEYS = 700, MODEL_ROUNDS = 400, MODEL_STEPS = 150 };

struct model {
    uint32_t values[MODEL_KEYS]; /* 0: absent */
};

/* xorshift64*: the seed is printed, so that a failure can be had again. */
static uint64_t random_next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1dull;
}

static size_t model_floor(const struct model *model, size_t from)
{
    for (size_t i = from + 1; i > 0; i--) {
        if (model->values[i - 1] != 0)
            return i - 1;
    }
    return MODEL_KEYS;
}

/* The value's length follows from its number, up to the pages of its own. */
static struct slice model_value(uint32_t number)
{
    static uint8_t bytes[6000];
    size_t size = number % 11 == 0 ? 4 + number % 5000 : 4 + number % 200;
    memset(bytes, (int)(number & 0xff), size);
    put_be32(bytes, number);
    return slice_of(bytes, size);
}

static void model_write(struct model *model, struct store_txn *txn, uint64_t random)
{
    uint8_t key[4];
    uint32_t number = (uint32_t)(random >> 32) | 1;
    size_t at = random % MODEL_KEYS;
    size_t last = model_floor(model, MODEL_KEYS - 1);
    bool append = random % 7 == 0 && (last == MODEL_KEYS || at > last);
    put_be32(key, (uint32_t)at);
    if (random % 5 == 0 && !append) {
        store_delete(txn, STORE_ROWS, slice_of(key, 4));
        model->values[at] = 0;
    } else if (append) {
        store_append(txn, STORE_ROWS, slice_of(key, 4), model_value(number));
        model->values[at] = number;
    } else {
        store_put(txn, STORE_ROWS, slice_of(key, 4), model_value(number));
        model->values[at] = number;
    }
}

static void model_check_lookups(const struct model *model, struct store_txn *txn,
                                size_t at)
{
    uint8_t key[4];
    struct slice found;
    struct slice value;
    put_be32(key, (uint32_t)at);
    bool present = store_get(txn, STORE_ROWS, slice_of(key, 4), &value);
    assert_true(present == (model->values[at] != 0));
    if (present)
        assert_true(slice_equal(value, model_value(model->values[at])));
    size_t expected = model_floor(model, at);
    present = store_floor(txn, STORE_ROWS, slice_of(key, 4), &found, &value);
    assert_true(present == (expected < MODEL_KEYS));
    if (present) {
        assert_int_equal(get_be32(found.data), expected);
        assert_true(slice_equal(value, model_value(model->values[expected])));
    }
    expected = model_floor(model, MODEL_KEYS - 1);
    assert_true(store_last(txn, STORE_ROWS, &found, &value) == (expected < MODEL_KEYS));
    if (expected < MODEL_KEYS)
        assert_int_equal(get_be32(found.data), expected);
}

static void model_check_walk(const struct model *model, struct store_txn *txn,
                             size_t from)
{
    uint8_t key[4];
    struct store_cursor cursor;
    struct slice found;
    struct slice value;
    put_be32(key, (uint32_t)from);
    bool more = store_seek(txn, STORE_ROWS, slice_of(key, 4), &cursor, &found, &value);
    for (size_t at = from; at < MODEL_KEYS; at++) {
        if (model->values[at] == 0)
            continue;
        assert_true(more);
        assert_int_equal(get_be32(found.data), at);
        assert_true(slice_equal(value, model_value(model->values[at])));
        more = store_next(txn, &cursor, &found, &value);
    }
    assert_false(more);
}

static void a_table_is_a_sorted_map_whatever_is_done_to_it(void **state)
{
    struct store_fixture *fixture = *state;
    static struct model model;
    uint64_t seed = 20260531;
    print_message("seed %llu\n", (unsigned long long)seed);
    fixture_open_small(fixture, 32 << 20);
    for (int round = 0; round < MODEL_ROUNDS; round++) {
        struct model before = model;
        struct store_txn *txn = fixture_begin(fixture);
        if (random_next(&seed) % 40 == 0) {
            store_clear(txn, STORE_ROWS);
            model = (struct model){0};
        }
        for (int step = 0; step < MODEL_STEPS; step++) {
            model_write(&model, txn, random_next(&seed));
            model_check_lookups(&model, txn, random_next(&seed) % MODEL_KEYS);
        }
        model_check_walk(&model, txn, random_next(&seed) % MODEL_KEYS);
        if (random_next(&seed) % 4 == 0) {
            store_abort(txn);
            model = before;
        } else {
            assert_int_equal(store_commit(txn), OK);
        }
        txn = fixture_begin_read(fixture);
        model_check_lookups(&model, txn, random_next(&seed) % MODEL_KEYS);
        model_check_walk(&model, txn, 0);
        store_abort(txn);
    }
    fixture_close(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_table_is_a_sorted_map_whatever_is_done_to_it,
                                        fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests_name("store_model", tests, NULL, NULL);
}
