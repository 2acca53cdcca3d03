/* schema_families.h - fields of registers that stand in files of their own; for schema_table.c
 * alone. */
#ifndef LINLI_CRDT_SCHEMA_FAMILIES_H
#define LINLI_CRDT_SCHEMA_FAMILIES_H

#include "crdt/schema.h"

#define MONTH_FIELDS (MONTH_MISSING + 1)
extern const struct field month_fields[MONTH_FIELDS];

#endif
