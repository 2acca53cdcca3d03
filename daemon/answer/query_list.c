/* Lists in pieces. An answer holds the records of some chains, in the order of (realm,
 * subject, record id), and says behind which chain it ended; whoever wants more asks with that
 * as `after`. Nothing is kept between two pieces: a reader who is slow or goes away costs
 * nothing, no read transaction is open meanwhile, and writes go on. What that makes of a list
 * is said in daemon/api/protocol.h. */
#include <stdio.h>
#include <string.h>

#include "crdt/calendar.h"
#include "crdt/codec.h"
#include "crdt/same.h"
#include "crdt/text.h"
#include "daemon/answer/query_parts.h"
#include "daemon/answer/resolve.h"

/* A piece ends behind the chain that reaches one of these: some milliseconds. */
enum {
    PIECE_BYTES = 64 << 10,
    PIECE_WORK = 500, /* chains looked at and records merged */
};

#define AFTER_SIZE (8 + ENTRY_ID_SIZE) /* realm u64 BE, subject */

struct listing {
    struct answering answering;
    struct scope scope;
    bool by_subject;
    struct resolved subject; /* of the person asked for */
    bool by_date;
    int64_t from_day, to_day;
    struct slice filters[FIELDS_MAX]; /* the value that a field must have; empty: any */
    bool all;                         /* also voided, replaced and not yet known */
    bool chosen;
    struct slice columns; /* names with commas between; of all but the id, where chosen */
    uint64_t realm;       /* in which the piece begins; 0: at the first */
    struct entry_id after;
    struct buffer records, whole; /* encoded; one record before columns are chosen */
    size_t count, work;
    struct places places;
    bool more;
    uint64_t last_realm; /* of the last chain that was looked at */
    struct entry_id last;
};

/* ---- choosing ---- */

bool query_record_stands(const struct record_view *record)
{
    return record->known && !record->voided && record->amended_count == 0;
}

static bool day_fits(const struct listing *listing, const struct record_view *record)
{
    const struct schema_register *reg = listing->scope.reg;
    int64_t day;
    if (!listing->by_date)
        return true;
    if (!view_time(record, reg->date_field, &day))
        return false;
    if (reg->fields[reg->date_field].type == FIELD_MOMENT)
        day = day / MINUTES_PER_DAY - (day % MINUTES_PER_DAY < 0);
    return day >= listing->from_day && day <= listing->to_day;
}

/* Of several values any may fit: what is in conflict is found under each of them. */
static bool filters_fit(const struct listing *listing, const struct record_view *record)
{
    for (size_t i = 0; i < record->reg->field_count; i++) {
        const struct field_view *field = &record->fields[i];
        bool fits = listing->filters[i].size == 0;
        for (size_t v = 0; !fits && v < field->count; v++)
            fits = slice_equal(field->versions[v].value, listing->filters[i]);
        if (!fits)
            return false;
    }
    return true;
}

/* A record without a place of its own belongs where its subject does. */
static bool place_fits(struct listing *listing, uint64_t realm,
                       const struct entry_id *subject)
{
    const struct schema_register *reg = listing->scope.reg;
    const struct schema_register *placed =
        reg->place_field != FIELD_NONE ? reg : schema_subject(reg);
    uint64_t wanted = listing->scope.division, code;
    struct record_view record;
    if (division_level(wanted) != DIVISION_VILLAGE)
        return true;
    if (placed == NULL || placed->place_field == FIELD_NONE ||
        !record_find(engine_roster(listing->answering.engine), listing->answering.txn,
                     placed, subject, realm, listing->answering.scratch, &record))
        return false;
    struct slice value = view_value(&record, placed->place_field);
    return codec_take_uint(&value, &code) && code == wanted;
}

/* ---- columns ---- */

static bool is_chosen(struct slice columns, struct slice key)
{
    if (slice_equal(key, slice_text("id")))
        return true;
    for (size_t at = 0; at < columns.size;) {
        size_t size = 0;
        while (at + size < columns.size && columns.data[at + size] != ',')
            size++;
        if (slice_equal(key, slice_of(columns.data + at, size)))
            return true;
        at += size + 1;
    }
    return false;
}

/* Those of the record's pairs that were asked for. */
static void put_columns(struct slice record, struct slice columns, struct buffer *out)
{
    struct slice rest, key, value, name;
    size_t count, chosen = 0;
    for (int pass = 0; pass < 2; pass++) {
        rest = record;
        CHECK(codec_take_map(&rest, &count));
        if (pass == 1)
            codec_put_map(out, chosen);
        for (size_t i = 0; i < count; i++) {
            CHECK(codec_take_any(&rest, &key) && codec_take_any(&rest, &value));
            name = key;
            if (!codec_take_text(&name, &name) || !is_chosen(columns, name))
                continue;
            chosen += pass == 0;
            if (pass == 1) {
                codec_put_raw(out, key);
                codec_put_raw(out, value);
            }
        }
    }
}

