#include "tests/sim/workload.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/codec.h"
#include "crdt/schema_leads.h"
#include "tests/sim/plan.h"
#include "tests/sim/values.h"

#define VALUE_SIZE_MAX 8192

void work_sign(struct world *world, struct job *job)
{
    uint32_t uid = 1000 + (uint32_t)chance_below(&world->work_chance, 3);
    snprintf(job->account_name, sizeof(job->account_name), "clerk%" PRIu32, uid);
    job->write.token = ++world->token;
    job->write.account =
        (struct account){.uid = uid, .name = slice_text(job->account_name)};
}

struct job *work_job(struct world *world, struct machine *machine,
                     enum operation_kind kind, uint8_t reg, uint64_t realm)
{
    struct job *job = job_create(0, machine->index);
    work_sign(world, job);
    job->write.kind = kind;
    job->write.reg = reg;
    job->write.realm = realm;
    job->write.insist = true; /* who draws visits at random means each of them */
    return job;
}

/* One value, two for some sets; optional fields only now and then. */
void work_add_field(struct world *world, struct job *job, const struct field *field,
                    const struct value_context *context)
{
    struct buffer value;
    buffer_init(&value, VALUE_SIZE_MAX);
    unsigned count =
        field->rule == MERGE_SET && chance_permille(&world->work_chance, 300) ? 2 : 1;
    for (unsigned i = 0; i < count; i++) {
        value_make(&world->work_chance, field, context, &value);
        bool again = false;
        for (size_t k = 0; k < job->write.count; k++) {
            again = again || (job->values[k].field == field->id &&
                              slice_equal(job->values[k].value, buffer_slice(&value)));
        }
        if (!again) {
            job_add_value(job, field->id, false, buffer_slice(&value));
        }
    }
    buffer_deinit(&value);
}

struct job *work_person(struct world *world, struct machine *machine, uint64_t realm)
{
    const struct schema_register *reg = schema_register(REGISTER_PERSON);
    struct job *job = work_job(world, machine, OPERATION_CREATE, reg->id, realm);
    struct value_context context = {.realm = realm, .today = world_today(world)};
    for (size_t i = 0; i < reg->field_count; i++) {
        const struct field *field = &reg->fields[i];
        if (field->required ||
            (!field->apart && chance_permille(&world->work_chance, 300))) {
            work_add_field(world, job, field, &context);
        }
    }
    return job;
}

/* Nobody is met by telephone or answers a call at home; a video call may end either way. */
static void make_agree(struct job *job)
{
    static const uint8_t video[] = {METHOD_VIDEO};
    uint8_t method = 0, outcome = 0;
    struct write_value *method_value = NULL;
    for (size_t i = 0; i < job->write.count; i++) {
        struct write_value *value = &job->values[i];
        if (value->field == VISIT_METHOD) {
            method = value->value.data[0];
            method_value = value;
        }
        if (value->field == VISIT_OUTCOME)
            outcome = value->value.data[0];
    }
    if ((method == METHOD_PHONE && outcome == OUTCOME_MET) ||
        (method == METHOD_HOME && outcome == OUTCOME_ANSWERED))
        method_value->value = slice_of(video, sizeof video);
}

struct job *work_visit(struct world *world, struct machine *machine, uint64_t realm,
                       const struct entry_id *person, const struct entry_id *amended)
{
    const struct schema_register *reg = schema_register(REGISTER_VISIT);
    struct job *job = work_job(world, machine, OPERATION_CREATE, reg->id, realm);
    struct value_context context = {
        .realm = realm, .subject = *person, .today = world_today(world)};
    job->write.subject = *person;
    for (size_t i = 0; i < reg->field_count; i++) {
        const struct field *field = &reg->fields[i];
        bool wanted = field->required || chance_permille(&world->work_chance, 200);
        if (wanted && field->id != reg->amends_field) {
            work_add_field(world, job, field, &context);
        }
    }
    make_agree(job);
    if (amended != NULL) {
        struct value_context of = {.realm = realm, .subject = *amended};
        work_add_field(world, job, schema_field(reg, reg->amends_field), &of);
    }
    return job;
}

