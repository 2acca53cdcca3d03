/* values.c - single values in words; the half of table.h that needs no table. */
#include "tools/table.h"

#include <stdlib.h>
#include <string.h>

#include "crdt/calendar.h"
#include "crdt/codec.h"
#include "crdt/normal.h"
#include "crdt/schema.h"
#include "tools/i18n.h"

#define SECOND_MS UINT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)
#define HEX_SHOWN 16

/* A unit is used until there are two of the next greater one: 119 s, 2 min, 47 h, 2 d. */
void age_words(uint64_t ms, char words[WORDS_SIZE])
{
    unsigned long long seconds = ms / SECOND_MS;
    if (ms < 2 * MINUTE_MS)
        (void)snprintf(words, WORDS_SIZE, _("%llu s"), seconds);
    else if (ms < 2 * HOUR_MS)
        (void)snprintf(words, WORDS_SIZE, _("%llu min"), seconds / 60);
    else if (ms < 2 * DAY_MS)
        (void)snprintf(words, WORDS_SIZE, _("%llu h"), seconds / 3600);
    else
        (void)snprintf(words, WORDS_SIZE, _("%llu d"), seconds / 86400);
}

void bytes_words(uint64_t bytes, char words[WORDS_SIZE])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    double amount = (double)bytes;
    size_t unit = 0;
    while (amount >= 999.5 && unit + 1 < ARRAY_SIZE(units)) {
        amount /= 1000;
        unit++;
    }
    const char *form = unit > 0 && amount < 9.95 ? "%.1f %s" : "%.0f %s";
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)snprintf(words, WORDS_SIZE, form, amount, units[unit]);
}

void counted(char words[WORDS_SIZE], uint64_t number, const char *one, const char *many)
{
    (void)snprintf(words, WORDS_SIZE, ngettext(one, many, (unsigned long)number),
                   (unsigned long long)number);
#pragma GCC diagnostic pop
}

void moment_words(uint64_t unix_ms, char words[WORDS_SIZE])
{
    char date[11];
    int64_t minutes = beijing_minutes(unix_ms);
    int64_t of_day = minutes % (24 * 60);
    date_format(minutes / (24 * 60), date);
    (void)snprintf(words, WORDS_SIZE, "%s %02d:%02d", date, (int)(of_day / 60),
                   (int)(of_day % 60));
}

/* ---- days and moments as typed ---- */

#define DAYS_AHEAD_MAX 183

static bool take_word(struct slice *in, const char *word)
{
    size_t size = strlen(word);
    if (in->size < size || memcmp(in->data, word, size) != 0)
        return false;
    *in = slice_of(in->data + size, in->size - size);
    return true;
}

/* One or two digits. */
static bool take_number(struct slice *in, unsigned *number)
{
    size_t digits = 0;
    *number = 0;
    while (digits < 2 && digits < in->size && in->data[digits] >= '0' &&
           in->data[digits] <= '9')
        *number = *number * 10 + (unsigned)(in->data[digits++] - '0');
    *in = slice_of(in->data + digits, in->size - digits);
    return digits > 0;
}

/* 今天 and such from the front. */
static bool take_day_word(struct slice *in, int64_t today, char date[TIME_TYPED_SIZE])
{
    static const struct {
        const char *word;
        int64_t days;
    } words[] = {
        {"今天", 0},       {"今日", 0},  {"today", 0}, {"昨天", -1},    {"昨日", -1},
        {"yesterday", -1}, {"前天", -2}, {"明天", 1},  {"tomorrow", 1},
    };
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (take_word(in, words[i].word)) {
            date_format(today + words[i].days, date);
            return true;
        }
    }
    return false;
}

/* 11-26 and such from the front; 02-29 also where the year has none, for whoever reads the
 * date in full to refuse. */
static bool take_month_and_day(struct slice *in, int64_t today,
                               char date[TIME_TYPED_SIZE])
{
    static const char *const marks[][2] = {{"-", ""}, {"/", ""}, {".", ""}, {"月", "日"}};
    for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
        struct slice rest = *in;
        unsigned month, day;
        int64_t days;
        if (!take_number(&rest, &month) || !take_word(&rest, marks[i][0]) ||
            !take_number(&rest, &day) || !take_word(&rest, marks[i][1]) ||
            (rest.size > 0 && rest.data[0] != ' '))
            continue;
        *in = rest;
        date_format(today, date);
        int year = atoi(date);
        (void)snprintf(date, TIME_TYPED_SIZE, "%04d-%02u-%02u", year, month, day);
        if (date_parse(slice_text(date), &days) && days > today + DAYS_AHEAD_MAX)
            (void)snprintf(date, TIME_TYPED_SIZE, "%04d-%02u-%02u", year - 1, month, day);
        return true;
    }
    return false;
}

