/* flooder - a member gone bad that keeps to the protocol: it sends what takes long to read, as
 * fast as the connection takes it, until it is ended.
 *
 *   flooder ENDPOINT SERVER-KEY-FILE OWN-DIRECTORY heads|runs|large|many|tiny
 *
 * The key file and OWN-DIRECTORY/node.key hold seeds; of the server's only the public part is
 * used. OWN-DIRECTORY/county.grant tells the own number.
 *
 *   heads  lists of a thousand logs that nobody has
 *   runs   entries of one byte, twenty thousand in a run, under a signature that is none
 *   large  the own log, truly chained and signed: one entry of 64 KiB in a run
 *   many   the same with a thousand entries of 60 bytes in a run
 *   tiny   the same with one entry of 60 bytes in a run
 *
 * large, many and tiny have no more under way than the protocol's window; heads and runs send
 * whatever the connection takes.
 * What these three say is in a codec of a later version: it is verified, opened, kept and
 * sent on. Prints "flooding" when a hundred frames were taken. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/grant.h"
#include "net/message.h"
#include "net/session.h"
#include "net/transport.h"

#define SERVER 1
#define STRANGER 2
#define RUN_ENTRIES 20000
#define FRAMES_ENOUGH 100
#define INCARNATION                                                                      \
    77 /* of the floods that are no log; large, many and tiny have one each */
#define LOG_ENTRIES_MAX (1 << 24) /* memory of hashes is touched as it is used */
#define TINY_SIZE 60
#define MANY 1000
#define CODEC_OF_TOMORROW 200

/* The own log, as far as it was ever made: whoever reconnects goes on from what is held. */
struct own_log {
    struct county_salt salt;
    uint32_t number;
    uint64_t incarnation;
    uint64_t realm;
    struct realm_key key;
    struct hash *hashes; /* by seq */
    uint64_t next;
    uint32_t run_entries;
    size_t payload_size;
};

struct flood {
    struct transport *transport;
    struct node_keys server, own;
    struct own_log log;
    bool up, greeted;
    uint64_t under_way; /* bytes of the own log that were not acknowledged */
    bool resuming;      /* the server is to say how far it holds the own log */
};

static bool read_file(const char *path, struct buffer *out)
{
    uint8_t piece[4096];
    size_t count;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    while ((count = fread(piece, 1, sizeof piece, file)) > 0)
        buffer_put(out, piece, count);
    (void)fclose(file);
    return true;
}

static bool read_keys(const char *path, struct node_keys *keys)
{
    struct buffer seed;
    buffer_init(&seed, SEED_SIZE);
    bool whole = read_file(path, &seed) && seed.size == SEED_SIZE;
    if (whole)
        crypto_node_keys(seed.data, keys);
    buffer_deinit(&seed);
    return whole;
}

