/* bench_writes WORK SOCKETS SECONDS - 64 clients write visits at one daemon.
 *
 * Each client has one write under way and waits for its acknowledgement, which comes when
 * the write is durable; the daemon commits what is there together. 10,000 persons are
 * entered the same way first. How fast the disk itself is, is measured right before and
 * right after; and when the daemon has ended, how fast LMDB alone commits what it wrote, with
 * as many writes to a commit (bare.h). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bare.h"
#include "tests/bench/clients.h"
#include "tests/bench/disk.h"
#include "tests/bench/founding.h"
#include "tests/bench/linlid.h"
#include "tests/bench/people.h"
#include "tests/bench/report.h"
#include "tools/files.h"

#define CLIENTS 64
#define PERSONS 10000
#define WARM_UP_NS UINT64_C(2000000000)
#define PROBES 1000
#define LATENCIES_MAX 8000000

struct load {
    struct chance chance;
    char (*persons)[ID_TEXT_SIZE];
    size_t persons_asked, persons_done;
    uint64_t until_ns;         /* nothing is asked any more from then on */
    uint64_t from_ns;          /* answers count from then on */
    uint64_t begin_ns, end_ns; /* of what is counted */
    double *took_ms;
    size_t count, total;
};

/* ---- persons ---- */

static const char *next_person(void *context, struct buffer *args)
{
    struct load *load = context;
    if (load->persons_asked == PERSONS)
        return NULL;
    load->persons_asked++;
    person_args(args, &load->chance);
    return "person.add";
}

static void person_done(void *context, struct slice data, uint64_t took_ns)
{
    struct load *load = context;
    struct slice id = answer_text(data, "id");
    (void)took_ns;
    (void)snprintf(load->persons[load->persons_done++], ID_TEXT_SIZE, "%.*s",
                   (int)id.size, (const char *)id.data);
}

/* ---- visits ---- */

static const char *next_visit(void *context, struct buffer *args)
{
    struct load *load = context;
    if (steady_ns() >= load->until_ns)
        return NULL;
    visit_args(args, &load->chance, load->persons[chance_below(&load->chance, PERSONS)]);
    return "visit.add";
}

static void visit_done(void *context, struct slice data, uint64_t took_ns)
{
    struct load *load = context;
    uint64_t now_ns = steady_ns();
    (void)answer_text(data, "id");
    load->total++;
    if (now_ns < load->from_ns || now_ns >= load->until_ns)
        return;
    if (load->count == 0)
        load->begin_ns = now_ns;
    load->end_ns = now_ns;
    if (load->count < LATENCIES_MAX)
        load->took_ms[load->count] = (double)took_ns / 1e6;
    load->count++;
}

/* ---- the run ---- */

static void check_held(struct linlid *linlid, const struct load *load, uint64_t before)
{
    struct linlid_state state;
    linlid_look(linlid, &state);
    /* And the operator that the first write made. */
    uint64_t written = PERSONS + load->total + 1;
    if (state.entries - before != written)
        give_up("%" PRIu64 " entries for %" PRIu64 " acknowledged writes",
                state.entries - before, written);
}

static void run_load(struct linlid *linlid, struct load *load, unsigned seconds,
                     struct usage *spent)
{
    struct clients *clients = clients_open(linlid->socket, CLIENTS);
    struct linlid_state before;
    linlid_look(linlid, &before);
    clients_run(clients, &(struct clients_work){load, next_person, person_done});
    struct usage begin = linlid_usage(linlid);
    load->from_ns = steady_ns() + WARM_UP_NS;
    load->until_ns = load->from_ns + seconds * UINT64_C(1000000000);
    clients_run(clients, &(struct clients_work){load, next_visit, visit_done});
    struct usage end = linlid_usage(linlid);
    spent->cpu_ns = end.cpu_ns - begin.cpu_ns;
    spent->written_bytes = end.written_bytes - begin.written_bytes;
    check_held(linlid, load, before.entries);
    clients_close(clients);
}

static double writes_per_s(const struct load *load)
{
    return (double)load->count / ((double)(load->end_ns - load->begin_ns) / 1e9);
}

static void report(struct load *load, const struct usage *spent, double disk_before_ms,
                   double disk_after_ms)
{
    double seconds = (double)(load->end_ns - load->begin_ns) / 1e9;
    size_t kept = load->count < LATENCIES_MAX ? load->count : LATENCIES_MAX;
    if (load->count == 0)
        give_up("no write was acknowledged");
    report_result("local_writes_per_s", writes_per_s(load), "writes/s");
    report_beside("local_writes_per_s",
                  "%zu writes in %.1f s; fdatasync p50 of the same disk %.3f ms before, "
                  "%.3f ms after",
                  load->count, seconds, disk_before_ms, disk_after_ms);
    report_beside("local_writes_per_s",
                  "the daemon's CPU %.1f us a write, %.2f KiB written a write",
                  (double)spent->cpu_ns / 1e3 / (double)load->total,
                  (double)spent->written_bytes / 1024 / (double)load->total);
    double p50 = sorted_at(load->took_ms, kept, 500);
    report_result("local_write_p99_ms", load->took_ms[kept * 99 / 100], "ms");
    report_beside("local_write_p99_ms", "p50 %.2f ms, p99.9 %.2f ms, most %.2f ms", p50,
                  load->took_ms[kept * 999 / 1000], load->took_ms[kept - 1]);
}

static void report_ratio(const struct load *load, const struct bare *bare)
{
    report_result("local_writes_ratio", writes_per_s(load) / bare->writes_per_s, "ratio");
    report_beside(
        "local_writes_ratio",
        "of the %.0f writes/s of LMDB alone on the same disk: %" PRIu64
        " writes in %.1f s, %.1f to a commit and %.0f bytes each, as the daemon's",
        bare->writes_per_s, bare->writes, bare->seconds, bare->writes_per_commit,
        bare->bytes_per_write);
}

int main(int count, char **arguments)
{
    static struct load load = {.chance = {64}};
    char store[PATH_SIZE_MAX], work[PATH_SIZE_MAX];
    struct linlid linlid;
    struct bare bare;
    struct usage spent;
    if (count != 4)
        give_up("usage: bench_writes WORK SOCKETS SECONDS");
    unsigned seconds = (unsigned)strtoul(arguments[3], NULL, 10);
    load.persons = checked_malloc(PERSONS * sizeof *load.persons);
    load.took_ms = checked_malloc(LATENCIES_MAX * sizeof *load.took_ms);
    founding_make(arguments[1], 1);
    linlid_start(&linlid, &(struct linlid_options){.parent = arguments[1],
                                                   .sockets = arguments[2],
                                                   .name = TOWNSHIP});
    double disk_before_ms = disk_fdatasync_p50_ms(arguments[1], PROBES);
    run_load(&linlid, &load, seconds, &spent);
    double disk_after_ms = disk_fdatasync_p50_ms(arguments[1], PROBES);
    report(&load, &spent, disk_before_ms, disk_after_ms);
    linlid_stop(&linlid);
    if (path_join(store, linlid.directory, "store") != OK ||
        path_join(work, arguments[1], "bare") != OK)
        give_up("the path %s is too long", arguments[1]);
    bare_run(store, work, seconds, &bare);
    report_ratio(&load, &bare);
    free(load.took_ms);
    free(load.persons);
    return 0;
}
