#include "tools/register_commands.h"

#include "tools/ask.h"
#include "tools/match.h"
#include "tools/i18n.h"
#include "tools/list.h"
#include "tools/render.h"

#define COLUMNS_MAX (2 * FIELDS_MAX)
#define NAME_SIZE 64
#define RANK_ID_BESIDE_NAME 6 /* people know a record by its name */

static struct {
    char names[REGISTER_COMMANDS_MAX][NAME_SIZE];
    char requests[REGISTER_COMMANDS_MAX][NAME_SIZE];
    char keys[REGISTERS_MAX * 2][NAME_SIZE]; /* of columns that show a record's name */
    size_t key_count;
    struct column columns[REGISTERS_MAX][COLUMNS_MAX];
} kept;

/* What each verb takes and how its answer looks. What help says of it stands here for
 * registers that say nothing of their own. */
static const struct {
    const char *help;
    struct positional positional;
    enum field_use fields;
    command_render *render;
    bool lists;
    bool writes;
} shapes[VERBS] = {
    [VERB_ADD] = {.help = N_("enter a record"),
                  .fields = USE_FIELDS_TO_ADD,
                  .render = render_saved,
                  .writes = true},
    [VERB_SHOW] = {.help = N_("all fields of a record"),
                   .positional = {"id", N_("ID"), false, false},
                   .render = render_record},
    [VERB_LIST] = {.help = N_("records that are readable here"),
                   .fields = USE_FIELDS_TO_FILTER,
                   .render = render_list,
                   .lists = true},
    [VERB_SET] = {.help = N_("change fields of a record"),
                  .positional = {"id", N_("ID"), false, false},
                  .fields = USE_FIELDS_TO_SET,
                  .render = render_saved,
                  .writes = true},
    [VERB_AMEND] = {.help = N_("replace a record by a corrected one"),
                    .positional = {"id", N_("ID"), false, false},
                    .fields = USE_FIELDS_TO_AMEND,
                    .render = render_saved,
                    .writes = true},
    [VERB_FIND] = {.help = N_("records that hold a text"),
                   .positional = {"text", N_("TEXT"), false, false},
                   .render = render_list,
                   .lists = true},
    [VERB_VOID] = {.help = N_("take out a record entered by mistake"),
                   .positional = {"id", N_("ID"), false, false},
                   .render = render_saved,
                   .writes = true},
};

/* ---- columns ---- */

/* A record named by a field is shown by its name, where it has one, and by its id. */
static size_t put_columns(const struct field *field, struct column *columns)
{
    const struct schema_register *named = schema_register(field->names);
    size_t count = 0;
    if (field->heading == NULL || field->seen)
        return 0;
    const char *title = i18n_chinese() ? field->label : field->heading;
    if (field->type == FIELD_DIVISION) {
        columns[0] = (struct column){field->name, title, COLUMN_PLACE, NULL, field->rank};
        columns[1] = (struct column){field->name, N_("CODE"), COLUMN_TEXT, NULL,
                                     RANK_ID_BESIDE_NAME};
        return 2;
    }
    if (field->type != FIELD_RECORD) {
        enum column_kind kind = field->type == FIELD_COUNT    ? COLUMN_COUNT
                                : field->type == FIELD_CHOICE ? COLUMN_CHOICE
                                                              : COLUMN_TEXT;
        columns[0] = (struct column){field->name, title, kind, NULL, field->rank};
        return 1;
    }
    bool by_name = named != NULL && named->name_field != FIELD_NONE;
    if (by_name) {
        CHECK(kept.key_count < ARRAY_SIZE(kept.keys));
        char *key = kept.keys[kept.key_count++];
        (void)snprintf(key, NAME_SIZE, "%s_name", field->name);
        columns[count++] = (struct column){key, title, COLUMN_TEXT, NULL, field->rank};
    }
    columns[count++] =
        (struct column){field->name, by_name ? N_("WHOSE") : title, COLUMN_ID, NULL,
                        by_name ? RANK_ID_BESIDE_NAME : field->rank};
    return count;
}

