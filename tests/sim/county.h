/* county.h - founds a county in memory: the authority's keys, genesis and grant file. */
#ifndef LINLI_TESTS_SIM_COUNTY_H
#define LINLI_TESTS_SIM_COUNTY_H

#include "net/grant.h"
#include "tests/sim/random.h"

#define COUNTY_CODE UINT64_C(331123) /* 遂昌县 */
#define COUNTY_TOWNSHIPS 20

struct place {
    uint64_t code;
    const char *name;
};
extern const struct place county_townships[COUNTY_TOWNSHIPS];

struct county {
    uint8_t authority_seed[SEED_SIZE];
    struct genesis genesis;
    struct hash genesis_hash;
    struct county_salt salt;
    struct buffer file;      /* the grant as it now stands */
    struct divisions places; /* ten villages a township; the eighth was merged into the
                                tenth, and that into the ninth */
};

void county_init(struct county *county, struct chance *chance, uint64_t now_ms);
void county_deinit(struct county *county);

/* Admits these nodes in one signed commit; county->file grows. */
void county_admit(struct county *county, const struct request *requests, size_t count,
                  uint64_t now_ms, struct chance *chance);

/* The file revokes this member, whose logs end at `cuts`. */
void county_revoke(struct county *county, uint32_t number, const struct cut *cuts,
                   size_t count, uint64_t now_ms, struct chance *chance);
void county_state_policy(struct county *county, const char *name, const char *value,
                         int64_t from_day, uint64_t now_ms);

/* The number the authority gave to this node; CHECKs that it was admitted. */
uint32_t county_number(const struct county *county, const struct node_id *id);

#endif
