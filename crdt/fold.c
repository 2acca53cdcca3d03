#include "crdt/fold.h"

#include "crdt/lookup.h"

#include <stdlib.h>
#include <string.h>

enum {
    SWEEP_CHAINS_MAX = 2000, /* a call */
    SWEEP_ROWS_MAX = 20000,
};

/* A row that is not in the store yet. Its number is the last stored one's, plus its place
 * in arrival order, from 1. */
struct pending_row {
    uint8_t chain[CHAIN_KEY_SIZE];
    struct entry_id id;
    uint64_t realm;
    uint64_t previous;
    uint8_t mark;                        /* where chains are remembered */
    size_t plaintext_at, plaintext_size; /* in the batch's bytes */
};

struct fold {
    struct pending_row *rows;
    size_t count, capacity;
    struct pending_row **order; /* the rows sorted by chain, while they are flushed */
    size_t order_capacity;
    struct buffer plaintexts;
    struct buffer lookups; /* rows for crdt/lookup.h */
    struct buffer encoded; /* scratch for one stored value */
    struct recent *recent;
};

struct fold *fold_create(void)
{
    struct fold *fold = checked_malloc(sizeof *fold);
    *fold = (struct fold){0};
    buffer_init(&fold->plaintexts, SIZE_MAX);
    buffer_init(&fold->lookups, SIZE_MAX);
    buffer_init(&fold->encoded, SIZE_MAX);
    fold->recent = recent_create();
    return fold;
}

void fold_destroy(struct fold *fold)
{
    if (fold == NULL)
        return;
    free(fold->rows);
    free(fold->order);
    buffer_deinit(&fold->plaintexts);
    buffer_deinit(&fold->lookups);
    buffer_deinit(&fold->encoded);
    recent_destroy(fold->recent);
    free(fold);
}

void fold_discard(struct fold *fold)
{
    fold->count = 0;
    buffer_clear(&fold->plaintexts);
    buffer_clear(&fold->lookups);
}

size_t fold_pending(const struct fold *fold)
{
    return fold->count;
}

/* ---- filing ---- */

static void chain_key(uint8_t key[CHAIN_KEY_SIZE], uint8_t reg, uint64_t realm,
                      const struct entry_id *subject)
{
    key[0] = reg;
    put_be64(key + 1, realm);
    memcpy(key + 9, subject->bytes, ENTRY_ID_SIZE);
}

static struct pending_row *row_add(struct fold *fold)
{
    fold->rows =
        array_grow(fold->rows, &fold->capacity, fold->count + 1, sizeof *fold->rows);
    return &fold->rows[fold->count++];
}

enum status fold_judge(const struct entry_id *id, uint64_t realm, struct slice plaintext,
                       struct operation *operation)
{
    enum status status = operation_decode(plaintext, operation);
    if (status != OK)
        return status;
    const struct schema_register *reg = schema_register(operation->reg);
    CHECK(reg != NULL); /* operation_decode has looked */
    bool fits =
        schema_lane_fits(reg, entry_id_log(id).lane) && schema_realm_fits(reg, realm);
    return fits ? OK : ERR_PERMISSION;
}

enum status fold_entry(struct fold *fold, const struct entry_id *id, uint64_t realm,
                       struct slice plaintext)
{
    struct operation operation;
    enum status status = fold_judge(id, realm, plaintext, &operation);
    if (status != OK)
        return status;
    struct entry_id subject = fold_subject_of(&operation, id);
    struct pending_row *row = row_add(fold);
    *row = (struct pending_row){
        .id = *id,
        .realm = realm,
        .plaintext_at = fold->plaintexts.size,
        .plaintext_size = plaintext.size,
    };
    chain_key(row->chain, operation.reg, realm, &subject);
    if (!recent_is_empty(fold->recent))
        row->mark = mark_of_operation(&operation);
    buffer_put(&fold->plaintexts, plaintext.data, plaintext.size);
    lookup_note(&fold->lookups, &operation, id, realm);
    return OK;
}

/* ---- writing ---- */

