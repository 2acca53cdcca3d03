#include "daemon/answer/query.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crdt/codec.h"
#include "crdt/text.h"
#include "daemon/answer/query_parts.h"

/* ---- arguments ---- */

bool args_text(struct slice args, const char *key, struct slice *text)
{
    struct slice value;
    return codec_map_find(args, key, &value) && codec_take_text(&value, text);
}

bool args_flag(struct slice args, const char *key)
{
    struct slice value, text;
    bool flag;
    if (!codec_map_find(args, key, &value))
        return false;
    if (codec_take_bool(&value, &flag))
        return flag;
    return codec_take_text(&value, &text) && !slice_equal(text, slice_text("no"));
}

/* ---- what all answers share ---- */

const struct engine *query_engine(const struct query *query)
{
    return query->sources->engine;
}

enum status query_refuse(struct query *query, enum status status, struct slice subject)
{
    struct slice cut = text_cut(subject, sizeof query->subject - 1);
    if (cut.size > 0)
        memcpy(query->subject, cut.data, cut.size);
    query->subject[cut.size] = '\0';
    return status;
}

void query_note_incomplete(struct query *query)
{
    const struct engine *engine = query_engine(query);
    struct engine_report report;
    uint64_t runs_left;
    engine_report(engine, &report);
    bool folding = engine_folding(engine, &runs_left);
    if (folding && runs_left == 0)
        query->incomplete.kind = INCOMPLETE_CLEARING;
    else if (folding)
        query->incomplete =
            (struct incomplete){.kind = INCOMPLETE_READING, .count = runs_left};
    else if (report.wanted_logs > 0)
        query->incomplete =
            (struct incomplete){.kind = INCOMPLETE_WANTED, .count = report.wanted_logs};
}

void query_note_not_worked_in(struct query *query)
{
    uint64_t left = engine_follow_left(query_engine(query));
    if (left > 0 && query->incomplete.kind == INCOMPLETE_NOT)
        query->incomplete =
            (struct incomplete){.kind = INCOMPLETE_COUNTING, .count = left};
}

void query_put_division(const struct query *query, uint64_t code)
{
    const struct division *division = divisions_find(query->sources->divisions, code);
    answer_put_key(query->data, "division");
    answer_put_uint_or_nil(query->data, code);
    answer_put_key(query->data, "division_name");
    answer_put_text_or_nil(query->data, division != NULL ? division->name : NULL);
}

/* ---- the commands ---- */

static const struct {
    const char *name;
    enum status (*answer)(struct query *query, struct store_txn *txn, struct slice args);
} plain_commands[] = {
    {"version", query_version},
    {"status", query_status},
    {"peer.list", query_peers},
    {"node.show", query_members},
    {"digest", query_digest},
    {"log.show", query_log},
    {"log.strayed", query_strayed},
    {"place.find", query_places},
    {"visit.due", query_due},
    {"report.coverage", query_coverage},
    {"policy.show", query_policies},
    {"conflict.list", query_conflicts},
    {"conflict.show", query_conflict},
    {"person.doubles", query_doubles},
    {"need.proposals", query_offers},
    {"resource.proposals", query_resource_needs},
    {"project.proposals", query_project_needs},
    {"log.forks", query_forks},
    {"changes", query_changes},
    {"report.township", query_township_report},
    {"report.county", query_county_report},
    {"report.household", query_household},
};

static enum status answer_register(struct query *query, struct store_txn *txn,
                                   struct slice command, struct slice args)
{
    const struct schema_register *reg;
    enum verb verb;
    const struct step *step;
    if (!schema_command(command, &reg, &verb, &step))
        return ERR_UNKNOWN_COMMAND;
    switch (verb) {
    case VERB_LIST: return query_list(query, txn, reg, args);
    case VERB_FIND: return query_find(query, txn, reg, args);
    case VERB_SHOW: return query_show(query, txn, reg, args);
    case VERB_ADD:
    case VERB_SET:
    case VERB_AMEND:
    case VERB_VOID:
    case VERB_STEP: break;
    }
    return ERR_UNKNOWN_COMMAND;
}

enum status query_answer(struct query *query, struct store_txn *txn, struct slice command,
                         struct slice args)
{
    query->subject[0] = '\0';
    query->waits = false;
    query->incomplete = (struct incomplete){.kind = INCOMPLETE_NOT};
    enum status status = ERR_UNKNOWN_COMMAND;
    size_t i = 0;
    while (i < ARRAY_SIZE(plain_commands) &&
           !slice_equal(command, slice_text(plain_commands[i].name)))
        i++;
    if (i < ARRAY_SIZE(plain_commands))
        status = plain_commands[i].answer(query, txn, args);
    else if (command.size > 0)
        status = answer_register(query, txn, command, args);
    /* A store that fails while it is read finds nothing, which must not look like
     * nothing. */
    if (store_txn_status(txn) != OK)
        return store_txn_status(txn);
    if (status == OK && query->data->overflow)
        return ERR_LIMIT;
    return status;
}
