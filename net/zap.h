/* zap.h - answers libzmq's question, for every handshake, whether a CURVE key may come in
 * (ZAP 1.0, ZeroMQ RFC 27). An edge: includes <zmq.h>.
 *
 * Denies whatever is not exactly the question we expect. With ZMQ_ZAP_ENFORCE_DOMAIN on
 * the listening socket nobody comes in while this handler is missing. */
#ifndef LINLI_NET_ZAP_H
#define LINLI_NET_ZAP_H

#include "crdt/base.h"

/* The one domain that is answered; the listening socket carries it. */
#define ZAP_DOMAIN "linli"

/* A key as text (Z85), with its end; this is the user id of an admitted connection. */
#define ZAP_USER_ID_SIZE 41

/* The socket to be served, bound; NULL: errno says why. Must be there before any other
 * socket of `zmq_context`. Closed with zmq_close. */
void *zap_open(void *zmq_context);

/* Answers what was asked since, at most a bounded number; false: nothing was asked. */
bool zap_serve(void *socket,
               bool (*member)(void *context, const uint8_t key[32], uint32_t *peer),
               void *context);

#endif
