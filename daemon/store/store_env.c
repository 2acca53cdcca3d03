#include "daemon/store/store_env.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "daemon/store/store_pages.h"

enum {
    FORMAT_NUMBER = 4, /* 4: each commit says which one it is */
    MAP_DEFAULT_BYTES = 64 << 20,
    MAP_MIN_BYTES = 64 << 10, /* room for the empty tables */
    DISK_FULL_BYTES = 1 << 20,
    WALK_ALWAYS_BYTES = 64 << 20, /* read in a tenth of a second, however it was left */
    COPY_PIECE_BYTES = 4 << 20,   /* a commit of it; LMDB keeps its pages in memory */
};

/* ---- troubles ---- */

/* LMDB calls a short write EIO, and a short write is what a disk that is just filling up
 * answers with; only the free space tells it from a failing disk. */
static bool disk_is_full(const struct store_env *env)
{
    struct statvfs disk;
    if (fstatvfs(env->data, &disk) != 0)
        return false;
    return (uint64_t)disk.f_bavail * disk.f_frsize < DISK_FULL_BYTES;
}

enum status store_env_status(const struct store_env *env, int error)
{
    switch (error) {
    case 0: return OK;
    case MDB_MAP_FULL: return ERR_STORE_GROWN;
    case MDB_VERSION_MISMATCH: return ERR_STORE_FORMAT;
    case MDB_INVALID:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND: return ERR_STORE_DAMAGED;
    default: break;
    }
    if (error == EIO && env->data >= 0 && disk_is_full(env))
        return ERR_DISK_FULL;
    return store_place_status(error > 0 ? error : EIO);
}

/* ---- the map ---- */

/* The file is given the size of the map, as a hole. A page that is allocated and freed
 * within one transaction is never written, so that otherwise an intact file may end
 * before its last page (after one commit in a hundred, with random work) and could not be
 * told from one that was cut short. */
static enum status env_extend_file(struct store_env *env, size_t size)
{
    struct stat file;
    if (fstat(env->data, &file) != 0)
        return store_env_status(env, errno);
    if ((uint64_t)file.st_size >= size)
        return OK;
    if (ftruncate(env->data, (off_t)size) != 0)
        return store_env_status(env, errno);
    if (!env->place.without_sync && fsync(env->data) != 0)
        return store_env_status(env, errno);
    return OK;
}

enum status store_env_grow(struct store_env *env)
{
    size_t doubled = env->map_size * 2;
    enum status status = env_extend_file(env, doubled);
    if (status != OK)
        return status;
    int error = mdb_env_set_mapsize(env->mdb, doubled);
    if (error != 0) {
        /* LMDB has unmapped the old map by now, and nothing can go on without one. */
        CHECK(mdb_env_set_mapsize(env->mdb, env->map_size) == 0);
        return store_env_status(env, error);
    }
    env->map_size = doubled;
    return OK;
}

/* ---- opening ---- */

/* `name` is the store's directory or the one it is born in. */
static enum status env_open(struct store_env *env, const struct store_options *options,
                            const char *name, size_t map_size)
{
    char path[4096];
    MDB_stat stat;
    /* No table of readers: one process has the store, and none of its readers lives while
     * it writes. The table would be a page written at every look, and the disk stays
     * quiet where nothing happens. */
    unsigned flags = MDB_NOLOCK | MDB_NOTLS |
                     (options->without_sync ? MDB_NOSYNC | MDB_NOMETASYNC : 0);
    int length = snprintf(path, sizeof path, "%s/%s", options->directory, name);
    if (length < 0 || (size_t)length >= sizeof path)
        return store_place_status(ENAMETOOLONG);
    int error = mdb_env_create(&env->mdb);
    if (error != 0)
        return store_env_status(env, error);
    if ((error = mdb_env_set_maxdbs(env->mdb, STORE_TABLES)) != 0 ||
        (error = mdb_env_set_mapsize(env->mdb, map_size)) != 0 ||
        (error = mdb_env_open(env->mdb, path, flags, 0600)) != 0 ||
        (error = mdb_env_get_fd(env->mdb, &env->data)) != 0 ||
        (error = mdb_env_stat(env->mdb, &stat)) != 0)
        return store_env_status(env, error);
    env->page_size = stat.ms_psize;
    return OK;
}

