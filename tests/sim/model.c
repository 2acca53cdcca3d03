#include "tests/sim/model.h"

#include <stdlib.h>
#include <string.h>

#include "crdt/codec.h"

void model_init(struct model *model)
{
    *model = (struct model){0};
    arena_init(&model->arena);
}

void model_deinit(struct model *model)
{
    free(model->writes);
    arena_deinit(&model->arena);
}

static bool same_id(const struct entry_id *a, const struct entry_id *b)
{
    return memcmp(a->bytes, b->bytes, ENTRY_ID_SIZE) == 0;
}

bool reader_sees(const struct reader *reader, const struct model_write *write)
{
    return reader == NULL || reader->sights == NULL ||
           sight_holds(reader->sights, reader->count, &write->id);
}

static bool concerns(const struct model_write *write, const struct model_write *create)
{
    if (write == create) {
        return true;
    }
    return write->kind == OPERATION_EDIT && write->reg == create->reg &&
           write->realm == create->realm && same_id(&write->subject, &create->id);
}

/* Whether some seen write replaced (or, in a set, removed) this value of that write. */
static bool is_replaced(const struct model *model, const struct model_write *create,
                        const struct field *field, const struct model_write *written,
                        const struct model_value *value, const struct reader *reader)
{
    for (size_t i = 0; i < model->count; i++) {
        const struct model_write *by = &model->writes[i];
        if (!concerns(by, create) || !reader_sees(reader, by)) {
            continue;
        }
        for (size_t v = 0; v < by->value_count; v++) {
            const struct model_value *other = &by->values[v];
            bool about =
                other->field == value->field &&
                (field->rule != MERGE_SET || slice_equal(other->encoded, value->encoded));
            for (size_t r = 0; about && r < other->replaced_count; r++) {
                if (same_id(&other->replaced[r], &written->id)) {
                    return true;
                }
            }
        }
    }
    return false;
}

static void add_version(struct model_versions *versions, const struct model_write *write,
                        const struct model_value *value)
{
    CHECK(versions->count < MODEL_VERSIONS_MAX);
    versions->items[versions->count++] = (struct model_version){
        .id = write->id,
        .stamp_ms = write->stamp_ms,
        .machine = write->machine,
        .uid = write->uid,
        .encoded = value->encoded,
    };
}

/* Every value of the field that is written, seen and not replaced, in no order. */
static void live_values(const struct model *model, const struct model_write *create,
                        const struct field *field, const struct reader *reader,
                        struct model_versions *versions)
{
    versions->count = 0;
    for (size_t i = 0; i < model->count; i++) {
        const struct model_write *write = &model->writes[i];
        bool counts = concerns(write, create) && reader_sees(reader, write) &&
                      (field->rule != MERGE_ONCE || write == create);
        for (size_t v = 0; counts && v < write->value_count; v++) {
            const struct model_value *value = &write->values[v];
            if (value->field != field->id || value->remove || value->encoded.size == 0) {
                continue;
            }
            bool gone = (field->rule == MERGE_MULTI || field->rule == MERGE_SET) &&
                        is_replaced(model, create, field, write, value, reader);
            if (!gone) {
                add_version(versions, write, value);
            }
        }
    }
}

static int newest_first(const void *a, const void *b)
{
    const struct model_version *x = a, *y = b;
    if (x->stamp_ms != y->stamp_ms) {
        return x->stamp_ms > y->stamp_ms ? -1 : 1;
    }
    return -memcmp(x->id.bytes, y->id.bytes, ENTRY_ID_SIZE);
}

static int oldest_first(const void *a, const void *b)
{
    return -newest_first(a, b);
}

static int by_value(const void *a, const void *b)
{
    const struct model_version *x = a, *y = b;
    int order = slice_compare(x->encoded, y->encoded);
    return order != 0 ? order : newest_first(a, b);
}

/* Of equal values the latest write stays: people agree. */
static void drop_equal_values(struct model_versions *versions)
{
    size_t kept = 0;
    qsort(versions->items, versions->count, sizeof(versions->items[0]), by_value);
    for (size_t i = 0; i < versions->count; i++) {
        if (kept == 0 ||
            !slice_equal(versions->items[kept - 1].encoded, versions->items[i].encoded)) {
            versions->items[kept++] = versions->items[i];
        }
    }
    versions->count = kept;
}

void model_field(const struct model *model, const struct model_write *create,
                 const struct field *field, const struct reader *reader,
                 struct model_versions *versions)
{
    live_values(model, create, field, reader, versions);
    if (field->rule == MERGE_SET || field->rule == MERGE_MULTI) {
        drop_equal_values(versions);
    }
    if (field->rule == MERGE_MULTI || field->rule == MERGE_LOG) {
        qsort(versions->items, versions->count, sizeof(versions->items[0]),
              field->rule == MERGE_LOG ? oldest_first : newest_first);
    }
}

/* Which versions this value replaces: all that its writer saw of a MULTI field; of a set,
 * those additions of the same element, when it is taken out. */
static void note_replaced(struct model *model, const struct model_write *write,
                          const struct model_write *create, struct model_value *value)
{
    const struct field *field = schema_field(schema_register(write->reg), value->field);
    if (!(field->rule == MERGE_MULTI || (field->rule == MERGE_SET && value->remove))) {
        return;
    }
    struct model_versions versions;
    struct reader writer = {write->sights, write->sight_count};
    live_values(model, create, field, &writer, &versions);
    value->replaced =
        arena_alloc(&model->arena, (versions.count + 1) * sizeof(*value->replaced));
    for (size_t i = 0; i < versions.count; i++) {
        if (field->rule == MERGE_MULTI ||
            slice_equal(versions.items[i].encoded, value->encoded)) {
            value->replaced[value->replaced_count++] = versions.items[i].id;
        }
    }
}

