#include "tools/commands.h"

#include <string.h>

#include "tools/ask.h"
#include "tools/changes.h"
#include "tools/county.h"
#include "tools/enter.h"
#include "tools/explain.h"
#include "tools/help.h"
#include "tools/i18n.h"
#include "tools/import.h"
#include "tools/member.h"
#include "tools/register_commands.h"
#include "tools/render.h"
#include "tools/reports.h"
#include "tools/version.h"

#define COLUMNS_END                                                                      \
    {                                                                                    \
        NULL, NULL, COLUMN_TEXT, NULL, 0                                                 \
    }

static const struct column due_columns[] = {
    {"id", N_("ID"), COLUMN_ID, NULL, 0},
    {"name", N_("NAME"), COLUMN_TEXT, NULL, 0},
    {"village_name", N_("VILLAGE"), COLUMN_TEXT, NULL, 1},
    {"tier", N_("TIER"), COLUMN_CHOICE, NULL, 2},
    {"due", N_("DUE"), COLUMN_TEXT, NULL, 0},
    {"days_late", N_("LATE-DAYS"), COLUMN_COUNT, NULL, 3},
    {"latest", N_("LATEST"), COLUMN_TEXT, N_("never"), 4},
    COLUMNS_END,
};

static const struct column double_columns[] = {
    {"id", N_("ID"), COLUMN_ID, NULL, 0},
    {"name", N_("NAME"), COLUMN_TEXT, NULL, 0},
    {"birth", N_("BIRTH"), COLUMN_TEXT, NULL, 2},
    {"village_name", N_("VILLAGE"), COLUMN_TEXT, NULL, 1},
    {"other", N_("OTHER"), COLUMN_ID, NULL, 0},
    {"other_name", N_("OTHER NAME"), COLUMN_TEXT, NULL, 3},
    {"other_village_name", N_("OTHER VILLAGE"), COLUMN_TEXT, NULL, 1},
    {"same", N_("SAME"), COLUMN_STATE, NULL, 4},
    COLUMNS_END,
};

static const struct column policy_columns[] = {
    {"name", N_("NAME"), COLUMN_TEXT, NULL, 0},
    {"value", N_("VALUE"), COLUMN_TEXT, NULL, 0},
    {"from", N_("FROM"), COLUMN_TEXT, NULL, 0},
    {"state", N_("STATE"), COLUMN_STATE, NULL, 1},
    {"number", N_("NUMBER"), COLUMN_COUNT, NULL, 2},
    {"stated_ms", N_("STATED"), COLUMN_MOMENT, NULL, 3},
    COLUMNS_END,
};

static const struct column peer_columns[] = {
    {"name", N_("PEER"), COLUMN_TEXT, NULL, 0},
    {"division_name", N_("DIVISION"), COLUMN_TEXT, NULL, 5},
    {"fingerprint", N_("FINGERPRINT"), COLUMN_TEXT, NULL, 6},
    {"state", N_("STATE"), COLUMN_STATE, NULL, 0},
    {"heard_ms", N_("HEARD"), COLUMN_AGE, N_("never"), 0},
    {"to_send", N_("TO-SEND"), COLUMN_COUNT, "?", 0},
    {"oldest_ms", N_("OLDEST"), COLUMN_AGE, NULL, 2},
    {"behind", N_("BEHIND"), COLUMN_COUNT, "?", 1},
    {"bytes_in", N_("IN"), COLUMN_BYTES, NULL, 7},
    {"bytes_out", N_("OUT"), COLUMN_BYTES, NULL, 7},
    {"refused", N_("REFUSED"), COLUMN_COUNT, NULL, 4},
    {"address", N_("ADDRESS"), COLUMN_TEXT, NULL, 3},
    {"cause", N_("WHY AWAY"), COLUMN_STATE, NULL, 1},
    {"cause_ms", N_("FOR"), COLUMN_AGE, NULL, 2},
    COLUMNS_END,
};

