/* "Same entries, same state": whatever the order, batches and repeats in which they came. */
#define _XOPEN_SOURCE 700 /* nftw in the fixture */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/stat.h>

#include <cmocka.h>

#include "tests/unit/world_fixture.h"

enum { ENTRIES_MAX = 120, WRITERS = 4, PEOPLE = 5 };

struct history {
    struct written entries[ENTRIES_MAX];
    size_t count;
    uint64_t seqs[WRITERS];
    struct buffer replaced[2];
};

static struct entry_id next_id(struct history *history, struct random *random)
{
    uint32_t writer = (uint32_t)random_below(random, WRITERS);
    return id_at(writer, ++history->seqs[writer]);
}

/* Any entry, written or yet to be: replacing, voiding and amending may name what is not
 * there, or no record at all. */
static struct entry_id any_id(struct random *random)
{
    return id_at((uint32_t)random_below(random, WRITERS), 1 + random_below(random, 35));
}

static struct slice any_ids(struct history *history, size_t slot, struct random *random)
{
    struct entry_id ids[3];
    size_t count = random_below(random, 4);
    for (size_t i = 0; i < count; i++)
        ids[i] = any_id(random);
    return ids_replaced(&history->replaced[slot], ids, count);
}

static struct slice any_removals(struct history *history, struct random *random)
{
    struct buffer *out = &history->replaced[1];
    size_t count = random_below(random, 4);
    buffer_clear(out);
    codec_put_array(out, count);
    for (size_t i = 0; i < count; i++) {
        struct entry_id id = any_id(random);
        codec_put_array(out, 2);
        codec_put_bytes(out, slice_of(id.bytes, ENTRY_ID_SIZE));
        codec_put_cstring(out, random_below(random, 2) ? "138" : "139");
    }
    return buffer_slice(out);
}

static struct written random_entry(struct history *history, struct random *random)
{
    static const char *const tiers[] = {"high", "key", "general", NULL};
    static const char *const phones[] = {"138", "139", "138、139", NULL};
    static const char *const names[] = {"甲", "乙", "丙", "丁"};
    struct entry_id id = next_id(history, random), other = any_id(random);
    struct entry_id person =
        id_at((uint32_t)random_below(random, 2), 1 + random_below(random, PEOPLE));
    uint64_t stamp_ms = random_below(random, 6);
    switch (random_below(random, 6)) {
    case 0:
        return WRITE_CREATE(
            id, stamp_ms, REGISTER_PERSON,
            {.field = PERSON_NAME, .text = names[random_below(random, 4)]},
            {.field = PERSON_TIER, .text = tiers[random_below(random, 4)]},
            {.field = PERSON_PHONES, .text = phones[random_below(random, 4)]});
    case 1:
        return write_void(id, stamp_ms,
                          random_below(random, 2) ? REGISTER_VISIT : REGISTER_PERSON,
                          &person, random_below(random, 2) ? &other : &person,
                          names[random_below(random, 4)]);
    case 2:
    case 3:
        return visit(id, &person, "home", random_below(random, 2) ? "met" : "absent",
                     random_below(random, 2) ? &other : NULL);
    default:
        return WRITE_EDIT(id, stamp_ms, &person,
                          {.field = PERSON_TIER,
                           .text = tiers[random_below(random, 4)],
                           .replaced = any_ids(history, 0, random)},
                          {.field = PERSON_PHONES,
                           .text = phones[random_below(random, 4)],
                           .replaced = any_removals(history, random)},
                          {.field = PERSON_CONSENT, .text = "given"});
    }
}

static void write_history(struct history *history, struct random *random)
{
    memset(history->seqs, 0, sizeof history->seqs);
    for (history->count = 0; history->count < ENTRIES_MAX; history->count++)
        history->entries[history->count] = random_entry(history, random);
}

/* Files the history in a random order, in batches, some entries twice. */
static void file_shuffled(struct world *world, const struct history *history,
                          struct random *random)
{
    size_t order[2 * ENTRIES_MAX], count = 0;
    for (size_t i = 0; i < history->count; i++) {
        order[count++] = i;
        if (random_below(random, 4) == 0)
            order[count++] = i;
    }
    for (size_t i = count; i > 1; i--) {
        size_t other = random_below(random, i), swapped = order[i - 1];
        order[i - 1] = order[other];
        order[other] = swapped;
    }
    for (size_t i = 0; i < count; i++) {
        const struct written *entry = &history->entries[order[i]];
        assert_int_equal(
            fold_entry(world->fold, &entry->id, entry->realm, written_plaintext(entry)),
            OK);
        if (random_below(random, 10) == 0)
            fold_flush(world->fold, world->txn);
    }
    fold_flush(world->fold, world->txn);
}

static void encode_all(struct world *world, struct buffer *out)
{
    for (size_t i = 0; schema_register_at(i) != NULL; i++) {
        const struct schema_register *reg = schema_register_at(i);
        struct fold_subjects walk = {.reg = reg->id, .realm = TOWNSHIP};
        struct entry_id subject;
        struct record_list list;
        uint64_t realm, newest;
        while (fold_subjects_next(world->txn, &walk, &realm, &subject, &newest)) {
            view_chain(world->txn, reg, realm, &subject, &world->arena, &list);
            for (size_t k = 0; k < list.count; k++)
                view_encode(&list.records[k], out);
        }
        store_cursor_close(&walk.cursor);
    }
}

static void every_order_of_arrival_reads_alike(void **state)
{
    struct world *world = *state;
    struct random random = {20260531};
    static struct history history;
    print_message("seed %llu\n", (unsigned long long)random.state);
    for (size_t i = 0; i < ARRAY_SIZE(history.replaced); i++)
        buffer_init(&history.replaced[i], 4096);
    for (unsigned round = 0; round < 25; round++) {
        struct buffer first, other;
        struct hash first_digest, digest;
        uint64_t first_records, records;
        buffer_init(&first, 1 << 20);
        write_history(&history, &random);
        for (unsigned order = 0; order < 8; order++) {
            store_clear(world->txn, STORE_ROWS);
            store_clear(world->txn, STORE_CHAINS);
            file_shuffled(world, &history, &random);
            buffer_init(&other, 1 << 20);
            encode_all(world, order == 0 ? &first : &other);
            view_digest(world->txn, TOWNSHIP, &salt, order == 0 ? &first_digest : &digest,
                        order == 0 ? &first_records : &records);
            if (order > 0) {
                assert_true(slice_equal(buffer_slice(&first), buffer_slice(&other)));
                assert_true(hash_equal(&first_digest, &digest));
                assert_int_equal(first_records, records);
            }
            buffer_deinit(&other);
            arena_reset(&world->arena);
        }
        assert_true(first.size > 1000 && !first.overflow);
        buffer_deinit(&first);
    }
    for (size_t i = 0; i < ARRAY_SIZE(history.replaced); i++)
        buffer_deinit(&history.replaced[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_order_of_arrival_reads_alike, setup,
                                        teardown),
    };
    return cmocka_run_group_tests_name("view_order", tests, NULL, NULL);
}
