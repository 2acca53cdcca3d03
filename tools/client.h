/* client.h - one connection to the daemon's control socket (daemon/api/protocol.h).
 *
 * Every wait has an end: a daemon that is stopped, or hangs, is reported and never waited
 * for without limit. */
#ifndef LINLI_TOOLS_CLIENT_H
#define LINLI_TOOLS_CLIENT_H

#include "daemon/api/incomplete.h"

#define CLIENT_CONNECT_MS 3000
#define CLIENT_REPLY_MS 120000 /* a million records take a fraction of it */

struct client;

struct client_options {
    const char *path;
    int connect_ms; /* 0: the defaults above */
    int reply_ms;
};

/* OK; ERR_NO_DAEMON where nothing listens or it does not answer in time; ERR_FILE with
 * errno where the path is no socket (ENOTSOCK), the socket may not be used or its path is impossible. */
MUST_USE enum status client_open(struct client **client,
                                 const struct client_options *options);
void client_close(struct client *client); /* NULL is fine */

struct client_reply {
    uint64_t status;      /* LL number; 0: done */
    struct slice subject; /* empty: none */
    struct incomplete incomplete;
    struct slice data; /* an encoded, checked map */
};

/* `args` is an encoded map. A client may have several requests under way, at most
 * CLIENT_UNDER_WAY_MAX; they are answered in order. */
#define CLIENT_UNDER_WAY_MAX 60 /* fewer than the daemon's CONTROL_UNDER_WAY_MAX */
MUST_USE enum status client_send(struct client *client, const char *command,
                                 struct slice args);
MUST_USE enum status client_receive(struct client *client, struct client_reply *reply);

/* One after the other. Slices of the reply live until the next call. ERR_NO_DAEMON
 * where the daemon went away or did not answer in time; ERR_MALFORMED for an answer that
 * is none; ERR_VERSION for one of another protocol. */
MUST_USE enum status client_ask(struct client *client, const char *command,
                                struct slice args, struct client_reply *reply);

/* After a failure: whether the daemon may have had the whole request, so that a
 * write may have been done all the same. */
bool client_was_sent(const struct client *client);

#endif
