#include "daemon/control/control.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/control/account.h"
#include "daemon/control/control_frame.h"
#include "daemon/control/listener.h"
#include "net/clock.h"
#include "net/transport.h"

enum {
    READ_PIECE_BYTES = 64 << 10,
    OUTPUT_PAUSE_BYTES = 64 << 10, /* a client with more than this unread gets no more */
    SPARE_BYTES = 64 << 10,        /* memory a quiet client may keep */
    ACCEPTS_PER_ROUND = 16,
    SLOT_LISTENER = -1,
};

struct client {
    int fd; /* -1: the slot is free */
    uint32_t generation;
    uint32_t uid;
    struct buffer in;
    size_t in_taken; /* bytes of `in` that were handed out */
    struct buffer out;
    size_t out_sent;
    unsigned under_way;
    bool held;
    bool readable; /* the kernel has, or may have, bytes for us */
    bool blocked;  /* the kernel takes no more of ours now */
    bool ended;    /* it will send no more */
    bool doomed;   /* sent what is no request: `doom` is its last answer */
    enum status doom;
    bool closing; /* one last try to send, then gone */
    /* When it connected, completed a request or took an answer; a partial frame does not
     * count. */
    uint64_t heard_ms;
};

struct control {
    struct listener listener;
    struct accounts accounts;
    struct client clients[CONTROL_CLIENTS_MAX];
    size_t client_count;
    size_t cursor; /* the client whose turn it is */
    uint64_t now_ms;
    size_t input_bytes, output_bytes;
    int slots[CONTROL_DESCRIPTORS_MAX]; /* what each listed descriptor belongs to */
    struct control_statistics statistics;
    uint8_t piece[READ_PIECE_BYTES];
};

/* ---- clients ---- */

static uint64_t token_of(const struct control *control, const struct client *client)
{
    return (uint64_t)client->generation << 16 | (uint64_t)(client - control->clients);
}

static struct client *client_of(struct control *control, uint64_t token)
{
    size_t index = token & 0xffff;
    if (index >= CONTROL_CLIENTS_MAX)
        return NULL;
    struct client *client = &control->clients[index];
    bool same = client->fd >= 0 && client->generation == (uint32_t)(token >> 16);
    return same ? client : NULL;
}

static size_t client_unread(const struct client *client)
{
    return client->in.size - client->in_taken;
}

static size_t client_unsent(const struct client *client)
{
    return client->out.size - client->out_sent;
}

static void client_close(struct control *control, struct client *client)
{
    (void)close(client->fd);
    client->fd = -1;
    client->generation++;
    control->input_bytes -= client->in.size;
    control->output_bytes -= client->out.size;
    buffer_deinit(&client->in);
    buffer_deinit(&client->out);
    control->client_count--;
}

static void client_start(struct control *control, struct client *client, int fd,
                         uint32_t uid)
{
    uint32_t generation = client->generation;
    *client = (struct client){
        .fd = fd, .generation = generation, .uid = uid, .heard_ms = control->now_ms};
    /* A new client has usually asked already; one read finds out. */
    client->readable = true;
    buffer_init(&client->in, CONTROL_LENGTH_SIZE + (size_t)CONTROL_REQUEST_SIZE_MAX);
    buffer_init(&client->out, 2 * (size_t)CONTROL_REPLY_SIZE_MAX);
    control->client_count++;
}

enum status control_open(struct control **out, const char *path, const char *group)
{
    *out = NULL;
    struct control *control = checked_malloc(sizeof *control);
    memset(control, 0, sizeof *control);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        control->clients[i].fd = -1;
    control->now_ms = clock_steady_ms();
    enum status status = listener_open(&control->listener, path, group);
    if (status != OK) {
        free(control);
        return status;
    }
    *out = control;
    return OK;
}

static void client_send(struct control *control, struct client *client);

