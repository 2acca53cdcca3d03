#include "crdt/order.h"

#include <stdlib.h>
#include <string.h>

#include "crdt/normal.h"

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

/* The first step of a kind that is in turn, in the past of `within` (NULL: anywhere). NULL
 * where there is none. */
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

/* Likewise the last, of `who`'s service (NULL: anybody's). */
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

/* Numbers of accounts begin anew with each incarnation of a node, so that from one to another
 * the names are compared. */
static bool same_actor(const struct order_event *a, const struct order_event *b)
{
    struct log_name left = entry_id_log(&a->id), right = entry_id_log(&b->id);
    if (left.node != right.node)
        return false;
    if (left.tag == right.tag)
        return a->actor == b->actor;
    return a->account.size > 0 && slice_equal(a->account, b->account);
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

bool order_confirms_own(const struct order_service *service,
                        const struct order_event *confirmed)
{
    return confirms_own(service->started, confirmed) ||
           confirms_own(service->finished, confirmed);
}

bool order_settles_own(const struct order_service *service,
                       const struct order_event *settled)
{
    return settles_own(service->started, settled) ||
           settles_own(service->finished, settled) ||
           settles_own(service->confirmed, settled);
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

/* The minutes of a service as `settled` or another of its steps states them, else from sign-in
 * to sign-out. */
static void count_minutes(struct order_service *service,
                          const struct order_event *settled)
{
    const struct order_event *started = service->started, *finished = service->finished;
    const struct order_event *stated[] = {settled, service->confirmed, finished};
    for (size_t i = 0; i < ARRAY_SIZE(stated); i++) {
        if (stated[i] == NULL || !stated[i]->has_minutes)
            continue;
        service->minutes_from = stated[i];
        service->minutes = stated[i]->minutes;
        return;
    }
    if (started == NULL || finished == NULL || !started->has_when ||
        !finished->has_when || finished->when < started->when ||
        finished->when - started->when > ORDER_MINUTES_MAX)
        return;
    service->minutes_from = finished;
    service->minutes = (uint64_t)(finished->when - started->when);
}

/* The service that a step is about, of what lies in the step's past. A settlement is of the
 * first confirmed service that it had seen. */
static void find_service(const struct steps *steps, const struct placed *placed,
                         struct order_service *service)
{
    enum order_step step = placed->event->step;
    const struct placed *confirmed = NULL, *finished = placed;
    if (step == STEP_CONFIRM)
        confirmed = placed;
    else if (step == STEP_SETTLE || step == STEP_RATE)
        confirmed = step_first(steps, STEP_CONFIRM, placed);
    const struct placed *last = confirmed != NULL ? confirmed : placed;
    if (step != STEP_FINISH)
        finished = step_last(steps, STEP_FINISH, last->who, last);
    *service = (struct order_service){
        .volunteer = last->who,
        .confirmed = event_of(confirmed),
        .finished = event_of(finished),
        .started = event_of(
            step_last(steps, STEP_START, last->who, finished != NULL ? finished : last)),
    };
    count_minutes(service, step == STEP_SETTLE ? placed->event : NULL);
}

/* The first settlement's service, else the first confirmed. */
static void close_order(const struct steps *steps, const struct placed *settled,
                        const struct placed *confirmed, struct order *order)
{
    struct order_service service;
    find_service(steps, settled != NULL ? settled : confirmed, &service);
    const struct entry_id *who = service.volunteer;
    const struct placed *assigned = step_last(steps, STEP_ASSIGN, who, NULL);
    order->confirmed = service.confirmed;
    order->finished = service.finished;
    order->started = service.started;
    order->minutes_from = service.minutes_from;
    order->minutes = service.minutes;
    order->assigned_count = who != NULL;
    order->assigned[0] = assigned != NULL ? assigned->event : confirmed->event;
    order->has_volunteer = who != NULL;
    if (who != NULL)
        order->volunteer = *who;
    for (size_t i = 0; i < steps->count; i++) {
        const struct placed *placed = &steps->placed[i];
        if (placed->reached == ORDER_CONFIRMED && who != NULL && !is_of(placed, who))
            flag(order, ORDER_TWO_CONFIRMED);
        if (placed->reached == ORDER_SETTLED && placed != settled)
            flag(order, ORDER_TWO_SETTLED);
    }
    if (order_confirms_own(&service, service.confirmed) ||
        (settled != NULL && order_settles_own(&service, settled->event)))
        flag(order, ORDER_SAME_PERSON);
}

/* What is said of an order whose service nobody confirmed yet. */
static void leave_open(const struct steps *steps, struct order *order)
{
    struct order_service service = {
        .started = event_of(step_last(steps, STEP_START, NULL, NULL)),
        .finished = event_of(step_last(steps, STEP_FINISH, NULL, NULL)),
    };
    count_minutes(&service, NULL);
    order->started = service.started;
    order->finished = service.finished;
    order->minutes_from = service.minutes_from;
    order->minutes = service.minutes;
    order->has_volunteer = order->assigned_count == 1;
    if (order->has_volunteer)
        order->volunteer = order->assigned[0]->volunteer;
    /* Nobody is to serve any more, so nothing is left to be decided. */
    if (order->assigned_count > 1 && order->state == ORDER_CANCELLED)
        order->assigned_count = 1;
    if (order->assigned_count > 1)
        flag(order, ORDER_TWO_ASSIGNED);
}

static void lay_out(const struct order_event *events, size_t count, struct arena *arena,
                    struct steps *steps)
{
    place_events(events, count, arena, steps);
    for (size_t i = 0; i < steps->count; i++) {
        struct placed *placed = &steps->placed[i];
        placed->who = find_who(steps, placed);
        placed->reached = order_next(furthest(steps, placed), placed->event->step);
    }
}

void order_fold(const struct order_event *events, size_t count, struct arena *arena,
                struct order *order)
{
    struct steps steps;
    *order = (struct order){0};
    lay_out(events, count, arena, &steps);
    order->state = furthest(&steps, NULL);
    for (size_t i = steps.count; i > 0; i--) {
        const struct placed *placed = &steps.placed[i - 1];
        if (placed->reached == 0)
            flag(order, ORDER_OUT_OF_TURN);
        if (placed->reached == order->state)
            order->reached = placed->event;
    }
    if (count > steps.count)
        flag(order, ORDER_OUT_OF_TURN);
    const struct placed *settled = step_first(&steps, STEP_SETTLE, NULL);
    const struct placed *confirmed = step_first(&steps, STEP_CONFIRM, settled);
    order->settled = event_of(settled);
    order->rated = event_of(step_first(&steps, STEP_RATE, NULL));
    order->cancelled = event_of(step_first(&steps, STEP_CANCEL, NULL));
    find_assigned(&steps, arena, order);
    find_serving(&steps, arena, order);
    if (confirmed == NULL) {
        leave_open(&steps, order);
        return;
    }
    close_order(&steps, settled, confirmed, order);
    if (order->cancelled != NULL)
        flag(order, ORDER_CANCELLED_MEANWHILE);
}

bool order_service_of(const struct order_event *events, size_t count,
                      const struct entry_id *step, struct arena *arena,
                      struct order_service *service)
{
    struct steps steps;
    lay_out(events, count, arena, &steps);
    for (size_t i = 0; i < steps.count; i++) {
        const struct placed *placed = &steps.placed[i];
        if (entry_id_compare(&placed->event->id, step) != 0)
            continue;
        find_service(&steps, placed, service);
        return placed->reached != 0;
    }
    return false;
}

bool order_credit(const struct order_event *events, size_t count,
                  const struct entry_id *settled, struct arena *arena,
                  struct order_credit *credit)
{
    struct order_service service;
    size_t i = 0;
    while (i < count && entry_id_compare(&events[i].id, settled) != 0)
        i++;
    if (i == count || events[i].step != STEP_SETTLE ||
        !order_service_of(events, count, settled, arena, &service) ||
        service.volunteer == NULL || service.minutes_from == NULL)
        return false;
    *credit = (struct order_credit){*settled, *service.volunteer, service.minutes};
    return true;
}
