/* explain.h - `linli explain`: a code in words. Both tables are read: errors
 * (crdt/base.h) and troubles of `linli status` (daemon/api/troubles.h). Without a code: all of
 * them. */
#ifndef LINLI_TOOLS_EXPLAIN_H
#define LINLI_TOOLS_EXPLAIN_H

#include "tools/commands.h"

struct explained {
    char code[16];        /* "LL-E1105" */
    const char *severity; /* "error", "warning", "notice"; passed through gettext */
    const char *text;
    const char *detail; /* when it comes and what it means, beyond `text` */
    const char *next;   /* "" where nothing is to be done */
};

/* By "LL-E1105", "E1105" or "1105", in either case. False where there is no such code. */
MUST_USE bool explain_find(const char *code, struct explained *explained);
/* All codes by number; false past the end. */
MUST_USE bool explain_at(size_t index, struct explained *explained);

enum exit_code explain_run(const struct invocation *invocation,
                           const struct terminal *terminal);

#endif
