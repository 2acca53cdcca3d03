#include "tests/sim/machine.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/commit.h"
#include "tests/sim/describe.h"
#include "tests/sim/world.h"

#define MAP_SIZE ((size_t)8 << 20) /* small: it grows in the long runs, on purpose */
#define BATCH_MAX 512

void machine_init(struct world *world, struct machine *machine, uint32_t index,
                  uint64_t division, const char *name)
{
    *machine = (struct machine){
        .index = index, .division = division, .wake_planned_ms = UINT64_MAX};
    snprintf(machine->name, sizeof(machine->name), "%s", name);
    snprintf(machine->directory, sizeof(machine->directory), "%.80s/%.40s",
             world->directory, name);
    chance_bytes(&world->nodes_chance, machine->seed, SEED_SIZE);
    crypto_node_keys(machine->seed, &machine->keys);
    buffer_init(&machine->grant, GRANT_SIZE_MAX);
    machine->paused = checked_malloc(WORLD_MACHINES_MAX * sizeof(bool));
    memset(machine->paused, 0, WORLD_MACHINES_MAX * sizeof(bool));
}

static void letter_burn(struct letter *letter)
{
    free(letter->bytes);
    job_destroy(letter->job);
}

static void inbox_burn(struct machine *machine)
{
    for (size_t i = 0; i < machine->inbox_count; i++) {
        letter_burn(&machine->inbox[i]);
    }
    machine->inbox_count = 0;
}

void machine_deinit(struct machine *machine)
{
    if (machine->node != NULL) {
        node_close(machine->node);
    }
    inbox_burn(machine);
    free(machine->inbox);
    free(machine->paused);
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
    uint64_t wake = engine_wake_ms(engine);
    uint64_t steady = machine_steady_ms(world, machine), runs_left;
    if (engine_folding(engine, &runs_left)) {
        wake = steady;
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
    enum status status =
        node_open(&machine->node,
                  &(struct node_options){.directory = machine->directory,
                                         .without_sync = true,
                                         .map_size = MAP_SIZE,
                                         .seed = slice_of(machine->seed, SEED_SIZE),
                                         .grant = buffer_slice(&machine->grant)},
                  random);
    world_note(world, machine->name, "starts: %s", status_words(status)->name);
    if (status != OK) {
        machine->node = NULL;
        world_fail(world, "%s does not start: %s", machine->name,
                   status_words(status)->name);
        return;
    }
    machine->founded = true;
    plan_wake(world, machine);
    link_find_machine(world, machine->index);
}

void machine_power_off(struct world *world, struct machine *machine)
{
    CHECK(machine->node != NULL);
    world_note(world, machine->name, "loses power");
    commit_obey(NULL);
    node_close(machine->node);
    machine->node = NULL;
    machine->plan = (struct commit_plan){0};
    machine->crashes++;
    inbox_burn(machine);
    link_lose_machine(world, machine->index);
}

void machine_deliver(struct world *world, struct machine *machine, enum event_kind kind,
                     uint32_t peer, struct slice bytes, struct job *job)
{
    if (machine->node == NULL) {
        job_destroy(job);
        return;
    }
    if (machine->inbox_count == machine->inbox_capacity) {
        machine->inbox_capacity =
            machine->inbox_capacity == 0 ? 32 : machine->inbox_capacity * 2;
        machine->inbox = checked_realloc(machine->inbox, machine->inbox_capacity *
                                                             sizeof(*machine->inbox));
    }
    struct letter *letter = &machine->inbox[machine->inbox_count++];
    *letter = (struct letter){.kind = kind, .peer = peer, .size = bytes.size, .job = job};
    letter->token = job != NULL ? job->write.token : ++world->token;
    letter->bytes = checked_malloc(bytes.size + 1);
    if (bytes.size > 0) {
        memcpy(letter->bytes, bytes.data, bytes.size);
    }
    plan_run(world, machine);
}

/* An edit names the versions it replaces, so what it saw must be certain: nothing that
 * arrives in the same batch comes before it. */
static bool needs_certain_sight(const struct letter *letter)
{
    return letter->kind == EVENT_WRITE && letter->job->write.kind == OPERATION_EDIT;
}

static size_t batch_size(const struct machine *machine)
{
    bool frames_before = false;
    size_t count = 0;
    while (count < machine->inbox_count && count < BATCH_MAX) {
        const struct letter *letter = &machine->inbox[count];
        if (frames_before && needs_certain_sight(letter)) {
            break;
        }
        frames_before = frames_before || letter->kind == EVENT_FRAME;
        count++;
    }
    return count;
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

static void letter_to_event(struct world *world, struct machine *machine,
                            struct letter *letter, struct event *event)
{
    *event = (struct event){.kind = letter->kind,
                            .token = letter->token,
                            .peer = letter->peer,
                            .bytes = slice_of(letter->bytes, letter->size),
                            .wall_ms = machine_wall_ms(world, machine),
                            .steady_ms = machine_steady_ms(world, machine)};
    chance_bytes(&world->nodes_chance, event->random, RANDOM_SIZE);
    if (letter->kind == EVENT_WRITE) {
        letter->job->wall_ms = event->wall_ms;
        job_look(letter->job, engine_heads(node_engine(machine->node)));
        event->write = &letter->job->write;
    }
    note_event(world, machine, event);
}

static struct job *job_with(struct letter *letters, size_t count, uint64_t token)
{
    for (size_t i = 0; i < count; i++) {
        if (letters[i].job != NULL && letters[i].job->write.token == token) {
            return letters[i].job;
        }
    }
    return NULL;
}

/* The model hears what is durable, told or not. */
static void take_reply(struct world *world, struct machine *machine,
                       struct letter *letters, size_t count, const struct effect *reply,
                       bool released)
{
    char id[ID_TEXT_SIZE];
    id_format(&reply->id, id);
    world_note(world, machine->name, "reply %" PRIu64 ": %s %s field %u%s", reply->token,
               status_words(reply->status)->name, reply->status == OK ? id : "-",
               reply->field, released ? "" : " (never heard)");
    struct job *job = job_with(letters, count, reply->token);
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
    link_send(world, link_between(world, machine->index, peer->index), machine->index,
              effect->bytes);
}

static void release_link_effect(struct world *world, struct machine *machine,
                                const struct effect *effect)
{
    struct machine *peer = world_member(world, effect->peer);
    uint32_t link =
        peer == NULL ? LINK_NONE : link_between(world, machine->index, peer->index);
    bool drop = effect->kind == EFFECT_DROP;
    world_note(world, machine->name, "%s %s %" PRIu64, drop ? "drops" : "dials",
               member_text(world, effect->peer), drop ? effect->pause_ms : 0);
    if (link != LINK_NONE && drop) {
        link_block(world, link, machine->index, effect->pause_ms);
    } else if (link != LINK_NONE) {
        link_unblock(world, link, machine->index);
    }
}

static void release(struct world *world, struct machine *machine, struct letter *letters,
                    size_t count, const struct effects *effects, bool alive)
{
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *effect = &effects->items[i];
        if (effect->kind == EFFECT_REPLY) {
            take_reply(world, machine, letters, count, effect, alive);
        } else if (alive && effect->kind == EFFECT_SEND) {
            release_send(world, machine, effect);
        } else if (alive &&
                   (effect->kind == EFFECT_DROP || effect->kind == EFFECT_DIAL)) {
            release_link_effect(world, machine, effect);
        } else if (alive && effect->kind == EFFECT_ROSTER) {
            world_note(world, machine->name, "roster changed");
            link_find_machine(world, machine->index);
        }
    }
}

static bool was_done(const struct effects *effects, uint64_t token)
{
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *effect = &effects->items[i];
        if (effect->kind == EFFECT_REPLY && effect->token == token) {
            return effect->status == OK;
        }
    }
    return false;
}

