#include "daemon/run/health.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/run/verdict.h"

#define MINUTE_MS UINT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

/* How long it must last before it shows. */
#define OFFLINE_MS (10 * MINUTE_MS)  /* a router restarts in less */
#define SILENT_MS DAY_MS             /* a village without power for a night is no news */
#define BACKLOG_MS HOUR_MS           /* a month of records takes a while on a slow line */
#define WANTED_MS HOUR_MS            /* a new roster is on its way */
#define ALONE_MS MINUTE_MS           /* neighbours are dialled in the first seconds */
#define CAME_BACK_MS UINT64_C(10000) /* without another: then the count stands */
#define DIAL_MS UINT64_C(20000)      /* a few attempts; one may meet a restart */
#define STRANGERS_MS (10 * MINUTE_MS) /* after the last; who wants in tries each minute */
#define REFUSED_MS HOUR_MS            /* after the last; its cause may have ended */
/* A hello takes seconds to a minute, and a clock that nobody sets drifts by less in years; a
 * wrong time zone is more. */
#define CLOCK_APART_MS HOUR_MS
#define DISK_LOW_BYTES (UINT64_C(256) << 20)

#define NEVER UINT64_MAX
#define SINCE_SEEN UINT64_MAX /* for an age: since it was first reported */

/* Conditions that are not about one peer and that nobody else remembers the beginning of.
 */
enum memory { MEMORY_ALONE, MEMORY_WANTED, MEMORIES };

struct known_peer {
    char name[HEALTH_NAME_SIZE];
    uint64_t unlinked_since_ms; /* steady; NEVER: it is linked, or paused */
    uint64_t refused_frames;    /* until the last update */
    uint64_t refused_at_ms;     /* when they grew, steady */
    bool present;               /* in the facts of this update */
};

struct health {
    struct trouble_report report, before;
    struct known_peer *known;
    size_t known_count, known_capacity;
    bool holds[MEMORIES];
    uint64_t since_ms[MEMORIES]; /* where it holds */
    uint64_t strangers;          /* turned away until the last update */
    uint64_t stranger_ms;        /* when it grew */
    uint64_t due_ms;
    uint64_t now_ms; /* of this update */
};

/* What stands in a trouble's texts. */
struct filling {
    const char *name;
    uint64_t count;
    uint64_t age_ms;
    const char *address, *way;
    uint64_t span_ms;
};

/* ---- troubles ---- */

/* Keeps the list in order, gravest first and otherwise as reported; the last falls off.
 */
static struct trouble *trouble_place(struct trouble_report *list,
                                     enum health_severity severity)
{
    size_t at = list->count;
    while (at > 0 && list->troubles[at - 1].words->severity < severity)
        at--;
    if (list->count == HEALTH_TROUBLES_MAX) {
        if (at == HEALTH_TROUBLES_MAX)
            return NULL;
        list->count--;
    }
    memmove(&list->troubles[at + 1], &list->troubles[at],
            (list->count - at) * sizeof *list->troubles);
    list->count++;
    return &list->troubles[at];
}

/* The same trouble in the report of the update before; NULL: it was not in it. */
static const struct trouble *seen_before(const struct health *health,
                                         const struct trouble *trouble)
{
    for (size_t i = 0; i < health->before.count; i++) {
        const struct trouble *before = &health->before.troubles[i];
        if (before->words == trouble->words &&
            strcmp(before->subject, trouble->subject) == 0)
            return before;
    }
    return NULL;
}

static void report_filled(struct health *health, enum health_code code,
                          const struct filling *filling)
{
    const struct health_words *words = health_words((unsigned)code);
    CHECK(words != NULL);
    struct trouble *trouble = trouble_place(&health->report, words->severity);
    if (trouble == NULL)
        return;
    *trouble = (struct trouble){.words = words};
    (void)snprintf(trouble->subject, sizeof trouble->subject, "%s", filling->name);
    const struct trouble *before = seen_before(health, trouble);
    trouble->age_ms = filling->age_ms;
    if (trouble->age_ms == SINCE_SEEN)
        trouble->age_ms = before != NULL ? health->now_ms - before->since_ms : 0;
    trouble->since_ms = health->now_ms - trouble->age_ms;
    trouble->count = filling->count;
    trouble->span_ms = filling->span_ms;
    trouble->way = filling->way;
    trouble->address = filling->address;
    trouble_say(trouble);
}

