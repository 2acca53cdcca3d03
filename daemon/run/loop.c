#include "daemon/run/loop.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "daemon/run/health.h"
#include "daemon/run/log.h"
#include "daemon/run/neighbours.h"
#include "daemon/run/requests.h"
#include "daemon/run/round.h"
#include "net/clock.h"

enum {
    DESCRIPTORS_MAX = CONTROL_DESCRIPTORS_MAX + 1,
    HEALTH_PAUSE_MS = 5000, /* between two looks at everything, however much happens */
    GATHER_MS_MAX =
        2, /* how long a batch waits for those who asked along the last time */
    WAIT_MS_MAX = 1 << 30,
    /* All that is stored is read once a day, in pieces that take a millisecond or two. */
    SCRUB_FIRST_MS = 600000,
    SCRUB_PIECE_MS = 10000,
    SCRUB_MS = 86400000,
};

struct loop {
    struct loop_options options;
    struct transport *transport;
    struct control *control;
    struct neighbours *neighbours;
    struct requests *requests;
    struct health *health;
    struct round round;
    struct arena arena;
    struct transport_descriptor descriptors[DESCRIPTORS_MAX];
    bool stopping;
    size_t asked_last; /* how many waited for the batch before */
    uint64_t started_ms;
    uint64_t looked_ms; /* when health last looked */
    bool happened;      /* something did since then */
    uint64_t scrub_ms,
        scrub_began_ms; /* when the next piece is due; the first was read */
    bool scrubbing;
    uint64_t
        watchdog_ms; /* half of what the service manager allows; 0: it does not watch */
    uint64_t watched_ms;
    char shown[512]; /* the STATUS it was last told */
    struct control_statistics counted;
    struct log_limit hostile, failing, excess;
};

/* ---- time ---- */

/* One moment for the whole round. */
static void loop_stamp(struct loop *loop)
{
    loop->round.batch.wall_ms = clock_wall_ms();
    loop->round.batch.steady_ms = clock_steady_ms();
}

/* ---- the carrier, as the round sees it ---- */

static bool carrier_receive(void *context, struct transport_event *heard)
{
    struct loop *loop = context;
    return transport_receive(loop->transport, heard);
}

static bool carrier_translate(void *context, const struct transport_event *heard,
                              enum event_kind *kind)
{
    struct loop *loop = context;
    return neighbours_translate(loop->neighbours, heard, kind);
}

static void carrier_excess(void *context, uint32_t peer)
{
    struct loop *loop = context;
    const struct member *member =
        roster_member(engine_roster(node_engine(loop->options.node)), peer);
    uint64_t now_ms = loop->round.batch.steady_ms;
    uint64_t times;
    if (log_limit_due(&loop->excess, now_ms, 1, &times))
        log_write(
            LOG_LEVEL_WARNING,
            "%s sends more than it was acknowledged; its connection is ended for %d "
            "seconds each time (%llu times)",
            member != NULL ? member->name : "a peer", NEIGHBOUR_OVERFLOW_MS / 1000,
            (unsigned long long)times);
    neighbours_shut_out(loop->neighbours, peer, NEIGHBOUR_OVERFLOW_MS, now_ms);
}

static void carrier_release(void *context, const struct effect *effect)
{
    struct loop *loop = context;
    uint64_t now_ms = loop->round.batch.steady_ms;
    switch (effect->kind) {
    case EFFECT_SEND:
        neighbours_send(loop->neighbours, effect->peer, effect->connection, effect->bytes,
                        now_ms);
        return;
    case EFFECT_REPLY: requests_note(loop->requests, effect); return;
    case EFFECT_DROP:
        neighbours_shut_out(loop->neighbours, effect->peer, effect->pause_ms, now_ms);
        return;
    case EFFECT_DIAL: neighbours_let_in(loop->neighbours, effect->peer); return;
    case EFFECT_ROSTER: neighbours_dial(loop->neighbours); return;
    }
}

struct loop *loop_create(const struct loop_options *options)
{
    struct loop *loop = checked_malloc(sizeof *loop);
    uint64_t watchdog_us = 0;
    memset(loop, 0, sizeof *loop);
    loop->options = *options;
    loop->started_ms = clock_steady_ms();
    loop->health = health_create();
    loop->neighbours = neighbours_create(node_engine(options->node), options->config);
    round_init(&loop->round, options->node,
               &(struct round_carrier){.context = loop,
                                       .receive = carrier_receive,
                                       .translate = carrier_translate,
                                       .excess = carrier_excess,
                                       .release = carrier_release});
    arena_init(&loop->arena);
    if (sd_watchdog_enabled(0, &watchdog_us) > 0)
        loop->watchdog_ms = watchdog_us / 2000;
    loop_stamp(loop);
    return loop;
}

