#include "crdt/visit.h"

#include "crdt/calendar.h"
#include "crdt/person.h"

bool visit_reached(uint8_t method, uint8_t outcome)
{
    if (outcome == OUTCOME_MET)
        return true;
    return outcome == OUTCOME_ANSWERED &&
           (method == METHOD_PHONE || method == METHOD_VIDEO);
}

bool visit_counts(const struct record_view *visit, int64_t now)
{
    int64_t when;
    CHECK(visit->reg->id == REGISTER_VISIT);
    if (!visit->known || visit->voided || visit->amended_count > 0)
        return false;
    if (view_time(visit, VISIT_WHEN, &when) && when > now)
        return false;
    return visit_reached(view_choice(visit, VISIT_METHOD),
                         view_choice(visit, VISIT_OUTCOME));
}

enum status visit_agrees(const struct record_view *visit,
                         const struct record_view *person,
                         const struct occasion *occasion, uint8_t *field)
{
    uint8_t outcome = view_choice(visit, VISIT_OUTCOME);
    uint8_t method = view_choice(visit, VISIT_METHOD);
    int64_t when, day;
    *field = VISIT_OUTCOME;
    if ((outcome == OUTCOME_MET && method == METHOD_PHONE) ||
        (outcome == OUTCOME_ANSWERED && method == METHOD_HOME))
        return ERR_CONTRADICTS;
    *field = VISIT_WHEN;
    if (occasion->insist || !view_time(visit, VISIT_WHEN, &when))
        return OK;
    if (when > occasion->now)
        return ERR_TO_COME;
    if (person != NULL && person_died(person, &day) && when > day)
        return ERR_AFTER_END;
    if (person != NULL && view_time(person, PERSON_BIRTH, &day) &&
        when < day * MINUTES_PER_DAY)
        return ERR_BEFORE_BIRTH;
    return OK;
}
