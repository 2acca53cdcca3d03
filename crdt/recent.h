/* recent.h - what the newest rows of the chains written to lately are, in one byte each.
 *
 * Records of a chain that agree in all fields that tell events apart (schema.h) are one event
 * entered twice. Whoever enters one looks for it among the chain's newest rows, which lie
 * scattered over the store. The same event has the same mark, another has it once in 255
 * times, so that hardly a row is read where the marks of its chain are remembered.
 *
 * Memory only, and never the last word: a chain is remembered in one state, its newest row
 * and how many rows it has, and each row that is filed must find it in the state before. One
 * that changed otherwise (rows taken back, a transaction that failed) is read again. */
#ifndef LINLI_CRDT_RECENT_H
#define LINLI_CRDT_RECENT_H

#include "crdt/operation.h"

enum {
    RECENT_ROWS = 16,                       /* of a chain */
    CHAIN_KEY_SIZE = 1 + 8 + ENTRY_ID_SIZE, /* register, realm, subject: as in fold.h */
    MARK_NONE = 0,                          /* of a row that enters no record */
};

/* Of a record with these encoded values, the one of a field at its id; empty: it has none. */
uint8_t mark_of_values(const struct schema_register *reg,
                       const struct slice values[FIELDS_MAX]);
uint8_t mark_of_operation(const struct operation *operation);

/* A chain's newest rows, as they were read or filed. */
struct recent_chain {
    uint8_t key[CHAIN_KEY_SIZE];
    uint64_t newest, rows;
    uint8_t marks[RECENT_ROWS]; /* newest first; of min(rows, RECENT_ROWS) rows */
};

struct recent; /* at most 32,768 chains, 1.8 MB */
struct recent *recent_create(void);
void recent_destroy(struct recent *recent);

/* The chain, if it is remembered; it dies with the next recent_keep. */
struct recent_chain *recent_find(struct recent *recent,
                                 const uint8_t key[CHAIN_KEY_SIZE]);
/* Remembers it in the place of another. */
void recent_keep(struct recent *recent, const struct recent_chain *chain);
void recent_forget(struct recent_chain *chain);
/* A row is the chain's newest from now on. */
void recent_push(struct recent_chain *chain, uint64_t row, uint8_t mark);
bool recent_is_empty(const struct recent *recent);

#endif