/* By chain, and within a chain by arrival. */
static int order_compare(const void *a, const void *b)
{
    const struct pending_row *left = *(struct pending_row *const *)a;
    const struct pending_row *right = *(struct pending_row *const *)b;
    int order = memcmp(left->chain, right->chain, CHAIN_KEY_SIZE);
    return order != 0 ? order : (left > right) - (left < right);
}

static void order_rows(struct fold *fold)
{
    fold->order = array_grow(fold->order, &fold->order_capacity, fold->count,
                             sizeof(struct pending_row *));
    for (size_t i = 0; i < fold->count; i++)
        fold->order[i] = &fold->rows[i];
    qsort(fold->order, fold->count, sizeof(struct pending_row *), order_compare);
}

uint64_t fold_last_row(struct store_txn *txn)
{
    struct slice key;
    if (!store_last_key(txn, STORE_ROWS, &key))
        return 0;
    CHECK(key.size == 8);
    return get_be64(key.data);
}

static bool chain_read(struct store_txn *txn, const uint8_t key[CHAIN_KEY_SIZE],
                       uint64_t *newest, uint64_t *rows)
{
    struct slice value;
    return store_get(txn, STORE_CHAINS, slice_of(key, CHAIN_KEY_SIZE), &value) &&
           slice_take_varint(&value, newest) && slice_take_varint(&value, rows);
}

/* Links one chain's pending rows, `count` of them, to what is stored of it. */
static void write_chain(struct fold *fold, struct store_txn *txn,
                        struct pending_row *const *chain, size_t count, uint64_t first)
{
    uint64_t newest = 0, rows = 0;
    if (!chain_read(txn, chain[0]->chain, &newest, &rows))
        newest = rows = 0;
    struct recent_chain *recent = recent_find(fold->recent, chain[0]->chain);
    if (recent != NULL && (recent->newest != newest || recent->rows != rows)) {
        recent_forget(recent);
        recent = NULL;
    }
    for (size_t i = 0; i < count; i++) {
        chain[i]->previous = newest;
        newest = first + (uint64_t)(chain[i] - fold->rows);
        if (recent != NULL)
            recent_push(recent, newest, chain[i]->mark);
    }
    buffer_clear(&fold->encoded);
    buffer_put_varint(&fold->encoded, newest);
    buffer_put_varint(&fold->encoded, rows + count);
    store_put(txn, STORE_CHAINS, slice_of(chain[0]->chain, CHAIN_KEY_SIZE),
              buffer_slice(&fold->encoded));
}

static void write_chains(struct fold *fold, struct store_txn *txn, uint64_t first)
{
    size_t begin = 0;
    while (begin < fold->count) {
        size_t end = begin + 1;
        while (end < fold->count &&
               memcmp(fold->order[end]->chain, fold->order[begin]->chain,
                      CHAIN_KEY_SIZE) == 0)
            end++;
        write_chain(fold, txn, fold->order + begin, end - begin, first);
        begin = end;
    }
}

static void encode_row(struct buffer *out, uint64_t previous, uint64_t realm,
                       const struct entry_id *id, struct slice plaintext)
{
    buffer_clear(out);
    buffer_put_varint(out, previous);
    buffer_put_varint(out, realm);
    buffer_put(out, id->bytes, ENTRY_ID_SIZE);
    buffer_put(out, plaintext.data, plaintext.size);
}

void fold_flush(struct fold *fold, struct store_txn *txn)
{
    if (fold->count == 0)
        return;
    uint64_t first = fold_last_row(txn) + 1;
    order_rows(fold);
    write_chains(fold, txn, first);
    for (size_t i = 0; i < fold->count; i++) {
        const struct pending_row *row = &fold->rows[i];
        uint8_t key[8];
        put_be64(key, first + i);
        encode_row(
            &fold->encoded, row->previous, row->realm, &row->id,
            slice_of(fold->plaintexts.data + row->plaintext_at, row->plaintext_size));
        store_append(txn, STORE_ROWS, slice_of(key, sizeof key),
                     buffer_slice(&fold->encoded));
    }
    lookup_write(&fold->lookups, txn);
    fold_discard(fold);
}

/* ---- taking back ---- */

/* Rows that leave their chains: those numbered up to `stale` but for last copies, or, where
 * that is 0, those of the log from an entry on. */
