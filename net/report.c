/* What an engine says of itself to people: peers, troubles, and a walk over a log. */
#include <string.h>

#include "net/engine_state.h"

_Static_assert(REFUSALS == sizeof((struct peer_report){0}.refused) / sizeof(uint64_t),
               "a report has room for every kind of refusal");

static enum peer_state peer_state_of(const struct session *session)
{
    if (session->paused)
        return PEER_PAUSED;
    switch (session->state) {
    case SESSION_DOWN: return PEER_OFFLINE;
    case SESSION_GREETING: return PEER_GREETING;
    case SESSION_OPEN: break;
    }
    return session->greeting.equal && session->telling.noted >= session->telling.told
               ? PEER_ONLINE
               : PEER_SYNCING;
}

static uint64_t entries_behind(const struct engine *engine, const struct session *session)
{
    uint64_t entries = 0;

    for (size_t i = 0; i < engine->wants.count; i++) {
        const struct want *want = &engine->wants.rows[i];
        const struct head *head = heads_find(engine->heads, want->log);
        uint64_t seq = head != NULL ? head->seq : 0;
        for (size_t k = 0; k < want->source_count; k++) {
            if (want->sources[k].peer == session->peer && want->sources[k].to > seq)
                entries += want->sources[k].to - seq;
        }
    }
    return entries;
}

size_t engine_peers(const struct engine *engine, struct peer_report *reports,
                    size_t capacity)
{
    size_t count = 0;

    for (size_t i = 0; i < engine->session_count && count < capacity; i++) {
        const struct session *session = engine->sessions[i];
        if (roster_revoked(engine->roster, session->peer) && !session->link)
            continue; /* it is a peer no more */
        reports[count] = (struct peer_report){
            .number = session->peer,
            .state = peer_state_of(session),
            .heard_at_ms = session->heard_at_ms,
            .clock_s = session->clock_s,
            .clock_at_ms = session->clock_at_ms,
            .to_send_entries = sessions_entries_to_send(engine, session),
            .behind_entries = entries_behind(engine, session),
            .behind_known = session->heard_at_ms != 0,
            .oldest_unsent_at_ms = session->telling.unsent_since_ms,
            .cloned_since_ms = clones_since_ms(session, engine->now_ms),
            .told_cloned_since_ms = session->turns.told_since_ms,
            .suspected_since_ms = session->inquiry.suspected_since_ms,
            .strayed_since_ms = session->strayed_since_ms,
            .bytes_in = session->bytes_in,
            .bytes_out = session->bytes_out,
        };
        memcpy(reports[count++].refused, session->refused, sizeof session->refused);
    }
    return count;
}

uint64_t engine_row_numbering(const struct engine *engine, struct store_txn *txn)
{
    return engine->incarnation + folding_forgotten(txn);
}

uint64_t engine_follow_left(const struct engine *engine)
{
    return engine->follow_left;
}

/* Several neighbours may tell another history of one log. */
static bool told_before(const struct engine *engine, size_t index)
{
    const struct divergence *row = &engine->diverged[index];

    return index > 0 && log_name_equal(row[-1].log, row->log);
}

static size_t diverged_logs(const struct engine *engine)
{
    size_t logs = 0;

    for (size_t i = 0; i < engine->diverged_count; i++)
        logs += !told_before(engine, i);
    return logs;
}

void engine_report(const struct engine *engine, struct engine_report *report)
{
    const struct head *control =
        heads_find(engine->heads, authority_log(engine->config.genesis_hash));

    *report = (struct engine_report){
        .statements = control != NULL ? control->seq : 0,
        .entries = heads_entries(engine->heads),
        .runs = engine->arrival,
        .logs = heads_count(engine->heads),
        .unreadable_entries = engine->unreadable,
        .refused_entries = engine->refused + engine->refused_statements,
        .diverged_logs = diverged_logs(engine),
        .strayed_entries = engine->strayed,
        .strayed_wall_ms = engine->strayed_wall_ms,
        .strayed_at_ms = engine->strayed_at_ms,
        .came_back_entries = engine->came_back,
        .came_back_at_ms = engine->came_back_at_ms,
        .wanted_logs = engine->wants.count,
    };
}

