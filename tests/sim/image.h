/* image.h - the disk of a machine that is off, taken as it is and put back over itself later:
 * the system sees the same file, and the store is older than what others hold of it. */
#ifndef LINLI_TESTS_SIM_IMAGE_H
#define LINLI_TESTS_SIM_IMAGE_H

#include "tests/sim/machine.h"

struct image {
    uint8_t *bytes; /* NULL: none */
    size_t size;
};

struct image image_take(const struct machine *machine);
void image_put_back(const struct machine *machine, const struct image *image);
/* The bytes that are there, in another file: as after a copy to another disk. */
void image_move(const struct machine *machine);
void image_drop(struct image *image);

#endif
