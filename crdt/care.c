#include "crdt/care.h"

#include <stdlib.h>
#include <string.h>

#include "crdt/calendar.h"
#include "crdt/codec.h"
#include "crdt/conflict.h"
#include "crdt/lead.h"
#include "crdt/lookup.h"
#include "crdt/person.h"
#include "crdt/search.h"
#include "crdt/visit.h"

/* Goes up when rows would read otherwise; all are made anew then. */
#define CARE_LEVEL 3
#define META_CARE "care"
#define MONTHS (MONTH_MAX - MONTH_MIN + 1)

enum { CARE_KEY_SIZE = 8 + ENTRY_ID_SIZE };

static void care_key(uint8_t key[CARE_KEY_SIZE], uint64_t realm,
                     const struct entry_id *person)
{
    put_be64(key, realm);
    memcpy(key + 8, person->bytes, ENTRY_ID_SIZE);
}

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
    uint8_t realm[8], rewritten;
    if (!slice_take(&key, sizeof realm, realm) ||
        !slice_take(&key, ENTRY_ID_SIZE, care->person.bytes) || key.size != 0)
        return false;
    care->realm = get_be64(realm);
    if (!slice_take_varint(&value, &care->village) ||
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
    uint8_t key[CARE_KEY_SIZE];
    struct buffer row;
    care_key(key, care->realm, &care->person);
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
    uint8_t key[CARE_KEY_SIZE];
    struct slice value;
    care_key(key, realm, person);
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

/* The visits that count by `now`; INT64_MAX: whenever they are. */
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

void care_as_of(struct store_txn *txn, struct care *care, int64_t now,
                struct arena *scratch)
{
    struct tally tally;
    struct buffer months;
    bool rewritten = false;
    if (care->latest == CARE_NEVER || care->latest <= now)
        return;
    tally_init(&tally);
    tally_chain(txn, care->realm, &care->person, now, &tally, &rewritten, scratch);
    buffer_init(&months, SIZE_MAX);
    tally_put(&tally, care, &months);
    care->months = arena_copy(scratch, care->months);
    buffer_deinit(&months);
}

/* ---- one person ---- */

/* The row as both chains say now; none where the person is not known or voided. */
static void make_anew(struct store_txn *txn, uint64_t realm, const struct entry_id *id,
                      struct arena *scratch)
{
    struct care care = {.realm = realm, .person = *id};
    uint8_t key[CARE_KEY_SIZE];
    struct record_view person;
    struct tally tally;
    struct buffer months;
    struct slice place;

    if (!view_record(txn, schema_register(REGISTER_PERSON), realm, NULL, id, scratch,
                     &person) ||
        !person.known || person.voided) {
        care_key(key, realm, id);
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
    tally_chain(txn, realm, id, INT64_MAX, &tally, &care.rewritten, scratch);
    buffer_init(&months, SIZE_MAX);
    tally_put(&tally, &care, &months);
    row_write(txn, &care);
    buffer_deinit(&months);
}

/* ---- the cursor ---- */

/* At most the last row there is. `anew`: no row of STORE_CARE is to be believed. */
static uint64_t cursor_read(struct store_txn *txn, bool *anew)
{
    struct slice row;
    uint64_t level, cursor, last = fold_last_row(txn);
    *anew = !store_get(txn, STORE_META, slice_text(META_CARE), &row) ||
            !slice_take_u64(&row, &level) || level != CARE_LEVEL ||
            !slice_take_u64(&row, &cursor);
    if (*anew)
        return 0;
    return cursor < last ? cursor : last;
}

static void cursor_write(struct store_txn *txn, uint64_t cursor)
{
    struct buffer row;
    buffer_init(&row, SIZE_MAX);
    buffer_put_u64(&row, CARE_LEVEL);
    buffer_put_u64(&row, cursor);
    store_put(txn, STORE_META, slice_text(META_CARE), buffer_slice(&row));
    buffer_deinit(&row);
}

/* Rows taken out at the end give their numbers to others, which the cursor must not have
 * passed. */
void care_withdrawn(struct store_txn *txn, uint8_t reg, uint64_t realm,
                    const struct entry_id *subject, struct arena *scratch)
{
    bool anew;
    uint64_t cursor = cursor_read(txn, &anew);
    if (!anew)
        cursor_write(txn, cursor);
    if (reg == REGISTER_PERSON || reg == REGISTER_VISIT)
        make_anew(txn, realm, subject, scratch);
    conflict_withdrawn(txn, reg, realm, subject, scratch);
    if (reg == REGISTER_LEAD || reg == REGISTER_LEAD_STEP)
        lead_work(txn, &(struct lead_touch){realm, *subject}, 1, scratch);
}

uint64_t care_left(struct store_txn *txn)
{
    bool anew;
    uint64_t cursor = cursor_read(txn, &anew);
    return fold_last_row(txn) - cursor;
}

void care_forget(struct store_txn *txn)
{
    store_clear(txn, STORE_CARE);
    conflict_forget(txn);
    store_clear(txn, STORE_SEARCH);
    lead_forget(txn);
    store_delete(txn, STORE_META, slice_text(META_CARE));
}

/* A folded row that concerns a person. */
struct touch {
    uint64_t realm;
    struct entry_id person;
    bool merge;   /* both chains are merged anew, whatever the rest says */
    bool reached; /* a visit was entered that counts, `when` */
    int64_t when;
};

/* False: it concerns nobody's row. */
static bool touch_read(const struct fold_row *row, struct operation operation,
                       struct touch *touch)
{
    struct slice value;
    uint64_t method = 0, outcome = 0;
    uint8_t field;
    bool dated = false, reached = true;

    if (operation.reg != REGISTER_PERSON && operation.reg != REGISTER_VISIT)
        return false;
    *touch = (struct touch){
        .realm = row->realm,
        .person = operation.subject_is_self ? row->id : operation.subject,
        .merge = operation.reg == REGISTER_PERSON || operation.kind != OPERATION_CREATE,
    };
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

static int touch_compare(const void *a, const void *b)
{
    const struct touch *left = a, *right = b;
    if (left->realm != right->realm)
        return left->realm < right->realm ? -1 : 1;
    return entry_id_compare(&left->person, &right->person);
}

/* What one person's touches do to the row. Visits that were only entered need no chain, unless
 * something was said of one of them before it came. */
static void apply_touches(struct store_txn *txn, const struct touch *touches,
                          size_t count, struct arena *scratch)
{
    struct care care;
    struct tally tally;
    struct buffer months;
    bool merge =
        !care_find(txn, touches[0].realm, &touches[0].person, &care) || care.rewritten;

    for (size_t i = 0; i < count; i++)
        merge |= touches[i].merge;
    if (merge) {
        arena_reset(scratch);
        make_anew(txn, touches[0].realm, &touches[0].person, scratch);
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

uint64_t care_work(struct store_txn *txn, size_t rows_max, struct arena *scratch)
{
    uint64_t last = fold_last_row(txn), cursor;
    struct touch *touches;
    struct conflict_touch *edited;
    struct lead_touch *leads;
    size_t count = 0, edited_count = 0, lead_count = 0;
    bool anew;

    cursor = cursor_read(txn, &anew);
    if (anew)
        care_forget(txn);
    if (cursor == last)
        return 0;
    if (rows_max > last - cursor)
        rows_max = (size_t)(last - cursor);
    touches = checked_malloc(rows_max * sizeof *touches);
    edited = checked_malloc(rows_max * sizeof *edited);
    leads = checked_malloc(rows_max * sizeof *leads);
    for (size_t i = 0; i < rows_max; i++) {
        struct fold_row row;
        struct operation operation;
        cursor++;
        if (!fold_row_read(txn, cursor, &row) ||
            operation_decode(row.plaintext, &operation) != OK)
            continue;
        count += touch_read(&row, operation, &touches[count]);
        edited_count += conflict_touched(&row, &operation, &edited[edited_count]);
        lead_count += lead_touched(&row, &operation, &leads[lead_count]);
    }
    if (count > 1)
        qsort(touches, count, sizeof *touches, touch_compare);
    for (size_t i = 0; i < count;) {
        size_t end = i + 1;
        while (end < count && touch_compare(&touches[i], &touches[end]) == 0)
            end++;
        apply_touches(txn, touches + i, end - i, scratch);
        i = end;
    }
    conflict_work(txn, edited, edited_count, scratch);
    lead_work(txn, leads, lead_count, scratch);
    free(touches);
    free(edited);
    free(leads);
    cursor_write(txn, cursor);
    return last - cursor;
}
