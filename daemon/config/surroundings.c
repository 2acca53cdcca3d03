#include "daemon/config/surroundings.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/api/i18n.h"
#include "daemon/api/suggest.h"
#include "daemon/control/listener.h"
#include "net/grant.h"

/* Made by the service manager when it starts the daemon (RuntimeDirectory=). */
#define RUNTIME_DIRECTORY "/run/linli/"

#define TEXT_SIZE 320
#define GRANT_PATH_SIZE 4096

struct checking {
    const struct config *config;
    const char *path;
};

/* At the line that gives the key, or at the file where its default is meant. */
__attribute__((format(printf, 5, 6))) static void
note(const struct checking *checking, struct config_errors *list, const char *section,
     const char *key, const char *format, ...)
{
    char text[TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, gettext(format), arguments);
    va_end(arguments);
    const struct config_place *place = config_place(checking->config, section, key);
    config_errors_add(list, place != NULL ? place->file : checking->path,
                      place != NULL ? place->line : 0, key[0] != '\0' ? key : section,
                      text);
}

/* ---- paths ---- */

static void check_directory(const struct checking *checking,
                            struct config_errors *mistakes)
{
    struct stat found;
    const char *directory = checking->config->directory;
    if (stat(directory, &found) != 0)
        note(checking, mistakes, "node", "directory",
             "there is no such directory: %s; linli node init makes it", directory);
    else if (!S_ISDIR(found.st_mode))
        note(checking, mistakes, "node", "directory", "this is no directory: %s",
             directory);
}

static void check_socket(const struct checking *checking, struct config_errors *mistakes)
{
    struct stat found;
    char directory[LISTENER_PATH_SIZE];
    const char *path = checking->config->control_socket;
    const char *end = strrchr(path, '/');
    if (stat(path, &found) == 0 && !S_ISSOCK(found.st_mode))
        note(checking, mistakes, "node", "control_socket",
             S_ISDIR(found.st_mode) ? N_("this is a directory, give a file in it: %s")
                                    : N_("there is a file here that is no socket: %s"),
             path);
    if (end == NULL || end == path ||
        strncmp(path, RUNTIME_DIRECTORY, strlen(RUNTIME_DIRECTORY)) == 0)
        return;
    (void)snprintf(directory, sizeof directory, "%.*s", (int)(end - path), path);
    if (stat(directory, &found) != 0 || !S_ISDIR(found.st_mode))
        note(checking, mistakes, "node", "control_socket",
             "the directory it is to lie in does not exist: %s", directory);
}

/* ---- the group ---- */

static bool is_among(gid_t wanted, const gid_t *groups, int count)
{
    for (int i = 0; i < count; i++) {
        if (groups[i] == wanted)
            return true;
    }
    return false;
}

/* Whether this process may give a file to the group. */
static bool is_own_group(gid_t group)
{
    int count = getgroups(0, NULL);
    if (group == getegid() || count < 0)
        return true;
    gid_t *groups = checked_malloc(((size_t)count + 1) * sizeof *groups);
    count = getgroups(count, groups);
    bool is = is_among(group, groups, count);
    free(groups);
    return is;
}

static bool is_listed(const struct group *group, const char *account)
{
    for (char **member = group->gr_mem; *member != NULL; member++) {
        if (strcmp(*member, account) == 0)
            return true;
    }
    return false;
}

/* Only a member of a group may give it a file. Root checks for the account that the daemon
 * will run under, which is whose the node's directory is. */
static void check_group(const struct checking *checking, struct config_errors *mistakes)
{
    struct stat found;
    const char *name = checking->config->control_group;
    if (name == NULL)
        return;
    const struct group *group = getgrnam(name);
    if (group == NULL) {
        note(checking, mistakes, "node", "control_group", "there is no such group: %s",
             name);
        return;
    }
    if (geteuid() != 0) {
        if (!is_own_group(group->gr_gid))
            note(checking, mistakes, "node", "control_group",
                 "whoever runs this is not in the group %s and cannot give it the socket",
                 name);
        return;
    }
    if (stat(checking->config->directory, &found) != 0 || found.st_uid == 0)
        return;
    const struct passwd *account = getpwuid(found.st_uid);
    if (account != NULL && account->pw_gid != group->gr_gid &&
        !is_listed(group, account->pw_name))
        note(checking, mistakes, "node", "control_group",
             "%s, whose directory this is, is not in the group %s and cannot give it the "
             "socket: usermod -aG %s %s",
             account->pw_name, name, name, account->pw_name);
}

