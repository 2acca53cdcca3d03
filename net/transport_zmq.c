/* The carrier over ZeroMQ: what the daemon calls. Beside it stand transport_turn (the
 * turns in which work is done), socket (options and monitors), zap (who may come in),
 * arrival (reading one frame), dial (when to dial again) and links (who is linked; no
 * socket). */
#include "net/transport.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include "net/carrier.h"
#include "net/zap.h"

#define SILENCE_MS_DEFAULT 60000
/* A dialled peer takes three of libzmq's sockets. */
#define ZMQ_SOCKETS_MAX 4096
/* A connection that ended takes three turns to be over: seen, emptied, removed. */
#define TURNS_MAX 3

/* Differs between nodes that start in the same second. */
static uint64_t jitter_seed(const struct transport_options *options)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_REALTIME, &now) == 0);
    return get_le64(options->public_key) ^ ((uint64_t)now.tv_nsec << 20);
}

/* ---- opening and closing ---- */

static bool transport_start_context(struct transport *transport)
{
    transport->zmq_context = zmq_ctx_new();
    if (transport->zmq_context == NULL)
        return false;
    /* One thread: the order of a monitor's events across connections depends on it. */
    zmq_ctx_set(transport->zmq_context, ZMQ_IO_THREADS, 1);
    zmq_ctx_set(transport->zmq_context, ZMQ_MAX_SOCKETS, ZMQ_SOCKETS_MAX);
    transport->zap = zap_open(transport->zmq_context);
    return transport->zap != NULL;
}

static bool transport_start_listening(struct transport *transport, const char *endpoint)
{
    struct socket_settings settings = carrier_settings(transport);
    if (!socket_listen(&transport->listener, &settings, endpoint))
        return false;
    size_t size = sizeof(transport->endpoint);
    return zmq_getsockopt(transport->listener.zmq, ZMQ_LAST_ENDPOINT, transport->endpoint,
                          &size) == 0;
}

enum status transport_open(struct transport **out,
                           const struct transport_options *options)
{
    CHECK(options->member != NULL);
    CHECK(options->silence_ms_max <= INT32_MAX);
    CHECK(options->send_buffer_bytes <= INT32_MAX);
    struct transport *transport = checked_malloc(sizeof(*transport));
    memset(transport, 0, sizeof(*transport));
    transport->options = *options;
    transport->options.listen = NULL;
    if (options->silence_ms_max == 0)
        transport->options.silence_ms_max = SILENCE_MS_DEFAULT;
    links_init(&transport->links);
    dials_init(&transport->dials, jitter_seed(options));
    enum status status = OK;
    if (!transport_start_context(transport))
        status = ERR_FILE;
    else if (options->listen != NULL &&
             !transport_start_listening(transport, options->listen))
        status = ERR_CONFIG;
    if (status != OK) {
        int reason = errno;
        transport_close(transport);
        transport = NULL;
        errno = reason;
    }
    *out = transport;
    return status;
}

/* Keys do not stay in freed memory; the compiler may not drop writes to volatile. */
static void wipe(void *memory, size_t size)
{
    volatile uint8_t *bytes = memory;
    for (size_t i = 0; i < size; i++)
        bytes[i] = 0;
}

static void batch_release(struct transport *transport)
{
    if (transport->handed_out)
        zmq_msg_close(&transport->batch[transport->batch_taken - 1].frame);
    transport->handed_out = false;
}

void transport_close(struct transport *transport)
{
    if (transport == NULL)
        return;
    batch_release(transport);
    for (size_t i = transport->batch_taken; i < transport->batch_count; i++)
        zmq_msg_close(&transport->batch[i].frame);
    dials_deinit(&transport->dials);
    socket_close(&transport->listener);
    if (transport->zap != NULL)
        zmq_close(transport->zap);
    if (transport->zmq_context != NULL)
        zmq_ctx_term(transport->zmq_context);
    links_deinit(&transport->links);
    watches_deinit(&transport->watches);
    free(transport->poll_items);
    wipe(transport->options.secret_key, sizeof(transport->options.secret_key));
    free(transport);
}

const char *transport_endpoint(const struct transport *transport)
{
    return transport->endpoint[0] != '\0' ? transport->endpoint : NULL;
}

struct transport_statistics transport_statistics(const struct transport *transport)
{
    return transport->statistics;
}

/* ---- dialling ---- */

