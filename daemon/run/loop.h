/* loop.h - "poll -> stamp the time -> collect events -> one transaction -> step each event
 * -> sign the run -> commit -> release effects (replies, frames)".
 *
 * The loop sleeps in transport_wait and nowhere else. One round takes what neighbours
 * sent, what clients asked and what time made due into one batch: one commit serves all.
 * When nothing happens it does not wake, but for the service manager's watchdog. */
#ifndef LINLI_DAEMON_LOOP_H
#define LINLI_DAEMON_LOOP_H

#include "daemon/config/config.h"
#include "daemon/control/control.h"
#include "daemon/run/node.h"
#include "net/transport.h"

struct loop;

struct loop_options {
    struct node *node;
    const struct config *config;
    const struct divisions *divisions;
    int signals; /* readable when it is time to stop: a signalfd */
};

struct loop *loop_create(const struct loop_options *options);
void loop_destroy(struct loop *loop);

/* For transport_options.member and .shut_out; the context is the loop. */
bool loop_member(void *loop, const uint8_t key[CURVE_KEY_SIZE], uint32_t *peer);
bool loop_shuts_out(void *loop, const uint8_t key[CURVE_KEY_SIZE]);

/* Runs until a signal says to stop. Both are borrowed until then. */
void loop_run(struct loop *loop, struct transport *transport, struct control *control);

#endif
