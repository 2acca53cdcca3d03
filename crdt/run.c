#include "crdt/run.h"

#include <string.h>

enum {
    PREV_WIRE_SIZE = 8,
    OFFSET_INCARNATION = 32,
    OFFSET_LANE = 40,
    OFFSET_SEQ = 41,
    OFFSET_PREV = 49,
    OFFSET_REALM = 81,
    OFFSET_EPOCH = 89,
    OFFSET_LENGTH = 91,
    OFFSET_PAYLOAD_HASH = 95,
};

/* A realm is a division's code, of at most 12 digits, or 0 for plaintext. */
#define REALM_MAX UINT64_C(999999999999)

_Static_assert(OFFSET_LENGTH == HEADER_ASSOCIATED_SIZE, "the first seven fields");
_Static_assert(OFFSET_PAYLOAD_HASH + HASH_SIZE == HEADER_SIZE, "the header is full");

static size_t prev_size(enum run_form form)
{
    return form == RUN_WIRE ? PREV_WIRE_SIZE : HASH_SIZE;
}

uint64_t run_last_seq(const struct run *run)
{
    CHECK(run->count > 0);
    return run->first_seq + run->count - 1;
}

/* ---- reading ---- */

static bool take_varint_max(struct slice *in, uint64_t max, uint64_t *out)
{
    struct slice rest = *in;
    if (!slice_take_varint(&rest, out) || *out > max)
        return false;
    *in = rest;
    return true;
}

static bool take_log_name(struct slice *in, struct log_name *log)
{
    uint64_t node;
    if (!take_varint_max(in, UINT32_MAX, &node) || !slice_take_u16(in, &log->tag) ||
        !slice_take_u8(in, &log->lane) || log->lane >= LANES)
        return false;
    log->node = (uint32_t)node;
    return true;
}

/* The log's beginning is spelled in one way only: its incarnation is stated and bears the
 * log's tag, and no hash comes before it. */
static bool take_place(struct slice *in, enum run_form form, struct run *run)
{
    static const struct hash none;
    if (!take_varint_max(in, SEQ_MAX, &run->first_seq) || run->first_seq == 0)
        return false;
    if (run->first_seq == 1 && (!slice_take_u64(in, &run->incarnation) ||
                                (uint16_t)run->incarnation != run->log.tag))
        return false;
    return slice_take(in, prev_size(form), run->prev.bytes) &&
           (run->first_seq > 1 || hash_equal(&run->prev, &none));
}

static bool take_secrecy_and_count(struct slice *in, struct run *run)
{
    uint64_t epoch;
    uint64_t count;
    if (!take_varint_max(in, REALM_MAX, &run->realm) ||
        !take_varint_max(in, UINT16_MAX, &epoch) ||
        !take_varint_max(in, RUN_SIZE_LIMIT, &count) || count == 0)
        return false;
    run->epoch = (uint16_t)epoch;
    run->count = (uint32_t)count;
    return run_last_seq(run) <= SEQ_MAX;
}

/* One encoded entry as it lies. A payload is never empty, so length 0 announces an erased
 * one, of which the length and the hash remain. */
struct encoded_entry {
    uint64_t length;
    struct slice payload; /* empty where erased */
    struct slice hash;    /* of an erased payload */
};

static bool take_entry(struct slice *in, struct encoded_entry *entry)
{
    *entry = (struct encoded_entry){0};
    if (!take_varint_max(in, PAYLOAD_SIZE_MAX, &entry->length))
        return false;
    if (entry->length > 0)
        return slice_borrow(in, entry->length, &entry->payload);
    return take_varint_max(in, PAYLOAD_SIZE_MAX, &entry->length) && entry->length > 0 &&
           slice_borrow(in, HASH_SIZE, &entry->hash);
}

static bool take_entries(struct slice *in, struct run *run)
{
    struct slice rest = *in;
    struct encoded_entry entry;
    for (uint32_t i = 0; i < run->count; i++) {
        if (!take_entry(&rest, &entry))
            return false;
    }
    return slice_borrow(in, in->size - rest.size, &run->entries);
}

enum status run_decode(struct slice in, enum run_form form, struct run *run)
{
    *run = (struct run){0};
    if (in.size > RUN_SIZE_LIMIT)
        return ERR_MALFORMED;
    if (!take_log_name(&in, &run->log) || !take_place(&in, form, run) ||
        !take_secrecy_and_count(&in, run) || !take_entries(&in, run) ||
        !slice_take(&in, SIGNATURE_SIZE, run->signature) || in.size != 0)
        return ERR_MALFORMED;
    /* What came by wire is stored with the whole `prev`, and must be readable then. */
    return run_stored_size(run) <= RUN_SIZE_LIMIT ? OK : ERR_MALFORMED;
}

/* ---- writing ---- */

void run_encode(const struct run *run, enum run_form form, struct buffer *out)
{
    CHECK(run->first_seq >= 1 && run->count >= 1 && run_last_seq(run) <= SEQ_MAX);
    CHECK(run->log.lane < LANES && run->realm <= REALM_MAX);
    buffer_put_varint(out, run->log.node);
    buffer_put_u16(out, run->log.tag);
    buffer_put_u8(out, run->log.lane);
    buffer_put_varint(out, run->first_seq);
    if (run->first_seq == 1)
        buffer_put_u64(out, run->incarnation);
    buffer_put(out, run->prev.bytes, prev_size(form));
    buffer_put_varint(out, run->realm);
    buffer_put_varint(out, run->epoch);
    buffer_put_varint(out, run->count);
    buffer_put(out, run->entries.data, run->entries.size);
    buffer_put(out, run->signature, SIGNATURE_SIZE);
}

