/* main.c - linlid: reads the configuration, opens what it needs in the order in which it can
 * be refused, and runs the loop until it is told to stop. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/api/i18n.h"
#include "daemon/config/config.h"
#include "daemon/config/surroundings.h"
#include "daemon/control/control.h"
#include "daemon/api/divisions_csv.h"
#include "daemon/run/joined.h"
#include "daemon/run/log.h"
#include "daemon/run/loop.h"
#include "daemon/run/node.h"
#include "daemon/run/random.h"

enum exit_code { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_CONFIG = 2 };

#define ABOUT_SIZE 512

struct arguments {
    const char *config_path;
    bool check_only;
};

/* Everything that is open, closed in reverse. */
struct daemon {
    struct config config;
    struct divisions divisions;
    struct joined joined;
    int signals;
    struct node *node;
    struct loop *loop;
    struct transport *transport;
    struct control *control;
};

/* ---- the command line ---- */

static const char usage[] =
    "Usage: linlid [-c FILE] [--check-config]\n"
    "The Linli daemon: keeps a county's shared records and syncs them with its "
    "neighbours.\n"
    "\n"
    "  -c, --config FILE   configuration; " CONFIG_PATH_DEFAULT " unless given\n"
    "      --check-config  say what is wrong with it, and start nothing\n"
    "  -h, --help          this text\n"
    "      --version       the version\n"
    "\n"
    "Exit codes: 0 stopped as told, or nothing wrong; 1 could not start; 2 "
    "configuration\n"
    "or command line. See linlid(8) and linli.conf(5).\n";

enum option_code { OPTION_CHECK = 256, OPTION_VERSION };

/* False: `code` is what to exit with. */
static bool read_arguments(int count, char **values, struct arguments *arguments,
                           enum exit_code *code)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"check-config", no_argument, NULL, OPTION_CHECK},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, OPTION_VERSION},
        {NULL, 0, NULL, 0},
    };
    int option;
    *arguments = (struct arguments){.config_path = CONFIG_PATH_DEFAULT};
    *code = EXIT_DONE;
    while ((option = getopt_long(count, values, "c:h", options, NULL)) != -1) {
        switch (option) {
        case 'c': arguments->config_path = optarg; break;
        case OPTION_CHECK: arguments->check_only = true; break;
        case 'h': (void)fputs(usage, stdout); return false;
        case OPTION_VERSION: (void)puts("linlid " LINLI_VERSION); return false;
        default: *code = EXIT_CONFIG; return false;
        }
    }
    if (optind == count)
        return true;
    (void)fprintf(stderr, "linlid: unexpected argument \"%s\"\n%s", values[optind],
                  usage);
    *code = EXIT_CONFIG;
    return false;
}

/* ---- configuration ---- */

static void print_lines(const struct config_errors *errors, const char *begin)
{
    struct buffer text;
    buffer_init(&text, SIZE_MAX);
    for (size_t i = 0; i < errors->count; i++) {
        buffer_put(&text, begin, strlen(begin));
        config_error_format(&errors->items[i], &text);
    }
    (void)fwrite(text.data, 1, text.size, stderr);
    buffer_deinit(&text);
}

/* Files that it names are a part of it: their mistakes are found with its own. */
static bool read_configuration(struct daemon *daemon, const char *path, bool check_only)
{
    struct config_errors errors;
    enum status status = config_load(&daemon->config, path, &errors);
    if (daemon->config.divisions != NULL &&
        divisions_csv_load(daemon->config.divisions, &daemon->divisions, &errors) != OK)
        status = ERR_CONFIG;
    struct config_errors doubts = {0};
    if (status == OK) {
        surroundings_check(&daemon->config, path, &errors, &doubts);
        status = errors.count == 0 ? OK : ERR_CONFIG;
    }
    if (status != OK) {
        print_lines(&errors, "");
        log_status(ERR_CONFIG, NULL);
    } else if (check_only) {
        print_lines(&doubts, _("Warning: "));
        (void)printf(_("%s: %s\n"), path,
                     doubts.count == 0 ? _("nothing wrong")
                                       : _("nothing wrong but what is named"));
    }
    config_errors_free(&doubts);
    config_errors_free(&errors);
    return status == OK;
}

