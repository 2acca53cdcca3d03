#include "tools/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "crdt/codec.h"
#include "daemon/api/protocol.h"

#define RECEIVE_PIECE (64 * 1024)
#define CONNECT_AGAIN_MS 20 /* between tries while the daemon's backlog is full */

struct client {
    int fd;
    int reply_ms;
    bool sent;
    struct buffer in; /* the bytes of the reply being read, with its length */
    uint8_t piece[RECEIVE_PIECE];
};

static int64_t steady_ms(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* False at the deadline. Errors show in the call that follows. */
static bool wait_for(int fd, short events, int64_t deadline_ms)
{
    for (;;) {
        int64_t left_ms = deadline_ms - steady_ms();
        struct pollfd item = {.fd = fd, .events = events};
        int count = poll(&item, 1, left_ms > 0 ? (int)left_ms : 0);
        if (count > 0)
            return true;
        if (count == 0 || errno != EINTR)
            return false;
    }
}

static bool address_of(const char *path, struct sockaddr_un *address)
{
    size_t size = strlen(path);
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (size == 0 || size >= sizeof address->sun_path) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(address->sun_path, path, size + 1);
    return true;
}

/* A plain file refuses connections as a dead daemon's socket does. */
static bool is_other_file(const char *path)
{
    struct stat file;
    return stat(path, &file) == 0 && !S_ISSOCK(file.st_mode);
}

static enum status connect_status(int error)
{
    bool absent = error == ENOENT || error == ECONNREFUSED || error == EAGAIN ||
                  error == ENOTDIR || error == ETIMEDOUT;
    return absent ? ERR_NO_DAEMON : ERR_FILE;
}

/* A Unix socket connects at once, or says EAGAIN while the backlog is full. */
static int connect_until(int fd, const struct sockaddr_un *address, int64_t deadline_ms)
{
    for (;;) {
        if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0)
            return 0;
        bool again = errno == EAGAIN || errno == EINTR;
        if (!again || steady_ms() >= deadline_ms)
            return errno;
        (void)poll(NULL, 0, CONNECT_AGAIN_MS);
    }
}

static int socket_open(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd >= 0) {
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    }
    return fd;
}

enum status client_open(struct client **client, const struct client_options *options)
{
    struct sockaddr_un address;
    *client = NULL;
    if (!address_of(options->path, &address))
        return ERR_FILE;
    int fd = socket_open();
    if (fd < 0)
        return ERR_FILE;
    int connect_ms = options->connect_ms > 0 ? options->connect_ms : CLIENT_CONNECT_MS;
    int error = connect_until(fd, &address, steady_ms() + connect_ms);
    if (error != 0) {
        (void)close(fd);
        errno = is_other_file(options->path) ? ENOTSOCK : error;
        return connect_status(errno);
    }
    *client = checked_malloc(sizeof **client);
    (*client)->fd = fd;
    (*client)->sent = false;
    (*client)->reply_ms = options->reply_ms > 0 ? options->reply_ms : CLIENT_REPLY_MS;
    buffer_init(&(*client)->in, CONTROL_LENGTH_SIZE + (size_t)CONTROL_REPLY_SIZE_MAX);
    return OK;
}

void client_close(struct client *client)
{
    if (client == NULL)
        return;
    (void)close(client->fd);
    buffer_deinit(&client->in);
    free(client);
}

bool client_was_sent(const struct client *client)
{
    return client->sent;
}

/* After a call that failed: whether it is worth doing again, once it has waited. */
static bool may_retry(const struct client *client, short events, int64_t deadline_ms)
{
    if (errno == EINTR)
        return true;
    return errno == EAGAIN && wait_for(client->fd, events, deadline_ms);
}

static enum status send_all(struct client *client, struct slice bytes,
                            int64_t deadline_ms)
{
    while (bytes.size > 0) {
        ssize_t count = send(client->fd, bytes.data, bytes.size, MSG_NOSIGNAL);
        if (count > 0)
            bytes = slice_of(bytes.data + count, bytes.size - (size_t)count);
        else if (count == 0 || !may_retry(client, POLLOUT, deadline_ms))
            return ERR_NO_DAEMON;
    }
    client->sent = true;
    return OK;
}

