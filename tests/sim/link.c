#include "tests/sim/link.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/world.h"

#define TRY_AGAIN_MS 5000
#define REORDER_MS_MAX 4000

static struct link *link_at(struct world *world, uint32_t link)
{
    CHECK(link < world->link_count);
    return &world->links[link];
}

static uint8_t side_of(const struct link *link, uint32_t machine)
{
    CHECK(link->machine[0] == machine || link->machine[1] == machine);
    return link->machine[0] == machine ? 0 : 1;
}

static void plan_try(struct world *world, uint32_t index, uint64_t delay_ms)
{
    struct link *link = link_at(world, index);
    if (!link->try_planned) {
        link->try_planned = true;
        queue_add(&world->queue, (struct happening){.at_ms = world->now_ms + delay_ms,
                                                    .kind = HAPPEN_TRY,
                                                    .link = index});
    }
}

uint32_t link_add(struct world *world, uint32_t a, uint32_t b,
                  const struct link_quality *quality)
{
    CHECK(a != b && a < world->machine_count && b < world->machine_count);
    CHECK(world->link_of[a][b] == LINK_NONE);
    world->links = array_grow(world->links, &world->link_capacity, world->link_count + 1,
                              sizeof *world->links);
    uint32_t index = (uint32_t)world->link_count++;
    world->links[index] = (struct link){.machine = {a, b}, .quality = *quality};
    world->link_of[a][b] = world->link_of[b][a] = index;
    plan_try(world, index, chance_between(&world->links_chance, 1, 500));
    return index;
}

uint32_t link_between(const struct world *world, uint32_t a, uint32_t b)
{
    return world->link_of[a][b];
}

static void plan_side(struct world *world, uint32_t index, enum happening_kind kind,
                      uint8_t side, uint64_t delay_ms)
{
    queue_add(&world->queue, (struct happening){.at_ms = world->now_ms + delay_ms,
                                                .kind = kind,
                                                .link = index,
                                                .side = side,
                                                .epoch = link_at(world, index)->epoch});
}

void link_break(struct world *world, uint32_t index, uint64_t notice_ms_max)
{
    struct link *link = link_at(world, index);
    if (!link->alive) {
        return;
    }
    link->alive = false;
    for (uint8_t side = 0; side < 2; side++) {
        uint64_t notice = chance_between(&world->links_chance, 0, notice_ms_max);
        plan_side(world, index, HAPPEN_SIDE_DOWN, side, notice);
    }
    plan_try(world, index, chance_between(&world->links_chance, 200, TRY_AGAIN_MS));
}

void link_cut(struct world *world, uint32_t index)
{
    struct link *link = link_at(world, index);
    link->cuts++;
    link_break(world, index, 60000);
}

void link_mend(struct world *world, uint32_t index)
{
    struct link *link = link_at(world, index);
    CHECK(link->cuts > 0);
    link->cuts--;
    plan_try(world, index, chance_between(&world->links_chance, 1, TRY_AGAIN_MS));
}

void link_lose_machine(struct world *world, uint32_t machine)
{
    for (uint32_t i = 0; i < world->link_count; i++) {
        struct link *link = &world->links[i];
        if (link->machine[0] != machine && link->machine[1] != machine) {
            continue;
        }
        struct link_side *side = &link->side[side_of(link, machine)];
        side->up = false;
        link_break(world, i, 60000);
    }
}

void link_find_machine(struct world *world, uint32_t machine)
{
    for (uint32_t i = 0; i < world->link_count; i++) {
        if (world->links[i].machine[0] == machine ||
            world->links[i].machine[1] == machine) {
            plan_try(world, i, chance_between(&world->links_chance, 1, TRY_AGAIN_MS));
        }
    }
}

void link_hang_up(struct world *world, uint32_t index, uint32_t machine)
{
    struct link *link = link_at(world, index);
    uint8_t mine = side_of(link, machine);
    bool was_alive = link->alive;
    link->alive = false;
    plan_side(world, index, HAPPEN_SIDE_DOWN, mine,
              0); /* a hang-up is reported at once */
    if (!was_alive) {
        return;
    }
    plan_side(world, index, HAPPEN_SIDE_DOWN, mine ^ 1,
              chance_between(&world->links_chance, 0, 30000));
    plan_try(world, index, TRY_AGAIN_MS);
}

void link_dial(struct world *world, uint32_t index)
{
    plan_try(world, index, chance_between(&world->links_chance, 1, 1000));
}

static bool may_connect(const struct world *world, const struct link *link)
{
    const struct machine *a = &world->machines[link->machine[0]];
    const struct machine *b = &world->machines[link->machine[1]];
    return link->cuts == 0 && a->node != NULL && b->node != NULL &&
           machine_admits(a, b) && machine_admits(b, a);
}

/* A side that has not yet noticed the end of the link's last life finds the line replaced
 * and is told nothing, as net/transport.h says; or it notices first. */
