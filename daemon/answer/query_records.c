/* Records of a register: show and find. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/calendar.h"
#include "crdt/codec.h"
#include "crdt/lookup.h"
#include "crdt/search.h"
#include "crdt/text.h"
#include "daemon/answer/find.h"
#include "daemon/answer/query_parts.h"
#include "daemon/answer/resolve.h"

#define FIND_PREFIX_MIN 4 /* shorter ids are taken for what they look like: words */
#define HOLDERS_MAX 16    /* of one number, looked at */

/* What is asked for. */
struct selection {
    struct scope scope;
    uint64_t limit;       /* at most so many, the last ones */
    struct slice text;    /* to find */
    struct search search; /* `text` as it is compared */
    struct slice
        whole[FIELDS_MAX]; /* `text` as a field searched by the whole holds it, in
                                       its one spelling; empty: it is none */
};

/* Encoded records on their way to being sorted. */
struct found {
    int64_t time; /* of the register's date field; INT64_MAX: none */
    struct entry_id id;
    size_t at, size;
};
struct gathering {
    struct answering answering;
    struct selection selection;
    struct buffer encoded;
    struct found *found;
    size_t count, capacity;
    struct places places;
    struct find find;
    struct buffer lines; /* scratch for what one record is found by */
    struct buffer
        tags[FIELDS_MAX]; /* of selection.whole in the realm that is looked through, by
                             the key of each epoch */
};

/* ---- choosing ---- */

/* What is sealed is found by its keyed hash, so only by the whole of it; each record by that
 * under the key of its time. */
static void learn_tags(struct gathering *gathering, uint64_t realm)
{
    const struct selection *selection = &gathering->selection;
    for (size_t i = 0; i < selection->scope.reg->field_count; i++) {
        struct buffer *tags = &gathering->tags[i];
        uint8_t tag[FIELD_TAG_SIZE];
        buffer_clear(tags);
        for (size_t back = 0; selection->whole[i].size > 0 &&
                              engine_field_tag(gathering->answering.engine, realm,
                                               selection->whole[i], back, tag);
             back++)
            buffer_put(tags, tag, sizeof tag);
    }
}

static bool whole_fits(const struct gathering *gathering, const struct field_view *field)
{
    const struct buffer *tags = &gathering->tags[field->field->id];
    for (size_t i = 0; i < field->count; i++) {
        struct slice value = field->versions[i].value, sealed;
        if (!codec_take_bytes(&value, &sealed) || sealed.size < FIELD_TAG_SIZE)
            continue;
        for (size_t at = 0; at < tags->size; at += FIELD_TAG_SIZE) {
            if (memcmp(sealed.data, tags->data + at, FIELD_TAG_SIZE) == 0)
                return true;
        }
    }
    return false;
}

static bool text_fits(struct gathering *gathering, const struct record_view *record)
{
    struct slice text = gathering->selection.text;
    if (text.size >= FIND_PREFIX_MIN && id_has_prefix(&record->id, text))
        return true;
    for (size_t i = 0; i < record->reg->field_count; i++) {
        const struct field_view *field = &record->fields[i];
        if (field->field->search == SEARCH_WHOLE && whole_fits(gathering, field))
            return true;
    }
    buffer_clear(&gathering->lines);
    search_mask mask = search_put_lines(record, &gathering->lines);
    return search_fits(&gathering->selection.search, mask,
                       buffer_slice(&gathering->lines), false);
}

/* ---- gathering ---- */

static void gather_record(struct gathering *gathering, const struct record_view *record)
{
    const struct selection *selection = &gathering->selection;
    if (!query_record_stands(record) || !text_fits(gathering, record))
        return;
    gathering->found = array_grow(gathering->found, &gathering->capacity,
                                  gathering->count + 1, sizeof *gathering->found);
    size_t at = gathering->encoded.size;
    int64_t time = INT64_MAX;
    if (selection->scope.reg->date_field != FIELD_NONE &&
        !view_time(record, selection->scope.reg->date_field, &time))
        time = INT64_MAX;
    answer_put_record(&gathering->answering, record, &gathering->encoded);
    places_note(&gathering->places, record);
    gathering->found[gathering->count++] = (struct found){
        .time = time, .id = record->id, .at = at, .size = gathering->encoded.size - at};
}

