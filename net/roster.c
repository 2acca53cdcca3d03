#include "net/roster.h"

#include <stdlib.h>
#include <string.h>

#include "net/keyring.h"
#include "net/standing.h"
#include "net/statement.h"

enum {
    SEATS_MIN = 64,
};

#define NOWHERE UINT32_MAX

struct seat {
    struct member member;
    bool revoked;
};

enum index_kind { BY_ID, BY_CURVE, BY_NAME, INDEXES };

struct roster {
    struct genesis genesis;
    struct hash genesis_hash;
    struct county_salt salt;
    const struct node_keys *keys; /* NULL: opens nothing */
    uint32_t own;                 /* this node's number; 0 until it is admitted */
    struct seat *seats;           /* ascending by number; the authority first */
    size_t count, capacity;
    uint32_t *slots[INDEXES]; /* hash tables over seats, twice the capacity */
    struct keyring keyring;
    struct cut *cuts; /* ascending by log */
    size_t cut_count, cut_capacity;
    struct policies policies;
    struct standing standing;
};

/* ---- finding members by their names and keys ---- */

static struct slice index_key(const struct member *member, enum index_kind kind)
{
    switch (kind) {
    case BY_ID: return slice_of(member->id.bytes, NODE_ID_SIZE);
    case BY_CURVE: return slice_of(member->curve_public, KEY_SIZE);
    case BY_NAME: return slice_text(member->name);
    case INDEXES: break;
    }
    CHECK(kind < INDEXES);
    return slice_of(NULL, 0);
}

/* FNV-1a, 64 bits, http://www.isthe.com/chongo/tech/comp/fnv/; the high half folded in,
 * because only the low bits choose a slot. */
static size_t index_hash(struct slice key)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < key.size; i++)
        hash = (hash ^ key.data[i]) * UINT64_C(0x100000001b3);
    return (size_t)(hash ^ hash >> 32);
}

/* The slot that holds the key, or the empty one where it belongs. */
static size_t index_slot(const struct roster *roster, enum index_kind kind,
                         struct slice key)
{
    const uint32_t *slots = roster->slots[kind];
    size_t mask = 2 * roster->capacity - 1;
    size_t slot = index_hash(key) & mask;
    while (slots[slot] != NOWHERE &&
           !slice_equal(index_key(&roster->seats[slots[slot]].member, kind), key))
        slot = (slot + 1) & mask;
    return slot;
}

static const struct seat *index_find(const struct roster *roster, enum index_kind kind,
                                     struct slice key)
{
    uint32_t seat = roster->slots[kind][index_slot(roster, kind, key)];
    return seat == NOWHERE ? NULL : &roster->seats[seat];
}

/* The name of a revoked member may be given to a new one, who is then found by it. The
 * authority connects to nobody and has no CURVE key: were its zeros listed, a peer
 * with a key of zeros would be taken for it. */
static void index_add(struct roster *roster, uint32_t seat)
{
    const struct member *member = &roster->seats[seat].member;
    for (enum index_kind kind = 0; kind < INDEXES; kind++) {
        if (kind == BY_CURVE && member->role == ROLE_AUTHORITY)
            continue;
        uint32_t *slot =
            &roster->slots[kind][index_slot(roster, kind, index_key(member, kind))];
        if (*slot == NOWHERE || !roster->seats[seat].revoked)
            *slot = seat;
    }
}

static void index_rebuild(struct roster *roster)
{
    for (enum index_kind kind = 0; kind < INDEXES; kind++) {
        for (size_t i = 0; i < 2 * roster->capacity; i++)
            roster->slots[kind][i] = NOWHERE;
    }
    for (size_t i = 0; i < roster->count; i++)
        index_add(roster, (uint32_t)i);
}

/* ---- members ---- */

static void seats_resize(struct roster *roster, size_t capacity)
{
    CHECK(capacity < NOWHERE / 2);
    roster->seats = checked_realloc(roster->seats, capacity * sizeof *roster->seats);
    for (enum index_kind kind = 0; kind < INDEXES; kind++)
        roster->slots[kind] =
            checked_realloc(roster->slots[kind], 2 * capacity * sizeof(uint32_t));
    roster->capacity = capacity;
    index_rebuild(roster);
}

