#include "daemon/answer/resolve.h"

#include "crdt/codec.h"
#include "crdt/lookup.h"
#include "crdt/normal.h"
#include "crdt/operation.h"
#include "crdt/same.h"
#include "crdt/text.h"
#include "daemon/answer/find.h"

bool realm_is_readable(const struct engine *engine, uint64_t realm)
{
    return roster_newest_key(engine_roster(engine), realm) != NULL;
}

const struct entry_id *resolved_subject(const struct schema_register *reg,
                                        const struct resolved *resolved)
{
    return reg->subject_field == FIELD_NONE ? NULL : &resolved->subject;
}

/* ---- by the whole id ---- */

struct sought {
    const struct schema_register *reg;
    struct resolved *resolved;
    enum status status;
};

static bool judge_entry(void *context, const struct opened_entry *opened)
{
    struct sought *sought = context;
    struct operation operation;
    if (opened->status == ERR_NO_KEY)
        sought->status = ERR_UNREADABLE;
    if (opened->status != OK || operation_decode(opened->plaintext, &operation) != OK ||
        operation.kind != OPERATION_CREATE || operation.reg != sought->reg->id)
        return false;
    sought->resolved->realm = opened->entry.realm;
    sought->resolved->subject = fold_subject_of(&operation, &sought->resolved->id);
    sought->status = OK;
    return false;
}

/* "The log itself resolves it, it costs no bytes where it is created." */
static enum status find_in_log(const struct engine *engine, struct store_txn *txn,
                               struct arena *scratch, const struct schema_register *reg,
                               const struct entry_id *id, struct resolved *resolved)
{
    struct sought sought = {.reg = reg, .resolved = resolved, .status = ERR_NOT_FOUND};
    uint64_t seq = entry_id_seq(id);
    resolved->id = *id;
    if (seq == 0 || engine_walk_log(engine, txn, entry_id_log(id), seq, seq, scratch,
                                    judge_entry, &sought) != OK)
        return ERR_NOT_FOUND;
    return sought.status;
}

/* ---- by a prefix or a name ---- */

#define FITS_MAX 5 /* told of several that fit */

struct matches {
    struct resolved found[FITS_MAX];
    size_t count; /* may be greater */
};

/* While everything is folded again, a record's row may be there twice. */
static void note_match(struct matches *matches, const struct resolved *found)
{
    for (size_t i = 0; i < matches->count && i < FITS_MAX; i++) {
        if (entry_id_compare(&matches->found[i].id, &found->id) == 0)
            return;
    }
    if (matches->count < FITS_MAX)
        matches->found[matches->count] = *found;
    matches->count++;
}

static void match_subjects(const struct engine *engine, struct store_txn *txn,
                           const struct schema_register *reg, struct slice prefix,
                           struct matches *matches)
{
    struct fold_subjects walk = {.reg = reg->id};
    struct resolved found;
    uint64_t newest;
    while (matches->count < FITS_MAX &&
           fold_subjects_next(txn, &walk, &found.realm, &found.subject, &newest)) {
        found.id = found.subject;
        if (id_has_prefix(&found.id, prefix) && realm_is_readable(engine, found.realm))
            note_match(matches, &found);
    }
    store_cursor_close(&walk.cursor);
}

static void match_rows(const struct engine *engine, struct store_txn *txn,
                       const struct schema_register *reg, struct slice prefix,
                       struct matches *matches)
{
    struct store_cursor cursor;
    struct slice key, value;
    struct fold_row row;
    struct operation operation;
    for (bool more =
             store_seek(txn, STORE_ROWS, (struct slice){0}, &cursor, &key, &value);
         more && matches->count < FITS_MAX;
         more = store_next(txn, &cursor, &key, &value)) {
        if (key.size != 8 || !fold_row_read(txn, get_be64(key.data), &row))
            continue;
        if (!id_has_prefix(&row.id, prefix) || !realm_is_readable(engine, row.realm) ||
            operation_decode(row.plaintext, &operation) != OK ||
            operation.kind != OPERATION_CREATE || operation.reg != reg->id)
            continue;
        struct resolved found = {.realm = row.realm, .id = row.id};
        found.subject = fold_subject_of(&operation, &row.id);
        note_match(matches, &found);
    }
    store_cursor_close(&cursor);
}