static void fill_columns(const struct schema_register *reg, struct column *columns)
{
    size_t count = 0;
    columns[count++] = (struct column){"id", N_("ID"), COLUMN_ID, NULL, 0};
    for (size_t i = 0; i < reg->field_count; i++) {
        count += put_columns(&reg->fields[i], columns + count);
        CHECK(count + 2 < COLUMNS_MAX);
    }
    for (size_t i = 0; reg->derived != NULL && reg->derived[i].name != NULL; i++) {
        columns[count++] = (struct column){reg->derived[i].name, reg->derived[i].heading,
                                           COLUMN_TEXT, NULL, reg->derived[i].rank};
        CHECK(count + 2 < COLUMNS_MAX);
    }
    if (reg->verbs == 0 && reg->subject_field != FIELD_NONE) {
        /* Shown as the steps of another record only, where it matters who entered them. */
        columns[count++] =
            (struct column){"created_ms", N_("ENTERED"), COLUMN_MOMENT, NULL, 3};
        columns[count++] = (struct column){"node", N_("NODE"), COLUMN_TEXT, NULL, 4};
        columns[count++] = (struct column){"actor", N_("ACTOR"), COLUMN_TEXT, NULL, 2};
        CHECK(count + 2 < COLUMNS_MAX);
        columns[count] = (struct column){NULL, NULL, COLUMN_TEXT, NULL, 0};
        return;
    }
    columns[count++] = (struct column){"conflicts", N_("MARKS"), COLUMN_MARKS, NULL, 0};
    columns[count] = (struct column){NULL, NULL, COLUMN_TEXT, NULL, 0};
}

/* ---- options ---- */

static void put_option(struct command *command, struct option option)
{
    size_t count = 0;
    while (command->options[count].key != NULL)
        count++;
    CHECK(count + 1 < COMMAND_OPTIONS_MAX);
    command->options[count] = option;
}

/* A write that may be asked about may be insisted on. */
static void put_anyway(const struct schema_register *reg, struct command *command)
{
    bool asked = reg->agrees != NULL;
    for (size_t i = 0; i < reg->field_count; i++)
        asked |= reg->fields[i].tells_apart || reg->fields[i].lookup != LOOKUP_NONE;
    if (asked)
        put_option(
            command,
            (struct option){.key = "anyway",
                            .help = N_("it is meant so, although it was asked about")});
}

static void put_limit(struct command *command)
{
    put_option(command, (struct option){.key = "limit",
                                        .argument = "COUNT",
                                        .help = N_("at most so many, the last ones")});
}

static void put_list_options(const struct schema_register *reg, struct command *command)
{
    const struct schema_register *subject = schema_subject(reg);
    bool has_place = reg->place_field != FIELD_NONE ||
                     (subject != NULL && subject->place_field != FIELD_NONE);
    if (has_place || reg->realm == REALM_TOWNSHIP)
        put_option(
            command,
            (struct option){
                .key = "division",
                .argument = "PLACE",
                .type = FIELD_DIVISION,
                .help = N_("only in this village, township or county, by code or name")});
    if (subject != NULL)
        put_option(command, (struct option){.key = reg->fields[reg->subject_field].name,
                                            .argument = "ID",
                                            .type = FIELD_RECORD,
                                            .help = N_("only those of this one")});
    if (reg->date_field != FIELD_NONE) {
        put_option(command, (struct option){.key = "from",
                                            .argument = "DATE",
                                            .type = FIELD_DATE,
                                            .help = N_("first day")});
        put_option(command, (struct option){.key = "to",
                                            .argument = "DATE",
                                            .type = FIELD_DATE,
                                            .help = N_("last day")});
    }
    put_option(command, (struct option){.key = "all",
                                        .help = N_("also what was voided or replaced")});
    put_option(command, (struct option){
                            .key = "sort",
                            .argument = "COLUMN,...",
                            .help = N_("by these columns, -COLUMN downwards; otherwise "
                                       "by date")});
    put_option(command, (struct option){.key = "columns",
                                        .argument = "COLUMN,...",
                                        .help = N_("show these columns")});
    put_option(command,
               (struct option){.key = "limit",
                               .argument = "COUNT",
                               .help = N_("at most so many, the last ones; with --sort "
                                          "the first ones")});
}

