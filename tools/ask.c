#include "tools/ask.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crdt/codec.h"
#include "daemon/api/protocol.h"
#include "tools/client.h"
#include "tools/files.h"
#include "tools/hint.h"
#include "tools/i18n.h"
#include "tools/json.h"
#include "tools/member.h"
#include "tools/secret.h"

/* ---- the request ---- */

static bool is_first(const struct invocation *invocation, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(invocation->given[i].key, invocation->given[index].key) == 0)
            return false;
    }
    return true;
}

/* Every value given under the key, as typed; the daemon splits them. */
static void put_values(const struct invocation *invocation, const char *key,
                       struct buffer *args)
{
    const char *value;
    size_t count = 0;
    while (arguments_value_at(invocation, key, count) != NULL)
        count++;
    codec_put_array(args, count);
    for (size_t i = 0; (value = arguments_value_at(invocation, key, i)) != NULL; i++)
        codec_put_cstring(args, value);
}

/* "+a,-b,c" is {"add": ["a"], "remove": ["b", "c"]}: a sign holds until the next one, and
 * each option begins with +. */
static enum status put_signed(const struct invocation *invocation, const char *key,
                              struct buffer *args)
{
    struct buffer lists[2]; /* to add, to remove */
    size_t counts[2] = {0, 0};
    struct slice rest, piece;
    const char *value;
    for (size_t i = 0; i < 2; i++)
        buffer_init(&lists[i], SIZE_MAX);
    for (size_t i = 0; (value = arguments_value_at(invocation, key, i)) != NULL; i++) {
        size_t remove = 0;
        rest = slice_text(value);
        while (field_next_value(&rest, &piece)) {
            if (piece.size > 0 && (piece.data[0] == '+' || piece.data[0] == '-')) {
                remove = piece.data[0] == '-';
                piece = slice_of(piece.data + 1, piece.size - 1);
            }
            if (piece.size == 0)
                continue;
            codec_put_text(&lists[remove], piece);
            counts[remove]++;
        }
    }
    codec_put_map(args, 2);
    for (size_t i = 0; i < 2; i++) {
        codec_put_cstring(args, i == 0 ? "add" : "remove");
        codec_put_array(args, counts[i]);
        codec_put_raw(args, buffer_slice(&lists[i]));
        buffer_deinit(&lists[i]);
    }
    return counts[0] + counts[1] == 0 ? ERR_FIELD_VALUE : OK;
}

static enum status put_list(const struct invocation *invocation, const char *key,
                            struct buffer *args)
{
    const char *only = arguments_value(invocation, key);
    if (only[0] == '\0' && arguments_value_at(invocation, key, 1) == NULL) {
        codec_put_cstring(args, ""); /* an empty value clears a field, this one too */
        return OK;
    }
    if (invocation->command->fields == USE_FIELDS_TO_SET)
        return put_signed(invocation, key, args);
    put_values(invocation, key, args);
    return OK;
}

static enum status put_text(const struct invocation *invocation,
                            const struct given *given, uint64_t now_ms,
                            struct buffer *args)
{
    char secret[SECRET_SIZE_MAX];
    char time[TIME_TYPED_SIZE];
    struct option option;
    char month[MONTH_TYPED_SIZE];
    if (strcmp(given->key, "month") == 0 &&
        month_read(slice_text(given->value), now_ms, month)) {
        codec_put_cstring(args, month);
        return OK;
    }
    bool is_option = command_option_named(invocation->command, given->key, &option);
    if (is_option && time_read(slice_text(given->value), option.type, now_ms, time)) {
        codec_put_cstring(args, time);
        return OK;
    }
    if (!is_option || option.type != FIELD_SEALED || strcmp(given->value, "-") != 0) {
        codec_put_cstring(args, given->value);
        return OK;
    }
    enum status status = secret_read(given->key, secret);
    if (status == OK)
        codec_put_cstring(args, secret);
    return status;
}

enum status ask_encode_args(const struct invocation *invocation, uint64_t now_ms,
                            struct buffer *args, const char **refused)
{
    size_t keys = 0;
    for (size_t i = 0; i < invocation->count; i++)
        keys += is_first(invocation, i);
    codec_put_map(args, keys);
    enum status status = OK;
    for (size_t i = 0; i < invocation->count && status == OK; i++) {
        const struct given *given = &invocation->given[i];
        if (!is_first(invocation, i))
            continue;
        codec_put_cstring(args, given->key);
        *refused = given->key;
        status = given->list ? put_list(invocation, given->key, args)
                             : put_text(invocation, given, now_ms, args);
    }
    return status;
}

