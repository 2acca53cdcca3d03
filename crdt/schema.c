#include "crdt/schema.h"

#include <string.h>

/* ---- the table ---- */

const struct schema_register *schema_register(uint8_t id)
{
    for (size_t i = 0; i < schema_register_count; i++) {
        if (schema_registers[i].id == id)
            return &schema_registers[i];
    }
    return NULL;
}

const struct schema_register *schema_register_named(struct slice name)
{
    for (size_t i = 0; i < schema_register_count; i++) {
        if (slice_equal(slice_text(schema_registers[i].name), name) ||
            slice_equal(slice_text(schema_registers[i].label), name))
            return &schema_registers[i];
    }
    return NULL;
}

const struct schema_register *schema_register_at(size_t index)
{
    return index < schema_register_count ? &schema_registers[index] : NULL;
}

const char *const schema_verbs[VERBS] = {"add",   "show", "list", "set",
                                         "amend", "find", "void"};

bool schema_has_verb(const struct schema_register *reg, enum verb verb)
{
    return (reg->verbs & VERB_BIT(verb)) != 0;
}

bool schema_command(struct slice text, const struct schema_register **reg,
                    enum verb *verb)
{
    const uint8_t *dot = text.size > 0 ? memchr(text.data, '.', text.size) : NULL;
    if (dot == NULL)
        return false;
    size_t size = (size_t)(dot - text.data);
    struct slice word = slice_of(dot + 1, text.size - size - 1);
    *reg = schema_register_named(slice_of(text.data, size));
    for (int i = 0; *reg != NULL && i < VERBS; i++) {
        *verb = (enum verb)i;
        if (slice_equal(word, slice_text(schema_verbs[i])))
            return schema_has_verb(*reg, *verb);
    }
    return false;
}

const struct schema_register *schema_subject(const struct schema_register *reg)
{
    if (reg->subject_field == FIELD_NONE)
        return NULL;
    return schema_register(reg->fields[reg->subject_field].names);
}

bool schema_realm_fits(const struct schema_register *reg, uint64_t realm)
{
    enum division_level level = division_level(realm);
    switch (reg->realm) {
    case REALM_TOWNSHIP: return level == DIVISION_TOWNSHIP;
    case REALM_COUNTY: return level == DIVISION_COUNTY;
    case REALM_HOME: return level == DIVISION_TOWNSHIP || level == DIVISION_COUNTY;
    }
    return false;
}

bool schema_tells_apart(const struct schema_register *reg)
{
    bool tells = false;
    for (size_t i = 0; i < reg->field_count; i++)
        tells |= reg->fields[i].tells_apart;
    return tells;
}

const struct field *schema_field(const struct schema_register *reg, uint8_t id)
{
    return id < reg->field_count ? &reg->fields[id] : NULL;
}

const struct field *schema_field_named(const struct schema_register *reg,
                                       struct slice name)
{
    for (size_t i = 0; i < reg->field_count; i++) {
        if (slice_equal(slice_text(reg->fields[i].name), name) ||
            slice_equal(slice_text(reg->fields[i].label), name))
            return &reg->fields[i];
    }
    return NULL;
}
