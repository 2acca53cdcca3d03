/* store_env.h - the LMDB environment under the store: made, checked, opened, enlarged.
 *
 * For store_lmdb.c alone. The two are the only files that know LMDB. */
#ifndef LINLI_DAEMON_STORE_ENV_H
#define LINLI_DAEMON_STORE_ENV_H

#include <lmdb.h>

#include "daemon/store/store_lmdb.h"
#include "daemon/store/store_place.h"

struct store_env {
    MDB_env *mdb;
    MDB_dbi tables[STORE_TABLES];
    struct store_place place;
    int data; /* LMDB's own descriptor, borrowed; -1 while it has none */
    size_t map_size;
    size_t page_size;
    struct store_finding finding;
    bool damaged[STORE_TABLES]; /* as found at the opening */
    bool must_walk; /* pages were found damaged: the next opening looks at all of them */
};

/* What LMDB's `error` means here; 0 is OK. MDB_MAP_FULL is ERR_STORE_GROWN, because it
 * becomes that by the time it is reported. Sets errno where the answer is ERR_STORE. */
enum status store_env_status(const struct store_env *env, int error);

/* Statuses as store_open. On trouble everything is closed again, errno kept. */
MUST_USE enum status store_env_open(struct store_env *env,
                                    const struct store_options *options);
void store_env_close(struct store_env *env); /* leaves the mark of a clean stop */

/* Doubles the map. No transaction may be live: it would lose the map under its slices. */
MUST_USE enum status store_env_grow(struct store_env *env);

/* LMDB asks for pointers that are not const and does not write through them. */
static inline MDB_val store_env_val(struct slice slice)
{
    return (MDB_val){.mv_size = slice.size, .mv_data = (void *)(uintptr_t)slice.data};
}

#endif
