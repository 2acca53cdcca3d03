/* transport.h - moves frames between this node and its neighbours; knows no meaning.
 *
 * The interface is the carrier's; net/transport_zmq.c and the files it names implement it
 * over ZeroMQ (nothing else includes <zmq.h>). One ROUTER listens, one DEALER dials per
 * configured peer, CURVE authenticates every connection, and a ZAP handler in this same
 * thread asks `member` about the key: deny by default, fail closed. A link is known by the
 * peer's CURVE key, which the roster holds once; `member` is asked again for every frame,
 * because a denial does not end a live connection. Who breaks the framing, or is a member no
 * longer, has its connection cut.
 *
 * A link may be dialled by us, by them or by both. The transport reports a link as up when
 * the first of these is and as down when the last is gone, and sends on the newest. Two
 * things follow that the protocol above must bear:
 *
 * - An accepted connection is up at its first frame only: whoever dials speaks first.
 * - Where one of several connections ends, frames may be lost or overtaken without a DOWN,
 *   and a peer that restarted may greet again without one. So acknowledge, and take a new
 *   greeting at any time. */
#ifndef LINLI_NET_TRANSPORT_H
#define LINLI_NET_TRANSPORT_H

#include "crdt/base.h"

#define CURVE_KEY_SIZE 32

/* A frame is one ZeroMQ message, never multipart. Larger ones disconnect their sender.
 * The largest run (64 KiB entry) and its framing fit. */
#define FRAME_SIZE_MAX (68 * 1024)

/* What may wait below us per link before a send reports ERR_BUSY, in frames. Full frames of
 * 4 KiB make 1 MiB, room for a fast link's window; on a slow one the engine's own window
 * keeps far less under way, so that an urgent entry does not wait behind a backlog. */
#define TRANSPORT_QUEUE_FRAMES_MAX 256

/* What one connection may have waiting to be read, in frames: 2.2 MiB of the largest. */
#define TRANSPORT_RECEIVE_FRAMES_MAX 32

struct transport;

enum transport_event_kind {
    TRANSPORT_UP,   /* the link to `peer` can carry frames now                          */
    TRANSPORT_DOWN, /* it cannot any more; whatever was queued may be lost              */
    TRANSPORT_FRAME, /* `frame` arrived from `peer` */
};

struct transport_event {
    enum transport_event_kind kind;
    uint32_t peer;       /* the member's number, as answered by `member` */
    uint64_t connection; /* of a FRAME: names its connection as long as it lasts; not 0 */
    struct slice frame;  /* dies with the next transport_receive or transport_close */
};

struct transport_options {
    /* "tcp://0.0.0.0:5100"; NULL: only dials. ":*" takes a free port (tests). */
    const char *listen;
    uint8_t public_key[CURVE_KEY_SIZE];
    uint8_t secret_key[CURVE_KEY_SIZE];
    /* The member's number for a CURVE key, or false: the key is turned away. Called in
     * the loop's thread, for handshakes and for every frame; may not call the transport. */
    bool (*member)(void *context, const uint8_t key[CURVE_KEY_SIZE], uint32_t *peer);
    /* Whether a key that is turned away is known and kept out for a while only; the dialler
     * is told which it is. NULL: none is. */
    bool (*shut_out)(void *context, const uint8_t key[CURVE_KEY_SIZE]);
    void *context;
    /* Silence after which a connection is taken for dead, milliseconds; 0: 60,000.
     * Heartbeats go at a third of it; the other two must exceed the worst round trip. A
     * dialled connection is dead sooner, where 15 s after something was sent the peer's system
     * has neither acknowledged it nor sent anything. */
    unsigned silence_ms_max;
    size_t send_buffer_bytes; /* kernel buffer of a connection; 0: the system's default */
};

