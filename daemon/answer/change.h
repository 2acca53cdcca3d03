/* change.h - turns the writing commands of daemon/api/protocol.h into the engine's write events.
 *
 * Text is read into values here: fields by the schema, places in the county's table, records
 * by prefixes of their ids. Whether the change may be made is judged by net/draft.c;
 * here only what it cannot see: what a step needs and follows on, which of several values is
 * kept, and whether a month can be closed. */
#ifndef LINLI_DAEMON_CHANGE_H
#define LINLI_DAEMON_CHANGE_H

#include "crdt/view.h"
#include "net/engine.h"

struct query;

/* A record's fields are small; whatever is larger than this is no record. */
#define CHANGE_ARGS_SIZE_MAX (256 * 1024)
/* name, place, place_name, date, record, restored, serves, serves_name */
#define CHANGE_SUMMARY_KEYS 8
#define CHANGE_SUBJECT_SIZE 480

struct change {
    const struct engine *engine;
    const struct divisions *divisions; /* without rows: form only */
    struct store_txn *txn;             /* reading */
    struct arena *arena;               /* what `write` points to lives here */
    struct buffer *scratch;
    uint64_t wall_ms;
    struct query *query; /* for month.close, which writes what a report says */
    struct slice
        summary; /* of what is to be written, by change_prepare: daemon/api/protocol.h */
    char subject[CHANGE_SUBJECT_SIZE]; /* what a refusal is about; may be empty */
};

/* Whether the command is one of R.add, R.set, R.amend, R.void, a step of R, conflict.resolve,
 * month.close. */
bool change_is_meant(struct slice command);

/* Fills `write` but for token and account; `target` is the record that is changed, voided or
 * amended, which a refusal is about. OK, or the refusal with `subject` set; nothing
 * of `command` and `args` is needed afterwards. */
MUST_USE enum status change_prepare(struct change *change, struct slice command,
                                    struct slice args, struct write *write);

#endif
