#include "daemon/store/store_env.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define FORMAT_KEY "format"

enum {
    FORMAT_NUMBER = 3,
    MAP_DEFAULT_BYTES = 64 << 20,
    MAP_MIN_BYTES = 64 << 10, /* room for the empty tables */
    DISK_FULL_BYTES = 1 << 20,
};

static const char *const table_names[STORE_TABLES] = {
    [STORE_META] = "meta",       [STORE_LOG] = "log",     [STORE_RUNS] = "runs",
    [STORE_HEADS] = "heads",     [STORE_ROWS] = "rows",   [STORE_CHAINS] = "chains",
    [STORE_WANTS] = "wants",     [STORE_PEERS] = "peers", [STORE_UNREAD] = "unread",
    [STORE_LOOKUPS] = "lookups", [STORE_CARE] = "care",
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
        int error = mdb_dbi_open(mdb, table_names[table], flags, &env->tables[table]);
        if (error != 0)
            return error;
    }
    return 0;
}

static enum status birth_fill(struct store_env *env)
{
    uint8_t number[8];
    MDB_txn *mdb;
    MDB_val key = store_env_val(slice_text(FORMAT_KEY));
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
    MDB_val key = store_env_val(slice_text(FORMAT_KEY));
    MDB_val value;
    MDB_dbi meta;
    int error = mdb_dbi_open(mdb, table_names[STORE_META], 0, &meta);
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

/* Looks at the format first, in a transaction that cannot write. */
static enum status env_load(struct store_env *env)
{
    MDB_txn *mdb;
    int error = mdb_txn_begin(env->mdb, NULL, MDB_RDONLY, &mdb);
    if (error != 0)
        return store_env_status(env, error);
    enum status status = format_check(env, mdb);
    if (status == OK) {
        error = open_tables(env, mdb, 0);
        status = error == MDB_NOTFOUND ? ERR_STORE_DAMAGED : store_env_status(env, error);
    }
    if (status != OK) {
        mdb_txn_abort(mdb);
        return status;
    }
    /* Table handles outlive only a transaction that is committed. */
    return store_env_status(env, mdb_txn_commit(mdb));
}

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
    if (!exists)
        status = env_create(env, options, map_size);
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
    if (status != OK)
        store_env_close(env);
    return status;
}

void store_env_close(struct store_env *env)
{
    env_close(env);
    store_place_close(&env->place);
}
