#include "net/statement.h"

#include <string.h>

#include "crdt/codec.h"
#include "crdt/operation.h"

enum {
    ADMIT_PARTS = 7,
    REALM_KEY_PARTS = 5,
    REVOKE_PARTS = 3,
    POLICY_PARTS = 4,
    STANDS_PARTS = 2,
    AGAIN_PARTS = 2,
    AGAIN_ITEM_PARTS = 5,
    STATEMENT_PARTS = 3, /* stamp, actor, what is stated */
    BOX_PARTS = 2,
    CUT_PARTS = 4,
    ACTOR_DAEMON = 0, /* the authority has no operators: whoever holds the key is it */
};

/* ---- writing ---- */

static void begin(struct buffer *out, uint64_t stamp_ms, enum statement_kind kind,
                  size_t parts)
{
    buffer_put_u8(out, CODEC_PLAIN);
    codec_put_array(out, STATEMENT_PARTS);
    codec_put_uint(out, stamp_ms);
    codec_put_uint(out, ACTOR_DAEMON);
    codec_put_array(out, parts);
    codec_put_uint(out, (uint64_t)kind);
}

void statement_admit(struct buffer *out, uint64_t stamp_ms, const struct member *member)
{
    begin(out, stamp_ms, STATEMENT_ADMIT, ADMIT_PARTS);
    codec_put_uint(out, member->number);
    codec_put_bytes(out, slice_of(member->id.bytes, NODE_ID_SIZE));
    codec_put_bytes(out, slice_of(member->curve_public, KEY_SIZE));
    codec_put_bytes(out, slice_of(member->box_public, KEY_SIZE));
    codec_put_uint(out, member->division);
    codec_put_cstring(out, member->name);
}

void statement_realm_key(struct buffer *out, uint64_t stamp_ms, uint64_t realm,
                         uint16_t epoch, const struct hash *commitment,
                         const struct sealed_key *boxes, size_t count)
{
    begin(out, stamp_ms, STATEMENT_REALM_KEY, REALM_KEY_PARTS);
    codec_put_uint(out, realm);
    codec_put_uint(out, epoch);
    codec_put_bytes(out, slice_of(commitment->bytes, HASH_SIZE));
    codec_put_array(out, count);
    for (size_t i = 0; i < count; i++) {
        codec_put_array(out, BOX_PARTS);
        codec_put_uint(out, boxes[i].number);
        codec_put_bytes(out, slice_of(boxes[i].box, sizeof boxes[i].box));
    }
}

static void put_cut(struct buffer *out, const struct cut *cut)
{
    codec_put_array(out, CUT_PARTS);
    codec_put_uint(out, cut->log.tag);
    codec_put_uint(out, cut->log.lane);
    codec_put_uint(out, cut->seq);
    codec_put_bytes(out, slice_of(cut->hash.bytes, HASH_SIZE));
}

void statement_revoke(struct buffer *out, uint64_t stamp_ms, uint32_t number,
                      const struct cut *cuts, size_t count)
{
    begin(out, stamp_ms, STATEMENT_REVOKE, REVOKE_PARTS);
    codec_put_uint(out, number);
    codec_put_array(out, count);
    for (size_t i = 0; i < count; i++) {
        CHECK(cuts[i].log.node == number);
        put_cut(out, &cuts[i]);
    }
}

void statement_policy(struct buffer *out, uint64_t stamp_ms, struct slice name,
                      struct slice value, int64_t from_day)
{
    CHECK(policy_is_statable(name, value, from_day));
    begin(out, stamp_ms, STATEMENT_POLICY, POLICY_PARTS);
    codec_put_text(out, name);
    codec_put_text(out, value);
    codec_put_int(out, from_day);
}

void statement_stands(struct buffer *out, uint64_t stamp_ms, const struct cut *stands)
{
    begin(out, stamp_ms, STATEMENT_STANDS, STANDS_PARTS);
    put_cut(out, stands);
}

