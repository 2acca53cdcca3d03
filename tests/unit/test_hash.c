#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "crdt/hash.h"

/* The expected values come from Python's hashlib.blake2b(person=, salt=, key=), which is
 * the reference code of BLAKE2 and not libsodium's. */

static const struct county_salt salt = {
    {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};

static void hex_of(const uint8_t *bytes, size_t size, char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * size] = 0;
}

static void assert_hash(const struct hash *hash, const char *expected)
{
    char text[2 * HASH_SIZE + 1];
    hex_of(hash->bytes, HASH_SIZE, text);
    assert_string_equal(text, expected);
}

static void hashes_agree_with_another_implementation(void **state)
{
    (void)state;
    struct hash hash;
    hash_bytes(&hash, HASH_ENTRY, &salt, slice_text("abc"));
    assert_hash(&hash,
                "bec9a9e8458f9f7d3d9729324672c898ba834641a4f8c478b2e395c030314a90");
    hash_bytes(&hash, HASH_PAYLOAD, &salt, slice_of(NULL, 0));
    assert_hash(&hash,
                "a97b09eda41d2fd1bf6bb819fdce37cb077c23f329e0cb364187b87f69c0854d");
    uint8_t long_input[300];
    memset(long_input, 'a', sizeof long_input);
    hash_bytes(&hash, HASH_GENESIS, &(struct county_salt){{0}},
               slice_of(long_input, sizeof long_input));
    assert_hash(&hash,
                "e4e5f5a98ad91b3fc17329ec067a5822917acc2b11cc8d838bdfa3fe299f3268");
}

static void keyed_hashes_agree_with_another_implementation(void **state)
{
    (void)state;
    uint8_t key[32], out[64];
    char text[129];
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)i;
    hash_keyed(out, 16, HASH_SEARCH, &salt, key, slice_text("abc"));
    hex_of(out, 16, text);
    assert_string_equal(text, "318ce307900e2e8f5bc48f7d24005b6a");
    hash_keyed(out, 64, HASH_SALT, &salt, key, slice_text("abc"));
    hex_of(out, 64, text);
    assert_string_equal(
        text, "9019d1e63818c6551bc5950287609fb40c4b21f4bc73bb5a6d76bb0cea77f9e4d20083b503"
              "0ee61a915e8063d526bd6ed020d6a34f18abaf814200dedddf78ed");
}

static void pieces_hash_like_the_whole(void **state)
{
    (void)state;
    uint8_t bytes[400];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7);
    struct hash whole, pieces;
    hash_bytes(&whole, HASH_HEADS, &salt, slice_of(bytes, sizeof bytes));
    for (size_t cut = 0; cut <= sizeof bytes; cut += 25) {
        struct hash_state hashing;
        hash_begin(&hashing, HASH_HEADS, &salt);
        hash_add(&hashing, slice_of(bytes, cut));
        hash_add(&hashing, slice_of(bytes + cut, sizeof bytes - cut));
        hash_end(&hashing, &pieces);
        assert_true(hash_equal(&whole, &pieces));
    }
}

static void every_label_and_county_hashes_differently(void **state)
{
    (void)state;
    struct hash hashes[2 * HASH_LABELS];
    struct county_salt other = salt;
    other.bytes[15] ^= 1;
    for (unsigned i = 0; i < HASH_LABELS; i++) {
        hash_bytes(&hashes[2 * i], (enum hash_label)i, &salt, slice_text("same"));
        hash_bytes(&hashes[2 * i + 1], (enum hash_label)i, &other, slice_text("same"));
    }
    for (size_t i = 0; i < ARRAY_SIZE(hashes); i++) {
        for (size_t j = 0; j < i; j++)
            assert_false(hash_equal(&hashes[i], &hashes[j]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_agree_with_another_implementation),
        cmocka_unit_test(keyed_hashes_agree_with_another_implementation),
        cmocka_unit_test(pieces_hash_like_the_whole),
        cmocka_unit_test(every_label_and_county_hashes_differently),
    };
    return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
