#include "crdt/order.h"

#include <stdlib.h>
#include <string.h>

#include "crdt/codec.h"
#include "crdt/normal.h"
#include "crdt/schema_orders.h"

#define SERVICE_MINUTES_MAX (24 * 60)

/* ---- the table ---- */

uint8_t order_next(enum order_state state, enum order_step step)
{
    static const uint8_t table[ORDER_STATES + 1][ORDER_STEPS + 1] = {
        [ORDER_REQUESTED] =
            {[STEP_ASSIGN] = ORDER_ASSIGNED, [STEP_CANCEL] = ORDER_CANCELLED},
        [ORDER_ASSIGNED] = {[STEP_ASSIGN] = ORDER_ASSIGNED,
                            [STEP_START] = ORDER_STARTED,
                            [STEP_CANCEL] = ORDER_CANCELLED},
        [ORDER_STARTED] =
            {[STEP_FINISH] = ORDER_FINISHED, [STEP_CANCEL] = ORDER_CANCELLED},
        [ORDER_FINISHED] =
            {[STEP_CONFIRM] = ORDER_CONFIRMED, [STEP_CANCEL] = ORDER_CANCELLED},
        [ORDER_CONFIRMED] = {[STEP_SETTLE] = ORDER_SETTLED},
        [ORDER_SETTLED] = {[STEP_RATE] = ORDER_RATED},
    };
    CHECK(state >= ORDER_REQUESTED && state <= ORDER_RATED);
    return step >= STEP_ASSIGN && step <= STEP_CANCEL ? table[state][step] : 0;
}

enum status order_refusal(enum order_state state)
{
    switch (state) {
    case ORDER_REQUESTED: return ERR_ORDER_REQUESTED;
    case ORDER_ASSIGNED: return ERR_ORDER_ASSIGNED;
    case ORDER_STARTED: return ERR_ORDER_STARTED;
    case ORDER_FINISHED: return ERR_ORDER_FINISHED;
    case ORDER_CANCELLED: return ERR_ORDER_CANCELLED;
    case ORDER_CONFIRMED: return ERR_ORDER_CONFIRMED;
    case ORDER_SETTLED: return ERR_ORDER_SETTLED;
    case ORDER_RATED: return ERR_ORDER_RATED;
    }
    return ERR_MALFORMED;
}

/* ---- the fixed order ---- */

#define PAST_WORDS (ORDER_EVENTS_MAX / 64)

/* An event in its place. */
struct placed {
    const struct order_event *event;
    uint64_t past[PAST_WORDS];  /* places of all that its writer had seen */
    uint8_t reached;            /* the state that it leads to; 0: out of turn */
    const struct entry_id *who; /* whose service it is about; NULL: nobody knows */
};

struct steps {
    struct placed *placed;
    size_t count;
};

static bool has_past(const struct placed *placed, size_t place)
{
    return (placed->past[place / 64] >> (place % 64) & 1) != 0;
}

static int by_stamp_and_id(const void *a, const void *b)
{
    const struct order_event *left = *(const struct order_event *const *)a;
    const struct order_event *right = *(const struct order_event *const *)b;
    if (left->stamp_ms != right->stamp_ms)
        return left->stamp_ms < right->stamp_ms ? -1 : 1;
    return entry_id_compare(&left->id, &right->id);
}

/* The events before `place` that this one names; false where one that is here has no place
 * yet. What has not arrived is not waited for. */
static bool take_past(const struct steps *steps, const struct order_event *const *all,
                      size_t count, const size_t *place_of, struct placed *placed)
{
    bool whole = true;
    for (size_t s = 0; s < placed->event->seen_count; s++) {
        size_t i = 0;
        while (i < count && entry_id_compare(&all[i]->id, &placed->event->seen[s]) != 0)
            i++;
        if (i == count || all[i] == placed->event)
            continue;
        if (place_of[i] == SIZE_MAX) {
            whole = false;
            continue;
        }
        const struct placed *seen = &steps->placed[place_of[i]];
        for (size_t w = 0; w < PAST_WORDS; w++)
            placed->past[w] |= seen->past[w];
        placed->past[place_of[i] / 64] |= 1ull << (place_of[i] % 64);
    }
    return whole;
}

