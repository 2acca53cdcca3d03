#include "tools/pager.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/wrap.h"

void pager_begin(struct pager *pager, const struct terminal *terminal)
{
    *pager = (struct pager){.terminal = *terminal};
    const char *command = getenv("PAGER");
    /* PAGER= or PAGER=cat: the terminal itself. */
    bool wanted = command == NULL || (command[0] != '\0' && strcmp(command, "cat") != 0);
    if (!terminal->live || terminal->json || !wanted)
        return;
    pager->memory = open_memstream(&pager->text, &pager->size);
    CHECK(pager->memory != NULL);
    pager->holds = true;
    pager->terminal.out =
        terminal->width > 0 ? wrap_open(pager->memory, terminal->width) : pager->memory;
}

bool pager_is_longer(struct slice text, size_t lines)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\n' && lines-- == 0)
            return true;
    }
    return false;
}

/* 0: it does not say. */
static size_t screen_lines(void)
{
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_row : 0;
}

/* False: no pager could be started. Whoever leaves it before the end closes the pipe, which
 * is no failure. */
static bool page(struct slice text)
{
    const char *command = getenv("PAGER");
    (void)setenv("LESS", "FRX", 0);
    (void)signal(SIGPIPE, SIG_IGN);
    FILE *pipe = popen(command != NULL ? command : "less", "w");
    if (pipe == NULL)
        return false;
    (void)fwrite(text.data, 1, text.size, pipe);
    int status = pclose(pipe);
    /* 127: the shell found no such program. */
    return !WIFEXITED(status) || WEXITSTATUS(status) != 127;
}

void pager_end(struct pager *pager, const struct terminal *terminal)
{
    if (!pager->holds)
        return;
    if (pager->terminal.out != pager->memory)
        (void)fclose(pager->terminal.out);
    (void)fclose(pager->memory);
    struct slice text = slice_of(pager->text, pager->size);
    size_t lines = screen_lines();
    (void)fflush(terminal->out);
    /* The last line of the screen is the prompt's. */
    bool shown = lines > 1 && pager_is_longer(text, lines - 1) && page(text);
    if (!shown)
        (void)fwrite(text.data, 1, text.size, stdout);
    free(pager->text);
}
