#include "crdt/person.h"

#include "crdt/calendar.h"
#include "crdt/codec.h"
#include "crdt/id_number.h"

#define LIFE_DAYS_MAX (130 * 366)

bool person_ended(const struct record_view *person)
{
    uint8_t status = view_choice(person, PERSON_STATUS);
    return status == PERSON_DECEASED || status == PERSON_MOVED;
}

static bool since_is_stated(const struct record_view *person, int64_t *day)
{
    const struct field_view *since = &person->fields[PERSON_STATUS_SINCE];
    return since->count > 0 &&
           since->versions[0].stamp_ms >=
               person->fields[PERSON_STATUS].versions[0].stamp_ms &&
           view_time(person, PERSON_STATUS_SINCE, day);
}

bool person_status_since(const struct record_view *person, int64_t *day)
{
    const struct field_view *status = &person->fields[PERSON_STATUS];
    if (status->count == 0)
        return false;
    if (!since_is_stated(person, day))
        *day = day_of_minutes(beijing_minutes(status->versions[0].stamp_ms));
    return true;
}

bool person_died(const struct record_view *person, int64_t *minutes)
{
    int64_t day;
    if (view_choice(person, PERSON_STATUS) != PERSON_DECEASED)
        return false;
    if (since_is_stated(person, &day))
        *minutes = (day + 1) * MINUTES_PER_DAY - 1;
    else
        *minutes = beijing_minutes(person->fields[PERSON_STATUS].versions[0].stamp_ms);
    return true;
}

static enum status birth_agrees(int64_t birth, int64_t now)
{
    if (now == INT64_MAX)
        return OK;
    if (birth * MINUTES_PER_DAY > now)
        return ERR_TO_COME;
    return now / MINUTES_PER_DAY - birth > LIFE_DAYS_MAX ? ERR_TOO_OLD : OK;
}

enum status person_agrees(const struct record_view *person,
                          const struct record_view *subject,
                          const struct occasion *occasion, uint8_t *field)
{
    struct slice value = view_value(person, PERSON_ID_NUMBER), text;
    uint8_t sex = view_choice(person, PERSON_SEX);
    uint8_t number[ID_NUMBER_SIZE];
    enum status status = OK;
    int64_t birth;
    (void)subject;
    if (occasion->insist)
        return OK;
    bool has_birth = view_time(person, PERSON_BIRTH, &birth);
    bool has_number =
        codec_take_text(&value, &text) && id_number_read(text, number) == OK;
    *field = PERSON_BIRTH;
    if (has_birth)
        status = birth_agrees(birth, occasion->now);
    if (status != OK || !has_number)
        return status;
    *field = PERSON_ID_NUMBER;
    if (has_birth && id_number_birth(number) != birth)
        return ERR_ID_NUMBER_BIRTH;
    if (sex != 0 && (sex == SEX_MALE) != id_number_is_male(number))
        return ERR_ID_NUMBER_SEX;
    return birth_agrees(id_number_birth(number), occasion->now);
}
