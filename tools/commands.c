#include "tools/commands.h"

#include <string.h>

#include "tools/ask.h"
#include "tools/county.h"
#include "tools/explain.h"
#include "tools/help.h"
#include "tools/i18n.h"
#include "tools/member.h"
#include "tools/render.h"
#include "tools/version.h"

#define COLUMNS_END                                                                      \
    {                                                                                    \
        NULL, NULL, COLUMN_TEXT, NULL                                                    \
    }

static const struct column peer_columns[] = {
    {"name", N_("PEER"), COLUMN_TEXT, NULL},
    {"division_name", N_("DIVISION"), COLUMN_TEXT, NULL},
    {"fingerprint", N_("FINGERPRINT"), COLUMN_TEXT, NULL},
    {"state", N_("STATE"), COLUMN_STATE, NULL},
    {"heard_ms", N_("HEARD"), COLUMN_AGE, N_("never")},
    {"to_send", N_("TO-SEND"), COLUMN_COUNT, "?"},
    {"oldest_ms", N_("OLDEST"), COLUMN_AGE, NULL},
    {"behind", N_("BEHIND"), COLUMN_COUNT, "?"},
    {"bytes_in", N_("IN"), COLUMN_BYTES, NULL},
    {"bytes_out", N_("OUT"), COLUMN_BYTES, NULL},
    {"refused", N_("REFUSED"), COLUMN_COUNT, NULL},
    {"address", N_("ADDRESS"), COLUMN_TEXT, NULL},
    COLUMNS_END,
};

static const struct column member_columns[] = {
    {"number", N_("NO"), COLUMN_COUNT, NULL},
    {"name", N_("NAME"), COLUMN_TEXT, NULL},
    {"division", N_("DIVISION"), COLUMN_TEXT, NULL},
    {"division_name", N_("PLACE"), COLUMN_TEXT, NULL},
    {"role", N_("ROLE"), COLUMN_TEXT, NULL},
    {"fingerprint", N_("FINGERPRINT"), COLUMN_TEXT, NULL},
    {"id", N_("IDENTITY"), COLUMN_HEX, NULL},
    {"revoked", N_("REVOKED"), COLUMN_TEXT, NULL},
    {"self", N_("SELF"), COLUMN_TEXT, NULL},
    COLUMNS_END,
};

#define OPTION_DIRECTORY(help)                                                           \
    {                                                                                    \
        "directory", "DIR", NULL, help, false, false                                     \
    }
