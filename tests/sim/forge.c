#include "tests/sim/forge.h"

#include "net/message.h"

static const struct head *record_head(const struct machine *author, struct machine *at)
{
    const struct heads *heads = engine_heads(node_engine(at->node));
    for (size_t i = 0; i < heads_count(heads); i++) {
        const struct head *head = heads_at(heads, i);
        if (head->log.node == author->number && head->log.lane == LANE_RECORD) {
            return head;
        }
    }
    return NULL;
}

void forge_begin(struct forge *forge, struct world *world, const struct machine *author,
                 struct machine *at, uint64_t realm)
{
    const struct head *head = record_head(author, at);
    CHECK(head != NULL);
    *forge = (struct forge){.county = &world->county, .author = author};
    forge->id = (struct log_id){author->keys.id, head->incarnation, LANE_RECORD};
    forge->run = (struct run){
        .log = head->log, .first_seq = head->seq + 1, .prev = head->hash, .realm = realm};
    forge->last = head->hash;
    const struct roster *roster = engine_roster(node_engine(at->node));
    const struct realm_key *key = roster_newest_key(roster, realm);
    CHECK(key != NULL);
    forge->run.epoch = key->epoch;
    buffer_init(&forge->entries, PAYLOAD_SIZE_MAX);
}

void forge_branch_off(struct forge *forge)
{
    forge->run.prev.bytes[0] ^= 1;
    forge->last = forge->run.prev;
}

static uint64_t next_seq(const struct forge *forge)
{
    return forge->run.first_seq + forge->run.count;
}

void forge_add(struct forge *forge, struct slice payload)
{
    uint8_t header[HEADER_SIZE];
    struct hash prev = forge->last;
    entry_header(&forge->county->salt, &forge->id, next_seq(forge), &prev,
                 forge->run.realm, forge->run.epoch, payload, header, &forge->last);
    entry_append(&forge->entries, payload);
    forge->run.count++;
}

void forge_add_sealed(struct forge *forge, struct machine *at, struct slice plaintext)
{
    const struct roster *roster = engine_roster(node_engine(at->node));
    const struct realm_key *key = roster_newest_key(roster, forge->run.realm);
    const uint8_t random[RANDOM_SIZE] = {1};
    uint8_t associated[HEADER_ASSOCIATED_SIZE], payload[4096];
    CHECK(key != NULL && plaintext.size + SEAL_OVERHEAD <= sizeof(payload));
    entry_associated(&forge->id, next_seq(forge), &forge->last, forge->run.realm,
                     forge->run.epoch, associated);
    crypto_seal(key, &forge->county->salt, associated, plaintext, random, payload);
    forge_add(forge, slice_of(payload, plaintext.size + SEAL_OVERHEAD));
}

void forge_end(struct forge *forge, const struct machine *signer, struct buffer *frame)
{
    struct hash signed_hash;
    run_signed_hash(&forge->county->salt, &forge->last, &signed_hash);
    crypto_sign_hash(&signer->keys, &signed_hash, forge->run.signature);
    forge->run.entries = buffer_slice(&forge->entries);
    buffer_init(frame, MESSAGE_SIZE_MAX);
    message_put_run(frame, 0, 0, &forge->run);
    buffer_deinit(&forge->entries);
}

void forge_deliver(struct world *world, struct machine *to, const struct machine *from,
                   const struct buffer *frame)
{
    machine_deliver(world, to, EVENT_FRAME, from->number, buffer_slice(frame), NULL);
}
