/* shares.h - what neighbours sent and was not handled yet, and whose turn it is.
 *
 * Every peer with something waiting gets the same share of the work, by deficit round robin
 * (Shreedhar and Varghese, "Efficient Fair Queuing Using Deficit Round Robin", 1995): in its
 * turn a peer is credited with SHARES_QUANTUM and is taken from while the credit covers the
 * work of its next frame. So the work done for two peers that both wait differs by no more
 * than a quantum and the largest frame, whatever they send. A peer that alone waits gets
 * everything; one with nothing waiting has no credit.
 *
 * What one peer sends arrives in its order, links' ends and beginnings included. A peer with
 * more waiting than SHARES_PEER_BYTES_MAX does not keep to the protocol's window. The carrier
 * cannot leave one accepted connection unread and read the others, so the connection of such
 * a peer is to be ended. When SHARES_BYTES_MAX wait altogether nothing more is to be read. */
#ifndef LINLI_DAEMON_SHARES_H
#define LINLI_DAEMON_SHARES_H

#include "net/transport.h"

/* Memory, with what each frame costs beside its bytes. More than twice WINDOW_MAX in the
 * smallest runs, and a frame: what was under way on two connections in turn. */
#define SHARES_PEER_BYTES_MAX (5 * 512 * 1024)
#define SHARES_BYTES_MAX (8 * SHARES_PEER_BYTES_MAX)

/* Work is counted in microseconds of a machine that verifies a signature in fifty. */
#define SHARES_QUANTUM 1000

struct waiting;

struct share {
    uint32_t peer;
    struct waiting *first, *last;
    size_t bytes; /* as SHARES_PEER_BYTES_MAX counts them */
    uint64_t credit;
    bool credited; /* in this turn */
};

struct shares {
    struct share *rows; /* of peers with something waiting, in the order of turns */
    size_t count, capacity;
    size_t turn; /* row whose turn it is */
    size_t bytes;
};

void shares_init(struct shares *shares);
void shares_deinit(struct shares *shares);

/* What handling this frame takes, from the frame alone: signatures, entries, bytes. */
uint64_t shares_work(struct slice frame);

/* Copies what was heard to the end of its peer's row. False: the peer has more waiting than
 * it may, and this frame was not taken. Ends and beginnings of links always are. */
MUST_USE bool shares_add(struct shares *shares, const struct transport_event *heard);
bool shares_are_full(const struct shares *shares);
bool shares_any(const struct shares *shares); /* something waits */

/* Takes the next in turn. Its frame is copied to `arena`. False: nothing waits. */
MUST_USE bool shares_take(struct shares *shares, struct arena *arena,
                          struct transport_event *heard, uint64_t *work);

/* Drops the frames of a peer that is cut off. Ends and beginnings of its links stay. */
void shares_forget(struct shares *shares, uint32_t peer);

#endif