/* Of those whose past has its place, the first by (stamp, id) comes next. Where entries name
 * each other in a circle, which no writer who has seen them can, the first does. */
static void place_events(const struct order_event *events, size_t count,
                         struct arena *arena, struct steps *steps)
{
    const struct order_event **all = arena_alloc(arena, (count + 1) * sizeof *all);
    size_t place_of[ORDER_EVENTS_MAX];
    for (size_t i = 0; i < count; i++)
        all[i] = &events[i];
    if (count > 1)
        qsort(all, count, sizeof *all, by_stamp_and_id);
    count = count < ORDER_EVENTS_MAX ? count : ORDER_EVENTS_MAX;
    steps->placed = arena_alloc(arena, (count + 1) * sizeof *steps->placed);
    for (size_t i = 0; i < count; i++)
        place_of[i] = SIZE_MAX;
    for (steps->count = 0; steps->count < count; steps->count++) {
        struct placed first = {0}, next = {0};
        size_t first_at = SIZE_MAX, at = SIZE_MAX;
        for (size_t i = 0; i < count && at == SIZE_MAX; i++) {
            if (place_of[i] != SIZE_MAX)
                continue;
            next = (struct placed){.event = all[i]};
            if (take_past(steps, all, count, place_of, &next))
                at = i;
            else if (first_at == SIZE_MAX) {
                first = next;
                first_at = i;
            }
        }
        if (at == SIZE_MAX) {
            next = first;
            at = first_at;
        }
        steps->placed[steps->count] = next;
        place_of[at] = steps->count;
    }
}

/* ---- what they lead to ---- */

/* The furthest state that a step in turn leads to, of those in the past of `within`; NULL: of
 * all. */
static enum order_state furthest(const struct steps *steps, const struct placed *within)
{
    uint8_t state = ORDER_REQUESTED;
    for (size_t i = 0; i < steps->count; i++) {
        if ((within == NULL || has_past(within, i)) && steps->placed[i].reached > state)
            state = steps->placed[i].reached;
    }
    return (enum order_state)state;
}

static bool is_of(const struct placed *placed, const struct entry_id *who)
{
    return who == NULL ||
           (placed->who != NULL && entry_id_compare(placed->who, who) == 0);
}

/* The first, or the last, step of a kind that is in turn; of `who`'s service (NULL:
 * anybody's); in the past of `within` (NULL: anywhere). NULL where there is none. */
static const struct placed *step_first(const struct steps *steps, enum order_step step,
                                       const struct placed *within)
{
    for (size_t i = 0; i < steps->count; i++) {
        const struct placed *placed = &steps->placed[i];
        if (placed->reached != 0 && placed->event->step == step &&
            (within == NULL || has_past(within, i)))
            return placed;
    }
    return NULL;
}

static const struct placed *step_last(const struct steps *steps, enum order_step step,
                                      const struct entry_id *who,
                                      const struct placed *within)
{
    for (size_t i = steps->count; i > 0; i--) {
        const struct placed *placed = &steps->placed[i - 1];
        if (placed->reached != 0 && placed->event->step == step && is_of(placed, who) &&
            (within == NULL || has_past(within, i - 1)))
            return placed;
    }
    return NULL;
}

/* Who is meant by a step that names nobody is who the step before it in its past is about. */
static const struct entry_id *find_who(const struct steps *steps,
                                       const struct placed *placed)
{
    const struct placed *before = NULL;
    if (placed->event->has_volunteer)
        return &placed->event->volunteer;
    switch (placed->event->step) {
    case STEP_START: before = step_last(steps, STEP_ASSIGN, NULL, placed); break;
    case STEP_FINISH: before = step_last(steps, STEP_START, NULL, placed); break;
    case STEP_CONFIRM: before = step_last(steps, STEP_FINISH, NULL, placed); break;
    case STEP_SETTLE:
    case STEP_RATE: before = step_first(steps, STEP_CONFIRM, placed); break;
    case STEP_ASSIGN:
    case STEP_CANCEL: break;
    }
    return before != NULL ? before->who : NULL;
}

/* ---- who may not be one and the same ---- */

static bool same_actor(const struct order_event *a, const struct order_event *b)
{
    return a->actor == b->actor &&
           log_name_equal(entry_id_log(&a->id), entry_id_log(&b->id));
}