/* How far the writer's own log reached when it came to this write: what it wrote before in
 * the same batch became durable with it, and is in the model already. */
static uint64_t own_seq(const struct model *model, const struct model_write *write,
                        struct log_name log, uint64_t seq)
{
    for (size_t i = model->count; i > 0; i--) {
        const struct model_write *before = &model->writes[i - 1];
        if (before->machine == write->machine &&
            log_name_equal(entry_id_log(&before->id), log)) {
            return entry_id_seq(&before->id) > seq ? entry_id_seq(&before->id) : seq;
        }
    }
    return seq;
}

/* The writer also sees what it wrote before this in the same batch: its own log reaches
 * to just below the new entry, and those of its other lanes as far as it has written. */
static void copy_sights(struct model *model, struct model_write *write,
                        const struct job *job)
{
    struct log_name own = entry_id_log(&write->id);
    write->sights =
        arena_alloc(&model->arena, (job->sight_count + 1) * sizeof(struct sight));
    for (size_t i = 0; i < job->sight_count; i++) {
        struct sight sight = job->sights[i];
        if (log_name_equal(sight.log, own)) {
            continue;
        }
        if (sight.log.node == own.node) {
            sight.seq = own_seq(model, write, sight.log, sight.seq);
        }
        write->sights[write->sight_count++] = sight;
    }
    write->sights[write->sight_count++] =
        (struct sight){.log = own, .seq = entry_id_seq(&write->id) - 1};
}

static void copy_values(struct model *model, struct model_write *write,
                        const struct job *job)
{
    const struct model_write *create =
        write->kind == OPERATION_EDIT ? model_create_of(model, &write->subject) : NULL;
    write->value_count = job->write.count;
    write->values =
        arena_alloc(&model->arena, (job->write.count + 1) * sizeof(*write->values));
    for (size_t i = 0; i < job->write.count; i++) {
        const struct write_value *from = &job->write.values[i];
        struct model_value *to = &write->values[i];
        to->field = from->field;
        to->remove = from->remove;
        to->encoded = arena_copy(&model->arena, from->value);
        if (create != NULL) {
            note_replaced(model, write, create, to);
        }
    }
}

void model_add(struct model *model, const struct job *job, const struct entry_id *id,
               bool acknowledged)
{
    model->writes = array_grow(model->writes, &model->capacity, model->count + 1,
                               sizeof *model->writes);
    struct model_write write = {
        .kind = job->write.kind,
        .reg = job->write.reg,
        .realm = job->write.realm,
        .id = *id,
        .subject = job->write.subject,
        .target = job->write.target,
        .stamp_ms = job->wall_ms,
        .machine = job->machine,
        .uid = job->write.account.uid,
        .acknowledged = acknowledged,
        .restores = job->write.restores,
    };
    size_t reason = job->write.reason.size < sizeof(write.reason)
                        ? job->write.reason.size
                        : sizeof(write.reason) - 1;
    if (reason > 0) {
        memcpy(write.reason, job->write.reason.data, reason);
    }
    copy_sights(model, &write, job);
    copy_values(model, &write, job);
    model->writes[model->count++] = write;
}

const struct model_write *model_create_of(const struct model *model,
                                          const struct entry_id *id)
{
    for (size_t i = 0; i < model->count; i++) {
        if (model->writes[i].kind == OPERATION_CREATE &&
            same_id(&model->writes[i].id, id)) {
            return &model->writes[i];
        }
    }
    return NULL;
}

const struct model_write *model_void_of(const struct model *model,
                                        const struct entry_id *id,
                                        const struct reader *reader)
{
    const struct model_write *latest = NULL;
    for (size_t i = 0; i < model->count; i++) {
        const struct model_write *write = &model->writes[i];
        if (write->kind != OPERATION_VOID || !same_id(&write->target, id) ||
            !reader_sees(reader, write)) {
            continue;
        }
        if (latest == NULL || write->stamp_ms > latest->stamp_ms ||
            (write->stamp_ms == latest->stamp_ms &&
             memcmp(write->id.bytes, latest->id.bytes, ENTRY_ID_SIZE) > 0)) {
            latest = write;
        }
    }
    return latest;
}

/* Whether `write` is a create whose amends field names `id`. */
static bool amends(const struct model_write *write, const struct entry_id *id)
{
    const struct schema_register *reg = schema_register(write->reg);
    if (write->kind != OPERATION_CREATE || reg->amends_field == FIELD_NONE) {
        return false;
    }
    for (size_t v = 0; v < write->value_count; v++) {
        struct slice rest = write->values[v].encoded, named;
        if (write->values[v].field == reg->amends_field &&
            codec_take_bytes(&rest, &named) && named.size == ENTRY_ID_SIZE &&
            memcmp(named.data, id->bytes, ENTRY_ID_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_undone(const struct model *model, const struct entry_id *id,
                      const struct reader *reader)
{
    const struct model_write *voided = model_void_of(model, id, reader);
    return voided != NULL && voided->restores;
}

/* An amendment that was undone replaces nothing, unless what replaces it stands. */
size_t model_amendments(const struct model *model, const struct entry_id *id,
                        const struct reader *reader)
{
    size_t count = 0;
    for (size_t i = 0; i < model->count; i++) {
        const struct model_write *write = &model->writes[i];
        if (reader_sees(reader, write) && amends(write, id) &&
            (!is_undone(model, &write->id, reader) ||
             model_amendments(model, &write->id, reader) > 0)) {
            count++;
        }
    }
    return count;
}
