#include "crdt/codec.h"
#include "crdt/text.h"

#include <msgpack.h>

/* ---- writing ---- */

static int write_to_buffer(void *buffer, const char *data, size_t size)
{
    buffer_put(buffer, data, size);
    return 0;
}

static msgpack_packer packer_on(struct buffer *out)
{
    msgpack_packer packer;
    msgpack_packer_init(&packer, out, write_to_buffer);
    return packer;
}

void codec_put_nil(struct buffer *out)
{
    msgpack_packer packer = packer_on(out);
    msgpack_pack_nil(&packer);
}

void codec_put_bool(struct buffer *out, bool value)
{
    msgpack_packer packer = packer_on(out);
    if (value)
        msgpack_pack_true(&packer);
    else
        msgpack_pack_false(&packer);
}

void codec_put_uint(struct buffer *out, uint64_t value)
{
    msgpack_packer packer = packer_on(out);
    msgpack_pack_uint64(&packer, value);
}

void codec_put_int(struct buffer *out, int64_t value)
{
    msgpack_packer packer = packer_on(out);
    msgpack_pack_int64(&packer, value);
}

void codec_put_text(struct buffer *out, struct slice utf8)
{
    msgpack_packer packer = packer_on(out);
    msgpack_pack_str(&packer, utf8.size);
    buffer_put(out, utf8.data, utf8.size);
}

void codec_put_cstring(struct buffer *out, const char *text)
{
    codec_put_text(out, slice_text(text));
}

void codec_put_bytes(struct buffer *out, struct slice bytes)
{
    msgpack_packer packer = packer_on(out);
    msgpack_pack_bin(&packer, bytes.size);
    buffer_put(out, bytes.data, bytes.size);
}

void codec_put_id(struct buffer *out, const struct entry_id *id)
{
    codec_put_bytes(out, slice_of(id->bytes, ENTRY_ID_SIZE));
}

void codec_put_array(struct buffer *out, size_t count)
{
    msgpack_packer packer = packer_on(out);
    msgpack_pack_array(&packer, count);
}

void codec_put_map(struct buffer *out, size_t count)
{
    msgpack_packer packer = packer_on(out);
    msgpack_pack_map(&packer, count);
}

void codec_put_raw(struct buffer *out, struct slice encoded)
{
    buffer_put(out, encoded.data, encoded.size);
}

/* ---- reading ---- */

struct token {
    enum codec_type type;
    uint64_t number;   /* of an integer (two's complement if negative), bool: 0 or 1 */
    struct slice body; /* of text and bytes */
    size_t count;      /* of an array or map */
};

/* A big-endian integer of 2^power bytes, of which the shorter spellings reach to
 * `short_max`: what would have fitted there is refused. */
static bool take_number(struct slice *in, unsigned power, uint64_t short_max,
                        uint64_t *out)
{
    struct slice bytes;
    if (!slice_borrow(in, (size_t)1 << power, &bytes))
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.size; i++)
        value = value << 8 | bytes.data[i];
    *out = value;
    return value > short_max;
}

static bool take_unsigned(struct slice *in, unsigned power, struct token *token)
{
    static const uint64_t short_max[] = {0x7f, 0xff, 0xffff, 0xffffffff};
    token->type = CODEC_UINT;
    return take_number(in, power, short_max[power], &token->number);
}

/* Only negative numbers are spelled with these; -32 to -1 have one byte. */
static bool take_negative(struct slice *in, unsigned power, struct token *token)
{
    static const int64_t short_min[] = {-32, INT8_MIN, INT16_MIN, INT32_MIN};
    token->type = CODEC_INT;
    uint64_t raw;
    struct slice rest = *in;
    if (!take_number(&rest, power, 0, &raw))
        return false;
    unsigned unused_bits = 64 - (8u << power);
    int64_t value = (int64_t)(raw << unused_bits) >> unused_bits;
    token->number = (uint64_t)value;
    *in = rest;
    return value < short_min[power];
}

static bool take_body(struct slice *in, enum codec_type type, uint64_t size,
                      struct token *token)
{
    token->type = type;
    if (size > in->size || !slice_borrow(in, (size_t)size, &token->body))
        return false;
    return type != CODEC_TEXT || text_is_clean(token->body);
}

