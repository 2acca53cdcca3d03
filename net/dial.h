/* dial.h - the peers we dial, and when to try again. An edge: works on sockets.
 *
 * libzmq repeats by itself while no TCP connection comes about. It does not where one
 * came about and failed later: after a refusal it stops for good, and after a handshake
 * that the other side broke off it would repeat twice a second. So after every connection
 * that ends the socket is closed, and a new one dials after a pause of ours:
 *
 *     DIALLING ── handshake done ──► up ── ended ──► PAUSING ── due ──► DIALLING
 *        └────────── handshake failed ────────────────┘
 *
 * The pause doubles up to a minute and starts anew once a frame came in: a peer that lets
 * us in only to hang up costs as little as one that does not. */
#ifndef LINLI_NET_DIAL_H
#define LINLI_NET_DIAL_H

#include "crdt/base.h"
#include "net/socket.h"
#include "net/transport.h"
#include "net/watch.h"

#define ENDPOINT_SIZE_MAX 256

struct dial {
    uint32_t peer;
    char endpoint[ENDPOINT_SIZE_MAX];
    uint8_t server_key[32];
    struct socket socket;  /* open while dialling or up */
    uint64_t connection;   /* serial of the socket's connection, never reused */
    uint64_t connected_ms; /* of the TCP connection whose handshake is under way */
    enum dial_trouble trouble;
    uint64_t trouble_ms; /* since when all attempts have ended so */
    bool has_address;    /* the attempt under way had an address to connect to */
    uint64_t asked_ms;   /* when it asked for the connection; 0: not yet */
    bool nameless[2];    /* by family: no address there when last asked, or never asked */
    bool ipv6;           /* the family that is asked for where the host is a name */
    int descriptor;      /* of the TCP connection, from CONNECTED on */
    struct breath breath; /* of the same */
    unsigned unreached;   /* attempts of this socket that reached nobody */
    unsigned pause_ms;
    uint64_t due_ms; /* while pausing */
};

struct dials {
    struct dial *items;
    size_t count, capacity;
    uint64_t connection_next;
    uint64_t jitter; /* state of the generator, never 0 */
};

void dials_init(struct dials *dials, uint64_t seed);
void dials_deinit(struct dials *dials);

struct dial *dials_find(const struct dials *dials, uint32_t peer);
struct dial *dials_find_connection(const struct dials *dials, uint64_t connection);

/* An entry that is due at once. Pointers to entries live until the next add or remove. */
struct dial *dials_add(struct dials *dials, uint32_t peer);
void dials_remove(struct dials *dials, struct dial *dial);

/* False: not possible now, errno says why. */
MUST_USE bool dial_start(struct dials *dials, struct dial *dial,
                         const struct socket_settings *settings);
/* Closes the socket and sets when to dial again. */
void dial_pause(struct dials *dials, struct dial *dial, uint64_t now_ms);
bool dial_is_pausing(const struct dial *dial);
void dial_proved_useful(struct dial *dial);

/* Whether the name's other family of addresses is to be tried: after a few attempts that
 * reached nobody. Then the socket is to be closed and a new one dials. */
MUST_USE bool dial_wants_other_family(const struct dial *dial);

/* Notes what a socket's event tells of why there is no link. libzmq gives no reason for an
 * attempt that reached nobody; the steps it took before tell:
 *
 *     no socket was closed                 the host has no address
 *     one was, and it never waited         the system knows no way there
 *     it waited for less than 2.5 s        refused
 *     it waited longer                     no answer; a host missing on the own line takes 3 s
 */
void dial_note(struct dial *dial, const struct socket_event *event, uint64_t now_ms);

/* When the first pause is over; UINT64_MAX: none is running. */
uint64_t dials_due_ms(const struct dials *dials);

#endif
