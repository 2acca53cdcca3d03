#include "tests/unit/tools_fixture.h"

#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/control/control.h"
#include "tools/ask.h"
#include "tools/client.h"

/* A daemon of the test's own: takes one request, sends what the test wrote, hangs up. */
struct server {
    char directory[256], path[300];
    int listener;
    pthread_t thread;
    bool silent; /* keep the connection and say nothing until the client leaves */
    struct buffer reply;
    uint8_t request[4096];
    size_t request_size;
};

static size_t read_exactly(int fd, uint8_t *out, size_t size)
{
    size_t taken = 0;
    while (taken < size) {
        ssize_t count = read(fd, out + taken, size - taken);
        if (count <= 0)
            break;
        taken += (size_t)count;
    }
    return taken;
}

static void *serve(void *context)
{
    struct server *server = context;
    uint8_t head[4];
    int fd = accept(server->listener, NULL, NULL);
    if (fd < 0)
        return NULL;
    if (read_exactly(fd, head, sizeof head) == sizeof head) {
        size_t size = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16;
        if (size <= sizeof server->request)
            server->request_size = read_exactly(fd, server->request, size);
    }
    struct slice out = buffer_slice(&server->reply);
    while (out.size > 0) {
        ssize_t count = send(fd, out.data, out.size, MSG_NOSIGNAL);
        if (count <= 0)
            break;
        out = slice_of(out.data + count, out.size - (size_t)count);
    }
    if (server->silent)
        (void)read_exactly(fd, head, 1);
    (void)close(fd);
    return NULL;
}

static void server_prepare(struct server *server)
{
    const char *base = getenv("TMPDIR");
    *server = (struct server){0};
    (void)snprintf(server->directory, sizeof server->directory, "%s/linli-client-XXXXXX",
                   base != NULL ? base : "/tmp");
    assert_non_null(mkdtemp(server->directory));
    (void)snprintf(server->path, sizeof server->path, "%s/sock", server->directory);
    buffer_init(&server->reply, SIZE_MAX);
}

static void server_start(struct server *server)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_true(strlen(server->path) < sizeof address.sun_path);
    memcpy(address.sun_path, server->path, strlen(server->path) + 1);
    server->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, sizeof address),
                     0);
    assert_int_equal(listen(server->listener, 4), 0);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_stop(struct server *server)
{
    assert_int_equal(pthread_join(server->thread, NULL), 0);
    (void)close(server->listener);
    (void)unlink(server->path);
    (void)rmdir(server->directory);
    buffer_deinit(&server->reply);
}

static void reply_head(struct buffer *out, uint64_t version, uint64_t status,
                       const char *subject, enum incomplete_kind missing)
{
    const struct incomplete incomplete = {.kind = missing, .count = 12};
    codec_put_map(out, 5);
    put_pair_uint(out, "v", version);
    put_pair_uint(out, "status", status);
    put_pair_text(out, "subject", subject);
    codec_put_cstring(out, "incomplete");
    incomplete_put(&incomplete, out);
    codec_put_cstring(out, "data");
}

static void server_reply(struct server *server, struct buffer *content)
{
    buffer_put_u32(&server->reply, (uint32_t)content->size);
    buffer_put(&server->reply, content->data, content->size);
    buffer_deinit(content);
}

static void server_reply_status(struct server *server, uint64_t status,
                                const char *subject, enum incomplete_kind missing)
{
    struct buffer content;
    buffer_init(&content, 4096);
    reply_head(&content, CONTROL_PROTOCOL, status, subject, missing);
    codec_put_map(&content, 5);
    put_pair_text(&content, "id", "K3F9ABCDEFGHJKMNPQRS");
    put_pair_text(&content, "short_id", "K3F9");
    put_pair_text(&content, "name", "王秀英");
    put_pair_text(&content, "place_name", "柘岱口村");
    codec_put_cstring(&content, "record");
    codec_put_map(&content, 2);
    put_pair_text(&content, "name", "王秀英");
    put_pair_text(&content, "tier", "high");
    server_reply(server, &content);
}

/* Runs `linli person add` with a name, a village and a date against the server. */
static enum exit_code run_add(struct server *server, struct screen *screen)
{
    char words[][13] = {"linli",     "person",       "add",     "--name",     "x",
                        "--village", "331123106204", "--birth", "2026-02-30", "--socket"};
    char *argv[ARRAY_SIZE(words) + 2] = {NULL};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        argv[i] = words[i];
    argv[ARRAY_SIZE(words)] = server->path;
    struct invocation invocation;
    struct failure failure;
    assert_true(arguments_parse(&invocation, (int)ARRAY_SIZE(words) + 1, argv, &failure));
    invocation.json = screen->terminal.json;
    enum exit_code code = ask_run(&invocation, &screen->terminal);
    arguments_deinit(&invocation);
    screen_flush(screen);
    return code;
}

