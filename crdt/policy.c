#include "crdt/policy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/calendar.h"
#include "crdt/text.h"

/* Marks English texts for xgettext; they are translated where they are shown. */
#define N_(text) text

enum known {
    KNOWN_HIGH,
    KNOWN_KEY,
    KNOWN_GENERAL,
    KNOWN_NO_TIER,
    KNOWN_SILENT,
    KNOWN_STARS,
    KNOWN_CAP,
    KNOWN,
};

static const struct policy_name names[KNOWN] = {
    [KNOWN_HIGH] = {"visit.high", POLICY_INTERVAL, "7d",
                    N_("how often who is at high risk is visited")},
    [KNOWN_KEY] = {"visit.key", POLICY_INTERVAL, "1m",
                   N_("how often key persons are visited")},
    [KNOWN_GENERAL] = {"visit.general", POLICY_INTERVAL, "3m",
                       N_("how often the others are visited")},
    [KNOWN_NO_TIER] = {"visit.no-tier", POLICY_INTERVAL, "1m",
                       N_("how often who has no tier yet is visited")},
    [KNOWN_SILENT] = {"silent-days", POLICY_DAYS, "3",
                      N_("days without news of a node after which figures are called "
                         "incomplete")},
    [KNOWN_STARS] = {"star-hours", POLICY_STAR_HOURS, "100/300/600/1000/1500",
                     N_("hours of service from which a volunteer has one star to five")},
    [KNOWN_CAP] = {"hours-cap", POLICY_HOURS, "1500",
                   N_("hours that a volunteer may have stored")},
};

const struct policy_name *policy_name_at(size_t index)
{
    return index < KNOWN ? &names[index] : NULL;
}

const struct policy_name *policy_named(struct slice name)
{
    for (size_t i = 0; i < KNOWN; i++) {
        if (slice_equal(name, slice_text(names[i].name)))
            return &names[i];
    }
    return NULL;
}

/* ---- statements ---- */

static bool is_line(struct slice text, size_t size_max)
{
    return text.size > 0 && text.size <= size_max && text_is_clean(text) &&
           text_is_one_line(text);
}

bool policy_is_statable(struct slice name, struct slice value, int64_t from_day)
{
    return is_line(name, POLICY_NAME_MAX) && is_line(value, POLICY_VALUE_MAX) &&
           date_in_range(from_day);
}

void policies_deinit(struct policies *policies)
{
    free(policies->rows);
    *policies = (struct policies){0};
}

void policies_clear(struct policies *policies)
{
    policies->count = 0;
}

void policies_add(struct policies *policies, struct slice name, struct slice value,
                  int64_t from_day, uint64_t stamp_ms)
{
    CHECK(policy_is_statable(name, value, from_day));
    policies->rows = array_grow(policies->rows, &policies->capacity, policies->count + 1,
                                sizeof *policies->rows);
    struct policy_statement *row = &policies->rows[policies->count++];
    *row = (struct policy_statement){
        .number = policies->count, .stamp_ms = stamp_ms, .from_day = from_day};
    memcpy(row->name, name.data, name.size);
    memcpy(row->value, value.data, value.size);
}

const struct policy_statement *policies_find(const struct policies *policies,
                                             struct slice name, int64_t day)
{
    const struct policy_statement *found = NULL;
    for (size_t i = 0; i < policies->count; i++) {
        const struct policy_statement *row = &policies->rows[i];
        if (row->from_day <= day && slice_equal(slice_text(row->name), name) &&
            (found == NULL || row->from_day >= found->from_day))
            found = row;
    }
    return found;
}

/* ---- values ---- */

/* Digits from the front of `text`; false where there are none or the number is too great. */
static bool take_number(struct slice *text, uint32_t max, uint32_t *number)
{
    uint64_t value = 0;
    size_t size = 0;
    for (; size < text->size && text->data[size] >= '0' && text->data[size] <= '9';
         size++) {
        value = value * 10 + (uint64_t)(text->data[size] - '0');
        if (value > max)
            return false;
    }
    if (size == 0 || value == 0)
        return false;
    *text = slice_of(text->data + size, text->size - size);
    *number = (uint32_t)value;
    return true;
}

static bool is_one_of(struct slice text, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (slice_equal(text, slice_text(*words)))
            return true;
    }
    return false;
}

enum { DAYS_MAX = 31, MONTHS_MAX = 24, SILENT_MAX = 366, HOURS_MAX = 100000 };

