#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sodium.h>
#include <cmocka.h>

#include "net/crypto.h"

static const struct county_salt county = {{1, 2, 3}};
static const uint8_t seed[SEED_SIZE] = {1, 2, 3, 4};
static const uint8_t other_seed[SEED_SIZE] = {1, 2, 3, 5};
static const uint8_t random_bytes[RANDOM_SIZE] = {42};
static const uint8_t other_random_bytes[RANDOM_SIZE] = {43};

static struct realm_key key_of(uint64_t realm, uint16_t epoch)
{
    uint8_t secret[KEY_SIZE];
    struct realm_key key;
    crypto_realm_key_derive(seed, &county, realm, epoch, secret);
    crypto_realm_key(realm, epoch, secret, &key);
    return key;
}

static void one_seed_gives_the_same_keys_always_and_another_others(void **state)
{
    (void)state;
    struct node_keys keys;
    struct node_keys again;
    struct node_keys other;
    memset(&again, 0xff, sizeof again);
    crypto_node_keys(seed, &keys);
    crypto_node_keys(seed, &again);
    crypto_node_keys(other_seed, &other);
    assert_memory_equal(&keys, &again, sizeof keys);
    assert_memory_not_equal(&keys.id, &other.id, sizeof keys.id);
    assert_memory_not_equal(keys.curve_public, other.curve_public, KEY_SIZE);
    assert_memory_not_equal(keys.box_public, other.box_public, KEY_SIZE);
    assert_memory_not_equal(keys.curve_secret, keys.box_secret, KEY_SIZE);
}

/* libzmq takes a CURVE key pair to be what crypto_box_keypair makes. */
static void public_keys_belong_to_their_secrets(void **state)
{
    (void)state;
    struct node_keys keys;
    uint8_t expected[KEY_SIZE];
    crypto_node_keys(seed, &keys);
    assert_int_equal(crypto_scalarmult_base(expected, keys.curve_secret), 0);
    assert_memory_equal(expected, keys.curve_public, KEY_SIZE);
    assert_int_equal(crypto_scalarmult_base(expected, keys.box_secret), 0);
    assert_memory_equal(expected, keys.box_public, KEY_SIZE);
    assert_int_equal(crypto_sign_ed25519_sk_to_pk(expected, keys.sign_secret), 0);
    assert_memory_equal(expected, keys.id.bytes, KEY_SIZE);
}