struct leaving {
    uint64_t stale;
    fold_fate_of *fate_of;
    void *context;
    struct log_name log;
    uint64_t seq;
};

static bool is_leaving(const struct fold_row *row, const struct leaving *leaving)
{
    if (leaving->stale > 0)
        return row->number <= leaving->stale &&
               leaving->fate_of(leaving->context, &row->id) != FOLD_IS_LAST_COPY;
    return log_name_equal(entry_id_log(&row->id), leaving->log) &&
           entry_id_seq(&row->id) >= leaving->seq;
}

/* The newest row from `number` on that stays; 0: none does. Those of the log before it are
 * noted in `gone`; stale ones are deleted when no chain leads to them. */
static uint64_t next_staying(struct store_txn *txn, uint64_t number,
                             const struct leaving *leaving, struct buffer *gone)
{
    struct fold_row row;
    while (number != 0 && fold_row_read(txn, number, &row) && is_leaving(&row, leaving)) {
        if (leaving->stale == 0)
            buffer_put_u64(gone, number);
        number = row.previous;
    }
    return number;
}

/* ---- marks ---- */

struct entry_id fold_subject_of(const struct operation *operation,
                                const struct entry_id *entry)
{
    return operation->subject_is_self ? *entry : operation->subject;
}

struct entry_id fold_record_of(const struct operation *operation,
                               const struct entry_id *entry)
{
    if (operation->kind == OPERATION_CREATE)
        return *entry;
    return operation->has_target ? operation->target : operation->subject;
}

/* The row goes; its mark is put down behind all rows, this one included. */
static void mark_put(struct store_txn *txn, const struct fold_row *row)
{
    struct operation operation;
    struct buffer encoded;
    uint64_t number = fold_last_row(txn) + 1;
    uint8_t key[8];
    if (operation_decode(row->plaintext, &operation) != OK)
        return;
    struct entry_id subject = fold_subject_of(&operation, &row->id);
    struct entry_id record = fold_record_of(&operation, &row->id);
    buffer_init(&encoded, SIZE_MAX);
    buffer_put_varint(&encoded, number);
    buffer_put_varint(&encoded, row->realm);
    buffer_put(&encoded, row->id.bytes, ENTRY_ID_SIZE);
    buffer_put_u8(&encoded, operation.reg);
    buffer_put(&encoded, subject.bytes, ENTRY_ID_SIZE);
    buffer_put(&encoded, record.bytes, ENTRY_ID_SIZE);
    put_be64(key, number);
    store_append(txn, STORE_ROWS, slice_of(key, sizeof key), buffer_slice(&encoded));
    buffer_deinit(&encoded);
}

bool fold_mark_read(struct store_txn *txn, uint64_t number, struct fold_mark *mark)
{
    struct slice value;
    uint64_t self;
    uint8_t key[8];
    put_be64(key, number);
    return store_get(txn, STORE_ROWS, slice_of(key, sizeof key), &value) &&
           slice_take_varint(&value, &self) && self == number &&
           slice_take_varint(&value, &mark->realm) &&
           slice_take(&value, ENTRY_ID_SIZE, mark->id.bytes) &&
           slice_take_u8(&value, &mark->reg) &&
           slice_take(&value, ENTRY_ID_SIZE, mark->subject.bytes) &&
           slice_take(&value, ENTRY_ID_SIZE, mark->record.bytes) && value.size == 0;
}

