#include "crdt/lead.h"

#include <string.h>

#include "crdt/calendar.h"
#include "crdt/codec.h"
#include "crdt/schema_leads.h"

/* ---- what the steps come to ---- */

int64_t lead_since(const struct record_view *lead)
{
    int64_t noticed;
    return view_time(lead, LEAD_NOTICED, &noticed) ? noticed
                                                   : beijing_minutes(lead->created_ms);
}

static void compute_value(struct record_view *lead, uint8_t field,
                          const struct record_view *step, struct buffer *value,
                          struct arena *arena)
{
    struct field_view *view = &lead->fields[field];
    view->versions = arena_alloc(arena, sizeof *view->versions);
    *view->versions = (struct version){
        .id = step != NULL ? step->id : lead->id,
        .stamp_ms = step != NULL ? step->created_ms : lead->created_ms,
        .actor = step != NULL ? step->created_by : lead->created_by,
        .value = arena_copy(arena, buffer_slice(value)),
    };
    view->count = 1;
    buffer_clear(value);
}

static bool step_stands(const struct record_view *step)
{
    return step->known && !step->voided;
}

/* By (stamp, entry id). */
static bool is_before(const struct record_view *a, const struct record_view *b)
{
    if (a->created_ms != b->created_ms)
        return a->created_ms < b->created_ms;
    return entry_id_compare(&a->id, &b->id) < 0;
}

void lead_compute(struct record_view *lead, struct store_txn *txn, struct arena *arena)
{
    const struct record_view *answer = NULL, *closing = NULL;
    struct buffer value;
    (void)txn;
    for (size_t i = 0; lead->steps != NULL && i < lead->steps->count; i++) {
        const struct record_view *step = &lead->steps->records[i];
        if (!step_stands(step))
            continue;
        if (answer == NULL || is_before(step, answer))
            answer = step;
        if (view_choice(step, LEAD_STEP_WHAT) == LEAD_CLOSE &&
            (closing == NULL || is_before(step, closing)))
            closing = step;
    }
    buffer_init(&value, SIZE_MAX);
    codec_put_uint(&value, closing != NULL  ? LEAD_CLOSED
                           : answer != NULL ? LEAD_ACKNOWLEDGED
                                            : LEAD_OPEN);
    compute_value(lead, LEAD_STATE, closing != NULL ? closing : answer, &value, arena);
    if (answer != NULL && lead->known) {
        int64_t since = lead_since(lead), then = beijing_minutes(answer->created_ms);
        codec_put_uint(&value, then > since ? (uint64_t)(then - since) : 0);
        compute_value(lead, LEAD_RESPONSE, answer, &value, arena);
        codec_put_id(&value, &answer->id);
        compute_value(lead, LEAD_ANSWERED_BY, answer, &value, arena);
    }
    buffer_deinit(&value);
}

bool lead_is_urgent(const struct record_view *lead)
{
    const struct field_view *level = &lead->fields[LEAD_LEVEL];
    for (size_t i = 0; i < level->count; i++) {
        struct slice value = level->versions[i].value;
        uint64_t choice;
        if (codec_take_uint(&value, &choice) && choice == LEAD_RED)
            return true;
    }
    return false;
}

enum status lead_agrees(const struct record_view *lead, const struct record_view *subject,
                        const struct occasion *occasion, uint8_t *field)
{
    int64_t noticed;
    (void)subject;
    *field = LEAD_NOTICED;
    if (!occasion->insist && view_time(lead, LEAD_NOTICED, &noticed) &&
        noticed > occasion->now)
        return ERR_TO_COME;
    return OK;
}

enum status lead_step_agrees(const struct record_view *step,
                             const struct record_view *lead,
                             const struct occasion *occasion, uint8_t *field)
{
    (void)step;
    *field = LEAD_STEP_WHAT;
    if (!occasion->insist && lead != NULL && view_choice(lead, LEAD_STATE) == LEAD_CLOSED)
        return ERR_LEAD_CLOSED;
    return OK;
}

/* ---- the rows of open leads ---- */

static void make_anew(struct store_txn *txn, const struct touch *touch,
                      struct arena *scratch)
{
    uint8_t key[SUBJECT_KEY_SIZE];
    struct record_view lead;
    struct buffer row;
    struct slice before;
    subject_key(key, touch->realm, &touch->subject);
    bool had = store_get(txn, STORE_LEADS, slice_of(key, sizeof key), &before);
    if (!view_record(txn, schema_register(REGISTER_LEAD), touch->realm, NULL,
                     &touch->subject, scratch, &lead) ||
        !lead.known || lead.voided || view_choice(&lead, LEAD_STATE) != LEAD_OPEN) {
        if (had)
            store_delete(txn, STORE_LEADS, slice_of(key, sizeof key));
        return;
    }
    buffer_init(&row, SIZE_MAX);
    buffer_put_u8(&row, view_choice(&lead, LEAD_LEVEL));
    buffer_put_u64(&row, (uint64_t)lead_since(&lead));
    store_put(txn, STORE_LEADS, slice_of(key, sizeof key), buffer_slice(&row));
    buffer_deinit(&row);
}

bool lead_touched(const struct fold_row *row, const struct operation *operation,
                  struct touch *touch)
{
    if (operation->reg != REGISTER_LEAD && operation->reg != REGISTER_LEAD_STEP)
        return false;
    *touch = touch_of(row, operation);
    touch->reg = REGISTER_LEAD;
    return true;
}

void lead_work(struct store_txn *txn, struct touch *touches, size_t count,
               struct arena *scratch)
{
    count = touches_once(touches, count);
    for (size_t i = 0; i < count; i++) {
        arena_reset(scratch);
        make_anew(txn, &touches[i], scratch);
    }
}

void lead_withdrawn(struct store_txn *txn, const struct touch *touch,
                    struct arena *scratch)
{
    struct touch lead = *touch;
    if (touch->reg == REGISTER_LEAD || touch->reg == REGISTER_LEAD_STEP)
        lead_work(txn, &lead, 1, scratch);
}

void lead_forget(struct store_txn *txn)
{
    store_clear(txn, STORE_LEADS);
}

static bool row_read(struct slice key, struct slice value, struct open_lead *lead)
{
    uint64_t since;
    if (!subject_key_read(key, &lead->realm, &lead->id) ||
        !slice_take_u8(&value, &lead->level) || !slice_take_u64(&value, &since))
        return false;
    lead->since = (int64_t)since;
    return true;
}

bool lead_next(struct store_txn *txn, struct lead_walk *walk, struct open_lead *lead)
{
    struct slice key, value;
    bool more = walk->started ? store_next(txn, &walk->cursor, &key, &value)
                              : store_seek(txn, STORE_LEADS, (struct slice){0},
                                           &walk->cursor, &key, &value);
    walk->started = true;
    if (!more)
        return false;
    if (!row_read(key, value, lead)) { /* fewer rows would read as answered */
        store_mark_damaged(txn, STORE_LEADS);
        return false;
    }
    return true;
}
