/* forge.h - frames that no honest node sends: what a stolen key or a faulty program writes.
 *
 * A forged log continues where `begin` says, entry by entry, and becomes one run. */
#ifndef LINLI_TESTS_SIM_FORGE_H
#define LINLI_TESTS_SIM_FORGE_H

#include "tests/sim/world.h"

struct forge {
    const struct county *county;
    const struct machine *author;
    struct log_id id;
    struct run run;
    struct hash last;
    struct buffer entries;
};

/* Continues the author's record lane as `at` holds it, in a realm whose key `at` holds. The
 * author has written there before. */
void forge_begin(struct forge *forge, struct world *world, const struct machine *author,
                 struct machine *at, uint64_t realm);
/* Pretends that another entry stands before: the branch lies elsewhere. */
void forge_branch_off(struct forge *forge);
void forge_add(struct forge *forge, struct slice payload);
/* A sealed entry that decrypts to `plaintext`, by a key that `at` holds. */
void forge_add_sealed(struct forge *forge, struct machine *at, struct slice plaintext);
/* The frame of it all, signed with `signer`'s key. */
void forge_end(struct forge *forge, const struct machine *signer, struct buffer *frame);

/* Hands a frame to a machine as if it came from that neighbour. */
void forge_deliver(struct world *world, struct machine *to, const struct machine *from,
                   const struct buffer *frame);

#endif
