/* arrival.h - one frame as it came out of a socket: what it says, who sent it, and over
 * which connection. An edge: includes <zmq.h>. */
#ifndef LINLI_NET_ARRIVAL_H
#define LINLI_NET_ARRIVAL_H

#include <zmq.h>

#include "crdt/base.h"

/* What libzmq makes up for a peer that names none: a zero and a 32-bit number. */
#define ROUTING_ID_SIZE 5

struct arrival {
    zmq_msg_t frame;
    bool dialled;
    uint64_t connection; /* as in struct link: its id among the dialled or the accepted */
    int descriptor;      /* of an accepted connection */
    bool whole;          /* one part, not too large, its sender named as it should be */
    uint8_t key[32];     /* the sender's; set if whole */
};

/* Both return false if nothing is there. On true the caller closes `frame`. A multipart
 * message is read to its end and leaves an arrival that is not whole. */
MUST_USE bool arrival_read_accepted(struct arrival *arrival, void *zmq);
MUST_USE bool arrival_read_dialled(struct arrival *arrival, void *zmq,
                                   uint64_t connection, const uint8_t server_key[32]);

#endif