/* ---- one piece ---- */

static void list_record(struct listing *listing, const struct record_view *record)
{
    if (!listing->all && !query_record_stands(record))
        return;
    if (!day_fits(listing, record) || !filters_fit(listing, record))
        return;
    if (listing->chosen) {
        buffer_clear(&listing->whole);
        answer_put_record(&listing->answering, record, &listing->whole);
        put_columns(buffer_slice(&listing->whole), listing->columns, &listing->records);
    } else {
        answer_put_record(&listing->answering, record, &listing->records);
    }
    places_note(&listing->places, record);
    listing->count++;
}

static void list_chain(struct listing *listing, uint64_t realm,
                       const struct entry_id *subject)
{
    struct record_list list;
    arena_reset(listing->answering.scratch);
    listing->work++;
    listing->last_realm = realm;
    listing->last = *subject;
    if (!place_fits(listing, realm, subject))
        return;
    view_subject(listing->answering.txn, listing->scope.reg, realm, subject,
                 listing->answering.scratch, &list);
    listing->work += list.count;
    for (size_t i = 0; i < list.count; i++)
        list_record(listing, &list.records[i]);
}

static bool is_full(const struct listing *listing)
{
    return listing->work >= PIECE_WORK || listing->records.size >= PIECE_BYTES;
}

static void list_realm(struct listing *listing, uint64_t realm)
{
    struct fold_subjects walk = {.reg = listing->scope.reg->id, .realm = realm};
    struct entry_id subject;
    uint64_t found_realm, newest;
    answer_learn_operators(&listing->answering, realm);
    if (listing->by_subject) {
        struct arena arena;
        struct same same;
        arena_init(&arena);
        same_members(listing->answering.txn, realm, &listing->subject.id, &arena, &same);
        for (size_t i = 0; i < same.count; i++)
            list_chain(listing, realm, &same.ids[i]);
        arena_deinit(&arena);
        return;
    }
    if (realm == listing->realm)
        walk.after = listing->after;
    while (fold_subjects_next(listing->answering.txn, &walk, &found_realm, &subject,
                              &newest)) {
        if (is_full(listing)) {
            listing->more = true;
            break;
        }
        list_chain(listing, found_realm, &subject);
    }
    store_cursor_close(&walk.cursor);
}

static void list_piece(struct listing *listing)
{
    const struct roster *roster = engine_roster(listing->answering.engine);
    struct realm_walk walk = {0};
    uint64_t realm;
    /* A hub's operators are recorded in the county's realm. */
    answer_learn_operators(&listing->answering, roster_genesis(roster)->county);
    while (!listing->more && realm_walk_next(roster, listing->scope.reg, &walk, &realm)) {
        if (realm >= listing->realm && scope_has_realm(&listing->scope, realm))
            list_realm(listing, realm);
    }
}

/* ---- arguments ---- */

static enum status select_day(struct query *query, struct slice args, const char *key,
                              int64_t *day, bool *given)
{
    struct slice text;
    if (!args_text(args, key, &text))
        return OK;
    *given = true;
    if (date_parse(text, day))
        return OK;
    return query_refuse(query, date_has_form(text, false) ? ERR_DATE : ERR_DATE_FORM,
                        slice_text(key));
}

static enum status select_dates(struct query *query, struct listing *listing,
                                struct slice args)
{
    listing->from_day = INT64_MIN;
    listing->to_day = INT64_MAX;
    enum status status =
        select_day(query, args, "from", &listing->from_day, &listing->by_date);
    if (status == OK)
        status = select_day(query, args, "to", &listing->to_day, &listing->by_date);
    if (status == OK && listing->by_date && listing->scope.reg->date_field == FIELD_NONE)
        return query_refuse(query, ERR_FIELD_UNKNOWN, slice_text("from"));
    if (status == OK && listing->from_day > listing->to_day)
        return query_refuse(query, ERR_DATE_ORDER, slice_text("from"));
    return status;
}

static enum status select_subject(struct query *query, struct store_txn *txn,
                                  struct listing *listing, struct slice args)
{
    const struct schema_register *reg = listing->scope.reg;
    const struct schema_register *subject = schema_subject(reg);
    struct slice text;
    if (subject == NULL || !args_text(args, reg->fields[reg->subject_field].name, &text))
        return OK;
    listing->by_subject = true;
    enum status status = query_resolve(query, txn, subject, text, &listing->subject);
    if (status == OK && reg->realm == REALM_TOWNSHIP)
        listing->scope.realm = listing->subject.realm;
    return status;
}

