/* find.h - persons by what people type, without opening every chain. */
#ifndef LINLI_DAEMON_FIND_H
#define LINLI_DAEMON_FIND_H

#include "crdt/search.h"

/* Persons of whom entries are folded and not yet worked into the search rows: those are
 * looked at themselves, so that whoever was entered a moment ago is found. */
struct find {
    struct store_txn *txn;
    struct touch *late; /* each once, in order */
    size_t late_count;
};
void find_begin(struct find *find, struct store_txn *txn);
void find_end(struct find *find);

/* Calls `each` for every person of the realm who stands and fits what is sought, in no order,
 * until it returns false; with `whole`, whose whole name it is. */
typedef bool find_each(void *context, uint64_t realm, const struct entry_id *person);
void find_persons(const struct find *find, uint64_t realm, const struct search *search,
                  bool whole, find_each *each, void *context);

/* The same for every person known in the realm whose id begins so. */
void find_by_id(const struct find *find, uint64_t realm, struct slice prefix,
                find_each *each, void *context);

#endif
