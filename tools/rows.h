/* rows.h - records to be put in order by the command, which ends with its list.
 *
 * The daemon gives lists in the order of its tables: to sort a million rows it would have to
 * keep them, or a key of each. Here a key of each row is kept, the rows themselves only up to
 * ROWS_MEMORY; beyond that all go into a file without a name. */
#ifndef LINLI_TOOLS_ROWS_H
#define LINLI_TOOLS_ROWS_H

#include "crdt/schema.h"

#define ROWS_MEMORY (32u << 20)
#define ROWS_KEYS_MAX 8

struct rows_key {
    const char *key;           /* of the record's map */
    const struct field *field; /* choices go in their order in the table; NULL: none */
    bool descending;           /* what is absent comes last in either direction */
};

struct rows;
/* By `keys`, then as they came. At most `limit` are kept: the first ones, or the last ones. */
struct rows *rows_create(const struct rows_key *keys, size_t key_count, uint64_t limit,
                         bool last);
void rows_destroy(struct rows *rows);
/* Copies an encoded record. False where the file cannot be written: errno is set. */
MUST_USE bool rows_add(struct rows *rows, struct slice record);
void rows_sort(struct rows *rows);
size_t rows_count(const struct rows *rows);
/* After rows_sort. Lives until the next call; empty where the file cannot be read. */
struct slice rows_at(struct rows *rows, size_t index);

#endif
