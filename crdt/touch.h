/* touch.h - the subjects that folded rows concern, and their keys in the tables beside the
 * chains. */
#ifndef LINLI_CRDT_TOUCH_H
#define LINLI_CRDT_TOUCH_H

#include "crdt/fold.h"

/* realm u64 BE, subject 12 */
enum { SUBJECT_KEY_SIZE = 8 + ENTRY_ID_SIZE };

void subject_key(uint8_t key[SUBJECT_KEY_SIZE], uint64_t realm,
                 const struct entry_id *subject);
/* False: it is no such key. */
MUST_USE bool subject_key_read(struct slice key, uint64_t *realm,
                               struct entry_id *subject);

struct touch {
    uint8_t reg; /* whose chain it is */
    uint64_t realm;
    struct entry_id subject;
};
struct touch touch_of(const struct fold_row *row, const struct operation *operation);

/* By register, realm and subject; also for structs that begin with a touch. */
int touch_compare(const void *a, const void *b);
/* Puts them in order, each once; how many are left. */
size_t touches_once(struct touch *touches, size_t count);

#endif