bool engine_diverged_at(const struct engine *engine, size_t index, struct log_name *log)
{
    for (size_t i = 0; i < engine->diverged_count; i++) {
        if (told_before(engine, i) || index-- > 0)
            continue;
        *log = engine->diverged[i].log;
        return true;
    }
    return false;
}

/* ---- walking a log ---- */

/* The next stored run of the log, laid out, with its signature checked. `prev` is the
 * hash before it and moves to the hash at its end. */
static enum status walk_run(const struct engine *engine, struct store_txn *txn,
                            const struct head *head, uint64_t seq, struct arena *arena,
                            struct run *run, struct verified_run *laid_out,
                            struct hash *prev)
{
    const struct member *author = roster_member(engine->roster, head->log.node);
    uint64_t arrival;

    if (author == NULL)
        return ERR_UNKNOWN_AUTHOR;
    if (!log_run_holding(txn, head->log, seq, run, &arrival))
        return ERR_GAP;
    if (run->first_seq == seq && seq > 1 && !hash_equal(prev, &run->prev))
        return ERR_BAD_SIGNATURE;
    accept_lay_out(engine->roster, author, head->incarnation, &run->prev, run, arena,
                   laid_out);
    if (!accept_is_authentic(engine->roster, run, laid_out))
        return ERR_BAD_SIGNATURE;
    *prev = laid_out->last;
    return OK;
}

bool report_visit_run(const struct engine *engine, const struct run *run,
                      const struct verified_run *laid_out, uint64_t from, uint64_t to,
                      bool authentic, struct arena *arena, engine_visit_entry *visit,
                      void *context)
{
    for (uint32_t i = 0; i < run->count; i++) {
        struct opened_entry opened = {.log = run->log,
                                      .entry = laid_out->entries[i],
                                      .ends_run = authentic && i + 1 == run->count};
        if (opened.entry.seq < from || opened.entry.seq > to)
            continue;
        opened.status = accept_open(engine->roster, laid_out->author, run->log,
                                    &laid_out->entries[i], arena, &opened.plaintext);
        if (!visit(context, &opened))
            return false;
    }
    return true;
}

enum status engine_walk_log(const struct engine *engine, struct store_txn *txn,
                            struct log_name log, uint64_t from, uint64_t to,
                            struct arena *arena, engine_visit_entry *visit, void *context)
{
    const struct head *head = heads_find(engine->heads, log);
    struct hash prev = {0};
    struct run run;
    struct verified_run laid_out;

    if (head == NULL)
        return ERR_NOT_FOUND;
    if (to > head->seq)
        to = head->seq;
    for (uint64_t seq = from; seq <= to; seq = run_last_seq(&run) + 1) {
        if (seq == from && from > 1) {
            uint64_t arrival;
            if (!log_run_holding(txn, log, from, &run, &arrival))
                return ERR_GAP;
            prev = run.prev;
        }
        enum status status =
            walk_run(engine, txn, head, seq, arena, &run, &laid_out, &prev);
        if (status != OK)
            return status;
        if (!report_visit_run(engine, &run, &laid_out, from, to, true, arena, visit,
                              context))
            return OK;
        if (run_last_seq(&run) == head->seq && !hash_equal(&prev, &head->hash))
            return ERR_BAD_SIGNATURE;
    }
    return OK;
}

/* ---- sealed fields ---- */

bool engine_open_field(const struct engine *engine, uint64_t realm, struct slice sealed,
                       struct arena *arena, struct slice *text)
{
    uint8_t *opened;

    if (sealed.size < FIELD_TAG_SIZE)
        return false;
    opened = arena_alloc(arena, sealed.size - FIELD_TAG_SIZE + 1);
    for (size_t back = 0;; back++) {
        const struct realm_key *key = roster_earlier_key(engine->roster, realm, back);
        if (key == NULL)
            return false;
        if (crypto_field_open(key, roster_salt(engine->roster), sealed, opened)) {
            *text = slice_of(opened, sealed.size - FIELD_TAG_SIZE);
            return true;
        }
    }
}

bool engine_field_tag(const struct engine *engine, uint64_t realm, struct slice text,
                      size_t back, uint8_t tag[FIELD_TAG_SIZE])
{
    const struct realm_key *key = roster_earlier_key(engine->roster, realm, back);

    if (key == NULL)
        return false;
    crypto_field_tag(key, roster_salt(engine->roster), text, tag);
    return true;
}
