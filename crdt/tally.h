/* tally.h - how many records of a register there are at a place, by the choices of a field, or
 * what a field of theirs that is a number comes to. It goes by the table of registers alone, so
 * that a new register is in reports without a line of its own. */
#ifndef LINLI_CRDT_TALLY_H
#define LINLI_CRDT_TALLY_H

#include "crdt/view.h"

#define TALLY_CHOICES 64

struct tally {
    uint64_t place;
    uint8_t reg, field;             /* FIELD_NONE: all records */
    uint64_t records;               /* that have a value */
    uint64_t counts[TALLY_CHOICES]; /* FIELD_CHOICE: by id */
    uint64_t *values;               /* FIELD_COUNT: of each */
    size_t capacity;
};

/* Sorted by (place, register, field). Zero at first. */
struct tallies {
    struct tally *rows;
    size_t count, capacity;
};
void tallies_deinit(struct tallies *tallies);

/* Whether a register is counted so: not persons, visits and closed months, which coverage
 * counts, nor what only happened to other records. */
bool tally_is_meant(const struct schema_register *reg);
/* Counts a record that stands. */
void tallies_add(struct tallies *tallies, uint64_t place,
                 const struct record_view *record);

/* Of the values of a FIELD_COUNT, at least one; sorts them. Of an even number of values the
 * lower one in the middle, so that it is one that occurred. */
uint64_t tally_median(struct tally *tally);
uint64_t tally_sum(const struct tally *tally);
uint64_t tally_mean_tenths(const struct tally *tally); /* rounded down */

#endif
