/* run.h - entries: how they are chained, and how consecutive ones travel and are stored.
 *
 * Every entry has a header of 127 bytes, fixed layout, little-endian, which nobody sends:
 * whoever has the run has all of it.
 *
 *   offset  0 node id 32        the author's Ed25519 public key
 *          32 incarnation 8     minted when the store was created or restored
 *          40 lane 1
 *          41 seq 8             1, 2, 3, ...
 *          49 prev 32           hash of the previous entry's header; zeros for seq 1
 *          81 realm 8           code of the division whose key encrypts; 0: plaintext
 *          89 key epoch 2
 *          91 payload length 4
 *          95 payload hash 32   HASH_PAYLOAD
 *
 * An entry's hash is HASH_ENTRY over its header. The header holds the payload's hash, not
 * the payload: a payload can be erased and the chain still verifies. The first seven
 * fields (91 bytes) are the payload's associated data.
 *
 * A run is consecutive entries of one log, realm and epoch under one signature, which
 * signs HASH_RUN over the hash of its last entry and through the chain covers all of
 * them:
 *
 *   log: node varint, tag 2, lane 1     first seq varint
 *   incarnation 8 if first seq is 1     prev: 8 bytes on the wire, 32 in the store
 *   realm varint, epoch varint          count varint
 *   per entry: payload length varint, payload
 *              or 0, payload length varint, payload hash 32 where the payload is erased
 *   signature 64
 *
 * The 8 bytes of `prev` tell a fork from a forgery: without them an honest relay of
 * another branch would be blamed. */
#ifndef LINLI_CRDT_RUN_H
#define LINLI_CRDT_RUN_H

#include "crdt/hash.h"
#include "crdt/id.h"

#define NODE_ID_SIZE 32
#define SIGNATURE_SIZE 64
#define HEADER_SIZE 127
#define HEADER_ASSOCIATED_SIZE 91

#define PAYLOAD_SIZE_MAX (64 * 1024)

/* A stored run of several entries stays within this, because one more byte would cost
 * LMDB a second overflow page of 4,096 (16 bytes go to the page's own header). */
#define RUN_SIZE_MAX 4080
/* What surrounds the entries of a stored run, at most. */
#define RUN_FRAME_SIZE_MAX (5 + 2 + 1 + 6 + 8 + 32 + 6 + 3 + 3 + SIGNATURE_SIZE)
/* The largest run: one entry of PAYLOAD_SIZE_MAX. */
#define RUN_SIZE_LIMIT (PAYLOAD_SIZE_MAX + RUN_FRAME_SIZE_MAX + 3)

struct node_id {
    uint8_t bytes[NODE_ID_SIZE];
};

/* A log, as hashes know it; its short name is in id.h. */
struct log_id {
    struct node_id node;
    uint64_t incarnation;
    uint8_t lane;
};

enum run_form { RUN_WIRE, RUN_STORED };

struct run {
    struct log_name log;
    uint64_t incarnation; /* 0 where the run does not state it (first_seq > 1) */
    uint64_t first_seq;
    struct hash prev; /* on the wire only the first 8 bytes are known, the rest is zero */
    uint64_t realm;
    uint16_t epoch;
    uint32_t count;
    struct slice entries; /* `count` encoded entries; borrowed */
    uint8_t signature[SIGNATURE_SIZE];
};

uint64_t run_last_seq(const struct run *run);

/* ERR_MALFORMED unless `in` is exactly one run in its one spelling: at most
 * RUN_SIZE_LIMIT bytes when stored, count >= 1, seqs from 1 to SEQ_MAX, payloads of 1 to
 * PAYLOAD_SIZE_MAX bytes, a known lane, a realm of at most 12 digits; from seq 1 on an
 * incarnation that bears the log's tag and zeros as `prev`. Slices borrow from `in`. */
MUST_USE enum status run_decode(struct slice in, enum run_form form, struct run *run);
void run_encode(const struct run *run, enum run_form form, struct buffer *out);
size_t run_stored_size(const struct run *run); /* of RUN_STORED, exactly */

/* Ends the run with entry `seq`, one of its own and not the last. What is left is unsigned:
 * the signature covered the last. */
void run_drop_after(struct run *run, uint64_t seq);
/* Begins the run with entry `seq`, one of its own and not the first, which follows `prev`. */
void run_begin_at(struct run *run, uint64_t seq, const struct hash *prev);
bool run_is_unsigned(const struct run *run); /* its signature is zeros */

/* One entry of a run, complete. */
struct entry {
    uint64_t seq;
    uint64_t realm;
    uint16_t epoch;
    bool erased;
    struct slice payload; /* empty where erased */
    uint8_t header[HEADER_SIZE];
    struct hash hash;
};

/* Rebuilds headers and hashes one entry after the other. */
struct chain {
    struct county_salt salt;
    struct log_id log;
    uint64_t seq;     /* of the entry that comes next */
    struct hash prev; /* of the entry before it */
    uint64_t realm;
    uint16_t epoch;
    struct slice rest; /* encoded entries not yet taken */
};

/* `prev` is the full hash of the entry before the run, zeros before seq 1. */
void chain_begin(struct chain *chain, const struct county_salt *salt, struct log_id log,
                 const struct run *run, const struct hash *prev);
/* False at the end; then chain->prev is the hash of the run's last entry. The run came
 * from run_decode, so its entries are well-formed. */
MUST_USE bool chain_next(struct chain *chain, struct entry *entry);

/* What a run's signature signs: HASH_RUN over the last entry's hash. */
void run_signed_hash(const struct county_salt *salt, const struct hash *last,
                     struct hash *out);

/* Writing: header and hash of the next entry for a payload that is at hand. */
void entry_header(const struct county_salt *salt, const struct log_id *log, uint64_t seq,
                  const struct hash *prev, uint64_t realm, uint16_t epoch,
                  struct slice payload, uint8_t header[HEADER_SIZE], struct hash *hash);
void entry_append(struct buffer *entries, struct slice payload);
/* The header's first seven fields, known before the payload is; sealing binds to them. */
void entry_associated(const struct log_id *log, uint64_t seq, const struct hash *prev,
                      uint64_t realm, uint16_t epoch,
                      uint8_t associated[HEADER_ASSOCIATED_SIZE]);

#endif
