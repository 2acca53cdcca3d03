/* wants.h - what neighbours announced and this node does not hold: the want table.
 *
 * A row is durable before the announcement is acknowledged, so nothing is announced twice
 * and nothing is forgotten: a log whose author is not yet in the roster stays wanted, and
 * is asked for when the roster arrives. One row per log, with the last neighbours that
 * announced it. They are asked in turn, each until it falls silent, so that one that
 * announces what it does not have keeps nobody from the truth. */
#ifndef LINLI_NET_WANTS_H
#define LINLI_NET_WANTS_H

#include "crdt/id.h"
#include "crdt/store.h"

/* Logs wanted at most: a city of 2,200 nodes with four lanes and a few incarnations. What
 * exceeds it is not noted, and so is announced again later. */
#define WANTS_MAX 65536
/* And of one announcer, so that one lying neighbour does not shut out the others. */
#define WANTS_PEER_MAX 16384
/* And of one announcer, of authors that the roster does not know: a few new nodes. */
#define WANTS_UNKNOWN_MAX 256
/* Announcers remembered of a log; a further one takes the place of another. */
#define WANT_SOURCES_MAX 4

struct want_source {
    uint32_t peer;
    uint64_t to; /* by its word */
};

struct want {
    struct log_name log;
    struct want_source sources[WANT_SOURCES_MAX];
    size_t source_count;
    size_t turn; /* index of the source to ask first */
    bool asked;  /* of `asked_of` on its present link, up to `asked_to` */
    uint32_t asked_of;
    uint64_t asked_to;
    uint64_t moved_at_ms; /* when it was asked, or last advanced */
};

/* How many rows name a neighbour as announcer. */
struct want_share {
    uint32_t peer;
    size_t rows;
};

struct wants {
    struct want *rows; /* sorted by log */
    size_t count, capacity;
    size_t unasked; /* rows that may be asked for now */
    struct want_share *shares;
    size_t share_count, share_capacity;
};

void wants_init(struct wants *wants);
void wants_deinit(struct wants *wants);
void wants_load(struct wants *wants, struct store_txn *txn);

/* Notes that `peer` has `log` up to `to`. False: the table is full, or this peer's share
 * of it, which is small for authors that are not known. Sets `*wrote` where a row was
 * written. */
MUST_USE bool wants_add(struct wants *wants, struct store_txn *txn, struct log_name log,
                        uint64_t to, uint32_t peer, bool author_known, bool *wrote);
struct want *wants_find(struct wants *wants, struct log_name log);

void wants_ask(struct wants *wants, struct want *want, uint32_t peer, uint64_t to,
               uint64_t now_ms);
/* The log is held up to `seq` now: announcements up to there are satisfied, and what was
 * asked for is there or has moved. */
void wants_advance(struct wants *wants, struct store_txn *txn, struct log_name log,
                   uint64_t seq, uint64_t now_ms);
/* Nobody is to be asked for the log, or not this peer. Returns whether a row changed. */
/* Nothing after `to` is wanted of the log any more, of which `seq` is held. Returns whether
 * a row changed. */
bool wants_limit(struct wants *wants, struct store_txn *txn, struct log_name log,
                 uint64_t seq, uint64_t to);
bool wants_drop(struct wants *wants, struct store_txn *txn, struct log_name log);
bool wants_drop_source(struct wants *wants, struct store_txn *txn, struct log_name log,
                       uint32_t peer);

/* What was asked of `peer` is to be asked again: its link was cut. */
void wants_forget_asked(struct wants *wants, uint32_t peer);
/* What was asked of `peer` and has not moved since `before_ms` is somebody else's turn. */
void wants_take_turns(struct wants *wants, uint32_t peer, uint64_t before_ms);
bool wants_any_asked(const struct wants *wants, uint32_t peer);
/* When what was asked of `peer` first stood still; UINT64_MAX where nothing was asked. */
uint64_t wants_still_since_ms(const struct wants *wants, uint32_t peer);

#endif