struct transport_statistics {
    uint64_t frames_in, frames_out;
    uint64_t bytes_in, bytes_out;  /* of frames, without ZMTP, CURVE and TCP */
    uint64_t connections_accepted; /* those neither done nor refused never spoke ZMTP */
    uint64_t handshakes_done;
    /* Of accepted connections: unknown key, wrong protocol, or not finished. Keys that are
     * shut out are not counted. */
    uint64_t handshakes_refused;
    uint64_t dials_refused;  /* ours: turned away, answered by another, or by no member */
    uint64_t frames_refused; /* no or no longer a member, multipart; its sender is cut */
    uint64_t floods_cut; /* connections that sent MiB of parts of an unfinished message */
};

/* ERR_CONFIG: cannot listen there; ERR_FILE: the system has no room for another socket. In
 * both errno says why and *transport is NULL. */
MUST_USE enum status transport_open(struct transport **transport,
                                    const struct transport_options *options);
void transport_close(struct transport *transport); /* queued frames are dropped */

/* The endpoint really bound, e.g. "tcp://127.0.0.1:41233"; NULL without `listen`. Lives
 * as long as the transport. */
const char *transport_endpoint(const struct transport *transport);

/* Keeps dialling `endpoint`, whose owner must prove `server_key` and is known as `peer`,
 * with backoff and jitter from half a second to a minute. Dialling a peer again replaces its
 * endpoint; the same endpoint again keeps the connection and only ends a pause. ERR_CONFIG:
 * not of the form tcp://HOST:PORT. A HOST that is a name is looked up in the thread that
 * serves all links and holds them up meanwhile: prefer addresses. */
MUST_USE enum status transport_dial(struct transport *transport, uint32_t peer,
                                    const char *endpoint,
                                    const uint8_t server_key[CURVE_KEY_SIZE]);

/* Why what is dialled is not linked, as the last attempt ended. */
enum dial_trouble {
    DIAL_NO_TROUBLE,   /* linked, not dialled, or no attempt has ended yet              */
    DIAL_NO_NAME,      /* the host is a name that does not resolve                      */
    DIAL_NO_INTERFACE, /* link-local, without an interface or with one that is not here */
    DIAL_NO_ROUTE,     /* this machine has no way there                                 */
    DIAL_REFUSED,      /* the connection was refused within 2.5 s                       */
    DIAL_SILENT,       /* nobody answers                                                */
    DIAL_TURNED_AWAY,  /* who answers has the server key and does not know ours         */
    DIAL_SHUT_OUT,     /* who answers has the server key, knows ours, and takes no link */
    DIAL_ANOTHER,      /* who answers does not prove the server key, or speaks no CURVE */
};
/* `*for_ms`, unless NULL: for how long all attempts have ended so; 0 without trouble. */
enum dial_trouble transport_dial_trouble(const struct transport *transport, uint32_t peer,
                                         uint64_t *for_ms);

/* Drops the dialled connection of `peer` and cuts one accepted from it. Reported DOWN. */
void transport_hang_up(struct transport *transport, uint32_t peer);

/* Never blocks. `connection` is an event's, or 0: the newest. OK: handed to the carrier, which
 * may still lose it. ERR_BUSY: the queue is full, try after the next receive. ERR_NOT_FOUND:
 * no link to `peer`, or the connection has ended. */
MUST_USE enum status transport_send(struct transport *transport, uint32_t peer,
                                    uint64_t connection, struct slice frame);

/* The next event that is ready, handling handshakes on the way. False: nothing is. */
bool transport_receive(struct transport *transport, struct transport_event *event);

/* Blocks until a socket of the transport or one of `descriptors` is ready, or the time is
 * over (-1: no limit). `wanted` and `ready` hold POLLIN/POLLOUT/POLLERR bits as in
 * <poll.h>. Returns false on a signal. The loop sleeps here and nowhere else. */
struct transport_descriptor {
    int descriptor;
    short wanted;
    short ready;
};
bool transport_wait(struct transport *transport, struct transport_descriptor *descriptors,
                    size_t count, long timeout_ms);

struct transport_statistics transport_statistics(const struct transport *transport);

#endif
