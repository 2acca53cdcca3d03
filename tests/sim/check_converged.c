#include "crdt/view.h"
#include "tests/sim/checks.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

static bool say(char why[WORLD_FAILURE_SIZE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool say(char why[WORLD_FAILURE_SIZE], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (why != NULL) {
        vsnprintf(why, WORLD_FAILURE_SIZE, format, arguments);
    }
    va_end(arguments);
    return false;
}

/* Every log that `from` holds and `to` carries is held alike. */
static bool heads_cover(struct world *world, const struct machine *from,
                        const struct machine *to, char why[WORLD_FAILURE_SIZE])
{
    const struct heads *ours = engine_heads(node_engine(from->node));
    const struct heads *theirs = engine_heads(node_engine(to->node));
    for (size_t i = 0; i < heads_count(ours); i++) {
        const struct head *head = heads_at(ours, i);
        if (head->seq == 0 || !carries(world, to, head->log)) {
            continue;
        }
        const struct head *held = heads_find(theirs, head->log);
        if (held == NULL || held->seq != head->seq ||
            !hash_equal(&held->hash, &head->hash)) {
            return say(why, "%s holds log %" PRIu32 ".%u to %" PRIu64 ", %s to %" PRIu64,
                       from->name, head->log.node, head->log.lane, head->seq, to->name,
                       held == NULL ? 0 : held->seq);
        }
    }
    return true;
}

static bool reports_equal(struct world *world, const struct machine *machine,
                          char why[WORLD_FAILURE_SIZE])
{
    struct peer_report reports[WORLD_MACHINES_MAX];
    size_t count = engine_peers(node_engine(machine->node), reports, WORLD_MACHINES_MAX);
    for (uint32_t peer = 0; peer < world->machine_count; peer++) {
        const struct peer_report *report = NULL;
        for (size_t i = 0; i < count; i++) {
            report =
                reports[i].number == world->machines[peer].number ? &reports[i] : report;
        }
        if (link_between(world, machine->index, peer) == LINK_NONE ||
            world->machines[peer].revoked) {
            continue;
        }
        if (report == NULL || report->state != PEER_ONLINE ||
            report->to_send_entries > 0 || !report->behind_known ||
            report->behind_entries > 0) {
            return say(
                why, "%s reports %s as state %d, %" PRIu64 " to send, %" PRIu64 " behind",
                machine->name, world->machines[peer].name,
                report == NULL ? -1 : (int)report->state,
                report == NULL ? 0 : report->to_send_entries,
                report == NULL ? 0 : report->behind_entries);
        }
    }
    return true;
}

bool converged_yet(struct world *world, char why[WORLD_FAILURE_SIZE])
{
    for (size_t i = 0; i < world->machine_count; i++) {
        if (world->machines[i].node == NULL) {
            return say(why, "%s is off", world->machines[i].name);
        }
    }
    for (size_t i = 1; i < world->machine_count; i++) {
        const struct machine *hub = &world->machines[0], *other = &world->machines[i];
        if (other->revoked) {
            continue;
        }
        if (!heads_cover(world, hub, other, why) ||
            !heads_cover(world, other, hub, why)) {
            return false;
        }
    }
    for (size_t i = 0; i < world->machine_count; i++) {
        if (!world->machines[i].revoked &&
            !reports_equal(world, &world->machines[i], why)) {
            return false;
        }
    }
    return true;
}

/* Nothing is held that is not carried, nothing is wanted, nothing was found wrong. */
static bool check_reports(struct world *world, struct machine *machine)
{
    struct engine_report report;
    const struct engine *engine = node_engine(machine->node);
    engine_report(engine, &report);
    if (report.refused_entries > 0 || report.diverged_logs > 0 ||
        report.wanted_logs > 0) {
        world_fail(world,
                   "%s reports %" PRIu64 " refused entries, %" PRIu64
                   " diverged logs, %" PRIu64 " wanted logs",
                   machine->name, report.refused_entries, report.diverged_logs,
                   report.wanted_logs);
    }
    const struct heads *heads = engine_heads(engine);
    for (size_t i = 0; i < heads_count(heads); i++) {
        const struct log_name log = heads_at(heads, i)->log;
        if (!carries(world, machine, log)) {
            world_fail(world, "%s holds log %" PRIu32 ".%u, which it does not carry",
                       machine->name, log.node, log.lane);
        }
    }
    return !world_failed(world);
}

static bool check_heads_digests(struct world *world)
{
    struct hash hub, other;
    engine_heads_digest(node_engine(world->machines[0].node), &hub);
    for (size_t i = 1; i < world->machine_count; i++) {
        struct machine *machine = &world->machines[i];
        engine_heads_digest(node_engine(machine->node), &other);
        if (!machine->revoked && division_level(machine->division) == DIVISION_TOWNSHIP &&
            !hash_equal(&hub, &other)) {
            world_fail(world, "%s and county hold the same heads with another digest",
                       machine->name);
        }
    }
    return !world_failed(world);
}

static void digest_of(const struct world *world, struct machine *machine, uint64_t realm,
                      struct hash *digest, uint64_t *records)
{
    struct store_txn *txn;
    CHECK(node_read(machine->node, &txn) == OK);
    view_digest(txn, realm, &world->county.salt, digest, records);
    store_abort(txn);
}

/* Whether it folds every entry of that realm: carried and with the key. Villages do so for
 * their own township only. */
static bool answers_for(struct machine *machine, uint64_t realm)
{
    const struct roster *roster = engine_roster(node_engine(machine->node));
    return roster_newest_key(roster, realm) != NULL &&
           (division_level(machine->division) != DIVISION_VILLAGE ||
            division_township(machine->division) == realm);
}

/* "Two nodes equal in entries, keys and level answer with identical bytes." */
static bool check_answers(struct world *world, uint64_t realm)
{
    struct hash hub, other;
    uint64_t hub_records, records;
    digest_of(world, &world->machines[0], realm, &hub, &hub_records);
    for (size_t i = 1; i < world->machine_count; i++) {
        struct machine *machine = &world->machines[i];
        if (machine->revoked || !answers_for(machine, realm)) {
            continue;
        }
        digest_of(world, machine, realm, &other, &records);
        if (records != hub_records || !hash_equal(&hub, &other)) {
            world_fail(world,
                       "%s answers realm %" PRIu64 " with %" PRIu64
                       " records, county with %" PRIu64 ", digests differ: %d",
                       machine->name, realm, records, hub_records,
                       !hash_equal(&hub, &other));
        }
    }
    return !world_failed(world);
}

bool check_converged(struct world *world)
{
    char why[WORLD_FAILURE_SIZE];
    if (!converged_yet(world, why)) {
        world_fail(world, "not converged: %s", why);
    }
    for (size_t i = 0; i < world->machine_count && !world_failed(world); i++) {
        if (!world->machines[i].revoked) {
            check_reports(world, &world->machines[i]);
        }
    }
    if (world_failed(world) || !check_heads_digests(world)) {
        return false;
    }
    check_answers(world, COUNTY_CODE);
    for (size_t i = 1; i < world->machine_count && !world_failed(world); i++) {
        check_answers(world, division_township(world->machines[i].division));
    }
    return !world_failed(world);
}