static void gather_subject(struct gathering *gathering, uint64_t realm,
                           const struct entry_id *subject)
{
    struct record_list list;
    arena_reset(gathering->answering.scratch);
    view_subject(gathering->answering.txn, gathering->selection.scope.reg, realm, subject,
                 gathering->answering.scratch, &list);
    for (size_t i = 0; i < list.count; i++)
        gather_record(gathering, &list.records[i]);
}

/* ---- persons ---- */

static bool gather_found(void *context, uint64_t realm, const struct entry_id *person)
{
    gather_subject(context, realm, person);
    return true;
}

static void gather_once(struct gathering *gathering, uint64_t realm,
                        const struct entry_id *person)
{
    for (size_t i = 0; i < gathering->count; i++) {
        if (entry_id_compare(&gathering->found[i].id, person) == 0)
            return;
    }
    gather_subject(gathering, realm, person);
}

static bool gather_found_once(void *context, uint64_t realm,
                              const struct entry_id *person)
{
    gather_once(context, realm, person);
    return true;
}

/* By a whole sealed number: the fold left rows for its tag under each key. */
static void gather_sealed(struct gathering *gathering, uint64_t realm)
{
    const struct schema_register *reg = gathering->selection.scope.reg;
    struct looked_up found[HOLDERS_MAX];
    for (size_t i = 0; i < reg->field_count; i++) {
        const struct buffer *tags = &gathering->tags[i];
        for (size_t at = 0; at < tags->size; at += FIELD_TAG_SIZE) {
            size_t count = lookup_find(gathering->answering.txn, reg->id, (uint8_t)i,
                                       realm, slice_of(tags->data + at, FIELD_TAG_SIZE),
                                       found, HOLDERS_MAX);
            for (size_t k = 0; k < count; k++)
                gather_once(gathering, realm, &found[k].id);
        }
    }
}

/* By the beginning of an id, where what is sought may be one. */
static void gather_by_id(struct gathering *gathering, uint64_t realm)
{
    const struct selection *selection = &gathering->selection;
    if (selection->text.size >= FIND_PREFIX_MIN && id_may_begin(selection->text))
        find_by_id(&gathering->find, realm, selection->text, gather_found_once,
                   gathering);
}

static void find_in_realm(struct gathering *gathering, uint64_t realm)
{
    find_persons(&gathering->find, realm, &gathering->selection.search, false,
                 gather_found, gathering);
    gather_sealed(gathering, realm);
    gather_by_id(gathering, realm);
}

/* ---- all of a realm ---- */

static void gather_realm(struct gathering *gathering, uint64_t realm)
{
    struct fold_subjects walk = {.reg = gathering->selection.scope.reg->id,
                                 .realm = realm};
    struct entry_id subject;
    uint64_t found_realm, newest;
    answer_learn_operators(&gathering->answering, realm);
    learn_tags(gathering, realm);
    if (walk.reg == REGISTER_PERSON) {
        find_in_realm(gathering, realm);
        return;
    }
    while (fold_subjects_next(gathering->answering.txn, &walk, &found_realm, &subject,
                              &newest))
        gather_subject(gathering, found_realm, &subject);
    store_cursor_close(&walk.cursor);
}

static void gather(struct gathering *gathering)
{
    const struct engine *engine = gathering->answering.engine;
    const struct roster *roster = engine_roster(engine);
    struct realm_walk walk = {0};
    uint64_t realm;
    /* A hub's operators are recorded in the county's realm. */
    answer_learn_operators(&gathering->answering, roster_genesis(roster)->county);
    while (realm_walk_next(roster, gathering->selection.scope.reg, &walk, &realm)) {
        if (scope_has_realm(&gathering->selection.scope, realm))
            gather_realm(gathering, realm);
    }
}