size_t run_stored_size(const struct run *run)
{
    size_t log_size = varint_size(run->log.node) + 2 + 1;
    size_t place_size = varint_size(run->first_seq) + (run->first_seq == 1 ? 8 : 0);
    size_t secrecy_size = varint_size(run->realm) + varint_size(run->epoch);
    return log_size + place_size + HASH_SIZE + secrecy_size + varint_size(run->count) +
           run->entries.size + SIGNATURE_SIZE;
}

void entry_append(struct buffer *entries, struct slice payload)
{
    CHECK(payload.size >= 1 && payload.size <= PAYLOAD_SIZE_MAX);
    buffer_put_varint(entries, payload.size);
    buffer_put(entries, payload.data, payload.size);
}

/* ---- headers and their chain ---- */

static void put_le(uint8_t *out, size_t size, uint64_t value)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)(value >> 8 * i);
}

void entry_associated(const struct log_id *log, uint64_t seq, const struct hash *prev,
                      uint64_t realm, uint16_t epoch,
                      uint8_t associated[HEADER_ASSOCIATED_SIZE])
{
    memcpy(associated, log->node.bytes, NODE_ID_SIZE);
    put_le64(associated + OFFSET_INCARNATION, log->incarnation);
    associated[OFFSET_LANE] = log->lane;
    put_le64(associated + OFFSET_SEQ, seq);
    memcpy(associated + OFFSET_PREV, prev->bytes, HASH_SIZE);
    put_le64(associated + OFFSET_REALM, realm);
    put_le(associated + OFFSET_EPOCH, 2, epoch);
}

static void header_finish(const struct county_salt *salt, size_t length,
                          const uint8_t payload_hash[HASH_SIZE],
                          uint8_t header[HEADER_SIZE], struct hash *hash)
{
    put_le(header + OFFSET_LENGTH, 4, length);
    memcpy(header + OFFSET_PAYLOAD_HASH, payload_hash, HASH_SIZE);
    hash_bytes(hash, HASH_ENTRY, salt, slice_of(header, HEADER_SIZE));
}

void entry_header(const struct county_salt *salt, const struct log_id *log, uint64_t seq,
                  const struct hash *prev, uint64_t realm, uint16_t epoch,
                  struct slice payload, uint8_t header[HEADER_SIZE], struct hash *hash)
{
    CHECK(seq >= 1 && seq <= SEQ_MAX && realm <= REALM_MAX);
    CHECK(payload.size >= 1 && payload.size <= PAYLOAD_SIZE_MAX);
    struct hash payload_hash;
    hash_bytes(&payload_hash, HASH_PAYLOAD, salt, payload);
    entry_associated(log, seq, prev, realm, epoch, header);
    header_finish(salt, payload.size, payload_hash.bytes, header, hash);
}

void chain_begin(struct chain *chain, const struct county_salt *salt, struct log_id log,
                 const struct run *run, const struct hash *prev)
{
    *chain = (struct chain){
        .salt = *salt,
        .log = log,
        .seq = run->first_seq,
        .prev = *prev,
        .realm = run->realm,
        .epoch = run->epoch,
        .rest = run->entries,
    };
}

void run_drop_after(struct run *run, uint64_t seq)
{
    struct slice rest = run->entries;
    struct encoded_entry encoded;

    CHECK(seq >= run->first_seq && seq < run_last_seq(run));
    run->count = (uint32_t)(seq - run->first_seq + 1);
    for (uint32_t i = 0; i < run->count; i++)
        CHECK(take_entry(&rest, &encoded));
    run->entries.size -= rest.size;
    memset(run->signature, 0, SIGNATURE_SIZE);
}

void run_begin_at(struct run *run, uint64_t seq, const struct hash *prev)
{
    struct encoded_entry encoded;

    CHECK(seq > run->first_seq && seq <= run_last_seq(run));
    for (; run->first_seq < seq; run->first_seq++, run->count--)
        CHECK(take_entry(&run->entries, &encoded));
    run->incarnation = 0;
    run->prev = *prev;
}

bool run_is_unsigned(const struct run *run)
{
    static const uint8_t nothing[SIGNATURE_SIZE];

    return memcmp(run->signature, nothing, SIGNATURE_SIZE) == 0;
}

bool chain_next(struct chain *chain, struct entry *entry)
{
    if (chain->rest.size == 0)
        return false;
    struct encoded_entry encoded;
    CHECK(take_entry(&chain->rest, &encoded));
    struct hash payload_hash;
    entry->erased = encoded.payload.size == 0;
    if (entry->erased)
        memcpy(payload_hash.bytes, encoded.hash.data, HASH_SIZE);
    else
        hash_bytes(&payload_hash, HASH_PAYLOAD, &chain->salt, encoded.payload);
    entry->seq = chain->seq;
    entry->realm = chain->realm;
    entry->epoch = chain->epoch;
    entry->payload = encoded.payload;
    entry_associated(&chain->log, chain->seq, &chain->prev, chain->realm, chain->epoch,
                     entry->header);
    header_finish(&chain->salt, encoded.length, payload_hash.bytes, entry->header,
                  &entry->hash);
    chain->prev = entry->hash;
    chain->seq++;
    return true;
}

void run_signed_hash(const struct county_salt *salt, const struct hash *last,
                     struct hash *out)
{
    hash_bytes(out, HASH_RUN, salt, slice_of(last->bytes, HASH_SIZE));
}
