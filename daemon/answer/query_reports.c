/* Reports that put several registers beside each other: of a place, and of a person's
 * household. Both walk the table of registers, so that a new one appears by itself. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "crdt/calendar.h"
#include "crdt/codec.h"
#include "crdt/normal.h"
#include "crdt/same.h"
#include "crdt/tally.h"
#include "daemon/answer/query_parts.h"
#include "daemon/answer/resolve.h"
#include "net/records.h"

static bool stands(const struct record_view *record)
{
    return record->known && !record->voided && record->amended_count == 0;
}

/* When the record says that it was, else when it was entered; minutes. */
static int64_t time_of(const struct record_view *record)
{
    uint8_t date = record->reg->date_field;
    int64_t time;
    if (date == FIELD_NONE || !view_time(record, date, &time))
        return beijing_minutes(record->created_ms);
    return record->reg->fields[date].type == FIELD_DATE ? time * MINUTES_PER_DAY : time;
}

/* ---- of places ---- */

struct place_report {
    const struct query *query;
    int64_t month, now;
    enum division_level level;
    struct policy policy; /* of today */
    struct figures figures;
    struct figures
        overdue; /* COVERAGE_MISSED: whose visit is late on the day of the report */
    struct tallies tallies;
};

static uint64_t place_of_level(const struct query *query, uint64_t place,
                               enum division_level level)
{
    const struct divisions *divisions = query->sources->divisions;
    place = divisions_standing(divisions, place);
    if (level == DIVISION_COUNTY)
        return division_county(place);
    return level == DIVISION_TOWNSHIP && division_township(place) != 0
               ? divisions_standing(divisions, division_township(place))
               : place;
}

static void count_overdue(void *context, const struct care *care)
{
    struct place_report *report = context;
    int64_t today = day_of_minutes(report->now);
    if (!care_is_exempt(care) &&
        (care->enrolled_day <= today || care->latest != CARE_NEVER) &&
        care_due_day(care, &report->policy.visits) < today)
        figures_count(&report->overdue,
                      place_of_level(report->query,
                                     care->village != 0 ? care->village : care->realm,
                                     report->level),
                      COVERAGE_MISSED, 0);
}

/* Where a record lies: by its own place, by its person's, or by the realm it is sealed for. */
static uint64_t place_of_record(struct store_txn *txn, const struct record_view *record)
{
    const struct schema_register *reg = record->reg;
    struct care care;
    uint64_t place;
    if (reg->place_field != FIELD_NONE) {
        struct slice value = view_value(record, reg->place_field);
        if (codec_take_uint(&value, &place))
            return place;
    }
    if (schema_subject(reg) == schema_register(REGISTER_PERSON) &&
        care_find(txn, record->realm, &record->subject, &care) && care.village != 0)
        return care.village;
    return record->realm;
}

/* Of a register with dates what lies in the month, of one without all that there is. */
static void tally_register(struct query *query, struct store_txn *txn,
                           const struct scope *scope, const struct schema_register *reg,
                           struct place_report *report)
{
    struct realm_walk realms = {0};
    uint64_t realm, found, newest;
    while (realm_walk_next(engine_roster(query_engine(query)), reg, &realms, &realm)) {
        struct fold_subjects walk = {.reg = reg->id, .realm = realm};
        struct entry_id subject;
        if (!scope_has_realm(scope, realm))
            continue;
        while (fold_subjects_next(txn, &walk, &found, &subject, &newest)) {
            struct record_list list;
            arena_reset(query->scratch);
            view_subject(txn, reg, found, &subject, query->scratch, &list);
            for (size_t i = 0; i < list.count; i++) {
                const struct record_view *record = &list.records[i];
                if (!stands(record) ||
                    (reg->date_field != FIELD_NONE &&
                     month_of(day_of_minutes(time_of(record))) != report->month))
                    continue;
                uint64_t place = place_of_record(txn, record);
                if (scope->division == 0 ||
                    query_lies_in(query, place, scope->division) ||
                    division_level(place) == DIVISION_COUNTY)
                    tallies_add(&report->tallies,
                                place_of_level(query, place, report->level), record);
            }
        }
        store_cursor_close(&walk.cursor);
    }
}

static void put_count(struct buffer *out, const char *key, uint64_t count)
{
    answer_put_key(out, key);
    codec_put_uint(out, count);
}

