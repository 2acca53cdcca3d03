#include "daemon/run/verdict.h"

#include <inttypes.h>
#include <stdio.h>

#define PHRASE_SIZE 64

struct count {
    size_t members, linked, late, paused;
    size_t dialled, dialled_met; /* those the configuration names, unless paused */
    size_t unmet;                /* what waits for these is unknown, which is not none */
    uint64_t waiting; /* the most that waits for one other peer: not yet elsewhere */
};

static struct count count_peers(const struct trouble_report *report,
                                const struct health_facts *facts)
{
    struct count count = {0};
    for (size_t i = 0; i < facts->peer_count; i++) {
        const struct health_peer *peer = &facts->peers[i];
        if (peer->number == 0)
            continue;
        count.members++;
        count.linked += peer->linked;
        count.paused += peer->paused;
        count.unmet += !peer->to_send_known;
        count.dialled += peer->address != NULL && !peer->paused;
        count.dialled_met += peer->address != NULL && !peer->paused &&
                             (peer->linked || peer->to_send_known);
        if (peer->to_send_known && peer->to_send_entries > count.waiting)
            count.waiting = peer->to_send_entries;
    }
    for (size_t i = 0; i < report->count; i++) {
        enum health_code code = report->troubles[i].words->code;
        count.late += code == HEALTH_PEER_SILENT || code == HEALTH_PEER_OFFLINE ||
                      code == HEALTH_PEER_BACKLOG;
    }
    return count;
}

static const struct trouble *gravest_other(const struct trouble_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct trouble *trouble = &report->troubles[i];
        bool late = trouble->words->code == HEALTH_PEER_SILENT ||
                    trouble->words->code == HEALTH_PEER_BACKLOG;
        if (trouble->words->severity == HEALTH_ERROR ||
            (trouble->words->severity == HEALTH_WARNING && !late))
            return trouble;
    }
    return NULL;
}

/* Whoever set this node up has yet to see it reach anybody whom it is to dial. */
static bool reached_none_it_dials(const struct count *count)
{
    return count->dialled > 0 && count->dialled_met == 0;
}

/* Nothing connects that should. */
static bool reaches_nobody(const struct count *count)
{
    return (count->members > count->paused && count->linked == 0) ||
           reached_none_it_dials(count);
}

/* What keeps a link from coming about and does not pass by itself. NULL: nothing known. */
static const struct trouble *dial_cause(const struct trouble_report *report,
                                        const struct count *count)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct trouble *trouble = &report->troubles[i];
        enum health_code code = trouble->words->code;
        if (code == HEALTH_PEER_TURNS_AWAY || code == HEALTH_PEER_IS_ANOTHER ||
            (code == HEALTH_PEER_UNREACHABLE && reaches_nobody(count)))
            return trouble;
    }
    return NULL;
}

/* Whom it has not met since the start, this node knows nothing of: what waits for them is
 * not counted, and the sentence says so. */
static void peers_format(const struct count *count, char text[PHRASE_SIZE])
{
    text[0] = '\0';
    if (count->unmet > 0)
        (void)snprintf(text, PHRASE_SIZE, ", %zu not met since the start", count->unmet);
}

struct waiting_words {
    const char *known, *least, *unknown;
};

static void waiting_format(const struct count *count, const struct waiting_words *words,
                           char text[PHRASE_SIZE])
{
    if (count->unmet > 0 && count->waiting == 0)
        (void)snprintf(text, PHRASE_SIZE, "%s", words->unknown);
    else
        (void)snprintf(text, PHRASE_SIZE, "%s%" PRIu64 " %s",
                       count->unmet > 0 ? words->least : "", count->waiting,
                       words->known);
}

/* When anybody was last heard, as far as that is known. */
static void heard_format(const struct health_facts *facts, char text[PHRASE_SIZE])
{
    uint64_t heard_ms = 0;
    char age[24];
    for (size_t i = 0; i < facts->peer_count; i++) {
        if (facts->peers[i].heard_at_ms > heard_ms)
            heard_ms = facts->peers[i].heard_at_ms;
    }
    if (heard_ms == 0) {
        (void)snprintf(text, PHRASE_SIZE, "nobody heard since the start");
        return;
    }
    health_age_format(facts->steady_ms - heard_ms, age);
    (void)snprintf(text, PHRASE_SIZE, "heard last %s ago", age);
}

