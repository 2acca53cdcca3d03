/* bench_find MADE WORK SOCKETS - persons are looked for in the made store.
 *
 * The township's store is copied and served by a real daemon; what is measured is one request
 * over the control socket until its answer is there, when all rows of reports are worked in
 * and nothing else happens. */
#include <stdio.h>

#include "crdt/codec.h"
#include "tests/bench/disk.h"
#include "tests/bench/founding.h"
#include "tests/bench/linlid.h"
#include "tests/bench/people.h"
#include "tests/bench/report.h"
#include "tools/files.h"

#define QUIET_MS_MAX 240000
#define TIMES 200
#define NAME "覃宝珍" /* whom the made persons' names do not come near */

static struct linlid linlid;

/* A second of less than 10 ms of CPU. */
static void wait_until_quiet(void)
{
    struct wait wait =
        wait_for("the rows of reports to be worked in", QUIET_MS_MAX, 1000);
    uint64_t before, after = linlid_usage(&linlid).cpu_ns;
    do {
        before = after;
        wait_step(&wait);
        after = linlid_usage(&linlid).cpu_ns;
    } while (after - before > 10000000);
}

static void enter(void)
{
    struct buffer args;
    char village[16];
    (void)snprintf(village, sizeof village, "%llu", (unsigned long long)PEOPLE_VILLAGE);
    buffer_init(&args, SIZE_MAX);
    codec_put_map(&args, 2);
    codec_put_cstring(&args, "name");
    codec_put_cstring(&args, NAME);
    codec_put_cstring(&args, "village");
    codec_put_cstring(&args, village);
    (void)linlid_ask(&linlid, "person.add", buffer_slice(&args));
    buffer_deinit(&args);
}

/* Median ms of an answer, and how many it finds. */
static double measure(const char *text, uint64_t *found)
{
    static double took[TIMES];
    for (size_t i = 0; i < TIMES; i++) {
        uint64_t begin_ns = steady_ns();
        struct slice data = linlid_ask_one(&linlid, "person.find", "text", text);
        took[i] = (double)(steady_ns() - begin_ns) / 1e6;
        *found = answer_uint(data, "found");
    }
    return sorted_at(took, TIMES, 500);
}

static void report_one(const char *text)
{
    uint64_t found;
    double ms = measure(text, &found);
    report_beside("person_find_ms", "%s: %.2f ms, finds %llu", text, ms,
                  (unsigned long long)found);
}

int main(int count, char **arguments)
{
    char from[PATH_SIZE_MAX], to[PATH_SIZE_MAX];
    uint64_t found;
    if (count != 4)
        give_up("usage: bench_find MADE WORK SOCKETS");
    if (path_join(from, arguments[1], TOWNSHIP) != OK ||
        path_join(to, arguments[2], TOWNSHIP) != OK)
        give_up("the path %s is too long", arguments[1]);
    disk_copy_node(from, to, true);
    linlid_start(&linlid, &(struct linlid_options){.parent = arguments[2],
                                                   .sockets = arguments[3],
                                                   .name = TOWNSHIP,
                                                   .listen_port = linlid_free_port()});
    wait_until_quiet();
    enter();
    double ms = measure("qbz", &found);
    if (found != 1)
        give_up("qbz finds %llu persons", (unsigned long long)found);
    report_result("person_find_ms", ms, "ms");
    report_one("qinbaozhen");
    report_one(NAME);
    report_one("13905789999");
    report_one("wxy");
    linlid_stop(&linlid);
    return 0;
}
