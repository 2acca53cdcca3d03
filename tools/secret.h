/* secret.h - a value that must not stand in a command line, where `ps` and the shell's
 * history would show it. */
#ifndef LINLI_TOOLS_SECRET_H
#define LINLI_TOOLS_SECRET_H

#include "crdt/base.h"

#define SECRET_SIZE_MAX 256

/* One line of stdin without its newline; asked for under `name`, and not echoed, where
 * stdin is a terminal. ERR_FIELD_VALUE for an empty one, ERR_LIMIT for one that is too
 * long, ERR_TEXT for one that is not clean text. */
MUST_USE enum status secret_read(const char *name, char secret[SECRET_SIZE_MAX]);

#endif