bool time_read(struct slice typed, enum field_type type, uint64_t now_ms,
               char full[TIME_TYPED_SIZE])
{
    int64_t now = beijing_minutes(now_ms), today = now / MINUTES_PER_DAY, moment;
    struct buffer narrow;
    buffer_init(&narrow, SIZE_MAX);
    normal_put_narrow(typed, &narrow);
    struct slice rest = buffer_slice(&narrow);
    bool read = false;
    if (type == FIELD_MOMENT &&
        (slice_equal(rest, slice_text("现在")) || slice_equal(rest, slice_text("now")))) {
        moment_format(now, full);
        read = true;
    } else if (type == FIELD_DATE || type == FIELD_MOMENT) {
        bool has_day =
            take_day_word(&rest, today, full) || take_month_and_day(&rest, today, full);
        if (!has_day)
            date_format(today, full);
        while (has_day && take_word(&rest, " ")) {
        }
        if (rest.size > 0) {
            size_t used = strlen(full);
            int size = rest.size < TIME_TYPED_SIZE ? (int)rest.size : TIME_TYPED_SIZE;
            (void)snprintf(full + used, TIME_TYPED_SIZE - used, " %.*s", size,
                           (const char *)rest.data);
        }
        /* What follows a day is judged with it by whoever reads the moment in full. */
        read = has_day ? rest.size == 0 || type == FIELD_MOMENT
                       : type == FIELD_MOMENT && rest.size > 0 && rest.size <= 8 &&
                             moment_parse(slice_text(full), &moment);
    }
    buffer_deinit(&narrow);
    return read;
}

bool month_read(struct slice typed, uint64_t now_ms, char full[MONTH_TYPED_SIZE])
{
    static const struct {
        const char *word;
        int64_t back;
    } words[] = {{"本月", 0}, {"this", 0}, {"上月", 1}, {"last", 1}};
    int64_t now = month_of(beijing_minutes(now_ms) / MINUTES_PER_DAY);
    struct buffer narrow;
    buffer_init(&narrow, SIZE_MAX);
    normal_put_narrow(typed, &narrow);
    struct slice rest = buffer_slice(&narrow);
    unsigned month = 0;
    bool read = false;
    for (size_t i = 0; i < ARRAY_SIZE(words) && !read; i++) {
        read = slice_equal(rest, slice_text(words[i].word));
        if (read)
            month_format(now - words[i].back, full);
    }
    if (!read && rest.size > 0 && take_number(&rest, &month) && month >= 1 &&
        month <= 12 && (rest.size == 0 || slice_equal(rest, slice_text("月")))) {
        int64_t january = now - (now % 12 + 12) % 12;
        int64_t meant = january + (int64_t)month - 1;
        month_format(meant > now ? meant - 12 : meant, full);
        read = true;
    }
    buffer_deinit(&narrow);
    return read;
}

/* ---- values in words ---- */

static const char *copy_text(struct arena *arena, struct slice text)
{
    char *copy = arena_alloc(arena, text.size + 1);
    if (text.size > 0)
        memcpy(copy, text.data, text.size);
    return copy;
}

static const char *copy_string(struct arena *arena, const char *text)
{
    return copy_text(arena, slice_text(text));
}

static const char *words_of_number(struct arena *arena, int64_t number)
{
    char words[WORDS_SIZE];
    (void)snprintf(words, sizeof words, "%lld", (long long)number);
    return copy_string(arena, words);
}

/* Depth is bounded: replies passed codec_check. */
static const char *words_of_any(struct slice value, struct arena *arena);

/* A nested value in words: its texts and numbers in order, what is nil left out. A log
 * entry's operation reads "create person". */
static const char *words_of_map(struct arena *arena, struct slice map)
{
    struct buffer joined;
    struct slice key, value;
    size_t count;
    buffer_init(&joined, SIZE_MAX);
    if (!codec_take_map(&map, &count))
        count = 0;
    for (; count > 0 && codec_take_text(&map, &key) && codec_take_any(&map, &value);
         count--) {
        if (codec_peek(value) == CODEC_NIL)
            continue;
        const char *words = gettext(words_of_any(value, arena));
        const struct schema_register *reg = schema_register_named(slice_text(words));
        if (i18n_chinese() && reg != NULL)
            words = reg->label;
        if (joined.size > 0)
            buffer_put_u8(&joined, ' ');
        buffer_put(&joined, words, strlen(words));
    }
    const char *copy = joined.size == 0 ? "-" : copy_text(arena, buffer_slice(&joined));
    buffer_deinit(&joined);
    return copy;
}

static const char *words_of_list(struct arena *arena, struct slice list)
{
    struct buffer joined;
    struct slice element;
    buffer_init(&joined, SIZE_MAX);
    struct list_walk walk = list_walk_begin(list);
    while (list_walk_next(&walk, &element)) {
        const char *words = words_of_any(element, arena);
        if (joined.size > 0)
            buffer_put(&joined, ", ", 2);
        buffer_put(&joined, words, strlen(words));
    }
    const char *copy = joined.size == 0 ? "-" : copy_text(arena, buffer_slice(&joined));
    buffer_deinit(&joined);
    return copy;
}

