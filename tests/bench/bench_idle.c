/* bench_idle WORK SOCKETS SECONDS - a hub with 20 quiet townships, all real daemons.
 *
 * Counted over a span in which nobody writes and nobody asks. */
#include <inttypes.h>
#include <stdlib.h>

#include "tests/bench/founding.h"
#include "tests/bench/linlid.h"
#include "tests/bench/report.h"

#define TOWNSHIPS FOUNDING_TOWNSHIPS_MAX
#define ONLINE_MS_MAX 60000
#define SETTLE_MS 3000

static struct linlid hub, townships[TOWNSHIPS];

static void start_all(const char *work, const char *sockets)
{
    unsigned port = linlid_free_port();
    founding_make(work, TOWNSHIPS);
    linlid_start(
        &hub, &(struct linlid_options){
                  .parent = work, .sockets = sockets, .name = HUB, .listen_port = port});
    for (size_t i = 0; i < TOWNSHIPS; i++)
        linlid_start(&townships[i],
                     &(struct linlid_options){.parent = work,
                                              .sockets = sockets,
                                              .name = founding_township_name(i),
                                              .peer_name = HUB,
                                              .peer_port = port});
}

static void wait_until_online(void)
{
    struct wait wait = wait_for("20 townships to be online", ONLINE_MS_MAX, 100);
    struct linlid_state state;
    for (;;) {
        linlid_look(&hub, &state);
        if (state.peers_online == TOWNSHIPS)
            break;
        wait_step(&wait);
    }
    sleep_ms(SETTLE_MS);
}

static struct usage usage_of_townships(void)
{
    struct usage sum = {0};
    for (size_t i = 0; i < TOWNSHIPS; i++) {
        struct usage usage = linlid_usage(&townships[i]);
        sum.cpu_ns += usage.cpu_ns;
        sum.dirtied_bytes += usage.dirtied_bytes;
    }
    return sum;
}

static void measure(unsigned seconds)
{
    struct linlid_state before, after;
    linlid_look(&hub, &before);
    struct usage hub_begin = linlid_usage(&hub), others_begin = usage_of_townships();
    uint64_t begin_ns = steady_ns();
    sleep_ms(seconds * 1000);
    double span_ns = (double)(steady_ns() - begin_ns);
    struct usage hub_end = linlid_usage(&hub), others_end = usage_of_townships();
    linlid_look(&hub, &after);
    uint64_t written = hub_end.dirtied_bytes - hub_begin.dirtied_bytes;
    uint64_t others_written = others_end.dirtied_bytes - others_begin.dirtied_bytes;
    report_result("idle_cpu_percent",
                  100 * (double)(hub_end.cpu_ns - hub_begin.cpu_ns) / span_ns, "percent");
    report_beside("idle_cpu_percent",
                  "the hub, over %u s; written to disk %" PRIu64
                  " bytes%s; messages in and "
                  "out %" PRIu64 " bytes",
                  seconds, written, written > 0 ? " (MISSED: must be 0)" : "",
                  after.bytes_in + after.bytes_out - before.bytes_in - before.bytes_out);
    report_beside("idle_cpu_percent",
                  "a township, mean of %d: %.3f percent; written by all of them %" PRIu64
                  " bytes%s",
                  TOWNSHIPS,
                  100 * (double)(others_end.cpu_ns - others_begin.cpu_ns) / span_ns /
                      TOWNSHIPS,
                  others_written, others_written > 0 ? " (MISSED: must be 0)" : "");
}

int main(int count, char **arguments)
{
    if (count != 4)
        give_up("usage: bench_idle WORK SOCKETS SECONDS");
    start_all(arguments[1], arguments[2]);
    wait_until_online();
    measure((unsigned)strtoul(arguments[3], NULL, 10));
    for (size_t i = 0; i < TOWNSHIPS; i++)
        linlid_stop(&townships[i]);
    linlid_stop(&hub);
    return 0;
}
