#include "tests/sim/job.h"

#include <stdlib.h>

struct job *job_create(uint64_t token, uint32_t machine)
{
    struct job *job = checked_malloc(sizeof(*job));
    *job = (struct job){.machine = machine, .write = {.token = token}};
    arena_init(&job->arena);
    job->write.values = job->values;
    return job;
}

void job_destroy(struct job *job)
{
    if (job == NULL) {
        return;
    }
    arena_deinit(&job->arena);
    free(job->sights);
    free(job);
}

void job_add_value(struct job *job, uint8_t field, bool remove, struct slice encoded)
{
    CHECK(job->write.count < JOB_VALUES_MAX);
    job->values[job->write.count++] = (struct write_value){
        .field = field,
        .remove = remove,
        .value = encoded.size == 0 ? encoded : arena_copy(&job->arena, encoded),
    };
}

void job_look(struct job *job, const struct heads *heads)
{
    size_t count = heads_count(heads);
    job->sights = checked_realloc(job->sights, (count + 1) * sizeof(*job->sights));
    job->sight_count = count;
    for (size_t i = 0; i < count; i++) {
        const struct head *head = heads_at(heads, i);
        job->sights[i] = (struct sight){.log = head->log, .seq = head->seq};
    }
}

bool sight_holds(const struct sight *sights, size_t count, const struct entry_id *id)
{
    struct log_name log = entry_id_log(id);
    for (size_t i = 0; i < count; i++) {
        if (log_name_equal(sights[i].log, log)) {
            return entry_id_seq(id) <= sights[i].seq;
        }
    }
    return false;
}
