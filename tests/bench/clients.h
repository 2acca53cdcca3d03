/* clients.h - many clients of one control socket, each waiting for its answer before it
 * asks again, all in one thread so that they take little of the daemon's processors. */
#ifndef LINLI_TESTS_BENCH_CLIENTS_H
#define LINLI_TESTS_BENCH_CLIENTS_H

#include "crdt/base.h"

struct clients;

struct clients *clients_open(const char *socket, size_t count);
void clients_close(struct clients *clients);

/* What is asked, and what becomes of the answers. */
struct clients_work {
    void *context;
    /* Appends the arguments of the next request; its command. NULL: no more. */
    const char *(*next)(void *context, struct buffer *args);
    /* A request was done; its answer's data, and how long it took. */
    void (*done)(void *context, struct slice data, uint64_t took_ns);
};

/* Runs until there is nothing more to ask and everything is answered. Gives up when an
 * answer is a refusal, or does not come for half a minute. */
void clients_run(struct clients *clients, const struct clients_work *work);

#endif
