/* zap.h - answers libzmq's question, for every handshake, whether a CURVE key may come in
 * (ZAP 1.0, ZeroMQ RFC 27). An edge: includes <zmq.h>.
 *
 * Denies whatever is not exactly the question we expect. With ZMQ_ZAP_ENFORCE_DOMAIN on
 * the listening socket nobody comes in while this handler is missing. */
#ifndef LINLI_NET_ZAP_H
#define LINLI_NET_ZAP_H

#include "crdt/base.h"
#include "net/transport.h"

/* The one domain that is answered; the listening socket carries it. */
#define ZAP_DOMAIN "linli"

/* A key as text (Z85), with its end; this is the user id of an admitted connection. */
#define ZAP_USER_ID_SIZE 41

/* What a handshake that was turned away ends with, on both sides: 400 for a key that is
 * unknown here, this for one that is known and kept out for a while. Of the statuses that
 * RFC 27 has, 300 fits it better, but then libzmq tells the dialler nothing. */
#define ZAP_STATUS_SHUT_OUT 500

/* The socket to be served, bound; NULL: errno says why. Must be there before any other
 * socket of `zmq_context`. Closed with zmq_close. */
void *zap_open(void *zmq_context);

/* Answered per call, so that a storm of handshakes cannot hold the loop. */
#define ZAP_ANSWERS_MAX 64

/* Answers what was asked since by `member` and `shut_out` of the options. Returns how many
 * questions that were; fewer than ZAP_ANSWERS_MAX: there are no more. */
size_t zap_serve(void *socket, const struct transport_options *options);

#endif
