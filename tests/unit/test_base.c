#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "crdt/base.h"

static void every_status_has_words_of_its_own(void **state)
{
    (void)state;
    const struct status_words *row;
    size_t count = 0;
    for (; (row = status_words_at(count)) != NULL; count++) {
        assert_ptr_equal(status_words(row->status), row);
        assert_true(row->name[0] != '\0' && row->text[0] != '\0');
        assert_non_null(row->next);
    }
    assert_true(count > 30);
    assert_null(status_words_at(count));
    assert_string_equal(status_words(ERR_DISK_FULL)->name, "ERR_DISK_FULL");
}

static void an_unknown_status_reads_as_malformed(void **state)
{
    (void)state;
    assert_int_equal(status_words((enum status)9999)->status, ERR_MALFORMED);
}

/* The line that a broken promise leaves on stderr. The child may not leave a core. */
static int broken_promise(char *line, size_t size)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0});
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        CHECK(ends[0] < 0);
        _exit(0);
    }
    close(ends[1]);
    size_t length = 0;
    ssize_t got;
    while ((got = read(ends[0], line + length, size - 1 - length)) > 0)
        length += (size_t)got;
    line[length] = '\0';
    close(ends[0]);
    int wait_status;
    assert_int_equal(waitpid(child, &wait_status, 0), child);
    return wait_status;
}

static void a_broken_promise_stops_the_process_with_one_line(void **state)
{
    (void)state;
    char line[512];
    int wait_status = broken_promise(line, sizeof line);
    assert_true(WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGABRT);
    assert_non_null(strstr(line, "test_base.c"));
    assert_non_null(strstr(line, "ends[0] < 0"));
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void slices_sort_as_bytes_and_the_shorter_first(void **state)
{
    (void)state;
    const char *sorted[] = {"", "a", "aa", "ab", "b", "\xff"};
    for (size_t i = 0; i < ARRAY_SIZE(sorted); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(sorted); j++) {
            int order = slice_compare(slice_text(sorted[i]), slice_text(sorted[j]));
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
            bool equal = slice_equal(slice_text(sorted[i]), slice_text(sorted[j]));
            assert_true(equal == (i == j));
        }
    }
    assert_true(slice_equal(slice_of(NULL, 0), slice_text("")));
}

static void a_take_that_fails_takes_nothing(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0x80, 0x80, 0x80};
    struct slice in = slice_of(bytes, sizeof bytes);
    struct slice part;
    uint8_t out[8] = {0};
    uint32_t u32;
    uint64_t u64;
    assert_false(slice_take(&in, 4, out));
    assert_false(slice_borrow(&in, SIZE_MAX, &part));
    assert_false(slice_take_u32(&in, &u32));
    assert_false(slice_take_u64(&in, &u64));
    assert_false(slice_take_varint(&in, &u64));
    assert_ptr_equal(in.data, bytes);
    assert_int_equal(in.size, sizeof bytes);
}

static void integers_are_written_and_read_little_endian(void **state)
{
    (void)state;
    const uint8_t expected[] = {0x01, 0x03, 0x02, 0x07, 0x06, 0x05, 0x04, 0x0f,
                                0x0e, 0x0d, 0x0c, 0x0b, 0x0a, 0x09, 0x08};
    struct buffer buffer;
    buffer_init(&buffer, 64);
    buffer_put_u8(&buffer, 0x01);
    buffer_put_u16(&buffer, 0x0203);
    buffer_put_u32(&buffer, 0x04050607);
    buffer_put_u64(&buffer, 0x08090a0b0c0d0e0f);
    struct slice in = buffer_slice(&buffer);
    assert_true(slice_equal(in, slice_of(expected, sizeof expected)));
    uint8_t u8 = 0;
    uint16_t u16 = 0;
    uint32_t u32 = 0;
    uint64_t u64 = 0;
    assert_true(slice_take_u8(&in, &u8) && slice_take_u16(&in, &u16) &&
                slice_take_u32(&in, &u32) && slice_take_u64(&in, &u64));
    assert_int_equal(u8, 0x01);
    assert_int_equal(u16, 0x0203);
    assert_int_equal(u32, 0x04050607);
    assert_true(u64 == 0x08090a0b0c0d0e0f);
    assert_int_equal(in.size, 0);
    buffer_deinit(&buffer);
}

