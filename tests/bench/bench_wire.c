/* bench_wire WORK SOCKETS - what visits cost on a link between a township and the hub.
 *
 * Bytes of messages are counted by the township's daemon, in and out: above ZMTP and
 * CURVE. Beside them stands what a relay between the two saw above TCP. Nothing is taken
 * off: greetings and acknowledgements that fall into a measurement are in it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/codec.h"
#include "tests/bench/founding.h"
#include "tests/bench/linlid.h"
#include "tests/bench/people.h"
#include "tests/bench/relay.h"
#include "tests/bench/report.h"

#define PERSONS 100
#define ALONE_VISITS 40
#define CAUGHT_UP_VISITS 1000
#define QUIET_MS 100
#define LONG_QUIET_MS 2500 /* what follows catching up belongs to it */
#define CONVERGE_MS_MAX 60000

struct pair {
    struct linlid township, hub;
    struct relay *relay;
    struct chance chance;
    char persons[PERSONS][ID_TEXT_SIZE];
};

struct traffic {
    uint64_t message_bytes; /* both directions */
    uint64_t wire_bytes;
};

static struct traffic traffic_now(struct pair *pair)
{
    struct linlid_state state;
    struct relay_count count = relay_count(pair->relay);
    linlid_look(&pair->township, &state);
    return (struct traffic){state.bytes_in + state.bytes_out,
                            count.bytes_up + count.bytes_down};
}

static struct traffic traffic_since(struct pair *pair, struct traffic before)
{
    struct traffic now = traffic_now(pair);
    return (struct traffic){now.message_bytes - before.message_bytes,
                            now.wire_bytes - before.wire_bytes};
}

/* ---- the pair ---- */

static void start_pair(struct pair *pair, const char *work, const char *sockets)
{
    unsigned port = linlid_free_port();
    founding_make(work, 1);
    linlid_start(&pair->hub, &(struct linlid_options){.parent = work,
                                                      .sockets = sockets,
                                                      .name = HUB,
                                                      .listen_port = port});
    pair->relay = relay_start(port);
    linlid_start(&pair->township,
                 &(struct linlid_options){.parent = work,
                                          .sockets = sockets,
                                          .name = TOWNSHIP,
                                          .peer_name = HUB,
                                          .peer_port = relay_port(pair->relay)});
}

static void wait_until_equal(struct pair *pair, unsigned quiet_ms)
{
    struct wait wait = wait_for("the hub to hold the visits", CONVERGE_MS_MAX, 2);
    struct linlid_state hub, township;
    for (;;) {
        linlid_look(&pair->township, &township);
        linlid_look(&pair->hub, &hub);
        if (hub.entries == township.entries && hub.peers_linked == 1 &&
            township.peers_linked == 1)
            break;
        wait_step(&wait);
    }
    relay_wait_quiet(pair->relay, quiet_ms, CONVERGE_MS_MAX);
}

static void add_person(struct pair *pair, char id[ID_TEXT_SIZE])
{
    struct buffer args;
    buffer_init(&args, 1024);
    person_args(&args, &pair->chance);
    struct slice data = linlid_ask(&pair->township, "person.add", buffer_slice(&args));
    struct slice text = answer_text(data, "id");
    (void)snprintf(id, ID_TEXT_SIZE, "%.*s", (int)text.size, (const char *)text.data);
    buffer_deinit(&args);
}

/* Waits for its acknowledgement: the next one is in another commit. */
static void add_visit(struct pair *pair)
{
    struct buffer args;
    buffer_init(&args, 1024);
    visit_args(&args, &pair->chance, pair->persons[chance_below(&pair->chance, PERSONS)]);
    (void)linlid_ask(&pair->township, "visit.add", buffer_slice(&args));
    buffer_deinit(&args);
}

/* ---- alone ---- */

static void measure_alone(struct pair *pair)
{
    double message_bytes[ALONE_VISITS], wire_bytes[ALONE_VISITS], sum = 0;
    wait_until_equal(pair, LONG_QUIET_MS);
    for (size_t i = 0; i < ALONE_VISITS; i++) {
        struct traffic before = traffic_now(pair);
        add_visit(pair);
        wait_until_equal(pair, QUIET_MS);
        struct traffic spent = traffic_since(pair, before);
        message_bytes[i] = (double)spent.message_bytes;
        wire_bytes[i] = (double)spent.wire_bytes;
        sum += message_bytes[i];
    }
    double p50 = sorted_at(message_bytes, ALONE_VISITS, 500);
    report_result("wire_bytes_visit_alone", p50, "bytes");
    report_beside(
        "wire_bytes_visit_alone",
        "p50 of %d, both directions; mean %.1f, least %.0f, most %.0f; with ZMTP "
        "and CURVE %.0f",
        ALONE_VISITS, sum / ALONE_VISITS, message_bytes[0],
        message_bytes[ALONE_VISITS - 1], sorted_at(wire_bytes, ALONE_VISITS, 500));
}

/* ---- caught up ---- */

/* Pauses, writes, resumes; what it took until both are equal and have compared. */
static struct traffic away_and_back(struct pair *pair, size_t visits)
{
    (void)linlid_ask_one(&pair->township, "peer.pause", "peer", HUB);
    relay_wait_quiet(pair->relay, QUIET_MS, CONVERGE_MS_MAX);
    for (size_t i = 0; i < visits; i++)
        add_visit(pair);
    struct traffic before = traffic_now(pair);
    (void)linlid_ask_one(&pair->township, "peer.resume", "peer", HUB);
    wait_until_equal(pair, LONG_QUIET_MS);
    return traffic_since(pair, before);
}

static void measure_caught_up(struct pair *pair)
{
    struct traffic idle = away_and_back(pair, 0);
    struct traffic spent = away_and_back(pair, CAUGHT_UP_VISITS);
    report_result("wire_bytes_visit_caught_up",
                  (double)spent.message_bytes / CAUGHT_UP_VISITS, "bytes");
    report_beside("wire_bytes_visit_caught_up",
                  "%d visits, one a commit, %" PRIu64
                  " bytes both directions, greeting included (%" PRIu64
                  " without any visit); with handshake, ZMTP and CURVE %.1f a visit",
                  CAUGHT_UP_VISITS, spent.message_bytes, idle.message_bytes,
                  (double)spent.wire_bytes / CAUGHT_UP_VISITS);
}

int main(int count, char **arguments)
{
    static struct pair pair = {.chance = {7}};
    if (count != 3)
        give_up("usage: bench_wire WORK SOCKETS");
    start_pair(&pair, arguments[1], arguments[2]);
    for (size_t i = 0; i < PERSONS; i++)
        add_person(&pair, pair.persons[i]);
    measure_alone(&pair);
    measure_caught_up(&pair);
    linlid_stop(&pair.township);
    linlid_stop(&pair.hub);
    relay_stop(pair.relay);
    return 0;
}
