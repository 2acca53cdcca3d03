/* view.h - records as they read now, merged from their chains by the schema's rules.
 *
 * The answer depends on the set of rows, never on their order: versions are sorted by
 * (stamp descending, entry id descending), sets by value, logs by (stamp, id). Ties of the
 * stamp fall to the entry id instead of design's entry hash: both are total and fixed, and
 * the id is in hand. */
#ifndef LINLI_CRDT_VIEW_H
#define LINLI_CRDT_VIEW_H

#include "crdt/fold.h"
#include "crdt/hash.h"
#include "crdt/merge.h"

struct field_view {
    const struct field *field;
    struct version *versions; /* ONCE: 0 or 1; MULTI: more than one is a conflict, the
                                 displayed one first, the others latest first; SET: one per
                                 element; LOG: history, oldest first */
    size_t count;
};

struct record_view {
    const struct schema_register *reg;
    struct entry_id id;      /* of the record */
    struct entry_id subject; /* of its chain; equal to `id` for a person */
    uint64_t realm;
    bool known; /* its creating entry is here; otherwise only later ones are */
    uint64_t created_ms;
    uint32_t created_by; /* actor number at the node of `id` */
    bool voided;         /* by a void; `void_reason` of the latest */
    const struct entry_id
        *merged; /* others by which the person was entered (crdt/same) */
    size_t merged_count;
    bool undone; /* that void restores what this record had replaced */
    struct slice void_reason;
    struct entry_id
        *amended_by;           /* records that replace this one, in id order; one that is
                                    undone replaces nothing, unless what replaces it stands */
    size_t amended_count;      /* more than one: a conflict */
    struct field_view *fields; /* one for each field of the register, in schema order */
    const struct record_list
        *steps; /* what happened to it; NULL where its register's steps
                                        enter no records */
};

struct record_list {
    struct record_view *records;
    size_t count;
};

/* All records of a chain, in id order, in the arena. For a self-subject register (person)
 * there is exactly one or none. */
void view_chain(struct store_txn *txn, const struct schema_register *reg, uint64_t realm,
                const struct entry_id *subject, struct arena *arena,
                struct record_list *list);

/* The same for whoever lists records: a person who was entered more than once and merged is
 * one record, of the chain that it is known by, and none of the others. */
void view_subject(struct store_txn *txn, const struct schema_register *reg,
                  uint64_t realm, const struct entry_id *subject, struct arena *arena,
                  struct record_list *list);

/* The record with this id. `subject` NULL: it is its own subject. False: nothing is filed
 * under it. Of a person who was merged with others this is the one record of them all,
 * whichever of their ids is asked for; its own id is the one that it is known by. */
MUST_USE bool view_record(struct store_txn *txn, const struct schema_register *reg,
                          uint64_t realm, const struct entry_id *subject,
                          const struct entry_id *id, struct arena *arena,
                          struct record_view *record);

/* The displayed value of a field: of the latest version; for a MERGE_MULTI choice field
 * whose schema says so, the safer one. Empty where there is none; of a MERGE_SET field the
 * first element. */
struct slice view_value(const struct record_view *record, uint8_t field);
/* The displayed value of a FIELD_CHOICE; 0 where there is none. */
uint8_t view_choice(const struct record_view *record, uint8_t field);

/* The displayed value of a FIELD_DATE or FIELD_MOMENT; false where there is none. */
MUST_USE bool view_time(const struct record_view *record, uint8_t field, int64_t *time);

/* Canonical bytes of a record (codec): what answers are built from and digests are over.
 * Equal at every node that holds the same entries and key.
 *
 *   [register, id, subject, realm, known, created_ms, created_by, reason or nil (voided),
 *    [amended by id, …], [[field, [[id, stamp_ms, actor, value, [also id, …]], …]], …]]
 *
 * with a pair for each field that has versions. */
void view_encode(const struct record_view *record, struct buffer *out);

/* BLAKE2b over view_encode of all records of all registers of a realm, in order, and
 * how many records there are. Memory: the largest chain's. */
void view_digest(struct store_txn *txn, uint64_t realm, const struct county_salt *salt,
                 struct hash *hash, uint64_t *records);

#endif
