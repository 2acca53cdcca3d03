#include "crdt/merge.h"

#include <stdlib.h>

#include "crdt/codec.h"

/* ---- orders ---- */

static int version_compare(const struct version *a, const struct version *b)
{
    if (a->stamp_ms != b->stamp_ms)
        return a->stamp_ms < b->stamp_ms ? -1 : 1;
    return entry_id_compare(&a->id, &b->id);
}

static int latest_first(const void *a, const void *b)
{
    return version_compare(b, a);
}

static int latest_last(const void *a, const void *b)
{
    return version_compare(a, b);
}

static int by_value_latest_first(const void *a, const void *b)
{
    const struct version *left = a, *right = b;
    int order = slice_compare(left->value, right->value);
    return order != 0 ? order : latest_first(a, b);
}

static void sort_versions(struct version *versions, size_t count,
                          int (*compare)(const void *, const void *))
{
    if (count > 1)
        qsort(versions, count, sizeof *versions, compare);
}

/* ---- what is no longer ---- */

/* An addition that was replaced or removed. The value is empty for MERGE_MULTI, where one
 * entry writes one value. */
struct tombstone {
    struct entry_id id;
    struct slice value;
};

struct tombstones {
    struct tombstone *items;
    size_t count;
};

static int tombstone_compare(const void *a, const void *b)
{
    const struct tombstone *left = a, *right = b;
    int order = entry_id_compare(&left->id, &right->id);
    return order != 0 ? order : slice_compare(left->value, right->value);
}

/* An entry id, or for a set [entry id, value]. */
static struct tombstone take_tombstone(struct slice *in, bool of_set)
{
    struct tombstone tombstone = {0};
    size_t pair;
    if (of_set)
        CHECK(codec_take_array(in, &pair) && pair == 2);
    CHECK(codec_take_id(in, &tombstone.id));
    if (of_set)
        CHECK(codec_take_any(in, &tombstone.value));
    return tombstone;
}

static size_t count_array(struct slice encoded)
{
    size_t count = 0;
    if (encoded.size > 0)
        CHECK(codec_take_array(&encoded, &count));
    return count;
}

/* Everything that a write replaces but itself: its id is known before it is written, and a write
 * that replaced itself would be none. */
static struct tombstones collect_tombstones(const struct field_write *writes,
                                            size_t count, bool of_set,
                                            struct arena *arena)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += count_array(writes[i].replaced);
    struct tombstones tombstones = {NULL, 0};
    if (total == 0)
        return tombstones;
    tombstones.items = arena_alloc(arena, total * sizeof *tombstones.items);
    for (size_t i = 0; i < count; i++) {
        struct slice in = writes[i].replaced;
        size_t left = 0;
        if (in.size > 0)
            CHECK(codec_take_array(&in, &left));
        for (; left > 0; left--) {
            struct tombstone tombstone = take_tombstone(&in, of_set);
            if (entry_id_compare(&tombstone.id, &writes[i].id) != 0)
                tombstones.items[tombstones.count++] = tombstone;
        }
    }
    qsort(tombstones.items, tombstones.count, sizeof *tombstones.items,
          tombstone_compare);
    return tombstones;
}

static bool stands(const struct tombstones *tombstones, const struct entry_id *id,
                   struct slice value)
{
    struct tombstone wanted = {*id, value};
    return tombstones->count == 0 ||
           bsearch(&wanted, tombstones->items, tombstones->count, sizeof wanted,
                   tombstone_compare) == NULL;
}

/* ---- what stands ---- */

static struct version version_of(const struct field_write *write, struct slice value)
{
    return (struct version){
        .id = write->id,
        .stamp_ms = write->stamp_ms,
        .actor = write->actor,
        .value = value,
    };
}

/* `group` is the versions of one value, the latest first; they become the first of them.
 * An entry that adds one value twice adds it once. */
