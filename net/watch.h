/* watch.h - how much came in over each accepted connection without a frame coming out. An
 * edge: asks the system about sockets.
 *
 * libzmq hands a message out when its last part is there, holds the parts until then, and
 * counts them towards no limit: a peer that sends parts without end fills the memory before
 * anything can be read. So the bytes that libzmq took from a connection are compared with
 * what came out of it:
 *
 *     quiet ──── bytes arrive ────► looked at every 5 ms ──── too much ────► to be cut
 *       ▲                                  │
 *       └── nothing more since last time ──┘
 *
 * A quiet connection is polled, and costs nothing until it speaks. */
#ifndef LINLI_NET_WATCH_H
#define LINLI_NET_WATCH_H

#include "crdt/base.h"

/* Taken in without a frame coming out. An honest peer's share is what its queue holds,
 * TRANSPORT_RECEIVE_FRAMES_MAX frames, 2.2 MiB. */
#define WATCH_BYTES_MAX (4 * 1024 * 1024)
/* All connections together: whoever holds several may not fill the memory with them. */
#define WATCH_ALL_BYTES_MAX (12 * 1024 * 1024)
#define WATCH_MS 5

/* Whether the other end of a dialled connection lives. A peer that moved, or whose address
 * translation began anew, leaves a connection on which nothing passes and of whose end
 * nobody is told. The system's own limit (TCP_USER_TIMEOUT) counts acknowledgements alone;
 * at 16 kbit/s those wait for longer than 15 s behind frames of the other direction, which
 * are signs of life as well. */
#define BREATH_MS 5000
#define BREATHLESS_MS_MAX 15000
struct breath {
    uint32_t segments; /* that came in */
    uint64_t moved_ms; /* when one did, or nothing waited for one */
    uint64_t due_ms;   /* to be looked at again */
};
/* Looks if it is time. True: something waits for its acknowledgement, and nothing at all came
 * in for BREATHLESS_MS_MAX. */
MUST_USE bool breath_is_lost(struct breath *breath, int descriptor, uint64_t now_ms);

struct watched {
    int descriptor;
    uint64_t taken; /* by libzmq, when last looked at */
    uint64_t base;  /* when a frame last came out */
    bool quiet;
    bool delivered; /* a frame came out since last looked at */
};

struct watches {
    struct watched *items;
    size_t count, capacity;
    size_t active; /* not quiet */
    uint64_t due_ms;
};

void watches_deinit(struct watches *watches);
/* A connection was accepted; one that had the descriptor before is gone. */
void watches_add(struct watches *watches, int descriptor);
void watches_remove(struct watches *watches, int descriptor);
/* A frame of the connection was read. */
void watches_delivered(struct watches *watches, int descriptor);
/* Bytes arrive on a quiet one. */
void watches_wake(struct watches *watches, int descriptor, uint64_t now_ms);
/* Looks if it is time. True with a descriptor whose connection is to be cut; it is watched no
 * longer. To be called again until false. */
MUST_USE bool watches_look(struct watches *watches, uint64_t now_ms, int *descriptor);
/* UINT64_MAX: all are quiet. */
uint64_t watches_due_ms(const struct watches *watches);

#endif
