/* Who was probably entered twice: persons of one name and birth, or with one identity number.
 *
 * The rows that the fold leaves say where to look; what counts is how the records read now.
 * Identity numbers are sealed under their township's key, so that those of one number in
 * different townships are told by opening every one that can be opened here. */
#include <stdlib.h>
#include <string.h>

#include "crdt/codec.h"
#include "crdt/lookup.h"
#include "daemon/answer/query_parts.h"
#include "daemon/answer/resolve.h"
#include "net/records.h"

enum {
    GROUP_MAX = 16, /* of one name and birth, looked at */
};

enum reason { BY_ID_NUMBER, BY_NAME_AND_BIRTH };

struct place_of_record {
    struct entry_id id;
    uint64_t realm;
};

struct pair {
    struct place_of_record one, other; /* in order of their ids */
    enum reason reason;
};

struct pairs {
    struct pair *found;
    size_t count, capacity;
};

struct numbered {
    struct place_of_record person;
    struct hash hash; /* of the number, never the number itself */
};

/* Whether whoever it is counts: known, in force, neither dead nor moved away. */
static bool is_there(const struct record_view *record)
{
    return record->known && query_record_stands(record) &&
           (record->reg->ended == NULL || !record->reg->ended(record));
}

static void note_pair(struct pairs *pairs, const struct place_of_record *a,
                      const struct place_of_record *b, enum reason reason)
{
    bool in_order = entry_id_compare(&a->id, &b->id) < 0;
    pairs->found = array_grow(pairs->found, &pairs->capacity, pairs->count + 1,
                              sizeof *pairs->found);
    pairs->found[pairs->count++] = (struct pair){
        .one = in_order ? *a : *b,
        .other = in_order ? *b : *a,
        .reason = reason,
    };
}

/* ---- by name and birth ---- */

struct alike {
    struct place_of_record person;
    bool has_number;
    struct hash value; /* of name and birth as they read now */
};

static void pair_alike(struct pairs *pairs, const struct alike *group, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = i + 1; j < count; j++) {
            /* Two identity numbers are two people, unless they are equal. */
            if (memcmp(&group[i].value, &group[j].value, sizeof group[i].value) == 0 &&
                !(group[i].has_number && group[j].has_number))
                note_pair(pairs, &group[i].person, &group[j].person, BY_NAME_AND_BIRTH);
        }
    }
}

/* Several rows may have one value; only then are the records opened. */
static void look_at_group(struct query *query, struct store_txn *txn,
                          const struct looked_up *rows, size_t count, struct pairs *pairs)
{
    static const struct county_salt no_salt;
    const struct schema_register *reg = schema_register(REGISTER_PERSON);
    const struct roster *roster = engine_roster(query_engine(query));
    struct alike group[GROUP_MAX];
    struct record_view record;
    struct buffer value;
    size_t kept = 0;
    uint64_t likely = 0;
    buffer_init(&value, SIZE_MAX);
    for (size_t i = 0; count > 1 && i < count; i++) {
        arena_reset(query->scratch);
        if (!record_find(roster, txn, reg, &rows[i].id, likely, query->scratch,
                         &record) ||
            !is_there(&record) || !lookup_alike_value(&record, &value))
            continue;
        likely = record.realm;
        group[kept].person = (struct place_of_record){record.id, record.realm};
        group[kept].has_number = record.fields[PERSON_ID_NUMBER].count > 0;
        hash_bytes(&group[kept].value, HASH_LOOKUP, &no_salt, buffer_slice(&value));
        kept++;
    }
    buffer_deinit(&value);
    pair_alike(pairs, group, kept);
}

