/* surroundings.h - what the configuration names and only this machine can tell: directories,
 * groups, the members of the county. */
#ifndef LINLI_DAEMON_SURROUNDINGS_H
#define LINLI_DAEMON_SURROUNDINGS_H

#include "daemon/config/config.h"

/* Of a configuration that reads well and came from `path`. With a mistake nothing can be
 * started. A doubt is a peer that county.grant does not name: the roster that a running node
 * holds may be newer than that file. */
void surroundings_check(const struct config *config, const char *path,
                        struct config_errors *mistakes, struct config_errors *doubts);

#endif
