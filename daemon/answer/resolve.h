/* resolve.h - from what a person types to a record: any beginning of its id that fits no
 * other, by its key in another system or its number, or by the name that only it has. A whole id of an entry is resolved by its log; a
 * prefix by looking at all. Any id of a person who was entered more than once and merged gives
 * the one that the person is known by. */
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
 * key. Where no id begins so, `text` may be the name of one record, of a person also the name
 * as it is read. Of several that fit `fits` says the first ones in words, "text: short id,
 * name; …"; otherwise it is empty. */
MUST_USE enum status resolve_record(const struct engine *engine, struct store_txn *txn,
                                    struct arena *scratch,
                                    const struct schema_register *reg, struct slice text,
                                    struct resolved *resolved, struct buffer *fits);

/* The same where something is to be written of the record: an id of fewer than
 * RESOLVE_WRITE_MIN characters might be anything (ERR_ID_SHORT). */
#define RESOLVE_WRITE_MIN 4
MUST_USE enum status resolve_to_write(const struct engine *engine, struct store_txn *txn,
                                      struct arena *scratch,
                                      const struct schema_register *reg,
                                      struct slice text, struct resolved *resolved,
                                      struct buffer *fits);

/* The same, of persons who were merged that one whose own id it is. */
MUST_USE enum status resolve_as_entered(const struct engine *engine,
                                        struct store_txn *txn, struct arena *scratch,
                                        const struct schema_register *reg,
                                        struct slice text, struct resolved *resolved,
                                        struct buffer *fits);

/* The same for a record of whichever register has fields that can be in conflict; `reg` is
 * set where there is one. */
MUST_USE enum status resolve_any_to_write(const struct engine *engine,
                                          struct store_txn *txn, struct arena *scratch,
                                          struct slice text,
                                          const struct schema_register **reg,
                                          struct resolved *resolved, struct buffer *fits);

/* Whether this node may read the realm at all. */
bool realm_is_readable(const struct engine *engine, uint64_t realm);

/* `reg`'s view arguments: NULL for a register that is its own subject. */
const struct entry_id *resolved_subject(const struct schema_register *reg,
                                        const struct resolved *resolved);

#endif
