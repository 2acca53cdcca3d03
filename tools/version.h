/* version.h - `linli version`: both versions, and whether they fit. Works without a
 * daemon, which is then said to be absent; that is no failure. */
#ifndef LINLI_TOOLS_VERSION_H
#define LINLI_TOOLS_VERSION_H

#include "tools/commands.h"

enum exit_code version_run(const struct invocation *invocation,
                           const struct terminal *terminal);
void version_render(const struct invocation *invocation, const struct terminal *terminal,
                    struct slice data);

#endif
