/* config_error.h - mistakes in a configuration, collected. */
#ifndef LINLI_DAEMON_CONFIG_ERROR_H
#define LINLI_DAEMON_CONFIG_ERROR_H

#include "crdt/base.h"

struct config_error {
    char *file;
    unsigned line; /* 0: the file as a whole */
    char *key;     /* or section; NULL: the line as a whole */
    char *text;
};
struct config_errors {
    struct config_error *items;
    size_t count, capacity;
};

/* Everything is copied; `key` may be NULL. */
void config_errors_add(struct config_errors *errors, const char *file, unsigned line,
                       const char *key, const char *text);
void config_errors_free(struct config_errors *errors);

/* "FILE:LINE: KEY: TEXT" and a newline. */
void config_error_format(const struct config_error *error, struct buffer *out);

#endif
