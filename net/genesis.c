/* The county's founding statement and the requests to join it: the parts of roster.h that
 * come before there is a roster. */
#include "net/roster.h"

#include <string.h>

#include "crdt/codec.h"
#include "crdt/text.h"
#include "net/statement.h"

#define GENESIS_TITLE "linli genesis"
#define REQUEST_TITLE "linli request"

enum {
    GENESIS_PARTS = 8,
    GENESIS_VERSION = 1,
    REQUEST_PARTS = 8,
    REQUEST_VERSION = 1,
    FINGERPRINT_CHARACTERS = 16, /* of 5 bits each */
};

/* Before the genesis is hashed there is no county yet, and a request does not know it. */
static const struct county_salt no_county;

bool name_is_valid(struct slice name)
{
    if (name.size == 0 || name.size > NAME_SIZE_MAX || !text_is_clean(name))
        return false;
    if (name.data[0] == ' ' || name.data[name.size - 1] == ' ')
        return false;
    return memchr(name.data, '\n', name.size) == NULL &&
           memchr(name.data, '\t', name.size) == NULL;
}

/* Title, then version: another title is ERR_MALFORMED, a newer version ERR_VERSION. */
static enum status take_title(struct slice *in, size_t parts, const char *title,
                              uint64_t version)
{
    size_t count;
    struct slice text;
    uint64_t stated;
    if (!codec_check(*in) || !codec_take_array(in, &count) ||
        !codec_take_text(in, &text) || !slice_equal(text, slice_text(title)) ||
        !codec_take_uint(in, &stated))
        return ERR_MALFORMED;
    if (stated != version)
        return ERR_VERSION;
    return count == parts ? OK : ERR_MALFORMED;
}

/* ---- genesis ---- */

void genesis_encode(const struct genesis *genesis, struct buffer *out)
{
    CHECK(name_is_valid(slice_text(genesis->name)));
    CHECK(division_level(genesis->county) == DIVISION_COUNTY);
    codec_put_array(out, GENESIS_PARTS);
    codec_put_cstring(out, GENESIS_TITLE);
    codec_put_uint(out, GENESIS_VERSION);
    codec_put_uint(out, genesis->county);
    codec_put_cstring(out, genesis->name);
    codec_put_bytes(out, slice_of(genesis->authority.bytes, NODE_ID_SIZE));
    codec_put_bytes(out, slice_of(genesis->recovery.bytes, NODE_ID_SIZE));
    codec_put_uint(out, genesis->created_ms);
    codec_put_bytes(out, slice_of(genesis->nonce, sizeof genesis->nonce));
}

enum status genesis_decode(struct slice in, struct genesis *genesis)
{
    *genesis = (struct genesis){0};
    if (in.size > GENESIS_SIZE_MAX)
        return ERR_MALFORMED;
    enum status status = take_title(&in, GENESIS_PARTS, GENESIS_TITLE, GENESIS_VERSION);
    if (status != OK)
        return status;
    if (!codec_take_uint(&in, &genesis->county) ||
        division_level(genesis->county) != DIVISION_COUNTY ||
        !statement_take_name(&in, genesis->name) ||
        !statement_take_fixed(&in, NODE_ID_SIZE, genesis->authority.bytes) ||
        !statement_take_fixed(&in, NODE_ID_SIZE, genesis->recovery.bytes) ||
        !codec_take_uint(&in, &genesis->created_ms) ||
        !statement_take_fixed(&in, sizeof genesis->nonce, genesis->nonce) || in.size != 0)
        return ERR_MALFORMED;
    return OK;
}

void genesis_hash(struct slice encoded, struct hash *hash)
{
    hash_bytes(hash, HASH_GENESIS, &no_county, encoded);
}

void county_salt_of(const struct hash *genesis_hash, struct county_salt *salt)
{
    memcpy(salt->bytes, genesis_hash->bytes, COUNTY_SALT_SIZE);
}

