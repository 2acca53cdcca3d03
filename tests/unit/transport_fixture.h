/* transport_fixture.h - nodes with a real transport on loopback, and a patient eye on
 * them.
 *
 * A node answers `member` from its own roster and keeps what it was told. Nothing here
 * sleeps for a guess: `wait_for` turns all given nodes until a fact holds or the deadline
 * passes, which fails the test. */
#ifndef LINLI_TESTS_TRANSPORT_FIXTURE_H
#define LINLI_TESTS_TRANSPORT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include <zmq.h>

#include "net/transport.h"

#define DEADLINE_MS 20000
#define MEMBERS_MAX 8
#define FRAMES_KEPT 32
#define FRAME_BYTES_KEPT 64

struct keys {
    uint8_t public_key[CURVE_KEY_SIZE], secret_key[CURVE_KEY_SIZE];
    char public_text[41], secret_text[41];
};

struct kept_frame {
    uint32_t peer;
    size_t size;
    uint8_t start[FRAME_BYTES_KEPT];
};

struct node {
    uint32_t number;
    struct keys keys;
    struct transport *transport;
    struct {
        uint32_t number;
        uint8_t key[CURVE_KEY_SIZE];
    } members[MEMBERS_MAX];
    size_t member_count;
    bool deaf; /* does not receive */
    unsigned ups, downs;
    size_t frame_count; /* of which the first FRAMES_KEPT are kept */
    struct kept_frame frames[FRAMES_KEPT];
};

static inline void keys_make(struct keys *keys)
{
    assert_int_equal(zmq_curve_keypair(keys->public_text, keys->secret_text), 0);
    assert_non_null(zmq_z85_decode(keys->public_key, keys->public_text));
    assert_non_null(zmq_z85_decode(keys->secret_key, keys->secret_text));
}

static inline bool node_knows(void *context, const uint8_t key[CURVE_KEY_SIZE],
                              uint32_t *peer)
{
    const struct node *node = context;
    for (size_t i = 0; i < node->member_count; i++) {
        if (memcmp(node->members[i].key, key, CURVE_KEY_SIZE) != 0)
            continue;
        *peer = node->members[i].number;
        return true;
    }
    return false;
}

static inline void node_admit(struct node *node, uint32_t number, const struct keys *keys)
{
    assert_true(node->member_count < MEMBERS_MAX);
    node->members[node->member_count].number = number;
    memcpy(node->members[node->member_count].key, keys->public_key, CURVE_KEY_SIZE);
    node->member_count++;
}

static inline void node_expel(struct node *node, uint32_t number)
{
    for (size_t i = 0; i < node->member_count; i++) {
        if (node->members[i].number == number)
            node->members[i] = node->members[--node->member_count];
    }
}

static inline void node_make(struct node *node, uint32_t number)
{
    memset(node, 0, sizeof(*node));
    node->number = number;
    keys_make(&node->keys);
}

static inline void node_open_with(struct node *node, struct transport_options options)
{
    memcpy(options.public_key, node->keys.public_key, CURVE_KEY_SIZE);
    memcpy(options.secret_key, node->keys.secret_key, CURVE_KEY_SIZE);
    options.member = node_knows;
    options.context = node;
    assert_int_equal(transport_open(&node->transport, &options), OK);
}

static inline void node_open(struct node *node)
{
    node_open_with(node, (struct transport_options){.listen = "tcp://127.0.0.1:*"});
}

static inline void node_close(struct node *node)
{
    transport_close(node->transport);
    node->transport = NULL;
}

static inline void node_dial(struct node *from, const struct node *to)
{
    assert_int_equal(transport_dial(from->transport, to->number,
                                    transport_endpoint(to->transport),
                                    to->keys.public_key),
                     OK);
}

static inline enum status node_send(struct node *node, uint32_t peer, const char *text)
{
    return transport_send(node->transport, peer, 0, slice_text(text));
}

static inline void node_keep(struct node *node, const struct transport_event *event)
{
    if (node->frame_count < FRAMES_KEPT) {
        struct kept_frame *kept = &node->frames[node->frame_count];
        size_t size =
            event->frame.size < FRAME_BYTES_KEPT ? event->frame.size : FRAME_BYTES_KEPT;
        kept->peer = event->peer;
        kept->size = event->frame.size;
        memcpy(kept->start, event->frame.data, size);
    }
    node->frame_count++;
}

