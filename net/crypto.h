/* crypto.h - signatures, sealing and derivation. With crdt/hash.c the only file that
 * includes <sodium.h>. Randomness is passed in: nothing here asks the system for any, so
 * the same inputs give the same bytes in the simulator. */
#ifndef LINLI_NET_CRYPTO_H
#define LINLI_NET_CRYPTO_H

#include "crdt/run.h"

#define SEED_SIZE 32
#define KEY_SIZE 32
#define SALT_SIZE 8
#define TAG_SIZE 16
#define SEAL_OVERHEAD (SALT_SIZE + TAG_SIZE)
#define SEALED_BOX_OVERHEAD 48
#define RANDOM_SIZE 32

/* Once per process, before anything else; aborts if libsodium cannot. */
void crypto_init(void);

/* The keys of a node, all from one seed: signing (its identity), CURVE (its connections),
 * box (receives realm keys). Secret; lives in locked memory at the edge. */
struct node_keys {
    struct node_id id;
    uint8_t sign_secret[64];
    uint8_t curve_public[KEY_SIZE], curve_secret[KEY_SIZE];
    uint8_t box_public[KEY_SIZE], box_secret[KEY_SIZE];
};
void crypto_node_keys(const uint8_t seed[SEED_SIZE], struct node_keys *keys);

/* Not crypto_sign and crypto_box_open: those are libsodium's own names, and libzmq would
 * call ours. */
void crypto_sign_hash(const struct node_keys *keys, const struct hash *hash,
                      uint8_t signature[SIGNATURE_SIZE]);
MUST_USE bool crypto_verify(const struct node_id *signer, const struct hash *hash,
                            const uint8_t signature[SIGNATURE_SIZE]);

/* One realm's key and what is derived from it. Sealing, salts and search use separate
 * subkeys. */
struct realm_key {
    uint64_t realm;
    uint16_t epoch;
    uint8_t secret[KEY_SIZE];
    uint8_t seal[KEY_SIZE], salt[KEY_SIZE], search[KEY_SIZE], field[KEY_SIZE];
};
/* The authority derives realm keys from its own seed: nothing to keep or to lose. */
void crypto_realm_key_derive(const uint8_t authority_seed[SEED_SIZE],
                             const struct county_salt *salt, uint64_t realm,
                             uint16_t epoch, uint8_t secret[KEY_SIZE]);
void crypto_realm_key(uint64_t realm, uint16_t epoch, const uint8_t secret[KEY_SIZE],
                      struct realm_key *key);
/* Public: anybody can check a received key against it. */
void crypto_commitment(const struct county_salt *salt, const struct realm_key *key,
                       struct hash *commitment);

/* payload = salt 8 + XChaCha20-Poly1305(plaintext); associated data: the header's first
 * 91 bytes; nonce = BLAKE2b-192(those bytes, salt) under HASH_NONCE, keyed with the salt
 * subkey; the salt is the first 8 bytes of BLAKE2b-512(random, BLAKE2b-256(plaintext)),
 * both under HASH_SALT and the same subkey, so that neither a restored disk nor a cloned
 * generator repeats it. `out` takes SEAL_OVERHEAD + plaintext bytes. */
void crypto_seal(const struct realm_key *key, const struct county_salt *county,
                 const uint8_t associated[HEADER_ASSOCIATED_SIZE], struct slice plaintext,
                 const uint8_t random[RANDOM_SIZE], uint8_t *out);
/* `out` takes payload.size - SEAL_OVERHEAD bytes. */
MUST_USE bool crypto_open(const struct realm_key *key, const struct county_salt *county,
                          const uint8_t associated[HEADER_ASSOCIATED_SIZE],
                          struct slice payload, uint8_t *out);

/* Whether boxes can be sealed to this key: a few points of small order would give
 * everybody the same shared secret. Asked wherever such a key comes in. */
MUST_USE bool crypto_box_key_usable(const uint8_t box_public[KEY_SIZE]);
/* Realm keys for one member: an anonymous box whose ephemeral key comes from `random`,
 * which must never serve two different plain texts to one member. `out` takes
 * SEALED_BOX_OVERHEAD + plain bytes. Openable by crypto_box_seal_open. CHECKs that the
 * key is usable. */
void crypto_box_to(const uint8_t box_public[KEY_SIZE], const uint8_t random[RANDOM_SIZE],
                   struct slice plain, uint8_t *out);
MUST_USE bool crypto_box_unseal(const struct node_keys *keys, struct slice box,
                                uint8_t *out);

/* A field sealed inside the payload (identity numbers): tag 16, then ciphertext. The same
 * text gives the same bytes under one realm key, so it can be searched for by tag and is
 * not readable in rows, exports or backups of derived data. */
#define FIELD_TAG_SIZE 16
void crypto_field_tag(const struct realm_key *key, const struct county_salt *county,
                      struct slice text, uint8_t tag[FIELD_TAG_SIZE]);
void crypto_field_seal(const struct realm_key *key, const struct county_salt *county,
                       struct slice text, uint8_t *out); /* FIELD_TAG_SIZE + text.size */
MUST_USE bool crypto_field_open(const struct realm_key *key,
                                const struct county_salt *county, struct slice sealed,
                                uint8_t *out);

void crypto_wipe(void *memory, size_t size);

#endif
