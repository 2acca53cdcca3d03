/* The carrier's turns: see net/carrier.h. What comes from outside is judged here. */
#include "net/carrier.h"

#include <sys/socket.h>

#include "net/zap.h"

struct socket_settings carrier_settings(struct transport *transport)
{
    return (struct socket_settings){
        .zmq_context = transport->zmq_context,
        .public_key = transport->options.public_key,
        .secret_key = transport->options.secret_key,
        .silence_ms_max = transport->options.silence_ms_max,
        .send_buffer_bytes = transport->options.send_buffer_bytes,
        .monitors_opened = &transport->monitors_opened,
    };
}

/* ---- members, cutting ---- */

static bool carrier_knows(const struct transport *transport,
                          const uint8_t key[CURVE_KEY_SIZE], uint32_t *peer)
{
    return transport->options.member(transport->options.context, key, peer);
}

/* Ends an accepted connection from outside libzmq, which offers no way. Between its end
 * and the monitor's word of it the descriptor may come to serve another accepted
 * connection; that one then dials again. */
static void carrier_cut_descriptor(const struct transport *transport, int descriptor)
{
    if (links_descriptor_is_open(&transport->links, descriptor))
        (void)shutdown(descriptor, SHUT_RDWR);
}

void carrier_drop_dialled(struct transport *transport, struct dial *dial)
{
    struct link *link = links_find(&transport->links, true, dial->connection);
    if (link != NULL)
        links_remove(&transport->links, link);
    dial_pause(&transport->dials, dial, clock_steady_ms());
}

void carrier_cut_accepted(struct transport *transport, struct link *link)
{
    carrier_cut_descriptor(transport, link->descriptor);
    links_cut(&transport->links, link);
}

/* ---- what the monitors say ---- */

void carrier_hear_listener(struct transport *transport)
{
    struct socket_event event;
    if (transport->listener.frames.zmq == NULL || transport->listener.events.dry)
        return;
    while (socket_next_event(&transport->listener, &event)) {
        switch (event.kind) {
        case SOCKET_ACCEPTED:
            transport->statistics.connections_accepted++;
            links_descriptor_opened(&transport->links, event.descriptor);
            watches_add(&transport->watches, event.descriptor);
            break;
        case SOCKET_READY: transport->statistics.handshakes_done++; break;
        case SOCKET_DENIED:
            transport->statistics.handshakes_refused += !event.shut_out;
            break;
        case SOCKET_REFUSED:
        case SOCKET_BROKEN_OFF: transport->statistics.handshakes_refused++; break;
        case SOCKET_CLOSED:
            links_descriptor_closed(&transport->links, event.descriptor);
            watches_remove(&transport->watches, event.descriptor);
            break;
        case SOCKET_ASKED:
        case SOCKET_GAVE_UP:
        case SOCKET_UNREACHED:
        case SOCKET_CONNECTED: break; /* of dialling sockets only */
        }
    }
}

static void carrier_dialled_is_ready(struct transport *transport, struct dial *dial)
{
    uint32_t peer;
    if (!carrier_knows(transport, dial->server_key, &peer) || peer != dial->peer) {
        transport->statistics.dials_refused++;
        dial_pause(&transport->dials, dial, clock_steady_ms());
        return;
    }
    transport->statistics.handshakes_done++;
    (void)links_add_dialled(&transport->links, dial->connection, dial->peer);
}

static void carrier_hear_dialling(struct transport *transport, struct dial *dial,
                                  const struct socket_event *event)
{
    enum socket_event_kind kind = event->kind;
    dial_note(dial, event, clock_steady_ms());
    if (dial_wants_other_family(dial)) {
        dial->ipv6 = !dial->ipv6;
        dial_pause(&transport->dials, dial, clock_steady_ms());
        return;
    }
    if (kind == SOCKET_ASKED || kind == SOCKET_GAVE_UP || kind == SOCKET_UNREACHED ||
        kind == SOCKET_CONNECTED)
        return;
    if (kind == SOCKET_READY) {
        carrier_dialled_is_ready(transport, dial);
        return;
    }
    transport->statistics.dials_refused += kind != SOCKET_CLOSED;
    dial_pause(&transport->dials, dial, clock_steady_ms());
}

static void carrier_hear_dial(struct transport *transport, struct dial *dial)
{
    struct socket_event event;
    while (!dial_is_pausing(dial) && !dial->socket.events.dry &&
           socket_next_event(&dial->socket, &event)) {
        struct link *link = links_find(&transport->links, true, dial->connection);
        if (link != NULL && event.kind == SOCKET_CLOSED)
            link->closed = true;
        else if (link == NULL)
            carrier_hear_dialling(transport, dial, &event);
        /* Else libzmq dials anew; this socket is to be emptied and closed. */
    }
}

