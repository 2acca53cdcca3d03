/* report.h - what a benchmark says, and how it ends when what it waits for does not come.
 *
 * On stdout, for tests/bench/run, one line each, tab-separated:
 *   result  NAME  VALUE  UNIT        one of the numbers
 *   beside  NAME  TEXT               what must be known to read it
 * On stderr, for people: what is going on. */
#ifndef LINLI_TESTS_BENCH_REPORT_H
#define LINLI_TESTS_BENCH_REPORT_H

#include "crdt/base.h"

void report_result(const char *name, double value, const char *unit);
__attribute__((format(printf, 2, 3))) void report_beside(const char *name,
                                                         const char *format, ...);
__attribute__((format(printf, 1, 2))) void report_progress(const char *format, ...);

/* Says why and ends the program, with whatever it started. */
__attribute__((format(printf, 1, 2))) _Noreturn void give_up(const char *format, ...);

uint64_t steady_ns(void);
void sleep_ms(unsigned ms);

/* A wait with an end: `while (!fact()) wait_step(&wait);` gives up past the deadline and
 * says what it waited for. */
struct wait {
    const char *what;
    uint64_t until_ns;
    unsigned step_ms;
};
struct wait wait_for(const char *what, unsigned limit_ms, unsigned step_ms);
void wait_step(const struct wait *wait);

/* The value below which `permille` of the sorted `values` lie. Sorts them. */
double sorted_at(double *values, size_t count, unsigned permille);

#endif