void loop_destroy(struct loop *loop)
{
    requests_destroy(loop->requests);
    arena_deinit(&loop->arena);
    round_deinit(&loop->round);
    neighbours_destroy(loop->neighbours);
    health_destroy(loop->health);
    free(loop);
}

bool loop_member(void *context, const uint8_t key[CURVE_KEY_SIZE], uint32_t *peer)
{
    struct loop *loop = context;
    return neighbours_member(loop->neighbours, key, peer);
}

bool loop_shuts_out(void *context, const uint8_t key[CURVE_KEY_SIZE])
{
    struct loop *loop = context;
    return neighbours_shuts_out(loop->neighbours, key);
}

/* ---- committing ---- */

static void note_failure(struct loop *loop, enum status status)
{
    uint64_t times;
    if (log_limit_due(&loop->failing, loop->round.batch.steady_ms, 1, &times))
        log_coded(LOG_LEVEL_ERROR, 'E', (unsigned)status, status_words(status)->text,
                  status_words(status)->next);
}

static void loop_commit(void *context)
{
    struct loop *loop = context;
    struct batch *batch = &loop->round.batch;
    if (batch->count == 0 && batch->asked_count == 0) {
        batch_clear(batch); /* of frames that the engine is not told of */
        return;
    }
    requests_end_reading(loop->requests);
    if (batch->count > 0) {
        uint64_t began_us = clock_thread_us();
        enum status status = round_commit(&loop->round);
        pace_measure(&loop->round.pace, clock_thread_us() - began_us);
        if (status != OK)
            note_failure(loop, status);
    }
    requests_reply(loop->requests);
    loop->asked_last = batch->asked_count;
    batch_clear(batch);
    loop->happened = true;
}

/* ---- collecting ---- */

static void collect_owed(struct loop *loop)
{
    uint32_t peer;
    enum event_kind kind;
    while (neighbours_owed(loop->neighbours, &peer, &kind))
        batch_add(&loop->round.batch, kind)->peer = peer;
}

/* Requests from the control socket are taken before frames: people wait for them, and frames
 * from neighbours may come without end. */
static void collect_requests(struct loop *loop)
{
    if (requests_collect(loop->requests))
        pace_hurry(&loop->round.pace, loop->round.batch.steady_ms);
}

static void collect_time(struct loop *loop)
{
    if (node_wake_ms(loop->options.node) <= loop->round.batch.steady_ms ||
        node_wants_rebuild(loop->options.node))
        (void)batch_add(&loop->round.batch, EVENT_TICK);
}

/* ---- what the operator is told ---- */

static enum log_level level_of(enum health_severity severity)
{
    switch (severity) {
    case HEALTH_NOTICE: return LOG_LEVEL_INFO;
    case HEALTH_WARNING: return LOG_LEVEL_WARNING;
    case HEALTH_ERROR: return LOG_LEVEL_ERROR;
    }
    return LOG_LEVEL_ERROR;
}

static void tell_troubles(struct loop *loop)
{
    const struct trouble_report *report = health_report(loop->health);
    for (size_t i = 0; i < report->count; i++) {
        const struct trouble *trouble = &report->troubles[i];
        if (health_is_news(loop->health, trouble))
            log_coded(level_of(trouble->words->severity), 'W',
                      (unsigned)trouble->words->code, trouble->text, trouble->next);
    }
}

static void tell_status(struct loop *loop)
{
    char line[sizeof loop->shown];
    (void)snprintf(line, sizeof line, "STATUS=%s", health_report(loop->health)->verdict);
    if (strcmp(line, loop->shown) == 0)
        return;
    memcpy(loop->shown, line, sizeof line);
    (void)sd_notify(0, line);
}

/* What is refused is counted, and logged at most once a minute. */
static void tell_hostile(struct loop *loop)
{
    struct control_statistics now = control_statistics(loop->control);
    uint64_t before = loop->counted.malformed + loop->counted.refused;
    uint64_t total;
    if (log_limit_due(&loop->hostile, loop->round.batch.steady_ms,
                      now.malformed + now.refused - before, &total))
        log_write(LOG_LEVEL_WARNING,
                  "%llu requests or clients of the control socket were refused: not the "
                  "protocol, or over a limit",
                  (unsigned long long)total);
    loop->counted = now;
}

