/* Orders between their records and the fold: what steps say, and what they come to. */
#include "crdt/codec.h"
#include "crdt/operator.h"
#include "crdt/order.h"
#include "crdt/schema_orders.h"

/* ---- from records ---- */

static struct slice text_of(const struct record_view *record, uint8_t field)
{
    struct slice value = view_value(record, field), text = {0};
    return codec_take_text(&value, &text) ? text : (struct slice){0};
}

struct order_event order_event_from(const struct record_view *step, struct arena *arena)
{
    struct slice volunteer = view_value(step, STEP_VOLUNTEER);
    struct slice minutes = view_value(step, STEP_MINUTES);
    const struct field_view *seen = &step->fields[STEP_SEEN];
    struct order_event event = {
        .id = step->id,
        .stamp_ms = step->created_ms,
        .actor = step->created_by,
        .step = (enum order_step)view_choice(step, STEP_WHAT),
        .by = text_of(step, STEP_BY),
        .by_proxy = text_of(step, STEP_PROXY).size > 0,
    };
    event.has_volunteer = codec_take_id(&volunteer, &event.volunteer);
    event.has_when = view_time(step, STEP_AT, &event.when);
    event.has_minutes = codec_take_uint(&minutes, &event.minutes);
    struct entry_id *ids = arena_alloc(arena, (seen->count + 1) * sizeof *ids);
    for (size_t i = 0; i < seen->count; i++) {
        struct slice value = seen->versions[i].value;
        if (codec_take_id(&value, &ids[event.seen_count]))
            event.seen_count++;
    }
    event.seen = ids;
    return event;
}

/* Whether one node wrote steps of the order in several incarnations, in each of which its
 * accounts have other numbers. `log` is of one more step, which is not among them. */
static bool has_incarnations(const struct order_event *events, size_t count,
                             struct log_name log)
{
    for (size_t i = 0; i < count; i++) {
        struct log_name left = entry_id_log(&events[i].id);
        if (left.node == log.node && left.tag != log.tag)
            return true;
        for (size_t k = i + 1; k < count; k++) {
            struct log_name right = entry_id_log(&events[k].id);
            if (left.node == right.node && left.tag != right.tag)
                return true;
        }
    }
    return false;
}

size_t order_events(const struct record_view *order, struct log_name log,
                    struct store_txn *txn, struct arena *arena,
                    struct order_event **events)
{
    const struct record_list *steps = order->steps;
    size_t count = 0;
    *events = arena_alloc(arena, (steps->count + 1) * sizeof **events);
    for (size_t i = 0; i < steps->count; i++) {
        if (steps->records[i].known && !steps->records[i].voided)
            (*events)[count++] = order_event_from(&steps->records[i], arena);
    }
    bool named = has_incarnations(*events, count, log);
    for (size_t i = 0; named && i < count; i++)
        (*events)[i].account = operator_account(
            txn, order->realm, entry_id_log(&(*events)[i].id), (*events)[i].actor, arena);
    return count;
}

/* ---- to fields ---- */

/* Of any computed field but the volunteers: there are as many flags and steps at most. */
#define VALUES_MAX 8

/* A computed value: its version is the step that it comes from; where it does not come from
 * one alone, the record. */
static struct version *put_version(struct record_view *record, uint8_t field,
                                   const struct order_event *from, struct arena *arena)
{
    struct field_view *view = &record->fields[field];
    if (view->versions == NULL)
        view->versions = arena_alloc(arena, VALUES_MAX * sizeof *view->versions);
    CHECK(field == ORDER_VOLUNTEER || view->count < VALUES_MAX);
    struct version *version = &view->versions[view->count++];
    *version = (struct version){.id = record->id, .stamp_ms = record->created_ms};
    if (from != NULL)
        *version = (struct version){
            .id = from->id, .stamp_ms = from->stamp_ms, .actor = from->actor};
    return version;
}

static void put_number(struct record_view *record, uint8_t field,
                       const struct order_event *from, uint64_t number,
                       struct arena *arena)
{
    struct buffer encoded;
    buffer_init(&encoded, SIZE_MAX);
    codec_put_uint(&encoded, number);
    put_version(record, field, from, arena)->value =
        arena_copy(arena, buffer_slice(&encoded));
    buffer_deinit(&encoded);
}

static void put_moment(struct record_view *record, uint8_t field,
                       const struct order_event *from, struct arena *arena)
{
    struct buffer encoded;
    if (from == NULL || !from->has_when)
        return;
    buffer_init(&encoded, SIZE_MAX);
    codec_put_int(&encoded, from->when);
    put_version(record, field, from, arena)->value =
        arena_copy(arena, buffer_slice(&encoded));
    buffer_deinit(&encoded);
}

static void put_volunteers(struct record_view *record, const struct order *order,
                           struct arena *arena)
{
    record->fields[ORDER_VOLUNTEER].versions =
        arena_alloc(arena, (order->assigned_count + 1) * sizeof(struct version));
    for (size_t i = 0; i < order->assigned_count; i++) {
        const struct entry_id *who =
            order->has_volunteer ? &order->volunteer : &order->assigned[i]->volunteer;
        struct buffer encoded;
        buffer_init(&encoded, SIZE_MAX);
        codec_put_id(&encoded, who);
        put_version(record, ORDER_VOLUNTEER, order->assigned[i], arena)->value =
            arena_copy(arena, buffer_slice(&encoded));
        buffer_deinit(&encoded);
    }
}

/* The value of a step's own field, as its field of the order. */
static void put_taken(struct record_view *record, uint8_t field,
                      const struct order_event *from, uint8_t taken, struct arena *arena)
{
    for (size_t i = 0; from != NULL && i < record->steps->count; i++) {
        const struct record_view *step = &record->steps->records[i];
        struct slice value = view_value(step, taken);
        if (entry_id_compare(&step->id, &from->id) == 0 && value.size > 0)
            put_version(record, field, from, arena)->value = value;
    }
}

void order_compute(struct record_view *record, struct store_txn *txn, struct arena *arena)
{
    struct order_event *events;
    struct order order;
    size_t count = order_events(record, entry_id_log(&record->id), txn, arena, &events);
    order_fold(events, count, arena, &order);
    put_number(record, ORDER_STATE, order.reached, order.state, arena);
    put_volunteers(record, &order, arena);
    put_moment(record, ORDER_STARTED_AT, order.started, arena);
    put_moment(record, ORDER_FINISHED_AT, order.finished, arena);
    if (order.minutes_from != NULL)
        put_number(record, ORDER_MINUTES, order.minutes_from, order.minutes, arena);
    put_taken(record, ORDER_PROXY, order.confirmed, STEP_PROXY, arena);
    put_taken(record, ORDER_RATING, order.rated, STEP_RATING, arena);
    for (uint8_t which = ORDER_TWO_ASSIGNED; which <= ORDER_FLAG_LAST; which++) {
        if ((order.flags >> which & 1) != 0)
            put_number(record, ORDER_REVIEW, NULL, which, arena);
    }
    for (uint8_t step = STEP_ASSIGN; step <= STEP_CANCEL; step++) {
        if (!record->voided && order_next(order.state, (enum order_step)step) != 0)
            put_number(record, ORDER_NEXT, NULL, step, arena);
    }
}
