/* query_parts.h - what the files that answer queries share; nobody else includes it. */
#ifndef LINLI_DAEMON_QUERY_PARTS_H
#define LINLI_DAEMON_QUERY_PARTS_H

#include "crdt/figures.h"
#include "crdt/policy.h"
#include "daemon/answer/query.h"

const struct engine *query_engine(const struct query *query);

/* Sets what a refusal is about, and returns the refusal. */
enum status query_refuse(struct query *query, enum status status, struct slice subject);

/* Notes what is known to be missing of any answer: entries still to be read, logs
 * announced and not here. */
void query_note_incomplete(struct query *query);

/* The same of rows that are worked in behind the fold (crdt/follow). */
void query_note_not_worked_in(struct query *query);

/* division and division_name, two pairs of a map. */
void query_put_division(const struct query *query, uint64_t code);

/* query_scope.c: where an answer looks. */
struct scope {
    const struct schema_register *reg;
    uint64_t division; /* 0: wherever it is readable */
    uint64_t realm;    /* in this realm alone; 0: in any that the division says */
};
bool scope_has_realm(const struct scope *scope, uint64_t realm);
/* Takes `division` from the arguments, if it is there. ERR_DIVISION for a place that is
 * neither in the table nor has a record of the register in it, ERR_UNREADABLE. */
MUST_USE enum status query_take_division(struct query *query, struct store_txn *txn,
                                         struct scope *scope, struct slice args);
/* One pair of a map: of how many logs how many entries are held that may speak of this. */
void query_put_rests_on(const struct query *query, const struct scope *scope);
/* The heads of those logs in turn, from `*at` on; NULL past the last. */
const struct head *query_next_head(const struct query *query, const struct scope *scope,
                                   size_t *at);

/* query_place.c: the places that an answer's records name. */
struct places {
    uint64_t *codes;
    size_t count, capacity;
};
enum status query_places(struct query *query, struct store_txn *txn, struct slice args);
void places_note(struct places *places, const struct record_view *record);
/* One pair of a map, "places": each of them that is in the table, by code. Frees them. */
void query_put_places(struct query *query, struct places *places);

/* query_list.c; `reg` from the command's first half. */
bool query_record_stands(const struct record_view *record); /* known, and in force */
enum status query_list(struct query *query, struct store_txn *txn,
                       const struct schema_register *reg, struct slice args);

/* query_records.c: the record that a text names; otherwise the refusal, which of several
 * that fit names the first ones. */
struct resolved;
MUST_USE enum status query_resolve(struct query *query, struct store_txn *txn,
                                   const struct schema_register *reg, struct slice text,
                                   struct resolved *resolved);
enum status query_find(struct query *query, struct store_txn *txn,
                       const struct schema_register *reg, struct slice args);
enum status query_show(struct query *query, struct store_txn *txn,
                       const struct schema_register *reg, struct slice args);

/* query_changes.c */
enum status query_changes(struct query *query, struct store_txn *txn, struct slice args);

/* query_care.c */
enum status query_due(struct query *query, struct store_txn *txn, struct slice args);
/* The end of the day asked for, or now. A clock that is not set cannot say. */
MUST_USE enum status query_take_now(struct query *query, struct slice args, int64_t *now);
void query_care_begin(struct query *query, struct store_txn *txn,
                      struct answering *answering);
/* docs/design.md, "It says what it does not know": a figure carries how complete it is. */
void query_note_silent(struct query *query, struct store_txn *txn,
                       const struct scope *scope, int64_t now, int64_t silent_days);
/* Calls `each` with the care row of every person within the scope, in order of (realm,
 * person), as of `now`. */
void query_walk_care(struct query *query, struct store_txn *txn,
                     const struct scope *scope, int64_t now,
                     void (*each)(void *context, const struct care *care), void *context);
const char *query_choice_name(const struct field *field, uint8_t id); /* or NULL */
void query_put_date_or_nil(struct buffer *out, const char *key, bool known, int64_t day);
/* id, name, village, village_name, tier: five pairs that say who it is. */
void query_put_person(struct query *query, struct answering *answering,
                      const struct care *care);
/* place and place_name, two pairs of a map. */
void query_put_place(const struct query *query, uint64_t code);

/* Whether a place lies in a division, itself or as what it was merged into. */
bool query_lies_in(const struct query *query, uint64_t place, uint64_t division);

/* query_coverage.c */
enum status query_coverage(struct query *query, struct store_txn *txn, struct slice args);
/* The figures of a month by village, as of `now`. */
void query_figures(struct query *query, struct store_txn *txn, const struct scope *scope,
                   int64_t month, int64_t now, const struct policy *policy,
                   struct figures *figures);
/* The same by the places of a level, closed townships as they were closed. */
void query_shown_figures(struct query *query, struct store_txn *txn,
                         const struct scope *scope, int64_t month, int64_t now,
                         enum division_level level, struct figures *figures);
MUST_USE enum status query_take_level(struct query *query, struct slice args,
                                      enum division_level *level);
MUST_USE enum status query_take_month(struct query *query, struct slice args, int64_t now,
                                      int64_t *month);
/* What holds for a month: on its last day, or on the day asked for within it. */
void query_month_policy(const struct query *query, int64_t month, int64_t now,
                        struct policy *policy);
/* due, visited, missed, not_due, exempt, exempt_for and rate: seven pairs of a map. */
#define FIGURE_KEYS 7
void query_put_figure(struct buffer *out, const struct figure *figure);

/* query_reports.c */
enum status query_township_report(struct query *query, struct store_txn *txn,
                                  struct slice args); /* a line a village */
enum status query_county_report(struct query *query, struct store_txn *txn,
                                struct slice args); /* a line a township */
enum status query_household(struct query *query, struct store_txn *txn,
                            struct slice args);

/* query_policy.c */
enum status query_policies(struct query *query, struct store_txn *txn, struct slice args);
void query_policy_at(const struct query *query, int64_t day, struct policy *policy);
/* One pair of a map, "policy": which statement is the newest that a figure rests on, nil
 * where all are defaults. */
void query_put_policy(const struct query *query, const struct policy *policy);

/* query_conflict.c */
enum status query_conflicts(struct query *query, struct store_txn *txn,
                            struct slice args);
enum status query_conflict(struct query *query, struct store_txn *txn, struct slice args);

/* query_doubles.c */
enum status query_doubles(struct query *query, struct store_txn *txn, struct slice args);

/* query_match.c: what could be matched with a need, a resource, a project */
enum status query_offers(struct query *query, struct store_txn *txn, struct slice args);
enum status query_resource_needs(struct query *query, struct store_txn *txn,
                                 struct slice args);
enum status query_project_needs(struct query *query, struct store_txn *txn,
                                struct slice args);

/* query_log.c */
enum status query_log(struct query *query, struct store_txn *txn, struct slice args);
enum status query_forks(struct query *query, struct store_txn *txn, struct slice args);
enum status query_strayed(struct query *query, struct store_txn *txn, struct slice args);

/* query_state.c */
enum status query_status(struct query *query, struct store_txn *txn, struct slice args);
enum status query_peers(struct query *query, struct store_txn *txn, struct slice args);
enum status query_members(struct query *query, struct store_txn *txn, struct slice args);
enum status query_digest(struct query *query, struct store_txn *txn, struct slice args);
enum status query_version(struct query *query, struct store_txn *txn, struct slice args);

/* A steady moment of this process' life as this machine's clock has it now, which may have
 * been set since. Unix ms. */
uint64_t query_moment(const struct query *query, uint64_t steady_ms);

#endif
