#include "daemon/config/config.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ini.h>

#include "crdt/codec.h"
#include "crdt/text.h"
#include "daemon/api/i18n.h"
#include "daemon/api/config_error.h"
#include "daemon/api/protocol.h"
#include "daemon/api/suggest.h"
#include "daemon/control/listener.h"
#include "net/roster.h"

#define DROP_IN_DIRECTORY "conf.d"
#define DROP_IN_ENDING ".conf"
#define PEER_PREFIX "peer "
#define PEER_KEY "address"

enum {
    /* inih keeps a section's name in 50 bytes and cuts a longer one without a word. */
    SECTION_SIZE_MAX = 49,
    ERROR_TEXT_SIZE = 320,
    PORT_MAX = 65535,
};

struct parse {
    struct config *config;
    struct config_errors *errors;
    char *base; /* directory that relative paths start from */
    const char *file;
    unsigned line;
    FILE *stream;
};

/* ---- memory and errors ---- */

static char *text_copy(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(checked_malloc(size), text, size);
}

__attribute__((format(printf, 3, 4))) static void
complain(struct parse *parse, const char *key, const char *format, ...)
{
    char text[ERROR_TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, gettext(format), arguments);
    va_end(arguments);
    config_errors_add(parse->errors, parse->file, parse->line, key, text);
}

void config_free(struct config *config)
{
    for (size_t i = 0; i < config->peer_count; i++) {
        free(config->peers[i].name);
        free(config->peers[i].address);
    }
    free(config->peers);
    for (size_t i = 0; i < config->place_count; i++) {
        free(config->places[i].section);
        free(config->places[i].key);
        free(config->places[i].file);
    }
    free(config->places);
    free(config->directory);
    free(config->listen);
    free(config->control_socket);
    free(config->control_group);
    free(config->divisions);
    *config = (struct config){0};
}

/* ---- places ---- */

const struct config_place *config_place(const struct config *config, const char *section,
                                        const char *key)
{
    for (size_t i = 0; i < config->place_count; i++) {
        const struct config_place *place = &config->places[i];
        if (strcmp(place->section, section) == 0 && strcmp(place->key, key) == 0)
            return place;
    }
    return NULL;
}

static void place_add(struct parse *parse, const char *section, const char *key)
{
    struct config *config = parse->config;
    config->places = array_grow(config->places, &config->place_capacity,
                                config->place_count + 1, sizeof *config->places);
    config->places[config->place_count++] = (struct config_place){
        .section = text_copy(section),
        .key = text_copy(key),
        .file = text_copy(parse->file),
        .line = parse->line,
    };
}

/* ---- values ---- */

static void set_path(struct parse *parse, char **out, const char *value)
{
    bool absolute = value[0] == '/';
    while (strncmp(value, "./", 2) == 0)
        value += 1 + strspn(value + 1, "/");
    if (absolute || strcmp(parse->base, ".") == 0) {
        *out = text_copy(value[0] != '\0' ? value : ".");
        return;
    }
    if (value[0] == '\0' || strcmp(value, ".") == 0) {
        *out = text_copy(parse->base);
        return;
    }
    if (strcmp(parse->base, ".") == 0) { /* told as it was typed */
        *out = text_copy(value);
        return;
    }
    size_t size = strlen(parse->base) + 1 + strlen(value) + 1;
    *out = checked_malloc(size);
    (void)snprintf(*out, size, "%s/%s", parse->base, value);
}

/* "tcp://HOST:PORT"; a listener's port may be "*" for any free one, which tests use. */
static bool endpoint_is_sound(const char *value, bool listening)
{
    static const char scheme[] = "tcp://";
    if (strncmp(value, scheme, sizeof scheme - 1) != 0)
        return false;
    const char *host = value + sizeof scheme - 1;
    for (const char *at = host; *at != '\0'; at++) {
        if (!isgraph((unsigned char)*at)) /* full-width digits, say, reach nobody */
            return false;
    }
    const char *colon = strrchr(host, ':');
    if (colon == NULL || colon == host || strpbrk(host, " \t/;") != NULL)
        return false;
    if (!listening && host[0] == '*')
        return false;
    if (listening && strcmp(colon, ":*") == 0)
        return true;
    if (!isdigit((unsigned char)colon[1]) || strlen(colon) > 6)
        return false;
    char *end;
    long port = strtol(colon + 1, &end, 10);
    return *end == '\0' && port >= 1 && port <= PORT_MAX;
}

