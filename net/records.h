/* records.h - where records lie: the realms that can be read here; and how one will read. */
#ifndef LINLI_NET_RECORDS_H
#define LINLI_NET_RECORDS_H

#include "crdt/view.h"
#include "net/engine.h"

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

/* The record of a register without subjects with this id, wherever it is filed; likewise. */
MUST_USE bool record_find(const struct roster *roster, struct store_txn *txn,
                          const struct schema_register *reg, const struct entry_id *id,
                          uint64_t likely, struct arena *arena,
                          struct record_view *record);

/* The record as it will read when the write stands, in the arena; sets and sealed fields stay
 * as they are. */
void record_foresee(struct store_txn *txn, const struct schema_register *reg,
                    const struct write *write, struct arena *arena,
                    struct record_view *record);

#endif
