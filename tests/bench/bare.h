/* bare.h - what LMDB alone reaches with what a daemon wrote, on the same disk: the yardstick
 * of its own writes.
 *
 * The daemon's store says what it committed: which rows, how many bytes, in how many
 * commits. A loop without anything else puts the same into a new file, durably, with as many
 * writes to a commit as the daemon had: for each write the next row and the head of a chain
 * drawn at random, for each commit its share of the log's runs, a head and a row of meta. The
 * rows that reports read are left out: under load the daemon makes them later. */
#ifndef LINLI_TESTS_BENCH_BARE_H
#define LINLI_TESTS_BENCH_BARE_H

#include "crdt/base.h"

struct bare {
    double writes_per_s;
    double writes_per_commit; /* the daemon's, and so the loop's */
    double bytes_per_write;   /* keys and values that were put */
    uint64_t writes;
    double seconds;
};

/* `store` is the directory of a store whose daemon has ended; the new file is made in the
 * directory `work` and left there. Ends after the daemon's rows, or after `seconds_max`. */
void bare_run(const char *store, const char *work, unsigned seconds_max,
              struct bare *bare);

#endif
