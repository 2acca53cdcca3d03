#include "tests/sim/carrier.h"

#include <stdlib.h>

#include "tests/sim/world.h"

/* How often the queue below is said to be full. */
#define BUSY_PERMILLE 5

struct transport {
    struct world *world;
    uint32_t machine;
};

struct transport *carrier_create(struct world *world, uint32_t machine)
{
    struct transport *transport = checked_malloc(sizeof(*transport));
    *transport = (struct transport){.world = world, .machine = machine};
    return transport;
}

void carrier_destroy(struct transport *transport)
{
    free(transport);
}

static uint32_t link_to(const struct transport *transport, uint32_t peer)
{
    const struct machine *other = world_member(transport->world, peer);
    return other == NULL
               ? LINK_NONE
               : link_between(transport->world, transport->machine, other->index);
}

enum status __wrap_transport_dial(struct transport *transport, uint32_t peer,
                                  const char *endpoint,
                                  const uint8_t server_key[CURVE_KEY_SIZE]);
enum dial_trouble __wrap_transport_dial_trouble(const struct transport *transport,
                                                uint32_t peer);
void __wrap_transport_hang_up(struct transport *transport, uint32_t peer);
enum status __wrap_transport_send(struct transport *transport, uint32_t peer,
                                  uint64_t connection, struct slice frame);

enum status __wrap_transport_dial(struct transport *transport, uint32_t peer,
                                  const char *endpoint,
                                  const uint8_t server_key[CURVE_KEY_SIZE])
{
    (void)endpoint;
    (void)server_key;
    uint32_t link = link_to(transport, peer);
    if (link != LINK_NONE) {
        link_dial(transport->world, link);
    }
    return OK;
}

/* The trace tells which links are down. */
enum dial_trouble __wrap_transport_dial_trouble(const struct transport *transport,
                                                uint32_t peer)
{
    (void)transport;
    (void)peer;
    return DIAL_NO_TROUBLE;
}

void __wrap_transport_hang_up(struct transport *transport, uint32_t peer)
{
    uint32_t link = link_to(transport, peer);
    if (link != LINK_NONE) {
        link_hang_up(transport->world, link, transport->machine);
    }
}

enum status __wrap_transport_send(struct transport *transport, uint32_t peer,
                                  uint64_t connection, struct slice frame)
{
    (void)connection;
    uint32_t link = link_to(transport, peer);
    if (link == LINK_NONE) {
        return ERR_NOT_FOUND;
    }
    if (chance_permille(&transport->world->links_chance, BUSY_PERMILLE)) {
        return ERR_BUSY;
    }
    link_send(transport->world, link, transport->machine, frame);
    return OK;
}
