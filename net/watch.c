#include "net/watch.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

void watches_deinit(struct watches *watches)
{
    free(watches->items);
    *watches = (struct watches){0};
}

static struct watched *watches_find(const struct watches *watches, int descriptor)
{
    for (size_t i = 0; i < watches->count; i++) {
        if (watches->items[i].descriptor == descriptor)
            return &watches->items[i];
    }
    return NULL;
}

void watches_add(struct watches *watches, int descriptor)
{
    watches_remove(watches, descriptor);
    watches->items = array_grow(watches->items, &watches->capacity, watches->count + 1,
                                sizeof *watches->items);
    watches->items[watches->count++] =
        (struct watched){.descriptor = descriptor, .quiet = true};
}

void watches_remove(struct watches *watches, int descriptor)
{
    struct watched *watched = watches_find(watches, descriptor);
    if (watched == NULL)
        return;
    watches->active -= !watched->quiet;
    *watched = watches->items[--watches->count];
}

void watches_delivered(struct watches *watches, int descriptor)
{
    struct watched *watched = watches_find(watches, descriptor);
    if (watched != NULL)
        watched->delivered = true;
}

void watches_wake(struct watches *watches, int descriptor, uint64_t now_ms)
{
    struct watched *watched = watches_find(watches, descriptor);
    if (watched == NULL || !watched->quiet)
        return;
    if (watches->active++ == 0)
        watches->due_ms = now_ms + WATCH_MS;
    watched->quiet = false;
}

/* The bytes that arrived, less those that wait in the system's buffer. False: there is no
 * connection any more, or the system does not say. */
static bool bytes_taken(int descriptor, uint64_t *taken)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof(info);
    int waiting = 0;
    if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
        size < offsetof(struct tcp_info, tcpi_bytes_received) +
                   sizeof(info.tcpi_bytes_received) ||
        ioctl(descriptor, FIONREAD, &waiting) != 0)
        return false;
    *taken = info.tcpi_bytes_received;
    *taken -= (uint64_t)waiting < *taken ? (uint64_t)waiting : *taken;
    return true;
}

static void watched_look(struct watches *watches, struct watched *watched, uint64_t taken)
{
    if (taken == watched->taken) {
        watched->quiet = true;
        watches->active--;
    }
    watched->taken = taken;
    if (watched->delivered)
        watched->base = taken;
    watched->delivered = false;
}

bool watches_look(struct watches *watches, uint64_t now_ms, int *descriptor)
{
    int largest = -1;
    uint64_t largest_bytes = 0, all_bytes = 0;
    if (watches->active == 0 || now_ms < watches->due_ms)
        return false;
    for (size_t i = watches->count; i-- > 0;) {
        struct watched *watched = &watches->items[i];
        uint64_t taken = watched->taken;
        if (!watched->quiet && !bytes_taken(watched->descriptor, &taken)) {
            watches_remove(watches, watched->descriptor); /* it has ended */
            continue;
        }
        if (!watched->quiet)
            watched_look(watches, watched, taken);
        uint64_t bytes = watched->taken - watched->base;
        all_bytes += bytes;
        if (largest < 0 || bytes > largest_bytes) {
            largest = watched->descriptor;
            largest_bytes = bytes;
        }
    }
    if (largest_bytes > WATCH_BYTES_MAX || all_bytes > WATCH_ALL_BYTES_MAX) {
        *descriptor = largest;
        watches_remove(watches, *descriptor);
        return true;
    }
    watches->due_ms = now_ms + WATCH_MS;
    return false;
}

bool breath_is_lost(struct breath *breath, int descriptor, uint64_t now_ms)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof(info);
    if (now_ms < breath->due_ms)
        return false;
    breath->due_ms = now_ms + BREATH_MS;
    bool told =
        getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
        size >= offsetof(struct tcp_info, tcpi_segs_in) + sizeof(info.tcpi_segs_in);
    /* What the system finds no way for is not under way; it waits to be sent. */
    if (!told || (info.tcpi_unacked == 0 && info.tcpi_notsent_bytes == 0) ||
        info.tcpi_segs_in != breath->segments)
        breath->moved_ms = now_ms;
    breath->segments = info.tcpi_segs_in;
    return now_ms - breath->moved_ms >= BREATHLESS_MS_MAX;
}

uint64_t watches_due_ms(const struct watches *watches)
{
    return watches->active > 0 ? watches->due_ms : UINT64_MAX;
}
