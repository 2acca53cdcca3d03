/* arguments.h - a command line against the table of commands.
 *
 * Pure: reads argv, touches nothing else. Options may stand anywhere; `--` ends them;
 * --name=value and --name value are the same. */
#ifndef LINLI_TOOLS_ARGUMENTS_H
#define LINLI_TOOLS_ARGUMENTS_H

#include "tools/commands.h"

/* One argument as given, in order. */
struct given {
    const char *key;
    const char *value; /* "yes" for a flag */
    bool list;
};

struct invocation {
    const struct command
        *command;       /* NULL: only --help, --version or a group of commands */
    const char *group;  /* "person", where no second word followed */
    const char *socket; /* --socket; NULL: not given */
    bool json;
    bool help;
    bool version;
    struct given *given;
    size_t count;
};

/* False with `failure` filled for a command line that is not understood. `invocation` is
 * to be deinitialised either way; it borrows from argv. */
MUST_USE bool arguments_parse(struct invocation *invocation, int argc, char *const argv[],
                              struct failure *failure);
/* Whether what the command needs was given: its required options and, where fields are
 * changed, any of them. False with `failure` filled. */
MUST_USE bool arguments_check_needed(const struct invocation *invocation,
                                     struct failure *failure);
void arguments_deinit(struct invocation *invocation);

/* How the argument `key` is typed: "--id-number", or "PERSON" for one by position. */
#define TYPED_NAME_SIZE (OPTION_NAME_SIZE + 2)
void arguments_typed_name(const struct invocation *invocation, const char *key,
                          char typed[TYPED_NAME_SIZE]);

/* The last value given under `key`; NULL where none was. */
const char *arguments_value(const struct invocation *invocation, const char *key);
bool arguments_flag(const struct invocation *invocation, const char *key);
/* The value number `index` given under `key`; NULL past the last. */
const char *arguments_value_at(const struct invocation *invocation, const char *key,
                               size_t index);

#endif
