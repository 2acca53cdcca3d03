/* resolve.h - from what a person types to a record: any beginning of its id that fits no
 * other. A whole id of an entry is resolved by its log; a prefix by looking at all. */
#ifndef LINLI_DAEMON_RESOLVE_H
#define LINLI_DAEMON_RESOLVE_H

#include "crdt/view.h"
#include "net/engine.h"
#include "net/records.h"

struct resolved {
    uint64_t realm;
    struct entry_id subject; /* of the chain it lies in */
    struct entry_id id;
};

/* ERR_NOT_FOUND, ERR_AMBIGUOUS, or ERR_UNREADABLE for an id that exists here and has no
 * key. */
MUST_USE enum status resolve_record(const struct engine *engine, struct store_txn *txn,
                                    struct arena *scratch,
                                    const struct schema_register *reg, struct slice text,
                                    struct resolved *resolved);

/* Whether this node may read the realm at all. */
bool realm_is_readable(const struct engine *engine, uint64_t realm);

/* `reg`'s view arguments: NULL for a register that is its own subject. */
const struct entry_id *resolved_subject(const struct schema_register *reg,
                                        const struct resolved *resolved);

#endif
