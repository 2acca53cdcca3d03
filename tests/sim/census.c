#include "tests/sim/checks.h"

#include <inttypes.h>

bool carries(struct world *world, const struct machine *machine, struct log_name log)
{
    if (machine->revoked) {
        return false; /* it is sent nothing, and what it keeps is its own affair */
    }
    /* The hub's roster is the fullest once all is well; before, the machine's own counts. */
    const struct machine *judge =
        world->machines[0].node != NULL ? &world->machines[0] : machine;
    const struct roster *roster = engine_roster(node_engine(judge->node));
    const struct member *author = roster_member(roster, log.node);
    const struct member *carrier = roster_member(roster, machine->number);
    return author != NULL && carrier != NULL && roster_carries(carrier, author, log.lane);
}

struct counting {
    struct world *world;
    struct machine *machine;
    struct census *census;
    uint64_t next_seq;
};

/* An honest county has no entry that a key holder cannot read or that nobody may write.
 */
static enum status expected_status(const struct machine *machine,
                                   const struct entry *entry)
{
    const struct roster *roster = engine_roster(node_engine(machine->node));
    bool key =
        entry->realm == 0 || roster_key(roster, entry->realm, entry->epoch) != NULL;
    return key ? OK : ERR_NO_KEY;
}

static bool count_entry(void *context, const struct opened_entry *opened)
{
    struct counting *counting = context;
    struct census *census = counting->census;
    enum status expected = expected_status(counting->machine, &opened->entry);
    if (opened->entry.seq != counting->next_seq++ || opened->status != expected) {
        world_fail(counting->world,
                   "%s: entry %" PRIu64 " of log %" PRIu32 ".%u is %s, expected %s",
                   counting->machine->name, opened->entry.seq, opened->log.node,
                   opened->log.lane, status_words(opened->status)->name,
                   status_words(expected)->name);
        return false;
    }
    uint64_t *counter = opened->log.lane == LANE_CONTROL ? &census->control
                        : expected == OK                 ? &census->records
                                                         : &census->unreadable;
    (*counter)++;
    return true;
}

bool census_take(struct world *world, struct machine *machine, struct census *census)
{
    struct store_txn *txn;
    struct arena arena;
    const struct engine *engine = node_engine(machine->node);
    const struct heads *heads = engine_heads(engine);
    *census = (struct census){0};
    CHECK(node_read(machine->node, &txn) == OK);
    arena_init(&arena);
    for (size_t i = 0; i < heads_count(heads) && !world_failed(world); i++) {
        const struct head *head = heads_at(heads, i);
        struct counting counting = {world, machine, census, 1};
        enum status status = engine_walk_log(engine, txn, head->log, 1, head->seq, &arena,
                                             count_entry, &counting);
        if (status != OK || counting.next_seq != head->seq + 1) {
            world_fail(world,
                       "%s: log %" PRIu32 ".%u reads %s up to %" PRIu64 " of %" PRIu64,
                       machine->name, head->log.node, head->log.lane,
                       status_words(status)->name, counting.next_seq - 1, head->seq);
        }
        arena_reset(&arena);
    }
    arena_deinit(&arena);
    store_abort(txn);
    return !world_failed(world);
}