static void put_tally(struct query *query, struct tally *tally)
{
    const struct schema_register *reg = schema_register(tally->reg);
    const struct field *field = schema_field(reg, tally->field);
    struct buffer *out = query->data;
    bool is_choice = field != NULL && field->type == FIELD_CHOICE;
    bool is_count = field != NULL && field->type == FIELD_COUNT;
    size_t choices = 0;
    codec_put_map(out, 10);
    query_put_place(query, tally->place);
    answer_put_key(out, "register");
    codec_put_cstring(out, reg->name);
    answer_put_key(out, "field");
    answer_put_text_or_nil(out, field != NULL ? field->name : NULL);
    put_count(out, "records", tally->records);
    answer_put_key(out, "choices");
    for (const struct choice *c = is_choice ? field->choices : NULL;
         c != NULL && c->name != NULL; c++)
        choices += c->id < TALLY_CHOICES && tally->counts[c->id] > 0;
    codec_put_map(out, choices);
    for (const struct choice *c = is_choice ? field->choices : NULL;
         c != NULL && c->name != NULL; c++) {
        if (c->id < TALLY_CHOICES && tally->counts[c->id] > 0)
            put_count(out, c->name, tally->counts[c->id]);
    }
    char mean[32] = "";
    uint64_t median = is_count ? tally_median(tally) : 0;
    if (is_count)
        (void)snprintf(mean, sizeof mean, "%" PRIu64 ".%" PRIu64,
                       tally_mean_tenths(tally) / 10, tally_mean_tenths(tally) % 10);
    answer_put_key(out, "median");
    if (is_count)
        codec_put_uint(out, median);
    else
        codec_put_nil(out);
    answer_put_key(out, "mean");
    answer_put_text_or_nil(out, mean);
    answer_put_key(out, "greatest");
    if (is_count)
        codec_put_uint(out, tally->values[tally->records - 1]);
    else
        codec_put_nil(out);
    answer_put_key(out, "sum");
    if (is_count)
        codec_put_uint(out, tally_sum(tally));
    else
        codec_put_nil(out);
}

static enum status place_report(struct query *query, struct store_txn *txn,
                                struct slice args, enum division_level level)
{
    struct scope scope = {.reg = schema_register(REGISTER_PERSON)};
    struct place_report report = {.query = query};
    struct answering answering;
    const struct schema_register *reg;
    struct buffer *out = query->data;
    char month[8];
    enum status status = query_take_division(query, txn, &scope, args);
    if (status == OK)
        status = query_take_now(query, args, &report.now);
    if (status == OK)
        status = query_take_month(query, args, report.now, &report.month);
    if (status != OK)
        return status;
    report.level = level;
    query_care_begin(query, txn, &answering);
    query_policy_at(query, day_of_minutes(report.now), &report.policy);
    query_note_silent(query, txn, &scope, report.now, report.policy.silent_days);
    query_shown_figures(query, txn, &scope, report.month, report.now, report.level,
                        &report.figures);
    query_walk_care(query, txn, &scope, report.now, count_overdue, &report);
    for (size_t i = 0; (reg = schema_register_at(i)) != NULL; i++) {
        if (tally_is_meant(reg))
            tally_register(query, txn, &scope, reg, &report);
    }
    struct figure total = figures_total(&report.figures);
    struct figure overdue = figures_total(&report.overdue);
    month_format(report.month, month);
    codec_put_map(out, 6);
    answer_put_key(out, "month");
    codec_put_cstring(out, month);
    query_put_policy(query, &report.policy);
    answer_put_key(out, "places");
    codec_put_array(out, report.figures.count);
    for (size_t i = 0; i < report.figures.count; i++) {
        const struct figure *figure = &report.figures.rows[i];
        const struct figure *late = figures_find(&report.overdue, figure->place);
        codec_put_map(out, 3 + FIGURE_KEYS);
        query_put_place(query, figure->place);
        query_put_figure(out, figure);
        put_count(out, "overdue", late != NULL ? late->persons[COVERAGE_MISSED] : 0);
    }
    answer_put_key(out, "total");
    codec_put_map(out, 1 + FIGURE_KEYS);
    query_put_figure(out, &total);
    put_count(out, "overdue", overdue.persons[COVERAGE_MISSED]);
    answer_put_key(out, "tallies");
    codec_put_array(out, report.tallies.count);
    for (size_t i = 0; i < report.tallies.count; i++)
        put_tally(query, &report.tallies.rows[i]);
    query_put_rests_on(query, &scope);
    figures_deinit(&report.figures);
    figures_deinit(&report.overdue);
    tallies_deinit(&report.tallies);
    answering_deinit(&answering);
    return OK;
}

enum status query_township_report(struct query *query, struct store_txn *txn,
                                  struct slice args)
{
    return place_report(query, txn, args, DIVISION_VILLAGE);
}