static void put_options(const struct schema_register *reg, enum verb verb,
                        struct command *command)
{
    switch (verb) {
    case VERB_ADD:
    case VERB_SET:
    case VERB_AMEND: put_anyway(reg, command); return;
    case VERB_SHOW:
        put_option(command,
                   (struct option){
                       .key = "reveal",
                       .help = N_("show sealed fields; otherwise they stay (hidden)")});
        return;
    case VERB_LIST: put_list_options(reg, command); return;
    case VERB_FIND: put_limit(command); return;
    case VERB_STEP: put_anyway(reg, command); return;
    case VERB_VOID:
        put_option(command, (struct option){.key = "reason",
                                            .argument = "TEXT",
                                            .help = N_("why; shown with the record"),
                                            .required = true});
        if (reg->amends_field != FIELD_NONE)
            put_option(
                command,
                (struct option){
                    .key = "restore_amended",
                    .help =
                        N_("undo the amendment: what the record replaced counts again")});
        return;
    }
}

static const char *field_argument(const struct field *field)
{
    switch (field->type) {
    case FIELD_TEXT: return N_("TEXT");
    case FIELD_DATE: return N_("DATE");
    case FIELD_MOMENT: return N_("MOMENT");
    case FIELD_CHOICE: return N_("CHOICE");
    case FIELD_COUNT: return N_("COUNT");
    case FIELD_DIVISION: return N_("PLACE");
    case FIELD_RECORD: return N_("ID");
    case FIELD_CHECK: return N_("ok|TEXT");
    case FIELD_SEALED: return N_("TEXT");
    case FIELD_FLAG: return N_("yes|no");
    }
    return N_("TEXT");
}

static bool field_is_used(const struct schema_register *reg, const struct field *field,
                          const struct command *command)
{
    if (command->fields != USE_FIELDS_TO_FILTER &&
        (field->computed || field->seen || field->apart))
        return false;
    switch (command->fields) {
    case USE_NO_FIELDS: return false;
    case USE_FIELDS_TO_ADD: return field->id != reg->amends_field;
    case USE_FIELDS_TO_SET: return field->rule != MERGE_ONCE;
    case USE_FIELDS_TO_AMEND:
        return field->id != reg->amends_field && field->id != reg->subject_field;
    case USE_FIELDS_TO_FILTER: return field->filters;
    case USE_FIELDS_OF_STEP: return (command->step->fields & FIELD_BIT(field->id)) != 0;
    }
    return false;
}

static bool field_is_needed(const struct schema_register *reg, const struct field *field,
                            const struct command *command)
{
    for (size_t i = 0; field->id == reg->place_field && i < reg->field_count; i++) {
        if (reg->fields[i].gives_place)
            return false;
    }
    if (command->fields == USE_FIELDS_OF_STEP)
        return (command->step->needed & FIELD_BIT(field->id)) != 0;
    return field->required && command->fields == USE_FIELDS_TO_ADD;
}

bool register_option_at(const struct command *command, size_t index,
                        struct option *option)
{
    const struct schema_register *reg = schema_register(command->reg);
    for (size_t i = 0; reg != NULL && i < reg->field_count; i++) {
        const struct field *field = &reg->fields[i];
        if (!field_is_used(reg, field, command) || index-- > 0)
            continue;
        *option = (struct option){.key = field->name,
                                  .argument = field_argument(field),
                                  .label = field->label,
                                  .help = field->help,
                                  .type = field->type,
                                  .repeatable = field->rule == MERGE_SET &&
                                                command->fields != USE_FIELDS_TO_FILTER,
                                  .required = field_is_needed(reg, field, command)};
        return true;
    }
    return false;
}

