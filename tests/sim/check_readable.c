/* Promise 5: "Who may not read, cannot", and nothing undecryptable or unaccepted was
 * folded: the derived tables hold exactly one row for each readable entry, of realms
 * whose key is held, at or below the heads. */
#include <inttypes.h>
#include <stdlib.h>

#include "tests/sim/checks.h"

static int compare_ids(const void *a, const void *b)
{
    return entry_id_compare(a, b);
}

static bool check_no_doubles(struct world *world, const struct machine *machine,
                             struct entry_id *ids, size_t count)
{
    qsort(ids, count, sizeof(*ids), compare_ids);
    for (size_t i = 1; i < count; i++) {
        if (entry_id_compare(&ids[i - 1], &ids[i]) == 0) {
            world_fail(world, "%s folded entry %" PRIu64 " of node %" PRIu32 " twice",
                       machine->name, entry_id_seq(&ids[i]), entry_id_log(&ids[i]).node);
            return false;
        }
    }
    return true;
}

static bool check_row(struct world *world, const struct machine *machine,
                      const struct fold_row *row)
{
    const struct engine *engine = node_engine(machine->node);
    const struct head *head = heads_find(engine_heads(engine), entry_id_log(&row->id));
    if (roster_newest_key(engine_roster(engine), row->realm) == NULL) {
        world_fail(world, "%s has a row of realm %" PRIu64 ", whose key it does not hold",
                   machine->name, row->realm);
    } else if (head == NULL || head->seq < entry_id_seq(&row->id)) {
        world_fail(world,
                   "%s folded entry %" PRIu64 " of node %" PRIu32
                   ", which it does not hold",
                   machine->name, entry_id_seq(&row->id), entry_id_log(&row->id).node);
    }
    return !world_failed(world);
}

static size_t read_rows(struct world *world, struct machine *machine,
                        struct store_txn *txn, struct entry_id **ids)
{
    struct store_cursor cursor;
    struct slice key, value;
    size_t count = 0, capacity = 0;
    *ids = NULL;
    bool more = store_seek(txn, STORE_ROWS, (struct slice){0}, &cursor, &key, &value);
    while (more && !world_failed(world)) {
        struct fold_row row;
        struct fold_mark mark;
        CHECK(key.size == 8);
        if (fold_mark_read(txn, get_be64(key.data), &mark)) {
            more = store_next(txn, &cursor, &key, &value);
            continue;
        }
        CHECK(fold_row_read(txn, get_be64(key.data), &row));
        check_row(world, machine, &row);
        if (count == capacity) {
            capacity = capacity == 0 ? 256 : capacity * 2;
            *ids = checked_realloc(*ids, capacity * sizeof(**ids));
        }
        (*ids)[count++] = row.id;
        more = store_next(txn, &cursor, &key, &value);
    }
    store_cursor_close(&cursor);
    return count;
}

static bool check_machine(struct world *world, struct machine *machine)
{
    struct store_txn *txn;
    struct entry_id *ids;
    struct census census;
    CHECK(node_read(machine->node, &txn) == OK);
    size_t rows = read_rows(world, machine, txn, &ids);
    store_abort(txn);
    if (rows > 0 && !world_failed(world)) {
        check_no_doubles(world, machine, ids, rows);
    }
    free(ids);
    bool counted = machine->index == 0 || chance_permille(&world->nodes_chance, 200);
    if (counted && !world_failed(world) && census_take(world, machine, &census) &&
        census.records != rows) {
        world_fail(world, "%s has %zu rows for %" PRIu64 " readable entries",
                   machine->name, rows, census.records);
    }
    return !world_failed(world);
}

bool check_readable(struct world *world)
{
    for (size_t i = 0; i < world->machine_count && !world_failed(world); i++) {
        check_machine(world, &world->machines[i]);
    }
    return !world_failed(world);
}
