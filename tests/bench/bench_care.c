/* bench_care DIRECTORY - how long reports take over a township's made store.
 *
 * coverage_report_ms: the answer to report.coverage over every person, by village, and
 * due_list_ms: the answer to visit.due for one village, each the median of REPEATS, in one
 * process, by the daemon's own answers, without the control socket. The rows of reports are worked
 * in before. DIRECTORY is a copy: opening a store changes it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/codec.h"
#include "daemon/answer/query.h"
#include "daemon/run/node.h"
#include "tests/bench/people.h"
#include "tests/bench/report.h"
#include "tools/files.h"

#define REPEATS 21
#define STEADY_STEP_MS 1000

struct asking {
    struct node *node;
    struct query_sources sources;
    struct divisions divisions;
    struct config config;
    struct buffer data, args;
    struct arena arena, scratch;
    uint64_t now_ms;
};

static void read_file(const char *directory, const char *name, struct buffer *out)
{
    char path[PATH_SIZE_MAX];
    buffer_init(out, SIZE_MAX);
    if (path_join(path, directory, name) != OK || file_read(path, SIZE_MAX, out) != OK)
        give_up("cannot read %s/%s", directory, name);
}

static void asking_open(struct asking *asking, const char *directory)
{
    struct buffer seed, grant;
    struct effects effects;
    uint8_t random[RANDOM_SIZE] = {1};
    uint64_t steady_ms = 1;
    read_file(directory, "node.key", &seed);
    read_file(directory, "county.grant", &grant);
    if (node_open(&asking->node,
                  &(struct node_options){.directory = directory,
                                         .without_sync = true,
                                         .seed = buffer_slice(&seed),
                                         .grant = buffer_slice(&grant)},
                  random) != OK)
        give_up("cannot open the store in %s", directory);
    /* A clock that stands before the founding is not set. */
    asking->now_ms =
        roster_genesis(engine_roster(node_engine(asking->node)))->created_ms + 1000;
    effects_init(&effects);
    while (engine_follow_left(node_engine(asking->node)) > 0) {
        struct event event = {.kind = EVENT_TICK,
                              .wall_ms = asking->now_ms,
                              .steady_ms = steady_ms += STEADY_STEP_MS};
        effects_clear(&effects);
        if (node_handle(asking->node, &event, 1, &effects) != OK)
            give_up("the store in %s cannot be written", directory);
    }
    effects_deinit(&effects);
    buffer_deinit(&seed);
    buffer_deinit(&grant);
    divisions_init(&asking->divisions);
    buffer_init(&asking->data, SIZE_MAX);
    buffer_init(&asking->args, SIZE_MAX);
    asking->sources = (struct query_sources){
        .engine = node_engine(asking->node),
        .keys = node_keys(asking->node),
        .store = node_store(asking->node),
        .config = &asking->config,
        .divisions = &asking->divisions,
    };
}

static double ask(struct asking *asking, const char *command)
{
    double took_ms[REPEATS];
    for (size_t i = 0; i < REPEATS; i++) {
        struct query query = {.sources = &asking->sources,
                              .wall_ms = asking->now_ms,
                              .steady_ms = 1,
                              .arena = &asking->arena,
                              .scratch = &asking->scratch,
                              .data = &asking->data};
        struct store_txn *txn;
        uint64_t begin_ns = steady_ns();
        buffer_clear(&asking->data);
        if (node_read(asking->node, &txn) != OK ||
            query_answer(&query, txn, slice_text(command), buffer_slice(&asking->args)) !=
                OK)
            give_up("%s was refused: %s", command, query.subject);
        store_abort(txn);
        took_ms[i] = (double)(steady_ns() - begin_ns) / 1e6;
        arena_reset(&asking->arena);
        arena_reset(&asking->scratch);
    }
    return sorted_at(took_ms, REPEATS, 500);
}

int main(int count, char **arguments)
{
    static struct asking asking;
    char village[24];
    if (count != 2)
        give_up("usage: bench_care DIRECTORY");
    asking_open(&asking, arguments[1]);
    codec_put_map(&asking.args, 1);
    codec_put_cstring(&asking.args, "month");
    codec_put_cstring(&asking.args, "2025-11");
    report_result("coverage_report_ms", ask(&asking, "report.coverage"), "ms");
    report_beside("coverage_report_ms", "answers of %zu bytes", asking.data.size);
    buffer_clear(&asking.args);
    (void)snprintf(village, sizeof village, "%" PRIu64, PEOPLE_VILLAGE);
    codec_put_map(&asking.args, 1);
    codec_put_cstring(&asking.args, "division");
    codec_put_cstring(&asking.args, village);
    report_result("due_list_ms", ask(&asking, "visit.due"), "ms");
    report_beside("due_list_ms", "answers of %zu bytes", asking.data.size);
    node_close(asking.node);
    return 0;
}
