/* intruder - a member gone bad: it holds an admitted key, and sends frames that are none.
 *
 *   intruder ENDPOINT SERVER-KEY-FILE OWN-KEY-FILE COUNT
 *
 * The files hold seeds, as node.key does; of the server's only the public part is used. With
 * "-" as OWN-KEY-FILE the key is one that nobody admitted. Frames: noise, every kind of
 * message with noise behind it, an empty one, one of the greatest size. Prints how many were
 * taken by the connection. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include "net/crypto.h"
#include "net/transport.h"

#define WAIT_MS 2000

static bool read_seed(const char *path, uint8_t seed[SEED_SIZE])
{
    memset(seed, 0x5a, SEED_SIZE);
    if (strcmp(path, "-") == 0)
        return true;
    FILE *file = fopen(path, "rb");
    bool whole = file != NULL && fread(seed, 1, SEED_SIZE, file) == SEED_SIZE;
    if (file != NULL)
        (void)fclose(file);
    return whole;
}

static void *dial(void *context, const char *endpoint, const struct node_keys *server,
                  const struct node_keys *own)
{
    void *socket = zmq_socket(context, ZMQ_DEALER);
    int wait_ms = WAIT_MS, linger_ms = 500, immediate = 1;
    (void)zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, server->curve_public, KEY_SIZE);
    (void)zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, own->curve_public, KEY_SIZE);
    (void)zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, own->curve_secret, KEY_SIZE);
    (void)zmq_setsockopt(socket, ZMQ_SNDTIMEO, &wait_ms, sizeof wait_ms);
    (void)zmq_setsockopt(socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
    (void)zmq_setsockopt(socket, ZMQ_IMMEDIATE, &immediate, sizeof immediate);
    return zmq_connect(socket, endpoint) == 0 ? socket : NULL;
}

static size_t make_frame(uint8_t *frame, int index)
{
    size_t size = index % 7 == 0 ? 0 : (size_t)(rand() % 300);
    if (index % 11 == 10)
        size = FRAME_SIZE_MAX;
    for (size_t i = 0; i < size; i++)
        frame[i] = (uint8_t)rand();
    if (size > 0)
        frame[0] = (uint8_t)(index % 7);
    return size;
}

int main(int argc, char **argv)
{
    static uint8_t frame[FRAME_SIZE_MAX];
    uint8_t server_seed[SEED_SIZE], own_seed[SEED_SIZE];
    struct node_keys server, own;
    int taken = 0;

    if (argc != 5 || !read_seed(argv[2], server_seed) || !read_seed(argv[3], own_seed))
        return 2;
    crypto_init();
    crypto_node_keys(server_seed, &server);
    crypto_node_keys(own_seed, &own);
    void *context = zmq_ctx_new();
    void *socket = dial(context, argv[1], &server, &own);
    if (socket == NULL)
        return 2;
    srand(1);
    for (int i = 0; i < atoi(argv[4]); i++) {
        size_t size = make_frame(frame, i);
        if (zmq_send(socket, frame, size, 0) < 0)
            break;
        taken++;
    }
    (void)printf("%d\n", taken);
    (void)zmq_close(socket);
    (void)zmq_ctx_term(context);
    return 0;
}