/* Compared in its normal form. `scratch` is cleared. */
static bool field_is(const struct field_view *field, struct slice normal,
                     struct buffer *scratch)
{
    for (size_t i = 0; i < field->count; i++) {
        struct slice value = field->versions[i].value, text;
        buffer_clear(scratch);
        if (!codec_take_text(&value, &text))
            continue;
        normal_put(text, scratch);
        if (slice_equal(buffer_slice(scratch), normal))
            return true;
    }
    return false;
}

/* Persons whose whole name is typed, or else those who read so: 王秀英 by wangxiuying or wxy. */
struct named {
    const struct engine *engine;
    struct store_txn *txn;
    struct slice name; /* in its normal form */
    struct matches exact, read;
    struct arena arena;
    struct buffer scratch;
};

static bool note_named(void *context, uint64_t realm, const struct entry_id *person)
{
    struct named *named = context;
    const struct schema_register *reg = schema_register(REGISTER_PERSON);
    const struct resolved found = {.realm = realm, .subject = *person, .id = *person};
    struct record_view record;
    arena_reset(&named->arena);
    if (!view_record(named->txn, reg, realm, NULL, person, &named->arena, &record) ||
        record.voided)
        return true;
    bool exact = field_is(&record.fields[reg->name_field], named->name, &named->scratch);
    note_match(exact ? &named->exact : &named->read, &found);
    return named->exact.count < FITS_MAX;
}

static void match_persons(const struct engine *engine, struct store_txn *txn,
                          struct slice text, struct matches *matches)
{
    struct named named = {.engine = engine, .txn = txn};
    struct realm_walk walk = {0};
    struct search search;
    struct arena arena;
    struct find find;
    uint64_t realm;
    if (!text_is_clean(text))
        return;
    arena_init(&arena);
    arena_init(&named.arena);
    buffer_init(&named.scratch, SIZE_MAX);
    search_read(text, &arena, &search);
    named.name = search.normal;
    find_begin(&find, txn);
    while (realm_walk_next(engine_roster(engine), schema_register(REGISTER_PERSON), &walk,
                           &realm))
        find_persons(&find, realm, &search, true, note_named, &named);
    find_end(&find);
    const struct matches *found = named.exact.count > 0 ? &named.exact : &named.read;
    for (size_t i = 0; i < found->count && i < FITS_MAX; i++)
        note_match(matches, &found->found[i]);
    buffer_deinit(&named.scratch);
    arena_deinit(&named.arena);
    arena_deinit(&arena);
}

/* By the whole name, however it was typed, of records that stand. */
static void match_names(const struct engine *engine, struct store_txn *txn,
                        const struct schema_register *reg, struct slice text,
                        struct matches *matches)
{
    struct fold_subjects walk = {.reg = reg->id};
    struct resolved found;
    struct record_view record;
    struct arena arena;
    struct buffer name, scratch;
    uint64_t newest;
    if (reg->name_field == FIELD_NONE || !text_is_clean(text))
        return;
    if (reg->id == REGISTER_PERSON) {
        match_persons(engine, txn, text, matches);
        return;
    }
    buffer_init(&name, SIZE_MAX);
    buffer_init(&scratch, SIZE_MAX);
    arena_init(&arena);
    normal_put(text, &name);
    if (name.size > 0) {
        while (matches->count < FITS_MAX &&
               fold_subjects_next(txn, &walk, &found.realm, &found.subject, &newest)) {
            found.id = found.subject;
            arena_reset(&arena);
            if (realm_is_readable(engine, found.realm) &&
                view_record(txn, reg, found.realm, NULL, &found.id, &arena, &record) &&
                !record.voided &&
                field_is(&record.fields[reg->name_field], buffer_slice(&name), &scratch))
                note_match(matches, &found);
        }
        store_cursor_close(&walk.cursor);
    }
    arena_deinit(&arena);
    buffer_deinit(&scratch);
    buffer_deinit(&name);
}

