#include "daemon/run/shares.h"

#include <stdlib.h>
#include <string.h>

#include "net/message.h"

/* Measured with `make bench` and test_flood's flooder: receiving, deciding and acknowledging
 * a frame; verifying a run's signature and filing it; hashing, opening and folding an entry;
 * hashing, opening and writing 1 KiB; looking up a listed log. */
#define WORK_FRAME 15
#define WORK_RUN 70
#define WORK_ENTRY 4
#define WORK_KIB 4
#define WORK_LOG 1

struct waiting {
    struct waiting *next;
    enum transport_event_kind kind;
    uint64_t connection;
    uint64_t work;
    size_t size;
    uint8_t bytes[];
};

/* What waiting takes of memory. A link's end or beginning counts as nothing: it is always
 * taken. */
static size_t cost(enum transport_event_kind kind, size_t size)
{
    return kind == TRANSPORT_FRAME ? sizeof(struct waiting) + size : 0;
}

void shares_init(struct shares *shares)
{
    *shares = (struct shares){0};
}

void shares_deinit(struct shares *shares)
{
    for (size_t i = 0; i < shares->count; i++) {
        struct waiting *waiting = shares->rows[i].first;
        while (waiting != NULL) {
            struct waiting *next = waiting->next;
            free(waiting);
            waiting = next;
        }
    }
    free(shares->rows);
    shares_init(shares);
}

uint64_t shares_work(struct slice frame)
{
    struct message message;
    uint64_t work = WORK_FRAME + WORK_KIB * frame.size / 1024;

    if (message_decode(frame, &message) != OK)
        return work;
    switch (message.kind) {
    case MESSAGE_HELLO: return work;
    case MESSAGE_HEADS: return work + WORK_LOG * message.heads.count;
    case MESSAGE_NOTED: return work + WORK_LOG * message.noted.count;
    case MESSAGE_WANT: return work + WORK_LOG * message.want.count;
    case MESSAGE_RUN: return work + WORK_RUN + WORK_ENTRY * message.run.run.count;
    }
    return work;
}

/* ---- rows ---- */

static struct share *row_find(const struct shares *shares, uint32_t peer)
{
    for (size_t i = 0; i < shares->count; i++) {
        if (shares->rows[i].peer == peer)
            return &shares->rows[i];
    }
    return NULL;
}

static void row_remove(struct shares *shares, struct share *row)
{
    size_t index = (size_t)(row - shares->rows);

    CHECK(row->first == NULL && row->bytes == 0);
    shares->count--;
    memmove(row, row + 1, (shares->count - index) * sizeof *row);
    if (shares->turn > index)
        shares->turn--;
    if (shares->turn == shares->count)
        shares->turn = 0;
}

bool shares_add(struct shares *shares, const struct transport_event *heard)
{
    struct share *row = row_find(shares, heard->peer);
    size_t size = heard->kind == TRANSPORT_FRAME ? heard->frame.size : 0;
    size_t taken = cost(heard->kind, size);

    if (row != NULL && taken > 0 && row->bytes + taken > SHARES_PEER_BYTES_MAX)
        return false;
    if (row == NULL) {
        shares->rows = array_grow(shares->rows, &shares->capacity, shares->count + 1,
                                  sizeof *shares->rows);
        row = &shares->rows[shares->count++];
        *row = (struct share){.peer = heard->peer};
    }
    struct waiting *waiting = checked_malloc(sizeof *waiting + size);
    *waiting = (struct waiting){
        .kind = heard->kind, .connection = heard->connection, .size = size};
    if (heard->kind == TRANSPORT_FRAME)
        waiting->work = shares_work(heard->frame);
    if (size > 0)
        memcpy(waiting->bytes, heard->frame.data, size);
    if (row->first == NULL)
        row->first = waiting;
    else
        row->last->next = waiting;
    row->last = waiting;
    row->bytes += taken;
    shares->bytes += taken;
    return true;
}

bool shares_are_full(const struct shares *shares)
{
    return shares->bytes >= SHARES_BYTES_MAX;
}

bool shares_any(const struct shares *shares)
{
    return shares->count > 0;
}

bool shares_take(struct shares *shares, struct arena *arena,
                 struct transport_event *heard, uint64_t *work)
{
    if (shares->count == 0)
        return false;
    struct share *row = &shares->rows[shares->turn];
    for (;;) {
        if (!row->credited)
            row->credit += SHARES_QUANTUM;
        row->credited = true;
        if (row->first->work <= row->credit)
            break;
        row->credited = false;
        shares->turn = (shares->turn + 1) % shares->count;
        row = &shares->rows[shares->turn];
    }
    struct waiting *waiting = row->first;
    row->credit -= waiting->work;
    row->first = waiting->next;
    row->bytes -= cost(waiting->kind, waiting->size);
    shares->bytes -= cost(waiting->kind, waiting->size);
    *work = waiting->work;
    *heard = (struct transport_event){
        .kind = waiting->kind,
        .peer = row->peer,
        .connection = waiting->connection,
        .frame = arena_copy(arena, slice_of(waiting->bytes, waiting->size)),
    };
    free(waiting);
    if (row->first == NULL)
        row_remove(shares, row); /* its credit goes with it: an idle peer saves none up */
    return true;
}

void shares_forget(struct shares *shares, uint32_t peer)
{
    struct share *row = row_find(shares, peer);
    struct waiting *kept = NULL;

    if (row == NULL)
        return;
    for (struct waiting *waiting = row->first, *next; waiting != NULL; waiting = next) {
        next = waiting->next;
        waiting->next = NULL;
        if (waiting->kind == TRANSPORT_FRAME) {
            free(waiting);
            continue;
        }
        if (kept == NULL)
            row->first = waiting;
        else
            kept->next = waiting;
        kept = waiting;
    }
    shares->bytes -= row->bytes;
    row->bytes = 0;
    row->last = kept;
    if (kept == NULL) {
        row->first = NULL;
        row_remove(shares, row);
    }
}
