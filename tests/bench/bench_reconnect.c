/* bench_reconnect WORK SOCKETS - two nodes with equal entries lose their connection and
 * find each other again.
 *
 * Takes the two stores that bench_ingest leaves. Between the nodes stands a relay that
 * cuts the connection; the township dials again. Messages are counted by the daemons,
 * above ZMTP and CURVE; the relay counts all. CPU is what a side used from the cut until
 * the link is quiet, less what it uses in as much idle time. */
#include <inttypes.h>
#include <stdlib.h>

#include "tests/bench/founding.h"
#include "tests/bench/linlid.h"
#include "tests/bench/relay.h"
#include "tests/bench/report.h"

#define ROUNDS 20
#define QUIET_MS 400
#define IDLE_MS 4000
#define CONNECT_MS_MAX 90000

struct side {
    struct linlid linlid;
    struct linlid_state state; /* before a round */
    struct usage usage;
    double idle_share; /* of a CPU */
    double cpu_ms[ROUNDS];
};

struct pair {
    struct side dialler, listener;
    struct relay *relay;
    double message_bytes[ROUNDS]; /* of the direction that had more */
    double wire_bytes[ROUNDS];    /* above TCP, both directions */
    double message_bytes_both[ROUNDS];
    double took_ms[ROUNDS];
};

/* In touch, and idle: the store was just taken in, and its entries are still counted into the
 * rows of reports for some seconds. */
static bool is_settled(struct side *side)
{
    linlid_look(&side->linlid, &side->state);
    return side->state.peers_online == 1 && side->state.to_send == 0 &&
           side->state.uncounted_entries == 0;
}

static void wait_until_online(struct pair *pair)
{
    struct wait wait = wait_for("both nodes to be online and idle", CONNECT_MS_MAX, 50);
    while (!is_settled(&pair->dialler) || !is_settled(&pair->listener))
        wait_step(&wait);
    relay_wait_quiet(pair->relay, 2 * QUIET_MS, CONNECT_MS_MAX);
}

static void start_pair(struct pair *pair, const char *work, const char *sockets)
{
    unsigned port = linlid_free_port();
    linlid_start(&pair->listener.linlid, &(struct linlid_options){.parent = work,
                                                                  .sockets = sockets,
                                                                  .name = HUB,
                                                                  .listen_port = port});
    pair->relay = relay_start(port);
    linlid_start(&pair->dialler.linlid,
                 &(struct linlid_options){.parent = work,
                                          .sockets = sockets,
                                          .name = TOWNSHIP,
                                          .peer_name = HUB,
                                          .peer_port = relay_port(pair->relay)});
    wait_until_online(pair);
}

static void measure_idle(struct pair *pair)
{
    struct side *sides[] = {&pair->dialler, &pair->listener};
    for (size_t i = 0; i < 2; i++)
        sides[i]->usage = linlid_usage(&sides[i]->linlid);
    sleep_ms(IDLE_MS);
    for (size_t i = 0; i < 2; i++) {
        struct usage now = linlid_usage(&sides[i]->linlid);
        sides[i]->idle_share =
            (double)(now.cpu_ns - sides[i]->usage.cpu_ns) / 1e6 / IDLE_MS;
    }
}

static void take_cpu(struct side *side, size_t round, double wall_ms)
{
    double used_ms =
        (double)(linlid_usage(&side->linlid).cpu_ns - side->usage.cpu_ns) / 1e6;
    side->cpu_ms[round] = used_ms - side->idle_share * wall_ms;
}

