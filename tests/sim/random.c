#include "tests/sim/random.h"

#include <string.h>

static uint64_t rotate_left(uint64_t value, unsigned bits)
{
    return (value << bits) | (value >> (64 - bits));
}

static uint64_t splitmix_next(uint64_t *state)
{
    uint64_t mixed = *state += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

void chance_init(struct chance *chance, uint64_t seed, const char *stream)
{
    uint64_t state = seed;
    for (const char *c = stream; *c != '\0'; c++) {
        state = splitmix_next(&state) ^ (uint8_t)*c;
    }
    for (size_t i = 0; i < ARRAY_SIZE(chance->state); i++) {
        chance->state[i] = splitmix_next(&state);
    }
}

uint64_t chance_next(struct chance *chance)
{
    uint64_t *s = chance->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

/* The bias of the remainder is below 2^-40 for every bound used here. */
uint64_t chance_below(struct chance *chance, uint64_t bound)
{
    CHECK(bound >= 1);
    return chance_next(chance) % bound;
}

uint64_t chance_between(struct chance *chance, uint64_t low, uint64_t high)
{
    CHECK(low <= high);
    return low + chance_below(chance, high - low + 1);
}

bool chance_permille(struct chance *chance, unsigned permille)
{
    return chance_below(chance, 1000) < permille;
}

void chance_bytes(struct chance *chance, uint8_t *out, size_t size)
{
    uint8_t word[8];
    for (size_t done = 0; done < size; done += sizeof(word)) {
        size_t piece = size - done < sizeof(word) ? size - done : sizeof(word);
        put_le64(word, chance_next(chance));
        memcpy(out + done, word, piece);
    }
}
