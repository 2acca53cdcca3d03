/* account.h - login names of those who ask, remembered: asking the system may read files.
 */
#ifndef LINLI_DAEMON_ACCOUNT_H
#define LINLI_DAEMON_ACCOUNT_H

#include "crdt/base.h"

#define ACCOUNT_NAME_SIZE 64
#define ACCOUNTS_REMEMBERED 64

struct account_name {
    bool known;
    uint32_t uid;
    char text[ACCOUNT_NAME_SIZE];
};

struct accounts {
    struct account_name rows[ACCOUNTS_REMEMBERED];
};

/* Empty where the uid has no name, or one that is no clean text. Lives until the next
 * call. */
struct slice accounts_name(struct accounts *accounts, uint32_t uid);

#endif
