#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "crdt/merge.h"
#include "tests/unit/record_fixture.h"

enum { WRITES_MAX = 64 };

/* Writes whose bytes live as long as the test. */
struct story {
    struct field_write writes[WRITES_MAX];
    size_t count;
    struct arena arena;
};

static int setup(void **state)
{
    struct story *story = checked_malloc(sizeof *story);
    story->count = 0;
    arena_init(&story->arena);
    *state = story;
    return 0;
}

static int teardown(void **state)
{
    struct story *story = *state;
    arena_deinit(&story->arena);
    free(story);
    return 0;
}

static struct slice keep(struct story *story, struct buffer *encoded)
{
    struct slice kept = arena_copy(&story->arena, buffer_slice(encoded));
    buffer_deinit(encoded);
    return kept;
}

static struct slice one_value(struct story *story, const char *text)
{
    struct buffer encoded;
    if (text == NULL)
        return (struct slice){0};
    buffer_init(&encoded, 4096);
    codec_put_cstring(&encoded, text);
    return keep(story, &encoded);
}

static struct slice replaced_ids(struct story *story, const struct entry_id *ids,
                                 size_t count)
{
    struct buffer encoded;
    buffer_init(&encoded, 4096);
    ids_replaced(&encoded, ids, count);
    return keep(story, &encoded);
}

/* An element to add, or with an id one addition to remove. */
struct element {
    const char *text;
    struct entry_id id;
};

static struct slice elements(struct story *story, const struct element *items,
                             size_t count, bool removed)
{
    struct buffer encoded;
    buffer_init(&encoded, 4096);
    codec_put_array(&encoded, count);
    for (size_t i = 0; i < count; i++) {
        if (removed) {
            codec_put_array(&encoded, 2);
            codec_put_bytes(&encoded, slice_of(items[i].id.bytes, ENTRY_ID_SIZE));
        }
        codec_put_cstring(&encoded, items[i].text);
    }
    return keep(story, &encoded);
}

static struct entry_id add(struct story *story, uint32_t node, uint64_t stamp_ms,
                           struct slice value, struct slice replaced)
{
    struct field_write *write = &story->writes[story->count++];
    assert_true(story->count <= WRITES_MAX);
    *write = (struct field_write){.id = id_at(node, story->count),
                                  .stamp_ms = stamp_ms,
                                  .actor = node,
                                  .value = value,
                                  .replaced = replaced};
    return write->id;
}

/* "value value " in the order of the versions. */
static void assert_reads(struct version_list list, const char *expected)
{
    char text[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < list.count; i++) {
        struct slice value = list.versions[i].value, body;
        assert_true(codec_take_text(&value, &body));
        used += (size_t)snprintf(text + used, sizeof text - used, "%.*s ", (int)body.size,
                                 (const char *)body.data);
    }
    assert_string_equal(text, expected);
}

static struct version_list multi(struct story *story)
{
    return merge_multi(story->writes, story->count, &story->arena);
}

static struct version_list set(struct story *story)
{
    return merge_set(story->writes, story->count, &story->arena);
}

#define NOTHING ((struct slice){0})

static void a_write_replaces_the_versions_it_names(void **state)
{
    struct story *story = *state;
    struct entry_id first = add(story, 1, 10, one_value(story, "old"), NOTHING);
    /* The clock of the second writer is behind: what it replaced decides, not the clock.
     */
    add(story, 2, 5, one_value(story, "new"), replaced_ids(story, &first, 1));
    assert_reads(multi(story), "new ");
}

static void concurrent_writes_both_stand_the_later_stamp_first(void **state)
{
    struct story *story = *state;
    struct entry_id first = add(story, 1, 10, one_value(story, "old"), NOTHING);
    add(story, 2, 30, one_value(story, "east"), replaced_ids(story, &first, 1));
    add(story, 3, 20, one_value(story, "west"), replaced_ids(story, &first, 1));
    assert_reads(multi(story), "east west ");
}

static void on_equal_stamps_the_higher_id_is_first(void **state)
{
    struct story *story = *state;
    add(story, 9, 20, one_value(story, "nine"), NOTHING);
    add(story, 3, 20, one_value(story, "three"), NOTHING);
    assert_reads(multi(story), "nine three ");
}

