#include "tools/version.h"

#include "crdt/codec.h"
#include "daemon/api/protocol.h"
#include "tools/ask.h"
#include "tools/client.h"
#include "tools/i18n.h"
#include "tools/json.h"

static void print_own(const struct terminal *terminal)
{
    (void)fprintf(terminal->out, _("linli %s, protocol %d, schema level %d\n"),
                  LINLI_VERSION, CONTROL_PROTOCOL, SCHEMA_LEVEL);
}

void version_render(const struct invocation *invocation, const struct terminal *terminal,
                    struct slice data)
{
    struct arena arena;
    uint64_t protocol = 0;
    uint64_t level = 0;
    (void)invocation;
    arena_init(&arena);
    const char *version = map_text(data, "version", &arena);
    (void)map_uint(data, "protocol", &protocol);
    (void)map_uint(data, "schema_level", &level);
    print_own(terminal);
    (void)fprintf(terminal->out, _("linlid %s, protocol %llu, schema level %llu\n"),
                  version != NULL ? version : "?", (unsigned long long)protocol,
                  (unsigned long long)level);
    arena_deinit(&arena);
}

static enum exit_code show_json(const struct terminal *terminal, struct slice data)
{
    json_t *daemon = data.size > 0 ? json_of_value(data) : json_null();
    if (daemon == NULL)
        daemon = json_null();
    json_t *object =
        json_pack("{s:i, s:s, s:n, s:{s:s, s:i, s:i}, s:o}", "v", 1, "command", "version",
                  "incomplete", "linli", "version", LINLI_VERSION, "protocol",
                  CONTROL_PROTOCOL, "schema_level", SCHEMA_LEVEL, "linlid", daemon);
    json_line(terminal->out, object);
    return CODE_DONE;
}

static enum exit_code show(const struct invocation *invocation,
                           const struct terminal *terminal, struct slice data)
{
    if (terminal->json)
        return show_json(terminal, data);
    if (data.size > 0) {
        version_render(invocation, terminal, data);
        return CODE_DONE;
    }
    print_own(terminal);
    (void)fprintf(terminal->out, _("linlid does not answer on %s\n"),
                  ask_socket(invocation));
    return CODE_DONE;
}

enum exit_code version_run(const struct invocation *invocation,
                           const struct terminal *terminal)
{
    struct client *client;
    struct client_reply reply = {0};
    struct buffer args;
    struct client_options options = {.path = ask_socket(invocation),
                                     .reply_ms = CLIENT_CONNECT_MS};
    buffer_init(&args, 16);
    codec_put_map(&args, 0);
    enum status status = client_open(&client, &options);
    if (status == OK)
        status = client_ask(client, "version", buffer_slice(&args), &reply);
    struct slice data = status == OK ? reply.data : (struct slice){0};
    enum exit_code code = show(invocation, terminal, data);
    client_close(client);
    buffer_deinit(&args);
    return code;
}