/* ---- commands ---- */

static void put_names(size_t at, const struct schema_register *reg, const char *typed,
                      const char *asked, struct command *command)
{
    CHECK(at < REGISTER_COMMANDS_MAX);
    (void)snprintf(kept.names[at], NAME_SIZE, "%s %s", reg->name, typed);
    (void)snprintf(kept.requests[at], NAME_SIZE, "%s.%s", reg->name, asked);
    command->name = kept.names[at];
    command->request = kept.requests[at];
}

static const struct column *columns_of(const struct schema_register *reg)
{
    size_t i = 0;
    while (schema_register_at(i) != reg)
        i++;
    return kept.columns[i];
}

static void put_verb(size_t at, const struct schema_register *reg, enum verb verb,
                     struct command *command)
{
    const struct verb_words *words = &reg->words[verb];
    *command = (struct command){
        .help = words->help != NULL ? words->help : shapes[verb].help,
        .more = words->more,
        .example = words->example,
        .run = verb == VERB_LIST ? list_run : ask_run,
        .render = shapes[verb].render,
        .list = shapes[verb].lists ? "records" : NULL,
        .columns = shapes[verb].lists ? columns_of(reg)
                   : verb == VERB_SHOW && reg->step_register != 0
                       ? columns_of(schema_steps(reg))
                       : NULL,
        .positionals = {shapes[verb].positional},
        .reg = reg->id,
        .fields = shapes[verb].fields,
        .writes = shapes[verb].writes,
    };
    const char *typed =
        verb == VERB_ADD && reg->add_word != NULL ? reg->add_word : schema_verbs[verb];
    put_names(at, reg, typed, schema_verbs[verb], command);
    put_options(reg, verb, command);
    if (verb != VERB_ADD)
        return;
    /* Whose it is stands first; as an option it may be given too. */
    for (size_t i = 0; i < reg->field_count; i++) {
        const struct field *field = &reg->fields[i];
        if (field->id != reg->subject_field && !field->gives_place)
            continue;
        command->positionals[0] = (struct positional){
            field->name, field->heading != NULL ? field->heading : N_("ID"), true, false};
        return;
    }
}

static void put_step(size_t at, const struct schema_register *reg,
                     const struct step *step, struct command *command)
{
    const struct schema_register *written = schema_steps(reg);
    *command = (struct command){
        .help = step->words.help,
        .more = step->words.more,
        .example = step->words.example,
        .run = ask_run,
        .render = render_saved,
        .positionals = {{"id", N_("ID"), false, false}},
        .reg = written->id,
        .fields = USE_FIELDS_OF_STEP,
        .step = step,
        .writes = true,
    };
    put_names(at, reg, step->word, step->word, command);
    if (step->proposes) {
        command->run = match_run;
        put_option(command, (struct option){.key = "with",
                                            .argument = "ID",
                                            .type = FIELD_RECORD,
                                            .help = N_("what it is matched with")});
        return;
    }
    put_options(written, VERB_STEP, command);
}

size_t register_commands(struct command *commands)
{
    const struct schema_register *reg;
    size_t count = 0;
    for (size_t i = 0; (reg = schema_register_at(i)) != NULL; i++) {
        CHECK(i < REGISTERS_MAX);
        fill_columns(reg, kept.columns[i]);
    }
    for (size_t i = 0; (reg = schema_register_at(i)) != NULL; i++) {
        for (int v = 0; v < VERBS; v++) {
            enum verb verb = (enum verb)v;
            if (schema_has_verb(reg, verb)) {
                put_verb(count, reg, verb, &commands[count]);
                count++;
            }
        }
        for (const struct step *step = reg->steps; step != NULL && step->word != NULL;
             step++) {
            put_step(count, reg, step, &commands[count]);
            count++;
        }
    }
    return count;
}