/* A pause that is not durable is not one. */
static void note_pauses(struct world *world, struct machine *machine,
                        const struct letter *letters, size_t count, enum event_kind kind,
                        const struct effects *effects)
{
    for (size_t i = 0; i < count; i++) {
        const struct machine *peer = world_member(world, letters[i].peer);
        if (letters[i].kind == kind && peer != NULL &&
            was_done(effects, letters[i].token)) {
            machine->paused[peer->index] = kind == EVENT_PAUSE;
        }
    }
}

/* Cuts the first `count` letters off the inbox. */
static struct letter *take_letters(struct machine *machine, size_t count)
{
    struct letter *letters = checked_malloc((count + 1) * sizeof(*letters));
    memcpy(letters, machine->inbox, count * sizeof(*letters));
    machine->inbox_count -= count;
    memmove(machine->inbox, machine->inbox + count,
            machine->inbox_count * sizeof(*machine->inbox));
    return letters;
}

/* Somebody finds the machine dark and switches it on. */
static void plan_start(struct world *world, const struct machine *machine)
{
    uint64_t delay_ms = chance_between(&world->nodes_chance, 1000, 180000);
    queue_add(&world->queue, (struct happening){.at_ms = world->now_ms + delay_ms,
                                                .kind = HAPPEN_START,
                                                .machine = machine->index});
}

static void handle_letters(struct world *world, struct machine *machine,
                           struct letter *letters, size_t count)
{
    struct event *events = checked_malloc((count + 1) * sizeof(*events));
    for (size_t i = 0; i < count; i++) {
        letter_to_event(world, machine, &letters[i], &events[i]);
        machine->frames_in += letters[i].kind == EVENT_FRAME ? 1 : 0;
    }
    struct effects effects;
    effects_init(&effects);
    commit_obey(&machine->plan);
    enum status status = node_handle(machine->node, events, count, &effects);
    commit_obey(NULL);
    machine->batches++;
    if (status != OK) {
        machine->failed_commits++;
        world_note(world, machine->name, "trouble: %s", status_words(status)->name);
    }
    bool alive = !commit_power_is_cut(&machine->plan);
    note_pauses(world, machine, letters, count, EVENT_RESUME, &effects);
    release(world, machine, letters, count, &effects, alive);
    note_pauses(world, machine, letters, count, EVENT_PAUSE, &effects);
    effects_deinit(&effects);
    free(events);
    if (!alive) {
        machine_power_off(world, machine);
        plan_start(world, machine);
    }
}

void machine_run(struct world *world, const struct happening *happening)
{
    struct machine *machine = &world->machines[happening->machine];
    if (machine->node == NULL || machine->starts != happening->epoch) {
        return;
    }
    machine->run_planned = false;
    size_t count = batch_size(machine);
    struct letter *letters = take_letters(machine, count);
    handle_letters(world, machine, letters, count);
    for (size_t i = 0; i < count; i++) {
        letter_burn(&letters[i]);
    }
    free(letters);
    if (machine->node == NULL) {
        return;
    }
    plan_wake(world, machine);
    if (machine->inbox_count > 0) {
        plan_run(world, machine);
    }
}
