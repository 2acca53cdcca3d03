#include "net/socket.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "net/transport.h"
#include "net/zap.h"

/* Refuses every handshake while no ZAP handler answers for the domain. It is a draft
 * option, named only in draft builds of libzmq, but honoured by number in all of them. */
#define OPTION_ZAP_ENFORCE_DOMAIN 93

/* What CURVE adds to a frame inside ZMTP (RFC 26): command name 8, nonce 8, box 16,
 * flags 1. */
#define CURVE_OVERHEAD_SIZE 33

/* SYN backoff dominates recovery from an outage, so a connect starts anew soon. */
#define CONNECT_MS_MAX 8000
#define REDIAL_MS_MIN 500
#define REDIAL_MS_MAX 60000
/* A county whose power returns dials its hub all at once. */
#define BACKLOG 512

struct inlet inlet_of(void *zmq)
{
    struct inlet inlet = {.zmq = zmq, .dry = true, .stirred = true};
    size_t size = sizeof(inlet.descriptor);
    CHECK(zmq_getsockopt(zmq, ZMQ_FD, &inlet.descriptor, &size) == 0);
    return inlet;
}

bool inlet_is_due(struct inlet *inlet)
{
    if (inlet->zmq == NULL)
        return false;
    if (inlet->dry && inlet->stirred) {
        int events = 0;
        size_t size = sizeof(events);
        inlet->dry = zmq_getsockopt(inlet->zmq, ZMQ_EVENTS, &events, &size) == 0 &&
                     (events & ZMQ_POLLIN) == 0;
    }
    inlet->stirred = false;
    return !inlet->dry;
}

struct socket_option {
    int name;
    int value;
};

static void socket_set(void *zmq, int name, const void *value, size_t size)
{
    /* They are fixed or checked values on a fresh socket: refusal is a bug of ours. */
    CHECK(zmq_setsockopt(zmq, name, value, size) == 0);
}

static void socket_set_all(void *zmq, const struct socket_option *options, size_t count)
{
    for (size_t i = 0; i < count; i++)
        socket_set(zmq, options[i].name, &options[i].value, sizeof(options[i].value));
}

/* What both directions share. A PING goes out at a third of the tolerated silence and is
 * given the other two, so that a dead peer is found within the whole of it. */
static void socket_set_common(void *zmq, const struct socket_settings *settings)
{
    int silence_ms = (int)settings->silence_ms_max;
    int heartbeat_ms = silence_ms / 3;
    const struct socket_option options[] = {
        {ZMQ_LINGER, 0},
        {ZMQ_SNDHWM, TRANSPORT_QUEUE_FRAMES_MAX},
        {ZMQ_RCVHWM, TRANSPORT_RECEIVE_FRAMES_MAX},
        {ZMQ_HEARTBEAT_IVL, heartbeat_ms},
        {ZMQ_HEARTBEAT_TIMEOUT, silence_ms - heartbeat_ms},
        {ZMQ_TCP_MAXRT, silence_ms},
        {ZMQ_HANDSHAKE_IVL, SOCKET_HANDSHAKE_MS_MAX},
    };
    socket_set_all(zmq, options, ARRAY_SIZE(options));
    int64_t size_max = FRAME_SIZE_MAX + CURVE_OVERHEAD_SIZE;
    socket_set(zmq, ZMQ_MAXMSGSIZE, &size_max, sizeof(size_max));
    socket_set(zmq, ZMQ_CURVE_PUBLICKEY, settings->public_key, CURVE_KEY_SIZE);
    socket_set(zmq, ZMQ_CURVE_SECRETKEY, settings->secret_key, CURVE_KEY_SIZE);
    if (settings->send_buffer_bytes > 0) {
        int bytes = (int)settings->send_buffer_bytes;
        socket_set(zmq, ZMQ_SNDBUF, &bytes, sizeof(bytes));
    }
}

/* The monitor speaks through a pair of its own. Its name stays taken for a while after it
 * is closed, so each is used once. */
static bool socket_watch(struct socket *socket, const struct socket_settings *settings)
{
    char name[64];
    snprintf(name, sizeof(name), "inproc://monitor-%" PRIu64,
             ++*settings->monitors_opened);
    int kinds = ZMQ_EVENT_CONNECTED | ZMQ_EVENT_CONNECT_DELAYED | ZMQ_EVENT_CLOSED |
                ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED |
                ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
    if (zmq_socket_monitor(socket->frames.zmq, name, kinds) != 0)
        return false;
    void *monitor = zmq_socket(settings->zmq_context, ZMQ_PAIR);
    if (monitor == NULL)
        return false;
    socket->events = inlet_of(monitor);
    int linger_ms = 0;
    socket_set(socket->events.zmq, ZMQ_LINGER, &linger_ms, sizeof(linger_ms));
    return zmq_connect(socket->events.zmq, name) == 0;
}

/* libzmq takes a wrong port without a word and then never connects. */
static bool endpoint_is_tcp(const char *endpoint, bool any_port_allowed)
{
    static const char scheme[] = "tcp://";
    const char *port = strrchr(endpoint, ':');
    if (strncmp(endpoint, scheme, strlen(scheme)) != 0 ||
        port <= endpoint + strlen(scheme))
        return false;
    port++;
    if (any_port_allowed && strcmp(port, "*") == 0)
        return true;
    size_t digits = strspn(port, "0123456789");
    if (digits == 0 || digits > 5 || port[digits] != '\0')
        return false;
    long number = strtol(port, NULL, 10);
    return number > 0 && number <= UINT16_MAX;
}

