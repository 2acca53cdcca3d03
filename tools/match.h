/* match.h - what could be matched, and matching it: the three lists. */
#ifndef LINLI_TOOLS_MATCH_H
#define LINLI_TOOLS_MATCH_H

#include "tools/arguments.h"

/* Without a field or --with it asks for proposals and lists them; otherwise it writes. */
enum exit_code match_run(const struct invocation *invocation,
                         const struct terminal *terminal);

#endif
