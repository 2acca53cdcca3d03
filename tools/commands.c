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

static const struct column person_columns[] = {
    {"id", N_("ID"), COLUMN_ID, NULL},
    {"name", N_("NAME"), COLUMN_TEXT, NULL},
    {"sex", N_("SEX"), COLUMN_TEXT, NULL},
    {"birth", N_("BIRTH"), COLUMN_TEXT, NULL},
    {"village", N_("VILLAGE"), COLUMN_TEXT, NULL},
    {"tier", N_("TIER"), COLUMN_TEXT, NULL},
    {"status", N_("STATUS"), COLUMN_TEXT, NULL},
    {"conflicts", N_("MARKS"), COLUMN_MARKS, NULL},
    COLUMNS_END,
};

static const struct column visit_columns[] = {
    {"id", N_("ID"), COLUMN_ID, NULL},
    {"person", N_("PERSON"), COLUMN_ID, NULL},
    {"when", N_("WHEN"), COLUMN_TEXT, NULL},
    {"method", N_("METHOD"), COLUMN_TEXT, NULL},
    {"outcome", N_("OUTCOME"), COLUMN_TEXT, NULL},
    {"minutes", N_("MINUTES"), COLUMN_COUNT, NULL},
    {"counts", N_("COUNTS"), COLUMN_TEXT, NULL},
    {"follow_up", N_("FOLLOW-UP"), COLUMN_TEXT, NULL},
    {"conflicts", N_("MARKS"), COLUMN_MARKS, NULL},
    COLUMNS_END,
};

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

#define OPTION_DIVISION                                                                  \
    {                                                                                    \
        "division", "CODE", NULL,                                                        \
            N_("only in this division: a township's 9 or a village's 12 digits"), false, \
            false                                                                        \
    }
#define OPTION_ALL                                                                       \
    {                                                                                    \
        "all", NULL, NULL, N_("also what was voided or replaced"), false, false          \
    }
#define OPTION_REVEAL                                                                    \
    {                                                                                    \
        "reveal", NULL, NULL, N_("show sealed fields; otherwise they stay (hidden)"),    \
            false, false                                                                 \
    }
#define OPTION_DIRECTORY(help)                                                           \
    {                                                                                    \
        "directory", "DIR", NULL, help, false, false                                     \
    }
#define PREFIX_HELP                                                                      \
    N_("An id may be shortened to any beginning that fits only one record.")