/* ---- the exchange ---- */

const char *ask_socket(const struct invocation *invocation)
{
    const char *path = invocation->socket;
    if (path == NULL || path[0] == '\0')
        path = getenv("LINLI_SOCKET");
    return path != NULL && path[0] != '\0' ? path : CONTROL_SOCKET_DEFAULT;
}

/* False also where this user may not look. */
static bool is_absent(const char *directory, const char *name)
{
    char path[PATH_SIZE_MAX];
    return path_join(path, directory, name) == OK && access(path, F_OK) != 0 &&
           (errno == ENOENT || errno == ENOTDIR);
}

void ask_advise_start(struct failure *failure, const char *socket, const char *directory)
{
    if (strcmp(socket, CONTROL_SOCKET_DEFAULT) != 0)
        failure->next =
            N_("Start the linlid that has it as control_socket: linlid -c FILE");
    else if (is_absent(directory, "node.key"))
        failure->next = N_("This machine is no node yet. Begin with: linli node init "
                           "--division CODE --name NAME. A node kept elsewhere is asked "
                           "with -s SOCKET");
    else if (is_absent(directory, "county.grant"))
        failure->next =
            N_("This node has not joined yet. With the grant of the county that "
               "admitted it: linli node join county.grant");
}

void ask_fail_to_open(struct failure *failure, const struct invocation *invocation,
                      enum status status, int error)
{
    const char *path = ask_socket(invocation);
    if (status == ERR_FILE)
        failure_set(failure, status, "%s: %s", path, strerror(error));
    else
        failure_set(failure, status, "%s", path);
    if (status == ERR_FILE && error == ENOTSOCK) {
        failure_set(failure, status, "%s", path);
        failure->text = N_("this is no socket");
        failure->next = N_("Give the daemon's socket with -s, or leave -s out.");
    }
    if (status == ERR_FILE && error == EACCES)
        failure->next = N_("Ask the operator to add you to the group _linli.");
    if (status == ERR_NO_DAEMON)
        ask_advise_start(failure, path, NODE_DIRECTORY_DEFAULT);
    if (invocation->command->writes)
        failure->note = N_("Nothing was saved.");
}

/* A daemon that went away after the request was sent may have saved what it was asked
 * to. */
void ask_fail_to_ask(struct failure *failure, const struct invocation *invocation,
                     enum status status, const struct client *client)
{
    failure_set(failure, status, "%s", ask_socket(invocation));
    if (!invocation->command->writes)
        return;
    failure->note = client_was_sent(client)
                        ? N_("The request was sent, so it may have been saved: look "
                             "before you type it again.")
                        : N_("Nothing was saved.");
}

void ask_fail_by_reply(struct failure *failure, const struct invocation *invocation,
                       const struct client_reply *reply)
{
    failure_set_number(failure, reply->status, reply->subject);
    if (invocation->command->writes && failure->number < 3000)
        failure->note = N_("Nothing was saved; records here are unaffected.");
    hint_add(failure, invocation);
    if (failure->number == ERR_FIELD_UNKNOWN && invocation->group != NULL) {
        failure->next = "";
        (void)snprintf(failure->next_own, sizeof failure->next_own, "linli help %s",
                       invocation->group);
    }
}

static enum exit_code show_json(const struct invocation *invocation,
                                const struct terminal *terminal, struct slice data,
                                const char *incomplete)
{
    struct failure failure;
    if (json_reply(terminal->out, invocation->command->name, incomplete, data))
        return CODE_DONE;
    failure_set(&failure, ERR_MALFORMED, "%s", ask_socket(invocation));
    return terminal_report(terminal, &failure);
}

static void show_text(const struct invocation *invocation,
                      const struct terminal *terminal, struct slice data,
                      const char *incomplete)
{
    invocation->command->render(invocation, terminal, data);
    if (incomplete == NULL)
        return;
    (void)fflush(terminal->out);
    (void)fprintf(terminal->err, _("Incomplete: %s\n"), incomplete);
}

