/* Disks are put back and exchanged at random times, while lines come and go and everybody
 * writes: SEEDS counties, each of its own. In the end all hold the same, whatever was held by
 * somebody else when a disk was put back is there, and nothing is there twice.
 *
 * A disk that is exchanged for its copy, and that one for it again, is two machines under one
 * key that are never on at the same time. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crdt/person.h"
#include "tests/sim/checks.h"
#include "tests/sim/image.h"
#include "tests/sim/scene.h"
#include "tests/sim/workload.h"

#define WRITES_MAX 400
#define STEPS 60

struct written {
    struct entry_id id;
    struct hash hash;
    uint32_t machine;
    bool in_image;  /* of the machine's disk as it was taken */
    bool off_disk;  /* a disk that had it was put back to before it */
    bool elsewhere; /* another machine held it then */
};

struct storm_of_disks {
    struct scene scene;
    struct chance chance;
    uint32_t machines;
    struct image images[8]; /* by machine */
    struct written writes[WRITES_MAX];
    size_t count;
};

static struct machine *machine_at(struct storm_of_disks *storm, uint32_t index)
{
    return world_machine(storm->scene.world, index);
}

struct finding {
    bool found;
    struct hash hash;
};

static bool find_entry(void *context, const struct opened_entry *opened)
{
    struct finding *finding = context;
    finding->found = true;
    finding->hash = opened->entry.hash;
    return false;
}

static struct finding look_up(struct machine *machine, const struct entry_id *id)
{
    struct finding finding = {0};
    struct store_txn *txn;
    struct arena arena;
    if (machine->node == NULL)
        return finding;
    arena_init(&arena);
    assert_int_equal(node_read(machine->node, &txn), OK);
    enum status status =
        engine_walk_log(node_engine(machine->node), txn, entry_id_log(id),
                        entry_id_seq(id), entry_id_seq(id), &arena, find_entry, &finding);
    finding.found &= status == OK;
    store_abort(txn);
    arena_deinit(&arena);
    return finding;
}

static bool holds(struct storm_of_disks *storm, uint32_t machine,
                  const struct written *written)
{
    struct finding finding = look_up(machine_at(storm, machine), &written->id);
    return finding.found && hash_equal(&finding.hash, &written->hash);
}

/* A person whose name nobody else has, and nothing that another could have had before. */
static void write_somebody(struct storm_of_disks *storm, uint32_t index)
{
    struct scene *scene = &storm->scene;
    struct machine *machine = machine_at(storm, index);
    const struct schema_register *reg = schema_register(REGISTER_PERSON);
    struct buffer name;
    char text[32];
    if (storm->count == WRITES_MAX || machine->node == NULL)
        return;
    struct job *job = work_person(scene->world, machine, SHILIAN);
    size_t kept = 0;
    for (size_t i = 0; i < job->write.count; i++) {
        if (job->values[i].field != PERSON_NAME &&
            schema_field(reg, job->values[i].field)->required)
            job->values[kept++] = job->values[i];
    }
    job->write.count = kept;
    (void)snprintf(text, sizeof text, "person %zu", storm->count);
    buffer_init(&name, 64);
    assert_int_equal(
        field_parse(schema_field(reg, PERSON_NAME), slice_text(text), NULL, &name), OK);
    job_add_value(job, PERSON_NAME, false, buffer_slice(&name));
    buffer_deinit(&name);
    scene_submit(scene, job);
    assert_int_equal(scene->status, OK);
    struct written *written = &storm->writes[storm->count++];
    *written = (struct written){.id = scene->id, .machine = index};
    struct finding finding = look_up(machine, &scene->id);
    assert_true(finding.found);
    written->hash = finding.hash;
}

static void take_image(struct storm_of_disks *storm, uint32_t index)
{
    struct machine *machine = machine_at(storm, index);
    image_drop(&storm->images[index]);
    machine_power_off(storm->scene.world, machine);
    storm->images[index] = image_take(machine);
    machine_start(storm->scene.world, machine);
    for (size_t i = 0; i < storm->count; i++) {
        if (storm->writes[i].machine == index)
            storm->writes[i].in_image = !storm->writes[i].off_disk;
    }
}

