/* lookup.h - from a field's value to the records that were given it.
 *
 * For fields that the schema marks (external keys, identity numbers) each create and edit
 * leaves a row in STORE_LOOKUPS. A row is a hint: the record may have changed since, so
 * whoever finds one looks at the record itself.
 *
 *   STORE_LOOKUPS  register 1, field 1, realm u64 BE, hash of the value 12, record 12
 *                  -> its subject 12 */
#ifndef LINLI_CRDT_LOOKUP_H
#define LINLI_CRDT_LOOKUP_H

#include "crdt/operation.h"
#include "crdt/store.h"

/* Appends the rows that an operation leaves to `rows`; lookup_write puts them into the store
 * and clears it. */
void lookup_note(struct buffer *rows, const struct operation *operation,
                 const struct entry_id *id, uint64_t realm);
void lookup_write(struct buffer *rows, struct store_txn *txn);

/* Records that were given the value, in id order, at most `max`; how many there are. `value`
 * is encoded; of a sealed field it is the tag. */
struct looked_up {
    struct entry_id id, subject;
};
size_t lookup_find(struct store_txn *txn, uint8_t reg, uint8_t field, uint64_t realm,
                   struct slice value, struct looked_up *found, size_t max);

/* What LOOKUP_DATED_KEY is looked up by: the key, then the register's date as encoded in the
 * entry that created the record (empty: none), at the end of `out`. */
void lookup_put_dated(struct slice key, struct slice date, struct buffer *out);

/* What is looked up of an encoded value: itself, or of a sealed one its tag. */
struct slice lookup_value(const struct field *field, struct slice encoded);

#endif
