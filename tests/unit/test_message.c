#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "net/message.h"

enum { MUTATIONS = 40000 };

static struct hello some_hello(void)
{
    struct hello hello = {.version = PROTOCOL_VERSION,
                          .flags = HELLO_ANSWER,
                          .incarnation = 0x0102030405060708,
                          .last = 300000,
                          .noted_incarnation = 7,
                          .noted = 299999,
                          .control_seq = 42};
    memset(hello.digest, 0xd1, sizeof hello.digest);
    memset(hello.control_hash, 0xc0, sizeof hello.control_hash);
    return hello;
}

static const struct listed_head heads[2] = {
    {{3, 0xbeef, LANE_RECORD}, 129, {1, 2, 3, 4, 5, 6, 7, 8}},
    {{0, 1, LANE_CONTROL}, SEQ_MAX, {8}},
};

static void put_heads(struct buffer *out, uint8_t flags)
{
    message_begin_heads(out, 5, 9, flags, 2);
    message_put_head(out, flags, &heads[0]);
    message_put_head(out, flags, &heads[1]);
}

static void put_want(struct buffer *out)
{
    message_begin_want(out, 1);
    message_put_range(out, &(struct wanted_range){{3, 0xbeef, LANE_RECORD}, 2, 77});
}

static void put_noted(struct buffer *out)
{
    message_begin_noted(out, 1, 2, 1);
    message_put_held(out, heads[0].log, heads[0].seq);
}

static void put_run(struct buffer *out)
{
    static const uint8_t payload[] = "some sealed bytes";
    struct buffer entries;
    struct run run = {.log = {3, 0xbeef, LANE_RECORD},
                      .first_seq = 12,
                      .realm = 331123106,
                      .epoch = 1,
                      .count = 1};
    buffer_init(&entries, 1024);
    entry_append(&entries, slice_of(payload, sizeof payload));
    run.entries = buffer_slice(&entries);
    message_put_run(out, 88, 2, &run);
    buffer_deinit(&entries);
}

static void a_hello_says_what_was_put_into_it(void **state)
{
    struct hello hello = some_hello();
    struct message message;
    struct buffer out;
    (void)state;
    buffer_init(&out, MESSAGE_SIZE_MAX);
    message_put_hello(&out, &hello);
    assert_int_equal(message_decode(buffer_slice(&out), &message), OK);
    assert_int_equal(message.kind, MESSAGE_HELLO);
    assert_int_equal(message.hello.last, hello.last);
    assert_int_equal(message.hello.noted, hello.noted);
    assert_int_equal(message.hello.control_seq, hello.control_seq);
    assert_memory_equal(message.hello.digest, hello.digest, DIGEST_SIZE);
    buffer_deinit(&out);
}

static void a_hello_costs_less_than_seventy_bytes(void **state)
{
    struct hello hello = some_hello();
    struct buffer out;
    (void)state;
    buffer_init(&out, MESSAGE_SIZE_MAX);
    message_put_hello(&out, &hello);
    assert_true(out.size < 70);
    buffer_deinit(&out);
}

static void a_hello_of_another_version_is_named_as_such(void **state)
{
    struct hello hello = some_hello();
    struct message message;
    struct buffer out;
    (void)state;
    hello.version = PROTOCOL_VERSION + 1;
    buffer_init(&out, MESSAGE_SIZE_MAX);
    message_put_hello(&out, &hello);
    assert_int_equal(message_decode(buffer_slice(&out), &message), ERR_VERSION);
    assert_int_equal(message.hello.version, PROTOCOL_VERSION + 1);
    buffer_deinit(&out);
}

static void heads_come_back_with_hashes_only_where_they_were_asked_for(void **state)
{
    struct message message;
    struct listed_head head;
    struct buffer out;
    (void)state;
    buffer_init(&out, MESSAGE_SIZE_MAX);
    for (uint8_t flags = 0; flags <= HEADS_WITH_HASHES; flags++) {
        buffer_clear(&out);
        put_heads(&out, flags);
        assert_int_equal(message_decode(buffer_slice(&out), &message), OK);
        assert_int_equal(message.heads.from, 5);
        assert_int_equal(message.heads.to, 9);
        for (size_t i = 0; i < 2; i++) {
            assert_true(message_next_head(&message.heads, &head));
            assert_true(log_name_equal(head.log, heads[i].log));
            assert_int_equal(head.seq, heads[i].seq);
            assert_int_equal(head.hash[0], flags ? heads[i].hash[0] : 0);
        }
        assert_false(message_next_head(&message.heads, &head));
    }
    buffer_deinit(&out);
}

static void a_run_travels_with_its_announcement(void **state)
{
    struct message message;
    struct buffer out;
    (void)state;
    buffer_init(&out, MESSAGE_SIZE_MAX);
    put_run(&out);
    assert_int_equal(message_decode(buffer_slice(&out), &message), OK);
    assert_int_equal(message.run.to, 88);
    assert_int_equal(message.run.span, 2);
    assert_int_equal(message.run.run.first_seq, 12);
    buffer_deinit(&out);
}