static int seat_compare(const void *key, const void *item)
{
    const uint32_t *number = key;
    const struct seat *seat = item;
    return (*number > seat->member.number) - (*number < seat->member.number);
}

static bool seat_place(const struct roster *roster, uint32_t number, size_t *rank)
{
    return sorted_find(&number, roster->seats, roster->count, sizeof *roster->seats,
                       seat_compare, rank);
}

/* Numbers are given without gaps, so that the seat is nearly always the number itself. */
static struct seat *seat_find(const struct roster *roster, uint32_t number)
{
    size_t rank = number;
    if ((rank >= roster->count || roster->seats[rank].member.number != number) &&
        !seat_place(roster, number, &rank))
        return NULL;
    return &roster->seats[rank];
}

static void seat_add(struct roster *roster, const struct member *member)
{
    if (roster->count == roster->capacity)
        seats_resize(roster, 2 * roster->capacity);
    CHECK(roster->seats != NULL);
    size_t rank;
    CHECK(!seat_place(roster, member->number, &rank));
    memmove(roster->seats + rank + 1, roster->seats + rank,
            (roster->count - rank) * sizeof *roster->seats);
    roster->seats[rank] = (struct seat){.member = *member};
    roster->count++;
    if (rank + 1 == roster->count)
        index_add(roster, (uint32_t)rank);
    else
        index_rebuild(roster);
}

static void seat_authority(struct roster *roster)
{
    seat_add(roster, &(struct member){.number = 0,
                                      .id = roster->genesis.authority,
                                      .division = roster->genesis.county,
                                      .role = ROLE_AUTHORITY,
                                      .name = "authority"});
}

/* ---- life ---- */

struct roster *roster_create(const struct genesis *genesis,
                             const struct hash *genesis_hash,
                             const struct node_keys *keys)
{
    struct roster *roster = checked_malloc(sizeof *roster);
    *roster =
        (struct roster){.genesis = *genesis, .genesis_hash = *genesis_hash, .keys = keys};
    county_salt_of(genesis_hash, &roster->salt);
    seats_resize(roster, SEATS_MIN);
    seat_authority(roster);
    return roster;
}

void roster_destroy(struct roster *roster)
{
    if (roster == NULL)
        return;
    keyring_deinit(&roster->keyring);
    free(roster->seats);
    for (enum index_kind kind = 0; kind < INDEXES; kind++)
        free(roster->slots[kind]);
    free(roster->cuts);
    policies_deinit(&roster->policies);
    standing_deinit(&roster->standing);
    free(roster);
}

void roster_reset(struct roster *roster)
{
    keyring_clear(&roster->keyring);
    roster->own = 0;
    roster->count = 0;
    roster->cut_count = 0;
    policies_clear(&roster->policies);
    standing_clear(&roster->standing);
    index_rebuild(roster);
    seat_authority(roster);
}

/* ---- folding ---- */

static enum status fold_admit(struct roster *roster, const struct member *member,
                              struct roster_change *changed)
{
    if (!division_within(member->division, roster->genesis.county))
        return ERR_MALFORMED;
    if (seat_find(roster, member->number) != NULL)
        return ERR_EXISTS;
    for (enum index_kind kind = 0; kind < INDEXES; kind++) {
        const struct seat *holder = index_find(roster, kind, index_key(member, kind));
        if (holder != NULL && !(kind == BY_NAME && holder->revoked))
            return ERR_EXISTS;
    }
    seat_add(roster, member);
    if (roster->keys != NULL &&
        memcmp(&roster->keys->id, &member->id, sizeof member->id) == 0)
        roster->own = member->number;
    changed->members = true;
    return OK;
}

