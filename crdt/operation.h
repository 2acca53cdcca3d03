/* operation.h - what an entry of a record lane does, inside its payload.
 *
 * Plaintext = one codec byte (0: as it is), then msgpack [stamp, actor, operation]. The
 * operation is an array in schema order:
 *
 *   create  [0, register, field 0, field 1, …]             absent: nil; trailing nils cut
 *   edit    [1, register, subject, [field, replaced, value], …]
 *           [1, register, subject, target, [field, replaced, value], …]
 *   void    [2, register, subject, target, reason]
 *           [2, register, subject, target, reason, true]    restores what it had replaced
 *
 * In a create, the value of a MERGE_SET field is an array of 1 to SET_VALUES_MAX values. The
 * triples of an edit ascend by field, each field once. A void's reason is a text, "" where
 * none is given; its target is a record of the subject's chain, itself for a person.
 *
 * Where the subject is another record, its chain holds several, so an edit names the one it
 * changes: `target`, 12 bytes, before the triples. Where a record is its own subject there is
 * no target. An edit without one in a chain of several records changes nothing.
 *
 * A created record's id is its entry's id. `subject` is 12 bytes; the subject of a created
 * record is its subject field, or itself. In an edit, `replaced` is an array of entry ids;
 * `value` is one value for MERGE_MULTI (nil: only clears) and MERGE_LOG (whose `replaced` is
 * empty), an array of added values for MERGE_SET (nil: only removes), whose `replaced` is an
 * array of [entry id, value] pairs. */
#ifndef LINLI_CRDT_OPERATION_H
#define LINLI_CRDT_OPERATION_H

#include "crdt/schema.h"

#define CODEC_PLAIN 0
#define REASON_CHARACTERS_MAX 500

enum operation_kind { OPERATION_CREATE = 0, OPERATION_EDIT = 1, OPERATION_VOID = 2 };

struct operation {
    uint64_t stamp_ms; /* the writer's wall clock; only breaks ties */
    uint32_t actor;    /* number of one of the node's operators; 0: the daemon itself */
    enum operation_kind kind;
    uint8_t reg;
    struct entry_id
        subject; /* of a create without subject field: not set, it is itself */
    bool subject_is_self;
    struct entry_id target; /* of a void; of an edit: the record it changes */
    bool has_target;        /* false for an edit that names only its subject's chain */
    struct slice reason;    /* of a void; may be empty */
    bool restores;          /* of a void: what its target replaced counts again */
    struct slice body;      /* the encoded values after the fixed part */
    size_t body_count;      /* how many are left; for create: fields, for edit: triples */
    uint8_t next_field;     /* of a create: the field that `body` begins with */
};

/* Reads a plaintext. OK; ERR_VERSION where codec, kind, register, field or choice is newer
 * than this program (kept, forwarded, folded after the upgrade); ERR_MALFORMED or
 * ERR_FIELD_VALUE otherwise. All slices point into `plaintext`. Whether required fields are
 * there is a rule for whoever writes, not for whoever reads: it may change. */
MUST_USE enum status operation_decode(struct slice plaintext,
                                      struct operation *operation);

/* What is to be written, before it has an id. Value slices are encoded values; they may come
 * in any order of fields, each field once. A reason is clean text (codec.h). */
struct operation_value {
    uint8_t field;
    struct slice value;    /* encoded; empty, or a set's empty array: absent (nil) */
    struct slice replaced; /* edit: the encoded array described above */
};
void operation_encode_create(struct buffer *out, uint64_t stamp_ms, uint32_t actor,
                             const struct schema_register *reg,
                             const struct operation_value *values, size_t count);
/* `target` is the record that is changed; equal to `subject` where it is its own. */
void operation_encode_edit(struct buffer *out, uint64_t stamp_ms, uint32_t actor,
                           const struct schema_register *reg,
                           const struct entry_id *subject, const struct entry_id *target,
                           const struct operation_value *values, size_t count);
void operation_encode_void(struct buffer *out, uint64_t stamp_ms, uint32_t actor,
                           const struct schema_register *reg,
                           const struct entry_id *subject, const struct entry_id *target,
                           struct slice reason, bool restores);

/* The same operation for another place: another actor, and each id that it names as `rename`
 * leaves it. The stamp stays. False: not an operation. */
MUST_USE bool operation_readdress(struct slice plaintext, uint32_t actor,
                                  void (*rename)(void *context, struct entry_id *id),
                                  void *context, struct buffer *out);

/* Field values of a decoded create, in turn; false at the end. `value` empty where absent. */
MUST_USE bool operation_next_field(struct operation *create, uint8_t *field,
                                   struct slice *value);
/* Triples of a decoded edit, in turn. `value` empty where nil. */
MUST_USE bool operation_next_edit(struct operation *edit, uint8_t *field,
                                  struct slice *replaced, struct slice *value);

#endif
