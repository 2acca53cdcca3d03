/* model.h - what the records must look like, merged naively from the writes that became
 * durable. It shares no code with crdt/: it is the second opinion.
 *
 * The model is omniscient: it hears of a write when its commit succeeded, even if the
 * machine died before anybody was told. A write that was refused or whose commit failed
 * must not be found anywhere. */
#ifndef LINLI_TESTS_SIM_MODEL_H
#define LINLI_TESTS_SIM_MODEL_H

#include "tests/sim/job.h"

struct model_value {
    uint8_t field;
    bool remove;
    struct slice encoded;
    struct entry_id
        *replaced; /* versions of the field that the writer saw and replaced */
    size_t replaced_count;
};

struct model_write {
    enum operation_kind kind;
    uint8_t reg;
    uint64_t realm;
    struct entry_id id, subject, target;
    uint64_t stamp_ms;
    uint32_t machine, uid;
    bool acknowledged; /* the asker was told */
    char reason[64];
    bool restores; /* of a void: what its target replaced stands again */
    struct model_value *values;
    size_t value_count;
    struct sight *sights;
    size_t sight_count;
};

struct model {
    struct model_write *writes; /* in the order they became durable */
    size_t count, capacity;
    struct arena arena;
};

void model_init(struct model *model);
void model_deinit(struct model *model);
void model_add(struct model *model, const struct job *job, const struct entry_id *id,
               bool acknowledged);

/* One version of a field as the model expects it. */
struct model_version {
    struct entry_id id;
    uint64_t stamp_ms;
    uint32_t machine, uid;
    struct slice encoded;
};
#define MODEL_VERSIONS_MAX 512
struct model_versions {
    struct model_version items[MODEL_VERSIONS_MAX];
    size_t count;
};

/* How far a reader holds each log; NULL or without sights: it holds everything. */
struct reader {
    const struct sight *sights;
    size_t count;
};
bool reader_sees(const struct reader *reader, const struct model_write *write);

/* What a record's field reads for this reader; sorted as crdt/view.h says: MULTI by
 * (stamp descending, id descending), SET by value, LOG by (stamp, id). */
void model_field(const struct model *model, const struct model_write *create,
                 const struct field *field, const struct reader *reader,
                 struct model_versions *versions);

const struct model_write *model_create_of(const struct model *model,
                                          const struct entry_id *id);
/* The void that counts (latest stamp, then id), or NULL. */
const struct model_write *model_void_of(const struct model *model,
                                        const struct entry_id *id,
                                        const struct reader *reader);
/* How many amendments replace the record `id`: those that stand, or that others replace
 * which do. */
size_t model_amendments(const struct model *model, const struct entry_id *id,
                        const struct reader *reader);

#endif
