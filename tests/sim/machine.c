#include "tests/sim/machine.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/commit.h"
#include "tests/sim/describe.h"
#include "tests/sim/levels.h"
#include "tests/sim/world.h"

#define MAP_SIZE ((size_t)8 << 20) /* small: it grows in the long runs, on purpose */

void machine_init(struct world *world, struct machine *machine, uint32_t index,
                  uint64_t division, const char *name)
{
    *machine = (struct machine){.index = index,
                                .world = world,
                                .division = division,
                                .wake_planned_ms = UINT64_MAX};
    snprintf(machine->name, sizeof(machine->name), "%s", name);
    snprintf(machine->directory, sizeof(machine->directory), "%.80s/%.40s",
             world->directory, name);
    chance_bytes(&world->nodes_chance, machine->seed, SEED_SIZE);
    crypto_node_keys(machine->seed, &machine->keys);
    buffer_init(&machine->grant, GRANT_SIZE_MAX);
    machine->transport = carrier_create(world, index);
    machine->paused = checked_malloc(WORLD_MACHINES_MAX * sizeof(bool));
    memset(machine->paused, 0, WORLD_MACHINES_MAX * sizeof(bool));
}

static void letters_burn(struct letters *letters)
{
    for (size_t i = 0; i < letters->count; i++) {
        free(letters->items[i].bytes);
        job_destroy(letters->items[i].job);
    }
    letters->count = 0;
}

void machine_deinit(struct machine *machine)
{
    if (machine->node != NULL) {
        round_deinit(&machine->round);
        neighbours_destroy(machine->neighbours);
        node_close(machine->node);
    }
    letters_burn(&machine->arrived);
    letters_burn(&machine->wanted);
    letters_burn(&machine->taken);
    free(machine->arrived.items);
    free(machine->wanted.items);
    free(machine->taken.items);
    free(machine->paused);
    free(machine->config.peers);
    carrier_destroy(machine->transport);
    buffer_deinit(&machine->grant);
}

void machine_request(const struct machine *machine, struct request *request)
{
    *request = (struct request){.id = machine->keys.id, .division = machine->division};
    memcpy(request->curve_public, machine->keys.curve_public, KEY_SIZE);
    memcpy(request->box_public, machine->keys.box_public, KEY_SIZE);
    memcpy(request->name, machine->name, sizeof(request->name));
}

uint64_t machine_wall_ms(const struct world *world, const struct machine *machine)
{
    return WORLD_START_WALL_MS + world->now_ms + (uint64_t)machine->wall_offset_ms;
}

uint64_t machine_steady_ms(const struct world *world, const struct machine *machine)
{
    return world->now_ms - machine->boot_ms;
}

bool machine_knows(const struct machine *machine, const struct machine *other)
{
    const struct roster *roster = engine_roster(node_engine(machine->node));
    const struct member *member = roster_by_id(roster, &other->keys.id);
    return member != NULL && !roster_revoked(roster, member->number);
}

bool machine_admits(const struct machine *machine, const struct machine *other)
{
    uint32_t number;
    return neighbours_member(machine->neighbours, other->keys.curve_public, &number);
}

static void plan_run(struct world *world, struct machine *machine)
{
    if (!machine->run_planned) {
        machine->run_planned = true;
        queue_add(&world->queue,
                  (struct happening){.at_ms = world->now_ms +
                                              chance_between(&world->nodes_chance, 0, 3),
                                     .kind = HAPPEN_RUN,
                                     .machine = machine->index,
                                     .epoch = machine->starts});
    }
}

