/* links.h - which peers are linked, over which connections, and what the caller of the
 * transport has yet to hear of it. Bookkeeping only: no socket is touched here.
 *
 * A connection was accepted (known by the routing id that the listening socket gave it
 * and by its descriptor) or dialled (known by a serial of ours). Its life:
 *
 *     added ── frames flow ──► closed ── all it had sent was handed out ──► removed
 *       └────────► cut (we ended it: nothing of it is handed out any more) ──┘
 *
 * A peer is linked while it has a connection that is not cut. Changes of that are owed to
 * the caller as notices and are never merged: down and up again is two notices, because
 * what was queued in between may be lost. */
#ifndef LINLI_NET_LINKS_H
#define LINLI_NET_LINKS_H

#include "crdt/base.h"

/* Connections accepted from one key at the same time. One is normal, two after a peer
 * lost power and came back before its silence was noticed; beyond this the oldest is cut.
 */
#define ACCEPTED_PER_PEER_MAX 4

#define DESCRIPTOR_NONE (-1)

struct link {
    bool dialled;
    uint64_t id; /* unique among the dialled, and among the accepted */
    uint32_t peer;
    int descriptor; /* of an accepted one, else DESCRIPTOR_NONE */
    uint64_t order; /* grows: the newest is sent on */
    bool closed;    /* the connection is gone; what it had sent is still handed out */
    bool cut;       /* nothing of it is handed out any more */
    bool drained;   /* closed, and nothing of it is left in the socket */
};

struct linked_peer {
    uint32_t number;
    bool reported_up;
    bool down_owed;
};

struct links {
    struct link *items;
    size_t count, capacity;
    struct linked_peer *peers; /* those linked or with a notice owed */
    size_t peer_count, peer_capacity;
    bool notice_owed;
    uint64_t order_next;
    uint8_t *descriptors_open; /* one bit each, as the listening socket's monitor says */
    size_t descriptors_size;
};

void links_init(struct links *links);
void links_deinit(struct links *links);

/* NULL: there is none. Pointers to links live until the next add or remove. */
struct link *links_find(const struct links *links, bool dialled, uint64_t id);

/* A connection's name for the caller of the transport, not 0. */
uint64_t links_connection(const struct link *link);
/* The connection to `peer` of that name, or (0) the newest, that can carry a frame; NULL: none
 * can. */
struct link *links_to(const struct links *links, uint32_t peer, uint64_t connection);

struct link *links_add_dialled(struct links *links, uint64_t id, uint32_t peer);

/* For the first frame that comes from an accepted connection. Whatever was known under
 * the same routing id or descriptor is gone then. A frame may come from a connection that
 * has ended already: it is added as closed. */
struct link *links_add_accepted(struct links *links, uint64_t id, uint32_t peer,
                                int descriptor);

/* Too many accepted from one peer: the oldest, to be cut. NULL: not too many. */
struct link *links_surplus(const struct links *links, uint32_t peer);

void links_cut(struct links *links, struct link *link);
void links_remove(struct links *links, struct link *link);

/* The listening socket's monitor reported a connection's begin or end. */
void links_descriptor_opened(struct links *links, int descriptor);
void links_descriptor_closed(struct links *links, int descriptor);
bool links_descriptor_is_open(const struct links *links, int descriptor);

/* Some connection is closed or cut and its entry not removed yet. */
bool links_any_closed(const struct links *links);

/* The next notice owed: true with the peer and whether it is up now. */
bool links_next_notice(struct links *links, uint32_t *peer, bool *up);

#endif
