#include "tests/sim/scene.h"

#include <stdlib.h>
#include <string.h>

#include "crdt/view.h"
#include "tests/sim/checks.h"
#include "tests/sim/plan.h"
#include "tests/sim/workload.h"

static void note_answer(void *context, const struct job *job, const struct effect *reply)
{
    struct scene *scene = context;
    (void)job;
    scene->answered = true;
    scene->status = reply->status;
    scene->id = reply->id;
}

void scene_open(struct scene *scene, uint64_t seed)
{
    const char *trace = getenv("TRACE");
    bool wanted = trace != NULL && strcmp(trace, "1") == 0;
    *scene = (struct scene){.world = world_create(seed, wanted ? stdout : NULL)};
    scene->world->answered = note_answer;
    scene->world->answered_context = scene;
}

void scene_close(struct scene *scene)
{
    world_destroy(scene->world);
}

uint32_t scene_add(struct scene *scene, uint64_t division, const char *name)
{
    return world_add_machine(scene->world, division, name);
}

void scene_found(struct scene *scene)
{
    world_found(scene->world, 0, scene->world->machine_count);
}

uint32_t scene_connect(struct scene *scene, uint32_t a, uint32_t b)
{
    struct link_quality good = {.delay_ms = 20, .jitter_ms = 5};
    return link_add(scene->world, a, b, &good);
}

void scene_run(struct scene *scene, uint64_t ms)
{
    world_run_for(scene->world, ms);
}

static bool has_answered(struct world *world, void *context)
{
    const struct scene *scene = context;
    (void)world;
    return scene->answered;
}

void scene_submit(struct scene *scene, struct job *job)
{
    scene->answered = false;
    /* One clerk a machine: a second one's first write would add an operator's entry. */
    snprintf(job->account_name, sizeof(job->account_name), "clerk1000");
    job->write.account =
        (struct account){.uid = 1000, .name = slice_text(job->account_name)};
    work_submit(scene->world, job);
    if (!world_run_until_fact(scene->world, has_answered, scene, 1, 1000)) {
        scene->status = ERR_NO_DAEMON; /* it died before it could answer */
    }
}

struct entry_id scene_person(struct scene *scene, uint32_t machine, uint64_t realm)
{
    struct world *world = scene->world;
    scene_submit(scene, work_person(world, world_machine(world, machine), realm));
    return scene->id;
}

struct entry_id scene_visit(struct scene *scene, uint32_t machine, uint64_t realm,
                            const struct entry_id *person)
{
    struct world *world = scene->world;
    scene_submit(scene,
                 work_visit(world, world_machine(world, machine), realm, person, NULL));
    return scene->id;
}

struct entry_id scene_set(struct scene *scene, uint32_t machine,
                          const struct entry_id *person, uint8_t field, const char *text)
{
    struct world *world = scene->world;
    const struct model_write *create = model_create_of(&world->model, person);
    const struct schema_register *reg = schema_register(REGISTER_PERSON);
    struct buffer value;
    CHECK(create != NULL);
    struct job *job = work_edit(world, world_machine(world, machine), create, field);
    buffer_init(&value, 4096);
    CHECK(field_parse(schema_field(reg, field), slice_text(text), NULL, &value) == OK);
    job->write.count = 0;
    job_add_value(job, field, false, buffer_slice(&value));
    buffer_deinit(&value);
    scene_submit(scene, job);
    return scene->id;
}

bool scene_holds(struct scene *scene, uint32_t machine, const struct entry_id *id)
{
    const struct heads *heads =
        engine_heads(node_engine(world_machine(scene->world, machine)->node));
    const struct head *head = heads_find(heads, entry_id_log(id));
    return head != NULL && head->seq >= entry_id_seq(id);
}

bool scene_reads(struct scene *scene, uint32_t machine, uint8_t reg, uint64_t realm,
                 const struct entry_id *subject, const struct entry_id *id)
{
    struct record_view record;
    struct store_txn *txn;
    struct arena arena;
    arena_init(&arena);
    CHECK(node_read(world_machine(scene->world, machine)->node, &txn) == OK);
    bool reads =
        view_record(txn, schema_register(reg), realm, subject, id, &arena, &record) &&
        record.known;
    store_abort(txn);
    arena_deinit(&arena);
    return reads;
}

const char *scene_shows(struct scene *scene, uint32_t machine, uint64_t realm,
                        const struct entry_id *person, uint8_t field,
                        char text[SHOWN_SIZE], size_t *versions)
{
    const struct schema_register *reg = schema_register(REGISTER_PERSON);
    struct record_view record;
    struct store_txn *txn;
    struct arena arena;
    struct buffer shown;
    text[0] = '\0';
    *versions = 0;
    arena_init(&arena);
    buffer_init(&shown, SHOWN_SIZE - 1);
    CHECK(node_read(world_machine(scene->world, machine)->node, &txn) == OK);
    if (view_record(txn, reg, realm, NULL, person, &arena, &record)) {
        struct slice value = view_value(&record, field);
        *versions = record.fields[field].count;
        if (value.size > 0) {
            field_format(schema_field(reg, field), value, false, &shown);
            memcpy(text, shown.data, shown.size);
            text[shown.size] = '\0';
        }
    }
    store_abort(txn);
    buffer_deinit(&shown);
    arena_deinit(&arena);
    return text;
}

static bool agree(struct world *world, void *context)
{
    (void)context;
    return converged_yet(world, NULL);
}

bool scene_agrees(struct scene *scene)
{
    return world_run_until_fact(scene->world, agree, NULL, SECOND_MS, HOUR_MS);
}

struct peer_report scene_report(struct scene *scene, uint32_t machine, uint32_t peer)
{
    struct peer_report reports[WORLD_MACHINES_MAX];
    struct engine *engine = node_engine(world_machine(scene->world, machine)->node);
    uint32_t number = world_machine(scene->world, peer)->number;
    size_t count = engine_peers(engine, reports, WORLD_MACHINES_MAX);
    for (size_t i = 0; i < count; i++) {
        if (reports[i].number == number) {
            return reports[i];
        }
    }
    return (struct peer_report){.number = number};
}

uint64_t scene_bytes(struct scene *scene, uint32_t from, uint32_t to)
{
    const struct link *link = &scene->world->links[link_between(scene->world, from, to)];
    return link->side[link->machine[0] == from ? 0 : 1].bytes;
}
