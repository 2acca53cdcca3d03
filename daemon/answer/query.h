/* query.h - answers the reading commands of daemon/api/protocol.h from views, heads and reports.
 *
 * Every list says on how many entries of how many logs it rests, counting only logs that
 * everybody carries who may read the township, so that the numbers are equal where the
 * heads are; and it says so when it is known not to be all there is. */
#ifndef LINLI_DAEMON_QUERY_H
#define LINLI_DAEMON_QUERY_H

#include "daemon/api/incomplete.h"
#include "daemon/answer/answer.h"
#include "daemon/config/config.h"
#include "daemon/api/protocol.h"
#include "daemon/api/troubles.h"
#include "daemon/store/store_lmdb.h"
#include "net/transport.h"

#define QUERY_SUBJECT_SIZE 480

/* What queries read besides the transaction; borrowed, outlives them all. */
struct query_sources {
    const struct engine *engine;
    const struct node_keys *keys;
    struct store *store; /* for its size */
    const struct config *config;
    const struct divisions *divisions; /* without rows: no table was configured */
    struct transport *transport;       /* NULL in tests: zeros are reported */
    uint64_t started_ms;               /* steady */
    /* What is wrong now, into the arena. Asking changes nothing. */
    struct trouble_report (*report)(void *context, uint64_t wall_ms, uint64_t steady_ms,
                                    struct arena *arena);
    void *context;
};

struct query {
    const struct query_sources *sources;
    uint64_t wall_ms, steady_ms;
    struct arena *arena;   /* lives as long as the answer; the caller resets it */
    struct arena *scratch; /* reset in here */
    struct buffer *data;   /* the answer: an encoded map; the caller clears it */
    char subject[QUERY_SUBJECT_SIZE]; /* what a refusal is about; may be empty */
    struct incomplete incomplete;     /* what is known to be missing */
    bool waits; /* there is no news: the answer may be put off until there is some */
};

/* Answers `command` within a read transaction. ERR_UNKNOWN_COMMAND for what is none of
 * these, which includes everything that writes. On any trouble `data` is to be ignored.
 */
MUST_USE enum status query_answer(struct query *query, struct store_txn *txn,
                                  struct slice command, struct slice args);

/* log.verify reads everything there is, so it is done in pieces between which the loop
 * goes on. The logs' ends are those at the beginning. */
struct verification;
struct verification *verification_begin(const struct engine *engine);
/* One piece, of some thousand entries. True: there is more. */
MUST_USE bool verification_step(struct verification *verification,
                                const struct engine *engine, struct store_txn *txn,
                                struct arena *scratch);
void verification_answer(const struct verification *verification, struct buffer *data);
void verification_end(struct verification *verification);

/* The text under `key`; false where there is none. */
MUST_USE bool args_text(struct slice args, const char *key, struct slice *text);
/* Present and not "no". */
bool args_flag(struct slice args, const char *key);

#endif
