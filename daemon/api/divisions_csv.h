/* divisions_csv.h - the county's places from a CSV file with the columns code, name and
 * parent (or 代码, 名称, 上级代码), in any order and among others, as spreadsheets write it; and
 * successor (并入代码), if there is such a column, for places that were merged into another:
 * UTF-8, GB 18030 or UTF-16, separated by commas, semicolons or tabs. Rows without any value
 * mean nothing. */
#ifndef LINLI_DAEMON_DIVISIONS_CSV_H
#define LINLI_DAEMON_DIVISIONS_CSV_H

#include "crdt/division.h"
#include "daemon/api/config_error.h"

/* A city of 2,700 places takes 120 KB; a province's would still fit. */
#define DIVISIONS_CSV_SIZE_MAX (16 * 1024 * 1024)

/* Reads the places and sorts them. Every row is checked: a code that is none, a name that
 * is no text, a parent that does not contain the place, a code given twice. ERR_CONFIG
 * with at least one error, which names file and line; `divisions` is then of no use but
 * must be freed. */
MUST_USE enum status divisions_csv_load(const char *path, struct divisions *divisions,
                                        struct config_errors *errors);

/* Forgets what lies in other counties: a file may hold a whole province, but a record's
 * place must lie in this county. */
void divisions_keep_county(struct divisions *divisions, uint64_t county);

#endif
