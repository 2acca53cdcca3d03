#include "net/crypto.h"

#include <sodium.h>
#include <string.h>

enum {
    NONCE_SIZE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    BOX_NONCE_SIZE = crypto_box_NONCEBYTES,
    DIGEST_SIZE = 64, /* of what a salt is derived from, before it is cut */
};

/* Numbers of the subkeys below their contexts. Changing one makes every key another: they
 * stay, and new ones get new numbers. */
static const char node_context[crypto_kdf_CONTEXTBYTES + 1] = "linlinod";
enum { NODE_SIGN = 1, NODE_CURVE = 2, NODE_BOX = 3, NODE_AUTHORITY = 4 };
static const char realm_context[crypto_kdf_CONTEXTBYTES + 1] = "linlirlm";
enum { REALM_SEAL = 1, REALM_SALT = 2, REALM_SEARCH = 3, REALM_FIELD = 4 };

_Static_assert(SEED_SIZE == crypto_kdf_KEYBYTES, "a seed is a master key");
_Static_assert(SEED_SIZE == crypto_sign_SEEDBYTES, "an identity comes from a seed");
_Static_assert(SEED_SIZE == crypto_box_SEEDBYTES, "a box key comes from a seed");
_Static_assert(RANDOM_SIZE == crypto_box_SEEDBYTES, "an ephemeral key too");
_Static_assert(NODE_ID_SIZE == crypto_sign_PUBLICKEYBYTES, "an id is a public key");
_Static_assert(SIGNATURE_SIZE == crypto_sign_BYTES, "Ed25519");
_Static_assert(KEY_SIZE == crypto_box_PUBLICKEYBYTES, "X25519");
_Static_assert(KEY_SIZE == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "XChaCha20");
_Static_assert(KEY_SIZE == crypto_stream_xchacha20_KEYBYTES, "XChaCha20");
_Static_assert(TAG_SIZE == crypto_aead_xchacha20poly1305_ietf_ABYTES, "Poly1305");
_Static_assert(SEALED_BOX_OVERHEAD == crypto_box_SEALBYTES, "a sealed box");
_Static_assert(NONCE_SIZE == crypto_stream_xchacha20_NONCEBYTES, "XChaCha20");

void crypto_init(void)
{
    CHECK(sodium_init() >= 0);
}

void crypto_wipe(void *memory, size_t size)
{
    sodium_memzero(memory, size);
}

/* ---- the keys of a node ---- */

static void subkey(uint8_t out[KEY_SIZE], const char *context, uint64_t number,
                   const uint8_t master[KEY_SIZE])
{
    CHECK(crypto_kdf_derive_from_key(out, KEY_SIZE, number, context, master) == 0);
}

void crypto_node_keys(const uint8_t seed[SEED_SIZE], struct node_keys *keys)
{
    uint8_t part[SEED_SIZE];
    subkey(part, node_context, NODE_SIGN, seed);
    CHECK(crypto_sign_seed_keypair(keys->id.bytes, keys->sign_secret, part) == 0);
    subkey(part, node_context, NODE_CURVE, seed);
    CHECK(crypto_box_seed_keypair(keys->curve_public, keys->curve_secret, part) == 0);
    subkey(part, node_context, NODE_BOX, seed);
    CHECK(crypto_box_seed_keypair(keys->box_public, keys->box_secret, part) == 0);
    crypto_wipe(part, sizeof part);
}

void crypto_sign_hash(const struct node_keys *keys, const struct hash *hash,
                      uint8_t signature[SIGNATURE_SIZE])
{
    CHECK(crypto_sign_detached(signature, NULL, hash->bytes, HASH_SIZE,
                               keys->sign_secret) == 0);
}

bool crypto_verify(const struct node_id *signer, const struct hash *hash,
                   const uint8_t signature[SIGNATURE_SIZE])
{
    return crypto_sign_verify_detached(signature, hash->bytes, HASH_SIZE,
                                       signer->bytes) == 0;
}

/* ---- realm keys ---- */

enum { REALM_EPOCH_SIZE = 8 + 2 };

static void put_realm_epoch(uint8_t out[REALM_EPOCH_SIZE], uint64_t realm, uint16_t epoch)
{
    put_le64(out, realm);
    out[8] = (uint8_t)epoch;
    out[9] = (uint8_t)(epoch >> 8);
}

