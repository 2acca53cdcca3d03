/* How a store opens and what it survives: an interrupted creation, another process, a
 * newer format, damage, a full disk, kill -9. */
#define _GNU_SOURCE /* unshare and mount, for a disk that can be filled */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include <lmdb.h>

#include "daemon/store/store_pages.h"
#include "tests/unit/store_fixture.h"

enum { PATH_SIZE = 512 };

static const char *path_in(const struct store_fixture *fixture, const char *name)
{
    static char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", fixture->directory, name);
    return path;
}

static const char *data_path(const struct store_fixture *fixture)
{
    return path_in(fixture, "store/data.mdb");
}

static bool exists(const struct store_fixture *fixture, const char *name)
{
    return access(path_in(fixture, name), F_OK) == 0;
}

static void write_file(const struct store_fixture *fixture, const char *name,
                       const char *content)
{
    FILE *file = fopen(path_in(fixture, name), "w");
    assert_non_null(file);
    fputs(content, file);
    assert_int_equal(fclose(file), 0);
}

static void make_directory(const struct store_fixture *fixture, const char *name)
{
    assert_int_equal(mkdir(path_in(fixture, name), 0700), 0);
}

/* The file's first bytes up to `size`, to be freed. */
static uint8_t *read_data(const struct store_fixture *fixture, size_t size)
{
    uint8_t *bytes = checked_malloc(size);
    FILE *file = fopen(data_path(fixture), "r");
    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, size, file), size);
    fclose(file);
    return bytes;
}

/* ---- creation ---- */

static void the_directory_is_made_for_its_owner_alone(void **state)
{
    struct store_fixture *fixture = *state;
    struct store *store;
    struct stat stat_made;
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s", path_in(fixture, "made"));
    struct store_options options = {.directory = path};
    assert_int_equal(store_open(&store, &options), OK);
    store_close(store);
    assert_int_equal(stat(path, &stat_made), 0);
    assert_int_equal(stat_made.st_mode & 07777, 0700);
    assert_int_equal(stat(path_in(fixture, "made/store/data.mdb"), &stat_made), 0);
    assert_int_equal(stat_made.st_mode & 07777, 0600);
}

static void a_place_that_cannot_be_made_is_an_error_with_its_reason(void **state)
{
    struct store_fixture *fixture = *state;
    struct store *store;
    struct store_options options = {.directory = path_in(fixture, "no/parent")};
    assert_int_equal(store_open(&store, &options), ERR_STORE);
    assert_int_equal(errno, ENOENT);
    assert_null(store);
}

static void an_interrupted_creation_is_removed_and_done_again(void **state)
{
    struct store_fixture *fixture = *state;
    make_directory(fixture, "store.new");
    write_file(fixture, "store.new/data.mdb", "half of a page");
    fixture_open(fixture);
    assert_false(exists(fixture, "store.new"));
    assert_int_equal(commit_text(fixture, "kept", "yes"), OK);
    /* As after a power cut between the renaming and the next creation's first step. */
    fixture_close(fixture);
    make_directory(fixture, "store.new");
    fixture_open(fixture);
    assert_false(exists(fixture, "store.new"));
    assert_true(committed_is(fixture, "kept", "yes"));
    fixture_close(fixture);
}

static void a_store_that_lost_its_file_is_not_replaced(void **state)
{
    struct store_fixture *fixture = *state;
    fixture_open(fixture);
    fixture_close(fixture);
    assert_int_equal(unlink(data_path(fixture)), 0);
    assert_int_equal(fixture_try_open(fixture), ERR_STORE_DAMAGED);
    assert_false(exists(fixture, "store/data.mdb"));
    fixture_close(fixture);
}

/* ---- one process at a time ---- */

static void a_store_that_is_open_is_refused_to_others(void **state)
{
    struct store_fixture *fixture = *state;
    struct store *second;
    struct store_options options = {.directory = fixture->directory};
    int ends[2];
    char go;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        bool told = read(ends[0], &go, 1) == 1;
        _exit(told && store_open(&second, &options) == ERR_STORE_LOCKED ? 0 : 1);
    }
    fixture_open(fixture);
    assert_int_equal(write(ends[1], "g", 1), 1);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(store_open(&second, &options), ERR_STORE_LOCKED);
    fixture_reopen(fixture);
    close(ends[0]);
    close(ends[1]);
    fixture_close(fixture);
}

/* ---- other formats and damage ---- */

