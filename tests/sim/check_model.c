/* The second opinion: every record reads, at every machine that can read it, as the naive
 * model says, and there is no record that nobody wrote. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/codec.h"
#include "crdt/view.h"
#include "tests/sim/checks.h"

/* What is being compared, for the words of a failure. */
struct place_read {
    struct world *world;
    struct machine *machine;
    struct store_txn *txn;
    struct arena arena;
    struct reader reader;
    const struct model_write *create;
};

static bool differs(struct place_read *at, const char *what, size_t seen, size_t expected)
{
    char id[ID_TEXT_SIZE];
    id_format(&at->create->id, id);
    world_fail(at->world, "%s reads %s %s: %s: %zu instead of %zu", at->machine->name,
               schema_register(at->create->reg)->name, id, what, seen, expected);
    return false;
}

/* A sealed value is compared by what it opens to. */
static bool same_value(struct place_read *at, const struct field *field,
                       struct slice stored, struct slice expected)
{
    struct slice sealed = stored, opened, text = expected, typed;
    if (field->type != FIELD_SEALED) {
        return slice_equal(stored, expected);
    }
    return codec_take_bytes(&sealed, &opened) && codec_take_text(&text, &typed) &&
           engine_open_field(node_engine(at->machine->node), at->create->realm, opened,
                             &at->arena, &opened) &&
           slice_equal(opened, typed);
}

/* "clerk1001" of the machine that wrote it, as its operator record says. */
static bool same_actor(struct place_read *at, const struct model_version *expected,
                       const struct version *version)
{
    char name[JOB_ACCOUNT_SIZE];
    const struct schema_register *reg = schema_register(REGISTER_OPERATOR);
    const struct machine *writer = &at->world->machines[expected->machine];
    uint64_t realm = division_township(writer->division), found, newest, number;
    struct fold_subjects walk = {.reg = REGISTER_OPERATOR,
                                 .realm = realm != 0 ? realm : COUNTY_CODE};
    struct entry_id subject;
    struct record_view record;
    bool same = false;
    snprintf(name, sizeof(name), "clerk%" PRIu32, expected->uid);
    while (!same && fold_subjects_next(at->txn, &walk, &found, &subject, &newest)) {
        struct slice text, value;
        if (entry_id_log(&subject).node != writer->number ||
            !view_record(at->txn, reg, found, NULL, &subject, &at->arena, &record)) {
            continue;
        }
        value = view_value(&record, OPERATOR_NUMBER);
        struct slice account = view_value(&record, OPERATOR_ACCOUNT);
        same = codec_take_uint(&value, &number) && number == version->actor &&
               codec_take_text(&account, &text) && slice_equal(text, slice_text(name));
    }
    store_cursor_close(&walk.cursor);
    return same;
}

static bool same_version(struct place_read *at, const struct field *field,
                         const struct model_version *expected,
                         const struct version *version)
{
    return (field->rule == MERGE_SET ||
            (memcmp(&expected->id, &version->id, sizeof(version->id)) == 0 &&
             expected->stamp_ms == version->stamp_ms)) &&
           same_value(at, field, version->value, expected->encoded);
}

static bool holds_version(struct place_read *at, const struct field_view *view,
                          const struct model_version *expected)
{
    for (size_t i = 0; i < view->count; i++) {
        if (same_version(at, view->field, expected, &view->versions[i])) {
            return true;
        }
    }
    return false;
}

static size_t distinct_values(const struct field_view *view)
{
    size_t distinct = 0;
    for (size_t i = 0; i < view->count; i++) {
        bool again = false;
        for (size_t k = 0; k < i; k++) {
            again =
                again || slice_equal(view->versions[i].value, view->versions[k].value);
        }
        distinct += again ? 0 : 1;
    }
    return distinct;
}

/* The latest is displayed; of choices where it matters, the one that leaves nobody out.
 */
static bool displays_rightly(struct place_read *at, const struct record_view *record,
                             const struct field *field,
                             const struct model_versions *expected)
{
    struct slice shown = view_value(record, field->id);
    struct slice best = expected->items[0].encoded;
    for (size_t i = 1; field->safest_first && i < expected->count; i++) {
        if (slice_compare(expected->items[i].encoded, best) < 0) {
            best = expected->items[i].encoded;
        }
    }
    return same_value(at, field, shown, best);
}

static bool check_field(struct place_read *at, const struct record_view *record,
                        const struct field *field)
{
    static struct model_versions expected;
    const struct field_view *view = &record->fields[field->id];
    model_field(&at->world->model, at->create, field, &at->reader, &expected);
    size_t count = field->rule == MERGE_SET ? distinct_values(view) : view->count;
    if (view->field != field || count != expected.count) {
        return differs(at, field->name, count, expected.count);
    }
    for (size_t i = 0; i < expected.count; i++) {
        bool ordered = field->rule == MERGE_LOG ||
                       (field->rule == MERGE_MULTI && !field->safest_first);
        bool same = ordered
                        ? same_version(at, field, &expected.items[i], &view->versions[i])
                        : holds_version(at, view, &expected.items[i]);
        if (!same) {
            return differs(at, field->name, i, i);
        }
    }
    if (expected.count > 0 && field->rule == MERGE_MULTI &&
        !displays_rightly(at, record, field, &expected)) {
        return differs(at, field->name, 0, 0);
    }
    /* Of whoever was revoked the record that names a clerk may lie beyond the cut of one lane
     * and what the clerk wrote before that of another. */
    if (expected.count > 0 && !at->world->machines[expected.items[0].machine].revoked &&
        (field->rule == MERGE_MULTI || field->rule == MERGE_LOG) &&
        !field->safest_first && at->machine->index == 0 &&
        !same_actor(at, &expected.items[0], &view->versions[0])) {
        return differs(at, "actor", view->versions[0].actor, expected.items[0].uid);
    }
    return true;
}