static void report(struct health *health, enum health_code code, const char *subject,
                   uint64_t count, uint64_t age_ms)
{
    report_filled(health, code,
                  &(struct filling){.name = subject, .count = count, .age_ms = age_ms});
}

/* True when it has lasted; otherwise it is due when it will have. */
static bool has_lasted(struct health *health, uint64_t now_ms, uint64_t since_ms,
                       uint64_t lasting_ms)
{
    if (now_ms - since_ms >= lasting_ms)
        return true;
    if (since_ms + lasting_ms < health->due_ms)
        health->due_ms = since_ms + lasting_ms;
    return false;
}

/* ---- peers ---- */

static struct known_peer *known_find(struct health *health, const char *name)
{
    for (size_t i = 0; i < health->known_count; i++) {
        if (strcmp(health->known[i].name, name) == 0)
            return &health->known[i];
    }
    health->known = array_grow(health->known, &health->known_capacity,
                               health->known_count + 1, sizeof *health->known);
    struct known_peer *peer = &health->known[health->known_count++];
    *peer = (struct known_peer){.unlinked_since_ms = NEVER};
    (void)snprintf(peer->name, sizeof peer->name, "%s", name);
    return peer;
}

/* Since when the peer has had no link. */
static uint64_t unlinked_since(struct known_peer *known, uint64_t now_ms)
{
    if (known->unlinked_since_ms == NEVER)
        known->unlinked_since_ms = now_ms;
    return known->unlinked_since_ms;
}

static void forget_absent(struct health *health)
{
    size_t kept = 0;
    for (size_t i = 0; i < health->known_count; i++) {
        if (!health->known[i].present)
            continue;
        health->known[kept] = health->known[i];
        health->known[kept++].present = false;
    }
    health->known_count = kept;
}

static uint64_t waiting_for(const struct health_peer *peer)
{
    return peer->to_send_known ? peer->to_send_entries : HEALTH_COUNT_UNKNOWN;
}

static void report_dial(struct health *health, enum health_code code,
                        const struct health_peer *peer, uint64_t since_ms)
{
    report_filled(health, code,
                  &(struct filling){.name = peer->name,
                                    .age_ms = health->now_ms - since_ms,
                                    .address = peer->address});
}

/* Why the link does not come about. It stands beside the lost link, which tells what waits.
 * What passes by itself (a restart, a line that is down) is no more than any lost link while
 * the peer was met before. */
static void examine_dial(struct health *health, const struct health_facts *facts,
                         const struct health_peer *peer, uint64_t since_ms)
{
    enum health_code code = HEALTH_PEER_UNREACHABLE;
    bool passes = false;
    if (peer->address == NULL || !has_lasted(health, facts->steady_ms, since_ms, DIAL_MS))
        return;
    switch (peer->dial_trouble) {
    case DIAL_NO_TROUBLE: return;
    case DIAL_NO_NAME: code = HEALTH_PEER_NO_NAME, passes = true; break;
    case DIAL_NO_ROUTE: code = HEALTH_PEER_NO_ROUTE, passes = true; break;
    case DIAL_REFUSED: code = HEALTH_PEER_REFUSES, passes = true; break;
    case DIAL_SILENT: code = HEALTH_PEER_UNREACHABLE, passes = true; break;
    case DIAL_NO_INTERFACE: code = HEALTH_PEER_NO_INTERFACE; break;
    case DIAL_TURNED_AWAY: code = HEALTH_PEER_TURNS_AWAY; break;
    case DIAL_SHUT_OUT: code = HEALTH_PEER_SHUTS_OUT; break;
    case DIAL_ANOTHER: code = HEALTH_PEER_IS_ANOTHER; break;
    }
    bool met = peer->to_send_known;
    if (passes && met && !has_lasted(health, facts->steady_ms, since_ms, OFFLINE_MS))
        return;
    report_dial(health, code, peer, since_ms);
}

