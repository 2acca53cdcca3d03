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

static void explained_of(const struct code_row *row, struct explained *explained)
{
    *explained = (struct explained){
        .severity = row->severity, .text = row->text, .next = row->next};
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
    json_t *object = json_pack("{s:s, s:s, s:s, s:o}", "code", explained->code,
                               "severity", explained->severity, "text",
                               gettext(explained->text), "next", json_text_or_null(next));
    CHECK(object != NULL);
    return object;
}

static void print_text(const struct terminal *terminal, const struct explained *explained)
{
    (void)fprintf(terminal->out, "%s  %s: %s\n", explained->code,
                  gettext(explained->severity), gettext(explained->text));
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