static bool check_record(struct place_read *at, const struct record_view *record)
{
    const struct model *model = &at->world->model;
    const struct schema_register *reg = schema_register(at->create->reg);
    const struct model_write *voided = model_void_of(model, &at->create->id, &at->reader);
    size_t amendments = model_amendments(model, &at->create->id, &at->reader);
    if (!record->known || record->realm != at->create->realm ||
        record->created_ms != at->create->stamp_ms) {
        return differs(at, "creation", record->known, 1);
    }
    if (record->voided != (voided != NULL) ||
        (voided != NULL &&
         !slice_equal(record->void_reason, slice_text(voided->reason)))) {
        return differs(at, "voided", record->voided, voided != NULL);
    }
    if (record->amended_count != amendments) {
        return differs(at, "amendments", record->amended_count, amendments);
    }
    for (size_t f = 0; f < reg->field_count && !world_failed(at->world); f++) {
        const struct field *field = &reg->fields[f];
        if (!field->computed && !field->seen) { /* what nobody typed */
            check_field(at, record, field);
        }
    }
    return !world_failed(at->world);
}

static bool check_create(struct place_read *at)
{
    struct record_view record;
    const struct schema_register *reg = schema_register(at->create->reg);
    const struct entry_id *subject =
        reg->subject_field == FIELD_NONE ? NULL : &at->create->subject;
    if (!view_record(at->txn, reg, at->create->realm, subject, &at->create->id,
                     &at->arena, &record)) {
        return differs(at, "records", 0, 1);
    }
    return check_record(at, &record);
}

/* No record exists that nobody wrote: as many of each register, operators aside. */
static size_t count_records(struct place_read *at, uint8_t reg, uint64_t realm)
{
    struct fold_subjects walk = {.reg = reg, .realm = realm};
    struct entry_id subject;
    struct record_list list;
    uint64_t found, newest;
    size_t count = 0;
    while (fold_subjects_next(at->txn, &walk, &found, &subject, &newest)) {
        view_chain(at->txn, schema_register(reg), found, &subject, &at->arena, &list);
        for (size_t i = 0; i < list.count; i++) {
            count += list.records[i].known ? 1 : 0;
        }
    }
    store_cursor_close(&walk.cursor);
    return count;
}

static bool check_counts(struct place_read *at, uint64_t realm)
{
    const struct schema_register *reg;
    for (size_t r = 0; (reg = schema_register_at(r)) != NULL && !world_failed(at->world);
         r++) {
        const struct model *model = &at->world->model;
        size_t expected = 0;
        if (reg->id == REGISTER_OPERATOR) {
            continue;
        }
        for (size_t i = 0; i < model->count; i++) {
            const struct model_write *write = &model->writes[i];
            expected += write->kind == OPERATION_CREATE && write->reg == reg->id &&
                                write->realm == realm && reader_sees(&at->reader, write)
                            ? 1
                            : 0;
        }
        size_t count = count_records(at, reg->id, realm);
        if (count != expected) {
            world_fail(at->world,
                       "%s reads %zu records of register %u in %" PRIu64
                       " instead of %zu",
                       at->machine->name, count, reg->id, realm, expected);
        }
    }
    return !world_failed(at->world);
}

static bool reads_realm(const struct machine *machine, uint64_t realm)
{
    return machine->index == 0 || realm == COUNTY_CODE ||
           division_township(machine->division) == realm;
}

/* A village carries its township's logs: what the hub writes into the realm it never
 * sees, and so reads records without. */
static void check_machine(struct world *world, struct machine *machine)
{
    struct job *looker = job_create(0, machine->index);
    job_look(looker, engine_heads(node_engine(machine->node)));
    struct place_read at = {.world = world,
                            .machine = machine,
                            .reader = {looker->sights, looker->sight_count}};
    arena_init(&at.arena);
    CHECK(node_read(machine->node, &at.txn) == OK);
    for (size_t i = 0; i < world->model.count && !world_failed(world); i++) {
        at.create = &world->model.writes[i];
        if (at.create->kind == OPERATION_CREATE &&
            reads_realm(machine, at.create->realm) &&
            reader_sees(&at.reader, at.create)) {
            check_create(&at);
            arena_reset(&at.arena);
        }
    }
    for (size_t i = 0; i < world->machine_count && !world_failed(world); i++) {
        uint64_t realm = division_township(world->machines[i].division);
        realm = realm == 0 ? COUNTY_CODE : realm;
        if (reads_realm(machine, realm)) {
            check_counts(&at, realm);
            arena_reset(&at.arena);
        }
    }
    store_abort(at.txn);
    arena_deinit(&at.arena);
    job_destroy(looker);
}

bool check_model(struct world *world)
{
    for (size_t i = 0; i < world->machine_count && !world_failed(world); i++) {
        if (!world->machines[i].revoked) {
            check_machine(world, &world->machines[i]);
        }
    }
    return !world_failed(world);
}
