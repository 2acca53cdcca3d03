/* Somebody is revoked in the middle of the storm, up to where one machine or another holds its
 * logs at that moment, or to some place before: then others hold more, less and exactly that. */
#include "tests/sim/checks.h"
#include "tests/sim/plan.h"

#define CUTS_MAX 16

/* Whether everybody still reaches the hub when this machine is gone. */
static bool is_dispensable(const struct world *world, uint32_t without)
{
    bool reached[WORLD_MACHINES_MAX] = {true};
    bool more = true;
    while (more) {
        more = false;
        for (uint32_t a = 0; a < world->machine_count; a++) {
            for (uint32_t b = 0; reached[a] && a != without && b < world->machine_count;
                 b++) {
                if (!reached[b] && link_between(world, a, b) != LINK_NONE) {
                    reached[b] = more = true;
                }
            }
        }
    }
    for (uint32_t i = 0; i < world->machine_count; i++) {
        if (!reached[i]) {
            return false;
        }
    }
    return true;
}

static struct machine *pick_dispensable(struct world *world)
{
    for (unsigned attempt = 0; attempt < 40; attempt++) {
        uint32_t at =
            1 + (uint32_t)chance_below(&world->faults_chance, world->machine_count - 1);
        if (world->machines[at].number != 0 && is_dispensable(world, at)) {
            return &world->machines[at];
        }
    }
    return NULL;
}

static bool take_hash(void *context, const struct opened_entry *opened)
{
    struct cut *cut = context;
    cut->hash = opened->entry.hash;
    return false;
}

/* The cut of one log as this machine holds it; false: it is left out. */
static bool draw_cut(struct world *world, struct machine *holder, const struct head *head,
                     struct cut *cut)
{
    bool whole = chance_permille(&world->faults_chance, 400);
    *cut = (struct cut){.log = head->log, .seq = head->seq};
    if (head->seq == 0 || chance_permille(&world->faults_chance, 50)) {
        return false;
    }
    if (!whole) {
        cut->seq = chance_between(&world->faults_chance, 1, head->seq);
    }
    struct store_txn *txn;
    struct arena arena;
    arena_init(&arena);
    CHECK(node_read(holder->node, &txn) == OK);
    CHECK(engine_walk_log(node_engine(holder->node), txn, cut->log, cut->seq, cut->seq,
                          &arena, take_hash, cut) == OK);
    store_abort(txn);
    arena_deinit(&arena);
    return true;
}

void revoke_somebody(struct world *world)
{
    struct plan *plan = world->plan;
    struct cut cuts[CUTS_MAX];
    size_t count = 0;
    struct machine *revoked = pick_dispensable(world);
    uint64_t at = chance_below(&world->faults_chance, world->machine_count);
    struct machine *holder = &world->machines[at];
    if (chance_permille(&world->faults_chance, 500)) {
        holder = &world->machines[0];
    }
    if (revoked == NULL || holder->node == NULL) {
        return;
    }
    const struct heads *heads = engine_heads(node_engine(holder->node));
    for (size_t i = 0; i < heads_count(heads) && count < CUTS_MAX; i++) {
        const struct head *head = heads_at(heads, i);
        if (head->log.node == revoked->number &&
            draw_cut(world, holder, head, &cuts[count])) {
            count++;
        }
    }
    plan->revoked = true;
    world_revoke(world, revoked->index, cuts, count);
}

/* Nobody honest holds, and so nobody folds, what lies beyond a cut. */
static void check_machine(struct world *world, struct machine *machine, uint32_t number)
{
    const struct engine *engine = node_engine(machine->node);
    const struct heads *heads = engine_heads(engine);
    if (!roster_revoked(engine_roster(engine), number)) {
        world_fail(world, "%s does not know that member %u is revoked", machine->name,
                   (unsigned)number);
    }
    for (size_t i = 0; i < heads_count(heads) && !world_failed(world); i++) {
        const struct head *head = heads_at(heads, i);
        struct cut scratch;
        const struct cut *cut = roster_cut(engine_roster(engine), head->log, &scratch);
        if (cut != NULL &&
            (head->seq > cut->seq ||
             (head->seq == cut->seq && !hash_equal(&head->hash, &cut->hash)))) {
            world_fail(world, "%s holds log %u.%u to %llu, which ends at %llu",
                       machine->name, (unsigned)head->log.node, (unsigned)head->log.lane,
                       (unsigned long long)head->seq, (unsigned long long)cut->seq);
        }
    }
}

bool check_revoked(struct world *world)
{
    for (size_t r = 0; r < world->machine_count; r++) {
        for (size_t i = 0; world->machines[r].revoked && i < world->machine_count &&
                           !world_failed(world);
             i++) {
            if (!world->machines[i].revoked) {
                check_machine(world, &world->machines[i], world->machines[r].number);
            }
        }
    }
    return !world_failed(world);
}

/* What counts of a revoked machine is what the honest hold now. */
void revoke_settle(struct world *world)
{
    const struct heads *heads = engine_heads(node_engine(world->machines[0].node));
    struct model *model = &world->model;
    size_t kept = 0;
    for (size_t i = 0; i < model->count; i++) {
        const struct model_write *write = &model->writes[i];
        const struct head *head = heads_find(heads, entry_id_log(&write->id));
        bool counts = !world->machines[write->machine].revoked ||
                      (head != NULL && head->seq >= entry_id_seq(&write->id));
        if (counts) {
            model->writes[kept++] = *write;
        }
    }
    model->count = kept;
}
