/* operator.h - the account behind the number that an entry names. */
#ifndef LINLI_CRDT_OPERATOR_H
#define LINLI_CRDT_OPERATOR_H

#include "crdt/fold.h"

/* Numbers belong to an incarnation of a node: an operator record in its log says whose each
 * is. It lies in the township, or in the county where the node does. Of a record in `realm`;
 * empty where none is known. */
struct slice operator_account(struct store_txn *txn, uint64_t realm, struct log_name log,
                              uint32_t number, struct arena *arena);

#endif
