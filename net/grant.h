/* grant.h - the file of a county's founding: what the authority keeps and hands out.
 *
 * A grant is the genesis and the authority's control log so far, as stored runs; one
 * grant serves every node admitted in it, because realm keys inside are sealed to each.
 * It trusts nothing but the genesis: the rest verifies under the authority's key.
 *
 *   "LINLIGR1", genesis length varint, genesis, then per run: length varint, stored run
 *
 * The authority's directory holds authority.key and recovery.key (seeds, 0600), and
 * county.grant, which is its whole memory. */
#ifndef LINLI_NET_GRANT_H
#define LINLI_NET_GRANT_H

#include "net/roster.h"

#define GRANT_SIZE_MAX (64 * 1024 * 1024) /* a city of 2,200 nodes needs about 2 MiB */

struct grant {
    struct slice genesis_encoded; /* borrowed from the file's bytes */
    struct genesis genesis;
    struct hash genesis_hash;
    struct slice runs; /* length-prefixed stored runs */
};

/* Form only, of the runs too; they are verified where they are folded. ERR_LIMIT past
 * GRANT_SIZE_MAX, ERR_VERSION for a newer genesis, ERR_MALFORMED. */
MUST_USE enum status grant_decode(struct slice file, struct grant *grant);
void grant_begin(struct buffer *out, struct slice genesis_encoded);
void grant_add_run(struct buffer *out, const struct run *run);
/* The next run of `rest` (starts as grant->runs); false at the end. */
MUST_USE bool grant_next_run(struct slice *rest, struct slice *stored_run);

/* Verifies chain and signatures of the whole control log and folds it into `roster`,
 * which is reset first. `head` is where it ends (seq 0 and zeros where it is empty;
 * arrival 0). On ERR_MALFORMED (a run of another log), ERR_GAP or ERR_BAD_SIGNATURE the
 * roster is reset. Entries the roster refuses or does not know stay in the chain and fold
 * to nothing. */
MUST_USE enum status grant_fold(const struct grant *grant, struct roster *roster,
                                struct head *head);

/* Authority: appends to the grant's control log what admits these requests: one admit
 * each, and the realm keys each must hold (county's; own township's; for hubs every
 * township's, for a township new to the county also to the hubs there are), as one signed
 * commit: runs of at most RUN_SIZE_MAX. A request already admitted is skipped, so that
 * with nothing new the file comes out as it was. `random` seeds the sealed boxes. `out`
 * receives the whole new grant file; on failure it is empty. Refused are: another
 * authority's seed (ERR_PERMISSION), a division outside the county (ERR_DIVISION), an id,
 * name or key that is taken by another or was revoked (ERR_EXISTS), realm keys that
 * another seed made (ERR_NO_KEY), and whatever makes grant_fold fail. */
MUST_USE enum status grant_admit(const struct grant *grant,
                                 const uint8_t authority_seed[SEED_SIZE],
                                 const struct request *requests, size_t count,
                                 uint64_t now_ms, const uint8_t random[RANDOM_SIZE],
                                 struct buffer *out);

/* Authority: appends what revokes a member: its logs end at `cuts`, those that are not among
 * them at their beginning; and a new epoch of every realm key that it holds, for everybody
 * else who is to hold it. ERR_NOT_FOUND: no such member, or the authority itself; ERR_EXISTS:
 * it is revoked already; ERR_LIMIT: more than GRANT_CUTS_MAX; else as grant_admit. */
#define GRANT_CUTS_MAX 64
MUST_USE enum status grant_revoke(const struct grant *grant,
                                  const uint8_t authority_seed[SEED_SIZE],
                                  uint32_t number, const struct cut *cuts, size_t count,
                                  uint64_t now_ms, const uint8_t random[RANDOM_SIZE],
                                  struct buffer *out);

/* Authority: appends a statement of policy, whose name and value may be stated
 * (crdt/policy.h). Fails as grant_admit. */
MUST_USE enum status grant_policy(const struct grant *grant,
                                  const uint8_t authority_seed[SEED_SIZE],
                                  struct slice name, struct slice value, int64_t from_day,
                                  uint64_t now_ms, struct buffer *out);

#endif
