#include "tools/explain.h"

#include <ctype.h>
#include <string.h>

#include "daemon/api/troubles.h"
#include "tools/arguments.h"
#include "tools/i18n.h"
#include "tools/json.h"

struct code_row {
    unsigned number;
    char kind; /* E or W */
    const char *severity;
    const char *text;
    const char *next;
};

/* HEALTH_NOTICE and such as words; the macro pastes the table's third column. */
#define WORD_HEALTH_NOTICE N_("notice")
#define WORD_HEALTH_WARNING N_("warning")
#define WORD_HEALTH_ERROR N_("error")

#define STATUS_ROW(name, number, text, next) {number, 'E', N_("error"), text, next},
#define HEALTH_ROW(name, number, severity, text, next)                                   \
    {number, 'W', WORD_##severity, text, next},

static const struct code_row rows[] = {STATUS_TABLE(STATUS_ROW) HEALTH_TABLE(HEALTH_ROW)};

/* What the error itself has no room for: when it comes, and what it means for what was
 * entered. A row holds for the codes of its kind from its number up to the next row's. */
static const struct {
    char kind;
    unsigned from;
    const char *detail;
} details[] = {
    {'E', 1000,
     N_("What was given could not be taken in, so nothing of it was saved. Records that "
        "are "
        "here already are never touched by a refusal.")},
    {'E', 1003,
     N_("Texts are UTF-8 without control characters and without characters that show "
        "nothing, so that no name can pass for another or steer a terminal. A file from "
        "an "
        "older spreadsheet is often GB 18030.")},
    {'E', 1101,
     N_("Every register has the fields that linli help lists, by their English and their "
        "Chinese names. Nothing was saved.")},
    {'E', 1103,
     N_("Each text field has a limit in characters, not bytes: a name 50, a note 1000. "
        "The "
        "error names the field's. Nothing was saved.")},
    {'E', 1104,
     N_("A choice takes one of its words, a count a whole number up to its limit, a flag "
        "yes or no. The error lists what this field takes.")},
    {'E', 1105,
     N_("It is written like a date, but the calendar has no such day or the day no such "
        "time: 02-30, 24:05. Years go from 1800 to 2199.")},
    {'E', 1106,
     N_("A place may be given by its code, by its name where only one has it, or by a "
        "path "
        "like 双河镇/石门村. The table is the one that linli.conf names; another "
        "county's "
        "places are not in it.")},
    {'E', 1107,
     N_("The last character of an identity number follows from the other 17 (GB 11643), "
        "so "
        "one wrong digit shows. Without the number the person can be entered now and the "
        "number added later.")},
    {'E', 1108,
     N_("What others may have counted already is never changed silently: a corrected "
        "record "
        "replaces the old one, and both stay visible.")},
    {'E', 1109,
     N_("Records are sealed for one township. Whoever moves to another is closed here "
        "and "
        "entered anew there, where that township can read them.")},
    {'E', 1120,
     N_("Two of the values exclude each other, as a telephone call and having met at "
        "home. "
        "It is not asked about with --anyway, because one of them must be wrong.")},
    {'E', 1121, N_("No day lies between the two, so nothing could ever be found.")},
    {'E', 1122,
     N_("The dates can be right, but seldom are: they were compared with what is known "
        "of "
        "the person, and nothing was saved. --anyway says that it was looked at.")},
    {'E', 1130,
     N_("The number is read in any width and with a small x. It is stored encrypted and "
        "never shown unless asked for with --reveal.")},
    {'E', 1134,
     N_("Dates are 2026-05-31, 2026/5/31, 2026年5月31日, 05-31, today, 昨天; moments add "
        "a "
        "time, and a time alone is today's. All in county time, UTC+8.")},
    {'E', 1135,
     N_("A person is counted with one village. A township's code has 9 digits, and its "
        "villages' begin with them; a name may be both a town's and a village's.")},
    {'E', 1136,
     N_("The dates can be right, but seldom are: they were compared with what is known "
        "of "
        "the person, and nothing was saved. --anyway says that it was looked at.")},
    {'E', 1201,
     N_("Only what is readable here is looked through: records of other townships, and "
        "what "
        "has not arrived yet, are not found. Voided records are listed with --all.")},
    {'E', 1202,
     N_("Ids are typed by any beginning that fits one alone, names only where one alone "
        "has "
        "them. To write, the refusal lists those that fit.")},
    {'E', 1203,
     N_("Somebody voided or amended it before, perhaps at another node. It stays visible "
        "with --all, with the reason and with what replaced it.")},
    {'E', 1204,
     N_("A township's records are sealed for that township and the county hub. Other "
        "nodes "
        "carry them and cannot read them. Nothing is missing.")},
    {'E', 1205,
     N_("Only an amendment can be undone so that the amended record stands again.")},
    {'E', 1206,
     N_("One or two letters may be the beginning of a stranger's id. Reading takes any "
        "length, writing does not.")},
    {'E', 1207,
     N_("An identity number belongs to one living person here. The refusal names who has "
        "it. Whoever died or moved away keeps no number from others.")},
    {'E', 1213,
     N_("Two people of one name rarely have one birthday, so whoever is entered with "
        "both "
        "has probably been entered before, here or in another village whose records can "
        "be read here. Two with different identity numbers are two people, and a row "
        "with "
        "a key of another system is known by its key.")},
    {'E', 1214,
     N_("Persons who are merged are shown, counted and visited as one. Whatever id is "
        "typed stands for all of them.")},
    {'E', 1215,
     N_("A merge is taken back between the two for whom it was stated. Of three who are "
        "one person two may be merged only by way of the third.")},
    {'E', 1208,
     N_("The same person, minute and outcome was among the latest sixteen entries for "
        "that "
        "person: most often it was typed twice, or at two desks.")},
    {'E', 1211,
     N_("A closed figure does not change. What came later stands beside it in the "
        "report. "
        "A closing made by mistake is taken back with: linli month void")},
    {'E', 1212,
     N_("A figure that is closed is held against others for years, so what is known to "
        "be "
        "missing is not passed over. With --anyway it is written down beside the "
        "figure.")},
    {'E', 1209,
     N_("A neighbour is shown while the configuration names it, or this node has heard "
        "of "
        "it. Forgetting takes out what this disk remembers of it, and never a record.")},
    {'E', 2000,
     N_("What came from another node, or a file from it, did not pass the checks that "
        "every "
        "node makes. Records here are unaffected; what is waiting here stays waiting.")},
    {'E', 3000,
     N_("It concerns the file in which everything is kept. What was acknowledged as "
        "saved "
        "lies on the disk and with the peers that have noted it. Copy the directory "
        "before "
        "anything is repaired.")},
    {'E', 3002,
     N_("Nothing is written by halves: what was refused is not there, everything before "
        "it "
        "is. Reading and passing on go on with a full disk.")},
    {'E', 4000,
     N_("It concerns a file or the configuration of this machine, not the records.")},
    {'E', 5000,
     N_("The command itself is concerned. Exit code 2 is a line that is not understood, "
        "3 "
        "no daemon; records are unaffected.")},
    {'E', 5001,
     N_("The command asks a daemon on the same machine through a socket: /run/linli/"
        "linlid.sock, or what -s or LINLI_SOCKET says. Where a write was sent and no "
        "answer came, look before typing it again.")},
    {'E', 5002,
     N_("The command line has a word or an option that is none. Nothing was sent, and "
        "the "
        "exit code is 2. linli help COMMAND lists what a command takes.")},
    {'E', 5003,
     N_("So many requests wait already that another would only wait longer. It passes by "
        "itself.")},
    {'W', 1200,
     N_("It concerns the link to a neighbour. What is written here is saved on this disk "
        "whether it is up or down, and is sent by itself when it is up.")},
    {'W', 2000,
     N_("It concerns who wrote what. Nothing is deleted: what does not count is kept "
        "aside, "
        "as evidence.")},
    {'W', 3000,
     N_("It concerns this machine's disk. Neighbours that noted the records hold copies; "
        "what waits to be sent is only here.")},
    {'W', 4000,
     N_("It concerns this machine. Records keep the dates that people state; when they "
        "were entered is told by the clock.")},
};

static const char *detail_of(const struct code_row *row)
{
    const char *detail = "";
    for (size_t i = 0; i < ARRAY_SIZE(details); i++) {
        if (details[i].kind == row->kind && details[i].from <= row->number)
            detail = details[i].detail;
    }
    return detail;
}

static void explained_of(const struct code_row *row, struct explained *explained)
{
    *explained = (struct explained){.severity = row->severity,
                                    .text = row->text,
                                    .detail = detail_of(row),
                                    .next = row->next};
    (void)snprintf(explained->code, sizeof explained->code, "LL-%c%04u", row->kind,
                   row->number);
}

/* Row 0 is OK, which is no trouble. */
bool explain_at(size_t index, struct explained *explained)
{
    if (index + 1 >= ARRAY_SIZE(rows))
        return false;
    explained_of(&rows[index + 1], explained);
    return true;
}

/* Reads "LL-E1105", "E1105" or "1105"; `kind` is 0 where no letter is given. */
static bool code_parse(const char *code, char *kind, unsigned *number)
{
    if (toupper((unsigned char)code[0]) == 'L' &&
        toupper((unsigned char)code[1]) == 'L' && code[2] == '-')
        code += 3;
    *kind = (char)toupper((unsigned char)code[0]);
    if (*kind == 'E' || *kind == 'W')
        code++;
    else
        *kind = '\0';
    if (strlen(code) != 4 || strspn(code, "0123456789") != 4)
        return false;
    *number = 0;
    for (; *code != '\0'; code++)
        *number = *number * 10 + (unsigned)(*code - '0');
    return true;
}

/* A bare number can stand for an error and for a trouble: the error comes first. */
bool explain_find(const char *code, struct explained *explained)
{
    char kind;
    unsigned number;
    if (!code_parse(code, &kind, &number))
        return false;
    for (size_t i = 1; i < ARRAY_SIZE(rows); i++) {
        if (rows[i].number != number || (kind != '\0' && rows[i].kind != kind))
            continue;
        explained_of(&rows[i], explained);
        return true;
    }
    return false;
}

static json_t *json_of_explained(const struct explained *explained)
{
    const char *next = explained->next[0] != '\0' ? gettext(explained->next) : NULL;
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:s, s:o}", "code", explained->code, "severity",
                  explained->severity, "text", gettext(explained->text), "detail",
                  gettext(explained->detail), "next", json_text_or_null(next));
    CHECK(object != NULL);
    return object;
}

