#include "tests/unit/roster_fixture.h"

enum { MUTATIONS = 4000 };

static void a_genesis_reads_back_and_binds_all_its_bytes(void **state)
{
    struct fixture *fixture = *state;
    struct genesis back;
    struct hash hash;
    buffer_clear(&fixture->out);
    genesis_encode(&fixture->genesis, &fixture->out);
    assert_true(fixture->out.size <= GENESIS_SIZE_MAX);
    assert_int_equal(genesis_decode(buffer_slice(&fixture->out), &back), OK);
    assert_int_equal(back.county, COUNTY);
    assert_string_equal(back.name, "淳安县");
    assert_memory_equal(&back.authority, &fixture->genesis.authority, NODE_ID_SIZE);
    for (size_t i = 0; i < fixture->out.size; i++) {
        fixture->out.data[i] ^= 1;
        genesis_hash(buffer_slice(&fixture->out), &hash);
        assert_false(hash_equal(&hash, &fixture->genesis_hash));
        fixture->out.data[i] ^= 1;
        assert_int_equal(genesis_decode(slice_of(fixture->out.data, i), &back),
                         ERR_MALFORMED);
    }
    buffer_put_u8(&fixture->out, 0);
    assert_int_equal(genesis_decode(buffer_slice(&fixture->out), &back), ERR_MALFORMED);
}

static void the_authoritys_log_is_named_by_the_genesis(void **state)
{
    struct fixture *fixture = *state;
    struct log_name log = authority_log(&fixture->genesis_hash);
    uint64_t incarnation = authority_incarnation(&fixture->genesis_hash);
    struct county_salt salt;
    assert_int_equal(log.node, 0);
    assert_int_equal(log.lane, LANE_CONTROL);
    assert_int_equal(log.tag, (uint16_t)incarnation);
    assert_int_equal(incarnation, get_le64(fixture->genesis_hash.bytes));
    county_salt_of(&fixture->genesis_hash, &salt);
    assert_memory_equal(&salt, roster_salt(fixture->roster), sizeof salt);
}

static void encode_request(struct fixture *fixture, const char *name, uint64_t division)
{
    struct request request = {.division = division};
    snprintf(request.name, sizeof request.name, "%s", name);
    buffer_clear(&fixture->out);
    request_encode(&request, &fixture->keys, &fixture->out);
}

static void a_request_reads_back_with_the_keys_it_was_signed_by(void **state)
{
    struct fixture *fixture = *state;
    struct request back;
    encode_request(fixture, "石林村", VILLAGE);
    assert_int_equal(request_decode(buffer_slice(&fixture->out), &back), OK);
    assert_memory_equal(&back.id, &fixture->keys.id, NODE_ID_SIZE);
    assert_memory_equal(back.curve_public, fixture->keys.curve_public, KEY_SIZE);
    assert_memory_equal(back.box_public, fixture->keys.box_public, KEY_SIZE);
    assert_int_equal(back.division, VILLAGE);
    assert_string_equal(back.name, "石林村");
}

static void every_altered_bit_of_a_request_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct request back;
    encode_request(fixture, "shilin", VILLAGE);
    for (size_t i = 0; i < 8 * fixture->out.size; i++) {
        fixture->out.data[i / 8] ^= (uint8_t)(1u << i % 8);
        assert_int_not_equal(request_decode(buffer_slice(&fixture->out), &back), OK);
        fixture->out.data[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    for (size_t i = 0; i < fixture->out.size; i++)
        assert_int_not_equal(request_decode(slice_of(fixture->out.data, i), &back), OK);
    assert_int_equal(request_decode(buffer_slice(&fixture->out), &back), OK);
}

static void a_request_with_keys_nothing_can_be_sealed_to_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct request back;
    struct node_keys keys = fixture->keys;
    memset(keys.box_public, 0, KEY_SIZE);
    struct request request = {.division = VILLAGE, .name = "x"};
    buffer_clear(&fixture->out);
    request_encode(&request, &keys, &fixture->out);
    assert_int_equal(request_decode(buffer_slice(&fixture->out), &back), ERR_MALFORMED);
}

