/* enter.c - `linli visit enter`: a day's visits, going down the list of those that are due.
 *
 * A line a person: one letter says what came of the visit, and after it may stand the time of
 * day, the minutes it took, and a note in words. Each visit is saved before the next person
 * is asked for. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crdt/calendar.h"
#include "crdt/codec.h"
#include "crdt/text.h"
#include "tools/ask.h"
#include "tools/client.h"
#include "tools/enter.h"
#include "tools/i18n.h"

#define LINE_SIZE_MAX 4096

static const struct {
    char letter;
    const char *method, *outcome;
    const char *help;
} answers[] = {
    {'m', "home", "met", N_("met at home")},
    {'p', "phone", "answered", N_("answered the telephone")},
    {'v', "video", "answered", N_("answered a video call")},
    {'a', "home", "absent", N_("nobody was there")},
    {'r', "home", "refused", N_("did not want it")},
    {'h', "home", "hospital", N_("is in hospital")},
    {'o', "home", "away", N_("is away")},
};

struct entering {
    const struct invocation *invocation;
    const struct terminal *terminal;
    struct client *client;
    char day[11]; /* on which the visits took place */
    bool prompts; /* a person types, not a pipe */
    size_t entered, skipped, refused;
    size_t reached; /* of those entered: who is due no more */
    bool ended;
    struct failure failure; /* why it ended early; number 0: it did not */
};

static void show_help(const struct entering *entering)
{
    FILE *out = entering->terminal->out;
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
        (void)fprintf(out, "  %c  %s\n", answers[i].letter, _(answers[i].help));
    (void)fputs(
        _("  s  skip this person (or an empty line)\n"
          "  q  stop here\n"
          "After the letter: time of day, minutes, a note: m 14:05 30 needs coal\n"),
        out);
}

/* ---- one line ---- */

struct typed {
    const char *method, *outcome;
    char when[24], minutes[12];
    const char *note; /* within the line; "" */
};

static char *next_word(char **rest)
{
    char *word = *rest + strspn(*rest, " \t");
    char *end = word + strcspn(word, " \t");
    *rest = end + (*end != '\0');
    if (*end != '\0')
        *end = '\0';
    return word;
}

/* "14:05" in the forms that a moment has. */
static bool is_time(const struct entering *entering, const char *word, char when[24])
{
    int64_t minutes;
    if (strchr(word, ':') == NULL && strstr(word, "：") == NULL)
        return false;
    int size = snprintf(when, 24, "%s %s", entering->day, word);
    return size < 24 && moment_parse(slice_text(when), &minutes);
}

static bool is_minutes(const char *word)
{
    size_t digits = strspn(word, "0123456789");
    return digits > 0 && digits <= 4 && word[digits] == '\0';
}

/* False where the line is none. */
static bool read_line(const struct entering *entering, char *line, struct typed *typed)
{
    char *rest = line;
    const char *letter = next_word(&rest);
    *typed = (struct typed){.note = ""};
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        if (letter[0] == answers[i].letter && letter[1] == '\0') {
            typed->method = answers[i].method;
            typed->outcome = answers[i].outcome;
        }
    }
    (void)snprintf(typed->when, sizeof typed->when, "%s", entering->day);
    char *before = rest, *word;
    char kept[LINE_SIZE_MAX];
    (void)snprintf(kept, sizeof kept, "%s", rest);
    word = next_word(&rest);
    if (is_time(entering, word, typed->when)) {
        (void)snprintf(kept, sizeof kept, "%s", rest);
        before = rest;
        word = next_word(&rest);
    } else {
        (void)snprintf(typed->when, sizeof typed->when, "%s", entering->day);
    }
    if (is_minutes(word)) {
        (void)snprintf(typed->minutes, sizeof typed->minutes, "%s", word);
        (void)snprintf(kept, sizeof kept, "%s", rest);
        before = rest;
    }
    (void)snprintf(before, LINE_SIZE_MAX - (size_t)(before - line), "%s", kept);
    typed->note = before + strspn(before, " \t");
    return typed->outcome != NULL && text_is_clean(slice_text(typed->note));
}

/* ---- one visit ---- */

static void put_pair(struct buffer *args, const char *key, const char *value)
{
    codec_put_cstring(args, key);
    codec_put_cstring(args, value);
}

static void save(struct entering *entering, const char *person, const struct typed *typed,
                 bool *done)
{
    const struct terminal *terminal = entering->terminal;
    struct client_reply reply;
    struct buffer args;
    buffer_init(&args, SIZE_MAX);
    codec_put_map(&args, 4 + (size_t)(typed->minutes[0] != '\0') +
                             (size_t)(typed->note[0] != '\0'));
    put_pair(&args, "person", person);
    put_pair(&args, "when", typed->when);
    put_pair(&args, "method", typed->method);
    put_pair(&args, "outcome", typed->outcome);
    if (typed->minutes[0] != '\0')
        put_pair(&args, "minutes", typed->minutes);
    if (typed->note[0] != '\0')
        put_pair(&args, "note", typed->note);
    enum status status =
        client_ask(entering->client, "visit.add", buffer_slice(&args), &reply);
    buffer_deinit(&args);
    if (status != OK) {
        failure_set(&entering->failure, status, "%s", ask_socket(entering->invocation));
        entering->failure.note =
            N_("The last visit may have been saved: look before you type it again.");
        entering->ended = true;
        return;
    }
    if (reply.status != OK) {
        struct failure failure;
        failure_set_number(&failure, reply.status, reply.subject);
        const struct schema_register *reg = schema_register_named(slice_text("visit"));
        const struct field *field = schema_field_named(reg, reply.subject);
        if (i18n_chinese() && field != NULL)
            (void)snprintf(failure.subject, sizeof failure.subject, "%s", field->label);
        failure.note = N_("This visit was not saved.");
        (void)terminal_report(terminal, &failure);
        entering->refused++;
        /* From a pipe the next line is the next person's. */
        *done = !entering->prompts;
        return;
    }
    entering->entered++;
    entering->reached +=
        strcmp(typed->outcome, "met") == 0 || strcmp(typed->outcome, "answered") == 0;
    *done = true;
}

