#include "tools/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_PIECE 65536

enum status path_join(char path[PATH_SIZE_MAX], const char *directory, const char *name)
{
    size_t length = strlen(directory);
    while (length > 1 && directory[length - 1] == '/')
        length--;
    bool here = length == 1 && directory[0] == '.';
    bool root = length == 1 && directory[0] == '/';
    int size = snprintf(path, PATH_SIZE_MAX, "%.*s%s%s", here ? 0 : (int)length,
                        directory, here || root ? "" : "/", name);
    return size > 0 && size < PATH_SIZE_MAX ? OK : ERR_LIMIT;
}

enum status file_read(const char *path, size_t size_max, struct buffer *out)
{
    static uint8_t piece[READ_PIECE];
    size_t taken = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ERR_FILE;
    ssize_t count = 0;
    while (taken <= size_max && (count = read(fd, piece, sizeof piece)) != 0) {
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            break;
        buffer_put(out, piece, (size_t)count);
        taken += (size_t)count;
    }
    int error = errno;
    (void)close(fd);
    errno = error;
    if (count < 0)
        return ERR_FILE;
    return taken > size_max || out->overflow ? ERR_LIMIT : OK;
}

static enum status status_of_errno(void)
{
    if (errno == EEXIST)
        return ERR_EXISTS;
    return errno == ENOSPC || errno == EDQUOT ? ERR_DISK_FULL : ERR_FILE;
}

/* The directory part of `path`, "." where there is none. */
static void parent_of(const char *path, char parent[PATH_SIZE_MAX])
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        (void)snprintf(parent, PATH_SIZE_MAX, ".");
    else if (slash == path)
        (void)snprintf(parent, PATH_SIZE_MAX, "/");
    else
        (void)snprintf(parent, PATH_SIZE_MAX, "%.*s", (int)(slash - path), path);
}

/* Syncing a file does not keep its name over a power cut; syncing its directory does. */
static bool sync_parent(const char *path)
{
    char parent[PATH_SIZE_MAX];
    parent_of(path, parent);
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool synced =
        fsync(fd) == 0 || errno == EINVAL; /* EINVAL: a file system without it */
    (void)close(fd);
    return synced;
}

static bool write_all(int fd, struct slice content)
{
    while (content.size > 0) {
        ssize_t count = write(fd, content.data, content.size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        content = slice_of(content.data + count, content.size - (size_t)count);
    }
    return true;
}

static bool take_owner_of_parent(int fd, const char *path)
{
    char parent[PATH_SIZE_MAX];
    struct stat stat_of_parent;
    if (geteuid() != 0)
        return true;
    parent_of(path, parent);
    return stat(parent, &stat_of_parent) == 0 &&
           fchown(fd, stat_of_parent.st_uid, stat_of_parent.st_gid) == 0;
}

/* A file system without modes (a USB stick) refuses to set them; that is fine where it
 * keeps everybody else out anyway. */
static bool make_private(int fd)
{
    struct stat file;
    if (fchmod(fd, 0600) == 0)
        return true;
    int error = errno;
    bool private = fstat(fd, &file) == 0 && (file.st_mode & 077) == 0;
    errno = error;
    return private;
}

static bool set_mode(int fd, bool public)
{
    if (!public)
        return make_private(fd);
    (void)fchmod(fd, 0644);
    return true;
}

static enum status create(const char *path, struct slice content, bool public)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return status_of_errno();
    bool written = set_mode(fd, public) && take_owner_of_parent(fd, path) &&
                   write_all(fd, content) && fsync(fd) == 0;
    int error = errno;
    bool closed = close(fd) == 0;
    if (written && closed && sync_parent(path))
        return OK;
    error = written ? errno : error;
    (void)unlink(path);
    errno = error;
    return status_of_errno();
}

enum status file_begin(const char *path, FILE **file)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    *file = NULL;
    if (fd < 0)
        return status_of_errno();
    if (make_private(fd) && take_owner_of_parent(fd, path))
        *file = fdopen(fd, "w");
    if (*file != NULL)
        return OK;
    int error = errno;
    (void)close(fd);
    (void)unlink(path);
    errno = error;
    return status_of_errno();
}

enum status file_end(const char *path, FILE *file, bool keep)
{
    bool written =
        keep && fflush(file) == 0 && ferror(file) == 0 && fsync(fileno(file)) == 0;
    int error = errno;
    bool closed = fclose(file) == 0;
    if (written && closed && sync_parent(path))
        return OK;
    error = written ? errno : error;
    (void)unlink(path);
    errno = error;
    return keep ? status_of_errno() : OK;
}

enum status file_create(const char *path, struct slice content)
{
    return create(path, content, false);
}

enum status file_create_public(const char *path, struct slice content)
{
    return create(path, content, true);
}

enum status file_replace(const char *path, struct slice content)
{
    char aside[PATH_SIZE_MAX];
    int size = snprintf(aside, sizeof aside, "%s.new.%ld", path, (long)getpid());
    if (size <= 0 || (size_t)size >= sizeof aside)
        return ERR_LIMIT;
    enum status status = create(aside, content, true);
    if (status != OK)
        return status;
    if (rename(aside, path) == 0 && sync_parent(path))
        return OK;
    int error = errno;
    (void)unlink(aside);
    errno = error;
    return ERR_FILE;
}

bool file_exists(const char *path)
{
    struct stat ignored;
    return lstat(path, &ignored) == 0;
}

enum status directory_make(const char *path)
{
    struct stat made;
    if (mkdir(path, 0700) == 0)
        return sync_parent(path) ? OK : ERR_FILE;
    if (errno != EEXIST)
        return status_of_errno();
    if (stat(path, &made) == 0 && S_ISDIR(made.st_mode))
        return OK;
    errno = ENOTDIR;
    return ERR_FILE;
}

void random_fill(uint8_t *out, size_t size)
{
    CHECK(size <= 256 && getrandom(out, size, 0) == (ssize_t)size);
}