/* ---- dialling ---- */

/* Asks the roster first: a peer that is not (yet, any more) a member costs no traffic. */
static void carrier_try_dial(struct transport *transport, struct dial *dial)
{
    struct socket_settings settings = carrier_settings(transport);
    uint32_t peer;
    if (!carrier_knows(transport, dial->server_key, &peer) || peer != dial->peer ||
        !dial_start(&transport->dials, dial, &settings))
        dial_pause(&transport->dials, dial, clock_steady_ms());
}

static void carrier_dial_due(struct transport *transport)
{
    uint64_t now_ms = clock_steady_ms();
    for (size_t i = 0; i < transport->dials.count; i++) {
        struct dial *dial = &transport->dials.items[i];
        if (dial_is_pausing(dial) && dial->due_ms <= now_ms)
            carrier_try_dial(transport, dial);
    }
}

/* ---- reading a batch ---- */

static struct socket *carrier_socket_of(struct transport *transport,
                                        const struct link *link)
{
    struct dial *dial = NULL;
    if (link->dialled)
        dial = dials_find_connection(&transport->dials, link->id);
    return dial != NULL ? &dial->socket : &transport->listener;
}

/* Reads from socket `index` (0 is the listener) until it is dry or the batch is full. */
static void carrier_read_socket(struct transport *transport, size_t index, size_t *bytes)
{
    struct dial *dial = index > 0 ? &transport->dials.items[index - 1] : NULL;
    struct socket *socket = dial != NULL ? &dial->socket : &transport->listener;
    struct inlet *frames = &socket->frames;
    while (frames->zmq != NULL && !frames->dry &&
           transport->batch_count < BATCH_FRAMES_MAX && *bytes < BATCH_BYTES_MAX) {
        struct arrival *arrival = &transport->batch[transport->batch_count];
        frames->dry = dial != NULL
                          ? !arrival_read_dialled(arrival, frames->zmq, dial->connection,
                                                  dial->server_key)
                          : !arrival_read_accepted(arrival, frames->zmq);
        if (frames->dry)
            return;
        if (dial == NULL)
            watches_delivered(&transport->watches, arrival->descriptor);
        transport->batch_count++;
        *bytes += zmq_msg_size(&arrival->frame);
    }
}

/* Another socket comes first in each turn, so that none can starve the others. */
static void carrier_read_batch(struct transport *transport)
{
    size_t sockets = transport->dials.count + 1;
    size_t bytes = 0;
    transport->batch_count = 0;
    transport->batch_taken = 0;
    transport->turn++;
    for (size_t i = 0; i < sockets; i++)
        carrier_read_socket(transport, (transport->turn + i) % sockets, &bytes);
}

/* ---- turns ---- */

/* What came over a connection before it was closed is still to be read. */
static void carrier_stir_closed(struct transport *transport)
{
    for (size_t i = 0; i < transport->links.count; i++) {
        if (transport->links.items[i].closed)
            carrier_socket_of(transport, &transport->links.items[i])->frames.dry = false;
    }
}

/* Connections that were closed before this turn's reading and whose socket is empty now.
 */
static void carrier_mark_drained(struct transport *transport)
{
    for (size_t i = 0; i < transport->links.count; i++) {
        struct link *link = &transport->links.items[i];
        if (link->closed)
            link->drained = carrier_socket_of(transport, link)->frames.dry;
    }
}

static void carrier_remove_drained(struct transport *transport)
{
    for (size_t i = transport->links.count; i-- > 0;) {
        struct link *link = &transport->links.items[i];
        if (!link->drained)
            continue;
        struct dial *dial = NULL;
        if (link->dialled)
            dial = dials_find_connection(&transport->dials, link->id);
        if (dial != NULL)
            carrier_drop_dialled(transport, dial);
        else
            links_remove(&transport->links, link);
    }
}

/* Cuts off a peer that sends parts of one message without end, which libzmq keeps in
 * memory. */
static void carrier_cut_flooding(struct transport *transport)
{
    int descriptor;
    while (watches_look(&transport->watches, clock_steady_ms(), &descriptor)) {
        transport->statistics.floods_cut++;
        carrier_cut_descriptor(transport, descriptor);
    }
}