static void group_join(struct version *group, size_t count, struct arena *arena)
{
    struct entry_id *also = arena_alloc(arena, (count - 1) * sizeof *also);
    size_t kept = 0;
    for (size_t i = 1; i < count; i++) {
        if (entry_id_compare(&group[i].id, &group[i - 1].id) != 0)
            also[kept++] = group[i].id;
    }
    group[0].also = also;
    group[0].also_count = kept;
}

/* Sorts by value and joins equal ones. */
static void join_equal_values(struct version_list *list, struct arena *arena)
{
    size_t kept = 0, begin = 0;
    sort_versions(list->versions, list->count, by_value_latest_first);
    while (begin < list->count) {
        size_t end = begin + 1;
        while (end < list->count &&
               slice_equal(list->versions[begin].value, list->versions[end].value))
            end++;
        if (end - begin > 1)
            group_join(list->versions + begin, end - begin, arena);
        list->versions[kept++] = list->versions[begin];
        begin = end;
    }
    list->count = kept;
}

struct version_list merge_once(const struct field_write *writes, size_t count,
                               const struct entry_id *record, struct arena *arena)
{
    struct version_list list = {NULL, 0};
    for (size_t i = 0; i < count; i++) {
        if (writes[i].value.size == 0 || entry_id_compare(&writes[i].id, record) != 0)
            continue;
        list.versions = arena_alloc(arena, sizeof *list.versions);
        list.versions[list.count++] = version_of(&writes[i], writes[i].value);
        break;
    }
    return list;
}

struct version_list merge_multi(const struct field_write *writes, size_t count,
                                struct arena *arena)
{
    struct tombstones replaced = collect_tombstones(writes, count, false, arena);
    struct version_list list = {arena_alloc(arena, count * sizeof *list.versions), 0};
    for (size_t i = 0; i < count; i++) {
        if (writes[i].value.size > 0 &&
            stands(&replaced, &writes[i].id, (struct slice){0}))
            list.versions[list.count++] = version_of(&writes[i], writes[i].value);
    }
    join_equal_values(&list, arena);
    sort_versions(list.versions, list.count, latest_first);
    return list;
}

struct version_list merge_set(const struct field_write *writes, size_t count,
                              struct arena *arena)
{
    struct tombstones removed = collect_tombstones(writes, count, true, arena);
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += count_array(writes[i].value);
    struct version_list list = {arena_alloc(arena, total * sizeof *list.versions), 0};
    for (size_t i = 0; i < count; i++) {
        struct slice in = writes[i].value, value;
        size_t left = 0;
        if (in.size > 0)
            CHECK(codec_take_array(&in, &left));
        for (; left > 0; left--) {
            CHECK(codec_take_any(&in, &value));
            if (stands(&removed, &writes[i].id, value))
                list.versions[list.count++] = version_of(&writes[i], value);
        }
    }
    join_equal_values(&list, arena);
    return list;
}

struct version_list merge_log(const struct field_write *writes, size_t count,
                              struct arena *arena)
{
    struct version_list list = {arena_alloc(arena, count * sizeof *list.versions), 0};
    for (size_t i = 0; i < count; i++) {
        if (writes[i].value.size > 0)
            list.versions[list.count++] = version_of(&writes[i], writes[i].value);
    }
    sort_versions(list.versions, list.count, latest_last);
    return list;
}

/* ---- naming a version in an edit ---- */

static const struct entry_id *version_id_at(const struct version *version, size_t index)
{
    return index == 0 ? &version->id : &version->also[index - 1];
}

size_t version_put_ids(const struct version *version, struct buffer *out)
{
    for (size_t i = 0; i <= version->also_count; i++)
        codec_put_id(out, version_id_at(version, i));
    return version->also_count + 1;
}

size_t version_put_removals(const struct version *version, struct buffer *out)
{
    for (size_t i = 0; i <= version->also_count; i++) {
        codec_put_array(out, 2);
        codec_put_id(out, version_id_at(version, i));
        codec_put_raw(out, version->value);
    }
    return version->also_count + 1;
}
