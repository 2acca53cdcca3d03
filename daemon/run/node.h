/* node.h - a store and an engine: events in, one transaction, effects out after its commit.
 *
 * The simulator's nodes are this node. The directory holds:
 *   node.key       the seed of its keys, 0600
 *   county.grant   what it joined with: the genesis and the roster at that time
 *   store/         the records (daemon/store/store_lmdb.h) */
#ifndef LINLI_DAEMON_NODE_H
#define LINLI_DAEMON_NODE_H

#include "daemon/store/store_lmdb.h"
#include "net/engine.h"

struct node;

struct node_options {
    const char *directory;
    bool without_sync;
    size_t map_size;
    struct store_finding *finding; /* what was damaged on the disk; may be NULL */
    struct slice seed;             /* SEED_SIZE bytes of node.key */
    struct slice
        grant; /* the bytes of county.grant; used in full only by the first start */
};

/* Makes the store at the first start, else opens it. `random` seeds a new incarnation. */
MUST_USE enum status node_open(struct node **node, const struct node_options *options,
                               const uint8_t random[RANDOM_SIZE]);
void node_close(struct node *node);

/* Handles `count` events in one or more transactions (a batch ends by dirty pages) and
 * appends the effects of those that became durable. A transaction that only read commits
 * nothing. On trouble with the store every write among its events is answered with that
 * status, links are taken as down (EFFECT_DROP with a short pause) and the engine is loaded
 * again. Where that fails too, every event is refused in the same way until it succeeds.
 * Returns OK, or the trouble for the log. */
enum status node_handle(struct node *node, const struct event *events, size_t count,
                        struct effects *effects);

/* Whether a damaged row was met in a table that can be made anew: the next node_handle does
 * so. And how often that was since the opening. */
bool node_wants_rebuild(const struct node *node);
unsigned node_rebuilds(const struct node *node);

/* As engine_wake_ms; while the engine could not be loaded, when that is tried again. */
uint64_t node_wake_ms(const struct node *node);

/* A read transaction over the last commit; end it with store_abort, soon. */
MUST_USE enum status node_read(struct node *node, struct store_txn **txn);

struct engine *node_engine(struct node *node);
struct store *node_store(struct node *node);
const struct node_keys *node_keys(const struct node *node);

/* OK, or why the last transaction failed: what `status` shows until one succeeds. */
enum status node_trouble(const struct node *node);

#endif
