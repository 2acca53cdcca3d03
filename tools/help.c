#include "tools/help.h"

#include <string.h>

#include "tools/arguments.h"
#include "tools/i18n.h"
#include "tools/json.h"
#include "tools/list.h"

static void print_global(const struct terminal *terminal)
{
    (void)fputs(_("\nEvery command takes:\n"), terminal->out);
    struct lines *lines = lines_begin(terminal);
    lines_add(lines, "  --json", _("one line of JSON instead of a table"));
    lines_add(lines, "  -s, --socket PATH",
              _("the daemon's control socket, else $LINLI_SOCKET, else the default"));
    lines_add(lines, "  -h, --help", _("this command's help"));
    lines_end(lines);
}

/* NULL: every command. */
static bool in_group(const struct command *command, const char *group)
{
    size_t size = group != NULL ? strlen(group) : 0;
    return size == 0 ||
           (strncmp(command->name, group, size) == 0 && command->name[size] == ' ');
}

static void print_commands(const struct terminal *terminal, const char *group)
{
    const struct command *command;
    struct lines *lines = lines_begin(terminal);
    for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
        char label[64];
        (void)snprintf(label, sizeof label, "  %s", command->name);
        if (in_group(command, group))
            lines_add(lines, label, gettext(command->help));
    }
    lines_end(lines);
}

void help_overview(const struct terminal *terminal)
{
    (void)fputs(_("usage: linli COMMAND [ARGUMENTS]\n\n"), terminal->out);
    print_commands(terminal, NULL);
    print_global(terminal);
    (void)fputs(
        _("\nExit codes: 0 done, 1 refused or failed, 2 usage, 3 no daemon answers,\n"
          "4 answered but known to be incomplete, 5 status is not OK.\n"
          "More: linli help COMMAND, man linli\n"),
        terminal->out);
}

/* ---- one command ---- */

static void print_usage(const struct terminal *terminal, const struct command *command)
{
    struct option option;
    (void)fprintf(terminal->out, _("usage: linli %s"), command->name);
    for (size_t i = 0; i < COMMAND_POSITIONALS_MAX; i++) {
        const struct positional *place = &command->positionals[i];
        if (place->key == NULL)
            break;
        (void)fprintf(terminal->out, place->optional ? " [%s%s]" : " %s%s",
                      gettext(place->metavar), place->repeatable ? "..." : "");
    }
    if (command_option_at(command, 0, &option))
        (void)fputs(_(" [OPTIONS]"), terminal->out);
    (void)fputc('\n', terminal->out);
}

static void put_choices(const struct field *field, char *words, size_t size)
{
    size_t used = strlen(words);
    for (const struct choice *choice = field->choices;
         choice != NULL && choice->name != NULL && used < size; choice++) {
        used += (size_t)snprintf(words + used, size - used, "%s%s %s",
                                 choice == field->choices ? "\n" : ", ", choice->name,
                                 choice->label);
    }
}

static void add_option(struct lines *lines, const struct command *command,
                       const struct option *option)
{
    char label[96];
    char words[1024];
    char name[OPTION_NAME_SIZE];
    const struct schema_register *reg = schema_register(command->reg);
    const struct field *field = reg != NULL && option->label != NULL
                                    ? schema_field_named(reg, slice_text(option->key))
                                    : NULL;
    option_name(option->key, name);
    (void)snprintf(label, sizeof label, "  --%s %s", name,
                   option->argument != NULL ? gettext(option->argument) : "");
    (void)snprintf(words, sizeof words, "%s%s%s%s",
                   option->label != NULL ? option->label : "",
                   option->label != NULL ? "  " : "", gettext(option->help),
                   option->required ? _(" (required)") : "");
    if (field != NULL)
        put_choices(field, words, sizeof words);
    lines_add(lines, label, words);
}

/* Says how what the options take is typed, where they take such a thing. */
static void print_forms(const struct terminal *terminal, const struct command *command)
{
    struct option option;
    bool dates = false;
    for (size_t i = 0; command_option_at(command, i, &option); i++)
        dates |= option.type == FIELD_DATE || option.type == FIELD_MOMENT;
    if (dates)
        (void)fputs(
            _("A DATE is 2026-05-31, 05-31, today or yesterday (今天, 昨天, 前天).\n"
              "A MOMENT is a date and a time, or 14:05 alone for today.\n"
              "All in county time (UTC+8), whatever the machine's zone.\n"),
            terminal->out);
}

static void print_options(const struct terminal *terminal, const struct command *command)
{
    struct option option;
    if (!command_option_at(command, 0, &option))
        return;
    (void)fputs(_("\nOptions:\n"), terminal->out);
    struct lines *lines = lines_begin(terminal);
    for (size_t i = 0; command_option_at(command, i, &option); i++)
        add_option(lines, command, &option);
    lines_end(lines);
    if (command->fields == USE_FIELDS_TO_ADD || command->fields == USE_FIELDS_TO_SET)
        (void)fputs(_("A field's Chinese name may be typed for its English one.\n"),
                    terminal->out);
    print_forms(terminal, command);
}