static bool read_grant(const char *path, struct flood *flood)
{
    struct buffer file;
    struct grant grant;
    struct head head;
    buffer_init(&file, GRANT_SIZE_MAX);
    bool known =
        read_file(path, &file) && grant_decode(buffer_slice(&file), &grant) == OK;
    if (known) {
        struct roster *roster =
            roster_create(&grant.genesis, &grant.genesis_hash, &flood->own);
        const struct member *self = NULL;
        if (grant_fold(&grant, roster, &head) == OK)
            self = roster_by_id(roster, &flood->own.id);
        known = self != NULL;
        if (known) {
            flood->log.number = self->number;
            flood->log.realm = self->division;
            flood->log.key = *roster_newest_key(roster, self->division);
            flood->log.salt = *roster_salt(roster);
        }
        roster_destroy(roster);
    }
    buffer_deinit(&file);
    return known;
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

/* The next run of the own log. */
static void put_own(struct flood *flood, struct buffer *out)
{
    static uint8_t plain[PAYLOAD_SIZE_MAX] = {CODEC_OF_TOMORROW};
    static uint8_t payload[PAYLOAD_SIZE_MAX];
    const uint8_t random[RANDOM_SIZE] = {1};
    uint8_t associated[HEADER_ASSOCIATED_SIZE];
    struct own_log *log = &flood->log;
    struct log_id id = {flood->own.id, log->incarnation, 3};
    struct run run = {.log = {log->number, (uint16_t)log->incarnation, 3},
                      .first_seq = log->next,
                      .prev = log->hashes[log->next - 1],
                      .realm = log->realm,
                      .epoch = log->key.epoch};
    struct slice bytes = slice_of(payload, log->payload_size);
    uint8_t header[HEADER_SIZE];
    struct buffer entries;
    struct hash signed_hash;

    CHECK(log->next + log->run_entries < LOG_ENTRIES_MAX);
    if (log->next == 1)
        run.incarnation = log->incarnation;
    buffer_init(&entries, RUN_SIZE_LIMIT);
    for (; run.count < log->run_entries; run.count++) {
        uint64_t seq = log->next + run.count;
        const struct hash *prev = &log->hashes[seq - 1];
        entry_associated(&id, seq, prev, run.realm, run.epoch, associated);
        crypto_seal(&log->key, &log->salt, associated,
                    slice_of(plain, log->payload_size - SEAL_OVERHEAD), random, payload);
        entry_header(&log->salt, &id, seq, prev, run.realm, run.epoch, bytes, header,
                     &log->hashes[seq]);
        entry_append(&entries, bytes);
    }
    run.entries = buffer_slice(&entries);
    run_signed_hash(&log->salt, &log->hashes[run_last_seq(&run)], &signed_hash);
    crypto_sign_hash(&flood->own, &signed_hash, run.signature);
    message_put_run(out, 0, 0, &run);
    buffer_deinit(&entries);
}

/* Takes in an acknowledgement: what is under way, and how far the own log is held. */
static void hear_noted(struct flood *flood, struct slice frame)
{
    struct message message;
    struct log_name log;
    uint64_t seq;
    if (message_decode(frame, &message) != OK || message.kind != MESSAGE_NOTED)
        return;
    flood->under_way -= message.noted.received < flood->under_way ? message.noted.received
                                                                  : flood->under_way;
    while (message_next_held(&message.noted, &log, &seq)) {
        if (log.node == flood->log.number && log.tag == flood->log.incarnation &&
            flood->resuming) {
            flood->log.next = seq + 1;
            flood->resuming = false;
        }
    }
}

/* Greets the server each time it is there anew. What was under way on the connection before
 * is lost: the own log goes on from what the server then says to hold. */
static void hear(struct flood *flood)
{
    struct transport_event heard;
    while (transport_receive(flood->transport, &heard)) {
        if (heard.kind == TRANSPORT_UP) {
            flood->up = true;
        } else if (heard.kind == TRANSPORT_DOWN) {
            flood->up = flood->greeted = false;
            flood->under_way = 0;
        } else if (!flood->greeted) {
            flood->greeted = true; /* it has heard our hello and answers */
            flood->resuming = flood->log.next > 1;
        } else {
            hear_noted(flood, heard.frame);
        }
    }
}

static bool send_frame(struct flood *flood, const struct buffer *frame)
{
    return transport_send(flood->transport, SERVER, 0, buffer_slice(frame)) == OK;
}

static void flood_for_ever(struct flood *flood, const char *kind)
{
    bool own = strcmp(kind, "large") == 0 || strcmp(kind, "tiny") == 0 ||
               strcmp(kind, "many") == 0;
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
        else if (own)
            put_own(flood, &frame);
        else if (strcmp(kind, "runs") == 0)
            put_run(&frame, &seed);
        else
            put_heads(&frame, &seed);
        if (flood->up && (!own || flood->under_way < WINDOW_MAX))
            sent = send_frame(flood, &frame);
        if (sent && own && flood->greeted)
            flood->under_way += frame.size;
        taken += sent && flood->greeted;
        /* While it resumes, one entry at a time asks how far the log is held. */
        if (sent && flood->greeted && own && !flood->resuming)
            flood->log.next += flood->log.run_entries;
        if (sent && flood->greeted && taken == FRAMES_ENOUGH) {
            (void)puts("flooding");
            (void)fflush(stdout);
        }
        if (!sent || !flood->greeted || flood->resuming)
            (void)transport_wait(flood->transport, NULL, 0, flood->greeted ? 1 : 50);
    }
}

int main(int argc, char **argv)
{
    static struct flood flood;
    char path[512];

    crypto_init();
    if (argc != 5 || !read_keys(argv[2], &flood.server))
        return 2;
    (void)snprintf(path, sizeof path, "%s/node.key", argv[3]);
    if (!read_keys(path, &flood.own))
        return 2;
    (void)snprintf(path, sizeof path, "%s/county.grant", argv[3]);
    if (!read_grant(path, &flood))
        return 2;
    flood.log.hashes = checked_malloc(LOG_ENTRIES_MAX * sizeof *flood.log.hashes);
    memset(&flood.log.hashes[0], 0, sizeof flood.log.hashes[0]);
    bool large = strcmp(argv[4], "large") == 0, many = strcmp(argv[4], "many") == 0;
    flood.log.next = 1;
    flood.log.incarnation = INCARNATION + (large ? 1 : many ? 2 : 3);
    flood.log.run_entries = many ? MANY : 1;
    flood.log.payload_size = large ? PAYLOAD_SIZE_MAX : TINY_SIZE;
    struct transport_options options = {.member = is_member, .context = &flood};
    memcpy(options.public_key, flood.own.curve_public, CURVE_KEY_SIZE);
    memcpy(options.secret_key, flood.own.curve_secret, CURVE_KEY_SIZE);
    if (transport_open(&flood.transport, &options) != OK ||
        transport_dial(flood.transport, SERVER, argv[1], flood.server.curve_public) != OK)
        return 2;
    flood_for_ever(&flood, argv[4]);
    return 0;
}