/* Forgets the dialled connection of `peer`, whatever its state. */
static void transport_undial(struct transport *transport, uint32_t peer)
{
    struct dial *dial = dials_find(&transport->dials, peer);
    if (dial == NULL)
        return;
    carrier_drop_dialled(transport, dial);
    dials_remove(&transport->dials, dial);
}

/* Out of descriptors or memory for now, rather than a bad endpoint. */
static bool errno_says_later(void)
{
    return errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS;
}

enum status transport_dial(struct transport *transport, uint32_t peer,
                           const char *endpoint, const uint8_t server_key[CURVE_KEY_SIZE])
{
    size_t size = strlen(endpoint) + 1;
    if (size > ENDPOINT_SIZE_MAX)
        return ERR_CONFIG;
    struct dial *dial = dials_find(&transport->dials, peer);
    if (dial != NULL && strcmp(dial->endpoint, endpoint) == 0 &&
        memcmp(dial->server_key, server_key, CURVE_KEY_SIZE) == 0) {
        dial->due_ms = 0;
        return OK;
    }
    transport_undial(transport, peer);
    dial = dials_add(&transport->dials, peer);
    memcpy(dial->endpoint, endpoint, size);
    memcpy(dial->server_key, server_key, CURVE_KEY_SIZE);
    struct socket_settings settings = carrier_settings(transport);
    if (dial_start(&transport->dials, dial, &settings))
        return OK;
    if (errno_says_later()) {
        dial_pause(&transport->dials, dial, clock_steady_ms());
        return OK;
    }
    dials_remove(&transport->dials, dial);
    return ERR_CONFIG;
}

enum dial_trouble transport_dial_trouble(const struct transport *transport, uint32_t peer,
                                         uint64_t *for_ms)
{
    const struct dial *dial = dials_find(&transport->dials, peer);
    enum dial_trouble trouble = dial != NULL ? dial->trouble : DIAL_NO_TROUBLE;
    if (for_ms != NULL)
        *for_ms = trouble != DIAL_NO_TROUBLE ? clock_steady_ms() - dial->trouble_ms : 0;
    return trouble;
}

void transport_hang_up(struct transport *transport, uint32_t peer)
{
    carrier_hear_listener(transport); /* a descriptor may have changed hands */
    transport_undial(transport, peer);
    for (size_t i = 0; i < transport->links.count; i++) {
        struct link *link = &transport->links.items[i];
        if (link->peer == peer && !link->cut)
            carrier_cut_accepted(transport, link);
    }
}

/* ---- receiving ---- */

bool transport_receive(struct transport *transport, struct transport_event *event)
{
    batch_release(transport);
    bool found = carrier_deliver(transport, event);
    for (int turn = 0; !found && turn < TURNS_MAX; turn++) {
        if (turn > 0 && !links_any_closed(&transport->links))
            break;
        carrier_take_turn(transport);
        found = carrier_deliver(transport, event);
    }
    return found;
}

/* ---- sending ---- */

static bool transport_send_part(void *zmq, struct slice part, int flags)
{
    return zmq_send(zmq, part.data, part.size, ZMQ_DONTWAIT | flags) >= 0;
}

static bool transport_send_over(struct transport *transport, const struct link *link,
                                struct slice frame)
{
    if (link->dialled) {
        struct dial *dial = dials_find_connection(&transport->dials, link->id);
        CHECK(dial != NULL);
        return transport_send_part(dial->socket.zmq, frame, 0);
    }
    uint8_t routing_id[ROUTING_ID_SIZE] = {0};
    put_be32(routing_id + 1, (uint32_t)link->id);
    return transport_send_part(transport->listener.zmq,
                               slice_of(routing_id, sizeof(routing_id)), ZMQ_SNDMORE) &&
           transport_send_part(transport->listener.zmq, frame, 0);
}

enum status transport_send(struct transport *transport, uint32_t peer,
                           uint64_t connection, struct slice frame)
{
    CHECK(frame.size <= FRAME_SIZE_MAX);
    struct link *link;
    while ((link = links_to(&transport->links, peer, connection)) != NULL) {
        if (transport_send_over(transport, link, frame)) {
            transport->statistics.frames_out++;
            transport->statistics.bytes_out += frame.size;
            return OK;
        }
        if (errno == EAGAIN)
            return ERR_BUSY;
        link->closed = true; /* EHOSTUNREACH: gone, and its end not reported yet */
    }
    return ERR_NOT_FOUND;
}