static void a_newer_format_is_refused_and_left_as_it_was(void **state)
{
    struct store_fixture *fixture = *state;
    uint8_t newer[8];
    struct stat before;
    struct stat after;
    fixture_open_small(fixture, 1 << 20);
    struct store_txn *txn = fixture_begin(fixture);
    put_le64(newer, 1000);
    store_put(txn, STORE_META, slice_text("format"), slice_of(newer, sizeof newer));
    assert_int_equal(store_commit(txn), OK);
    fixture_close(fixture);
    assert_int_equal(stat(data_path(fixture), &before), 0);
    uint8_t *bytes = read_data(fixture, (size_t)before.st_size);
    assert_int_equal(fixture_try_open(fixture), ERR_STORE_FORMAT);
    assert_null(fixture->store);
    assert_int_equal(stat(data_path(fixture), &after), 0);
    assert_int_equal(after.st_size, before.st_size);
    assert_memory_equal(&after.st_mtim, &before.st_mtim, sizeof after.st_mtim);
    uint8_t *same = read_data(fixture, (size_t)before.st_size);
    assert_memory_equal(same, bytes, (size_t)before.st_size);
    free(same);
    free(bytes);
    fixture_close(fixture);
}

/* As a program left it that did not know the table yet. */
static void drop_table(const struct store_fixture *fixture, enum store_table table)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi meta, dropped;
    uint8_t row[8 + STORE_CHECK_SIZE];
    char key[] = STORE_COMMIT_KEY;
    MDB_val at = {.mv_size = sizeof key - 1, .mv_data = key};
    MDB_val value = {.mv_size = sizeof row, .mv_data = row};
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, STORE_TABLES), 0);
    assert_int_equal(mdb_env_open(env, path_in(fixture, "store"), MDB_NOLOCK, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, store_table_names[STORE_META], 0, &meta), 0);
    assert_int_equal(mdb_dbi_open(txn, store_table_names[table], 0, &dropped), 0);
    put_le64(row, mdb_txn_id(txn));
    put_le32(row + 8,
             store_row_check(STORE_META, slice_text(STORE_COMMIT_KEY), slice_of(row, 8)));
    assert_int_equal(mdb_put(txn, meta, &at, &value, 0), 0);
    assert_int_equal(mdb_drop(txn, dropped, 1), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static void a_table_that_is_newer_than_the_store_is_made(void **state)
{
    struct store_fixture *fixture = *state;
    fixture_open(fixture);
    fixture_close(fixture);
    drop_table(fixture, STORE_LEADS);
    fixture_open(fixture);
    for (enum store_table table = 0; table < STORE_TABLES; table++)
        assert_int_equal(store_is_damaged(fixture->store, table), table == STORE_LEADS);
    fixture_reopen(fixture);
    assert_false(store_is_damaged(fixture->store, STORE_LEADS));
    fixture_close(fixture);
    drop_table(fixture, STORE_HEADS);
    assert_int_equal(fixture_try_open(fixture), ERR_STORE_DAMAGED);
    fixture_close(fixture);
}

static void fill(struct store_fixture *fixture, uint64_t rows, enum status expected)
{
    static const uint8_t value[1000] = {1};
    uint8_t key[8];
    struct store_txn *txn = fixture_begin(fixture);
    for (uint64_t i = 0; i < rows; i++) {
        put_be64(key, i);
        store_put(txn, STORE_ROWS, slice_of(key, 8), slice_of(value, sizeof value));
    }
    assert_int_equal(store_commit(txn), expected);
}

static void a_file_that_was_cut_short_is_refused_wherever_it_ends(void **state)
{
    struct store_fixture *fixture = *state;
    fixture_open(fixture);
    fill(fixture, 500, OK);
    uint64_t used = store_measure(fixture->store).used;
    fixture_close(fixture);
    assert_true(used > 500 * 1000);
    for (off_t size = (off_t)used - 1; size >= 0; size = size > 9000 ? size - 9000 : -1) {
        struct stat after;
        assert_int_equal(truncate(data_path(fixture), size), 0);
        assert_int_equal(fixture_try_open(fixture), ERR_STORE_DAMAGED);
        assert_int_equal(stat(data_path(fixture), &after), 0);
        assert_int_equal(after.st_size, size);
    }
    assert_int_equal(truncate(data_path(fixture), 0), 0);
    assert_int_equal(fixture_try_open(fixture), ERR_STORE_DAMAGED);
    fixture_close(fixture);
}

static void a_file_that_is_no_store_is_refused(void **state)
{
    struct store_fixture *fixture = *state;
    char text[10000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    make_directory(fixture, "store");
    write_file(fixture, "store/data.mdb", text);
    assert_int_equal(fixture_try_open(fixture), ERR_STORE_DAMAGED);
    uint8_t *bytes = read_data(fixture, sizeof text - 1);
    assert_memory_equal(bytes, text, sizeof text - 1);
    free(bytes);
}

enum { LARGE_ROWS = 5, LARGE_SIZE = 6000 };

/* Rows of the log in one leaf, whose values have pages of their own; the header of the one
 * that begins with the row's number is another kind's then. */
static void break_large_value(struct store_fixture *fixture, uint8_t broken)
{
    uint8_t key[8], value[LARGE_SIZE], kind;
    struct stat stat_made;
    size_t found = 0;
    fixture_open(fixture);
    struct store_txn *txn = fixture_begin(fixture);
    for (uint8_t i = 1; i <= LARGE_ROWS; i++) {
        put_be64(key, i);
        memset(value, i, sizeof value);
        store_append(txn, STORE_LOG, slice_of(key, 8), slice_of(value, sizeof value));
    }
    assert_int_equal(store_commit(txn), OK);
    fixture_close(fixture);
    assert_int_equal(stat(data_path(fixture), &stat_made), 0);
    uint8_t *bytes = read_data(fixture, (size_t)stat_made.st_size);
    memset(value, broken, sizeof value);
    int fd = open(data_path(fixture), O_WRONLY);
    assert_true(fd >= 0);
    for (size_t page = 0; page + 8192 <= (size_t)stat_made.st_size; page += 4096) {
        if (memcmp(bytes + page + 16, value, sizeof value) != 0)
            continue;
        kind = 1;
        assert_int_equal(pwrite(fd, &kind, 1, (off_t)page + 10), 1);
        found++;
    }
    assert_int_equal(found, 1);
    close(fd);
    free(bytes);
}

static void a_broken_large_value_takes_no_other_of_its_leaf_with_it(void **state)
{
    struct store_fixture *fixture = *state;
    static const uint8_t broken[] = {1, 3, LARGE_ROWS - 1};
    for (size_t round = 0; round < ARRAY_SIZE(broken); round++) {
        uint8_t key[8];
        struct slice value;
        break_large_value(fixture, broken[round]);
        fixture_open(fixture);
        struct store_txn *txn = fixture_begin_read(fixture);
        for (uint8_t i = 1; i <= LARGE_ROWS; i++) {
            put_be64(key, i);
            assert_int_equal(store_get(txn, STORE_LOG, slice_of(key, 8), &value),
                             i != broken[round]);
        }
        store_abort(txn);
        fixture_close(fixture);
        fixture_remove_tree(path_in(fixture, "store"));
    }
}

/* What bears the name of a leftover is removed after a power cut. */
static void a_damaged_store_never_bears_the_name_of_a_leftover(void **state)
{
    struct store_fixture *fixture = *state;
    _Alignas(struct inotify_event) char events[4096];
    break_large_value(fixture, 1);
    int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    assert_true(watch >= 0);
    assert_true(inotify_add_watch(watch, fixture->directory, IN_MOVED_TO) >= 0);
    fixture_open(fixture);
    assert_true(exists(fixture, "store.damaged"));
    ssize_t size = read(watch, events, sizeof events);
    assert_true(size > 0);
    for (ssize_t at = 0; at < size;) {
        struct inotify_event event;
        memcpy(&event, events + at, sizeof event);
        assert_string_not_equal(events + at + sizeof event, "store.new");
        at += (ssize_t)(sizeof event + event.len);
    }
    close(watch);
    fixture_close(fixture);
}

/* Its number would be given again. */
static void a_log_whose_last_value_is_broken_is_refused(void **state)
{
    struct store_fixture *fixture = *state;
    break_large_value(fixture, LARGE_ROWS);
    assert_int_equal(fixture_try_open(fixture), ERR_STORE_DAMAGED);
    assert_false(exists(fixture, "store.damaged"));
    fixture_close(fixture);
}

/* Rows and large values come and go within one transaction. */
static void churn(struct store_fixture *fixture, unsigned *seed)
{
    static const uint8_t value[100000] = {1};
    uint8_t key[4];
    struct store_txn *txn = fixture_begin(fixture);
    for (int steps = rand_r(seed) % 300; steps > 0; steps--) {
        size_t size = (size_t)(rand_r(seed) % (rand_r(seed) % 20 == 0 ? 100000 : 300));
        put_be32(key, (uint32_t)(rand_r(seed) % 1000));
        if (rand_r(seed) % 3 == 0)
            store_delete(txn, STORE_CHAINS, slice_of(key, 4));
        else
            store_put(txn, STORE_CHAINS, slice_of(key, 4), slice_of(value, size));
    }
    assert_int_equal(store_commit(txn), OK);
}

/* Pages that are freed by the transaction that allocated them are never written, and the
 * last page of an intact file may be one of them. With plain LMDB the file is too short
 * after about one in a hundred of these transactions. */
static void pages_that_were_never_written_are_no_damage(void **state)
{
    struct store_fixture *fixture = *state;
    for (unsigned store = 1; store <= 12; store++) {
        unsigned seed = store;
        for (int round = 0; round < 30; round++) {
            fixture_open_small(fixture, 64 << 20);
            churn(fixture, &seed);
            fixture_close(fixture);
        }
        fixture_remove_tree(path_in(fixture, "store"));
    }
    fixture_close(fixture);
}

/* ---- a full disk ---- */

enum { DISK_SIZE = 8 << 20 };

/* A small disk in place of the fixture's directory, in a namespace of our own so that
 * none is left mounted, however this process ends. */
static bool mount_small_disk(const struct store_fixture *fixture)
{
    char options[32];
    snprintf(options, sizeof options, "size=%d", DISK_SIZE);
    return unshare(CLONE_NEWNS) == 0 &&
           mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) == 0 &&
           mount("tmpfs", fixture->directory, "tmpfs", 0, options) == 0;
}

static int unmount_and_teardown(void **state)
{
    struct store_fixture *fixture = *state;
    umount2(fixture->directory, MNT_DETACH);
    return fixture_teardown(state);
}

/* Leaves at most `bytes_left` free. */
static void fill_disk(const struct store_fixture *fixture, off_t bytes_left)
{
    static const uint8_t block[4096] = {1};
    int fd = open(path_in(fixture, "filler"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    off_t size = 0;
    ssize_t written;
    assert_true(fd >= 0);
    while ((written = write(fd, block, sizeof block)) > 0)
        size += written;
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(ftruncate(fd, size > bytes_left ? size - bytes_left : 0), 0);
    close(fd);
}

static void make_room(const struct store_fixture *fixture)
{
    assert_int_equal(unlink(path_in(fixture, "filler")), 0);
}

static void on_a_full_disk_reading_goes_on_and_writing_resumes_with_room(void **state)
{
    struct store_fixture *fixture = *state;
    if (!mount_small_disk(fixture)) {
        print_message("a small disk cannot be mounted here: %s\n", strerror(errno));
        skip();
    }
    fixture_open(fixture);
    assert_int_equal(commit_text(fixture, "kept", "yes"), OK);
    /* Some room, so that a write is cut short in its middle; then none. */
    static const off_t left[] = {400000, 65536, 4096, 0};
    for (size_t i = 0; i < ARRAY_SIZE(left); i++) {
        fill_disk(fixture, left[i]);
        fill(fixture, 2000, ERR_DISK_FULL);
        fill(fixture, 2000, ERR_DISK_FULL);
        assert_true(committed_is(fixture, "kept", "yes"));
        make_room(fixture);
    }
    fill_disk(fixture, 0);
    fixture_reopen(fixture);
    assert_true(committed_is(fixture, "kept", "yes"));
    fill(fixture, 4000, ERR_DISK_FULL);
    make_room(fixture);
    fill(fixture, 2000, OK);
    fixture_reopen(fixture);
    assert_true(committed_is(fixture, "kept", "yes"));
    assert_true(store_measure(fixture->store).used > 2000 * 1000);
    fixture_close(fixture);
}

static void a_full_disk_refuses_a_new_store_until_there_is_room(void **state)
{
    struct store_fixture *fixture = *state;
    if (!mount_small_disk(fixture)) {
        print_message("a small disk cannot be mounted here: %s\n", strerror(errno));
        skip();
    }
    for (off_t left = 0; left < 10; left++) { /* fails at another step each time */
        fill_disk(fixture, left * 4096);
        enum status status = fixture_try_open(fixture);
        assert_true(status == ERR_DISK_FULL || (status == OK && left > 0));
        fixture_close(fixture);
        make_room(fixture);
    }
    fixture_open(fixture);
    assert_int_equal(commit_text(fixture, "kept", "yes"), OK);
    fixture_close(fixture);
}

/* ---- kill -9 ---- */

enum { KILL_ROUNDS = 8, KILL_AFTER_REPORTS = 40, ROWS_PER_COMMIT = 7 };

/* Commits for ever and reports every row number once its commit has returned. */
static _Noreturn void commit_and_report(const char *directory, int reports)
{
    struct store *store;
    struct store_txn *txn;
    struct slice key;
    struct slice value;
    uint8_t number[8];
    if (store_open(&store, &(struct store_options){.directory = directory}) != OK)
        _exit(1);
    for (;;) {
        if (store_begin(store, &txn) != OK)
            _exit(2);
        uint64_t next = 0;
        if (store_last(txn, STORE_LOG, &key, &value))
            next = get_be64(key.data) + 1;
        for (int i = 0; i < ROWS_PER_COMMIT; i++, next++) {
            put_be64(number, next);
            store_append(txn, STORE_LOG, slice_of(number, 8), slice_of(number, 8));
        }
        store_put(txn, STORE_META, slice_text("rows"), slice_of(number, 8));
        if (store_commit(txn) != OK || write(reports, number, 8) != 8)
            _exit(3);
    }
}

/* The greatest row number that the child reported before it was killed. */
static uint64_t run_and_kill(const char *directory)
{
    int ends[2];
    uint8_t number[8];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        commit_and_report(directory, ends[1]);
    close(ends[1]);
    for (int i = 0; i < KILL_AFTER_REPORTS; i++)
        assert_int_equal(read(ends[0], number, 8), 8);
    assert_int_equal(kill(child, SIGKILL), 0);
    while (read(ends[0], number, 8) == 8)
        continue;
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    return get_be64(number);
}

static void a_killed_process_loses_nothing_it_reported(void **state)
{
    struct store_fixture *fixture = *state;
    struct store_cursor cursor;
    struct slice key;
    struct slice value;
    for (int round = 0; round < KILL_ROUNDS; round++) {
        uint64_t reported = run_and_kill(fixture->directory);
        fixture_open(fixture);
        struct store_txn *txn = fixture_begin_read(fixture);
        uint64_t rows = 0;
        for (bool more =
                 store_seek(txn, STORE_LOG, slice_of(NULL, 0), &cursor, &key, &value);
             more; more = store_next(txn, &cursor, &key, &value), rows++)
            assert_true(get_be64(key.data) == rows && get_be64(value.data) == rows);
        assert_true(rows > reported);
        assert_int_equal(rows % ROWS_PER_COMMIT, 0); /* a commit is whole or absent */
        assert_true(store_get(txn, STORE_META, slice_text("rows"), &value));
        assert_true(get_be64(value.data) == rows - 1);
        store_abort(txn);
        fixture_close(fixture);
    }
    fixture_close(fixture);
}

#define STORE_TEST(name)                                                                 \
    cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
#define DISK_TEST(name)                                                                  \
    cmocka_unit_test_setup_teardown(name, fixture_setup, unmount_and_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(the_directory_is_made_for_its_owner_alone),
        STORE_TEST(a_place_that_cannot_be_made_is_an_error_with_its_reason),
        STORE_TEST(an_interrupted_creation_is_removed_and_done_again),
        STORE_TEST(a_store_that_lost_its_file_is_not_replaced),
        STORE_TEST(a_store_that_is_open_is_refused_to_others),
        STORE_TEST(a_newer_format_is_refused_and_left_as_it_was),
        STORE_TEST(a_table_that_is_newer_than_the_store_is_made),
        STORE_TEST(a_file_that_was_cut_short_is_refused_wherever_it_ends),
        STORE_TEST(a_file_that_is_no_store_is_refused),
        STORE_TEST(a_broken_large_value_takes_no_other_of_its_leaf_with_it),
        STORE_TEST(a_damaged_store_never_bears_the_name_of_a_leftover),
        STORE_TEST(a_log_whose_last_value_is_broken_is_refused),
        STORE_TEST(pages_that_were_never_written_are_no_damage),
        STORE_TEST(a_killed_process_loses_nothing_it_reported),
        DISK_TEST(on_a_full_disk_reading_goes_on_and_writing_resumes_with_room),
        DISK_TEST(a_full_disk_refuses_a_new_store_until_there_is_room),
    };
    return cmocka_run_group_tests_name("store_disk", tests, NULL, NULL);
}