/* ---- one person ---- */

static void ask_for(struct entering *entering, size_t index, size_t count,
                    struct slice person)
{
    struct arena arena;
    char line[LINE_SIZE_MAX];
    bool done = false;
    arena_init(&arena);
    const char *id = map_text(person, "id", &arena);
    const char *name = map_text(person, "name", &arena);
    const char *village = map_text(person, "village_name", &arena);
    const char *latest = map_text(person, "latest", &arena);
    while (!done && !entering->ended && id != NULL) {
        struct typed typed;
        (void)fprintf(entering->terminal->out, _("%zu/%zu  %s  %s  last %s > "), index,
                      count, name != NULL ? name : "-", village != NULL ? village : "-",
                      latest != NULL ? latest : _("never"));
        (void)fflush(entering->terminal->out);
        if (fgets(line, sizeof line, stdin) == NULL) {
            entering->ended = true;
            break;
        }
        line[strcspn(line, "\r\n")] = '\0';
        if (!entering->prompts)
            (void)fprintf(entering->terminal->out, "%s\n", line);
        if (line[0] == '\0' || strcmp(line, "s") == 0) {
            entering->skipped++;
            done = true;
        } else if (strcmp(line, "q") == 0) {
            entering->ended = true;
        } else if (read_line(entering, line, &typed)) {
            save(entering, id, &typed, &done);
        } else {
            show_help(entering);
            done = !entering->prompts;
            entering->refused += done;
        }
    }
    arena_deinit(&arena);
}

/* ---- the command ---- */

static bool take_day(struct entering *entering)
{
    const char *given = arguments_value(entering->invocation, "on");
    char typed[TIME_TYPED_SIZE];
    int64_t day = day_of_minutes(beijing_minutes(entering->terminal->now_ms));
    if (given != NULL) {
        if (time_read(slice_text(given), FIELD_DATE, entering->terminal->now_ms, typed))
            given = typed;
        if (!date_parse(slice_text(given), &day)) {
            failure_set(&entering->failure, ERR_DATE, "--on %s", given);
            return false;
        }
    }
    date_format(day, entering->day);
    return true;
}

static bool ask_who_is_due(struct entering *entering, struct buffer *list)
{
    const char *division = arguments_value(entering->invocation, "division");
    const char *within = arguments_value(entering->invocation, "within");
    struct client_options options = {.path = ask_socket(entering->invocation)};
    struct client_reply reply;
    struct buffer args;
    buffer_init(&args, SIZE_MAX);
    codec_put_map(&args, (size_t)(division != NULL) + (size_t)(within != NULL));
    if (division != NULL)
        put_pair(&args, "division", division);
    if (within != NULL)
        put_pair(&args, "within", within);
    enum status status = client_open(&entering->client, &options);
    if (status == OK)
        status = client_ask(entering->client, "visit.due", buffer_slice(&args), &reply);
    buffer_deinit(&args);
    if (status != OK)
        failure_set(&entering->failure, status, "%s", options.path);
    else if (reply.status != OK)
        failure_set_number(&entering->failure, reply.status, reply.subject);
    if (status != OK || reply.status != OK) {
        entering->failure.note = N_("Nothing was saved.");
        return false;
    }
    struct slice due = map_list(reply.data, "due");
    buffer_put(list, due.data, due.size);
    return true;
}

enum exit_code enter_run(const struct invocation *invocation,
                         const struct terminal *terminal)
{
    struct entering entering = {.invocation = invocation,
                                .terminal = terminal,
                                .prompts = isatty(STDIN_FILENO) != 0};
    struct buffer list;
    struct slice person;
    enum exit_code code = CODE_DONE;

    buffer_init(&list, SIZE_MAX);
    if (take_day(&entering) && ask_who_is_due(&entering, &list)) {
        struct list_walk walk = list_walk_begin(buffer_slice(&list));
        size_t count = walk.left, index = 0;
        if (entering.prompts && count > 0) {
            (void)fprintf(terminal->out, _("Visits of %s.\n"), entering.day);
            show_help(&entering);
        }
        while (!entering.ended && list_walk_next(&walk, &person))
            ask_for(&entering, ++index, count, person);
        (void)fprintf(
            terminal->out,
            _("\n%zu entered, saved on this disk; %zu skipped, %zu refused; %zu "
              "still due.\n"),
            entering.entered, entering.skipped, entering.refused,
            count - entering.reached);
    }
    if (entering.failure.number != 0)
        code = terminal_report(terminal, &entering.failure);
    else if (entering.refused > 0)
        code = CODE_REFUSED;
    client_close(entering.client);
    buffer_deinit(&list);
    return code;
}
