#include "crdt/id.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    TEXT_CHARACTERS = ID_TEXT_SIZE - 1,
    SCRAMBLE_ROUNDS = 4,
};

#define HALF_MASK ((UINT64_C(1) << 48) - 1)

void log_name_encode(struct log_name name, uint8_t out[LOG_NAME_SIZE])
{
    put_be32(out, name.node);
    out[4] = (uint8_t)(name.tag >> 8);
    out[5] = (uint8_t)name.tag;
    out[6] = name.lane;
}

struct log_name log_name_decode(const uint8_t in[LOG_NAME_SIZE])
{
    return (struct log_name){
        .node = get_be32(in),
        .tag = (uint16_t)(in[4] << 8 | in[5]),
        .lane = in[6],
    };
}

int log_name_compare(struct log_name a, struct log_name b)
{
    if (a.node != b.node)
        return a.node < b.node ? -1 : 1;
    if (a.tag != b.tag)
        return a.tag < b.tag ? -1 : 1;
    return (a.lane > b.lane) - (a.lane < b.lane);
}

bool log_name_equal(struct log_name a, struct log_name b)
{
    return log_name_compare(a, b) == 0;
}

const char *lane_name(uint8_t lane)
{
    static const char *const names[LANES] = {"control", "urgent", "ledger", "record"};
    return lane < LANES ? names[lane] : "?";
}

void log_name_format(struct log_name log, char text[LOG_TEXT_SIZE])
{
    (void)snprintf(text, LOG_TEXT_SIZE, "%" PRIu32 ".%04x.%s", log.node,
                   (unsigned)log.tag, lane_name(log.lane));
}

struct entry_id entry_id_of(struct log_name log, uint64_t seq)
{
    CHECK(seq <= SEQ_MAX);
    struct entry_id id;
    log_name_encode(log, id.bytes);
    for (size_t i = 0; i < ENTRY_ID_SIZE - LOG_NAME_SIZE; i++)
        id.bytes[ENTRY_ID_SIZE - 1 - i] = (uint8_t)(seq >> (8 * i));
    return id;
}

struct log_name entry_id_log(const struct entry_id *id)
{
    return log_name_decode(id->bytes);
}

uint64_t entry_id_seq(const struct entry_id *id)
{
    uint64_t seq = 0;
    for (size_t i = LOG_NAME_SIZE; i < ENTRY_ID_SIZE; i++)
        seq = seq << 8 | id->bytes[i];
    return seq;
}

int entry_id_compare(const struct entry_id *a, const struct entry_id *b)
{
    return memcmp(a->bytes, b->bytes, ENTRY_ID_SIZE);
}

/* ---- text ---- */

/* The scramble is a Feistel network of two 48-bit halves: whatever the round function, it
 * can be undone, so no two ids share a text. It hides nothing and need not. The round
 * function is the finalizer of splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t scramble_round(uint64_t half, unsigned round)
{
    uint64_t mixed = half + UINT64_C(0x9e3779b97f4a7c15) * (round + 1);
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (mixed ^ (mixed >> 31)) & HALF_MASK;
}

static uint64_t half_read(const uint8_t in[6])
{
    uint64_t half = 0;
    for (size_t i = 0; i < 6; i++)
        half = half << 8 | in[i];
    return half;
}

static void half_write(uint8_t out[6], uint64_t half)
{
    for (size_t i = 0; i < 6; i++)
        out[i] = (uint8_t)(half >> (8 * (5 - i)));
}

static void id_scramble(const struct entry_id *id, uint8_t out[ENTRY_ID_SIZE])
{
    uint64_t left = half_read(id->bytes), right = half_read(id->bytes + 6);
    for (unsigned round = 0; round < SCRAMBLE_ROUNDS; round++) {
        uint64_t next = left ^ scramble_round(right, round);
        left = right;
        right = next;
    }
    half_write(out, left);
    half_write(out + 6, right);
}

static void id_unscramble(const uint8_t in[ENTRY_ID_SIZE], struct entry_id *id)
{
    uint64_t left = half_read(in), right = half_read(in + 6);
    for (unsigned round = SCRAMBLE_ROUNDS; round > 0; round--) {
        uint64_t previous = right ^ scramble_round(left, round - 1);
        right = left;
        left = previous;
    }
    half_write(id->bytes, left);
    half_write(id->bytes + 6, right);
}

/* Crockford's alphabet: no I, L, O (read as digits) and no U. */
static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static char upper_case(uint8_t typed)
{
    return (char)(typed >= 'a' && typed <= 'z' ? typed - ('a' - 'A') : typed);
}

