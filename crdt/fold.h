/* fold.h - from accepted, opened entries to rows that can be read.
 *
 * "State = fold(accepted entries, realm keys held, schema level): never the order,
 * duplication or path in which entries came, never the local clock."
 *
 * The fold only files: each entry becomes a row, appended in arrival order, and each subject
 * (per register and realm) has a chain of rows, newest first, whose head is the one random
 * write per entry. What a record looks like is merged from its chain when asked
 * (crdt/view.h), in an order that does not depend on arrival. Rows that only grow cost a
 * third of the bytes and a tenth of the flash wear of indexes by person and village.
 *
 *   STORE_ROWS    row number u64 BE -> previous row of the chain (varint, 0: none),
 *                 realm (varint), entry id 12, plaintext
 *   STORE_CHAINS  register 1, realm u64 BE, subject 12 -> newest row (varint), rows (varint)
 *
 * The numbers of rows are an order of what is new here: a late key and a fold of everything
 * append too. So that whoever reads on from a number (the feed of changes) also learns what was
 * taken back, a row that is withdrawn leaves a mark at the end, a row that leads to itself and
 * that no chain leads to. It keeps its number from being given again, and no sweep takes it.
 *
 *   STORE_ROWS    row number u64 BE -> the same number (varint), realm (varint), withdrawn
 *                 entry's id 12, register 1, subject 12, record 12
 */
#ifndef LINLI_CRDT_FOLD_H
#define LINLI_CRDT_FOLD_H

#include "crdt/operation.h"
#include "crdt/recent.h"
#include "crdt/store.h"

struct fold; /* the rows of the batch that are not in the store yet, and recent ones */

struct fold *fold_create(void);
void fold_destroy(struct fold *fold);
void fold_discard(struct fold *fold); /* forgets pending rows: the transaction failed */

/* Files one opened entry (plaintext is copied), under the realm it came in, whatever record
 * it names. Entries that do not decode fold to nothing, as do those in another lane or a
 * realm of another level than their register's: the status says why (ERR_VERSION,
 * ERR_MALFORMED, ERR_FIELD_VALUE, ERR_PERMISSION), for counting only. */
enum status fold_entry(struct fold *fold, const struct entry_id *id, uint64_t realm,
                       struct slice plaintext);

/* What fold_entry says of an entry, without filing it; `operation` is set on OK. */
MUST_USE enum status fold_judge(const struct entry_id *id, uint64_t realm,
                                struct slice plaintext, struct operation *operation);

size_t fold_pending(const struct fold *fold); /* rows waiting, for ending a batch */

/* Writes pending rows: chains in key order, then rows. Readers in the same transaction see
 * what was filed before the flush. */
void fold_flush(struct fold *fold, struct store_txn *txn);

/* Takes the rows of `log` from `seq` on out of one subject's chain, and leaves marks; readers
 * in the same transaction see it. Nothing may be pending. Harmless when repeated. */
void fold_withdraw(struct store_txn *txn, uint8_t reg, uint64_t realm,
                   const struct entry_id *subject, struct log_name log, uint64_t seq);

/* Once all entries were folded again beside the rows that stood, those that stood go: from
 * the chains, in key order, then from their table. Several calls do it, and writes go on
 * between them: what they file has greater numbers. */
struct fold_sweep {
    uint64_t stale;       /* rows up to this number go; 0: none, or all are gone */
    bool chains_are_free; /* no chain leads to them any more */
    /* The last chain that was freed, then the last row; zero at first. */
    uint8_t done[CHAIN_KEY_SIZE];
};
/* What becomes of a row that stood. */
enum fold_fate {
    FOLD_WAS_FOLDED_AGAIN, /* it goes */
    FOLD_WAS_WITHDRAWN,    /* it goes, and leaves a mark */
    FOLD_IS_LAST_COPY,     /* its entry could not be read again: it stays */
};
typedef enum fold_fate fold_fate_of(void *context, const struct entry_id *id);
uint64_t
fold_last_row(struct store_txn *txn); /* the greatest number in the store, or 0 */
/* A bounded piece, with nothing pending. */
void fold_sweep_some(struct store_txn *txn, struct fold_sweep *sweep,
                     fold_fate_of *fate_of, void *context);

/* Walks one subject's rows, newest arrival first. False: there are none. The second is
 * false also where a row is damaged: the chain ends there. A mark is no row and is not read. */
struct fold_row {
    uint64_t number;
    uint64_t previous;
    uint64_t realm;
    struct entry_id id;
    struct slice plaintext; /* points into the store */
};
bool fold_chain_newest(struct store_txn *txn, uint8_t reg, uint64_t realm,
                       const struct entry_id *subject, uint64_t *row, uint64_t *rows);
bool fold_row_read(struct store_txn *txn, uint64_t number, struct fold_row *row);
/* The first number after `number` that is a row or a mark; 0: there is none. */
uint64_t fold_row_after(struct store_txn *txn, uint64_t number);
/* The subject of an operation: the entry itself where it creates one. */
struct entry_id fold_subject_of(const struct operation *operation,
                                const struct entry_id *entry);
/* The record that an operation concerns: the one it creates, changes or takes out. */
struct entry_id fold_record_of(const struct operation *operation,
                               const struct entry_id *entry);
struct fold_mark {
    uint64_t realm;
    struct entry_id id; /* of the entry that was withdrawn */
    uint8_t reg;
    struct entry_id subject, record; /* which it had concerned */
};
/* False: that row is no mark. */
MUST_USE bool fold_mark_read(struct store_txn *txn, uint64_t number,
                             struct fold_mark *mark);
/* The chain's newest row and the marks of its newest rows, newest first; how many they are.
 * Read once a chain that is not remembered. Nothing may be pending. */
size_t fold_chain_marks(struct fold *fold, struct store_txn *txn, uint8_t reg,
                        uint64_t realm, const struct entry_id *subject, uint64_t *row,
                        uint8_t marks[RECENT_ROWS]);

/* Walks the subjects of a register, in order of (realm, subject). `realm` 0: all realms; in
 * one realm the walk may begin behind a subject, whether that is there or not. The rest of the
 * struct is zero at first. Close `cursor` as a store cursor. */
struct fold_subjects {
    struct store_cursor cursor;
    uint8_t reg;
    uint64_t realm;
    struct entry_id after; /* zero: from the first on */
    bool started;
};
bool fold_subjects_next(struct store_txn *txn, struct fold_subjects *walk,
                        uint64_t *realm, struct entry_id *subject, uint64_t *newest_row);

#endif
