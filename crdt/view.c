#include "crdt/view.h"

#include <stdlib.h>
#include <string.h>

#include "crdt/codec.h"
#include "crdt/same.h"

/* ---- a chain's rows ---- */

struct chain_row {
    struct entry_id id;
    struct slice plaintext; /* in the arena */
    struct operation operation;
};

struct chain {
    const struct schema_register *reg;
    uint64_t realm;
    struct entry_id subject;
    struct chain_row *rows; /* in id order, each entry once */
    size_t count;
    struct store_txn *txn;
    struct arena *arena;
};

static int row_compare(const void *a, const void *b)
{
    const struct chain_row *left = a, *right = b;
    int order = entry_id_compare(&left->id, &right->id);
    return order != 0 ? order : slice_compare(left->plaintext, right->plaintext);
}

/* Sorts the rows by id and keeps each entry once. They lie in the order in which they arrived,
 * which differs between nodes, and an entry may have come twice; with this every node that
 * holds the same entries shows the same. */
static void chain_sort(struct chain *chain)
{
    size_t kept = 0;
    if (chain->count > 1)
        qsort(chain->rows, chain->count, sizeof *chain->rows, row_compare);
    for (size_t i = 0; i < chain->count; i++) {
        if (kept == 0 ||
            entry_id_compare(&chain->rows[i].id, &chain->rows[kept - 1].id) != 0)
            chain->rows[kept++] = chain->rows[i];
    }
    chain->count = kept;
}

static void chain_read(struct store_txn *txn, struct chain *chain)
{
    uint64_t number, rows;
    struct fold_row stored;
    chain->count = 0;
    if (!fold_chain_newest(txn, chain->reg->id, chain->realm, &chain->subject, &number,
                           &rows))
        return;
    /* Looked at before room is made: a damaged head could name any number of rows. */
    if (rows > number || !fold_row_read(txn, number, &stored)) {
        store_mark_damaged(txn, STORE_ROWS);
        return;
    }
    chain->rows = arena_alloc(chain->arena, (size_t)rows * sizeof *chain->rows);
    while (chain->count < rows) {
        struct chain_row *row = &chain->rows[chain->count];
        /* Filed by a fold that could read it, so that a row which is not there or says
         * nothing has been damaged since. Fewer rows would read as another record. */
        if (!fold_row_read(txn, number, &stored)) {
            store_mark_damaged(txn, STORE_ROWS);
            chain->count = 0;
            return;
        }
        row->id = stored.id;
        row->plaintext = arena_copy(chain->arena, stored.plaintext);
        if (operation_decode(row->plaintext, &row->operation) != OK) {
            store_mark_damaged(txn, STORE_ROWS);
            chain->count = 0;
            return;
        }
        chain->count++;
        number = stored.previous;
    }
    chain_sort(chain);
}

/* ---- fields ---- */

static struct version_list merge(const struct field *field,
                                 const struct field_write *writes, size_t count,
                                 const struct entry_id *record, struct arena *arena)
{
    switch (field->rule) {
    case MERGE_ONCE: return merge_once(writes, count, record, arena);
    case MERGE_MULTI: return merge_multi(writes, count, arena);
    case MERGE_SET: return merge_set(writes, count, arena);
    case MERGE_LOG: return merge_log(writes, count, arena);
    }
    return (struct version_list){NULL, 0};
}

static uint64_t choice_id(struct slice value)
{
    uint64_t id;
    return codec_take_uint(&value, &id) ? id : UINT64_MAX;
}

/* Of several values that stand at once the one with the lowest id comes first and is shown
 * until an edit settles it. The schema numbers choices so that by the lowest nobody is left out
 * of visits or lists. */
static void display_safest(struct version_list *list)
{
    size_t safest = 0;
    for (size_t i = 1; i < list->count; i++) {
        if (choice_id(list->versions[i].value) < choice_id(list->versions[safest].value))
            safest = i;
    }
    if (safest == 0)
        return;
    struct version displayed = list->versions[safest];
    memmove(list->versions + 1, list->versions, safest * sizeof *list->versions);
    list->versions[0] = displayed;
}