static enum status open_box(struct roster *roster, const struct statement *statement,
                            const struct sealed_key *box)
{
    uint8_t secret[KEY_SIZE];
    struct realm_key key;
    struct hash commitment;
    if (!crypto_box_unseal(roster->keys, slice_of(box->box, sizeof box->box), secret))
        return ERR_BAD_SIGNATURE;
    crypto_realm_key(statement->realm, statement->epoch, secret, &key);
    crypto_commitment(&roster->salt, &key, &commitment);
    bool fits = hash_equal(&commitment, &statement->commitment);
    if (fits)
        keyring_add(&roster->keyring, &key);
    crypto_wipe(secret, sizeof secret);
    crypto_wipe(&key, sizeof key);
    return fits ? OK : ERR_BAD_SIGNATURE;
}

/* The commitment is taken first and stays, whatever lies in our box: every reader must
 * hold the same key to be the first one stated. */
static enum status fold_realm_key(struct roster *roster, struct statement *statement,
                                  struct roster_change *changed)
{
    uint64_t realm = statement->realm;
    if (division_level(realm) == DIVISION_VILLAGE ||
        !division_within(realm, roster->genesis.county))
        return ERR_MALFORMED;
    enum status status =
        keyring_commit(&roster->keyring, realm, statement->epoch, &statement->commitment);
    if (status != OK || roster->own == 0 ||
        keyring_find(&roster->keyring, realm, statement->epoch) != NULL)
        return status;
    struct sealed_key box;
    while (statement_next_box(statement, &box)) {
        if (box.number != roster->own)
            continue;
        status = open_box(roster, statement, &box);
        changed->keys = status == OK;
        return status;
    }
    return OK;
}

static int cut_compare(const void *key, const void *item)
{
    const struct log_name *log = key;
    const struct cut *cut = item;
    return log_name_compare(*log, cut->log);
}

static bool cut_place(const struct roster *roster, struct log_name log, size_t *rank)
{
    return sorted_find(&log, roster->cuts, roster->cut_count, sizeof *roster->cuts,
                       cut_compare, rank);
}

static void cut_add(struct roster *roster, const struct cut *cut)
{
    size_t rank;
    if (cut_place(roster, cut->log, &rank))
        return; /* the first of two for one log stands */
    roster->cuts = array_grow(roster->cuts, &roster->cut_capacity, roster->cut_count + 1,
                              sizeof *roster->cuts);
    memmove(roster->cuts + rank + 1, roster->cuts + rank,
            (roster->cut_count - rank) * sizeof *roster->cuts);
    roster->cuts[rank] = *cut;
    roster->cut_count++;
}

static enum status fold_revoke(struct roster *roster, struct statement *statement,
                               struct roster_change *changed)
{
    struct seat *seat = seat_find(roster, statement->number);
    if (seat == NULL)
        return ERR_MALFORMED;
    if (seat->revoked)
        return ERR_EXISTS;
    struct cut cut;
    while (statement_next_cut(statement, &cut))
        cut_add(roster, &cut);
    seat->revoked = true;
    changed->members = true;
    changed->cut_node = statement->number;
    return OK;
}

enum status roster_fold(struct roster *roster, struct slice plaintext,
                        struct roster_change *changed)
{
    *changed = (struct roster_change){0};
    struct statement statement;
    enum status status = statement_decode(plaintext, &statement);
    if (status != OK)
        return status;
    switch (statement.kind) {
    case STATEMENT_ADMIT: return fold_admit(roster, &statement.member, changed);
    case STATEMENT_REALM_KEY: return fold_realm_key(roster, &statement, changed);
    case STATEMENT_REVOKE: return fold_revoke(roster, &statement, changed);
    case STATEMENT_POLICY:
        policies_add(&roster->policies, statement.name, statement.value,
                     statement.from_day, statement.stamp_ms);
        return OK;
    case STATEMENT_STANDS:
    case STATEMENT_AGAIN: return ERR_PERMISSION; /* of its own logs a member says it */
    }
    return ERR_VERSION;
}

