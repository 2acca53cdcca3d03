/* wants.h - what neighbours announced and this node does not hold: the want table.
 *
 * A row is durable before the announcement is acknowledged, so nothing is announced twice
 * and nothing is forgotten: a log whose author is not yet in the roster stays wanted, and
 * is asked for when the roster arrives. One row per log, to the highest announced seq,
 * with the neighbour to ask, which is the last that announced it. */
#ifndef LINLI_NET_WANTS_H
#define LINLI_NET_WANTS_H

#include "crdt/id.h"
#include "crdt/store.h"

/* Logs wanted at most: a city of 2,200 nodes with four lanes and a few incarnations. What
 * exceeds it is not noted, and so is announced again later. */
#define WANTS_MAX 65536

/* And of one announcer, so that one lying neighbour does not shut out the others. */
#define WANTS_PEER_MAX 16384

struct want {
    struct log_name log;
    uint64_t to;
    uint32_t peer;
    bool asked; /* of `peer`, on its present link */
};

struct wants {
    struct want *rows; /* sorted by log */
    size_t count, capacity;
    size_t unasked; /* rows that may be asked for now */
};

void wants_init(struct wants *wants);
void wants_deinit(struct wants *wants);
void wants_load(struct wants *wants, struct store_txn *txn);

/* Notes that `peer` has `log` up to `to`. False: the table is full,
 * or this peer's share of it. Sets `*wrote` where a
 * row was written. */
MUST_USE bool wants_add(struct wants *wants, struct store_txn *txn, struct log_name log,
                        uint64_t to, uint32_t peer, bool *wrote);
struct want *wants_find(struct wants *wants, struct log_name log);
/* The log is held up to `seq` now. Returns whether a row went. */
bool wants_satisfy(struct wants *wants, struct store_txn *txn, struct log_name log,
                   uint64_t seq);
/* What was asked of `peer` has to be asked again: its link was cut, or it fell silent. */
void wants_forget_asked(struct wants *wants, uint32_t peer);
bool wants_any_asked(const struct wants *wants, uint32_t peer);

#endif