/* Every write of each field, collected from the rows that concern one record. */
struct field_writes {
    struct field_write *items[FIELDS_MAX];
    size_t counts[FIELDS_MAX];
};

static void collect(struct field_writes *writes, const struct chain_row *row,
                    uint8_t field, struct slice replaced, struct slice value)
{
    writes->items[field][writes->counts[field]++] = (struct field_write){
        .id = row->id,
        .stamp_ms = row->operation.stamp_ms,
        .actor = row->operation.actor,
        .value = value,
        .replaced = replaced,
    };
}

static void collect_row(struct field_writes *writes, const struct chain_row *row)
{
    struct operation operation = row->operation;
    struct slice replaced = {0}, value;
    uint8_t field;
    if (operation.kind == OPERATION_CREATE) {
        while (operation_next_field(&operation, &field, &value)) {
            if (value.size > 0)
                collect(writes, row, field, replaced, value);
        }
    } else if (operation.kind == OPERATION_EDIT) {
        while (operation_next_edit(&operation, &field, &replaced, &value))
            collect(writes, row, field, replaced, value);
    }
}

/* The rows that concern one record; each writes a field at most once. */
static void merge_fields(const struct chain *chain, const struct chain_row *rows,
                         size_t count, struct record_view *record)
{
    const struct schema_register *reg = chain->reg;
    struct field_writes writes = {0};
    struct field_write *room =
        arena_alloc(chain->arena, reg->field_count * count * sizeof(struct field_write));
    for (size_t id = 0; id < reg->field_count; id++)
        writes.items[id] = room + id * count;
    for (size_t i = 0; i < count; i++)
        collect_row(&writes, &rows[i]);
    for (size_t id = 0; id < reg->field_count; id++) {
        const struct field *field = &reg->fields[id];
        if (writes.counts[id] == 0 || field->computed)
            continue;
        struct version_list list =
            merge(field, writes.items[id], writes.counts[id], &record->id, chain->arena);
        if (field->safest_first)
            display_safest(&list);
        record->fields[id].versions = list.versions;
        record->fields[id].count = list.count;
    }
}

/* Most records are written once: their fields are what the creating row says, with nothing
 * to merge it with. */
static void take_fields(const struct chain *chain, const struct chain_row *row,
                        struct record_view *record)
{
    struct operation create = row->operation;
    struct version *room =
        arena_alloc(chain->arena, create.body_count * sizeof(struct version));
    struct slice value;
    uint8_t id;
    while (operation_next_field(&create, &id, &value)) {
        struct field_view *view = &record->fields[id];
        if (value.size == 0 || view->field->computed)
            continue;
        if (view->field->rule == MERGE_SET) { /* each of its elements is a version */
            struct field_write write = {
                row->id, row->operation.stamp_ms, row->operation.actor, value, {0}};
            struct version_list list = merge_set(&write, 1, chain->arena);
            view->versions = list.versions;
            view->count = list.count;
            continue;
        }
        *room = (struct version){
            .id = row->id,
            .stamp_ms = row->operation.stamp_ms,
            .actor = row->operation.actor,
            .value = value,
        };
        view->versions = room++;
        view->count = 1;
    }
}

/* ---- records ---- */

static void record_init(const struct chain *chain, const struct entry_id *id,
                        struct record_view *record)
{
    const struct schema_register *reg = chain->reg;
    *record = (struct record_view){
        .reg = reg,
        .id = *id,
        .subject = chain->subject,
        .realm = chain->realm,
        .fields = arena_alloc(chain->arena, reg->field_count * sizeof *record->fields),
    };
    for (size_t i = 0; i < reg->field_count; i++)
        record->fields[i].field = &reg->fields[i];
}

static void record_create(struct record_view *record, const struct chain_row *row)
{
    record->known = true;
    record->created_ms = row->operation.stamp_ms;
    record->created_by = row->operation.actor;
}

/* The void whose reason is shown is the latest by (stamp, id); rows come in id order. */
static void record_void(struct record_view *record, uint64_t *latest_ms,
                        const struct chain_row *row)
{
    if (record->voided && row->operation.stamp_ms < *latest_ms)
        return;
    record->voided = true;
    record->void_reason = row->operation.reason;
    record->undone = row->operation.restores;
    *latest_ms = row->operation.stamp_ms;
}

