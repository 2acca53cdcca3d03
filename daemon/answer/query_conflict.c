/* Fields that were written differently at the same time: each value, who wrote it and when. */
#include "crdt/codec.h"
#include "crdt/conflict.h"
#include "daemon/answer/query_parts.h"
#include "daemon/answer/resolve.h"

/* Rows on their way out: one for each value. */
struct conflict_rows {
    struct answering answering;
    struct buffer encoded;
    size_t count;
};

#define ROW_KEYS (7 + VERSION_KEYS)

/* Which of the versions is displayed comes first in view.h. */
static void add_record(struct conflict_rows *rows, const struct divisions *divisions,
                       uint64_t division, const struct record_view *record)
{
    struct answering *answering = &rows->answering;
    struct buffer whose;
    buffer_init(&whose, SIZE_MAX);
    uint64_t place = answer_put_whose(answering, record, divisions, &whose);
    bool is_in =
        division == 0 || division_within(place != 0 ? place : record->realm, division);
    for (size_t i = 0; is_in && i < record->reg->field_count; i++) {
        const struct field_view *field = &record->fields[i];
        for (size_t v = 0; field_in_conflict(field) && v < field->count; v++) {
            struct buffer *out = &rows->encoded;
            codec_put_map(out, ROW_KEYS);
            answer_put_key(out, "id");
            answer_put_id(out, &record->id);
            answer_put_key(out, "register");
            codec_put_cstring(out, record->reg->name);
            codec_put_raw(out, buffer_slice(&whose));
            answer_put_version(answering, record, field, &field->versions[v], out);
            answer_put_key(out, "shown");
            codec_put_bool(out, v == 0);
            rows->count++;
        }
    }
    buffer_deinit(&whose);
}

static void begin(struct query *query, struct store_txn *txn, struct conflict_rows *rows)
{
    *rows = (struct conflict_rows){
        .answering = {.engine = query_engine(query),
                      .txn = txn,
                      .arena = query->arena,
                      .scratch = query->scratch,
                      .now = answer_now(query_engine(query), query->wall_ms)}};
    buffer_init(&rows->encoded, CONTROL_REPLY_SIZE_MAX);
    query_note_incomplete(query);
    query_note_not_worked_in(query);
    /* A hub's operators are recorded in the county's realm. */
    answer_learn_operators(&rows->answering,
                           roster_genesis(engine_roster(query_engine(query)))->county);
}

static void end(struct query *query, struct conflict_rows *rows)
{
    codec_put_map(query->data, 1);
    answer_put_key(query->data, "conflicts");
    codec_put_array(query->data, rows->count);
    codec_put_raw(query->data, buffer_slice(&rows->encoded));
    query->data->overflow |= rows->encoded.overflow;
    buffer_deinit(&rows->encoded);
    answering_deinit(&rows->answering);
}

enum status query_conflicts(struct query *query, struct store_txn *txn, struct slice args)
{
    struct scope scope = {.reg = schema_register(REGISTER_PERSON)};
    struct conflict_walk walk = {0};
    struct conflict conflict;
    struct conflict_rows rows;
    struct record_view record;
    uint64_t learned = 0;
    enum status status = query_take_division(query, txn, &scope, args);
    if (status != OK)
        return status;
    begin(query, txn, &rows);
    while (conflict_next(txn, &walk, &conflict)) {
        const struct schema_register *reg = schema_register(conflict.reg);
        if (!scope_has_realm(&scope, conflict.realm))
            continue;
        if (conflict.realm != learned)
            answer_learn_operators(&rows.answering, conflict.realm);
        learned = conflict.realm;
        arena_reset(query->scratch);
        if (view_record(txn, reg, conflict.realm,
                        reg->subject_field == FIELD_NONE ? NULL : &conflict.subject,
                        &conflict.record, query->scratch, &record))
            add_record(&rows, query->sources->divisions, scope.division, &record);
    }
    store_cursor_close(&walk.cursor);
    end(query, &rows);
    return OK;
}

enum status query_conflict(struct query *query, struct store_txn *txn, struct slice args)
{
    const struct schema_register *reg;
    struct conflict_rows rows;
    struct resolved resolved;
    struct record_view record;
    struct buffer fits;
    struct slice text;
    if (!args_text(args, "id", &text))
        return query_refuse(query, ERR_FIELD_MISSING, slice_text("id"));
    buffer_init(&fits, PAYLOAD_SIZE_MAX);
    enum status status = resolve_any_to_write(query_engine(query), txn, query->scratch,
                                              text, &reg, &resolved, &fits);
    if (status != OK)
        status = query_refuse(query, status,
                              status == ERR_AMBIGUOUS ? buffer_slice(&fits) : text);
    buffer_deinit(&fits);
    if (status != OK)
        return status;
    begin(query, txn, &rows);
    answer_learn_operators(&rows.answering, resolved.realm);
    arena_reset(query->scratch);
    if (view_record(txn, reg, resolved.realm, resolved_subject(reg, &resolved),
                    &resolved.id, query->scratch, &record))
        add_record(&rows, query->sources->divisions, 0, &record);
    end(query, &rows);
    return OK;
}
