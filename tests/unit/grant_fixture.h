/* grant_fixture.h - an authority's grant file, and nodes admitted into it. */
#ifndef LINLI_TESTS_UNIT_GRANT_FIXTURE_H
#define LINLI_TESTS_UNIT_GRANT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "net/grant.h"

enum { STAMP_MS = 1780000000 };

#define COUNTY UINT64_C(330127)
#define TOWNSHIP UINT64_C(330127104)
#define OTHER_TOWNSHIP UINT64_C(330127105)
#define VILLAGE UINT64_C(330127104201)
#define OTHER_VILLAGE UINT64_C(330127105201)

static const uint8_t authority_seed[SEED_SIZE] = {1};
static const uint8_t random_bytes[RANDOM_SIZE] = {2};

struct fixture {
    struct buffer genesis;
    struct buffer file; /* the grant as it is now */
    struct buffer next; /* what comes out of grant_admit */
};

static inline int setup(void **state)
{
    struct fixture *fixture = checked_malloc(sizeof *fixture);
    struct genesis genesis = {.county = COUNTY, .name = "淳安县", .created_ms = STAMP_MS};
    struct node_keys authority;
    crypto_node_keys(authority_seed, &authority);
    genesis.authority = authority.id;
    buffer_init(&fixture->genesis, GENESIS_SIZE_MAX);
    buffer_init(&fixture->file, GRANT_SIZE_MAX);
    buffer_init(&fixture->next, GRANT_SIZE_MAX);
    genesis_encode(&genesis, &fixture->genesis);
    grant_begin(&fixture->file, buffer_slice(&fixture->genesis));
    *state = fixture;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *fixture = *state;
    buffer_deinit(&fixture->genesis);
    buffer_deinit(&fixture->file);
    buffer_deinit(&fixture->next);
    free(fixture);
    return 0;
}

static inline void keys_of(uint32_t node, struct node_keys *keys)
{
    uint8_t seed[SEED_SIZE] = {9};
    put_be32(seed + 1, node);
    crypto_node_keys(seed, keys);
}

static inline struct request request_of(uint32_t node, uint64_t division)
{
    struct request request = {.division = division};
    struct node_keys keys;
    keys_of(node, &keys);
    request.id = keys.id;
    memcpy(request.curve_public, keys.curve_public, KEY_SIZE);
    memcpy(request.box_public, keys.box_public, KEY_SIZE);
    snprintf(request.name, sizeof request.name, "node-%u", (unsigned)node);
    return request;
}

static inline struct grant grant_of(const struct fixture *fixture)
{
    struct grant grant;
    assert_int_equal(grant_decode(buffer_slice(&fixture->file), &grant), OK);
    return grant;
}

static inline enum status admit(struct fixture *fixture, const struct request *requests,
                                size_t count)
{
    struct grant grant = grant_of(fixture);
    enum status status = grant_admit(&grant, authority_seed, requests, count, STAMP_MS,
                                     random_bytes, &fixture->next);
    if (status != OK) {
        assert_int_equal(fixture->next.size, 0);
        return status;
    }
    buffer_clear(&fixture->file);
    buffer_put(&fixture->file, fixture->next.data, fixture->next.size);
    return OK;
}

static inline void must_admit(struct fixture *fixture, uint32_t node, uint64_t division)
{
    struct request request = request_of(node, division);
    assert_int_equal(admit(fixture, &request, 1), OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
