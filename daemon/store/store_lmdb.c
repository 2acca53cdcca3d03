#include "daemon/store/store_lmdb.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <xxhash.h>

#include "daemon/store/store_env.h"
#include "daemon/store/store_pages.h"

enum {
    RECORD_OVERHEAD_BYTES = 10, /* a node's header and its slot in the page */
    CHECK_SIZE = STORE_CHECK_SIZE,
    VALUE_SIZE_MAX = 16 << 20, /* larger ones are a damaged size: none is read so far */
};

struct store_txn {
    struct store *store;
    MDB_txn *mdb;
    bool writing, wrote;
    enum status trouble;               /* the first one; nothing is done after it */
    MDB_cursor *cursors[STORE_TABLES]; /* for single look-ups; opened when first needed */
    bool cursor_ready[STORE_TABLES];   /* a reader's cursors outlive it, to be renewed */
    size_t walks[STORE_TABLES];        /* the caller's cursors that are open */
    size_t scattered_writes[STORE_TABLES];
    size_t appended_bytes;
    size_t extra_pages; /* of large values and of cleared tables */
};

struct store {
    struct store_env env;
    size_t readers_live;
    struct store_txn writer; /* live while its `mdb` is not NULL */
    struct store_txn *idle_reader;
    bool damaged[STORE_TABLES]; /* a row was met that fails its check */
    struct store_scrub scrub;
    struct store_finding found; /* by it, and still there */
};

struct walk {
    struct store_txn *txn;
    enum store_table table;
    MDB_cursor *cursor;
};

/* ---- troubles ---- */

/* True where `error` is none. A row that is absent is no trouble; the rest sticks. */
static bool txn_fine(struct store_txn *txn, int error)
{
    if (error != 0 && error != MDB_NOTFOUND && txn->trouble == OK)
        txn->trouble = store_env_status(&txn->store->env, error);
    return error == 0;
}

enum status store_txn_status(const struct store_txn *txn)
{
    return txn->trouble;
}

/* ---- values ---- */

static MDB_val val_of_key(struct slice key)
{
    CHECK(key.size > 0 && key.size <= STORE_KEY_MAX);
    return store_env_val(key);
}

static struct slice slice_of_val(MDB_val val)
{
    return slice_of(val.mv_data, val.mv_size);
}

uint32_t store_row_check(enum store_table table, struct slice key, struct slice value)
{
    XXH64_hash_t seed = XXH3_64bits_withSeed(key.data, key.size, table + 1);
    return (uint32_t)XXH3_64bits_withSeed(value.data, value.size, seed);
}

/* The logs are their own: what of them cannot be read is a gap, which `log verify` names and
 * peers can fill. Everything else that is damaged ends the transaction. */
void store_mark_damaged(struct store_txn *txn, enum store_table table)
{
    txn->store->damaged[table] = true;
    if (table != STORE_LOG && table != STORE_RUNS && txn->trouble == OK)
        txn->trouble = ERR_ROW_DAMAGED;
}

/* A row as LMDB gave it: its value without the check, if that holds. */
static bool txn_take(struct store_txn *txn, enum store_table table, MDB_val key,
                     MDB_val data, struct slice *value)
{
    /* The map has more room behind its last page than that, see store_is_short_of_room. */
    size_t size_max = txn->store->env.map_size / 8;
    if (size_max > VALUE_SIZE_MAX)
        size_max = VALUE_SIZE_MAX;
    if (data.mv_size >= CHECK_SIZE && data.mv_size <= size_max) {
        size_t size = data.mv_size - CHECK_SIZE;
        const uint8_t *bytes = data.mv_data;
        uint8_t check[CHECK_SIZE];
        put_le32(check, store_row_check(table, slice_of_val(key), slice_of(bytes, size)));
        if (memcmp(bytes + size, check, CHECK_SIZE) == 0) {
            *value = slice_of(bytes, size);
            return true;
        }
    }
    store_mark_damaged(txn, table);
    return false;
}

/* ---- reading ---- */