static struct health_facts loop_facts(const struct loop *loop, uint64_t wall_ms,
                                      uint64_t steady_ms, struct arena *arena)
{
    const struct facts_sources sources = {
        .node = loop->options.node,
        .config = loop->options.config,
        .transport = loop->transport,
        .started_ms = loop->started_ms,
    };
    return facts_gather(&sources, wall_ms, steady_ms, arena);
}

/* The report for a request is made on a copy of the health record, so that what it shows for
 * the first time is still written to the journal by the next look. */
static struct trouble_report loop_report(void *context, uint64_t wall_ms,
                                         uint64_t steady_ms, struct arena *arena)
{
    const struct loop *loop = context;
    struct health_facts facts = loop_facts(loop, wall_ms, steady_ms, arena);
    struct health *copy = health_copy(loop->health);
    health_update(copy, &facts);
    struct trouble_report report = *health_report(copy);
    size_t size = report.count * sizeof *report.troubles;
    report.troubles = arena_alloc(arena, size + 1);
    if (size > 0)
        memcpy(report.troubles, health_report(copy)->troubles, size);
    health_destroy(copy);
    return report;
}

static struct query_sources loop_sources(struct loop *loop)
{
    struct node *node = loop->options.node;
    return (struct query_sources){
        .engine = node_engine(node),
        .keys = node_keys(node),
        .store = node_store(node),
        .config = loop->options.config,
        .divisions = loop->options.divisions,
        .transport = loop->transport,
        .started_ms = loop->started_ms,
        .report = loop_report,
        .context = loop,
    };
}

static uint64_t health_due(const struct loop *loop)
{
    uint64_t soonest_ms = loop->looked_ms + HEALTH_PAUSE_MS;
    uint64_t due_ms = loop->happened ? soonest_ms : health_due_ms(loop->health);
    return due_ms < soonest_ms ? soonest_ms : due_ms;
}

static void look(struct loop *loop)
{
    struct health_facts facts = loop_facts(loop, loop->round.batch.wall_ms,
                                           loop->round.batch.steady_ms, &loop->arena);
    health_update(loop->health, &facts);
    arena_reset(&loop->arena);
    loop->looked_ms = loop->round.batch.steady_ms;
    loop->happened = false;
    tell_troubles(loop);
    tell_status(loop);
}

/* Checks one piece of the store. Rows that fail and can be made anew from the logs are, by
 * the next batch. */
static void scrub(struct loop *loop)
{
    uint64_t now_ms = loop->round.batch.steady_ms;
    struct store *store = node_store(loop->options.node);
    const struct store_finding *found = store_found(store);
    bool known = found->of != NULL;

    if (!loop->scrubbing)
        loop->scrub_began_ms = now_ms;
    loop->scrubbing = store_scrub(store, SCRUB_MS / SCRUB_PIECE_MS);
    loop->scrub_ms = now_ms + SCRUB_PIECE_MS;
    if (!loop->scrubbing && loop->scrub_ms < loop->scrub_began_ms + SCRUB_MS)
        loop->scrub_ms = loop->scrub_began_ms + SCRUB_MS;
    if (known || found->of == NULL)
        return;
    log_write(LOG_LEVEL_ERROR, "%s/store/data.mdb, page %llu (%s) %s",
              loop->options.config->directory, (unsigned long long)found->page, found->of,
              found->what);
    loop->happened = true;
}

static void housekeeping(struct loop *loop)
{
    uint64_t now_ms = loop->round.batch.steady_ms;
    neighbours_advance(loop->neighbours, now_ms);
    tell_hostile(loop);
    if (now_ms >= loop->scrub_ms)
        scrub(loop);
    if (now_ms >= health_due(loop))
        look(loop);
    if (loop->watchdog_ms > 0 && now_ms - loop->watched_ms >= loop->watchdog_ms) {
        loop->watched_ms = now_ms;
        (void)sd_notify(0, "WATCHDOG=1");
    }
}

/* ---- sleeping ---- */

