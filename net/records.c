#include "net/records.h"

bool realm_walk_next(const struct roster *roster, const struct schema_register *reg,
                     struct realm_walk *walk, uint64_t *realm)
{
    const struct realm_key *key;
    while ((key = roster_key_at(roster, walk->index)) != NULL) {
        walk->index++;
        /* One realm has a key for each of its epochs. */
        if (key->realm == walk->last || !schema_realm_fits(reg, key->realm))
            continue;
        walk->last = key->realm;
        *realm = key->realm;
        return true;
    }
    return false;
}

bool record_realm(const struct roster *roster, struct store_txn *txn,
                  const struct schema_register *reg, const struct entry_id *id,
                  uint64_t likely, uint64_t *realm)
{
    struct realm_walk walk = {0};
    uint64_t newest, rows;
    *realm = likely;
    if (likely != 0 && schema_realm_fits(reg, likely) &&
        fold_chain_newest(txn, reg->id, likely, id, &newest, &rows))
        return true;
    while (realm_walk_next(roster, reg, &walk, realm)) {
        if (fold_chain_newest(txn, reg->id, *realm, id, &newest, &rows))
            return true;
    }
    return false;
}
