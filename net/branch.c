/* Two histories of one log, and which of them this node holds.
 *
 * A disk image that was put back whole looks like the disk it was taken from, so the start does
 * not notice it. If the node then writes before it hears anybody, its log has two histories
 * under its own signature: the one its neighbours hold, and the one here. Neighbours that had
 * not heard the first take the second for the log.
 *
 * The author finds it out. A neighbour that lists another hash raises a suspicion. It is asked
 * for its runs, further and further back until one continues what both hold; that run verifies
 * in full, and the first entry in it that differs is where the histories part. What was written
 * here from there on is set aside, the neighbour's history takes its place, and in a new
 * incarnation the node states which entry stands at that place (net/standing.h). Whoever holds
 * the other history sets it aside when the statement comes, and takes no other from then on.
 *
 * The same questions find the way for a node that holds less of a log than what is known of its
 * right history (a statement, or the authority's end of it), on another one: of a neighbour
 * that holds it up to there. */
#include "net/engine_state.h"

#include <string.h>

bool branch_hash_at(struct engine *engine, const struct head *head, uint64_t seq,
                    struct arena *arena, struct hash *hash)
{
    const struct member *author = engine_member(engine, head->log.node);
    struct verified_run laid_out;
    struct run run;
    uint64_t arrival;

    *hash = (struct hash){0};
    if (seq == 0)
        return true;
    if (author == NULL || seq > head->seq ||
        !log_run_holding(engine->txn, head->log, seq, &run, &arrival))
        return false;
    accept_lay_out(engine->roster, author, head->incarnation, &run.prev, &run, arena,
                   &laid_out);
    *hash = laid_out.entries[seq - run.first_seq].hash;
    return true;
}

bool branch_is_own(const struct engine *engine, struct log_name log)
{
    const struct member *self = engine_self(engine);

    return self != NULL && log.node == self->number && log.lane != LANE_CONTROL;
}

bool branch_agrees(struct engine *engine, const struct listed_head *listed)
{
    const struct head *head = heads_find(engine->heads, listed->log);
    struct hash hash;

    arena_reset(&engine->scratch);
    return head == NULL || listed->seq > head->seq ||
           !branch_hash_at(engine, head, listed->seq, &engine->scratch, &hash) ||
           memcmp(hash.bytes, listed->hash, HASH_CHECK_SIZE) == 0;
}

/* What stands at exactly this place; NULL: nobody said. */
static const struct cut *stated_at(const struct engine *engine, struct log_name log,
                                   uint64_t seq)
{
    const struct cut *stands = roster_standing(engine->roster, log, seq);

    return stands != NULL && stands->seq == seq ? stands : NULL;
}

/* Whether what is held here may give way to what this neighbour holds: a log of this node, or
 * one whose right history is known further than it is held, but not by this neighbour. */
static bool may_give_way(struct engine *engine, const struct session *session,
                         const struct head *head)
{
    struct cut scratch;
    const struct cut *known = roster_cut(engine->roster, head->log, &scratch);
    uint64_t held = session_held(session, engine_head_index(engine, head));

    if (branch_is_own(engine, head->log))
        return true;
    if (known == NULL)
        known = roster_standing(engine->roster, head->log, head->seq + 1);
    return known != NULL && known->seq > head->seq && held >= known->seq;
}

/* ---- asking ---- */

static void ask(struct engine *engine, struct session *session, struct log_name log,
                uint64_t from)
{
    buffer_clear(&engine->message);
    message_begin_want(&engine->message, 1);
    message_put_range(&engine->message, &(struct wanted_range){log, from, SEQ_MAX});
    engine_send(engine, session, buffer_slice(&engine->message));
    session->inquiry.from = from;
    session->inquiry.asked_at_ms = engine->now_ms;
}

void branch_suspect(struct engine *engine, struct session *session, struct log_name log,
                    uint64_t seq)
{
    struct inquiry *inquiry = &session->inquiry;
    uint64_t since_ms = inquiry->suspected_since_ms;

    if (inquiry->open && engine->now_ms < inquiry->asked_at_ms + RETRY_MS)
        return;
    CHECK(seq > 0);
    if (since_ms == 0 && branch_is_own(engine, log))
        since_ms = engine->now_ms;
    *inquiry = (struct inquiry){
        .open = true, .log = log, .step = 1, .suspected_since_ms = since_ms};
    ask(engine, session, log, seq);
}

static void ask_further_back(struct engine *engine, struct session *session,
                             const struct run *run)
{
    struct inquiry *inquiry = &session->inquiry;
    uint64_t from = run->first_seq > inquiry->step ? run->first_seq - inquiry->step : 1;

    if (inquiry->step < SEQ_MAX)
        inquiry->step *= 2;
    ask(engine, session, run->log, from);
}

