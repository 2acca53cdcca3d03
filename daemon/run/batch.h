/* batch.h - what one commit serves: the events collected in a round, and who waits for
 * them.
 *
 * Everything an event points to is copied into the batch, because frames and requests die
 * when the next one is received. Replies are kept until the whole batch is durable and go
 * out in the order in which they were asked for. */
#ifndef LINLI_DAEMON_BATCH_H
#define LINLI_DAEMON_BATCH_H

#include "daemon/control/control.h"
#include "daemon/run/random.h"
#include "net/engine.h"

#define BATCH_EVENTS_MAX 256
#define BATCH_SUBJECT_SIZE 480
#define BATCH_FRAME_BYTES_MAX (1024 * 1024) /* memory, and how long a batch takes */

enum asked_kind {
    ASKED_WRITE,
    ASKED_PEERS, /* pause, resume or forget; `names` is the answer's list */
    ASKED_JOIN,
    ASKED_RECLAIM,
};

struct asked {
    uint64_t client; /* the control socket's token */
    enum asked_kind kind;
    unsigned awaited; /* replies of the engine still to come */
    enum status status;
    char subject[BATCH_SUBJECT_SIZE];
    enum operation_kind operation;
    struct entry_id id; /* of the record that the reply names */
    struct slice names;
    bool known;              /* it was here before: nothing was written */
    struct slice known_name; /* of the record that was here before; empty: it has none */
    struct slice summary;    /* of what is written: CHANGE_SUMMARY_KEYS pairs of a map */
    size_t members_before;
    uint64_t strayed_before;
};

struct batch {
    struct event *events;
    size_t count, capacity;
    struct asked *asked;
    size_t asked_count, asked_capacity;
    size_t bytes;
    struct arena arena;
    struct random_pool random;
    uint64_t wall_ms, steady_ms; /* of the round */
};

void batch_init(struct batch *batch);
void batch_deinit(struct batch *batch);
void batch_clear(struct batch *batch);

bool batch_is_full(const struct batch *batch);

/* An event with the round's time and fresh randomness. Dies with the next one. */
struct event *batch_add(struct batch *batch, enum event_kind kind);

/* Somebody who waits. Dies with the next one. */
struct asked *batch_ask(struct batch *batch, uint64_t client, enum asked_kind kind);
uint64_t batch_token(const struct batch *batch, const struct asked *asked);
struct asked *batch_asked(struct batch *batch,
                          uint64_t token); /* NULL: not of this batch */

#endif
