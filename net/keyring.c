#include "net/keyring.h"

#include <stdlib.h>
#include <string.h>

enum { HELD_MIN = 16 };

static void held_wipe(struct keyring *keyring)
{
    if (keyring->held != NULL)
        crypto_wipe(keyring->held, keyring->held_capacity * sizeof *keyring->held);
}

void keyring_clear(struct keyring *keyring)
{
    held_wipe(keyring);
    keyring->held_count = 0;
    keyring->stated_count = 0;
}

void keyring_deinit(struct keyring *keyring)
{
    held_wipe(keyring);
    free(keyring->held);
    free(keyring->stated);
    *keyring = (struct keyring){0};
}

/* Both lists are sorted by realm, then epoch. */
struct key_name {
    uint64_t realm;
    uint16_t epoch;
};

static int key_name_compare(struct key_name name, uint64_t realm, uint16_t epoch)
{
    if (name.realm != realm)
        return name.realm < realm ? -1 : 1;
    return (name.epoch > epoch) - (name.epoch < epoch);
}

/* ---- what was stated ---- */

static int stated_compare(const void *key, const void *row)
{
    const struct key_name *name = key;
    const struct realm_commitment *stated = row;
    return key_name_compare(*name, stated->realm, stated->epoch);
}

static void stated_insert(struct keyring *keyring, size_t rank,
                          const struct realm_commitment *row)
{
    keyring->stated = array_grow(keyring->stated, &keyring->stated_capacity,
                                 keyring->stated_count + 1, sizeof *keyring->stated);
    memmove(keyring->stated + rank + 1, keyring->stated + rank,
            (keyring->stated_count - rank) * sizeof *keyring->stated);
    keyring->stated[rank] = *row;
    keyring->stated_count++;
}

enum status keyring_commit(struct keyring *keyring, uint64_t realm, uint16_t epoch,
                           const struct hash *commitment)
{
    struct key_name name = {realm, epoch};
    size_t rank;
    if (sorted_find(&name, keyring->stated, keyring->stated_count,
                    sizeof *keyring->stated, stated_compare, &rank))
        return hash_equal(&keyring->stated[rank].commitment, commitment) ? OK
                                                                         : ERR_EXISTS;
    struct realm_commitment stated = {realm, epoch, *commitment};
    stated_insert(keyring, rank, &stated);
    return OK;
}

/* ---- what is held ---- */

static int held_compare(const void *key, const void *row)
{
    const struct key_name *name = key;
    const struct realm_key *held = row;
    return key_name_compare(*name, held->realm, held->epoch);
}

static bool held_find(const struct keyring *keyring, uint64_t realm, uint16_t epoch,
                      size_t *rank)
{
    struct key_name name = {realm, epoch};
    return sorted_find(&name, keyring->held, keyring->held_count, sizeof *keyring->held,
                       held_compare, rank);
}

/* Not array_grow: realloc would leave the keys in the memory that it frees. */
static void held_grow(struct keyring *keyring)
{
    size_t capacity = 2 * keyring->held_capacity + HELD_MIN;
    struct realm_key *grown = checked_malloc(capacity * sizeof *grown);
    if (keyring->held_count > 0)
        memcpy(grown, keyring->held, keyring->held_count * sizeof *grown);
    held_wipe(keyring);
    free(keyring->held);
    keyring->held = grown;
    keyring->held_capacity = capacity;
}

void keyring_add(struct keyring *keyring, const struct realm_key *key)
{
    size_t rank;
    CHECK(!held_find(keyring, key->realm, key->epoch, &rank));
    if (keyring->held_count == keyring->held_capacity)
        held_grow(keyring);
    memmove(keyring->held + rank + 1, keyring->held + rank,
            (keyring->held_count - rank) * sizeof *keyring->held);
    keyring->held[rank] = *key;
    keyring->held_count++;
}

const struct realm_key *keyring_find(const struct keyring *keyring, uint64_t realm,
                                     uint16_t epoch)
{
    size_t rank;
    return held_find(keyring, realm, epoch, &rank) ? &keyring->held[rank] : NULL;
}

const struct realm_key *keyring_newest(const struct keyring *keyring, uint64_t realm,
                                       size_t back)
{
    size_t rank;
    (void)held_find(keyring, realm + 1, 0, &rank); /* behind all of this realm */
    if (rank <= back || keyring->held[rank - 1 - back].realm != realm)
        return NULL;
    return &keyring->held[rank - 1 - back];
}
