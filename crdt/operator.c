#include "crdt/operator.h"

#include "crdt/codec.h"
#include "crdt/view.h"

static struct slice account_in(struct store_txn *txn, uint64_t realm, struct log_name log,
                               uint32_t number, struct arena *arena)
{
    const struct schema_register *reg = schema_register(REGISTER_OPERATOR);
    struct fold_subjects walk = {.reg = reg->id, .realm = realm};
    struct slice account = {0};
    struct entry_id subject;
    uint64_t found_realm, newest, named;
    log.lane = reg->lane;
    walk.after = entry_id_of(log, 0);
    while (account.size == 0 &&
           fold_subjects_next(txn, &walk, &found_realm, &subject, &newest) &&
           log_name_equal(entry_id_log(&subject), log)) {
        struct record_view record;
        if (!view_record(txn, reg, realm, NULL, &subject, arena, &record))
            continue;
        struct slice value = view_value(&record, OPERATOR_NUMBER);
        struct slice name = view_value(&record, OPERATOR_ACCOUNT);
        if (!codec_take_uint(&value, &named) || named != number ||
            !codec_take_text(&name, &account))
            account = (struct slice){0};
    }
    store_cursor_close(&walk.cursor);
    return account;
}

struct slice operator_account(struct store_txn *txn, uint64_t realm, struct log_name log,
                              uint32_t number, struct arena *arena)
{
    struct slice account = account_in(txn, realm, log, number, arena);
    uint64_t county = division_county(realm);
    if (account.size == 0 && county != realm)
        account = account_in(txn, county, log, number, arena);
    return account;
}
