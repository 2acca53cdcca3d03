#include "tools/secret.h"

#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "crdt/codec.h"
#include "crdt/text.h"

/* Echo is put back even where the line did not come. */
static bool read_line(char *line, int size)
{
    struct termios before, silent;
    bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;
    if (terminal) {
        silent = before;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    bool came = fgets(line, size, stdin) != NULL;
    if (terminal) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        (void)fputc('\n', stderr);
    }
    return came;
}

enum status secret_read(const char *name, char secret[SECRET_SIZE_MAX])
{
    if (isatty(STDIN_FILENO))
        (void)fprintf(stderr, "%s: ", name);
    if (!read_line(secret, SECRET_SIZE_MAX))
        return ERR_FIELD_VALUE;
    size_t size = strcspn(secret, "\n");
    if (size == SECRET_SIZE_MAX - 1)
        return ERR_LIMIT;
    secret[size] = '\0';
    if (!text_is_clean(slice_of(secret, size)))
        return ERR_TEXT;
    return size > 0 ? OK : ERR_FIELD_VALUE;
}
