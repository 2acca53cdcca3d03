/* chart.h - plain SVG 1.1 of what people look at rather than read: shares by place and month, and
 * bars. Text is text, so that it can be searched, copied and read aloud; numbers stand beside
 * every colour. Pure: nothing is asked and nothing written here. */
#ifndef LINLI_TOOLS_CHART_H
#define LINLI_TOOLS_CHART_H

#include "crdt/base.h"

#define CHART_UNKNOWN INT64_MIN

/* Shares in tenths of a percent, a row a place, a column a month. */
struct chart_grid {
    const char *title, *note; /* `note` below it; NULL: none */
    const char *const *rows;  /* their names */
    const char *const *columns;
    size_t row_count, column_count;
    const int64_t *values; /* row by row; CHART_UNKNOWN: none */
};
void chart_grid(const struct chart_grid *grid, struct buffer *out);

struct chart_bar {
    const char *label;
    uint64_t value;
};
struct chart_group {
    const char *title; /* with the unit in it */
    const struct chart_bar *bars;
    size_t count;
};
/* One group of bars below the other, each with a scale of its own. */
void chart_bars(const char *title, const char *note, const struct chart_group *groups,
                size_t count, struct buffer *out);

#endif
