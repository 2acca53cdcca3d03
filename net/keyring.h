/* keyring.h - the realm keys of a roster: which were stated, and which of them are held.
 *
 * Both lists ascend by realm, then epoch. Held keys are wiped before their memory is
 * given back. */
#ifndef LINLI_NET_KEYRING_H
#define LINLI_NET_KEYRING_H

#include "net/roster.h"

struct keyring {
    struct realm_commitment *stated;
    size_t stated_count, stated_capacity;
    struct realm_key *held;
    size_t held_count, held_capacity;
};

/* A keyring of zeros is an empty one. */
void keyring_deinit(struct keyring *keyring);
void keyring_clear(struct keyring *keyring);

/* OK also where the same was stated before; ERR_EXISTS where another key was: it stands.
 */
MUST_USE enum status keyring_commit(struct keyring *keyring, uint64_t realm,
                                    uint16_t epoch, const struct hash *commitment);
void keyring_add(struct keyring *keyring, const struct realm_key *key);

/* NULL where none is held. Die with the next keyring_add, clear or deinit. */
const struct realm_key *keyring_find(const struct keyring *keyring, uint64_t realm,
                                     uint16_t epoch);
/* Of the newest epoch, or `back` held epochs before it. */
const struct realm_key *keyring_newest(const struct keyring *keyring, uint64_t realm,
                                       size_t back);

#endif
