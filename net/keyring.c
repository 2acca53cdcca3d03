#include "net/keyring.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS_MIN = 16 };

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

static bool comes_before(uint64_t realm, uint16_t epoch, uint64_t other_realm,
                         uint16_t other_epoch)
{
    return realm < other_realm || (realm == other_realm && epoch < other_epoch);
}

/* ---- what was stated ---- */

static size_t stated_rank(const struct keyring *keyring, uint64_t realm, uint16_t epoch)
{
    size_t low = 0;
    size_t high = keyring->stated_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct realm_commitment *row = &keyring->stated[middle];
        if (comes_before(row->realm, row->epoch, realm, epoch))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void stated_insert(struct keyring *keyring, size_t rank,
                          const struct realm_commitment *row)
{
    if (keyring->stated_count == keyring->stated_capacity) {
        size_t capacity = 2 * keyring->stated_capacity + ROWS_MIN;
        keyring->stated =
            checked_realloc(keyring->stated, capacity * sizeof *keyring->stated);
        keyring->stated_capacity = capacity;
    }
    memmove(keyring->stated + rank + 1, keyring->stated + rank,
            (keyring->stated_count - rank) * sizeof *keyring->stated);
    keyring->stated[rank] = *row;
    keyring->stated_count++;
}

enum status keyring_commit(struct keyring *keyring, uint64_t realm, uint16_t epoch,
                           const struct hash *commitment)
{
    size_t rank = stated_rank(keyring, realm, epoch);
    if (rank < keyring->stated_count) {
        const struct realm_commitment *row = &keyring->stated[rank];
        if (row->realm == realm && row->epoch == epoch)
            return hash_equal(&row->commitment, commitment) ? OK : ERR_EXISTS;
    }
    struct realm_commitment stated = {realm, epoch, *commitment};
    stated_insert(keyring, rank, &stated);
    return OK;
}

/* ---- what is held ---- */

static size_t held_rank(const struct keyring *keyring, uint64_t realm, uint16_t epoch)
{
    size_t low = 0;
    size_t high = keyring->held_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct realm_key *key = &keyring->held[middle];
        if (comes_before(key->realm, key->epoch, realm, epoch))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* By hand: realloc would leave secrets in the memory it gives back. */
static void held_grow(struct keyring *keyring)
{
    size_t capacity = 2 * keyring->held_capacity + ROWS_MIN;
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
    CHECK(keyring_find(keyring, key->realm, key->epoch) == NULL);
    if (keyring->held_count == keyring->held_capacity)
        held_grow(keyring);
    size_t rank = held_rank(keyring, key->realm, key->epoch);
    memmove(keyring->held + rank + 1, keyring->held + rank,
            (keyring->held_count - rank) * sizeof *keyring->held);
    keyring->held[rank] = *key;
    keyring->held_count++;
}

const struct realm_key *keyring_find(const struct keyring *keyring, uint64_t realm,
                                     uint16_t epoch)
{
    size_t rank = held_rank(keyring, realm, epoch);
    if (rank == keyring->held_count || keyring->held[rank].realm != realm ||
        keyring->held[rank].epoch != epoch)
        return NULL;
    return &keyring->held[rank];
}

const struct realm_key *keyring_newest(const struct keyring *keyring, uint64_t realm,
                                       size_t back)
{
    size_t rank = held_rank(keyring, realm + 1, 0);
    if (rank <= back || keyring->held[rank - 1 - back].realm != realm)
        return NULL;
    return &keyring->held[rank - 1 - back];
}
