/* Work on the registers that persons and visits lead to: volunteers, orders and their steps,
 * leads, the three lists, conflicts to decide on, months to close. */
#include <inttypes.h>

#include "crdt/calendar.h"
#include "crdt/codec.h"
#include "crdt/conflict.h"
#include "crdt/order.h"
#include "crdt/schema_leads.h"
#include "crdt/schema_lists.h"
#include "crdt/schema_orders.h"
#include "tests/sim/desk.h"
#include "tests/sim/workload.h"

/* What a field names is a record that the machine holds; false: it holds none. */
static bool find_named(struct world *world, const struct machine *machine,
                       const struct field *field, uint64_t realm,
                       struct value_context *context)
{
    if (field->type != FIELD_RECORD) {
        return true;
    }
    const struct schema_register *named = schema_register(field->names);
    const struct model_write *record = work_pick(
        world, machine, named->id, named->realm == REALM_COUNTY ? COUNTY_CODE : realm);
    if (record != NULL) {
        context->subject = record->id;
    }
    return record != NULL;
}

/* NULL: what it must name is not here. */
static struct job *new_record(struct world *world, struct machine *machine, uint8_t id,
                              uint64_t realm)
{
    const struct schema_register *reg = schema_register(id);
    struct job *job = work_job(world, machine, OPERATION_CREATE, reg->id, realm);
    for (size_t i = 0; i < reg->field_count; i++) {
        const struct field *field = &reg->fields[i];
        struct value_context context = {.realm = realm, .today = world_today(world)};
        bool wanted = field->required || chance_permille(&world->work_chance, 250);
        if (field->computed || field->seen || !wanted) {
            continue;
        }
        if (find_named(world, machine, field, realm, &context)) {
            work_add_field(world, job, field, &context);
        } else if (field->required) {
            job_destroy(job);
            return NULL;
        }
    }
    return job;
}

/* Entered, changed, or taken out. */
static struct job *work_on(struct world *world, struct machine *machine, uint8_t id,
                           uint64_t realm)
{
    const struct schema_register *reg = schema_register(id);
    const struct model_write *record = work_pick(world, machine, id, realm);
    uint64_t what = chance_below(&world->work_chance, 100);
    if (record == NULL || what < 55) {
        return new_record(world, machine, id, realm);
    }
    if (what < 60) {
        return work_void(world, machine, record);
    }
    const struct field *field =
        &reg->fields[chance_below(&world->work_chance, reg->field_count)];
    bool fits =
        !field->computed && field->rule != MERGE_ONCE && field->type != FIELD_RECORD;
    return fits ? work_edit(world, machine, record, field->id) : NULL;
}

/* ---- orders ---- */

/* One of the steps that can follow where the order stands, as this machine sees it, and whom
 * it is assigned to; now and then any step, which is refused or flagged. */
static uint8_t next_step(struct world *world, struct machine *machine,
                         const struct model_write *order, struct entry_id *volunteer,
                         bool *several)
{
    const struct schema_register *reg = schema_register(REGISTER_ORDER);
    uint8_t step = (uint8_t)chance_between(&world->work_chance, STEP_ASSIGN, STEP_CANCEL);
    uint64_t which = chance_next(&world->work_chance), choice;
    bool any = chance_permille(&world->work_chance, 50);
    struct record_view record;
    struct store_txn *txn;
    struct arena arena;
    arena_init(&arena);
    CHECK(node_read(machine->node, &txn) == OK);
    if (view_record(txn, reg, order->realm, NULL, &order->id, &arena, &record)) {
        const struct field_view *next = &record.fields[ORDER_NEXT];
        const struct field_view *assigned = &record.fields[ORDER_VOLUNTEER];
        struct slice value = next->count > 0 ? next->versions[which % next->count].value
                                             : (struct slice){0};
        if (!any && next->count > 0 && codec_take_uint(&value, &choice)) {
            step = (uint8_t)choice;
        }
        if (step == STEP_CANCEL && chance_permille(&world->work_chance, 700)) {
            step = STEP_ASSIGN; /* most are to go further than that */
        }
        *several = assigned->count > 1;
        if (*several) {
            value = assigned->versions[which % assigned->count].value;
            CHECK(codec_take_id(&value, volunteer));
        }
    }
    store_abort(txn);
    arena_deinit(&arena);
    return step;
}

