/* queue.h - what will happen, in order of (time, serial): the virtual clock's other half.
 *
 * The serial breaks ties in the order things were planned, so a seed has one history. */
#ifndef LINLI_TESTS_SIM_QUEUE_H
#define LINLI_TESTS_SIM_QUEUE_H

#include "crdt/base.h"

enum happening_kind {
    HAPPEN_RUN,       /* a machine handles its inbox                       */
    HAPPEN_WAKE,      /* a machine's engine asked for a tick               */
    HAPPEN_START,     /* a machine is switched on                          */
    HAPPEN_TRY,       /* a link tries to connect                           */
    HAPPEN_SIDE_UP,   /* one side of a link learns that it is up           */
    HAPPEN_SIDE_DOWN, /* one side of a link learns that it is down         */
    HAPPEN_FRAME,     /* a frame arrives                                   */
    HAPPEN_WORK,      /* somebody writes something                         */
    HAPPEN_FAULT,     /* something breaks                                  */
    HAPPEN_MEND,      /* what a fault broke is repaired                    */
};

struct happening {
    uint64_t at_ms;
    uint64_t serial;
    enum happening_kind kind;
    uint32_t machine; /* of RUN, WAKE, START, WORK, MEND   */
    uint32_t link;    /* of TRY, SIDE_*, FRAME, MEND        */
    uint8_t side;     /* of SIDE_*, FRAME: the receiver     */
    uint8_t what;     /* of MEND: which fault               */
    uint64_t epoch;   /* of the link's life or machine's boot: stale ones are skipped */
    uint8_t *bytes;   /* of FRAME, owned */
    size_t size;
};

struct queue {
    struct happening *items; /* a binary heap */
    size_t count, capacity;
    uint64_t serial;
};

void queue_init(struct queue *queue);
void queue_deinit(struct queue *queue); /* frees the frames that never arrived */
void queue_add(struct queue *queue, struct happening happening);
bool queue_next_ms(const struct queue *queue, uint64_t *at_ms); /* false: empty */
struct happening queue_take(struct queue *queue);               /* not empty */

#endif
