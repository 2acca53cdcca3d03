#define _GNU_SOURCE /* statx */
#include "daemon/store/store_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_FILE "lock"
#define DATA_FILE "data.mdb"
#define MARK_FILE "closed"
#define DAMAGED_NAME "store.damaged"

enum status store_place_status(int error)
{
    if (error == ENOSPC || error == EDQUOT)
        return ERR_DISK_FULL;
    errno = error;
    return ERR_STORE;
}

/* Gives `status` back with errno as it was before `fd` was closed. */
static enum status close_after(int fd, enum status status)
{
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return status;
}

static enum status sync_path(const struct store_place *place, const char *path)
{
    if (place->without_sync)
        return OK;
    int fd = openat(place->directory, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return store_place_status(errno);
    enum status status = fsync(fd) == 0 ? OK : store_place_status(errno);
    return close_after(fd, status);
}

static enum status place_make_directory(struct store_place *place, const char *directory)
{
    bool made = mkdir(directory, 0700) == 0;
    if (!made && errno != EEXIST)
        return store_place_status(errno);
    place->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (place->directory < 0)
        return store_place_status(errno);
    return made ? sync_path(place, "..") : OK;
}

static enum status place_lock(struct store_place *place)
{
    place->lock = openat(place->directory, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (place->lock < 0)
        return store_place_status(errno);
    if (flock(place->lock, LOCK_EX | LOCK_NB) == 0)
        return OK;
    return errno == EWOULDBLOCK ? ERR_STORE_LOCKED : store_place_status(errno);
}

static bool remove_path(const struct store_place *place, const char *path, int flags)
{
    return unlinkat(place->directory, path, flags) == 0 || errno == ENOENT;
}

static enum status place_remove_leftover(const struct store_place *place)
{
    if (remove_path(place, STORE_PLACE_BIRTH_NAME "/" DATA_FILE, 0) &&
        remove_path(place, STORE_PLACE_BIRTH_NAME, AT_REMOVEDIR))
        return OK;
    return store_place_status(errno);
}

enum status store_place_open(struct store_place *place, const char *directory,
                             bool without_sync)
{
    *place =
        (struct store_place){.directory = -1, .lock = -1, .without_sync = without_sync};
    enum status status = place_make_directory(place, directory);
    if (status == OK)
        status = place_lock(place);
    if (status == OK)
        status = place_remove_leftover(place);
    if (status != OK)
        store_place_close(place);
    return status;
}

void store_place_close(struct store_place *place)
{
    close_after(place->lock, OK);
    close_after(place->directory, OK);
    place->lock = -1;
    place->directory = -1;
}

enum status store_place_find(const struct store_place *place, bool *exists,
                             uint64_t *size)
{
    struct stat file;
    *exists = false;
    *size = 0;
    if (fstatat(place->directory, STORE_PLACE_NAME, &file, 0) != 0)
        return errno == ENOENT ? OK : store_place_status(errno);
    /* A new store is made under another name and renamed when its file is in it. So a
     * directory without the file is not a store being made: the file was removed. */
    if (fstatat(place->directory, STORE_PLACE_NAME "/" DATA_FILE, &file, 0) != 0)
        return errno == ENOENT ? ERR_STORE_DAMAGED : store_place_status(errno);
    *exists = true;
    *size = (uint64_t)file.st_size;
    return OK;
}

bool store_place_identity(const struct store_place *place,
                          uint8_t identity[STORE_IDENTITY_SIZE])
{
    struct statx file;
    memset(identity, 0, STORE_IDENTITY_SIZE);
    if (statx(place->directory, STORE_PLACE_NAME "/" DATA_FILE, 0,
              STATX_INO | STATX_BTIME, &file) != 0)
        return false;
    put_le64(identity, file.stx_ino);
    if (file.stx_mask & STATX_BTIME) {
        put_le64(identity + 8, (uint64_t)file.stx_btime.tv_sec);
        put_le64(identity + 16, file.stx_btime.tv_nsec);
    }
    return true;
}

enum status store_place_begin_birth(const struct store_place *place)
{
    if (mkdirat(place->directory, STORE_PLACE_BIRTH_NAME, 0700) != 0)
        return store_place_status(errno);
    return OK;
}

enum status store_place_end_birth(const struct store_place *place)
{
    enum status status = sync_path(place, STORE_PLACE_BIRTH_NAME "/" DATA_FILE);
    if (status == OK)
        status = sync_path(place, STORE_PLACE_BIRTH_NAME);
    if (status != OK)
        return status;
    if (renameat(place->directory, STORE_PLACE_BIRTH_NAME, place->directory,
                 STORE_PLACE_NAME) != 0)
        return errno == ENOTEMPTY || errno == EEXIST ? ERR_STORE_DAMAGED
                                                     : store_place_status(errno);
    return sync_path(place, ".");
}

enum status store_place_exchange(const struct store_place *place)
{
    enum status status = sync_path(place, STORE_PLACE_BIRTH_NAME "/" DATA_FILE);
    if (status == OK)
        status = sync_path(place, STORE_PLACE_BIRTH_NAME);
    if (status != OK)
        return status;
    /* The damaged store never bears the name of a leftover, which the next opening removes:
     * the new one takes the name store.damaged first, and one exchange ends it. After a power
     * cut in between the damaged store is still there as the store, and all is done again. */
    if (!remove_path(place, DAMAGED_NAME "/" DATA_FILE, 0) ||
        !remove_path(place, DAMAGED_NAME, AT_REMOVEDIR) ||
        renameat(place->directory, STORE_PLACE_BIRTH_NAME, place->directory,
                 DAMAGED_NAME) != 0 ||
        renameat2(place->directory, DAMAGED_NAME, place->directory, STORE_PLACE_NAME,
                  RENAME_EXCHANGE) != 0)
        return store_place_status(errno);
    return sync_path(place, ".");
}

int store_place_open_data(const struct store_place *place)
{
    return openat(place->directory, STORE_PLACE_NAME "/" DATA_FILE, O_RDONLY | O_CLOEXEC);
}

uint64_t store_place_take_mark(const struct store_place *place)
{
    uint8_t number[8];
    int fd = openat(place->directory, MARK_FILE, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    bool whole = read(fd, number, sizeof number) == (ssize_t)sizeof number;
    close(fd);
    /* A mark that cannot be removed is not believed: after a crash it would still be there,
     * and the file would not be checked. */
    if (unlinkat(place->directory, MARK_FILE, 0) != 0 || sync_path(place, ".") != OK)
        return 0;
    return whole ? get_le64(number) : 0;
}

void store_place_leave_mark(const struct store_place *place, uint64_t commit)
{
    uint8_t number[8];
    int error = errno;
    int fd = openat(place->directory, MARK_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                    0600);
    put_le64(number, commit);
    if (fd >= 0) {
        /* If the mark does not get to the disk, the next opening checks the whole file. */
        if (write(fd, number, sizeof number) != (ssize_t)sizeof number)
            (void)unlinkat(place->directory, MARK_FILE, 0);
        close(fd);
    }
    errno = error;
}