/* What happened to the record, and what follows from it. */
static void view_steps(const struct chain *chain, struct record_view *record)
{
    const struct schema_register *reg = chain->reg;
    if (reg->step_register != 0) {
        struct record_list *steps = arena_alloc(chain->arena, sizeof *steps);
        view_chain(chain->txn, schema_steps(reg), chain->realm, &record->id, chain->arena,
                   steps);
        record->steps = steps;
    }
    if (reg->compute != NULL)
        reg->compute(record, chain->txn, chain->arena);
}

/* A chain that is one record: all of its rows concern it. */
static void view_self(const struct chain *chain, struct record_list *list)
{
    uint64_t latest_void_ms = 0;
    list->records = arena_alloc(chain->arena, sizeof *list->records);
    list->count = 1;
    record_init(chain, &chain->subject, &list->records[0]);
    for (size_t i = 0; i < chain->count; i++) {
        const struct chain_row *row = &chain->rows[i];
        if (row->operation.kind == OPERATION_CREATE) {
            if (entry_id_compare(&row->id, &chain->subject) == 0)
                record_create(&list->records[0], row);
        } else if (row->operation.kind == OPERATION_VOID &&
                   entry_id_compare(&row->operation.target, &chain->subject) == 0) {
            record_void(&list->records[0], &latest_void_ms, row);
        }
    }
    if (chain->count == 1 && chain->rows[0].operation.kind == OPERATION_CREATE)
        take_fields(chain, &chain->rows[0], &list->records[0]);
    else
        merge_fields(chain, chain->rows, chain->count, &list->records[0]);
    view_steps(chain, &list->records[0]);
}

/* ---- chains of several records ---- */

/* A record while the chain is read: which row made it, what it replaces, whether it
 * counts. */
struct candidate {
    struct entry_id id;
    const struct chain_row *created; /* NULL: only named by others so far */
    struct candidate *amends;        /* what its creation names, if anything */
    size_t edits;                    /* rows that change it after its creation */
    bool stands;                     /* not undone, or replaced by one that stands */
    uint64_t latest_void_ms;
};

/* The record that a create names as replaced; false where none, or itself. */
static bool amended_id(const struct schema_register *reg, const struct chain_row *row,
                       struct entry_id *id)
{
    struct operation create = row->operation;
    struct slice value;
    uint8_t field;
    if (reg->amends_field == FIELD_NONE || create.body_count <= reg->amends_field)
        return false;
    while (operation_next_field(&create, &field, &value)) {
        if (field != reg->amends_field || value.size == 0)
            continue;
        CHECK(codec_take_id(&value, id));
        return entry_id_compare(id, &row->id) != 0;
    }
    return false;
}

static int candidate_compare(const void *a, const void *b)
{
    const struct candidate *left = a, *right = b;
    int order = entry_id_compare(&left->id, &right->id);
    /* The one with a creating row first: it is kept. */
    return order != 0 ? order : (left->created == NULL) - (right->created == NULL);
}

/* Every record that a row makes or names, in id order, each once: a later entry may come
 * before the record that it names. */
static struct candidate *list_candidates(const struct chain *chain, size_t *count)
{
    struct candidate *candidates =
        arena_alloc(chain->arena, 2 * chain->count * sizeof *candidates);
    size_t listed = 0, kept = 0;
    for (size_t i = 0; i < chain->count; i++) {
        const struct chain_row *row = &chain->rows[i];
        struct entry_id other;
        if (row->operation.kind == OPERATION_CREATE) {
            candidates[listed++] = (struct candidate){.id = row->id, .created = row};
            if (amended_id(chain->reg, row, &other))
                candidates[listed++] = (struct candidate){.id = other};
        } else if (row->operation.has_target) {
            candidates[listed++] = (struct candidate){.id = row->operation.target};
        }
    }
    if (listed > 1)
        qsort(candidates, listed, sizeof *candidates, candidate_compare);
    for (size_t i = 0; i < listed; i++) {
        if (kept == 0 ||
            entry_id_compare(&candidates[i].id, &candidates[kept - 1].id) != 0)
            candidates[kept++] = candidates[i];
    }
    *count = kept;
    return candidates;
}

