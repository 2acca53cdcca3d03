#include "net/message.h"

#include <string.h>

static bool take_log(struct slice *in, struct log_name *log)
{
    uint64_t node;

    if (!slice_take_varint(in, &node) || node > UINT32_MAX ||
        !slice_take_u16(in, &log->tag) || !slice_take_u8(in, &log->lane))
        return false;
    log->node = (uint32_t)node;
    return log->lane < LANES;
}

static void put_log(struct buffer *out, struct log_name log)
{
    buffer_put_varint(out, log.node);
    buffer_put_u16(out, log.tag);
    buffer_put_u8(out, log.lane);
}

static bool take_seq(struct slice *in, uint64_t *seq)
{
    return slice_take_varint(in, seq) && *seq >= 1 && *seq <= SEQ_MAX;
}

static enum status decode_hello(struct slice in, struct hello *hello)
{
    if (!slice_take_u8(&in, &hello->version))
        return ERR_MALFORMED;
    if (hello->version != PROTOCOL_VERSION)
        return ERR_VERSION;
    if (!slice_take_u8(&in, &hello->flags) || !slice_take_u64(&in, &hello->incarnation) ||
        !slice_take_varint(&in, &hello->last) ||
        !slice_take_u64(&in, &hello->noted_incarnation) ||
        !slice_take_varint(&in, &hello->noted) ||
        !slice_take_varint(&in, &hello->control_seq) ||
        !slice_take(&in, HASH_CHECK_SIZE, hello->control_hash) ||
        !slice_take(&in, DIGEST_SIZE, hello->digest) ||
        !slice_take_varint(&in, &hello->clock_s) || in.size != 0)
        return ERR_MALFORMED;
    return OK;
}

bool message_next_head(struct heads_message *heads, struct listed_head *head)
{
    memset(head, 0, sizeof *head);
    return take_log(&heads->rest, &head->log) && take_seq(&heads->rest, &head->seq) &&
           (!(heads->flags & HEADS_WITH_HASHES) ||
            slice_take(&heads->rest, HASH_CHECK_SIZE, head->hash));
}

bool message_next_range(struct want_message *want, struct wanted_range *range)
{
    return take_log(&want->rest, &range->log) && take_seq(&want->rest, &range->from) &&
           take_seq(&want->rest, &range->to) && range->from <= range->to;
}

static enum status decode_heads(struct slice in, struct heads_message *heads)
{
    uint64_t count;
    struct listed_head head;

    if (!slice_take_varint(&in, &heads->from) || !slice_take_varint(&in, &heads->to) ||
        heads->from > heads->to || !slice_take_u8(&in, &heads->flags) ||
        !slice_take_varint(&in, &count) || count > MESSAGE_LOGS_MAX)
        return ERR_MALFORMED;
    heads->count = (size_t)count;
    heads->rest = in;
    struct heads_message walk = *heads;
    for (size_t i = 0; i < walk.count; i++) {
        if (!message_next_head(&walk, &head))
            return ERR_MALFORMED;
    }
    return walk.rest.size == 0 ? OK : ERR_MALFORMED;
}

static enum status decode_want(struct slice in, struct want_message *want)
{
    uint64_t count;
    struct wanted_range range;

    if (!slice_take_varint(&in, &count) || count > MESSAGE_LOGS_MAX)
        return ERR_MALFORMED;
    want->count = (size_t)count;
    want->rest = in;
    struct want_message walk = *want;
    for (size_t i = 0; i < walk.count; i++) {
        if (!message_next_range(&walk, &range))
            return ERR_MALFORMED;
    }
    return walk.rest.size == 0 ? OK : ERR_MALFORMED;
}

bool message_next_held(struct noted_message *noted, struct log_name *log, uint64_t *seq)
{
    return take_log(&noted->rest, log) && take_seq(&noted->rest, seq);
}

static enum status decode_noted(struct slice in, struct noted_message *noted)
{
    struct log_name log;
    uint64_t count, seq;

