/* store_pages.h - reads the pages of an LMDB file without trusting any of them.
 *
 * LMDB follows whatever number stands in a page: one flipped bit leads it into nowhere (the
 * process dies), round in a circle, or past half of a table, which then looks as if it had
 * never been. So before it may, this reads the file with pread and checks each page on the
 * way: its number, kind and bounds, where its nodes lie, that keys ascend and lie between
 * those of the branch above, that every leaf is as deep as its tree says, that trees have as
 * many pages and entries as they say, that no page is used twice or both used and free, and
 * that each row's check holds.
 *
 * Format of LMDB 0.9 (data version 1), 64 bits, little-endian. */
#ifndef LINLI_DAEMON_STORE_PAGES_H
#define LINLI_DAEMON_STORE_PAGES_H

#include "daemon/store/store_lmdb.h"

#define STORE_FORMAT_KEY "format" /* a row of STORE_META, without a check */
#define STORE_COMMIT_KEY "commit" /* another: the number of the commit that it is of */
#define STORE_CHECK_SIZE 4        /* behind each value */
#define STORE_PAGES_DEPTH_MAX 32  /* LMDB's own bound */

extern const char *const store_table_names[STORE_TABLES];

/* LMDB has no checksums: of 600 flipped bits 527 came back as data. XXH3 (Collet 2019) finds
 * what a disk does to a row; it is no defence against people. In store_lmdb.c. */
uint32_t store_row_check(enum store_table table, struct slice key, struct slice value);

struct store_tree {
    bool present; /* the main tree names it */
    uint16_t flags, depth;
    uint64_t branches, leaves, overflows, entries, root;
};

struct store_pages {
    int file; /* borrowed */
    uint64_t file_size;
    uint32_t page_size;
    uint64_t commit; /* the newest */
    uint64_t last;   /* the last page that is or was in use */
    uint64_t format; /* as the row says; 0: none was found */
    struct store_tree free, main;
    struct store_tree tables[STORE_TABLES];
    struct store_tree other_main; /* of the commit before */
    uint64_t other_commit;

    bool spoilt[STORE_TABLES]; /* a row fails its check; its pages are sound      */
    bool broken[STORE_TABLES]; /* a page is not sound                            */
    bool
        end_is_sound[STORE_TABLES]; /* the last leaf was reached, its last row is whole */
    bool free_broken;
    bool root_broken; /* the meta pages or the main tree: nothing can be found */
    struct store_finding finding;

    uint8_t *seen; /* a bit a page, while everything is walked */
    uint8_t *buffers[STORE_PAGES_DEPTH_MAX]; /* a page a level */
    uint8_t *large;                          /* an overflow value */
    size_t large_size;
    uint64_t pages_read;
};

/* Reads the meta pages. False: `pages->finding` says why nothing can be read. In both cases
 * to be closed, which leaves the file open. */
MUST_USE bool store_pages_open(struct store_pages *pages, int file);
void store_pages_close(struct store_pages *pages);

/* Reads every page in use, sets what is broken and spoilt. */
void store_pages_walk(struct store_pages *pages);

/* Calls `visit` with each row of a table that can be reached over sound pages, in key order,
 * its value with the check as it stands; false ends the walk. For what is copied. */
typedef bool store_pages_visit(void *context, struct slice key, struct slice stored);
void store_pages_rows(struct store_pages *pages, enum store_table table,
                      store_pages_visit *visit, void *context);

/* Where a scrub of the whole store is: in which table, behind which key. */
struct store_scrub {
    enum store_table table;
    uint8_t key[STORE_KEY_MAX];
    size_t key_size;
};
/* Checks at least a leaf and at most about `pages_max` pages of the newest commit from there
 * on, and moves `scrub`. False: the last table has been done; `scrub` is at the beginning.
 * The file may have been written to since the last piece, not during one. */
bool store_pages_scrub(struct store_pages *pages, struct store_scrub *scrub,
                       uint64_t pages_max);

#endif
