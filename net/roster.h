/* roster.h - who is a member, of which division, with which keys and realm keys.
 *
 * The roster is derived: it is what the authority's control log says, folded entry by
 * entry and never stored apart from it. Judgement reads only headers, the roster and
 * immutable facts, never folded values, so that it comes out the same in every order. */
#ifndef LINLI_NET_ROSTER_H
#define LINLI_NET_ROSTER_H

#include "crdt/division.h"
#include "crdt/heads.h"
#include "crdt/policy.h"
#include "net/crypto.h"

/* The county's founding statement. Its hash goes into every hash and signature, so
 * nothing from a training mesh is valid in the real one. Encoded as msgpack, strict:
 *   ["linli genesis", 1, county code, name, authority id 32, recovery id 32,
 *    created unix ms, nonce 16] */
#define GENESIS_SIZE_MAX 512
#define NAME_SIZE_MAX 64 /* bytes of a node's or county's name, UTF-8 */

/* One line of clean text (crdt/codec.h) of 1 to NAME_SIZE_MAX bytes, no space at its
 * ends. What is encoded below must have such a name, CHECKed. */
bool name_is_valid(struct slice name);

struct genesis {
    uint64_t county;
    char name[NAME_SIZE_MAX + 1];
    struct node_id authority;
    struct node_id recovery;
    uint64_t created_ms;
    uint8_t nonce[16];
};
void genesis_encode(const struct genesis *genesis, struct buffer *out);
/* ERR_VERSION where it is newer than this program; ERR_MALFORMED. */
MUST_USE enum status genesis_decode(struct slice in, struct genesis *genesis);
void genesis_hash(struct slice encoded, struct hash *hash);
void county_salt_of(const struct hash *genesis_hash, struct county_salt *salt);
/* The authority's control log: number 0, incarnation the genesis hash's first 8 bytes. */
uint64_t authority_incarnation(const struct hash *genesis_hash);
struct log_name authority_log(const struct hash *genesis_hash);

/* What a node asks to be admitted with; signed by its identity under HASH_REQUEST:
 *   ["linli request", 1, node id 32, curve key 32, box key 32, division code, name,
 *    signature 64] */
#define REQUEST_SIZE_MAX 512
struct request {
    struct node_id id;
    uint8_t curve_public[KEY_SIZE];
    uint8_t box_public[KEY_SIZE];
    uint64_t division;
    char name[NAME_SIZE_MAX + 1]; /* what neighbours call it: "shilian", "county" */
};
/* Division and name come from `request`, id and public keys from `keys`. */
void request_encode(const struct request *request, const struct node_keys *keys,
                    struct buffer *out);
/* ERR_BAD_SIGNATURE, ERR_VERSION, or ERR_MALFORMED (also for keys that are unusable). */
MUST_USE enum status request_decode(struct slice in, struct request *request);
/* Short, to be read out on the telephone in four groups: "SLN4-7Q2F-0XWA-K3B9". 80 bits, so
 * that nobody can make a key with the same one, which is a matter of tries at 40. */
#define FINGERPRINT_GROUP 4
#define FINGERPRINT_SIZE 20
void node_fingerprint(const struct node_id *id, char text[FINGERPRINT_SIZE]);

/* Roles follow from the division's level: a county's node is the hub, a township's serves
 * a township, a village's a village. */
enum role { ROLE_AUTHORITY, ROLE_HUB, ROLE_TOWNSHIP, ROLE_VILLAGE };
const char *role_name(enum role role);

struct member {
    uint32_t number;
    struct node_id id;
    uint8_t curve_public[KEY_SIZE];
    uint8_t box_public[KEY_SIZE];
    uint64_t division;
    enum role role;
    char name[NAME_SIZE_MAX + 1];
};

/* Where a log ends by decree (revocation, role change) or by proof (fork): entries above
 * `seq` are evidence, not state. `hash` names the accepted entry at `seq`. */
struct cut {
    struct log_name log;
    uint64_t seq;
    struct hash hash;
};

/* Entries of a history that does not stand, from `first` (the place where it parts) to `last`,
 * were written once more. */
struct again {
    struct cut first;
    uint64_t last;
};

/* Statements of the control log: payload = plaintext (no encryption, realm 0), which is
 * one codec byte (0: as it is) and then:
 *
 *   [stamp, actor, [0, number, id, curve, box, division, name]]          admit
 *   [stamp, actor, [1, realm, epoch, commitment, [[number, box], …]]]    realm key
 *   [stamp, actor, [2, number, [[tag, lane, seq, hash], …]]]             revoke
 *   [stamp, actor, [3, name, value, from day]]                           policy
 *   [stamp, actor, [4, [tag, lane, seq, hash]]]                          stands
 *   [stamp, actor, [5, [[tag, lane, seq, hash, last], …]]]               written again
 *
 * The last two are a member's, about logs of its own (net/standing.h). Each is the first entry of
 * the control log of an incarnation minted for it, and nothing that follows there means anything:
 * so a store that is put back never writes one of its control logs twice.
 *
 * Unknown kinds are kept and ignored: they come from a newer version. Numbers and epochs
 * are from 1 on; a realm is the county or one of its townships. The boxes of one key may
 * be spread over several statements, all with the key's one commitment. */
void statement_admit(struct buffer *out, uint64_t stamp_ms, const struct member *member);
struct sealed_key {
    uint32_t number;
    uint8_t box[SEALED_BOX_OVERHEAD + KEY_SIZE];
};
void statement_realm_key(struct buffer *out, uint64_t stamp_ms, uint64_t realm,
                         uint16_t epoch, const struct hash *commitment,
                         const struct sealed_key *boxes, size_t count);
void statement_revoke(struct buffer *out, uint64_t stamp_ms, uint32_t number,
                      const struct cut *cuts, size_t count);