static void a_signature_holds_for_its_signer_and_hash_alone(void **state)
{
    (void)state;
    struct node_keys keys;
    struct node_keys other;
    struct hash hash = {{7}};
    uint8_t signature[SIGNATURE_SIZE];
    crypto_node_keys(seed, &keys);
    crypto_node_keys(other_seed, &other);
    crypto_sign_hash(&keys, &hash, signature);
    assert_true(crypto_verify(&keys.id, &hash, signature));
    assert_false(crypto_verify(&other.id, &hash, signature));
    for (size_t i = 0; i < 8 * SIGNATURE_SIZE; i++) {
        signature[i / 8] ^= (uint8_t)(1u << i % 8);
        assert_false(crypto_verify(&keys.id, &hash, signature));
        signature[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    hash.bytes[31] ^= 1;
    assert_false(crypto_verify(&keys.id, &hash, signature));
}

static void nobody_signs_as_the_point_of_small_order(void **state)
{
    (void)state;
    struct node_id identity = {{1}};
    struct hash hash = {{7}};
    uint8_t signature[SIGNATURE_SIZE] = {1}; /* R = identity, S = 0: fits every message */
    assert_false(crypto_verify(&identity, &hash, signature));
}

static void realm_keys_differ_by_authority_county_realm_and_epoch(void **state)
{
    (void)state;
    const struct county_salt other_county = {{1, 2, 4}};
    uint8_t secrets[5][KEY_SIZE];
    crypto_realm_key_derive(seed, &county, 330127, 1, secrets[0]);
    crypto_realm_key_derive(other_seed, &county, 330127, 1, secrets[1]);
    crypto_realm_key_derive(seed, &other_county, 330127, 1, secrets[2]);
    crypto_realm_key_derive(seed, &county, 330127104, 1, secrets[3]);
    crypto_realm_key_derive(seed, &county, 330127, 257, secrets[4]);
    for (size_t i = 0; i < 5; i++) {
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(secrets[i], secrets[k], KEY_SIZE);
    }
    crypto_realm_key_derive(seed, &county, 330127, 1, secrets[1]);
    assert_memory_equal(secrets[0], secrets[1], KEY_SIZE);
}

static void subkeys_differ_from_each_other_and_from_the_secret(void **state)
{
    (void)state;
    struct realm_key key = key_of(330127, 1);
    const uint8_t *keys[] = {key.secret, key.seal, key.salt, key.search, key.field};
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(keys[i], keys[k], KEY_SIZE);
    }
}

static void a_commitment_fits_one_key_realm_epoch_and_county(void **state)
{
    (void)state;
    const struct county_salt other_county = {{1, 2, 4}};
    struct realm_key key = key_of(330127, 1);
    struct realm_key other;
    struct hash commitments[5];
    crypto_commitment(&county, &key, &commitments[0]);
    crypto_commitment(&other_county, &key, &commitments[1]);
    crypto_realm_key(330127, 2, key.secret, &other);
    crypto_commitment(&county, &other, &commitments[2]);
    crypto_realm_key(330128, 1, key.secret, &other);
    crypto_commitment(&county, &other, &commitments[3]);
    crypto_realm_key(330127, 1, seed, &other);
    crypto_commitment(&county, &other, &commitments[4]);
    for (size_t i = 0; i < 5; i++) {
        for (size_t k = 0; k < i; k++)
            assert_false(hash_equal(&commitments[i], &commitments[k]));
    }
}

/* A payload sealed at one place of one log. */
struct sealed {
    struct realm_key key;
    uint8_t associated[HEADER_ASSOCIATED_SIZE];
    uint8_t payload[SEAL_OVERHEAD + 8];
};

static void seal(struct sealed *sealed, const char *plaintext, const uint8_t *random)
{
    static const struct log_id log = {.node = {{3}}, .incarnation = 4, .lane = 3};
    sealed->key = key_of(330127104, 1);
    entry_associated(&log, 5, &(struct hash){{6}}, 330127104, 1, sealed->associated);
    crypto_seal(&sealed->key, &county, sealed->associated, slice_of(plaintext, 8), random,
                sealed->payload);
}

static bool opens(const struct sealed *sealed)
{
    uint8_t out[8];
    return crypto_open(&sealed->key, &county, sealed->associated,
                       slice_of(sealed->payload, sizeof sealed->payload), out) &&
           memcmp(out, "a visit.", sizeof out) == 0;
}

static void what_was_sealed_opens_again(void **state)
{
    (void)state;
    struct sealed sealed;
    seal(&sealed, "a visit.", random_bytes);
    assert_true(opens(&sealed));
    uint8_t nothing[SEAL_OVERHEAD];
    crypto_seal(&sealed.key, &county, sealed.associated, slice_of(NULL, 0), random_bytes,
                nothing);
    assert_true(crypto_open(&sealed.key, &county, sealed.associated,
                            slice_of(nothing, sizeof nothing), nothing));
}

static void every_altered_bit_of_a_payload_is_refused(void **state)
{
    (void)state;
    struct sealed sealed;
    uint8_t out[8];
    seal(&sealed, "a visit.", random_bytes);
    for (size_t i = 0; i < 8 * sizeof sealed.payload; i++) {
        sealed.payload[i / 8] ^= (uint8_t)(1u << i % 8);
        assert_false(opens(&sealed));
        sealed.payload[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    for (size_t size = 0; size < sizeof sealed.payload; size++)
        assert_false(crypto_open(&sealed.key, &county, sealed.associated,
                                 slice_of(sealed.payload, size), out));
}

static void a_payload_opens_at_its_own_place_only(void **state)
{
    (void)state;
    struct sealed sealed;
    seal(&sealed, "a visit.", random_bytes);
    for (size_t i = 0; i < 8 * HEADER_ASSOCIATED_SIZE; i++) {
        sealed.associated[i / 8] ^= (uint8_t)(1u << i % 8);
        assert_false(opens(&sealed));
        sealed.associated[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    assert_true(opens(&sealed));
}

static void the_key_of_another_realm_epoch_or_county_does_not_open(void **state)
{
    (void)state;
    const struct county_salt other_county = {{1, 2, 4}};
    struct sealed sealed;
    uint8_t out[8];
    seal(&sealed, "a visit.", random_bytes);
    assert_false(crypto_open(&sealed.key, &other_county, sealed.associated,
                             slice_of(sealed.payload, sizeof sealed.payload), out));
    sealed.key = key_of(330127105, 1);
    assert_false(opens(&sealed));
    sealed.key = key_of(330127104, 2);
    assert_false(opens(&sealed));
}

/* A cloned generator repeats its randomness; then at least the plaintext must count. */
static void the_salt_depends_on_plaintext_and_on_randomness(void **state)
{
    (void)state;
    struct sealed first;
    struct sealed second;
    seal(&first, "a visit.", random_bytes);
    seal(&second, "b visit.", random_bytes);
    assert_memory_not_equal(first.payload, second.payload, SALT_SIZE);
    seal(&second, "a visit.", other_random_bytes);
    assert_memory_not_equal(first.payload, second.payload, SALT_SIZE);
    assert_memory_not_equal(first.payload + SALT_SIZE, second.payload + SALT_SIZE, 8);
    seal(&second, "a visit.", random_bytes);
    assert_memory_equal(first.payload, second.payload, sizeof first.payload);
}

static void a_sealed_box_opens_only_for_whom_it_addresses(void **state)
{
    (void)state;
    struct node_keys keys;
    struct node_keys other;
    uint8_t box[SEALED_BOX_OVERHEAD + KEY_SIZE];
    uint8_t out[KEY_SIZE];
    crypto_node_keys(seed, &keys);
    crypto_node_keys(other_seed, &other);
    crypto_box_to(keys.box_public, random_bytes, slice_of(seed, KEY_SIZE), box);
    assert_true(crypto_box_unseal(&keys, slice_of(box, sizeof box), out));
    assert_memory_equal(out, seed, KEY_SIZE);
    assert_false(crypto_box_unseal(&other, slice_of(box, sizeof box), out));
    for (size_t i = 0; i < sizeof box; i++) {
        box[i] ^= 1;
        assert_false(crypto_box_unseal(&keys, slice_of(box, sizeof box), out));
        box[i] ^= 1;
        assert_false(crypto_box_unseal(&keys, slice_of(box, i), out));
    }
}

static void a_sealed_box_is_one_of_libsodiums(void **state)
{
    (void)state;
    struct node_keys keys;
    uint8_t box[SEALED_BOX_OVERHEAD + KEY_SIZE];
    uint8_t out[KEY_SIZE];
    crypto_node_keys(seed, &keys);
    crypto_box_to(keys.box_public, random_bytes, slice_of(seed, KEY_SIZE), box);
    assert_int_equal(
        crypto_box_seal_open(out, box, sizeof box, keys.box_public, keys.box_secret), 0);
    assert_memory_equal(out, seed, KEY_SIZE);
    assert_int_equal(crypto_box_seal(box, other_seed, KEY_SIZE, keys.box_public), 0);
    assert_true(crypto_box_unseal(&keys, slice_of(box, sizeof box), out));
    assert_memory_equal(out, other_seed, KEY_SIZE);
}

static void keys_of_small_order_are_not_usable_for_boxes(void **state)
{
    (void)state;
    struct node_keys keys;
    crypto_node_keys(seed, &keys);
    assert_true(crypto_box_key_usable(keys.box_public));
    assert_false(crypto_box_key_usable((uint8_t[KEY_SIZE]){0}));
    assert_false(crypto_box_key_usable((uint8_t[KEY_SIZE]){1}));
}

static void a_sealed_field_reads_back_and_is_the_same_for_the_same_text(void **state)
{
    (void)state;
    struct realm_key key = key_of(330127104, 1);
    struct realm_key other = key_of(330127104, 2);
    struct slice text = slice_text("330127194905310012");
    uint8_t sealed[FIELD_TAG_SIZE + 18];
    uint8_t again[FIELD_TAG_SIZE + 18];
    uint8_t out[18];
    crypto_field_seal(&key, &county, text, sealed);
    crypto_field_seal(&key, &county, text, again);
    assert_memory_equal(sealed, again, sizeof sealed);
    assert_true(crypto_field_open(&key, &county, slice_of(sealed, sizeof sealed), out));
    assert_memory_equal(out, text.data, text.size);
    crypto_field_seal(&key, &county, slice_text("330127194905310013"), again);
    assert_memory_not_equal(sealed, again, FIELD_TAG_SIZE);
    crypto_field_seal(&other, &county, text, again);
    assert_memory_not_equal(sealed, again, FIELD_TAG_SIZE);
    assert_false(
        crypto_field_open(&other, &county, slice_of(sealed, sizeof sealed), out));
}

static void every_altered_bit_of_a_sealed_field_is_refused(void **state)
{
    (void)state;
    struct realm_key key = key_of(330127104, 1);
    uint8_t sealed[FIELD_TAG_SIZE + 18];
    uint8_t out[18];
    crypto_field_seal(&key, &county, slice_text("330127194905310012"), sealed);
    for (size_t i = 0; i < 8 * sizeof sealed; i++) {
        sealed[i / 8] ^= (uint8_t)(1u << i % 8);
        assert_false(
            crypto_field_open(&key, &county, slice_of(sealed, sizeof sealed), out));
        sealed[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    for (size_t size = 0; size < sizeof sealed; size++)
        assert_false(crypto_field_open(&key, &county, slice_of(sealed, size), out));
}

static int group_setup(void **state)
{
    (void)state;
    crypto_init();
    crypto_init(); /* again is harmless */
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_seed_gives_the_same_keys_always_and_another_others),
        cmocka_unit_test(public_keys_belong_to_their_secrets),
        cmocka_unit_test(a_signature_holds_for_its_signer_and_hash_alone),
        cmocka_unit_test(nobody_signs_as_the_point_of_small_order),
        cmocka_unit_test(realm_keys_differ_by_authority_county_realm_and_epoch),
        cmocka_unit_test(subkeys_differ_from_each_other_and_from_the_secret),
        cmocka_unit_test(a_commitment_fits_one_key_realm_epoch_and_county),
        cmocka_unit_test(what_was_sealed_opens_again),
        cmocka_unit_test(every_altered_bit_of_a_payload_is_refused),
        cmocka_unit_test(a_payload_opens_at_its_own_place_only),
        cmocka_unit_test(the_key_of_another_realm_epoch_or_county_does_not_open),
        cmocka_unit_test(the_salt_depends_on_plaintext_and_on_randomness),
        cmocka_unit_test(a_sealed_box_opens_only_for_whom_it_addresses),
        cmocka_unit_test(a_sealed_box_is_one_of_libsodiums),
        cmocka_unit_test(keys_of_small_order_are_not_usable_for_boxes),
        cmocka_unit_test(a_sealed_field_reads_back_and_is_the_same_for_the_same_text),
        cmocka_unit_test(every_altered_bit_of_a_sealed_field_is_refused),
    };
    return cmocka_run_group_tests(tests, group_setup, NULL);
}