/* ---- peers ---- */

/* NULL where there is no grant that can be read: then there is nothing to compare with. */
static struct roster *roster_of(const char *directory, struct buffer *bytes)
{
    char path[GRANT_PATH_SIZE];
    uint8_t piece[16 * 1024];
    size_t count;
    struct grant grant;
    struct head head;
    if (snprintf(path, sizeof path, "%s/county.grant", directory) >= (int)sizeof path)
        return NULL;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return NULL;
    while (!bytes->overflow && (count = fread(piece, 1, sizeof piece, file)) > 0)
        buffer_put(bytes, piece, count);
    bool whole = !ferror(file) && !bytes->overflow;
    (void)fclose(file);
    if (!whole || grant_decode(buffer_slice(bytes), &grant) != OK)
        return NULL;
    crypto_init();
    struct roster *roster = roster_create(&grant.genesis, &grant.genesis_hash, NULL);
    if (grant_fold(&grant, roster, &head) == OK)
        return roster;
    roster_destroy(roster);
    return NULL;
}

static void check_peer(const struct checking *checking, const struct roster *roster,
                       const char *name, struct config_errors *doubts)
{
    char section[NAME_SIZE_MAX + sizeof "peer "];
    struct suggestion meant;
    if (roster_by_name(roster, slice_text(name)) != NULL)
        return;
    suggestion_begin(&meant, slice_text(name));
    for (size_t i = 0; i < roster_count(roster); i++) {
        const struct member *member = roster_at(roster, i);
        if (member->number != 0 && !roster_revoked(roster, member->number))
            suggestion_consider(&meant, member->name);
    }
    (void)snprintf(section, sizeof section, "peer %s", name);
    if (meant.best[0] != '\0')
        note(checking, doubts, section, "",
             "county.grant names no such member; did you mean %s?", meant.best);
    else
        note(checking, doubts, section, "",
             "county.grant names no such member; was it admitted later? See: linli node "
             "show");
}

/* Without a grant the daemon does not start. A configuration may well be written before the
 * grant is carried here, so it is said and is no mistake. */
static void check_grant(const struct checking *checking, struct config_errors *doubts)
{
    char path[GRANT_PATH_SIZE];
    struct stat found;
    if (stat(checking->config->directory, &found) == 0 &&
        snprintf(path, sizeof path, "%s/county.grant", checking->config->directory) <
            (int)sizeof path &&
        stat(path, &found) != 0 && errno == ENOENT)
        note(checking, doubts, "node", "directory",
             "it has no county.grant yet; linli node join brings it, and linlid does not "
             "start before");
}

static void check_peers(const struct checking *checking, struct config_errors *doubts)
{
    struct buffer bytes;
    buffer_init(&bytes, GRANT_SIZE_MAX);
    struct roster *roster = roster_of(checking->config->directory, &bytes);
    for (size_t i = 0; roster != NULL && i < checking->config->peer_count; i++)
        check_peer(checking, roster, checking->config->peers[i].name, doubts);
    if (roster != NULL)
        roster_destroy(roster);
    buffer_deinit(&bytes);
}

void surroundings_check(const struct config *config, const char *path,
                        struct config_errors *mistakes, struct config_errors *doubts)
{
    struct checking checking = {.config = config, .path = path};
    if (config->listen == NULL && config->peer_count == 0)
        note(&checking, mistakes, "node", "listen",
             "this node neither listens nor dials, so it reaches nobody: give listen "
             "under [node], or a [peer NAME] with an address");
    check_directory(&checking, mistakes);
    check_socket(&checking, mistakes);
    check_group(&checking, mistakes);
    check_grant(&checking, doubts);
    check_peers(&checking, doubts);
}
