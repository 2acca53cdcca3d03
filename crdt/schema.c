#include "crdt/schema.h"

#include <string.h>

#include "crdt/normal.h"

/* ---- the table ---- */

static const struct schema_family *const families[] = {&schema_care, &schema_leads,
                                                       &schema_orders, &schema_lists};

const struct schema_register *schema_register_at(size_t index)
{
    for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
        if (index < families[f]->count)
            return &families[f]->registers[index];
        index -= families[f]->count;
    }
    return NULL;
}

const struct schema_register *schema_register(uint8_t id)
{
    for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
        for (size_t i = 0; i < families[f]->count; i++) {
            if (families[f]->registers[i].id == id)
                return &families[f]->registers[i];
        }
    }
    return NULL;
}

const struct schema_register *schema_register_named(struct slice name)
{
    const struct schema_register *reg;
    for (size_t i = 0; (reg = schema_register_at(i)) != NULL; i++) {
        if (slice_equal(slice_text(reg->name), name) ||
            slice_equal(slice_text(reg->label), name))
            return reg;
    }
    return NULL;
}

const char *const schema_verbs[VERBS] = {"add",   "show", "list", "set",
                                         "amend", "find", "void"};

bool schema_has_verb(const struct schema_register *reg, enum verb verb)
{
    return (reg->verbs & VERB_BIT(verb)) != 0;
}

bool schema_command(struct slice text, const struct schema_register **reg,
                    enum verb *verb, const struct step **step)
{
    const uint8_t *dot = text.size > 0 ? memchr(text.data, '.', text.size) : NULL;
    if (dot == NULL)
        return false;
    size_t size = (size_t)(dot - text.data);
    struct slice word = slice_of(dot + 1, text.size - size - 1);
    *reg = schema_register_named(slice_of(text.data, size));
    *step = NULL;
    for (int i = 0; *reg != NULL && i < VERBS; i++) {
        *verb = (enum verb)i;
        if (slice_equal(word, slice_text(schema_verbs[i])))
            return schema_has_verb(*reg, *verb);
    }
    *verb = VERB_STEP;
    for (const struct step *own = *reg != NULL ? (*reg)->steps : NULL;
         own != NULL && own->word != NULL; own++) {
        *step = own;
        if (slice_equal(word, slice_text(own->word)))
            return true;
    }
    return false;
}

const struct schema_register *schema_steps(const struct schema_register *reg)
{
    return reg->step_register != 0 ? schema_register(reg->step_register) : reg;
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

bool schema_lane_fits(const struct schema_register *reg, uint8_t lane)
{
    return lane == reg->lane || (lane == LANE_URGENT && reg->urgent != NULL);
}

bool schema_can_conflict(const struct schema_register *reg)
{
    for (size_t i = 0; i < reg->field_count; i++) {
        if (reg->verbs != 0 && reg->fields[i].rule == MERGE_MULTI)
            return true;
    }
    return false;
}

size_t schema_derived_count(const struct schema_register *reg)
{
    size_t count = 0;
    while (reg->derived != NULL && reg->derived[count].name != NULL)
        count++;
    return count;
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

static bool heads(const struct buffer *normal, struct slice name)
{
    struct buffer other;
    buffer_init(&other, SIZE_MAX);
    normal_put(name, &other);
    bool same = slice_equal(buffer_slice(normal), buffer_slice(&other));
    buffer_deinit(&other);
    return same;
}

static bool heads_also(const struct buffer *normal, const char *also)
{
    while (also != NULL) {
        const char *end = strchr(also, '|');
        size_t size = end != NULL ? (size_t)(end - also) : strlen(also);
        if (heads(normal, slice_of(also, size)))
            return true;
        also = end != NULL ? end + 1 : NULL;
    }
    return false;
}

const struct field *schema_field_headed(const struct schema_register *reg,
                                        struct slice heading)
{
    const struct field *found = NULL;
    struct buffer normal;
    buffer_init(&normal, SIZE_MAX);
    normal_put(heading, &normal);
    for (size_t i = 0; i < reg->field_count && found == NULL; i++) {
        const struct field *field = &reg->fields[i];
        if (heads(&normal, slice_text(field->name)) ||
            heads(&normal, slice_text(field->label)) || heads_also(&normal, field->also))
            found = field;
    }
    buffer_deinit(&normal);
    return found;
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