static void env_close(struct store_env *env)
{
    int error = errno;
    if (env->mdb != NULL)
        mdb_env_close(env->mdb);
    env->mdb = NULL;
    env->data = -1;
    errno = error;
}

static int open_tables(struct store_env *env, MDB_txn *mdb, unsigned flags)
{
    for (enum store_table table = 0; table < STORE_TABLES; table++) {
        int error =
            mdb_dbi_open(mdb, store_table_names[table], flags, &env->tables[table]);
        if (error != 0)
            return error;
    }
    return 0;
}

static enum status birth_fill(struct store_env *env)
{
    uint8_t number[8];
    MDB_txn *mdb;
    MDB_val key = store_env_val(slice_text(STORE_FORMAT_KEY));
    MDB_val value = store_env_val(slice_of(number, sizeof number));
    put_le64(number, FORMAT_NUMBER);
    int error = mdb_txn_begin(env->mdb, NULL, 0, &mdb);
    if (error != 0)
        return store_env_status(env, error);
    if ((error = open_tables(env, mdb, MDB_CREATE)) != 0 ||
        (error = mdb_put(mdb, env->tables[STORE_META], &key, &value, 0)) != 0) {
        mdb_txn_abort(mdb);
        return store_env_status(env, error);
    }
    return store_env_status(env, mdb_txn_commit(mdb));
}

static enum status env_create(struct store_env *env, const struct store_options *options,
                              size_t map_size)
{
    enum status status = store_place_begin_birth(&env->place);
    if (status == OK)
        status = env_open(env, options, STORE_PLACE_BIRTH_NAME, map_size);
    if (status == OK)
        status = birth_fill(env);
    if (status == OK)
        status = env_extend_file(env, map_size);
    env_close(env);
    return status == OK ? store_place_end_birth(&env->place) : status;
}

/* LMDB opens a file that was cut short and then dies of SIGBUS: so before any page is
 * looked at, the last one must lie within the file. */
static enum status env_check_size(struct store_env *env)
{
    MDB_envinfo info;
    struct stat file;
    int error = mdb_env_info(env->mdb, &info);
    if (error != 0)
        return store_env_status(env, error);
    if (fstat(env->data, &file) != 0)
        return store_env_status(env, errno);
    uint64_t needed = ((uint64_t)info.me_last_pgno + 1) * env->page_size;
    env->map_size = info.me_mapsize;
    return (uint64_t)file.st_size >= needed ? OK : ERR_STORE_DAMAGED;
}

static enum status format_check(struct store_env *env, MDB_txn *mdb)
{
    MDB_val key = store_env_val(slice_text(STORE_FORMAT_KEY));
    MDB_val value;
    MDB_dbi meta;
    int error = mdb_dbi_open(mdb, store_table_names[STORE_META], 0, &meta);
    if (error == 0)
        error = mdb_get(mdb, meta, &key, &value);
    if (error == MDB_NOTFOUND)
        return ERR_STORE_FORMAT;
    if (error != 0)
        return store_env_status(env, error);
    if (value.mv_size != 8 || get_le64(value.mv_data) != FORMAT_NUMBER)
        return ERR_STORE_FORMAT;
    return OK;
}

/* Tables that follow from the logs come with newer programs. A store from before has them
 * made, as if their rows had been damaged. */
