#include "tools/arguments.h"

#include <stdlib.h>
#include <string.h>

#include "crdt/codec.h"
#include "crdt/text.h"
#include "tools/i18n.h"
#include "daemon/api/suggest.h"

struct parser {
    struct invocation *invocation;
    struct failure *failure;
    int argc;
    char *const *argv;
    int next;
    const char *first_word; /* of a command whose second word is still to come */
    size_t positionals;     /* taken so far */
};

static bool fail(const struct invocation *invocation, struct failure *failure,
                 const char *what, const char *subject)
{
    const struct command *command = invocation->command;
    const char *group = invocation->group;
    char piece[PIECE_SIZE];
    failure_piece(subject, piece);
    failure_set(failure, ERR_USAGE, "%s", piece);
    failure->text = what;
    if (command != NULL || group != NULL) {
        failure->next = "";
        (void)snprintf(failure->next_own, sizeof failure->next_own, "linli help %s",
                       command != NULL ? command->name : group);
    }
    return false;
}

static bool refuse(struct parser *parser, const char *what, const char *subject)
{
    return fail(parser->invocation, parser->failure, what, subject);
}

/* Says what was meant, before what helps otherwise. */
static bool refuse_unknown(struct parser *parser, const char *what, const char *word,
                           const struct suggestion *suggestion, const char *before)
{
    struct failure *failure = parser->failure;
    char help[sizeof failure->next_own];
    (void)refuse(parser, what, word);
    if (suggestion->best[0] == '\0')
        return false;
    (void)snprintf(help, sizeof help, "%s",
                   failure->next_own[0] != '\0' ? failure->next_own : "linli help");
    failure->next = "";
    (void)snprintf(failure->next_own, sizeof failure->next_own,
                   _("Did you mean %s%s? Otherwise: %s"), before, suggestion->best, help);
    return false;
}

void arguments_typed_name(const struct invocation *invocation, const char *key,
                          char typed[TYPED_NAME_SIZE])
{
    char name[OPTION_NAME_SIZE];
    option_name(key, name);
    (void)snprintf(typed, TYPED_NAME_SIZE, "--%s", name);
    for (size_t i = 0; i < COMMAND_POSITIONALS_MAX; i++) {
        const struct positional *place = &invocation->command->positionals[i];
        if (place->key == NULL)
            break;
        if (strcmp(place->key, key) == 0)
            (void)snprintf(typed, TYPED_NAME_SIZE, "%s", gettext(place->metavar));
    }
}

/* Everything given goes to the daemon as text, and text is UTF-8 everywhere here. */
static bool text_fits(struct parser *parser, const char *key, const char *value)
{
    if (text_is_clean(slice_text(value)))
        return true;
    char typed[TYPED_NAME_SIZE];
    arguments_typed_name(parser->invocation, key, typed);
    failure_set(parser->failure, ERR_TEXT, "%s", typed);
    parser->failure->usage = true;
    return false;
}

static bool give(struct parser *parser, const char *key, const char *value, bool list)
{
    struct invocation *invocation = parser->invocation;
    if (!text_fits(parser, key, value))
        return false;
    if (!list && arguments_value(invocation, key) != NULL) {
        char typed[TYPED_NAME_SIZE];
        arguments_typed_name(invocation, key, typed);
        return refuse(parser, N_("given twice"), typed);
    }
    invocation->given[invocation->count++] =
        (struct given){.key = key, .value = value, .list = list};
    return true;
}

/* ---- options ---- */

static bool name_fits(const char *name, size_t size, const char *key)
{
    if (strlen(key) != size)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (name[i] != key[i] && !(name[i] == '-' && key[i] == '_'))
            return false;
    }
    return true;
}

static bool option_find(const struct command *command, const char *name, size_t size,
                        struct option *option)
{
    for (size_t i = 0; command_option_at(command, i, option); i++) {
        bool by_label = option->label != NULL && strlen(option->label) == size &&
                        memcmp(option->label, name, size) == 0;
        if (by_label || name_fits(name, size, option->key))
            return true;
    }
    return false;
}