/* A new connection is dialled in place of one on which nothing passes. */
static void carrier_drop_lifeless(struct transport *transport)
{
    for (size_t i = 0; i < transport->links.count; i++) {
        struct link *link = &transport->links.items[i];
        struct dial *dial = NULL;
        if (link->dialled && !link->closed)
            dial = dials_find_connection(&transport->dials, link->id);
        if (dial != NULL &&
            breath_is_lost(&dial->breath, dial->descriptor, clock_steady_ms()))
            link->closed = true;
    }
}

/* Called when everything read before was handed out. Frames are read before the monitors
 * are asked: see net/carrier.h. */
void carrier_take_turn(struct transport *transport)
{
    carrier_remove_drained(transport);
    if (!transport->zap.dry)
        transport->zap.dry =
            zap_serve(transport->zap.zmq, &transport->options) < ZAP_ANSWERS_MAX;
    carrier_dial_due(transport);
    carrier_stir_closed(transport);
    carrier_read_batch(transport);
    carrier_mark_drained(transport);
    carrier_hear_listener(transport);
    carrier_cut_flooding(transport);
    carrier_drop_lifeless(transport);
    for (size_t i = 0; i < transport->dials.count; i++)
        carrier_hear_dial(transport, &transport->dials.items[i]);
}

/* ---- handing out ---- */

static void carrier_refuse(struct transport *transport, const struct arrival *arrival)
{
    transport->statistics.frames_refused++;
    struct link *link =
        links_find(&transport->links, arrival->dialled, arrival->connection);
    if (arrival->dialled) {
        struct dial *dial = dials_find_connection(&transport->dials, arrival->connection);
        if (dial != NULL)
            carrier_drop_dialled(transport, dial);
    } else if (link != NULL && link->descriptor == arrival->descriptor) {
        if (!link->cut)
            carrier_cut_accepted(transport, link);
    } else {
        carrier_cut_descriptor(transport, arrival->descriptor);
    }
}

static struct link *carrier_add_accepted(struct transport *transport,
                                         const struct arrival *arrival, uint32_t peer)
{
    struct link *link = links_add_accepted(&transport->links, arrival->connection, peer,
                                           arrival->descriptor);
    struct link *surplus = links_surplus(&transport->links, peer);
    if (surplus != NULL)
        carrier_cut_accepted(transport, surplus);
    return link;
}

/* The link that `arrival` came over, new if it is the first. NULL: not to be handed out.
 */
static struct link *carrier_admit(struct transport *transport,
                                  const struct arrival *arrival)
{
    struct link *link =
        links_find(&transport->links, arrival->dialled, arrival->connection);
    uint32_t peer;
    if (!arrival->whole || !carrier_knows(transport, arrival->key, &peer) ||
        (arrival->dialled && link != NULL && link->peer != peer)) {
        carrier_refuse(transport, arrival);
        return NULL;
    }
    if (!arrival->dialled &&
        (link == NULL || link->peer != peer || link->descriptor != arrival->descriptor))
        link = carrier_add_accepted(transport, arrival, peer);
    return link == NULL || link->cut ? NULL : link;
}

static void carrier_hand_out(struct transport *transport, struct arrival *arrival,
                             const struct link *link, struct transport_event *event)
{
    struct slice frame =
        slice_of(zmq_msg_data(&arrival->frame), zmq_msg_size(&arrival->frame));
    struct dial *dial = NULL;
    if (link->dialled)
        dial = dials_find_connection(&transport->dials, link->id);
    if (dial != NULL)
        dial_proved_useful(dial);
    *event = (struct transport_event){.kind = TRANSPORT_FRAME,
                                      .peer = link->peer,
                                      .connection = links_connection(link),
                                      .frame = frame};
    transport->statistics.frames_in++;
    transport->statistics.bytes_in += frame.size;
    transport->handed_out = true;
}

/* Notices go first, so that a peer is up before its frames. */
bool carrier_deliver(struct transport *transport, struct transport_event *event)
{
    *event = (struct transport_event){0};
    for (;;) {
        bool up;
        if (links_next_notice(&transport->links, &event->peer, &up)) {
            event->kind = up ? TRANSPORT_UP : TRANSPORT_DOWN;
            return true;
        }
        if (transport->batch_taken == transport->batch_count)
            return false;
        struct arrival *arrival = &transport->batch[transport->batch_taken];
        const struct link *link = carrier_admit(transport, arrival);
        if (link != NULL && transport->links.notice_owed)
            continue;
        transport->batch_taken++;
        if (link != NULL) {
            carrier_hand_out(transport, arrival, link, event);
            return true;
        }
        zmq_msg_close(&arrival->frame);
    }
}
