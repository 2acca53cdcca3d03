/* What can be told of one member by itself: whether it is meant, what its role lets it
 * write, what it carries and which keys it is to hold. The declarations are in roster.h.
 */
#include "net/roster.h"

#include <string.h>

enum {
    HEX_DIGITS_MIN = 4, /* of an id, before they may stand for it */
    FINGERPRINT_LENGTH = FINGERPRINT_SIZE - 1,
};

/* ---- names as people type them ---- */

/* As Crockford reads: lower case too, I and L for 1, O for 0. */
static char fingerprint_character(uint8_t typed)
{
    char c = (char)(typed >= 'a' && typed <= 'z' ? typed - 'a' + 'A' : typed);
    if (c == 'I' || c == 'L')
        return '1';
    return c == 'O' ? '0' : c;
}

/* "sln47q2f0xwak3b9" -> "SLN4-7Q2F-0XWA-K3B9"; false for what has another length. */
static bool fingerprint_read(struct slice typed, char text[FINGERPRINT_SIZE])
{
    size_t size = 0;
    for (size_t i = 0; i < typed.size; i++) {
        if (typed.data[i] == '-')
            continue;
        if (size == FINGERPRINT_LENGTH)
            return false;
        if (size % (FINGERPRINT_GROUP + 1) == FINGERPRINT_GROUP)
            text[size++] = '-';
        text[size++] = fingerprint_character(typed.data[i]);
    }
    text[size] = 0;
    return size == FINGERPRINT_LENGTH;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool id_begins_with(const struct node_id *id, struct slice hex)
{
    if (hex.size < HEX_DIGITS_MIN || hex.size > 2 * NODE_ID_SIZE)
        return false;
    for (size_t i = 0; i < hex.size; i++) {
        int nibble = i % 2 == 0 ? id->bytes[i / 2] >> 4 : id->bytes[i / 2] & 15;
        if (hex_digit(hex.data[i]) != nibble)
            return false;
    }
    return true;
}

bool member_answers_to(const struct member *member, struct slice typed)
{
    char meant[FINGERPRINT_SIZE];
    char own[FINGERPRINT_SIZE];
    if (id_begins_with(&member->id, typed))
        return true;
    if (!fingerprint_read(typed, meant))
        return false;
    node_fingerprint(&member->id, own);
    return strcmp(own, meant) == 0;
}

/* ---- judgement ---- */

const char *role_name(enum role role)
{
    switch (role) {
    case ROLE_AUTHORITY: return "authority";
    case ROLE_HUB: return "hub";
    case ROLE_TOWNSHIP: return "township";
    case ROLE_VILLAGE: return "village";
    }
    return "unknown";
}

/* Realm 0 is plaintext, which no record lane takes. */
bool roster_may_write(const struct member *author, uint8_t lane, uint64_t realm,
                      uint64_t county)
{
    if (lane >= LANES)
        return false;
    if (lane == LANE_CONTROL)
        return realm == 0 || author->role == ROLE_AUTHORITY || author->role == ROLE_HUB;
    switch (author->role) {
    case ROLE_AUTHORITY: return false;
    case ROLE_HUB: return division_within(realm, county);
    case ROLE_TOWNSHIP:
    case ROLE_VILLAGE:
        return realm != 0 &&
               (realm == county || realm == division_township(author->division));
    }
    return false;
}

bool roster_carries(const struct member *member, const struct member *author,
                    uint8_t lane)
{
    if (lane >= LANES)
        return false;
    if (lane != LANE_RECORD)
        return true;
    switch (member->role) {
    case ROLE_AUTHORITY: return false;
    case ROLE_HUB:
    case ROLE_TOWNSHIP: return true;
    case ROLE_VILLAGE:
        return author->role == ROLE_HUB ||
               division_township(author->division) == division_township(member->division);
    }
    return false;
}

bool member_holds(const struct member *member, uint64_t realm, uint64_t county)
{
    switch (member->role) {
    case ROLE_AUTHORITY: return false;
    case ROLE_HUB: return division_within(realm, county);
    case ROLE_TOWNSHIP:
    case ROLE_VILLAGE:
        return realm == county || realm == division_township(member->division);
    }
    return false;
}

uint64_t member_home_realm(const struct member *member)
{
    uint64_t township = division_township(member->division);

    return township != 0 ? township : member->division;
}
