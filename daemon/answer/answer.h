/* answer.h - records and small things as the encoded maps of the control protocol.
 *
 * What is written of a record depends on entries, realm keys and the roster alone, never
 * on the clock, the order of arrival or this node: two nodes with equal heads answer with
 * identical bytes. */
#ifndef LINLI_DAEMON_ANSWER_H
#define LINLI_DAEMON_ANSWER_H

#include "crdt/view.h"
#include "net/engine.h"

/* A node's operator, to say by name who wrote. */
struct answer_operator {
    uint32_t node;
    uint16_t tag;
    uint64_t number;
    struct slice name; /* in the answer's arena */
};

/* What answering one request needs. */
struct answering {
    const struct engine *engine;
    struct store_txn *txn;
    struct arena *arena;   /* lives as long as the answer      */
    struct arena *scratch; /* reset between records            */
    int64_t now;           /* minutes, Beijing */
    bool reveal;           /* opened text instead of (hidden)  */
    struct entry_id named; /* the record whose name was looked up last, */
    uint8_t named_reg;     /* its register; 0: none was */
    struct buffer name;    /* and that name; empty: it has none */
    struct answer_operator *operators;
    size_t operator_count, operator_capacity;
};

void answering_deinit(struct answering *answering);

/* The time by the clock; INT64_MAX while it stands before the county's founding, not set. */
int64_t answer_now(const struct engine *engine, uint64_t wall_ms);

/* Learns the operators whose records lie in `realm`. */
void answer_learn_operators(struct answering *answering, uint64_t realm);

/* The name by which people know a record; empty where it has none here. Holds until the
 * next call. */
struct slice answer_name_of(struct answering *answering, uint8_t reg,
                            uint64_t likely_realm, const struct entry_id *id);

/* One record: a map, its fields in the register's order, and after a field that names a
 * record that record's name. */
void answer_put_record(struct answering *answering, const struct record_view *record,
                       struct buffer *out);

/* One of several values of a field, who wrote it and when: field, value, version, stamp_ms,
 * node and actor, with value_name of a record, VERSION_KEYS pairs of a map. */
#define VERSION_KEYS 7
void answer_put_version(struct answering *answering, const struct record_view *record,
                        const struct field_view *field, const struct version *version,
                        struct buffer *out);

/* Whose a record is, where and when: name, place, place_name and date, four pairs of a map,
 * each nil where the record and its subject do not say. Returns the place, 0 for nil. */
uint64_t answer_put_whose(struct answering *answering, const struct record_view *record,
                          const struct divisions *divisions, struct buffer *out);

/* What lists show of a record: a map of its fields with a heading and what is derived. */
void answer_put_listed(struct answering *answering, const struct record_view *record,
                       struct buffer *out);

/* Small things. Empty text becomes nil where said so. */
void answer_put_key(struct buffer *out, const char *key);
void answer_put_text_or_nil(struct buffer *out, const char *text); /* NULL or "": nil */
void answer_put_uint_or_nil(struct buffer *out, uint64_t value);   /* 0: nil */
void answer_put_id(struct buffer *out, const struct entry_id *id);
void answer_put_hex(struct buffer *out, const uint8_t *bytes, size_t size);
void answer_put_node(struct buffer *out, const struct roster *roster, uint32_t number);
void answer_put_actor(const struct answering *answering, struct buffer *out,
                      struct log_name log, uint64_t number);

#endif
