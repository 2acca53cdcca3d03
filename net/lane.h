/* lane.h - what the entries of each lane mean: one row a lane, which writing, authoring,
 * taking in and folding ask. A new kind of log is a row and its rules. */
#ifndef LINLI_NET_LANE_H
#define LINLI_NET_LANE_H

#include "net/draft.h"

struct lane_rules {
    /* What a person asks for: judged against what this node sees, then encoded. NULL: people
     * do not write here. */
    enum status (*judge)(struct engine *engine, struct draft *draft);
    void (*encode)(struct engine *engine, struct draft *draft, uint64_t stamp_ms,
                   uint32_t actor, struct buffer *out);
    /* One accepted, opened entry becomes state; the status is for counting only. */
    enum status (*fold)(struct engine *engine, const struct entry_id *id, uint64_t realm,
                        struct slice plaintext);
    /* Takes back, from all that this entry touches, what the entries of its log from
     * `from_seq` on had become. The status that folding it had. NULL where the state lies in
     * memory. */
    enum status (*withdraw)(struct engine *engine, const struct entry_id *id,
                            uint64_t realm, struct slice plaintext, uint64_t from_seq);
    /* State that lies in memory is folded when an entry is filed, and at every start, by this,
     * in the order of the log: what followed from it then is in the store. NULL: the state
     * lies in tables. */
    enum status (*recall)(struct engine *engine, const struct entry_id *id,
                          struct slice plaintext);
};

/* NULL: such entries are kept and passed on, and mean nothing to this program yet. */
const struct lane_rules *lane_rules(uint8_t lane);

#endif
