#include "tools/terminal.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "crdt/codec.h"
#include "crdt/text.h"
#include "tools/i18n.h"
#include "tools/json.h"
#include "tools/wrap.h"

uint64_t terminal_clock_ms(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_REALTIME, &now) == 0);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* 0: no terminal, or one that does not say. */
static size_t width_of(int descriptor)
{
    struct winsize size;
    bool known = isatty(descriptor) && ioctl(descriptor, TIOCGWINSZ, &size) == 0;
    return known ? size.ws_col : 0;
}

void terminal_init(struct terminal *terminal, bool json)
{
    const char *no_colour = getenv("NO_COLOR");
    size_t error_width = json ? 0 : width_of(STDERR_FILENO);
    *terminal = (struct terminal){
        .out = stdout,
        .err = stderr,
        .json = json,
        .live = isatty(STDOUT_FILENO),
        .width = json ? 0 : width_of(STDOUT_FILENO),
        .now_ms = terminal_clock_ms(),
    };
    terminal->colour = terminal->live && (no_colour == NULL || no_colour[0] == '\0');
    if (terminal->width > 0)
        terminal->out = wrap_open(stdout, terminal->width);
    if (error_width > 0)
        terminal->err = wrap_open(stderr, error_width);
}

const char *terminal_colour(const struct terminal *terminal, enum colour colour)
{
    if (!terminal->colour)
        return "";
    switch (colour) {
    case COLOUR_RED: return "\033[31m";
    case COLOUR_YELLOW: return "\033[33m";
    case COLOUR_GREEN: return "\033[32m";
    case COLOUR_NONE: return "\033[0m";
    }
    return "";
}

void failure_set(struct failure *failure, enum status status, const char *subject, ...)
{
    const struct status_words *words = status_words(status);
    *failure = (struct failure){.number = (unsigned)status,
                                .text = words->text,
                                .next = words->next,
                                .usage = status == ERR_USAGE};
    if (subject == NULL)
        return;
    va_list arguments;
    va_start(arguments, subject);
    (void)vsnprintf(failure->subject, sizeof failure->subject, subject, arguments);
    va_end(arguments);
}

#define PIECE_CHARACTERS 30

void failure_piece(const char *typed, char piece[PIECE_SIZE])
{
    size_t size = 0, characters = 0;
    while (*typed != '\0' && characters < PIECE_CHARACTERS) {
        size_t length = 1;
        while (length < 4 && ((uint8_t)typed[length] & 0xc0) == 0x80)
            length++;
        struct slice character = slice_of(typed, length);
        bool clean = text_is_clean(character) && text_is_one_line(character);
        if (clean)
            memcpy(piece + size, typed, length);
        else
            piece[size] = '?';
        size += clean ? length : 1;
        typed += length;
        characters++;
    }
    (void)snprintf(piece + size, PIECE_SIZE - size, "%s", *typed != '\0' ? "..." : "");
}

static const struct status_words *words_of_number(uint64_t number)
{
    const struct status_words *words;
    for (size_t i = 0; (words = status_words_at(i)) != NULL; i++) {
        if ((uint64_t)words->status == number)
            return words;
    }
    return NULL;
}

void failure_set_number(struct failure *failure, uint64_t number, struct slice subject)
{
    const struct status_words *words = words_of_number(number);
    *failure = (struct failure){.number = number > 9999 ? 9999 : (unsigned)number};
    failure->text =
        words != NULL ? words->text : N_("a failure that this version has no words for");
    failure->next = words != NULL
                        ? words->next
                        : N_("Command and daemon differ in version: linli version");
    failure->usage = number == ERR_USAGE;
    if (text_is_clean(subject))
        (void)snprintf(failure->subject, sizeof failure->subject, "%.*s",
                       (int)(subject.size < 500 ? subject.size : 500),
                       (const char *)subject.data);
}

static enum exit_code code_of(const struct failure *failure)
{
    if (failure->usage)
        return CODE_USAGE;
    return failure->number == ERR_NO_DAEMON ? CODE_NO_DAEMON : CODE_REFUSED;
}

/* gettext("") would return the catalog's header. */
static const char *translated(const char *text)
{
    return text == NULL || text[0] == '\0' ? "" : gettext(text);
}

static void report_json(const struct terminal *terminal, const struct failure *failure)
{
    char code[16];
    (void)snprintf(code, sizeof code, "LL-E%04u", failure->number);
    const char *own = failure->next_own[0] != '\0' ? failure->next_own : NULL;
    const char *next = own != NULL ? own : translated(failure->next);
    json_t *object =
        json_pack("{s:i, s:{s:s, s:s, s:o, s:o}}", "v", 1, "error", "code", code, "text",
                  translated(failure->text), "subject",
                  json_text_or_null(failure->subject), "next", json_text_or_null(next));
    json_line(terminal->out, object);
}

static void report_text(const struct terminal *terminal, const struct failure *failure)
{
    const char *text = translated(failure->text);
    (void)fprintf(terminal->err, _("Error LL-E%04u: "), failure->number);
    if (failure->subject[0] != '\0')
        (void)fprintf(terminal->err, _("%s: "), failure->subject);
    (void)fprintf(terminal->err, "%s\n", text);
    if (failure->note != NULL)
        (void)fprintf(terminal->err, "      %s\n", translated(failure->note));
    const char *const steps[] = {failure->next_own, translated(failure->next)};
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        if (steps[i][0] != '\0')
            (void)fprintf(terminal->err, _("      Next: %s\n"), steps[i]);
    }
}

enum exit_code terminal_report(const struct terminal *terminal,
                               const struct failure *failure)
{
    (void)fflush(terminal->out);
    if (terminal->json)
        report_json(terminal, failure);
    else
        report_text(terminal, failure);
    return code_of(failure);
}

enum exit_code terminal_finish(const struct terminal *terminal, enum exit_code code)
{
    bool failed = fflush(terminal->out) != 0 || ferror(terminal->out) != 0;
    if (!failed)
        return code;
    (void)fputs(_("Error LL-E4002: the output could not be written\n"), terminal->err);
    return code == CODE_DONE ? CODE_REFUSED : code;
}