static void examine_unlinked(struct health *health, const struct health_facts *facts,
                             const struct health_peer *peer, uint64_t since_ms)
{
    uint64_t heard_ms = peer->heard_at_ms != 0 ? peer->heard_at_ms : facts->started_ms;
    examine_dial(health, facts, peer, since_ms);
    if (!has_lasted(health, facts->steady_ms, since_ms, OFFLINE_MS))
        return;
    bool silent = has_lasted(health, facts->steady_ms, heard_ms, SILENT_MS);
    uint64_t age_ms = facts->steady_ms - (silent ? heard_ms : since_ms);
    report(health, silent ? HEALTH_PEER_SILENT : HEALTH_PEER_OFFLINE, peer->name,
           waiting_for(peer), age_ms);
}

/* Told until REFUSED_MS after the last refused frame; its cause may have ended by then. */
static void examine_refused(struct health *health, const struct health_facts *facts,
                            const struct health_peer *peer, struct known_peer *known)
{
    if (peer->refused_frames != known->refused_frames)
        known->refused_at_ms = facts->steady_ms;
    known->refused_frames = peer->refused_frames;
    if (peer->refused_frames > 0 &&
        !has_lasted(health, facts->steady_ms, known->refused_at_ms, REFUSED_MS))
        report(health, HEALTH_PEER_REFUSED, peer->name, peer->refused_frames, SINCE_SEEN);
}

/* Of troubles that follow from each other a peer has one at most: a paused peer is not told
 * as late, and one that cannot be reached not as slow. */
static void examine_peer(struct health *health, const struct health_facts *facts,
                         const struct health_peer *peer)
{
    uint64_t oldest_ms = peer->oldest_unsent_at_ms;
    struct known_peer *known = known_find(health, peer->name);
    known->present = true;
    if (peer->number == 0 || peer->paused || peer->linked)
        known->unlinked_since_ms = NEVER;
    if (peer->number == 0)
        report(health, HEALTH_PEER_UNKNOWN, peer->name, 0, SINCE_SEEN);
    else if (peer->paused)
        report(health, HEALTH_PEER_PAUSED, peer->name, waiting_for(peer), SINCE_SEEN);
    else if (!peer->linked)
        examine_unlinked(health, facts, peer, unlinked_since(known, facts->steady_ms));
    else if (peer->to_send_entries > 0 && oldest_ms != 0 &&
             has_lasted(health, facts->steady_ms, oldest_ms, BACKLOG_MS))
        report(health, HEALTH_PEER_BACKLOG, peer->name, peer->to_send_entries,
               facts->steady_ms - oldest_ms);
    examine_refused(health, facts, peer, known);
    if (peer->cloned_since_ms > 0)
        report(health, HEALTH_CLONED, peer->name, 0,
               facts->steady_ms - peer->cloned_since_ms);
    if (peer->told_cloned_since_ms > 0)
        report(health, HEALTH_CLONED_SELF, peer->name, 0,
               facts->steady_ms - peer->told_cloned_since_ms);
    if (peer->suspected_since_ms > 0)
        report(health, HEALTH_SUSPECTED, peer->name, 0,
               facts->steady_ms - peer->suspected_since_ms);
    if (peer->strayed_since_ms > 0)
        report(health, HEALTH_PEER_STRAYED, peer->name, 0,
               facts->steady_ms - peer->strayed_since_ms);
}

/* ---- everything else ---- */

static bool remembered(struct health *health, enum memory memory, bool holds,
                       uint64_t now_ms, uint64_t lasting_ms)
{
    if (!health->holds[memory])
        health->since_ms[memory] = now_ms;
    health->holds[memory] = holds;
    return holds && has_lasted(health, now_ms, health->since_ms[memory], lasting_ms);
}

static void examine_storage(struct health *health, const struct health_facts *facts)
{
    if (facts->store_trouble == ERR_DISK_FULL)
        report(health, HEALTH_DISK_FULL, "", 0, SINCE_SEEN);
    else if (facts->store_trouble != OK)
        report(health, HEALTH_STORE_TROUBLE, "", 0, SINCE_SEEN);
    else if (facts->disk_free_bytes < DISK_LOW_BYTES)
        report(health, HEALTH_DISK_LOW, "", 0, SINCE_SEEN);
    if (facts->log_damaged)
        report(health, HEALTH_LOG_DAMAGED, "", 0, SINCE_SEEN);
    if (facts->pages_damaged)
        report(health, HEALTH_PAGES_DAMAGED, "", 0, 0);
    if (facts->rebuilt)
        report(health, HEALTH_REBUILT, "", 0, SINCE_SEEN);
    if (facts->runs_to_fold > 0)
        report(health, HEALTH_REFOLDING, "", facts->runs_to_fold, SINCE_SEEN);
}

