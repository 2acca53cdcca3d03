#define _XOPEN_SOURCE 700 /* nftw in the fixture */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <sys/stat.h>

#include <cmocka.h>

#include "crdt/care.h"
#include "crdt/conflict.h"
#include "crdt/follow.h"
#include "crdt/same.h"
#include "tests/unit/world_fixture.h"

static struct written person(struct entry_id id, const char *tier)
{
    return WRITE_CREATE(id, 1000, REGISTER_PERSON,
                        {.field = PERSON_NAME, .text = "叶秀兰"},
                        {.field = PERSON_VILLAGE, .text = "331121104234"},
                        {.field = PERSON_TIER, .text = tier});
}

static struct written visit_on(struct entry_id id, const struct entry_id *whom,
                               const char *when)
{
    return WRITE_CREATE(id, 1000, REGISTER_VISIT, {.field = VISIT_PERSON, .record = whom},
                        {.field = VISIT_WHEN, .text = when},
                        {.field = VISIT_METHOD, .text = "home"},
                        {.field = VISIT_OUTCOME, .text = "met"});
}

static void put_ids(struct buffer *out, const struct entry_id *id)
{
    codec_put_array(out, id != NULL);
    if (id != NULL)
        codec_put_id(out, id);
}

/* An edge in the chain of `holder`; `removed`: the entry that added it, which takes it out. */
static struct written edge(struct entry_id id, const struct entry_id *holder,
                           const struct entry_id *named, const struct entry_id *removed)
{
    const struct schema_register *reg = schema_register(REGISTER_PERSON);
    struct written written = {.id = id, .realm = TOWNSHIP};
    struct buffer value, replaced, plaintext;
    buffer_init(&value, SIZE_MAX);
    buffer_init(&replaced, SIZE_MAX);
    buffer_init(&plaintext, SIZE_MAX);
    put_ids(&value, removed == NULL ? named : NULL);
    codec_put_array(&replaced, removed != NULL);
    if (removed != NULL) {
        codec_put_array(&replaced, 2);
        codec_put_id(&replaced, removed);
        codec_put_id(&replaced, named);
    }
    struct operation_value field = {.field = PERSON_SAME_AS,
                                    .value = buffer_slice(&value),
                                    .replaced = buffer_slice(&replaced)};
    operation_encode_edit(&plaintext, 2000, 1, reg, holder, holder, &field, 1);
    buffer_deinit(&value);
    buffer_deinit(&replaced);
    written_keep(&written, &plaintext);
    return written;
}

/* What is read of each id: by whom it is known, who else is merged, the tiers that stand, the
 * months visited, whether there is a row of care and one of conflicts. */
static void describe(struct world *world, uint64_t realm, const struct entry_id *ids,
                     size_t count, struct buffer *out)
{
    struct conflict_walk walk = {0};
    struct conflict conflict;
    struct record_view record;
    struct care care;
    for (size_t i = 0; i < count; i++) {
        arena_reset(&world->arena);
        bool found = view_record(world->txn, schema_register(REGISTER_PERSON), realm,
                                 NULL, &ids[i], &world->arena, &record);
        buffer_put_u8(out, found);
        if (found) {
            buffer_put(out, record.id.bytes, ENTRY_ID_SIZE);
            buffer_put_u8(out, (uint8_t)record.merged_count);
            buffer_put_u8(out, (uint8_t)record.fields[PERSON_TIER].count);
        }
        bool is_due = care_find(world->txn, realm, &ids[i], &care);
        buffer_put_u8(out, is_due);
        if (is_due) {
            buffer_put_u64(out, (uint64_t)care.latest);
            buffer_put_u64(out, (uint64_t)care.first_month);
            buffer_put(out, care.months.data, care.months.size);
        }
    }
    while (conflict_next(world->txn, &walk, &conflict)) {
        if (conflict.realm == realm)
            buffer_put(out, conflict.record.bytes, ENTRY_ID_SIZE);
    }
    store_cursor_close(&walk.cursor);
}

static void work(struct world *world)
{
    while (follow_work(world->txn, 64, &world->arena) > 0) {
    }
}

#define STORY_MAX 8
struct story {
    struct written entries[STORY_MAX];
    size_t count;
    struct entry_id persons[3];
    uint64_t realm; /* each order has a realm of its own */
    struct buffer expected;
    size_t orders;
};

static void try_order(struct world *world, struct story *story, const size_t *order)
{
    struct buffer read;
    uint64_t realm = story->realm++;
    for (size_t i = 0; i < story->count; i++) {
        struct written entry = story->entries[order[i]];
        entry.realm = realm;
        show(world, entry);
        /* Worked in after each, or all at once. */
        if (story->orders % 2 == 0)
            work(world);
    }
    work(world);
    buffer_init(&read, SIZE_MAX);
    describe(world, realm, story->persons, 3, &read);
    if (story->orders++ == 0)
        buffer_put(&story->expected, read.data, read.size);
    assert_int_equal(read.size, story->expected.size);
    assert_memory_equal(read.data, story->expected.data, read.size);
    buffer_deinit(&read);
}

static void permute(struct world *world, struct story *story, size_t *order, size_t from)
{
    if (from == story->count) {
        try_order(world, story, order);
        return;
    }
    for (size_t i = from; i < story->count; i++) {
        size_t kept = order[from];
        order[from] = order[i];
        order[i] = kept;
        permute(world, story, order, from + 1);
        order[i] = order[from];
        order[from] = kept;
    }
}