/* What is saved here, held by others and waiting are three facts and stay three. */
static enum health_level judge_peers(const struct count *count,
                                     const struct health_facts *facts,
                                     char out[HEALTH_TEXT_SIZE])
{
    static const struct waiting_words late = {"records wait here", "At least ",
                                              "How many records wait here is unknown"};
    static const struct waiting_words well = {"still to be sent", "at least ",
                                              "an unknown number still to be sent"};
    char peers[PHRASE_SIZE], waiting[PHRASE_SIZE], heard[PHRASE_SIZE];
    peers_format(count, peers);
    waiting_format(count, count->late > 0 ? &late : &well, waiting);
    heard_format(facts, heard);
    if (count->late > 0) {
        (void)snprintf(out, HEALTH_TEXT_SIZE,
                       "%zu of %zu peers late%s. %s; all are saved on this disk.",
                       count->late, count->members, peers, waiting);
        return HEALTH_LEVEL_LATE;
    }
    if (reached_none_it_dials(count))
        (void)snprintf(out, HEALTH_TEXT_SIZE,
                       "none of %zu configured peers connected%s. %" PRIu64
                       " entries saved on this disk, %s.",
                       count->dialled, peers, facts->entries, waiting);
    else if (reaches_nobody(count))
        (void)snprintf(out, HEALTH_TEXT_SIZE,
                       "none of %zu peers connected (%s), %zu paused%s. %" PRIu64
                       " entries saved on this disk, %s.",
                       count->members, heard, count->paused, peers, facts->entries,
                       waiting);
    else if (count->linked == 0)
        (void)snprintf(out, HEALTH_TEXT_SIZE,
                       "all %zu peers are paused%s. %" PRIu64
                       " entries saved on this disk, %s.",
                       count->members, peers, facts->entries, waiting);
    else
        (void)snprintf(out, HEALTH_TEXT_SIZE,
                       "%zu of %zu peers connected, %zu paused%s. %" PRIu64
                       " entries saved on this disk, %s.",
                       count->linked, count->members, count->paused, peers,
                       facts->entries, waiting);
    return count->linked == 0 || reaches_nobody(count) ? HEALTH_LEVEL_LOOK : HEALTH_OK;
}

static enum health_level judge(const struct trouble_report *report,
                               const struct health_facts *facts,
                               char out[HEALTH_TEXT_SIZE])
{
    const struct trouble *other = gravest_other(report);
    struct count count = count_peers(report, facts);
    const struct trouble *cause = dial_cause(report, &count);
    if (other != NULL && other->words->severity == HEALTH_ERROR) {
        (void)snprintf(out, HEALTH_TEXT_SIZE, "%.*s.", HEALTH_TEXT_SIZE - 2, other->text);
        return HEALTH_LEVEL_TROUBLE;
    }
    if (cause == NULL && count.late == 0)
        cause = other;
    if (cause != NULL) {
        (void)snprintf(out, HEALTH_TEXT_SIZE, "%.*s.", HEALTH_TEXT_SIZE - 2, cause->text);
        return HEALTH_LEVEL_LOOK;
    }
    if (count.late > 0 || count.members > 0)
        return judge_peers(&count, facts, out);
    (void)snprintf(out, HEALTH_TEXT_SIZE,
                   "%" PRIu64 " entries saved on this disk and nowhere else; no peer is "
                   "known yet.",
                   facts->entries);
    return HEALTH_LEVEL_ALONE;
}

void verdict_form(struct trouble_report *report, const struct health_facts *facts)
{
    static const char *const words[] = {
        [HEALTH_OK] = "OK",
        [HEALTH_LEVEL_ALONE] = "ALONE",
        [HEALTH_LEVEL_LATE] = "LATE",
        [HEALTH_LEVEL_LOOK] = "LOOK",
        [HEALTH_LEVEL_TROUBLE] = "TROUBLE",
    };
    char text[HEALTH_TEXT_SIZE];
    report->level = judge(report, facts, text);
    (void)snprintf(report->verdict, sizeof report->verdict, "%s %s", words[report->level],
                   text);
}
