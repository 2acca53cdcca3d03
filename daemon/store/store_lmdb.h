/* store_lmdb.h - opens the store of crdt/store.h on LMDB. Only store_lmdb.c and
 * store_env.[ch] know <lmdb.h>.
 *
 * Full durability: a commit has reached the disk when store_commit returns OK. The file
 * is created in a temporary directory beside its place, synced and renamed, because a
 * power cut during LMDB's first creation leaves a file that does not open. The map grows
 * by itself. WRITEMAP is never used: a full disk would be a SIGBUS instead of a status.
 */
#ifndef LINLI_DAEMON_STORE_LMDB_H
#define LINLI_DAEMON_STORE_LMDB_H

#include "crdt/store.h"

/* What was found first of what is to be told: on which page, of what, and what is wrong. */
struct store_finding {
    uint64_t page;
    const char *of;   /* a table's name, "main", "free" or "meta"; NULL: nothing was */
    const char *what; /* static, English */
};

struct store_options {
    const char *directory; /* the store lives in DIRECTORY/store/; made 0700 if absent */
    bool without_sync;     /* only for simulators and for making benchmark input */
    size_t map_size;       /* bytes to begin with; 0: the default of 64 MiB */
    struct store_finding *finding; /* set by store_open where it is not NULL */
};

/* Returns OK; ERR_STORE_LOCKED when another process has it open (flock on
 * DIRECTORY/lock); ERR_STORE_FORMAT for another format number (nothing is written then);
 * ERR_STORE_DAMAGED when the file is cut short (last page against size), not LMDB, or a page
 * is not sound without which the logs are not found;
 * ERR_DISK_FULL; ERR_STORE otherwise, with errno set.
 *
 * Every page is checked before LMDB follows it where the store was not closed, or is small
 * (store_pages.h). Where pages of tables that can be made anew are not sound, or some of the
 * logs', everything else is copied into a new file, and the old one is kept beside it as
 * DIRECTORY/store.damaged. The tables concerned are damaged then (store_is_damaged). */
MUST_USE enum status store_open(struct store **store,
                                const struct store_options *options);
void store_close(struct store *store);

/* One writing transaction at a time; readers see the last commit. Readers and the writer
 * take turns, because LMDB's table of readers would be a page written at every look:
 * ERR_BUSY while the other lives. A map short of room is enlarged before a writer begins,
 * so that a batch seldom meets ERR_STORE_GROWN. */
MUST_USE enum status store_begin(struct store *store, struct store_txn **txn);
MUST_USE enum status store_begin_read(struct store *store, struct store_txn **txn);

/* Durable on OK. Otherwise nothing of the transaction happened: ERR_STORE_GROWN when the
 * map was too small and has been enlarged (do the same work again), ERR_DISK_FULL, or
 * another trouble. The transaction is gone in every case. */
MUST_USE enum status store_commit(struct store_txn *txn);
void store_abort(struct store_txn *txn); /* also ends a read transaction */

/* Made anew from the logs, or from what neighbours say. */
static inline bool store_table_is_derived(enum store_table table)
{
    return table != STORE_META && table != STORE_LOG && table != STORE_RUNS &&
           table != STORE_HEADS;
}
/* Whether a row of the table was met that fails its check, since the opening or since that
 * was forgotten: a table that can be made anew has been. */
bool store_is_damaged(const struct store *store, enum store_table table);
void store_forget_damage(struct store *store, enum store_table table);

/* Checks a piece of what is stored, page by page and row by row, with reads of its own: of the
 * whole about one of `pieces`. False: that was the last piece. Rows that fail their check are
 * damaged then; pages are not mended while the store is open. */
bool store_scrub(struct store *store, uint64_t pieces);
/* What a scrub found that the next opening has to leave behind; `of` is NULL: nothing. */
const struct store_finding *store_found(const struct store *store);

/* What tells the store's file from a copy of it: inode and time of birth. A restored backup
 * or a copied directory has others, a restart and a move within the disk have not. False:
 * the system does not say. */
#define STORE_IDENTITY_SIZE 24
bool store_identity(const struct store *store, uint8_t identity[STORE_IDENTITY_SIZE]);

/* Pages written to by this transaction so far, estimated: a batch ends by it. */
size_t store_txn_dirty_pages(const struct store_txn *txn);

/* Bytes of the file, of it in use, and free on its disk. */
struct store_size {
    uint64_t file;
    uint64_t used;
    uint64_t disk_free;
};
struct store_size store_measure(struct store *store);

#endif
