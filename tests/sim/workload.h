/* workload.h - writes as people make them: persons, visits, edits, amendments, voids.
 * Used by the storm at random and by the scenarios one at a time. */
#ifndef LINLI_TESTS_SIM_WORKLOAD_H
#define LINLI_TESTS_SIM_WORKLOAD_H

#include "tests/sim/world.h"

/* Each makes a job whose values come from `chance`; the caller hands it to work_submit.
 */
struct job *work_person(struct world *world, struct machine *machine, uint64_t realm);
struct job *work_visit(struct world *world, struct machine *machine, uint64_t realm,
                       const struct entry_id *person, const struct entry_id *amended);
struct job *work_edit(struct world *world, struct machine *machine,
                      const struct model_write *person, uint8_t field);
struct job *work_void(struct world *world, struct machine *machine,
                      const struct model_write *target);
/* A lead of that level (its choice id) in the realm; and an acknowledgement of one. */
struct job *work_lead(struct world *world, struct machine *machine, uint64_t realm,
                      uint8_t level);
struct job *work_ack(struct world *world, struct machine *machine, uint64_t realm,
                     const struct entry_id *lead);
void work_submit(struct world *world, struct job *job);

#endif