/* It was proven by one, and needs no other's word. */
static void suspicion_ends(struct engine *engine, struct log_name log)
{
    for (size_t i = 0; i < engine->session_count; i++) {
        struct inquiry *inquiry = &engine->sessions[i]->inquiry;
        if (log_name_equal(inquiry->log, log))
            inquiry->suspected_since_ms = 0;
    }
}

/* ---- giving way ---- */

void branch_want_again(struct engine *engine, struct log_name log)
{
    const struct head *head = heads_find(engine->heads, log);

    engine_clear_diverged_log(engine, log);
    for (size_t i = 0; head != NULL && i < engine->session_count; i++) {
        struct session *session = engine->sessions[i];
        uint64_t held = cuts_limit(
            engine, log, session_held(session, engine_head_index(engine, head)));
        if (held > head->seq && engine_carries_itself(engine, log) &&
            !wants_add(&engine->wants, engine->txn, log, held, session->peer, true,
                       &engine->wrote))
            session_ask_list(session); /* no room: to be told again */
    }
}

/* Sets aside what is held from entry `seq` on, where `theirs` stands. What is left ends with a
 * stored run, because only there it is signed: a neighbour joins the runs that it passes on, so
 * the one that holds the entry may begin before it. */
static void set_aside(struct engine *engine, struct log_name log, uint64_t seq,
                      const struct hash *theirs)
{
    const struct head *head = heads_find(engine->heads, log);
    struct buffer arrivals;
    struct arena arena; /* the engine's may hold the statement that is being read */
    struct hash ours, before;
    struct run run;
    uint64_t arrival, from;

    arena_init(&arena);
    bool held = branch_hash_at(engine, head, seq, &arena, &ours);
    arena_deinit(&arena);
    if (!held || !log_run_holding(engine->txn, log, seq, &run, &arrival))
        return; /* damage */
    from = run.first_seq;
    before = run.prev;
    CHECK(from <= seq);
    buffer_init(&arrivals, SIZE_MAX);
    uint64_t entries = head->seq - seq + 1;
    folding_withdraw(engine, log, from);
    log_set_aside(engine->txn, log, from, &arrivals);
    heads_take_back(engine->heads, log, from - 1, &before);
    engine->wrote = true;
    if (branch_is_own(engine, log)) {
        suspicion_ends(engine, log);
        own_log_strayed(engine, buffer_slice(&arrivals), seq);
    }
    forks_note(engine,
               &(struct fork){.log = log,
                              .seq = seq,
                              .stands = *theirs,
                              .other = ours,
                              .entries = entries,
                              .set_aside = true},
               buffer_slice(&arrivals));
    buffer_deinit(&arrivals);
    engine->wrote |= wants_drop(&engine->wants, engine->txn, log);
    branch_want_again(engine, log);
}

/* The statement of which history stands is the first entry of a new incarnation's control log,
 * see net/roster.h. */
static void state(struct engine *engine, const struct cut *stands,
                  const uint8_t random[RANDOM_SIZE])
{
    uint64_t left = stands->log.tag == (uint16_t)engine->incarnation ? engine->incarnation
                                                                     : engine->left;
    struct buffer statement;

    writing_new_incarnation(engine, random);
    writing_left(engine, left);
    buffer_init(&statement, SIZE_MAX);
    statement_stands(&statement, engine->wall_ms, stands);
    writing_state(engine, buffer_slice(&statement));
    buffer_deinit(&statement);
}

void branch_stated(struct engine *engine, const struct cut *stated)
{
    const struct head *head = heads_find(engine->heads, stated->log);
    const struct cut *stands = stated_at(engine, stated->log, stated->seq);
    struct arena arena;
    struct hash held;

    if (head == NULL || stands == NULL)
        return;
    if (head->seq < stands->seq) {
        branch_want_again(engine, stated->log); /* the other may have been dropped */
        return;
    }
    arena_init(&arena);
    bool same = branch_hash_at(engine, head, stands->seq, &arena, &held) &&
                hash_equal(&held, &stands->hash);
    arena_deinit(&arena);
    if (same)
        return;
    struct cut now = *stands;
    set_aside(engine, now.log, now.seq, &now.hash);
    /* This node wrote what was set aside, and learns only now that its store was put back. */
    if (branch_is_own(engine, now.log) && now.log.tag == (uint16_t)engine->incarnation)
        engine->leaves_log = true;
}

/* ---- what came ---- */

/* The first entry of the run that is held here with another hash; 0: none. A hash covers all
 * that came before it, so the first difference is found by halving. */