static void put_back(struct storm_of_disks *storm, uint32_t index)
{
    struct machine *machine = machine_at(storm, index);
    if (storm->images[index].bytes == NULL)
        return;
    for (size_t i = 0; i < storm->count; i++) {
        struct written *written = &storm->writes[i];
        if (written->machine != index || written->in_image || written->off_disk)
            continue;
        written->off_disk = true;
        for (uint32_t other = 0; other < storm->machines; other++)
            written->elsewhere |= other != index && holds(storm, other, written);
    }
    machine_power_off(storm->scene.world, machine);
    image_put_back(machine, &storm->images[index]);
    machine_start(storm->scene.world, machine);
}

/* Its copy goes into the machine; the disk that was in it is kept. */
static void exchange(struct storm_of_disks *storm, uint32_t index)
{
    struct machine *machine = machine_at(storm, index);
    if (storm->images[index].bytes == NULL)
        return;
    machine_power_off(storm->scene.world, machine);
    struct image other = image_take(machine);
    image_put_back(machine, &storm->images[index]);
    machine_start(storm->scene.world, machine);
    image_drop(&storm->images[index]);
    storm->images[index] = other;
}

static void pull_or_plug(struct storm_of_disks *storm)
{
    struct world *world = storm->scene.world;
    uint32_t link = (uint32_t)chance_below(&storm->chance, world->link_count);
    if (world->links[link].cuts > 0)
        link_mend(world, link);
    else
        link_cut(world, link);
}

static void reclaim(struct storm_of_disks *storm, uint32_t index)
{
    machine_deliver(storm->scene.world, machine_at(storm, index), EVENT_RECLAIM, 0,
                    (struct slice){0}, NULL);
    scene_run(&storm->scene, SECOND_MS);
}

/* As a person does it: when the box is on line again, and what it says has been heard. */
static void reclaim_on_line(struct storm_of_disks *storm, uint32_t index)
{
    struct world *world = storm->scene.world;
    for (uint32_t link = 0; link < world->link_count; link++) {
        while ((world->links[link].machine[0] == index ||
                world->links[link].machine[1] == index) &&
               world->links[link].cuts > 0)
            link_mend(world, link);
    }
    scene_run(&storm->scene, 120 * SECOND_MS);
    reclaim(storm, index);
    scene_run(&storm->scene, 60 * SECOND_MS);
}

static void agree(struct storm_of_disks *storm, uint64_t seed, const char *when)
{
    char why[WORLD_FAILURE_SIZE] = "";
    if (scene_agrees(&storm->scene))
        return;
    (void)converged_yet(storm->scene.world, why);
    fail_msg("seed %" PRIu64 " %s: %s", seed, when, why);
}

static size_t times_read(struct storm_of_disks *storm, uint32_t machine, size_t *counts)
{
    struct fold_subjects walk = {.reg = REGISTER_PERSON, .realm = SHILIAN};
    struct entry_id subject, *ids = checked_malloc(WRITES_MAX * 2 * sizeof *ids);
    struct store_txn *txn;
    uint64_t realm, newest;
    size_t count = 0;
    memset(counts, 0, WRITES_MAX * sizeof *counts);
    assert_int_equal(node_read(machine_at(storm, machine)->node, &txn), OK);
    while (count < (size_t)WRITES_MAX * 2 &&
           fold_subjects_next(txn, &walk, &realm, &subject, &newest))
        ids[count++] = subject;
    store_cursor_close(&walk.cursor);
    store_abort(txn);
    for (size_t i = 0; i < count; i++) {
        char text[SHOWN_SIZE];
        size_t versions, number;
        scene_shows(&storm->scene, machine, SHILIAN, &ids[i], PERSON_NAME, text,
                    &versions);
        if (sscanf(text, "person %zu", &number) == 1 && number < storm->count)
            counts[number]++;
    }
    free(ids);
    return count;
}

/* What only a disk had that was put back is lost with it. What others had taken and then set
 * aside, because another history stands, is kept there as proof, and its author has it no more
 * to write it again. */
static bool may_be_lost(struct storm_of_disks *storm, const struct written *written)
{
    return written->off_disk && (!written->elsewhere || !holds(storm, 0, written));
}

