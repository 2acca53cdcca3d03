/* policy.h - what the authority lays down: how often visits are due, how long a node may be
 * silent, from how many hours a star is given, what the indicators are; each from a date on.
 *
 * A policy is a name and a value in words. What holds on a date is the statement of that name
 * with the latest date not after it; of two with one date the one that was stated later. Where
 * nothing is stated the default of the table below holds. Names that this program does not
 * know come from a newer version: they are kept, shown, and mean nothing here. */
#ifndef LINLI_CRDT_POLICY_H
#define LINLI_CRDT_POLICY_H

#include "crdt/coverage.h"

#define POLICY_NAME_MAX 64   /* bytes of clean text, one line */
#define POLICY_VALUE_MAX 240 /* the same */
#define POLICY_STARS 5

struct policy_statement {
    uint64_t number; /* the authority's statements of policy are counted from 1 on */
    uint64_t stamp_ms;
    int64_t from_day; /* since 1970-01-01, Beijing */
    char name[POLICY_NAME_MAX + 1];
    char value[POLICY_VALUE_MAX + 1];
};

/* In the order in which they were stated. Zero at first. */
struct policies {
    struct policy_statement *rows;
    size_t count, capacity;
};
void policies_deinit(struct policies *policies);
void policies_clear(struct policies *policies);

/* Whether name, value and date may be stated at all: what every node checks alike, whether it
 * knows the name or not. */
MUST_USE bool policy_is_statable(struct slice name, struct slice value, int64_t from_day);
/* Takes up the next statement; it is statable, CHECKed. */
void policies_add(struct policies *policies, struct slice name, struct slice value,
                  int64_t from_day, uint64_t stamp_ms);

/* What holds of a name on a day; NULL: nothing is stated for it. */
const struct policy_statement *policies_find(const struct policies *policies,
                                             struct slice name, int64_t day);

/* ---- the names that this program knows ---- */

enum policy_kind {
    POLICY_INTERVAL,   /* 7d: so many days, at most 31; 3m: so many months, at most 24 */
    POLICY_DAYS,       /* 3: 1 to 366 */
    POLICY_HOURS,      /* 1500: 1 to 100,000 */
    POLICY_STAR_HOURS, /* 100/300/600/1000/1500: hours of each star, rising */
};

struct policy_name {
    const char *name;
    enum policy_kind kind;
    const char *fallback; /* where nothing is stated */
    const char *help;     /* English, through gettext */
};
const struct policy_name *policy_name_at(size_t index); /* NULL past the end */
const struct policy_name *policy_named(struct slice name);

/* A value as typed (7d, 7天, weekly, 每周; 1500) -> as it is stated, at the end of `out`. False
 * for what is none of its kind. */
MUST_USE bool policy_value_read(enum policy_kind kind, struct slice typed,
                                struct buffer *out);

/* ---- what holds on a day ---- */

struct policy {
    struct visit_policy visits;
    int64_t silent_days; /* a node from which nothing came for longer may have visits that
                            are not here */
    uint32_t star_hours[POLICY_STARS];
    uint32_t hours_cap; /* of stored hours */
    /* The newest statement among those of these that hold; 0: all are defaults. */
    uint64_t number, stamp_ms;
};

/* A stated value that this program cannot read, of a newer version, counts as not stated. */
void policy_at(const struct policies *policies, int64_t day, struct policy *policy);

#endif
