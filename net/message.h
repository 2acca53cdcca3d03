/* message.h - the wire format, whole, and every limit of it.
 *
 * A message is one frame of the carrier; its first byte is its kind. Integers are LEB128
 * varints in their shortest form unless a size is given; fixed sizes are little-endian.
 *
 *   HELLO  1  version 1, flags 1, incarnation 8, last, noted incarnation 8, noted,
 *             control seq, control hash 8, digest 16, clock
 *   HEADS  2  from, to, flags 1, count, then per head: log, seq, [hash 8 if flagged]
 *   NOTED  3  noted, bytes of RUN messages received since the last NOTED, count, then per
 *             log that runs came of: log, seq up to which it is durably held
 *   WANT   4  count, then per log: log, from seq, to seq
 *   RUN    5  to, span, then a run as in crdt/run.h, form RUN_WIRE
 *   log       node number, tag 2, lane 1
 *
 * Announcements. Every store numbers what it files (the arrival number); a message that
 * announces covers the numbers in (from, to], for RUN (to - span, to], and span 0
 * announces nothing. The receiver advances `noted` to `to` only where it has noted `from`
 * already, so a lost message is never skipped over. "noted" means: satisfied, or durably
 * written into the want table. */
#ifndef LINLI_NET_MESSAGE_H
#define LINLI_NET_MESSAGE_H

#include "crdt/heads.h"
#include "net/transport.h"

#define PROTOCOL_VERSION 1

/* Heads or wants in one message: 10 KB, two seconds of a 40 kbit/s link. */
#define MESSAGE_LOGS_MAX 1000

#define DIGEST_SIZE 16    /* of a heads digest on the wire */
#define HASH_CHECK_SIZE 8 /* of a hash that tells branches apart, not trusted alone */

/* The kind and a run's announcement: a byte and two varints. */
#define MESSAGE_HEAD_SIZE_MAX 21
/* The largest message is a run of one entry of PAYLOAD_SIZE_MAX. */
#define MESSAGE_SIZE_MAX (RUN_SIZE_LIMIT + MESSAGE_HEAD_SIZE_MAX)
_Static_assert(MESSAGE_SIZE_MAX <= FRAME_SIZE_MAX, "a message is one frame");

enum message_kind {
    MESSAGE_HELLO = 1,
    MESSAGE_HEADS = 2,
    MESSAGE_NOTED = 3,
    MESSAGE_WANT = 4,
    MESSAGE_RUN = 5,
};

enum hello_flag {
    HELLO_ANSWER = 1, /* the sender wants a hello back */
    HELLO_RELIST = 2, /* all was noted and digests differ: list every head, with hashes */
    HELLO_CLONE = 4,  /* two machines speak under the receiver's key */
    HELLO_STRAYED =
        8, /* entries of the sender are set aside at its place (net/own_log.c) */
};

struct hello {
    uint8_t version;
    uint8_t flags;
    uint64_t incarnation;       /* of the sender's store                               */
    uint64_t last;              /* its newest announcement number                      */
    uint64_t noted_incarnation; /* "I durably noted yours up to (your incarnation, A)" */
    uint64_t noted;
    uint64_t control_seq; /* head of the authority's log as the sender holds it; the */
    uint8_t
        control_hash[HASH_CHECK_SIZE]; /* digest means something only where it agrees */
    uint8_t digest[DIGEST_SIZE];       /* over the heads of the logs both sides carry */
    uint64_t
        clock_s; /* the sender's wall clock, Unix seconds: people are told, nothing else */
};

#define HEADS_WITH_HASHES 1

struct listed_head {
    struct log_name log;
    uint64_t seq;
    uint8_t hash[HASH_CHECK_SIZE]; /* zeros where not listed */
};

/* A list of heads or wants, read item by item from `rest`. */
struct heads_message {
    uint64_t from, to;
    uint8_t flags;
    size_t count;
    struct slice rest;
};

struct wanted_range {
    struct log_name log;
    uint64_t from, to;
};

struct want_message {
    size_t count;
    struct slice rest;
};

/* What was noted, and what is held; read item by item from `rest`. */
struct noted_message {
    uint64_t noted, received;
    size_t count;
    struct slice rest;
};

struct run_message {
    uint64_t to, span;
    struct run run;
};

struct message {
    enum message_kind kind;
    union {
        struct hello hello;
        struct heads_message heads;
        struct noted_message noted;
        struct want_message want;
        struct run_message run;
    };
};

/* ERR_MALFORMED unless `frame` is exactly one message; ERR_VERSION for a hello of another
 * version (only message->hello.version is then set). Lists are checked whole. Slices
 * borrow from `frame`. */
MUST_USE enum status message_decode(struct slice frame, struct message *message);

void message_put_hello(struct buffer *out, const struct hello *hello);
void message_begin_heads(struct buffer *out, uint64_t from, uint64_t to, uint8_t flags,
                         size_t count);
void message_put_head(struct buffer *out, uint8_t flags, const struct listed_head *head);
void message_begin_noted(struct buffer *out, uint64_t noted, uint64_t received,
                         size_t count);
void message_put_held(struct buffer *out, struct log_name log, uint64_t seq);
void message_begin_want(struct buffer *out, size_t count);
void message_put_range(struct buffer *out, const struct wanted_range *range);
void message_put_run(struct buffer *out, uint64_t to, uint64_t span,
                     const struct run *run);

/* The next item; false at the end. */
MUST_USE bool message_next_head(struct heads_message *heads, struct listed_head *head);
MUST_USE bool message_next_held(struct noted_message *noted, struct log_name *log,
                                uint64_t *seq);
MUST_USE bool message_next_range(struct want_message *want, struct wanted_range *range);

#endif