static void check_writes(struct storm_of_disks *storm, uint64_t seed)
{
    size_t counts[WRITES_MAX];
    for (uint32_t machine = 0; machine < storm->machines; machine++) {
        (void)times_read(storm, machine, counts);
        for (size_t i = 0; i < storm->count; i++) {
            size_t least = may_be_lost(storm, &storm->writes[i]) ? 0 : 1;
            if (counts[i] < least || counts[i] > 1)
                fail_msg("seed %" PRIu64 ": %s reads person %zu of %s %zu times", seed,
                         machine_at(storm, machine)->name, i,
                         machine_at(storm, storm->writes[i].machine)->name, counts[i]);
        }
    }
}

static void one_county(uint64_t seed, bool exchanges)
{
    struct storm_of_disks *storm = checked_malloc(sizeof *storm);
    struct scene *scene = &storm->scene;
    *storm = (struct storm_of_disks){0};
    scene_open(scene, seed);
    chance_init(&storm->chance, seed, "disks");
    scene_add(scene, SHILIAN, "shilian");
    scene_add(scene, SHILIAN_VILLAGE, "xiacun");
    scene_add(scene, SHILIAN_VILLAGE + 1, "shangcun");
    storm->machines = 4;
    scene_found(scene);
    for (uint32_t a = 0; a < storm->machines; a++) {
        for (uint32_t b = a + 1; b < storm->machines; b++)
            scene_connect(scene, a, b);
    }
    scene_run(scene, 2 * SECOND_MS);
    for (int step = 0; step < STEPS; step++) {
        /* One or two boxes have bad luck with their disks, the others go on. */
        uint32_t unlucky = 1 + (uint32_t)chance_below(&storm->chance, 2);
        switch (chance_below(&storm->chance, 9)) {
        case 0:
            if (!exchanges || storm->images[unlucky].bytes == NULL)
                take_image(storm, unlucky);
            break;
        case 1:
            if (exchanges)
                exchange(storm, unlucky);
            else
                put_back(storm, unlucky);
            break;
        case 2:
        case 3: pull_or_plug(storm); break;
        case 4: reclaim_on_line(storm, unlucky); break;
        default:
            for (uint64_t n = chance_below(&storm->chance, 5); n > 0; n--)
                write_somebody(storm,
                               (uint32_t)chance_below(&storm->chance, storm->machines));
        }
        scene_run(scene, chance_below(&storm->chance, 20) * SECOND_MS);
    }
    for (uint32_t link = 0; link < scene->world->link_count; link++) {
        while (scene->world->links[link].cuts > 0)
            link_mend(scene->world, link);
    }
    agree(storm, seed, "after the storm");
    for (int disk = 0; exchanges && disk < 2; disk++) {
        exchange(storm, 1);
        exchange(storm, 2);
        agree(storm, seed, "with the other disks");
    }
    for (int disk = 0; disk < (exchanges ? 2 : 1); disk++) {
        for (uint32_t machine = 0; machine < storm->machines; machine++)
            reclaim(storm, machine);
        agree(storm, seed, "after writing once more");
        if (exchanges) {
            exchange(storm, 1);
            exchange(storm, 2);
            agree(storm, seed, "with the other disks again");
        }
    }
    check_writes(storm, seed);
    check_converged(scene->world);
    assert_string_equal(scene->world->failure, "");
    for (size_t i = 0; i < ARRAY_SIZE(storm->images); i++)
        image_drop(&storm->images[i]);
    scene_close(scene);
    free(storm);
}

static uint64_t seeds(void)
{
    const char *text = getenv("SEEDS");
    return text != NULL ? strtoull(text, NULL, 10) : 10;
}

static uint64_t first_seed(void)
{
    const char *text = getenv("SEED");
    return text != NULL ? strtoull(text, NULL, 10) : 1;
}

static void disks_put_back_at_random_lose_nothing_that_others_hold(void **state)
{
    (void)state;
    for (uint64_t seed = first_seed(); seed < first_seed() + seeds(); seed++)
        one_county(seed, false);
}

static void disks_exchanged_for_their_copies_lose_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = first_seed(); seed < first_seed() + seeds(); seed++)
        one_county(seed + 5000, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(disks_put_back_at_random_lose_nothing_that_others_hold),
        cmocka_unit_test(disks_exchanged_for_their_copies_lose_nothing),
    };
    return cmocka_run_group_tests_name("put_back", tests, NULL, NULL);
}
