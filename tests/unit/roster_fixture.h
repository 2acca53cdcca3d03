/* roster_fixture.h - a county, a member's roster of it, and statements folded into it. */
#ifndef LINLI_TESTS_UNIT_ROSTER_FIXTURE_H
#define LINLI_TESTS_UNIT_ROSTER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "net/roster.h"

#define COUNTY UINT64_C(330127)
#define TOWNSHIP UINT64_C(330127104)
#define OTHER_TOWNSHIP UINT64_C(330127105)
#define VILLAGE UINT64_C(330127104201)
#define OTHER_VILLAGE UINT64_C(330127105201)

struct fixture {
    struct genesis genesis;
    struct hash genesis_hash;
    struct node_keys keys; /* of member 1, a village, whose roster this is */
    struct roster *roster;
    struct roster_change changed;
    struct buffer out;
};

static inline void keys_of(uint32_t number, struct node_keys *keys)
{
    uint8_t seed[SEED_SIZE] = {7};
    put_be32(seed + 1, number);
    crypto_node_keys(seed, keys);
}

static inline struct member member_of(uint32_t number, uint64_t division)
{
    struct node_keys keys;
    struct member member = {.number = number, .division = division};
    keys_of(number, &keys);
    member.id = keys.id;
    memcpy(member.curve_public, keys.curve_public, KEY_SIZE);
    memcpy(member.box_public, keys.box_public, KEY_SIZE);
    snprintf(member.name, sizeof member.name, "node-%u", (unsigned)number);
    return member;
}

static inline int setup(void **state)
{
    struct fixture *fixture = checked_malloc(sizeof *fixture);
    *fixture = (struct fixture){.genesis = {.county = COUNTY, .name = "淳安县"}};
    struct node_keys authority;
    keys_of(1000000, &authority);
    fixture->genesis.authority = authority.id;
    buffer_init(&fixture->out, 1 << 16);
    genesis_encode(&fixture->genesis, &fixture->out);
    genesis_hash(buffer_slice(&fixture->out), &fixture->genesis_hash);
    keys_of(1, &fixture->keys);
    fixture->roster =
        roster_create(&fixture->genesis, &fixture->genesis_hash, &fixture->keys);
    *state = fixture;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *fixture = *state;
    roster_destroy(fixture->roster);
    buffer_deinit(&fixture->out);
    free(fixture);
    return 0;
}

static inline uint64_t random_next(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static inline uint64_t seed_given(void)
{
    const char *given = getenv("LINLI_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : 20260531;
    print_message("seed %llu\n", (unsigned long long)seed);
    return seed;
}

static inline enum status fold(struct fixture *fixture)
{
    return roster_fold(fixture->roster, buffer_slice(&fixture->out), &fixture->changed);
}

static inline enum status admit(struct fixture *fixture, const struct member *member)
{
    buffer_clear(&fixture->out);
    statement_admit(&fixture->out, 1000, member);
    return fold(fixture);
}

static inline void must_admit(struct fixture *fixture, uint32_t number, uint64_t division)
{
    struct member member = member_of(number, division);
    assert_int_equal(admit(fixture, &member), OK);
}

static inline struct realm_key key_of(uint64_t realm, uint16_t epoch, uint8_t secret)
{
    struct realm_key key;
    crypto_realm_key(realm, epoch, (uint8_t[KEY_SIZE]){secret}, &key);
    return key;
}

/* A key stated under the commitment of `committed`, sealed to member `number`. */
static inline enum status state_key(struct fixture *fixture, const struct realm_key *key,
                                    const struct realm_key *committed, uint32_t number)
{
    struct node_keys keys;
    struct sealed_key box = {.number = number};
    struct hash commitment;
    keys_of(number, &keys);
    crypto_box_to(keys.box_public, (uint8_t[RANDOM_SIZE]){key->secret[0]},
                  slice_of(key->secret, KEY_SIZE), box.box);
    crypto_commitment(roster_salt(fixture->roster), committed, &commitment);
    buffer_clear(&fixture->out);
    statement_realm_key(&fixture->out, 1000, key->realm, key->epoch, &commitment, &box,
                        1);
    return fold(fixture);
}

static inline enum status revoke(struct fixture *fixture, uint32_t number,
                                 const struct cut *cuts, size_t count)
{
    buffer_clear(&fixture->out);
    statement_revoke(&fixture->out, 1000, number, cuts, count);
    return fold(fixture);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