static bool keep_own_divisions(struct daemon *daemon, uint64_t county)
{
    if (daemon->config.divisions == NULL)
        return true;
    divisions_keep_county(&daemon->divisions, county);
    if (daemon->divisions.count > 0)
        return true;
    char about[ABOUT_SIZE];
    (void)snprintf(about, sizeof about, "%s has no places of county %" PRIu64,
                   daemon->config.divisions, county);
    log_status(ERR_CONFIG, about);
    return false;
}

/* ---- opening ---- */

static bool open_signals(struct daemon *daemon)
{
    sigset_t taken;
    CHECK(sigemptyset(&taken) == 0 && sigaddset(&taken, SIGTERM) == 0 &&
          sigaddset(&taken, SIGINT) == 0 && sigaddset(&taken, SIGHUP) == 0);
    /* Blocked before libzmq starts its threads, which inherit it. */
    CHECK(sigprocmask(SIG_BLOCK, &taken, NULL) == 0);
    (void)signal(SIGPIPE, SIG_IGN);
    daemon->signals = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
    return daemon->signals >= 0 || log_failure(ERR_FILE, "signalfd", strerror(errno));
}

static bool open_node(struct daemon *daemon)
{
    struct store_finding finding = {0};
    const struct node_options options = {
        .directory = daemon->config.directory,
        .finding = &finding,
        .seed = slice_of(daemon->joined.seed, SEED_SIZE),
        .grant = buffer_slice(&daemon->joined.grant),
    };
    struct random_pool pool = {.left = 0};
    uint8_t random[RANDOM_SIZE];
    random_take(&pool, random, sizeof random);
    errno = 0;
    enum status status = node_open(&daemon->node, &options, random);
    int error = errno;
    random_wipe(&pool);
    joined_deinit(&daemon->joined);
    char found[ABOUT_SIZE] = "";
    if (finding.of != NULL)
        (void)snprintf(found, sizeof found, "store/data.mdb, page %" PRIu64 " (%s) %s",
                       finding.page, finding.of, finding.what);
    if (status == OK) {
        if (finding.of != NULL)
            log_write(
                LOG_LEVEL_WARNING,
                "%s/%s; what can be made anew from the logs is. A file with damaged "
                "pages is kept as store.damaged until another one is",
                daemon->config.directory, found);
        return true;
    }
    const char *why = finding.of != NULL ? found : NULL;
    if (status == ERR_STORE && error != 0)
        why = strerror(error);
    return log_failure(status, daemon->config.directory, why);
}

/* About the value of a key of [node], with the line that gives it. Always false. */
static bool fail_by_key(const struct daemon *daemon, enum status status, const char *key,
                        const char *value, const char *why)
{
    char about[ABOUT_SIZE];
    const struct config_place *place = config_place(&daemon->config, "node", key);
    if (place != NULL)
        (void)snprintf(about, sizeof about, "%s:%u: %s: %s", place->file, place->line,
                       key, value);
    else
        (void)snprintf(about, sizeof about, "%s: %s", key, value);
    return log_failure(status, about, why);
}

static bool open_transport(struct daemon *daemon)
{
    const struct node_keys *keys = node_keys(daemon->node);
    struct transport_options options = {
        .listen = daemon->config.listen,
        .member = loop_member,
        .shut_out = loop_shuts_out,
        .context = daemon->loop,
    };
    memcpy(options.public_key, keys->curve_public, CURVE_KEY_SIZE);
    memcpy(options.secret_key, keys->curve_secret, CURVE_KEY_SIZE);
    errno = 0;
    enum status status = transport_open(&daemon->transport, &options);
    int error = errno;
    crypto_wipe(options.secret_key, CURVE_KEY_SIZE);
    if (status == OK)
        return true;
    if (daemon->config.listen == NULL)
        return log_failure(status, "network", error != 0 ? strerror(error) : NULL);
    if (error == EADDRINUSE)
        return fail_by_key(daemon, ERR_PORT_TAKEN, "listen", daemon->config.listen, NULL);
    return fail_by_key(daemon, status, "listen", daemon->config.listen,
                       error == EADDRNOTAVAIL ? "this machine has no such address"
                       : error == EACCES      ? "ports below 1024 are for root alone"
                       : error != 0           ? strerror(error)
                                              : NULL);
}

