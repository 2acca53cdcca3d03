/* records.h - where records lie: the realms that can be read here. */
#ifndef LINLI_NET_RECORDS_H
#define LINLI_NET_RECORDS_H

#include "crdt/view.h"
#include "net/roster.h"

/* Realms whose records of `reg` are readable here, ascending, each once; false past the
 * end. Begin with a zeroed walk. */
struct realm_walk {
    size_t index;
    uint64_t last;
};
MUST_USE bool realm_walk_next(const struct roster *roster,
                              const struct schema_register *reg, struct realm_walk *walk,
                              uint64_t *realm);

/* The realm in which a record of a register without subjects is filed; false where none
 * that is readable here holds it. `likely` is tried first; 0: none is. */
MUST_USE bool record_realm(const struct roster *roster, struct store_txn *txn,
                           const struct schema_register *reg, const struct entry_id *id,
                           uint64_t likely, uint64_t *realm);

#endif
