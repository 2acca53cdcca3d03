/* control.h - the daemon's end of the control socket (daemon/api/protocol.h): its clients,
 * their requests, and the replies that wait to be sent. */
#ifndef LINLI_DAEMON_CONTROL_H
#define LINLI_DAEMON_CONTROL_H

#include "daemon/api/protocol.h"

#define CONTROL_CLIENTS_MAX 256

/* Bounds on what clients may cost, whatever they send. */
#define CONTROL_UNDER_WAY_MAX 64             /* requests of one client not yet answered */
#define CONTROL_INPUT_BYTES_MAX (128u << 20) /* of all requests being received */
#define CONTROL_OUTPUT_BYTES_MAX (128u << 20) /* waiting: then no long replies */
#define CONTROL_IDLE_MS_MAX 10000 /* when full, who is silent so long makes room */

struct control; /* the listening socket and its clients */

/* Listens on `path` (a stale socket of a dead daemon is replaced), mode 0660, group
 * `group` where not NULL. ERR_FILE with errno set; EADDRINUSE: another daemon answers
 * there. */
MUST_USE enum status control_open(struct control **control, const char *path,
                                  const char *group);
void control_close(struct control *control); /* after a last try to send what waits */

/* A complete request. Slices die with the next control_receive. */
struct control_request {
    uint64_t token; /* names the client; pass to control_reply */
    uint32_t uid;
    struct slice account; /* login name of `uid`; empty where it has none */
    struct slice command;
    struct slice args; /* encoded map */
};

/* Sends what waits to be sent, then lists the descriptors to wait for; the loop fills
 * `ready` and gives the same array back. */
struct transport_descriptor;
#define CONTROL_DESCRIPTORS_MAX (CONTROL_CLIENTS_MAX + 1)
size_t control_descriptors(struct control *control, struct transport_descriptor *out,
                           size_t capacity);
void control_ready(struct control *control, const struct transport_descriptor *in,
                   size_t count);
/* The next request, one client after the other. Requests that are none are answered and
 * counted in here. */
MUST_USE bool control_receive(struct control *control, struct control_request *request);

/* Whether requests that were read already wait to be received: do not sleep then. */
bool control_waiting(const struct control *control);

/* Requests received from that client and not answered, this one included. Replies go out
 * in the order of control_reply, so whoever answers a later request first must look here.
 */
unsigned control_under_way(const struct control *control, uint64_t token);

/* Receives nothing more of that client until its next reply: for answers that take long.
 */
void control_hold(struct control *control, uint64_t token);

/* `incomplete` is encoded (daemon/api/incomplete.h; empty: nothing is missing), `data` an
 * encoded map (empty slice: an empty map). Unknown tokens (the client left)
 * are ignored. */
void control_reply(struct control *control, uint64_t token, enum status status,
                   struct slice subject, struct slice incomplete, struct slice data);

struct control_statistics {
    uint64_t malformed; /* frames and requests that were none */
    uint64_t refused;   /* clients turned away or dropped for a limit */
};
struct control_statistics control_statistics(const struct control *control);

#endif
