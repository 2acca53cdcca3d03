/* founding.h - a county and its nodes' directories, as `linli county create`, `node init`,
 * `node admit` and `node join` leave them. */
#ifndef LINLI_TESTS_BENCH_FOUNDING_H
#define LINLI_TESTS_BENCH_FOUNDING_H

#include "crdt/base.h"

#define HUB "county"
#define TOWNSHIP "shilian"

/* Makes DIRECTORY with a hub and `townships` townships (1 to 20, shilian the first), each
 * with node.key and county.grant in DIRECTORY/NAME. */
#define FOUNDING_TOWNSHIPS_MAX 20
void founding_make(const char *directory, size_t townships);
const char *founding_township_name(size_t index);

#endif