static void a_saved_record_is_told_with_its_id_and_whose_it_is(void **state)
{
    struct server server;
    struct screen screen;
    (void)state;
    server_prepare(&server);
    server_reply_status(&server, OK, NULL, INCOMPLETE_NOT);
    server_start(&server);
    screen_open(&screen, false);
    assert_int_equal(run_add(&server, &screen), CODE_DONE);
    assert_string_equal(screen.text,
                        "Saved on this disk: person K3F9  (K3F9ABCDEFGHJKMNPQRS)\n"
                        "  王秀英, 柘岱口村, tier high\n");
    assert_string_equal(screen.error, "");
    screen_close(&screen);
    server_stop(&server);
}

static void the_request_is_what_the_protocol_says(void **state)
{
    struct server server;
    struct screen screen;
    struct slice command, args, name, text;
    uint64_t version;
    (void)state;
    server_prepare(&server);
    server_reply_status(&server, OK, NULL, INCOMPLETE_NOT);
    server_start(&server);
    screen_open(&screen, false);
    assert_int_equal(run_add(&server, &screen), CODE_DONE);
    server_stop(&server);
    struct slice request = slice_of(server.request, server.request_size);
    assert_true(codec_check(request));
    assert_true(codec_map_find(request, "v", &command));
    assert_true(codec_take_uint(&command, &version));
    assert_int_equal(version, CONTROL_PROTOCOL);
    assert_true(codec_map_find(request, "command", &command));
    assert_true(codec_take_text(&command, &text));
    assert_true(slice_equal(text, slice_text("person.add")));
    assert_true(codec_map_find(request, "args", &args));
    assert_true(codec_map_find(args, "name", &name));
    assert_true(codec_take_text(&name, &text));
    assert_true(slice_equal(text, slice_text("x")));
    screen_close(&screen);
}

static void an_incomplete_answer_is_shown_and_exits_4(void **state)
{
    struct server server;
    struct screen screen;
    (void)state;
    server_prepare(&server);
    server_reply_status(&server, OK, NULL, INCOMPLETE_READING);
    server_start(&server);
    screen_open(&screen, false);
    assert_int_equal(run_add(&server, &screen), CODE_INCOMPLETE);
    assert_non_null(strstr(screen.text, "K3F9"));
    assert_string_equal(
        screen.error, "Incomplete: 12 runs of entries held here are still being read\n");
    screen_close(&screen);
    server_stop(&server);
}

static void a_refusal_names_the_field_and_says_that_nothing_was_saved(void **state)
{
    struct server server;
    struct screen screen;
    (void)state;
    server_prepare(&server);
    server_reply_status(&server, ERR_DATE, "birth", INCOMPLETE_NOT);
    server_start(&server);
    screen_open(&screen, false);
    assert_int_equal(run_add(&server, &screen), CODE_REFUSED);
    assert_string_equal(screen.text, "");
    assert_string_equal(
        screen.error,
        "Error LL-E1105: --birth 2026-02-30: no such date exists\n"
        "      Nothing was saved; records here are unaffected.\n"
        "      Next: Write it as 2026-05-31, a moment as 2026-05-31 14:05.\n");
    screen_close(&screen);
    server_stop(&server);
}

static void a_refusal_with_json_is_one_object_on_stdout(void **state)
{
    struct server server;
    struct screen screen;
    (void)state;
    server_prepare(&server);
    server_reply_status(&server, ERR_DATE, "birth", INCOMPLETE_NOT);
    server_start(&server);
    screen_open(&screen, true);
    assert_int_equal(run_add(&server, &screen), CODE_REFUSED);
    assert_string_equal(
        screen.text,
        "{\"v\":1,\"error\":{\"code\":\"LL-E1105\",\"text\":\"no such date exists\","
        "\"subject\":\"birth\",\"next\":\"Write it as 2026-05-31, a moment as "
        "2026-05-31 14:05.\"}}\n");
    assert_string_equal(screen.error, "");
    screen_close(&screen);
    server_stop(&server);
}

static void a_number_of_a_newer_daemon_keeps_its_code(void **state)
{
    struct server server;
    struct screen screen;
    (void)state;
    server_prepare(&server);
    server_reply_status(&server, 2999, NULL, INCOMPLETE_NOT);
    server_start(&server);
    screen_open(&screen, false);
    assert_int_equal(run_add(&server, &screen), CODE_REFUSED);
    assert_non_null(strstr(screen.error, "LL-E2999"));
    screen_close(&screen);
    server_stop(&server);
}

static void a_daemon_that_leaves_before_answering_may_have_saved(void **state)
{
    struct server server;
    struct screen screen;
    (void)state;
    server_prepare(&server);
    buffer_put(&server.reply, "\x40\x00\x00\x00half", 8);
    server_start(&server);
    screen_open(&screen, false);
    assert_int_equal(run_add(&server, &screen), CODE_NO_DAEMON);
    assert_non_null(strstr(screen.error, "it may have been saved"));
    screen_close(&screen);
    server_stop(&server);
}

