/* Persons who were entered more than once are made one, and apart again. */
#include "crdt/codec.h"
#include "crdt/same.h"
#include "daemon/answer/change_parts.h"
#include "daemon/answer/resolve.h"

static enum status take_person(struct reading *reading, struct slice args,
                               const char *key, bool as_entered,
                               struct resolved *resolved)
{
    struct change *change = reading->change;
    struct slice value, text;
    if (!codec_map_find(args, key, &value) || !codec_take_text(&value, &text))
        return change_refuse(change, ERR_FIELD_MISSING, slice_text(key));
    enum status status =
        as_entered ? resolve_as_entered(change->engine, change->txn, change->arena,
                                        reading->reg, text, resolved, &reading->fits)
                   : resolve_to_write(change->engine, change->txn, change->arena,
                                      reading->reg, text, resolved, &reading->fits);
    return status == OK ? OK : change_refuse_unresolved(reading, status, text);
}

static void take_edge(struct reading *reading, uint64_t realm,
                      const struct entry_id *holder, const struct entry_id *named,
                      bool remove)
{
    struct change *change = reading->change;
    reading->write->kind = OPERATION_EDIT;
    reading->write->realm = realm;
    reading->write->subject = *holder;
    reading->write->target = *holder;
    buffer_clear(change->scratch);
    codec_put_id(change->scratch, named);
    change_add_value(reading, PERSON_SAME_AS, remove,
                     arena_copy(change->arena, buffer_slice(change->scratch)));
}

/* The edge lies in the chain of the lower id, by which both are known from then on, so that
 * two who merge the same two apart write the same. A person's records are sealed for their
 * township: whoever moved to another is entered anew there. */
enum status change_merge(struct reading *reading, struct slice args)
{
    struct resolved one, other;
    enum status status = take_person(reading, args, "id", false, &one);
    if (status == OK)
        status = take_person(reading, args, "other", false, &other);
    if (status != OK)
        return status;
    int order = entry_id_compare(&one.id, &other.id);
    if (order == 0)
        return change_refuse(reading->change, ERR_MERGED, slice_text("other"));
    if (one.realm != other.realm)
        return change_refuse(reading->change, ERR_TOWNSHIP, slice_text("other"));
    take_edge(reading, one.realm, order < 0 ? &one.id : &other.id,
              order < 0 ? &other.id : &one.id, false);
    return OK;
}

/* The only one with whom `person` was merged; false where there are several or none. */
static bool only_neighbour(struct change *change, const struct resolved *person,
                           struct entry_id *neighbour, struct entry_id *holder)
{
    struct same ever;
    size_t count = 0;
    same_ever(change->txn, person->realm, &person->id, change->arena, &ever);
    for (size_t i = 0; i < ever.count; i++) {
        struct entry_id found;
        if (entry_id_compare(&ever.ids[i], &person->id) == 0 ||
            !same_edge(change->txn, person->realm, &person->id, &ever.ids[i],
                       change->arena, &found))
            continue;
        *neighbour = ever.ids[i];
        *holder = found;
        count++;
    }
    return count == 1;
}

static bool are_one(struct change *change, const struct resolved *one,
                    const struct resolved *other)
{
    struct same same;
    same_members(change->txn, one->realm, &one->id, change->arena, &same);
    for (size_t i = 0; i < same.count; i++) {
        if (entry_id_compare(&same.ids[i], &other->id) == 0)
            return true;
    }
    return false;
}

/* Takes out the edge between the two; where they are one person by way of others, the only
 * edge that leads to either. */
enum status change_unmerge(struct reading *reading, struct slice args)
{
    struct change *change = reading->change;
    struct resolved one, other;
    struct entry_id holder, a, b;
    enum status status = take_person(reading, args, "id", true, &one);
    if (status == OK)
        status = take_person(reading, args, "other", true, &other);
    if (status != OK)
        return status;
    a = one.id;
    b = other.id;
    if (one.realm != other.realm || entry_id_compare(&a, &b) == 0)
        return change_refuse(change, ERR_NOT_MERGED, slice_text("other"));
    if (!same_edge(change->txn, one.realm, &a, &b, change->arena, &holder)) {
        bool found = are_one(change, &one, &other);
        if (found && only_neighbour(change, &other, &a, &holder))
            b = other.id;
        else if (found && only_neighbour(change, &one, &b, &holder))
            a = one.id;
        else
            return change_refuse(change, ERR_NOT_MERGED, slice_text("other"));
    }
    take_edge(reading, one.realm, &holder, entry_id_compare(&holder, &a) == 0 ? &b : &a,
              true);
    return OK;
}
