/* A frame from a neighbour. Lists that were accepted can be read to their end. */
#include "tests/fuzz/target.h"

#include "net/message.h"

static void check_hello(const struct hello *hello, struct slice frame)
{
    struct buffer again;
    buffer_init(&again, MESSAGE_SIZE_MAX);
    message_put_hello(&again, hello);
    CHECK(slice_equal(buffer_slice(&again), frame));
    buffer_deinit(&again);
}

static void check_heads(struct heads_message heads)
{
    struct listed_head head;
    size_t count = 0;
    while (message_next_head(&heads, &head))
        count++;
    CHECK(count == heads.count || heads.count == 0);
}

static void check_want(struct want_message want)
{
    struct wanted_range range;
    size_t count = 0;
    while (message_next_range(&want, &range))
        CHECK(range.from <= range.to && ++count <= MESSAGE_LOGS_MAX);
}

static void check_run(const struct run_message *message, struct slice frame)
{
    struct buffer again;
    CHECK(slice_within(message->run.entries, frame) && message->span <= message->to);
    buffer_init(&again, SIZE_MAX);
    message_put_run(&again, message->to, message->span, &message->run);
    CHECK(slice_equal(buffer_slice(&again), frame));
    buffer_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice frame = slice_of(data, size);
    struct message message;

    if (message_decode(frame, &message) != OK)
        return 0;
    switch (message.kind) {
    case MESSAGE_HELLO: check_hello(&message.hello, frame); break;
    case MESSAGE_HEADS: check_heads(message.heads); break;
    case MESSAGE_NOTED: break;
    case MESSAGE_WANT: check_want(message.want); break;
    case MESSAGE_RUN: check_run(&message.run, frame); break;
    }
    return 0;
}
