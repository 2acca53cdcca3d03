/* values.h - made-up values for any field of the schema, typed as a clerk would type them
 * and parsed by the schema itself. A new register is written by the simulator without a
 * change here. */
#ifndef LINLI_TESTS_SIM_VALUES_H
#define LINLI_TESTS_SIM_VALUES_H

#include "crdt/schema.h"
#include "tests/sim/random.h"

struct value_context {
    uint64_t realm;          /* divisions are villages of it */
    struct entry_id subject; /* FIELD_RECORD names it */
    int64_t today;           /* most times lie in the two months before; 0: in any year */
};

/* The encoded value in `out` (cleared first). CHECKs that the schema takes what it says
 * it takes. */
void value_make(struct chance *chance, const struct field *field,
                const struct value_context *context, struct buffer *out);
void value_of_record(const struct entry_id *id, struct buffer *out);

#endif