enum status query_county_report(struct query *query, struct store_txn *txn,
                                struct slice args)
{
    return place_report(query, txn, args, DIVISION_TOWNSHIP);
}

/* ---- of a household ---- */

struct received {
    int64_t time;
    struct entry_id id;
    struct slice encoded; /* in the answer's arena */
};

struct receiving {
    struct query *query;
    struct store_txn *txn;
    struct answering *answering;
    struct same persons; /* the person, by every id that is merged */
    int64_t from_day, to_day;
    struct received *items;
    size_t count, capacity;
};

static bool is_one_of(const struct same *persons, const struct entry_id *id)
{
    for (size_t i = 0; i < persons->count; i++) {
        if (entry_id_compare(&persons->ids[i], id) == 0)
            return true;
    }
    return false;
}

/* Whether a record is the person's, or a field of it names the person. */
static bool names_person(const struct record_view *record, const struct same *persons)
{
    if (schema_subject(record->reg) == schema_register(REGISTER_PERSON))
        return is_one_of(persons, &record->subject);
    for (size_t i = 0; i < record->reg->field_count; i++) {
        const struct field_view *field = &record->fields[i];
        if (field->field->type != FIELD_RECORD || field->field->names != REGISTER_PERSON)
            continue;
        for (size_t v = 0; v < field->count; v++) {
            struct slice value = field->versions[v].value;
            struct entry_id id;
            if (codec_take_id(&value, &id) && is_one_of(persons, &id))
                return true;
        }
    }
    return false;
}

static void receive_chain(struct receiving *receiving, const struct schema_register *reg,
                          uint64_t realm, const struct entry_id *subject)
{
    struct record_list list;
    arena_reset(receiving->query->scratch);
    view_chain(receiving->txn, reg, realm, subject, receiving->query->scratch, &list);
    for (size_t i = 0; i < list.count; i++) {
        const struct record_view *record = &list.records[i];
        int64_t time = time_of(record), day = day_of_minutes(time);
        struct buffer encoded;
        if (!stands(record) || !names_person(record, &receiving->persons) ||
            day < receiving->from_day || day > receiving->to_day)
            continue;
        buffer_init(&encoded, SIZE_MAX);
        answer_put_record(receiving->answering, record, &encoded);
        receiving->items = array_grow(receiving->items, &receiving->capacity,
                                      receiving->count + 1, sizeof *receiving->items);
        receiving->items[receiving->count++] = (struct received){
            .time = time,
            .id = record->id,
            .encoded = arena_copy(receiving->query->arena, buffer_slice(&encoded)),
        };
        buffer_deinit(&encoded);
    }
}

static bool may_name_person(const struct schema_register *reg)
{
    for (size_t i = 0; i < reg->field_count; i++) {
        if (reg->fields[i].type == FIELD_RECORD &&
            reg->fields[i].names == REGISTER_PERSON && reg->id != REGISTER_PERSON)
            return true;
    }
    return false;
}

/* The records of a register that name the person: those in the person's own chain, where
 * that is how the register is filed, else whichever of all do. */
static void receive_register(struct receiving *receiving,
                             const struct schema_register *reg, uint64_t person_realm)
{
    const struct roster *roster = engine_roster(query_engine(receiving->query));
    struct realm_walk realms = {0};
    uint64_t realm, found, newest;
    receiving->count = 0;
    if (schema_subject(reg) == schema_register(REGISTER_PERSON)) {
        for (size_t i = 0; i < receiving->persons.count; i++)
            receive_chain(receiving, reg, person_realm, &receiving->persons.ids[i]);
        return;
    }
    while (realm_walk_next(roster, reg, &realms, &realm)) {
        struct fold_subjects walk = {.reg = reg->id, .realm = realm};
        struct entry_id subject;
        if (realm != person_realm && division_level(realm) == DIVISION_TOWNSHIP)
            continue;
        while (fold_subjects_next(receiving->txn, &walk, &found, &subject, &newest))
            receive_chain(receiving, reg, found, &subject);
        store_cursor_close(&walk.cursor);
    }
}

static int by_time_and_id(const void *a, const void *b)
{
    const struct received *left = a, *right = b;
    if (left->time != right->time)
        return left->time < right->time ? -1 : 1;
    return entry_id_compare(&left->id, &right->id);
}

/* The address in its normal form; false where none is stated. */
static bool address_of(const struct record_view *person, struct buffer *normal)
{
    struct slice value = view_value(person, PERSON_ADDRESS), text;
    buffer_clear(normal);
    if (!codec_take_text(&value, &text))
        return false;
    normal_put(text, normal);
    return normal->size > 0;
}

