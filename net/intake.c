/* What happens to a run that came: it is judged, filed under the next arrival number and
 * folded into the tables, or, where it is the authority's, into the roster. */
#include "net/grant.h"
#include "net/lane.h"

#include <string.h>

/* The roster is in memory alone: the authority's statements are folded into it as they are
 * filed, and recalled from the log at each start. */
static void fold_in_memory(struct engine *engine, const struct run *run,
                           const struct verified_run *laid_out)
{
    const struct lane_rules *rules = lane_rules(run->log.lane);

    if (rules == NULL || rules->recall == NULL)
        return;
    for (uint32_t i = 0; i < run->count; i++) {
        const struct entry *entry = &laid_out->entries[i];
        struct entry_id id = entry_id_of(run->log, entry->seq);
        enum status status = rules->fold(engine, &id, entry->realm, entry->payload);
        if (status != OK && status != ERR_VERSION)
            engine->refused_statements++;
    }
}

enum status intake_run(struct engine *engine, const struct run *run,
                       const uint8_t random[RANDOM_SIZE])
{
    struct verified_run accepted;
    struct run within = *run, filed;
    const struct member *self;
    const struct head *head;
    enum status status;

    accept_within_cut(engine->roster, &within);
    run = &within;
    writing_sign(engine); /* the run may be of our own log: what we write comes first */
    head = heads_find(engine->heads, run->log);
    bool shortened = accept_past_head(head, &within);
    arena_reset(&engine->scratch);
    status = accept_run(engine->roster, head, run, &engine->scratch, &accepted);
    /* What was left out is of another branch: the rest follows nothing that is held. */
    if (shortened && status == ERR_BAD_SIGNATURE)
        return ERR_GAP;
    if (status != OK)
        return status;
    CHECK(run->first_seq == (head != NULL ? head->seq : 0) + 1);
    filed = *run;
    filed.prev = accepted.prev;
    if (roster_revoked(engine->roster, run->log.node) &&
        !accept_is_signed(engine->roster, run, &accepted))
        memset(filed.signature, 0, SIGNATURE_SIZE); /* vouched for by the cut alone */
    engine->arrival++;
    log_append(engine->txn, engine->arrival, &filed, &engine->encoded);
    heads_advance(engine->heads, run->log, accepted.id.incarnation, run_last_seq(run),
                  &accepted.last, engine->arrival);
    wants_advance(&engine->wants, engine->txn, run->log, run_last_seq(run),
                  engine->now_ms);
    engine->wrote = true;
    folding_fold_run(engine, run, &accepted, engine->arrival);
    fold_in_memory(engine, run, &accepted);
    /* A run of the log that this node writes now came from outside: the store was restored
     * from an older state. What is written from here on goes under a new incarnation. */
    self = engine_self(engine);
    if (engine->leaves_log || (self != NULL && run->log.node == self->number &&
                               run->log.tag == (uint16_t)engine->incarnation))
        writing_new_incarnation(engine, random);
    engine->leaves_log = false;
    writing_came_back(engine, run->log, run->count);
    return OK;
}

enum status intake_grant(struct engine *engine, struct slice grant_file,
                         const uint8_t random[RANDOM_SIZE])
{
    struct grant grant;
    struct slice stored;
    struct run run;
    enum status status = grant_decode(grant_file, &grant);

    if (status != OK)
        return status;
    if (!hash_equal(&grant.genesis_hash, engine->config.genesis_hash))
        return ERR_OTHER_COUNTY;
    while (grant_next_run(&grant.runs, &stored)) {
        if (run_decode(stored, RUN_STORED, &run) != OK)
            return ERR_MALFORMED;
        status = intake_run(engine, &run, random);
        if (status != OK && status != ERR_DUPLICATE)
            return status;
    }
    return OK;
}

static enum status recall_log(struct engine *engine, struct log_name name)
{
    const struct lane_rules *rules = lane_rules(name.lane);
    const struct head *head = heads_find(engine->heads, name);
    struct verified_run laid_out;
    struct run run;
    uint64_t arrival;

    CHECK(rules != NULL && rules->recall != NULL);
    for (uint64_t seq = 1; head != NULL && seq <= head->seq;
         seq = run_last_seq(&run) + 1) {
        if (!log_run_holding(engine->txn, name, seq, &run, &arrival))
            return ERR_STORE_DAMAGED;
        arena_reset(&engine->scratch);
        accept_lay_out(engine->roster, roster_member(engine->roster, name.node),
                       head->incarnation, &run.prev, &run, &engine->scratch, &laid_out);
        for (uint32_t i = 0; i < run.count; i++) {
            const struct entry *entry = &laid_out.entries[i];
            struct entry_id id = entry_id_of(name, entry->seq);
            enum status status = rules->recall(engine, &id, entry->payload);
            if (status != OK && status != ERR_VERSION)
                engine->refused_statements++;
        }
    }
    return OK;
}

/* The authority's log, by which the members are known, comes first; then what they state of
 * their own. */
enum status intake_roster_load(struct engine *engine)
{
    roster_reset(engine->roster);
    engine->refused_statements = 0;
    struct log_name first = authority_log(engine->config.genesis_hash);
    enum status status = recall_log(engine, first);
    for (size_t i = 0; status == OK && i < heads_count(engine->heads); i++) {
        struct log_name log = heads_at(engine->heads, i)->log;
        if (log.lane == LANE_CONTROL && !log_name_equal(log, first))
            status = recall_log(engine, log);
    }
    return status;
}
