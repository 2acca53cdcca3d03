/* A month is closed with what the report says of it. */
#include "crdt/codec.h"
#include "daemon/answer/change_parts.h"
#include "daemon/answer/closing_draft.h"
#include "daemon/answer/query.h"

static void add_number(struct reading *reading, uint8_t field, uint64_t number)
{
    buffer_clear(reading->change->scratch);
    codec_put_uint(reading->change->scratch, number);
    change_add_encoded(reading, field);
}

static void add_text(struct reading *reading, uint8_t field, struct slice text)
{
    if (text.size == 0)
        return;
    buffer_clear(reading->change->scratch);
    codec_put_text(reading->change->scratch, text);
    change_add_encoded(reading, field);
}

/* What is written is what the report says at this moment, and on which heads. */
enum status change_close(struct reading *reading, struct slice args)
{
    struct change *change = reading->change;
    struct write *write = reading->write;
    struct closing_draft draft;
    closing_draft_init(&draft);
    CHECK(change->query != NULL);
    enum status status =
        query_close(change->query, change->txn, args, write->insist, &draft);
    if (status == OK) {
        write->kind = OPERATION_CREATE;
        write->realm = draft.township;
        add_number(reading, MONTH_PLACE, draft.township);
        add_text(reading, MONTH_MONTH, slice_text(draft.month));
        add_number(reading, MONTH_DUE, draft.due);
        add_number(reading, MONTH_VISITED, draft.visited);
        add_text(reading, MONTH_FIGURES, buffer_slice(&draft.figures));
        if (draft.policy != 0)
            add_number(reading, MONTH_POLICY, draft.policy);
        add_number(reading, MONTH_LOGS, draft.logs);
        add_number(reading, MONTH_ENTRIES, draft.entries);
        add_text(reading, MONTH_HEADS, slice_text(draft.heads));
        add_text(reading, MONTH_ENDS, buffer_slice(&draft.ends));
        add_text(reading, MONTH_MISSING, slice_text(draft.missing));
    } else {
        (void)change_refuse(change, status, slice_text(change->query->subject));
    }
    closing_draft_deinit(&draft);
    return status;
}
