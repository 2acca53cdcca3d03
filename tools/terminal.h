/* terminal.h - where output goes, and how a failure is told there.
 *
 *   Error LL-E1105: --birth 2026-02-30: no such date exists
 *         Nothing was saved.
 *         Next: Write it as 2026-05-31, a moment as 2026-05-31 14:05.
 *
 * goes to stderr; with --json it is one object on stdout, so that a program has one
 * stream to read:  {"v":1,"error":{"code":"LL-E1105","text":…,"subject":…,"next":…}} */
#ifndef LINLI_TOOLS_TERMINAL_H
#define LINLI_TOOLS_TERMINAL_H

#include <stdio.h>

#include "crdt/base.h"

/* Documented in linli(1), true when piped. */
enum exit_code {
    CODE_DONE = 0,
    CODE_REFUSED = 1,    /* refused or failed */
    CODE_USAGE = 2,      /* the command line is not understood */
    CODE_NO_DAEMON = 3,  /* no daemon answers */
    CODE_INCOMPLETE = 4, /* answered, but known to be incomplete */
    CODE_LOOK = 5,       /* status: answered, and it is not OK */
};

struct terminal {
    FILE *out;
    FILE *err;
    bool json;
    bool colour;  /* a terminal, and NO_COLOR is not set */
    bool live;    /* `out` is a terminal, which a watch redraws */
    size_t width; /* columns of that terminal; 0: none, lines are as long as they are */
    uint64_t now_ms; /* ages are against this */
};

void terminal_init(struct terminal *terminal, bool json);

uint64_t terminal_clock_ms(void); /* the time by the machine's clock */

/* What went wrong, for terminal_report. `text` and `next` are not yet translated. */
struct failure {
    unsigned number;
    const char *text;
    const char *note; /* whether data is safe; NULL: nothing to say */
    const char *next; /* "" or NULL: nothing to do */
    bool usage;       /* the caller's mistake: CODE_USAGE */
    char subject[512];
    char next_own[256]; /* a next step with names in it; goes before `next` */
};

/* The words of `status`; `subject` as printf, NULL for none. */
void failure_set(struct failure *failure, enum status status, const char *subject, ...)
    __attribute__((format(printf, 3, 4)));
/* The same for a number as a daemon sent it, which may be newer than this program. */
void failure_set_number(struct failure *failure, uint64_t number, struct slice subject);

/* The beginning of what was typed, in one line and fit to be shown: bytes that are no clean
 * text are '?', and "..." stands for what is left out. */
#define PIECE_SIZE 128
void failure_piece(const char *typed, char piece[PIECE_SIZE]);

/* Prints the failure and returns the exit code that belongs to it. */
enum exit_code terminal_report(const struct terminal *terminal,
                               const struct failure *failure);

/* Flushes; a full disk or a closed pipe under stdout is a failure, not a success. */
enum exit_code terminal_finish(const struct terminal *terminal, enum exit_code code);

/* "\033[31m" and such where there is colour, "" where not. */
enum colour { COLOUR_NONE, COLOUR_RED, COLOUR_YELLOW, COLOUR_GREEN };
const char *terminal_colour(const struct terminal *terminal, enum colour colour);

#endif