static enum status add_derived_tables(struct store_env *env)
{
    MDB_txn *mdb;
    int error = mdb_txn_begin(env->mdb, NULL, 0, &mdb);
    if (error != 0)
        return store_env_status(env, error);
    for (enum store_table table = 0; error == 0 && table < STORE_TABLES; table++) {
        error = mdb_dbi_open(mdb, store_table_names[table], 0, &env->tables[table]);
        if (error == MDB_NOTFOUND && store_table_is_derived(table)) {
            env->damaged[table] = true;
            error = mdb_dbi_open(mdb, store_table_names[table], MDB_CREATE,
                                 &env->tables[table]);
        }
    }
    if (error == 0) { /* each commit says which one it is */
        uint8_t row[8 + STORE_CHECK_SIZE];
        MDB_val key = store_env_val(slice_text(STORE_COMMIT_KEY));
        MDB_val value = store_env_val(slice_of(row, sizeof row));
        put_le64(row, mdb_txn_id(mdb));
        put_le32(row + 8, store_row_check(STORE_META, slice_text(STORE_COMMIT_KEY),
                                          slice_of(row, 8)));
        error = mdb_put(mdb, env->tables[STORE_META], &key, &value, 0);
    }
    if (error == 0)
        return store_env_status(env, mdb_txn_commit(mdb));
    mdb_txn_abort(mdb);
    return error == MDB_NOTFOUND ? ERR_STORE_DAMAGED : store_env_status(env, error);
}

/* Looks at the format first, in a transaction that cannot write. */
static enum status env_load(struct store_env *env)
{
    MDB_txn *mdb;
    int error = mdb_txn_begin(env->mdb, NULL, MDB_RDONLY, &mdb);
    if (error != 0)
        return store_env_status(env, error);
    enum status status = format_check(env, mdb);
    if (status == OK)
        error = open_tables(env, mdb, 0);
    if (status != OK || error != 0) {
        mdb_txn_abort(mdb);
        if (status == OK)
            status = error == MDB_NOTFOUND ? add_derived_tables(env)
                                           : store_env_status(env, error);
        return status;
    }
    /* Table handles outlive only a transaction that is committed. */
    return store_env_status(env, mdb_txn_commit(mdb));
}

/* ---- the size of the map ---- */

static size_t map_size_of(const struct store_options *options, uint64_t file_size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t size = options->map_size > 0 ? options->map_size : MAP_DEFAULT_BYTES;
    if (size < MAP_MIN_BYTES)
        size = MAP_MIN_BYTES;
    /* The file has the size that the map had grown to. */
    if (size < file_size)
        size = (size_t)file_size;
    return (size + page - 1) / page * page;
}

/* ---- what was damaged on the disk ---- */

struct copy {
    struct store_env *env;
    MDB_txn *mdb;
    enum store_table table;
    size_t bytes; /* not committed yet */
    int error;
};

static bool copy_row(void *context, struct slice key, struct slice stored)
{
    struct copy *copy = context;
    MDB_val at = store_env_val(key);
    MDB_val value = store_env_val(stored);
    if (copy->table == STORE_META && slice_equal(key, slice_text(STORE_COMMIT_KEY)))
        return true; /* the row describes the old file and is not copied */
    copy->error =
        mdb_put(copy->mdb, copy->env->tables[copy->table], &at, &value, MDB_APPEND);
    copy->bytes += key.size + stored.size;
    if (copy->error == 0 && copy->bytes >= COPY_PIECE_BYTES) {
        copy->bytes = 0;
        copy->error = mdb_txn_commit(copy->mdb);
        copy->mdb = NULL;
        if (copy->error == 0)
            copy->error = mdb_txn_begin(copy->env->mdb, NULL, 0, &copy->mdb);
    }
    return copy->error == 0;
}

/* Rows as they stand, their checks with them: what fails its check goes on doing so. */
static int copy_tables(struct store_env *env, struct store_pages *pages, bool derived)
{
    struct copy copy = {.env = env};
    copy.error = mdb_txn_begin(env->mdb, NULL, 0, &copy.mdb);
    if (copy.error == 0)
        copy.error = open_tables(env, copy.mdb, MDB_CREATE);
    for (copy.table = 0; copy.error == 0 && copy.table < STORE_TABLES; copy.table++) {
        if (derived || !store_table_is_derived(copy.table))
            store_pages_rows(pages, copy.table, copy_row, &copy);
    }
    if (copy.error == 0)
        return mdb_txn_commit(copy.mdb);
    if (copy.mdb != NULL)
        mdb_txn_abort(copy.mdb);
    return copy.error;
}