bool store_get(struct store_txn *txn, enum store_table table, struct slice key,
               struct slice *value)
{
    MDB_val sought = val_of_key(key);
    MDB_val found;
    if (txn->trouble != OK)
        return false;
    if (!txn_fine(txn, mdb_get(txn->mdb, txn->store->env.tables[table], &sought, &found)))
        return false;
    return txn_take(txn, table, sought, found, value);
}

/* The transaction's own cursor on `table`; NULL after trouble. */
static MDB_cursor *txn_cursor(struct store_txn *txn, enum store_table table)
{
    if (txn->trouble != OK)
        return NULL;
    MDB_cursor **cursor = &txn->cursors[table];
    if (txn->cursor_ready[table])
        return *cursor;
    int error = *cursor != NULL
                    ? mdb_cursor_renew(txn->mdb, *cursor)
                    : mdb_cursor_open(txn->mdb, txn->store->env.tables[table], cursor);
    txn->cursor_ready[table] = txn_fine(txn, error);
    return txn->cursor_ready[table] ? *cursor : NULL;
}

bool store_floor(struct store_txn *txn, enum store_table table, struct slice key,
                 struct slice *found_key, struct slice *value)
{
    MDB_val found = val_of_key(key);
    MDB_val data;
    MDB_cursor *cursor = txn_cursor(txn, table);
    if (cursor == NULL)
        return false;
    int error = mdb_cursor_get(cursor, &found, &data, MDB_SET_RANGE);
    if (error == MDB_NOTFOUND)
        error = mdb_cursor_get(cursor, &found, &data, MDB_LAST);
    else if (error == 0 && !slice_equal(slice_of_val(found), key))
        error = mdb_cursor_get(cursor, &found, &data, MDB_PREV);
    if (!txn_fine(txn, error))
        return false;
    *found_key = slice_of_val(found);
    return txn_take(txn, table, found, data, value);
}

bool store_last(struct store_txn *txn, enum store_table table, struct slice *key,
                struct slice *value)
{
    MDB_val found;
    MDB_val data;
    MDB_cursor *cursor = txn_cursor(txn, table);
    if (cursor == NULL)
        return false;
    if (!txn_fine(txn, mdb_cursor_get(cursor, &found, &data, MDB_LAST)))
        return false;
    *key = slice_of_val(found);
    return txn_take(txn, table, found, data, value);
}

bool store_last_key(struct store_txn *txn, enum store_table table, struct slice *key)
{
    MDB_val found;
    MDB_val data;
    MDB_cursor *cursor = txn_cursor(txn, table);
    if (cursor == NULL || !txn_fine(txn, mdb_cursor_get(cursor, &found, &data, MDB_LAST)))
        return false;
    *key = slice_of_val(found);
    return true;
}

/* ---- walking ---- */

/* A walk that comes to its end closes itself. */
static bool walk_step(struct store_txn *txn, struct store_cursor *cursor, MDB_val found,
                      MDB_cursor_op operation, struct slice *key, struct slice *value)
{
    struct walk *walk = cursor->handle;
    MDB_val data;
    if (!txn_fine(txn, mdb_cursor_get(walk->cursor, &found, &data, operation)) ||
        !txn_take(txn, walk->table, found, data, value)) {
        store_cursor_close(cursor);
        return false;
    }
    *key = slice_of_val(found);
    return true;
}

bool store_seek(struct store_txn *txn, enum store_table table, struct slice from,
                struct store_cursor *cursor, struct slice *key, struct slice *value)
{
    CHECK(from.size <= STORE_KEY_MAX);
    MDB_cursor *opened;
    cursor->handle = NULL;
    if (txn->trouble != OK)
        return false;
    if (!txn_fine(txn, mdb_cursor_open(txn->mdb, txn->store->env.tables[table], &opened)))
        return false;
    struct walk *walk = checked_malloc(sizeof *walk);
    *walk = (struct walk){.txn = txn, .table = table, .cursor = opened};
    txn->walks[table]++;
    cursor->handle = walk;
    MDB_cursor_op operation = from.size > 0 ? MDB_SET_RANGE : MDB_FIRST;
    return walk_step(txn, cursor, store_env_val(from), operation, key, value);
}

