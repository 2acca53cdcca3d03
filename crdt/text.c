#include "crdt/text.h"

/* The code point at the front of `in`, taken; false where the bytes are not the shortest
 * form of a scalar value (Unicode 15, table 3-7). */
static bool take_code_point(struct slice *in, uint32_t *out)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = in->data[0];
    size_t size = first < 0x80   ? 1
                  : first < 0xc0 ? 0
                  : first < 0xe0 ? 2
                  : first < 0xf0 ? 3
                  : first < 0xf8 ? 4
                                 : 0;
    if (size == 0 || size > in->size)
        return false;
    uint32_t point = size == 1 ? first : first & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((in->data[i] & 0xc0) != 0x80)
            return false;
        point = point << 6 | (in->data[i] & 0x3f);
    }
    if (point < least[size] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
        return false;
    *in = slice_of(in->data + size, in->size - size);
    *out = point;
    return true;
}

/* DEL and the C1 range begin terminal sequences just as C0 does. */
static bool is_control(uint32_t point)
{
    if (point == '\n' || point == '\t')
        return false;
    return point < 0x20 || (point >= 0x7f && point < 0xa0);
}

/* What shows nothing itself and changes how the text around it is read: marks that turn the
 * direction of writing (a name could be shown as another), blanks of no width and tags (two
 * names that look alike would be two), byte order marks, line ends beyond \n. Joiners go with
 * them, which Chinese does not need; variation selectors, by which rare characters of names
 * are chosen, stay. */
static bool is_invisible(uint32_t point)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x00ad, 0x00ad},   /* soft hyphen */
        {0x061c, 0x061c},   /* Arabic letter mark */
        {0x180e, 0x180e},   /* Mongolian vowel separator */
        {0x200b, 0x200f},   /* blanks of no width, joiners, direction marks */
        {0x2028, 0x202e},   /* line and paragraph separators, direction of writing */
        {0x2060, 0x206f},   /* word joiner, invisible operators, isolates */
        {0xfeff, 0xfeff},   /* byte order mark */
        {0xfff9, 0xfffb},   /* interlinear annotation */
        {0xe0000, 0xe007f}, /* tags */
    };
    for (size_t i = 0; i < ARRAY_SIZE(ranges) && point >= ranges[i].first; i++) {
        if (point <= ranges[i].last)
            return true;
    }
    return false;
}

bool text_is_clean(struct slice text)
{
    uint32_t point;
    while (text.size > 0) {
        if (text.data[0] >= ' ' && text.data[0] < 0x7f) {
            text = slice_of(text.data + 1, text.size - 1);
            continue;
        }
        if (!take_code_point(&text, &point) || is_control(point) || is_invisible(point))
            return false;
    }
    return true;
}

bool text_is_one_line(struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\n' || text.data[i] == '\t')
            return false;
    }
    return true;
}

size_t text_characters(struct slice text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.size; i++)
        count += (text.data[i] & 0xc0) != 0x80;
    return count;
}

struct slice text_cut(struct slice text, size_t size_max)
{
    if (text.size <= size_max)
        return text;
    while (size_max > 0 && (text.data[size_max] & 0xc0) == 0x80)
        size_max--;
    return slice_of(text.data, size_max);
}
