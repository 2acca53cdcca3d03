/* member.h - a node's way into a county: its key and request, and the grant that admits
 * it. Both work on files alone; `node join` without --directory hands the grant to the
 * daemon. */
#ifndef LINLI_TOOLS_MEMBER_H
#define LINLI_TOOLS_MEMBER_H

#include "tools/commands.h"

#define NODE_DIRECTORY_DEFAULT "/var/lib/linli"

enum exit_code node_init_run(const struct invocation *invocation,
                             const struct terminal *terminal);
enum exit_code node_join_run(const struct invocation *invocation,
                             const struct terminal *terminal);

#endif