/* Takes out an element that the writer sees, if there is one. */
static bool add_removal(struct world *world, struct job *job, struct machine *machine,
                        const struct model_write *person, const struct field *field)
{
    struct job *looker = job_create(0, machine->index);
    struct model_versions versions;
    job_look(looker, engine_heads(node_engine(machine->node)));
    model_field(&world->model, person, field,
                &(struct reader){looker->sights, looker->sight_count}, &versions);
    job_destroy(looker);
    if (versions.count == 0) {
        return false;
    }
    uint64_t which = chance_below(&world->work_chance, versions.count);
    job_add_value(job, field->id, true, versions.items[which].encoded);
    return true;
}

static void add_change(struct world *world, struct job *job, struct machine *machine,
                       const struct model_write *person, const struct field *field)
{
    struct value_context context = {
        .realm = person->realm, .subject = person->id, .today = world_today(world)};
    bool less = chance_permille(&world->work_chance, 300);
    if (field->rule == MERGE_SET && less &&
        add_removal(world, job, machine, person, field)) {
        return;
    }
    if (field->rule == MERGE_MULTI && !field->required && less) {
        job_add_value(job, field->id, false, (struct slice){0});
        return;
    }
    work_add_field(world, job, field, &context);
}

struct job *work_edit(struct world *world, struct machine *machine,
                      const struct model_write *person, uint8_t field)
{
    const struct schema_register *reg = schema_register(person->reg);
    struct job *job = work_job(world, machine, OPERATION_EDIT, reg->id, person->realm);
    job->write.subject = person->id;
    add_change(world, job, machine, person, schema_field(reg, field));
    return job;
}

struct job *work_void(struct world *world, struct machine *machine,
                      const struct model_write *target)
{
    struct job *job =
        work_job(world, machine, OPERATION_VOID, target->reg, target->realm);
    const struct schema_register *reg = schema_register(target->reg);
    job->write.subject = reg->subject_field == FIELD_NONE ? target->id : target->subject;
    job->write.target = target->id;
    job->write.reason = slice_text("entered twice");
    for (size_t v = 0; v < target->value_count; v++) {
        if (target->values[v].field == reg->amends_field)
            job->write.restores = chance_below(&world->work_chance, 2) == 0;
    }
    return job;
}

void work_add_choice(struct job *job, uint8_t field, uint8_t choice)
{
    struct buffer value;
    buffer_init(&value, VALUE_SIZE_MAX);
    codec_put_uint(&value, choice);
    job_add_value(job, field, false, buffer_slice(&value));
    buffer_deinit(&value);
}

struct job *work_lead(struct world *world, struct machine *machine, uint64_t realm,
                      uint8_t level)
{
    const struct schema_register *reg = schema_register(REGISTER_LEAD);
    struct job *job = work_job(world, machine, OPERATION_CREATE, reg->id, realm);
    struct value_context context = {.realm = realm, .today = world_today(world)};
    work_add_field(world, job, schema_field(reg, LEAD_VILLAGE), &context);
    work_add_choice(job, LEAD_LEVEL, level);
    work_add_field(world, job, schema_field(reg, LEAD_WHAT), &context);
    return job;
}

struct job *work_ack(struct world *world, struct machine *machine, uint64_t realm,
                     const struct entry_id *lead)
{
    const struct schema_register *reg = schema_register(REGISTER_LEAD_STEP);
    struct job *job = work_job(world, machine, OPERATION_CREATE, reg->id, realm);
    struct value_context context = {.realm = realm, .subject = *lead};
    job->write.subject = *lead;
    work_add_field(world, job, schema_field(reg, LEAD_STEP_LEAD), &context);
    work_add_choice(job, LEAD_STEP_WHAT, LEAD_ACK);
    work_add_field(world, job, schema_field(reg, LEAD_STEP_DONE), &context);
    return job;
}

