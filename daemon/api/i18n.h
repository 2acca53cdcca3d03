/* i18n.h - text for people goes through gettext, domain "linli".
 *
 * `_()` translates where it stands; `N_()` marks a text in a table, which is translated
 * where it is printed. English stands in the sources, Chinese in po/zh_CN.po. A program
 * that never calls i18n_init says everything in English: so does the daemon's journal. */
#ifndef LINLI_DAEMON_I18N_H
#define LINLI_DAEMON_I18N_H

#include <libintl.h>
#include <stdbool.h>

#define _(text) gettext(text)
#define N_(text) (text)

/* Sets locale and language, before anything is printed. The language is $LINLI_LANG's, or
 * else that of LC_ALL, LC_MESSAGES or LANG, the first that is set: Chinese where it begins
 * with "zh". Where the wished locale is not installed, or is not UTF-8, C.UTF-8 stands in
 * for it, because text would otherwise turn English in silence and Chinese names would not
 * be measured or printed right.
 *
 * Translations lie beside the program (locale/ in its directory, as after a build), or
 * beside its directory (../share/locale, as after an installation), or under the prefix
 * that it was built for. */
void i18n_init(void);

/* From here on everything is English, whatever was wished: what programs read does not
 * depend on who runs it. */
void i18n_plain(void);

/* Whether people read Chinese here: fields and choices are then shown by their labels. */
bool i18n_chinese(void);

#endif
