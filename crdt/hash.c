#include "crdt/hash.h"

#include <sodium.h>
#include <string.h>

#define PERSONAL_SIZE 16

_Static_assert(PERSONAL_SIZE == crypto_generichash_blake2b_PERSONALBYTES, "BLAKE2b");
_Static_assert(COUNTY_SALT_SIZE == crypto_generichash_blake2b_SALTBYTES, "BLAKE2b");
_Static_assert(sizeof(struct hash_state) >= sizeof(crypto_generichash_blake2b_state),
               "a state fits");
_Static_assert(_Alignof(struct hash_state) >= _Alignof(crypto_generichash_blake2b_state),
               "a state lies well");

/* Every stored hash and signature was made under these labels, so that none ever changes. */
static const char labels[HASH_LABELS][PERSONAL_SIZE] = {
    [HASH_GENESIS] = "linli genesis", [HASH_PAYLOAD] = "linli payload",
    [HASH_ENTRY] = "linli entry",     [HASH_RUN] = "linli run",
    [HASH_REQUEST] = "linli request", [HASH_NONCE] = "linli nonce",
    [HASH_SALT] = "linli salt",       [HASH_SEARCH] = "linli search",
    [HASH_KEY] = "linli key",         [HASH_HEADS] = "linli heads",
    [HASH_RECORDS] = "linli records", [HASH_RANDOM] = "linli random",
    [HASH_LOOKUP] = "linli lookup",
};

static const uint8_t *label_bytes(enum hash_label label)
{
    CHECK((unsigned)label < HASH_LABELS);
    return (const uint8_t *)labels[label];
}

void hash_bytes(struct hash *out, enum hash_label label, const struct county_salt *salt,
                struct slice in)
{
    CHECK(crypto_generichash_blake2b_salt_personal(out->bytes, HASH_SIZE, in.data,
                                                   in.size, NULL, 0, salt->bytes,
                                                   label_bytes(label)) == 0);
}

void hash_keyed(uint8_t *out, size_t size, enum hash_label label,
                const struct county_salt *salt, const uint8_t key[32], struct slice in)
{
    CHECK(size >= 16 && size <= 64);
    CHECK(crypto_generichash_blake2b_salt_personal(out, size, in.data, in.size, key, 32,
                                                   salt->bytes, label_bytes(label)) == 0);
}

static crypto_generichash_blake2b_state *blake2b_of(struct hash_state *state)
{
    return (crypto_generichash_blake2b_state *)(void *)state->opaque;
}

void hash_begin(struct hash_state *state, enum hash_label label,
                const struct county_salt *salt)
{
    CHECK(crypto_generichash_blake2b_init_salt_personal(blake2b_of(state), NULL, 0,
                                                        HASH_SIZE, salt->bytes,
                                                        label_bytes(label)) == 0);
}

void hash_add(struct hash_state *state, struct slice piece)
{
    CHECK(crypto_generichash_blake2b_update(blake2b_of(state), piece.data, piece.size) ==
          0);
}

void hash_end(struct hash_state *state, struct hash *out)
{
    CHECK(crypto_generichash_blake2b_final(blake2b_of(state), out->bytes, HASH_SIZE) ==
          0);
}

bool hash_equal(const struct hash *a, const struct hash *b)
{
    return memcmp(a->bytes, b->bytes, HASH_SIZE) == 0;
}