static const struct command commands[] = {
    {.name = "status",
     .request = "status",
     .help = N_("what a person must know first, then peers, then storage"),
     .example = "linli status --watch",
     .run = status_run,
     .render = render_status,
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
    {.name = "person add",
     .request = "person.add",
     .help = N_("enter a person to be visited"),
     .more =
         N_("The identity number may be given as - to be asked for, so that it stands in "
            "no history of commands."),
     .example = "linli person add --name 王秀英 --village 331123106204 --tier key",
     .run = ask_run,
     .render = render_saved,
     .reg = REGISTER_PERSON,
     .fields = USE_FIELDS_TO_ADD,
     .writes = true},
    {.name = "person show",
     .request = "person.show",
     .help = N_("all fields of a person, with conflicts and how to settle them"),
     .more = PREFIX_HELP,
     .example = "linli person show K3F9",
     .run = ask_run,
     .render = render_record,
     .positionals = {{"id", N_("ID"), false, false}},
     .options = {OPTION_REVEAL},
     .reg = REGISTER_PERSON},
    {.name = "person list",
     .request = "person.list",
     .help = N_("persons whose records are readable here"),
     .example = "linli person list --division 331123106204",
     .run = ask_run,
     .render = render_list,
     .list = "records",
     .columns = person_columns,
     .options = {OPTION_DIVISION, OPTION_ALL},
     .reg = REGISTER_PERSON},
    {.name = "person set",
     .request = "person.set",
     .help = N_("change fields of a person"),
     .more =
         N_("A field with several values takes +VALUE to add and -VALUE to take out, as "
            "often as needed. An empty value clears a field. Writing a field settles "
            "its conflict."),
     .example = "linli person set K3F9 --tier high --categories +living-alone",
     .run = ask_run,
     .render = render_saved,
     .positionals = {{"id", N_("ID"), false, false}},
     .reg = REGISTER_PERSON,
     .fields = USE_FIELDS_TO_SET,
     .writes = true},
    {.name = "person find",
     .request = "person.find",
     .help = N_("persons by name, telephone or whole identity number"),
     .example = "linli person find 秀英",
     .run = ask_run,
     .render = render_list,
     .list = "records",
     .columns = person_columns,
     .positionals = {{"text", N_("TEXT"), false, false}},
     .reg = REGISTER_PERSON},
    {.name = "person void",
     .request = "person.void",
     .help = N_("take out a person entered by mistake; their visits stay"),
     .more = N_("Who moved or died is not taken out: set their status. A voided person "
                "stays visible with person list --all."),
     .example = "linli person void K3F9 --reason '重复录入'",
     .run = ask_run,
     .render = render_saved,
     .positionals = {{"id", N_("ID"), false, false}},
     .options = {{"reason", "TEXT", NULL, N_("why; shown with the person"), false, true}},
     .reg = REGISTER_PERSON,
     .writes = true},
    {.name = "visit add",
     .request = "visit.add",
     .help = N_("enter a visit"),
     .more = PREFIX_HELP,
     .example =
         "linli visit add K3F9 --when '2026-05-31 14:05' --method home --outcome met",
     .run = ask_run,
     .render = render_saved,
     .positionals = {{"person", N_("PERSON"), true, false}},
     .reg = REGISTER_VISIT,
     .fields = USE_FIELDS_TO_ADD,
     .writes = true},
    {.name = "visit show",
     .request = "visit.show",
     .help = N_("all fields of a visit"),
     .more = PREFIX_HELP,
     .example = "linli visit show 7QXM",
     .run = ask_run,
     .render = render_record,
     .positionals = {{"id", N_("ID"), false, false}},
     .options = {OPTION_REVEAL},
     .reg = REGISTER_VISIT},
    {.name = "visit list",
     .request = "visit.list",
     .help =
         N_("visits readable here; for the same entries the same bytes at every node"),
     .example = "linli visit list --division 331123106 --from 2026-05-01 --to 2026-05-31",
     .run = ask_run,
     .render = render_list,
     .list = "records",
     .columns = visit_columns,
     .options = {OPTION_DIVISION,
                 {"person", "ID", NULL, N_("only of this person"), false, false},
                 {"from", "DATE", NULL, N_("first day"), false, false},
                 {"to", "DATE", NULL, N_("last day"), false, false},
                 OPTION_ALL},
     .reg = REGISTER_VISIT},
    {.name = "visit amend",
     .request = "visit.amend",
     .help = N_("replace a visit by a corrected one; what is not given stays as it was"),
     .more = PREFIX_HELP,
     .example = "linli visit amend 7QXM --outcome absent",
     .run = ask_run,
     .render = render_saved,
     .positionals = {{"id", N_("ID"), false, false}},
     .reg = REGISTER_VISIT,
     .fields = USE_FIELDS_TO_AMEND,
     .writes = true},
    {.name = "visit void",
     .request = "visit.void",
     .help = N_("take a visit out of every count; it stays visible with --all"),
     .more = PREFIX_HELP,
     .example = "linli visit void 7QXM --reason '重复录入'",
     .run = ask_run,
     .render = render_saved,
     .positionals = {{"id", N_("ID"), false, false}},
     .options = {{"reason", "TEXT", NULL, N_("why; shown with the visit"), false, true}},
     .reg = REGISTER_VISIT,
     .writes = true},
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
     .more = N_("When a store turns out to be older than what neighbours hold of it, what "
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

const struct command *command_at(size_t index)
{
    return index < ARRAY_SIZE(commands) ? &commands[index] : NULL;
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
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        const char *name = commands[i].name;
        size_t size = first_word_fits(name, first);
        if (size == 0)
            continue;
        bool alone = name[size] == '\0';
        if (alone ? second == NULL
                  : second != NULL && strcmp(name + size + 1, second) == 0)
            return &commands[i];
    }
    return NULL;
}

bool command_is_group(const char *word)
{
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        size_t size = first_word_fits(commands[i].name, word);
        if (size > 0 && commands[i].name[size] == ' ')
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
