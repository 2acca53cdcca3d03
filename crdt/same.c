#include "crdt/same.h"

#include <stdlib.h>
#include <string.h>

#include "crdt/codec.h"
#include "crdt/lookup.h"

static bool find_id(const struct same *same, const struct entry_id *id, size_t *place)
{
    for (size_t i = 0; i < same->count; i++) {
        if (entry_id_compare(&same->ids[i], id) == 0) {
            *place = i;
            return true;
        }
    }
    return false;
}

static int id_compare(const void *a, const void *b)
{
    return entry_id_compare(a, b);
}

/* Both ends of each edge have rows. */
static size_t find_neighbours(struct store_txn *txn, uint64_t realm,
                              const struct entry_id *id, struct arena *arena,
                              struct looked_up **found)
{
    struct slice value = slice_of(id->bytes, ENTRY_ID_SIZE);
    size_t max = 8, count;
    do {
        max *= 2;
        *found = arena_alloc(arena, max * sizeof **found);
        count =
            lookup_find(txn, REGISTER_PERSON, PERSON_SAME_AS, realm, value, *found, max);
    } while (count == max);
    return count;
}

void same_ever(struct store_txn *txn, uint64_t realm, const struct entry_id *person,
               struct arena *arena, struct same *same)
{
    size_t capacity = 1, place;
    same->ids = arena_alloc(arena, sizeof *same->ids);
    same->ids[0] = *person;
    same->count = 1;
    for (size_t i = 0; i < same->count; i++) {
        struct looked_up *found;
        size_t count = find_neighbours(txn, realm, &same->ids[i], arena, &found);
        for (size_t j = 0; j < count; j++) {
            if (find_id(same, &found[j].id, &place))
                continue;
            if (same->count == capacity) {
                struct entry_id *more = arena_alloc(arena, 4 * capacity * sizeof *more);
                memcpy(more, same->ids, same->count * sizeof *more);
                same->ids = more;
                capacity *= 4;
            }
            same->ids[same->count++] = found[j].id;
        }
    }
    qsort(same->ids, same->count, sizeof *same->ids, id_compare);
}

/* The person's own chain, without those that it is merged with. */
static bool view_alone(struct store_txn *txn, uint64_t realm, const struct entry_id *id,
                       struct arena *arena, struct record_view *record)
{
    struct record_list list;
    view_chain(txn, schema_register(REGISTER_PERSON), realm, id, arena, &list);
    if (list.count == 0)
        return false;
    *record = list.records[0];
    return true;
}

static bool stands(const struct record_view *alone)
{
    return alone->known && !alone->voided;
}

static void join(size_t *groups, size_t count, size_t a, size_t b)
{
    size_t from = groups[b], to = groups[a];
    for (size_t i = 0; i < count; i++) {
        if (groups[i] == from)
            groups[i] = to;
    }
}

void same_members(struct store_txn *txn, uint64_t realm, const struct entry_id *person,
                  struct arena *arena, struct same *same)
{
    struct same ever;
    size_t me, other;
    same_ever(txn, realm, person, arena, &ever);
    *same = (struct same){arena_alloc(arena, ever.count * sizeof *same->ids), 1};
    same->ids[0] = *person;
    if (ever.count == 1)
        return;
    struct record_view *alone = arena_alloc(arena, ever.count * sizeof *alone);
    size_t *groups = arena_alloc(arena, ever.count * sizeof *groups);
    for (size_t i = 0; i < ever.count; i++) {
        groups[i] = i;
        if (!view_alone(txn, realm, &ever.ids[i], arena, &alone[i]))
            alone[i] = (struct record_view){.known = false};
    }
    for (size_t i = 0; i < ever.count; i++) {
        if (!alone[i].known)
            continue;
        /* An edge holds though the person in whose chain it is was voided, so that those who
         * are merged by way of that one stay together. */
        const struct field_view *edges = &alone[i].fields[PERSON_SAME_AS];
        for (size_t v = 0; v < edges->count; v++) {
            struct slice value = edges->versions[v].value;
            struct entry_id id;
            if (codec_take_id(&value, &id) && find_id(&ever, &id, &other) &&
                alone[other].known)
                join(groups, ever.count, i, other);
        }
    }
    CHECK(find_id(&ever, person, &me));
    if (!stands(&alone[me]))
        return;
    same->count = 0;
    for (size_t i = 0; i < ever.count; i++) {
        if (stands(&alone[i]) && groups[i] == groups[me])
            same->ids[same->count++] = ever.ids[i];
    }
}

static bool names(struct store_txn *txn, uint64_t realm, const struct entry_id *holder,
                  const struct entry_id *named, struct arena *arena)
{
    struct record_view record;
    if (!view_alone(txn, realm, holder, arena, &record))
        return false;
    const struct field_view *edges = &record.fields[PERSON_SAME_AS];
    for (size_t v = 0; v < edges->count; v++) {
        struct slice value = edges->versions[v].value;
        struct entry_id id;
        if (codec_take_id(&value, &id) && entry_id_compare(&id, named) == 0)
            return true;
    }
    return false;
}

bool same_edge(struct store_txn *txn, uint64_t realm, const struct entry_id *a,
               const struct entry_id *b, struct arena *arena, struct entry_id *holder)
{
    bool is_a = names(txn, realm, a, b, arena);
    *holder = is_a ? *a : *b;
    return is_a || names(txn, realm, b, a, arena);
}