static void plan_wake(struct world *world, struct machine *machine)
{
    struct engine *engine = node_engine(machine->node);
    uint64_t wake = node_wake_ms(machine->node);
    uint64_t steady = machine_steady_ms(world, machine), runs_left;
    if (engine_folding(engine, &runs_left)) {
        wake = steady;
    }
    if (neighbours_wake_ms(machine->neighbours) < wake) {
        wake = neighbours_wake_ms(machine->neighbours);
    }
    if (wake == UINT64_MAX) {
        machine->wake_planned_ms = UINT64_MAX;
        return;
    }
    uint64_t at = world->now_ms + (wake > steady ? wake - steady : 1);
    if (at != machine->wake_planned_ms) {
        machine->wake_planned_ms = at;
        queue_add(&world->queue, (struct happening){.at_ms = at,
                                                    .kind = HAPPEN_WAKE,
                                                    .machine = machine->index,
                                                    .epoch = machine->starts});
    }
}

/* A wake that was planned and then moved is skipped. */
void machine_wake(struct world *world, const struct happening *happening)
{
    struct machine *machine = &world->machines[happening->machine];
    if (machine->node == NULL || machine->starts != happening->epoch ||
        machine->wake_planned_ms != world->now_ms) {
        return;
    }
    machine->wake_planned_ms = UINT64_MAX;
    machine->ticks++;
    machine_deliver(world, machine, EVENT_TICK, 0, (struct slice){0}, NULL);
}

static bool carrier_receive(void *context, struct transport_event *heard);
static bool carrier_translate(void *context, const struct transport_event *heard,
                              enum event_kind *kind);
static void carrier_excess(void *context, uint32_t number);
static void carrier_release(void *context, const struct effect *effect);

void machine_start(struct world *world, struct machine *machine)
{
    CHECK(machine->node == NULL);
    uint8_t random[RANDOM_SIZE];
    chance_bytes(&world->nodes_chance, random, sizeof(random));
    if (!machine->founded || chance_permille(&world->nodes_chance, 500)) {
        machine->boot_ms = world->now_ms; /* the machine was off, not just the daemon */
    }
    machine->starts++;
    machine->run_planned = false;
    machine->wake_planned_ms = UINT64_MAX;
    commit_obey(NULL);
    levels_obey(machine);
    enum status status =
        node_open(&machine->node,
                  &(struct node_options){.directory = machine->directory,
                                         .without_sync = true,
                                         .map_size = MAP_SIZE,
                                         .seed = slice_of(machine->seed, SEED_SIZE),
                                         .grant = buffer_slice(&machine->grant)},
                  random);
    levels_obey(NULL);
    world_note(world, machine->name, "starts: %s", status_words(status)->name);
    if (status != OK) {
        machine->node = NULL;
        world_fail(world, "%s does not start: %s", machine->name,
                   status_words(status)->name);
        return;
    }
    machine->founded = true;
    static char nowhere[] = "a link";
    struct config *config = &machine->config;
    config->peer_count = world->machine_count;
    config->peers =
        checked_realloc(config->peers, config->peer_count * sizeof(*config->peers));
    for (size_t i = 0; i < config->peer_count; i++) {
        config->peers[i] =
            (struct config_peer){.name = world->machines[i].name, .address = nowhere};
    }
    machine->neighbours = neighbours_create(node_engine(machine->node), config);
    neighbours_use(machine->neighbours, machine->transport);
    round_init(&machine->round, machine->node,
               &(struct round_carrier){
                   .context = machine,
                   .receive = carrier_receive,
                   .translate = carrier_translate,
                   .excess = carrier_excess,
                   .release = carrier_release,
               });
    neighbours_dial(machine->neighbours);
    plan_wake(world, machine);
    link_find_machine(world, machine->index);
}

void machine_power_off(struct world *world, struct machine *machine)
{
    CHECK(machine->node != NULL);
    world_note(world, machine->name, "loses power");
    commit_obey(NULL);
    round_deinit(&machine->round);
    neighbours_destroy(machine->neighbours);
    node_close(machine->node);
    machine->node = NULL;
    machine->plan = (struct commit_plan){0};
    machine->crashes++;
    machine->received = 0;
    letters_burn(&machine->arrived);
    letters_burn(&machine->wanted);
    link_lose_machine(world, machine->index);
}

