#include "daemon/answer/peer_list.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/api/i18n.h"
#include "net/session.h"

const char *peer_state_name(enum peer_state state)
{
    switch (state) {
    case PEER_OFFLINE: return "offline";
    case PEER_GREETING: return "greeting";
    case PEER_SYNCING: return "syncing";
    case PEER_ONLINE: return "online";
    case PEER_PAUSED: return "paused";
    }
    return "offline";
}

const char *dial_trouble_words(enum dial_trouble trouble)
{
    switch (trouble) {
    case DIAL_NO_TROUBLE: return NULL;
    case DIAL_NO_NAME: return N_("no such host");
    case DIAL_NO_INTERFACE: return N_("no interface named");
    case DIAL_NO_ROUTE: return N_("no way there");
    case DIAL_REFUSED: return N_("connection refused");
    case DIAL_SILENT: return N_("no answer");
    case DIAL_TURNED_AWAY: return N_("not known there");
    case DIAL_SHUT_OUT: return N_("paused there");
    case DIAL_ANOTHER: return N_("another node answers");
    }
    return NULL;
}

uint64_t peer_refused_frames(const struct peer_report *report)
{
    uint64_t frames = 0;
    for (size_t i = 0; i < ARRAY_SIZE(report->refused); i++)
        frames += i == REFUSED_DIVERGED ? 0 : report->refused[i];
    return frames;
}

static struct peer_line *line_of(struct peer_line *lines, size_t count, uint32_t number)
{
    for (size_t i = 0; i < count; i++) {
        if (lines[i].member != NULL && lines[i].member->number == number)
            return &lines[i];
    }
    return NULL;
}

static int by_number(const void *a, const void *b)
{
    const struct peer_line *left = a, *right = b;
    uint32_t left_number = left->member != NULL ? left->member->number : UINT32_MAX;
    uint32_t right_number = right->member != NULL ? right->member->number : UINT32_MAX;
    if (left_number != right_number)
        return left_number < right_number ? -1 : 1;
    return strcmp(left->name, right->name);
}

static size_t add_met(const struct engine *engine, const struct peer_report *reports,
                      size_t report_count, struct peer_line *lines)
{
    size_t count = 0;
    for (size_t i = 0; i < report_count; i++) {
        const struct member *member =
            roster_member(engine_roster(engine), reports[i].number);
        if (member == NULL)
            continue;
        lines[count++] = (struct peer_line){
            .member = member, .name = member->name, .met = true, .report = reports[i]};
    }
    return count;
}

static size_t add_configured(const struct engine *engine, const struct config *config,
                             struct peer_line *lines, size_t count)
{
    const struct roster *roster = engine_roster(engine);
    for (size_t i = 0; i < config->peer_count; i++) {
        const struct config_peer *peer = &config->peers[i];
        const struct member *member = roster_by_name(roster, slice_text(peer->name));
        struct peer_line *line =
            member != NULL ? line_of(lines, count, member->number) : NULL;
        if (line == NULL) {
            line = &lines[count++];
            *line = (struct peer_line){.member = member, .name = peer->name};
        }
        line->address = peer->address;
    }
    return count;
}

struct peer_line *peer_list(const struct engine *engine, const struct config *config,
                            struct arena *arena, size_t *count)
{
    size_t capacity = roster_count(engine_roster(engine)) + 1;
    struct peer_report *reports = arena_alloc(arena, capacity * sizeof *reports);
    struct peer_line *lines =
        arena_alloc(arena, (capacity + config->peer_count) * sizeof *lines);
    size_t met = engine_peers(engine, reports, capacity);
    *count = add_met(engine, reports, met, lines);
    *count = add_configured(engine, config, lines, *count);
    qsort(lines, *count, sizeof *lines, by_number);
    return lines;
}