static void look_by_name(struct query *query, struct store_txn *txn, struct pairs *pairs)
{
    struct lookup_walk walk = {.reg = REGISTER_PERSON, .field = FIELD_NONE};
    struct looked_up group[GROUP_MAX], row;
    size_t count = 0;
    bool is_next;
    while (lookup_next(txn, &walk, &row, &is_next)) {
        if (is_next) {
            look_at_group(query, txn, group, count, pairs);
            count = 0;
        }
        if (count < GROUP_MAX)
            group[count++] = row;
    }
    store_cursor_close(&walk.cursor);
    look_at_group(query, txn, group, count, pairs);
}

/* ---- by identity number ---- */

struct numbers {
    struct numbered *items;
    size_t count, capacity;
};

static void note_number(struct query *query, const struct record_view *record,
                        struct numbers *numbers)
{
    static const struct county_salt no_salt;
    struct slice value = view_value(record, PERSON_ID_NUMBER), sealed, text;
    if (!codec_take_bytes(&value, &sealed) ||
        !engine_open_field(query_engine(query), record->realm, sealed, query->scratch,
                           &text))
        return;
    numbers->items = array_grow(numbers->items, &numbers->capacity, numbers->count + 1,
                                sizeof *numbers->items);
    struct numbered *last = &numbers->items[numbers->count++];
    last->person = (struct place_of_record){record->id, record->realm};
    hash_bytes(&last->hash, HASH_LOOKUP, &no_salt, text);
}

static int numbered_compare(const void *a, const void *b)
{
    const struct numbered *left = a, *right = b;
    int order = memcmp(&left->hash, &right->hash, sizeof left->hash);
    return order != 0 ? order : entry_id_compare(&left->person.id, &right->person.id);
}

static void look_by_number(struct query *query, struct store_txn *txn,
                           struct pairs *pairs)
{
    const struct schema_register *reg = schema_register(REGISTER_PERSON);
    struct numbers numbers = {0};
    struct realm_walk realms = {0};
    struct record_view record;
    struct looked_up row;
    uint64_t realm;
    bool is_next;
    while (realm_walk_next(engine_roster(query_engine(query)), reg, &realms, &realm)) {
        struct lookup_walk walk = {
            .reg = REGISTER_PERSON, .field = PERSON_ID_NUMBER, .realm = realm};
        while (lookup_next(txn, &walk, &row, &is_next)) {
            arena_reset(query->scratch);
            if (view_record(txn, reg, realm, NULL, &row.id, query->scratch, &record) &&
                is_there(&record))
                note_number(query, &record, &numbers);
        }
        store_cursor_close(&walk.cursor);
    }
    if (numbers.count > 1)
        qsort(numbers.items, numbers.count, sizeof *numbers.items, numbered_compare);
    for (size_t i = 0; i < numbers.count; i++) {
        for (size_t j = i + 1; j < numbers.count && j < i + GROUP_MAX; j++) {
            if (memcmp(&numbers.items[i].hash, &numbers.items[j].hash,
                       sizeof numbers.items[i].hash) != 0)
                break;
            /* One person leaves a row for each number that was ever written. */
            if (entry_id_compare(&numbers.items[i].person.id,
                                 &numbers.items[j].person.id) != 0)
                note_pair(pairs, &numbers.items[i].person, &numbers.items[j].person,
                          BY_ID_NUMBER);
        }
    }
    free(numbers.items);
}

/* ---- the answer ---- */

static int pair_compare(const void *a, const void *b)
{
    const struct pair *left = a, *right = b;
    int order = entry_id_compare(&left->one.id, &right->one.id);
    if (order == 0)
        order = entry_id_compare(&left->other.id, &right->other.id);
    return order != 0 ? order : (int)left->reason - (int)right->reason;
}

static bool same_pair(const struct pair *a, const struct pair *b)
{
    return entry_id_compare(&a->one.id, &b->one.id) == 0 &&
           entry_id_compare(&a->other.id, &b->other.id) == 0;
}

