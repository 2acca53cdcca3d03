#include "daemon/run/random.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "net/crypto.h"

/* Blocks only before the system's generator is seeded, which is before any service runs.
 */
static void pool_fill(struct random_pool *pool)
{
    size_t filled = 0;
    while (filled < sizeof pool->bytes) {
        ssize_t count = getrandom(pool->bytes + filled, sizeof pool->bytes - filled, 0);
        CHECK(count > 0 || errno == EINTR);
        if (count > 0)
            filled += (size_t)count;
    }
    pool->left = sizeof pool->bytes;
}

void random_take(struct random_pool *pool, void *out, size_t size)
{
    CHECK(size <= sizeof pool->bytes);
    if (pool->left < size)
        pool_fill(pool);
    uint8_t *from = pool->bytes + sizeof pool->bytes - pool->left;
    memcpy(out, from, size);
    crypto_wipe(from, size);
    pool->left -= size;
}

void random_wipe(struct random_pool *pool)
{
    crypto_wipe(pool->bytes, sizeof pool->bytes);
    pool->left = 0;
}