void crypto_realm_key_derive(const uint8_t authority_seed[SEED_SIZE],
                             const struct county_salt *salt, uint64_t realm,
                             uint16_t epoch, uint8_t secret[KEY_SIZE])
{
    uint8_t master[KEY_SIZE];
    uint8_t input[REALM_EPOCH_SIZE];
    subkey(master, node_context, NODE_AUTHORITY, authority_seed);
    put_realm_epoch(input, realm, epoch);
    hash_keyed(secret, KEY_SIZE, HASH_KEY, salt, master, slice_of(input, sizeof input));
    crypto_wipe(master, sizeof master);
}

void crypto_realm_key(uint64_t realm, uint16_t epoch, const uint8_t secret[KEY_SIZE],
                      struct realm_key *key)
{
    key->realm = realm;
    key->epoch = epoch;
    memcpy(key->secret, secret, KEY_SIZE);
    subkey(key->seal, realm_context, REALM_SEAL, secret);
    subkey(key->salt, realm_context, REALM_SALT, secret);
    subkey(key->search, realm_context, REALM_SEARCH, secret);
    subkey(key->field, realm_context, REALM_FIELD, secret);
}

/* Keyed by the secret itself: it binds, because BLAKE2b resists collisions in the key as
 * in the message, and hides, because the secret is as long as the key. */
void crypto_commitment(const struct county_salt *salt, const struct realm_key *key,
                       struct hash *commitment)
{
    uint8_t input[REALM_EPOCH_SIZE];
    put_realm_epoch(input, key->realm, key->epoch);
    hash_keyed(commitment->bytes, HASH_SIZE, HASH_KEY, salt, key->secret,
               slice_of(input, sizeof input));
}

/* ---- payloads ---- */

/* Two hashes instead of one over (random, plaintext), which do not lie side by side. Both
 * are keyed, so the salt tells nothing about the plaintext. */
static void payload_salt(const struct realm_key *key, const struct county_salt *county,
                         struct slice plaintext, const uint8_t random[RANDOM_SIZE],
                         uint8_t salt[SALT_SIZE])
{
    uint8_t input[RANDOM_SIZE + HASH_SIZE];
    uint8_t digest[DIGEST_SIZE];
    memcpy(input, random, RANDOM_SIZE);
    hash_keyed(input + RANDOM_SIZE, HASH_SIZE, HASH_SALT, county, key->salt, plaintext);
    hash_keyed(digest, sizeof digest, HASH_SALT, county, key->salt,
               slice_of(input, sizeof input));
    memcpy(salt, digest, SALT_SIZE);
}

/* BLAKE2b-192, keyed like the salt: the seal subkey stays with the cipher alone. */
static void payload_nonce(const struct realm_key *key, const struct county_salt *county,
                          const uint8_t associated[HEADER_ASSOCIATED_SIZE],
                          const uint8_t salt[SALT_SIZE], uint8_t nonce[NONCE_SIZE])
{
    uint8_t input[HEADER_ASSOCIATED_SIZE + SALT_SIZE];
    memcpy(input, associated, HEADER_ASSOCIATED_SIZE);
    memcpy(input + HEADER_ASSOCIATED_SIZE, salt, SALT_SIZE);
    hash_keyed(nonce, NONCE_SIZE, HASH_NONCE, county, key->salt,
               slice_of(input, sizeof input));
}

void crypto_seal(const struct realm_key *key, const struct county_salt *county,
                 const uint8_t associated[HEADER_ASSOCIATED_SIZE], struct slice plaintext,
                 const uint8_t random[RANDOM_SIZE], uint8_t *out)
{
    CHECK(plaintext.size <= PAYLOAD_SIZE_MAX - SEAL_OVERHEAD);
    uint8_t nonce[NONCE_SIZE];
    payload_salt(key, county, plaintext, random, out);
    payload_nonce(key, county, associated, out, nonce);
    CHECK(crypto_aead_xchacha20poly1305_ietf_encrypt(
              out + SALT_SIZE, NULL, plaintext.data, plaintext.size, associated,
              HEADER_ASSOCIATED_SIZE, NULL, nonce, key->seal) == 0);
}

