#define _XOPEN_SOURCE 700 /* nftw */
#include "tests/sim/place.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "crdt/base.h"

void place_create(char *directory, size_t size)
{
    const char *candidates[] = {getenv("LINLI_SIM_DIR"), "/dev/shm", getenv("TMPDIR"),
                                "/tmp"};
    for (size_t i = 0; i < ARRAY_SIZE(candidates); i++) {
        if (candidates[i] == NULL || access(candidates[i], W_OK) != 0) {
            continue;
        }
        int length = snprintf(directory, size, "%s/linli-sim-XXXXXX", candidates[i]);
        if (length > 0 && (size_t)length < size && mkdtemp(directory) != NULL) {
            return;
        }
    }
    bool directory_for_simulated_disks_made = false;
    CHECK(directory_for_simulated_disks_made);
}

static int remove_one(const char *path, const struct stat *about, int type,
                      struct FTW *where)
{
    (void)about;
    (void)type;
    (void)where;
    return remove(path);
}

void place_remove(const char *directory)
{
    if (nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0) {
        perror(directory);
    }
}