static void take_directory(struct parse *parse, const char *value)
{
    set_path(parse, &parse->config->directory, value);
}

static void take_listen(struct parse *parse, const char *value)
{
    if (endpoint_is_sound(value, true))
        parse->config->listen = text_copy(value);
    else
        complain(parse, "listen", "\"%s\" is not of the form tcp://ADDRESS:PORT", value);
}

static void take_control_socket(struct parse *parse, const char *value)
{
    set_path(parse, &parse->config->control_socket, value);
    if (strlen(parse->config->control_socket) >= LISTENER_PATH_SIZE)
        complain(parse, "control_socket",
                 "the path is longer than the %d bytes a socket may have",
                 LISTENER_PATH_SIZE - 1);
}

static void take_control_group(struct parse *parse, const char *value)
{
    parse->config->control_group = text_copy(value);
}

static void take_divisions(struct parse *parse, const char *value)
{
    set_path(parse, &parse->config->divisions, value);
}

static void take_level(struct parse *parse, const char *value)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (strcmp(value, names[i]) == 0) {
            parse->config->level = (enum log_level)i;
            return;
        }
    }
    complain(parse, "level", "\"%s\" is none of error, warning, info, debug", value);
}

static const struct {
    const char *section;
    const char *key;
    void (*take)(struct parse *parse, const char *value);
} keys[] = {
    {"node", "directory", take_directory},
    {"node", "listen", take_listen},
    {"node", "control_socket", take_control_socket},
    {"node", "control_group", take_control_group},
    {"node", "divisions", take_divisions},
    {"log", "level", take_level},
};

/* ---- peers ---- */

static const char *peer_name_of(const char *section)
{
    size_t size = sizeof PEER_PREFIX - 1;
    return strncmp(section, PEER_PREFIX, size) == 0 ? section + size : NULL;
}

/* fe80::/10 without "%" and an interface: the system has no way there. */
static bool endpoint_lacks_interface(const char *value)
{
    const char *host = strchr(value, '[');
    return host != NULL && strchr("fF", host[1]) != NULL && host[1] != '\0' &&
           strchr("eE", host[2]) != NULL && host[2] != '\0' && host[3] != '\0' &&
           strchr("89abAB", host[3]) != NULL && strchr(host, '%') == NULL;
}

static void take_address(struct parse *parse, const char *name, const char *value)
{
    struct config *config = parse->config;
    if (!endpoint_is_sound(value, false)) {
        complain(parse, "address", "\"%s\" is not of the form tcp://HOST:PORT", value);
        return;
    }
    if (endpoint_lacks_interface(value)) {
        complain(parse, "address",
                 "\"%s\" is link-local and says not over which interface: write it as in "
                 "tcp://[fe80::1%%eth0]:5100",
                 value);
        return;
    }
    if (config->peer_count == CONFIG_PEERS_MAX) {
        complain(parse, "address", "more than %d peers", CONFIG_PEERS_MAX);
        return;
    }
    config->peers = array_grow(config->peers, &config->peer_capacity,
                               config->peer_count + 1, sizeof *config->peers);
    config->peers[config->peer_count++] =
        (struct config_peer){.name = text_copy(name), .address = text_copy(value)};
}

/* ---- lines ---- */

static bool section_is_known(const char *section)
{
    const char *peer = peer_name_of(section);
    if (peer != NULL)
        return peer[0] != '\0';
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        if (strcmp(section, keys[i].section) == 0)
            return true;
    }
    return false;
}

/* A section without keys never reaches inih's handler, so headings are judged here. */
static bool heading_is_sound(struct parse *parse, const char *line)
{
    char section[SECTION_SIZE_MAX + 1];
    const char *end = strchr(line, ']');
    if (end == NULL) {
        complain(parse, NULL, "the section's name is not closed by \"]\"");
        return false;
    }
    size_t size = (size_t)(end - line) - 1;
    if (size > SECTION_SIZE_MAX) {
        complain(parse, NULL, "the section's name is longer than %d bytes",
                 SECTION_SIZE_MAX);
        return false;
    }
    memcpy(section, line + 1, size);
    section[size] = '\0';
    if (!section_is_known(section)) {
        complain(parse, section,
                 "there is no such section; there are [node], [peer NAME] and [log]");
        return false;
    }
    if (config_place(parse->config, section, "") == NULL)
        place_add(parse, section, "");
    return true;
}

