#include "crdt/calendar.h"

#include <stdio.h>
#include <string.h>

enum {
    YEAR_MIN = 1800,
    YEAR_MAX = 2199,
    BEIJING_OFFSET_MINUTES = 8 * 60,
};

/* Days since 1970-01-01 and back: H. Hinnant, "chrono-Compatible Low-Level Date
 * Algorithms", days_from_civil and civil_from_days. Years count from March, so that the
 * leap day comes last. */
static int64_t days_of(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (int64_t)((month + 9) % 12) + 2) / 5 + day - 1;
    int64_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

struct civil {
    int64_t year;
    unsigned month, day;
};

static struct civil civil_of(int64_t days)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    struct civil civil = {
        .year = year_of_era + era * 400 + (month >= 10),
        .month = (unsigned)(month < 10 ? month + 3 : month - 9),
        .day = (unsigned)(day_of_year - (153 * month + 2) / 5 + 1),
    };
    return civil;
}

static bool date_exists(uint32_t year, uint32_t month, uint32_t day)
{
    static const uint8_t month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < YEAR_MIN || year > YEAR_MAX || month < 1 || month > 12 || day < 1)
        return false;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return day <= month_days[month - 1] + (uint32_t)(leap && month == 2);
}

bool date_in_range(int64_t days)
{
    return days >= days_of(YEAR_MIN, 1, 1) && days <= days_of(YEAR_MAX, 12, 31);
}

bool moment_in_range(int64_t minutes)
{
    return minutes >= days_of(YEAR_MIN, 1, 1) * MINUTES_PER_DAY &&
           minutes < days_of(YEAR_MAX + 1, 1, 1) * MINUTES_PER_DAY;
}

/* One to `digits_max` decimal digits from the front. */
static bool take_decimal(struct slice *in, size_t digits_max, uint32_t *out)
{
    uint32_t value = 0;
    size_t digits = 0;
    while (digits < digits_max && digits < in->size && in->data[digits] >= '0' &&
           in->data[digits] <= '9')
        value = value * 10 + (uint32_t)(in->data[digits++] - '0');
    if (digits == 0)
        return false;
    *in = slice_of(in->data + digits, in->size - digits);
    *out = value;
    return true;
}

static bool take_literal(struct slice *in, const char *literal)
{
    size_t size = strlen(literal);
    if (in->size < size || memcmp(in->data, literal, size) != 0)
        return false;
    *in = slice_of(in->data + size, in->size - size);
    return true;
}

/* Year and month are followed by the same mark, as in the forms of schema.h. */
static bool take_date(struct slice *in, int64_t *days)
{
    static const char *const marks[][3] = {
        {"-", "-", ""}, {"/", "/", ""}, {".", ".", ""}, {"年", "月", "日"}};
    for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
        struct slice rest = *in;
        uint32_t year, month, day;
        if (take_decimal(&rest, 4, &year) && take_literal(&rest, marks[i][0]) &&
            take_decimal(&rest, 2, &month) && take_literal(&rest, marks[i][1]) &&
            take_decimal(&rest, 2, &day) && take_literal(&rest, marks[i][2])) {
            *in = rest;
            *days = days_of(year, month, day);
            return date_exists(year, month, day);
        }
    }
    uint32_t packed;
    if (!take_decimal(in, 8, &packed))
        return false;
    *days = days_of(packed / 10000, packed / 100 % 100, packed % 100);
    return date_exists(packed / 10000, packed / 100 % 100, packed % 100);
}

bool date_parse(struct slice text, int64_t *days)
{
    return take_date(&text, days) && text.size == 0;
}

static bool take_colon(struct slice *in)
{
    return take_literal(in, ":") || take_literal(in, "：");
}

static bool take_time_of_day(struct slice *in, uint32_t *minutes)
{
    uint32_t hour, minute, second = 0;
    if (!take_decimal(in, 2, &hour) || !take_colon(in) || !take_decimal(in, 2, &minute))
        return false;
    if (take_colon(in) && !take_decimal(in, 2, &second))
        return false;
    *minutes = hour * 60 + minute;
    return hour < 24 && minute < 60 && second < 60;
}

bool moment_parse(struct slice text, int64_t *minutes)
{
    int64_t days;
    uint32_t time_of_day = 0;
    if (!take_date(&text, &days))
        return false;
    if (text.size > 0) {
        if (!take_literal(&text, "T") && !take_literal(&text, " "))
            return false;
        while (take_literal(&text, " ")) {
        }
        if (!take_time_of_day(&text, &time_of_day) || text.size > 0)
            return false;
    }
    *minutes = days * MINUTES_PER_DAY + (int64_t)time_of_day;
    return true;
}

