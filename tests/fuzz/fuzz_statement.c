/* A statement of the control log, once the authority's signature is verified: even a faulty
 * authority must not stop a node. The bytes are a list of them: size 2, then as many. */
#include "tests/fuzz/target.h"

#include "net/roster.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t seed[SEED_SIZE] = {3};
    struct slice in = slice_of(data, size), plaintext;
    struct genesis genesis = {.county = 331123, .name = "遂昌县"};
    const struct hash hash = {{5}};
    struct roster_change change;
    struct node_keys keys;
    uint16_t bytes;

    crypto_node_keys(seed, &keys);
    struct roster *roster = roster_create(&genesis, &hash, &keys);
    while (slice_take_u16(&in, &bytes) && slice_borrow(&in, bytes, &plaintext)) {
        size_t before = roster_count(roster);
        if (roster_fold(roster, plaintext, &change) != OK)
            CHECK(roster_count(roster) == before);
    }
    roster_destroy(roster);
    return 0;
}