/* In this life of the process by the steady clock, else by the wall clock's stamp, unless
 * that clock stood where it cannot have been. */
static uint64_t strayed_age(const struct health_facts *facts)
{
    if (facts->strayed_at_ms != 0)
        return facts->steady_ms - facts->strayed_at_ms;
    if (facts->strayed_wall_ms < facts->founded_wall_ms ||
        facts->strayed_wall_ms > facts->wall_ms)
        return SINCE_SEEN;
    return facts->wall_ms - facts->strayed_wall_ms;
}

static void examine_trust(struct health *health, const struct health_facts *facts)
{
    uint64_t now_ms = facts->steady_ms;
    if (facts->revoked)
        report(health, HEALTH_REVOKED, "", 0, SINCE_SEEN);
    if (facts->diverged_logs > 0)
        report(health, HEALTH_LOG_DIVERGED, facts->diverged_node, facts->diverged_logs,
               SINCE_SEEN);
    if (facts->strayed_entries > 0)
        report(health, HEALTH_STRAYED, "", facts->strayed_entries, strayed_age(facts));
    if (facts->came_back_at_ms != 0 &&
        has_lasted(health, now_ms, facts->came_back_at_ms, CAME_BACK_MS) &&
        !has_lasted(health, now_ms, facts->came_back_at_ms, DAY_MS))
        report(health, HEALTH_CAME_BACK, "", facts->came_back_entries,
               now_ms - facts->came_back_at_ms);
    if (facts->refused_entries > 0)
        report(health, HEALTH_ENTRIES_REFUSED, "", facts->refused_entries, SINCE_SEEN);
    if (remembered(health, MEMORY_WANTED, facts->wanted_logs > 0, now_ms, WANTED_MS))
        report(health, HEALTH_LOGS_WANTED, "", facts->wanted_logs,
               now_ms - health->since_ms[MEMORY_WANTED]);
}

/* How far the peer's clock is from this machine's, as both stand now. */
static uint64_t clock_apart(const struct health_facts *facts,
                            const struct health_peer *peer, const char **way)
{
    uint64_t since_ms = facts->steady_ms - peer->clock_at_ms;
    /* By a clock of the peer's choosing: what is beyond any date is far enough. */
    uint64_t clock_s = peer->clock_s < UINT32_MAX ? peer->clock_s : UINT32_MAX;
    uint64_t theirs_ms = clock_s * 1000 + since_ms;
    *way = theirs_ms > facts->wall_ms ? HEALTH_AHEAD : HEALTH_BEHIND;
    return theirs_ms > facts->wall_ms ? theirs_ms - facts->wall_ms
                                      : facts->wall_ms - theirs_ms;
}

/* Where this machine's clock differs from those of all neighbours it is taken to be the wrong
 * one. With one neighbour either may be wrong; then too this machine's is told, because it is
 * the one that the reader can look at. */
static void examine_clocks(struct health *health, const struct health_facts *facts)
{
    size_t known = 0, apart = 0;
    const char *way;
    for (size_t i = 0; i < facts->peer_count; i++) {
        const struct health_peer *peer = &facts->peers[i];
        if (peer->clock_at_ms == 0 || !peer->linked)
            continue;
        known++;
        apart += clock_apart(facts, peer, &way) >= CLOCK_APART_MS;
    }
    for (size_t i = 0; i < facts->peer_count; i++) {
        const struct health_peer *peer = &facts->peers[i];
        if (peer->clock_at_ms == 0 || !peer->linked)
            continue;
        uint64_t span_ms = clock_apart(facts, peer, &way);
        if (span_ms < CLOCK_APART_MS)
            continue;
        bool ours = 2 * apart > known;
        if (ours)
            way = strcmp(way, HEALTH_AHEAD) == 0 ? HEALTH_BEHIND : HEALTH_AHEAD;
        report_filled(health, ours ? HEALTH_CLOCK_APART : HEALTH_PEER_CLOCK,
                      &(struct filling){.name = peer->name,
                                        .age_ms = SINCE_SEEN,
                                        .span_ms = span_ms,
                                        .way = way});
        if (ours)
            return; /* once is enough: all neighbours show the same difference */
    }
}

