#include "net/standing.h"

#include <stdlib.h>
#include <string.h>

struct place {
    struct log_name log;
    uint64_t seq;
};

static int place_compare(const void *key, const void *item)
{
    const struct place *place = key;
    const struct cut *row = item;
    int order = log_name_compare(place->log, row->log);
    return order != 0 ? order : (place->seq > row->seq) - (place->seq < row->seq);
}

static bool find(const struct standing *standing, struct log_name log, uint64_t seq,
                 size_t *rank)
{
    struct place place = {log, seq};
    return sorted_find(&place, standing->rows, standing->count, sizeof *standing->rows,
                       place_compare, rank);
}

void standing_deinit(struct standing *standing)
{
    free(standing->rows);
    free(standing->again);
    *standing = (struct standing){0};
}

void standing_clear(struct standing *standing)
{
    standing->count = standing->again_count = 0;
}

bool standing_add(struct standing *standing, const struct cut *stated)
{
    size_t rank;
    if (find(standing, stated->log, stated->seq, &rank)) {
        struct cut *row = &standing->rows[rank];
        if (memcmp(stated->hash.bytes, row->hash.bytes, HASH_SIZE) >= 0)
            return false;
        *row = *stated;
        return true;
    }
    standing->rows = array_grow(standing->rows, &standing->capacity, standing->count + 1,
                                sizeof *standing->rows);
    memmove(standing->rows + rank + 1, standing->rows + rank,
            (standing->count - rank) * sizeof *standing->rows);
    standing->rows[rank] = *stated;
    standing->count++;
    return true;
}

const struct cut *standing_from(const struct standing *standing, struct log_name log,
                                uint64_t seq)
{
    size_t rank;
    (void)find(standing, log, seq, &rank);
    return rank < standing->count && log_name_equal(standing->rows[rank].log, log)
               ? &standing->rows[rank]
               : NULL;
}

static struct again *find_again(const struct standing *standing, const struct cut *first)
{
    for (size_t i = 0; i < standing->again_count; i++) {
        struct again *row = &standing->again[i];
        if (log_name_equal(row->first.log, first->log) && row->first.seq == first->seq &&
            hash_equal(&row->first.hash, &first->hash))
            return row;
    }
    return NULL;
}

void standing_add_again(struct standing *standing, const struct again *again)
{
    struct again *row = find_again(standing, &again->first);
    if (row != NULL) {
        if (again->last > row->last)
            row->last = again->last;
        return;
    }
    standing->again = array_grow(standing->again, &standing->again_capacity,
                                 standing->again_count + 1, sizeof *standing->again);
    standing->again[standing->again_count++] = *again;
}

uint64_t standing_again(const struct standing *standing, const struct cut *first)
{
    const struct again *row = find_again(standing, first);
    return row != NULL ? row->last : 0;
}