/* The key of "listen tcp://…", whose colon inih would take for the sign; NULL: another line. */
static const char *key_without_sign(const char *line)
{
    size_t size = strcspn(line, " \t=:");
    const char *rest = line + size + strspn(line + size, " \t");
    if (rest == line + size || *rest == '\0' || *rest == '=' || *rest == ':')
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        if (strlen(keys[i].key) == size && strncmp(line, keys[i].key, size) == 0)
            return keys[i].key;
    }
    return strlen(PEER_KEY) == size && strncmp(line, PEER_KEY, size) == 0 ? PEER_KEY
                                                                          : NULL;
}

/* inih reports only the first line it cannot read, cuts what is longer than its buffer
 * into two lines, and takes an indented line for more of the value above. All of that is
 * settled before it sees the line. */
static bool line_is_sound(struct parse *parse, const char *line, size_t size,
                          size_t size_max)
{
    if (strlen(line) != size || !text_is_clean(slice_of(line, size))) {
        complain(parse, NULL, "not valid UTF-8, or it holds control characters");
        return false;
    }
    if (size > size_max) {
        complain(parse, NULL, "longer than %zu bytes", size_max);
        return false;
    }
    if (line[0] == '\0' || line[0] == '#' || line[0] == ';')
        return true;
    if (line[0] == '[')
        return heading_is_sound(parse, line);
    const char *key = key_without_sign(line);
    if (key != NULL) {
        complain(parse, key, "the \"=\" is missing: write  %s = %s", key,
                 line + strlen(key) + strspn(line + strlen(key), " \t"));
        return false;
    }
    if (strpbrk(line, "=:") == NULL) {
        complain(parse, NULL, "neither a section, a comment nor \"key = value\"");
        return false;
    }
    return true;
}

/* After a heading that is none, what follows must not count to the section before it. */
#define SECTION_UNSOUND "[?]\n"

static void line_hand_over(char *out, const char *line, bool sound)
{
    if (sound)
        memcpy(out, line, strlen(line) + 1);
    else if (line[0] == '[')
        memcpy(out, SECTION_UNSOUND, sizeof SECTION_UNSOUND);
    else
        out[0] = '\0';
}

static void line_trim(char **line, size_t *size)
{
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    size_t mark = sizeof byte_order_mark - 1;
    if (*size >= mark && memcmp(*line, byte_order_mark, mark) == 0) {
        *line += mark;
        *size -= mark;
    }
    while (*size > 0 && strchr(" \t\r\n", (*line)[*size - 1]) != NULL &&
           (*line)[*size - 1] != '\0')
        (*line)[--*size] = '\0';
    while (*size > 0 && (**line == ' ' || **line == '\t')) {
        (*line)++;
        (*size)--;
    }
}

/* inih's reader: one line into `out`, which takes `capacity` bytes. */
static char *read_line(char *out, int capacity, void *context)
{
    struct parse *parse = context;
    char *memory = NULL;
    size_t memory_size = 0;
    ssize_t count = getline(&memory, &memory_size, parse->stream);
    if (count < 0) {
        free(memory);
        return NULL;
    }
    parse->line++;
    char *line = memory;
    size_t size = (size_t)count;
    line_trim(&line, &size);
    bool sound = line_is_sound(parse, line, size, (size_t)capacity - 1);
    line_hand_over(out, line, sound);
    free(memory);
    return out;
}

static void take_key(struct parse *parse, const char *section, const char *key,
                     const char *value)
{
    const char *peer = peer_name_of(section);
    if (peer != NULL && strcmp(key, PEER_KEY) == 0) {
        take_address(parse, peer, value);
        return;
    }
    for (size_t i = 0; peer == NULL && i < ARRAY_SIZE(keys); i++) {
        if (strcmp(section, keys[i].section) == 0 && strcmp(key, keys[i].key) == 0) {
            keys[i].take(parse, value);
            return;
        }
    }
    struct suggestion meant;
    suggestion_begin(&meant, slice_text(key));
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        if (strcmp(section, keys[i].section) == 0)
            suggestion_consider(&meant, keys[i].key);
    }
    if (peer != NULL)
        suggestion_consider(&meant, PEER_KEY);
    if (meant.best[0] != '\0')
        complain(parse, key, "there is no such key in [%s]; did you mean %s?", section,
                 meant.best);
    else
        complain(parse, key, "there is no such key in [%s]", section);
}

