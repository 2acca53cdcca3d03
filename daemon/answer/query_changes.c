/* The feed of changes: folded rows and marks in the order of their numbers, each with its record
 * as it stands when it is asked for. Rows are appended by whatever makes an entry readable, late
 * keys and a fold of everything included, so reading on from a number misses nothing; a fold of
 * everything repeats all. A cursor is the numbering and a number in it; of one that this store
 * does not know everything is told again. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "crdt/codec.h"
#include "daemon/answer/query_parts.h"
#include "daemon/answer/resolve.h"

/* A piece ends with the row that reaches one of these. */
enum {
    PIECE_BYTES = 64 << 10,
    PIECE_ROWS = 250,
};

struct feed {
    struct answering answering;
    uint64_t numbering, number; /* of the last row that was read */
    bool restarted;             /* the cursor was of another numbering */
    struct buffer changes;
    size_t count, rows;
    uint64_t *learned; /* realms whose operators are known */
    size_t learned_count, learned_capacity;
};

#define CURSOR_SIZE 40

static void format_cursor(const struct feed *feed, uint64_t number,
                          char text[CURSOR_SIZE])
{
    (void)snprintf(text, CURSOR_SIZE, "%016" PRIx64 "-%" PRIu64, feed->numbering, number);
}

/* "" and "0": the beginning. */
static bool parse_cursor(struct slice text, uint64_t *numbering, uint64_t *number,
                         bool *given)
{
    *numbering = *number = 0;
    *given = text.size > 0 && !slice_equal(text, slice_text("0"));
    if (!*given)
        return true;
    if (text.size < 18 || text.size > 37 || text.data[16] != '-')
        return false;
    for (size_t i = 0; i < 16; i++) {
        uint8_t digit = text.data[i];
        bool decimal = digit >= '0' && digit <= '9',
             letter = digit >= 'a' && digit <= 'f';
        if (!decimal && !letter)
            return false;
        *numbering =
            *numbering << 4 | (uint64_t)(decimal ? digit - '0' : digit - 'a' + 10);
    }
    for (size_t i = 17; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || *number > UINT64_MAX / 10 - 9)
            return false;
        *number = *number * 10 + (uint64_t)(text.data[i] - '0');
    }
    return true;
}

static void learn(struct feed *feed, uint64_t realm)
{
    for (size_t i = 0; i < feed->learned_count; i++) {
        if (feed->learned[i] == realm)
            return;
    }
    feed->learned = array_grow(feed->learned, &feed->learned_capacity,
                               feed->learned_count + 1, sizeof *feed->learned);
    feed->learned[feed->learned_count++] = realm;
    answer_learn_operators(&feed->answering, realm);
}

/* ---- one change ---- */

struct change_told {
    const char *happened;
    const struct schema_register *reg;
    uint64_t realm;
    struct entry_id subject, record;
};

static const char *happened_words(enum operation_kind kind)
{
    switch (kind) {
    case OPERATION_CREATE: return "created";
    case OPERATION_EDIT: return "edited";
    case OPERATION_VOID: return "voided";
    }
    return "edited";
}

static bool read_change(struct feed *feed, struct change_told *told)
{
    struct store_txn *txn = feed->answering.txn;
    struct operation operation;
    struct fold_mark mark;
    struct fold_row row;
    if (fold_mark_read(txn, feed->number, &mark)) {
        *told = (struct change_told){.happened = "withdrawn",
                                     .reg = schema_register(mark.reg),
                                     .realm = mark.realm,
                                     .subject = mark.subject,
                                     .record = mark.record};
    } else if (fold_row_read(txn, feed->number, &row) &&
               operation_decode(row.plaintext, &operation) == OK) {
        *told = (struct change_told){.happened = happened_words(operation.kind),
                                     .reg = schema_register(operation.reg),
                                     .realm = row.realm,
                                     .subject = fold_subject_of(&operation, &row.id),
                                     .record = fold_record_of(&operation, &row.id)};
    } else {
        return false; /* damage, which is told elsewhere */
    }
    return told->reg != NULL && realm_is_readable(feed->answering.engine, told->realm);
}