bool store_next(struct store_txn *txn, struct store_cursor *cursor, struct slice *key,
                struct slice *value)
{
    if (cursor->handle == NULL || txn->trouble != OK)
        return false;
    return walk_step(txn, cursor, (MDB_val){0}, MDB_NEXT, key, value);
}

void store_cursor_close(struct store_cursor *cursor)
{
    struct walk *walk = cursor->handle;
    if (walk == NULL)
        return;
    mdb_cursor_close(walk->cursor);
    walk->txn->walks[walk->table]--;
    free(walk);
    cursor->handle = NULL;
}

/* ---- writing ---- */

/* True where a write may go ahead. An open walk would stand on pages that the write
 * moves, so the header's rule about cursors is enforced here. */
static bool txn_may_write(struct store_txn *txn, enum store_table table)
{
    CHECK(txn->writing);
    CHECK(txn->walks[table] == 0);
    txn->wrote = true;
    return txn->trouble == OK;
}

/* Values that do not fit twice into a page get pages of their own. */
static void txn_count_value(struct store_txn *txn, size_t size)
{
    size_t page_size = txn->store->env.page_size;
    if (size > page_size / 2)
        txn->extra_pages += size / page_size + 1;
}

/* Writes value and check into the room that LMDB gives for them. */
static int txn_write(struct store_txn *txn, enum store_table table, struct slice key,
                     struct slice value, unsigned flags)
{
    MDB_val at = val_of_key(key);
    MDB_val room = {.mv_size = value.size + CHECK_SIZE};
    uint32_t check = store_row_check(table, key, value);
    int error =
        mdb_put(txn->mdb, txn->store->env.tables[table], &at, &room, flags | MDB_RESERVE);
    if (error != 0)
        return error;
    if (value.size > 0)
        memcpy(room.mv_data, value.data, value.size);
    put_le32((uint8_t *)room.mv_data + value.size, check);
    return 0;
}

void store_put(struct store_txn *txn, enum store_table table, struct slice key,
               struct slice value)
{
    if (!txn_may_write(txn, table))
        return;
    txn_fine(txn, txn_write(txn, table, key, value, 0));
    txn->scattered_writes[table]++;
    txn_count_value(txn, value.size + CHECK_SIZE);
}

void store_append(struct store_txn *txn, enum store_table table, struct slice key,
                  struct slice value)
{
    if (!txn_may_write(txn, table))
        return;
    int error = txn_write(txn, table, key, value, MDB_APPEND);
    CHECK(error != MDB_KEYEXIST); /* the key was not greater than every other */
    txn_fine(txn, error);
    txn->appended_bytes += key.size + value.size + CHECK_SIZE + RECORD_OVERHEAD_BYTES;
}

void store_delete(struct store_txn *txn, enum store_table table, struct slice key)
{
    MDB_val at = val_of_key(key);
    if (!txn_may_write(txn, table))
        return;
    txn_fine(txn, mdb_del(txn->mdb, txn->store->env.tables[table], &at, NULL));
    txn->scattered_writes[table]++;
}

static size_t table_pages(const struct store_txn *txn, enum store_table table)
{
    MDB_stat stat;
    CHECK(txn != NULL);
    if (mdb_stat(txn->mdb, txn->store->env.tables[table], &stat) != 0)
        return 0;
    return stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
}

void store_clear(struct store_txn *txn, enum store_table table)
{
    /* The format number lives there: without it the store would not open again. */
    CHECK(table != STORE_META);
    if (!txn_may_write(txn, table))
        return;
    /* Every freed page becomes a number in the list of free pages. */
    size_t list_bytes = table_pages(txn, table) * sizeof(size_t);
    txn->extra_pages += list_bytes / txn->store->env.page_size + 1;
    txn_fine(txn, mdb_drop(txn->mdb, txn->store->env.tables[table], 0));
}

/* LMDB does not tell how many pages are dirty. Appended records fill whole pages; a put
 * or a delete elsewhere is taken to touch a leaf of its own, but all of them together no
 * more pages than the table has. Sorted keys share leaves, so this errs upwards, and a
 * batch ends rather too early than too late. */