static enum status read_filter(struct query *query, struct store_txn *txn,
                               const struct field *field, struct slice text,
                               struct buffer *value)
{
    struct resolved resolved;
    enum status status;
    if (field->type == FIELD_RECORD) {
        status =
            query_resolve(query, txn, schema_register(field->names), text, &resolved);
        if (status == OK)
            codec_put_id(value, &resolved.id);
        return status;
    }
    status = field_parse(field, text, query->sources->divisions, value);
    return status == OK ? OK : query_refuse(query, status, slice_text(field->name));
}

static enum status select_filters(struct query *query, struct store_txn *txn,
                                  struct listing *listing, struct slice args)
{
    const struct schema_register *reg = listing->scope.reg;
    enum status status = OK;
    struct slice text;
    struct buffer value;
    buffer_init(&value, PAYLOAD_SIZE_MAX);
    for (size_t i = 0; i < reg->field_count && status == OK; i++) {
        const struct field *field = &reg->fields[i];
        buffer_clear(&value);
        if (!field->filters || !args_text(args, field->name, &text))
            continue;
        status = read_filter(query, txn, field, text, &value);
        listing->filters[i] = arena_copy(query->arena, buffer_slice(&value));
    }
    buffer_deinit(&value);
    return status;
}

static bool take_hex(struct slice text, uint8_t *out, size_t size)
{
    if (text.size != 2 * size)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t digit = text.data[i];
        if (digit >= '0' && digit <= '9')
            digit = (uint8_t)(digit - '0');
        else if (digit >= 'a' && digit <= 'f')
            digit = (uint8_t)(digit - 'a' + 10);
        else
            return false;
        out[i / 2] = (uint8_t)(i % 2 == 0 ? digit << 4 : out[i / 2] | digit);
    }
    return true;
}

static enum status select_after(struct query *query, struct listing *listing,
                                struct slice args)
{
    uint8_t after[AFTER_SIZE];
    struct slice text;
    if (!args_text(args, "after", &text))
        return OK;
    if (!take_hex(text, after, sizeof after))
        return query_refuse(query, ERR_FIELD_VALUE, slice_text("after"));
    listing->realm = get_be64(after);
    memcpy(listing->after.bytes, after + 8, ENTRY_ID_SIZE);
    return OK;
}

/* ---- the command ---- */

static void put_next(const struct listing *listing, struct buffer *out)
{
    uint8_t after[AFTER_SIZE];
    answer_put_key(out, "next");
    if (!listing->more) {
        codec_put_nil(out);
        return;
    }
    put_be64(after, listing->last_realm);
    memcpy(after + 8, listing->last.bytes, ENTRY_ID_SIZE);
    answer_put_hex(out, after, sizeof after);
}

static void answer_piece(struct query *query, struct listing *listing)
{
    struct buffer *out = query->data;
    query_note_incomplete(query);
    buffer_init(&listing->records, CONTROL_REPLY_SIZE_MAX);
    buffer_init(&listing->whole, SIZE_MAX);
    list_piece(listing);
    codec_put_map(out, 5);
    answer_put_key(out, "records");
    codec_put_array(out, listing->count);
    buffer_put(out, listing->records.data, listing->records.size);
    answer_put_key(out, "found");
    codec_put_uint(out, listing->count);
    put_next(listing, out);
    query_put_rests_on(query, &listing->scope);
    query_put_places(query, &listing->places);
    if (listing->records.overflow)
        out->overflow = true;
    buffer_deinit(&listing->records);
    buffer_deinit(&listing->whole);
    answering_deinit(&listing->answering);
}

enum status query_list(struct query *query, struct store_txn *txn,
                       const struct schema_register *reg, struct slice args)
{
    struct listing listing = {
        .answering = {.engine = query_engine(query),
                      .txn = txn,
                      .arena = query->arena,
                      .scratch = query->scratch,
                      .now = answer_now(query_engine(query), query->wall_ms),
                      .reveal = args_flag(args, "reveal")},
        .scope.reg = reg,
        .all = args_flag(args, "all"),
        .chosen = args_text(args, "columns", &listing.columns),
    };
    enum status status = query_take_division(query, txn, &listing.scope, args);
    if (status == OK)
        status = select_dates(query, &listing, args);
    if (status == OK)
        status = select_subject(query, txn, &listing, args);
    if (status == OK)
        status = select_filters(query, txn, &listing, args);
    if (status == OK)
        status = select_after(query, &listing, args);
    if (status == OK)
        answer_piece(query, &listing);
    return status;
}