/* Nil where nothing of the record stands any more. */
static void put_record(struct feed *feed, const struct change_told *told)
{
    struct record_view record;
    bool own_subject = schema_subject(told->reg) == NULL;
    arena_reset(feed->answering.scratch);
    if (view_record(feed->answering.txn, told->reg, told->realm,
                    own_subject ? NULL : &told->subject, &told->record,
                    feed->answering.scratch, &record))
        answer_put_record(&feed->answering, &record, &feed->changes);
    else
        codec_put_nil(&feed->changes);
}

static void put_change(struct feed *feed, const struct change_told *told)
{
    struct buffer *out = &feed->changes;
    char cursor[CURSOR_SIZE];
    format_cursor(feed, feed->number, cursor);
    /* A hub's operators are recorded in the county's realm. */
    learn(feed, roster_genesis(engine_roster(feed->answering.engine))->county);
    learn(feed, told->realm);
    codec_put_map(out, 6);
    answer_put_key(out, "cursor");
    codec_put_cstring(out, cursor);
    answer_put_key(out, "happened");
    codec_put_cstring(out, told->happened);
    answer_put_key(out, "register");
    codec_put_cstring(out, told->reg->name);
    answer_put_key(out, "realm");
    codec_put_uint(out, told->realm);
    answer_put_key(out, "id");
    answer_put_id(out, &told->record);
    answer_put_key(out, "record");
    put_record(feed, told);
    feed->count++;
}

/* ---- the command ---- */

/* True: rows are left. */
static bool read_piece(struct feed *feed)
{
    struct store_txn *txn = feed->answering.txn;
    struct change_told told;
    uint64_t next;
    while ((next = fold_row_after(txn, feed->number)) != 0) {
        if (feed->rows >= PIECE_ROWS || feed->changes.size >= PIECE_BYTES)
            return true;
        feed->number = next;
        feed->rows++;
        if (read_change(feed, &told))
            put_change(feed, &told);
    }
    return false;
}

static enum status begin_feed(struct query *query, struct feed *feed, struct slice args)
{
    struct slice since = {0};
    uint64_t numbering = 0;
    bool given = false;
    if (args_text(args, "since", &since) &&
        !parse_cursor(since, &numbering, &feed->number, &given))
        return query_refuse(query, ERR_FIELD_VALUE, slice_text("since"));
    if (!given)
        return OK;
    feed->restarted =
        numbering != feed->numbering || feed->number > fold_last_row(feed->answering.txn);
    if (feed->restarted)
        feed->number = 0;
    return OK;
}

enum status query_changes(struct query *query, struct store_txn *txn, struct slice args)
{
    const struct engine *engine = query_engine(query);
    struct feed feed = {
        .answering = {.engine = engine,
                      .txn = txn,
                      .arena = query->arena,
                      .scratch = query->scratch,
                      .now = answer_now(engine, query->wall_ms),
                      .reveal = args_flag(args, "reveal")},
        .numbering = engine_row_numbering(engine, txn),
    };
    struct buffer *out = query->data;
    char cursor[CURSOR_SIZE];
    enum status status = begin_feed(query, &feed, args);
    if (status != OK)
        return status;
    buffer_init(&feed.changes, CONTROL_REPLY_SIZE_MAX);
    bool more = read_piece(&feed);
    query->waits = feed.count == 0 && !more && !feed.restarted && args_flag(args, "wait");
    format_cursor(&feed, feed.number, cursor);
    codec_put_map(out, 4);
    answer_put_key(out, "restarted");
    codec_put_bool(out, feed.restarted);
    answer_put_key(out, "changes");
    codec_put_array(out, feed.count);
    buffer_put(out, feed.changes.data, feed.changes.size);
    answer_put_key(out, "next");
    codec_put_cstring(out, cursor);
    answer_put_key(out, "more");
    codec_put_bool(out, more);
    buffer_deinit(&feed.changes);
    free(feed.learned);
    answering_deinit(&feed.answering);
    return OK;
}