void work_submit(struct world *world, struct job *job)
{
    machine_deliver(world, world_machine(world, job->machine), EVENT_WRITE, 0,
                    (struct slice){0}, job);
}

/* ---- at random ---- */

static uint64_t home_realm(const struct machine *machine)
{
    return division_township(machine->division);
}

/* The hub writes for any township it holds a key of; others for their own. */
static uint64_t pick_realm(struct world *world, const struct machine *machine)
{
    if (home_realm(machine) != 0) {
        return home_realm(machine);
    }
    const struct plan *plan = world->plan;
    uint64_t which = chance_below(&world->work_chance, world->machine_count);
    if (chance_permille(&world->work_chance, 500)) {
        which = plan->busy;
    }
    const struct machine *other = &world->machines[which];
    uint64_t realm = home_realm(other);
    const struct roster *roster = engine_roster(node_engine(machine->node));
    return realm != 0 && roster_newest_key(roster, realm) != NULL ? realm : 0;
}

/* A create of this register in the realm that the machine holds; half the time one of the
 * newest few, so that people meet over the same record. NULL: none found. */
const struct model_write *work_pick(struct world *world, const struct machine *machine,
                                    uint8_t reg, uint64_t realm)
{
    const struct heads *heads = engine_heads(node_engine(machine->node));
    const struct model *model = &world->model;
    bool recent = chance_permille(&world->work_chance, 500);
    size_t window = recent && model->count > 60 ? 60 : model->count;
    for (unsigned attempt = 0; attempt < 40 && window > 0; attempt++) {
        size_t at = model->count - 1 - chance_below(&world->work_chance, window);
        const struct model_write *write = &model->writes[at];
        const struct head *head = heads_find(heads, entry_id_log(&write->id));
        if (write->kind == OPERATION_CREATE && write->reg == reg &&
            write->realm == realm && head != NULL &&
            head->seq >= entry_id_seq(&write->id)) {
            return write;
        }
    }
    return NULL;
}

static enum work pick_work(struct world *world)
{
    const struct plan *plan = world->plan;
    unsigned total = 0;
    for (size_t i = 0; i < WORKS; i++) {
        total += plan->kind_weight[i];
    }
    uint64_t at = chance_below(&world->work_chance, total);
    for (int i = 0; i < WORKS; i++) {
        if (at < plan->kind_weight[i]) {
            return (enum work)i;
        }
        at -= plan->kind_weight[i];
    }
    return WORK_PERSON;
}

static struct job *random_edit(struct world *world, struct machine *machine,
                               const struct model_write *person)
{
    const struct schema_register *reg = schema_register(REGISTER_PERSON);
    /* Few fields and many writes: conflicts are what this is for. */
    uint64_t field =
        chance_below(&world->work_chance,
                     chance_permille(&world->work_chance, 500) ? reg->field_count : 6);
    if (reg->fields[field].apart) {
        field = PERSON_NAME; /* persons are merged by a command of its own */
    }
    return work_edit(world, machine, person, reg->fields[field].id);
}

static struct job *random_job(struct world *world, struct machine *machine,
                              uint64_t realm)
{
    enum work work = pick_work(world);
    if (machine->older && work >= WORK_VOLUNTEER) {
        work = WORK_EDIT; /* its program has no command for the rest */
    }
    uint8_t reg = work == WORK_AMEND || (work == WORK_VOID &&
                                         !chance_permille(&world->work_chance, 150))
                      ? REGISTER_VISIT
                      : REGISTER_PERSON;
    if (work >= WORK_VOLUNTEER) {
        return work_register(world, machine, work, realm);
    }
    const struct model_write *record = work_pick(world, machine, reg, realm);
    if (work == WORK_PERSON || record == NULL) {
        return work_person(world, machine, realm);
    }
    switch (work) {
    case WORK_EDIT: return random_edit(world, machine, record);
    case WORK_VISIT: return work_visit(world, machine, realm, &record->id, NULL);
    case WORK_AMEND:
        return work_visit(world, machine, realm, &record->subject, &record->id);
    case WORK_VOID: return work_void(world, machine, record);
    case WORK_PERSON:
    case WORK_VOLUNTEER:
    case WORK_ORDER:
    case WORK_ORDER_STEP:
    case WORK_LEAD:
    case WORK_LEAD_STEP:
    case WORK_NEED:
    case WORK_OFFER:
    case WORK_MATCH:
    case WORK_SETTLE:
    case WORK_CLOSE:
    case WORKS: break;
    }
    return NULL;
}