void statement_again(struct buffer *out, uint64_t stamp_ms, const struct again *again,
                     size_t count)
{
    begin(out, stamp_ms, STATEMENT_AGAIN, AGAIN_PARTS);
    codec_put_array(out, count);
    for (size_t i = 0; i < count; i++) {
        codec_put_array(out, AGAIN_ITEM_PARTS);
        codec_put_uint(out, again[i].first.log.tag);
        codec_put_uint(out, again[i].first.log.lane);
        codec_put_uint(out, again[i].first.seq);
        codec_put_bytes(out, slice_of(again[i].first.hash.bytes, HASH_SIZE));
        codec_put_uint(out, again[i].last);
    }
}

/* ---- reading ---- */

bool statement_take_fixed(struct slice *in, size_t size, uint8_t *out)
{
    struct slice bytes;
    if (!codec_take_bytes(in, &bytes) || bytes.size != size)
        return false;
    memcpy(out, bytes.data, size);
    return true;
}

bool statement_take_name(struct slice *in, char name[NAME_SIZE_MAX + 1])
{
    struct slice text;
    if (!codec_take_text(in, &text) || !name_is_valid(text))
        return false;
    memcpy(name, text.data, text.size);
    name[text.size] = 0;
    return true;
}

static bool take_uint_max(struct slice *in, uint64_t max, uint64_t *out)
{
    return codec_take_uint(in, out) && *out <= max;
}

static bool take_number(struct slice *in, uint32_t *number)
{
    uint64_t value;
    if (!take_uint_max(in, UINT32_MAX, &value) || value == 0)
        return false;
    *number = (uint32_t)value;
    return true;
}

static bool take_key(struct slice *in, uint8_t key[KEY_SIZE])
{
    static const uint8_t none[KEY_SIZE];
    return statement_take_fixed(in, KEY_SIZE, key) && memcmp(key, none, KEY_SIZE) != 0;
}

static bool take_division(struct slice *in, struct member *member)
{
    if (!codec_take_uint(in, &member->division))
        return false;
    switch (division_level(member->division)) {
    case DIVISION_NONE: return false;
    case DIVISION_COUNTY: member->role = ROLE_HUB; return true;
    case DIVISION_TOWNSHIP: member->role = ROLE_TOWNSHIP; return true;
    case DIVISION_VILLAGE: member->role = ROLE_VILLAGE; return true;
    }
    return false;
}

static bool take_admit(struct slice *in, struct statement *statement)
{
    struct member *member = &statement->member;
    return take_number(in, &member->number) && take_key(in, member->id.bytes) &&
           take_key(in, member->curve_public) && take_key(in, member->box_public) &&
           take_division(in, member) && statement_take_name(in, member->name);
}

/* An array whose every item `next` can take; `items` becomes what lies behind its head.
 */
static bool take_items(struct slice *in, struct statement *statement,
                       bool (*take)(struct slice *in))
{
    size_t count;
    if (!codec_take_array(in, &count))
        return false;
    const struct slice from = *in;
    for (size_t i = 0; i < count; i++) {
        if (!take(in))
            return false;
    }
    statement->items = slice_of(from.data, from.size - in->size);
    return true;
}

static bool take_box(struct slice *in, struct sealed_key *box)
{
    size_t parts;
    return codec_take_array(in, &parts) && parts == BOX_PARTS &&
           take_number(in, &box->number) &&
           statement_take_fixed(in, sizeof box->box, box->box);
}

static bool skip_box(struct slice *in)
{
    struct sealed_key box;
    return take_box(in, &box);
}

static bool take_realm_key(struct slice *in, struct statement *statement)
{
    uint64_t epoch;
    if (!codec_take_uint(in, &statement->realm) ||
        !take_uint_max(in, UINT16_MAX, &epoch) || epoch == 0)
        return false;
    statement->epoch = (uint16_t)epoch;
    return statement_take_fixed(in, HASH_SIZE, statement->commitment.bytes) &&
           take_items(in, statement, skip_box);
}

static bool take_place(struct slice *in, size_t of_parts, struct cut *cut)
{
    size_t parts;
    uint64_t tag;
    uint64_t lane;
    if (!codec_take_array(in, &parts) || parts != of_parts ||
        !take_uint_max(in, UINT16_MAX, &tag) || !take_uint_max(in, LANES - 1, &lane))
        return false;
    cut->log.tag = (uint16_t)tag;
    cut->log.lane = (uint8_t)lane;
    return take_uint_max(in, SEQ_MAX, &cut->seq) &&
           statement_take_fixed(in, HASH_SIZE, cut->hash.bytes);
}

