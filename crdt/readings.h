/* readings.h - how Chinese characters are read, for finding names by pinyin and initials.
 *
 * The table is data (readings_table.c), made from Unicode's Unihan by readings_table.awk:
 * every reading of a character, without tones, ü as v. 曾 is ceng and zeng, 单 chan, dan and
 * shan, 覃 qin and tan. */
#ifndef LINLI_CRDT_READINGS_H
#define LINLI_CRDT_READINGS_H

#include "crdt/base.h"

#define READINGS_FIRST 0x4E00
#define READINGS_LAST 0x9FFF
#define READING_SIZE 7 /* "zhuang" */

/* Where the readings of a character begin in readings_lists; 0: it has none. There each is
 * an index into readings_syllables, the last one with READING_ENDS. */
#define READING_ENDS 0x8000u
struct rare_reading {
    uint32_t character; /* ascending, outside FIRST..LAST */
    uint16_t list;
};
extern const char readings_syllables[][READING_SIZE];
extern const uint16_t readings_of[READINGS_LAST - READINGS_FIRST + 1];
extern const struct rare_reading readings_rare[];
extern const size_t readings_rare_count;
extern const uint16_t readings_lists[];

/* The readings of a character in turn; begin with a zeroed walk. NULL past the last. */
struct readings_walk {
    uint16_t at;
    bool ended;
};
const char *readings_next(uint32_t character, struct readings_walk *walk);

#endif
