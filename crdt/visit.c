#include "crdt/person.h"
#include "crdt/visit.h"

bool visit_counts(const struct record_view *visit)
{
    CHECK(visit->reg->id == REGISTER_VISIT);
    if (!visit->known || visit->voided || visit->amended_count > 0)
        return false;
    uint8_t outcome = view_choice(visit, VISIT_OUTCOME);
    uint8_t method = view_choice(visit, VISIT_METHOD);
    if (outcome == OUTCOME_MET)
        return true;
    return outcome == OUTCOME_ANSWERED &&
           (method == METHOD_PHONE || method == METHOD_VIDEO);
}

enum status visit_agrees(const struct record_view *visit,
                         const struct record_view *person, bool insist, uint8_t *field)
{
    uint8_t outcome = view_choice(visit, VISIT_OUTCOME);
    uint8_t method = view_choice(visit, VISIT_METHOD);
    int64_t when, died;
    *field = VISIT_OUTCOME;
    if ((outcome == OUTCOME_MET && method == METHOD_PHONE) ||
        (outcome == OUTCOME_ANSWERED && method == METHOD_HOME))
        return ERR_CONTRADICTS;
    *field = VISIT_WHEN;
    if (!insist && person != NULL && view_time(visit, VISIT_WHEN, &when) &&
        person_died(person, &died) && when > died)
        return ERR_AFTER_END;
    return OK;
}
