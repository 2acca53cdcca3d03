/* help.h - help made from the table of commands and the table of registers. */
#ifndef LINLI_TOOLS_HELP_H
#define LINLI_TOOLS_HELP_H

#include "tools/commands.h"

void help_overview(const struct terminal *terminal);
void help_command(const struct terminal *terminal, const struct command *command);
/* A group of commands ("person"), with the register's fields where it is one. */
void help_group(const struct terminal *terminal, const char *group);

enum exit_code help_run(const struct invocation *invocation,
                        const struct terminal *terminal);

#endif
