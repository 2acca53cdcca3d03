/* csv_text.h - comma-separated values as spreadsheets here write them: a file's bytes as rows
 * of cells. Encoding and separator are found out; rows without any value are skipped. */
#ifndef LINLI_DAEMON_API_CSV_TEXT_H
#define LINLI_DAEMON_API_CSV_TEXT_H

#include "crdt/base.h"

#define CSV_CELLS_MAX 256 /* of a row; what is beyond is not seen */

/* UTF-8 with or without a mark, UTF-16 with one, else GB 18030 -> UTF-8 without a mark at the
 * end of `text`. False where it is none of these. A text that is valid UTF-8 is taken for it:
 * of names of two characters in GB 18030 one in fifty is, of a file none. */
MUST_USE bool csv_text_decode(struct slice file, struct buffer *text);

/* A row that holds a value, in the order of the file. `line` is where it begins, from 1: a
 * quoted cell may hold line ends. `cells` and what they point to die with the call. */
typedef void csv_row(void *context, unsigned line, const struct slice *cells,
                     size_t count);

/* Calls `row` for each. Cells are separated by whichever of , ; and the tab stands most often
 * in the first line. False with `line` where a quotation mark is not closed or stands in the
 * middle of a cell: what comes after it was not read. */
MUST_USE bool csv_text_rows(struct slice text, csv_row *row, void *context,
                            unsigned *line);

#endif
