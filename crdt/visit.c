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
