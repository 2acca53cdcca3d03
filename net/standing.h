/* standing.h - which of two histories of a log stands, by its author's word.
 *
 * A store that was put back, or copied, writes a log a second time from some entry on. When its
 * node learns of it, it says in the control log of a new incarnation which entry stands at the
 * place where the histories part. Whoever reads it takes no other entry there, in whatever order
 * statement and histories come.
 *
 * One log may part at several places, each with a statement of its own. Two statements about
 * one place contradict each other: two copies of a store can both honestly make one, a stolen
 * key can too. The lower hash stands, so that all nodes choose alike. */
#ifndef LINLI_NET_STANDING_H
#define LINLI_NET_STANDING_H

#include "net/roster.h"

struct standing {
    struct cut
        *rows; /* ascending by log, then seq; seq and hash of the entry that stands */
    size_t count, capacity;
    struct again *again; /* in the order in which it was heard */
    size_t again_count, again_capacity;
};

/* A table of zeros is an empty one. */
void standing_deinit(struct standing *standing);
void standing_clear(struct standing *standing);
/* Whether the table changed: a place that was not stated, or a lower hash for one that was. */
bool standing_add(struct standing *standing, const struct cut *stated);
/* The first place of the log at or behind `seq`; NULL: none. Dies with the next call that
 * changes the table. */
const struct cut *standing_from(const struct standing *standing, struct log_name log,
                                uint64_t seq);

/* Notes that the author wrote entries of a history that does not stand once more; a store of
 * its that was put back to before it does not do it a second time. */
void standing_add_again(struct standing *standing, const struct again *again);
/* Up to which entry; 0: none of it. */
uint64_t standing_again(const struct standing *standing, const struct cut *first);

#endif