/* A row of lookups is a hint: the record may have changed since. */
static bool still_holds(struct store_txn *txn, const struct schema_register *reg,
                        const struct resolved *holder, const struct field *field,
                        struct slice sought)
{
    struct record_view record;
    struct arena arena;
    bool holds = false;
    arena_init(&arena);
    if (view_record(txn, reg, holder->realm, resolved_subject(reg, holder), &holder->id,
                    &arena, &record) &&
        !record.voided) {
        const struct field_view *view = &record.fields[field->id];
        for (size_t i = 0; i < view->count; i++)
            holds |= slice_equal(lookup_value(field, view->versions[i].value), sought);
    }
    arena_deinit(&arena);
    return holds;
}

/* By a key of another system, or a number that is one person's alone. */
static void match_lookups(const struct engine *engine, struct store_txn *txn,
                          const struct schema_register *reg, struct slice text,
                          struct matches *matches)
{
    struct looked_up found[FITS_MAX];
    struct buffer value;
    uint8_t tag[FIELD_TAG_SIZE];
    if (!text_is_clean(text))
        return;
    buffer_init(&value, PAYLOAD_SIZE_MAX);
    for (size_t i = 0; i < reg->field_count; i++) {
        const struct field *field = &reg->fields[i];
        struct realm_walk walk = {0};
        struct slice plain, sought;
        uint64_t realm;
        buffer_clear(&value);
        if (field->lookup == LOOKUP_NONE || field_parse(field, text, NULL, &value) != OK)
            continue;
        sought = plain = buffer_slice(&value);
        bool sealed = field->type == FIELD_SEALED && codec_take_text(&plain, &plain);
        while (realm_walk_next(engine_roster(engine), reg, &walk, &realm)) {
            for (size_t turn = 0;
                 sealed ? engine_field_tag(engine, realm, plain, turn, tag) : turn == 0;
                 turn++) {
                if (sealed)
                    sought = slice_of(tag, sizeof tag);
                size_t count =
                    lookup_find(txn, reg->id, field->id, realm, sought, found, FITS_MAX);
                for (size_t k = 0; k < count; k++) {
                    struct resolved holder = {realm, found[k].subject, found[k].id};
                    if (still_holds(txn, reg, &holder, field, sought))
                        note_match(matches, &holder);
                }
            }
        }
    }
    buffer_deinit(&value);
}

static void match(const struct engine *engine, struct store_txn *txn,
                  const struct schema_register *reg, struct slice text,
                  struct matches *matches)
{
    *matches = (struct matches){.count = 0};
    /* A whole key says more than a beginning of an id; where that is long enough to be meant
     * and is another's, both are told. */
    match_lookups(engine, txn, reg, text, matches);
    if (matches->count > 0 && text.size < RESOLVE_WRITE_MIN)
        return;
    bool by_name = reg->subject_field == FIELD_NONE;
    /* Three letters begin some id in any county, and are somebody's initials. */
    if (by_name && text.size < RESOLVE_WRITE_MIN) {
        match_names(engine, txn, reg, text, matches);
        if (matches->count > 0)
            return;
    }
    if (id_may_begin(text) && by_name)
        match_subjects(engine, txn, reg, text, matches);
    else if (id_may_begin(text))
        match_rows(engine, txn, reg, text, matches);
    if (by_name && text.size >= RESOLVE_WRITE_MIN &&
        (matches->count == 0 || text.size < ID_SHORT_SIZE))
        match_names(engine, txn, reg, text, matches);
}

static enum status resolve_id(const struct engine *engine, struct store_txn *txn,
                              struct arena *scratch, const struct schema_register *reg,
                              const struct entry_id *id, struct resolved *resolved)
{
    *resolved = (struct resolved){.id = *id, .subject = *id};
    return reg->subject_field == FIELD_NONE &&
                   record_realm(engine_roster(engine), txn, reg, id, 0, &resolved->realm)
               ? OK
               : find_in_log(engine, txn, scratch, reg, id, resolved);
}

/* ---- telling who fits ---- */

/* "K3F9ABCD 1940-01-01 ...": the listed fields by which people can tell records apart. */
static void put_fit(struct store_txn *txn, struct arena *scratch,
                    const struct schema_register *reg, const struct resolved *found,
                    struct buffer *fits)
{
    char id[ID_TEXT_SIZE];
    struct record_view record;
    id_format(&found->id, id);
    buffer_put(fits, id, ID_SHORT_SIZE);
    if (!view_record(txn, reg, found->realm, resolved_subject(reg, found), &found->id,
                     scratch, &record))
        return;
    for (size_t i = 0, shown = 0; i < reg->field_count && shown < 4; i++) {
        const struct field *field = &reg->fields[i];
        struct slice value = view_value(&record, field->id);
        if (field->heading == NULL || value.size == 0 || field->type == FIELD_RECORD)
            continue;
        buffer_put_u8(fits, ' ');
        field_format(field, value, true, fits);
        shown++;
    }
}

