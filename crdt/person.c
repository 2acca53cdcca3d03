#include "crdt/person.h"

#define MINUTES_PER_DAY (24 * 60)

bool person_ended(const struct record_view *person)
{
    uint8_t status = view_choice(person, PERSON_STATUS);
    return status == PERSON_DECEASED || status == PERSON_MOVED;
}

bool person_died(const struct record_view *person, int64_t *minutes)
{
    int64_t day;
    if (view_choice(person, PERSON_STATUS) != PERSON_DECEASED)
        return false;
    if (view_time(person, PERSON_STATUS_SINCE, &day))
        *minutes = (day + 1) * MINUTES_PER_DAY - 1;
    else
        *minutes = beijing_minutes(person->fields[PERSON_STATUS].versions[0].stamp_ms);
    return true;
}
