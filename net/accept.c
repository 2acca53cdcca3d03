#include "net/accept.h"

#include <string.h>

#include "net/message.h"

void accept_lay_out(const struct roster *roster, const struct member *author,
                    uint64_t incarnation, const struct hash *prev, const struct run *run,
                    struct arena *arena, struct verified_run *out)
{
    struct chain chain;

    out->author = author;
    out->id = (struct log_id){author->id, incarnation, run->log.lane};
    out->prev = *prev;
    out->entries = arena_alloc(arena, run->count * sizeof *out->entries);
    chain_begin(&chain, roster_salt(roster), out->id, run, prev);
    for (uint32_t i = 0; i < run->count; i++)
        CHECK(chain_next(&chain, &out->entries[i]));
    out->last = chain.prev;
}

bool accept_is_signed(const struct roster *roster, const struct run *run,
                      const struct verified_run *laid_out)
{
    struct hash signed_hash;

    run_signed_hash(roster_salt(roster), &laid_out->last, &signed_hash);
    return crypto_verify(&laid_out->author->id, &signed_hash, run->signature);
}

/* Where the run stands relative to what is held of its log. */
static enum status run_place(const struct head *head, const struct run *run)
{
    uint64_t held = head != NULL ? head->seq : 0;

    if (run->first_seq == 1 && head != NULL && run->incarnation != head->incarnation)
        return ERR_DIVERGED; /* two incarnations under one tag */
    if (run_last_seq(run) <= held)
        return ERR_DUPLICATE;
    if (run->first_seq != held + 1)
        return ERR_GAP;
    if (head != NULL && memcmp(run->prev.bytes, head->hash.bytes, HASH_CHECK_SIZE) != 0)
        return ERR_DIVERGED;
    return OK;
}

/* "A missing payload without an erase or retention statement is a gap, not a head." No
 * statement of that kind exists yet. */
static bool run_withholds(const struct run *run, const struct verified_run *laid_out)
{
    for (uint32_t i = 0; i < run->count; i++) {
        if (laid_out->entries[i].erased)
            return true;
    }
    return false;
}

static bool run_passes_cut(const struct roster *roster, const struct run *run,
                           const struct verified_run *laid_out)
{
    struct cut scratch;
    const struct cut *cut = roster_cut(roster, run->log, &scratch);

    if (cut == NULL || run_last_seq(run) < cut->seq)
        return true;
    return run_last_seq(run) == cut->seq && hash_equal(&laid_out->last, &cut->hash);
}

/* Whether its entries are those that stand, where the author said which do. */
static bool run_stands(const struct roster *roster, const struct run *run,
                       const struct verified_run *laid_out)
{
    const struct cut *stands = roster_standing(roster, run->log, run->first_seq);

    for (; stands != NULL && stands->seq <= run_last_seq(run);
         stands = roster_standing(roster, run->log, stands->seq + 1)) {
        if (!hash_equal(&laid_out->entries[stands->seq - run->first_seq].hash,
                        &stands->hash))
            return false;
    }
    return true;
}

bool accept_is_authentic(const struct roster *roster, const struct run *run,
                         const struct verified_run *laid_out)
{
    struct cut scratch;
    const struct cut *cut = roster_cut(roster, run->log, &scratch);
    bool vouched = cut != NULL && run_last_seq(run) == cut->seq &&
                   hash_equal(&laid_out->last, &cut->hash);

    return vouched || accept_is_signed(roster, run, laid_out);
}

void accept_within_cut(const struct roster *roster, struct run *run)
{
    struct cut scratch;
    const struct cut *cut = roster_cut(roster, run->log, &scratch);

    if (cut != NULL && run->first_seq <= cut->seq && run_last_seq(run) > cut->seq)
        run_drop_after(run, cut->seq);
}

bool accept_past_head(const struct head *head, struct run *run)
{
    if (head == NULL || run->first_seq > head->seq || run_last_seq(run) <= head->seq ||
        (run->first_seq == 1 && run->incarnation != head->incarnation))
        return false;
    run_begin_at(run, head->seq + 1, &head->hash);
    return true;
}

enum status accept_run(const struct roster *roster, const struct head *head,
                       const struct run *run, struct arena *arena,
                       struct verified_run *out)
{
    static const struct hash nothing;
    const struct member *author = roster_member(roster, run->log.node);
    uint64_t incarnation = head != NULL ? head->incarnation : run->incarnation;
    enum status place;

    if (author == NULL)
        return ERR_UNKNOWN_AUTHOR;
    place = run_place(head, run);
    if (place == ERR_DIVERGED && run->first_seq == 1) {
        accept_lay_out(roster, author, run->incarnation, &nothing, run, arena, out);
        return accept_is_authentic(roster, run, out) ? ERR_DIVERGED : ERR_BAD_SIGNATURE;
    }
    if (place != OK)
        return place;
    if ((uint16_t)incarnation != run->log.tag)
        return ERR_MALFORMED;
    accept_lay_out(roster, author, incarnation, head != NULL ? &head->hash : &nothing,
                   run, arena, out);
    if (!accept_is_authentic(roster, run, out))
        return run_is_unsigned(run) && !roster_revoked(roster, run->log.node)
                   ? ERR_GAP
                   : ERR_BAD_SIGNATURE;
    if (run_withholds(run, out))
        return ERR_GAP;
    if (!run_stands(roster, run, out))
        return ERR_DIVERGED;
    return run_passes_cut(roster, run, out) ? OK : ERR_BEYOND_CUT;
}

enum status accept_entry(const struct roster *roster, const struct member *author,
                         struct log_name log, uint64_t seq, uint64_t realm)
{
    struct cut scratch;
    const struct cut *cut = roster_cut(roster, log, &scratch);

    if (cut != NULL && seq > cut->seq)
        return ERR_BEYOND_CUT;
    return roster_may_write(author, log.lane, realm, roster_genesis(roster)->county)
               ? OK
               : ERR_PERMISSION;
}

enum status accept_unseal(const struct roster *roster, struct log_name log,
                          const struct entry *entry, struct arena *arena,
                          struct slice *plaintext)
{
    const struct realm_key *key = roster_key(roster, entry->realm, entry->epoch);
    uint8_t *opened;

    *plaintext = (struct slice){0};
    if (entry->erased)
        return OK;
    if (log.lane == LANE_CONTROL) {
        *plaintext = entry->payload;
        return OK;
    }
    if (key == NULL)
        return ERR_NO_KEY;
    if (entry->payload.size < SEAL_OVERHEAD)
        return ERR_UNDECRYPTABLE;
    opened = arena_alloc(arena, entry->payload.size - SEAL_OVERHEAD + 1);
    if (!crypto_open(key, roster_salt(roster), entry->header, entry->payload, opened))
        return ERR_UNDECRYPTABLE;
    *plaintext = slice_of(opened, entry->payload.size - SEAL_OVERHEAD);
    return OK;
}

enum status accept_open(const struct roster *roster, const struct member *author,
                        struct log_name log, const struct entry *entry,
                        struct arena *arena, struct slice *plaintext)
{
    enum status status = accept_entry(roster, author, log, entry->seq, entry->realm);

    *plaintext = (struct slice){0};
    return status == OK ? accept_unseal(roster, log, entry, arena, plaintext) : status;
}