/* A row that stays is written again where what it leads to goes. */
static void chain_free(struct store_txn *txn, const uint8_t key[CHAIN_KEY_SIZE],
                       const struct leaving *leaving)
{
    uint64_t newest, rows, kept = 0;
    struct fold_row row;
    struct buffer encoded, gone;

    if (!chain_read(txn, key, &newest, &rows))
        return;
    buffer_init(&encoded, SIZE_MAX);
    buffer_init(&gone, SIZE_MAX);
    newest = next_staying(txn, newest, leaving, &gone);
    for (uint64_t number = newest; number != 0 && fold_row_read(txn, number, &row);) {
        uint64_t previous = next_staying(txn, row.previous, leaving, &gone);
        kept++;
        if (previous != row.previous) {
            uint8_t at[8];
            put_be64(at, number);
            encode_row(&encoded, previous, row.realm, &row.id, row.plaintext);
            store_put(txn, STORE_ROWS, slice_of(at, sizeof at), buffer_slice(&encoded));
        }
        number = previous;
    }
    buffer_clear(&encoded);
    buffer_put_varint(&encoded, newest);
    buffer_put_varint(&encoded, kept);
    if (kept == 0)
        store_delete(txn, STORE_CHAINS, slice_of(key, CHAIN_KEY_SIZE));
    else if (kept != rows)
        store_put(txn, STORE_CHAINS, slice_of(key, CHAIN_KEY_SIZE),
                  buffer_slice(&encoded));
    struct slice numbers = buffer_slice(&gone);
    for (uint64_t number; slice_take_u64(&numbers, &number);) {
        uint8_t row_key[8];
        if (fold_row_read(txn, number, &row))
            mark_put(txn, &row);
        put_be64(row_key, number);
        store_delete(txn, STORE_ROWS, slice_of(row_key, sizeof row_key));
    }
    buffer_deinit(&gone);
    buffer_deinit(&encoded);
}

void fold_withdraw(struct store_txn *txn, uint8_t reg, uint64_t realm,
                   const struct entry_id *subject, struct log_name log, uint64_t seq)
{
    uint8_t key[CHAIN_KEY_SIZE];

    chain_key(key, reg, realm, subject);
    chain_free(txn, key, &(struct leaving){.log = log, .seq = seq});
}

/* ---- what was folded again ---- */

/* The first chain after `key`, which becomes its key. */
static bool chain_after(struct store_txn *txn, uint8_t key[CHAIN_KEY_SIZE])
{
    struct store_cursor cursor;
    struct slice found, value;
    bool more = store_seek(txn, STORE_CHAINS, slice_of(key, CHAIN_KEY_SIZE), &cursor,
                           &found, &value);
    if (more && slice_equal(found, slice_of(key, CHAIN_KEY_SIZE)))
        more = store_next(txn, &cursor, &found, &value);
    if (more) {
        CHECK(found.size == CHAIN_KEY_SIZE);
        memcpy(key, found.data, CHAIN_KEY_SIZE);
    }
    store_cursor_close(&cursor);
    return more;
}

static void free_chains(struct store_txn *txn, struct fold_sweep *sweep,
                        const struct leaving *leaving)
{
    for (size_t i = 0; i < SWEEP_CHAINS_MAX; i++) {
        if (!chain_after(txn, sweep->done)) {
            sweep->chains_are_free = true;
            memset(sweep->done, 0, sizeof sweep->done);
            return;
        }
        chain_free(txn, sweep->done, leaving);
    }
}

uint64_t fold_row_after(struct store_txn *txn, uint64_t number)
{
    struct store_cursor cursor;
    struct slice key, value;
    uint8_t from[8];
    uint64_t found = 0;
    put_be64(from, number + 1);
    if (store_seek(txn, STORE_ROWS, slice_of(from, sizeof from), &cursor, &key, &value) &&
        key.size == 8)
        found = get_be64(key.data);
    store_cursor_close(&cursor);
    return found;
}

/* The call that takes the last stale row ends the sweep: where no row is left, new ones begin
 * at 1 again, and the next call would take them for stale. */
static void delete_stale(struct store_txn *txn, struct fold_sweep *sweep,
                         const struct leaving *leaving)
{
    uint64_t number = fold_row_after(txn, get_be64(sweep->done));
    for (size_t i = 0; number != 0 && number <= sweep->stale; i++) {
        struct fold_row row;
        uint8_t key[8];
        if (i == SWEEP_ROWS_MAX)
            return;
        put_be64(key, number);
        if (fold_row_read(txn, number, &row) && is_leaving(&row, leaving)) {
            if (leaving->fate_of(leaving->context, &row.id) == FOLD_WAS_WITHDRAWN)
                mark_put(txn, &row);
            store_delete(txn, STORE_ROWS, slice_of(key, sizeof key));
        }
        memcpy(sweep->done, key, sizeof key);
        number = fold_row_after(txn, number);
    }
    *sweep = (struct fold_sweep){0};
}