static bool take_sized_body(struct slice *in, enum codec_type type, unsigned power,
                            struct token *token)
{
    static const uint64_t text_short_max[] = {31, 0xff, 0xffff};
    static const uint64_t bytes_short_max[] = {0, 0xff, 0xffff};
    struct slice rest = *in;
    uint64_t size;
    if (type == CODEC_BYTES && power == 0) {
        uint8_t small;
        if (!slice_take_u8(&rest, &small))
            return false;
        size = small;
    } else if (!take_number(&rest, power,
                            type == CODEC_TEXT ? text_short_max[power]
                                               : bytes_short_max[power],
                            &size)) {
        return false;
    }
    *in = rest;
    return take_body(in, type, size, token);
}

/* Every element takes a byte at least, so a count is bounded before anyone trusts it. */
static bool set_count(const struct slice *in, enum codec_type type, uint64_t count,
                      struct token *token)
{
    token->type = type;
    token->count = (size_t)count;
    return count <= (type == CODEC_MAP ? in->size / 2 : in->size);
}

static bool take_count(struct slice *in, enum codec_type type, unsigned power,
                       struct token *token)
{
    uint64_t count;
    if (!take_number(in, power, power == 1 ? 15 : 0xffff, &count))
        return false;
    return set_count(in, type, count, token);
}

/* First bytes as in the msgpack specification, "Formats". */
static bool take_long_token(struct slice *in, uint8_t first, struct token *token)
{
    switch (first) {
    case 0xc0: token->type = CODEC_NIL; return true;
    case 0xc2:
    case 0xc3:
        token->type = CODEC_BOOL;
        token->number = first & 1;
        return true;
    case 0xc4:
    case 0xc5:
    case 0xc6: return take_sized_body(in, CODEC_BYTES, first - 0xc4u, token);
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf: return take_unsigned(in, first - 0xccu, token);
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3: return take_negative(in, first - 0xd0u, token);
    case 0xd9:
    case 0xda:
    case 0xdb: return take_sized_body(in, CODEC_TEXT, first - 0xd9u, token);
    case 0xdc:
    case 0xdd: return take_count(in, CODEC_ARRAY, first - 0xdcu + 1, token);
    case 0xde:
    case 0xdf: return take_count(in, CODEC_MAP, first - 0xdeu + 1, token);
    default: return false; /* extensions, floats, 0xc1 */
    }
}

static bool take_sized_token(struct slice *in, uint8_t first, struct token *token)
{
    if (first < 0x90)
        return set_count(in, CODEC_MAP, first & 0x0f, token);
    if (first < 0xa0)
        return set_count(in, CODEC_ARRAY, first & 0x0f, token);
    if (first < 0xc0)
        return take_body(in, CODEC_TEXT, first & 0x1f, token);
    return take_long_token(in, first, token);
}

/* One token; for an array or map only its count. On false nothing was taken. Most tokens
 * of an operation are one byte, so these come first. */
static bool take_token(struct slice *in, struct token *token)
{
    if (in->size == 0)
        return false;
    uint8_t first = in->data[0];
    struct slice rest = slice_of(in->data + 1, in->size - 1);
    token->count = 0;
    if (first < 0x80) {
        token->type = CODEC_UINT;
        token->number = first;
    } else if (first >= 0xe0) {
        token->type = CODEC_INT;
        token->number = (uint64_t)((int64_t)first - 0x100);
    } else if (!take_sized_token(&rest, first, token)) {
        return false;
    }
    *in = rest;
    return true;
}

static bool walk_value(struct slice *in, unsigned depth);

/* Whether `key` is none of the `count` before it. `seen` has a bit for every key so far
 * and spares most of the comparing: a reply of a million records is walked too. */
static bool key_is_new(const struct slice *keys, size_t count, struct slice key,
                       uint64_t *seen)
{
    unsigned mark = (unsigned)key.size;
    if (key.size > 0)
        mark += key.data[0] * 5u + key.data[key.size - 1] * 11u;
    uint64_t bit = UINT64_C(1) << mark % 64;
    bool maybe_old = (*seen & bit) != 0;
    *seen |= bit;
    for (size_t i = 0; maybe_old && i < count; i++) {
        if (slice_equal(keys[i], key))
            return false;
    }
    return true;
}

