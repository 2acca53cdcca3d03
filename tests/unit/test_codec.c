#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <msgpack.h>

#include "crdt/codec.h"
#include "crdt/text.h"

enum { INPUT_SIZE_MAX = 4096 };

static uint64_t random_state;

static uint64_t random_next(void) /* splitmix64 */
{
    uint64_t mixed = random_state += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

static uint64_t random_below(uint64_t bound)
{
    return random_next() % bound;
}

/* Integers around every change of spelling are the interesting ones. */
static uint64_t random_integer(void)
{
    uint64_t value = UINT64_C(1) << random_below(64);
    return value + random_below(5) - 2;
}

static void put_random_body(struct buffer *out, bool text)
{
    static const size_t sizes[] = {0, 1, 31, 32, 255, 256, 300};
    size_t size = sizes[random_below(ARRAY_SIZE(sizes))];
    uint8_t body[300];
    for (size_t i = 0; i < size; i++)
        body[i] = text ? (uint8_t)('a' + random_below(26)) : (uint8_t)random_next();
    if (text && size >= 3)
        memcpy(body, "村", 3);
    if (text)
        codec_put_text(out, slice_of(body, size));
    else
        codec_put_bytes(out, slice_of(body, size));
}

static void put_random_value(struct buffer *out, unsigned depth);

static void put_random_map(struct buffer *out, unsigned depth)
{
    size_t count = random_below(18);
    codec_put_map(out, count);
    for (size_t i = 0; i < count; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%zu", i);
        codec_put_cstring(out, key);
        put_random_value(out, depth - 1);
    }
}

static void put_random_value(struct buffer *out, unsigned depth)
{
    switch (random_below(depth > 1 ? 8 : 6)) {
    case 0: codec_put_nil(out); break;
    case 1: codec_put_bool(out, random_below(2)); break;
    case 2: codec_put_uint(out, random_integer()); break;
    case 3: codec_put_int(out, -(int64_t)(random_integer() >> 1)); break;
    case 4: put_random_body(out, true); break;
    case 5: put_random_body(out, false); break;
    case 6: {
        size_t count = random_below(20);
        codec_put_array(out, count);
        for (size_t i = 0; i < count; i++)
            put_random_value(out, depth - 1);
        break;
    }
    default: put_random_map(out, depth); break;
    }
}

/* What msgpack-c's object says, written again by our writer. Bytes that survive this
 * unchanged mean the same to both and have the one spelling. */
static void put_object(struct buffer *out, const msgpack_object *object)
{
    switch (object->type) {
    case MSGPACK_OBJECT_NIL: codec_put_nil(out); break;
    case MSGPACK_OBJECT_BOOLEAN: codec_put_bool(out, object->via.boolean); break;
    case MSGPACK_OBJECT_POSITIVE_INTEGER: codec_put_uint(out, object->via.u64); break;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER: codec_put_int(out, object->via.i64); break;
    case MSGPACK_OBJECT_STR:
        codec_put_text(out, slice_of(object->via.str.ptr, object->via.str.size));
        break;
    case MSGPACK_OBJECT_BIN:
        codec_put_bytes(out, slice_of(object->via.bin.ptr, object->via.bin.size));
        break;
    case MSGPACK_OBJECT_ARRAY:
        codec_put_array(out, object->via.array.size);
        for (uint32_t i = 0; i < object->via.array.size; i++)
            put_object(out, &object->via.array.ptr[i]);
        break;
    case MSGPACK_OBJECT_MAP:
        codec_put_map(out, object->via.map.size);
        for (uint32_t i = 0; i < object->via.map.size; i++) {
            put_object(out, &object->via.map.ptr[i].key);
            put_object(out, &object->via.map.ptr[i].val);
        }
        break;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
    case MSGPACK_OBJECT_EXT: fail_msg("a type we never accept"); break;
    }
}

static void assert_library_agrees(struct slice encoded)
{
    msgpack_unpacked unpacked;
    size_t offset = 0;
    msgpack_unpacked_init(&unpacked);
    assert_int_equal(
        msgpack_unpack_next(&unpacked, (const char *)encoded.data, encoded.size, &offset),
        MSGPACK_UNPACK_SUCCESS);
    assert_int_equal(offset, encoded.size);
    struct buffer again;
    buffer_init(&again, 2 * INPUT_SIZE_MAX);
    put_object(&again, &unpacked.data);
    assert_true(slice_equal(buffer_slice(&again), encoded));
    buffer_deinit(&again);
    msgpack_unpacked_destroy(&unpacked);
}

static void what_is_written_is_accepted_and_means_the_same_to_the_library(void **state)
{
    (void)state;
    struct buffer out;
    random_state = 1;
    for (unsigned round = 0; round < 3000; round++) {
        buffer_init(&out, INPUT_SIZE_MAX);
        put_random_value(&out, 3);
        if (!out.overflow) {
            assert_true(codec_check(buffer_slice(&out)));
            assert_library_agrees(buffer_slice(&out));
        }
        buffer_deinit(&out);
    }
}

static size_t mutate(uint8_t *bytes, size_t size)
{
    for (uint64_t edits = 1 + random_below(3); edits > 0 && size > 0; edits--) {
        size_t place = random_below(size);
        switch (random_below(4)) {
        case 0: bytes[place] ^= (uint8_t)(1u << random_below(8)); break;
        case 1: bytes[place] = (uint8_t)(0xc0 + random_below(0x40)); break;
        case 2:
            memmove(bytes + place, bytes + place + 1, size - place - 1);
            size--;
            break;
        default:
            memmove(bytes + place + 1, bytes + place, size - place);
            bytes[place] = (uint8_t)random_next();
            size++;
            break;
        }
    }
    return size;
}

/* Mutated bytes are copied to a block of their very size, so that a sanitizer sees any
 * step past the end. */
static void whatever_is_accepted_has_one_spelling(void **state)
{
    (void)state;
    random_state = 20260531;
    print_message("seed %llu\n", (unsigned long long)random_state);
    size_t accepted = 0;
    for (unsigned round = 0; round < 200000; round++) {
        struct buffer out;
        buffer_init(&out, INPUT_SIZE_MAX);
        put_random_value(&out, 2);
        uint8_t bytes[INPUT_SIZE_MAX + 8];
        memcpy(bytes, out.data, out.size);
        size_t size = mutate(bytes, out.overflow ? 0 : out.size);
        buffer_deinit(&out);
        uint8_t *exact = checked_malloc(size);
        memcpy(exact, bytes, size);
        struct slice in = slice_of(exact, size);
        if (codec_check(in)) {
            accepted++;
            assert_library_agrees(in);
        }
        free(exact);
    }
    assert_true(accepted > 1000);
}

static void assert_refused(const void *bytes, size_t size)
{
    struct slice in = slice_of(bytes, size), any;
    assert_false(codec_check(in));
    assert_false(codec_take_any(&in, &any));
    assert_ptr_equal(in.data, bytes);
    assert_int_equal(in.size, size);
}

#define ASSERT_REFUSED(literal) assert_refused(literal, sizeof(literal) - 1)

static void longer_spellings_are_refused(void **state)
{
    (void)state;
    ASSERT_REFUSED("\xcc\x7f");
    ASSERT_REFUSED("\xcd\x00\xff");
    ASSERT_REFUSED("\xce\x00\x00\xff\xff");
    ASSERT_REFUSED("\xcf\x00\x00\x00\x00\xff\xff\xff\xff");
    ASSERT_REFUSED("\xd0\x05"); /* a number >= 0 spelled as a signed one */
    ASSERT_REFUSED("\xd0\xe0");
    ASSERT_REFUSED("\xd1\xff\x80");
    ASSERT_REFUSED("\xd2\xff\xff\x80\x00");
    ASSERT_REFUSED("\xd3\xff\xff\xff\xff\x80\x00\x00\x00");
    ASSERT_REFUSED("\xd9\x01x");
    ASSERT_REFUSED("\xc5\x00\x01x");
    ASSERT_REFUSED("\xdc\x00\x01\xc0");
    ASSERT_REFUSED("\xde\x00\x01\xa1x\xc0");
}

static void foreign_types_and_bad_text_are_refused(void **state)
{
    (void)state;
    ASSERT_REFUSED("\xc1");
    ASSERT_REFUSED("\xca\x00\x00\x00\x00");
    ASSERT_REFUSED("\xd4\x01\x01");
    ASSERT_REFUSED("\xc7\x00\x01");
    ASSERT_REFUSED("\xa2\xc0\x80");         /* NUL in two bytes */
    ASSERT_REFUSED("\xa3\xed\xa0\x80");     /* a surrogate */
    ASSERT_REFUSED("\xa4\xf4\x90\x80\x80"); /* past U+10FFFF */
    ASSERT_REFUSED("\xa1\x1b");
    ASSERT_REFUSED("\xa1\x7f");
    ASSERT_REFUSED("\xa2\xc2\x9b"); /* CSI in one character */
    ASSERT_REFUSED("\xa2\xe6\x9d");
    assert_false(codec_check(slice_of("\xc0\xc0", 2))); /* one value, then another */
}

static void counts_beyond_the_bytes_are_refused_at_once(void **state)
{
    (void)state;
    ASSERT_REFUSED("\xdd\x00\xff\xff\xff");
    ASSERT_REFUSED("\xdf\x00\xff\xff\xff");
    ASSERT_REFUSED("\xc6\xff\xff\xff\xff");
    ASSERT_REFUSED("\x82\xa1x\xc0"); /* two pairs in three bytes */
    ASSERT_REFUSED("");
}

static void maps_have_texts_as_keys_each_once(void **state)
{
    (void)state;
    ASSERT_REFUSED("\x81\x01\x01");
    ASSERT_REFUSED("\x82\xa1x\x01\xa1x\x02");
    struct slice good = slice_of("\x82\xa1x\x01\xa1y\x02", 7), value;
    assert_true(codec_check(good));
    assert_true(codec_map_find(good, "y", &value));
    assert_true(slice_equal(value, slice_of("\x02", 1)));
    assert_false(codec_map_find(good, "z", &value));
    assert_false(codec_map_find(slice_of("\x92\x01\x02", 3), "x", &value));
}

static void nesting_ends_at_the_limit(void **state)
{
    (void)state;
    uint8_t nested[CODEC_DEPTH_MAX + 1];
    memset(nested, 0x91, sizeof nested);
    nested[CODEC_DEPTH_MAX - 1] = 0xc0;
    assert_true(codec_check(slice_of(nested, CODEC_DEPTH_MAX)));
    nested[CODEC_DEPTH_MAX - 1] = 0x91;
    nested[CODEC_DEPTH_MAX] = 0xc0;
    assert_false(codec_check(slice_of(nested, CODEC_DEPTH_MAX + 1)));
}

static void a_taker_of_another_type_takes_nothing(void **state)
{
    (void)state;
    struct slice in = slice_of("\xa1x", 2), body;
    struct slice before = in;
    uint64_t number;
    int64_t integer;
    size_t count;
    bool flag;
    assert_false(codec_take_uint(&in, &number));
    assert_false(codec_take_int(&in, &integer));
    assert_false(codec_take_nil(&in));
    assert_false(codec_take_bool(&in, &flag));
    assert_false(codec_take_bytes(&in, &body));
    assert_false(codec_take_array(&in, &count));
    assert_false(codec_take_map(&in, &count));
    assert_ptr_equal(in.data, before.data);
    assert_true(codec_take_text(&in, &body));
    assert_true(slice_equal(body, slice_text("x")));
    assert_int_equal(in.size, 0);
}

static void integers_keep_their_value(void **state)
{
    (void)state;
    static const int64_t values[] = {0,         127,        128,       -1,       -32,
                                     -33,       -128,       -129,      -32768,   -32769,
                                     INT32_MIN, UINT32_MAX, INT64_MIN, INT64_MAX};
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        struct buffer out;
        int64_t back = 0;
        buffer_init(&out, 16);
        codec_put_int(&out, values[i]);
        struct slice in = buffer_slice(&out);
        assert_true(codec_take_int(&in, &back));
        assert_true(back == values[i]);
        buffer_deinit(&out);
    }
    struct slice too_large = slice_of("\xcf\x80\x00\x00\x00\x00\x00\x00\x00", 9);
    int64_t unused;
    uint64_t large;
    assert_false(codec_take_int(&too_large, &unused));
    assert_true(codec_take_uint(&too_large, &large));
    assert_true(large == UINT64_C(1) << 63);
}

