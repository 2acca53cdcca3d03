#include "tests/sim/describe.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "net/message.h"

struct words {
    char *text;
    size_t size;
};

static void add(struct words *words, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add(struct words *words, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int more = vsnprintf(words->text + words->size, DESCRIPTION_SIZE - words->size,
                         format, arguments);
    va_end(arguments);
    CHECK(more >= 0);
    words->size += (size_t)more;
    words->size = words->size < DESCRIPTION_SIZE ? words->size : DESCRIPTION_SIZE - 1;
}

static void describe_hello(struct words *words, const struct hello *hello)
{
    add(words,
        "hello: last %" PRIu64 ", noted yours %" PRIu64 ", control %" PRIu64
        ", digest %08" PRIx32 "%s%s",
        hello->last, hello->noted, hello->control_seq, get_be32(hello->digest),
        hello->flags & HELLO_ANSWER ? ", answer" : "",
        hello->flags & HELLO_RELIST ? ", relist" : "");
}

static void describe_heads(struct words *words, struct heads_message *heads)
{
    struct listed_head head;
    add(words, "heads %" PRIu64 "..%" PRIu64 ":", heads->from + 1, heads->to);
    while (message_next_head(heads, &head)) {
        add(words, " %" PRIu32 ".%u#%" PRIu64, head.log.node, head.log.lane, head.seq);
    }
}

static void describe_want(struct words *words, struct want_message *want)
{
    struct wanted_range range;
    add(words, "want:");
    while (message_next_range(want, &range)) {
        add(words, " %" PRIu32 ".%u#%" PRIu64 "..%" PRIu64, range.log.node,
            range.log.lane, range.from, range.to);
    }
}

static void describe_run(struct words *words, const struct run_message *message)
{
    const struct run *run = &message->run;
    add(words, "run %" PRIu32 ".%u#%" PRIu64 "..%" PRIu64 " of realm %" PRIu64,
        run->log.node, run->log.lane, run->first_seq, run_last_seq(run), run->realm);
    if (message->span > 0) {
        add(words, ", announces %" PRIu64 "..%" PRIu64, message->to - message->span + 1,
            message->to);
    }
}

const char *describe_frame(struct slice frame, char text[DESCRIPTION_SIZE])
{
    struct words words = {text, 0};
    struct message message;
    text[0] = '\0';
    enum status status = message_decode(frame, &message);
    if (status != OK) {
        add(&words, "%s", status_words(status)->name);
        return text;
    }
    switch (message.kind) {
    case MESSAGE_HELLO: describe_hello(&words, &message.hello); break;
    case MESSAGE_HEADS: describe_heads(&words, &message.heads); break;
    case MESSAGE_WANT: describe_want(&words, &message.want); break;
    case MESSAGE_RUN: describe_run(&words, &message.run); break;
    case MESSAGE_NOTED:
        add(&words, "noted %" PRIu64 ", received %" PRIu64, message.noted.noted,
            message.noted.received);
        break;
    }
    return text;
}
