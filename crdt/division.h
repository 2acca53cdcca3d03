/* division.h - places by statistical code: county 6 digits, township 9, village 12.
 *
 * Prefixes nest, so kinship is arithmetic and needs no table; the table adds names and says
 * which places exist. A realm is a division's code. */
#ifndef LINLI_CRDT_DIVISION_H
#define LINLI_CRDT_DIVISION_H

#include "crdt/base.h"

enum division_level {
    DIVISION_NONE,
    DIVISION_COUNTY,
    DIVISION_TOWNSHIP,
    DIVISION_VILLAGE
};

enum division_level division_level(uint64_t code); /* by its number of digits */
uint64_t division_county(uint64_t code);   /* the county a code lies in; 0 if none */
uint64_t division_township(uint64_t code); /* the township; 0 for a county */
bool division_within(uint64_t inner, uint64_t outer); /* equal counts as within */

#define DIVISION_NAME_MAX 96

struct division {
    uint64_t code;
    uint64_t successor; /* into which it was merged; 0: it stands */
    char name[DIVISION_NAME_MAX];
};

/* Sorted by code after divisions_sort. */
struct divisions {
    struct division *rows;
    size_t count, capacity;
};

void divisions_init(struct divisions *divisions);
void divisions_deinit(struct divisions *divisions);
/* ERR_DIVISION for a code that is none, ERR_TEXT for a bad name. */
MUST_USE enum status divisions_add(struct divisions *divisions, uint64_t code,
                                   struct slice name);
/* What was entered under the last place added is counted under `successor`: a place of the same
 * level. ERR_DIVISION for another. */
MUST_USE enum status divisions_merge_last(struct divisions *divisions,
                                          uint64_t successor);
/* The place that stands for one that was merged, whatever that was merged into since; the code
 * itself where it stands or is not in the table. What is merged in a circle stands. */
uint64_t divisions_standing(const struct divisions *divisions, uint64_t code);
void divisions_sort(struct divisions *divisions);
const struct division *divisions_find(const struct divisions *divisions, uint64_t code);

/* The places of a level (DIVISION_NONE: of any) that have this name, with or without the
 * name of their township, and of the county, before it (石练镇/黄皮村) and a committee's words after it (柳村, 柳村委会), compared
 * in its normal form (normal.h): how many, and
 * the first `capacity` of them. `name` is clean text. */
size_t divisions_named(const struct divisions *divisions, struct slice name,
                       enum division_level level, const struct division **found,
                       size_t capacity);

/* 石练镇/黄皮村委会: a place's name, after its township's. */
#define DIVISION_PATH_SIZE (2 * DIVISION_NAME_MAX + 2)
void division_path(const struct divisions *divisions, const struct division *place,
                   char path[DIVISION_PATH_SIZE]);

/* Those that a name may mean, "name: code path; code path", the first four of them. */
void divisions_put_named(const struct divisions *divisions, struct slice name,
                         enum division_level level, struct buffer *out);

#endif