uint64_t authority_incarnation(const struct hash *genesis_hash)
{
    return get_le64(genesis_hash->bytes);
}

struct log_name authority_log(const struct hash *genesis_hash)
{
    return (struct log_name){.node = 0,
                             .tag = (uint16_t)authority_incarnation(genesis_hash),
                             .lane = LANE_CONTROL};
}

/* ---- requests ---- */

/* Signed are the bytes before the signature, as they lie. */
static void request_hash(struct slice signed_part, struct hash *hash)
{
    hash_bytes(hash, HASH_REQUEST, &no_county, signed_part);
}

void request_encode(const struct request *request, const struct node_keys *keys,
                    struct buffer *out)
{
    CHECK(name_is_valid(slice_text(request->name)));
    CHECK(division_level(request->division) != DIVISION_NONE);
    size_t start = out->size;
    codec_put_array(out, REQUEST_PARTS);
    codec_put_cstring(out, REQUEST_TITLE);
    codec_put_uint(out, REQUEST_VERSION);
    codec_put_bytes(out, slice_of(keys->id.bytes, NODE_ID_SIZE));
    codec_put_bytes(out, slice_of(keys->curve_public, KEY_SIZE));
    codec_put_bytes(out, slice_of(keys->box_public, KEY_SIZE));
    codec_put_uint(out, request->division);
    codec_put_cstring(out, request->name);
    if (out->overflow)
        return;
    struct hash hash;
    uint8_t signature[SIGNATURE_SIZE];
    request_hash(slice_of(out->data + start, out->size - start), &hash);
    crypto_sign_hash(keys, &hash, signature);
    codec_put_bytes(out, slice_of(signature, sizeof signature));
}

static bool take_request(struct slice *in, struct request *request)
{
    return statement_take_fixed(in, NODE_ID_SIZE, request->id.bytes) &&
           statement_take_fixed(in, KEY_SIZE, request->curve_public) &&
           statement_take_fixed(in, KEY_SIZE, request->box_public) &&
           codec_take_uint(in, &request->division) &&
           division_level(request->division) != DIVISION_NONE &&
           statement_take_name(in, request->name) &&
           crypto_box_key_usable(request->curve_public) &&
           crypto_box_key_usable(request->box_public);
}

enum status request_decode(struct slice in, struct request *request)
{
    *request = (struct request){0};
    const struct slice whole = in;
    if (in.size > REQUEST_SIZE_MAX)
        return ERR_MALFORMED;
    enum status status = take_title(&in, REQUEST_PARTS, REQUEST_TITLE, REQUEST_VERSION);
    if (status != OK)
        return status;
    if (!take_request(&in, request))
        return ERR_MALFORMED;
    struct hash hash;
    uint8_t signature[SIGNATURE_SIZE];
    request_hash(slice_of(whole.data, whole.size - in.size), &hash);
    if (!statement_take_fixed(&in, sizeof signature, signature) || in.size != 0)
        return ERR_MALFORMED;
    return crypto_verify(&request->id, &hash, signature) ? OK : ERR_BAD_SIGNATURE;
}

/* The first 80 bits of a hash of the id, five to a character, in Crockford's alphabet,
 * which leaves out I, L, O and U. */
void node_fingerprint(const struct node_id *id, char text[FINGERPRINT_SIZE])
{
    static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    struct hash hash;
    size_t size = 0;
    hash_bytes(&hash, HASH_REQUEST, &no_county, slice_of(id->bytes, NODE_ID_SIZE));
    for (size_t i = 0; i < FINGERPRINT_CHARACTERS; i++) {
        size_t bit = 5 * i;
        unsigned pair = (unsigned)hash.bytes[bit / 8] << 8 | hash.bytes[bit / 8 + 1];
        if (i > 0 && i % FINGERPRINT_GROUP == 0)
            text[size++] = '-';
        text[size++] = alphabet[pair >> (11 - bit % 8) & 31];
    }
    text[size] = 0;
    CHECK(size == FINGERPRINT_SIZE - 1);
}
