/* The Makefile's level of POSIX does not know prctl; this edge is Linux's anyway. */
#include "tests/bench/linlid.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crdt/codec.h"
#include "tests/bench/report.h"
#include "tools/files.h"

#define RUNNING_MAX 64
#define START_MS_MAX 30000
#define STOP_MS_MAX 20000
#define ANSWER_MS_MAX 120000

/* ---- whoever is running ---- */

static pid_t running[RUNNING_MAX];

static void end_running(void)
{
    for (size_t i = 0; i < RUNNING_MAX; i++) {
        if (running[i] != 0)
            (void)kill(running[i], SIGKILL);
    }
}

static void running_replace(pid_t before, pid_t after)
{
    static bool registered;
    if (!registered)
        CHECK(atexit(end_running) == 0);
    registered = true;
    for (size_t i = 0; i < RUNNING_MAX; i++) {
        if (running[i] == before) {
            running[i] = after;
            return;
        }
    }
    give_up("more than %d daemons", RUNNING_MAX);
}

/* ---- starting ---- */

unsigned linlid_free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        give_up("no free port: %s", strerror(errno));
    (void)close(fd);
    return ntohs(address.sin_port);
}

static void write_config(const struct linlid *linlid,
                         const struct linlid_options *options)
{
    char path[PATH_SIZE_MAX], text[2048];
    /* A node that neither listens nor dials is refused at its start. */
    unsigned port = options->listen_port;
    if (port == 0 && options->peer_name == NULL)
        port = linlid_free_port();
    int size = snprintf(text, sizeof text, "[node]\ndirectory = .\ncontrol_socket = %s\n",
                        linlid->socket);
    if (port != 0)
        size += snprintf(text + size, sizeof text - (size_t)size,
                         "listen = tcp://127.0.0.1:%u\n", port);
    if (options->peer_name != NULL)
        size += snprintf(text + size, sizeof text - (size_t)size,
                         "[peer %s]\naddress = tcp://127.0.0.1:%u\n", options->peer_name,
                         options->peer_port);
    CHECK(size > 0 && (size_t)size < sizeof text);
    if (path_join(path, linlid->directory, "linli.conf") != OK ||
        file_replace(path, slice_text(text)) != OK)
        give_up("cannot write %s/linli.conf", linlid->directory);
}

_Noreturn static void run_child(const struct linlid *linlid, const char *program)
{
    char config[PATH_SIZE_MAX], log[PATH_SIZE_MAX];
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (path_join(config, linlid->directory, "linli.conf") != OK ||
        path_join(log, linlid->directory, "linlid.log") != OK)
        _exit(126);
    int in = open("/dev/null", O_RDONLY);
    int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
        _exit(126);
    (void)execl(program, program, "--config", config, (char *)NULL);
    _exit(127);
}

static void check_alive(const struct linlid *linlid, const char *doing)
{
    int how;
    if (waitpid(linlid->pid, &how, WNOHANG) != linlid->pid)
        return;
    running_replace(linlid->pid, 0);
    give_up("%s ended while %s (wait status %d); see %s/linlid.log", linlid->name, doing,
            how, linlid->directory);
}

static void wait_until_it_answers(struct linlid *linlid)
{
    struct wait wait = wait_for("linlid's control socket", START_MS_MAX, 10);
    struct client_options options = {.path = linlid->socket, .reply_ms = ANSWER_MS_MAX};
    struct client_reply reply;
    uint8_t no_args[] = {0x80};
    for (;;) {
        check_alive(linlid, "starting");
        if (client_open(&linlid->client, &options) == OK &&
            client_ask(linlid->client, "version", slice_of(no_args, 1), &reply) == OK)
            return;
        client_close(linlid->client);
        wait_step(&wait);
    }
}

void linlid_start(struct linlid *linlid, const struct linlid_options *options)
{
    const char *program = getenv("LINLID");
    *linlid = (struct linlid){.name = options->name};
    int path = snprintf(linlid->directory, sizeof linlid->directory, "%s/%s",
                        options->parent, options->name);
    int socket = snprintf(linlid->socket, sizeof linlid->socket, "%s/%s.sock",
                          options->sockets, options->name);
    if (path >= (int)sizeof linlid->directory || socket >= (int)sizeof linlid->socket)
        give_up("the paths of %s are too long", options->name);
    write_config(linlid, options);
    linlid->pid = fork();
    if (linlid->pid < 0)
        give_up("cannot start linlid: %s", strerror(errno));
    if (linlid->pid == 0)
        run_child(linlid, program != NULL ? program : "build/linlid");
    running_replace(0, linlid->pid);
    wait_until_it_answers(linlid);
}