/* Somebody tries to write for a township whose key is not held here. */
static struct job *forbidden_job(struct world *world, struct machine *machine)
{
    uint64_t realm = home_realm(&world->machines[1]);
    if (home_realm(machine) == 0 || home_realm(machine) == realm) {
        return NULL;
    }
    struct job *job = work_person(world, machine, realm);
    job->forbidden = true;
    return job;
}

bool work_once(struct world *world, struct machine *machine)
{
    if (machine->node == NULL || machine->revoked) {
        return false;
    }
    uint64_t realm = pick_realm(world, machine);
    struct job *job = NULL;
    if (chance_permille(&world->work_chance, 10)) {
        job = forbidden_job(world, machine);
    } else if (realm != 0) {
        job = random_job(world, machine, realm);
    }
    if (job == NULL) {
        return false;
    }
    work_submit(world, job);
    return true;
}

static void plan_work(struct world *world)
{
    const struct plan *plan = world->plan;
    if (plan->calm || plan->writes_made >= plan->writes_max) {
        return;
    }
    uint64_t gap = chance_between(&world->work_chance, 1, 2 * plan->work_gap_ms);
    queue_add(&world->queue,
              (struct happening){.at_ms = world->now_ms + gap, .kind = HAPPEN_WORK});
}

void work_begin(struct world *world)
{
    world->on_work = work_happen;
    plan_work(world);
}

/* Few work on the same records: there conflicts are, and orders that go all their way. */
static uint64_t pick_who(struct world *world)
{
    const struct plan *plan = world->plan;
    const struct machine *busy = &world->machines[plan->busy];
    uint64_t who = chance_below(&world->work_chance, world->machine_count);
    uint64_t how = chance_below(&world->work_chance, 100);
    if (how < 30) {
        return 0; /* the hub works on everybody's records */
    }
    for (uint64_t i = 0; how < 60 && i < world->machine_count; i++) {
        uint64_t at = (who + i) % world->machine_count;
        if (home_realm(&world->machines[at]) == home_realm(busy)) {
            return at; /* the township, or one of its villages */
        }
    }
    return who;
}

/* Intervals change in the middle of it all, from some day around now on. */
static void state_policy(struct world *world)
{
    static const char *const names[] = {"visit.high", "visit.key", "visit.general",
                                        "visit.no-tier", "silent-days"};
    static const char *const values[] = {"1d", "7d", "20d", "1m", "2m"};
    uint64_t name = chance_below(&world->work_chance, ARRAY_SIZE(names));
    uint64_t value = chance_below(&world->work_chance, ARRAY_SIZE(values));
    int64_t day = world_today(world) - 90;
    day += (int64_t)chance_below(&world->work_chance, 120);
    world_state_policy(world, names[name],
                       name + 1 < ARRAY_SIZE(names) ? values[value] : "5", day);
    struct plan *plan = world->plan;
    plan->statements++;
}

void work_happen(struct world *world, const struct happening *happening)
{
    struct plan *plan = world->plan;
    (void)happening;
    uint64_t who = pick_who(world);
    uint64_t writes = 1;
    if (chance_permille(&world->work_chance, 150)) {
        writes = chance_between(&world->work_chance, 1, plan->burst_max);
    }
    if (!plan->calm && plan->statements < plan->statements_max &&
        chance_permille(&world->work_chance, 50)) {
        state_policy(world);
    }
    for (uint64_t i = 0; i < writes && !plan->calm; i++) {
        plan->writes_made += work_once(world, &world->machines[who]) ? 1 : 0;
    }
    plan_work(world);
}