    if (!slice_take_varint(&in, &noted->noted) ||
        !slice_take_varint(&in, &noted->received) || !slice_take_varint(&in, &count) ||
        count > MESSAGE_LOGS_MAX)
        return ERR_MALFORMED;
    noted->count = (size_t)count;
    noted->rest = in;
    struct noted_message walk = *noted;
    for (size_t i = 0; i < walk.count; i++) {
        if (!message_next_held(&walk, &log, &seq))
            return ERR_MALFORMED;
    }
    return walk.rest.size == 0 ? OK : ERR_MALFORMED;
}

static enum status decode_run(struct slice in, struct run_message *run)
{
    if (!slice_take_varint(&in, &run->to) || !slice_take_varint(&in, &run->span) ||
        run->span > run->to)
        return ERR_MALFORMED;
    return run_decode(in, RUN_WIRE, &run->run);
}

enum status message_decode(struct slice frame, struct message *message)
{
    uint8_t kind;

    if (frame.size > MESSAGE_SIZE_MAX || !slice_take_u8(&frame, &kind))
        return ERR_MALFORMED;
    message->kind = (enum message_kind)kind;
    switch (kind) {
    case MESSAGE_HELLO: return decode_hello(frame, &message->hello);
    case MESSAGE_HEADS: return decode_heads(frame, &message->heads);
    case MESSAGE_NOTED: return decode_noted(frame, &message->noted);
    case MESSAGE_WANT: return decode_want(frame, &message->want);
    case MESSAGE_RUN: return decode_run(frame, &message->run);
    default: return ERR_MALFORMED;
    }
}

void message_put_hello(struct buffer *out, const struct hello *hello)
{
    buffer_put_u8(out, MESSAGE_HELLO);
    buffer_put_u8(out, hello->version);
    buffer_put_u8(out, hello->flags);
    buffer_put_u64(out, hello->incarnation);
    buffer_put_varint(out, hello->last);
    buffer_put_u64(out, hello->noted_incarnation);
    buffer_put_varint(out, hello->noted);
    buffer_put_varint(out, hello->control_seq);
    buffer_put(out, hello->control_hash, HASH_CHECK_SIZE);
    buffer_put(out, hello->digest, DIGEST_SIZE);
    buffer_put_varint(out, hello->clock_s);
}

void message_begin_heads(struct buffer *out, uint64_t from, uint64_t to, uint8_t flags,
                         size_t count)
{
    buffer_put_u8(out, MESSAGE_HEADS);
    buffer_put_varint(out, from);
    buffer_put_varint(out, to);
    buffer_put_u8(out, flags);
    buffer_put_varint(out, count);
}

void message_put_head(struct buffer *out, uint8_t flags, const struct listed_head *head)
{
    put_log(out, head->log);
    buffer_put_varint(out, head->seq);
    if (flags & HEADS_WITH_HASHES)
        buffer_put(out, head->hash, HASH_CHECK_SIZE);
}

void message_begin_noted(struct buffer *out, uint64_t noted, uint64_t received,
                         size_t count)
{
    buffer_put_u8(out, MESSAGE_NOTED);
    buffer_put_varint(out, noted);
    buffer_put_varint(out, received);
    buffer_put_varint(out, count);
}

void message_put_held(struct buffer *out, struct log_name log, uint64_t seq)
{
    put_log(out, log);
    buffer_put_varint(out, seq);
}

void message_begin_want(struct buffer *out, size_t count)
{
    buffer_put_u8(out, MESSAGE_WANT);
    buffer_put_varint(out, count);
}

void message_put_range(struct buffer *out, const struct wanted_range *range)
{
    put_log(out, range->log);
    buffer_put_varint(out, range->from);
    buffer_put_varint(out, range->to);
}

void message_put_run(struct buffer *out, uint64_t to, uint64_t span,
                     const struct run *run)
{
    buffer_put_u8(out, MESSAGE_RUN);
    buffer_put_varint(out, to);
    buffer_put_varint(out, span);
    run_encode(run, RUN_WIRE, out);
}
