/* place.h - where the simulated disks lie: a fresh directory in memory where there is
 * one. */
#ifndef LINLI_TESTS_SIM_PLACE_H
#define LINLI_TESTS_SIM_PLACE_H

#include <stddef.h>

/* In $LINLI_SIM_DIR, else /dev/shm, else $TMPDIR, else /tmp. CHECKs that it can be made.
 */
void place_create(char *directory, size_t size);
void place_remove(const char *directory); /* with everything in it */

#endif