static const struct command fixed[] = {
    {.name = "status",
     .request = "status",
     .help = N_("what a person must know first, then peers, then storage; 5 unless OK"),
     .example = "linli status --watch",
     .run = status_run,
     .render = render_status,
     .judge = judge_status,
     .options = {{"watch", NULL, NULL,
                  N_("ask again every 2 s; with --json one line each time"), false,
                  false}}},
    {.name = "peer list",
     .request = "peer.list",
     .help = N_("neighbours: what waits for each, since when, when it was last heard"),
     .more =
         N_("TO-SEND counts records that lie here and that the peer has not noted yet, "
            "BEHIND those it announced and that have not come yet."),
     .example = "linli peer list",
     .run = ask_run,
     .render = render_list,
     .list = "peers",
     .columns = peer_columns},
    {.name = "peer pause",
     .request = "peer.pause",
     .help = N_("no traffic with a peer until it is resumed; outlasts a restart"),
     .example = "linli peer pause gaoping",
     .run = ask_run,
     .render = render_paused,
     .positionals = {{"peer", N_("PEER|all"), false, false}},
     .writes = true},
    {.name = "peer resume",
     .request = "peer.resume",
     .help = N_("traffic with a peer again"),
     .example = "linli peer resume all",
     .run = ask_run,
     .render = render_resumed,
     .positionals = {{"peer", N_("PEER|all"), false, false}},
     .writes = true},
    {.name = NULL}, /* the registers' commands stand here */
    {.name = "county create",
     .help =
         N_("found a county: its keys and its grant, at the authority, without a daemon"),
     .more = N_("DIR becomes a new directory with authority.key, recovery.key and "
                "county.grant. Store recovery.key elsewhere, offline."),
     .example = "linli county create /media/usb/suichang --county 331123 --name 遂昌县",
     .run = county_create_run,
     .positionals = {{"directory", N_("DIR"), false, false}},
     .options = {{"county", "CODE", NULL, N_("the county's 6-digit code"), false, true},
                 {"name", "NAME", NULL, N_("the county's name"), false, true}}},
    {.name = "node init",
     .help = N_("make this node's key and its request to join, without a daemon"),
     .more =
         N_("Writes DIR/node.key, which never leaves this machine, and "
            "DIR/node.request, which the authority admits. DIR is /var/lib/linli unless "
            "given."),
     .example = "linli node init --division 331123106 --name shilian",
     .run = node_init_run,
     .positionals = {{"directory", N_("DIR"), true, false}},
     .options =
         {{"division", "CODE", NULL,
           N_("what it serves: a county's 6, a township's 9 or a village's 12 digits"),
           false, true},
          {"name", "NAME", NULL, N_("what neighbours call it"), false, true}}},
    {.name = "node admit",
     .help = N_("admit nodes by their request files, at the authority, without a daemon"),
     .more =
         N_("Compare each fingerprint with what is read out at the node, by telephone. "
            "Then carry the new county.grant to the new nodes and to the hub."),
     .example = "linli node admit --county /media/usb/suichang shilian.request",
     .run = node_admit_run,
     .positionals = {{"request", N_("REQUEST"), false, true}},
     .options = {{"county", "DIR", NULL, N_("the authority's directory"), false, true},
                 {"divisions", "FILE", NULL,
                  N_("the county's table of places; the installed one unless given"),
                  false, false},
                 {"yes", NULL, NULL, N_("do not ask: fingerprints were compared"), false,
                  false}}},
    {.name = "node revoke",
     .help = N_("end a node's membership, at the authority, without a daemon"),
     .more = N_("What it wrote counts up to where --heads says, which is what linli log "
                "show --json prints at the hub. Everybody hangs up on it, and new keys "
                "are made that it does not get. Then carry the new county.grant to the "
                "hub. A new box may be admitted under the same name."),
     .example = "linli node revoke shilian --county /media/usb/suichang --heads "
                "heads.json",
     .run = node_revoke_run,
     .positionals = {{"node", N_("NODE"), false, false}},
     .options = {{"county", "DIR", NULL, N_("the authority's directory"), false, true},
                 {"heads", "FILE", NULL,
                  N_("where its logs end: linli log show --json of the hub"), false,
                  false},
                 {"from_the_start", NULL, NULL,
                  N_("nothing that it ever wrote counts any more"), false, false},
                 {"yes", NULL, NULL, N_("do not ask"), false, false}}},
    {.name = "node join",
     .request = "node.join",
     .help = N_("take in a grant: at a new node with --directory, else by the daemon"),
     .more = N_("With --directory nothing but files is touched: the grant must admit the "
                "node whose key lies there, and becomes DIR/county.grant."),
     .example = "linli node join county.grant --directory /var/lib/linli",
     .run = node_join_run,
     .render = render_joined,
     .positionals = {{"grant", N_("GRANT"), false, false}},
     .options = {OPTION_DIRECTORY(N_("the node's directory, before its first start"))},
     .writes = true},
    {.name = "node show",
     .request = "node.show",
     .help = N_("members of the county as the roster here knows them"),
     .example = "linli node show shilian",
     .run = ask_run,
     .render = render_list,
     .list = "members",
     .columns = member_columns,
     .positionals = {{"node", N_("NODE"), true, false}}},
    {.name = "log show",
     .request = "log.show",
     .help = N_("the logs held here, or the entries of one"),
     .more = N_("LOG is what the list of logs shows, or a node's name for its records. "
                "Without --from the latest entries are shown."),
     .example = "linli log show shilian --limit 20",
     .run = ask_run,
     .render = render_log,
     .positionals = {{"log", N_("LOG"), true, false}},
     .options = {{"from", "SEQ", NULL, N_("first entry"), false, false},
                 {"limit", "COUNT", NULL, N_("how many at most"), false, false}}},
    {.name = "log strayed",
     .request = "log.strayed",
     .help = N_("entries written here that reach nobody, because the store was put back"),
     .more =
         N_("When a store turns out to be older than what neighbours hold of it, what "
            "was written in between is set aside. See: linli log reclaim"),
     .example = "linli log strayed",
     .run = ask_run,
     .render = render_log},
    {.name = "log reclaim",
     .request = "log.reclaim",
     .help = N_("write once more, where it is heard, what log strayed shows"),
     .more = N_("Records come back with new ids; dates and writers stay. Asking twice "
                "writes nothing twice."),
     .example = "linli log reclaim",
     .run = ask_run,
     .render = render_reclaimed,
     .writes = true},
    {.name = "log verify",
     .request = "log.verify",
     .help = N_("check every chain and signature held here; 1 where one does not hold"),
     .example = "linli log verify",
     .run = ask_run,
     .render = render_verified,
     .judge = judge_verified},
    {.name = "digest",
     .request = "digest",
     .help = N_("digests of what is held: equal digests, equal records"),
     .example = "linli digest --json",
     .run = ask_run,
     .render = render_digest},
    {.name = "explain",
     .help = N_("what a code means and what to do, without a daemon"),
     .example = "linli explain LL-E1105",
     .run = explain_run,
     .positionals = {{"code", N_("CODE"), true, false}}},
    {.name = "version",
     .request = "version",
     .help = N_("versions of this command and of the daemon"),
     .example = "linli version",
     .run = version_run,
     .render = version_render},
    {.name = "help",
     .help = N_("this list, or a command's arguments, fields and example"),
     .example = "linli help visit add",
     .run = help_run,
     .positionals = {{"word", N_("COMMAND"), true, true}}},
};