static void where_nothing_listens_nothing_was_saved_and_the_code_is_3(void **state)
{
    struct server server;
    struct screen screen;
    (void)state;
    server_prepare(&server);
    screen_open(&screen, false);
    assert_int_equal(run_add(&server, &screen), CODE_NO_DAEMON);
    assert_non_null(strstr(screen.error, "LL-E5001"));
    assert_non_null(strstr(screen.error, "Nothing was saved."));
    screen_close(&screen);
    (void)rmdir(server.directory);
    buffer_deinit(&server.reply);
}

static void touch(const char *directory, const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fclose(file);
}

static void how_to_start_depends_on_what_the_machine_is(void **state)
{
    char directory[] = "/tmp/linli-advice.XXXXXX", path[64];
    const char *usual = CONTROL_SOCKET_DEFAULT;
    struct failure failure;
    (void)state;
    assert_non_null(mkdtemp(directory));
    failure_set(&failure, ERR_NO_DAEMON, "%s", usual);
    ask_advise_start(&failure, usual, directory);
    assert_non_null(strstr(failure.next, "linli node init --division CODE --name NAME"));
    touch(directory, "node.key");
    failure_set(&failure, ERR_NO_DAEMON, "%s", usual);
    ask_advise_start(&failure, usual, directory);
    assert_non_null(strstr(failure.next, "linli node join county.grant"));
    touch(directory, "county.grant");
    failure_set(&failure, ERR_NO_DAEMON, "%s", usual);
    ask_advise_start(&failure, usual, directory);
    assert_non_null(strstr(failure.next, "systemctl start linlid"));
    ask_advise_start(&failure, "a/socket", directory);
    assert_non_null(strstr(failure.next, "linlid -c FILE"));
    (void)snprintf(path, sizeof path, "%s/node.key", directory);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/county.grant", directory);
    (void)unlink(path);
    (void)rmdir(directory);
}

/* ---- the client alone ---- */

static enum status ask_alone(struct server *server, int reply_ms,
                             struct client_reply *reply)
{
    static const uint8_t no_args[] = {0x80};
    struct client *client;
    struct client_options options = {.path = server->path, .reply_ms = reply_ms};
    assert_int_equal(client_open(&client, &options), OK);
    enum status status =
        client_ask(client, "status", slice_of(no_args, sizeof no_args), reply);
    client_close(client);
    return status;
}

static void a_silent_daemon_is_waited_for_only_so_long(void **state)
{
    struct server server;
    struct client_reply reply;
    (void)state;
    server_prepare(&server);
    server.silent = true;
    server_start(&server);
    assert_int_equal(ask_alone(&server, 50, &reply), ERR_NO_DAEMON);
    server_stop(&server);
}

static void another_protocol_is_named_as_such(void **state)
{
    struct server server;
    struct client_reply reply;
    struct buffer content;
    (void)state;
    server_prepare(&server);
    buffer_init(&content, 4096);
    reply_head(&content, CONTROL_PROTOCOL + 1, OK, NULL, INCOMPLETE_NOT);
    codec_put_map(&content, 0);
    server_reply(&server, &content);
    server_start(&server);
    assert_int_equal(ask_alone(&server, 5000, &reply), ERR_VERSION);
    server_stop(&server);
}

static void a_length_beyond_the_limit_is_not_believed(void **state)
{
    struct server server;
    struct client_reply reply;
    (void)state;
    server_prepare(&server);
    buffer_put_u32(&server.reply, UINT32_MAX);
    server_start(&server);
    assert_int_equal(ask_alone(&server, 5000, &reply), ERR_MALFORMED);
    server_stop(&server);
}

static void an_answer_that_is_none_is_malformed(void **state)
{
    static const char *const answers[] = {"\x80", "\xc0", "\xdd\x00\xff\xff\xff", "\x81"};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        struct server server;
        struct client_reply reply;
        size_t size = i == 2 ? 5 : 1;
        server_prepare(&server);
        buffer_put_u32(&server.reply, (uint32_t)size);
        buffer_put(&server.reply, answers[i], size);
        server_start(&server);
        assert_int_equal(ask_alone(&server, 5000, &reply), ERR_MALFORMED);
        server_stop(&server);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_saved_record_is_told_with_its_id_and_whose_it_is),
        cmocka_unit_test(the_request_is_what_the_protocol_says),
        cmocka_unit_test(an_incomplete_answer_is_shown_and_exits_4),
        cmocka_unit_test(a_refusal_names_the_field_and_says_that_nothing_was_saved),
        cmocka_unit_test(a_refusal_with_json_is_one_object_on_stdout),
        cmocka_unit_test(a_number_of_a_newer_daemon_keeps_its_code),
        cmocka_unit_test(a_daemon_that_leaves_before_answering_may_have_saved),
        cmocka_unit_test(where_nothing_listens_nothing_was_saved_and_the_code_is_3),
        cmocka_unit_test(how_to_start_depends_on_what_the_machine_is),
        cmocka_unit_test(a_silent_daemon_is_waited_for_only_so_long),
        cmocka_unit_test(another_protocol_is_named_as_such),
        cmocka_unit_test(a_length_beyond_the_limit_is_not_believed),
        cmocka_unit_test(an_answer_that_is_none_is_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
