#include "crdt/recent.h"

#include <stdlib.h>
#include <string.h>

enum {
    SETS = 8192,
    WAYS = 4, /* places in which a chain may lie */
};

struct recent {
    struct recent_chain *chains; /* SETS times WAYS; NULL: none was kept. rows 0: free */
    uint8_t next_way;            /* that gives way where all of a set are taken */
};

/* FNV-1a (Fowler, Noll, Vo). */
static const uint64_t fnv_basis = UINT64_C(0xcbf29ce484222325);
static uint64_t fnv(uint64_t hash, struct slice bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        hash = (hash ^ bytes.data[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* A number below `bound`. The last bytes reach only a few bits of what FNV gives, so that these
 * are spread over all (Knuth, multiplicative hashing). */
static size_t below(uint64_t hash, size_t bound)
{
    return (size_t)(((hash ^ hash >> 32) * UINT64_C(0x9e3779b97f4a7c15) >> 32) % bound);
}

/* ---- marks ---- */

uint8_t mark_of_values(const struct schema_register *reg,
                       const struct slice values[FIELDS_MAX])
{
    uint64_t hash = fnv_basis;
    for (size_t i = 0; i < reg->field_count; i++) {
        uint8_t front[2] = {(uint8_t)i, (uint8_t)values[i].size};
        /* All records of a chain have one subject. */
        if (!reg->fields[i].tells_apart || i == reg->subject_field)
            continue;
        hash = fnv(fnv(hash, slice_of(front, sizeof front)), values[i]);
    }
    return (uint8_t)(MARK_NONE + 1 + below(hash, UINT8_MAX));
}

uint8_t mark_of_operation(const struct operation *operation)
{
    const struct schema_register *reg = schema_register(operation->reg);
    struct operation create = *operation;
    struct slice values[FIELDS_MAX] = {{0}};
    uint8_t field;
    struct slice value;
    if (operation->kind != OPERATION_CREATE || !schema_tells_apart(reg))
        return MARK_NONE;
    while (operation_next_field(&create, &field, &value))
        values[field] = value;
    return mark_of_values(reg, values);
}

/* ---- chains ---- */

struct recent *recent_create(void)
{
    struct recent *recent = checked_malloc(sizeof *recent);
    *recent = (struct recent){0};
    return recent;
}

void recent_destroy(struct recent *recent)
{
    if (recent == NULL)
        return;
    free(recent->chains);
    free(recent);
}

bool recent_is_empty(const struct recent *recent)
{
    return recent->chains == NULL;
}

static struct recent_chain *set_of(struct recent *recent,
                                   const uint8_t key[CHAIN_KEY_SIZE])
{
    uint64_t hash = fnv(fnv_basis, slice_of(key, CHAIN_KEY_SIZE));
    return recent->chains + below(hash, SETS) * WAYS;
}

struct recent_chain *recent_find(struct recent *recent, const uint8_t key[CHAIN_KEY_SIZE])
{
    if (recent->chains == NULL)
        return NULL;
    struct recent_chain *set = set_of(recent, key);
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].rows > 0 && memcmp(set[i].key, key, CHAIN_KEY_SIZE) == 0)
            return &set[i];
    }
    return NULL;
}

void recent_keep(struct recent *recent, const struct recent_chain *chain)
{
    CHECK(chain->rows > 0);
    if (recent->chains == NULL) {
        size_t size = (size_t)SETS * WAYS * sizeof *recent->chains;
        recent->chains = checked_malloc(size);
        memset(recent->chains, 0, size);
    }
    struct recent_chain *place = recent_find(recent, chain->key);
    struct recent_chain *set = set_of(recent, chain->key);
    for (size_t i = 0; i < WAYS && place == NULL; i++) {
        if (set[i].rows == 0)
            place = &set[i];
    }
    if (place == NULL)
        place = &set[recent->next_way++ % WAYS];
    *place = *chain;
}

void recent_forget(struct recent_chain *chain)
{
    chain->rows = 0;
}

void recent_push(struct recent_chain *chain, uint64_t row, uint8_t mark)
{
    memmove(chain->marks + 1, chain->marks, RECENT_ROWS - 1);
    chain->marks[0] = mark;
    chain->newest = row;
    chain->rows++;
}