static void a_later_write_settles_a_conflict_by_naming_both(void **state)
{
    struct story *story = *state;
    struct entry_id both[] = {add(story, 1, 10, one_value(story, "east"), NOTHING),
                              add(story, 2, 10, one_value(story, "west"), NOTHING)};
    add(story, 3, 11, one_value(story, "north"), replaced_ids(story, both, 2));
    assert_reads(multi(story), "north ");
}

static void clearing_removes_what_it_names_and_nothing_else(void **state)
{
    struct story *story = *state;
    struct entry_id first = add(story, 1, 10, one_value(story, "old"), NOTHING);
    add(story, 2, 20, NOTHING, replaced_ids(story, &first, 1));
    assert_reads(multi(story), "");
    add(story, 3, 15, one_value(story, "unseen"), replaced_ids(story, &first, 1));
    assert_reads(multi(story), "unseen ");
}

static void agreeing_writes_are_no_conflict_and_are_replaced_together(void **state)
{
    struct story *story = *state;
    add(story, 1, 10, one_value(story, "same"), NOTHING);
    add(story, 2, 20, one_value(story, "same"), NOTHING);
    struct version_list list = multi(story);
    assert_reads(list, "same ");
    assert_int_equal(list.versions[0].stamp_ms, 20);
    assert_int_equal(list.versions[0].also_count, 1);
    struct buffer named;
    buffer_init(&named, 256);
    codec_put_array(&named, 2);
    assert_int_equal(version_put_ids(&list.versions[0], &named), 2);
    add(story, 3, 30, one_value(story, "next"), keep(story, &named));
    assert_reads(multi(story), "next ");
}

static void no_write_replaces_itself(void **state)
{
    struct story *story = *state;
    struct entry_id self = id_at(1, 1);
    add(story, 1, 10, one_value(story, "x"), replaced_ids(story, &self, 1));
    assert_reads(multi(story), "x ");
}

static void once_is_what_the_creating_entry_said(void **state)
{
    struct story *story = *state;
    struct entry_id record = add(story, 1, 10, one_value(story, "first"), NOTHING);
    add(story, 1, 99, one_value(story, "second"), replaced_ids(story, &record, 1));
    assert_reads(merge_once(story->writes, story->count, &record, &story->arena),
                 "first ");
    struct entry_id unknown = id_at(7, 7);
    assert_reads(merge_once(story->writes, story->count, &unknown, &story->arena), "");
}

static void an_element_stands_until_all_its_additions_are_removed(void **state)
{
    struct story *story = *state;
    struct element phones[] = {{.text = "138"}, {.text = "139"}};
    struct entry_id first = add(story, 1, 10, elements(story, phones, 2, false), NOTHING);
    struct element seen = {"138", first};
    add(story, 2, 20, NOTHING, elements(story, &seen, 1, true));
    assert_reads(set(story), "139 ");
    /* Added again by someone who has not seen the removal: it stays. */
    add(story, 3, 15, elements(story, phones, 1, false), NOTHING);
    assert_reads(set(story), "138 139 ");
}

static void a_removal_names_every_addition_it_has_seen(void **state)
{
    struct story *story = *state;
    struct element phone = {.text = "138"};
    add(story, 1, 10, elements(story, &phone, 1, false), NOTHING);
    add(story, 2, 20, elements(story, &phone, 1, false), NOTHING);
    struct version_list list = set(story);
    assert_reads(list, "138 ");
    struct buffer named;
    buffer_init(&named, 256);
    codec_put_array(&named, 2);
    assert_int_equal(version_put_removals(&list.versions[0], &named), 2);
    add(story, 3, 30, NOTHING, keep(story, &named));
    assert_reads(set(story), "");
}

static void adding_twice_in_one_write_adds_once(void **state)
{
    struct story *story = *state;
    struct element phones[] = {{.text = "138"}, {.text = "138"}};
    add(story, 1, 10, elements(story, phones, 2, false), NOTHING);
    struct version_list list = set(story);
    assert_reads(list, "138 ");
    assert_int_equal(list.versions[0].also_count, 0);
}

