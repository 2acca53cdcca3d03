/* notified - the service manager's side of sd_notify(3): one line for every assignment that
 * arrives, with the milliseconds since the start.
 *
 *   notified SOCKET        "12 READY=1"
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static long steady_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char message[4096];
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (argc != 2 || fd < 0 || strlen(argv[1]) >= sizeof address.sun_path)
        return 2;
    memcpy(address.sun_path, argv[1], strlen(argv[1]) + 1);
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        return 2;
    long start_ms = steady_ms();
    for (;;) {
        ssize_t size = recv(fd, message, sizeof message - 1, 0);
        if (size < 0)
            return 1;
        message[size] = '\0';
        for (char *line = strtok(message, "\n"); line != NULL; line = strtok(NULL, "\n"))
            (void)printf("%ld %s\n", steady_ms() - start_ms, line);
        (void)fflush(stdout);
    }
}
