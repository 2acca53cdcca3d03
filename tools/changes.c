#include "tools/changes.h"

#include <errno.h>
#include <string.h>

#include "crdt/codec.h"
#include "daemon/api/protocol.h"
#include "tools/ask.h"
#include "tools/json.h"
#include "tools/table.h"

#define CURSOR_SIZE 64

static void put_args(const struct invocation *invocation, const char *since, bool wait,
                     struct buffer *args)
{
    bool reveal = arguments_flag(invocation, "reveal");
    buffer_clear(args);
    codec_put_map(args, 1 + (size_t)wait + (size_t)reveal);
    codec_put_cstring(args, "since");
    codec_put_cstring(args, since);
    if (wait) {
        codec_put_cstring(args, "wait");
        codec_put_cstring(args, "yes");
    }
    if (reveal) {
        codec_put_cstring(args, "reveal");
        codec_put_cstring(args, "yes");
    }
}

static bool print_changes(const struct terminal *terminal, struct slice data)
{
    struct list_walk walk = list_walk_begin(map_list(data, "changes"));
    struct slice change;
    /* Whoever reads must learn it before what is told again. */
    if (map_bool(data, "restarted"))
        (void)fputs("{\"cursor\":\"0\",\"happened\":\"restarted\",\"register\":null,"
                    "\"realm\":null,\"id\":null,\"record\":null}\n",
                    terminal->out);
    while (list_walk_next(&walk, &change)) {
        json_t *object = json_of_value(change);
        if (object == NULL)
            return false;
        json_line(terminal->out, object);
    }
    return fflush(terminal->out) == 0;
}

static bool take_next(struct slice data, char next[CURSOR_SIZE])
{
    struct slice value, text;
    if (!codec_map_find(data, "next", &value) || !codec_take_text(&value, &text) ||
        text.size >= CURSOR_SIZE)
        return false;
    (void)snprintf(next, CURSOR_SIZE, "%.*s", (int)text.size, (const char *)text.data);
    return true;
}

/* True: the failure is told; false: it ended where there is no more. */
static bool follow(const struct invocation *invocation, const struct terminal *terminal,
                   struct client *client, struct failure *failure)
{
    const char *since = arguments_value(invocation, "since");
    char next[CURSOR_SIZE] = "0";
    struct client_reply reply;
    struct buffer args;
    bool forever = arguments_flag(invocation, "follow"), more = true, failed = false;
    if (since != NULL)
        (void)snprintf(next, sizeof next, "%.60s", since);
    buffer_init(&args, CONTROL_REQUEST_SIZE_MAX);
    while (more && !failed) {
        put_args(invocation, next, forever, &args);
        enum status status = client_ask(client, "changes", buffer_slice(&args), &reply);
        failed = true;
        if (status != OK)
            ask_fail_to_ask(failure, invocation, status, client);
        else if (reply.status != OK)
            ask_fail_by_reply(failure, invocation, &reply);
        else if (!print_changes(terminal, reply.data))
            failure_set(failure, ERR_FILE, "%s", strerror(errno));
        else if (!take_next(reply.data, next))
            failure_set(failure, ERR_MALFORMED, "%s", ask_socket(invocation));
        else
            failed = false;
        more = forever || (!failed && map_bool(reply.data, "more"));
    }
    buffer_deinit(&args);
    return failed;
}

enum exit_code changes_run(const struct invocation *invocation,
                           const struct terminal *terminal)
{
    struct client_options options = {.path = ask_socket(invocation)};
    struct client *client;
    struct failure failure;
    enum status status = client_open(&client, &options);
    if (status != OK) {
        ask_fail_to_open(&failure, invocation, status, errno);
        return terminal_report(terminal, &failure);
    }
    bool failed = follow(invocation, terminal, client, &failure);
    client_close(client);
    return failed ? terminal_report(terminal, &failure) : CODE_DONE;
}