void machine_deliver(struct world *world, struct machine *machine, enum event_kind kind,
                     uint32_t peer, struct slice bytes, struct job *job)
{
    if (machine->node == NULL) {
        job_destroy(job);
        return;
    }
    bool linked = kind == EVENT_FRAME || kind == EVENT_LINK_UP || kind == EVENT_LINK_DOWN;
    struct letters *letters = linked ? &machine->arrived : &machine->wanted;
    letters->items = array_grow(letters->items, &letters->capacity, letters->count + 1,
                                sizeof *letters->items);
    struct letter *letter = &letters->items[letters->count++];
    *letter = (struct letter){.kind = kind, .peer = peer, .size = bytes.size, .job = job};
    letter->token = job != NULL ? job->write.token : ++world->token;
    letter->bytes = checked_malloc(bytes.size + 1);
    if (bytes.size > 0) {
        memcpy(letter->bytes, bytes.data, bytes.size);
    }
    plan_run(world, machine);
}

static const char *event_name(enum event_kind kind)
{
    switch (kind) {
    case EVENT_TICK: return "tick";
    case EVENT_LINK_UP: return "link up";
    case EVENT_LINK_DOWN: return "link down";
    case EVENT_FRAME: return "frame";
    case EVENT_WRITE: return "write";
    case EVENT_PAUSE: return "pause";
    case EVENT_RESUME: return "resume";
    case EVENT_FORGET: return "forget";
    case EVENT_JOIN: return "join";
    case EVENT_RECLAIM: return "reclaim";
    }
    return "?";
}

static uint32_t short_hash(struct slice bytes)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < bytes.size; i++) {
        hash = (hash ^ bytes.data[i]) * 16777619u;
    }
    return hash;
}

static const char *member_text(struct world *world, uint32_t number)
{
    const struct machine *machine = world_member(world, number);
    return machine == NULL ? "?" : machine->name;
}

static void note_event(struct world *world, const struct machine *machine,
                       const struct event *event)
{
    char text[DESCRIPTION_SIZE];
    const char *peer = member_text(world, event->peer);
    if (event->kind == EVENT_TICK) {
        world_note(world, machine->name, "tick");
    } else if (event->kind == EVENT_WRITE) {
        static const char *const kinds[] = {"create", "edit", "void"};
        world_note(world, machine->name,
                   "write %" PRIu64 ": %s of register %u in %" PRIu64,
                   event->write->token, kinds[event->write->kind], event->write->reg,
                   event->write->realm);
    } else if (event->kind == EVENT_FRAME) {
        world_note(world, machine->name, "<- %s %zu bytes %08" PRIx32 " %s", peer,
                   event->bytes.size, short_hash(event->bytes),
                   describe_frame(event->bytes, text));
    } else {
        world_note(world, machine->name, "%s %s", event_name(event->kind), peer);
    }
}

static struct letter *letter_of(const struct machine *machine, uint64_t token)
{
    for (size_t i = 0; i < machine->taken.count; i++) {
        if (machine->taken.items[i].token == token) {
            return &machine->taken.items[i];
        }
    }
    return NULL;
}

