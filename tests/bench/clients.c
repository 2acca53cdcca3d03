#include "tests/bench/clients.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "crdt/codec.h"
#include "daemon/control/control.h"
#include "daemon/control/control_frame.h"
#include "tests/bench/report.h"

#define ANSWER_SIZE_MAX 4096
#define ANSWER_MS_MAX 30000
#define READY_MAX 64

struct asker {
    int fd;
    uint64_t asked_ns;
    size_t have; /* bytes of the answer */
    uint8_t answer[ANSWER_SIZE_MAX];
};

struct clients {
    int epoll;
    size_t count, waiting;
    struct asker *askers;
    struct buffer args, request;
};

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        give_up("cannot connect to %s: %s", path, strerror(errno));
    return fd;
}

struct clients *clients_open(const char *socket, size_t count)
{
    struct clients *clients = checked_malloc(sizeof *clients);
    *clients = (struct clients){.epoll = epoll_create1(EPOLL_CLOEXEC), .count = count};
    clients->askers = checked_malloc(count * sizeof *clients->askers);
    memset(clients->askers, 0, count * sizeof *clients->askers);
    buffer_init(&clients->args, ANSWER_SIZE_MAX);
    buffer_init(&clients->request, ANSWER_SIZE_MAX);
    for (size_t i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = i};
        clients->askers[i].fd = connect_to(socket);
        if (epoll_ctl(clients->epoll, EPOLL_CTL_ADD, clients->askers[i].fd, &event) != 0)
            give_up("epoll: %s", strerror(errno));
    }
    return clients;
}

void clients_close(struct clients *clients)
{
    for (size_t i = 0; i < clients->count; i++)
        (void)close(clients->askers[i].fd);
    (void)close(clients->epoll);
    buffer_deinit(&clients->request);
    buffer_deinit(&clients->args);
    free(clients->askers);
    free(clients);
}

static void encode_request(struct clients *clients, const char *command)
{
    uint8_t length[CONTROL_LENGTH_SIZE] = {0};
    struct buffer *out = &clients->request;
    buffer_clear(out);
    buffer_put(out, length, sizeof length);
    codec_put_map(out, 3);
    codec_put_cstring(out, "v");
    codec_put_uint(out, CONTROL_PROTOCOL);
    codec_put_cstring(out, "command");
    codec_put_cstring(out, command);
    codec_put_cstring(out, "args");
    codec_put_raw(out, buffer_slice(&clients->args));
    CHECK(!out->overflow);
    size_t size = out->size - CONTROL_LENGTH_SIZE;
    for (size_t i = 0; i < CONTROL_LENGTH_SIZE; i++)
        out->data[i] = (uint8_t)(size >> (8 * i));
}

/* A request is far smaller than a socket's buffer, which is empty: it goes out whole. */
static void ask(struct clients *clients, struct asker *asker,
                const struct clients_work *work)
{
    buffer_clear(&clients->args);
    const char *command = work->next(work->context, &clients->args);
    if (command == NULL)
        return;
    encode_request(clients, command);
    asker->have = 0;
    asker->asked_ns = steady_ns();
    ssize_t sent =
        send(asker->fd, clients->request.data, clients->request.size, MSG_NOSIGNAL);
    if (sent != (ssize_t)clients->request.size)
        give_up("cannot ask: %s", strerror(errno));
    clients->waiting++;
}

/* The answer's data once it is there whole. */
static bool receive(struct asker *asker, struct slice *data)
{
    ssize_t count =
        recv(asker->fd, asker->answer + asker->have, ANSWER_SIZE_MAX - asker->have, 0);
    if (count <= 0)
        give_up("the daemon hung up");
    asker->have += (size_t)count;
    struct slice in = slice_of(asker->answer, asker->have);
    struct slice value;
    uint32_t size;
    uint64_t status;
    if (!slice_take_u32(&in, &size) || in.size < size)
        return false;
    struct slice reply = in;
    if (!codec_map_find(reply, "status", &value) || !codec_take_uint(&value, &status) ||
        !codec_map_find(reply, "data", data))
        give_up("an answer that is none");
    if (status != OK)
        give_up("a request was refused: LL-E%llu", (unsigned long long)status);
    return true;
}

static void serve(struct clients *clients, struct asker *asker,
                  const struct clients_work *work)
{
    struct slice data;
    if (!receive(asker, &data))
        return;
    clients->waiting--;
    work->done(work->context, data, steady_ns() - asker->asked_ns);
    ask(clients, asker, work);
}

void clients_run(struct clients *clients, const struct clients_work *work)
{
    struct epoll_event ready[READY_MAX];
    for (size_t i = 0; i < clients->count; i++)
        ask(clients, &clients->askers[i], work);
    while (clients->waiting > 0) {
        int count = epoll_wait(clients->epoll, ready, READY_MAX, ANSWER_MS_MAX);
        if (count == 0)
            give_up("waited too long for an answer");
        for (int i = 0; i < count; i++)
            serve(clients, &clients->askers[ready[i].data.u64], work);
    }
}
