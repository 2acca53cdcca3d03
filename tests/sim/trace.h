/* trace.h - the history of a run as lines a person can read, and a hash over all of them.
 *
 * The hash is taken whether or not the lines are printed: two runs of one seed are the
 * same exactly when their hashes are. */
#ifndef LINLI_TESTS_SIM_TRACE_H
#define LINLI_TESTS_SIM_TRACE_H

#include <stdio.h>

#include "crdt/hash.h"

struct trace {
    FILE *out; /* NULL: only hashed */
    struct hash_state state;
    uint64_t lines;
};

void trace_init(struct trace *trace, FILE *out);
/* "d hh:mm:ss.mmm who  what" */
void trace_line(struct trace *trace, uint64_t now_ms, const char *who, const char *format,
                ...) __attribute__((format(printf, 4, 5)));
void trace_hash(const struct trace *trace, struct hash *hash); /* of the lines so far */

/* "0:12:33" */
#define DURATION_SIZE 32
const char *duration_text(uint64_t ms, char text[DURATION_SIZE]);

#endif
