#include "crdt/care.h"

#include <stdlib.h>
#include <string.h>

#include "crdt/calendar.h"
#include "crdt/codec.h"
#include "crdt/conflict.h"
#include "crdt/lookup.h"
#include "crdt/person.h"
#include "crdt/same.h"
#include "crdt/search.h"
#include "crdt/visit.h"

#define MONTHS (MONTH_MAX - MONTH_MIN + 1)

/* ---- rows ---- */

static uint64_t zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
}

static int64_t unzigzag(uint64_t value)
{
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static bool take_signed(struct slice *in, int64_t *value)
{
    uint64_t encoded;
    if (!slice_take_varint(in, &encoded))
        return false;
    *value = unzigzag(encoded);
    return true;
}

static bool row_read(struct slice key, struct slice value, struct care *care)
{
    uint8_t rewritten;
    if (!subject_key_read(key, &care->realm, &care->person) ||
        !slice_take_varint(&value, &care->village) ||
        !slice_take_u8(&value, &care->tier) || !slice_take_u8(&value, &care->status) ||
        !take_signed(&value, &care->enrolled_day) ||
        !take_signed(&value, &care->status_day) || !take_signed(&value, &care->latest) ||
        !slice_take_u8(&value, &rewritten) || !take_signed(&value, &care->first_month))
        return false;
    care->rewritten = rewritten != 0;
    care->months = value;
    return care->tier <= TIER_GENERAL && care->status <= PERSON_DECEASED;
}

static void row_write(struct store_txn *txn, const struct care *care)
{
    uint8_t key[SUBJECT_KEY_SIZE];
    struct buffer row;
    subject_key(key, care->realm, &care->person);
    buffer_init(&row, SIZE_MAX);
    buffer_put_varint(&row, care->village);
    buffer_put_u8(&row, care->tier);
    buffer_put_u8(&row, care->status);
    buffer_put_varint(&row, zigzag(care->enrolled_day));
    buffer_put_varint(&row, zigzag(care->status_day));
    buffer_put_varint(&row, zigzag(care->latest));
    buffer_put_u8(&row, care->rewritten);
    buffer_put_varint(&row, zigzag(care->first_month));
    buffer_put(&row, care->months.data, care->months.size);
    store_put(txn, STORE_CARE, slice_of(key, sizeof key), buffer_slice(&row));
    buffer_deinit(&row);
}

bool care_find(struct store_txn *txn, uint64_t realm, const struct entry_id *person,
               struct care *care)
{
    uint8_t key[SUBJECT_KEY_SIZE];
    struct slice value;
    subject_key(key, realm, person);
    return store_get(txn, STORE_CARE, slice_of(key, sizeof key), &value) &&
           row_read(slice_of(key, sizeof key), value, care);
}

bool care_next(struct store_txn *txn, struct care_walk *walk, struct care *care)
{
    struct slice key, value;
    uint8_t from[8];
    bool more;
    put_be64(from, walk->realm);
    if (walk->started)
        more = store_next(txn, &walk->cursor, &key, &value);
    else
        more = store_seek(txn, STORE_CARE, slice_of(from, sizeof from), &walk->cursor,
                          &key, &value);
    walk->started = true;
    if (!more)
        return false;
    if (!row_read(key, value, care)) { /* fewer rows would read as fewer people */
        store_mark_damaged(txn, STORE_CARE);
        return false;
    }
    return walk->realm == 0 || care->realm == walk->realm;
}

bool care_visited_in(const struct care *care, int64_t month)
{
    int64_t bit = month - care->first_month;
    if (bit < 0 || (uint64_t)bit / 8 >= care->months.size)
        return false;
    return (care->months.data[bit / 8] >> (bit % 8) & 1) != 0;
}

/* ---- visits into months ---- */

/* What the visits of one person come to. */
struct tally {
    int64_t latest;
    int64_t first, last; /* months; the first is after the last where there are none */
    uint8_t bits[MONTHS / 8 + 1];
};

static void tally_init(struct tally *tally)
{
    tally->latest = CARE_NEVER;
    tally->first = INT64_MAX;
    tally->last = INT64_MIN;
    memset(tally->bits, 0, sizeof tally->bits);
}

/* Bits count from the first month of the calendar, so that none has to be moved. */
static void tally_month(struct tally *tally, int64_t month)
{
    int64_t bit = month - MONTH_MIN;
    CHECK(bit >= 0 && bit < MONTHS);
    tally->bits[bit / 8] |= (uint8_t)(1u << (bit % 8));
    if (month < tally->first)
        tally->first = month;
    if (month > tally->last)
        tally->last = month;
}

static void tally_visit(struct tally *tally, int64_t when)
{
    if (!moment_in_range(when))
        return;
    if (when > tally->latest)
        tally->latest = when;
    tally_month(tally, month_of(day_of_minutes(when)));
}

static void tally_row(struct tally *tally, const struct care *care)
{
    tally->latest = care->latest;
    for (size_t bit = 0; bit < care->months.size * 8; bit++) {
        int64_t month = care->first_month + (int64_t)bit;
        if (care_visited_in(care, month) && month >= MONTH_MIN &&
            month < MONTH_MIN + MONTHS)
            tally_month(tally, month);
    }
}

static void tally_put(const struct tally *tally, struct care *care, struct buffer *months)
{
    care->latest = tally->latest;
    care->first_month = tally->last < tally->first ? 0 : tally->first;
    buffer_clear(months);
    for (int64_t month = tally->first; month <= tally->last; month++) {
        int64_t bit = month - tally->first, from = month - MONTH_MIN;
        if (bit % 8 == 0)
            buffer_put_u8(months, 0);
        if ((tally->bits[from / 8] >> (from % 8) & 1) != 0)
            months->data[bit / 8] |= (uint8_t)(1u << (bit % 8));
    }
    care->months = buffer_slice(months);
}

/* The visits of one chain that count by `now`; INT64_MAX: whenever they are. */
static void tally_chain(struct store_txn *txn, uint64_t realm,
                        const struct entry_id *person, int64_t now, struct tally *tally,
                        bool *rewritten, struct arena *scratch)
{
    struct record_list visits;
    int64_t when;
    view_chain(txn, schema_register(REGISTER_VISIT), realm, person, scratch, &visits);
    for (size_t i = 0; i < visits.count; i++) {
        const struct record_view *visit = &visits.records[i];
        *rewritten |= !visit->known || visit->voided || visit->amended_count > 0;
        if (visit_counts(visit, now) && view_time(visit, VISIT_WHEN, &when))
            tally_visit(tally, when);
    }
}

/* The same of a person, by whichever of the ids that are merged. */
static void tally_person(struct store_txn *txn, uint64_t realm,
                         const struct entry_id *person, int64_t now, struct tally *tally,
                         bool *rewritten, struct arena *scratch)
{
    struct same same;
    same_members(txn, realm, person, scratch, &same);
    for (size_t i = 0; i < same.count; i++)
        tally_chain(txn, realm, &same.ids[i], now, tally, rewritten, scratch);
}

void care_as_of(struct store_txn *txn, struct care *care, int64_t now,
                struct arena *scratch)
{
    struct tally tally;
    struct buffer months;
    bool rewritten = false;
    if (care->latest == CARE_NEVER || care->latest <= now)
        return;
    tally_init(&tally);
    tally_person(txn, care->realm, &care->person, now, &tally, &rewritten, scratch);
    buffer_init(&months, SIZE_MAX);
    tally_put(&tally, care, &months);
    care->months = arena_copy(scratch, care->months);
    buffer_deinit(&months);
}

/* ---- one person ---- */

/* The row as both chains say now; none where the person is not known or voided, or known by
 * another id with which this one is merged. */
static void make_one(struct store_txn *txn, uint64_t realm, const struct entry_id *id,
                     struct arena *scratch)
{
    struct care care = {.realm = realm, .person = *id};
    uint8_t key[SUBJECT_KEY_SIZE];
    struct record_view person;
    struct tally tally;
    struct buffer months;
    struct slice place;

    if (!view_record(txn, schema_register(REGISTER_PERSON), realm, NULL, id, scratch,
                     &person) ||
        !person.known || person.voided || entry_id_compare(&person.id, id) != 0) {
        subject_key(key, realm, id);
        store_delete(txn, STORE_CARE, slice_of(key, sizeof key));
        search_remove(txn, realm, id);
        return;
    }
    search_keep(txn, &person);
    lookup_keep_alike(txn, &person);
    place = view_value(&person, PERSON_VILLAGE);
    if (!codec_take_uint(&place, &care.village))
        care.village = 0;
    care.tier = view_choice(&person, PERSON_TIER);
    care.status = view_choice(&person, PERSON_STATUS);
    care.enrolled_day = beijing_minutes(person.created_ms) / MINUTES_PER_DAY;
    if (!person_status_since(&person, &care.status_day))
        care.status_day = CARE_NEVER;
    tally_init(&tally);
    tally_person(txn, realm, id, INT64_MAX, &tally, &care.rewritten, scratch);
    buffer_init(&months, SIZE_MAX);
    tally_put(&tally, &care, &months);
    row_write(txn, &care);
    buffer_deinit(&months);
}

/* What is written of one changes the rows of all with whom it is, or was, merged; which of
 * their fields are in conflict too, also where somebody is created who was merged before. */
static void make_anew(struct store_txn *txn, uint64_t realm, const struct entry_id *id,
                      struct arena *scratch)
{
    struct same same;
    struct entry_id *ids;
    same_ever(txn, realm, id, scratch, &same);
    if (same.count == 1) {
        make_one(txn, realm, id, scratch);
        return;
    }
    ids = checked_malloc(same.count * sizeof *ids);
    memcpy(ids, same.ids, same.count * sizeof *ids);
    for (size_t i = 0; i < same.count; i++) {
        arena_reset(scratch);
        make_one(txn, realm, &ids[i], scratch);
        conflict_withdrawn(
            txn,
            &(struct touch){.reg = REGISTER_PERSON, .realm = realm, .subject = ids[i]},
            scratch);
    }
    free(ids);
}

/* ---- what was folded ---- */

bool care_touched(const struct fold_row *row, struct operation operation,
                  struct care_touch *touch)
{
    struct slice value;
    uint64_t method = 0, outcome = 0;
    uint8_t field;
    bool dated = false, reached = true;

    if (operation.reg != REGISTER_PERSON && operation.reg != REGISTER_VISIT)
        return false;
    *touch = (struct care_touch){
        .person = touch_of(row, &operation),
        .merge = operation.reg == REGISTER_PERSON || operation.kind != OPERATION_CREATE,
    };
    touch->person.reg = REGISTER_PERSON;
    while (!touch->merge && operation_next_field(&operation, &field, &value)) {
        if (value.size == 0)
            continue;
        if (field == VISIT_WHEN)
            dated = codec_take_int(&value, &touch->when);
        else if (field == VISIT_METHOD)
            reached &= codec_take_uint(&value, &method);
        else if (field == VISIT_OUTCOME)
            reached &= codec_take_uint(&value, &outcome);
        touch->merge = field == VISIT_AMENDS;
    }
    touch->reached = dated && reached && method <= UINT8_MAX && outcome <= UINT8_MAX &&
                     visit_reached((uint8_t)method, (uint8_t)outcome);
    return true;
}

/* What one person's touches do to the row. Visits that were only entered need no chain, unless
 * something was said of one of them before it came. */
static void apply_touches(struct store_txn *txn, const struct care_touch *touches,
                          size_t count, struct arena *scratch)
{
    struct care care;
    struct tally tally;
    struct buffer months;
    const struct touch *person = &touches[0].person;
    bool merge =
        !care_find(txn, person->realm, &person->subject, &care) || care.rewritten;

    for (size_t i = 0; i < count; i++)
        merge |= touches[i].merge;
    if (merge) {
        arena_reset(scratch);
        make_anew(txn, person->realm, &person->subject, scratch);
        return;
    }
    tally_init(&tally);
    tally_row(&tally, &care);
    for (size_t i = 0; i < count; i++) {
        if (touches[i].reached)
            tally_visit(&tally, touches[i].when);
    }
    buffer_init(&months, SIZE_MAX);
    tally_put(&tally, &care, &months);
    row_write(txn, &care);
    buffer_deinit(&months);
}

void care_work(struct store_txn *txn, struct care_touch *touches, size_t count,
               struct arena *scratch)
{
    if (count > 1)
        qsort(touches, count, sizeof *touches, touch_compare);
    for (size_t i = 0; i < count;) {
        size_t end = i + 1;
        while (end < count && touch_compare(&touches[i], &touches[end]) == 0)
            end++;
        apply_touches(txn, touches + i, end - i, scratch);
        i = end;
    }
}

void care_withdrawn(struct store_txn *txn, const struct touch *touch,
                    struct arena *scratch)
{
    if (touch->reg == REGISTER_PERSON || touch->reg == REGISTER_VISIT)
        make_anew(txn, touch->realm, &touch->subject, scratch);
}

void care_forget(struct store_txn *txn)
{
    store_clear(txn, STORE_CARE);
}