/* Cuts, and waits until the new connection has said all. Nothing asks the daemons. */
static double cut_and_wait(struct pair *pair)
{
    struct relay_count before = relay_count(pair->relay);
    struct relay_count now;
    uint64_t begin_ns = steady_ns();
    struct wait wait = wait_for("a new connection", CONNECT_MS_MAX, 5);
    relay_cut(pair->relay);
    do {
        wait_step(&wait);
        now = relay_count(pair->relay);
    } while (now.connections == before.connections || now.bytes_up == before.bytes_up ||
             now.bytes_down == before.bytes_down);
    relay_wait_quiet(pair->relay, QUIET_MS, CONNECT_MS_MAX);
    now = relay_count(pair->relay);
    if (now.connections != before.connections + 1)
        report_progress("  %" PRIu64 " connections in one round",
                        now.connections - before.connections);
    return (double)(now.last_ns - begin_ns) / 1e6;
}

static void run_round(struct pair *pair, size_t round)
{
    struct linlid_state dialler = pair->dialler.state;
    struct relay_count before = relay_count(pair->relay);
    uint64_t begin_ns = steady_ns();
    pair->dialler.usage = linlid_usage(&pair->dialler.linlid);
    pair->listener.usage = linlid_usage(&pair->listener.linlid);
    pair->took_ms[round] = cut_and_wait(pair);
    double wall_ms = (double)(steady_ns() - begin_ns) / 1e6;
    take_cpu(&pair->dialler, round, wall_ms);
    take_cpu(&pair->listener, round, wall_ms);
    struct relay_count after = relay_count(pair->relay);
    if (!is_settled(&pair->dialler) || !is_settled(&pair->listener))
        give_up("the nodes are not online after a reconnection");
    double up = (double)(pair->dialler.state.bytes_out - dialler.bytes_out);
    double down = (double)(pair->dialler.state.bytes_in - dialler.bytes_in);
    pair->message_bytes[round] = up > down ? up : down;
    pair->message_bytes_both[round] = up + down;
    pair->wire_bytes[round] =
        (double)(after.bytes_up - before.bytes_up + after.bytes_down - before.bytes_down);
}

static double mean(const double *values, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += values[i];
    return sum / (double)count;
}

static void report(struct pair *pair)
{
    double dialler_ms = mean(pair->dialler.cpu_ms, ROUNDS);
    double listener_ms = mean(pair->listener.cpu_ms, ROUNDS);
    double handshake =
        mean(pair->wire_bytes, ROUNDS) - mean(pair->message_bytes_both, ROUNDS);
    report_result("reconnect_bytes_idle", mean(pair->message_bytes, ROUNDS), "bytes");
    report_beside("reconnect_bytes_idle",
                  "the larger direction, mean of %d reconnections with %" PRIu64
                  " entries; both directions %.0f; largest %.0f",
                  ROUNDS, pair->dialler.state.entries,
                  mean(pair->message_bytes_both, ROUNDS),
                  sorted_at(pair->message_bytes, ROUNDS, 999));
    report_beside(
        "reconnect_bytes_idle",
        "the transport's own: %.0f bytes both directions (ZMTP, CURVE, frames); "
        "from the cut to quiet %.0f ms, backoff included",
        handshake, mean(pair->took_ms, ROUNDS));
    report_result("reconnect_cpu_ms_idle",
                  dialler_ms > listener_ms ? dialler_ms : listener_ms, "ms");
    report_beside(
        "reconnect_cpu_ms_idle",
        "the dearer side; dialling %.2f, listening %.2f; net of %.3f and %.3f ms "
        "a second of idling",
        dialler_ms, listener_ms, pair->dialler.idle_share * 1000,
        pair->listener.idle_share * 1000);
}

int main(int count, char **arguments)
{
    static struct pair pair;
    if (count != 3)
        give_up("usage: bench_reconnect WORK SOCKETS");
    start_pair(&pair, arguments[1], arguments[2]);
    measure_idle(&pair);
    for (size_t round = 0; round < ROUNDS; round++)
        run_round(&pair, round);
    report(&pair);
    linlid_stop(&pair.dialler.linlid);
    linlid_stop(&pair.listener.linlid);
    relay_stop(pair.relay);
    return 0;
}
