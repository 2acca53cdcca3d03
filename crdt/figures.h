/* figures.h - a month's coverage, counted by place: persons, not rows; and as lines of text, in
 * which a closed month keeps it. */
#ifndef LINLI_CRDT_FIGURES_H
#define LINLI_CRDT_FIGURES_H

#include "crdt/coverage.h"
#include "crdt/division.h"

#define PERSON_STATUSES (PERSON_DECEASED + 1)

struct figure {
    uint64_t place; /* a village; a township for persons of whom no village is stated */
    uint64_t persons[COVERAGE_MISSED + 1]; /* by enum coverage */
    uint64_t exempt[PERSON_STATUSES];      /* by enum person_status */
};
uint64_t figure_due(const struct figure *figure); /* visited and missed */
/* Tenths of a percent, rounded down: 1000 only where nobody is missing. Somebody is due. */
uint64_t figure_rate(const struct figure *figure);
void figure_sum(struct figure *sum, const struct figure *figure); /* all but the place */
bool figure_equal(const struct figure *a, const struct figure *b);

/* Sorted by place. Zero at first. */
struct figures {
    struct figure *rows;
    size_t count, capacity;
};
void figures_deinit(struct figures *figures);
/* The row of a place, new where there is none; holds until the next one is new. */
struct figure *figures_at(struct figures *figures, uint64_t place);
const struct figure *figures_find(const struct figures *figures,
                                  uint64_t place); /* or NULL */
/* Counts a person whose row is not COVERAGE_NONE. */
void figures_count(struct figures *figures, uint64_t place, enum coverage coverage,
                   uint8_t status);
/* The same figures by the places of a level that theirs lie in; what was merged is counted under
 * what it was merged into. `divisions` NULL: nothing was. */
void figures_by(const struct figures *from, const struct divisions *divisions,
                enum division_level level, struct figures *to);
struct figure figures_total(const struct figures *figures);

/* A line a place, "331123106204 due 20 visited 18 not-due 3 away 1 hospital 2": all counts but
 * those that are 0. */
void figures_put(const struct figures *figures, struct buffer *out);
/* False where the text is none of these; words of a newer version are passed over. */
MUST_USE bool figures_read(struct slice text, struct figures *figures);

#endif
