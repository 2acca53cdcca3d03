/* Whether a step of an order may be entered now. */
#include "crdt/order.h"
#include "crdt/schema_orders.h"

static enum status whose_is_meant(const struct order *order,
                                  const struct order_event *event)
{
    bool serves = !event->has_volunteer;
    for (size_t i = 0; i < order->serving_count && !serves; i++)
        serves = entry_id_compare(order->serving[i], &event->volunteer) == 0;
    if (!serves)
        return ERR_CONTRADICTS;
    return order->serving_count > 1 && !event->has_volunteer ? ERR_ORDER_WHOSE : OK;
}

static enum status times_agree(const struct order_service *service,
                               const struct order_event *event,
                               const struct occasion *occasion)
{
    const struct order_event *started = service->started;
    if (!occasion->insist && event->has_when && event->when > occasion->now)
        return ERR_TO_COME;
    if (event->step != STEP_FINISH || started == NULL || !event->has_when ||
        !started->has_when)
        return OK;
    bool too_long = event->when - started->when > ORDER_MINUTES_MAX;
    return event->when < started->when || (too_long && !event->has_minutes)
               ? ERR_CONTRADICTS
               : OK;
}

/* Of the service that the step is about, whoever else has served. */
static enum status persons_differ(const struct order_service *service,
                                  const struct order_event *event)
{
    if (event->step == STEP_CONFIRM && order_confirms_own(service, event))
        return event->by_proxy ? ERR_ORDER_SAME : ERR_ORDER_PROXY;
    return event->step == STEP_SETTLE && order_settles_own(service, event)
               ? ERR_ORDER_SAME
               : OK;
}

/* The step as it will be: entered by whoever has seen all the others. */
static void append(const struct order_event *events, size_t count, struct arena *arena,
                   struct order_event *event, struct order_event **then)
{
    struct entry_id *seen = arena_alloc(arena, (count + 1) * sizeof *seen);
    *then = arena_alloc(arena, (count + 1) * sizeof **then);
    for (size_t i = 0; i < count; i++) {
        (*then)[i] = events[i];
        seen[i] = events[i].id;
    }
    event->stamp_ms = UINT64_MAX;
    event->seen = seen;
    event->seen_count = count;
    (*then)[count] = *event;
}

enum status order_refuses(const struct order_event *events, size_t count,
                          const struct order_event *given,
                          const struct occasion *occasion, struct arena *arena,
                          uint8_t *field)
{
    struct order_event event = *given, *then;
    struct order order;
    struct order_service service;
    enum status status = OK;
    order_fold(events, count, arena, &order);
    *field = FIELD_NONE;
    if (order_next(order.state, event.step) == 0)
        return order_refusal(order.state);
    if (count >= ORDER_EVENTS_MAX)
        return ERR_LIMIT;
    *field = STEP_VOLUNTEER;
    if (event.step == STEP_START || event.step == STEP_FINISH ||
        event.step == STEP_CONFIRM)
        status = whose_is_meant(&order, &event);
    if (status != OK)
        return status;
    append(events, count, arena, &event, &then);
    *field = FIELD_NONE;
    if (!order_service_of(then, count + 1, &event.id, arena, &service))
        return order_refusal(order.state);
    *field = STEP_AT;
    status = times_agree(&service, &event, occasion);
    if (status != OK)
        return status;
    *field = STEP_MINUTES;
    if (event.step == STEP_SETTLE && service.minutes_from == NULL)
        return ERR_FIELD_MISSING;
    *field = event.step == STEP_CONFIRM ? STEP_PROXY : STEP_BY;
    return persons_differ(&service, &event);
}

enum status order_step_agrees(const struct record_view *step,
                              const struct record_view *order,
                              const struct occasion *occasion, uint8_t *field)
{
    struct arena arena;
    struct order_event *events;
    if (order == NULL || order->steps == NULL)
        return OK; /* an old step; nothing of it can be changed */
    arena_init(&arena);
    struct order_event event = order_event_from(step, &arena);
    /* Where it will lie; which place it gets is not known yet, and none has this one. */
    event.id = entry_id_of(occasion->log, SEQ_MAX);
    event.actor = occasion->actor;
    event.account = occasion->account;
    size_t count = order_events(order, occasion->log, occasion->txn, &arena, &events);
    enum status status = order_refuses(events, count, &event, occasion, &arena, field);
    arena_deinit(&arena);
    return status;
}
