#include "net/dial.h"

#include <stdlib.h>
#include <string.h>

#define PAUSE_MS_MIN 500
#define PAUSE_MS_MAX 60000

/* A host may have addresses of one family only, and a line may carry only one. */
#define FAMILY_ATTEMPTS 3

/* A refusal takes a round trip; a satellite's takes up to 2 s. */
#define REFUSAL_MS_MAX 2500

void dials_init(struct dials *dials, uint64_t seed)
{
    *dials = (struct dials){.connection_next = 1, .jitter = seed | 1};
}

void dials_deinit(struct dials *dials)
{
    while (dials->count > 0)
        dials_remove(dials, &dials->items[dials->count - 1]);
    free(dials->items);
    *dials = (struct dials){0};
}

struct dial *dials_find(const struct dials *dials, uint32_t peer)
{
    for (size_t i = 0; i < dials->count; i++) {
        if (dials->items[i].peer == peer)
            return &dials->items[i];
    }
    return NULL;
}

struct dial *dials_find_connection(const struct dials *dials, uint64_t connection)
{
    for (size_t i = 0; i < dials->count; i++) {
        if (dials->items[i].connection == connection)
            return &dials->items[i];
    }
    return NULL;
}

struct dial *dials_add(struct dials *dials, uint32_t peer)
{
    dials->items = array_grow(dials->items, &dials->capacity, dials->count + 1,
                              sizeof *dials->items);
    struct dial *dial = &dials->items[dials->count++];
    *dial =
        (struct dial){.peer = peer, .pause_ms = PAUSE_MS_MIN, .nameless = {true, true}};
    return dial;
}

void dials_remove(struct dials *dials, struct dial *dial)
{
    socket_close(&dial->socket);
    *dial = dials->items[--dials->count];
}

bool dial_start(struct dials *dials, struct dial *dial,
                const struct socket_settings *settings)
{
    dial->connection = dials->connection_next++;
    dial->unreached = 0;
    dial->has_address = false;
    dial->asked_ms = 0;
    return socket_dial(&dial->socket, settings, dial->endpoint, dial->ipv6,
                       dial->server_key);
}

bool dial_is_pausing(const struct dial *dial)
{
    return dial->socket.frames.zmq == NULL;
}

/* Digits, dots, colons and brackets make an address, which has a family of its own. */
static bool host_is_name(const char *endpoint)
{
    const char *host = strstr(endpoint, "://");
    return host != NULL && host[strspn(host, ":/0123456789.[]")] != '\0' &&
           strchr(host, '[') == NULL;
}

/* fe80::/10 */
static bool host_is_link_local(const char *endpoint)
{
    const char *host = strchr(endpoint, '[');
    return host != NULL && (host[1] == 'f' || host[1] == 'F') &&
           (host[2] == 'e' || host[2] == 'E') && host[3] != '\0' &&
           strchr("89abAB", host[3]) != NULL;
}

bool dial_wants_other_family(const struct dial *dial)
{
    return dial->unreached >= FAMILY_ATTEMPTS && host_is_name(dial->endpoint);
}

void dial_proved_useful(struct dial *dial)
{
    dial->pause_ms = PAUSE_MS_MIN;
}

/* xorshift64 (Marsaglia 2003). It only keeps nodes from dialling in step; nothing secret
 * depends on it. */
static uint64_t dials_random(struct dials *dials)
{
    dials->jitter ^= dials->jitter << 13;
    dials->jitter ^= dials->jitter >> 7;
    dials->jitter ^= dials->jitter << 17;
    return dials->jitter;
}

void dial_pause(struct dials *dials, struct dial *dial, uint64_t now_ms)
{
    socket_close(&dial->socket);
    dial->due_ms = now_ms + dial->pause_ms + dials_random(dials) % dial->pause_ms;
    dial->pause_ms =
        dial->pause_ms < PAUSE_MS_MAX / 2 ? dial->pause_ms * 2 : PAUSE_MS_MAX;
}

static void dial_set_trouble(struct dial *dial, enum dial_trouble trouble,
                             uint64_t now_ms)
{
    if (dial->trouble != trouble)
        dial->trouble_ms = now_ms;
    dial->trouble = trouble;
}

/* A name without an address in one family may have one in the other, whose trouble then
 * stands until both have none. */
static enum dial_trouble trouble_without_address(const struct dial *dial)
{
    if (host_is_link_local(dial->endpoint))
        return DIAL_NO_INTERFACE;
    if (!host_is_name(dial->endpoint))
        return DIAL_NO_ROUTE;
    return dial->nameless[0] && dial->nameless[1] ? DIAL_NO_NAME : dial->trouble;
}

static void dial_reached_nobody(struct dial *dial, uint64_t now_ms)
{
    enum dial_trouble trouble;
    dial->nameless[dial->ipv6] = !dial->has_address;
    if (!dial->has_address)
        trouble = trouble_without_address(dial);
    else if (dial->asked_ms == 0)
        trouble = host_is_link_local(dial->endpoint) ? DIAL_NO_INTERFACE : DIAL_NO_ROUTE;
    else
        trouble = now_ms - dial->asked_ms < REFUSAL_MS_MAX ? DIAL_REFUSED : DIAL_SILENT;
    dial_set_trouble(dial, trouble, now_ms);
    dial->unreached++;
    dial->has_address = false;
    dial->asked_ms = 0;
}

/* A peer that ends the connection before the handshake timed out could not open our
 * greeting: it was sealed for another server key than its own. One that is silent until the
 * time is up is counted as not answering. */
static enum dial_trouble trouble_of_breaking_off(const struct dial *dial, uint64_t now_ms)
{
    bool timed_out = now_ms - dial->connected_ms >= SOCKET_HANDSHAKE_MS_MAX / 2;
    return timed_out ? DIAL_SILENT : DIAL_ANOTHER;
}

void dial_note(struct dial *dial, const struct socket_event *event, uint64_t now_ms)
{
    switch (event->kind) {
    case SOCKET_ASKED:
        dial->has_address = true;
        dial->asked_ms = now_ms;
        break;
    case SOCKET_GAVE_UP: dial->has_address = true; break;
    case SOCKET_UNREACHED: dial_reached_nobody(dial, now_ms); break;
    case SOCKET_CONNECTED:
        dial->connected_ms = now_ms;
        dial->descriptor = event->descriptor;
        dial->breath = (struct breath){.moved_ms = now_ms, .due_ms = now_ms + BREATH_MS};
        break;
    case SOCKET_READY: dial_set_trouble(dial, DIAL_NO_TROUBLE, now_ms); break;
    case SOCKET_DENIED:
        dial_set_trouble(dial, event->shut_out ? DIAL_SHUT_OUT : DIAL_TURNED_AWAY,
                         now_ms);
        break;
    case SOCKET_REFUSED: dial_set_trouble(dial, DIAL_ANOTHER, now_ms); break;
    case SOCKET_BROKEN_OFF:
        dial_set_trouble(dial, trouble_of_breaking_off(dial, now_ms), now_ms);
        break;
    case SOCKET_ACCEPTED:
    case SOCKET_CLOSED: break;
    }
}

uint64_t dials_due_ms(const struct dials *dials)
{
    uint64_t due_ms = UINT64_MAX;
    for (size_t i = 0; i < dials->count; i++) {
        const struct dial *dial = &dials->items[i];
        if (dial_is_pausing(dial) && dial->due_ms < due_ms)
            due_ms = dial->due_ms;
    }
    return due_ms;
}