static void big_endian_keys_sort_as_their_numbers(void **state)
{
    (void)state;
    const uint64_t numbers[] = {0, 1, 255, 256, UINT32_MAX, 1ull << 32, UINT64_MAX};
    uint8_t before[8];
    uint8_t after[8];
    for (size_t i = 1; i < ARRAY_SIZE(numbers); i++) {
        put_be64(before, numbers[i - 1]);
        put_be64(after, numbers[i]);
        assert_true(memcmp(before, after, 8) < 0);
        assert_true(get_be64(after) == numbers[i]);
        put_le64(after, numbers[i]);
        assert_true(get_le64(after) == numbers[i]);
    }
    put_le32(before, 0x01020304);
    assert_memory_equal(before, "\x04\x03\x02\x01", 4);
    put_be32(before, 0x01020304);
    assert_memory_equal(before, "\x01\x02\x03\x04", 4);
    assert_int_equal(get_be32(before), 0x01020304);
}

static void a_varint_comes_back_and_has_the_size_it_is_said_to_have(void **state)
{
    (void)state;
    for (unsigned shift = 0; shift < 64; shift++) {
        for (uint64_t around = 0; around < 3; around++) {
            uint64_t value = (1ull << shift) - 1 + around;
            uint64_t back;
            struct buffer buffer;
            buffer_init(&buffer, 10);
            buffer_put_varint(&buffer, value);
            struct slice in = buffer_slice(&buffer);
            assert_false(buffer.overflow);
            assert_int_equal(in.size, varint_size(value));
            assert_true(slice_take_varint(&in, &back));
            assert_true(back == value);
            assert_int_equal(in.size, 0);
            buffer_deinit(&buffer);
        }
    }
    assert_int_equal(varint_size(UINT64_MAX), 10);
}

static void a_second_spelling_of_a_varint_is_refused(void **state)
{
    (void)state;
    static const char *const spellings[] = {
        "\x80\x00",                                 /* 0 in two bytes */
        "\xff\x00",                                 /* 127 in two bytes */
        "\x80\x80\x80\x00",                         /* 0 in four */
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", /* more than 64 bits */
        "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", /* 0 in ten */
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81", /* eleven bytes */
        "\xff",                                     /* no end */
    };
    static const size_t sizes[] = {2, 2, 4, 10, 10, 10, 1};
    for (size_t i = 0; i < ARRAY_SIZE(spellings); i++) {
        struct slice in = slice_of(spellings[i], sizes[i]);
        uint64_t value;
        assert_false(slice_take_varint(&in, &value));
        assert_int_equal(in.size, sizes[i]);
    }
}

static void a_buffer_stops_at_its_limit_and_remembers_it(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 100);
    for (int i = 0; i < 12; i++)
        buffer_put_u64(&buffer, (uint64_t)i);
    assert_false(buffer.overflow);
    buffer_put_u64(&buffer, 12);
    assert_true(buffer.overflow);
    buffer_put_u8(&buffer, 1); /* would fit, but what came before is missing */
    assert_int_equal(buffer_slice(&buffer).size, 96);
    assert_true(buffer.capacity <= 100);
    buffer_clear(&buffer);
    buffer_put(&buffer, NULL, 0);
    assert_false(buffer.overflow);
    assert_int_equal(buffer_slice(&buffer).size, 0);
    buffer_put(&buffer, "again", 5);
    assert_true(slice_equal(buffer_slice(&buffer), slice_text("again")));
    buffer_deinit(&buffer);
}

static void a_buffer_keeps_its_content_while_it_grows(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, SIZE_MAX);
    for (uint32_t i = 0; i < 10000; i++)
        buffer_put_u32(&buffer, i);
    struct slice in = buffer_slice(&buffer);
    for (uint32_t i = 0; i < 10000; i++) {
        uint32_t value;
        assert_true(slice_take_u32(&in, &value));
        assert_int_equal(value, i);
    }
    buffer_deinit(&buffer);
}

