/* codec.h - msgpack, written through msgpack-c and read strictly. Only codec.c includes it.
 *
 * Reading is a walk over the bytes where they lie: nothing is allocated, and every token is
 * held to the one spelling the writer would choose (shortest integers and lengths, UTF-8
 * text, no extension types, no floats), so bytes that are accepted once are accepted
 * everywhere and can be hashed as they came. Five hostile bytes make msgpack-c's own
 * unpacker allocate half a gigabyte, and it accepts overlong integers and bad UTF-8;
 * that is why only its packer is used. */
#ifndef LINLI_CRDT_CODEC_H
#define LINLI_CRDT_CODEC_H

#include "crdt/id.h"

#define CODEC_DEPTH_MAX 16 /* our deepest value has 6 levels */
#define CODEC_MAP_MAX 256  /* keys of one map; they are texts, each once */

/* Writing, at the end of `out` (see struct buffer for overflow). Text must be clean (below),
 * or nobody can read it back. */
void codec_put_nil(struct buffer *out);
void codec_put_bool(struct buffer *out, bool value);
void codec_put_uint(struct buffer *out, uint64_t value);
void codec_put_int(struct buffer *out, int64_t value);
void codec_put_text(struct buffer *out, struct slice utf8);
void codec_put_cstring(struct buffer *out, const char *text);
void codec_put_bytes(struct buffer *out, struct slice bytes);
void codec_put_id(struct buffer *out, const struct entry_id *id); /* bytes */
void codec_put_array(struct buffer *out, size_t count);
void codec_put_map(struct buffer *out, size_t count); /* `count` key-value pairs follow */
void codec_put_raw(struct buffer *out, struct slice encoded); /* one encoded value */

/* Whether `in` is exactly one well-formed value, strict as described, within
 * CODEC_DEPTH_MAX. Everything below may be used on unchecked bytes too. */
MUST_USE bool codec_check(struct slice in);

enum codec_type {
    CODEC_NONE, /* end of input or malformed */
    CODEC_NIL,
    CODEC_BOOL,
    CODEC_UINT, /* an integer >= 0 */
    CODEC_INT,  /* an integer < 0  */
    CODEC_TEXT,
    CODEC_BYTES,
    CODEC_ARRAY,
    CODEC_MAP,
};
enum codec_type codec_peek(struct slice in);
bool codec_is_nil(struct slice value); /* exactly nil */

/* Each takes one value from the front of `in`; on false nothing was taken. Text and bytes
 * borrow from what `in` points to. */
MUST_USE bool codec_take_nil(struct slice *in);
MUST_USE bool codec_take_bool(struct slice *in, bool *out);
MUST_USE bool codec_take_uint(struct slice *in, uint64_t *out);
MUST_USE bool codec_take_int(struct slice *in, int64_t *out); /* any integer that fits */
MUST_USE bool codec_take_text(struct slice *in, struct slice *out);
MUST_USE bool codec_take_bytes(struct slice *in, struct slice *out);
MUST_USE bool codec_take_id(struct slice *in, struct entry_id *out);
/* `count` elements (or pairs) follow in `in`; it never exceeds the bytes that are left. */
MUST_USE bool codec_take_array(struct slice *in, size_t *count);
MUST_USE bool codec_take_map(struct slice *in, size_t *count);
MUST_USE bool codec_take_any(struct slice *in, struct slice *out); /* as encoded */

/* The value under a text key of an encoded map; false where there is none. */
MUST_USE bool codec_map_find(struct slice map, const char *key, struct slice *value);

#endif
