/* merge.h - the four merge rules, as pure functions over what was written.
 *
 * What comes in is a set: every write of one field of one record, each entry once, in any
 * order. What comes out is in a fixed order, so that nodes with equal sets agree. Causality
 * comes from what a write replaces; the stamp only orders what is concurrent. */
#ifndef LINLI_CRDT_MERGE_H
#define LINLI_CRDT_MERGE_H

#include "crdt/id.h"

/* One write of the field, as its operation states it (crdt/operation.h). */
struct field_write {
    struct entry_id id; /* of the entry that wrote */
    uint64_t stamp_ms;
    uint32_t actor;
    struct slice value;    /* encoded; of a set: the array of added values; empty: none */
    struct slice replaced; /* encoded; as in an edit; empty: none */
};

/* One value that stands. Where several entries wrote the same value concurrently, it is one
 * version, of the latest of them, and `also` holds the others: people agree, but whoever
 * replaces or removes the value must name them all. */
struct version {
    struct entry_id id; /* the entry that wrote it */
    uint64_t stamp_ms;
    uint32_t actor;
    struct slice value;          /* encoded; borrowed from the writes */
    const struct entry_id *also; /* descending by (stamp, id); in the arena */
    size_t also_count;
};

struct version_list {
    struct version *versions; /* in the arena */
    size_t count;
};

/* "once (immutable)": the creating entry's value, if it gave one; 0 or 1 versions. */
struct version_list merge_once(const struct field_write *writes, size_t count,
                               const struct entry_id *record, struct arena *arena);

/* "multi (every write names the versions it replaces; what was written concurrently stays
 * visible as a conflict)": descending by (stamp, id). A write without value only replaces. A
 * write cannot replace itself. */
struct version_list merge_multi(const struct field_write *writes, size_t count,
                                struct arena *arena);

/* "set (observed-remove)": an element stands while one addition of it is not named by a
 * removal; ascending by encoded value. */
struct version_list merge_set(const struct field_write *writes, size_t count,
                              struct arena *arena);

/* "log (grow-only, folded by a fixed order)": ascending by (stamp, id). */
struct version_list merge_log(const struct field_write *writes, size_t count,
                              struct arena *arena);

/* What an edit that replaces or removes this version names, encoded without an array header
 * around it: entry ids for MERGE_MULTI, [entry id, value] pairs for MERGE_SET. Returns how
 * many there are. */
size_t version_put_ids(const struct version *version, struct buffer *out);
size_t version_put_removals(const struct version *version, struct buffer *out);

#endif
