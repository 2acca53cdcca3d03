/* What could be matched with what, of the three lists: by kind, nearest first. */
#include <stdlib.h>

#include "crdt/codec.h"
#include "crdt/schema_lists.h"
#include "daemon/answer/query_parts.h"
#include "daemon/answer/resolve.h"

/* Fields of a need and of an offer, by which they are matched. */
struct list_fields {
    uint8_t kind, place, state;
};
static const struct list_fields of_need = {NEED_KIND, NEED_VILLAGE, NEED_STATE};
static const struct list_fields of_offer = {OFFER_KIND, OFFER_PLACE, OFFER_STATE};

struct proposal {
    const struct schema_register *reg;
    struct entry_id id;
    uint64_t realm;
    unsigned distance;
};

struct proposals {
    uint8_t kind;
    uint64_t place;
    struct proposal *found;
    size_t count, capacity;
};

static const struct list_fields *fields_of(const struct schema_register *reg)
{
    return reg->id == REGISTER_NEED ? &of_need : &of_offer;
}

static uint64_t place_of(const struct record_view *record)
{
    struct slice value = view_value(record, fields_of(record->reg)->place);
    uint64_t code;
    return codec_take_uint(&value, &code) ? code : 0;
}

static void consider(struct proposals *proposals, const struct record_view *record)
{
    const struct list_fields *fields = fields_of(record->reg);
    uint64_t place = place_of(record);
    bool is_need = record->reg->id == REGISTER_NEED;
    if (!query_record_stands(record) ||
        view_choice(record, fields->kind) != proposals->kind ||
        view_choice(record, fields->state) != LIST_OPEN)
        return;
    proposals->found = array_grow(proposals->found, &proposals->capacity,
                                  proposals->count + 1, sizeof *proposals->found);
    proposals->found[proposals->count++] = (struct proposal){
        .reg = record->reg,
        .id = record->id,
        .realm = record->realm,
        .distance = is_need ? list_distance(place, proposals->place)
                            : list_distance(proposals->place, place),
    };
}

static void look_through(struct query *query, struct store_txn *txn, uint8_t id,
                         struct proposals *proposals)
{
    const struct schema_register *reg = schema_register(id);
    struct fold_subjects walk = {.reg = id};
    struct record_view record;
    struct entry_id subject;
    uint64_t realm, newest;
    while (fold_subjects_next(txn, &walk, &realm, &subject, &newest)) {
        arena_reset(query->scratch);
        if (realm_is_readable(query_engine(query), realm) &&
            view_record(txn, reg, realm, NULL, &subject, query->scratch, &record))
            consider(proposals, &record);
    }
    store_cursor_close(&walk.cursor);
}

static int nearest_first(const void *a, const void *b)
{
    const struct proposal *left = a, *right = b;
    if (left->distance != right->distance)
        return left->distance < right->distance ? -1 : 1;
    return entry_id_compare(&left->id, &right->id);
}

static void put_proposal(struct query *query, struct store_txn *txn,
                         const struct proposal *proposal, struct places *places)
{
    static const char *const near[] = {"village", "township", "county", "elsewhere"};
    struct buffer *out = query->data;
    struct record_view record;
    struct slice title = {0};
    arena_reset(query->scratch);
    CHECK(view_record(txn, proposal->reg, proposal->realm, NULL, &proposal->id,
                      query->scratch, &record));
    places_note(places, &record);
    title = view_value(&record, proposal->reg->name_field);
    codec_put_map(out, 5);
    answer_put_key(out, "id");
    answer_put_id(out, &proposal->id);
    answer_put_key(out, "register");
    codec_put_cstring(out, proposal->reg->name);
    answer_put_key(out, "title");
    if (title.size > 0)
        codec_put_raw(out, title);
    else
        codec_put_nil(out);
    answer_put_key(out, "place");
    answer_put_uint_or_nil(out, place_of(&record));
    answer_put_key(out, "near");
    codec_put_cstring(out, near[proposal->distance]);
}

/* What is open of `others` (ended by 0) and of the kind of the record named by `id`. */
static enum status propose(struct query *query, struct store_txn *txn, struct slice args,
                           uint8_t reg_id, const uint8_t *others)
{
    const struct schema_register *reg = schema_register(reg_id);
    struct proposals proposals = {0};
    struct places places = {0};
    struct resolved resolved;
    struct record_view record;
    struct slice text;
    if (!args_text(args, "id", &text))
        return query_refuse(query, ERR_FIELD_MISSING, slice_text("id"));
    enum status status = query_resolve(query, txn, reg, text, &resolved);
    if (status != OK)
        return status;
    if (!view_record(txn, reg, resolved.realm, NULL, &resolved.id, query->scratch,
                     &record))
        return query_refuse(query, ERR_NOT_FOUND, text);
    proposals.kind = view_choice(&record, fields_of(reg)->kind);
    proposals.place = place_of(&record);
    query_note_incomplete(query);
    for (; *others != 0; others++)
        look_through(query, txn, *others, &proposals);
    if (proposals.count > 0)
        qsort(proposals.found, proposals.count, sizeof *proposals.found, nearest_first);
    codec_put_map(query->data, 2);
    answer_put_key(query->data, "matches");
    codec_put_array(query->data, proposals.count);
    for (size_t i = 0; i < proposals.count; i++)
        put_proposal(query, txn, &proposals.found[i], &places);
    query_put_places(query, &places);
    free(proposals.found);
    return OK;
}

enum status query_offers(struct query *query, struct store_txn *txn, struct slice args)
{
    static const uint8_t offers[] = {REGISTER_RESOURCE, REGISTER_PROJECT, 0};
    return propose(query, txn, args, REGISTER_NEED, offers);
}

static const uint8_t needs[] = {REGISTER_NEED, 0};

enum status query_resource_needs(struct query *query, struct store_txn *txn,
                                 struct slice args)
{
    return propose(query, txn, args, REGISTER_RESOURCE, needs);
}

enum status query_project_needs(struct query *query, struct store_txn *txn,
                                struct slice args)
{
    return propose(query, txn, args, REGISTER_PROJECT, needs);
}
