/* socket.h - ZeroMQ sockets as this project wants them: CURVE, bounded, never blocking,
 * and watched. An edge: includes <zmq.h>. What the options are for is said beside them.
 *
 * What becomes of a socket's connections is told by libzmq's monitor, in the order in
 * which it happened. All of it happens in one I/O thread; the descriptors in net/links.h
 * rely on that order. */
#ifndef LINLI_NET_SOCKET_H
#define LINLI_NET_SOCKET_H

#include "crdt/base.h"

/* Four round trips on the worst link take 5 s; what lasts longer occupies a descriptor. */
#define SOCKET_HANDSHAKE_MS_MAX 30000

struct socket_settings {
    void *zmq_context;
    const uint8_t *public_key; /* CURVE, 32 bytes each */
    const uint8_t *secret_key;
    unsigned silence_ms_max;
    size_t send_buffer_bytes;  /* 0: the system's default */
    uint64_t *monitors_opened; /* counts up: names must not recur in a context */
};

/* One of libzmq's sockets, as it is read from. Its descriptor becomes readable once when
 * something came after the socket had been read until it was empty. To ask a socket without
 * that sign costs two system calls, and a loop has many sockets. */
struct inlet {
    void *zmq; /* NULL: not open */
    int descriptor;
    bool dry;     /* read until it was empty, and not signalled since */
    bool stirred; /* was opened or sent on since, which may have taken the sign away */
};

struct socket {
    struct inlet frames;
    struct inlet events; /* of its monitor */
};

enum socket_event_kind {
    SOCKET_ACCEPTED,   /* a connection came in; `descriptor` is set              */
    SOCKET_ASKED,      /* the system was asked for a connection and is at it     */
    SOCKET_GAVE_UP,    /* a descriptor was closed without a connection           */
    SOCKET_UNREACHED,  /* a dialled endpoint did not answer; libzmq dials on     */
    SOCKET_CONNECTED,  /* it did; the handshake begins                           */
    SOCKET_READY,      /* a handshake was done                                   */
    SOCKET_DENIED,     /* a handshake failed: our key, or theirs, is not admitted;
                        * `shut_out` says whether it is known                     */
    SOCKET_REFUSED,    /* a handshake failed: the protocol was wrong             */
    SOCKET_BROKEN_OFF, /* a handshake was not finished                           */
    SOCKET_CLOSED,     /* a connection ended; `descriptor` is set                */
};

struct socket_event {
    enum socket_event_kind kind;
    int descriptor;
    bool shut_out;
};

/* Both return false, with errno, if the system or the endpoint does not allow it. Only
 * tcp:// endpoints are taken: those of libzmq's other transports lead around CURVE. */
MUST_USE bool socket_listen(struct socket *socket, const struct socket_settings *settings,
                            const char *endpoint);
/* libzmq asks for addresses of one family: `ipv6` is for names, an address in brackets is of
 * its own. */
MUST_USE bool socket_dial(struct socket *socket, const struct socket_settings *settings,
                          const char *endpoint, bool ipv6, const uint8_t server_key[32]);
void socket_close(struct socket *socket);

/* The next thing that happened; false: nothing more has. An event tells of a connection whose
 * last frames may have come just before, so that `frames` is to be read again. */
bool socket_next_event(struct socket *socket, struct socket_event *event);

/* Takes an open socket of libzmq. */
struct inlet inlet_of(void *zmq);
/* Whether it has to be read before the thread sleeps on its descriptor. */
bool inlet_is_due(struct inlet *inlet);

#endif