void control_close(struct control *control)
{
    if (control == NULL)
        return;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct client *client = &control->clients[i];
        if (client->fd >= 0 && client_unsent(client) > 0)
            client_send(control, client);
        if (client->fd >= 0)
            client_close(control, client);
    }
    listener_close(&control->listener);
    free(control);
}

/* ---- replies ---- */

static void client_reply(struct control *control, struct client *client,
                         enum status status, struct slice subject,
                         struct slice incomplete, struct slice data)
{
    const struct slice nothing = {0};
    size_t before = client->out.size;
    bool small = data.size <= OUTPUT_PAUSE_BYTES;
    /* Clients that ask for much and take nothing must not eat the daemon's memory. */
    if (!small && (data.size > CONTROL_REPLY_SIZE_MAX - OUTPUT_PAUSE_BYTES ||
                   control->output_bytes > CONTROL_OUTPUT_BYTES_MAX)) {
        control->statistics.refused++;
        control_frame_reply(&client->out, ERR_BUSY, nothing, nothing, nothing);
    } else {
        control_frame_reply(&client->out, status, subject, incomplete, data);
    }
    control->output_bytes += client->out.size - before;
}

void control_reply(struct control *control, uint64_t token, enum status status,
                   struct slice subject, struct slice incomplete, struct slice data)
{
    struct client *client = client_of(control, token);
    if (client == NULL)
        return;
    CHECK(client->under_way > 0);
    client->under_way--;
    client->held = false;
    client_reply(control, client, status, subject, incomplete, data);
}

/* What is no request is answered after those before it, and the client is let go: after
 * such bytes nobody knows where the next frame begins. */
static void client_doom(struct client *client, enum status status)
{
    client->doomed = true;
    client->doom = status;
}

static void client_out_spent(struct control *control, struct client *client)
{
    control->output_bytes -= client->out.size;
    client->out_sent = 0;
    if (client->out.capacity > SPARE_BYTES) {
        size_t limit = client->out.limit;
        buffer_deinit(&client->out);
        buffer_init(&client->out, limit);
    }
    buffer_clear(&client->out);
}

static void client_send(struct control *control, struct client *client)
{
    while (client_unsent(client) > 0) {
        ssize_t count = send(client->fd, client->out.data + client->out_sent,
                             client_unsent(client), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count > 0) {
            client->out_sent += (size_t)count;
            client->heard_ms = control->now_ms;
            continue;
        }
        if (count < 0 && errno == EINTR)
            continue;
        client->blocked = count < 0 && errno == EAGAIN;
        if (!client->blocked)
            client_close(control, client);
        return;
    }
    client_out_spent(control, client);
}

/* ---- waiting ---- */

static bool client_has_frame(const struct client *client)
{
    struct slice rest =
        slice_of(client->in.data + client->in_taken, client_unread(client));
    uint32_t size = 0;
    return client->in.size > 0 && slice_take_u32(&rest, &size) && size <= rest.size;
}

static bool client_may_ask(const struct client *client)
{
    return !client->held && !client->doomed &&
           client->under_way < CONTROL_UNDER_WAY_MAX &&
           client_unsent(client) <= OUTPUT_PAUSE_BYTES;
}

/* Sends what waits; closes whoever is through. False: the client is gone. */
static bool client_settle(struct control *control, struct client *client)
{
    const struct slice nothing = {0};
    if (client->doomed && client->under_way == 0) {
        client_reply(control, client, client->doom, nothing, nothing, nothing);
        client->closing = true;
    }
    if (client_unsent(client) > 0 && !client->blocked)
        client_send(control, client);
    if (client->fd < 0)
        return false;
    bool through = client->ended && client->under_way == 0 &&
                   client_unsent(client) == 0 && !client_has_frame(client);
    if (client->closing || through) {
        client_close(control, client);
        return false;
    }
    return true;
}