/* LMDB neither gives back a page that is in no tree nor may it touch one that is not sound: so
 * what can be reached goes into a new file, which takes the place of this one. */
static enum status env_salvage(struct store_env *env, const struct store_options *options,
                               struct store_pages *pages, bool derived, size_t map_size)
{
    enum status status = store_place_begin_birth(&env->place);
    if (status == OK)
        status = env_open(env, options, STORE_PLACE_BIRTH_NAME, map_size);
    if (status == OK)
        status = store_env_status(env, copy_tables(env, pages, derived));
    if (status == OK)
        status = env_extend_file(env, map_size);
    env_close(env);
    return status == OK ? store_place_exchange(&env->place) : status;
}

/* The store can go on where its logs can be found and their last number is known; of the logs
 * a piece may be missing, which `log verify` names. */
static enum status env_judge(struct store_env *env, const struct store_options *options,
                             struct store_pages *pages, size_t map_size)
{
    bool derived = true, broken = pages->free_broken;
    if (pages->root_broken || pages->broken[STORE_META])
        return ERR_STORE_DAMAGED;
    if (pages->format != FORMAT_NUMBER)
        return OK; /* refused when it is opened */
    if (pages->broken[STORE_HEADS] || pages->spoilt[STORE_META] ||
        pages->spoilt[STORE_HEADS] || !pages->end_is_sound[STORE_LOG])
        return ERR_STORE_DAMAGED;
    for (enum store_table table = 0; table < STORE_TABLES; table++) {
        env->damaged[table] = pages->spoilt[table] || pages->broken[table];
        broken |= pages->broken[table];
        if (pages->broken[table] && store_table_is_derived(table))
            derived = false;
    }
    return broken ? env_salvage(env, options, pages, derived, map_size) : OK;
}

/* Before LMDB follows any page. */
static enum status env_inspect(struct store_env *env, const struct store_options *options,
                               size_t map_size)
{
    struct store_pages pages;
    uint64_t closed = store_place_take_mark(&env->place);
    int file = store_place_open_data(&env->place);
    enum status status = ERR_STORE_DAMAGED;
    if (file < 0)
        return store_env_status(env, errno);
    if (store_pages_open(&pages, file)) {
        bool small = (pages.last + 1) * pages.page_size <= WALK_ALWAYS_BYTES;
        status = OK;
        if (small || closed == 0 || closed != pages.commit) {
            store_pages_walk(&pages);
            status = env_judge(env, options, &pages, map_size);
        }
    }
    env->finding = pages.finding;
    store_pages_close(&pages);
    (void)close(file);
    return status;
}

static enum status env_open_place(struct store_env *env,
                                  const struct store_options *options)
{
    bool exists;
    uint64_t file_size;
    enum status status = store_place_find(&env->place, &exists, &file_size);
    if (status != OK)
        return status;
    if (exists && file_size == 0) /* LMDB would take it for a new one */
        return ERR_STORE_DAMAGED;
    size_t map_size = map_size_of(options, file_size);
    status =
        exists ? env_inspect(env, options, map_size) : env_create(env, options, map_size);
    if (status == OK)
        status = env_open(env, options, STORE_PLACE_NAME, map_size);
    if (status == OK)
        status = env_check_size(env);
    if (status == OK)
        status = env_load(env);
    if (status == OK)
        status = env_extend_file(env, env->map_size);
    return status;
}

enum status store_env_open(struct store_env *env, const struct store_options *options)
{
    *env = (struct store_env){.data = -1};
    enum status status =
        store_place_open(&env->place, options->directory, options->without_sync);
    if (status != OK)
        return status;
    status = env_open_place(env, options);
    if (status != OK) {
        env_close(env);
        store_place_close(&env->place);
    }
    return status;
}

void store_env_close(struct store_env *env)
{
    MDB_envinfo info;
    bool known = !env->must_walk && mdb_env_info(env->mdb, &info) == 0;
    env_close(env);
    if (known)
        store_place_leave_mark(&env->place, info.me_last_txnid);
    store_place_close(&env->place);
}