void fold_sweep_some(struct store_txn *txn, struct fold_sweep *sweep,
                     fold_fate_of *fate_of, void *context)
{
    CHECK(sweep->stale > 0);
    const struct leaving leaving = {sweep->stale, fate_of, context, .seq = 0};
    if (!sweep->chains_are_free)
        free_chains(txn, sweep, &leaving);
    else
        delete_stale(txn, sweep, &leaving);
}

/* ---- reading ---- */

bool fold_chain_newest(struct store_txn *txn, uint8_t reg, uint64_t realm,
                       const struct entry_id *subject, uint64_t *row, uint64_t *rows)
{
    uint8_t key[CHAIN_KEY_SIZE];
    chain_key(key, reg, realm, subject);
    return chain_read(txn, key, row, rows);
}

bool fold_row_read(struct store_txn *txn, uint64_t number, struct fold_row *row)
{
    uint8_t key[8];
    struct slice value;
    put_be64(key, number);
    if (!store_get(txn, STORE_ROWS, slice_of(key, sizeof key), &value))
        return false;
    row->number = number;
    if (!slice_take_varint(&value, &row->previous) ||
        !slice_take_varint(&value, &row->realm) ||
        !slice_take(&value, ENTRY_ID_SIZE, row->id.bytes))
        return false;
    row->plaintext = value;
    /* A row was filed after the one that it leads to. A mark leads to itself, so that it is not
     * read as a row. Where damage leads to a later one, whoever walks the chain would go in
     * circles. */
    return row->previous < number;
}

size_t fold_chain_marks(struct fold *fold, struct store_txn *txn, uint8_t reg,
                        uint64_t realm, const struct entry_id *subject, uint64_t *row,
                        uint8_t marks[RECENT_ROWS])
{
    struct recent_chain chain = {.rows = 0};
    struct fold_row read;
    struct operation operation;
    CHECK(fold->count == 0);
    chain_key(chain.key, reg, realm, subject);
    if (!chain_read(txn, chain.key, &chain.newest, &chain.rows) || chain.rows == 0)
        return 0;
    size_t count = chain.rows < RECENT_ROWS ? (size_t)chain.rows : RECENT_ROWS;
    const struct recent_chain *recent = recent_find(fold->recent, chain.key);
    *row = chain.newest;
    if (recent != NULL && recent->newest == chain.newest && recent->rows == chain.rows) {
        memcpy(marks, recent->marks, RECENT_ROWS);
        return count;
    }
    read.previous = chain.newest;
    for (size_t i = 0; i < count; i++) {
        if (!fold_row_read(txn, read.previous, &read) ||
            operation_decode(read.plaintext, &operation) != OK) {
            store_mark_damaged(txn, STORE_ROWS);
            return 0;
        }
        chain.marks[i] = mark_of_operation(&operation);
    }
    recent_keep(fold->recent, &chain);
    memcpy(marks, chain.marks, RECENT_ROWS);
    return count;
}

static bool subjects_step(struct store_txn *txn, struct fold_subjects *walk,
                          struct slice *key, struct slice *value)
{
    uint8_t from[CHAIN_KEY_SIZE];
    if (walk->started)
        return store_next(txn, &walk->cursor, key, value);
    walk->started = true;
    chain_key(from, walk->reg, walk->realm, &walk->after);
    if (!store_seek(txn, STORE_CHAINS, slice_of(from, sizeof from), &walk->cursor, key,
                    value))
        return false;
    return !slice_equal(*key, slice_of(from, sizeof from)) ||
           store_next(txn, &walk->cursor, key, value);
}

bool fold_subjects_next(struct store_txn *txn, struct fold_subjects *walk,
                        uint64_t *realm, struct entry_id *subject, uint64_t *newest_row)
{
    struct slice key, value;
    uint8_t reg;
    uint8_t realm_bytes[8];
    if (!subjects_step(txn, walk, &key, &value) || !slice_take_u8(&key, &reg) ||
        reg != walk->reg || !slice_take(&key, sizeof realm_bytes, realm_bytes) ||
        !slice_take(&key, ENTRY_ID_SIZE, subject->bytes))
        return false;
    *realm = get_be64(realm_bytes);
    if (walk->realm != 0 && *realm != walk->realm)
        return false;
    return slice_take_varint(&value, newest_row);
}
