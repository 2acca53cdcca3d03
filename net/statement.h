/* statement.h - statements as bytes, the authority's and a member's about its own logs: what
 * roster.h describes, read strictly.
 *
 * A plaintext is one codec byte (0) and the msgpack of roster.h. An array that is longer
 * than known here comes from a newer version, as an unknown kind does. */
#ifndef LINLI_NET_STATEMENT_H
#define LINLI_NET_STATEMENT_H

#include "net/roster.h"

enum statement_kind {
    STATEMENT_ADMIT = 0,
    STATEMENT_REALM_KEY = 1,
    STATEMENT_REVOKE = 2,
    STATEMENT_POLICY = 3,
    STATEMENT_STANDS = 4,
    STATEMENT_AGAIN = 5,
};

struct statement {
    enum statement_kind kind;
    uint64_t stamp_ms;
    struct member member; /* admit; the role follows from the division */
    uint64_t realm;       /* realm key */
    uint16_t epoch;
    struct hash commitment;
    uint32_t number;          /* revoke: whom; nobody revokes the authority */
    struct slice name, value; /* policy; borrowed, statable (crdt/policy.h) */
    int64_t from_day;
    struct cut stands; /* stands; whose log it is, its reader says */
    struct slice
        items; /* realm key: boxes; revoke: cuts; again; encoded, checked, borrowed */
};

/* OK, ERR_VERSION (newer than this program) or ERR_MALFORMED. */
MUST_USE enum status statement_decode(struct slice plaintext,
                                      struct statement *statement);
/* What `items` holds, in turn; false at the end. */
MUST_USE bool statement_next_box(struct statement *statement, struct sealed_key *box);
MUST_USE bool statement_next_cut(struct statement *statement, struct cut *cut);
MUST_USE bool statement_next_again(struct statement *statement, struct again *again);

/* Parts that genesis and request share with statements. On false `in` is not to be used.
 */
MUST_USE bool statement_take_fixed(struct slice *in, size_t size, uint8_t *out);
MUST_USE bool statement_take_name(struct slice *in, char name[NAME_SIZE_MAX + 1]);

#endif