/* ---- the registers' commands, from their table ---- */

#define REGISTERS_MAX 32
#define COLUMNS_MAX (2 * FIELDS_MAX)
#define COMMANDS_MAX (ARRAY_SIZE(fixed) + REGISTERS_MAX * VERBS)
#define COMMAND_NAME_SIZE 64

static struct {
    struct command commands[COMMANDS_MAX];
    size_t count;
    char names[REGISTERS_MAX * VERBS][COMMAND_NAME_SIZE];
    char requests[REGISTERS_MAX * VERBS][COMMAND_NAME_SIZE];
    size_t named;
    char keys[REGISTERS_MAX * 2][COMMAND_NAME_SIZE];
    size_t keyed;
    struct column columns[REGISTERS_MAX][COLUMNS_MAX];
} table;

/* What help says where the register says nothing. */
static const struct verb_words general_words[VERBS] = {
    [VERB_ADD] = {N_("enter a record"), NULL, NULL},
    [VERB_SHOW] = {N_("all fields of a record"), NULL, NULL},
    [VERB_LIST] = {N_("records that are readable here"), NULL, NULL},
    [VERB_SET] = {N_("change fields of a record"), NULL, NULL},
    [VERB_AMEND] = {N_("replace a record by a corrected one"), NULL, NULL},
    [VERB_FIND] = {N_("records that hold a text"), NULL, NULL},
    [VERB_VOID] = {N_("take out a record entered by mistake"), NULL, NULL},
};

/* A record named by a field is shown by its name, where it has one, and by its id. */
static size_t put_columns(const struct field *field, struct column *columns)
{
    const struct schema_register *named = schema_register(field->names);
    size_t count = 0;
    if (field->heading == NULL)
        return 0;
    if (field->type != FIELD_RECORD) {
        enum column_kind kind = field->type == FIELD_COUNT ? COLUMN_COUNT : COLUMN_TEXT;
        columns[0] = (struct column){field->name, field->heading, kind, NULL};
        return 1;
    }
    bool by_name = named != NULL && named->name_field != FIELD_NONE;
    if (by_name) {
        char *key = table.keys[table.keyed++];
        CHECK(table.keyed < REGISTERS_MAX * 2);
        (void)snprintf(key, COMMAND_NAME_SIZE, "%s_name", field->name);
        columns[count++] = (struct column){key, field->heading, COLUMN_TEXT, NULL};
    }
    columns[count++] = (struct column){
        field->name, by_name ? N_("WHOSE") : field->heading, COLUMN_ID, NULL};
    return count;
}

static const struct column *columns_of(const struct schema_register *reg, size_t index)
{
    struct column *columns = table.columns[index];
    size_t count = 0;
    columns[count++] = (struct column){"id", N_("ID"), COLUMN_ID, NULL};
    for (size_t i = 0; i < reg->field_count; i++) {
        count += put_columns(&reg->fields[i], columns + count);
        CHECK(count + 2 < COLUMNS_MAX);
    }
    for (size_t i = 0; reg->derived != NULL && reg->derived[i].name != NULL; i++) {
        CHECK(count + 2 < COLUMNS_MAX);
        columns[count++] = (struct column){reg->derived[i].name, reg->derived[i].heading,
                                           COLUMN_TEXT, NULL};
    }
    columns[count++] = (struct column){"conflicts", N_("MARKS"), COLUMN_MARKS, NULL};
    columns[count] = (struct column){NULL, NULL, COLUMN_TEXT, NULL};
    return columns;
}

