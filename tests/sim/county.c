#include "tests/sim/county.h"

#include <stdio.h>
#include <string.h>

const struct place county_townships[COUNTY_TOWNSHIPS] = {
    {331123001, "miaogao"}, {331123002, "yunfeng"},    {331123102, "xinluwan"},
    {331123103, "beijie"},  {331123104, "jinzhu"},     {331123105, "dazhe"},
    {331123106, "shilian"}, {331123107, "wangcunkou"}, {331123108, "huangshayao"},
    {331123200, "sanren"},  {331123201, "lianzhu"},    {331123202, "yingcun"},
    {331123203, "gaoping"}, {331123204, "hushan"},     {331123205, "caiyuan"},
    {331123206, "jiaotan"}, {331123207, "longyang"},   {331123208, "zhedaikou"},
    {331123209, "xifan"},   {331123210, "ankou"},
};

#define VILLAGE_FIRST 200
#define VILLAGES 10

static void put_places(struct divisions *places)
{
    char name[DIVISION_NAME_MAX];
    divisions_init(places);
    CHECK(divisions_add(places, COUNTY_CODE, slice_text("遂昌县")) == OK);
    for (size_t i = 0; i < COUNTY_TOWNSHIPS; i++) {
        const struct place *township = &county_townships[i];
        CHECK(divisions_add(places, township->code, slice_text(township->name)) == OK);
        for (uint64_t v = 0; v < VILLAGES; v++) {
            uint64_t first = township->code * 1000 + VILLAGE_FIRST;
            snprintf(name, sizeof(name), "%s %u", township->name, (unsigned)v + 1);
            CHECK(divisions_add(places, first + v, slice_text(name)) == OK);
            if (v == 7 || v == 9) {
                CHECK(divisions_merge_last(places, first + (v == 7 ? 9 : 8)) == OK);
            }
        }
    }
    divisions_sort(places);
}

void county_init(struct county *county, struct chance *chance, uint64_t now_ms)
{
    uint8_t recovery_seed[SEED_SIZE];
    struct node_keys authority, recovery;
    chance_bytes(chance, county->authority_seed, SEED_SIZE);
    chance_bytes(chance, recovery_seed, SEED_SIZE);
    crypto_node_keys(county->authority_seed, &authority);
    crypto_node_keys(recovery_seed, &recovery);
    struct genesis *genesis = &county->genesis;
    *genesis = (struct genesis){.county = COUNTY_CODE, .created_ms = now_ms};
    snprintf(genesis->name, sizeof(genesis->name), "遂昌县");
    genesis->authority = authority.id;
    genesis->recovery = recovery.id;
    chance_bytes(chance, genesis->nonce, sizeof(genesis->nonce));
    put_places(&county->places);
    struct buffer encoded;
    buffer_init(&encoded, GENESIS_SIZE_MAX);
    genesis_encode(genesis, &encoded);
    CHECK(!encoded.overflow);
    genesis_hash(buffer_slice(&encoded), &county->genesis_hash);
    county_salt_of(&county->genesis_hash, &county->salt);
    buffer_init(&county->file, GRANT_SIZE_MAX);
    grant_begin(&county->file, buffer_slice(&encoded));
    buffer_deinit(&encoded);
}

void county_deinit(struct county *county)
{
    buffer_deinit(&county->file);
    divisions_deinit(&county->places);
}

void county_admit(struct county *county, const struct request *requests, size_t count,
                  uint64_t now_ms, struct chance *chance)
{
    struct grant grant;
    struct buffer out;
    uint8_t random[RANDOM_SIZE];
    chance_bytes(chance, random, sizeof(random));
    CHECK(grant_decode(buffer_slice(&county->file), &grant) == OK);
    buffer_init(&out, GRANT_SIZE_MAX);
    CHECK(grant_admit(&grant, county->authority_seed, requests, count, now_ms, random,
                      &out) == OK);
    CHECK(!out.overflow);
    buffer_deinit(&county->file);
    county->file = out;
}

void county_revoke(struct county *county, uint32_t number, const struct cut *cuts,
                   size_t count, uint64_t now_ms, struct chance *chance)
{
    struct grant grant;
    struct buffer out;
    uint8_t random[RANDOM_SIZE];
    chance_bytes(chance, random, sizeof(random));
    CHECK(grant_decode(buffer_slice(&county->file), &grant) == OK);
    buffer_init(&out, GRANT_SIZE_MAX);
    CHECK(grant_revoke(&grant, county->authority_seed, number, cuts, count, now_ms,
                       random, &out) == OK);
    buffer_deinit(&county->file);
    county->file = out;
}

void county_state_policy(struct county *county, const char *name, const char *value,
                         int64_t from_day, uint64_t now_ms)
{
    struct grant grant;
    struct buffer out;
    CHECK(grant_decode(buffer_slice(&county->file), &grant) == OK);
    buffer_init(&out, GRANT_SIZE_MAX);
    CHECK(grant_policy(&grant, county->authority_seed, slice_text(name),
                       slice_text(value), from_day, now_ms, &out) == OK);
    buffer_deinit(&county->file);
    county->file = out;
}

uint32_t county_number(const struct county *county, const struct node_id *id)
{
    struct grant grant;
    struct head head;
    CHECK(grant_decode(buffer_slice(&county->file), &grant) == OK);
    struct roster *roster = roster_create(&grant.genesis, &grant.genesis_hash, NULL);
    CHECK(grant_fold(&grant, roster, &head) == OK);
    const struct member *member = roster_by_id(roster, id);
    CHECK(member != NULL);
    uint32_t number = member->number;
    roster_destroy(roster);
    return number;
}