static uint64_t village_of(struct query *query, struct store_txn *txn,
                           const struct place_of_record *person,
                           struct record_view *record)
{
    uint64_t village = 0;
    if (!view_record(txn, schema_register(REGISTER_PERSON), person->realm, NULL,
                     &person->id, query->scratch, record))
        return 0;
    struct slice value = view_value(record, PERSON_VILLAGE);
    return codec_take_uint(&value, &village) ? village : 0;
}

static void put_value(struct buffer *out, const char *key,
                      const struct record_view *record, uint8_t field)
{
    struct slice value = view_value(record, field);
    struct buffer words;
    answer_put_key(out, key);
    buffer_init(&words, SIZE_MAX);
    if (value.size > 0)
        field_format(&record->reg->fields[field], value, false, &words);
    if (words.size > 0)
        codec_put_text(out, buffer_slice(&words));
    else
        codec_put_nil(out);
    buffer_deinit(&words);
}

static void put_village(struct query *query, struct buffer *out, const char *key,
                        const char *name_key, uint64_t village)
{
    const struct division *place = divisions_find(query->sources->divisions, village);
    answer_put_key(out, key);
    answer_put_uint_or_nil(out, village);
    answer_put_key(out, name_key);
    answer_put_text_or_nil(out, place != NULL ? place->name : NULL);
}

/* False: neither lies where was asked. */
static bool put_pair(struct query *query, struct store_txn *txn,
                     const struct scope *scope, const struct pair *pair,
                     struct buffer *out)
{
    struct record_view one, other;
    arena_reset(query->scratch);
    uint64_t village = village_of(query, txn, &pair->one, &one);
    uint64_t other_village = village_of(query, txn, &pair->other, &other);
    if (scope->division != 0 && !query_lies_in(query, village, scope->division) &&
        !query_lies_in(query, other_village, scope->division))
        return false;
    codec_put_map(out, 11);
    answer_put_key(out, "id");
    answer_put_id(out, &pair->one.id);
    put_value(out, "name", &one, PERSON_NAME);
    put_value(out, "birth", &one, PERSON_BIRTH);
    put_village(query, out, "village", "village_name", village);
    answer_put_key(out, "other");
    answer_put_id(out, &pair->other.id);
    put_value(out, "other_name", &other, PERSON_NAME);
    put_value(out, "other_birth", &other, PERSON_BIRTH);
    put_village(query, out, "other_village", "other_village_name", other_village);
    answer_put_key(out, "same");
    codec_put_cstring(out, pair->reason == BY_ID_NUMBER ? "id-number" : "name-and-birth");
    return true;
}

enum status query_doubles(struct query *query, struct store_txn *txn, struct slice args)
{
    struct scope scope = {.reg = schema_register(REGISTER_PERSON)};
    struct pairs pairs = {0};
    struct buffer rows;
    size_t count = 0;
    enum status status = query_take_division(query, txn, &scope, args);
    if (status != OK)
        return status;
    query_note_incomplete(query);
    query_note_not_worked_in(query);
    look_by_name(query, txn, &pairs);
    look_by_number(query, txn, &pairs);
    if (pairs.count > 1)
        qsort(pairs.found, pairs.count, sizeof *pairs.found, pair_compare);
    buffer_init(&rows, CONTROL_REPLY_SIZE_MAX);
    for (size_t i = 0; i < pairs.count; i++) {
        /* Both ids of persons who were merged lead to one record. */
        if (entry_id_compare(&pairs.found[i].one.id, &pairs.found[i].other.id) == 0)
            continue;
        if (i == 0 || !same_pair(&pairs.found[i - 1], &pairs.found[i]))
            count += put_pair(query, txn, &scope, &pairs.found[i], &rows);
    }
    codec_put_map(query->data, 2);
    answer_put_key(query->data, "doubles");
    codec_put_array(query->data, count);
    codec_put_raw(query->data, buffer_slice(&rows));
    query->data->overflow |= rows.overflow;
    buffer_deinit(&rows);
    query_put_rests_on(query, &scope);
    free(pairs.found);
    return OK;
}
