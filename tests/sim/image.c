#include "tests/sim/image.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PATH_SIZE 256

static void path_of(const struct machine *machine, const char *suffix,
                    char path[PATH_SIZE])
{
    CHECK(machine->node == NULL);
    (void)snprintf(path, PATH_SIZE, "%s/store/data.mdb%s", machine->directory, suffix);
}

static void write_whole(int fd, const struct image *image)
{
    size_t at = 0;
    CHECK(fd >= 0);
    while (at < image->size) {
        ssize_t written = write(fd, image->bytes + at, image->size - at);
        CHECK(written > 0);
        at += (size_t)written;
    }
    CHECK(close(fd) == 0);
}

struct image image_take(const struct machine *machine)
{
    char path[PATH_SIZE];
    struct image image;
    path_of(machine, "", path);
    int fd = open(path, O_RDONLY);
    CHECK(fd >= 0);
    image.size = (size_t)lseek(fd, 0, SEEK_END);
    image.bytes = checked_malloc(image.size);
    CHECK(pread(fd, image.bytes, image.size, 0) == (ssize_t)image.size);
    CHECK(close(fd) == 0);
    return image;
}

void image_put_back(const struct machine *machine, const struct image *image)
{
    char path[PATH_SIZE];
    path_of(machine, "", path);
    write_whole(open(path, O_WRONLY | O_TRUNC), image);
}

void image_move(const struct machine *machine)
{
    char path[PATH_SIZE], other[PATH_SIZE];
    struct image image = image_take(machine);
    path_of(machine, "", path);
    path_of(machine, ".moved", other);
    write_whole(open(other, O_WRONLY | O_CREAT | O_EXCL, 0600), &image);
    CHECK(rename(other, path) == 0);
    image_drop(&image);
}

void image_drop(struct image *image)
{
    free(image->bytes);
    *image = (struct image){0};
}
