#include "daemon/run/verdict.h"

/* What is counted, and how many of those that are dialled were ever met. */
static void count_peers(const struct trouble_report *report,
                        const struct health_facts *facts, struct verdict *count,
                        size_t *dialled_met)
{
    uint64_t heard_ms = 0;
    *count = (struct verdict){.entries = facts->entries, .heard_age_ms = UINT64_MAX};
    *dialled_met = 0;
    for (size_t i = 0; i < facts->peer_count; i++) {
        const struct health_peer *peer = &facts->peers[i];
        if (peer->heard_at_ms > heard_ms)
            heard_ms = peer->heard_at_ms;
        if (peer->number == 0)
            continue;
        count->peers++;
        count->linked += peer->linked;
        count->paused += peer->paused;
        count->unmet += !peer->to_send_known;
        count->dialled += peer->address != NULL && !peer->paused;
        *dialled_met += peer->address != NULL && !peer->paused &&
                        (peer->linked || peer->to_send_known);
        if (peer->to_send_known && peer->to_send_entries > count->waiting)
            count->waiting = peer->to_send_entries;
    }
    if (heard_ms != 0)
        count->heard_age_ms = facts->steady_ms - heard_ms;
    for (size_t i = 0; i < report->count; i++) {
        enum health_code code = report->troubles[i].words->code;
        count->late += code == HEALTH_PEER_SILENT || code == HEALTH_PEER_OFFLINE ||
                       code == HEALTH_PEER_BACKLOG;
    }
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

/* The trouble that keeps a link from coming about and will not pass by itself; NULL: none is
 * known. */
static const struct trouble *dial_cause(const struct trouble_report *report,
                                        bool reaches_nobody)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct trouble *trouble = &report->troubles[i];
        enum health_code code = trouble->words->code;
        bool stays = code == HEALTH_PEER_TURNS_AWAY || code == HEALTH_PEER_IS_ANOTHER ||
                     code == HEALTH_PEER_SHUTS_OUT || code == HEALTH_PEER_NO_INTERFACE;
        bool passes = code == HEALTH_PEER_UNREACHABLE || code == HEALTH_PEER_REFUSES ||
                      code == HEALTH_PEER_NO_NAME || code == HEALTH_PEER_NO_ROUTE;
        if (stays || (passes && reaches_nobody))
            return trouble;
    }
    return NULL;
}

void verdict_form(struct trouble_report *report, const struct health_facts *facts)
{
    struct verdict verdict;
    size_t dialled_met;
    count_peers(report, facts, &verdict, &dialled_met);
    /* Since the start no peer that is dialled was met: an address or a key may be wrong. */
    bool reached_none = verdict.dialled > 0 && dialled_met == 0;
    /* No peer is linked, although some are not paused; or none that is dialled was ever met. */
    bool reaches_nobody =
        (verdict.peers > verdict.paused && verdict.linked == 0) || reached_none;
    const struct trouble *other = gravest_other(report);
    const struct trouble *cause = dial_cause(report, reaches_nobody);
    if (cause == NULL && verdict.late == 0)
        cause = other;
    if (other != NULL && other->words->severity == HEALTH_ERROR) {
        cause = other;
        verdict.level = HEALTH_LEVEL_TROUBLE;
        verdict.kind = VERDICT_TROUBLE;
    } else if (cause != NULL) {
        verdict.level = HEALTH_LEVEL_LOOK;
        verdict.kind = VERDICT_TROUBLE;
    } else if (verdict.late > 0) {
        verdict.level = HEALTH_LEVEL_LATE;
        verdict.kind = VERDICT_LATE;
    } else if (verdict.peers == 0) {
        verdict.level = HEALTH_LEVEL_ALONE;
        verdict.kind = VERDICT_ALONE;
    } else {
        verdict.level =
            verdict.linked == 0 || reaches_nobody ? HEALTH_LEVEL_LOOK : HEALTH_OK;
        verdict.kind = reached_none          ? VERDICT_NONE_REACHED
                       : reaches_nobody      ? VERDICT_NONE_LINKED
                       : verdict.linked == 0 ? VERDICT_ALL_PAUSED
                                             : VERDICT_LINKED;
    }
    verdict.trouble = cause != NULL ? (size_t)(cause - report->troubles) : 0;
    report->level = verdict.level;
    report->values = verdict;
    verdict_say(&verdict, cause != NULL ? cause->text : "", report->verdict);
}
