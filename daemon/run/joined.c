#include "daemon/run/joined.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/run/log.h"

#define KEY_FILE "node.key"
#define GRANT_FILE "county.grant"
#define PATH_SIZE 4096

void joined_init(struct joined *joined)
{
    *joined = (struct joined){{0}, {0}};
    buffer_init(&joined->grant, GRANT_SIZE_MAX);
}

void joined_deinit(struct joined *joined)
{
    crypto_wipe(joined->seed, sizeof joined->seed);
    buffer_deinit(&joined->grant);
}

/* `path` says where it is, for what is told of it. */
static bool open_in(const char *directory, const char *name, char path[PATH_SIZE],
                    int *fd)
{
    if (snprintf(path, PATH_SIZE, "%s/%s", directory, name) >= PATH_SIZE)
        return log_failure(ERR_FILE, directory, strerror(ENAMETOOLONG));
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0)
        return log_failure(errno == ENOENT ? ERR_NOT_JOINED : ERR_FILE, path,
                           strerror(errno));
    return true;
}

/* ---- the key ---- */

/* The start is refused while other accounts may read the key: they may have copied it. */
static bool key_is_private(int fd, const char *path)
{
    struct stat found;
    if (fstat(fd, &found) != 0)
        return log_failure(ERR_FILE, path, strerror(errno));
    if (!S_ISREG(found.st_mode))
        return log_failure(ERR_FILE, path, "it is not a regular file");
    if ((found.st_mode & 077) != 0)
        return log_failure(ERR_FILE, path,
                           "group or others may read it; if nobody did: chmod 600");
    return true;
}

static bool read_key(struct joined *joined, const char *directory)
{
    char path[PATH_SIZE];
    uint8_t bytes[SEED_SIZE + 1];
    int fd = -1;
    if (!open_in(directory, KEY_FILE, path, &fd))
        return false;
    bool good = key_is_private(fd, path);
    ssize_t size = good ? read(fd, bytes, sizeof bytes) : -1;
    (void)close(fd);
    if (good && size != SEED_SIZE)
        good = log_failure(ERR_FILE, path, "it is not a key of 32 bytes");
    if (good)
        memcpy(joined->seed, bytes, SEED_SIZE);
    crypto_wipe(bytes, sizeof bytes);
    return good;
}

/* ---- the grant ---- */

/* Reads to the end, or until there is more than the buffer may hold. */
static bool read_to_end(int fd, struct buffer *out)
{
    uint8_t piece[16 * 1024];
    ssize_t count;
    while (!out->overflow && (count = read(fd, piece, sizeof piece)) != 0) {
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return false;
        buffer_put(out, piece, (size_t)count);
    }
    return true;
}

static bool read_grant(struct joined *joined, const char *directory, uint64_t *county)
{
    char path[PATH_SIZE];
    struct grant grant;
    int fd = -1;
    if (!open_in(directory, GRANT_FILE, path, &fd))
        return false;
    bool good = read_to_end(fd, &joined->grant);
    int error = errno;
    (void)close(fd);
    if (!good)
        return log_failure(ERR_FILE, path, strerror(error));
    enum status status = joined->grant.overflow
                             ? ERR_LIMIT
                             : grant_decode(buffer_slice(&joined->grant), &grant);
    if (status == ERR_MALFORMED)
        status = ERR_GRANT;
    if (status != OK)
        return log_failure(status, path, NULL);
    *county = grant.genesis.county;
    return true;
}

bool joined_read(struct joined *joined, const char *directory, uint64_t *county)
{
    return read_key(joined, directory) && read_grant(joined, directory, county);
}
