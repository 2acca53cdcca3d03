#include "tests/bench/people.h"

#include <stdio.h>
#include <string.h>

#include "crdt/calendar.h"
#include "crdt/codec.h"

/* Visits of 2025, in minutes of Beijing time since 1970. */
#define YEAR_BEGIN_MINUTES INT64_C(28928160)
#define YEAR_MINUTES 525600
#define MINUTES_STEP 7919       /* prime to it */
#define BIRTH_DAYS_MIN (-14600) /* 1930 */
#define BIRTH_DAYS_SPAN 9000

static const char *const surnames[] = {"王", "李", "张", "刘", "陈", "杨", "黄", "吴",
                                       "周", "徐", "叶", "郑", "罗", "雷", "蓝", "钟"};
static const char *const given_names[] = {"秀英", "桂兰", "玉梅", "建国", "志明", "水根",
                                          "金花", "根土", "春香", "樟法", "林",   "火旺"};
static const char *const methods[] = {"home", "phone", "video"};
static const char *const outcomes[] = {"met", "absent", "refused", "hospital", "away"};

uint64_t chance_next(struct chance *chance)
{
    uint64_t mixed = chance->state += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

uint64_t chance_below(struct chance *chance, uint64_t bound)
{
    return chance_next(chance) % bound;
}

/* ---- what is drawn ---- */

struct person {
    char name[32];
    int64_t birth_days;
    uint64_t sex, tier; /* the ids of choices */
    uint64_t village;   /* from PEOPLE_VILLAGE on */
};

struct visit {
    int64_t when_minutes;
    uint64_t method, outcome;
    uint64_t minutes;
};

static void draw_person(struct chance *chance, struct person *person)
{
    (void)snprintf(person->name, sizeof person->name, "%s%s",
                   surnames[chance_below(chance, ARRAY_SIZE(surnames))],
                   given_names[chance_below(chance, ARRAY_SIZE(given_names))]);
    person->birth_days = BIRTH_DAYS_MIN + (int64_t)chance_below(chance, BIRTH_DAYS_SPAN);
    person->sex = 1 + chance_below(chance, 2);
    person->tier = 1 + chance_below(chance, 3);
    person->village = chance_below(chance, PEOPLE_VILLAGES);
}

static void draw_visit(struct chance *chance, struct visit *visit)
{
    static uint64_t drawn; /* no minute comes twice before a year is full */
    visit->when_minutes =
        YEAR_BEGIN_MINUTES + (int64_t)(drawn++ * MINUTES_STEP % YEAR_MINUTES);
    visit->method = 1 + chance_below(chance, ARRAY_SIZE(methods));
    visit->outcome = 1 + chance_below(chance, ARRAY_SIZE(outcomes));
    if (visit->outcome == OUTCOME_MET)
        visit->method = METHOD_HOME;
    visit->minutes = 5 + chance_below(chance, 100);
}

/* ---- as a write ---- */

static void made_begin(struct made_write *made, uint8_t reg)
{
    made->used = 0;
    made->write = (struct write){
        .insist = true, /* made by chance, some are the same visit */
        .account = {.uid = 0, .name = slice_text("clerk")},
        .kind = OPERATION_CREATE,
        .reg = reg,
        .realm = PEOPLE_TOWNSHIP,
        .values = made->values,
    };
}

/* Takes the encoded value over from `encoded`, which is empty afterwards. */
static void made_put(struct made_write *made, uint8_t field, struct buffer *encoded)
{
    size_t index = made->write.count++;
    CHECK(index < MADE_VALUES_MAX && made->used + encoded->size <= sizeof made->bytes);
    memcpy(made->bytes + made->used, encoded->data, encoded->size);
    made->values[index] = (struct write_value){
        .field = field, .value = slice_of(made->bytes + made->used, encoded->size)};
    made->used += encoded->size;
    buffer_clear(encoded);
}

static void made_put_uint(struct made_write *made, uint8_t field, uint64_t number,
                          struct buffer *encoded)
{
    codec_put_uint(encoded, number);
    made_put(made, field, encoded);
}

void made_person(struct made_write *made, struct chance *chance)
{
    struct person person;
    struct buffer encoded;
    draw_person(chance, &person);
    buffer_init(&encoded, sizeof made->bytes);
    made_begin(made, REGISTER_PERSON);
    codec_put_cstring(&encoded, person.name);
    made_put(made, PERSON_NAME, &encoded);
    made_put_uint(made, PERSON_VILLAGE, PEOPLE_VILLAGE + person.village, &encoded);
    made_put_uint(made, PERSON_SEX, person.sex, &encoded);
    codec_put_int(&encoded, person.birth_days);
    made_put(made, PERSON_BIRTH, &encoded);
    made_put_uint(made, PERSON_TIER, person.tier, &encoded);
    buffer_deinit(&encoded);
}

void made_visit(struct made_write *made, struct chance *chance,
                const struct entry_id *person)
{
    struct visit visit;
    struct buffer encoded;
    draw_visit(chance, &visit);
    buffer_init(&encoded, sizeof made->bytes);
    made_begin(made, REGISTER_VISIT);
    made->write.subject = *person;
    codec_put_bytes(&encoded, slice_of(person->bytes, ENTRY_ID_SIZE));
    made_put(made, VISIT_PERSON, &encoded);
    codec_put_int(&encoded, visit.when_minutes);
    made_put(made, VISIT_WHEN, &encoded);
    made_put_uint(made, VISIT_METHOD, visit.method, &encoded);
    made_put_uint(made, VISIT_OUTCOME, visit.outcome, &encoded);
    made_put_uint(made, VISIT_MINUTES, visit.minutes, &encoded);
    buffer_deinit(&encoded);
}

/* ---- as a request ---- */

static void put_argument(struct buffer *out, const char *key, const char *value)
{
    codec_put_cstring(out, key);
    codec_put_cstring(out, value);
}

static void put_number(struct buffer *out, const char *key, uint64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    put_argument(out, key, text);
}

void person_args(struct buffer *out, struct chance *chance)
{
    static const char *const sexes[] = {"male", "female"};
    static const char *const tiers[] = {"high", "key", "general"};
    struct person person;
    char birth[11];
    draw_person(chance, &person);
    date_format(person.birth_days, birth);
    codec_put_map(out, 6);
    put_argument(out, "anyway", "yes"); /* drawn by chance, some are alike */
    put_argument(out, "name", person.name);
    put_number(out, "village", PEOPLE_VILLAGE);
    put_argument(out, "sex", sexes[person.sex - 1]);
    put_argument(out, "birth", birth);
    put_argument(out, "tier", tiers[person.tier - 1]);
}

void visit_args(struct buffer *out, struct chance *chance,
                const char person[ID_TEXT_SIZE])
{
    struct visit visit;
    char when[17];
    draw_visit(chance, &visit);
    moment_format(visit.when_minutes, when);
    codec_put_map(out, 5);
    put_argument(out, "person", person);
    put_argument(out, "when", when);
    put_argument(out, "method", methods[visit.method - 1]);
    put_argument(out, "outcome", outcomes[visit.outcome - 1]);
    put_number(out, "minutes", visit.minutes);
}