/* The value after '=' or in the next word; NULL with the failure told. */
static const char *option_value(struct parser *parser, const char *word,
                                const char *equals)
{
    if (equals != NULL)
        return equals + 1;
    if (parser->next < parser->argc)
        return parser->argv[parser->next++];
    (void)refuse(parser, N_("a value must follow this option"), word);
    return NULL;
}

static bool take_socket(struct parser *parser, const char *word, const char *path)
{
    parser->invocation->socket = path;
    return path[0] != '\0' || refuse(parser, N_("this option needs a path"), word);
}

/* Those that every command takes. `taken` tells whether it was one. */
static bool parse_global(struct parser *parser, const char *word, bool *taken)
{
    struct invocation *invocation = parser->invocation;
    *taken = true;
    if (strcmp(word, "--json") == 0)
        invocation->json = true;
    else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        invocation->help = true;
    else if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
        invocation->version = true;
    else if (strcmp(word, "--socket") == 0 || strcmp(word, "-s") == 0)
        return take_socket(parser, word,
                           parser->next < parser->argc ? parser->argv[parser->next++]
                                                       : "");
    else if (strncmp(word, "--socket=", 9) == 0)
        return take_socket(parser, "--socket", word + 9);
    else
        *taken = false;
    return true;
}

static bool parse_option(struct parser *parser, const char *word)
{
    struct option option;
    bool taken;
    bool understood = parse_global(parser, word, &taken);
    if (!understood || taken)
        return understood;
    const struct command *command = parser->invocation->command;
    if (command == NULL || strncmp(word, "--", 2) != 0)
        return refuse(parser, N_("there is no such option here"), word);
    const char *equals = strchr(word, '=');
    size_t size = equals != NULL ? (size_t)(equals - word) : strlen(word);
    if (!option_find(command, word + 2, size - 2, &option)) {
        struct suggestion suggestion;
        suggestion_begin(&suggestion, slice_of(word + 2, size - 2));
        for (size_t i = 0; command_option_at(command, i, &option); i++) {
            char name[OPTION_NAME_SIZE];
            option_name(option.key, name);
            suggestion_consider(&suggestion, name);
            if (option.label != NULL)
                suggestion_consider(&suggestion, option.label);
        }
        suggestion_consider(&suggestion, "json");
        suggestion_consider(&suggestion, "help");
        suggestion_consider(&suggestion, "socket");
        return refuse_unknown(parser, N_("there is no such option"), word, &suggestion,
                              "--");
    }
    if (option.argument == NULL && equals != NULL)
        return refuse(parser, N_("this option takes no value"), word);
    const char *value =
        option.argument == NULL ? "yes" : option_value(parser, word, equals);
    return value != NULL && give(parser, option.key, value, option.repeatable);
}

/* ---- words ---- */

static bool parse_command(struct parser *parser, const char *word)
{
    struct invocation *invocation = parser->invocation;
    const char *first = parser->first_word;
    invocation->command =
        first == NULL ? command_find(word, NULL) : command_find(first, word);
    if (invocation->command != NULL)
        return true;
    if (first == NULL && command_is_group(word)) {
        parser->first_word = word;
        invocation->group = word;
        return true;
    }
    struct suggestion suggestion;
    command_suggest(first, word, &suggestion);
    return refuse_unknown(parser, N_("there is no such command"), word, &suggestion,
                          "linli ");
}

static bool parse_positional(struct parser *parser, const char *word)
{
    const struct command *command = parser->invocation->command;
    const struct positional *place = &command->positionals[parser->positionals];
    if (parser->positionals == COMMAND_POSITIONALS_MAX || place->key == NULL)
        return refuse(parser, N_("nothing is expected here"), word);
    if (!place->repeatable)
        parser->positionals++;
    return give(parser, place->key, word, place->repeatable);
}

