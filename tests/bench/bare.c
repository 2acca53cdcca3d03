#include "tests/bench/bare.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lmdb.h>

#include "tests/bench/people.h"
#include "tests/bench/report.h"

#define TABLES_MAX 32

/* What of a table is put, and when. */
enum turn {
    EACH_WRITE_NEXT,   /* the next row, at the end */
    EACH_WRITE_RANDOM, /* any of its rows; all are there before */
    EACH_RUN_NEXT,     /* the next row, at the end; as many a commit as the daemon had */
    EACH_RUN_ANYWHERE, /* likewise, in its place */
    EACH_COMMIT,       /* its first row */
};
static const struct {
    const char *name;
    enum turn turn;
} turns[] = {
    {"rows", EACH_WRITE_NEXT},   {"chains", EACH_WRITE_RANDOM}, {"log", EACH_RUN_NEXT},
    {"runs", EACH_RUN_ANYWHERE}, {"heads", EACH_COMMIT},        {"meta", EACH_COMMIT},
};
enum { ROWS = 0, LOG = 2, TURNS = ARRAY_SIZE(turns) };

struct copied {
    MDB_val *keys, *values; /* in the daemon's map */
    size_t count, next;
    MDB_dbi into;
};

static void must(int error, const char *what)
{
    if (error != 0)
        give_up("%s: %s", what, mdb_strerror(error));
}

static MDB_env *open_env(const char *path, size_t map_size, unsigned flags)
{
    MDB_env *env;
    must(mdb_env_create(&env), "lmdb");
    must(mdb_env_set_maxdbs(env, TABLES_MAX), "lmdb");
    if (map_size > 0)
        must(mdb_env_set_mapsize(env, map_size), "lmdb");
    must(mdb_env_open(env, path, flags | MDB_NOLOCK | MDB_NOTLS, 0600), path);
    return env;
}

/* A table that the daemon does not have is empty. */
static void read_table(MDB_txn *txn, const char *name, struct copied *copied)
{
    MDB_dbi table;
    MDB_stat stat;
    MDB_cursor *cursor;
    if (mdb_dbi_open(txn, name, 0, &table) != 0)
        return;
    must(mdb_stat(txn, table, &stat), name);
    must(mdb_cursor_open(txn, table, &cursor), name);
    copied->keys = checked_malloc((stat.ms_entries + 1) * sizeof *copied->keys);
    copied->values = checked_malloc((stat.ms_entries + 1) * sizeof *copied->values);
    while (copied->count < stat.ms_entries &&
           mdb_cursor_get(cursor, &copied->keys[copied->count],
                          &copied->values[copied->count], MDB_NEXT) == 0)
        copied->count++;
    mdb_cursor_close(cursor);
}

static size_t put(MDB_txn *txn, struct copied *copied, size_t index, unsigned flags)
{
    must(mdb_put(txn, copied->into, &copied->keys[index], &copied->values[index], flags),
         "mdb_put");
    return copied->keys[index].mv_size + copied->values[index].mv_size;
}

/* One commit's share of a table: bytes put. */
static size_t put_turn(MDB_txn *txn, struct copied *copied, enum turn turn, size_t writes,
                       size_t runs, struct chance *chance)
{
    size_t bytes = 0, count = 0;
    switch (turn) {
    case EACH_WRITE_NEXT:
    case EACH_WRITE_RANDOM: count = writes; break;
    case EACH_RUN_NEXT:
    case EACH_RUN_ANYWHERE: count = runs; break;
    case EACH_COMMIT: count = 1; break;
    }
    for (; count > 0 && copied->count > 0; count--) {
        size_t at = 0;
        if (turn == EACH_WRITE_RANDOM)
            at = (size_t)chance_below(chance, copied->count);
        else if (turn != EACH_COMMIT && copied->next == copied->count)
            break;
        else if (turn != EACH_COMMIT)
            at = copied->next++;
        bytes += put(txn, copied, at,
                     turn == EACH_WRITE_NEXT || turn == EACH_RUN_NEXT ? MDB_APPEND : 0);
    }
    return bytes;
}

/* `each` as often as it must have come after `commits`, less what came before. */
static size_t share(double each, uint64_t commits)
{
    return (size_t)(each * (double)(commits + 1)) - (size_t)(each * (double)commits);
}

void bare_run(const char *store, const char *work, unsigned seconds_max,
              struct bare *bare)
{
    struct copied copied[TURNS] = {{0}};
    struct chance chance = {64};
    MDB_envinfo info;
    MDB_txn *from, *txn;
    uint64_t bytes = 0, commits = 0;
    MDB_env *daemons = open_env(store, 0, MDB_RDONLY);
    must(mdb_env_info(daemons, &info), store);
    must(mdb_txn_begin(daemons, NULL, MDB_RDONLY, &from), store);
    for (size_t i = 0; i < TURNS; i++)
        read_table(from, turns[i].name, &copied[i]);
    *bare = (struct bare){.writes_per_commit =
                              (double)copied[ROWS].count / (double)info.me_last_txnid};
    double runs_per_commit = (double)copied[LOG].count / (double)info.me_last_txnid;

    if (mkdir(work, 0700) != 0)
        give_up("cannot make %s", work);
    MDB_env *env = open_env(work, info.me_mapsize, 0);
    must(mdb_txn_begin(env, NULL, 0, &txn), work);
    for (size_t i = 0; i < TURNS; i++) {
        must(mdb_dbi_open(txn, turns[i].name, MDB_CREATE, &copied[i].into), work);
        for (size_t at = 0; turns[i].turn == EACH_WRITE_RANDOM && at < copied[i].count;
             at++)
            (void)put(txn, &copied[i], at, 0);
    }
    must(mdb_txn_commit(txn), work);

    uint64_t begin_ns = steady_ns(), now_ns = begin_ns;
    while (copied[ROWS].next < copied[ROWS].count &&
           now_ns - begin_ns < seconds_max * UINT64_C(1000000000)) {
        size_t writes = share(bare->writes_per_commit, commits);
        size_t runs = share(runs_per_commit, commits);
        must(mdb_txn_begin(env, NULL, 0, &txn), work);
        for (size_t i = 0; i < TURNS; i++)
            bytes += put_turn(txn, &copied[i], turns[i].turn, writes, runs, &chance);
        must(mdb_txn_commit(txn), work);
        commits++;
        now_ns = steady_ns();
    }
    bare->writes = copied[ROWS].next;
    bare->seconds = (double)(now_ns - begin_ns) / 1e9;
    bare->writes_per_s = (double)bare->writes / bare->seconds;
    bare->bytes_per_write = (double)bytes / (double)bare->writes;
    mdb_env_close(env);
    mdb_txn_abort(from);
    mdb_env_close(daemons);
    for (size_t i = 0; i < TURNS; i++) {
        free(copied[i].keys);
        free(copied[i].values);
    }
}
