/* neighbours.h - the links as the loop sees them, between transport and engine: whom to dial,
 * whose frames to ignore for a while, what waits because a queue is full.
 *
 *                    UP                              DROP, or backlog too long
 *     apart ──────────────────► linked ──────────────────────────────► shut out
 *       ▲   engine: LINK_UP       │   engine: LINK_DOWN                   │
 *       └────────── DOWN ─────────┘                                       │
 *       ▲   engine: LINK_DOWN           pause over, or EFFECT_DIAL: dial  │
 *       └─────────────────────────────────────────────────────────────────┘
 *
 * Who is shut out is no member for the transport: its connections are refused and its
 * frames dropped before they cost anything. */
#ifndef LINLI_DAEMON_NEIGHBOURS_H
#define LINLI_DAEMON_NEIGHBOURS_H

#include "daemon/config/config.h"
#include "net/engine.h"
#include "net/transport.h"

/* What may wait for one peer whose queue below is full, in order. Beyond it the link is of
 * no use: it is dropped, and what was not noted is sent again on the next one. */
#define NEIGHBOUR_BACKLOG_BYTES_MAX (256 * 1024)
#define NEIGHBOUR_RETRY_MS 20      /* a full queue says nothing when it empties */
#define NEIGHBOUR_OVERFLOW_MS 2000 /* pause after a backlog that was too long */

struct neighbours;

struct neighbours *neighbours_create(const struct engine *engine,
                                     const struct config *config);
void neighbours_destroy(struct neighbours *neighbours);
void neighbours_use(struct neighbours *neighbours, struct transport *transport);

/* The transport's question: a member, not revoked, not this node, not shut out. */
bool neighbours_member(void *neighbours, const uint8_t key[CURVE_KEY_SIZE],
                       uint32_t *peer);

/* The transport's other question: a member that is kept out for a while: paused by an operator,
 * after faults, or because too much waited for it. */
bool neighbours_shuts_out(void *neighbours, const uint8_t key[CURVE_KEY_SIZE]);

/* Dials whom the configuration names and the roster knows. */
void neighbours_dial(struct neighbours *neighbours);

/* What the engine is to be told of a transport's event. False: nothing. */
MUST_USE bool neighbours_translate(struct neighbours *neighbours,
                                   const struct transport_event *heard,
                                   enum event_kind *kind);

/* Link events that are owed to the engine, one after the other; false: no more. */
MUST_USE bool neighbours_owed(struct neighbours *neighbours, uint32_t *peer,
                              enum event_kind *kind);

/* Over that connection, as the transport named it; 0: any. */
void neighbours_send(struct neighbours *neighbours, uint32_t peer, uint64_t connection,
                     struct slice frame, uint64_t now_ms);
void neighbours_shut_out(struct neighbours *neighbours, uint32_t peer, uint64_t pause_ms,
                         uint64_t now_ms);
void neighbours_let_in(struct neighbours *neighbours, uint32_t peer);

/* Sends what waited, ends pauses that are over. */
void neighbours_advance(struct neighbours *neighbours, uint64_t now_ms);
/* Steady time at which neighbours_advance has something to do; UINT64_MAX: none. */
uint64_t neighbours_wake_ms(const struct neighbours *neighbours);

#endif