static int candidate_is(const void *key, const void *candidate)
{
    const struct candidate *found = candidate;
    return entry_id_compare(key, &found->id);
}

static struct candidate *find_candidate(struct candidate *candidates, size_t count,
                                        const struct entry_id *id)
{
    size_t place;
    CHECK(sorted_find(id, candidates, count, sizeof *candidates, candidate_is, &place));
    return &candidates[place];
}

/* The record's creation and every edit that names it, merged as a person's chain is. */
static void merge_candidate(const struct chain *chain, const struct candidate *candidate,
                            struct record_view *record)
{
    struct chain_row *rows =
        arena_alloc(chain->arena, (candidate->edits + 1) * sizeof *rows);
    size_t count = 0;
    if (candidate->created != NULL)
        rows[count++] = *candidate->created;
    for (size_t i = 0; candidate->edits > 0 && i < chain->count; i++) {
        const struct operation *operation = &chain->rows[i].operation;
        if (operation->kind == OPERATION_EDIT && operation->has_target &&
            entry_id_compare(&operation->target, &candidate->id) == 0)
            rows[count++] = chain->rows[i];
    }
    merge_fields(chain, rows, count, record);
}

static void apply_rows(const struct chain *chain, struct candidate *candidates,
                       struct record_list *list)
{
    struct entry_id other;
    for (size_t i = 0; i < chain->count; i++) {
        const struct chain_row *row = &chain->rows[i];
        if (row->operation.kind == OPERATION_CREATE || !row->operation.has_target)
            continue;
        struct candidate *candidate =
            find_candidate(candidates, list->count, &row->operation.target);
        if (row->operation.kind == OPERATION_VOID)
            record_void(&list->records[candidate - candidates],
                        &candidate->latest_void_ms, row);
        else
            candidate->edits++;
    }
    for (size_t i = 0; i < list->count; i++) {
        const struct chain_row *created = candidates[i].created;
        if (candidates[i].edits > 0)
            merge_candidate(chain, &candidates[i], &list->records[i]);
        else if (created != NULL)
            take_fields(chain, created, &list->records[i]);
        if (created == NULL)
            continue;
        record_create(&list->records[i], created);
        if (amended_id(chain->reg, created, &other))
            candidates[i].amends = find_candidate(candidates, list->count, &other);
    }
}

/* What a correction replaced stays replaced when the correction is voided; only a void that
 * undoes it brings back what it replaced, except where that correction has itself been
 * corrected by one that stands. Each record amends one other at most, so walking up from
 * every record that is not undone visits each once, cycles included. */
static void mark_standing(struct candidate *candidates, const struct record_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->records[i].undone)
            continue;
        struct candidate *candidate = &candidates[i];
        while (candidate != NULL && !candidate->stands) {
            candidate->stands = true;
            candidate = candidate->amends;
        }
    }
}

static void apply_amendments(const struct chain *chain, struct candidate *candidates,
                             struct record_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (candidates[i].amends != NULL && candidates[i].stands)
            list->records[candidates[i].amends - candidates].amended_count++;
    }
    for (size_t i = 0; i < list->count; i++) {
        struct record_view *record = &list->records[i];
        if (record->amended_count > 0)
            record->amended_by = arena_alloc(
                chain->arena, record->amended_count * sizeof *record->amended_by);
        record->amended_count = 0;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (candidates[i].amends == NULL || !candidates[i].stands)
            continue;
        struct record_view *record = &list->records[candidates[i].amends - candidates];
        record->amended_by[record->amended_count++] = candidates[i].id;
    }
}

static void view_several(const struct chain *chain, struct record_list *list)
{
    struct candidate *candidates = list_candidates(chain, &list->count);
    list->records = arena_alloc(chain->arena, list->count * sizeof *list->records);
    for (size_t i = 0; i < list->count; i++)
        record_init(chain, &candidates[i].id, &list->records[i]);
    apply_rows(chain, candidates, list);
    mark_standing(candidates, list);
    apply_amendments(chain, candidates, list);
}

