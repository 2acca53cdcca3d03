#include "daemon/answer/resolve.h"

#include "crdt/operation.h"

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
    sought->resolved->subject =
        operation.subject_is_self ? sought->resolved->id : operation.subject;
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

/* ---- by a prefix ---- */

static void note_match(struct resolved *resolved, size_t *matches,
                       const struct resolved *found)
{
    if ((*matches)++ == 0)
        *resolved = *found;
}

static void match_subjects(const struct engine *engine, struct store_txn *txn,
                           const struct schema_register *reg, struct slice prefix,
                           struct resolved *resolved, size_t *matches)
{
    struct fold_subjects walk = {.reg = reg->id};
    struct resolved found;
    uint64_t newest;
    while (*matches < 2 &&
           fold_subjects_next(txn, &walk, &found.realm, &found.subject, &newest)) {
        found.id = found.subject;
        if (id_has_prefix(&found.id, prefix) && realm_is_readable(engine, found.realm))
            note_match(resolved, matches, &found);
    }
    store_cursor_close(&walk.cursor);
}

static void match_rows(const struct engine *engine, struct store_txn *txn,
                       const struct schema_register *reg, struct slice prefix,
                       struct resolved *resolved, size_t *matches)
{
    struct fold_row row;
    struct operation operation;
    for (uint64_t number = 1; *matches < 2 && fold_row_read(txn, number, &row);
         number++) {
        if (!id_has_prefix(&row.id, prefix) || !realm_is_readable(engine, row.realm) ||
            operation_decode(row.plaintext, &operation) != OK ||
            operation.kind != OPERATION_CREATE || operation.reg != reg->id)
            continue;
        struct resolved found = {.realm = row.realm, .id = row.id};
        found.subject = operation.subject_is_self ? row.id : operation.subject;
        note_match(resolved, matches, &found);
    }
}

enum status resolve_record(const struct engine *engine, struct store_txn *txn,
                           struct arena *scratch, const struct schema_register *reg,
                           struct slice text, struct resolved *resolved)
{
    bool is_subject = reg->subject_field == FIELD_NONE;
    struct entry_id id;
    size_t matches = 0;
    *resolved = (struct resolved){0};
    if (text.size == 0)
        return ERR_NOT_FOUND;
    if (id_parse(text, &id)) {
        if (is_subject &&
            record_realm(engine_roster(engine), txn, reg, &id, 0, &resolved->realm)) {
            resolved->subject = resolved->id = id;
            return OK;
        }
        return find_in_log(engine, txn, scratch, reg, &id, resolved);
    }
    if (is_subject)
        match_subjects(engine, txn, reg, text, resolved, &matches);
    else
        match_rows(engine, txn, reg, text, resolved, &matches);
    if (matches == 0)
        return ERR_NOT_FOUND;
    return matches == 1 ? OK : ERR_AMBIGUOUS;
}
