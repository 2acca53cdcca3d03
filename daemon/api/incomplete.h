/* incomplete.h - why an answer is known not to be all there is: a kind and values, which the
 * command puts into words (daemon/api/i18n.h). */
#ifndef LINLI_DAEMON_INCOMPLETE_H
#define LINLI_DAEMON_INCOMPLETE_H

#include "crdt/base.h"

/* X(kind, its name on the wire) */
#define INCOMPLETE_TABLE(X)                                                              \
    X(INCOMPLETE_CLEARING, "clearing")     /* what counts no more is still shown      */ \
    X(INCOMPLETE_READING, "reading")       /* `count` runs are still being read       */ \
    X(INCOMPLETE_WANTED, "wanted")         /* of `count` logs entries have not come   */ \
    X(INCOMPLETE_SILENT, "silent")         /* nothing from `name`, since `since`; and */ \
                                           /* from `count` other nodes                */ \
    X(INCOMPLETE_COUNTING, "counting")     /* `count` entries are not counted yet     */ \
    X(INCOMPLETE_UNREADABLE, "unreadable") /* no key for `count` entries              */ \
    X(INCOMPLETE_NO_KEY, "no-key")         /* no key for `name`, a township           */ \
    X(INCOMPLETE_OTHER, "other")           /* newer than the words here               */
enum incomplete_kind {
    INCOMPLETE_NOT, /* nothing is known to be missing */
#define INCOMPLETE_ENUM(kind, name) kind,
    INCOMPLETE_TABLE(INCOMPLETE_ENUM)
#undef INCOMPLETE_ENUM
};

#define INCOMPLETE_NAME_SIZE 72
#define INCOMPLETE_TEXT_SIZE 320
struct incomplete {
    enum incomplete_kind kind;
    uint64_t count;
    char name[INCOMPLETE_NAME_SIZE];
    char since[11]; /* a date; empty: never */
};

/* A map of four, or nil where nothing is missing. */
void incomplete_put(const struct incomplete *incomplete, struct buffer *out);
/* A kind that is not known here is read as INCOMPLETE_OTHER. */
MUST_USE bool incomplete_take(struct slice *in, struct incomplete *incomplete);

/* In words; empty where nothing is missing. */
void incomplete_say(const struct incomplete *incomplete, char text[INCOMPLETE_TEXT_SIZE]);

#endif
