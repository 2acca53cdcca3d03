#include "tools/match.h"

#include <string.h>

#include "tools/ask.h"
#include "tools/i18n.h"
#include "tools/render.h"

static const struct column match_columns[] = {
    {"id", N_("ID"), COLUMN_ID, NULL, 0},
    {"register", N_("LIST"), COLUMN_STATE, NULL, 2},
    {"title", N_("TITLE"), COLUMN_TEXT, NULL, 0},
    {"place", N_("PLACE"), COLUMN_PLACE, NULL, 1},
    {"near", N_("NEAR"), COLUMN_STATE, NULL, 1},
    {NULL, NULL, COLUMN_TEXT, NULL, 0},
};

static enum exit_code propose(const struct invocation *invocation,
                              const struct terminal *terminal)
{
    char request[64];
    struct command command = *invocation->command;
    struct invocation asked = *invocation;
    (void)snprintf(request, sizeof request, "%s.proposals", invocation->group);
    command.request = request;
    command.render = render_list;
    command.list = "matches";
    command.columns = match_columns;
    command.writes = false;
    command.reg = 0; /* of whichever list */
    asked.command = &command;
    return ask_run(&asked, terminal);
}

/* A resource or a project is bound to a need by a write of the need. */
static enum exit_code bind_to_need(const struct invocation *invocation,
                                   const struct terminal *terminal)
{
    const char *offer = arguments_value(invocation, "id");
    struct given given[] = {{"id", arguments_value(invocation, "with"), false},
                            {invocation->group, offer, false}};
    struct invocation asked = *invocation;
    asked.command = command_find("need", "match");
    asked.group = "need";
    asked.given = given;
    asked.count = ARRAY_SIZE(given);
    return ask_run(&asked, terminal);
}

enum exit_code match_run(const struct invocation *invocation,
                         const struct terminal *terminal)
{
    bool is_need = strcmp(invocation->group, "need") == 0;
    for (size_t i = 0; i < invocation->count; i++) {
        if (strcmp(invocation->given[i].key, "id") != 0)
            return is_need ? ask_run(invocation, terminal)
                           : bind_to_need(invocation, terminal);
    }
    return propose(invocation, terminal);
}
