#include "crdt/touch.h"

#include <stdlib.h>
#include <string.h>

void subject_key(uint8_t key[SUBJECT_KEY_SIZE], uint64_t realm,
                 const struct entry_id *subject)
{
    put_be64(key, realm);
    memcpy(key + 8, subject->bytes, ENTRY_ID_SIZE);
}

bool subject_key_read(struct slice key, uint64_t *realm, struct entry_id *subject)
{
    if (key.size != SUBJECT_KEY_SIZE)
        return false;
    *realm = get_be64(key.data);
    memcpy(subject->bytes, key.data + 8, ENTRY_ID_SIZE);
    return true;
}

struct touch touch_of(const struct fold_row *row, const struct operation *operation)
{
    return (struct touch){operation->reg, row->realm,
                          fold_subject_of(operation, &row->id)};
}

int touch_compare(const void *a, const void *b)
{
    const struct touch *left = a, *right = b;
    if (left->reg != right->reg)
        return left->reg < right->reg ? -1 : 1;
    if (left->realm != right->realm)
        return left->realm < right->realm ? -1 : 1;
    return entry_id_compare(&left->subject, &right->subject);
}

size_t touches_once(struct touch *touches, size_t count)
{
    size_t kept = 0;
    if (count > 1)
        qsort(touches, count, sizeof *touches, touch_compare);
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || touch_compare(&touches[i], &touches[kept - 1]) != 0)
            touches[kept++] = touches[i];
    }
    return kept;
}