/* The model hears what is durable, told or not; a pause that is not durable is not one. */
static void take_reply(struct world *world, struct machine *machine,
                       const struct effect *reply, bool released)
{
    char id[ID_TEXT_SIZE];
    id_format(&reply->id, id);
    world_note(world, machine->name, "reply %" PRIu64 ": %s %s field %u%s", reply->token,
               status_words(reply->status)->name, reply->status == OK ? id : "-",
               reply->field, released ? "" : " (never heard)");
    const struct letter *letter = letter_of(machine, reply->token);
    if (letter == NULL) {
        return;
    }
    const struct machine *peer = world_member(world, letter->peer);
    bool pauses = letter->kind == EVENT_PAUSE || letter->kind == EVENT_RESUME;
    if (pauses && peer != NULL && reply->status == OK) {
        machine->paused[peer->index] = letter->kind == EVENT_PAUSE;
    }
    struct job *job = letter->job;
    if (job == NULL) {
        return;
    }
    if (reply->status == OK && job->forbidden) {
        world_fail(world,
                   "%s accepted a write into realm %" PRIu64 ", which it cannot read",
                   machine->name, job->write.realm);
    }
    if (reply->status == OK) {
        model_add(&world->model, job, &reply->id, released);
    } else {
        world->writes_refused++;
    }
    if (released && world->answered != NULL) {
        world->answered(world->answered_context, job, reply);
    }
}

static void release_send(struct world *world, struct machine *machine,
                         const struct effect *effect)
{
    struct machine *peer = world_member(world, effect->peer);
    char text[DESCRIPTION_SIZE];
    world_note(world, machine->name, "-> %s %zu bytes %08" PRIx32 " %s",
               member_text(world, effect->peer), effect->bytes.size,
               short_hash(effect->bytes), describe_frame(effect->bytes, text));
    if (peer == NULL || link_between(world, machine->index, peer->index) == LINK_NONE) {
        world_fail(world, "%s sends to %" PRIu32 ", to which it has no link",
                   machine->name, effect->peer);
        return;
    }
    if (machine->paused[peer->index]) {
        world_fail(world, "%s sends to %s, which is paused", machine->name, peer->name);
    }
    machine->frames_out++;
    machine->bytes_out += effect->bytes.size;
    neighbours_send(machine->neighbours, effect->peer, effect->connection, effect->bytes,
                    machine->round.batch.steady_ms);
}

/* ---- the carrier, as the round sees it ---- */

static bool carrier_receive(void *context, struct transport_event *heard)
{
    struct machine *machine = context;
    if (machine->received == machine->arrived.count) {
        return false;
    }
    const struct letter *letter = &machine->arrived.items[machine->received++];
    *heard = (struct transport_event){
        .kind = letter->kind == EVENT_LINK_UP     ? TRANSPORT_UP
                : letter->kind == EVENT_LINK_DOWN ? TRANSPORT_DOWN
                                                  : TRANSPORT_FRAME,
        .peer = letter->peer,
        .frame = slice_of(letter->bytes, letter->size),
    };
    return true;
}

static bool carrier_translate(void *context, const struct transport_event *heard,
                              enum event_kind *kind)
{
    struct machine *machine = context;
    return neighbours_translate(machine->neighbours, heard, kind);
}

static void carrier_excess(void *context, uint32_t peer)
{
    struct machine *machine = context;
    world_note(machine->world, machine->name, "%s sends too much",
               member_text(machine->world, peer));
    neighbours_shut_out(machine->neighbours, peer, NEIGHBOUR_OVERFLOW_MS,
                        machine->round.batch.steady_ms);
}

static void carrier_release(void *context, const struct effect *effect)
{
    struct machine *machine = context;
    struct world *world = machine->world;
    const char *peer = member_text(world, effect->peer);
    bool alive = !commit_power_is_cut(&machine->plan);
    if (effect->kind == EFFECT_REPLY) {
        take_reply(world, machine, effect, alive);
        return;
    }
    if (!alive) {
        return;
    }
    switch (effect->kind) {
    case EFFECT_REPLY: return;
    case EFFECT_SEND: release_send(world, machine, effect); return;
    case EFFECT_DROP:
        world_note(world, machine->name, "drops %s %" PRIu64, peer, effect->pause_ms);
        neighbours_shut_out(machine->neighbours, effect->peer, effect->pause_ms,
                            machine->round.batch.steady_ms);
        return;
    case EFFECT_DIAL:
        world_note(world, machine->name, "dials %s", peer);
        neighbours_let_in(machine->neighbours, effect->peer);
        return;
    case EFFECT_ROSTER:
        world_note(world, machine->name, "roster changed");
        neighbours_dial(machine->neighbours);
        return;
    }
}