void statement_policy(struct buffer *out, uint64_t stamp_ms, struct slice name,
                      struct slice value, int64_t from_day);

void statement_stands(struct buffer *out, uint64_t stamp_ms, const struct cut *stands);
void statement_again(struct buffer *out, uint64_t stamp_ms, const struct again *again,
                     size_t count);

struct roster;

/* `keys` (this node's; borrowed, may be NULL for a reader without secrets, such as the
 * authority's tool) opens realm keys sealed to it. */
struct roster *roster_create(const struct genesis *genesis,
                             const struct hash *genesis_hash,
                             const struct node_keys *keys);
void roster_destroy(struct roster *roster);
void roster_reset(struct roster *roster); /* to nobody but the authority */

/* Folds one plaintext of the authority's control log, in order of seq. OK; ERR_VERSION
 * for an unknown kind (ignored); ERR_MALFORMED, ERR_EXISTS (number, id, name or curve key
 * taken: the first statement stands, but the name of a revoked member is free) or ERR_BAD_SIGNATURE (a key that does not fit its
 * commitment); refused statements change nothing, except that the commitment stands even
 * where the box in it for us is bad, because the others accept it. Pure in the sequence
 * of plaintexts. `changed` tells what the engine must redo: who is wanted, what can be
 * opened. */
struct roster_change {
    bool members;
    bool keys;
    uint32_t cut_node; /* a member whose logs have ends now; 0: none */
    bool stated;       /* which entry stands at a place where a log parts */
    struct cut stands; /* that place */
    bool again;        /* what was set aside of the member's logs was written again */
};
enum status roster_fold(struct roster *roster, struct slice plaintext,
                        struct roster_change *changed);

/* Folds one plaintext of a member's control log; the order does not matter. OK; ERR_VERSION;
 * ERR_MALFORMED; ERR_PERMISSION where a member has no say in it. */
enum status roster_fold_own(struct roster *roster, struct log_name log, uint64_t seq,
                            struct slice plaintext, struct roster_change *changed);

const struct genesis *roster_genesis(const struct roster *roster);
const struct county_salt *roster_salt(const struct roster *roster);
size_t roster_count(const struct roster *roster); /* members, with the authority */
const struct member *roster_at(const struct roster *roster, size_t index); /* by number */
/* Each NULL where there is none. The authority is member 0, named "authority", without
 * CURVE and box keys. Pointers die with the next roster_fold or roster_reset. By CURVE
 * key also NULL for a revoked member: whoever asks is about to speak with it. */
const struct member *roster_member(const struct roster *roster, uint32_t number);
const struct member *roster_by_id(const struct roster *roster, const struct node_id *id);
const struct member *roster_by_curve(const struct roster *roster,
                                     const uint8_t key[KEY_SIZE]);
/* By name, by fingerprint, or by the start of the id in hex (at least 4 digits); NULL
 * also where more than one fits. */
const struct member *roster_by_name(const struct roster *roster, struct slice name);
/* Whether `typed` is its fingerprint (any case, hyphen or not) or the start of its id. */
bool member_answers_to(const struct member *member, struct slice typed);
bool roster_revoked(const struct roster *roster, uint32_t number);

/* The key for (realm, epoch), or the newest epoch's; NULL where none is held. */
const struct realm_key *roster_key(const struct roster *roster, uint64_t realm,
                                   uint16_t epoch);
const struct realm_key *roster_newest_key(const struct roster *roster, uint64_t realm);
/* The newest epoch's, or that of `back` held epochs before it; NULL where none is. */
const struct realm_key *roster_earlier_key(const struct roster *roster, uint64_t realm,
                                           size_t back);
/* Keys that are held, ascending by realm, then epoch; NULL past the end. */
const struct realm_key *roster_key_at(const struct roster *roster, size_t index);

/* The keys that were stated, held here or not; ascending as above, NULL past the end. */
struct realm_commitment {
    uint64_t realm;
    uint16_t epoch;
    struct hash commitment;
};
const struct realm_commitment *roster_commitment_at(const struct roster *roster,
                                                    size_t index);
/* What was stated of policy so far. */
const struct policies *roster_policies(const struct roster *roster);

/* Whether a member of this kind is to hold the keys of the realm: everybody the county's
 * and its own township's, a hub all; the authority derives them and needs none. */
bool member_holds(const struct member *member, uint64_t realm, uint64_t county);

/* The log's end by cut, or NULL: none. A revoked node's unlisted logs are cut at 0. */
const struct cut *roster_cut(const struct roster *roster, struct log_name log,
                             struct cut *scratch);

/* The first place at or behind `seq` of which the author said which entry stands there; NULL:
 * none. Of a revoked member the authority's ends of its logs alone say it. */
const struct cut *roster_standing(const struct roster *roster, struct log_name log,
                                  uint64_t seq);

/* Up to which entry the history that has this one where it parts was written again; 0: none. */
uint64_t roster_again(const struct roster *roster, const struct cut *first);

/* Whether this member may write into that lane and realm: control the authority and hubs, and
 * everybody, in no realm, what concerns its own logs; records into the county's realm or the
 * author's own township's; a hub everywhere.
 * Read off header and roster alone, so relays judge alike. */
bool roster_may_write(const struct member *author, uint8_t lane, uint64_t realm,
                      uint64_t county);

/* Where a node keeps what concerns itself: its township's realm, a hub the county's. */
uint64_t member_home_realm(const struct member *member);

/* Whether `member` carries (stores and relays) a log of `author`: everybody the control,
 * urgent and ledger lanes; hubs and townships all records of the county; villages the
 * records of their township and of the hubs, which may write in every township. */
bool roster_carries(const struct member *member, const struct member *author,
                    uint8_t lane);

#endif