static void assert_all_orders_agree(struct world *world, struct story *story)
{
    size_t order[STORY_MAX];
    for (size_t i = 0; i < story->count; i++)
        order[i] = i;
    story->realm = UINT64_C(331121001);
    buffer_init(&story->expected, SIZE_MAX);
    permute(world, story, order, 0);
    buffer_deinit(&story->expected);
}

static struct story three_persons(void)
{
    struct story story = {.count = 0};
    for (uint32_t i = 0; i < 3; i++)
        story.persons[i] = id_at(7 + i, 1);
    return story;
}

static void add(struct story *story, struct written written)
{
    assert_true(story->count < STORY_MAX);
    story->entries[story->count++] = written;
}

static void assert_one(struct world *world, uint64_t realm, const struct story *story,
                       const size_t *expected)
{
    for (size_t i = 0; i < 3; i++) {
        struct same same;
        arena_reset(&world->arena);
        same_members(world->txn, realm, &story->persons[i], &world->arena, &same);
        assert_memory_equal(&same.ids[0], &story->persons[expected[i]], ENTRY_ID_SIZE);
    }
}

static void two_who_are_merged_either_way_are_known_by_the_lower_id(void **state)
{
    struct world *world = *state;
    struct story story = three_persons();
    const struct entry_id *ids = story.persons;
    struct care care;
    add(&story, person(ids[0], "high"));
    add(&story, person(ids[1], "general"));
    add(&story, edge(id_at(20, 1), &ids[0], &ids[1], NULL));
    add(&story, edge(id_at(21, 1), &ids[1], &ids[0], NULL));
    add(&story, visit_on(id_at(22, 1), &ids[1], "2026-05-31 14:05"));
    assert_all_orders_agree(world, &story);
    uint64_t realm = story.realm - 1;
    assert_one(world, realm, &story, (const size_t[]){0, 0, 2});
    assert_true(care_find(world->txn, realm, &ids[0], &care));
    assert_true(care.latest != CARE_NEVER);
    assert_false(care_find(world->txn, realm, &ids[1], &care));
    assert_int_equal(story.orders, 120);
}

static void chains_of_merges_are_one_person(void **state)
{
    struct world *world = *state;
    struct story story = three_persons();
    const struct entry_id *ids = story.persons;
    struct record_view record;
    add(&story, person(ids[0], "high"));
    add(&story, person(ids[1], "general"));
    add(&story, person(ids[2], "high"));
    add(&story, edge(id_at(20, 1), &ids[1], &ids[0], NULL));
    add(&story, edge(id_at(21, 1), &ids[1], &ids[2], NULL));
    add(&story, visit_on(id_at(22, 1), &ids[2], "2026-05-31 14:05"));
    assert_all_orders_agree(world, &story);
    assert_one(world, story.realm - 1, &story, (const size_t[]){0, 0, 0});
    arena_reset(&world->arena);
    assert_true(view_record(world->txn, schema_register(REGISTER_PERSON), story.realm - 1,
                            NULL, &ids[2], &world->arena, &record));
    assert_int_equal(record.fields[PERSON_TIER].count, 2);
    assert_int_equal(record.fields[PERSON_NAME].count, 1);
    assert_int_equal(story.orders, 720);
}

static void a_merge_that_is_taken_back_leaves_two(void **state)
{
    struct world *world = *state;
    struct story story = three_persons();
    const struct entry_id *ids = story.persons;
    struct care care;
    struct entry_id added = id_at(20, 1);
    add(&story, person(ids[0], "high"));
    add(&story, person(ids[1], "general"));
    add(&story, edge(added, &ids[0], &ids[1], NULL));
    add(&story, edge(id_at(21, 1), &ids[0], &ids[1], &added));
    add(&story, visit_on(id_at(22, 1), &ids[1], "2026-05-31 14:05"));
    assert_all_orders_agree(world, &story);
    uint64_t realm = story.realm - 1;
    assert_one(world, realm, &story, (const size_t[]){0, 1, 2});
    assert_true(care_find(world->txn, realm, &ids[0], &care));
    assert_true(care.latest == CARE_NEVER);
    assert_true(care_find(world->txn, realm, &ids[1], &care));
    assert_true(care.latest != CARE_NEVER);
}

static void who_is_voided_leaves_the_others_merged(void **state)
{
    struct world *world = *state;
    struct story story = three_persons();
    const struct entry_id *ids = story.persons;
    add(&story, person(ids[0], "high"));
    add(&story, person(ids[1], "general"));
    add(&story, person(ids[2], "high"));
    add(&story, edge(id_at(20, 1), &ids[0], &ids[1], NULL));
    add(&story, edge(id_at(21, 1), &ids[0], &ids[2], NULL));
    add(&story,
        write_void(id_at(22, 1), 3000, REGISTER_PERSON, &ids[0], &ids[0], "重复"));
    assert_all_orders_agree(world, &story);
    assert_one(world, story.realm - 1, &story, (const size_t[]){0, 1, 1});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            two_who_are_merged_either_way_are_known_by_the_lower_id, setup, teardown),
        cmocka_unit_test_setup_teardown(chains_of_merges_are_one_person, setup, teardown),
        cmocka_unit_test_setup_teardown(a_merge_that_is_taken_back_leaves_two, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(who_is_voided_leaves_the_others_merged, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