static uint64_t first_different(struct engine *engine, const struct head *head,
                                const struct run *run,
                                const struct verified_run *laid_out)
{
    uint64_t low = run->first_seq;
    uint64_t end = run_last_seq(run) < head->seq ? run_last_seq(run) : head->seq;
    uint64_t high = end + 1;
    struct hash hash;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (branch_hash_at(engine, head, middle, &engine->scratch, &hash) &&
            hash_equal(&hash, &laid_out->entries[middle - run->first_seq].hash))
            low = middle + 1;
        else
            high = middle;
    }
    return low <= end ? low : 0;
}

/* Most runs that came before come again as they are. */
static bool is_held_as_it_is(struct engine *engine, const struct run *run)
{
    struct run held;
    uint64_t arrival;

    return log_run_holding(engine->txn, run->log, run->first_seq, &held, &arrival) &&
           held.first_seq == run->first_seq && held.count == run->count &&
           memcmp(held.signature, run->signature, SIGNATURE_SIZE) == 0;
}

/* The run continues what both hold, so its signature can be checked; it begins no later than
 * the head. True: it is dealt with. */
static bool compare(struct engine *engine, struct session *session,
                    const struct head *head, const struct run *run, bool answers,
                    const struct hash *before, const uint8_t random[RANDOM_SIZE])
{
    const struct member *author = engine_member(engine, run->log.node);
    bool own = branch_is_own(engine, run->log);
    bool yields = may_give_way(engine, session, head);
    struct verified_run laid_out;
    struct hash ours, theirs;
    uint64_t different;

    CHECK(author != NULL && run->first_seq <= head->seq);
    accept_lay_out(engine->roster, author, head->incarnation, before, run,
                   &engine->scratch, &laid_out);
    different = first_different(engine, head, run, &laid_out);
    if (!own && different == 0)
        return false;
    if (!accept_is_authentic(engine->roster, run, &laid_out)) {
        sync_offence(engine, session, REFUSED_SIGNATURE);
        return true;
    }
    if (different == 0) {
        if (answers && run_last_seq(run) < head->seq)
            ask(engine, session, run->log, run_last_seq(run) + 1);
        return true;
    }
    if (answers)
        session->inquiry.open = false;
    theirs = laid_out.entries[different - run->first_seq].hash;
    if (!branch_hash_at(engine, head, different, &engine->scratch, &ours))
        return true; /* damage */
    const struct cut *stands = stated_at(engine, run->log, different);
    if (!yields || (stands != NULL && hash_equal(&stands->hash, &ours))) {
        forks_note_run(engine,
                       &(struct fork){.log = run->log,
                                      .seq = different,
                                      .stands = ours,
                                      .other = theirs,
                                      .entries = run_last_seq(run) - different + 1},
                       run, before);
        sync_refuse_branch(engine, session, run->log);
        return true;
    }
    bool stated = stands != NULL;
    bool writes_it = own && run->log.tag == (uint16_t)engine->incarnation;
    set_aside(engine, run->log, different, &theirs);
    if (own && !stated)
        state(engine, &(struct cut){run->log, different, theirs}, random);
    else if (writes_it)
        writing_new_incarnation(engine, random);
    if (!wants_add(&engine->wants, engine->txn, run->log, run_last_seq(run),
                   session->peer, true, &engine->wrote))
        session_ask_list(session); /* no room: to be told again */
    return true;
}

bool branch_hear(struct engine *engine, struct session *session, const struct run *run,
                 const uint8_t random[RANDOM_SIZE])
{
    struct inquiry *inquiry = &session->inquiry;
    const struct head *head;
    struct hash before;

    writing_sign(engine); /* what this batch wrote so far is of the log too */
    head = heads_find(engine->heads, run->log);
    if (head == NULL || head->seq == 0 || run->first_seq > head->seq + 1 ||
        (run->first_seq == 1 && run->incarnation != head->incarnation))
        return false;
    bool answers = inquiry->open && log_name_equal(inquiry->log, run->log) &&
                   inquiry->from == run->first_seq;
    if (!answers && is_held_as_it_is(engine, run))
        return false;
    arena_reset(&engine->scratch);
    if (!branch_hash_at(engine, head, run->first_seq - 1, &engine->scratch, &before))
        return false;
    bool continues = memcmp(before.bytes, run->prev.bytes, HASH_CHECK_SIZE) == 0;
    if (continues && run->first_seq == head->seq + 1) {
        if (answers)
            inquiry->open = false;
        return false; /* accepted as any run that continues its log */
    }
    if (continues)
        return compare(engine, session, head, run, answers, &before, random);
    if (!may_give_way(engine, session, head))
        return false;
    if (answers && run->first_seq > 1) {
        ask_further_back(engine, session, run);
    } else {
        sync_offence(engine, session, REFUSED_DIVERGED);
        branch_suspect(engine, session, run->log, run->first_seq);
    }
    return true;
}