static struct job *order_step(struct world *world, struct machine *machine,
                              uint64_t realm)
{
    const struct schema_register *reg = schema_register(REGISTER_ORDER_STEP);
    const struct model_write *order = work_pick(world, machine, REGISTER_ORDER, realm);
    const struct step *step = schema_register(REGISTER_ORDER)->steps;
    struct entry_id whose;
    bool several = false;
    if (order == NULL) {
        return NULL;
    }
    uint8_t which = next_step(world, machine, order, &whose, &several);
    while (step->choice != which) {
        step++;
        CHECK(step->word != NULL);
    }
    struct job *job = work_job(world, machine, OPERATION_CREATE, reg->id, realm);
    job->write.subject = order->id;
    struct value_context context = {.realm = realm, .subject = order->id};
    work_add_field(world, job, &reg->fields[STEP_ORDER], &context);
    work_add_choice(job, STEP_WHAT, which);
    for (size_t i = 0; i < reg->field_count; i++) {
        const struct field *field = &reg->fields[i];
        bool needed = (step->needed & FIELD_BIT(i)) != 0;
        bool taken = needed || ((step->fields & FIELD_BIT(i)) != 0 &&
                                chance_permille(&world->work_chance, 300));
        struct buffer value;
        if (field->id == STEP_VOLUNTEER && !needed && several) {
            buffer_init(&value, PAYLOAD_SIZE_MAX);
            codec_put_id(&value, &whose);
            job_add_value(job, field->id, false, buffer_slice(&value));
            buffer_deinit(&value);
        } else if (field->id == STEP_AT && taken) {
            buffer_init(&value, PAYLOAD_SIZE_MAX);
            codec_put_int(&value, beijing_minutes(machine_wall_ms(world, machine)));
            job_add_value(job, field->id, false, buffer_slice(&value));
            buffer_deinit(&value);
        } else if (taken && (needed || field->id != STEP_VOLUNTEER)) {
            if (!find_named(world, machine, field, realm, &context)) {
                job_destroy(job);
                return NULL;
            }
            work_add_field(world, job, field, &context);
        }
    }
    return job;
}

/* ---- leads ---- */

static struct job *lead_step(struct world *world, struct machine *machine, uint64_t realm)
{
    const struct model_write *lead = work_pick(world, machine, REGISTER_LEAD, realm);
    return lead == NULL ? NULL : work_ack(world, machine, realm, &lead->id);
}

/* ---- the three lists ---- */

static uint8_t an_offer(struct world *world)
{
    return chance_permille(&world->work_chance, 500) ? REGISTER_RESOURCE
                                                     : REGISTER_PROJECT;
}

/* A need is bound to what is offered, or closed. */
static struct job *match(struct world *world, struct machine *machine, uint64_t realm)
{
    const struct model_write *need = work_pick(world, machine, REGISTER_NEED, realm);
    struct value_context context = {.realm = realm, .today = world_today(world)};
    uint64_t what = chance_below(&world->work_chance, 100);
    uint8_t id = what < 40 ? NEED_RESOURCE : what < 80 ? NEED_PROJECT : NEED_REASON;
    const struct field *field = schema_field(schema_register(REGISTER_NEED), id);
    if (need == NULL || !find_named(world, machine, field, realm, &context)) {
        return NULL;
    }
    struct job *job = work_job(world, machine, OPERATION_EDIT, REGISTER_NEED, realm);
    job->write.subject = need->id;
    work_add_field(world, job, field, &context);
    return job;
}

/* ---- decisions ---- */

