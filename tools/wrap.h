/* wrap.h - sentences that fit a terminal: a stream that breaks long lines between words. */
#ifndef LINLI_TOOLS_WRAP_H
#define LINLI_TOOLS_WRAP_H

#include <stdio.h>

#include "crdt/base.h"

#define WRAP_WIDTH_MIN 20 /* a narrower terminal breaks lines by itself */

/* A stream into `to`, whose lines are broken at blanks, and between Chinese characters,
 * before `width` columns. What continues a line is indented as the line is; of one that
 * begins with a short word and two blanks, as what follows them. Escape sequences take no
 * room. What is flushed is written, a line without its end too. */
FILE *wrap_open(FILE *to, size_t width);

/* The same for one text, with line ends put in and no indentation. */
void wrap_text(struct slice text, size_t width, struct buffer *out);

/* How many columns UTF-8 takes on a terminal: two for Chinese and its punctuation. */
size_t wrap_columns(struct slice text);

#endif