static const char *words_of_any(struct slice value, struct arena *arena)
{
    struct slice text;
    int64_t number;
    bool flag;
    if (codec_take_text(&value, &text))
        return text.size == 0 ? "-" : copy_text(arena, text);
    if (codec_take_int(&value, &number))
        return words_of_number(arena, number);
    if (codec_take_bool(&value, &flag))
        return flag ? _("yes") : _("no");
    if (codec_peek(value) == CODEC_ARRAY)
        return words_of_list(arena, value);
    return codec_peek(value) == CODEC_MAP ? words_of_map(arena, value) : "?";
}

static const char *words_of_kind(const struct terminal *terminal, enum column_kind kind,
                                 uint64_t number, struct arena *arena)
{
    char words[WORDS_SIZE] = "";
    if (kind == COLUMN_AGE)
        age_words(terminal->now_ms > number ? terminal->now_ms - number : 0, words);
    else if (kind == COLUMN_MOMENT)
        moment_words(number, words);
    else if (kind == COLUMN_BYTES)
        bytes_words(number, words);
    else
        (void)snprintf(words, sizeof words, "%llu", (unsigned long long)number);
    return copy_string(arena, words);
}

const char *value_words(const struct terminal *terminal, const struct column *column,
                        struct slice value, struct arena *arena)
{
    struct slice rest = value;
    struct slice text;
    uint64_t number;
    if (codec_peek(value) == CODEC_NIL || codec_peek(value) == CODEC_NONE)
        return column->absent != NULL ? gettext(column->absent) : "-";
    if (codec_take_uint(&rest, &number))
        return words_of_kind(terminal, column->kind, number, arena);
    if (column->kind == COLUMN_HEX && codec_take_text(&rest, &text))
        return copy_text(
            arena, slice_of(text.data, text.size < HEX_SHOWN ? text.size : HEX_SHOWN));
    return words_of_any(value, arena);
}

static const char *choice_label(const struct field *field, struct slice name)
{
    for (const struct choice *choice = field->choices;
         choice != NULL && choice->name != NULL; choice++) {
        if (slice_equal(name, slice_text(choice->name)))
            return choice->label;
    }
    return NULL;
}

const char *choice_words(const struct field *field, const char *words,
                         struct arena *arena)
{
    struct slice rest = slice_text(words), piece;
    struct buffer joined;
    if (!i18n_chinese())
        return words;
    if (field->type == FIELD_CHECK && strcmp(words, "ok") == 0)
        return _("ok");
    if (field->type == FIELD_SEALED && strcmp(words, "(hidden)") == 0)
        return _("(hidden)");
    if (field->type != FIELD_CHOICE)
        return words;
    buffer_init(&joined, SIZE_MAX);
    while (field_next_value(&rest, &piece)) {
        while (piece.size > 0 && piece.data[0] == ' ')
            piece = slice_of(piece.data + 1, piece.size - 1);
        const char *label = choice_label(field, piece);
        if (joined.size > 0)
            buffer_put(&joined, "、", strlen("、"));
        if (label != NULL)
            buffer_put(&joined, label, strlen(label));
        else
            buffer_put(&joined, piece.data, piece.size);
    }
    const char *copy = joined.size == 0 ? words : copy_text(arena, buffer_slice(&joined));
    buffer_deinit(&joined);
    return copy;
}

/* ---- reading encoded maps ---- */

const char *map_text(struct slice map, const char *key, struct arena *arena)
{
    struct slice value, text;
    if (!codec_map_find(map, key, &value) || !codec_take_text(&value, &text))
        return NULL;
    return copy_text(arena, text);
}

bool map_uint(struct slice map, const char *key, uint64_t *number)
{
    struct slice value;
    return codec_map_find(map, key, &value) && codec_take_uint(&value, number);
}

bool map_bool(struct slice map, const char *key)
{
    struct slice value;
    bool flag = false;
    return codec_map_find(map, key, &value) && codec_take_bool(&value, &flag) && flag;
}

struct slice map_list(struct slice map, const char *key)
{
    static const uint8_t none[] = {0x90}; /* msgpack's empty array */
    struct slice value;
    bool found = codec_map_find(map, key, &value) && codec_peek(value) == CODEC_ARRAY;
    return found ? value : slice_of(none, sizeof none);
}

struct slice map_map(struct slice map, const char *key)
{
    static const uint8_t none[] = {0x80}; /* msgpack's empty map */
    struct slice value;
    bool found = codec_map_find(map, key, &value) && codec_peek(value) == CODEC_MAP;
    return found ? value : slice_of(none, sizeof none);
}

struct list_walk list_walk_begin(struct slice list)
{
    struct list_walk walk = {.rest = list};
    if (!codec_take_array(&walk.rest, &walk.left))
        walk.left = 0;
    return walk;
}

bool list_walk_next(struct list_walk *walk, struct slice *element)
{
    if (walk->left == 0 || !codec_take_any(&walk->rest, element))
        return false;
    walk->left--;
    return true;
}

size_t list_count(struct slice list)
{
    return list_walk_begin(list).left;
}
