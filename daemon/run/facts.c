#include "daemon/run/facts.h"

#include "crdt/calendar.h"
#include "crdt/lead.h"
#include "crdt/schema_leads.h"
#include "daemon/answer/peer_list.h"

static enum dial_trouble dial_trouble_of(const struct transport *transport,
                                         const struct member *member)
{
    return transport != NULL && member != NULL
               ? transport_dial_trouble(transport, member->number, NULL)
               : DIAL_NO_TROUBLE;
}

static struct health_peer *peer_facts(const struct peer_line *lines, size_t count,
                                      const struct transport *transport,
                                      struct arena *arena)
{
    struct health_peer *facts = arena_alloc(arena, (count + 1) * sizeof *facts);
    for (size_t i = 0; i < count; i++) {
        const struct peer_report *report = &lines[i].report;
        facts[i] = (struct health_peer){
            .number = lines[i].member != NULL ? lines[i].member->number : 0,
            .name = lines[i].name,
            .address = lines[i].address,
            .dial_trouble = dial_trouble_of(transport, lines[i].member),
            .linked = report->state != PEER_OFFLINE && report->state != PEER_PAUSED,
            .paused = report->state == PEER_PAUSED,
            .heard_at_ms = report->heard_at_ms,
            .clock_s = report->clock_s,
            .clock_at_ms = report->clock_at_ms,
            .to_send_known = lines[i].met,
            .to_send_entries = report->to_send_entries,
            .oldest_unsent_at_ms = report->oldest_unsent_at_ms,
            .refused_frames = peer_refused_frames(report),
            .cloned_since_ms = report->cloned_since_ms,
            .told_cloned_since_ms = report->told_cloned_since_ms,
            .suspected_since_ms = report->suspected_since_ms,
            .strayed_since_ms = report->strayed_since_ms,
        };
    }
    return facts;
}

static const char *diverged_node(const struct engine *engine)
{
    struct log_name log;
    const struct member *author = NULL;
    if (engine_diverged_at(engine, 0, &log))
        author = roster_member(engine_roster(engine), log.node);
    return author != NULL ? author->name : "";
}

#define MINUTE_MS UINT64_C(60000)

/* A village's clerks are those who enter leads; that nobody looks is for those above. */
static void count_leads(const struct facts_sources *sources, struct health_facts *facts)
{
    const struct member *self = engine_self(node_engine(sources->node));
    int64_t now = beijing_minutes(facts->wall_ms);
    struct lead_walk walk = {0};
    struct open_lead lead;
    struct store_txn *txn;
    if (self == NULL || division_level(self->division) > DIVISION_TOWNSHIP ||
        facts->wall_ms < facts->founded_wall_ms || node_read(sources->node, &txn) != OK)
        return;
    while (lead_next(txn, &walk, &lead)) {
        int64_t waits = now - lead.since;
        if (lead.level != LEAD_RED)
            continue;
        if (waits < LEAD_ANSWER_MINUTES) {
            uint64_t due_ms = (uint64_t)(LEAD_ANSWER_MINUTES - waits) * MINUTE_MS;
            if (facts->lead_due_ms == 0 || due_ms < facts->lead_due_ms)
                facts->lead_due_ms = due_ms;
            continue;
        }
        facts->leads_late++;
        if ((uint64_t)waits * MINUTE_MS > facts->lead_age_ms)
            facts->lead_age_ms = (uint64_t)waits * MINUTE_MS;
    }
    store_cursor_close(&walk.cursor);
    store_abort(txn);
}

struct health_facts facts_gather(const struct facts_sources *sources, uint64_t wall_ms,
                                 uint64_t steady_ms, struct arena *arena)
{
    const struct engine *engine = node_engine(sources->node);
    const struct member *self = engine_self(engine);
    struct transport_statistics counted = {0};
    struct engine_report report;
    size_t count;
    const struct peer_line *lines = peer_list(engine, sources->config, arena, &count);
    if (sources->transport != NULL)
        counted = transport_statistics(sources->transport);
    engine_report(engine, &report);
    struct health_facts facts = {
        .wall_ms = wall_ms,
        .steady_ms = steady_ms,
        .started_ms = sources->started_ms,
        .founded_wall_ms = roster_genesis(engine_roster(engine))->created_ms,
        .peers = peer_facts(lines, count, sources->transport, arena),
        .peer_count = count,
        .entries = report.entries - report.statements,
        .diverged_node = diverged_node(engine),
        .diverged_logs = report.diverged_logs,
        .strayed_entries = report.strayed_entries,
        .strayed_wall_ms = report.strayed_wall_ms,
        .strayed_at_ms = report.strayed_at_ms,
        .came_back_entries = report.came_back_entries,
        .came_back_at_ms = report.came_back_at_ms,
        .refused_entries = report.refused_entries,
        .wanted_logs = report.wanted_logs,
        .handshakes_refused = counted.handshakes_refused,
        .disk_free_bytes = store_measure(node_store(sources->node)).disk_free,
        .rebuilt = node_rebuilds(sources->node) > 0,
        .log_damaged = store_is_damaged(node_store(sources->node), STORE_LOG) ||
                       store_is_damaged(node_store(sources->node), STORE_RUNS),
        .pages_damaged = store_found(node_store(sources->node))->of != NULL,
        .store_trouble = node_trouble(sources->node),
        .revoked = self != NULL && roster_revoked(engine_roster(engine), self->number),
    };
    (void)engine_folding(engine, &facts.runs_to_fold);
    count_leads(sources, &facts);
    return facts;
}