/* What a person typed as the alphabet has it; 0 where it has nothing like it. */
static char character_read(uint8_t typed)
{
    char upper = upper_case(typed);
    if (upper == 'I' || upper == 'L')
        return '1';
    if (upper == 'O')
        return '0';
    return upper != 0 && strchr(alphabet, upper) != NULL ? upper : 0;
}

/* 96 bits in 20 characters of 5, from the top; four bits of padding are zero. */
void id_format(const struct entry_id *id, char text[ID_TEXT_SIZE])
{
    uint8_t scrambled[ENTRY_ID_SIZE + 1] = {0};
    id_scramble(id, scrambled);
    for (size_t i = 0; i < TEXT_CHARACTERS; i++) {
        size_t bit = 5 * i, byte = bit / 8;
        unsigned pair = (unsigned)scrambled[byte] << 8;
        if (byte + 1 < sizeof scrambled)
            pair |= scrambled[byte + 1];
        text[i] = alphabet[(pair >> (11 - bit % 8)) & 31];
    }
    text[TEXT_CHARACTERS] = 0;
}

/* Up to `limit` characters, without hyphens, as the alphabet has them; how many there
 * are, or 0 where one does not belong or there are more. */
static size_t characters_read(struct slice text, size_t limit, char *out)
{
    size_t count = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '-')
            continue;
        char character = character_read(text.data[i]);
        if (character == 0 || count == limit)
            return 0;
        out[count++] = character;
    }
    return count;
}

/* The check character is one of 36 and may be I, L, O or U: it is compared as it is
 * typed, or as the reading of letters takes it. */
static bool check_character_fits(const char text[ID_TEXT_SIZE], uint8_t typed)
{
    char check = id_check_character(text);
    char upper = upper_case(typed);
    char as_read = character_read((uint8_t)check);
    return upper == check || (as_read != 0 && character_read(typed) == as_read);
}

/* Takes the spoken form's last character off, if there is one; false where it is wrong.
 */
static bool check_character_take(struct slice *text)
{
    size_t characters = 0;
    for (size_t i = 0; i < text->size; i++)
        characters += text->data[i] != '-';
    if (characters != ID_TEXT_SIZE)
        return true;
    uint8_t last = text->data[text->size - 1];
    char plain[ID_TEXT_SIZE] = {0};
    text->size--;
    return characters_read(*text, TEXT_CHARACTERS, plain) == TEXT_CHARACTERS &&
           check_character_fits(plain, last);
}

bool id_parse(struct slice text, struct entry_id *id)
{
    char characters[ID_TEXT_SIZE] = {0};
    uint8_t scrambled[ENTRY_ID_SIZE + 1] = {0};
    if (!check_character_take(&text) ||
        characters_read(text, TEXT_CHARACTERS, characters) != TEXT_CHARACTERS)
        return false;
    for (size_t i = 0; i < TEXT_CHARACTERS; i++) {
        unsigned value = (unsigned)(strchr(alphabet, characters[i]) - alphabet);
        size_t bit = 5 * i, byte = bit / 8;
        unsigned pair = value << (11 - bit % 8);
        scrambled[byte] |= (uint8_t)(pair >> 8);
        if (byte + 1 < sizeof scrambled)
            scrambled[byte + 1] |= (uint8_t)pair;
    }
    if (scrambled[ENTRY_ID_SIZE] != 0)
        return false;
    id_unscramble(scrambled, id);
    return true;
}

bool id_may_begin(struct slice text)
{
    char typed[ID_TEXT_SIZE];
    return characters_read(text, TEXT_CHARACTERS, typed) > 0;
}

bool id_has_prefix(const struct entry_id *id, struct slice prefix)
{
    char typed[ID_TEXT_SIZE], text[ID_TEXT_SIZE];
    size_t count = characters_read(prefix, TEXT_CHARACTERS, typed);
    if (count == 0)
        return false;
    id_format(id, text);
    return memcmp(typed, text, count) == 0;
}

/* ISO 7064, hybrid system MOD 37,36: finds every wrong character and nearly every swap of
 * neighbours. Its alphabet is the digits and all letters. */
char id_check_character(const char text[ID_TEXT_SIZE])
{
    static const char all[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    unsigned product = 36;
    for (size_t i = 0; i < TEXT_CHARACTERS; i++) {
        const char *place = text[i] != 0 ? strchr(all, text[i]) : NULL;
        CHECK(place != NULL);
        unsigned sum = (product + (unsigned)(place - all)) % 36;
        product = (sum == 0 ? 36 : sum) * 2 % 37;
    }
    return all[(37 - product) % 36];
}