static void print_text(const struct terminal *terminal, const struct explained *explained)
{
    (void)fprintf(terminal->out, _("%s  %s: %s\n"), explained->code,
                  gettext(explained->severity), gettext(explained->text));
    (void)fprintf(terminal->out, "          %s\n", gettext(explained->detail));
    if (explained->next[0] != '\0')
        (void)fprintf(terminal->out, _("          Next: %s\n"), gettext(explained->next));
}

static enum exit_code explain_all(const struct terminal *terminal)
{
    struct explained explained;
    json_t *codes = json_array();
    for (size_t i = 0; explain_at(i, &explained); i++) {
        if (terminal->json)
            (void)json_array_append_new(codes, json_of_explained(&explained));
        else
            print_text(terminal, &explained);
    }
    if (terminal->json)
        json_line(terminal->out, json_pack("{s:i, s:s, s:n, s:O}", "v", 1, "command",
                                           "explain", "incomplete", "codes", codes));
    json_decref(codes);
    return CODE_DONE;
}

enum exit_code explain_run(const struct invocation *invocation,
                           const struct terminal *terminal)
{
    const char *code = arguments_value(invocation, "code");
    struct explained explained;
    struct failure failure;
    if (code == NULL)
        return explain_all(terminal);
    if (!explain_find(code, &explained)) {
        failure_set(&failure, ERR_NOT_FOUND, "%s", code);
        failure.next = N_("All codes: linli explain");
        return terminal_report(terminal, &failure);
    }
    if (terminal->json)
        json_line(terminal->out,
                  json_pack("{s:i, s:s, s:n, s:[o]}", "v", 1, "command", "explain",
                            "incomplete", "codes", json_of_explained(&explained)));
    else
        print_text(terminal, &explained);
    return CODE_DONE;
}