static const struct column place_columns[] = {
    {"code", N_("CODE"), COLUMN_TEXT, NULL, 0},
    {"full_name", N_("PLACE"), COLUMN_TEXT, NULL, 0},
    {"level", N_("LEVEL"), COLUMN_STATE, NULL, 1},
    COLUMNS_END,
};

static const struct column member_columns[] = {
    {"number", N_("NO"), COLUMN_COUNT, NULL, 2},
    {"name", N_("NAME"), COLUMN_TEXT, NULL, 0},
    {"division", N_("DIVISION"), COLUMN_TEXT, NULL, 5},
    {"division_name", N_("PLACE"), COLUMN_TEXT, NULL, 1},
    {"role", N_("ROLE"), COLUMN_STATE, NULL, 3},
    {"fingerprint", N_("FINGERPRINT"), COLUMN_TEXT, NULL, 4},
    {"id", N_("IDENTITY"), COLUMN_HEX, NULL, 7},
    {"revoked", N_("REVOKED"), COLUMN_TEXT, NULL, 2},
    {"self", N_("SELF"), COLUMN_TEXT, NULL, 6},
    COLUMNS_END,
};

/* Options without a value, with one, and with one that must be given. */
#define FLAG(name, words)                                                                \
    {                                                                                    \
        .key = (name), .help = (words)                                                   \
    }
#define TAKES(name, value, words)                                                        \
    {                                                                                    \
        .key = (name), .argument = (value), .help = (words)                              \
    }
#define TAKES_A(kind, name, value, words)                                                \
    {                                                                                    \
        .key = (name), .argument = (value), .help = (words), .type = (kind)              \
    }
#define NEEDS(name, value, words)                                                        \
    {                                                                                    \
        .key = (name), .argument = (value), .help = (words), .required = true            \
    }