/* ---- a round ---- */

/* Somebody finds the machine dark and switches it on. */
static void plan_start(struct world *world, const struct machine *machine)
{
    uint64_t delay_ms = chance_between(&world->nodes_chance, 1000, 180000);
    queue_add(&world->queue, (struct happening){.at_ms = world->now_ms + delay_ms,
                                                .kind = HAPPEN_START,
                                                .machine = machine->index});
}

/* What is wanted here joins the batch before what arrived, so what an edit saw is certain. */
static void collect_wanted(struct machine *machine)
{
    struct batch *batch = &machine->round.batch;
    struct letters spent = machine->taken;
    machine->taken = machine->wanted; /* answering may bring more */
    machine->wanted = spent;
    for (size_t i = 0; i < machine->taken.count; i++) {
        struct letter *letter = &machine->taken.items[i];
        struct event *event = batch_add(batch, letter->kind);
        event->token = letter->token;
        event->peer = letter->peer;
        event->bytes = slice_of(letter->bytes, letter->size);
        if (letter->kind == EVENT_WRITE) {
            letter->job->wall_ms = event->wall_ms;
            job_look(letter->job, engine_heads(node_engine(machine->node)));
            event->write = &letter->job->write;
        }
    }
}

static void collect_owed(struct machine *machine)
{
    uint32_t peer;
    enum event_kind kind;
    while (neighbours_owed(machine->neighbours, &peer, &kind)) {
        batch_add(&machine->round.batch, kind)->peer = peer;
    }
}

/* Leaves what the round did not receive. */
static void drop_received(struct machine *machine)
{
    struct letters *arrived = &machine->arrived;
    for (size_t i = 0; i < machine->received; i++) {
        free(arrived->items[i].bytes);
    }
    arrived->count -= machine->received;
    if (arrived->count > 0) {
        memmove(arrived->items, arrived->items + machine->received,
                arrived->count * sizeof(*arrived->items));
    }
    machine->received = 0;
}

void machine_run(struct world *world, const struct happening *happening)
{
    struct machine *machine = &world->machines[happening->machine];
    struct round *round = &machine->round;
    struct batch *batch = &round->batch;
    if (machine->node == NULL || machine->starts != happening->epoch) {
        return;
    }
    levels_obey(machine);
    machine->run_planned = false;
    batch->wall_ms = machine_wall_ms(world, machine);
    batch->steady_ms = machine_steady_ms(world, machine);
    collect_owed(machine);
    collect_wanted(machine);
    round_hear(round);
    drop_received(machine);
    pace_begin(&round->pace, batch->steady_ms, machine->taken.count > 0);
    round_collect(round);
    for (size_t i = 0; i < batch->count; i++) {
        chance_bytes(&world->nodes_chance, batch->events[i].random, RANDOM_SIZE);
        machine->frames_in += batch->events[i].kind == EVENT_FRAME ? 1 : 0;
        note_event(world, machine, &batch->events[i]);
    }
    commit_obey(&machine->plan);
    enum status status = round_commit(round);
    commit_obey(NULL);
    levels_obey(NULL);
    machine->batches++;
    if (status != OK) {
        machine->failed_commits++;
        world_note(world, machine->name, "trouble: %s", status_words(status)->name);
    }
    batch_clear(batch);
    letters_burn(&machine->taken);
    if (commit_power_is_cut(&machine->plan)) {
        machine_power_off(world, machine);
        plan_start(world, machine);
        return;
    }
    neighbours_advance(machine->neighbours, batch->steady_ms);
    plan_wake(world, machine);
    if (machine->arrived.count + machine->wanted.count > 0 ||
        shares_any(&round->shares)) {
        plan_run(world, machine);
    }
}
