/* csv_write.h - comma-separated values for spreadsheets: UTF-8 with a mark, every cell text,
 * and no cell that a spreadsheet would run (RFC 4180, and a guard ' before what it would). */
#ifndef LINLI_TOOLS_CSV_WRITE_H
#define LINLI_TOOLS_CSV_WRITE_H

#include "crdt/base.h"

/* Headings that an export and a file of refused rows have beside the fields', and an import
 * passes over; but an id says that the row came from here. */
#define CSV_ID_HEADING "记录号"
#define CSV_LINE_HEADING "行"
#define CSV_FIELD_HEADING "列"
#define CSV_REASON_HEADING "原因"
#define CSV_NAME_SUFFIX                                                                  \
    "（名称）" /* of what a code or an id in the column before names */
#define CSV_OWN_HEADINGS                                                                 \
    {                                                                                    \
        CSV_ID_HEADING, CSV_LINE_HEADING, CSV_FIELD_HEADING, CSV_REASON_HEADING          \
    }

/* Whether a text, but for apostrophes before it, begins as what a spreadsheet takes for a
 * formula: = + - @ in either width, or a tab. Such a text goes out with one ' more. */
bool csv_is_guarded(struct slice text);

void csv_put_mark(struct buffer *out); /* what makes a spreadsheet read UTF-8 */
/* The separator before it, unless it is the first of its row; then the cell, quoted and
 * guarded where it must be. */
void csv_put_cell(struct buffer *out, bool first, struct slice text);
void csv_put_end(struct buffer *out);

#endif