size_t store_txn_dirty_pages(const struct store_txn *txn)
{
    if (txn->trouble != OK)
        return 0;
    size_t pages = txn->appended_bytes / txn->store->env.page_size + txn->extra_pages;
    for (enum store_table table = 0; table < STORE_TABLES; table++) {
        size_t scattered = txn->scattered_writes[table];
        size_t most = scattered > 0 ? table_pages(txn, table) : 0;
        pages += scattered < most ? scattered : most;
    }
    return pages;
}

/* ---- transactions ---- */

/* Growing ahead of need: a map that fills up in the middle of a batch costs the batch, and
 * the engine its sessions. The largest batch dirties 8 MiB; a small map grows by quarters. */
#define GROWTH_ROOM_BYTES ((size_t)32 << 20)

static bool store_is_short_of_room(const struct store *store)
{
    MDB_envinfo info;
    size_t size = store->env.map_size;
    size_t room = size / 4 < GROWTH_ROOM_BYTES ? size / 4 : GROWTH_ROOM_BYTES;

    if (mdb_env_info(store->env.mdb, &info) != 0)
        return false;
    return (info.me_last_pgno + 1) * store->env.page_size + room > size;
}

enum status store_begin(struct store *store, struct store_txn **txn)
{
    CHECK(store->writer.mdb == NULL);
    *txn = NULL;
    if (store->readers_live > 0)
        return ERR_BUSY;
    if (store_is_short_of_room(store)) {
        enum status grown = store_env_grow(&store->env);
        if (grown != OK && grown != ERR_DISK_FULL) /* then the batch may still fit */
            return grown;
    }
    store->writer = (struct store_txn){.store = store, .writing = true};
    int error = mdb_txn_begin(store->env.mdb, NULL, 0, &store->writer.mdb);
    if (error != 0) {
        store->writer.mdb = NULL;
        return store_env_status(&store->env, error);
    }
    *txn = &store->writer;
    return OK;
}

static void txn_close_cursors(struct store_txn *txn)
{
    for (size_t i = 0; i < STORE_TABLES; i++) {
        if (txn->cursors[i] != NULL)
            mdb_cursor_close(txn->cursors[i]);
    }
}

static void reader_destroy(struct store_txn *reader)
{
    txn_close_cursors(reader);
    if (reader->mdb != NULL)
        mdb_txn_abort(reader->mdb);
    free(reader);
}

/* Readers are frequent: one is kept. */
enum status store_begin_read(struct store *store, struct store_txn **txn)
{
    struct store_txn *reader = store->idle_reader;
    int error;
    *txn = NULL;
    if (store->writer.mdb != NULL)
        return ERR_BUSY;
    if (reader != NULL) {
        store->idle_reader = NULL;
        error = mdb_txn_renew(reader->mdb);
    } else {
        reader = checked_malloc(sizeof *reader);
        *reader = (struct store_txn){.store = store};
        error = mdb_txn_begin(store->env.mdb, NULL, MDB_RDONLY, &reader->mdb);
    }
    if (error != 0) {
        reader_destroy(reader);
        return store_env_status(&store->env, error);
    }
    store->readers_live++;
    *txn = reader;
    return OK;
}

static void reader_end(struct store_txn *reader)
{
    struct store *store = reader->store;
    store->readers_live--;
    if (store->idle_reader != NULL) {
        reader_destroy(reader);
        return;
    }
    mdb_txn_reset(reader->mdb);
    reader->trouble = OK;
    memset(reader->cursor_ready, 0, sizeof reader->cursor_ready);
    store->idle_reader = reader;
}

static void txn_check_no_walks(const struct store_txn *txn)
{
    for (size_t i = 0; i < STORE_TABLES; i++)
        CHECK(txn->walks[i] == 0);
}

void store_abort(struct store_txn *txn)
{
    txn_check_no_walks(txn);
    if (!txn->writing) {
        reader_end(txn);
        return;
    }
    CHECK(txn->mdb != NULL);
    txn_close_cursors(txn);
    mdb_txn_abort(txn->mdb);
    txn->mdb = NULL;
}

