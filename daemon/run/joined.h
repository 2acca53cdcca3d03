/* joined.h - what a node has in its directory once it has joined a county: its key and its
 * grant. */
#ifndef LINLI_DAEMON_JOINED_H
#define LINLI_DAEMON_JOINED_H

#include "net/grant.h"

struct joined {
    uint8_t seed[SEED_SIZE];
    struct buffer grant; /* the file, which decodes */
};

void joined_init(struct joined *joined);
void joined_deinit(struct joined *joined); /* wipes the seed; harmless when repeated */

/* Reads both and gives the county they are of. False: the operator was told why. */
MUST_USE bool joined_read(struct joined *joined, const char *directory, uint64_t *county);

#endif
