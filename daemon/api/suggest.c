#include "daemon/api/suggest.h"

#include <string.h>

#define LETTERS_MAX 40 /* longer words are no typing mistakes */

/* The code points of UTF-8, or single bytes where it is none; LETTERS_MAX + 1 of a longer
 * word. ASCII in lower case, and '_' as '-'. */
static size_t letters_of(struct slice text, uint32_t letters[LETTERS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if ((byte & 0xc0) == 0x80 && count > 0) {
            letters[count - 1] = letters[count - 1] << 8 | byte;
            continue;
        }
        if (count == LETTERS_MAX)
            return LETTERS_MAX + 1;
        if (byte >= 'A' && byte <= 'Z')
            byte = (uint8_t)(byte - 'A' + 'a');
        letters[count++] = byte == '_' ? '-' : byte;
    }
    return count;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t distance_of(const uint32_t *a, size_t a_count, const uint32_t *b,
                          size_t b_count)
{
    size_t rows[LETTERS_MAX + 1][LETTERS_MAX + 1];
    for (size_t i = 0; i <= a_count; i++) {
        for (size_t j = 0; j <= b_count; j++) {
            if (i == 0 || j == 0) {
                rows[i][j] = i + j;
                continue;
            }
            size_t changed = rows[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            rows[i][j] = least(changed, least(rows[i - 1][j], rows[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                rows[i][j] = least(rows[i][j], rows[i - 2][j - 2] + 1);
        }
    }
    return rows[a_count][b_count];
}

void suggestion_begin(struct suggestion *suggestion, struct slice typed)
{
    *suggestion = (struct suggestion){.typed = typed};
}

void suggestion_consider(struct suggestion *suggestion, const char *word)
{
    uint32_t typed[LETTERS_MAX], letters[LETTERS_MAX];
    size_t typed_count = letters_of(suggestion->typed, typed);
    size_t count = letters_of(slice_text(word), letters);
    if (typed_count > LETTERS_MAX || count > LETTERS_MAX || typed_count < 2 ||
        strlen(word) >= SUGGESTION_SIZE)
        return;
    size_t distance = distance_of(typed, typed_count, letters, count);
    if (distance > least(typed_count, count) / 3 + (least(typed_count, count) == 2) ||
        (suggestion->best[0] != '\0' && suggestion->distance <= distance))
        return;
    suggestion->distance = distance;
    memcpy(suggestion->best, word, strlen(word) + 1);
}