/* One of the records in conflict here, and one of the values of one of its fields. */
static bool find_conflict(struct world *world, struct machine *machine,
                          char id[ID_TEXT_SIZE], char version[ID_TEXT_SIZE],
                          const char **field)
{
    struct conflict_walk walk = {0};
    struct conflict conflict, chosen = {0};
    struct record_view record;
    struct store_txn *txn;
    struct arena arena;
    uint64_t count = 0;
    bool found = false;
    arena_init(&arena);
    CHECK(node_read(machine->node, &txn) == OK);
    while (count < 50 && conflict_next(txn, &walk, &conflict)) {
        count++;
        if (chance_below(&world->work_chance, count) == 0) {
            chosen = conflict;
        }
    }
    store_cursor_close(&walk.cursor);
    const struct schema_register *reg = count > 0 ? schema_register(chosen.reg) : NULL;
    if (reg != NULL &&
        view_record(txn, reg, chosen.realm,
                    reg->subject_field == FIELD_NONE ? NULL : &chosen.subject,
                    &chosen.record, &arena, &record)) {
        for (size_t i = 0; i < reg->field_count; i++) {
            const struct field_view *view = &record.fields[i];
            if (!field_in_conflict(view) ||
                (found && chance_permille(&world->work_chance, 500))) {
                continue;
            }
            uint64_t kept = chance_below(&world->work_chance, view->count);
            id_format(&record.id, id);
            id_format(&view->versions[kept].id, version);
            *field = reg->fields[i].name;
            found = true;
        }
    }
    store_abort(txn);
    arena_deinit(&arena);
    return found;
}

static struct job *settle(struct world *world, struct machine *machine)
{
    char id[ID_TEXT_SIZE], version[ID_TEXT_SIZE];
    const char *field = NULL;
    struct desk desk;
    if (!find_conflict(world, machine, id, version, &field)) {
        return NULL;
    }
    bool shown = chance_permille(&world->work_chance, 300);
    desk_init(&desk);
    struct job *job = desk_write(&desk, machine, "conflict.resolve",
                                 (struct desk_arg[]){{"id", id},
                                                     {"field", field},
                                                     {"keep", shown ? "shown" : version},
                                                     {NULL, NULL}});
    desk_deinit(&desk);
    return job;
}

/* The month that is about, or one of the two before, over or not. */
static struct job *close_month(struct world *world, struct machine *machine,
                               uint64_t realm)
{
    const struct model_write *closed = work_pick(world, machine, REGISTER_MONTH, realm);
    char month[8], division[16];
    struct desk desk;
    if (closed != NULL && chance_permille(&world->work_chance, 200)) {
        return work_void(world, machine, closed);
    }
    month_format(month_of(world_today(world)) -
                     (int64_t)chance_below(&world->work_chance, 3),
                 month);
    snprintf(division, sizeof(division), "%" PRIu64, realm);
    desk_init(&desk);
    struct job *job = desk_write(
        &desk, machine, "month.close",
        (struct desk_arg[]){
            {"month", month}, {"division", division}, {"anyway", "yes"}, {NULL, NULL}});
    desk_deinit(&desk);
    return job;
}

struct job *work_register(struct world *world, struct machine *machine, enum work work,
                          uint64_t realm)
{
    struct job *job = NULL;
    switch (work) {
    case WORK_VOLUNTEER: return work_on(world, machine, REGISTER_VOLUNTEER, COUNTY_CODE);
    case WORK_ORDER: return work_on(world, machine, REGISTER_ORDER, realm);
    case WORK_ORDER_STEP:
        job = order_step(world, machine, realm);
        return job != NULL ? job : new_record(world, machine, REGISTER_ORDER, realm);
    case WORK_LEAD: return work_on(world, machine, REGISTER_LEAD, realm);
    case WORK_LEAD_STEP:
        job = lead_step(world, machine, realm);
        return job != NULL ? job : new_record(world, machine, REGISTER_LEAD, realm);
    case WORK_NEED: return work_on(world, machine, REGISTER_NEED, realm);
    case WORK_OFFER: return work_on(world, machine, an_offer(world), COUNTY_CODE);
    case WORK_MATCH:
        job = match(world, machine, realm);
        return job != NULL ? job : new_record(world, machine, REGISTER_NEED, realm);
    case WORK_SETTLE: job = settle(world, machine); break;
    case WORK_CLOSE: job = close_month(world, machine, realm); break;
    case WORK_PERSON:
    case WORK_EDIT:
    case WORK_VISIT:
    case WORK_AMEND:
    case WORK_VOID:
    case WORKS: break;
    }
    if (job != NULL) {
        work_sign(world, job); /* it came from a desk */
        job->write.insist = true;
    }
    return job;
}
