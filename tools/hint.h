/* hint.h - a daemon's refusal in the words of the command line that led to it. */
#ifndef LINLI_TOOLS_HINT_H
#define LINLI_TOOLS_HINT_H

#include "tools/arguments.h"

/* The daemon names a field; a person is told the option as typed and the value, unless
 * it is sealed, and what to type next. With --json the subject stays the field's key. */
void hint_add(struct failure *failure, const struct invocation *invocation);

#endif
