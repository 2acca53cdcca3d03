/* requests.h - what clients of the control socket ask: reading is answered at once from
 * the last commit, writing joins the batch and is answered when that is durable.
 *
 * Replies go out in the order of the requests of a client, and a client that reads sees
 * what it wrote before: so a reading request behind unanswered writes ends the batch. */
#ifndef LINLI_DAEMON_REQUESTS_H
#define LINLI_DAEMON_REQUESTS_H

#include "daemon/run/batch.h"
#include "daemon/run/node.h"
#include "daemon/answer/query.h"

struct requests;

struct requests_options {
    struct query_sources sources;
    struct node *node;
    struct control *control;
    struct batch *batch;
    /* Commits the batch and releases its effects; it is empty afterwards. */
    void (*commit)(void *context);
    void *context;
};

struct requests *requests_create(const struct requests_options *options);
void requests_destroy(struct requests *requests);

/* Receives until the batch is full or nobody asks any more; of readers without end only so
 * many in a round. True: somebody asked. */
bool requests_collect(struct requests *requests);

/* Notes a reply of the engine, then, when all have come, sends the batch's. */
void requests_note(struct requests *requests, const struct effect *effect);
void requests_reply(struct requests *requests);

/* The read transaction of the round must end before a commit. */
void requests_end_reading(struct requests *requests);

/* Answers those who wait for changes, where there are some, and a piece of what takes long,
 * log.verify. True: there is more, do not sleep. */
MUST_USE bool requests_advance(struct requests *requests);
uint64_t requests_wake_ms(const struct requests *requests); /* steady: advance by then */

#endif