static bool take_cut(struct slice *in, struct cut *cut)
{
    return take_place(in, CUT_PARTS, cut);
}

static bool take_again_item(struct slice *in, struct again *again)
{
    return take_place(in, AGAIN_ITEM_PARTS, &again->first) && again->first.seq > 0 &&
           again->first.log.lane != LANE_CONTROL &&
           take_uint_max(in, SEQ_MAX, &again->last) && again->last >= again->first.seq;
}

static bool skip_again(struct slice *in)
{
    struct again again;
    return take_again_item(in, &again);
}

static bool take_again(struct slice *in, struct statement *statement)
{
    return take_items(in, statement, skip_again);
}

static bool skip_cut(struct slice *in)
{
    struct cut cut;
    return take_cut(in, &cut);
}

static bool take_revoke(struct slice *in, struct statement *statement)
{
    return take_number(in, &statement->number) && take_items(in, statement, skip_cut);
}

static bool take_policy(struct slice *in, struct statement *statement)
{
    return codec_take_text(in, &statement->name) &&
           codec_take_text(in, &statement->value) &&
           codec_take_int(in, &statement->from_day) &&
           policy_is_statable(statement->name, statement->value, statement->from_day);
}

static bool take_stands(struct slice *in, struct statement *statement)
{
    struct cut *stands = &statement->stands;
    return take_cut(in, stands) && stands->seq > 0 && stands->log.lane != LANE_CONTROL;
}

/* What is stated: its kind, then the parts of that kind. */
static enum status decode_body(struct slice *in, struct statement *statement)
{
    static const struct {
        size_t parts;
        bool (*take)(struct slice *in, struct statement *statement);
    } kinds[] = {
        [STATEMENT_ADMIT] = {ADMIT_PARTS, take_admit},
        [STATEMENT_REALM_KEY] = {REALM_KEY_PARTS, take_realm_key},
        [STATEMENT_REVOKE] = {REVOKE_PARTS, take_revoke},
        [STATEMENT_POLICY] = {POLICY_PARTS, take_policy},
        [STATEMENT_STANDS] = {STANDS_PARTS, take_stands},
        [STATEMENT_AGAIN] = {AGAIN_PARTS, take_again},
    };
    size_t parts;
    uint64_t kind;
    if (!codec_take_array(in, &parts) || parts == 0 || !codec_take_uint(in, &kind))
        return ERR_MALFORMED;
    if (kind >= ARRAY_SIZE(kinds) || parts > kinds[kind].parts)
        return ERR_VERSION;
    statement->kind = (enum statement_kind)kind;
    if (parts < kinds[kind].parts || !kinds[kind].take(in, statement) || in->size != 0)
        return ERR_MALFORMED;
    return OK;
}

enum status statement_decode(struct slice plaintext, struct statement *statement)
{
    *statement = (struct statement){0};
    struct slice in = plaintext;
    uint8_t codec;
    size_t parts;
    uint64_t actor;
    if (!slice_take_u8(&in, &codec))
        return ERR_MALFORMED;
    if (codec != CODEC_PLAIN)
        return ERR_VERSION;
    if (!codec_check(in) || !codec_take_array(&in, &parts) || parts < STATEMENT_PARTS)
        return ERR_MALFORMED;
    if (parts > STATEMENT_PARTS)
        return ERR_VERSION;
    if (!codec_take_uint(&in, &statement->stamp_ms) ||
        !take_uint_max(&in, UINT32_MAX, &actor))
        return ERR_MALFORMED;
    return decode_body(&in, statement);
}

bool statement_next_box(struct statement *statement, struct sealed_key *box)
{
    CHECK(statement->kind == STATEMENT_REALM_KEY);
    return statement->items.size > 0 && take_box(&statement->items, box);
}

bool statement_next_cut(struct statement *statement, struct cut *cut)
{
    CHECK(statement->kind == STATEMENT_REVOKE);
    cut->log.node = statement->number;
    return statement->items.size > 0 && take_cut(&statement->items, cut);
}

bool statement_next_again(struct statement *statement, struct again *again)
{
    CHECK(statement->kind == STATEMENT_AGAIN);
    return statement->items.size > 0 && take_again_item(&statement->items, again);
}
