/* commands.h - the one table of commands: names, arguments, help, what is asked, how the
 * answer looks. Parsing and help follow from it. What concerns a register ("person add") is
 * made from the table of registers when it is first asked for. */
#ifndef LINLI_TOOLS_COMMANDS_H
#define LINLI_TOOLS_COMMANDS_H

#include "crdt/schema.h"
#include "daemon/api/suggest.h"
#include "tools/table.h"
#include "tools/terminal.h"

struct command;
struct invocation;

/* An argument by position. Its key is what the daemon's `args` call it. */
struct positional {
    const char *key;
    const char *metavar; /* "ID", as help shows it */
    bool optional;
    bool repeatable; /* the last one only: takes all that follow */
};

struct option {
    const char *key;      /* in `args`, and with '-' for '_' the option's name */
    const char *argument; /* "CODE"; NULL: a flag */
    const char *label;    /* 出生日期, accepted as a name too; NULL: none */
    const char *help;
    enum field_type type; /* what its value is: a date may be typed as "yesterday" */
    bool repeatable;      /* sent as a list */
    bool required;
};

/* Which fields of the command's register are options. */
enum field_use {
    USE_NO_FIELDS,
    USE_FIELDS_TO_ADD,    /* all but the one that names what this replaces */
    USE_FIELDS_TO_SET,    /* those that can change; sets take +element and -element */
    USE_FIELDS_TO_AMEND,  /* all but those two that are given by the record amended */
    USE_FIELDS_OF_STEP,   /* those that the command's step names */
    USE_FIELDS_TO_FILTER, /* those that a list is narrowed by */
};

/* Runs a command to its exit code; most share ask_run (tools/ask.h). */
typedef enum exit_code command_run(const struct invocation *invocation,
                                   const struct terminal *terminal);
/* Prints an answer's data for people. */
typedef void command_render(const struct invocation *invocation,
                            const struct terminal *terminal, struct slice data);
/* The exit code of an answer that may report a failure, as `log verify` does. */
typedef enum exit_code command_judge(struct slice data);

#define COMMAND_POSITIONALS_MAX 3
#define COMMAND_OPTIONS_MAX 12

struct command {
    const char *name;    /* "visit add" */
    const char *request; /* "visit.add"; NULL: done without the daemon */
    const char *help;    /* one line */
    const char *more;    /* a paragraph; NULL: none */
    const char *example; /* a command line; NULL: none */
    command_run *run;
    command_render *render;
    command_judge *judge;         /* NULL: an answer is a success */
    const char *list;             /* key of the list that `columns` shows; NULL: none */
    const struct column *columns; /* ended by a row without key */
    struct positional positionals[COMMAND_POSITIONALS_MAX]; /* ended by one without key */
    struct option options[COMMAND_OPTIONS_MAX];             /* the same */
    uint8_t reg;
    enum field_use fields;
    const struct step *step; /* of a verb that is the register's own; `reg` is then the
                                register whose record it writes */
    bool writes;             /* a failure must say whether something was saved */
};

const struct command *command_at(size_t index); /* NULL past the end */

/* By name: two words, or one with `second` NULL. NULL where there is none. */
const struct command *command_find(const char *first, const char *second);

/* Whether any command's first word is `word` and a second must follow. */
bool command_is_group(const char *word);

/* The command, or the first word of some, that `word` was probably meant for: after `group`,
 * or as the first word where that is NULL. */
void command_suggest(const char *group, const char *word, struct suggestion *suggestion);

/* The option at `index`: the command's own, then the register's fields, then none
 * (false). `option` borrows static text. */
MUST_USE bool command_option_at(const struct command *command, size_t index,
                                struct option *option);

/* The option with that key, a field's included; false where there is none. */
MUST_USE bool command_option_named(const struct command *command, const char *key,
                                   struct option *option);

/* How a key is typed as an option: "id_number" as "id-number". */
#define OPTION_NAME_SIZE 64
void option_name(const char *key, char name[OPTION_NAME_SIZE]);

#endif
