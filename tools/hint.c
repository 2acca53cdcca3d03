#include "tools/hint.h"

#include <string.h>

#include "crdt/operation.h"
#include "crdt/text.h"
#include "tools/i18n.h"
#include "daemon/api/suggest.h"

static const struct field *field_of(const struct invocation *invocation, const char *key)
{
    const struct schema_register *reg = schema_register(invocation->command->reg);
    return reg != NULL ? schema_field_named(reg, slice_text(key)) : NULL;
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
    char piece[PIECE_SIZE];
    const char *value = shown_value(invocation, key);
    arguments_typed_name(invocation, key, typed);
    failure_piece(value != NULL ? value : "", piece);
    (void)snprintf(failure->subject, sizeof failure->subject, "%s%s%s", typed,
                   piece[0] != '\0' ? " " : "", piece);
}

/* What the field takes, where that is short to say. */
static void say_what_fits(struct failure *failure, const struct field *field,
                          const char *value)
{
    char *next = failure->next_own;
    const size_t size = sizeof failure->next_own;
    struct suggestion suggestion;
    size_t used = 0;
    failure->next = "";
    if (field->type == FIELD_FLAG) {
        (void)snprintf(next, size, "%s yes, no", _("Use one of:"));
    } else if (field->type == FIELD_COUNT && field->limit > 0) {
        (void)snprintf(next, size, _("Give a whole number, at most %u."), field->limit);
    } else if (field->type == FIELD_COUNT) {
        (void)snprintf(next, size, "%s", _("Give a whole number."));
    } else if (field->type == FIELD_CHOICE) {
        suggestion_begin(&suggestion, slice_text(value != NULL ? value : ""));
        for (const struct choice *choice = field->choices; choice->name != NULL;
             choice++) {
            suggestion_consider(&suggestion, choice->name);
            suggestion_consider(&suggestion, choice->label);
        }
        if (suggestion.best[0] != '\0')
            used = (size_t)snprintf(next, size, _("Did you mean %s? "), suggestion.best);
        const char *lead = _("Use one of:");
        for (const struct choice *choice = field->choices;
             choice->name != NULL && used < size; choice++) {
            used += (size_t)snprintf(next + used, size - used, "%s %s", lead,
                                     i18n_chinese() ? choice->label : choice->name);
            lead = ",";
        }
    } else {
        failure->next = field->form == TEXT_PHONES
                            ? N_("A telephone number has digits, as 13800001111.")
                            : status_words(ERR_FIELD_VALUE)->next;
    }
}

static void say_how_long(struct failure *failure, unsigned characters_max,
                         const char *value)
{
    failure->next = "";
    if (value == NULL)
        (void)snprintf(failure->next_own, sizeof failure->next_own,
                       _("Give at most %u characters."), characters_max);
    else
        (void)snprintf(failure->next_own, sizeof failure->next_own,
                       _("Give at most %u characters; this has %zu."), characters_max,
                       text_characters(slice_text(value)));
}

/* A place of the wrong level, or that is none: where to look. */
static void say_places(struct failure *failure, const char *value)
{
    uint64_t code = 0;
    bool digits = value != NULL && value[0] != '\0' &&
                  value[strspn(value, "0123456789")] == '\0' && strlen(value) <= 12;
    for (const char *at = value; digits && *at != '\0'; at++)
        code = code * 10 + (uint64_t)(*at - '0');
    const char *name = value != NULL && strchr(value, '/') != NULL && !digits
                           ? strrchr(value, '/') + 1
                           : value;
    bool plain = name != NULL && name[0] != '\0' && strlen(name) <= 60 &&
                 strpbrk(name, " '\"$`\\&;|<>()*?") == NULL;
    bool wanted_smaller = failure->number == ERR_VILLAGE_WANTED;
    if (wanted_smaller && digits)
        failure->text = division_level(code) == DIVISION_COUNTY
                            ? N_("this is a county; a village is wanted")
                            : N_("this is a township; a village is wanted");
    failure->next = N_("By a part of its name or code: linli place find TEXT");
    if (!plain || (digits && !wanted_smaller))
        return;
    failure->next = "";
    (void)snprintf(failure->next_own, sizeof failure->next_own,
                   wanted_smaller ? _("Its villages: linli place find %s")
                                  : _("Look it up: linli place find %s"),
                   name);
}

