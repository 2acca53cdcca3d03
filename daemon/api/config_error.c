#include "daemon/api/config_error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *text_copy(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(checked_malloc(size), text, size);
}

void config_errors_add(struct config_errors *errors, const char *file, unsigned line,
                       const char *key, const char *text)
{
    errors->items = array_grow(errors->items, &errors->capacity, errors->count + 1,
                               sizeof *errors->items);
    errors->items[errors->count++] = (struct config_error){
        .file = text_copy(file),
        .line = line,
        .key = key != NULL ? text_copy(key) : NULL,
        .text = text_copy(text),
    };
}

void config_error_format(const struct config_error *error, struct buffer *out)
{
    char line[16];
    buffer_put(out, error->file, strlen(error->file));
    if (error->line > 0) {
        int size = snprintf(line, sizeof line, ":%u", error->line);
        buffer_put(out, line, (size_t)size);
    }
    buffer_put(out, ": ", 2);
    if (error->key != NULL) {
        buffer_put(out, error->key, strlen(error->key));
        buffer_put(out, ": ", 2);
    }
    buffer_put(out, error->text, strlen(error->text));
    buffer_put(out, "\n", 1);
}

void config_errors_free(struct config_errors *errors)
{
    for (size_t i = 0; i < errors->count; i++) {
        free(errors->items[i].file);
        free(errors->items[i].key);
        free(errors->items[i].text);
    }
    free(errors->items);
    *errors = (struct config_errors){0};
}
