/* knock - what stdin holds, to a Unix socket; what comes back, to stdout.
 *
 *   knock SOCKET [MILLISECONDS]     waits so long for an end, 2,000 if not given
 *
 * Exit status 0 when the other side closed, 1 when it kept the connection, 2 when there was
 * none. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int dial(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || strlen(path) >= sizeof address.sun_path)
        return -1;
    memcpy(address.sun_path, path, strlen(path) + 1);
    return connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 ? fd : -1;
}

/* A side that is cut off while we still speak is a fine answer too. */
static void send_stdin(int fd)
{
    static char piece[65536];
    ssize_t count;
    while ((count = read(STDIN_FILENO, piece, sizeof piece)) > 0) {
        for (ssize_t sent = 0; sent < count;) {
            ssize_t now = send(fd, piece + sent, (size_t)(count - sent), MSG_NOSIGNAL);
            if (now <= 0)
                return;
            sent += now;
        }
    }
}

static long steady_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
    static char piece[65536];
    int fd = argc > 1 ? dial(argv[1]) : -1;
    if (fd < 0)
        return 2;
    send_stdin(fd);
    long end_ms = steady_ms() + (argc > 2 ? atol(argv[2]) : 2000);
    for (;;) {
        struct pollfd item = {.fd = fd, .events = POLLIN};
        long left_ms = end_ms - steady_ms();
        if (left_ms <= 0 || poll(&item, 1, (int)left_ms) <= 0)
            return 1;
        ssize_t count = recv(fd, piece, sizeof piece, 0);
        if (count <= 0)
            return 0;
        (void)fwrite(piece, 1, (size_t)count, stdout);
    }
}
