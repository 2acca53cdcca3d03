/* What the authority laid down, as far as its statements have come here. */
#include "crdt/calendar.h"
#include "crdt/codec.h"
#include "daemon/answer/query_parts.h"

static const struct policies *policies_of(const struct query *query)
{
    return roster_policies(engine_roster(query_engine(query)));
}

void query_policy_at(const struct query *query, int64_t day, struct policy *policy)
{
    policy_at(policies_of(query), day, policy);
}

static void put_stated(struct buffer *out, uint64_t number, uint64_t stamp_ms)
{
    answer_put_key(out, "number");
    answer_put_uint_or_nil(out, number);
    answer_put_key(out, "stated_ms");
    answer_put_uint_or_nil(out, stamp_ms);
}

void query_put_policy(const struct query *query, const struct policy *policy)
{
    struct buffer *out = query->data;
    answer_put_key(out, "policy");
    if (policy->number == 0) {
        codec_put_nil(out);
        return;
    }
    codec_put_map(out, 2);
    put_stated(out, policy->number, policy->stamp_ms);
}

/* name, value, from, state, number, stated_ms: a row of the list. Without a statement it is
 * the default of a name. */
static void put_row(struct buffer *out, const struct policy_name *known,
                    const struct policy_statement *stated, const char *state)
{
    char from[11] = "";
    if (stated != NULL)
        date_format(stated->from_day, from);
    codec_put_map(out, 6);
    answer_put_key(out, "name");
    codec_put_cstring(out, stated != NULL ? stated->name : known->name);
    answer_put_key(out, "value");
    codec_put_cstring(out, stated != NULL ? stated->value : known->fallback);
    answer_put_key(out, "from");
    answer_put_text_or_nil(out, from);
    answer_put_key(out, "state");
    codec_put_cstring(out, state);
    put_stated(out, stated != NULL ? stated->number : 0,
               stated != NULL ? stated->stamp_ms : 0);
}

/* Whether no later statement of the same name and date takes this one's place. */
static bool is_last_word(const struct policies *policies, size_t index)
{
    const struct policy_statement *row = &policies->rows[index];
    for (size_t i = index + 1; i < policies->count; i++) {
        const struct policy_statement *later = &policies->rows[i];
        if (later->from_day == row->from_day &&
            slice_equal(slice_text(later->name), slice_text(row->name)))
            return false;
    }
    return true;
}

/* Of each statement whether it holds on the day ("holds"), will ("later"), or is neither;
 * in the order of their numbers, behind the names of which nothing is stated yet. */
static size_t put_rows(const struct policies *policies, int64_t day, struct buffer *out)
{
    const struct policy_name *known;
    size_t count = 0;
    for (size_t i = 0; (known = policy_name_at(i)) != NULL; i++) {
        if (policies_find(policies, slice_text(known->name), day) != NULL)
            continue;
        put_row(out, known, NULL, "default");
        count++;
    }
    for (size_t i = 0; i < policies->count; i++) {
        const struct policy_statement *row = &policies->rows[i];
        bool holds = policies_find(policies, slice_text(row->name), day) == row;
        if (!holds && (row->from_day <= day || !is_last_word(policies, i)))
            continue;
        put_row(out, NULL, row, holds ? "holds" : "later");
        count++;
    }
    return count;
}

enum status query_policies(struct query *query, struct store_txn *txn, struct slice args)
{
    struct buffer *out = query->data, rows;
    int64_t now = answer_now(query_engine(query), query->wall_ms), day;
    struct slice text;
    char at[11];
    (void)txn;
    if (args_text(args, "at", &text)) {
        if (!date_parse(text, &day))
            return query_refuse(query, ERR_DATE, slice_text("at"));
    } else if (now == INT64_MAX) {
        return query_refuse(query, ERR_FIELD_MISSING, slice_text("at"));
    } else {
        day = day_of_minutes(now);
    }
    query_note_incomplete(query);
    date_format(day, at);
    buffer_init(&rows, SIZE_MAX);
    size_t count = put_rows(policies_of(query), day, &rows);
    codec_put_map(out, 3);
    answer_put_key(out, "at");
    codec_put_cstring(out, at);
    answer_put_key(out, "statements"); /* that are here */
    codec_put_uint(out, policies_of(query)->count);
    answer_put_key(out, "policies");
    codec_put_array(out, count);
    buffer_put(out, rows.data, rows.size);
    buffer_deinit(&rows);
    return OK;
}
