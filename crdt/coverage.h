/* coverage.h - who is due to be visited, by when, and who was: pure arithmetic over care rows.
 *
 * "Coverage = distinct due persons visited / distinct persons due, per village and month;
 * exempt persons are listed with the reason." */
#ifndef LINLI_CRDT_COVERAGE_H
#define LINLI_CRDT_COVERAGE_H

#include "crdt/care.h"

/* How often. Of weeks: so many days after the latest visit. Of months: at the latest in the
 * calendar month that comes so many months after the latest visit's. */
struct interval {
    bool in_months;
    uint16_t count; /* days, or months; at least 1 */
};

struct visit_policy {
    struct interval by_tier[TIER_GENERAL + 1]; /* by enum tier; [0]: none is stated */
};

/* High risk weekly, key monthly, general quarterly; monthly where no tier is stated, because
 * nobody is to be left out by an empty field. */
extern const struct visit_policy visit_policy_default;

/* Whether visits are not due at all, for the status: away, in hospital, … The safer reading
 * of an unstated status is enrolled. */
bool care_is_exempt(const struct care *care);

/* The last day on which the next visit is in time. To be enrolled is a major change: who was
 * never visited is due the day after, or where the interval is in months by the end of that
 * month. Not for who is exempt (CHECKed). */
int64_t care_due_day(const struct care *care, const struct visit_policy *policy);

/* What a person is in a month's figure. */
enum coverage {
    COVERAGE_NONE, /* not on the roster that month: enrolled later and not yet visited, or
                         moved or deceased in an earlier month */
    COVERAGE_NOT_DUE, /* the interval reaches beyond the month */
    COVERAGE_EXEMPT,  /* for the status, which holds since that month or earlier */
    COVERAGE_VISITED,
    COVERAGE_MISSED, /* due, and no visit that counts yet */
};
enum coverage coverage_of(const struct care *care, const struct visit_policy *policy,
                          int64_t month);

#endif
