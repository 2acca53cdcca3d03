/* An entry's plaintext after decryption: a member's own software may have any fault. What the
 * decoder accepts can be walked to its end, and every value stands within the bytes. */
#include "tests/fuzz/target.h"

#include "crdt/codec.h"
#include "crdt/operation.h"
#include "crdt/text.h"

static void walk_create(struct operation operation, struct slice in)
{
    struct slice value;
    uint8_t field;
    size_t count = 0;
    while (operation_next_field(&operation, &field, &value)) {
        CHECK(field < FIELDS_MAX && slice_within(value, in));
        CHECK(value.size == 0 || codec_check(value));
        count++;
    }
    CHECK(count <= FIELDS_MAX);
}

static void walk_edit(struct operation operation, struct slice in)
{
    struct slice replaced, value;
    uint8_t field, last = 0;
    bool first = true;
    while (operation_next_edit(&operation, &field, &replaced, &value)) {
        CHECK(first || field > last);
        CHECK(slice_within(replaced, in) && slice_within(value, in));
        last = field;
        first = false;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_of(data, size);
    struct operation operation;

    if (operation_decode(in, &operation) != OK)
        return 0;
    CHECK(schema_register(operation.reg) != NULL);
    switch (operation.kind) {
    case OPERATION_CREATE: walk_create(operation, in); break;
    case OPERATION_EDIT: walk_edit(operation, in); break;
    case OPERATION_VOID: CHECK(text_is_clean(operation.reason)); break;
    }
    return 0;
}
