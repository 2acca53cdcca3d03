/* import.h - `linli import` and `linli export`: registers as spreadsheets. */
#ifndef LINLI_TOOLS_IMPORT_H
#define LINLI_TOOLS_IMPORT_H

#include "tools/arguments.h"

/* The register that a word names, "person", "persons" or 服务对象, where it has the verb;
 * NULL otherwise. */
const struct schema_register *import_register(const char *word, enum verb verb);

enum exit_code import_run(const struct invocation *invocation,
                          const struct terminal *terminal);
enum exit_code export_run(const struct invocation *invocation,
                          const struct terminal *terminal);

#endif
