/* relay.h - a TCP relay on loopback that counts what goes over it and can cut it.
 *
 * It sees what the wire sees above TCP: ZMTP, CURVE and the messages inside. */
#ifndef LINLI_TESTS_BENCH_RELAY_H
#define LINLI_TESTS_BENCH_RELAY_H

#include "crdt/base.h"

struct relay;

/* Listens on a free port of 127.0.0.1 and passes every connection on to `to_port`. */
struct relay *relay_start(unsigned to_port);
void relay_stop(struct relay *relay);
unsigned relay_port(const struct relay *relay);

/* Ends all connections, on both sides at once. Returns when it is done. */
void relay_cut(struct relay *relay);

struct relay_count {
    uint64_t connections; /* taken so far */
    uint64_t bytes_up;    /* from whoever dialled */
    uint64_t bytes_down;
    uint64_t last_ns; /* when something went over it */
};
struct relay_count relay_count(struct relay *relay);

/* Waits until nothing has gone over it for `quiet_ms`. */
void relay_wait_quiet(struct relay *relay, unsigned quiet_ms, unsigned limit_ms);

#endif