/* ---- waiting ---- */

static void transport_poll_add(struct transport *transport, size_t *count,
                               zmq_pollitem_t item)
{
    transport->poll_items = array_grow(transport->poll_items, &transport->poll_capacity,
                                       *count + 1, sizeof *transport->poll_items);
    transport->poll_items[(*count)++] = item;
}

static void transport_poll_add_socket(struct transport *transport, size_t *count,
                                      const struct socket *socket)
{
    if (socket->zmq == NULL)
        return;
    transport_poll_add(transport, count,
                       (zmq_pollitem_t){.socket = socket->zmq, .events = ZMQ_POLLIN});
    transport_poll_add(transport, count,
                       (zmq_pollitem_t){.socket = socket->monitor, .events = ZMQ_POLLIN});
}

static size_t transport_poll_own(struct transport *transport)
{
    size_t count = 0;
    transport_poll_add(transport, &count,
                       (zmq_pollitem_t){.socket = transport->zap, .events = ZMQ_POLLIN});
    transport_poll_add_socket(transport, &count, &transport->listener);
    for (size_t i = 0; i < transport->dials.count; i++)
        transport_poll_add_socket(transport, &count, &transport->dials.items[i].socket);
    for (size_t i = 0; i < transport->watches.count; i++) {
        const struct watched *watched = &transport->watches.items[i];
        if (watched->quiet)
            transport_poll_add(
                transport, &count,
                (zmq_pollitem_t){.fd = watched->descriptor, .events = ZMQ_POLLIN});
    }
    return count;
}

/* How long to sleep: not at all while something is queued here, and not past the next
 * moment to dial or to look at connections. */
static long transport_sleep_ms(const struct transport *transport, long timeout_ms)
{
    if (transport->batch_taken < transport->batch_count || transport->links.notice_owed ||
        links_any_closed(&transport->links))
        return 0;
    uint64_t due_ms = dials_due_ms(&transport->dials);
    uint64_t watch_ms = watches_due_ms(&transport->watches);
    if (watch_ms < due_ms)
        due_ms = watch_ms;
    for (size_t i = 0; i < transport->links.count; i++) {
        const struct link *link = &transport->links.items[i];
        const struct dial *dial = NULL;
        if (link->dialled && !link->closed)
            dial = dials_find_connection(&transport->dials, link->id);
        if (dial != NULL && dial->breath.due_ms < due_ms)
            due_ms = dial->breath.due_ms;
    }
    if (due_ms == UINT64_MAX)
        return timeout_ms;
    uint64_t now_ms = clock_steady_ms();
    long until_due_ms = due_ms > now_ms ? (long)(due_ms - now_ms) : 0;
    return timeout_ms < 0 || until_due_ms < timeout_ms ? until_due_ms : timeout_ms;
}

static short events_of_poll(short events)
{
    return (short)((events & POLLIN ? ZMQ_POLLIN : 0) |
                   (events & POLLOUT ? ZMQ_POLLOUT : 0) |
                   (events & POLLERR ? ZMQ_POLLERR : 0));
}

static short events_to_poll(short events)
{
    return (short)((events & ZMQ_POLLIN ? POLLIN : 0) |
                   (events & ZMQ_POLLOUT ? POLLOUT : 0) |
                   (events & ZMQ_POLLERR ? POLLERR : 0));
}

bool transport_wait(struct transport *transport, struct transport_descriptor *descriptors,
                    size_t count, long timeout_ms)
{
    size_t own = transport_poll_own(transport);
    size_t all = own;
    for (size_t i = 0; i < count; i++) {
        transport_poll_add(
            transport, &all,
            (zmq_pollitem_t){.fd = descriptors[i].descriptor,
                             .events = events_of_poll(descriptors[i].wanted)});
        descriptors[i].ready = 0;
    }
    int ready = zmq_poll(transport->poll_items, (int)all,
                         transport_sleep_ms(transport, timeout_ms));
    CHECK(ready >= 0 || errno == EINTR);
    for (size_t i = 0; ready > 0 && i < own; i++) {
        const zmq_pollitem_t *item = &transport->poll_items[i];
        if (item->socket == NULL && item->revents != 0)
            watches_wake(&transport->watches, item->fd, clock_steady_ms());
    }
    for (size_t i = 0; ready > 0 && i < count; i++)
        descriptors[i].ready = events_to_poll(transport->poll_items[own + i].revents);
    return ready >= 0;
}
