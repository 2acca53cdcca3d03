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

static struct count count_peers(const struct health *health,
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
    for (size_t i = 0; i < health_count(health); i++) {
        enum health_code code = health_at(health, i)->words->code;
        count.late += code == HEALTH_PEER_SILENT || code == HEALTH_PEER_OFFLINE ||
                      code == HEALTH_PEER_BACKLOG;
    }
    return count;
}

static const struct trouble *gravest_other(const struct health *health)
{
    for (size_t i = 0; i < health_count(health); i++) {
        const struct trouble *trouble = health_at(health, i);
        bool late = trouble->words->code == HEALTH_PEER_SILENT ||
                    trouble->words->code == HEALTH_PEER_BACKLOG;
        if (trouble->words->severity == HEALTH_ERROR ||
            (trouble->words->severity == HEALTH_WARNING && !late))
            return trouble;
    }
    return NULL;
}

/* Whoever set this node up has yet to see it reach anybody. */
static bool reached_nobody(const struct count *count)
{
    return count->dialled > 0 && count->dialled_met == 0;
}

/* What keeps a link from coming about and does not pass by itself. NULL: nothing known. */
static const struct trouble *dial_cause(const struct health *health,
                                        const struct count *count)
{
    for (size_t i = 0; i < health_count(health); i++) {
        const struct trouble *trouble = health_at(health, i);
        enum health_code code = trouble->words->code;
        if (code == HEALTH_PEER_TURNS_AWAY || code == HEALTH_PEER_IS_ANOTHER ||
            (code == HEALTH_PEER_UNREACHABLE && reached_nobody(count)))
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

/* What is saved here, held by others and waiting are three facts and stay three. */
static void judge_peers(const struct count *count, const struct health_facts *facts,
                        char out[VERDICT_SIZE])
{
    static const struct waiting_words late = {"records wait here", "At least ",
                                              "How many records wait here is unknown"};
    static const struct waiting_words well = {"still to be sent", "at least ",
                                              "an unknown number still to be sent"};
    char peers[PHRASE_SIZE], waiting[PHRASE_SIZE];
    peers_format(count, peers);
    waiting_format(count, count->late > 0 ? &late : &well, waiting);
    if (count->late == 0 && reached_nobody(count))
        (void)snprintf(out, VERDICT_SIZE,
                       "LOOK none of %zu configured peers connected%s. %" PRIu64
                       " entries saved on this disk, %s.",
                       count->dialled, peers, facts->entries, waiting);
    else if (count->late > 0)
        (void)snprintf(out, VERDICT_SIZE,
                       "LATE %zu of %zu peers late%s. %s; all are saved on this disk.",
                       count->late, count->members, peers, waiting);
    else
        (void)snprintf(out, VERDICT_SIZE,
                       "OK %zu of %zu peers connected, %zu paused%s. %" PRIu64
                       " entries saved on this disk, %s.",
                       count->linked, count->members, count->paused, peers,
                       facts->entries, waiting);
}

void verdict_format(const struct health *health, const struct health_facts *facts,
                    char out[VERDICT_SIZE])
{
    const struct trouble *other = gravest_other(health);
    struct count count = count_peers(health, facts);
    const struct trouble *cause = dial_cause(health, &count);
    if (other != NULL && other->words->severity == HEALTH_ERROR)
        (void)snprintf(out, VERDICT_SIZE, "TROUBLE %s.", other->text);
    else if (cause != NULL)
        (void)snprintf(out, VERDICT_SIZE, "LOOK %s.", cause->text);
    else if (count.late == 0 && other != NULL)
        (void)snprintf(out, VERDICT_SIZE, "LOOK %s.", other->text);
    else if (count.late == 0 && count.members == 0)
        (void)snprintf(out, VERDICT_SIZE,
                       "ALONE %" PRIu64
                       " entries saved on this disk and nowhere else; no "
                       "peer is known yet.",
                       facts->entries);
    else
        judge_peers(&count, facts, out);
}
