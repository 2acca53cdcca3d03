#include "crdt/readings.h"

static int rare_compare(const void *key, const void *item)
{
    const uint32_t *character = key;
    const struct rare_reading *rare = item;
    return (*character > rare->character) - (*character < rare->character);
}

static uint16_t list_of(uint32_t character)
{
    size_t place;
    if (character >= READINGS_FIRST && character <= READINGS_LAST)
        return readings_of[character - READINGS_FIRST];
    if (character < 0x80 || !sorted_find(&character, readings_rare, readings_rare_count,
                                         sizeof *readings_rare, rare_compare, &place))
        return 0;
    return readings_rare[place].list;
}

const char *readings_next(uint32_t character, struct readings_walk *walk)
{
    if (walk->ended)
        return NULL;
    walk->at = walk->at == 0 ? list_of(character) : (uint16_t)(walk->at + 1);
    walk->ended = walk->at == 0 || (readings_lists[walk->at] & READING_ENDS) != 0;
    return walk->at == 0 ? NULL
                         : readings_syllables[readings_lists[walk->at] & ~READING_ENDS];
}