static const struct command fixed[] = {
    {.name = "status",
     .request = "status",
     .help = N_("what a person must know first, then peers, then storage; 5 unless OK"),
     .example = "linli status --watch",
     .run = status_run,
     .render = render_status,
     .judge = judge_status,
     .options = {FLAG(
         "watch", N_("ask again every 2 s until ^C; with --json one line each time"))}},
    {.name = "peer list",
     .request = "peer.list",
     .help = N_("neighbours: what waits for each, since when, when it was last heard"),
     .more =
         N_("TO-SEND counts records that lie here and that the peer has not noted yet, "
            "BEHIND those it announced and that have not come yet. WHY AWAY says how the "
            "last "
            "attempt to reach a peer ended that this node dials, FOR since when all do."),
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
    {.name = "peer forget",
     .request = "peer.forget",
     .help = N_("no more of a peer that is gone, until it is heard of again"),
     .more = N_("For a peer that was taken out of linli.conf, or that will dial no more. "
                "An operator's pause of it ends too. No record is touched."),
     .example = "linli peer forget gaoping",
     .run = ask_run,
     .render = render_forgotten,
     .positionals = {{"peer", N_("PEER"), false, false}},
     .writes = true},
    {.name = "place find",
     .request = "place.find",
     .help =
         N_("places of the county by a part of their name, or the beginning of a code"),
     .more =
         N_("Every option that takes a place takes what is shown: the code, a name that "
            "only one place has, or township/village. A township's code or name shows "
            "its villages too."),
     .example = "linli place find 黄皮",
     .run = ask_run,
     .render = render_list,
     .list = "places",
     .columns = place_columns,
     .positionals = {{"text", N_("TEXT"), false, false}}},
    {.name = NULL}, /* the registers' commands stand here */
    {.name = "visit due",
     .request = "visit.due",
     .help = N_("who is to be visited, by tier and by how late the visit is"),
     .more =
         N_("High risk weekly, key monthly, general quarterly, counted from the latest "
            "visit in which the person was met or answered. Without --within, all "
            "that are due by the end of the month, or within a week."),
     .example = "linli visit due --division 331123106204 --within 3d",
     .run = ask_run,
     .render = render_list,
     .list = "due",
     .columns = due_columns,
     .options = {TAKES_A(FIELD_DIVISION, "division", "PLACE",
                         N_("a village, a township or the county, by code or name")),
                 TAKES("within", "DAYS", N_("due at the latest in so many days")),
                 TAKES_A(FIELD_DATE, "as_of", "DATE", N_("as at the end of that day"))}},
    {.name = "person doubles",
     .request = "person.doubles",
     .help = N_("who was probably entered twice"),
     .more = N_("Two of one name and birth, also where the name is spelled with other "
                "signs, or with one identity number; in different villages too, as far "
                "as their records can be read here. Two with different identity numbers "
                "are two people; whoever died or moved away is not listed."),
     .example = "linli person doubles --division 331123106204",
     .run = ask_run,
     .render = render_list,
     .list = "doubles",
     .columns = double_columns,
     .options = {TAKES_A(FIELD_DIVISION, "division", "PLACE",
                         N_("a village, a township or the county, by code or name"))}},
    {.name = "person merge",
     .request = "person.merge",
     .help = N_("state that two records are one person, who was entered twice"),
     .more =
         N_("Within one township. From then on, here and everywhere, both ids lead to "
            "one record: it is visited, due and counted once, edits go to it, and "
            "where the two say different things that is a conflict to be resolved. "
            "Nothing is lost; linli person unmerge takes it back."),
     .example = "linli person merge K3F9 7QXM",
     .run = ask_run,
     .render = render_merged,
     .positionals = {{"id", N_("ID"), false, false}, {"other", N_("ID"), false, false}},
     .options = {FLAG("anyway", N_("it is meant so, although it was asked about"))},
     .writes = true},
    {.name = "person unmerge",
     .request = "person.unmerge",
     .help = N_("take back that two records are one person"),
     .more = N_("Each has its own visits and fields again; what was edited in between "
                "stays with the one that was shown."),
     .example = "linli person unmerge K3F9 7QXM",
     .run = ask_run,
     .render = render_unmerged,
     .positionals = {{"id", N_("ID"), false, false}, {"other", N_("ID"), false, false}},
     .options = {FLAG("anyway", N_("it is meant so, although it was asked about"))},
     .writes = true},
    {.name = "conflict list",
     .request = "conflict.list",
     .help = N_("what was written differently at the same time and awaits a decision"),
     .more =
         N_("A line for each value: who wrote it, at which node and when by that "
            "node's clock. Until somebody decides, all values are kept, and the safer "
            "one is shown elsewhere; it bears the mark here."),
     .example = "linli conflict list --division 331123106204",
     .run = ask_run,
     .render = render_conflicts,
     .options = {TAKES_A(FIELD_DIVISION, "division", "PLACE",
                         N_("a village, a township or the county, by code or name"))}},
    {.name = "conflict show",
     .request = "conflict.show",
     .help = N_("the values of one record that are in conflict"),
     .example = "linli conflict show K3F9",
     .run = ask_run,
     .render = render_conflicts,
     .positionals = {{"id", N_("ID"), false, false}}},
    {.name = "conflict resolve",
     .request = "conflict.resolve",
     .help = N_("decide which value holds, here and everywhere"),
     .more = N_("Replaces every value that this node has of the field, by one of them or "
                "by another. What was written elsewhere meanwhile, and is not here yet, "
                "stays a conflict. The values that did not hold stay in the log."),
     .example = "linli conflict resolve K3F9 --keep shown",
     .run = ask_run,
     .render = render_settled,
     .positionals = {{"id", N_("ID"), false, false}},
     .options = {TAKES("keep", "VERSION",
                       N_("its value holds, by the id that conflict list shows; or "
                          "shown: the value that is displayed")),
                 TAKES("value", "VALUE",
                       N_("another value holds; empty clears the field")),
                 TAKES("field", "FIELD",
                       N_("which field, where several are in conflict")),
                 FLAG("anyway", N_("it is meant so, although it was asked about"))},
     .writes = true},
    {.name = "visit enter",
     .help = N_("enter a day's visits, going down the list of those that are due"),
     .more =
         N_("A letter for each person, and after it the time of day, the minutes and a "
            "note, each if it is known: m 14:05 30 needs coal. Each visit is saved "
            "before the next person is asked for."),
     .example = "linli visit enter --division 331123106204 --on yesterday",
     .run = enter_run,
     .options = {TAKES_A(FIELD_DIVISION, "division", "PLACE",
                         N_("a village, a township or the county, by code or name")),
                 TAKES("within", "DAYS", N_("due at the latest in so many days")),
                 TAKES_A(FIELD_DATE, "on", "DATE",
                         N_("the day of the visits; today unless given"))},
     .writes = true},
    {.name = "report coverage",
     .request = "report.coverage",
     .help = N_("of the persons due in a month, how many were visited; by place"),
     .more = N_("Persons are counted, not visits. Whoever is away, in hospital or in an "
                "institution is exempt, with the reason. 4 where a node has not been "
                "heard of for three days: its visits may be missing."),
     .example = "linli report coverage --month 2026-11 --by village --names",
     .run = report_run,
     .render = render_coverage,
     .options = {TAKES("month", "MONTH", N_("2026-11; this month unless given")),
                 TAKES("by", "LEVEL", N_("village, township or county")),
                 TAKES_A(FIELD_DIVISION, "division", "PLACE",
                         N_("a village, a township or the county, by code or name")),
                 FLAG("names", N_("also who is missing and who is exempt")),
                 TAKES_A(FIELD_DATE, "as_of", "DATE", N_("as at the end of that day")),
                 TAKES("svg", "FILE", N_("also as a drawing, into this file"))}},
    {.name = "report township",
     .request = "report.township",
     .help = N_("a township's month by village: coverage, overdue visits, and every "
                "register"),
     .more = N_("Of registers with dates the records of the month are counted, of others "
                "all that stand: by state and kind, and what numbers come to. A closed "
                "month's coverage is as it was closed."),
     .example = "linli report township --division 331123106 --month 2026-11",
     .run = report_run,
     .render = render_place_report,
     .options = {TAKES("month", "MONTH", N_("2026-11; this month unless given")),
                 TAKES_A(FIELD_DIVISION, "division", "PLACE",
                         N_("a village, a township or the county, by code or name")),
                 TAKES_A(FIELD_DATE, "as_of", "DATE", N_("as at the end of that day")),
                 TAKES("svg", "FILE", N_("also as a drawing, into this file"))}},
    {.name = "report county",
     .request = "report.county",
     .help = N_("the county's month by township: coverage, overdue visits, and every "
                "register"),
     .more = N_("As report township, with a line a township. What is known to be missing "
                "is said, with exit status 4."),
     .example = "linli report county --month 2026-11",
     .run = report_run,
     .render = render_place_report,
     .options = {TAKES("month", "MONTH", N_("2026-11; this month unless given")),
                 TAKES_A(FIELD_DIVISION, "division", "PLACE",
                         N_("a village, a township or the county, by code or name")),
                 TAKES_A(FIELD_DATE, "as_of", "DATE", N_("as at the end of that day")),
                 TAKES("svg", "FILE", N_("also as a drawing, into this file"))}},
    {.name = "report household",
     .request = "report.household",
     .help = N_("all that one person and household received, on one page"),
     .more = N_("Every record of every register that is about the person or names them, "
                "by date, and who else lives at the same address."),
     .example = "linli report household 王桂英 --from 2026-01-01",
     .run = report_run,
     .render = render_household,
     .positionals = {{"person", N_("PERSON"), false, false}},
     .options = {TAKES_A(FIELD_DATE, "from", "DATE", N_("first day")),
                 TAKES_A(FIELD_DATE, "to", "DATE", N_("last day"))}},
    {.name = "report half-year",
     .help = N_("half a year as a folder of CSV files: coverage by month, and every "
                "register"),
     .more = N_("HALF is 2026H1 or 2026H2, or a year. The folder must not be there yet. "
                "Identity numbers are left out."),
     .example = "linli report half-year 2026H1 --out 2026H1",
     .run = half_year_run,
     .positionals = {{"half", N_("HALF"), false, false}},
     .options = {NEEDS("out", "DIR", N_("the folder to make")),
                 TAKES_A(FIELD_DIVISION, "division", "PLACE",
                         N_("a village, a township or the county, by code or name"))}},
    {.name = "report indicators",
     .help =
         N_("the indicators of a plan, which is a file: base, target, value, reached"),
     .more = N_("A CSV with the columns 序号 指标 单位 基期值 目标值 方向 属性 来源 现值 "
                "现值日期. "
                "Where 来源 names something that is counted here, the value is counted; "
                "else the value and its date are as typed in the file."),
     .example = "linli report indicators indicators.csv --month 2026-11",
     .run = indicators_run,
     .positionals = {{"file", N_("FILE"), false, false}},
     .options = {TAKES("month", "MONTH", N_("2026-11; this month unless given")),
                 TAKES_A(FIELD_DIVISION, "division", "PLACE",
                         N_("a village, a township or the county, by code or name"))}},
    {.name = "month close",
     .request = "month.close",
     .help = N_("freeze a township's coverage of a month, by what is held here"),
     .more =
         N_("The figures, and the heads of the logs that they rest on, are written as a "
            "record. A visit that comes later changes the closed figure no more: "
            "report coverage shows both. Where two close the same month without "
            "knowing of each other, the first stands and the other is shown."),
     .example = "linli month close 2026-10 --division 331123106",
     .run = ask_run,
     .render = render_closed,
     .positionals = {{"month", N_("MONTH"), false, false}},
     .options = {TAKES_A(FIELD_DIVISION, "division", "PLACE",
                         N_("the township; that of this node unless given")),
                 FLAG("anyway", N_("although the month is not over, or something is "
                                   "known to be missing"))},
     .writes = true},
    {.name = "policy show",
     .request = "policy.show",
     .help =
         N_("what the authority laid down: intervals, silence, stars, from which date"),
     .more = N_("Where nothing was stated the default holds. A statement reaches a node "
                "with the control log, as a new member does; NUMBER is what reports "
                "name."),
     .example = "linli policy show --at 2027-01-01",
     .run = ask_run,
     .render = render_list,
     .list = "policies",
     .columns = policy_columns,
     .options = {TAKES_A(FIELD_DATE, "at", "DATE", N_("as on that day"))}},
    {.name = "policy set",
     .help = N_("lay down a policy from a date on, signed at the authority"),
     .more = N_("Names are those of policy show, or indicator.NAME for the words of an "
                "indicator. An interval is 7d or 3m. Of two statements with one date "
                "the later one holds; figures of earlier months stay by the rules of "
                "their own."),
     .example = "linli policy set visit.general 2m --from 2027-01-01 --county authority",
     .run = policy_set_run,
     .positionals = {{"name", N_("NAME"), false, false},
                     {"value", N_("VALUE"), false, false}},
     .options = {{.key = "from",
                  .argument = "DATE",
                  .help = N_("valid from"),
                  .type = FIELD_DATE,
                  .required = true},
                 NEEDS("county", "DIR", N_("the authority's directory")),
                 FLAG("yes", N_("do not ask"))}},
    {.name = "import",
     .help = N_("enter the rows of a spreadsheet saved as CSV: persons, visits, ..."),
     .more =
         N_("The first row says what the columns are, in Chinese or English. UTF-8 and "
            "GB 18030 are told apart. A row whose external key or id is known here is "
            "passed over, so that the same file may be imported again. Refused rows "
            "go, with the reasons, to FILE.rejected.csv; nothing of them is saved."),
     .example = "linli import persons roster.csv --dry-run",
     .run = import_run,
     .positionals = {{"register", N_("REGISTER"), false, false},
                     {"file", N_("FILE"), false, false}},
     .options = {FLAG("dry_run", N_("say what would be refused, and save nothing")),
                 TAKES("columns", "FILE",
                       N_("what headings mean, a line each: HEADING=FIELD")),
                 TAKES("rejected", "FILE", N_("where refused rows go")),
                 FLAG("anyway", N_("what would be asked about is meant so"))},
     .writes = true},
    {.name = "export",
     .help = N_("a register as CSV or .xlsx for spreadsheets, or as lines of JSON"),
     .more =
         N_("Every cell is text, and none is run as a formula. What is exported can be "
            "imported again and changes nothing. Without --output it goes to the "
            "terminal or the pipe. Identity numbers are left out unless --reveal."),
     .example = "linli export visits --from 2026-11-01 --output visits.csv",
     .run = export_run,
     .positionals = {{"register", N_("REGISTER"), false, false}},
     .options = {TAKES("output", "FILE", N_("a file, readable by its owner alone")),
                 TAKES("xlsx", "FILE", N_("a new .xlsx file instead of CSV")),
                 FLAG("jsonl", N_("a line of JSON each record instead of CSV")),
                 TAKES_A(FIELD_DIVISION, "division", "PLACE",
                         N_("a village, a township or the county, by code or name")),
                 TAKES("from", "DATE", N_("first day")),
                 TAKES("to", "DATE", N_("last day")),
                 FLAG("reveal", N_("with identity numbers"))}},
    {.name = "changes",
     .request = "changes",
     .help = N_("what changed, a line of JSON each, for other programs"),
     .more = N_(
         "Each line says what happened (created, edited, voided, withdrawn) to which "
         "record and gives the record as it now stands, null where nothing of it does. "
         "Keep the cursor of the last line that was worked up and begin there again: "
         "nothing is missed, and something may come again. After \"restarted\" all comes "
         "anew, and what does not come again is gone."),
     .example = "linli changes --since 0 --follow --jsonl",
     .run = changes_run,
     .options = {TAKES("since", "CURSOR", N_("behind that line; 0, or none: all")),
                 FLAG("follow", N_("wait for more, until ^C")),
                 FLAG("jsonl", N_("a line of JSON each, which it is anyway")),
                 FLAG("reveal", N_("with identity numbers; the daemon's journal says who "
                                   "asked"))}},
    {.name = "county create",
     .help =
         N_("found a county: its keys and its grant, at the authority, without a daemon"),
     .more = N_("DIR becomes a new directory with authority.key, recovery.key and "
                "county.grant. Store recovery.key elsewhere, offline."),
     .example = "linli county create /media/usb/suichang --county 331123 --name 遂昌县",
     .run = county_create_run,
     .positionals = {{"directory", N_("DIR"), false, false}},
     .options = {NEEDS("county", "CODE", N_("the county's 6-digit code")),
                 NEEDS("name", "NAME", N_("the county's name"))}},
    {.name = "node init",
     .help = N_("make this node's key and its request to join, without a daemon"),
     .more =
         N_("Writes DIR/node.key, which never leaves this machine, and "
            "DIR/node.request, which the authority admits. DIR is /var/lib/linli unless "
            "given."),
     .example = "linli node init --division 331123106 --name shilian",
     .run = node_init_run,
     .positionals = {{"directory", N_("DIR"), true, false}},
     .options = {NEEDS("division", "PLACE",
                       N_("what it serves: a county's 6, a township's 9 or a village's "
                          "12 digits")),
                 NEEDS("name", "NAME", N_("what neighbours call it"))}},
    {.name = "node admit",
     .help = N_("admit nodes by their request files, at the authority, without a daemon"),
     .more =
         N_("Compare each fingerprint with what is read out at the node, by telephone. "
            "Then carry the new county.grant to the new nodes and to the hub."),
     .example = "linli node admit --county /media/usb/suichang shilian.request",
     .run = node_admit_run,
     .positionals = {{"request", N_("REQUEST"), false, true}},
     .options = {NEEDS("county", "DIR", N_("the authority's directory")),
                 TAKES(
                     "divisions", "FILE",
                     N_("the county's table of places; the installed one unless given")),
                 FLAG("yes", N_("do not ask: fingerprints were compared"))}},
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
     .options = {NEEDS("county", "DIR", N_("the authority's directory")),
                 TAKES("heads", "FILE",
                       N_("where its logs end: linli log show --json of the hub")),
                 FLAG("from_the_start", N_("nothing that it ever wrote counts any more")),
                 FLAG("yes", N_("do not ask"))}},
    {.name = "node join",
     .request = "node.join",
     .help = N_("take in a grant: at a new node with --directory, else by the daemon"),
     .more = N_("With --directory nothing but files is touched: the grant must admit the "
                "node whose key lies there, and becomes DIR/county.grant."),
     .example = "linli node join county.grant --directory /var/lib/linli",
     .run = node_join_run,
     .render = render_joined,
     .positionals = {{"grant", N_("GRANT"), false, false}},
     .options = {TAKES("directory", "DIR",
                       N_("the node's directory, before its first start"))},
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
     .options = {TAKES("from", "SEQ", N_("first entry")),
                 TAKES("limit", "COUNT", N_("how many at most"))}},
    {.name = "log strayed",
     .request = "log.strayed",
     .help = N_("entries written here that reach nobody, because the store was put back"),
     .more =
         N_("When a store turns out to be older than what neighbours hold of it, what "
            "was written in between is set aside. See: linli log reclaim"),
     .example = "linli log strayed",
     .run = ask_run,
     .render = render_log},
    {.name = "log forks",
     .request = "log.forks",
     .help = N_("logs with two histories: two signed entries at one place"),
     .more =
         N_("A store that was put back or copied writes a second history of its log; so "
            "does whoever has its key. HELD is the entry that this node took, OTHER the "
            "one that it set aside or refused; the proof is kept. Its author says which "
            "stands, once it knows; a key that lies is revoked."),
     .example = "linli log forks",
     .run = ask_run,
     .render = render_forks},
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

static struct {
    struct command commands[ARRAY_SIZE(fixed) + REGISTER_COMMANDS_MAX];
    size_t count;
} table;

const struct command *command_at(size_t index)
{
    bool built = table.count > 0;
    for (size_t i = 0; !built && i < ARRAY_SIZE(fixed); i++) {
        if (fixed[i].name != NULL)
            table.commands[table.count++] = fixed[i];
        else
            table.count += register_commands(&table.commands[table.count]);
    }
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

void command_suggest(const char *group, const char *word, struct suggestion *suggestion)
{
    const struct command *command;
    suggestion_begin(suggestion, slice_text(word));
    for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
        char first[SUGGESTION_SIZE];
        size_t size = strcspn(command->name, " ");
        (void)snprintf(first, sizeof first, "%.*s", (int)size, command->name);
        if (group == NULL)
            suggestion_consider(suggestion, first);
        else if (strcmp(first, group) == 0 && command->name[size] == ' ')
            suggestion_consider(suggestion, command->name + size + 1);
    }
    if (group == NULL || suggestion->best[0] == '\0')
        return;
    char best[SUGGESTION_SIZE];
    memcpy(best, suggestion->best, sizeof best);
    (void)snprintf(suggestion->best, sizeof suggestion->best, "%.30s %.30s", group, best);
}

/* ---- options ---- */

void option_name(const char *key, char name[OPTION_NAME_SIZE])
{
    (void)snprintf(name, OPTION_NAME_SIZE, "%s", key);
    for (char *at = strchr(name, '_'); at != NULL; at = strchr(at, '_'))
        *at = '-';
}

bool command_option_at(const struct command *command, size_t index, struct option *option)
{
    size_t own = 0;
    while (own < COMMAND_OPTIONS_MAX && command->options[own].key != NULL)
        own++;
    if (index >= own)
        return register_option_at(command, index - own, option);
    *option = command->options[index];
    return true;
}

bool command_option_named(const struct command *command, const char *key,
                          struct option *option)
{
    for (size_t i = 0; command_option_at(command, i, option); i++) {
        if (strcmp(option->key, key) == 0)
            return true;
    }
    return false;
}
