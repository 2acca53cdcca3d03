/* flooder - a member gone bad that keeps to the protocol: it sends what takes long to read, as
 * fast as the connection takes it, until it is ended.
 *
 *   flooder ENDPOINT SERVER-KEY-FILE OWN-KEY-FILE heads|runs
 *
 * The files hold seeds, as node.key does; of the server's only the public part is used. heads:
 * lists of a thousand logs that nobody has. runs: entries of one byte, twenty thousand in a
 * run, under a signature that is none. Prints "flooding" when the server's queues are full. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/crypto.h"
#include "net/message.h"
#include "net/transport.h"

#define SERVER 1
#define STRANGER 2
#define RUN_ENTRIES 20000
#define FRAMES_ENOUGH 100

struct flood {
    struct transport *transport;
    struct node_keys server, own;
    bool up, greeted;
};

static bool read_seed(const char *path, uint8_t seed[SEED_SIZE])
{
    FILE *file = fopen(path, "rb");
    bool whole = file != NULL && fread(seed, 1, SEED_SIZE, file) == SEED_SIZE;
    if (file != NULL)
        (void)fclose(file);
    return whole;
}

static bool is_member(void *context, const uint8_t key[CURVE_KEY_SIZE], uint32_t *peer)
{
    const struct flood *flood = context;
    *peer =
        memcmp(key, flood->server.curve_public, CURVE_KEY_SIZE) == 0 ? SERVER : STRANGER;
    return true;
}

static void put_hello(struct buffer *out)
{
    const struct hello hello = {
        .version = PROTOCOL_VERSION, .flags = HELLO_ANSWER, .incarnation = 77};
    message_put_hello(out, &hello);
}

static void put_heads(struct buffer *out, uint32_t *seed)
{
    message_begin_heads(out, 0, 0, 0, MESSAGE_LOGS_MAX);
    for (int i = 0; i < MESSAGE_LOGS_MAX; i++) {
        *seed = *seed * 1664525 + 1013904223;
        struct listed_head head = {.log = {100000 + *seed % 4000000, 1, 3},
                                   .seq = SEQ_MAX};
        message_put_head(out, 0, &head);
    }
}

static void put_run(struct buffer *out, uint32_t *seed)
{
    struct run run = {
        .log = {3, (uint16_t)(*seed)++, 3}, .first_seq = 2, .realm = 1, .epoch = 1};
    struct buffer entries;
    buffer_init(&entries, RUN_SIZE_LIMIT);
    for (run.count = 0; run.count < RUN_ENTRIES; run.count++)
        buffer_put(&entries, "\x01x", 2);
    run.entries = buffer_slice(&entries);
    message_put_run(out, 0, 0, &run);
    buffer_deinit(&entries);
}

/* Takes in whatever the server says, and greets it each time it is there anew. */
static void hear(struct flood *flood)
{
    struct transport_event heard;
    while (transport_receive(flood->transport, &heard)) {
        if (heard.kind == TRANSPORT_UP)
            flood->up = true;
        else if (heard.kind == TRANSPORT_DOWN)
            flood->up = flood->greeted = false;
        else
            flood->greeted = true; /* it has heard our hello and answers */
    }
}

static bool send_frame(struct flood *flood, const struct buffer *frame)
{
    return transport_send(flood->transport, SERVER, 0, buffer_slice(frame)) == OK;
}

static void flood_for_ever(struct flood *flood, bool runs)
{
    struct buffer frame;
    uint32_t seed = 1;
    size_t taken = 0;
    buffer_init(&frame, FRAME_SIZE_MAX);
    for (;;) {
        bool sent = false;
        hear(flood);
        buffer_clear(&frame);
        if (!flood->greeted)
            put_hello(&frame);
        else if (runs)
            put_run(&frame, &seed);
        else
            put_heads(&frame, &seed);
        if (flood->up)
            sent = send_frame(flood, &frame);
        taken += sent && flood->greeted;
        if (sent && flood->greeted && taken == FRAMES_ENOUGH) {
            (void)puts("flooding");
            (void)fflush(stdout);
        }
        if (!sent || !flood->greeted)
            (void)transport_wait(flood->transport, NULL, 0, flood->greeted ? 1 : 50);
    }
}

int main(int argc, char **argv)
{
    static struct flood flood;
    uint8_t server_seed[SEED_SIZE], own_seed[SEED_SIZE];

    if (argc != 5 || !read_seed(argv[2], server_seed) || !read_seed(argv[3], own_seed))
        return 2;
    crypto_init();
    crypto_node_keys(server_seed, &flood.server);
    crypto_node_keys(own_seed, &flood.own);
    struct transport_options options = {.member = is_member, .context = &flood};
    memcpy(options.public_key, flood.own.curve_public, CURVE_KEY_SIZE);
    memcpy(options.secret_key, flood.own.curve_secret, CURVE_KEY_SIZE);
    if (transport_open(&flood.transport, &options) != OK ||
        transport_dial(flood.transport, SERVER, argv[1], flood.server.curve_public) != OK)
        return 2;
    flood_for_ever(&flood, strcmp(argv[4], "runs") == 0);
    return 0;
}
