/* closing_draft.h - what closing a month would write: the figures of a township as the report
 * says them now, and the heads that they rest on. */
#ifndef LINLI_DAEMON_CLOSING_DRAFT_H
#define LINLI_DAEMON_CLOSING_DRAFT_H

#include "daemon/answer/query.h"

struct closing_draft {
    uint64_t township;
    char month[8];
    uint64_t due, visited;
    struct buffer figures; /* crdt/figures.h, as text */
    uint64_t policy, logs, entries;
    char heads[2 * HASH_SIZE + 1]; /* digest over the heads, in hex */
    struct buffer ends; /* "LOG SEQ" a line; empty where it would be too long */
    char missing[INCOMPLETE_NAME_SIZE + 24]; /* empty: nothing is known to be missing */
};
void closing_draft_init(struct closing_draft *draft);
void closing_draft_deinit(struct closing_draft *draft);

/* `month`, and `division` where this node serves no township. A month that is not over
 * (ERR_TO_COME) or that lacks what is known to be missing (ERR_NOT_ALL_HERE) is closed only on
 * insistence, one that is closed already (ERR_CLOSED) not at all. */
MUST_USE enum status query_close(struct query *query, struct store_txn *txn,
                                 struct slice args, bool insist,
                                 struct closing_draft *draft);

#endif
