/* sheet.h - a table as an .xlsx file (libxlsxwriter), in memory that does not grow with it.
 *
 * Every cell is text, whatever it looks like: a spreadsheet keeps all 18 digits of an identity
 * number, zeros at the front, and runs nothing that begins with =. Beyond the rows that a sheet
 * can have there are further sheets, each with the headings. */
#ifndef LINLI_TOOLS_SHEET_H
#define LINLI_TOOLS_SHEET_H

#include "crdt/base.h"

struct sheet;

/* A new file, readable by its owner alone; it is there once sheet_end says OK. Headings are
 * borrowed. ERR_EXISTS leaves what is there untouched. */
MUST_USE enum status sheet_begin(struct sheet **sheet, const char *path, const char *name,
                                 const char *const *headings, size_t columns);
void sheet_put(struct sheet *sheet, struct slice text); /* the next cell of the row */
void sheet_end_row(struct sheet *sheet);
/* With `keep` false nothing stays behind. ERR_FILE with errno set. Frees in any case. */
MUST_USE enum status sheet_end(struct sheet *sheet, bool keep);

#endif
