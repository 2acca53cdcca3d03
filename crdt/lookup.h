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
#include "crdt/view.h"

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
 * entry that created the record (empty: none), at the end of `out`. A key that an edit gives is
 * looked up without a date. The date field comes before the key in its register. */
void lookup_put_dated(struct slice key, struct slice date, struct buffer *out);

/* Records that agree in all fields by which the register's records look alike (name and birth
 * of a person; texts in their normal form), in any realm: under the field FIELD_NONE and the
 * realm 0, so that one look finds all. A create leaves its row with the fold; an edit changes
 * one field and does not know the others, so lookup_keep_alike leaves it when the record is
 * worked in. lookup_alike_value: false where a field is empty, which looks like nobody. */
MUST_USE bool lookup_alike_value(const struct record_view *record, struct buffer *value);
size_t lookup_find_alike(struct store_txn *txn, uint8_t reg, struct slice value,
                         struct looked_up *found, size_t max);
void lookup_keep_alike(struct store_txn *txn, const struct record_view *record);

/* Walks the rows of a field (FIELD_NONE: of who looks alike) in one realm, those of one value
 * together, in id order; `is_next`: the value is another than that of the row before. `realm`
 * is 0 for FIELD_NONE; the rest of the struct is zero at first. Close `cursor`. */
struct lookup_walk {
    struct store_cursor cursor;
    uint8_t reg, field;
    uint64_t realm;
    uint8_t value[12]; /* the hash of the last row's value */
    bool started;
};
MUST_USE bool lookup_next(struct store_txn *txn, struct lookup_walk *walk,
                          struct looked_up *found, bool *is_next);

/* What is looked up of an encoded value: itself, or of a sealed one its tag. */
struct slice lookup_value(const struct field *field, struct slice encoded);

#endif