static bool open_control(struct daemon *daemon)
{
    const char *path = daemon->config.control_socket;
    enum status status =
        control_open(&daemon->control, path, daemon->config.control_group);
    if (status == OK)
        return true;
    const char *group = daemon->config.control_group;
    if (errno == EADDRINUSE)
        return fail_by_key(daemon, status, "control_socket", path,
                           "another daemon answers there");
    if (errno == EINVAL && group != NULL)
        return fail_by_key(daemon, ERR_CONFIG, "control_group", group,
                           "there is no such group");
    if (errno == EPERM && group != NULL)
        return fail_by_key(daemon, ERR_CONFIG, "control_group", group,
                           "the account that linlid runs under is not in this group");
    return fail_by_key(daemon, status, "control_socket", path, strerror(errno));
}

static void warn_of_own_division(const struct daemon *daemon, const struct member *self)
{
    if (self != NULL && daemon->divisions.count > 0 &&
        divisions_find(&daemon->divisions, self->division) == NULL)
        log_write(LOG_LEVEL_WARNING, "this node's own division %" PRIu64 " is not in %s",
                  self->division, daemon->config.divisions);
}

static void say_hello(const struct daemon *daemon)
{
    const struct engine *engine = node_engine(daemon->node);
    const struct genesis *genesis = roster_genesis(engine_roster(engine));
    const struct member *self = engine_self(engine);
    const char *endpoint = transport_endpoint(daemon->transport);
    log_write(LOG_LEVEL_INFO,
              "linlid " LINLI_VERSION ": %s (%" PRIu64 "), node %s, %s%s, %" PRIu64
              " entries held, %zu peer%s configured",
              genesis->name, genesis->county, self != NULL ? self->name : "?",
              endpoint != NULL ? "listening on " : "only dialling",
              endpoint != NULL ? endpoint : "", heads_entries(engine_heads(engine)),
              daemon->config.peer_count, daemon->config.peer_count == 1 ? "" : "s");
    warn_of_own_division(daemon, self);
}

static enum exit_code run(struct daemon *daemon)
{
    uint64_t county;
    if (!open_signals(daemon) ||
        !joined_read(&daemon->joined, daemon->config.directory, &county))
        return EXIT_FAILED;
    if (!keep_own_divisions(daemon, county))
        return EXIT_CONFIG;
    if (!open_node(daemon))
        return EXIT_FAILED;
    const struct loop_options options = {
        .node = daemon->node,
        .config = &daemon->config,
        .divisions = &daemon->divisions,
        .signals = daemon->signals,
    };
    daemon->loop = loop_create(&options);
    if (!open_transport(daemon) || !open_control(daemon))
        return EXIT_FAILED;
    say_hello(daemon);
    loop_run(daemon->loop, daemon->transport, daemon->control);
    log_write(LOG_LEVEL_INFO, "stopped as told; everything acknowledged is on disk");
    return EXIT_DONE;
}

static void close_all(struct daemon *daemon)
{
    control_close(daemon->control);
    if (daemon->transport != NULL)
        transport_close(daemon->transport);
    if (daemon->loop != NULL)
        loop_destroy(daemon->loop);
    if (daemon->node != NULL)
        node_close(daemon->node);
    if (daemon->signals >= 0)
        (void)close(daemon->signals);
    joined_deinit(&daemon->joined);
    divisions_deinit(&daemon->divisions);
    config_free(&daemon->config);
}

int main(int count, char **values)
{
    /* Static, because the seed's page is locked. */
    static struct daemon daemon = {.signals = -1};
    struct arguments arguments;
    enum exit_code code;
    if (!read_arguments(count, values, &arguments, &code))
        return (int)code;
    /* --check-config answers in the language of the person; the journal is English. */
    if (arguments.check_only)
        i18n_init();
    log_open(LOG_LEVEL_INFO);
    divisions_init(&daemon.divisions);
    joined_init(&daemon.joined);
    code = EXIT_CONFIG;
    if (read_configuration(&daemon, arguments.config_path, arguments.check_only)) {
        log_open(daemon.config.level);
        if (arguments.check_only) {
            code = EXIT_DONE;
        } else {
            /* Files that the daemon creates are for its own account alone. */
            (void)umask(0077);
            crypto_init();
            if (mlock(daemon.joined.seed, SEED_SIZE) != 0)
                log_write(LOG_LEVEL_WARNING, "keys may be swapped out: %s",
                          strerror(errno));
            code = run(&daemon);
        }
    }
    close_all(&daemon);
    return (int)code;
}
