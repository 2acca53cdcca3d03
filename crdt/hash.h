/* hash.h - BLAKE2b-256, with a label for each purpose and the county in every hash.
 *
 * The label is BLAKE2b's personalisation and the first 16 bytes of the genesis hash its
 * salt (RFC 7693, parameter block), so nothing hashed for one purpose or county can stand
 * for another, and a header of 127 bytes still hashes in one block. Hashing is pure; this is
 * the only use the core makes of libsodium. */
#ifndef LINLI_CRDT_HASH_H
#define LINLI_CRDT_HASH_H

#include "crdt/base.h"

#define HASH_SIZE 32
#define COUNTY_SALT_SIZE 16

struct hash {
    uint8_t bytes[HASH_SIZE];
};

/* The county as a hash sees it: the first 16 bytes of the genesis hash. All zero only for
 * hashing the genesis itself and what precedes it (requests). */
struct county_salt {
    uint8_t bytes[COUNTY_SALT_SIZE];
};

enum hash_label {
    HASH_GENESIS, /* the founding statement                                   */
    HASH_PAYLOAD, /* an entry's payload                                       */
    HASH_ENTRY,   /* an entry's header                                        */
    HASH_RUN,     /* what a run's signature signs: the hash of its last entry */
    HASH_REQUEST, /* what a request to join signs                             */
    HASH_NONCE,   /* nonce of a payload's encryption                          */
    HASH_SALT,    /* a payload's salt                                         */
    HASH_SEARCH,  /* search tag of a sealed field                             */
    HASH_KEY,     /* commitment to a realm key; derivation of realm keys      */
    HASH_HEADS,   /* digest over heads                                        */
    HASH_RECORDS, /* digest over records                                      */
    HASH_RANDOM,  /* expands an event's randomness                            */
    HASH_LOOKUP,  /* a field's value, to find its records by                  */
    HASH_LABELS,
};

void hash_bytes(struct hash *out, enum hash_label label, const struct county_salt *salt,
                struct slice in);

/* Keyed, of `size` (16 to 64) bytes; `key` is 32 bytes. */
void hash_keyed(uint8_t *out, size_t size, enum hash_label label,
                const struct county_salt *salt, const uint8_t key[32], struct slice in);

/* Over pieces, in order. */
struct hash_state {
    _Alignas(64) uint8_t opaque[384];
};
void hash_begin(struct hash_state *state, enum hash_label label,
                const struct county_salt *salt);
void hash_add(struct hash_state *state, struct slice piece);
void hash_end(struct hash_state *state, struct hash *out);

bool hash_equal(const struct hash *a, const struct hash *b);

#endif