static uint64_t earliest(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* At most `most_ms`; -1: until something happens. */
static long sleep_ms(struct loop *loop, long most_ms)
{
    uint64_t due_ms = node_wake_ms(loop->options.node);
    due_ms = earliest(due_ms, neighbours_wake_ms(loop->neighbours));
    due_ms = earliest(due_ms, health_due(loop));
    due_ms = earliest(due_ms, loop->scrub_ms);
    due_ms = earliest(due_ms, requests_wake_ms(loop->requests));
    if (loop->watchdog_ms > 0)
        due_ms = earliest(due_ms, loop->watched_ms + loop->watchdog_ms);
    if (control_waiting(loop->control) || node_wants_rebuild(loop->options.node))
        return 0;
    if (due_ms == UINT64_MAX)
        return most_ms;
    uint64_t now_ms = clock_steady_ms();
    uint64_t until_ms = due_ms > now_ms ? due_ms - now_ms : 0;
    long until = until_ms < WAIT_MS_MAX ? (long)until_ms : WAIT_MS_MAX;
    return most_ms >= 0 && most_ms < until ? most_ms : until;
}

static void take_signal(struct loop *loop)
{
    struct signalfd_siginfo taken;
    if (read(loop->options.signals, &taken, sizeof taken) != (ssize_t)sizeof taken)
        return;
    if (taken.ssi_signo == SIGHUP)
        log_write(LOG_LEVEL_WARNING,
                  "told to read the configuration again (SIGHUP), which "
                  "a running linlid does not; use what was changed: "
                  "systemctl restart linlid");
    else
        loop->stopping = true;
}

static void loop_sleep(struct loop *loop, long most_ms)
{
    struct transport_descriptor *signals = &loop->descriptors[0];
    *signals = (struct transport_descriptor){.descriptor = loop->options.signals,
                                             .wanted = POLLIN};
    size_t count = control_descriptors(loop->control, loop->descriptors + 1,
                                       CONTROL_DESCRIPTORS_MAX);
    bool woken = transport_wait(loop->transport, loop->descriptors, count + 1,
                                sleep_ms(loop, most_ms));
    loop_stamp(loop);
    if (!woken)
        return;
    if (signals->ready != 0)
        take_signal(loop);
    control_ready(loop->control, loop->descriptors + 1, count);
}

/* A commit costs the same for one write as for sixty. Clients who were acknowledged together
 * ask again together, but not at once: without this pause the first of them would get a
 * commit of its own, and the others would wait for two (measured: 15.5 ms instead of 8.0 in
 * the median where a commit takes 8). One client alone never waits, and nobody waits twice
 * for those who went away. */
static void gather(struct loop *loop)
{
    uint64_t until_ms = loop->round.batch.steady_ms + GATHER_MS_MAX;
    while (loop->round.batch.asked_count > 0 &&
           loop->round.batch.asked_count < loop->asked_last &&
           loop->round.batch.steady_ms < until_ms && !batch_is_full(&loop->round.batch) &&
           !loop->stopping) {
        loop_sleep(loop, 1);
        collect_requests(loop);
        round_hear(&loop->round);
    }
}

/* ---- running ---- */

static void loop_begin(struct loop *loop, struct transport *transport,
                       struct control *control)
{
    loop->transport = transport;
    loop->control = control;
    neighbours_use(loop->neighbours, transport);
    const struct requests_options options = {
        .sources = loop_sources(loop),
        .node = loop->options.node,
        .control = control,
        .batch = &loop->round.batch,
        .commit = loop_commit,
        .context = loop,
    };
    loop->requests = requests_create(&options);
    loop_stamp(loop);
    loop->watched_ms = loop->round.batch.steady_ms;
    neighbours_dial(loop->neighbours);
    (void)sd_notify(0, "READY=1");
    look(loop);
}

void loop_run(struct loop *loop, struct transport *transport, struct control *control)
{
    bool busy = false;
    loop_begin(loop, transport, control);
    while (!loop->stopping) {
        loop_sleep(loop, busy || shares_any(&loop->round.shares) ? 0 : -1);
        collect_owed(loop);
        collect_requests(loop);
        round_hear(&loop->round);
        gather(loop);
        pace_begin(&loop->round.pace, loop->round.batch.steady_ms,
                   loop->round.batch.asked_count > 0);
        round_collect(&loop->round);
        collect_time(loop);
        loop_commit(loop);
        busy = requests_advance(loop->requests);
        housekeeping(loop);
    }
    (void)sd_notify(0, "STOPPING=1\nSTATUS=stopping");
}
