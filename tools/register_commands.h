/* register_commands.h - the commands of the registers ("person add"), made from the table of
 * registers (crdt/schema.h): their arguments, options, list columns and help. */
#ifndef LINLI_TOOLS_REGISTER_COMMANDS_H
#define LINLI_TOOLS_REGISTER_COMMANDS_H

#include "tools/commands.h"

#define REGISTERS_MAX 32
#define REGISTER_COMMANDS_MAX (REGISTERS_MAX * (VERBS + 4))

/* Writes a command for each verb of each register, at most REGISTER_COMMANDS_MAX, and
 * returns how many. To be called once: their names and columns are kept in here. */
size_t register_commands(struct command *commands);

/* The field number `index` that is an option of the command; false past the last. */
MUST_USE bool register_option_at(const struct command *command, size_t index,
                                 struct option *option);

#endif
