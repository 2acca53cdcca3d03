#include "tests/bench/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void report_result(const char *name, double value, const char *unit)
{
    (void)printf("result\t%s\t%.10g\t%s\n", name, value, unit);
    (void)fflush(stdout);
}

void report_beside(const char *name, const char *format, ...)
{
    va_list arguments;
    (void)printf("beside\t%s\t", name);
    va_start(arguments, format);
    (void)vprintf(format, arguments);
    va_end(arguments);
    (void)printf("\n");
    (void)fflush(stdout);
}

void report_progress(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fprintf(stderr, "\n");
}

void give_up(const char *format, ...)
{
    va_list arguments;
    (void)fprintf(stderr, "bench: ");
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fprintf(stderr, "\n");
    exit(1);
}

uint64_t steady_ns(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void sleep_ms(unsigned ms)
{
    struct timespec span = {ms / 1000, (long)(ms % 1000) * 1000000};
    (void)nanosleep(&span, NULL);
}

struct wait wait_for(const char *what, unsigned limit_ms, unsigned step_ms)
{
    return (struct wait){what, steady_ns() + (uint64_t)limit_ms * 1000000, step_ms};
}

void wait_step(const struct wait *wait)
{
    if (steady_ns() > wait->until_ns)
        give_up("waited too long for %s", wait->what);
    sleep_ms(wait->step_ms);
}

static int compare_values(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

double sorted_at(double *values, size_t count, unsigned permille)
{
    CHECK(count > 0);
    qsort(values, count, sizeof *values, compare_values);
    size_t index = count * permille / 1000;
    return values[index < count ? index : count - 1];
}