static void characters_are_counted_not_bytes(void **state)
{
    (void)state;
    assert_int_equal(text_characters(slice_text("")), 0);
    assert_int_equal(text_characters(slice_text("a村𠮷")), 3);
    assert_true(text_is_clean(slice_text("石练镇 𠮷\n\t")));
    assert_true(text_is_clean(slice_text("\xc2\xa0")));
}

static void what_cannot_be_seen_is_no_text(void **state)
{
    (void)state;
    static const char *const invisible[] = {
        "\u202e", "\u202a", "\u2066", "\u2069", "\u200b", "\u200e",     "\u200f",
        "\u2060", "\u2064", "\ufeff", "\ufff9", "\ufffb", "\U000e0001", "\U000e0041",
        "\u2028", "\u2029", "\u00ad", "\u061c", "\u180e", "\U000e007f",
    };
    for (size_t i = 0; i < ARRAY_SIZE(invisible); i++) {
        char name[32];
        struct buffer out;
        (void)snprintf(name, sizeof name, "王%s英", invisible[i]);
        assert_false(text_is_clean(slice_text(name)));
        buffer_init(&out, sizeof name + 8);
        codec_put_cstring(&out, name);
        assert_refused(out.data, out.size);
        buffer_deinit(&out);
    }
    /* The neighbours of the ranges, a chosen variant, and what people type. */
    static const char *const seen[] = {"\u200a", "\u2010",     "\u2027",     "\u202f",
                                       "\u205f", "\u2070",     "\ufff8",     "\ufffc",
                                       "\ufe0f", "\U000e0100", "\U000dffff", "，、。"};
    for (size_t i = 0; i < ARRAY_SIZE(seen); i++)
        assert_true(text_is_clean(slice_text(seen[i])));
}

