/* world_fixture.h - a store, a fold into it and one transaction in which to ask.
 *
 * Include after <cmocka.h>, and as store_fixture.h wants it. */
#ifndef LINLI_TESTS_UNIT_WORLD_FIXTURE_H
#define LINLI_TESTS_UNIT_WORLD_FIXTURE_H

#include "crdt/visit.h"
#include "tests/unit/record_fixture.h"
#include "tests/unit/store_fixture.h"

static const struct county_salt salt = {{7}};

/* A store that is filled by `show` and asked within one transaction. */
struct world {
    struct store_fixture *disk;
    struct fold *fold;
    struct store_txn *txn;
    struct arena arena;
    struct buffer replaced[4]; /* of edits being written */
};

static inline int setup(void **state)
{
    struct world *world = checked_malloc(sizeof *world);
    void *disk = NULL;
    if (fixture_setup(&disk) != 0)
        return -1;
    world->disk = disk;
    fixture_open_small(world->disk, 16 << 20);
    world->fold = fold_create();
    world->txn = fixture_begin(world->disk);
    arena_init(&world->arena);
    for (size_t i = 0; i < ARRAY_SIZE(world->replaced); i++)
        buffer_init(&world->replaced[i], 4096);
    *state = world;
    return 0;
}

static inline int teardown(void **state)
{
    struct world *world = *state;
    void *disk = world->disk;
    for (size_t i = 0; i < ARRAY_SIZE(world->replaced); i++)
        buffer_deinit(&world->replaced[i]);
    arena_deinit(&world->arena);
    fold_destroy(world->fold);
    store_abort(world->txn);
    fixture_close(world->disk);
    fixture_teardown(&disk);
    free(world);
    return 0;
}

static inline struct entry_id show(struct world *world, struct written written)
{
    assert_int_equal(
        fold_entry(world->fold, &written.id, written.realm, written_plaintext(&written)),
        OK);
    fold_flush(world->fold, world->txn);
    return written.id;
}

static inline struct written visit(struct entry_id id, const struct entry_id *person,
                                   const char *method, const char *outcome,
                                   const struct entry_id *amends)
{
    return WRITE_CREATE(id, 1000, REGISTER_VISIT,
                        {.field = VISIT_PERSON, .record = person},
                        {.field = VISIT_WHEN, .text = "2026-05-31 14:05"},
                        {.field = VISIT_METHOD, .text = method},
                        {.field = VISIT_OUTCOME, .text = outcome},
                        {.field = VISIT_AMENDS, .record = amends});
}

#endif
