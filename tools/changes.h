/* changes.h - `linli changes`: what changed, line by line, for other programs. */
#ifndef LINLI_TOOLS_CHANGES_H
#define LINLI_TOOLS_CHANGES_H

#include "tools/arguments.h"

enum exit_code changes_run(const struct invocation *invocation,
                           const struct terminal *terminal);

#endif
