/* Promise 1: "Nothing acknowledged is lost." Every write that became durable is held by
 * every machine that carries its log, is the same entry there, and opens where the key
 * is. */
#include <inttypes.h>
#include <string.h>

#include "tests/sim/checks.h"

struct finding {
    struct hash hash;
    enum status status;
    bool found;
};

static bool find_entry(void *context, const struct opened_entry *opened)
{
    struct finding *finding = context;
    finding->found = true;
    finding->hash = opened->entry.hash;
    finding->status = opened->status;
    return false;
}

static struct finding look_up(struct machine *machine, const struct entry_id *id)
{
    struct finding finding = {.found = false};
    struct store_txn *txn;
    struct arena arena;
    uint64_t seq = entry_id_seq(id);
    arena_init(&arena);
    CHECK(node_read(machine->node, &txn) == OK);
    enum status status =
        engine_walk_log(node_engine(machine->node), txn, entry_id_log(id), seq, seq,
                        &arena, find_entry, &finding);
    finding.found = finding.found && status == OK;
    store_abort(txn);
    arena_deinit(&arena);
    return finding;
}

static bool check_held(struct world *world, const struct model_write *write,
                       const struct machine *machine)
{
    const struct heads *heads = engine_heads(node_engine(machine->node));
    const struct head *head = heads_find(heads, entry_id_log(&write->id));
    if (head == NULL || head->seq < entry_id_seq(&write->id)) {
        char text[ID_TEXT_SIZE];
        id_format(&write->id, text);
        world_fail(world, "%s lost entry %s, written by %s, %s", machine->name, text,
                   world->machines[write->machine].name,
                   write->acknowledged ? "acknowledged" : "durable");
    }
    return !world_failed(world);
}

/* The entry itself, at its author, at the hub and at one more carrier. */
static bool check_same(struct world *world, const struct model_write *write, size_t third)
{
    const size_t at[] = {write->machine, 0, third};
    struct finding first = {0};
    bool compared = false;
    for (size_t i = 0; i < ARRAY_SIZE(at) && !world_failed(world); i++) {
        struct machine *machine = &world->machines[at[i]];
        if (!carries(world, machine, entry_id_log(&write->id))) {
            continue;
        }
        const struct roster *roster = engine_roster(node_engine(machine->node));
        enum status expected =
            roster_newest_key(roster, write->realm) != NULL ? OK : ERR_NO_KEY;
        struct finding finding = look_up(machine, &write->id);
        first = compared ? first : finding;
        compared = true;
        if (!finding.found || finding.status != expected ||
            !hash_equal(&finding.hash, &first.hash)) {
            world_fail(world, "%s: entry %" PRIu64 " of %s is %s, %s", machine->name,
                       entry_id_seq(&write->id), world->machines[write->machine].name,
                       finding.found ? "there" : "missing",
                       status_words(finding.status)->name);
        }
    }
    return !world_failed(world);
}

bool check_acknowledged(struct world *world)
{
    for (size_t w = 0; w < world->model.count && !world_failed(world); w++) {
        const struct model_write *write = &world->model.writes[w];
        for (size_t i = 0; i < world->machine_count; i++) {
            if (carries(world, &world->machines[i], entry_id_log(&write->id))) {
                check_held(world, write, &world->machines[i]);
            }
        }
        if (!world_failed(world) && w % 4 == 0) {
            check_same(world, write,
                       chance_below(&world->nodes_chance, world->machine_count));
        }
    }
    return !world_failed(world);
}
