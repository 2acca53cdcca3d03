/* order.h - what has become of an order for a service 服务单, from the steps in its chain.
 *
 *   requested --assign--> assigned --start--> started --finish--> finished
 *       |                  |    ^               |                    |
 *       |                  |  assign            |                 confirm
 *       |                  |                    |                    v
 *       +------cancel------+------cancel--------+-------+       confirmed
 *                          v                            |            |
 *                      cancelled <------cancel----------+          settle
 *                                       (finished)                   v
 *                                                  rated <--rate-- settled
 *
 * Each step names the steps that its writer had seen and that nothing followed yet, so that
 * the fold knows what was concurrent. A step is in turn where the table allows it in the
 * state that its own past makes; the order is in the furthest state that a step in turn
 * leads to. So the first confirmed service closes an order, a service that was confirmed
 * beats a cancellation made without knowing of it, and a clock that is wrong moves nothing.
 * Steps out of turn are kept and flagged. What is "the first" is so in a fixed order: by what
 * was seen, then by (stamp, id). The same steps give the same result in any order. */
#ifndef LINLI_CRDT_ORDER_H
#define LINLI_CRDT_ORDER_H

#include "crdt/view.h"

/* Ascending: the furthest is the greatest. */
enum order_state {
    ORDER_REQUESTED = 1,
    ORDER_ASSIGNED,
    ORDER_STARTED,
    ORDER_FINISHED,
    ORDER_CANCELLED,
    ORDER_CONFIRMED,
    ORDER_SETTLED,
    ORDER_RATED,
};
#define ORDER_STATES 8

enum order_step {
    STEP_ASSIGN = 1,
    STEP_START,
    STEP_FINISH,
    STEP_CONFIRM,
    STEP_SETTLE,
    STEP_RATE,
    STEP_CANCEL,
};
#define ORDER_STEPS 7

/* The state after the step; 0 where it is not allowed in that state. */
uint8_t order_next(enum order_state state, enum order_step step);

/* Why a step is refused in a state in which it is not allowed: a status that names the state
 * and says what can be done from there. */
enum status order_refusal(enum order_state state);

/* What someone should look at. */
enum order_flag {
    ORDER_TWO_ASSIGNED = 1, /* two volunteers, assigned without knowing of each other */
    ORDER_TWO_CONFIRMED,    /* the service of another was confirmed as well */
    ORDER_SAME_PERSON,      /* who served, who confirmed and who settled do not differ */
    ORDER_CANCELLED_MEANWHILE, /* and confirmed nevertheless */
    ORDER_OUT_OF_TURN,         /* a step that its state did not allow */
    ORDER_TWO_SETTLED,         /* settled again, without knowing of it: credited twice */
};
#define ORDER_FLAG_LAST ORDER_TWO_SETTLED

/* One step as it was entered. */
struct order_event {
    struct entry_id id;
    uint64_t stamp_ms;
    uint32_t actor;       /* by its number in the incarnation of `id` */
    struct slice account; /* its name; empty where it is not known or not needed */
    enum order_step step;
    bool has_volunteer, has_when, has_minutes;
    struct entry_id volunteer;
    int64_t when;     /* minutes as in a FIELD_MOMENT */
    uint64_t minutes; /* of service, as stated */
    struct slice by;  /* who did it, as stated; may be empty */
    bool by_proxy;
    const struct entry_id *seen;
    size_t seen_count;
};

#define ORDER_MINUTES_MAX (24 * 60) /* from sign-in to sign-out; more is a mistake */
#define ORDER_EVENTS_MAX 256        /* the later ones by (stamp, id) are out of turn */

struct order {
    enum order_state state;
    const struct order_event *reached; /* the first step that led there; NULL: none did */
    uint32_t flags;                    /* bits 1 << enum order_flag */
    /* Of the service that closed the order, where one did; otherwise the latest in turn.
     * NULL where there is none. */
    const struct order_event *started, *finished, *confirmed, *settled, *rated,
        *cancelled;
    /* Assignments that stand, latest first; more than one: a conflict. Of a closed order the
     * one whose service was confirmed, of a cancelled one the latest. */
    const struct order_event **assigned;
    size_t assigned_count;
    /* Whose next step it may be: those who signed out, else who signed in, else who are
     * assigned; each once. */
    const struct entry_id **serving;
    size_t serving_count;
    bool has_volunteer; /* exactly one serves or has served */
    struct entry_id volunteer;
    /* The step that states the minutes, or else the sign-out; NULL: they are not known. */
    const struct order_event *minutes_from;
    uint64_t minutes;
};

/* The events may come in any order, each once; what is returned points to them. */
void order_fold(const struct order_event *events, size_t count, struct arena *arena,
                struct order *order);

/* The service that one step is about, of what its writer had seen. NULL: not known. */
struct order_service {
    const struct entry_id *volunteer;
    const struct order_event *started, *finished, *confirmed;
    const struct order_event *minutes_from; /* as in an order */
    uint64_t minutes;
};
/* False where the step is not there or is out of turn. */
MUST_USE bool order_service_of(const struct order_event *events, size_t count,
                               const struct entry_id *step, struct arena *arena,
                               struct order_service *service);

/* Whether who confirms, or settles, is one with those whose steps make up the service. */
bool order_confirms_own(const struct order_service *service,
                        const struct order_event *confirmed);
bool order_settles_own(const struct order_service *service,
                       const struct order_event *settled);

/* "Settled: volunteer, minutes": what one settling step credits. It follows from the step and
 * its past alone, so nothing that comes to light later changes it. Every settlement in turn
 * has a credit; where two were made apart, the order is flagged. False where the step settles
 * nothing, or nobody knows whose service or how long it was. */
struct order_credit {
    struct entry_id settled;
    struct entry_id volunteer;
    uint64_t minutes;
};
MUST_USE bool order_credit(const struct order_event *events, size_t count,
                           const struct entry_id *settled, struct arena *arena,
                           struct order_credit *credit);

/* Whether a step may follow on these now (order_rules.c), with the field at fault. Its id lies
 * in the log into which it will be written; what it has seen is all of them. */
MUST_USE enum status order_refuses(const struct order_event *events, size_t count,
                                   const struct order_event *event,
                                   const struct occasion *occasion, struct arena *arena,
                                   uint8_t *field);

/* ---- from records (order_record.c) ---- */

struct order_event order_event_from(const struct record_view *step, struct arena *arena);
/* The steps of an order that stand; with accounts where a node wrote some of them, and
 * something in `log`, in different incarnations. */
size_t order_events(const struct record_view *order, struct log_name log,
                    struct store_txn *txn, struct arena *arena,
                    struct order_event **events);

/* Schema functions: the fields of an order that follow from its steps; whether a step may be
 * entered now. */
void order_compute(struct record_view *record, struct store_txn *txn,
                   struct arena *arena);
MUST_USE enum status order_step_agrees(const struct record_view *step,
                                       const struct record_view *order,
                                       const struct occasion *occasion, uint8_t *field);

#endif
