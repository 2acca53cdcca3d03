/* typed_set.h - a set as a test writes it: values as people type them, in one text. */
#ifndef LINLI_TESTS_TYPED_SET_H
#define LINLI_TESTS_TYPED_SET_H

#include "crdt/codec.h"
#include "crdt/schema.h"

/* The encoded array that a create or an edit carries, in the order in which it is typed. */
static inline enum status typed_set(const struct field *field, struct slice text,
                                    struct buffer *out)
{
    struct buffer values;
    struct slice piece;
    enum status status = OK;
    size_t count = 0;
    buffer_init(&values, SIZE_MAX);
    for (; status == OK && field_next_value(&text, &piece); count++)
        status = field_parse(field, piece, NULL, &values);
    codec_put_array(out, count);
    codec_put_raw(out, buffer_slice(&values));
    buffer_deinit(&values);
    return status;
}

#endif
