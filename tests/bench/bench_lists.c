/* bench_lists WORK SOCKETS VISITS - the list of all visits, read by programs at a hub.
 *
 * Takes the two stores that bench_ingest leaves. First one client reads the whole list, and
 * the hub's private memory (RssAnon) is sampled: its growth is what the list costs. Then
 * three clients read that list over and over for some seconds, while the township's node
 * writes and the hub takes in what it writes: a pause is the time between two looks at the
 * hub in which it had taken in something. A look is a request like others, so it waits as
 * they do; what the pauses are without readers is said beside. */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "crdt/codec.h"
#include "tests/bench/clients.h"
#include "tests/bench/founding.h"
#include "tests/bench/linlid.h"
#include "tests/bench/people.h"
#include "tests/bench/report.h"
#include "tools/listing.h"

#define CONNECT_MS_MAX 90000
#define SAMPLE_MS 5
#define LOOK_MS 1
#define READERS 3
#define WRITERS 4
#define ALONE_MS 3000
#define READ_MS 8000
#define PERSONS_MAX 500

struct bench {
    struct linlid hub, township;
    char persons[PERSONS_MAX][ID_TEXT_SIZE];
    size_t person_count;
    struct chance chance;
    atomic_bool stop_writing, stop_reading;
    atomic_size_t read; /* records, by all readers together */
};

static bool is_settled(struct linlid *linlid)
{
    struct linlid_state state;
    linlid_look(linlid, &state);
    return state.peers_online == 1 && state.to_send == 0 && state.uncounted_entries == 0;
}

static void start(struct bench *bench, const char *work, const char *sockets)
{
    unsigned port = linlid_free_port();
    linlid_start(&bench->hub, &(struct linlid_options){.parent = work,
                                                       .sockets = sockets,
                                                       .name = HUB,
                                                       .listen_port = port});
    linlid_start(&bench->township, &(struct linlid_options){.parent = work,
                                                            .sockets = sockets,
                                                            .name = TOWNSHIP,
                                                            .peer_name = HUB,
                                                            .peer_port = port});
    struct wait wait = wait_for("both nodes to be online and idle", CONNECT_MS_MAX, 50);
    while (!is_settled(&bench->hub) || !is_settled(&bench->township))
        wait_step(&wait);
}

/* ---- reading ---- */

static bool count_record(void *context, struct slice record)
{
    struct bench *bench = context;
    (void)record;
    atomic_fetch_add(&bench->read, 1);
    return !atomic_load(&bench->stop_reading);
}

static void read_list(struct bench *bench)
{
    static const uint8_t no_args[] = {0x80};
    struct client_options options = {.path = bench->hub.socket};
    struct client_reply reply;
    struct listing listing;
    struct client *client;
    if (client_open(&client, &options) != OK)
        give_up("cannot connect to the hub");
    listing_init(&listing);
    if (listing_read(client, "visit.list", slice_of(no_args, 1), count_record, bench,
                     &listing, &reply) != OK ||
        reply.status != OK)
        give_up("the list could not be read");
    listing_deinit(&listing);
    client_close(client);
}

static void *read_on(void *context)
{
    struct bench *bench = context;
    while (!atomic_load(&bench->stop_reading))
        read_list(bench);
    return NULL;
}

/* ---- writing ---- */

static void learn_persons(struct bench *bench)
{
    struct slice data = linlid_ask_one(&bench->township, "person.list", "columns", "id");
    struct slice records = answer_value(data, "records"), record;
    size_t count;
    if (!codec_take_array(&records, &count) || count == 0)
        give_up("the township has no persons");
    while (count-- > 0 && bench->person_count < PERSONS_MAX &&
           codec_take_any(&records, &record)) {
        struct slice id = answer_text(record, "id");
        (void)snprintf(bench->persons[bench->person_count++], ID_TEXT_SIZE, "%.*s",
                       (int)id.size, (const char *)id.data);
    }
}

static const char *next_write(void *context, struct buffer *args)
{
    struct bench *bench = context;
    if (atomic_load(&bench->stop_writing))
        return NULL;
    visit_args(args, &bench->chance,
               bench->persons[chance_below(&bench->chance, bench->person_count)]);
    return "visit.add";
}

