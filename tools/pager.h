/* pager.h - what is longer than the terminal's screen goes through $PAGER (else less), as git
 * does it: on a terminal only, never in a pipe or for a program. */
#ifndef LINLI_TOOLS_PAGER_H
#define LINLI_TOOLS_PAGER_H

#include "tools/terminal.h"

struct pager {
    struct terminal terminal; /* to be written to; the given one where nothing is paged */
    bool holds;               /* it keeps what is written until pager_end */
    FILE *memory;
    char *text;
    size_t size;
};
void pager_begin(struct pager *pager, const struct terminal *terminal);
/* Shows what was written. */
void pager_end(struct pager *pager, const struct terminal *terminal);

/* Whether a text is longer than so many lines. */
bool pager_is_longer(struct slice text, size_t lines);

#endif