static void say_find(struct failure *failure, const struct schema_register *reg,
                     const char *value)
{
    char *next = failure->next_own;
    const size_t size = sizeof failure->next_own;
    const char *quote = strpbrk(value, " \"$`\\&;|<>()*?") != NULL ? "'" : "";
    failure->next = "";
    if (!schema_has_verb(reg, VERB_FIND))
        (void)snprintf(next, size, "linli %s list", reg->name);
    else if (strchr(value, '\'') != NULL || strlen(value) > 150)
        /* A quote in a name would end the one around it. */
        (void)snprintf(next, size, "linli %s find TEXT", reg->name);
    else
        (void)snprintf(next, size, "linli %s find %s%s%s", reg->name, quote, value,
                       quote);
}

/* What was named otherwise than by an id can be found by that. */
static void say_where_to_look(struct failure *failure,
                              const struct invocation *invocation)
{
    const char *name = invocation->command->name;
    /* A step is kept in a register of its own and named by the record that it is about. */
    const struct schema_register *reg =
        invocation->command->step != NULL
            ? schema_register_named(slice_text(invocation->group))
            : schema_register(invocation->command->reg);
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
    else if (strcmp(name, "node show") == 0 || strcmp(name, "log show") == 0)
        (void)snprintf(failure->next_own, sizeof failure->next_own, "linli %s", name);
    if (failure->next_own[0] != '\0')
        failure->next = "";
}

/* By which places a report may be made. */
static void say_levels(struct failure *failure, const char *value)
{
    static const char *const levels[] = {"village", "township", "county"};
    struct suggestion suggestion;
    suggestion_begin(&suggestion, slice_text(value != NULL ? value : ""));
    for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
        suggestion_consider(&suggestion, levels[i]);
        /* "town" is too far from its whole word to be taken for a slip. */
        if (suggestion.best[0] == '\0' && value != NULL && strlen(value) >= 3 &&
            strncmp(levels[i], value, strlen(value)) == 0)
            (void)snprintf(suggestion.best, sizeof suggestion.best, "%s", levels[i]);
    }
    failure->next = "";
    if (suggestion.best[0] != '\0')
        (void)snprintf(failure->next_own, sizeof failure->next_own,
                       _("Did you mean %s? Use one of: village, township, county"),
                       suggestion.best);
    else
        (void)snprintf(failure->next_own, sizeof failure->next_own, "%s",
                       _("Use one of: village, township, county"));
}

/* The key of what was refused: the daemon names it, or repeats the beginning of what was
 * given under it. NULL: neither. */
static const char *refused_key(const struct failure *failure,
                               const struct invocation *invocation)
{
    size_t size = strlen(failure->subject);
    for (size_t i = 0; i < invocation->count && size > 0; i++) {
        const struct given *given = &invocation->given[i];
        if (strcmp(failure->subject, given->key) == 0)
            return given->key;
    }
    for (size_t i = 0; i < invocation->count && size > 0; i++) {
        const struct given *given = &invocation->given[i];
        if (strncmp(given->value, failure->subject, size) == 0)
            return given->key;
    }
    struct option option;
    for (size_t i = 0; command_option_at(invocation->command, i, &option); i++) {
        if (strcmp(failure->subject, option.key) == 0)
            return option.key;
    }
    return NULL;
}

void hint_add(struct failure *failure, const struct invocation *invocation)
{
    const char *key = refused_key(failure, invocation);
    if (failure->number == ERR_FIELD_MISSING &&
        invocation->command->fields == USE_FIELDS_TO_SET) {
        failure->text = N_("there is nothing to change: it is empty already");
        failure->next = "";
    }
    if (failure->number == ERR_NOT_FOUND)
        say_where_to_look(failure, invocation);
    if (key == NULL)
        return;
    const struct field *field = field_of(invocation, key);
    const char *value = shown_value(invocation, key);
    if (field != NULL && failure->number == ERR_FIELD_VALUE)
        say_what_fits(failure, field, value);
    if (failure->number == ERR_FIELD_TOO_LONG)
        say_how_long(failure,
                     field != NULL ? field_characters_max(field) : REASON_CHARACTERS_MAX,
                     value);
    if (failure->number == ERR_DIVISION || failure->number == ERR_VILLAGE_WANTED)
        say_places(failure, value);
    if (failure->number == ERR_DATE && strcmp(key, "month") == 0)
        failure->next = N_("Write a month as 2026-11, or 11 for the latest November.");
    if (failure->number == ERR_FIELD_VALUE && strcmp(key, "by") == 0)
        say_levels(failure, value);
    if (failure->number == ERR_FIELD_VALUE && strcmp(key, "limit") == 0)
        failure->next = N_("Give a whole number, at least 1.");
    if (!invocation->json)
        say_as_typed(failure, invocation, key);
}
