/* schema_month.h - the fields of closed months, which stand in a file of their own; for
 * schema_table.c alone. */
#ifndef LINLI_CRDT_SCHEMA_MONTH_H
#define LINLI_CRDT_SCHEMA_MONTH_H

#include "crdt/schema.h"

#define MONTH_FIELDS (MONTH_MISSING + 1)
extern const struct field month_fields[MONTH_FIELDS];

#endif
