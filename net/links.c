#include "net/links.h"

#include <stdlib.h>
#include <string.h>

/* More than any process may have open (fs.nr_open's default), so that a strange number
 * from below cannot make us allocate. */
#define DESCRIPTOR_LIMIT (1024 * 1024)

void links_init(struct links *links)
{
    *links = (struct links){.order_next = 1};
}

void links_deinit(struct links *links)
{
    free(links->items);
    free(links->peers);
    free(links->descriptors_open);
    links_init(links);
}

/* ---- connections ---- */

struct link *links_find(const struct links *links, bool dialled, uint64_t id)
{
    for (size_t i = 0; i < links->count; i++) {
        struct link *link = &links->items[i];
        if (link->id == id && link->dialled == dialled)
            return link;
    }
    return NULL;
}

uint64_t links_connection(const struct link *link)
{
    return (link->id + 1) << 1 | (link->dialled ? 1 : 0);
}

struct link *links_to(const struct links *links, uint32_t peer, uint64_t connection)
{
    struct link *newest = NULL;
    for (size_t i = 0; i < links->count; i++) {
        struct link *link = &links->items[i];
        if (link->peer != peer || link->closed || link->cut ||
            (connection != 0 && links_connection(link) != connection))
            continue;
        if (newest == NULL || link->order > newest->order)
            newest = link;
    }
    return newest;
}

struct link *links_surplus(const struct links *links, uint32_t peer)
{
    struct link *oldest = NULL;
    size_t accepted = 0;
    for (size_t i = 0; i < links->count; i++) {
        struct link *link = &links->items[i];
        if (link->peer != peer || link->dialled || link->cut)
            continue;
        accepted++;
        if (oldest == NULL || link->order < oldest->order)
            oldest = link;
    }
    return accepted > ACCEPTED_PER_PEER_MAX ? oldest : NULL;
}

bool links_any_closed(const struct links *links)
{
    for (size_t i = 0; i < links->count; i++) {
        if (links->items[i].closed)
            return true;
    }
    return false;
}

/* ---- peers and notices ---- */

static bool links_peer_is_linked(const struct links *links, uint32_t peer)
{
    for (size_t i = 0; i < links->count; i++) {
        if (links->items[i].peer == peer && !links->items[i].cut)
            return true;
    }
    return false;
}

static struct linked_peer *links_peer(struct links *links, uint32_t number)
{
    for (size_t i = 0; i < links->peer_count; i++) {
        if (links->peers[i].number == number)
            return &links->peers[i];
    }
    links->peers = array_grow(links->peers, &links->peer_capacity, links->peer_count + 1,
                              sizeof *links->peers);
    struct linked_peer *peer = &links->peers[links->peer_count++];
    *peer = (struct linked_peer){.number = number};
    return peer;
}

/* After any change to a connection of `number`. */
static void links_settle(struct links *links, uint32_t number)
{
    struct linked_peer *peer = links_peer(links, number);
    bool linked = links_peer_is_linked(links, number);
    if (!linked && peer->reported_up)
        peer->down_owed = true;
    if (peer->down_owed || linked != peer->reported_up)
        links->notice_owed = true;
    else if (!linked)
        *peer = links->peers[--links->peer_count];
}

bool links_next_notice(struct links *links, uint32_t *number, bool *up)
{
    if (!links->notice_owed)
        return false;
    for (size_t i = 0; i < links->peer_count; i++) {
        struct linked_peer *peer = &links->peers[i];
        bool linked = links_peer_is_linked(links, peer->number);
        if (!peer->down_owed && linked == peer->reported_up)
            continue;
        *number = peer->number;
        *up = !peer->down_owed;
        peer->reported_up = *up;
        peer->down_owed = false;
        if (!linked)
            *peer = links->peers[--links->peer_count];
        return true;
    }
    links->notice_owed = false;
    return false;
}

/* ---- adding and removing ---- */

static struct link *links_append(struct links *links, struct link link)
{
    links->items = array_grow(links->items, &links->capacity, links->count + 1,
                              sizeof *links->items);
    link.order = links->order_next++;
    links->items[links->count++] = link;
    links_settle(links, link.peer);
    return &links->items[links->count - 1];
}

struct link *links_add_dialled(struct links *links, uint64_t id, uint32_t peer)
{
    CHECK(links_find(links, true, id) == NULL);
    return links_append(links, (struct link){.dialled = true,
                                             .id = id,
                                             .peer = peer,
                                             .descriptor = DESCRIPTOR_NONE});
}

static void links_close_descriptor(struct links *links, int descriptor)
{
    for (size_t i = 0; i < links->count; i++) {
        if (!links->items[i].dialled && links->items[i].descriptor == descriptor)
            links->items[i].closed = true;
    }
}

struct link *links_add_accepted(struct links *links, uint64_t id, uint32_t peer,
                                int descriptor)
{
    struct link *former = links_find(links, false, id);
    if (former != NULL)
        links_remove(links, former);
    links_close_descriptor(links, descriptor);
    return links_append(
        links, (struct link){.id = id,
                             .peer = peer,
                             .descriptor = descriptor,
                             .closed = !links_descriptor_is_open(links, descriptor)});
}

void links_cut(struct links *links, struct link *link)
{
    link->cut = true;
    /* Of a closed descriptor no further end will be reported. */
    if (!link->dialled && !links_descriptor_is_open(links, link->descriptor))
        link->closed = true;
    links_settle(links, link->peer);
}

void links_remove(struct links *links, struct link *link)
{
    uint32_t peer = link->peer;
    *link = links->items[--links->count];
    links_settle(links, peer);
}

/* ---- descriptors ---- */

static bool links_descriptor_fits(int descriptor)
{
    return descriptor >= 0 && descriptor < DESCRIPTOR_LIMIT;
}

static void links_descriptors_grow(struct links *links, size_t size)
{
    if (size <= links->descriptors_size)
        return;
    links->descriptors_open = checked_realloc(links->descriptors_open, size);
    memset(links->descriptors_open + links->descriptors_size, 0,
           size - links->descriptors_size);
    links->descriptors_size = size;
}

void links_descriptor_opened(struct links *links, int descriptor)
{
    if (!links_descriptor_fits(descriptor))
        return;
    links_close_descriptor(links, descriptor);
    links_descriptors_grow(links, (size_t)descriptor / 8 + 1);
    links->descriptors_open[descriptor / 8] |= (uint8_t)(1U << (descriptor % 8));
}

void links_descriptor_closed(struct links *links, int descriptor)
{
    if (!links_descriptor_is_open(links, descriptor))
        return;
    links_close_descriptor(links, descriptor);
    links->descriptors_open[descriptor / 8] &= (uint8_t) ~(1U << (descriptor % 8));
}

bool links_descriptor_is_open(const struct links *links, int descriptor)
{
    if (!links_descriptor_fits(descriptor) ||
        (size_t)descriptor / 8 >= links->descriptors_size)
        return false;
    return (links->descriptors_open[descriptor / 8] >> (descriptor % 8) & 1) != 0;
}
