/* normal.h - the form in which texts are compared, whatever they were typed as.
 *
 * Stored texts stay as typed. Two that differ only in width, case, separators, blanks or in
 * the code points chosen for one character are the same to whoever searches: 阿卜杜拉·买买提
 * with any middle dot, Ｗａｎｇ, 王　秀英, a radical in place of the character, a character at
 * the private code point that GB 18030-2000 gave it. */
#ifndef LINLI_CRDT_NORMAL_H
#define LINLI_CRDT_NORMAL_H

#include "crdt/base.h"

/* Appends the normal form of clean text: NFKC with case folded (by utf8proc), GB 18030's
 * former private code points moved to those of 2005, without blanks, dots between the parts
 * of a name, and characters that show nothing. May be empty. */
void normal_put(struct slice text, struct buffer *out);

/* Whether `text` holds `part`, which is in normal form already and not empty. `scratch` is
 * cleared. */
MUST_USE bool normal_holds(struct slice text, struct slice part, struct buffer *scratch);

/* Full-width letters, digits and signs as ASCII, ideographic and no-break blanks as blanks;
 * everything else as it is. For what is a number, a code or a date. */
void normal_put_narrow(struct slice text, struct buffer *out);

#endif