static struct option *option_add(struct command *command, const char *key,
                                 const char *argument, const char *help)
{
    size_t count = 0;
    while (command->options[count].key != NULL)
        count++;
    CHECK(count + 1 < COMMAND_OPTIONS_MAX);
    command->options[count] = (struct option){key, argument, NULL, help, false, false};
    return &command->options[count];
}

static bool has_place(const struct schema_register *reg)
{
    const struct schema_register *subject = schema_subject(reg);
    return reg->place_field != FIELD_NONE ||
           (subject != NULL && subject->place_field != FIELD_NONE);
}

/* Whether a write may be asked about, so that it may be insisted on. */
static void anyway_option(const struct schema_register *reg, struct command *command)
{
    bool asked = reg->agrees != NULL;
    for (size_t i = 0; i < reg->field_count; i++)
        asked |= reg->fields[i].tells_apart || reg->fields[i].lookup != LOOKUP_NONE;
    if (asked)
        option_add(command, "anyway", NULL,
                   N_("it is meant so, although it was asked about"));
}

static void list_options(const struct schema_register *reg, struct command *command)
{
    if (has_place(reg) || reg->realm == REALM_TOWNSHIP)
        option_add(command, "division", "CODE",
                   N_("only in this division: a township's 9 or a village's 12 digits"));
    if (reg->subject_field != FIELD_NONE)
        option_add(command, reg->fields[reg->subject_field].name, "ID",
                   N_("only those of this one"));
    if (reg->date_field != FIELD_NONE) {
        option_add(command, "from", "DATE", N_("first day"));
        option_add(command, "to", "DATE", N_("last day"));
    }
    option_add(command, "all", NULL, N_("also what was voided or replaced"));
}

static void shape_command(const struct schema_register *reg, enum verb verb,
                          const struct column *columns, struct command *command)
{
    static const struct positional by_id = {"id", N_("ID"), false, false};
    command->run = ask_run;
    command->reg = reg->id;
    command->writes = true;
    command->render = render_saved;
    switch (verb) {
    case VERB_ADD:
        command->fields = USE_FIELDS_TO_ADD;
        anyway_option(reg, command);
        if (reg->subject_field != FIELD_NONE) {
            const struct field *subject = &reg->fields[reg->subject_field];
            command->positionals[0] = (struct positional){
                subject->name, subject->heading != NULL ? subject->heading : N_("ID"),
                true, false};
        }
        return;
    case VERB_SET:
        command->fields = USE_FIELDS_TO_SET;
        anyway_option(reg, command);
        command->positionals[0] = by_id;
        return;
    case VERB_AMEND:
        command->fields = USE_FIELDS_TO_AMEND;
        anyway_option(reg, command);
        command->positionals[0] = by_id;
        return;
    case VERB_VOID:
        command->positionals[0] = by_id;
        option_add(command, "reason", "TEXT", N_("why; shown with the record"))
            ->required = true;
        if (reg->amends_field != FIELD_NONE)
            option_add(command, "restore_amended", NULL,
                       N_("undo the amendment: what the record replaced counts again"));
        return;
    case VERB_SHOW:
        command->positionals[0] = by_id;
        option_add(command, "reveal", NULL,
                   N_("show sealed fields; otherwise they stay (hidden)"));
        command->render = render_record;
        break;
    case VERB_FIND:
        command->positionals[0] = (struct positional){"text", N_("TEXT"), false, false};
        command->render = render_list;
        break;
    case VERB_LIST:
        list_options(reg, command);
        command->render = render_list;
        break;
    }
    command->writes = false;
    if (verb == VERB_SHOW)
        return;
    command->list = "records";
    command->columns = columns;
}

static void add_command(const struct schema_register *reg, enum verb verb,
                        const struct column *columns)
{
    const struct verb_words *words = &reg->words[verb];
    struct command *command = &table.commands[table.count++];
    char *name = table.names[table.named], *request = table.requests[table.named];
    table.named++;
    (void)snprintf(name, COMMAND_NAME_SIZE, "%s %s", reg->name, schema_verbs[verb]);
    (void)snprintf(request, COMMAND_NAME_SIZE, "%s.%s", reg->name, schema_verbs[verb]);
    if (words->help == NULL)
        words = &general_words[verb];
    *command = (struct command){
        .name = name,
        .request = request,
        .help = words->help,
        .more = words->more,
        .example = words->example,
    };
    shape_command(reg, verb, columns, command);
}

