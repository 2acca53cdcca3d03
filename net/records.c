#include "net/records.h"

bool realm_walk_next(const struct roster *roster, const struct schema_register *reg,
                     struct realm_walk *walk, uint64_t *realm)
{
    const struct realm_key *key;
    while ((key = roster_key_at(roster, walk->index)) != NULL) {
        walk->index++;
        /* One realm has a key for each of its epochs. */
        if (key->realm == walk->last || !schema_realm_fits(reg, key->realm))
            continue;
        walk->last = key->realm;
        *realm = key->realm;
        return true;
    }
    return false;
}

bool record_realm(const struct roster *roster, struct store_txn *txn,
                  const struct schema_register *reg, const struct entry_id *id,
                  uint64_t likely, uint64_t *realm)
{
    struct realm_walk walk = {0};
    uint64_t newest, rows;
    *realm = likely;
    if (likely != 0 && schema_realm_fits(reg, likely) &&
        fold_chain_newest(txn, reg->id, likely, id, &newest, &rows))
        return true;
    while (realm_walk_next(roster, reg, &walk, realm)) {
        if (fold_chain_newest(txn, reg->id, *realm, id, &newest, &rows))
            return true;
    }
    return false;
}

bool record_find(const struct roster *roster, struct store_txn *txn,
                 const struct schema_register *reg, const struct entry_id *id,
                 uint64_t likely, struct arena *arena, struct record_view *record)
{
    uint64_t realm;
    if (likely != 0 && schema_realm_fits(reg, likely) &&
        view_record(txn, reg, likely, NULL, id, arena, record))
        return true;
    return record_realm(roster, txn, reg, id, 0, &realm) &&
           view_record(txn, reg, realm, NULL, id, arena, record);
}

void record_foresee(struct store_txn *txn, const struct schema_register *reg,
                    const struct write *write, struct arena *arena,
                    struct record_view *record)
{
    const struct entry_id *subject =
        reg->subject_field == FIELD_NONE ? NULL : &write->subject;
    bool exists =
        (write->kind != OPERATION_CREATE || write->keep_rest) &&
        view_record(txn, reg, write->realm, subject, &write->target, arena, record);
    if (!exists) {
        *record = (struct record_view){
            .reg = reg,
            .subject = write->subject,
            .realm = write->realm,
            .known = true,
            .fields = arena_alloc(arena, reg->field_count * sizeof *record->fields),
        };
        for (size_t i = 0; i < reg->field_count; i++)
            record->fields[i] = (struct field_view){.field = &reg->fields[i]};
    }
    if (write->kind == OPERATION_VOID)
        record->voided = true;
    for (size_t i = 0; i < write->count; i++) {
        struct field_view *view;
        if (write->values[i].field >= reg->field_count)
            continue;
        view = &record->fields[write->values[i].field];
        if (view->field->rule == MERGE_SET || view->field->type == FIELD_SEALED)
            continue;
        view->count = write->values[i].value.size > 0;
        view->versions = arena_alloc(arena, sizeof *view->versions);
        view->versions[0] = (struct version){.value = write->values[i].value};
    }
}
