#include "tests/bench/relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/report.h"

#define PAIRS_MAX 16
#define PIECE_SIZE (64 * 1024)

/* A connection: [0] to whoever dialled, [1] to where it leads. */
struct pair {
    int fd[2];
};

struct relay {
    int listener;
    int wake[2]; /* a pipe that interrupts the thread's poll */
    unsigned port, to_port;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    bool stopping, cutting;
    struct relay_count count;
    /* The thread's own. */
    struct pair pairs[PAIRS_MAX];
    size_t pair_count;
    uint8_t piece[PIECE_SIZE];
};

static void lock(struct relay *relay)
{
    CHECK(pthread_mutex_lock(&relay->mutex) == 0);
}

static void unlock(struct relay *relay)
{
    CHECK(pthread_mutex_unlock(&relay->mutex) == 0);
}

/* ---- the thread ---- */

static struct sockaddr_in loopback(unsigned port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* The relay must not hold back what the daemons hand to TCP. */
static void no_delay(int fd)
{
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void take_connection(struct relay *relay)
{
    struct sockaddr_in to = loopback(relay->to_port);
    int near = accept(relay->listener, NULL, NULL);
    if (near < 0)
        return;
    int far = socket(AF_INET, SOCK_STREAM, 0);
    if (relay->pair_count == PAIRS_MAX || far < 0 ||
        connect(far, (struct sockaddr *)&to, sizeof to) != 0) {
        (void)close(near);
        if (far >= 0)
            (void)close(far);
        return;
    }
    no_delay(near);
    no_delay(far);
    relay->pairs[relay->pair_count++] = (struct pair){{near, far}};
    lock(relay);
    relay->count.connections++;
    relay->count.last_ns = steady_ns();
    unlock(relay);
}

static void drop_pair(struct relay *relay, size_t index)
{
    (void)close(relay->pairs[index].fd[0]);
    (void)close(relay->pairs[index].fd[1]);
    relay->pairs[index] = relay->pairs[--relay->pair_count];
}

static bool write_all(int fd, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t count = send(fd, bytes, size, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        bytes += count;
        size -= (size_t)count;
    }
    return true;
}

/* Passes on what waits on one side. False: the connection is over. */
static bool pass_on(struct relay *relay, const struct pair *pair, int from)
{
    ssize_t count = recv(pair->fd[from], relay->piece, PIECE_SIZE, 0);
    if (count <= 0)
        return false;
    lock(relay);
    if (from == 0)
        relay->count.bytes_up += (uint64_t)count;
    else
        relay->count.bytes_down += (uint64_t)count;
    relay->count.last_ns = steady_ns();
    unlock(relay);
    return write_all(pair->fd[1 - from], relay->piece, (size_t)count);
}

/* What other threads want. False: the end. */
static bool obey(struct relay *relay)
{
    uint8_t bytes[16];
    (void)!read(relay->wake[0], bytes, sizeof bytes);
    lock(relay);
    bool go_on = !relay->stopping;
    if (relay->cutting || relay->stopping) {
        while (relay->pair_count > 0)
            drop_pair(relay, 0);
    }
    relay->cutting = false;
    CHECK(pthread_cond_broadcast(&relay->changed) == 0);
    unlock(relay);
    return go_on;
}

static void serve_pairs(struct relay *relay, const struct pollfd *items, size_t count)
{
    for (size_t i = count; i-- > 0;) {
        bool alive = true;
        for (int side = 0; side < 2 && alive; side++) {
            if (items[2 * i + (size_t)side].revents != 0)
                alive = pass_on(relay, &relay->pairs[i], side);
        }
        if (!alive)
            drop_pair(relay, i);
    }
}

static void *relay_run(void *context)
{
    struct relay *relay = context;
    struct pollfd items[2 + 2 * PAIRS_MAX];
    bool go_on = true;
    while (go_on) {
        size_t count = relay->pair_count;
        items[0] = (struct pollfd){.fd = relay->wake[0], .events = POLLIN};
        items[1] = (struct pollfd){.fd = relay->listener, .events = POLLIN};
        for (size_t i = 0; i < 2 * count; i++)
            items[2 + i] =
                (struct pollfd){.fd = relay->pairs[i / 2].fd[i % 2], .events = POLLIN};
        if (poll(items, 2 + 2 * count, -1) < 0)
            continue;
        serve_pairs(relay, items + 2, count);
        if (items[1].revents != 0)
            take_connection(relay);
        if (items[0].revents != 0)
            go_on = obey(relay);
    }
    return NULL;
}

/* ---- its owner ---- */

struct relay *relay_start(unsigned to_port)
{
    struct relay *relay = checked_malloc(sizeof *relay);
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    memset(relay, 0, sizeof *relay);
    relay->to_port = to_port;
    relay->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (relay->listener < 0 ||
        bind(relay->listener, (struct sockaddr *)&address, size) != 0 ||
        listen(relay->listener, PAIRS_MAX) != 0 ||
        getsockname(relay->listener, (struct sockaddr *)&address, &size) != 0 ||
        pipe(relay->wake) != 0)
        give_up("cannot start a relay: %s", strerror(errno));
    relay->port = ntohs(address.sin_port);
    CHECK(pthread_mutex_init(&relay->mutex, NULL) == 0);
    CHECK(pthread_cond_init(&relay->changed, NULL) == 0);
    if (pthread_create(&relay->thread, NULL, relay_run, relay) != 0)
        give_up("cannot start a thread");
    return relay;
}

static void tell_thread(struct relay *relay)
{
    uint8_t byte = 0;
    if (write(relay->wake[1], &byte, 1) != 1)
        give_up("cannot wake the relay");
}

void relay_stop(struct relay *relay)
{
    lock(relay);
    relay->stopping = true;
    unlock(relay);
    tell_thread(relay);
    CHECK(pthread_join(relay->thread, NULL) == 0);
    (void)close(relay->listener);
    (void)close(relay->wake[0]);
    (void)close(relay->wake[1]);
    free(relay);
}

unsigned relay_port(const struct relay *relay)
{
    return relay->port;
}

void relay_cut(struct relay *relay)
{
    lock(relay);
    relay->cutting = true;
    tell_thread(relay);
    while (relay->cutting)
        CHECK(pthread_cond_wait(&relay->changed, &relay->mutex) == 0);
    unlock(relay);
}

struct relay_count relay_count(struct relay *relay)
{
    lock(relay);
    struct relay_count count = relay->count;
    unlock(relay);
    return count;
}

void relay_wait_quiet(struct relay *relay, unsigned quiet_ms, unsigned limit_ms)
{
    struct wait wait = wait_for("a quiet link", limit_ms, 5);
    while (steady_ns() - relay_count(relay).last_ns < (uint64_t)quiet_ms * 1000000)
        wait_step(&wait);
}
