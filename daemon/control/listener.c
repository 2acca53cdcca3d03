/* struct ucred and accept4 are GNU's. */
#define _GNU_SOURCE
#include "daemon/control/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

_Static_assert(sizeof(((struct sockaddr_un *)NULL)->sun_path) == LISTENER_PATH_SIZE,
               "the path has the size the kernel gives it");

static enum status file_trouble(int error)
{
    errno = error;
    return ERR_FILE;
}

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1);
    return address;
}

static int socket_make(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* A socket file outlives its daemon. It is only replaced when nobody answers behind it.
 */
static enum status replace_stale(const char *path)
{
    struct stat found;
    if (lstat(path, &found) != 0)
        return errno == ENOENT ? OK : ERR_FILE;
    if (!S_ISSOCK(found.st_mode))
        return file_trouble(EEXIST);
    int probe = socket_make();
    if (probe < 0)
        return ERR_FILE;
    struct sockaddr_un address = address_of(path);
    int result = connect(probe, (const struct sockaddr *)&address, sizeof address);
    int error = errno;
    (void)close(probe);
    if (result == 0 || error == EAGAIN)
        return file_trouble(EADDRINUSE);
    if (error != ECONNREFUSED)
        return file_trouble(error);
    return unlink(path) == 0 ? OK : ERR_FILE;
}

static enum status permit(const char *path, const char *group)
{
    if (group != NULL) {
        struct group *found = getgrnam(group);
        if (found == NULL)
            return file_trouble(EINVAL);
        if (chown(path, (uid_t)-1, found->gr_gid) != 0)
            return ERR_FILE;
    }
    return chmod(path, 0660) == 0 ? OK : ERR_FILE;
}

/* Others must not connect between bind and chmod, so the umask denies them at bind.
 */
static enum status bind_and_listen(int fd, const char *path, const char *group)
{
    struct sockaddr_un address = address_of(path);
    mode_t before = umask(0177);
    int result = bind(fd, (const struct sockaddr *)&address, sizeof address);
    int error = errno;
    (void)umask(before);
    if (result != 0)
        return file_trouble(error);
    enum status status = permit(path, group);
    if (status == OK && listen(fd, SOMAXCONN) != 0)
        status = ERR_FILE;
    if (status != OK) {
        error = errno;
        (void)unlink(path);
        errno = error;
    }
    return status;
}

enum status listener_open(struct listener *listener, const char *path, const char *group)
{
    size_t size = strlen(path);
    if (size == 0 || size >= sizeof listener->path)
        return file_trouble(ENAMETOOLONG);
    memcpy(listener->path, path, size + 1);
    enum status status = replace_stale(path);
    if (status != OK)
        return status;
    listener->fd = socket_make();
    if (listener->fd < 0)
        return ERR_FILE;
    status = bind_and_listen(listener->fd, path, group);
    if (status != OK) {
        int error = errno;
        (void)close(listener->fd);
        errno = error;
        return status;
    }
    listener_recover(listener);
    return OK;
}

void listener_close(struct listener *listener)
{
    (void)unlink(listener->path);
    (void)close(listener->fd);
    if (listener->spare >= 0)
        (void)close(listener->spare);
}

void listener_recover(struct listener *listener)
{
    listener->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int accept_next(struct listener *listener)
{
    int fd;
    do {
        fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    } while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    return fd;
}

enum listener_outcome listener_accept(struct listener *listener, int *fd, uint32_t *uid)
{
    enum listener_outcome outcome = LISTENER_CLIENT;
    *fd = accept_next(listener);
    /* Out of descriptors the socket would stay ready and the loop would spin: the spare
     * one is given up for as long as it takes to turn this client away. */
    if (*fd < 0 && (errno == EMFILE || errno == ENFILE) && listener->spare >= 0) {
        (void)close(listener->spare);
        listener->spare = -1;
        outcome = LISTENER_EXHAUSTED;
        *fd = accept_next(listener);
        if (*fd < 0)
            listener_recover(listener);
    }
    if (*fd < 0)
        return LISTENER_NOTHING;
    struct ucred caller = {.uid = UINT32_MAX};
    socklen_t size = sizeof caller;
    if (getsockopt(*fd, SOL_SOCKET, SO_PEERCRED, &caller, &size) != 0)
        caller.uid = UINT32_MAX;
    *uid = caller.uid;
    return outcome;
}
