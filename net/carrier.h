/* carrier.h - what the files of the ZeroMQ carrier share: the transport itself, and its
 * turns. Nobody else includes this.
 *
 * Work is done in turns. A turn answers handshakes, dials what is due, reads a bounded
 * batch of frames from all sockets, and only then asks their monitors what happened. So
 * when a frame is handed out everything that happened before it arrived is known, and a
 * descriptor that was closed and used again cannot be taken for its former connection. */
#ifndef LINLI_NET_CARRIER_H
#define LINLI_NET_CARRIER_H

#include <poll.h>
#include <zmq.h>

#include "net/arrival.h"
#include "net/clock.h"
#include "net/dial.h"
#include "net/links.h"
#include "net/socket.h"
#include "net/transport.h"
#include "net/watch.h"

/* One turn's frames: enough to spread the cost of asking every socket, little to hold. */
#define BATCH_FRAMES_MAX 64
#define BATCH_BYTES_MAX (256 * 1024)

struct transport {
    struct transport_options options; /* the pointer `listen` is not kept */
    struct transport_statistics statistics;
    void *zmq_context;
    uint64_t monitors_opened;
    struct inlet zap;
    bool looked; /* which inlets hold something is known for the next turn */
    struct socket listener;
    char endpoint[ENDPOINT_SIZE_MAX];
    struct dials dials;
    struct links links;
    struct watches watches; /* of what the listening socket accepted */
    size_t turn;            /* which socket is read first */
    struct arrival batch[BATCH_FRAMES_MAX];
    size_t batch_count, batch_taken;
    bool handed_out; /* batch[batch_taken - 1] is in the caller's hands */
    struct pollfd *poll_items;
    size_t poll_capacity;
};

/* Settings for one more socket; they borrow from `transport`. */
struct socket_settings carrier_settings(struct transport *transport);

/* Takes in what the listening socket's monitor has to say. */
void carrier_hear_listener(struct transport *transport);

void carrier_cut_accepted(struct transport *transport, struct link *link);
/* Ends a dialled connection if there is one, and pauses before the next. */
void carrier_drop_dialled(struct transport *transport, struct dial *dial);

/* Everything read before must have been handed out. */
void carrier_take_turn(struct transport *transport);
/* The next notice or frame of this turn. */
bool carrier_deliver(struct transport *transport, struct transport_event *event);

#endif