static bool socket_open(struct socket *socket, const struct socket_settings *settings,
                        int type, const char *endpoint, bool ipv6)
{
    *socket = (struct socket){0};
    if (!endpoint_is_tcp(endpoint, type == ZMQ_ROUTER)) {
        errno = EINVAL;
        return false;
    }
    void *zmq = zmq_socket(settings->zmq_context, type);
    if (zmq == NULL)
        return false;
    socket->frames = inlet_of(zmq);
    socket_set_common(socket->frames.zmq, settings);
    int family = ipv6 || strchr(endpoint, '[') != NULL;
    socket_set(socket->frames.zmq, ZMQ_IPV6, &family, sizeof(family));
    return socket_watch(socket, settings);
}

/* Closes what a failed step left open and keeps its reason. */
static bool socket_give_up(struct socket *socket)
{
    int reason = errno;
    socket_close(socket);
    errno = reason;
    return false;
}

/* No handover and no routing ids: either would let one member receive for another.
 * MANDATORY, because a ROUTER otherwise drops silently what it cannot queue. */
bool socket_listen(struct socket *socket, const struct socket_settings *settings,
                   const char *endpoint)
{
    if (!socket_open(socket, settings, ZMQ_ROUTER, endpoint, false))
        return socket_give_up(socket);
    const struct socket_option options[] = {
        {ZMQ_CURVE_SERVER, 1},     {OPTION_ZAP_ENFORCE_DOMAIN, 1},
        {ZMQ_ROUTER_MANDATORY, 1}, {ZMQ_ROUTER_HANDOVER, 0},
        {ZMQ_BACKLOG, BACKLOG},
    };
    socket_set_all(socket->frames.zmq, options, ARRAY_SIZE(options));
    socket_set(socket->frames.zmq, ZMQ_ZAP_DOMAIN, ZAP_DOMAIN, strlen(ZAP_DOMAIN));
    return zmq_bind(socket->frames.zmq, endpoint) == 0 || socket_give_up(socket);
}

/* IMMEDIATE: nothing is queued for a peer that is not there. libzmq itself repeats what
 * fails before a TCP connection stands, with jitter added to each interval. */
bool socket_dial(struct socket *socket, const struct socket_settings *settings,
                 const char *endpoint, bool ipv6, const uint8_t server_key[32])
{
    if (!socket_open(socket, settings, ZMQ_DEALER, endpoint, ipv6))
        return socket_give_up(socket);
    const struct socket_option options[] = {
        {ZMQ_IMMEDIATE, 1},
        {ZMQ_CONNECT_TIMEOUT, CONNECT_MS_MAX},
        {ZMQ_RECONNECT_IVL, REDIAL_MS_MIN},
        {ZMQ_RECONNECT_IVL_MAX, REDIAL_MS_MAX},
    };
    socket_set_all(socket->frames.zmq, options, ARRAY_SIZE(options));
    socket_set(socket->frames.zmq, ZMQ_CURVE_SERVERKEY, server_key, CURVE_KEY_SIZE);
    return zmq_connect(socket->frames.zmq, endpoint) == 0 || socket_give_up(socket);
}

void socket_close(struct socket *socket)
{
    /* libzmq's thread blocks when it reports to a monitor that is full or that nobody
     * reads: make room, stop the reports, and only then close the reading end. */
    struct socket_event event;
    while (socket->events.zmq != NULL && socket_next_event(socket, &event))
        continue;
    if (socket->frames.zmq != NULL) {
        zmq_socket_monitor(socket->frames.zmq, NULL, 0);
        zmq_close(socket->frames.zmq);
    }
    if (socket->events.zmq != NULL)
        zmq_close(socket->events.zmq);
    *socket = (struct socket){0};
}

static bool event_kind(uint16_t zmq_event, enum socket_event_kind *kind)
{
    switch (zmq_event) {
    case ZMQ_EVENT_ACCEPTED: *kind = SOCKET_ACCEPTED; return true;
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: *kind = SOCKET_READY; return true;
    case ZMQ_EVENT_CONNECT_DELAYED: *kind = SOCKET_ASKED; return true;
    case ZMQ_EVENT_CLOSED: *kind = SOCKET_GAVE_UP; return true;
    case ZMQ_EVENT_CONNECT_RETRIED: *kind = SOCKET_UNREACHED; return true;
    case ZMQ_EVENT_CONNECTED: *kind = SOCKET_CONNECTED; return true;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: *kind = SOCKET_DENIED; return true;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL: *kind = SOCKET_REFUSED; return true;
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL: *kind = SOCKET_BROKEN_OFF; return true;
    case ZMQ_EVENT_DISCONNECTED: *kind = SOCKET_CLOSED; return true;
    default: return false; /* not subscribed to */
    }
}

/* Two parts: event (16 bits) and value (32 bits) in the machine's order, then an
 * endpoint. */
bool socket_next_event(struct socket *socket, struct socket_event *event)
{
    bool known = false;
    while (!known) {
        uint8_t head[6];
        char endpoint[1];
        socket->events.dry = zmq_recv(socket->events.zmq, head, sizeof(head),
                                      ZMQ_DONTWAIT) != (int)sizeof(head);
        if (socket->events.dry)
            return false;
        socket->frames.dry = false;
        (void)zmq_recv(socket->events.zmq, endpoint, sizeof(endpoint), ZMQ_DONTWAIT);
        uint16_t zmq_event;
        uint32_t value;
        memcpy(&zmq_event, head, sizeof(zmq_event));
        memcpy(&value, head + sizeof(zmq_event), sizeof(value));
        event->descriptor = (int)value;
        event->shut_out = value == ZAP_STATUS_SHUT_OUT;
        known = event_kind(zmq_event, &event->kind);
    }
    return true;
}
