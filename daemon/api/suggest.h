/* suggest.h - what was probably meant by a word that is none here.
 *
 * The nearest of the words considered, by the letters that were left out, put in, changed or
 * swapped with the next (the restricted Damerau-Levenshtein distance): one for words of three
 * or four letters, one more for every three beyond. */
#ifndef LINLI_DAEMON_SUGGEST_H
#define LINLI_DAEMON_SUGGEST_H

#include "crdt/base.h"

#define SUGGESTION_SIZE 64

struct suggestion {
    struct slice typed;
    char best[SUGGESTION_SIZE]; /* empty: nothing is near */
    size_t distance;
};

/* `typed` outlives the suggestion. */
void suggestion_begin(struct suggestion *suggestion, struct slice typed);
void suggestion_consider(struct suggestion *suggestion, const char *word);

#endif