/* Arrival order differs by node; the order of dates and ids does not. */
static int by_time_and_id(const void *a, const void *b)
{
    const struct found *left = a, *right = b;
    if (left->time != right->time)
        return left->time < right->time ? -1 : 1;
    return entry_id_compare(&left->id, &right->id);
}

static void put_sorted(struct gathering *gathering, struct buffer *out)
{
    if (gathering->count > 0)
        qsort(gathering->found, gathering->count, sizeof *gathering->found,
              by_time_and_id);
    size_t first = gathering->count > gathering->selection.limit
                       ? gathering->count - gathering->selection.limit
                       : 0;
    answer_put_key(out, "records");
    codec_put_array(out, gathering->count - first);
    for (size_t i = first; i < gathering->count; i++)
        codec_put_raw(out, slice_of(gathering->encoded.data + gathering->found[i].at,
                                    gathering->found[i].size));
}

/* ---- arguments ---- */

static enum status select_limit(struct query *query, struct selection *selection,
                                struct slice args)
{
    struct slice text;
    selection->limit = UINT64_MAX;
    if (!args_text(args, "limit", &text))
        return OK;
    selection->limit = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || i >= 9)
            return query_refuse(query, ERR_FIELD_VALUE, slice_text("limit"));
        selection->limit = selection->limit * 10 + (uint64_t)(text.data[i] - '0');
    }
    return selection->limit > 0
               ? OK
               : query_refuse(query, ERR_FIELD_VALUE, slice_text("limit"));
}

/* ---- commands ---- */

static void begin(struct query *query, struct store_txn *txn, struct slice args,
                  struct answering *answering)
{
    *answering = (struct answering){
        .engine = query_engine(query),
        .txn = txn,
        .arena = query->arena,
        .scratch = query->scratch,
        .now = answer_now(query_engine(query), query->wall_ms),
        .reveal = args_flag(args, "reveal"),
    };
}

/* Nothing found is not nothing there where entries could not be read. */
static void note_unread(struct query *query)
{
    struct engine_report report;
    engine_report(query_engine(query), &report);
    if (report.unreadable_entries == 0 || query->incomplete.kind != INCOMPLETE_NOT)
        return;
    query->incomplete = (struct incomplete){.kind = INCOMPLETE_UNREADABLE,
                                            .count = report.unreadable_entries};
}

static void answer_list(struct query *query, struct gathering *gathering)
{
    struct buffer *out = query->data;
    query_note_incomplete(query);
    buffer_init(&gathering->encoded, CONTROL_REPLY_SIZE_MAX);
    buffer_init(&gathering->lines, SIZE_MAX);
    for (size_t i = 0; i < FIELDS_MAX; i++)
        buffer_init(&gathering->tags[i], SIZE_MAX);
    find_begin(&gathering->find, gathering->answering.txn);
    gather(gathering);
    find_end(&gathering->find);
    if (gathering->count == 0)
        note_unread(query);
    codec_put_map(out, 4);
    put_sorted(gathering, out);
    answer_put_key(out, "found");
    codec_put_uint(out, gathering->count);
    query_put_rests_on(query, &gathering->selection.scope);
    query_put_places(query, &gathering->places);
    if (gathering->encoded.overflow)
        out->overflow = true;
    buffer_deinit(&gathering->encoded);
    buffer_deinit(&gathering->lines);
    for (size_t i = 0; i < FIELDS_MAX; i++)
        buffer_deinit(&gathering->tags[i]);
    free(gathering->found);
    answering_deinit(&gathering->answering);
}