/* A key that stands twice would mean one thing to whoever takes the first and another to
 * whoever takes the last. */
static bool walk_map(struct slice *in, size_t count, unsigned depth)
{
    struct slice keys[CODEC_MAP_MAX];
    uint64_t seen = 0;
    if (count > CODEC_MAP_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!codec_take_text(in, &keys[i]) || !key_is_new(keys, i, keys[i], &seen) ||
            !walk_value(in, depth))
            return false;
    }
    return true;
}

/* Takes one value of at most `depth` levels. */
static bool walk_value(struct slice *in, unsigned depth)
{
    struct token token = {.type = CODEC_NONE};
    if (depth == 0 || !take_token(in, &token))
        return false;
    if (token.type == CODEC_MAP)
        return walk_map(in, token.count, depth - 1);
    for (size_t i = 0; i < token.count; i++) {
        if (!walk_value(in, depth - 1))
            return false;
    }
    return true;
}

bool codec_check(struct slice in)
{
    return walk_value(&in, CODEC_DEPTH_MAX) && in.size == 0;
}

enum codec_type codec_peek(struct slice in)
{
    struct token token;
    return take_token(&in, &token) ? token.type : CODEC_NONE;
}

bool codec_is_nil(struct slice value)
{
    return value.size == 1 && value.data[0] == 0xc0;
}

static bool take_typed(struct slice *in, enum codec_type type, struct token *token)
{
    struct slice rest = *in;
    if (!take_token(&rest, token) || token->type != type)
        return false;
    *in = rest;
    return true;
}

bool codec_take_nil(struct slice *in)
{
    struct token token;
    return take_typed(in, CODEC_NIL, &token);
}

bool codec_take_bool(struct slice *in, bool *out)
{
    struct token token;
    if (!take_typed(in, CODEC_BOOL, &token))
        return false;
    *out = token.number != 0;
    return true;
}

bool codec_take_uint(struct slice *in, uint64_t *out)
{
    struct token token;
    if (!take_typed(in, CODEC_UINT, &token))
        return false;
    *out = token.number;
    return true;
}

bool codec_take_int(struct slice *in, int64_t *out)
{
    struct token token;
    if (!take_typed(in, CODEC_INT, &token)) {
        struct slice rest = *in;
        if (!take_typed(&rest, CODEC_UINT, &token) || token.number > INT64_MAX)
            return false;
        *in = rest;
    }
    *out = (int64_t)token.number;
    return true;
}

bool codec_take_text(struct slice *in, struct slice *out)
{
    struct token token;
    if (!take_typed(in, CODEC_TEXT, &token))
        return false;
    *out = token.body;
    return true;
}

bool codec_take_bytes(struct slice *in, struct slice *out)
{
    struct token token;
    if (!take_typed(in, CODEC_BYTES, &token))
        return false;
    *out = token.body;
    return true;
}

bool codec_take_id(struct slice *in, struct entry_id *out)
{
    struct slice rest = *in, bytes;
    if (!codec_take_bytes(&rest, &bytes) || bytes.size != ENTRY_ID_SIZE)
        return false;
    memcpy(out->bytes, bytes.data, ENTRY_ID_SIZE);
    *in = rest;
    return true;
}

bool codec_take_array(struct slice *in, size_t *count)
{
    struct token token;
    if (!take_typed(in, CODEC_ARRAY, &token))
        return false;
    *count = token.count;
    return true;
}

bool codec_take_map(struct slice *in, size_t *count)
{
    struct token token;
    if (!take_typed(in, CODEC_MAP, &token))
        return false;
    *count = token.count;
    return true;
}

bool codec_take_any(struct slice *in, struct slice *out)
{
    struct slice rest = *in;
    if (!walk_value(&rest, CODEC_DEPTH_MAX))
        return false;
    *out = slice_of(in->data, in->size - rest.size);
    *in = rest;
    return true;
}

bool codec_map_find(struct slice map, const char *key, struct slice *value)
{
    size_t count;
    struct slice wanted = slice_text(key), found, any;
    if (!codec_take_map(&map, &count))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!codec_take_text(&map, &found) || !codec_take_any(&map, &any))
            return false;
        if (slice_equal(found, wanted)) {
            *value = any;
            return true;
        }
    }
    return false;
}
