/* accept.h - what is accepted: the judgement over a run, before anything is changed.
 *
 * An entry is accepted when it lies on a single branch of its log, at or below the log's
 * cut. Judgement reads only the header, the roster and how far the log is held, so it
 * comes out the same in every order. Not acceptable has one treatment each: a bad chain
 * or signature is not an entry and the peer's fault; an unknown author is wanted, without
 * penalty; another branch or what lies beyond a cut is evidence; anything else wrong
 * (realm, permission, encryption, msgpack) is stored, relayed and counted, folds to
 * nothing and is attributed to its author, so that one bad entry never blocks a log. */
#ifndef LINLI_NET_ACCEPT_H
#define LINLI_NET_ACCEPT_H

#include "net/roster.h"

/* A run laid out for judging and folding. */
struct verified_run {
    const struct member *author;
    struct log_id id;
    struct hash prev;      /* in full */
    struct hash last;      /* hash of the last entry */
    struct entry *entries; /* run->count of them, in the arena */
};

/* A run that passes its log's cut, without what lies beyond it; any other as it is. */
void accept_within_cut(const struct roster *roster, struct run *run);

/* A run that begins within what is held of its log, without that; any other as it is. Runs are
 * joined on the way, so a neighbour's answer may hold what another neighbour sent meanwhile.
 * Returns whether something was left out: that it is the same as what is held is known once
 * the rest is accepted. */
MUST_USE bool accept_past_head(const struct head *head, struct run *run);

/* Judges `run` against the roster and the log's `head` (NULL: nothing is held). OK: it
 * continues the log, its chain and signature verify, and it lies within the log's cut;
 * `out` is filled. Otherwise: ERR_UNKNOWN_AUTHOR, ERR_MALFORMED, ERR_DUPLICATE (held
 * already), ERR_GAP (earlier entries or payloads are missing), ERR_DIVERGED (another
 * branch), ERR_BEYOND_CUT, ERR_BAD_SIGNATURE. Another branch is proven by its author's
 * signature where the run begins the log. Further on it is the sender's word: the signature
 * is over a hash of which the wire carries the first bytes, and what it follows is not held.
 * A run that ends at a cut, with the cut's hash, is vouched for by the authority and needs no
 * signature; one without any, of a log that has no cut here, is ahead of the statement that
 * it needs: ERR_GAP, and nobody's fault. */
MUST_USE enum status accept_run(const struct roster *roster, const struct head *head,
                                const struct run *run, struct arena *arena,
                                struct verified_run *out);

/* Whether entries of this author, lane and realm may change state: OK or ERR_PERMISSION
 * or ERR_BEYOND_CUT. Applied when folding, so that a later cut is honoured by folding
 * again. */
MUST_USE enum status accept_entry(const struct roster *roster,
                                  const struct member *author, struct log_name log,
                                  uint64_t seq, uint64_t realm);

/* Opens the payload without judging it: OK, ERR_NO_KEY or ERR_UNDECRYPTABLE. */
MUST_USE enum status accept_unseal(const struct roster *roster, struct log_name log,
                                   const struct entry *entry, struct arena *arena,
                                   struct slice *plaintext);

/* Judges an entry as accept_entry does and opens its payload into the arena: OK, ERR_NO_KEY,
 * ERR_UNDECRYPTABLE, or accept_entry's. `plaintext` is empty unless OK, and where the payload
 * is erased; the control lane's payloads are plaintext. */
MUST_USE enum status accept_open(const struct roster *roster, const struct member *author,
                                 struct log_name log, const struct entry *entry,
                                 struct arena *arena, struct slice *plaintext);

/* Whether its author signed the run, or it ends at a cut with the cut's hash. */
MUST_USE bool accept_is_authentic(const struct roster *roster, const struct run *run,
                                  const struct verified_run *laid_out);
/* Whether the run's signature is its author's, over the chain as laid out. */
MUST_USE bool accept_is_signed(const struct roster *roster, const struct run *run,
                               const struct verified_run *laid_out);

/* Lays out the entries of a run whose author is known; no judgement. */
void accept_lay_out(const struct roster *roster, const struct member *author,
                    uint64_t incarnation, const struct hash *prev, const struct run *run,
                    struct arena *arena, struct verified_run *out);

#endif
