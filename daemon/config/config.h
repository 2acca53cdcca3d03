/* config.h - the daemon's configuration: /etc/linli/linli.conf, then conf.d/NAME.conf
 * beside it in the order of their names.
 *
 *   [node]  directory, listen, control_socket, control_group, divisions
 *   [peer NAME]  address
 *   [log]  level
 *
 * Every mistake is found in one pass and says file, line and key; with any of them
 * nothing is started. Relative paths are relative to the directory of linli.conf. A key
 * may be given once, in whichever file: what stands in two places is told apart by
 * nobody. What is written is judged here; what it names, in surroundings.h. */
#ifndef LINLI_DAEMON_CONFIG_H
#define LINLI_DAEMON_CONFIG_H

#include "crdt/base.h"
#include "daemon/api/config_error.h"

#define CONFIG_PATH_DEFAULT "/etc/linli/linli.conf"
#define CONFIG_DIRECTORY_DEFAULT "/var/lib/linli"
#define CONFIG_PEERS_MAX 4096

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct config_peer {
    char *name;
    char *address; /* "tcp://host:port" */
};

/* Where a section, or a key in it, was given first. */
struct config_place {
    char *section;
    char *key; /* empty: the section */
    char *file;
    unsigned line;
};

struct config {
    char *directory;
    char *listen; /* NULL: only dials */
    char *control_socket;
    char *control_group; /* NULL: the daemon's own group */
    char *divisions;     /* CSV file; NULL: codes are checked by their form alone */
    enum log_level level;
    struct config_peer *peers;
    size_t peer_count, peer_capacity;
    struct config_place *places;
    size_t place_count, place_capacity;
};

/* OK, or ERR_CONFIG with at least one error. Both must be freed either way. */
MUST_USE enum status config_load(struct config *config, const char *path,
                                 struct config_errors *errors);
void config_free(struct config *config);

/* NULL where it was not given. Dies with the configuration. */
const struct config_place *config_place(const struct config *config, const char *section,
                                        const char *key);

#endif
