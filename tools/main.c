/* main.c - the command that operators, clerks and scripts use. */
#include "tools/arguments.h"
#include "tools/help.h"
#include "tools/i18n.h"
#include "tools/version.h"

static enum exit_code show_help(const struct invocation *invocation,
                                const struct terminal *terminal)
{
    if (invocation->command != NULL)
        help_command(terminal, invocation->command);
    else if (invocation->group != NULL)
        help_group(terminal, invocation->group);
    else
        help_overview(terminal);
    return CODE_DONE;
}

static enum exit_code run(const struct invocation *invocation,
                          const struct terminal *terminal)
{
    if (invocation->help)
        return show_help(invocation, terminal);
    if (invocation->command == NULL)
        return version_run(invocation, terminal);
    return invocation->command->run(invocation, terminal);
}

int main(int argc, char *argv[])
{
    struct invocation invocation;
    struct terminal terminal;
    struct failure failure;
    i18n_init();
    bool understood = arguments_parse(&invocation, argc, argv, &failure);
    terminal_init(&terminal, invocation.json);
    enum exit_code code =
        understood ? run(&invocation, &terminal) : terminal_report(&terminal, &failure);
    code = terminal_finish(&terminal, code);
    arguments_deinit(&invocation);
    return (int)code;
}