static void text_is_cut_between_characters(void **state)
{
    (void)state;
    static const size_t kept[] = {0, 1, 1, 1, 4, 4, 4, 4, 8, 8};
    struct slice text = slice_text("a村𠮷");
    for (size_t size_max = 0; size_max < ARRAY_SIZE(kept); size_max++) {
        struct slice cut = text_cut(text, size_max);
        assert_ptr_equal(cut.data, text.data);
        assert_int_equal(cut.size, kept[size_max]);
    }
    assert_int_equal(text_cut((struct slice){0}, 0).size, 0);
}

static void an_id_is_bytes_of_its_one_size(void **state)
{
    (void)state;
    const struct entry_id id = {.bytes = "0123456789a"};
    struct entry_id found;
    struct buffer out;
    buffer_init(&out, 64);
    codec_put_id(&out, &id);
    struct slice in = buffer_slice(&out);
    assert_true(codec_take_id(&in, &found));
    assert_int_equal(entry_id_compare(&id, &found), 0);
    assert_int_equal(in.size, 0);
    buffer_clear(&out);
    codec_put_bytes(&out, slice_of(id.bytes, ENTRY_ID_SIZE - 1));
    in = buffer_slice(&out);
    assert_false(codec_take_id(&in, &found));
    assert_int_equal(in.size, out.size);
    buffer_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_accepted_and_means_the_same_to_the_library),
        cmocka_unit_test(whatever_is_accepted_has_one_spelling),
        cmocka_unit_test(longer_spellings_are_refused),
        cmocka_unit_test(foreign_types_and_bad_text_are_refused),
        cmocka_unit_test(counts_beyond_the_bytes_are_refused_at_once),
        cmocka_unit_test(maps_have_texts_as_keys_each_once),
        cmocka_unit_test(nesting_ends_at_the_limit),
        cmocka_unit_test(a_taker_of_another_type_takes_nothing),
        cmocka_unit_test(integers_keep_their_value),
        cmocka_unit_test(characters_are_counted_not_bytes),
        cmocka_unit_test(what_cannot_be_seen_is_no_text),
        cmocka_unit_test(text_is_cut_between_characters),
        cmocka_unit_test(an_id_is_bytes_of_its_one_size),
    };
    return cmocka_run_group_tests_name("codec", tests, NULL, NULL);
}