static short client_wants(const struct client *client)
{
    short wanted = client->blocked ? POLLOUT : 0;
    /* A client that may not ask now is not read from: its bytes stay in the kernel, which
     * makes the sender wait. */
    if (!client->ended && !client->readable && client_may_ask(client) &&
        !client_has_frame(client))
        wanted |= POLLIN;
    return wanted;
}

size_t control_descriptors(struct control *control, struct transport_descriptor *out,
                           size_t capacity)
{
    CHECK(capacity >= CONTROL_DESCRIPTORS_MAX);
    out[0] = (struct transport_descriptor){.descriptor = control->listener.fd,
                                           .wanted = POLLIN};
    control->slots[0] = SLOT_LISTENER;
    size_t count = 1;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct client *client = &control->clients[i];
        if (client->fd < 0 || !client_settle(control, client))
            continue;
        short wanted = client_wants(client);
        /* A descriptor that is polled for no event still reports a hang-up each time.
         */
        if (wanted == 0)
            continue;
        control->slots[count] = (int)i;
        out[count++] =
            (struct transport_descriptor){.descriptor = client->fd, .wanted = wanted};
    }
    return count;
}

static void control_accept(struct control *control);

void control_ready(struct control *control, const struct transport_descriptor *in,
                   size_t count)
{
    control->now_ms = clock_steady_ms();
    for (size_t i = 0; i < count; i++) {
        if (in[i].ready == 0)
            continue;
        if (control->slots[i] == SLOT_LISTENER) {
            control_accept(control);
            continue;
        }
        struct client *client = &control->clients[control->slots[i]];
        if (client->fd != in[i].descriptor)
            continue;
        if (in[i].ready & (POLLOUT | POLLERR | POLLHUP))
            client->blocked = false;
        if (in[i].ready & (POLLIN | POLLERR | POLLHUP))
            client->readable = true;
    }
}

/* ---- accepting ---- */

static struct client *client_make_room(struct control *control);

/* A place for one more client, or NULL. */
static struct client *client_place(struct control *control)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (control->clients[i].fd < 0)
            return &control->clients[i];
    }
    return client_make_room(control);
}

/* Half a frame must not hold a place for ever, however it trickles in: of those who have
 * asked nothing for too long and wait for nothing, the longest goes. */
static struct client *client_make_room(struct control *control)
{
    struct client *quietest = NULL;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct client *client = &control->clients[i];
        if (client->under_way > 0)
            continue;
        if (quietest == NULL || client->heard_ms < quietest->heard_ms)
            quietest = client;
    }
    if (quietest == NULL || control->now_ms - quietest->heard_ms < CONTROL_IDLE_MS_MAX)
        return NULL;
    control->statistics.refused++;
    client_close(control, quietest);
    return quietest;
}

/* The answer fits any socket's buffer, so it is not waited for. */
static void turn_away(struct control *control, int fd)
{
    const struct slice nothing = {0};
    struct buffer out;
    buffer_init(&out, SPARE_BYTES);
    control_frame_reply(&out, ERR_BUSY, nothing, nothing, nothing);
    (void)send(fd, out.data, out.size, MSG_NOSIGNAL | MSG_DONTWAIT);
    buffer_deinit(&out);
    (void)close(fd);
    control->statistics.refused++;
}

static void control_accept(struct control *control)
{
    for (int i = 0; i < ACCEPTS_PER_ROUND; i++) {
        int fd;
        uint32_t uid;
        enum listener_outcome outcome = listener_accept(&control->listener, &fd, &uid);
        if (outcome == LISTENER_NOTHING)
            return;
        struct client *client = outcome == LISTENER_CLIENT ? client_place(control) : NULL;
        if (client != NULL)
            client_start(control, client, fd, uid);
        else
            turn_away(control, fd);
        if (outcome == LISTENER_EXHAUSTED)
            listener_recover(&control->listener);
    }
}

/* ---- requests ---- */

