/* slow PORT TO_PORT BYTES_PER_S - a line for tests: passes connections on to a port of this
 * machine, so many bytes a second each way, and holds little in between. Says "open" when it
 * listens, and ends with its input. */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LINES_MAX 8
#define TICK_MS 20
#define SMALL 4096 /* of the sockets' own buffers */

struct line {
    int end[2]; /* whoever dialled, and the port it is passed on to; -1: none */
};

static int open_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), small = SMALL, yes = 1;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0) {
        perror("socket");
        exit(1);
    }
    return fd;
}

static struct sockaddr_in address(const char *port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((unsigned short)atoi(port)),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void hang_up(struct line *line)
{
    close(line->end[0]);
    close(line->end[1]);
    line->end[0] = line->end[1] = -1;
}

/* As much as the rate lets through in one tick, each way. */
static void pass(struct line *line, size_t share)
{
    char bytes[65536];
    for (int from = 0; from < 2 && line->end[from] >= 0; from++) {
        size_t want = share < sizeof bytes ? share : sizeof bytes;
        ssize_t got = recv(line->end[from], bytes, want, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK)) {
            hang_up(line);
            return;
        }
        for (ssize_t done = 0; done < got;) { /* the other side reads at once */
            ssize_t sent =
                send(line->end[!from], bytes + done, (size_t)(got - done), MSG_NOSIGNAL);
            if (sent <= 0) {
                hang_up(line);
                return;
            }
            done += sent;
        }
    }
}

static void take(struct line lines[LINES_MAX], int listener, const char *to_port)
{
    struct sockaddr_in to = address(to_port);
    int near = accept(listener, NULL, NULL), far = open_socket();
    for (int i = 0; near >= 0 && i < LINES_MAX; i++) {
        if (lines[i].end[0] >= 0)
            continue;
        if (connect(far, (struct sockaddr *)&to, sizeof to) != 0)
            break;
        lines[i] = (struct line){{near, far}};
        return;
    }
    close(far);
    if (near >= 0)
        close(near);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    struct line lines[LINES_MAX];
    struct sockaddr_in here = address(argv[1]);
    int listener = open_socket();
    size_t share = (size_t)atol(argv[3]) * TICK_MS / 1000;
    for (int i = 0; i < LINES_MAX; i++)
        lines[i] = (struct line){{-1, -1}};
    if (bind(listener, (struct sockaddr *)&here, sizeof here) != 0 ||
        listen(listener, LINES_MAX) != 0) {
        perror("listen");
        return 1;
    }
    puts("open");
    fflush(stdout);
    for (;;) {
        struct pollfd waiting[2] = {{listener, POLLIN, 0}, {0, POLLIN, 0}};
        const struct timespec tick = {0, TICK_MS * 1000000L};
        poll(waiting, 2, 0);
        if (waiting[0].revents & POLLIN)
            take(lines, listener, argv[2]);
        if (waiting[1].revents & (POLLIN | POLLHUP)) {
            char byte;
            if (read(0, &byte, 1) <= 0)
                return 0;
        }
        for (int i = 0; i < LINES_MAX; i++)
            pass(&lines[i], share > 0 ? share : 1);
        nanosleep(&tick, NULL);
    }
}
