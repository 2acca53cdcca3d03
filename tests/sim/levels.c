#include "tests/sim/levels.h"

#include <string.h>

static bool older;

const struct schema_register *__real_schema_register(uint8_t id);
const struct schema_register *__wrap_schema_register(uint8_t id);
const struct schema_register *__real_schema_register_at(size_t index);
const struct schema_register *__wrap_schema_register_at(size_t index);

void levels_obey(const struct machine *machine)
{
    older = machine != NULL && machine->older;
}

static bool is_known(uint8_t id)
{
    return !older || id <= REGISTER_OPERATOR;
}

const struct schema_register *__wrap_schema_register(uint8_t id)
{
    return is_known(id) ? __real_schema_register(id) : NULL;
}

const struct schema_register *__wrap_schema_register_at(size_t index)
{
    const struct schema_register *reg;
    for (size_t i = 0; (reg = __real_schema_register_at(i)) != NULL; i++) {
        if (is_known(reg->id) && index-- == 0) {
            return reg;
        }
    }
    return NULL;
}

/* The level stands first in the row of what is folded (net/folding.c). */
void levels_upgrade(struct machine *machine)
{
    struct store_options options = {.directory = machine->directory,
                                    .without_sync = true};
    struct store *store;
    struct store_txn *txn;
    struct slice value;
    uint8_t row[256];
    CHECK(machine->node == NULL);
    machine->older = false;
    if (!machine->founded) {
        return;
    }
    CHECK(store_open(&store, &options) == OK && store_begin(store, &txn) == OK);
    if (store_get(txn, STORE_META, slice_text("fold"), &value)) {
        CHECK(value.size >= 8 && value.size <= sizeof(row));
        memcpy(row, value.data, value.size);
        put_le64(row, SCHEMA_LEVEL - 1);
        store_put(txn, STORE_META, slice_text("fold"), slice_of(row, value.size));
    }
    CHECK(store_commit(txn) == OK);
    store_close(store);
}