void view_chain(struct store_txn *txn, const struct schema_register *reg, uint64_t realm,
                const struct entry_id *subject, struct arena *arena,
                struct record_list *list)
{
    struct chain chain = {
        .reg = reg, .realm = realm, .subject = *subject, .txn = txn, .arena = arena};
    *list = (struct record_list){NULL, 0};
    chain_read(txn, &chain);
    if (chain.count == 0)
        return;
    if (reg->subject_field == FIELD_NONE)
        view_self(&chain, list);
    else
        view_several(&chain, list);
}

/* All rows of the persons' chains, as if they were one chain: values written of each stand
 * beside one another until an edit, which names those of all, replaces them. */
static void view_merged(struct store_txn *txn, const struct schema_register *reg,
                        uint64_t realm, const struct same *same, struct arena *arena,
                        struct record_view *record)
{
    struct chain whole = {
        .reg = reg, .realm = realm, .subject = same->ids[0], .txn = txn, .arena = arena};
    struct chain *parts = arena_alloc(arena, same->count * sizeof *parts);
    struct record_list list;
    size_t rows = 0;
    for (size_t i = 0; i < same->count; i++) {
        parts[i] = (struct chain){.reg = reg,
                                  .realm = realm,
                                  .subject = same->ids[i],
                                  .txn = txn,
                                  .arena = arena};
        chain_read(txn, &parts[i]);
        rows += parts[i].count;
    }
    whole.rows = arena_alloc(arena, (rows + 1) * sizeof *whole.rows);
    for (size_t i = 0; i < same->count; i++) {
        if (parts[i].count > 0)
            memcpy(whole.rows + whole.count, parts[i].rows,
                   parts[i].count * sizeof *whole.rows);
        whole.count += parts[i].count;
    }
    chain_sort(&whole);
    view_self(&whole, &list);
    *record = list.records[0];
    record->merged = same->ids + 1;
    record->merged_count = same->count - 1;
}

bool view_record(struct store_txn *txn, const struct schema_register *reg, uint64_t realm,
                 const struct entry_id *subject, const struct entry_id *id,
                 struct arena *arena, struct record_view *record)
{
    struct record_list list;
    if (reg->id == REGISTER_PERSON) {
        struct same same;
        same_members(txn, realm, id, arena, &same);
        if (same.count > 1) {
            view_merged(txn, reg, realm, &same, arena, record);
            return true;
        }
    }
    view_chain(txn, reg, realm, subject != NULL ? subject : id, arena, &list);
    for (size_t i = 0; i < list.count; i++) {
        if (entry_id_compare(&list.records[i].id, id) == 0) {
            *record = list.records[i];
            return true;
        }
    }
    return false;
}

void view_subject(struct store_txn *txn, const struct schema_register *reg,
                  uint64_t realm, const struct entry_id *subject, struct arena *arena,
                  struct record_list *list)
{
    if (reg->id != REGISTER_PERSON) {
        view_chain(txn, reg, realm, subject, arena, list);
        return;
    }
    list->records = arena_alloc(arena, sizeof *list->records);
    list->count = view_record(txn, reg, realm, NULL, subject, arena, list->records) &&
                  entry_id_compare(&list->records[0].id, subject) == 0;
}

/* ---- answers ---- */

struct slice view_value(const struct record_view *record, uint8_t field)
{
    CHECK(field < record->reg->field_count);
    const struct field_view *view = &record->fields[field];
    if (view->count == 0)
        return (struct slice){0};
    return view->versions[view->field->rule == MERGE_LOG ? view->count - 1 : 0].value;
}

uint8_t view_choice(const struct record_view *record, uint8_t field)
{
    uint64_t id = choice_id(view_value(record, field));
    return id <= UINT8_MAX ? (uint8_t)id : 0;
}

bool view_time(const struct record_view *record, uint8_t field, int64_t *time)
{
    struct slice value = view_value(record, field);
    return codec_take_int(&value, time);
}
