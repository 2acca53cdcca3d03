#include "crdt/normal.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

/* ---- GB 18030-2000's private code points ---- */

#define PRIVATE_FIRST 0xE815

/* GB 18030-2000 had 80 characters, 0xFE50 to 0xFEA0, at U+E815 to U+E864 where Unicode lacked
 * them; as GB 18030-2005 and Unicode 4.1 have them. */
static const int32_t standard_of[] = {
    0x2E81, 0x20087, 0x20089, 0x200CC, 0x2E84,  0x3473, 0x3447, 0x2E88, 0x2E8B,  0x9FB4,
    0x359E, 0x361A,  0x360E,  0x2E8C,  0x2E97,  0x396E, 0x3918, 0x9FB5, 0x39CF,  0x39DF,
    0x3A73, 0x39D0,  0x9FB6,  0x9FB7,  0x3B4E,  0x3C6E, 0x3CE0, 0x2EA7, 0x215D7, 0x9FB8,
    0x2EAA, 0x4056,  0x415F,  0x2EAE,  0x4337,  0x2EB3, 0x2EB6, 0x2EB7, 0x2298F, 0x43B1,
    0x43AC, 0x2EBB,  0x43DD,  0x44D6,  0x4661,  0x464C, 0x9FB9, 0x4723, 0x4729,  0x477C,
    0x478D, 0x2ECA,  0x4947,  0x497A,  0x497D,  0x4982, 0x4983, 0x4985, 0x4986,  0x499F,
    0x499B, 0x49B7,  0x49B6,  0x9FBA,  0x241FE, 0x4CA3, 0x4C9F, 0x4CA0, 0x4CA1,  0x4C77,
    0x4CA2, 0x4D13,  0x4D14,  0x4D15,  0x4D16,  0x4D17, 0x4D18, 0x4D19, 0x4DAE,  0x9FBB,
};

static int32_t standard_form(int32_t character)
{
    int32_t index = character - PRIVATE_FIRST;

    return index >= 0 && (size_t)index < ARRAY_SIZE(standard_of) ? standard_of[index]
                                                                 : character;
}

/* ---- what is left out ---- */

static bool separates(int32_t character)
{
    static const int32_t dots[] = {
        0x00B7, /* · as GB/T 15834 prescribes */
        0x2022, 0x2027, 0x2219, 0x22C5, 0x25CF, 0x2E31, 0x30FB, 0xFF65, '.',
    };

    for (size_t i = 0; i < ARRAY_SIZE(dots); i++) {
        if (character == dots[i])
            return true;
    }
    utf8proc_category_t category = utf8proc_category(character);
    return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_CC ||
           category == UTF8PROC_CATEGORY_CF;
}

static void put_character(int32_t character, struct buffer *out)
{
    utf8proc_uint8_t bytes[4];

    if (separates(character))
        return;
    buffer_put(out, bytes, (size_t)utf8proc_encode_char(character, bytes));
}

static void put_standard(struct slice text, struct buffer *out)
{
    while (text.size > 0) {
        utf8proc_uint8_t bytes[4];
        utf8proc_int32_t character;
        utf8proc_ssize_t size =
            utf8proc_iterate(text.data, (utf8proc_ssize_t)text.size, &character);
        if (size <= 0)
            return; /* not clean text, against the contract */
        buffer_put(out, bytes,
                   (size_t)utf8proc_encode_char(standard_form(character), bytes));
        text = slice_of(text.data + size, text.size - (size_t)size);
    }
}

void normal_put(struct slice text, struct buffer *out)
{
    struct buffer standard;
    utf8proc_uint8_t *mapped = NULL;

    if (text.size == 0)
        return;
    buffer_init(&standard, SIZE_MAX);
    put_standard(text, &standard);
    utf8proc_ssize_t size = utf8proc_map(
        standard.data, (utf8proc_ssize_t)standard.size, &mapped,
        UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD);
    CHECK(size >= 0); /* memory, or no UTF-8, against the contract */
    for (utf8proc_ssize_t at = 0; at < size;) {
        utf8proc_int32_t character;
        at += utf8proc_iterate(mapped + at, size - at, &character);
        put_character(character, out);
    }
    free(mapped);
    buffer_deinit(&standard);
}

bool normal_holds(struct slice text, struct slice part, struct buffer *scratch)
{
    CHECK(part.size > 0);
    buffer_clear(scratch);
    normal_put(text, scratch);
    for (size_t at = 0; at + part.size <= scratch->size; at++) {
        if (memcmp(scratch->data + at, part.data, part.size) == 0)
            return true;
    }
    return false;
}

void normal_put_narrow(struct slice text, struct buffer *out)
{
    while (text.size > 0) {
        utf8proc_uint8_t bytes[4];
        utf8proc_int32_t character;
        utf8proc_ssize_t size =
            utf8proc_iterate(text.data, (utf8proc_ssize_t)text.size, &character);
        if (size <= 0)
            return;
        if (character >= 0xFF01 && character <= 0xFF5E)
            character -= 0xFEE0;
        else if (character == 0x3000 || character == 0x00A0)
            character = ' ';
        buffer_put(out, bytes, (size_t)utf8proc_encode_char(character, bytes));
        text = slice_of(text.data + size, text.size - (size_t)size);
    }
}
