/* bench_ingest MADE WORK SOCKETS VISITS - an empty hub takes in a township's store.
 *
 * The made store is copied to WORK/shilian, an empty hub with its keys to WORK/county.
 * The hub's linlid starts first and is measured from the moment it answers, idle, until
 * it holds every entry durably. Entries are all that it took in: visits, persons, one
 * operator, and none of the roster's, which came with the grant. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/codec.h"
#include "tests/bench/disk.h"
#include "tests/bench/founding.h"
#include "tests/bench/linlid.h"
#include "tests/bench/people.h"
#include "tests/bench/report.h"
#include "tools/files.h"

#define INGEST_MS_MAX 300000
#define LOOK_MS                                                                          \
    100 /* between looks at the sink: each costs it a tenth of a millisecond */
#define SAMPLE_MS 20

struct ingest {
    struct linlid source, sink;
    uint64_t entries; /* taken in */
    double wall_s, cpu_s;
    double stood_s; /* the longest standstill */
    uint64_t written_bytes, dirtied_bytes, peak_bytes;
    uint64_t device_bytes; /* given to the disk meanwhile, by everybody */
    uint64_t idle_bytes;   /* RssAnon before it began */
};

static void copy_node(const char *made, const char *work, const char *name, bool store)
{
    char from[PATH_SIZE_MAX], to[PATH_SIZE_MAX];
    if (path_join(from, made, name) != OK || path_join(to, work, name) != OK)
        give_up("the path %s is too long", made);
    disk_copy_node(from, to, store);
}

static void start_source(struct ingest *ingest, const char *work, const char *sockets,
                         unsigned port)
{
    linlid_start(&ingest->source, &(struct linlid_options){.parent = work,
                                                           .sockets = sockets,
                                                           .name = TOWNSHIP,
                                                           .peer_name = HUB,
                                                           .peer_port = port});
}

/* Looks every 100 ms, and once more at the end: what it says of its last batch belongs to
 * it. Notes the longest span in which nothing new was held. */
static void wait_until_held(struct ingest *ingest)
{
    struct wait wait =
        wait_for("the hub to hold all that the township holds", INGEST_MS_MAX, LOOK_MS);
    struct linlid_state source, sink;
    uint64_t entries = 0, moved_ns = steady_ns();
    linlid_look(&ingest->source, &source);
    do {
        wait_step(&wait);
        linlid_look(&ingest->sink, &sink);
        double stood_s = (double)(steady_ns() - moved_ns) / 1e9;
        if (stood_s > ingest->stood_s)
            ingest->stood_s = stood_s;
        if (sink.entries != entries)
            moved_ns = steady_ns();
        entries = sink.entries;
    } while (sink.entries < source.entries || sink.wanted_logs > 0);
    wait_step(&wait);
}

static void run_ingest(struct ingest *ingest, const char *work, const char *sockets)
{
    unsigned port = linlid_free_port();
    struct linlid_state before, after;
    size_t samples;
    linlid_start(&ingest->sink, &(struct linlid_options){.parent = work,
                                                         .sockets = sockets,
                                                         .name = HUB,
                                                         .listen_port = port});
    linlid_look(&ingest->sink, &before);
    ingest->idle_bytes = linlid_private_bytes(&ingest->sink);
    uint64_t device_begin = disk_device_written_bytes(work);
    struct usage begin = linlid_usage(&ingest->sink);
    uint64_t begin_ns = steady_ns();
    struct sampler *sampler = sampler_start(&ingest->sink, SAMPLE_MS);
    start_source(ingest, work, sockets, port);
    wait_until_held(ingest);
    struct usage end = linlid_usage(&ingest->sink);
    ingest->wall_s = (double)(steady_ns() - begin_ns) / 1e9;
    ingest->peak_bytes = sampler_stop(sampler, &samples);
    linlid_look(&ingest->sink, &after);
    if (after.unreadable_entries != 0 || after.refused_entries != 0)
        give_up("the hub could not fold %" PRIu64 " entries",
                after.unreadable_entries + after.refused_entries);
    ingest->entries = after.entries - before.entries;
    ingest->cpu_s = (double)(end.cpu_ns - begin.cpu_ns) / 1e9;
    ingest->written_bytes = end.written_bytes - begin.written_bytes;
    ingest->dirtied_bytes = end.dirtied_bytes - begin.dirtied_bytes;
    ingest->device_bytes = disk_device_written_bytes(work) - device_begin;
}