static void what_is_cut_short_or_has_a_tail_is_malformed(void **state)
{
    struct message message;
    struct buffer out;
    struct hello hello = some_hello();
    (void)state;
    buffer_init(&out, MESSAGE_SIZE_MAX);
    for (int kind = 0; kind < 5; kind++) {
        buffer_clear(&out);
        if (kind == 0)
            message_put_hello(&out, &hello);
        if (kind == 1)
            put_heads(&out, HEADS_WITH_HASHES);
        if (kind == 2)
            put_noted(&out);
        if (kind == 3)
            put_want(&out);
        if (kind == 4)
            put_run(&out);
        size_t size = out.size;
        for (size_t cut = 0; cut < size; cut++)
            assert_int_equal(message_decode(slice_of(out.data, cut), &message),
                             ERR_MALFORMED);
        buffer_put_u8(&out, 0);
        assert_int_equal(message_decode(buffer_slice(&out), &message), ERR_MALFORMED);
    }
    buffer_deinit(&out);
}

static void lists_longer_than_the_limit_are_refused_before_they_are_read(void **state)
{
    struct message message;
    struct buffer out;
    (void)state;
    buffer_init(&out, MESSAGE_SIZE_MAX);
    message_begin_want(&out, MESSAGE_LOGS_MAX + 1);
    for (uint32_t i = 0; i <= MESSAGE_LOGS_MAX; i++)
        message_put_range(&out, &(struct wanted_range){{i + 1, 1, LANE_RECORD}, 1, 1});
    assert_int_equal(message_decode(buffer_slice(&out), &message), ERR_MALFORMED);
    buffer_clear(&out);
    message_begin_heads(&out, 0, 1, 0, SIZE_MAX);
    assert_int_equal(message_decode(buffer_slice(&out), &message), ERR_MALFORMED);
    buffer_deinit(&out);
}

static void an_announcement_that_runs_backwards_is_refused(void **state)
{
    struct message message;
    struct buffer out;
    (void)state;
    buffer_init(&out, MESSAGE_SIZE_MAX);
    message_begin_heads(&out, 9, 5, 0, 0);
    assert_int_equal(message_decode(buffer_slice(&out), &message), ERR_MALFORMED);
    buffer_clear(&out);
    put_run(&out);
    CHECK(out.data[1] == 88 && out.data[2] == 2); /* to, span */
    out.data[2] = 88;
    assert_int_equal(message_decode(buffer_slice(&out), &message), OK);
    assert_int_equal(message.run.to - message.run.span, 0);
    out.data[2] = 89; /* more numbers than there are up to `to` */
    assert_int_equal(message_decode(buffer_slice(&out), &message), ERR_MALFORMED);
    buffer_deinit(&out);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

static void altered_messages_are_decoded_or_refused_but_never_more(void **state)
{
    struct message message;
    struct listed_head head;
    struct wanted_range range;
    struct buffer out;
    uint64_t seed = 20261121;
    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    buffer_init(&out, MESSAGE_SIZE_MAX);
    for (int i = 0; i < MUTATIONS; i++) {
        buffer_clear(&out);
        if (i % 3 == 0)
            put_heads(&out, (uint8_t)(i & 1));
        if (i % 3 == 1)
            put_want(&out);
        if (i % 3 == 2)
            put_run(&out);
        for (uint64_t flips = next_random(&seed) % 4 + 1; flips > 0; flips--)
            out.data[next_random(&seed) % out.size] ^=
                (uint8_t)(1u << (next_random(&seed) % 8));
        if (message_decode(buffer_slice(&out), &message) != OK)
            continue;
        size_t items = 0;
        if (message.kind == MESSAGE_HEADS) {
            while (message_next_head(&message.heads, &head))
                items++;
            assert_true(items >= message.heads.count);
        }
        if (message.kind == MESSAGE_WANT) {
            while (message_next_range(&message.want, &range))
                assert_true(range.from <= range.to);
        }
    }
    buffer_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hello_says_what_was_put_into_it),
        cmocka_unit_test(a_hello_costs_less_than_seventy_bytes),
        cmocka_unit_test(a_hello_of_another_version_is_named_as_such),
        cmocka_unit_test(heads_come_back_with_hashes_only_where_they_were_asked_for),
        cmocka_unit_test(a_run_travels_with_its_announcement),
        cmocka_unit_test(what_is_cut_short_or_has_a_tail_is_malformed),
        cmocka_unit_test(lists_longer_than_the_limit_are_refused_before_they_are_read),
        cmocka_unit_test(an_announcement_that_runs_backwards_is_refused),
        cmocka_unit_test(altered_messages_are_decoded_or_refused_but_never_more),
    };
    return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
