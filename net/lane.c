/* lane.c - the rules of each lane that stands today: records (also those that are urgent), and
 * statements, which are folded into the roster in memory. */
#include "net/lane.h"

/* ---- records ---- */

static enum status record_fold(struct engine *engine, const struct entry_id *id,
                               uint64_t realm, struct slice plaintext)
{
    return fold_entry(engine->fold, id, realm, plaintext);
}

static enum status record_withdraw(struct engine *engine, const struct entry_id *id,
                                   uint64_t realm, struct slice plaintext,
                                   uint64_t from_seq)
{
    struct operation operation;
    enum status status = fold_judge(id, realm, plaintext, &operation);

    if (status != OK)
        return status;
    struct entry_id subject = fold_subject_of(&operation, id);
    struct arena scratch; /* what is taken back is being read in the engine's */
    fold_withdraw(engine->txn, operation.reg, realm, &subject, entry_id_log(id),
                  from_seq);
    arena_init(&scratch);
    follow_withdrawn(engine->txn, operation.reg, realm, &subject, &scratch);
    arena_deinit(&scratch);
    return OK;
}

/* ---- statements: the authority's, and a member's of its own logs ---- */

static enum status read_statement(struct engine *engine, const struct entry_id *id,
                                  struct slice plaintext, struct roster_change *change)
{
    struct log_name log = entry_id_log(id);

    return log.node == 0 ? roster_fold(engine->roster, plaintext, change)
                         : roster_fold_own(engine->roster, log, entry_id_seq(id),
                                           plaintext, change);
}

static enum status statement_fold(struct engine *engine, const struct entry_id *id,
                                  uint64_t realm, struct slice plaintext)
{
    struct roster_change change;
    enum status status;

    if (realm != 0)
        return ERR_PERMISSION;
    status = read_statement(engine, id, plaintext, &change);
    engine->roster_changed |= change.members;
    if (change.keys)
        folding_key_came(engine);
    if (change.cut_node != 0)
        cuts_came(engine, change.cut_node);
    if (change.stated)
        branch_stated(engine, &change.stands);
    const struct member *self = engine_self(engine);
    if (change.again && self != NULL && self->number == entry_id_log(id).node)
        own_log_written_again(engine);
    return status;
}

static enum status statement_recall(struct engine *engine, const struct entry_id *id,
                                    struct slice plaintext)
{
    struct roster_change change;

    return read_statement(engine, id, plaintext, &change);
}

/* Urgent entries are records that overtake others. */
#define RECORD_RULES                                                                     \
    {                                                                                    \
        .judge = draft_judge, .encode = draft_encode, .fold = record_fold,               \
        .withdraw = record_withdraw                                                      \
    }

static const struct lane_rules table[LANES] = {
    [LANE_CONTROL] = {.fold = statement_fold, .recall = statement_recall},
    [LANE_URGENT] = RECORD_RULES,
    [LANE_RECORD] = RECORD_RULES,
};

const struct lane_rules *lane_rules(uint8_t lane)
{
    return lane < LANES && table[lane].fold != NULL ? &table[lane] : NULL;
}
