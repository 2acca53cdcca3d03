#include "daemon/control/account.h"

#include <pwd.h>
#include <string.h>

#include "crdt/codec.h"
#include "crdt/text.h"

#define PASSWD_BYTES 4096

static void account_ask(struct account_name *row)
{
    struct passwd entry, *found = NULL;
    char text[PASSWD_BYTES];
    if (getpwuid_r(row->uid, &entry, text, sizeof text, &found) != 0 || found == NULL)
        return;
    struct slice name = slice_text(found->pw_name);
    if (name.size < sizeof row->text && text_is_clean(name))
        memcpy(row->text, name.data, name.size);
}

struct slice accounts_name(struct accounts *accounts, uint32_t uid)
{
    struct account_name *row = &accounts->rows[uid % ACCOUNTS_REMEMBERED];
    if (!row->known || row->uid != uid) {
        *row = (struct account_name){.known = true, .uid = uid};
        account_ask(row);
    }
    return slice_text(row->text);
}
