/* What a cut does here. "Entries above the cut are evidence, not state": the runs beyond it
 * are set aside, and the log's head is taken back to it, so that digests, announcements,
 * wants and what is sent all speak of the accepted part without asking for the cut.
 *
 * A stored run that spans the cut is shortened to its accepted part. The author's signature
 * covers a run's last entry and is of no use to it; the authority's statement names the hash
 * of the entry at the cut, which through the chain covers all entries before it. So a run
 * that ends at a cut with the cut's hash is authentic without a signature (accept.c). */
#include "net/engine_state.h"

/* Whether the entry at the cut, held here, is the one that the authority names. */
static bool holds_cut_entry(struct engine *engine, const struct head *head,
                            const struct cut *cut, struct run *run)
{
    const struct member *author = engine_member(engine, head->log.node);
    struct verified_run laid_out;
    struct arena arena;
    uint64_t arrival;

    CHECK(author != NULL);
    if (!log_run_holding(engine->txn, head->log, cut->seq, run, &arrival))
        return false;
    arena_init(&arena); /* the engine's holds the statement that is being read */
    accept_lay_out(engine->roster, author, head->incarnation, &run->prev, run, &arena,
                   &laid_out);
    bool same = hash_equal(&laid_out.entries[cut->seq - run->first_seq].hash, &cut->hash);
    arena_deinit(&arena);
    return same;
}

/* Takes the log back to the cut. Where the entry held at the cut has another hash than the
 * authority names, the whole log held here is of another branch: it is taken back to its
 * beginning, and the right one is fetched from whoever holds it. */
static void take_back(struct engine *engine, const struct head *head,
                      const struct cut *cut)
{
    static const struct hash nothing;
    struct log_name log = head->log;
    struct buffer arrivals;
    struct run run;
    bool held = cut->seq > 0 && holds_cut_entry(engine, head, cut, &run);
    uint64_t end = held ? cut->seq : 0;

    CHECK(cut->seq <= head->seq);
    if (head->seq == end)
        return;
    folding_withdraw(engine, log, end + 1);
    if (held && run_last_seq(&run) > end) {
        engine->arrival++;
        log_shorten(engine->txn, log, end, engine->arrival, &engine->encoded);
        engine->fold_dirty = true;
    }
    buffer_init(&arrivals, SIZE_MAX);
    log_set_aside(engine->txn, log, end + 1, &arrivals);
    buffer_deinit(&arrivals);
    heads_take_back(engine->heads, log, end, held ? &cut->hash : &nothing);
    CHECK(head->seq == end && end <= cut->seq);
    engine->wrote = true;
}

static void hang_up(struct engine *engine, uint32_t peer)
{
    struct session *session = sessions_find(engine, peer);

    for (size_t i = engine->wants.count; i-- > 0;)
        engine->wrote |= wants_drop_source(&engine->wants, engine->txn,
                                           engine->wants.rows[i].log, peer);
    if (session == NULL || !session->link)
        return;
    session_enter(session, SESSION_LINK_DOWN, engine->now_ms);
    engine_effect(engine, EFFECT_DROP, peer)->pause_ms = UINT64_MAX;
}

uint64_t cuts_limit(const struct engine *engine, struct log_name log, uint64_t seq)
{
    struct cut scratch;
    const struct cut *cut = roster_cut(engine->roster, log, &scratch);

    return cut != NULL && seq > cut->seq ? cut->seq : seq;
}

void cuts_came(struct engine *engine, uint32_t node)
{
    for (size_t i = 0; i < heads_count(engine->heads); i++) {
        const struct head *head = heads_at(engine->heads, i);
        struct cut scratch;
        const struct cut *cut = head->log.node == node
                                    ? roster_cut(engine->roster, head->log, &scratch)
                                    : NULL;
        if (cut == NULL)
            continue;
        if (head->seq >= cut->seq)
            take_back(engine, head, cut);
        if (head->seq < cut->seq)
            branch_want_again(engine, head->log);
    }
    for (size_t i = engine->wants.count; i-- > 0;) {
        struct log_name log = engine->wants.rows[i].log;
        const struct head *head = heads_find(engine->heads, log);
        if (log.node == node &&
            wants_limit(&engine->wants, engine->txn, log, head != NULL ? head->seq : 0,
                        cuts_limit(engine, log, SEQ_MAX)))
            engine->wrote = true;
    }
    hang_up(engine, node);
}