static bool same_name(const struct order_event *a, const struct order_event *b)
{
    struct buffer left, right;
    if (a->by.size == 0 || b->by.size == 0)
        return false;
    buffer_init(&left, SIZE_MAX);
    buffer_init(&right, SIZE_MAX);
    normal_put(a->by, &left);
    normal_put(b->by, &right);
    bool same = slice_equal(buffer_slice(&left), buffer_slice(&right));
    buffer_deinit(&left);
    buffer_deinit(&right);
    return same;
}

/* Whoever recorded the service confirms it only in the stead of the person, and says so. */
static bool confirms_own(const struct order_event *service,
                         const struct order_event *confirmed)
{
    return service != NULL && (same_name(service, confirmed) ||
                               (same_actor(service, confirmed) && !confirmed->by_proxy));
}

static bool settles_own(const struct order_event *before,
                        const struct order_event *settled)
{
    return before != NULL && (same_name(before, settled) || same_actor(before, settled));
}

static bool same_person(const struct order *order)
{
    const struct order_event *confirmed = order->confirmed, *settled = order->settled;
    if (confirmed != NULL && (confirms_own(order->started, confirmed) ||
                              confirms_own(order->finished, confirmed)))
        return true;
    return settled != NULL &&
           (settles_own(order->started, settled) ||
            settles_own(order->finished, settled) || settles_own(confirmed, settled));
}

/* ---- the fold ---- */

static const struct order_event *event_of(const struct placed *placed)
{
    return placed != NULL ? placed->event : NULL;
}

static void flag(struct order *order, enum order_flag which)
{
    order->flags |= 1u << which;
}

/* Assignments that no other which had seen them replaces; of several of one volunteer the
 * latest. */
static void find_assigned(const struct steps *steps, struct arena *arena,
                          struct order *order)
{
    order->assigned = arena_alloc(arena, (steps->count + 1) * sizeof *order->assigned);
    for (size_t i = steps->count; i > 0; i--) {
        const struct placed *placed = &steps->placed[i - 1];
        bool stands = placed->reached != 0 && placed->event->step == STEP_ASSIGN &&
                      placed->who != NULL;
        for (size_t k = i; stands && k < steps->count; k++)
            stands = steps->placed[k].reached == 0 ||
                     steps->placed[k].event->step != STEP_ASSIGN ||
                     !has_past(&steps->placed[k], i - 1);
        for (size_t k = 0; stands && k < order->assigned_count; k++)
            stands = entry_id_compare(&order->assigned[k]->volunteer, placed->who) != 0;
        if (stands)
            order->assigned[order->assigned_count++] = placed->event;
    }
}

static void find_serving(const struct steps *steps, struct arena *arena,
                         struct order *order)
{
    order->serving = arena_alloc(arena, (steps->count + 1) * sizeof *order->serving);
    if (order->state != ORDER_STARTED && order->state != ORDER_FINISHED) {
        for (size_t i = 0; i < order->assigned_count; i++)
            order->serving[order->serving_count++] = &order->assigned[i]->volunteer;
        return;
    }
    for (size_t i = 0; i < steps->count; i++) {
        const struct placed *placed = &steps->placed[i];
        bool serves = placed->reached == order->state && placed->who != NULL;
        for (size_t k = 0; serves && k < order->serving_count; k++)
            serves = entry_id_compare(order->serving[k], placed->who) != 0;
        if (serves)
            order->serving[order->serving_count++] = placed->who;
    }
}

/* The service that closed the order. A settlement is of the service that it had seen. */
static const struct placed *find_closing(const struct steps *steps,
                                         const struct placed *settled)
{
    return step_first(steps, STEP_CONFIRM, settled);
}