/* The commit says of itself which one it is. A meta page whose number lost a bit can look
 * older or newer than it is, see store_pages.c. */
static void txn_number(struct store_txn *txn)
{
    uint8_t number[8];
    put_le64(number, mdb_txn_id(txn->mdb));
    if (txn->trouble == OK)
        txn_fine(txn, txn_write(txn, STORE_META, slice_text(STORE_COMMIT_KEY),
                                slice_of(number, sizeof number), 0));
}

enum status store_commit(struct store_txn *txn)
{
    CHECK(txn->writing && txn->mdb != NULL);
    struct store *store = txn->store;
    if (txn->wrote)
        txn_number(txn);
    enum status status = txn->trouble;
    if (status != OK) {
        store_abort(txn);
    } else {
        txn_check_no_walks(txn);
        txn_close_cursors(txn);
        status = store_env_status(&store->env, mdb_txn_commit(txn->mdb));
        txn->mdb = NULL;
    }
    if (status != ERR_STORE_GROWN)
        return status;
    status = store_env_grow(&store->env);
    return status == OK ? ERR_STORE_GROWN : status;
}

bool store_is_damaged(const struct store *store, enum store_table table)
{
    return store->damaged[table];
}

void store_forget_damage(struct store *store, enum store_table table)
{
    store->damaged[table] = false;
}

/* The least that is read at once, also from a slow disk: as much as a query touches. */
#define SCRUB_PAGES_MIN 16

bool store_scrub(struct store *store, uint64_t pieces)
{
    struct store_pages pages;
    bool more = false;

    CHECK(pieces > 0 && store->writer.mdb == NULL);
    if (store_pages_open(&pages, store->env.data)) {
        uint64_t most = pages.last / pieces + 1;
        more = store_pages_scrub(&pages, &store->scrub,
                                 most > SCRUB_PAGES_MIN ? most : SCRUB_PAGES_MIN);
    }
    bool broken =
        pages.root_broken || pages.spoilt[STORE_META] || pages.spoilt[STORE_HEADS];
    for (enum store_table table = 0; table < STORE_TABLES; table++) {
        broken |= pages.broken[table];
        store->damaged[table] |= pages.spoilt[table];
    }
    if (broken && store->found.of == NULL)
        store->found = pages.finding;
    store->env.must_walk |= broken;
    store_pages_close(&pages);
    return more;
}

const struct store_finding *store_found(const struct store *store)
{
    return &store->found;
}

bool store_identity(const struct store *store, uint8_t identity[STORE_IDENTITY_SIZE])
{
    return store_place_identity(&store->env.place, identity);
}

struct store_size store_measure(struct store *store)
{
    struct store_size size = {0};
    struct stat file;
    struct statvfs disk;
    struct store_txn *txn;
    /* What the file takes on the disk: most of its nominal size may be a hole. */
    if (fstat(store->env.data, &file) == 0)
        size.file = (uint64_t)file.st_blocks * 512;
    if (fstatvfs(store->env.data, &disk) == 0)
        size.disk_free = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (store_begin_read(store, &txn) != OK)
        return size;
    for (enum store_table table = 0; table < STORE_TABLES; table++)
        size.used += table_pages(txn, table) * store->env.page_size;
    store_abort(txn);
    return size;
}

/* ---- opening ---- */

enum status store_open(struct store **store, const struct store_options *options)
{
    struct store *opened = checked_malloc(sizeof *opened);
    *opened = (struct store){0};
    *store = NULL;
    enum status status = store_env_open(&opened->env, options);
    if (options->finding != NULL)
        *options->finding = opened->env.finding;
    if (status != OK) {
        free(opened);
        return status;
    }
    memcpy(opened->damaged, opened->env.damaged, sizeof opened->damaged);
    *store = opened;
    return OK;
}

void store_close(struct store *store)
{
    CHECK(store->writer.mdb == NULL && store->readers_live == 0);
    if (store->idle_reader != NULL)
        reader_destroy(store->idle_reader);
    store_env_close(&store->env);
    free(store);
}
