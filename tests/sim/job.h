/* job.h - one write under way: what the person typed, what the writer could see, and what
 * came of it. */
#ifndef LINLI_TESTS_SIM_JOB_H
#define LINLI_TESTS_SIM_JOB_H

#include "net/engine.h"

#define JOB_VALUES_MAX (FIELDS_MAX + 8)
#define JOB_ACCOUNT_SIZE 16

/* How far the writer had each log when it wrote: the write's causal past. */
struct sight {
    struct log_name log;
    uint64_t seq;
};

struct job {
    struct write write; /* its slices lie in `arena` */
    struct write_value values[JOB_VALUES_MAX];
    struct arena arena;
    char account_name[JOB_ACCOUNT_SIZE];
    uint32_t machine;
    bool forbidden;   /* the writer holds no key for that realm: it must be refused */
    uint64_t wall_ms; /* given when handled */
    struct sight *sights;
    size_t sight_count;
};

struct job *job_create(uint64_t token, uint32_t machine);
void job_destroy(struct job *job);
void job_add_value(struct job *job, uint8_t field, bool remove, struct slice encoded);

/* Notes what a node with these heads sees. */
void job_look(struct job *job, const struct heads *heads);
bool sight_holds(const struct sight *sights, size_t count, const struct entry_id *id);

#endif