static void close_order(const struct steps *steps, const struct placed *confirmed,
                        struct order *order)
{
    const struct entry_id *who = confirmed->who;
    const struct placed *finished = step_last(steps, STEP_FINISH, who, confirmed);
    const struct placed *assigned = step_last(steps, STEP_ASSIGN, who, NULL);
    order->confirmed = confirmed->event;
    order->finished = event_of(finished);
    order->started = event_of(
        step_last(steps, STEP_START, who, finished != NULL ? finished : confirmed));
    order->assigned_count = who != NULL;
    order->assigned[0] = assigned != NULL ? assigned->event : confirmed->event;
    order->has_volunteer = who != NULL;
    if (who != NULL)
        order->volunteer = *who;
    for (size_t i = 0; i < steps->count; i++) {
        const struct placed *placed = &steps->placed[i];
        if (placed->reached == ORDER_CONFIRMED && who != NULL && !is_of(placed, who))
            flag(order, ORDER_TWO_CONFIRMED);
    }
}

static void count_minutes(struct order *order)
{
    const struct order_event *stated[] = {order->settled, order->confirmed,
                                          order->finished};
    for (size_t i = 0; i < ARRAY_SIZE(stated) && !order->has_minutes; i++) {
        order->has_minutes = stated[i] != NULL && stated[i]->has_minutes;
        order->minutes = order->has_minutes ? stated[i]->minutes : 0;
    }
    if (order->has_minutes || order->started == NULL || order->finished == NULL ||
        !order->started->has_when || !order->finished->has_when ||
        order->finished->when < order->started->when ||
        order->finished->when - order->started->when > SERVICE_MINUTES_MAX)
        return;
    order->has_minutes = true;
    order->minutes = (uint64_t)(order->finished->when - order->started->when);
}

void order_fold(const struct order_event *events, size_t count, struct arena *arena,
                struct order *order)
{
    struct steps steps;
    *order = (struct order){0};
    place_events(events, count, arena, &steps);
    for (size_t i = 0; i < steps.count; i++) {
        struct placed *placed = &steps.placed[i];
        placed->who = find_who(&steps, placed);
        placed->reached = order_next(furthest(&steps, placed), placed->event->step);
        if (placed->reached == 0)
            flag(order, ORDER_OUT_OF_TURN);
    }
    if (count > steps.count)
        flag(order, ORDER_OUT_OF_TURN);
    order->state = furthest(&steps, NULL);
    const struct placed *settled = step_first(&steps, STEP_SETTLE, NULL);
    const struct placed *confirmed = find_closing(&steps, settled);
    order->settled = event_of(settled);
    order->rated = event_of(step_first(&steps, STEP_RATE, NULL));
    order->cancelled = event_of(step_first(&steps, STEP_CANCEL, NULL));
    find_assigned(&steps, arena, order);
    find_serving(&steps, arena, order);
    if (confirmed != NULL) {
        close_order(&steps, confirmed, order);
        if (order->cancelled != NULL)
            flag(order, ORDER_CANCELLED_MEANWHILE);
    } else {
        order->started = event_of(step_last(&steps, STEP_START, NULL, NULL));
        order->finished = event_of(step_last(&steps, STEP_FINISH, NULL, NULL));
        order->has_volunteer = order->assigned_count == 1;
        if (order->has_volunteer)
            order->volunteer = order->assigned[0]->volunteer;
        if (order->assigned_count > 1 && order->state != ORDER_CANCELLED)
            flag(order, ORDER_TWO_ASSIGNED);
    }
    count_minutes(order);
    if (same_person(order))
        flag(order, ORDER_SAME_PERSON);
}

bool order_credit(const struct order *order, struct order_credit *credit)
{
    if (order->settled == NULL || !order->has_volunteer || !order->has_minutes)
        return false;
    *credit = (struct order_credit){
        .settled = order->settled->id,
        .volunteer = order->volunteer,
        .minutes = order->minutes,
    };
    return true;
}

/* ---- from records and to fields ---- */

static struct slice text_of(const struct record_view *record, uint8_t field)
{
    struct slice value = view_value(record, field), text = {0};
    return codec_take_text(&value, &text) ? text : (struct slice){0};
}

static struct order_event event_from(const struct record_view *step, struct arena *arena)
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

size_t order_events(const struct record_list *steps, struct arena *arena,
                    struct order_event **events)
{
    size_t count = 0;
    *events = arena_alloc(arena, (steps->count + 1) * sizeof **events);
    for (size_t i = 0; i < steps->count; i++) {
        if (steps->records[i].known && !steps->records[i].voided)
            (*events)[count++] = event_from(&steps->records[i], arena);
    }
    return count;
}

