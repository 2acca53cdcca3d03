#include "tools/i18n.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/base.h"

#ifndef LINLI_PREFIX
#define LINLI_PREFIX "/usr"
#endif
#define LOCALE_DIRECTORY LINLI_PREFIX "/share/locale"

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

void i18n_init(void)
{
    const char *wished = wished_language();
    chinese = strncmp(wished, "zh", 2) == 0;
    const char *own = getenv("LINLI_LANG");
    bool overridden = own != NULL && own[0] != '\0';
    bool usable =
        setlocale(LC_ALL, "") != NULL && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    if (!usable)
        (void)setlocale(LC_ALL, "C.UTF-8");
    if (!usable || overridden)
        (void)setenv("LANGUAGE", chinese ? "zh_CN" : "en", 1);
    /* Scripts read the numbers: the decimal sign is a point in every locale. */
    (void)setlocale(LC_NUMERIC, "C");
    (void)bindtextdomain("linli", LOCALE_DIRECTORY);
    (void)bind_textdomain_codeset("linli", "UTF-8");
    (void)textdomain("linli");
}

bool i18n_chinese(void)
{
    return chinese;
}
