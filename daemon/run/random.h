/* random.h - the one place where the daemon asks the system for randomness.
 *
 * The core takes randomness as an argument: every event carries some. A system call for
 * each would cost more than the event; so it is drawn in pieces, and what was given out
 * is wiped at once. */
#ifndef LINLI_DAEMON_RANDOM_H
#define LINLI_DAEMON_RANDOM_H

#include "crdt/base.h"

#define RANDOM_POOL_BYTES 4096

struct random_pool {
    uint8_t bytes[RANDOM_POOL_BYTES];
    size_t left; /* unused bytes, at the end */
};

/* `size` bytes, at most RANDOM_POOL_BYTES, to `out`. A zeroed pool is an empty one. */
void random_take(struct random_pool *pool, void *out, size_t size);
void random_wipe(struct random_pool *pool);

#endif
