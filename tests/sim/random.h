/* random.h - the simulator's only source of chance: xoshiro256**, seeded by splitmix64.
 *
 * Source: Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2021.
 * Each purpose (links, faults, workload, nodes) draws from a stream of its own, so that a
 * change in one leaves the others' draws as they were. */
#ifndef LINLI_TESTS_SIM_RANDOM_H
#define LINLI_TESTS_SIM_RANDOM_H

#include "crdt/base.h"

struct chance {
    uint64_t state[4];
};

/* `stream` names the purpose; the same seed and stream give the same draws. */
void chance_init(struct chance *chance, uint64_t seed, const char *stream);
uint64_t chance_next(struct chance *chance);
uint64_t chance_below(struct chance *chance, uint64_t bound); /* bound >= 1 */
uint64_t chance_between(struct chance *chance, uint64_t low, uint64_t high); /* both in */
bool chance_permille(struct chance *chance, unsigned permille);
void chance_bytes(struct chance *chance, uint8_t *out, size_t size);

#endif