void linlid_stop(struct linlid *linlid)
{
    struct wait wait = wait_for("linlid to stop", STOP_MS_MAX, 5);
    int how;
    client_close(linlid->client);
    (void)kill(linlid->pid, SIGTERM);
    while (waitpid(linlid->pid, &how, WNOHANG) == 0)
        wait_step(&wait);
    running_replace(linlid->pid, 0);
    if (!WIFEXITED(how) || WEXITSTATUS(how) != 0)
        give_up("%s did not end well (wait status %d); see %s/linlid.log", linlid->name,
                how, linlid->directory);
}

/* ---- asking ---- */

struct slice linlid_ask(struct linlid *linlid, const char *command, struct slice args)
{
    struct client_reply reply;
    enum status asked = client_ask(linlid->client, command, args, &reply);
    if (asked != OK) {
        check_alive(linlid, command);
        give_up("%s does not answer %s: %s", linlid->name, command,
                status_words(asked)->text);
    }
    if (reply.status != OK)
        give_up("%s refuses %s: LL-E%llu %.*s", linlid->name, command,
                (unsigned long long)reply.status, (int)reply.subject.size,
                (const char *)reply.subject.data);
    return reply.data;
}

struct slice linlid_ask_one(struct linlid *linlid, const char *command, const char *key,
                            const char *value)
{
    struct buffer args;
    buffer_init(&args, 512);
    codec_put_map(&args, 1);
    codec_put_cstring(&args, key);
    codec_put_cstring(&args, value);
    struct slice data = linlid_ask(linlid, command, buffer_slice(&args));
    buffer_deinit(&args);
    return data;
}

struct slice answer_value(struct slice map, const char *key)
{
    struct slice value;
    if (!codec_map_find(map, key, &value))
        give_up("an answer without \"%s\"", key);
    return value;
}

uint64_t answer_uint(struct slice map, const char *key)
{
    struct slice value = answer_value(map, key);
    uint64_t number;
    if (!codec_take_uint(&value, &number))
        give_up("\"%s\" is no number", key);
    return number;
}

struct slice answer_text(struct slice map, const char *key)
{
    struct slice value = answer_value(map, key);
    struct slice text;
    if (!codec_take_text(&value, &text))
        give_up("\"%s\" is no text", key);
    return text;
}

static void look_at_peers(struct slice peers, struct linlid_state *state)
{
    struct slice peer;
    size_t count;
    if (!codec_take_array(&peers, &count))
        give_up("\"peers\" is no list");
    for (size_t i = 0; i < count && codec_take_any(&peers, &peer); i++) {
        struct slice word = answer_text(peer, "state");
        bool online = slice_equal(word, slice_text("online"));
        bool linked = online || slice_equal(word, slice_text("syncing"));
        state->peers++;
        state->peers_online += online;
        state->peers_linked += linked;
        if (!codec_is_nil(answer_value(peer, "to_send"))) /* nil before they have met */
            state->to_send += answer_uint(peer, "to_send");
        state->bytes_in += answer_uint(peer, "bytes_in");
        state->bytes_out += answer_uint(peer, "bytes_out");
    }
}

void linlid_look(struct linlid *linlid, struct linlid_state *state)
{
    uint8_t no_args[] = {0x80};
    struct slice data = linlid_ask(linlid, "status", slice_of(no_args, 1));
    struct slice storage = answer_value(data, "storage");
    *state = (struct linlid_state){
        .entries = answer_uint(storage, "entries"),
        .logs = answer_uint(storage, "logs"),
        .wanted_logs = answer_uint(storage, "wanted_logs"),
        .unreadable_entries = answer_uint(storage, "unreadable_entries"),
        .refused_entries = answer_uint(storage, "refused_entries"),
        .uncounted_entries = answer_uint(storage, "uncounted_entries"),
    };
    look_at_peers(answer_value(data, "peers"), state);
}
