/* schema_leads.h - fields and choices of leads 发现线索 and of what is done about them. */
#ifndef LINLI_CRDT_SCHEMA_LEADS_H
#define LINLI_CRDT_SCHEMA_LEADS_H

#include "crdt/schema.h"

enum lead_field {
    LEAD_PERSON,
    LEAD_VILLAGE,
    LEAD_LEVEL,
    LEAD_WHAT,
    LEAD_NOTICED,
    LEAD_SOURCE,
    LEAD_WHO,
    LEAD_ADDRESS,
    LEAD_EXTERNAL_KEY,
    LEAD_NOTE,
    /* Computed from the steps: */
    LEAD_STATE,
    LEAD_RESPONSE,
    LEAD_ANSWERED_BY,
};
enum lead_step_field { LEAD_STEP_LEAD, LEAD_STEP_WHAT, LEAD_STEP_DONE };

enum lead_level { LEAD_RED = 1, LEAD_YELLOW, LEAD_GREEN };
enum lead_state { LEAD_OPEN = 1, LEAD_ACKNOWLEDGED, LEAD_CLOSED };
enum lead_step { LEAD_ACK = 1, LEAD_CLOSE };

#endif
