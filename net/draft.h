/* draft.h - from what a person asks to an operation: judged against what this node sees now,
 * then encoded. What the fold would refuse is refused here, with the field that is at fault;
 * what only today's rules refuse (a person who is not known, a record voided already) is
 * refused nowhere else. Whoever asks has read text into values; nothing is judged before. */
#ifndef LINLI_NET_DRAFT_H
#define LINLI_NET_DRAFT_H

#include "net/engine_state.h"

/* What a write needs to know while it is judged and encoded. */
struct draft {
    const struct write *write;
    const struct schema_register *reg;
    const struct realm_key *key;
    struct record_view record;       /* what is changed, voided or amended */
    struct entry_id target;          /* its id */
    struct slice opened[FIELDS_MAX]; /* sealed values that an amendment keeps */
    struct operation_value values[FIELDS_MAX];
    size_t count;
    struct record_view subject; /* of a new record that has one */
    bool has_subject;
    bool known; /* a create of what is here already: nothing is to be written */
    struct entry_id known_id;
    enum lane lane;          /* into which it is written */
    struct slice in_the_way; /* the record that a refusal is about, in words */
    uint8_t refused_field;
    uint64_t wall_ms; /* the time it is */
    uint32_t actor;   /* who writes */
};

/* Judges draft->write, whose register is draft->reg, and finds the key and the records it
 * concerns. Sets refused_field where one is at fault. */
MUST_USE enum status draft_judge(struct engine *engine, struct draft *draft);

/* Encodes the operation (draft_encode.c): values sealed where the schema says so, and, for an edit, the
 * versions it replaces, which are all that this node sees. */
void draft_encode(struct engine *engine, struct draft *draft, uint64_t stamp_ms,
                  uint32_t actor, struct buffer *out);

/* The parts of draft_judge. Sets refused_field, and returns the status. */
MUST_USE enum status draft_refuse(struct draft *draft, enum status status, uint8_t field);
/* The first value that is written to a field; NULL where none is. */
const struct write_value *draft_value(const struct write *write, uint8_t field);
/* Compares with what is here (draft_compare.c): sets known and known_id for a create whose
 * external key is here, and in_the_way where another record is. */
MUST_USE enum status draft_compare(struct engine *engine, struct draft *draft);

#endif