static void add_registers(void)
{
    const struct schema_register *reg;
    for (size_t i = 0; (reg = schema_register_at(i)) != NULL; i++) {
        CHECK(i < REGISTERS_MAX);
        const struct column *columns = columns_of(reg, i);
        for (int verb = 0; verb < VERBS; verb++) {
            if (schema_has_verb(reg, (enum verb)verb))
                add_command(reg, (enum verb)verb, columns);
        }
    }
}

static void build_table(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
        if (fixed[i].name == NULL)
            add_registers();
        else
            table.commands[table.count++] = fixed[i];
    }
}

const struct command *command_at(size_t index)
{
    if (table.count == 0)
        build_table();
    return index < table.count ? &table.commands[index] : NULL;
}

/* The length of `first` where `name` begins with it as a word, else 0. */
static size_t first_word_fits(const char *name, const char *first)
{
    size_t size = strlen(first);
    bool fits = size > 0 && strncmp(name, first, size) == 0;
    return fits && (name[size] == ' ' || name[size] == '\0') ? size : 0;
}

const struct command *command_find(const char *first, const char *second)
{
    const struct command *command;
    for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
        const char *name = command->name;
        size_t size = first_word_fits(name, first);
        if (size == 0)
            continue;
        bool alone = name[size] == '\0';
        if (alone ? second == NULL
                  : second != NULL && strcmp(name + size + 1, second) == 0)
            return command;
    }
    return NULL;
}

bool command_is_group(const char *word)
{
    const struct command *command;
    for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
        size_t size = first_word_fits(command->name, word);
        if (size > 0 && command->name[size] == ' ')
            return true;
    }
    return false;
}

/* ---- options ---- */

void option_name(const char *key, char name[OPTION_NAME_SIZE])
{
    (void)snprintf(name, OPTION_NAME_SIZE, "%s", key);
    for (char *at = strchr(name, '_'); at != NULL; at = strchr(at, '_'))
        *at = '-';
}

static bool field_is_used(const struct schema_register *reg, const struct field *field,
                          enum field_use use)
{
    switch (use) {
    case USE_NO_FIELDS: return false;
    case USE_FIELDS_TO_ADD: return field->id != reg->amends_field;
    case USE_FIELDS_TO_SET: return field->rule != MERGE_ONCE;
    case USE_FIELDS_TO_AMEND:
        return field->id != reg->amends_field && field->id != reg->subject_field;
    }
    return false;
}

static const char *field_argument(const struct field *field)
{
    switch (field->type) {
    case FIELD_TEXT: return N_("TEXT");
    case FIELD_DATE: return N_("DATE");
    case FIELD_MOMENT: return N_("MOMENT");
    case FIELD_CHOICE: return N_("CHOICE");
    case FIELD_COUNT: return N_("COUNT");
    case FIELD_DIVISION: return N_("CODE");
    case FIELD_RECORD: return N_("ID");
    case FIELD_CHECK: return N_("ok|TEXT");
    case FIELD_SEALED: return N_("TEXT");
    case FIELD_FLAG: return N_("yes|no");
    }
    return N_("TEXT");
}

static struct option option_of_field(const struct field *field, enum field_use use)
{
    return (struct option){.key = field->name,
                           .argument = field_argument(field),
                           .label = field->label,
                           .help = field->help,
                           .repeatable = field->rule == MERGE_SET,
                           .required = field->required && use == USE_FIELDS_TO_ADD};
}

bool command_option_at(const struct command *command, size_t index, struct option *option)
{
    for (size_t i = 0; i < COMMAND_OPTIONS_MAX && command->options[i].key != NULL; i++) {
        *option = command->options[i];
        if (index-- == 0)
            return true;
    }
    const struct schema_register *reg = schema_register(command->reg);
    for (size_t i = 0; reg != NULL && i < reg->field_count; i++) {
        if (!field_is_used(reg, &reg->fields[i], command->fields))
            continue;
        *option = option_of_field(&reg->fields[i], command->fields);
        if (index-- == 0)
            return true;
    }
    return false;
}