/* The names that --sort and --columns take, with what they are called in Chinese. */
static void print_columns(const struct terminal *terminal, const struct command *command)
{
    const struct schema_register *reg = schema_register(command->reg);
    const char *name;
    struct option option;
    if (reg == NULL || !command_option_named(command, "columns", &option))
        return;
    (void)fputs(_("\nColumns: "), terminal->out);
    for (size_t i = 0; (name = list_column_at(reg, i)) != NULL; i++) {
        const struct field *field = schema_field_named(reg, slice_text(name));
        (void)fprintf(terminal->out, "%s%s%s%s", i > 0 ? ", " : "", name,
                      field != NULL ? " " : "", field != NULL ? field->label : "");
    }
    (void)fputs("\n", terminal->out);
}

void help_command(const struct terminal *terminal, const struct command *command)
{
    print_usage(terminal, command);
    (void)fprintf(terminal->out, "\n%s\n", gettext(command->help));
    if (command->more != NULL)
        (void)fprintf(terminal->out, "%s\n", gettext(command->more));
    print_options(terminal, command);
    print_columns(terminal, command);
    print_global(terminal);
    if (command->example != NULL)
        (void)fprintf(terminal->out, _("\nExample: %s\n"), command->example);
}

void help_group(const struct terminal *terminal, const char *group)
{
    const struct command *add = command_find(group, "add");
    (void)fprintf(terminal->out, _("usage: linli %s COMMAND [ARGUMENTS]\n\n"), group);
    print_commands(terminal, group);
    if (add == NULL)
        return;
    (void)fputs(_("\nFields:\n"), terminal->out);
    struct lines *lines = lines_begin(terminal);
    struct option option;
    for (size_t i = 0; command_option_at(add, i, &option); i++)
        add_option(lines, add, &option);
    lines_end(lines);
    print_forms(terminal, add);
}

/* ---- as JSON ---- */

static json_t *json_of_options(const struct command *command)
{
    json_t *options = json_array();
    struct option option;
    for (size_t i = 0; command_option_at(command, i, &option); i++)
        (void)json_array_append_new(
            options, json_pack("{s:s, s:s?, s:s?, s:b, s:b, s:s}", "name", option.key,
                               "argument", option.argument, "label", option.label,
                               "repeatable", (int)option.repeatable, "required",
                               (int)option.required, "help", gettext(option.help)));
    return options;
}

static json_t *json_of_positionals(const struct command *command)
{
    json_t *positionals = json_array();
    for (size_t i = 0; i < COMMAND_POSITIONALS_MAX && command->positionals[i].key != NULL;
         i++)
        (void)json_array_append_new(
            positionals,
            json_pack("{s:s, s:b, s:b}", "name", command->positionals[i].key, "optional",
                      (int)command->positionals[i].optional, "repeatable",
                      (int)command->positionals[i].repeatable));
    return positionals;
}

static json_t *json_of_command(const struct command *command)
{
    return json_pack("{s:s, s:s, s:s?, s:o, s:o}", "name", command->name, "help",
                     gettext(command->help), "example", command->example, "positionals",
                     json_of_positionals(command), "options", json_of_options(command));
}

/* `only`, else those of `group`, else all. */
static void help_json(const struct terminal *terminal, const struct command *only,
                      const char *group)
{
    const struct command *command;
    json_t *list = json_array();
    for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
        bool wanted = only != NULL ? command == only : in_group(command, group);
        if (wanted)
            (void)json_array_append_new(list, json_of_command(command));
    }
    json_line(terminal->out, json_pack("{s:i, s:s, s:n, s:o}", "v", 1, "command", "help",
                                       "incomplete", "commands", list));
}

enum exit_code help_run(const struct invocation *invocation,
                        const struct terminal *terminal)
{
    const char *first = arguments_value_at(invocation, "word", 0);
    const char *second = arguments_value_at(invocation, "word", 1);
    struct failure failure;
    const struct command *command = first != NULL ? command_find(first, second) : NULL;
    bool is_group = first != NULL && second == NULL && command_is_group(first);
    bool understood = first == NULL || command != NULL || is_group;
    if (terminal->json && understood) {
        help_json(terminal, command, first);
    } else if (first == NULL) {
        help_overview(terminal);
    } else if (command != NULL) {
        help_command(terminal, command);
    } else if (is_group) {
        help_group(terminal, first);
    } else {
        char piece[PIECE_SIZE];
        struct suggestion suggestion;
        bool first_is_known =
            command_is_group(first) || command_find(first, NULL) != NULL;
        const char *unknown = first_is_known ? second : first;
        failure_piece(unknown, piece);
        failure_set(&failure, ERR_USAGE, "%s", piece);
        failure.text = N_("there is no such command");
        command_suggest(first_is_known ? first : NULL, unknown, &suggestion);
        if (suggestion.best[0] != '\0') {
            failure.next = "";
            (void)snprintf(failure.next_own, sizeof failure.next_own,
                           _("Did you mean linli help %s? All: linli help"),
                           suggestion.best);
        }
        return terminal_report(terminal, &failure);
    }
    return CODE_DONE;
}