static bool read_interval(struct slice text, struct interval *interval)
{
    static const struct {
        const char *words[4];
        struct interval interval;
    } named[] = {
        {{"weekly", "每周", NULL}, {.count = 7}},
        {{"monthly", "每月", NULL}, {.in_months = true, .count = 1}},
        {{"quarterly", "每季", "每季度", NULL}, {.in_months = true, .count = 3}},
        {{"yearly", "每年", NULL}, {.in_months = true, .count = 12}},
    };
    static const char *const days[] = {"d", "天", "日", NULL};
    static const char *const months[] = {"m", "个月", "月", NULL};
    uint32_t count;
    for (size_t i = 0; i < ARRAY_SIZE(named); i++) {
        if (is_one_of(text, named[i].words)) {
            *interval = named[i].interval;
            return true;
        }
    }
    if (!take_number(&text, DAYS_MAX, &count))
        return false;
    *interval =
        (struct interval){.in_months = is_one_of(text, months), .count = (uint16_t)count};
    return interval->in_months ? count <= MONTHS_MAX : is_one_of(text, days);
}

static bool read_stars(struct slice text, uint32_t hours[POLICY_STARS])
{
    for (size_t i = 0; i < POLICY_STARS; i++) {
        if (i > 0 && (text.size == 0 || text.data[0] != '/'))
            return false;
        if (i > 0)
            text = slice_of(text.data + 1, text.size - 1);
        if (!take_number(&text, HOURS_MAX, &hours[i]) ||
            (i > 0 && hours[i] <= hours[i - 1]))
            return false;
    }
    return text.size == 0;
}

static bool read_whole(struct slice text, uint32_t max, uint32_t *number)
{
    uint32_t value;
    if (!take_number(&text, max, &value) || text.size != 0)
        return false;
    *number = value;
    return true;
}

bool policy_value_read(enum policy_kind kind, struct slice typed, struct buffer *out)
{
    struct interval interval;
    uint32_t hours[POLICY_STARS], number;
    char text[24] = "";
    switch (kind) {
    case POLICY_INTERVAL:
        if (!read_interval(typed, &interval))
            return false;
        (void)snprintf(text, sizeof text, "%u%s", (unsigned)interval.count,
                       interval.in_months ? "m" : "d");
        break;
    case POLICY_DAYS:
    case POLICY_HOURS:
        if (!read_whole(typed, kind == POLICY_DAYS ? SILENT_MAX : HOURS_MAX, &number))
            return false;
        (void)snprintf(text, sizeof text, "%" PRIu32, number);
        break;
    case POLICY_STAR_HOURS:
        if (!read_stars(typed, hours))
            return false;
        buffer_put(out, typed.data, typed.size);
        break;
    }
    buffer_put(out, text, strlen(text));
    return true;
}

/* ---- what holds on a day ---- */

static bool apply(struct policy *policy, enum known known, struct slice value)
{
    static const uint8_t tiers[] = {[KNOWN_HIGH] = TIER_HIGH,
                                    [KNOWN_KEY] = TIER_KEY,
                                    [KNOWN_GENERAL] = TIER_GENERAL,
                                    [KNOWN_NO_TIER] = 0};
    uint32_t number, hours[POLICY_STARS];
    struct interval interval;
    switch (known) {
    case KNOWN_HIGH:
    case KNOWN_KEY:
    case KNOWN_GENERAL:
    case KNOWN_NO_TIER:
        if (!read_interval(value, &interval))
            return false;
        policy->visits.by_tier[tiers[known]] = interval;
        return true;
    case KNOWN_SILENT:
        if (!read_whole(value, SILENT_MAX, &number))
            return false;
        policy->silent_days = number;
        return true;
    case KNOWN_STARS:
        if (!read_stars(value, hours))
            return false;
        memcpy(policy->star_hours, hours, sizeof hours);
        return true;
    case KNOWN_CAP: return read_whole(value, HOURS_MAX, &policy->hours_cap);
    case KNOWN: break;
    }
    return false;
}

void policy_at(const struct policies *policies, int64_t day, struct policy *policy)
{
    *policy = (struct policy){0};
    for (enum known i = 0; i < KNOWN; i++) {
        const struct policy_statement *stated =
            policies_find(policies, slice_text(names[i].name), day);
        bool holds = apply(policy, i, slice_text(names[i].fallback));
        CHECK(holds);
        if (stated == NULL || !apply(policy, i, slice_text(stated->value)) ||
            stated->number < policy->number)
            continue;
        policy->number = stated->number;
        policy->stamp_ms = stated->stamp_ms;
    }
}
