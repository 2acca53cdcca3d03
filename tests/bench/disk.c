#include "tests/bench/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tests/bench/report.h"
#include "tools/files.h"

#define COPY_PIECE_SIZE ((size_t)64 * 1024)
#define PAGE_SIZE 4096
#define PROBE_PAGES 64

static void join(char path[PATH_SIZE_MAX], const char *directory, const char *name)
{
    if (path_join(path, directory, name) != OK)
        give_up("the path %s/%s is too long", directory, name);
}

static bool all_zero(const uint8_t *bytes, size_t size)
{
    return size > 0 && bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

/* A store's file is as long as its map and full of holes: they stay holes. */
static bool copy_bytes(int in, int out)
{
    uint8_t *piece = checked_malloc(COPY_PIECE_SIZE);
    off_t at = 0;
    ssize_t count;
    bool copied = true;
    while (copied && (count = read(in, piece, COPY_PIECE_SIZE)) != 0) {
        copied = count > 0 && (all_zero(piece, (size_t)count) ||
                               pwrite(out, piece, (size_t)count, at) == count);
        at += count;
    }
    free(piece);
    return copied && ftruncate(out, at) == 0 && fsync(out) == 0;
}

static void copy_file(const char *from_directory, const char *to_directory,
                      const char *name)
{
    char from[PATH_SIZE_MAX], to[PATH_SIZE_MAX];
    join(from, from_directory, name);
    join(to, to_directory, name);
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (in < 0 || out < 0 || !copy_bytes(in, out))
        give_up("cannot copy %s to %s: %s", from, to, strerror(errno));
    (void)close(in);
    (void)close(out);
}

void disk_copy_node(const char *from, const char *to, bool with_store)
{
    char store[PATH_SIZE_MAX];
    join(store, to, "store");
    if (file_exists(to) || directory_make(to) != OK)
        give_up("cannot make %s", to);
    copy_file(from, to, "node.key");
    copy_file(from, to, "county.grant");
    if (!with_store)
        return;
    if (directory_make(store) != OK)
        give_up("cannot make %s", store);
    copy_file(from, to, "store/data.mdb");
}

uint64_t disk_store_bytes(const char *node_directory)
{
    char path[PATH_SIZE_MAX];
    struct stat file;
    join(path, node_directory, "store/data.mdb");
    if (stat(path, &file) != 0)
        give_up("no store at %s", path);
    return (uint64_t)file.st_blocks *
           512; /* POSIX leaves the unit open; Linux says 512 */
}

uint64_t disk_device_written_bytes(const char *path)
{
    char name[64];
    struct stat file;
    unsigned long long sectors = 0;
    if (stat(path, &file) != 0)
        return 0;
    (void)snprintf(name, sizeof name, "/sys/dev/block/%u:%u/stat", major(file.st_dev),
                   minor(file.st_dev));
    FILE *stream = fopen(name, "r");
    if (stream == NULL)
        return 0;
    if (fscanf(stream, "%*u %*u %*u %*u %*u %*u %llu", &sectors) != 1)
        sectors = 0;
    (void)fclose(stream);
    return sectors * 512;
}

void disk_sync_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        give_up("cannot sync %s: %s", path, strerror(errno));
    (void)close(fd);
}

/* The blocks are written beforehand: what is measured is a write, not a file's growth. */
static int probe_open(const char *path, const uint8_t page[PAGE_SIZE])
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    for (int i = 0; fd >= 0 && i < PROBE_PAGES; i++) {
        if (pwrite(fd, page, PAGE_SIZE, (off_t)i * PAGE_SIZE) != PAGE_SIZE)
            give_up("cannot write %s: %s", path, strerror(errno));
    }
    if (fd < 0 || fsync(fd) != 0)
        give_up("cannot make %s: %s", path, strerror(errno));
    return fd;
}

double disk_fdatasync_p50_ms(const char *directory, size_t count)
{
    char path[PATH_SIZE_MAX];
    uint8_t page[PAGE_SIZE];
    double *took_ms = checked_malloc(count * sizeof *took_ms);
    memset(page, 0x5a, sizeof page);
    join(path, directory, "probe");
    int fd = probe_open(path, page);
    for (size_t i = 0; i < count; i++) {
        put_le64(page, i);
        uint64_t begin_ns = steady_ns();
        if (pwrite(fd, page, PAGE_SIZE, (off_t)(i % PROBE_PAGES) * PAGE_SIZE) !=
                PAGE_SIZE ||
            fdatasync(fd) != 0)
            give_up("cannot write %s: %s", path, strerror(errno));
        took_ms[i] = (double)(steady_ns() - begin_ns) / 1e6;
    }
    (void)close(fd);
    (void)unlink(path);
    double p50_ms = sorted_at(took_ms, count, 500);
    free(took_ms);
    return p50_ms;
}
