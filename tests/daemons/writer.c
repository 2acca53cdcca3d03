/* writer - a clerk who never stops: visits through the control socket, one after the other,
 * until the daemon goes away.
 *
 *   writer SOCKET PERSON ACKNOWLEDGED
 *
 * Each acknowledged id is appended to the file ACKNOWLEDGED as soon as the reply is read, so
 * that what the file says was promised to somebody. Exit status 0 once the daemon is gone; 1
 * for a refusal, which stderr tells. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crdt/codec.h"
#include "tools/client.h"

static void encode_visit(struct buffer *args, const char *person)
{
    static const char *const fields[][2] = {{"when", "2025-05-31 14:05"},
                                            {"method", "home"},
                                            {"outcome", "met"},
                                            {"minutes", "25"},
                                            {"anyway", "yes"},
                                            {"health", "近来咳嗽"}};
    buffer_clear(args);
    codec_put_map(args, 1 + ARRAY_SIZE(fields));
    codec_put_cstring(args, "person");
    codec_put_cstring(args, person);
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        codec_put_cstring(args, fields[i][0]);
        codec_put_cstring(args, fields[i][1]);
    }
}

static bool note(int file, struct slice id)
{
    char line[64];
    int size = snprintf(line, sizeof line, "%.*s\n", (int)id.size, (const char *)id.data);
    return size > 0 && write(file, line, (size_t)size) == size;
}

static int write_until_gone(struct client *client, const char *person, int file)
{
    struct client_reply reply;
    struct slice id;
    struct buffer args;
    int result = 0;

    buffer_init(&args, 4096);
    for (;;) {
        encode_visit(&args, person);
        if (client_ask(client, "visit.add", buffer_slice(&args), &reply) != OK)
            break;
        if (reply.status != OK || !codec_map_find(reply.data, "id", &id) ||
            !codec_take_text(&id, &id) || !note(file, id)) {
            (void)fprintf(stderr, "refused with %llu\n",
                          (unsigned long long)reply.status);
            result = 1;
            break;
        }
    }
    buffer_deinit(&args);
    return result;
}

int main(int argc, char **argv)
{
    struct client *client;

    if (argc != 4)
        return 2;
    int file = open(argv[3], O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (file < 0)
        return 2;
    if (client_open(&client, &(struct client_options){.path = argv[1]}) != OK)
        return 0;
    int result = write_until_gone(client, argv[2], file);
    client_close(client);
    (void)close(file);
    return result;
}
