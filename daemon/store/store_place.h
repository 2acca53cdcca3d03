/* store_place.h - the directory a store lives in: its lock, its birth, its name.
 *
 *   DIRECTORY/lock        held with flock while a process has the store open
 *   DIRECTORY/store.new/  a store that is being created; nobody ever opens it
 *   DIRECTORY/store/      the store, complete from its first moment
 *   DIRECTORY/store.damaged/  what it was before its damaged pages were left behind
 *   DIRECTORY/closed      the commit with which it was closed; gone while it is open
 *
 * A creation is complete when store.new was renamed to store. Until then a power cut
 * leaves a leftover that the next opening removes. */
#ifndef LINLI_DAEMON_STORE_PLACE_H
#define LINLI_DAEMON_STORE_PLACE_H

#include "daemon/store/store_lmdb.h"

#define STORE_PLACE_NAME "store"
#define STORE_PLACE_BIRTH_NAME "store.new"

struct store_place {
    int directory; /* -1 when closed, as the lock */
    int lock;
    bool without_sync;
};

/* ERR_DISK_FULL for a disk or quota that is used up, otherwise ERR_STORE with errno set.
 */
enum status store_place_status(int error);

/* Makes DIRECTORY (0700) where it is absent, locks it, removes what an interrupted
 * creation left. ERR_STORE_LOCKED when another process, or this one, has it open. On
 * trouble the place is closed again. */
MUST_USE enum status store_place_open(struct store_place *place, const char *directory,
                                      bool without_sync);
void store_place_close(struct store_place *place); /* harmless on a closed place */

/* Whether the store's file exists, and its size in bytes. ERR_STORE_DAMAGED when a `store`
 * is there that lost its file. */
MUST_USE enum status store_place_find(const struct store_place *place, bool *exists,
                                      uint64_t *size);

/* See store_identity. */
bool store_place_identity(const struct store_place *place,
                          uint8_t identity[STORE_IDENTITY_SIZE]);

/* Makes store.new. The caller fills it, closes its files and calls the second, which
 * syncs them, renames the directory and syncs the name. */
MUST_USE enum status store_place_begin_birth(const struct store_place *place);
MUST_USE enum status store_place_end_birth(const struct store_place *place);

/* Ends the birth of a store that takes the place of one with damaged pages, which is kept as
 * store.damaged, in the place of an earlier one. There is always one under the name. */
MUST_USE enum status store_place_exchange(const struct store_place *place);

/* The data file for reading; -1 with errno set. */
int store_place_open_data(const struct store_place *place);

/* Takes the mark away, durably, and says which commit it was of; 0: there was none. The second
 * leaves it again: whoever finds none knows that the store was not closed. */
uint64_t store_place_take_mark(const struct store_place *place);
void store_place_leave_mark(const struct store_place *place, uint64_t commit);

#endif