static enum exit_code show_reply(const struct invocation *invocation,
                                 const struct terminal *terminal,
                                 const struct client_reply *reply)
{
    char text[INCOMPLETE_TEXT_SIZE];
    incomplete_say(&reply->incomplete, text);
    const char *incomplete = text[0] != '\0' ? text : NULL;
    const struct command *command = invocation->command;
    enum exit_code code = CODE_DONE;
    if (terminal->json)
        code = show_json(invocation, terminal, reply->data, incomplete);
    else
        show_text(invocation, terminal, reply->data, incomplete);
    if (code == CODE_DONE && command->judge != NULL)
        code = command->judge(reply->data);
    if (incomplete != NULL && code == CODE_DONE)
        code = CODE_INCOMPLETE;
    return code;
}

/* Whoever sits at a terminal decides at once whether these are two people; a program gives
 * --anyway. */
static bool can_be_asked(const struct terminal *terminal, const struct failure *failure)
{
    return failure->number == ERR_ALIKE && !terminal->json && isatty(STDIN_FILENO) != 0;
}

static bool is_meant(const struct terminal *terminal)
{
    char answer[16] = "";
    (void)fputs(_("Enter it all the same? [y/N] "), terminal->err);
    (void)fflush(terminal->err);
    return fgets(answer, sizeof answer, stdin) != NULL &&
           (answer[0] == 'y' || answer[0] == 'Y');
}

static void put_anyway(struct slice args, struct buffer *out)
{
    size_t count;
    CHECK(codec_take_map(&args, &count));
    codec_put_map(out, count + 1);
    codec_put_raw(out, args);
    codec_put_cstring(out, "anyway");
    codec_put_bool(out, true);
}

static enum exit_code refused(const struct invocation *invocation,
                              const struct terminal *terminal, struct client *client,
                              struct slice args, struct client_reply *reply)
{
    struct failure failure;
    struct buffer again;
    ask_fail_by_reply(&failure, invocation, reply);
    bool asks = can_be_asked(terminal, &failure);
    if (asks)
        failure.next = "";
    enum exit_code code = terminal_report(terminal, &failure);
    if (!asks || !is_meant(terminal))
        return code;
    buffer_init(&again, CONTROL_REQUEST_SIZE_MAX);
    put_anyway(args, &again);
    enum status status =
        client_ask(client, invocation->command->request, buffer_slice(&again), reply);
    buffer_deinit(&again);
    if (status == OK && reply->status == OK)
        return show_reply(invocation, terminal, reply);
    if (status != OK)
        ask_fail_to_ask(&failure, invocation, status, client);
    else
        ask_fail_by_reply(&failure, invocation, reply);
    return terminal_report(terminal, &failure);
}

enum exit_code ask_with(const struct invocation *invocation,
                        const struct terminal *terminal, struct slice args)
{
    struct client *client;
    struct client_reply reply;
    struct failure failure;
    enum exit_code code;
    struct client_options options = {.path = ask_socket(invocation)};
    enum status status = client_open(&client, &options);
    if (status != OK) {
        ask_fail_to_open(&failure, invocation, status, errno);
        return terminal_report(terminal, &failure);
    }
    status = client_ask(client, invocation->command->request, args, &reply);
    if (status == OK && reply.status == OK) {
        code = show_reply(invocation, terminal, &reply);
    } else if (status == OK) {
        code = refused(invocation, terminal, client, args, &reply);
    } else {
        ask_fail_to_ask(&failure, invocation, status, client);
        code = terminal_report(terminal, &failure);
    }
    client_close(client);
    return code;
}

enum exit_code ask_refuse_argument(const struct invocation *invocation,
                                   const struct terminal *terminal, enum status status,
                                   const char *refused)
{
    struct failure failure;
    char typed[TYPED_NAME_SIZE];
    arguments_typed_name(invocation, refused, typed);
    failure_set(&failure, status, "%s", typed);
    failure.usage = true;
    return terminal_report(terminal, &failure);
}

enum exit_code ask_run(const struct invocation *invocation,
                       const struct terminal *terminal)
{
    struct buffer args;
    struct failure failure;
    const char *refused = "";
    if (!arguments_check_needed(invocation, &failure))
        return terminal_report(terminal, &failure);
    buffer_init(&args, CONTROL_REQUEST_SIZE_MAX);
    enum status status = ask_encode_args(invocation, terminal->now_ms, &args, &refused);
    enum exit_code code;
    if (status == OK) {
        code = ask_with(invocation, terminal, buffer_slice(&args));
    } else {
        code = ask_refuse_argument(invocation, terminal, status, refused);
    }
    buffer_deinit(&args);
    return code;
}