enum status query_find(struct query *query, struct store_txn *txn,
                       const struct schema_register *reg, struct slice args)
{
    struct gathering gathering = {.selection = {.scope.reg = reg}};
    struct selection *selection = &gathering.selection;
    enum status mistyped = OK;
    struct buffer value;
    struct slice encoded, text;
    if (!args_text(args, "text", &selection->text) || selection->text.size == 0)
        return query_refuse(query, ERR_FIELD_MISSING, slice_text("text"));
    if (!text_is_clean(selection->text))
        return query_refuse(query, ERR_TEXT, slice_text("text"));
    if (select_limit(query, selection, args) != OK)
        return ERR_FIELD_VALUE;
    begin(query, txn, args, &gathering.answering);
    buffer_init(&value, PAYLOAD_SIZE_MAX);
    search_read(selection->text, query->arena, &selection->search);
    for (size_t i = 0; i < reg->field_count; i++) {
        buffer_clear(&value);
        if (reg->fields[i].search != SEARCH_WHOLE)
            continue;
        enum status status = field_parse(&reg->fields[i], selection->text, NULL, &value);
        if (status == ERR_ID_NUMBER || status == ERR_ID_NUMBER_DAMAGED ||
            status == ERR_ID_NUMBER_OLD || status == ERR_ID_NUMBER_DATE)
            mistyped = status;
        if (status != OK)
            continue;
        encoded = buffer_slice(&value);
        if (codec_take_text(&encoded, &text))
            selection->whole[i] = arena_copy(query->arena, text);
    }
    buffer_deinit(&value);
    answer_list(query, &gathering);
    /* A number that cannot be one is not a person who is not there. */
    if (gathering.count == 0 && mistyped != OK)
        return query_refuse(query, mistyped, selection->text);
    return OK;
}

static int by_entering(const void *a, const void *b)
{
    const struct record_view *left = *(const struct record_view *const *)a;
    const struct record_view *right = *(const struct record_view *const *)b;
    if (left->created_ms != right->created_ms)
        return left->created_ms < right->created_ms ? -1 : 1;
    return entry_id_compare(&left->id, &right->id);
}

/* What happened to the record, in the order in which it was entered. */
static void put_steps(struct query *query, struct answering *answering,
                      const struct record_list *steps)
{
    const struct record_view **sorted =
        arena_alloc(query->arena, (steps->count + 1) * sizeof *sorted);
    for (size_t i = 0; i < steps->count; i++)
        sorted[i] = &steps->records[i];
    if (steps->count > 1)
        qsort(sorted, steps->count, sizeof *sorted, by_entering);
    answer_put_key(query->data, "steps");
    codec_put_array(query->data, steps->count);
    for (size_t i = 0; i < steps->count; i++)
        answer_put_record(answering, sorted[i], query->data);
}

enum status query_resolve(struct query *query, struct store_txn *txn,
                          const struct schema_register *reg, struct slice text,
                          struct resolved *resolved)
{
    struct buffer fits;
    buffer_init(&fits, PAYLOAD_SIZE_MAX);
    enum status status = resolve_record(query_engine(query), txn, query->scratch, reg,
                                        text, resolved, &fits);
    if (status != OK)
        status = query_refuse(query, status, fits.size > 0 ? buffer_slice(&fits) : text);
    buffer_deinit(&fits);
    return status;
}

enum status query_show(struct query *query, struct store_txn *txn,
                       const struct schema_register *reg, struct slice args)
{
    struct answering answering;
    struct resolved resolved;
    struct record_view record;
    struct slice text;
    if (!args_text(args, "id", &text))
        return query_refuse(query, ERR_FIELD_MISSING, slice_text("id"));
    begin(query, txn, args, &answering);
    enum status status = query_resolve(query, txn, reg, text, &resolved);
    if (status != OK)
        return status;
    answer_learn_operators(&answering,
                           roster_genesis(engine_roster(answering.engine))->county);
    answer_learn_operators(&answering, resolved.realm);
    arena_reset(query->scratch);
    if (!view_record(txn, reg, resolved.realm, resolved_subject(reg, &resolved),
                     &resolved.id, query->scratch, &record))
        return query_refuse(query, ERR_NOT_FOUND, text);
    struct places places = {0};
    places_note(&places, &record);
    codec_put_map(query->data, record.steps != NULL ? 3 : 2);
    answer_put_key(query->data, "record");
    answer_put_record(&answering, &record, query->data);
    if (record.steps != NULL)
        put_steps(query, &answering, record.steps);
    query_put_places(query, &places);
    answering_deinit(&answering);
    return OK;
}