/* inih's handler. It always says that it is content: mistakes are collected here. */
static int handle_key(void *context, const char *section, const char *key,
                      const char *value)
{
    struct parse *parse = context;
    if (strcmp(section, "?") == 0)
        return 1;
    if (section[0] == '\0') {
        complain(parse, key, "stands before the first section");
        return 1;
    }
    const struct config_place *first = config_place(parse->config, section, key);
    if (first != NULL) {
        complain(parse, key, "given before, in %s:%u", first->file, first->line);
        return 1;
    }
    place_add(parse, section, key);
    if (value[0] == '\0')
        complain(parse, key, "has no value");
    else
        take_key(parse, section, key, value);
    return 1;
}

/* ---- files ---- */

static void parse_file(struct parse *parse, const char *path)
{
    parse->file = path;
    parse->line = 0;
    parse->stream = fopen(path, "re");
    if (parse->stream == NULL) {
        complain(parse, NULL, "cannot be read: %s", strerror(errno));
        return;
    }
    (void)ini_parse_stream(read_line, parse, handle_key, parse);
    if (ferror(parse->stream)) {
        parse->line = 0;
        complain(parse, NULL, "cannot be read: %s", strerror(errno));
    }
    (void)fclose(parse->stream);
}

static int is_drop_in(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name), ending = sizeof DROP_IN_ENDING - 1;
    return size > ending && entry->d_name[0] != '.' &&
           strcmp(entry->d_name + size - ending, DROP_IN_ENDING) == 0;
}

/* By bytes: the order must not change with the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void parse_drop_ins(struct parse *parse)
{
    char *directory, *path;
    struct dirent **found = NULL;
    set_path(parse, &directory, DROP_IN_DIRECTORY);
    int count = scandir(directory, &found, is_drop_in, by_name);
    if (count < 0 && errno != ENOENT) {
        parse->file = directory;
        parse->line = 0;
        complain(parse, NULL, "cannot be read: %s", strerror(errno));
    }
    for (int i = 0; i < count; i++) {
        size_t size = strlen(directory) + 1 + strlen(found[i]->d_name) + 1;
        path = checked_malloc(size);
        (void)snprintf(path, size, "%s/%s", directory, found[i]->d_name);
        parse_file(parse, path);
        free(path);
        free(found[i]);
    }
    free(found);
    free(directory);
}

static void check_peers(struct parse *parse)
{
    for (size_t i = 0; i < parse->config->place_count; i++) {
        const struct config_place *place = &parse->config->places[i];
        const char *peer = peer_name_of(place->section);
        if (peer == NULL || place->key[0] != '\0')
            continue;
        parse->file = place->file;
        parse->line = place->line;
        if (strlen(peer) > NAME_SIZE_MAX)
            complain(parse, place->section, "the name is longer than %d bytes",
                     NAME_SIZE_MAX);
        if (config_place(parse->config, place->section, "address") == NULL)
            complain(parse, place->section, "has no address");
    }
}

static void set_defaults(struct config *config)
{
    if (config->directory == NULL)
        config->directory = text_copy(CONFIG_DIRECTORY_DEFAULT);
    if (config->control_socket == NULL)
        config->control_socket = text_copy(CONTROL_SOCKET_DEFAULT);
}

static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return text_copy(".");
    size_t size = slash == path ? 1 : (size_t)(slash - path);
    char *directory = checked_malloc(size + 1);
    memcpy(directory, path, size);
    directory[size] = '\0';
    return directory;
}

static void parse_free(struct parse *parse)
{
    free(parse->base);
}

enum status config_load(struct config *config, const char *path,
                        struct config_errors *errors)
{
    *config = (struct config){.level = LOG_LEVEL_INFO};
    *errors = (struct config_errors){0};
    struct parse parse = {.config = config, .errors = errors, .base = directory_of(path)};
    parse_file(&parse, path);
    parse_drop_ins(&parse);
    check_peers(&parse);
    set_defaults(config);
    parse_free(&parse);
    return errors->count == 0 ? OK : ERR_CONFIG;
}