static bool parse_words(struct parser *parser)
{
    bool options = true;
    while (parser->next < parser->argc) {
        const char *word = parser->argv[parser->next++];
        bool understood;
        if (options && strcmp(word, "--") == 0) {
            options = false;
            continue;
        }
        if (options && word[0] == '-' && word[1] != '\0')
            understood = parse_option(parser, word);
        else if (parser->invocation->command == NULL)
            understood = parse_command(parser, word);
        else
            understood = parse_positional(parser, word);
        if (!understood)
            return false;
    }
    return true;
}

static bool check_complete(struct parser *parser)
{
    const struct invocation *invocation = parser->invocation;
    const struct command *command = invocation->command;
    if (invocation->help || (command == NULL && invocation->version))
        return true;
    if (command == NULL && invocation->group != NULL)
        return refuse(parser, N_("a second word must follow"), invocation->group);
    if (command == NULL)
        return refuse(parser, N_("no command was given"), "linli");
    for (size_t i = 0; i < COMMAND_POSITIONALS_MAX; i++) {
        const struct positional *place = &command->positionals[i];
        if (place->key == NULL)
            break;
        const char *value = arguments_value(invocation, place->key);
        if (!place->optional && (value == NULL || value[0] == '\0'))
            return refuse(parser, N_("this is missing"), place->metavar);
    }
    return true;
}

static bool is_field_given(const struct invocation *invocation)
{
    const struct schema_register *reg = schema_register(invocation->command->reg);
    for (size_t i = 0; i < invocation->count; i++) {
        if (schema_field_named(reg, slice_text(invocation->given[i].key)) != NULL)
            return true;
    }
    return false;
}

bool arguments_check_needed(const struct invocation *invocation, struct failure *failure)
{
    const struct command *command = invocation->command;
    struct option option;
    for (size_t i = 0; command_option_at(command, i, &option); i++) {
        char typed[TYPED_NAME_SIZE];
        const char *value = arguments_value(invocation, option.key);
        arguments_typed_name(invocation, option.key, typed);
        if (option.required && (value == NULL || value[0] == '\0'))
            return fail(invocation, failure, N_("this is missing"), typed);
    }
    bool changes =
        command->fields == USE_FIELDS_TO_SET || command->fields == USE_FIELDS_TO_AMEND;
    if (changes && !is_field_given(invocation))
        return fail(invocation, failure,
                    N_("no field was given to change; nothing was saved"), command->name);
    return true;
}

/* An error must come as JSON even where it stands before --json. */
static bool wants_json(int argc, char *const argv[])
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--json") == 0)
            return true;
    }
    return false;
}

bool arguments_parse(struct invocation *invocation, int argc, char *const argv[],
                     struct failure *failure)
{
    struct parser parser = {.invocation = invocation,
                            .failure = failure,
                            .argc = argc,
                            .argv = argv,
                            .next = 1};
    *invocation = (struct invocation){.json = wants_json(argc, argv)};
    if (invocation->json)
        i18n_plain();
    invocation->given = checked_malloc(((size_t)argc + 1) * sizeof *invocation->given);
    return parse_words(&parser) && check_complete(&parser);
}

void arguments_deinit(struct invocation *invocation)
{
    free(invocation->given);
    invocation->given = NULL;
}

/* ---- reading ---- */

const char *arguments_value(const struct invocation *invocation, const char *key)
{
    const char *value = NULL;
    for (size_t i = 0; i < invocation->count; i++) {
        if (strcmp(invocation->given[i].key, key) == 0)
            value = invocation->given[i].value;
    }
    return value;
}

bool arguments_flag(const struct invocation *invocation, const char *key)
{
    return arguments_value(invocation, key) != NULL;
}

const char *arguments_value_at(const struct invocation *invocation, const char *key,
                               size_t index)
{
    for (size_t i = 0; i < invocation->count; i++) {
        if (strcmp(invocation->given[i].key, key) == 0 && index-- == 0)
            return invocation->given[i].value;
    }
    return NULL;
}
