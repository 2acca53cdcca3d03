/* listener.h - the listening end of the control socket: a file that replaces only a dead
 * daemon's, that nobody may use before its rights are set, and that never spins the loop.
 */
#ifndef LINLI_DAEMON_LISTENER_H
#define LINLI_DAEMON_LISTENER_H

#include "crdt/base.h"

#define LISTENER_PATH_SIZE 108 /* of sockaddr_un's path, with the final NUL */

struct listener {
    int fd;
    int spare; /* given up to turn a client away when descriptors run out */
    char path[LISTENER_PATH_SIZE];
};

/* Listens on `path`, mode 0660, group `group` where not NULL. ERR_FILE with errno set:
 * ENAMETOOLONG, EADDRINUSE (a daemon answers there), EEXIST (the file is no socket),
 * EINVAL (no such group), or the system's. */
MUST_USE enum status listener_open(struct listener *listener, const char *path,
                                   const char *group);
void listener_close(struct listener *listener); /* and removes the file */

enum listener_outcome {
    LISTENER_NOTHING,   /* nobody waits */
    LISTENER_CLIENT,    /* `fd` is a client's, not blocking; `uid` is the kernel's word */
    LISTENER_EXHAUSTED, /* as above, but descriptors have run out: answer and close at
                           once */
};
enum listener_outcome listener_accept(struct listener *listener, int *fd, uint32_t *uid);
/* After LISTENER_EXHAUSTED and the closing of its `fd`. */
void listener_recover(struct listener *listener);

#endif