static void a_request_of_a_newer_version_says_so(void **state)
{
    struct fixture *fixture = *state;
    struct request back;
    encode_request(fixture, "x", VILLAGE);
    fixture->out.data[15] = 2; /* array, text head, 13 characters, then the version */
    assert_int_equal(request_decode(buffer_slice(&fixture->out), &back), ERR_VERSION);
}

static void names_are_one_clean_line(void **state)
{
    (void)state;
    assert_true(name_is_valid(slice_text("石林村 2")));
    assert_false(name_is_valid(slice_text("")));
    assert_false(name_is_valid(slice_text("a\nb")));
    assert_false(name_is_valid(slice_text("a\tb")));
    assert_false(name_is_valid(slice_text(" a")));
    assert_false(name_is_valid(slice_text("a ")));
    assert_false(name_is_valid(slice_text("a\x1b[2J")));
    assert_false(name_is_valid(slice_text("\xff")));
    char longest[NAME_SIZE_MAX + 2];
    memset(longest, 'a', sizeof longest);
    assert_true(name_is_valid(slice_of(longest, NAME_SIZE_MAX)));
    assert_false(name_is_valid(slice_of(longest, NAME_SIZE_MAX + 1)));
}

static void a_fingerprint_can_be_read_out(void **state)
{
    struct fixture *fixture = *state;
    char text[FINGERPRINT_SIZE];
    char other[FINGERPRINT_SIZE];
    struct node_id id = fixture->keys.id;
    node_fingerprint(&id, text);
    assert_int_equal(strlen(text), FINGERPRINT_SIZE - 1);
    assert_true(text[4] == '-' && text[9] == '-' && text[14] == '-');
    assert_int_equal(strlen(text), 4 * 4 + 3); /* 80 bits */
    assert_int_equal(strspn(text, "0123456789ABCDEFGHJKMNPQRSTVWXYZ-"), strlen(text));
    id.bytes[31] ^= 1;
    node_fingerprint(&id, other);
    assert_string_not_equal(text, other);
}

static void random_founding_bytes_are_refused_or_read(void **state)
{
    struct fixture *fixture = *state;
    uint64_t seed = seed_given();
    struct genesis genesis;
    struct request request;
    for (int i = 0; i < MUTATIONS; i++) {
        buffer_clear(&fixture->out);
        if (i % 2 == 0)
            genesis_encode(&fixture->genesis, &fixture->out);
        else
            encode_request(fixture, "shilin", VILLAGE);
        size_t size = fixture->out.size;
        for (uint64_t n = 1 + random_next(&seed) % 3; n > 0; n--)
            fixture->out.data[random_next(&seed) % size] ^=
                (uint8_t)(1 + random_next(&seed) % 255);
        if (random_next(&seed) % 4 == 0)
            size = random_next(&seed) % size;
        uint8_t *copy = checked_malloc(size);
        memcpy(copy, fixture->out.data, size);
        enum status status = genesis_decode(slice_of(copy, size), &genesis);
        assert_true(status != OK || name_is_valid(slice_text(genesis.name)));
        status = request_decode(slice_of(copy, size), &request);
        /* Two flips of one byte may cancel out; then it is the request again. */
        assert_true(status != OK ||
                    memcmp(&request.id, &fixture->keys.id, NODE_ID_SIZE) == 0);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_genesis_reads_back_and_binds_all_its_bytes),
        TEST(the_authoritys_log_is_named_by_the_genesis),
        TEST(a_request_reads_back_with_the_keys_it_was_signed_by),
        TEST(every_altered_bit_of_a_request_is_refused),
        TEST(a_request_with_keys_nothing_can_be_sealed_to_is_refused),
        TEST(a_request_of_a_newer_version_says_so),
        TEST(names_are_one_clean_line),
        TEST(a_fingerprint_can_be_read_out),
        TEST(random_founding_bytes_are_refused_or_read),
    };
    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
