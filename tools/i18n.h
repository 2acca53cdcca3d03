/* i18n.h - text for people; the daemon's checks of its configuration share it. */
#ifndef LINLI_TOOLS_I18N_H
#define LINLI_TOOLS_I18N_H

#include "daemon/api/i18n.h"

#endif