/* Moves what is left of `in` to its front. */
static void client_compact(struct control *control, struct client *client)
{
    size_t left = client_unread(client);
    if (client->in_taken == 0)
        return;
    control->input_bytes -= client->in_taken;
    client->in_taken = 0;
    if (left == 0 && client->in.capacity > SPARE_BYTES) {
        size_t limit = client->in.limit;
        buffer_deinit(&client->in);
        buffer_init(&client->in, limit);
        return;
    }
    if (left > 0)
        memmove(client->in.data, client->in.data + client->in.size - left, left);
    client->in.size = left;
}

/* One read; a short one says that the kernel has no more for now. */
static void client_read(struct control *control, struct client *client)
{
    ssize_t count = recv(client->fd, control->piece, sizeof control->piece, MSG_DONTWAIT);
    client->readable =
        count == (ssize_t)sizeof control->piece || (count < 0 && errno == EINTR);
    if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN))
        client->ended = true;
    if (count <= 0)
        return;
    client_compact(control, client);
    size_t size = (size_t)count;
    if (size > client->in.limit - client->in.size ||
        control->input_bytes + size > CONTROL_INPUT_BYTES_MAX) {
        control->statistics.refused++;
        client_doom(client, ERR_BUSY);
        return;
    }
    buffer_put(&client->in, control->piece, size);
    control->input_bytes += size;
}

/* The frame at the front of what was read. False: not all of it is there, or it is none.
 */
static bool client_take_frame(struct control *control, struct client *client,
                              struct slice *frame)
{
    if (client->in.size == 0)
        return false;
    struct slice rest =
        slice_of(client->in.data + client->in_taken, client_unread(client));
    uint32_t size;
    if (!slice_take_u32(&rest, &size))
        return false;
    if (size == 0 || size > CONTROL_REQUEST_SIZE_MAX) {
        control->statistics.malformed++;
        client_doom(client, size == 0 ? ERR_MALFORMED : ERR_LIMIT);
        return false;
    }
    if (!slice_borrow(&rest, size, frame))
        return false;
    client->in_taken += CONTROL_LENGTH_SIZE + (size_t)size;
    return true;
}

static bool client_receive(struct control *control, struct client *client,
                           struct control_request *request)
{
    struct slice frame;
    if (client->fd < 0 || !client_may_ask(client))
        return false;
    if (!client_has_frame(client) && client->readable)
        client_read(control, client);
    if (client->doomed || !client_take_frame(control, client, &frame))
        return false;
    enum status status = control_frame_request(frame, request);
    if (status != OK) {
        control->statistics.malformed++;
        client_doom(client, status);
        return false;
    }
    request->token = token_of(control, client);
    request->uid = client->uid;
    request->account = accounts_name(&control->accounts, client->uid);
    client->under_way++;
    client->heard_ms = control->now_ms;
    return true;
}

bool control_receive(struct control *control, struct control_request *request)
{
    for (size_t tried = 0; tried < CONTROL_CLIENTS_MAX; tried++) {
        struct client *client = &control->clients[control->cursor];
        control->cursor = (control->cursor + 1) % CONTROL_CLIENTS_MAX;
        if (client_receive(control, client, request))
            return true;
    }
    return false;
}

bool control_waiting(const struct control *control)
{
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        const struct client *client = &control->clients[i];
        if (client->fd >= 0 && client_may_ask(client) &&
            (client->readable || client_has_frame(client)))
            return true;
    }
    return false;
}

unsigned control_under_way(const struct control *control, uint64_t token)
{
    size_t index = token & 0xffff;
    const struct client *client = &control->clients[index % CONTROL_CLIENTS_MAX];
    bool same = client->fd >= 0 && client->generation == (uint32_t)(token >> 16);
    return same ? client->under_way : 0;
}

void control_hold(struct control *control, uint64_t token)
{
    struct client *client = client_of(control, token);
    if (client != NULL)
        client->held = true;
}

struct control_statistics control_statistics(const struct control *control)
{
    return control->statistics;
}
