/* enter.h - `linli visit enter`: a day's visits, down the list of those that are due. */
#ifndef LINLI_TOOLS_ENTER_H
#define LINLI_TOOLS_ENTER_H

#include "tools/arguments.h"

enum exit_code enter_run(const struct invocation *invocation,
                         const struct terminal *terminal);

#endif