/* Of any computed field but the volunteers: there are as many flags and steps at most. */
#define VALUES_MAX 8

/* A computed value: its version is the step that it comes from. */
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

void order_compute(struct record_view *record, struct arena *arena)
{
    struct order_event *events;
    struct order order;
    size_t count = order_events(record->steps, arena, &events);
    order_fold(events, count, arena, &order);
    put_number(record, ORDER_STATE, NULL, order.state, arena);
    put_volunteers(record, &order, arena);
    put_moment(record, ORDER_STARTED_AT, order.started, arena);
    put_moment(record, ORDER_FINISHED_AT, order.finished, arena);
    if (order.has_minutes)
        put_number(record, ORDER_MINUTES, order.finished, order.minutes, arena);
    put_taken(record, ORDER_PROXY, order.confirmed, STEP_PROXY, arena);
    put_taken(record, ORDER_RATING, order.rated, STEP_RATING, arena);
    for (uint8_t which = ORDER_TWO_ASSIGNED; which <= ORDER_OUT_OF_TURN; which++) {
        if ((order.flags >> which & 1) != 0)
            put_number(record, ORDER_REVIEW, NULL, which, arena);
    }
    for (uint8_t step = STEP_ASSIGN; step <= STEP_CANCEL; step++) {
        if (!record->voided && order_next(order.state, (enum order_step)step) != 0)
            put_number(record, ORDER_NEXT, NULL, step, arena);
    }
}

/* ---- whether a step may be entered ---- */

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

static enum status times_agree(const struct order *order, const struct order_event *event,
                               const struct occasion *occasion)
{
    if (!occasion->insist && event->has_when && event->when > occasion->now)
        return ERR_TO_COME;
    if (event->step != STEP_FINISH || order->started == NULL || !event->has_when ||
        !order->started->has_when)
        return OK;
    bool too_long = event->when - order->started->when > SERVICE_MINUTES_MAX;
    return event->when < order->started->when || (too_long && !event->has_minutes)
               ? ERR_CONTRADICTS
               : OK;
}

/* What the order would be with this service confirmed, or settled. */
static enum status persons_differ(const struct order *order,
                                  const struct order_event *event)
{
    struct order then = *order;
    if (event->step == STEP_CONFIRM)
        then.confirmed = event;
    if (event->step == STEP_SETTLE)
        then.settled = event;
    if (!same_person(&then) || same_person(order))
        return OK;
    bool own = event->step == STEP_CONFIRM && !event->by_proxy;
    return own ? ERR_ORDER_PROXY : ERR_ORDER_SAME;
}

enum status order_step_agrees(const struct record_view *step,
                              const struct record_view *order_record,
                              const struct occasion *occasion, uint8_t *field)
{
    struct arena arena;
    struct order_event *events;
    struct order order;
    if (order_record == NULL || order_record->steps == NULL)
        return OK; /* an old step; nothing of it can be changed */
    arena_init(&arena);
    struct order_event event = event_from(step, &arena);
    event.id =
        entry_id_of(occasion->log, 1); /* where it will lie; which place is not told */
    event.actor = occasion->actor;
    size_t count = order_events(order_record->steps, &arena, &events);
    order_fold(events, count, &arena, &order);
    enum status status = OK;
    if (order_next(order.state, event.step) == 0) {
        *field = FIELD_NONE;
        status = order_refusal(order.state);
    }
    bool serves = event.step == STEP_START || event.step == STEP_FINISH ||
                  event.step == STEP_CONFIRM;
    if (status == OK && serves) {
        *field = STEP_VOLUNTEER;
        status = whose_is_meant(&order, &event);
    }
    if (status == OK) {
        *field = STEP_AT;
        status = times_agree(&order, &event, occasion);
    }
    if (status == OK && event.step == STEP_SETTLE && !order.has_minutes &&
        !event.has_minutes) {
        *field = STEP_MINUTES;
        status = ERR_FIELD_MISSING;
    }
    if (status == OK && (event.step == STEP_CONFIRM || event.step == STEP_SETTLE)) {
        *field = event.step == STEP_CONFIRM ? STEP_PROXY : STEP_BY;
        status = persons_differ(&order, &event);
    }
    arena_deinit(&arena);
    return status;
}