bool crypto_open(const struct realm_key *key, const struct county_salt *county,
                 const uint8_t associated[HEADER_ASSOCIATED_SIZE], struct slice payload,
                 uint8_t *out)
{
    if (payload.size < SEAL_OVERHEAD)
        return false;
    uint8_t nonce[NONCE_SIZE];
    payload_nonce(key, county, associated, payload.data, nonce);
    return crypto_aead_xchacha20poly1305_ietf_decrypt(
               out, NULL, NULL, payload.data + SALT_SIZE, payload.size - SALT_SIZE,
               associated, HEADER_ASSOCIATED_SIZE, nonce, key->seal) == 0;
}

/* ---- boxes for one member ---- */

bool crypto_box_key_usable(const uint8_t box_public[KEY_SIZE])
{
    static const uint8_t any_secret[KEY_SIZE] = {1};
    uint8_t shared[KEY_SIZE];
    return crypto_scalarmult(shared, any_secret, box_public) == 0;
}

/* The construction of libsodium's crypto_box_seal, which draws its ephemeral key itself:
 * ephemeral key, then a box whose nonce is BLAKE2b-192(ephemeral key, recipient's key).
 */
void crypto_box_to(const uint8_t box_public[KEY_SIZE], const uint8_t random[RANDOM_SIZE],
                   struct slice plain, uint8_t *out)
{
    uint8_t ephemeral_public[KEY_SIZE];
    uint8_t ephemeral_secret[KEY_SIZE];
    uint8_t nonce[BOX_NONCE_SIZE];
    uint8_t both[2 * KEY_SIZE];
    CHECK(crypto_box_seed_keypair(ephemeral_public, ephemeral_secret, random) == 0);
    memcpy(both, ephemeral_public, KEY_SIZE);
    memcpy(both + KEY_SIZE, box_public, KEY_SIZE);
    CHECK(crypto_generichash(nonce, sizeof nonce, both, sizeof both, NULL, 0) == 0);
    memcpy(out, ephemeral_public, KEY_SIZE);
    CHECK(crypto_box_easy(out + KEY_SIZE, plain.data, plain.size, nonce, box_public,
                          ephemeral_secret) == 0);
    crypto_wipe(ephemeral_secret, sizeof ephemeral_secret);
}

bool crypto_box_unseal(const struct node_keys *keys, struct slice box, uint8_t *out)
{
    return box.size >= SEALED_BOX_OVERHEAD &&
           crypto_box_seal_open(out, box.data, box.size, keys->box_public,
                                keys->box_secret) == 0;
}

/* ---- fields sealed inside a payload ---- */

/* A synthetic IV, as in SIV (RFC 5297): the tag is a keyed hash of the text,
 * authenticates it, and is the nonce. Equal texts give equal bytes, and nothing else is
 * revealed. */
static void field_crypt(const struct realm_key *key, const uint8_t tag[FIELD_TAG_SIZE],
                        struct slice in, uint8_t *out)
{
    uint8_t nonce[NONCE_SIZE] = {0};
    memcpy(nonce, tag, FIELD_TAG_SIZE);
    CHECK(crypto_stream_xchacha20_xor(out, in.data, in.size, nonce, key->field) == 0);
}

void crypto_field_tag(const struct realm_key *key, const struct county_salt *county,
                      struct slice text, uint8_t tag[FIELD_TAG_SIZE])
{
    hash_keyed(tag, FIELD_TAG_SIZE, HASH_SEARCH, county, key->search, text);
}

void crypto_field_seal(const struct realm_key *key, const struct county_salt *county,
                       struct slice text, uint8_t *out)
{
    crypto_field_tag(key, county, text, out);
    field_crypt(key, out, text, out + FIELD_TAG_SIZE);
}

bool crypto_field_open(const struct realm_key *key, const struct county_salt *county,
                       struct slice sealed, uint8_t *out)
{
    if (sealed.size < FIELD_TAG_SIZE)
        return false;
    struct slice text =
        slice_of(sealed.data + FIELD_TAG_SIZE, sealed.size - FIELD_TAG_SIZE);
    uint8_t tag[FIELD_TAG_SIZE];
    field_crypt(key, sealed.data, text, out);
    crypto_field_tag(key, county, slice_of(out, text.size), tag);
    if (sodium_memcmp(tag, sealed.data, FIELD_TAG_SIZE) == 0)
        return true;
    crypto_wipe(out, text.size);
    return false;
}
