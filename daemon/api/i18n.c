#include "daemon/api/i18n.h"

#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crdt/base.h"

#ifndef LINLI_PREFIX
#define LINLI_PREFIX "/usr"
#endif
#define PATH_SIZE 1024

static bool chinese;

/* The first that is set and not empty, in the order of setlocale(3). */
static const char *wished_language(void)
{
    static const char *const names[] = {"LINLI_LANG", "LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && value[0] != '\0')
            return value;
    }
    return "C";
}

static void bind_translations(void)
{
    static const char *const beside[] = {"locale", "../share/locale"};
    char program[PATH_SIZE], directory[PATH_SIZE + 32], catalog[PATH_SIZE + 80];
    ssize_t size = readlink("/proc/self/exe", program, sizeof program);
    (void)bindtextdomain("linli", LINLI_PREFIX "/share/locale");
    if (size <= 0 || (size_t)size >= sizeof program)
        return;
    program[size] = '\0';
    *strrchr(program, '/') = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(beside); i++) {
        (void)snprintf(directory, sizeof directory, "%s/%s", program, beside[i]);
        (void)snprintf(catalog, sizeof catalog, "%s/zh_CN/LC_MESSAGES/linli.mo",
                       directory);
        if (access(catalog, R_OK) == 0) {
            (void)bindtextdomain("linli", directory);
            return;
        }
    }
}

void i18n_init(void)
{
    chinese = strncmp(wished_language(), "zh", 2) == 0;
    if (setlocale(LC_ALL, "") == NULL || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        (void)setlocale(LC_ALL, "C.UTF-8");
    /* In the locales "C" and "POSIX" gettext(3) does not ask for $LANGUAGE. */
    const char *messages = setlocale(LC_MESSAGES, NULL);
    if (messages == NULL || strcmp(messages, "C") == 0 || strcmp(messages, "POSIX") == 0)
        (void)setlocale(LC_MESSAGES, "C.UTF-8");
    /* The system's own words (strerror) follow it too. */
    (void)setenv("LANGUAGE", chinese ? "zh_CN" : "en", 1);
    /* Scripts read the numbers: the decimal sign is a point in every locale. */
    (void)setlocale(LC_NUMERIC, "C");
    bind_translations();
    (void)bind_textdomain_codeset("linli", "UTF-8");
    (void)textdomain("linli");
}

void i18n_plain(void)
{
    chinese = false;
    (void)setlocale(LC_MESSAGES, "C");
}

bool i18n_chinese(void)
{
    return chinese;
}