static void a_log_keeps_all_in_the_order_of_stamps(void **state)
{
    struct story *story = *state;
    add(story, 3, 30, one_value(story, "withdrawn"), NOTHING);
    add(story, 2, 10, one_value(story, "given"), NOTHING);
    add(story, 1, 10, one_value(story, "asked"), NOTHING);
    add(story, 1, 40, one_value(story, "given"), NOTHING);
    assert_reads(merge_log(story->writes, story->count, &story->arena),
                 "asked given withdrawn given ");
}

/* ---- algebra ---- */

static void add_random(struct story *story, struct random *random, bool of_set)
{
    static const char *const texts[] = {"a", "b", "c"};
    uint64_t stamp_ms = random_below(random, 4);
    uint32_t node = (uint32_t)random_below(random, 3);
    struct element removed[3];
    struct entry_id replaced[3];
    size_t count = story->count > 0 ? random_below(random, 4) : 0;
    for (size_t i = 0; i < count; i++) {
        replaced[i] = story->writes[random_below(random, story->count)].id;
        removed[i] = (struct element){texts[random_below(random, 3)], replaced[i]};
    }
    struct element added = {.text = texts[random_below(random, 3)]};
    bool clears = random_below(random, 4) == 0;
    if (of_set)
        add(story, node, stamp_ms, clears ? NOTHING : elements(story, &added, 1, false),
            elements(story, removed, count, true));
    else
        add(story, node, stamp_ms, clears ? NOTHING : one_value(story, added.text),
            replaced_ids(story, replaced, count));
}

static void shuffle(struct story *story, struct random *random)
{
    for (size_t i = story->count; i > 1; i--) {
        size_t other = random_below(random, i);
        struct field_write swapped = story->writes[i - 1];
        story->writes[i - 1] = story->writes[other];
        story->writes[other] = swapped;
    }
}

static void assert_same(struct version_list a, struct version_list b)
{
    assert_int_equal(a.count, b.count);
    for (size_t i = 0; i < a.count; i++) {
        const struct version *left = &a.versions[i], *right = &b.versions[i];
        assert_int_equal(entry_id_compare(&left->id, &right->id), 0);
        assert_true(slice_equal(left->value, right->value));
        assert_int_equal(left->stamp_ms, right->stamp_ms);
        assert_int_equal(left->also_count, right->also_count);
        for (size_t k = 0; k < left->also_count; k++)
            assert_int_equal(entry_id_compare(&left->also[k], &right->also[k]), 0);
    }
}

static void every_order_of_writes_merges_alike(void **state)
{
    struct story *story = *state;
    struct random random = {20261};
    print_message("seed %llu\n", (unsigned long long)random.state);
    struct entry_id record = id_at(0, 1);
    for (unsigned round = 0; round < 400; round++) {
        bool of_set = round % 2;
        arena_reset(&story->arena);
        story->count = 0;
        for (uint64_t i = 1 + random_below(&random, 20); i > 0; i--)
            add_random(story, &random, of_set);
        struct version_list first = of_set ? set(story) : multi(story);
        struct version_list log = merge_log(story->writes, story->count, &story->arena);
        struct version_list once =
            merge_once(story->writes, story->count, &record, &story->arena);
        for (unsigned order = 0; order < 10; order++) {
            shuffle(story, &random);
            assert_same(first, of_set ? set(story) : multi(story));
            assert_same(log, merge_log(story->writes, story->count, &story->arena));
            assert_same(once,
                        merge_once(story->writes, story->count, &record, &story->arena));
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_write_replaces_the_versions_it_names),
        TEST(concurrent_writes_both_stand_the_later_stamp_first),
        TEST(on_equal_stamps_the_higher_id_is_first),
        TEST(a_later_write_settles_a_conflict_by_naming_both),
        TEST(clearing_removes_what_it_names_and_nothing_else),
        TEST(agreeing_writes_are_no_conflict_and_are_replaced_together),
        TEST(no_write_replaces_itself),
        TEST(once_is_what_the_creating_entry_said),
        TEST(an_element_stands_until_all_its_additions_are_removed),
        TEST(a_removal_names_every_addition_it_has_seen),
        TEST(adding_twice_in_one_write_adds_once),
        TEST(a_log_keeps_all_in_the_order_of_stamps),
        TEST(every_order_of_writes_merges_alike),
    };
    return cmocka_run_group_tests_name("merge", tests, NULL, NULL);
}
