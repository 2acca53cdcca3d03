/* search.h - by what people find records, and where it is kept for all persons at once.
 *
 * Whatever was typed is compared in its normal form (normal.h). A name is found by any part
 * of it, by the readings of its characters and by their initials, each of them in any of its
 * readings and also mixed: 王秀英 by 秀英, wangxiuying, wxy, 王xy; a telephone by its digits,
 * without +86; other texts by any part.
 *
 * Of persons this is kept beside the care rows and follows the fold with them (follow.h):
 * 100,000 persons lie in blocks of many, so that looking through all of them reads some
 * megabytes in a row and opens no chain.
 *
 *   STORE_SEARCH  realm u64 BE, person 12 -> entries of this person and those after, in id
 *                 order: person 12, mask u64, size (varint), lines
 *
 * A line is a kind, the text in its form, and a line end. */
#ifndef LINLI_CRDT_SEARCH_H
#define LINLI_CRDT_SEARCH_H

#include "crdt/touch.h"
#include "crdt/view.h"

/* The letters and (by a hash) other characters that a text can be found by. A text that
 * lacks one of those sought does not fit. */
typedef uint64_t search_mask;

/* What is sought. */
struct search {
    struct slice normal; /* in the normal form; empty: only marks and blanks were typed */
    struct slice letters; /* the same as readings are written: ü as v, without ' */
    struct slice digits;  /* of what may be a telephone; empty: it is none */
    search_mask mask;
};

/* Reads clean text, into the arena. */
void search_read(struct slice text, struct arena *arena, struct search *search);

/* Appends the lines of all values of a record's searched fields, and returns their mask. */
MUST_USE search_mask search_put_lines(const struct record_view *record,
                                      struct buffer *lines);

/* Whether lines hold what is sought; with `whole`, whether it is a whole name in them. */
MUST_USE bool search_fits(const struct search *search, search_mask mask,
                          struct slice lines, bool whole);

/* ---- persons ---- */

/* Keeps what a person is found by; takes it out. */
void search_keep(struct store_txn *txn, const struct record_view *person);
void search_remove(struct store_txn *txn, uint64_t realm, const struct entry_id *person);
void search_forget(struct store_txn *txn); /* all rows */

/* Walks the persons of a realm in id order. The struct is zero but for `realm` and `mask` at first;
 * close `cursor` as a store cursor. */
struct search_walk {
    struct store_cursor cursor;
    uint64_t realm;
    search_mask mask; /* only persons with all of it; 0 for everybody */
    bool started;
    struct slice block; /* what is left of it */
};
struct search_entry {
    struct entry_id person;
    search_mask mask;
    struct slice lines; /* points into the store */
};
MUST_USE bool search_next(struct store_txn *txn, struct search_walk *walk,
                          struct search_entry *entry);

#endif
