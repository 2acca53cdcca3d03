/* calendar.h - dates and moments as people state them, in Beijing time (UTC+8) wherever the
 * machine stands. */
#ifndef LINLI_CRDT_CALENDAR_H
#define LINLI_CRDT_CALENDAR_H

#include "crdt/base.h"

#define MINUTES_PER_DAY (24 * 60)
/* Months of the years that dates may have. */
#define MONTH_MIN ((1800 - 1970) * 12)
#define MONTH_MAX ((2199 - 1970) * 12 + 11)

/* Proleptic Gregorian; days since 1970-01-01; years 1800 to 2199. Reads 2026-05-31,
 * 2026-5-31, 2026/5/31, 2026.5.31, 20260531 and 2026年5月31日. A moment is a date, a blank or T
 * and a time of day 14:05 (seconds are read and dropped); a date alone is its midnight. */
MUST_USE bool date_parse(struct slice text, int64_t *days);
MUST_USE bool moment_parse(struct slice text, int64_t *minutes);
/* Whether a text that is no date (or moment) is written like one: what it names then does
 * not exist. */
MUST_USE bool date_has_form(struct slice text, bool moment);
bool date_in_range(int64_t days);
bool moment_in_range(int64_t minutes);
/* What lies outside the range is a broken promise: check first. */
void date_format(int64_t days, char text[11]);
void moment_format(int64_t minutes, char text[17]);
/* Months since January 1970, negative before: of a day, and the month's first day. Typed and
 * shown as 2026-11; 2026/11 and 2026年11月 are read too. */
int64_t month_of(int64_t days);
int64_t month_first_day(int64_t month);
MUST_USE bool month_parse(struct slice text, int64_t *month);
void month_format(int64_t month, char text[8]);
int64_t day_of_minutes(int64_t minutes);   /* the day that a moment lies in */
int64_t beijing_minutes(uint64_t unix_ms); /* minutes since 1970-01-01T00:00 Beijing */

#endif