/* Others on the roster of the same village with the same address. */
static void put_household(struct receiving *receiving, const struct record_view *person)
{
    struct query *query = receiving->query;
    struct buffer *out = query->data, address, other, rows;
    struct care_walk walk = {.realm = person->realm};
    struct care self, care;
    size_t count = 0;
    buffer_init(&address, SIZE_MAX);
    buffer_init(&other, SIZE_MAX);
    buffer_init(&rows, SIZE_MAX);
    bool settled = address_of(person, &address) &&
                   care_find(receiving->txn, person->realm, &person->id, &self) &&
                   self.village != 0;
    while (settled && care_next(receiving->txn, &walk, &care)) {
        struct record_view record;
        if (care.village != self.village ||
            entry_id_compare(&care.person, &person->id) == 0)
            continue;
        arena_reset(query->scratch);
        if (!view_record(receiving->txn, schema_register(REGISTER_PERSON), care.realm,
                         NULL, &care.person, query->scratch, &record) ||
            !stands(&record) || !address_of(&record, &other) ||
            !slice_equal(buffer_slice(&address), buffer_slice(&other)))
            continue;
        query->data = &rows;
        codec_put_map(&rows, 5);
        query_put_person(query, receiving->answering, &care);
        query->data = out;
        count++;
    }
    store_cursor_close(&walk.cursor);
    answer_put_key(out, "household");
    codec_put_array(out, count);
    buffer_put(out, rows.data, rows.size);
    buffer_deinit(&address);
    buffer_deinit(&other);
    buffer_deinit(&rows);
}

enum status query_household(struct query *query, struct store_txn *txn, struct slice args)
{
    const struct schema_register *persons = schema_register(REGISTER_PERSON), *reg;
    struct scope scope = {.reg = persons};
    struct answering answering;
    struct resolved resolved;
    struct record_view person;
    struct arena kept;
    struct slice text;
    struct buffer *out = query->data;
    size_t registers = 0;
    int64_t from_day = INT64_MIN, to_day = INT64_MAX;
    if (!args_text(args, "person", &text))
        return query_refuse(query, ERR_FIELD_MISSING, slice_text("person"));
    enum status status = query_resolve(query, txn, persons, text, &resolved);
    if (status != OK)
        return status;
    if (args_text(args, "from", &text) && !date_parse(text, &from_day))
        return query_refuse(query, ERR_DATE, slice_text("from"));
    if (args_text(args, "to", &text) && !date_parse(text, &to_day))
        return query_refuse(query, ERR_DATE, slice_text("to"));
    scope.realm = resolved.realm;
    query_care_begin(query, txn, &answering);
    answering.now = answer_now(query_engine(query), query->wall_ms);
    answer_learn_operators(&answering,
                           roster_genesis(engine_roster(query_engine(query)))->county);
    answer_learn_operators(&answering, resolved.realm);
    struct receiving receiving = {.query = query,
                                  .txn = txn,
                                  .answering = &answering,
                                  .from_day = from_day,
                                  .to_day = to_day};
    arena_init(&kept);
    if (!view_record(txn, persons, resolved.realm, NULL, &resolved.id, &kept, &person)) {
        arena_deinit(&kept);
        answering_deinit(&answering);
        return query_refuse(query, ERR_NOT_FOUND, slice_text("person"));
    }
    same_members(txn, resolved.realm, &resolved.id, &kept, &receiving.persons);
    for (size_t i = 0; (reg = schema_register_at(i)) != NULL; i++)
        registers += may_name_person(reg);
    codec_put_map(out, 4);
    answer_put_key(out, "person");
    answer_put_record(&answering, &person, out);
    put_household(&receiving, &person);
    answer_put_key(out, "received");
    codec_put_array(out, registers);
    for (size_t i = 0; (reg = schema_register_at(i)) != NULL; i++) {
        if (!may_name_person(reg))
            continue;
        receive_register(&receiving, reg, resolved.realm);
        if (receiving.count > 1)
            qsort(receiving.items, receiving.count, sizeof *receiving.items,
                  by_time_and_id);
        codec_put_map(out, 2);
        answer_put_key(out, "register");
        codec_put_cstring(out, reg->name);
        answer_put_key(out, "records");
        codec_put_array(out, receiving.count);
        for (size_t r = 0; r < receiving.count; r++)
            codec_put_raw(out, receiving.items[r].encoded);
    }
    query_put_rests_on(query, &scope);
    free(receiving.items);
    arena_deinit(&kept);
    answering_deinit(&answering);
    return OK;
}
