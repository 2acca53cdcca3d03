/* schema_orders.h - fields and choices of volunteers, orders and their steps. */
#ifndef LINLI_CRDT_SCHEMA_ORDERS_H
#define LINLI_CRDT_SCHEMA_ORDERS_H

#include "crdt/schema.h"

enum volunteer_field {
    VOLUNTEER_NAME,
    VOLUNTEER_NUMBER,
    VOLUNTEER_PLACE,
    VOLUNTEER_ORGANISATION,
    VOLUNTEER_SKILLS,
    VOLUNTEER_PHONES,
    VOLUNTEER_STATUS,
    VOLUNTEER_EXTERNAL_KEY,
    VOLUNTEER_NOTE,
};
enum volunteer_status { VOLUNTEER_ACTIVE = 1, VOLUNTEER_PAUSED, VOLUNTEER_LEFT };

enum order_field {
    ORDER_PERSON,
    ORDER_VILLAGE,
    ORDER_KIND,
    ORDER_WHEN,
    ORDER_DETAILS,
    ORDER_REQUESTER,
    ORDER_NOTE,
    ORDER_EXTERNAL_KEY,
    /* Computed from the steps: */
    ORDER_STATE,
    ORDER_VOLUNTEER,
    ORDER_STARTED_AT,
    ORDER_FINISHED_AT,
    ORDER_MINUTES,
    ORDER_PROXY,
    ORDER_RATING,
    ORDER_REVIEW,
    ORDER_NEXT,
};
enum order_step_field {
    STEP_ORDER,
    STEP_WHAT,
    STEP_SEEN,
    STEP_VOLUNTEER,
    STEP_AT,
    STEP_MINUTES,
    STEP_BY,
    STEP_PROXY,
    STEP_RATING,
    STEP_WORDS,
};

/* What help is for: of orders, needs, resources, projects, and of what volunteers can do. */
extern const struct choice service_kinds[];

#endif
