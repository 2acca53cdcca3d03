/* store_fixture.h - a store in a directory of its own, for the tests of the store.
 *
 * Include after <cmocka.h>. Whoever forks does it before the parent opens the store: an
 * LMDB environment must not be used on both sides of a fork. */
#ifndef LINLI_TESTS_UNIT_STORE_FIXTURE_H
#define LINLI_TESTS_UNIT_STORE_FIXTURE_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/store/store_lmdb.h"

struct store_fixture {
    char directory[256];
    struct store *store; /* NULL while closed */
};

static inline int fixture_remove_path(const char *path, const struct stat *stat, int type,
                                      struct FTW *where)
{
    (void)stat;
    (void)type;
    (void)where;
    return remove(path);
}

static inline void fixture_remove_tree(const char *path)
{
    nftw(path, fixture_remove_path, 16, FTW_DEPTH | FTW_PHYS);
}

static inline int fixture_setup(void **state)
{
    struct store_fixture *fixture = checked_malloc(sizeof *fixture);
    const char *parent = getenv("TMPDIR");
    fixture->store = NULL;
    snprintf(fixture->directory, sizeof fixture->directory, "%s/linli-store-XXXXXX",
             parent != NULL ? parent : "/tmp");
    *state = fixture;
    return mkdtemp(fixture->directory) != NULL ? 0 : -1;
}

static inline void fixture_close(struct store_fixture *fixture)
{
    if (fixture->store != NULL)
        store_close(fixture->store);
    fixture->store = NULL;
}

/* A test closes its store at its end. One that failed may have left a transaction open,
 * with which a store does not close; it is given up as it is. */
static inline int fixture_teardown(void **state)
{
    struct store_fixture *fixture = *state;
    fixture_remove_tree(fixture->directory);
    free(fixture);
    return 0;
}

static inline enum status fixture_try_open(struct store_fixture *fixture)
{
    return store_open(&fixture->store,
                      &(struct store_options){.directory = fixture->directory});
}

static inline void fixture_open(struct store_fixture *fixture)
{
    assert_int_equal(fixture_try_open(fixture), OK);
}

static inline void fixture_open_small(struct store_fixture *fixture, size_t map_size)
{
    assert_int_equal(store_open(&fixture->store,
                                &(struct store_options){.directory = fixture->directory,
                                                        .without_sync = true,
                                                        .map_size = map_size}),
                     OK);
}

static inline void fixture_reopen(struct store_fixture *fixture)
{
    fixture_close(fixture);
    fixture_open(fixture);
}

static inline struct store_txn *fixture_begin(struct store_fixture *fixture)
{
    struct store_txn *txn;
    assert_int_equal(store_begin(fixture->store, &txn), OK);
    return txn;
}

static inline struct store_txn *fixture_begin_read(struct store_fixture *fixture)
{
    struct store_txn *txn;
    assert_int_equal(store_begin_read(fixture->store, &txn), OK);
    return txn;
}

static inline void text_put(struct store_txn *txn, enum store_table table,
                            const char *key, const char *value)
{
    store_put(txn, table, slice_text(key), slice_text(value));
}

/* True where `key` is there with exactly `value`. */
static inline bool text_is(struct store_txn *txn, enum store_table table, const char *key,
                           const char *value)
{
    struct slice found;
    return store_get(txn, table, slice_text(key), &found) &&
           slice_equal(found, slice_text(value));
}

static inline bool text_absent(struct store_txn *txn, enum store_table table,
                               const char *key)
{
    struct slice found;
    return !store_get(txn, table, slice_text(key), &found);
}

/* As text_is, in a transaction of its own. */
static inline bool committed_is(struct store_fixture *fixture, const char *key,
                                const char *value)
{
    struct store_txn *txn = fixture_begin_read(fixture);
    bool same = text_is(txn, STORE_CHAINS, key, value);
    store_abort(txn);
    return same;
}

static inline enum status commit_text(struct store_fixture *fixture, const char *key,
                                      const char *value)
{
    struct store_txn *txn = fixture_begin(fixture);
    text_put(txn, STORE_CHAINS, key, value);
    return store_commit(txn);
}

#endif