enum status roster_fold_own(struct roster *roster, struct log_name log, uint64_t seq,
                            struct slice plaintext, struct roster_change *changed)
{
    *changed = (struct roster_change){0};
    struct statement statement;
    enum status status = statement_decode(plaintext, &statement);
    if (status != OK)
        return status;
    if ((statement.kind != STATEMENT_STANDS && statement.kind != STATEMENT_AGAIN) ||
        seq != 1)
        return ERR_PERMISSION;
    CHECK(log.lane == LANE_CONTROL && log.node != 0);
    if (statement.kind == STATEMENT_AGAIN) {
        struct again again;
        while (statement_next_again(&statement, &again)) {
            again.first.log.node = log.node;
            standing_add_again(&roster->standing, &again);
        }
        changed->again = true;
        return OK;
    }
    statement.stands.log.node = log.node;
    changed->stated = standing_add(&roster->standing, &statement.stands);
    changed->stands = statement.stands;
    return OK;
}

/* ---- asking ---- */

const struct genesis *roster_genesis(const struct roster *roster)
{
    return &roster->genesis;
}

const struct county_salt *roster_salt(const struct roster *roster)
{
    return &roster->salt;
}

size_t roster_count(const struct roster *roster)
{
    return roster->count;
}

const struct member *roster_at(const struct roster *roster, size_t index)
{
    CHECK(index < roster->count);
    return &roster->seats[index].member;
}

const struct member *roster_member(const struct roster *roster, uint32_t number)
{
    const struct seat *seat = seat_find(roster, number);
    return seat != NULL ? &seat->member : NULL;
}

const struct member *roster_by_id(const struct roster *roster, const struct node_id *id)
{
    const struct seat *seat =
        index_find(roster, BY_ID, slice_of(id->bytes, NODE_ID_SIZE));
    return seat != NULL ? &seat->member : NULL;
}

const struct member *roster_by_curve(const struct roster *roster,
                                     const uint8_t key[KEY_SIZE])
{
    const struct seat *seat = index_find(roster, BY_CURVE, slice_of(key, KEY_SIZE));
    return seat != NULL && !seat->revoked ? &seat->member : NULL;
}

const struct member *roster_by_name(const struct roster *roster, struct slice name)
{
    const struct seat *named = index_find(roster, BY_NAME, name);
    if (named != NULL)
        return &named->member;
    const struct member *found = NULL;
    for (size_t i = 0; i < roster->count; i++) {
        const struct member *member = &roster->seats[i].member;
        if (!member_answers_to(member, name))
            continue;
        if (found != NULL)
            return NULL;
        found = member;
    }
    return found;
}

bool roster_revoked(const struct roster *roster, uint32_t number)
{
    const struct seat *seat = seat_find(roster, number);
    return seat != NULL && seat->revoked;
}

const struct cut *roster_cut(const struct roster *roster, struct log_name log,
                             struct cut *scratch)
{
    if (!roster_revoked(roster, log.node))
        return NULL;
    size_t rank;
    if (cut_place(roster, log, &rank))
        return &roster->cuts[rank];
    *scratch = (struct cut){.log = log};
    return scratch;
}

const struct cut *roster_standing(const struct roster *roster, struct log_name log,
                                  uint64_t seq)
{
    return roster_revoked(roster, log.node) ? NULL
                                            : standing_from(&roster->standing, log, seq);
}

uint64_t roster_again(const struct roster *roster, const struct cut *first)
{
    return standing_again(&roster->standing, first);
}

const struct realm_key *roster_key(const struct roster *roster, uint64_t realm,
                                   uint16_t epoch)
{
    return keyring_find(&roster->keyring, realm, epoch);
}

const struct realm_key *roster_newest_key(const struct roster *roster, uint64_t realm)
{
    return keyring_newest(&roster->keyring, realm, 0);
}

const struct realm_key *roster_earlier_key(const struct roster *roster, uint64_t realm,
                                           size_t back)
{
    return keyring_newest(&roster->keyring, realm, back);
}

const struct realm_key *roster_key_at(const struct roster *roster, size_t index)
{
    const struct keyring *keyring = &roster->keyring;
    return index < keyring->held_count ? &keyring->held[index] : NULL;
}

const struct realm_commitment *roster_commitment_at(const struct roster *roster,
                                                    size_t index)
{
    const struct keyring *keyring = &roster->keyring;
    return index < keyring->stated_count ? &keyring->stated[index] : NULL;
}

const struct policies *roster_policies(const struct roster *roster)
{
    return &roster->policies;
}