/* Reads until `size` bytes of the frame are there. Memory grows with what really came,
 * not with what a length claims. */
static enum status receive_until(struct client *client, size_t size, int64_t deadline_ms)
{
    uint8_t *piece = client->piece;
    while (client->in.size < size) {
        size_t wanted = size - client->in.size;
        if (wanted > sizeof client->piece)
            wanted = sizeof client->piece;
        ssize_t count = recv(client->fd, piece, wanted, 0);
        if (count > 0)
            buffer_put(&client->in, piece, (size_t)count);
        else if (count == 0 || !may_retry(client, POLLIN, deadline_ms))
            return ERR_NO_DAEMON;
    }
    return OK;
}

static enum status receive_frame(struct client *client, struct slice *frame)
{
    int64_t deadline_ms = steady_ms() + client->reply_ms;
    uint32_t size = 0;
    buffer_clear(&client->in);
    enum status status = receive_until(client, CONTROL_LENGTH_SIZE, deadline_ms);
    if (status != OK)
        return status;
    struct slice head = buffer_slice(&client->in);
    if (!slice_take_u32(&head, &size) || size > CONTROL_REPLY_SIZE_MAX)
        return ERR_MALFORMED;
    status = receive_until(client, CONTROL_LENGTH_SIZE + (size_t)size, deadline_ms);
    if (status == OK)
        *frame = slice_of(client->in.data + CONTROL_LENGTH_SIZE, size);
    return status;
}

static bool text_or_nil(struct slice map, const char *key, struct slice *text)
{
    struct slice value;
    *text = (struct slice){0};
    return codec_map_find(map, key, &value) &&
           (codec_take_nil(&value) || codec_take_text(&value, text));
}

static enum status read_reply(struct slice frame, struct client_reply *reply)
{
    struct slice value;
    uint64_t version;
    if (!codec_check(frame) || codec_peek(frame) != CODEC_MAP ||
        !codec_map_find(frame, "v", &value) || !codec_take_uint(&value, &version))
        return ERR_MALFORMED;
    if (version != CONTROL_PROTOCOL)
        return ERR_VERSION;
    if (!codec_map_find(frame, "status", &value) ||
        !codec_take_uint(&value, &reply->status) ||
        !text_or_nil(frame, "subject", &reply->subject) ||
        !codec_map_find(frame, "incomplete", &value) ||
        !incomplete_take(&value, &reply->incomplete) ||
        !codec_map_find(frame, "data", &reply->data) ||
        codec_peek(reply->data) != CODEC_MAP)
        return ERR_MALFORMED;
    return OK;
}

static void encode_request(const char *command, struct slice args, struct buffer *out)
{
    codec_put_map(out, 3);
    codec_put_cstring(out, "v");
    codec_put_uint(out, CONTROL_PROTOCOL);
    codec_put_cstring(out, "command");
    codec_put_cstring(out, command);
    codec_put_cstring(out, "args");
    codec_put_raw(out, args);
}

enum status client_send(struct client *client, const char *command, struct slice args)
{
    struct buffer request;
    uint8_t head[CONTROL_LENGTH_SIZE];
    client->sent = false;
    buffer_init(&request, CONTROL_REQUEST_SIZE_MAX);
    encode_request(command, args, &request);
    enum status status = request.overflow ? ERR_LIMIT : OK;
    int64_t deadline_ms = steady_ms() + client->reply_ms;
    put_le32(head, (uint32_t)request.size);
    if (status == OK)
        status = send_all(client, slice_of(head, sizeof head), deadline_ms);
    client->sent = false; /* a length alone asks for nothing */
    if (status == OK)
        status = send_all(client, buffer_slice(&request), deadline_ms);
    buffer_deinit(&request);
    return status;
}

enum status client_receive(struct client *client, struct client_reply *reply)
{
    struct slice frame;
    enum status status = receive_frame(client, &frame);
    return status == OK ? read_reply(frame, reply) : status;
}

enum status client_ask(struct client *client, const char *command, struct slice args,
                       struct client_reply *reply)
{
    enum status status = client_send(client, command, args);
    return status == OK ? client_receive(client, reply) : status;
}
