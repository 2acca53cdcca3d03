/* The accounts that write at this machine. An entry's actor is a number, and the operator
 * record that names it lies in the same log. So numbers belong to an incarnation, and are
 * kept in a row of their own: operator records may not be folded yet when the next entry is
 * written. */
#include "crdt/codec.h"
#include "crdt/text.h"
#include "net/engine_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names in the order of their numbers: a byte of length, then the name. */
#define META_OPERATORS "operators"

struct slice operators_name(const struct account *account)
{
    struct slice name = text_cut(account->name, NAME_SIZE_MAX);

    return name.size > 0 && text_is_clean(name) ? name : slice_text("unknown");
}

uint32_t operators_number(const struct engine *engine, const struct account *account)
{
    struct slice name = operators_name(account);
    size_t i = 0;

    while (i < engine->operator_count &&
           !slice_equal(slice_text(engine->operators[i].name), name))
        i++;
    return (uint32_t)i + 1;
}

static void operators_add(struct engine *engine, struct slice name)
{
    struct known_operator *known;

    CHECK(name.size > 0 && name.size <= NAME_SIZE_MAX);
    engine->operators = array_grow(engine->operators, &engine->operator_capacity,
                                   engine->operator_count + 1, sizeof *engine->operators);
    known = &engine->operators[engine->operator_count++];
    *known = (struct known_operator){{0}};
    memcpy(known->name, name.data, name.size);
}

static void operators_save(struct engine *engine)
{
    struct buffer row;

    buffer_init(&row, SIZE_MAX);
    for (size_t i = 0; i < engine->operator_count; i++) {
        size_t size = strlen(engine->operators[i].name);
        buffer_put_u8(&row, (uint8_t)size);
        buffer_put(&row, engine->operators[i].name, size);
    }
    engine_meta_put(engine, META_OPERATORS, buffer_slice(&row));
    buffer_deinit(&row);
}

static void write_record(struct engine *engine, uint32_t number, struct slice name,
                         const struct event *event)
{
    const struct schema_register *reg = schema_register(REGISTER_OPERATOR);
    const struct realm_key *key =
        roster_newest_key(engine->roster, member_home_realm(engine_self(engine)));
    struct buffer number_value, name_value, plaintext;

    buffer_init(&number_value, 16);
    buffer_init(&name_value, 2 * NAME_SIZE_MAX);
    buffer_init(&plaintext, PAYLOAD_SIZE_MAX);
    codec_put_uint(&number_value, number);
    codec_put_text(&name_value, name);
    const struct operation_value values[] = {
        {.field = OPERATOR_NUMBER, .value = buffer_slice(&number_value)},
        {.field = OPERATOR_ACCOUNT, .value = buffer_slice(&name_value)},
    };
    operation_encode_create(&plaintext, event->wall_ms, number, reg, values,
                            ARRAY_SIZE(values));
    writing_append(engine, reg->lane, key, buffer_slice(&plaintext), event->random);
    buffer_deinit(&plaintext);
    buffer_deinit(&name_value);
    buffer_deinit(&number_value);
}

uint32_t operators_enrol(struct engine *engine, const struct account *account,
                         const struct event *event)
{
    struct slice name = operators_name(account);
    uint32_t number = operators_number(engine, account);

    if (number <= engine->operator_count)
        return number;
    write_record(engine, number, name, event);
    operators_add(engine, name);
    operators_save(engine);
    return number;
}

static bool take_name(struct slice *row, struct slice *name)
{
    uint8_t size;

    if (!slice_take_u8(row, &size) || size == 0 || size > NAME_SIZE_MAX ||
        size > row->size)
        return false;
    *name = slice_of(row->data, size);
    *row = slice_of(row->data + size, row->size - size);
    return true;
}

bool operators_load(struct engine *engine)
{
    struct slice row, name;

    engine->operator_count = 0;
    if (!engine_meta_get(engine->txn, META_OPERATORS, &row))
        return true;
    while (row.size > 0) {
        if (!take_name(&row, &name))
            return false;
        operators_add(engine, name);
    }
    return true;
}

/* ---- of a log that this node left ---- */

static void former_key(char key[32], struct log_name log)
{
    (void)snprintf(key, 32, META_OPERATORS ".%04x", (unsigned)log.tag);
}

void operators_keep(struct engine *engine, struct log_name log)
{
    char key[32];
    struct slice row;
    struct buffer copy;

    if (!engine_meta_get(engine->txn, META_OPERATORS, &row))
        return;
    buffer_init(&copy, SIZE_MAX);
    buffer_put(&copy, row.data, row.size); /* it dies with the next write */
    former_key(key, log);
    engine_meta_put(engine, key, buffer_slice(&copy));
    buffer_deinit(&copy);
}

bool operators_former(struct engine *engine, struct log_name log, uint32_t number,
                      struct slice *name)
{
    char key[32];
    struct slice row;

    former_key(key, log);
    if (number == 0 || !engine_meta_get(engine->txn, key, &row))
        return false;
    for (; number > 0; number--) {
        if (!take_name(&row, name))
            return false;
    }
    return true;
}

void operators_begin_again(struct engine *engine)
{
    engine->operator_count = 0;
    operators_save(engine);
}
