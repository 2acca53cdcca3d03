/* text.h - which bytes are text that people may write here, and its length. */
#ifndef LINLI_CRDT_TEXT_H
#define LINLI_CRDT_TEXT_H

#include "crdt/base.h"

/* Valid UTF-8: shortest form, no surrogates, no control character (C0, DEL, C1) but \n and
 * \t, so that text cannot steer a terminal, and no invisible one (direction of writing,
 * blanks of no width, tags, U+FEFF, U+2028), so that it cannot be read as another. */
bool text_is_clean(struct slice text);
bool text_is_one_line(struct slice text);  /* of clean text: neither \n nor \t */
size_t text_characters(struct slice text); /* code points; `text` is valid UTF-8 */
/* As much from the front of valid UTF-8 as fits, cut between characters, not within one. */
struct slice text_cut(struct slice text, size_t size_max);

#endif
