/* workload.h - writes as people make them: persons, visits, edits, amendments, voids.
 * Used by the storm at random and by the scenarios one at a time. */
#ifndef LINLI_TESTS_SIM_WORKLOAD_H
#define LINLI_TESTS_SIM_WORKLOAD_H

#include "tests/sim/values.h"
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

/* What somebody does, at random. */
enum work {
    WORK_PERSON,
    WORK_EDIT,
    WORK_VISIT,
    WORK_AMEND,
    WORK_VOID,
    WORK_VOLUNTEER,
    WORK_ORDER,
    WORK_ORDER_STEP,
    WORK_LEAD,
    WORK_LEAD_STEP,
    WORK_NEED,
    WORK_OFFER,  /* a resource or a project */
    WORK_MATCH,  /* of a need with one of them */
    WORK_SETTLE, /* a conflict */
    WORK_CLOSE,  /* a month */
    WORKS,
};

/* registers.c: a write to another register, or of another kind, than the above; NULL where
 * there is nothing to do it to. */
struct job *work_register(struct world *world, struct machine *machine, enum work work,
                          uint64_t realm);

/* The parts of the above. Somebody who works there; */
void work_sign(struct world *world, struct job *job);
struct job *work_job(struct world *world, struct machine *machine,
                     enum operation_kind kind, uint8_t reg, uint64_t realm);
void work_add_field(struct world *world, struct job *job, const struct field *field,
                    const struct value_context *context);
void work_add_choice(struct job *job, uint8_t field, uint8_t choice);
/* a record that the machine holds, of the newest few half the time, or NULL. */
const struct model_write *work_pick(struct world *world, const struct machine *machine,
                                    uint8_t reg, uint64_t realm);

void work_submit(struct world *world, struct job *job);

#endif