/* `pattern`: 0 stands for a digit, 9 for a digit that may be left out, everything else for
 * itself. */
static bool has_pattern(struct slice text, const char *pattern)
{
    for (; *pattern != '\0'; pattern++) {
        bool is_digit = text.size > 0 && text.data[0] >= '0' && text.data[0] <= '9';
        if (*pattern == '9' && !is_digit)
            continue;
        bool fits = *pattern == '0' || *pattern == '9'
                        ? is_digit
                        : text.size > 0 && text.data[0] == (uint8_t)*pattern;
        if (!fits)
            return false;
        text = slice_of(text.data + 1, text.size - 1);
    }
    return text.size == 0;
}

bool date_has_form(struct slice text, bool moment)
{
    static const char *const dates[] = {"0000-09-09", "0000/09/09", "0000.09.09",
                                        "00000000", "0000年09月09日"};
    static const char *const times[] = {"", " 09:00", "T09:00", " 09:00:00", "T09:00:00"};
    for (size_t i = 0; i < ARRAY_SIZE(dates); i++) {
        for (size_t j = 0; j < (moment ? ARRAY_SIZE(times) : 1); j++) {
            char pattern[48];
            (void)snprintf(pattern, sizeof pattern, "%s%s", dates[i], times[j]);
            if (has_pattern(text, pattern))
                return true;
        }
    }
    return false;
}

static void put_decimal(char *out, size_t digits, uint64_t value)
{
    for (size_t i = digits; i > 0; i--, value /= 10)
        out[i - 1] = (char)('0' + value % 10);
}

void date_format(int64_t days, char text[11])
{
    CHECK(date_in_range(days));
    struct civil civil = civil_of(days);
    memcpy(text, "0000-00-00", 11);
    put_decimal(text, 4, (uint64_t)civil.year);
    put_decimal(text + 5, 2, civil.month);
    put_decimal(text + 8, 2, civil.day);
}

void moment_format(int64_t minutes, char text[17])
{
    CHECK(moment_in_range(minutes));
    int64_t days = minutes / MINUTES_PER_DAY, time_of_day = minutes % MINUTES_PER_DAY;
    if (time_of_day < 0) {
        days--;
        time_of_day += MINUTES_PER_DAY;
    }
    date_format(days, text);
    memcpy(text + 10, " 00:00", 7);
    put_decimal(text + 11, 2, (uint64_t)time_of_day / 60);
    put_decimal(text + 14, 2, (uint64_t)time_of_day % 60);
}

int64_t month_of(int64_t days)
{
    struct civil civil = civil_of(days);
    return (civil.year - 1970) * 12 + (int64_t)civil.month - 1;
}

/* Years before 1970 too: division that rounds down. */
static int64_t year_of_month(int64_t month)
{
    return 1970 + (month >= 0 ? month / 12 : -((11 - month) / 12));
}

int64_t month_first_day(int64_t month)
{
    int64_t year = year_of_month(month);
    return days_of(year, (unsigned)(month - (year - 1970) * 12 + 1), 1);
}

bool month_parse(struct slice text, int64_t *month)
{
    static const char *const marks[][2] = {{"-", ""}, {"/", ""}, {".", ""}, {"年", "月"}};
    for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
        struct slice rest = text;
        uint32_t year, number;
        if (take_decimal(&rest, 4, &year) && take_literal(&rest, marks[i][0]) &&
            take_decimal(&rest, 2, &number) && take_literal(&rest, marks[i][1]) &&
            rest.size == 0 && date_exists(year, number, 1)) {
            *month = ((int64_t)year - 1970) * 12 + (int64_t)number - 1;
            return true;
        }
    }
    return false;
}

void month_format(int64_t month, char text[8])
{
    int64_t year = year_of_month(month);
    CHECK(month >= MONTH_MIN && month <= MONTH_MAX);
    memcpy(text, "0000-00", 8);
    put_decimal(text, 4, (uint64_t)year);
    put_decimal(text + 5, 2, (uint64_t)(month - (year - 1970) * 12 + 1));
}

int64_t day_of_minutes(int64_t minutes)
{
    return minutes / MINUTES_PER_DAY - (minutes % MINUTES_PER_DAY < 0);
}

int64_t beijing_minutes(uint64_t unix_ms)
{
    return (int64_t)(unix_ms / 60000) + BEIJING_OFFSET_MINUTES;
}