static inline bool node_heard(const struct node *node, uint32_t peer, const char *text)
{
    size_t size = strlen(text);
    for (size_t i = 0; i < node->frame_count && i < FRAMES_KEPT; i++) {
        const struct kept_frame *kept = &node->frames[i];
        if (kept->peer == peer && kept->size == size &&
            memcmp(kept->start, text, size) == 0)
            return true;
    }
    return false;
}

static inline void node_turn(struct node *node)
{
    struct transport_event event;
    while (!node->deaf && node->transport != NULL &&
           transport_receive(node->transport, &event)) {
        switch (event.kind) {
        case TRANSPORT_UP: node->ups++; break;
        case TRANSPORT_DOWN: node->downs++; break;
        case TRANSPORT_FRAME: node_keep(node, &event); break;
        }
    }
}

static inline uint64_t test_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct nodes {
    struct node *node[6];
};

/* One turn of every node, then a short look-out that ends early if the first has news. */
static inline void nodes_turn(struct nodes nodes)
{
    for (size_t i = 0; i < ARRAY_SIZE(nodes.node); i++) {
        if (nodes.node[i] != NULL)
            node_turn(nodes.node[i]);
    }
    if (nodes.node[0]->transport != NULL)
        (void)transport_wait(nodes.node[0]->transport, NULL, 0, 2);
}

#define NODES(...) ((struct nodes){{__VA_ARGS__}})

/* Turns `nodes` until `fact` holds. The fact is evaluated anew after every turn. */
#define wait_for(nodes, fact)                                                            \
    do {                                                                                 \
        uint64_t until_ms = test_now_ms() + DEADLINE_MS;                                 \
        while (!(fact)) {                                                                \
            if (test_now_ms() > until_ms)                                                \
                fail_msg("did not come about: %s", #fact);                               \
            nodes_turn(nodes);                                                           \
        }                                                                                \
    } while (0)

/* Two nodes that know each other. */
static inline void pair_make(struct node *a, struct node *b)
{
    node_make(a, 1);
    node_make(b, 2);
    node_admit(a, b->number, &b->keys);
    node_admit(b, a->number, &a->keys);
}

/* `client` dials `server` and has said hello, so that both are up. */
static inline void pair_connect(struct node *client, struct node *server)
{
    unsigned client_ups = client->ups, server_ups = server->ups;
    node_dial(client, server);
    wait_for(NODES(client, server), client->ups > client_ups);
    assert_int_equal(node_send(client, server->number, "hello"), OK);
    wait_for(NODES(client, server), server->ups > server_ups);
    wait_for(NODES(client, server), node_heard(server, client->number, "hello"));
}

/* A client of plain libzmq that may misbehave. */
struct stranger {
    void *context, *socket;
};

static inline void stranger_open(struct stranger *stranger, const struct keys *own,
                                 const struct node *server)
{
    int linger_ms = 0;
    stranger->context = zmq_ctx_new();
    stranger->socket = zmq_socket(stranger->context, ZMQ_DEALER);
    zmq_setsockopt(stranger->socket, ZMQ_LINGER, &linger_ms, sizeof(linger_ms));
    if (own != NULL) {
        zmq_setsockopt(stranger->socket, ZMQ_CURVE_PUBLICKEY, own->public_key, 32);
        zmq_setsockopt(stranger->socket, ZMQ_CURVE_SECRETKEY, own->secret_key, 32);
        zmq_setsockopt(stranger->socket, ZMQ_CURVE_SERVERKEY, server->keys.public_key,
                       32);
    }
}

static inline void stranger_connect(struct stranger *stranger, const struct node *server)
{
    assert_int_equal(zmq_connect(stranger->socket, transport_endpoint(server->transport)),
                     0);
}

static inline void stranger_say(struct stranger *stranger, const char *text, int flags)
{
    assert_int_equal(zmq_send(stranger->socket, text, strlen(text), flags),
                     (int)strlen(text));
}

static inline void stranger_close(struct stranger *stranger)
{
    zmq_close(stranger->socket);
    zmq_ctx_term(stranger->context);
}

#endif