static void arena_memory_is_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    struct arena arena;
    uint8_t *pieces[400];
    arena_init(&arena);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
            size_t size = i * 7;
            pieces[i] = arena_alloc(&arena, size);
            assert_int_equal((uintptr_t)pieces[i] % 16, 0);
            for (size_t at = 0; at < size; at++)
                assert_int_equal(pieces[i][at], 0);
            memset(pieces[i], (int)(i % 251) + 1, size);
        }
        for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
            for (size_t at = 0; at < i * 7; at++)
                assert_int_equal(pieces[i][at], i % 251 + 1);
        }
        arena_reset(&arena);
    }
    arena_deinit(&arena);
    arena_deinit(&arena);
}

static void a_grown_array_keeps_its_items_and_doubles(void **state)
{
    (void)state;
    size_t capacity = 0, moves = 0;
    uint32_t *items = NULL;
    for (uint32_t i = 0; i < 1000; i++) {
        size_t before = capacity;
        items = array_grow(items, &capacity, i + 1, sizeof *items);
        moves += capacity != before;
        assert_true(capacity > i);
        items[i] = i;
    }
    assert_true(moves <= 7);
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(items[i], i);
    items = array_grow(items, &capacity, 100000, sizeof *items);
    assert_int_equal(capacity, 100000);
    assert_int_equal(items[999], 999);
    free(items);
}

static int number_compare(const void *key, const void *item)
{
    const uint32_t *left = key, *right = item;
    return (*left > *right) - (*left < *right);
}

static void a_sorted_search_finds_the_first_or_the_place_for_it(void **state)
{
    (void)state;
    static const uint32_t items[] = {2, 4, 4, 4, 9};
    static const struct {
        uint32_t key;
        size_t place;
        bool found;
    } expected[] = {{1, 0, false}, {2, 0, true}, {3, 1, false}, {4, 1, true},
                    {5, 4, false}, {9, 4, true}, {10, 5, false}};
    size_t place = 7;
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
        assert_int_equal(sorted_find(&expected[i].key, items, ARRAY_SIZE(items),
                                     sizeof items[0], number_compare, &place),
                         expected[i].found);
        assert_int_equal(place, expected[i].place);
    }
    assert_false(
        sorted_find(&items[0], NULL, 0, sizeof items[0], number_compare, &place));
    assert_int_equal(place, 0);
}

static void an_arena_reset_keeps_one_block_for_the_next_step(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    arena_alloc(&arena, 1000);
    uint8_t *large = arena_alloc(&arena, 1000000);
    arena_reset(&arena);
    assert_ptr_equal(arena_alloc(&arena, 900000), large);
    struct slice copy = arena_copy(&arena, slice_text("copied"));
    assert_true(slice_equal(copy, slice_text("copied")));
    assert_int_equal(arena_copy(&arena, slice_of(NULL, 0)).size, 0);
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_words_of_its_own),
        cmocka_unit_test(an_unknown_status_reads_as_malformed),
        cmocka_unit_test(a_broken_promise_stops_the_process_with_one_line),
        cmocka_unit_test(slices_sort_as_bytes_and_the_shorter_first),
        cmocka_unit_test(a_take_that_fails_takes_nothing),
        cmocka_unit_test(integers_are_written_and_read_little_endian),
        cmocka_unit_test(big_endian_keys_sort_as_their_numbers),
        cmocka_unit_test(a_varint_comes_back_and_has_the_size_it_is_said_to_have),
        cmocka_unit_test(a_second_spelling_of_a_varint_is_refused),
        cmocka_unit_test(a_buffer_stops_at_its_limit_and_remembers_it),
        cmocka_unit_test(a_buffer_keeps_its_content_while_it_grows),
        cmocka_unit_test(arena_memory_is_zeroed_aligned_and_apart),
        cmocka_unit_test(an_arena_reset_keeps_one_block_for_the_next_step),
        cmocka_unit_test(a_grown_array_keeps_its_items_and_doubles),
        cmocka_unit_test(a_sorted_search_finds_the_first_or_the_place_for_it),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