static void put_fits(struct store_txn *txn, struct arena *scratch,
                     const struct schema_register *reg, struct slice text,
                     const struct matches *matches, struct buffer *fits)
{
    buffer_put(fits, text.data, text.size);
    for (size_t i = 0; i < matches->count && i < FITS_MAX; i++) {
        buffer_put(fits, i == 0 ? ": " : "; ", 2);
        put_fit(txn, scratch, reg, &matches->found[i], fits);
    }
    if (matches->count >= FITS_MAX)
        buffer_put(fits, "; ...", 5);
}

/* Any id of a person who was entered more than once stands for the one that it is known by. */
static void take_merged(struct store_txn *txn, struct arena *scratch,
                        const struct schema_register *reg, struct resolved *resolved)
{
    struct same same;
    if (reg->id != REGISTER_PERSON)
        return;
    same_members(txn, resolved->realm, &resolved->id, scratch, &same);
    resolved->id = same.ids[0];
    resolved->subject = same.ids[0];
}

static enum status resolve(const struct engine *engine, struct store_txn *txn,
                           struct arena *scratch, const struct schema_register *reg,
                           struct slice text, bool to_write, bool merged,
                           struct resolved *resolved, struct buffer *fits)
{
    struct matches matches;
    struct entry_id id;
    buffer_clear(fits);
    *resolved = (struct resolved){0};
    if (text.size == 0)
        return ERR_NOT_FOUND;
    if (id_parse(text, &id)) {
        enum status status = resolve_id(engine, txn, scratch, reg, &id, resolved);
        if (status == OK && merged)
            take_merged(txn, scratch, reg, resolved);
        return status;
    }
    match(engine, txn, reg, text, &matches);
    struct matches once = {.count = 0};
    for (size_t i = 0; i < matches.count && i < FITS_MAX; i++) {
        struct resolved found = matches.found[i];
        if (merged)
            take_merged(txn, scratch, reg, &found);
        note_match(&once, &found);
    }
    matches = once;
    if (matches.count == 0)
        return ERR_NOT_FOUND;
    *resolved = matches.found[0];
    if (to_write && text.size < RESOLVE_WRITE_MIN && id_has_prefix(&resolved->id, text))
        return ERR_ID_SHORT;
    if (matches.count == 1)
        return OK;
    put_fits(txn, scratch, reg, text, &matches, fits);
    return ERR_AMBIGUOUS;
}

enum status resolve_record(const struct engine *engine, struct store_txn *txn,
                           struct arena *scratch, const struct schema_register *reg,
                           struct slice text, struct resolved *resolved,
                           struct buffer *fits)
{
    return resolve(engine, txn, scratch, reg, text, false, true, resolved, fits);
}

enum status resolve_to_write(const struct engine *engine, struct store_txn *txn,
                             struct arena *scratch, const struct schema_register *reg,
                             struct slice text, struct resolved *resolved,
                             struct buffer *fits)
{
    return resolve(engine, txn, scratch, reg, text, true, true, resolved, fits);
}

enum status resolve_as_entered(const struct engine *engine, struct store_txn *txn,
                               struct arena *scratch, const struct schema_register *reg,
                               struct slice text, struct resolved *resolved,
                               struct buffer *fits)
{
    return resolve(engine, txn, scratch, reg, text, true, false, resolved, fits);
}

enum status resolve_any_to_write(const struct engine *engine, struct store_txn *txn,
                                 struct arena *scratch, struct slice text,
                                 const struct schema_register **reg,
                                 struct resolved *resolved, struct buffer *fits)
{
    enum status status = ERR_NOT_FOUND;
    for (size_t i = 0; status == ERR_NOT_FOUND && (*reg = schema_register_at(i)) != NULL;
         i++) {
        if (schema_can_conflict(*reg))
            status = resolve_to_write(engine, txn, scratch, *reg, text, resolved, fits);
    }
    return status;
}