static void connect_sides(struct world *world, uint32_t index)
{
    struct link *link = link_at(world, index);
    link->alive = true;
    link->epoch++;
    uint64_t delay = link->quality.delay_ms;
    for (uint8_t s = 0; s < 2; s++) {
        struct link_side *side = &link->side[s];
        side->free_at_ms = side->last_arrival_ms = world->now_ms;
        side->up_at_ms = world->now_ms + (s + 1) * (delay + 1);
        if (!side->up) {
            plan_side(world, index, HAPPEN_SIDE_UP, s, side->up_at_ms - world->now_ms);
        }
    }
}

void link_try(struct world *world, const struct happening *happening)
{
    struct link *link = link_at(world, happening->link);
    link->try_planned = false;
    if (link->alive) {
        return;
    }
    bool unnoticed = link->side[0].up || link->side[1].up;
    bool replaces = !unnoticed || chance_permille(&world->links_chance, 300);
    if (may_connect(world, link) && replaces) {
        connect_sides(world, happening->link);
        return;
    }
    plan_try(world, happening->link,
             chance_between(&world->links_chance, TRY_AGAIN_MS / 2, 3 * TRY_AGAIN_MS));
}

void link_side_up(struct world *world, const struct happening *happening)
{
    struct link *link = link_at(world, happening->link);
    struct link_side *side = &link->side[happening->side];
    if (!link->alive || link->epoch != happening->epoch || side->up) {
        return;
    }
    side->up = true;
    const struct machine *peer = &world->machines[link->machine[happening->side ^ 1]];
    machine_deliver(world, &world->machines[link->machine[happening->side]],
                    EVENT_LINK_UP, peer->number, (struct slice){0}, NULL);
}

void link_side_down(struct world *world, const struct happening *happening)
{
    struct link *link = link_at(world, happening->link);
    struct link_side *side = &link->side[happening->side];
    if (link->alive || link->epoch != happening->epoch || !side->up) {
        return;
    }
    side->up = false;
    const struct machine *peer = &world->machines[link->machine[happening->side ^ 1]];
    machine_deliver(world, &world->machines[link->machine[happening->side]],
                    EVENT_LINK_DOWN, peer->number, (struct slice){0}, NULL);
}

/* When a frame of this size arrives: after those before it, unless it is reordered. */
static uint64_t arrival_ms(struct world *world, struct link *link, uint8_t from,
                           size_t size)
{
    struct link_side *side = &link->side[from];
    const struct link_quality *quality = &link->quality;
    uint64_t start = side->free_at_ms > world->now_ms ? side->free_at_ms : world->now_ms;
    if (quality->rate_bytes_per_s > 0) {
        start +=
            (size * 1000 + quality->rate_bytes_per_s - 1) / quality->rate_bytes_per_s;
    }
    side->free_at_ms = start;
    uint64_t at = start + quality->delay_ms +
                  chance_between(&world->links_chance, 0, quality->jitter_ms);
    at = at < side->last_arrival_ms ? side->last_arrival_ms : at;
    at = at <= link->side[from ^ 1].up_at_ms ? link->side[from ^ 1].up_at_ms + 1 : at;
    side->last_arrival_ms = at;
    if (chance_permille(&world->links_chance, quality->reorder_permille)) {
        at += chance_between(&world->links_chance, 1, REORDER_MS_MAX);
    }
    return at;
}

static void plan_frame(struct world *world, uint32_t index, uint8_t from,
                       struct slice frame)
{
    struct link *link = link_at(world, index);
    uint8_t *copy = checked_malloc(frame.size + 1);
    memcpy(copy, frame.data, frame.size);
    queue_add(&world->queue,
              (struct happening){.at_ms = arrival_ms(world, link, from, frame.size),
                                 .kind = HAPPEN_FRAME,
                                 .link = index,
                                 .side = from ^ 1,
                                 .epoch = link->epoch,
                                 .bytes = copy,
                                 .size = frame.size});
}

void link_send(struct world *world, uint32_t index, uint32_t from, struct slice frame)
{
    struct link *link = link_at(world, index);
    uint8_t mine = side_of(link, from);
    struct link_side *side = &link->side[mine];
    side->frames++;
    side->bytes += frame.size;
    bool lost = !side->up || !link->alive ||
                chance_permille(&world->links_chance, link->quality.loss_permille);
    if (!lost && world->intercept != NULL) {
        lost = world->intercept(world->intercept_context, world, from,
                                link->machine[mine ^ 1], frame) == FRAME_LOST;
    }
    if (lost) {
        side->frames_lost++;
        return;
    }
    plan_frame(world, index, mine, frame);
    if (chance_permille(&world->links_chance, link->quality.duplicate_permille)) {
        plan_frame(world, index, mine, frame);
    }
}

/* The transport asks the roster about the sender of every frame. */
void link_arrive(struct world *world, const struct happening *happening)
{
    struct link *link = link_at(world, happening->link);
    uint8_t to = happening->side;
    struct machine *receiver = &world->machines[link->machine[to]];
    const struct machine *sender = &world->machines[link->machine[to ^ 1]];
    if (link->alive && link->epoch == happening->epoch && link->side[to].up &&
        receiver->node != NULL && machine_admits(receiver, sender)) {
        world->frames_delivered++;
        machine_deliver(world, receiver, EVENT_FRAME, sender->number,
                        slice_of(happening->bytes, happening->size), NULL);
    } else {
        link->side[to ^ 1].frames_lost++;
    }
}
