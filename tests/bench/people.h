/* people.h - made-up persons and visits from a seed, as entries and as requests.
 *
 * A visit states what a clerk cannot leave out, and its minutes: person, when, method,
 * outcome, minutes. All benchmarks write such visits. */
#ifndef LINLI_TESTS_BENCH_PEOPLE_H
#define LINLI_TESTS_BENCH_PEOPLE_H

#include "crdt/id.h"
#include "net/engine.h"

/* Where all of them live: 石练镇 of 遂昌县. */
#define PEOPLE_COUNTY UINT64_C(331123)
#define PEOPLE_TOWNSHIP UINT64_C(331123106)
#define PEOPLE_VILLAGE UINT64_C(331123106204)
#define PEOPLE_VILLAGES 500 /* of made persons, from that one on */

struct chance {
    uint64_t state;
};
uint64_t chance_next(struct chance *chance); /* splitmix64 */
uint64_t chance_below(struct chance *chance, uint64_t bound);

/* A write as the engine takes it. Its slices point into itself: do not move it. */
#define MADE_VALUES_MAX 5
struct made_write {
    struct write write;
    struct write_value values[MADE_VALUES_MAX];
    uint8_t bytes[192];
    size_t used;
};
void made_person(struct made_write *made, struct chance *chance);
void made_visit(struct made_write *made, struct chance *chance,
                const struct entry_id *person);

/* The same as arguments of person.add and visit.add, at the end of `out`. */
void person_args(struct buffer *out, struct chance *chance);
void visit_args(struct buffer *out, struct chance *chance,
                const char person[ID_TEXT_SIZE]);

#endif
