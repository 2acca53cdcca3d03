/* record_fixture.h - operations as a test writes them: fields by what a person would
 * type.
 *
 * Include after <cmocka.h>. */
#ifndef LINLI_TESTS_UNIT_RECORD_FIXTURE_H
#define LINLI_TESTS_UNIT_RECORD_FIXTURE_H

#include <stdlib.h>
#include <string.h>

#include "crdt/codec.h"
#include "crdt/operation.h"
#include "tests/typed_set.h"

#define TOWNSHIP UINT64_C(331121104)
#define OTHER_TOWNSHIP UINT64_C(331121105)

/* What an entry is: who wrote it where, and what it does. */
struct written {
    struct entry_id id;
    uint64_t realm;
    uint8_t plaintext[512];
    size_t size;
};

struct typed {
    uint8_t field;
    const char *text;              /* NULL: nothing is written */
    const struct entry_id *record; /* of a FIELD_RECORD, instead of text */
    struct slice replaced;         /* of an edit, encoded */
};

static inline struct entry_id id_at(uint32_t node, uint64_t seq)
{
    return entry_id_of((struct log_name){node, 1, LANE_RECORD}, seq);
}

/* Encodes what is typed for a field into the end of `out`, which must not move. */
static inline struct slice typed_value(const struct schema_register *reg,
                                       const struct typed *typed, struct buffer *out)
{
    const struct field *field = schema_field(reg, typed->field);
    size_t before = out->size;
    if (typed->record != NULL)
        codec_put_bytes(out, slice_of(typed->record->bytes, ENTRY_ID_SIZE));
    else if (typed->text != NULL && field->rule == MERGE_SET)
        assert_int_equal(typed_set(field, slice_text(typed->text), out), OK);
    else if (typed->text != NULL)
        assert_int_equal(field_parse(field, slice_text(typed->text), NULL, out), OK);
    return slice_of(out->data + before, out->size - before);
}

static inline void written_keep(struct written *written, struct buffer *plaintext)
{
    assert_true(plaintext->size <= sizeof written->plaintext);
    memcpy(written->plaintext, plaintext->data, plaintext->size);
    written->size = plaintext->size;
    buffer_deinit(plaintext);
}

static inline struct written write_fields(enum operation_kind kind, struct entry_id id,
                                          uint64_t stamp_ms, uint8_t register_id,
                                          const struct entry_id *subject,
                                          const struct entry_id *target,
                                          const struct typed *typed, size_t count)
{
    const struct schema_register *reg = schema_register(register_id);
    struct written written = {.id = id, .realm = TOWNSHIP};
    struct operation_value values[FIELDS_MAX];
    struct buffer encoded, plaintext;
    buffer_init(&encoded, 4096);
    encoded.data = checked_malloc(4096);
    encoded.capacity = 4096;
    buffer_init(&plaintext, 4096);
    for (size_t i = 0; i < count; i++)
        values[i] = (struct operation_value){
            .field = typed[i].field,
            .value = typed_value(reg, &typed[i], &encoded),
            .replaced = typed[i].replaced,
        };
    if (kind == OPERATION_CREATE)
        operation_encode_create(&plaintext, stamp_ms, 1, reg, values, count);
    else
        operation_encode_edit(&plaintext, stamp_ms, 1, reg, subject, target, values,
                              count);
    buffer_deinit(&encoded);
    written_keep(&written, &plaintext);
    return written;
}

#define WRITE_CREATE(id, stamp_ms, reg, ...)                                             \
    write_fields(OPERATION_CREATE, id, stamp_ms, reg, NULL, NULL,                        \
                 (const struct typed[]){__VA_ARGS__},                                    \
                 sizeof((const struct typed[]){__VA_ARGS__}) / sizeof(struct typed))

#define WRITE_EDIT(id, stamp_ms, subject, ...)                                           \
    write_fields(OPERATION_EDIT, id, stamp_ms, REGISTER_PERSON, subject, subject,        \
                 (const struct typed[]){__VA_ARGS__},                                    \
                 sizeof((const struct typed[]){__VA_ARGS__}) / sizeof(struct typed))

static inline struct written write_void(struct entry_id id, uint64_t stamp_ms,
                                        uint8_t register_id,
                                        const struct entry_id *subject,
                                        const struct entry_id *target, const char *reason)
{
    struct written written = {.id = id, .realm = TOWNSHIP};
    struct buffer plaintext;
    buffer_init(&plaintext, 4096);
    operation_encode_void(&plaintext, stamp_ms, 1, schema_register(register_id), subject,
                          target, slice_text(reason), false);
    written_keep(&written, &plaintext);
    return written;
}

static inline struct slice written_plaintext(const struct written *written)
{
    return slice_of(written->plaintext, written->size);
}

/* An encoded array of entry ids in `out`, as `replaced` of a MERGE_MULTI field. */
static inline struct slice ids_replaced(struct buffer *out, const struct entry_id *ids,
                                        size_t count)
{
    buffer_clear(out);
    codec_put_array(out, count);
    for (size_t i = 0; i < count; i++)
        codec_put_bytes(out, slice_of(ids[i].bytes, ENTRY_ID_SIZE));
    return buffer_slice(out);
}

struct random {
    uint64_t state;
};

static inline uint64_t random_below(struct random *random,
                                    uint64_t bound) /* splitmix64 */
{
    uint64_t mixed = random->state += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (mixed ^ (mixed >> 31)) % bound;
}

#endif
