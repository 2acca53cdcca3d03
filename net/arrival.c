#include "net/arrival.h"

#include <string.h>

#include "net/links.h"
#include "net/transport.h"
#include "net/zap.h"

/* Reads what follows a first part of something that should have had no more parts. */
static void arrival_skip_rest(void *zmq)
{
    zmq_msg_t part;
    bool more = true;
    while (more) {
        zmq_msg_init(&part);
        more = zmq_msg_recv(&part, zmq, ZMQ_DONTWAIT) >= 0 && zmq_msg_more(&part);
        zmq_msg_close(&part);
    }
}

/* Takes the frame itself. False: nothing is there. */
static bool arrival_take_frame(struct arrival *arrival, void *zmq)
{
    zmq_msg_init(&arrival->frame);
    if (zmq_msg_recv(&arrival->frame, zmq, ZMQ_DONTWAIT) < 0) {
        zmq_msg_close(&arrival->frame);
        return false;
    }
    arrival->whole = zmq_msg_size(&arrival->frame) <= FRAME_SIZE_MAX;
    if (zmq_msg_more(&arrival->frame)) {
        arrival->whole = false;
        arrival_skip_rest(zmq);
    }
    return true;
}

/* Who sent it, from the frame's own metadata: the routing id in front of it may carry
 * none (libzmq before 4.3.5). */
static bool arrival_take_sender(struct arrival *arrival)
{
    const char *user_id = zmq_msg_gets(&arrival->frame, "User-Id");
    arrival->descriptor = zmq_msg_get(&arrival->frame, ZMQ_SRCFD);
    return user_id != NULL && strlen(user_id) == ZAP_USER_ID_SIZE - 1 &&
           zmq_z85_decode(arrival->key, user_id) != NULL;
}

bool arrival_read_accepted(struct arrival *arrival, void *zmq)
{
    uint8_t routing_id[ROUTING_ID_SIZE] = {0};
    int size = zmq_recv(zmq, routing_id, sizeof(routing_id), ZMQ_DONTWAIT);
    if (size < 0)
        return false;
    CHECK(arrival_take_frame(arrival, zmq));
    arrival->dialled = false;
    /* A peer that names itself is none of ours: a name chosen by others identifies
     * nobody. */
    bool given = size == ROUTING_ID_SIZE && routing_id[0] == 0;
    arrival->connection = get_be32(routing_id + 1);
    arrival->whole = arrival_take_sender(arrival) && given && arrival->whole;
    return true;
}

bool arrival_read_dialled(struct arrival *arrival, void *zmq, uint64_t connection,
                          const uint8_t server_key[32])
{
    if (!arrival_take_frame(arrival, zmq))
        return false;
    arrival->dialled = true;
    arrival->connection = connection;
    arrival->descriptor = DESCRIPTOR_NONE;
    memcpy(arrival->key, server_key, CURVE_KEY_SIZE);
    return true;
}
