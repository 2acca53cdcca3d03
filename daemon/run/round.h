/* round.h - what the daemon's loop and the simulator's machines both do with what arrives:
 *
 *   round_hear       what the carrier has is filed under its peer (daemon/run/shares.h)
 *   round_collect    by shares, and no more than the pace allows, it joins the batch
 *   round_commit     one transaction; what it sends is released once that is durable
 *
 * Whatever moves frames is a carrier: ZeroMQ in the daemon, virtual links in the simulator. */
#ifndef LINLI_DAEMON_ROUND_H
#define LINLI_DAEMON_ROUND_H

#include "daemon/run/batch.h"
#include "daemon/run/node.h"
#include "daemon/run/pace.h"
#include "daemon/run/shares.h"

/* What is heard in one round at most: a flood keeps nobody from asking, and no watchdog from
 * its sign of life. The rest stays with the carrier for the next round. */
#define ROUND_HEARD_MAX 4096

struct round_carrier {
    void *context;
    /* The next thing that arrived; false: nothing is there. */
    bool (*receive)(void *context, struct transport_event *heard);
    /* What the engine is to be told of it, when its turn has come. False: nothing. */
    bool (*translate)(void *context, const struct transport_event *heard,
                      enum event_kind *kind);
    /* `peer` has more waiting than it may: its connection is to be ended. */
    void (*excess)(void *context, uint32_t peer);
    /* An effect of what is durable. */
    void (*release)(void *context, const struct effect *effect);
};

struct round {
    struct node *node;
    struct round_carrier carrier;
    struct batch batch;
    struct shares shares;
    struct pace pace;
    struct effects effects; /* of the commit under way */
};

/* `node` is borrowed. */
void round_init(struct round *round, struct node *node,
                const struct round_carrier *carrier);
void round_deinit(struct round *round);

void round_hear(struct round *round);

/* Call pace_begin before. */
void round_collect(struct round *round);

/* Handles the batch and releases its effects. The batch stays for the caller to answer whoever
 * asked; batch_clear ends it. Returns as node_handle does. */
enum status round_commit(struct round *round);

#endif