/* What `linli digest` says of the township: its records, and a hash over all of them. */
static uint64_t township_digest(struct linlid *linlid, char heads[65], char digest[65])
{
    uint8_t no_args[] = {0x80};
    struct slice data = linlid_ask(linlid, "digest", slice_of(no_args, 1));
    struct slice realms = answer_value(data, "realms");
    struct slice text = answer_text(data, "heads");
    struct slice realm;
    size_t count;
    (void)snprintf(heads, 65, "%.*s", (int)text.size, (const char *)text.data);
    if (!codec_take_array(&realms, &count))
        give_up("\"realms\" is no list");
    while (count-- > 0 && codec_take_any(&realms, &realm)) {
        if (answer_uint(realm, "division") != PEOPLE_TOWNSHIP)
            continue;
        text = answer_text(realm, "digest");
        (void)snprintf(digest, 65, "%.*s", (int)text.size, (const char *)text.data);
        return answer_uint(realm, "records");
    }
    give_up("%s has no digest of the township", linlid->name);
}

/* Not only as many: the same heads, and the same records readable on both sides. */
static void check_equal(struct ingest *ingest)
{
    char source_heads[65], sink_heads[65], source_digest[65], sink_digest[65];
    uint64_t source = township_digest(&ingest->source, source_heads, source_digest);
    uint64_t sink = township_digest(&ingest->sink, sink_heads, sink_digest);
    if (strcmp(source_heads, sink_heads) != 0)
        give_up("the heads differ after the ingest");
    if (source != sink || strcmp(source_digest, sink_digest) != 0)
        give_up("the records differ after the ingest");
    report_beside("ingest_entries_per_s",
                  "%" PRIu64 " records read the same on both sides", sink);
}

static void report(const struct ingest *ingest, uint64_t visits)
{
    double entries = (double)ingest->entries;
    uint64_t stored = disk_store_bytes(ingest->sink.directory);
    report_result("ingest_entries_per_s", entries / ingest->cpu_s, "entries/s");
    report_beside(
        "ingest_entries_per_s",
        "%" PRIu64 " entries, %" PRIu64
        " of them visits; CPU %.2f s, wall %.2f s (%.0f entries/s), the longest "
        "standstill %.1f s",
        ingest->entries, visits, ingest->cpu_s, ingest->wall_s, entries / ingest->wall_s,
        ingest->stood_s);
    report_result("written_kib_per_entry", (double)ingest->written_bytes / 1024 / entries,
                  "KiB");
    report_beside(
        "written_kib_per_entry",
        "%.0f MiB that the hub wrote to files; the whole disk was given %.0f MiB "
        "meanwhile, journal and everybody else included; write_bytes, in whole "
        "folios, %.0f MiB",
        (double)ingest->written_bytes / (1 << 20),
        (double)ingest->device_bytes / (1 << 20),
        (double)ingest->dirtied_bytes / (1 << 20));
    report_result("stored_bytes_per_visit", (double)stored / (double)visits, "bytes");
    report_beside("stored_bytes_per_visit",
                  "%.1f MiB on disk over the visits alone, the persons' share charged to "
                  "them; per entry %.1f bytes",
                  (double)stored / (1 << 20), (double)stored / entries);
    report_result("daemon_peak_private_mib", (double)ingest->peak_bytes / (1 << 20),
                  "MiB");
    report_beside("daemon_peak_private_mib", "%.1f MiB before it began",
                  (double)ingest->idle_bytes / (1 << 20));
}

int main(int count, char **arguments)
{
    static struct ingest ingest;
    if (count != 5)
        give_up("usage: bench_ingest MADE WORK SOCKETS VISITS");
    copy_node(arguments[1], arguments[2], TOWNSHIP, true);
    copy_node(arguments[1], arguments[2], HUB, false);
    run_ingest(&ingest, arguments[2], arguments[3]);
    report(&ingest, strtoull(arguments[4], NULL, 10));
    check_equal(&ingest);
    linlid_stop(&ingest.source);
    linlid_stop(&ingest.sink);
    return 0;
}