/* Machines that are no members and were turned away. Told until STRANGERS_MS after the last
 * attempt: one that still wants in tries each minute, so it has given up by then. */
static void examine_strangers(struct health *health, const struct health_facts *facts)
{
    if (facts->handshakes_refused != health->strangers)
        health->stranger_ms = facts->steady_ms;
    health->strangers = facts->handshakes_refused;
    if (health->strangers > 0 &&
        !has_lasted(health, facts->steady_ms, health->stranger_ms, STRANGERS_MS))
        report(health, HEALTH_STRANGERS, "", health->strangers, SINCE_SEEN);
}

static void examine_self(struct health *health, const struct health_facts *facts)
{
    bool alone = facts->peer_count == 0;
    if (facts->wall_ms < facts->founded_wall_ms)
        report(health, HEALTH_CLOCK, "", 0, SINCE_SEEN);
    else
        examine_clocks(health, facts);
    examine_strangers(health, facts);
    if (remembered(health, MEMORY_ALONE, alone, facts->steady_ms, ALONE_MS))
        report(health, HEALTH_ALONE, "", 0,
               facts->steady_ms - health->since_ms[MEMORY_ALONE]);
}

/* People who may be in need, about whom nobody said that they look. */
static void examine_leads(struct health *health, const struct health_facts *facts)
{
    uint64_t due_ms = facts->steady_ms + facts->lead_due_ms;
    if (facts->leads_late > 0)
        report(health, HEALTH_LEAD_WAITS, "", facts->leads_late, facts->lead_age_ms);
    if (facts->lead_due_ms != 0 && due_ms < health->due_ms)
        health->due_ms = due_ms;
}

/* ---- the record ---- */

static void report_init(struct trouble_report *report)
{
    *report = (struct trouble_report){.verdict = ""};
    report->troubles =
        checked_malloc((HEALTH_TROUBLES_MAX + 1) * sizeof *report->troubles);
}

struct health *health_create(void)
{
    struct health *health = checked_malloc(sizeof *health);
    *health = (struct health){.due_ms = NEVER};
    report_init(&health->report);
    report_init(&health->before);
    return health;
}

void health_destroy(struct health *health)
{
    if (health == NULL)
        return;
    free(health->report.troubles);
    free(health->before.troubles);
    free(health->known);
    free(health);
}

struct health *health_copy(const struct health *health)
{
    struct health *copy = health_create();
    struct trouble_report report = copy->report, before = copy->before;
    *copy = *health;
    copy->report = report;
    copy->before = before;
    copy->known = NULL;
    if (health->known_count > 0) {
        copy->known = checked_malloc(health->known_capacity * sizeof *copy->known);
        memcpy(copy->known, health->known, health->known_count * sizeof *copy->known);
    } else {
        copy->known_capacity = 0;
    }
    return copy;
}

void health_update(struct health *health, const struct health_facts *facts)
{
    struct trouble_report before = health->before;
    health->before = health->report;
    health->report = before;
    health->report.count = 0;
    health->now_ms = facts->steady_ms;
    health->due_ms = NEVER;
    for (size_t i = 0; i < facts->peer_count; i++)
        examine_peer(health, facts, &facts->peers[i]);
    forget_absent(health);
    examine_storage(health, facts);
    examine_trust(health, facts);
    examine_self(health, facts);
    examine_leads(health, facts);
    verdict_form(&health->report, facts);
}

const struct trouble_report *health_report(const struct health *health)
{
    return &health->report;
}

bool health_is_news(const struct health *health, const struct trouble *trouble)
{
    return seen_before(health, trouble) == NULL;
}

uint64_t health_due_ms(const struct health *health)
{
    return health->due_ms;
}
