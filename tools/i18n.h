/* i18n.h - text for people goes through gettext, domain "linli".
 *
 * `_()` translates where it stands; `N_()` marks a text in a table, which is translated
 * where it is printed. */
#ifndef LINLI_TOOLS_I18N_H
#define LINLI_TOOLS_I18N_H

#include <libintl.h>
#include <stdbool.h>

#define _(text) gettext(text)
#define N_(text) (text)

/* Sets locale and language, before anything is printed. $LINLI_LANG overrides the
 * locale's own variables. Where the wished locale is not installed, or is not UTF-8,
 * C.UTF-8 stands in for it with LANGUAGE set, because text would otherwise turn English
 * in silence and Chinese names would not be measured or printed right. */
void i18n_init(void);

/* Whether people read Chinese here: fields and choices are then shown by their labels. */
bool i18n_chinese(void);

#endif
