#include "tools/hint.h"

#include <string.h>

#include "tools/i18n.h"

static const struct field *field_of(const struct invocation *invocation, const char *key)
{
    const struct schema_register *reg = schema_register(invocation->command->reg);
    return reg != NULL ? schema_field_named(reg, slice_text(key)) : NULL;
}

static bool is_positional(const struct command *command, const char *key)
{
    for (size_t i = 0; i < COMMAND_POSITIONALS_MAX; i++) {
        if (command->positionals[i].key == NULL)
            return false;
        if (strcmp(command->positionals[i].key, key) == 0)
            return true;
    }
    return false;
}

/* The one value given under `key`; NULL where there is none, or more than one, so that it
 * is not known which was refused, or where nobody else may read it. */
static const char *shown_value(const struct invocation *invocation, const char *key)
{
    const struct field *field = field_of(invocation, key);
    bool secret = field != NULL && field->type == FIELD_SEALED;
    if (secret || arguments_value_at(invocation, key, 1) != NULL)
        return NULL;
    return arguments_value_at(invocation, key, 0);
}

static void say_as_typed(struct failure *failure, const struct invocation *invocation,
                         const char *key)
{
    char typed[TYPED_NAME_SIZE];
    const char *value = shown_value(invocation, key);
    arguments_typed_name(invocation, key, typed);
    if (value != NULL && value[0] != '\0')
        (void)snprintf(failure->subject, sizeof failure->subject, "%s %.300s", typed,
                       value);
    else
        (void)snprintf(failure->subject, sizeof failure->subject, "%s", typed);
}

/* What a field takes, where that is a short list. */
static void say_choices(struct failure *failure, const struct field *field)
{
    char *next = failure->next_own;
    const size_t size = sizeof failure->next_own;
    size_t used = 0;
    if (field->type == FIELD_FLAG)
        (void)snprintf(next, size, "%s yes, no", _("Use one of:"));
    if (field->type != FIELD_CHOICE)
        return;
    for (const struct choice *choice = field->choices;
         choice->name != NULL && used < size; choice++)
        used += (size_t)snprintf(next + used, size - used, "%s %s",
                                 used > 0 ? "," : _("Use one of:"), choice->name);
}

static void say_find(struct failure *failure, const struct schema_register *reg,
                     const char *value)
{
    /* A quote in a name would end the one around it. */
    const char *quote = strpbrk(value, " \"$`\\&;|<>()*?") != NULL ? "'" : "";
    failure->next = "";
    if (!schema_has_verb(reg, VERB_FIND))
        (void)snprintf(failure->next_own, sizeof failure->next_own, "linli %s list",
                       reg->name);
    else if (strchr(value, '\'') != NULL)
        (void)snprintf(failure->next_own, sizeof failure->next_own, "linli %s find TEXT",
                       reg->name);
    else
        (void)snprintf(failure->next_own, sizeof failure->next_own,
                       "linli %s find %s%.150s%s", reg->name, quote, value, quote);
}

/* What was named otherwise than by an id can be found by that. */
static void say_where_to_look(struct failure *failure,
                              const struct invocation *invocation)
{
    const char *name = invocation->command->name;
    const struct schema_register *reg = schema_register(invocation->command->reg);
    const struct schema_register *subject = reg != NULL ? schema_subject(reg) : NULL;
    const char *id = arguments_value(invocation, "id");
    const char *named =
        subject != NULL
            ? arguments_value(invocation, reg->fields[reg->subject_field].name)
            : NULL;
    if (named != NULL)
        say_find(failure, subject, named);
    else if (reg != NULL && id != NULL)
        say_find(failure, reg, id);
    else if (strncmp(name, "peer ", 5) == 0)
        failure->next = "linli peer list";
    else if (strcmp(name, "node show") == 0)
        failure->next = "linli node show";
}

void hint_add(struct failure *failure, const struct invocation *invocation)
{
    char key[OPTION_NAME_SIZE];
    const struct command *command = invocation->command;
    struct option option;
    (void)snprintf(key, sizeof key, "%.*s", (int)sizeof key - 1, failure->subject);
    const struct field *field = field_of(invocation, key);
    bool named =
        strcmp(failure->subject, key) == 0 &&
        (command_option_named(command, key, &option) || is_positional(command, key));
    if (failure->number == ERR_NOT_FOUND)
        say_where_to_look(failure, invocation);
    if (named && field != NULL && failure->number == ERR_FIELD_VALUE) {
        say_choices(failure, field);
        if (failure->next_own[0] != '\0')
            failure->next = "";
    }
    if (named && !invocation->json)
        say_as_typed(failure, invocation, key);
}
