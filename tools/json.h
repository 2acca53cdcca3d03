/* json.h - replies as JSON: compact, one line, keys in the order in which the daemon gave
 * them, nothing added, so that two nodes' answers can be compared with cmp. */
#ifndef LINLI_TOOLS_JSON_H
#define LINLI_TOOLS_JSON_H

#include <jansson.h>
#include <stdio.h>

#include "crdt/base.h"

/* One encoded value (crdt/codec.h) as JSON; bytes become hex. NULL where it cannot be
 * said in JSON: malformed, or an integer above 2^63 - 1. */
json_t *json_of_value(struct slice value);

/* null for NULL and for "". */
json_t *json_text_or_null(const char *text);

/* Writes `object` and a newline, and releases it. */
void json_line(FILE *out, json_t *object);

/* {"v":1,"command":…,"incomplete":…, then the keys of `data`, an encoded map}. Lists are
 * written element by element: a county's million visits never stand in memory as a tree.
 * False where `data` is malformed; part of the line may then have been written. */
MUST_USE bool json_reply(FILE *out, const char *command, const char *incomplete,
                         struct slice data);

/* The same piece by piece: the line's beginning, keys with one encoded value each, and "}\n"
 * by the caller. */
void json_head(FILE *out, const char *command, const char *incomplete);
void json_key(FILE *out, const char *key); /* ,"key": */
MUST_USE bool json_value(FILE *out, struct slice value);

#endif
