/* The carrier over ZeroMQ: what the daemon calls. Beside it stand transport_turn (the
 * turns in which work is done), socket (options and monitors), zap (who may come in),
 * arrival (reading one frame), dial (when to dial again) and links (who is linked; no
 * socket). */
#include "net/transport.h"

#include <errno.h>
#include <limits.h>
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
    void *zap = zap_open(transport->zmq_context);
    if (zap != NULL)
        transport->zap = inlet_of(zap);
    return zap != NULL;
}

static bool transport_start_listening(struct transport *transport, const char *endpoint)
{
    struct socket_settings settings = carrier_settings(transport);
    if (!socket_listen(&transport->listener, &settings, endpoint))
        return false;
    size_t size = sizeof(transport->endpoint);
    return zmq_getsockopt(transport->listener.frames.zmq, ZMQ_LAST_ENDPOINT,
                          transport->endpoint, &size) == 0;
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
    if (transport->zap.zmq != NULL)
        zmq_close(transport->zap.zmq);
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
    transport->listener.events.dry = false; /* a descriptor may have changed hands */
    carrier_hear_listener(transport);
    transport_undial(transport, peer);
    for (size_t i = 0; i < transport->links.count; i++) {
        struct link *link = &transport->links.items[i];
        if (link->peer == peer && !link->cut)
            carrier_cut_accepted(transport, link);
    }
}

/* ---- sending ---- */

static bool transport_send_part(struct inlet *inlet, struct slice part, int flags)
{
    inlet->stirred = true;
    return zmq_send(inlet->zmq, part.data, part.size, ZMQ_DONTWAIT | flags) >= 0;
}

static bool transport_send_over(struct transport *transport, const struct link *link,
                                struct slice frame)
{
    if (link->dialled) {
        struct dial *dial = dials_find_connection(&transport->dials, link->id);
        CHECK(dial != NULL);
        return transport_send_part(&dial->socket.frames, frame, 0);
    }
    uint8_t routing_id[ROUTING_ID_SIZE] = {0};
    put_be32(routing_id + 1, (uint32_t)link->id);
    return transport_send_part(&transport->listener.frames,
                               slice_of(routing_id, sizeof(routing_id)), ZMQ_SNDMORE) &&
           transport_send_part(&transport->listener.frames, frame, 0);
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

static void transport_poll_add(struct transport *transport, size_t *count, int descriptor,
                               short events)
{
    transport->poll_items = array_grow(transport->poll_items, &transport->poll_capacity,
                                       *count + 1, sizeof *transport->poll_items);
    transport->poll_items[(*count)++] =
        (struct pollfd){.fd = descriptor, .events = events};
}

/* The nth inlet that is read from, and NULL at the end: ZAP, then each socket's two. Those
 * of a socket that is not open have no `zmq`. */
static struct inlet *transport_inlet(struct transport *transport, size_t n)
{
    if (n == 0)
        return &transport->zap;
    size_t at = (n - 1) / 2;
    if (at > transport->dials.count)
        return NULL;
    struct socket *socket =
        at == 0 ? &transport->listener : &transport->dials.items[at - 1].socket;
    return n % 2 == 1 ? &socket->frames : &socket->events;
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

/* Sleeps until something is to be read or `sleep_ms` are over, and notes which inlets hold
 * something. Returns as poll does. */
static int transport_look(struct transport *transport,
                          struct transport_descriptor *descriptors, size_t count,
                          long sleep_ms)
{
    struct inlet *inlet;
    size_t inlets = 0, own, all = 0;
    for (; (inlet = transport_inlet(transport, inlets)) != NULL; inlets++) {
        if (inlet_is_due(inlet))
            sleep_ms = 0;
        transport_poll_add(transport, &all, inlet->zmq != NULL ? inlet->descriptor : -1,
                           POLLIN);
    }
    for (size_t i = 0; i < transport->watches.count; i++) {
        const struct watched *watched = &transport->watches.items[i];
        if (watched->quiet)
            transport_poll_add(transport, &all, watched->descriptor, POLLIN);
    }
    own = all;
    for (size_t i = 0; i < count; i++) {
        transport_poll_add(transport, &all, descriptors[i].descriptor,
                           descriptors[i].wanted);
        descriptors[i].ready = 0;
    }
    int ready =
        poll(transport->poll_items, all, sleep_ms > INT_MAX ? INT_MAX : (int)sleep_ms);
    CHECK(ready >= 0 || errno == EINTR);
    transport->looked = true;
    for (size_t i = 0; ready > 0 && i < all; i++) {
        const struct pollfd *item = &transport->poll_items[i];
        if (i >= own)
            descriptors[i - own].ready =
                (short)((item->revents & (POLLIN | POLLOUT)) |
                        (item->revents & ~(POLLIN | POLLOUT) ? POLLERR : 0));
        else if (i >= inlets && item->revents != 0)
            watches_wake(&transport->watches, item->fd, clock_steady_ms());
        else if (item->revents != 0 && (inlet = transport_inlet(transport, i)) != NULL)
            inlet->dry = false;
    }
    return ready;
}

bool transport_wait(struct transport *transport, struct transport_descriptor *descriptors,
                    size_t count, long timeout_ms)
{
    return transport_look(transport, descriptors, count,
                          transport_sleep_ms(transport, timeout_ms)) >= 0;
}

/* ---- receiving ---- */

bool transport_receive(struct transport *transport, struct transport_event *event)
{
    batch_release(transport);
    bool found = carrier_deliver(transport, event);
    for (int turn = 0; !found && turn < TURNS_MAX; turn++) {
        if (turn > 0 && !links_any_closed(&transport->links))
            break;
        if (!transport->looked)
            (void)transport_look(transport, NULL, 0, 0);
        transport->looked = false;
        carrier_take_turn(transport);
        found = carrier_deliver(transport, event);
    }
    return found;
}
