#include "crdt/id_number.h"

#include <string.h>

#include "crdt/calendar.h"
#include "crdt/schema.h"

#define OLD_SIZE 15
#define BIRTH_AT 6
#define BIRTH_SIZE 8
#define ORDER_AT 16 /* its last digit tells the sex */

/* The weights are powers of two. */
static uint8_t check_character(const uint8_t *digits)
{
    unsigned sum = 0;
    for (size_t i = 0; i < ID_NUMBER_SIZE - 1; i++)
        sum = (sum + (unsigned)(digits[i] - '0')) * 2 % 11;
    return (uint8_t) "0123456789X"[(12 - sum) % 11];
}

/* Without blanks and hyphens between digits, and without a spreadsheet's guard around them.
 * False: too long to be one. */
static bool strip(struct slice text, uint8_t *kept, size_t capacity, size_t *size)
{
    *size = 0;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        bool guard = byte == '\'' || byte == '"' || byte == '=' || byte == '`';
        if (byte == ' ' || byte == '\t' || byte == '-' || guard)
            continue;
        if (*size == capacity)
            return false;
        kept[(*size)++] = byte;
    }
    return true;
}

static bool all_digits(const uint8_t *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
    }
    return true;
}

/* 3.31123E+17: what a spreadsheet makes of 18 digits; a point stands in nothing else. */
static bool is_rounded(struct slice text)
{
    bool point = memchr(text.data, '.', text.size) != NULL;
    return point || memchr(text.data, 'E', text.size) != NULL ||
           memchr(text.data, 'e', text.size) != NULL;
}

enum status id_number_read(struct slice narrow, uint8_t number[ID_NUMBER_SIZE])
{
    uint8_t kept[2 * ID_NUMBER_SIZE];
    size_t size;
    if (narrow.size == 0)
        return ERR_ID_NUMBER_FORM;
    if (is_rounded(narrow))
        return ERR_ID_NUMBER_DAMAGED;
    if (!strip(narrow, kept, sizeof kept, &size))
        return ERR_ID_NUMBER_FORM;
    if (size == OLD_SIZE && all_digits(kept, size))
        return ERR_ID_NUMBER_OLD;
    if (size != ID_NUMBER_SIZE || !all_digits(kept, ID_NUMBER_SIZE - 1))
        return ERR_ID_NUMBER_FORM;
    uint8_t *last = &kept[ID_NUMBER_SIZE - 1];
    if (*last == 'x')
        *last = 'X';
    if (*last != 'X' && (*last < '0' || *last > '9'))
        return ERR_ID_NUMBER_FORM;
    int64_t birth;
    if (!date_parse(slice_of(kept + BIRTH_AT, BIRTH_SIZE), &birth))
        return ERR_ID_NUMBER_DATE;
    /* A spreadsheet keeps 15 digits and writes zeros for the rest. */
    if (*last != check_character(kept))
        return memcmp(kept + OLD_SIZE, "000", 3) == 0 ? ERR_ID_NUMBER_DAMAGED
                                                      : ERR_ID_NUMBER;
    memcpy(number, kept, ID_NUMBER_SIZE);
    return OK;
}

int64_t id_number_birth(const uint8_t number[ID_NUMBER_SIZE])
{
    int64_t birth = 0;
    CHECK(date_parse(slice_of(number + BIRTH_AT, BIRTH_SIZE), &birth));
    return birth;
}

bool id_number_is_male(const uint8_t number[ID_NUMBER_SIZE])
{
    return (number[ORDER_AT] - '0') % 2 == 1;
}
