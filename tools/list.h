/* list.h - `linli REGISTER list`: a register's records in pieces from the daemon, in the order
 * and the columns that were asked for. */
#ifndef LINLI_TOOLS_LIST_H
#define LINLI_TOOLS_LIST_H

#include "tools/arguments.h"

enum exit_code list_run(const struct invocation *invocation,
                        const struct terminal *terminal);

/* The names that --sort and --columns of a register's list take, one after the other: its
 * fields, what is derived, and what every record has. NULL past the last. */
const char *list_column_at(const struct schema_register *reg, size_t index);

#endif