static void written(void *context, struct slice data, uint64_t took_ns)
{
    (void)context;
    (void)data;
    (void)took_ns;
}

static void *write_on(void *context)
{
    struct bench *bench = context;
    const struct clients_work work = {bench, next_write, written};
    struct clients *clients = clients_open(bench->township.socket, WRITERS);
    clients_run(clients, &work);
    clients_close(clients);
    return NULL;
}

/* ---- measuring ---- */

static void measure_memory(struct bench *bench, uint64_t visits)
{
    size_t samples;
    uint64_t before = linlid_private_bytes(&bench->hub), begin_ns = steady_ns();
    struct sampler *sampler = sampler_start(&bench->hub, SAMPLE_MS);
    read_list(bench);
    double took_s = (double)(steady_ns() - begin_ns) / 1e9;
    uint64_t peak = sampler_stop(sampler, &samples);
    if (atomic_load(&bench->read) < visits)
        give_up("the list has %zu visits of %" PRIu64, atomic_load(&bench->read), visits);
    report_result("list_peak_mib",
                  peak > before ? (double)(peak - before) / (1 << 20) : 0, "MiB");
    report_beside("list_peak_mib", "%zu visits in %.1f s; %zu samples of RssAnon",
                  atomic_load(&bench->read), took_s, samples);
}

/* The longest time in which the hub took in nothing, and how much it took in. */
static double longest_pause_ms(struct bench *bench, unsigned span_ms, uint64_t *taken)
{
    struct linlid_state state;
    linlid_look(&bench->hub, &state);
    uint64_t first = state.entries, entries = first, longest_ns = 0;
    uint64_t begin_ns = steady_ns(), moved_ns = begin_ns;
    while (steady_ns() - begin_ns < (uint64_t)span_ms * 1000000) {
        sleep_ms(LOOK_MS);
        linlid_look(&bench->hub, &state);
        uint64_t now_ns = steady_ns();
        if (now_ns - moved_ns > longest_ns)
            longest_ns = now_ns - moved_ns;
        if (state.entries != entries)
            moved_ns = now_ns;
        entries = state.entries;
    }
    *taken = entries - first;
    return (double)longest_ns / 1e6;
}

static void measure_pauses(struct bench *bench)
{
    pthread_t writer, readers[READERS];
    uint64_t taken_alone, taken;
    learn_persons(bench);
    if (pthread_create(&writer, NULL, write_on, bench) != 0)
        give_up("cannot start a thread");
    double alone_ms = longest_pause_ms(bench, ALONE_MS, &taken_alone);
    atomic_store(&bench->read, 0);
    for (size_t i = 0; i < READERS; i++) {
        if (pthread_create(&readers[i], NULL, read_on, bench) != 0)
            give_up("cannot start a thread");
    }
    double pause_ms = longest_pause_ms(bench, READ_MS, &taken);
    atomic_store(&bench->stop_reading, true);
    for (size_t i = 0; i < READERS; i++)
        (void)pthread_join(readers[i], NULL);
    atomic_store(&bench->stop_writing, true);
    (void)pthread_join(writer, NULL);
    report_result("sync_stall_ms", pause_ms, "ms");
    report_beside("sync_stall_ms",
                  "%" PRIu64 " entries taken in meanwhile, and %zu visits read by %d "
                  "clients, in %.1f s",
                  taken, atomic_load(&bench->read), READERS, READ_MS / 1e3);
    report_beside("sync_stall_ms",
                  "without readers %.1f ms, %" PRIu64 " entries in %.1f s", alone_ms,
                  taken_alone, ALONE_MS / 1e3);
}

int main(int count, char **arguments)
{
    static struct bench bench = {.chance = {31}};
    if (count != 4)
        give_up("usage: bench_lists WORK SOCKETS VISITS");
    start(&bench, arguments[1], arguments[2]);
    measure_memory(&bench, strtoull(arguments[3], NULL, 10));
    measure_pauses(&bench);
    linlid_stop(&bench.township);
    linlid_stop(&bench.hub);
    return 0;
}
