/* id.h - names of logs and of entries, and how a person reads and types them.
 *
 * "A record's id is its position": the node's number (given by its admit statement, never
 * reused), a tag of its incarnation, lane and seq: 12 bytes, free where it is created, and
 * nobody else can claim it. */
#ifndef LINLI_CRDT_ID_H
#define LINLI_CRDT_ID_H

#include "crdt/base.h"

enum lane { LANE_CONTROL = 0, LANE_URGENT = 1, LANE_LEDGER = 2, LANE_RECORD = 3, LANES };

/* A log's short name, the same on the wire, in keys and in ids. `tag` is the low 16 bits of
 * the incarnation; a store whose tag collides with an earlier one of its own mints again. */
struct log_name {
    uint32_t node; /* number from the roster; the authority is 0 */
    uint16_t tag;
    uint8_t lane;
};

#define LOG_NAME_SIZE 7  /* node BE 4, tag BE 2, lane 1: sorts by node */
#define ENTRY_ID_SIZE 12 /* log name, then seq in 5 bytes BE */
#define SEQ_MAX ((UINT64_C(1) << 40) - 1)

struct entry_id {
    uint8_t bytes[ENTRY_ID_SIZE];
};

void log_name_encode(struct log_name name, uint8_t out[LOG_NAME_SIZE]);
struct log_name log_name_decode(const uint8_t in[LOG_NAME_SIZE]);
int log_name_compare(struct log_name a, struct log_name b);
bool log_name_equal(struct log_name a, struct log_name b);

/* "3.a41f.record": node, tag, lane. */
#define LOG_TEXT_SIZE 32
void log_name_format(struct log_name log, char text[LOG_TEXT_SIZE]);
const char *lane_name(uint8_t lane);

struct entry_id entry_id_of(struct log_name log, uint64_t seq);
struct log_name entry_id_log(const struct entry_id *id);
uint64_t entry_id_seq(const struct entry_id *id);
int entry_id_compare(const struct entry_id *a, const struct entry_id *b);

/* Text form: 20 characters of Crockford base32 over a fixed scramble of the 12 bytes, so
 * that the first characters differ between neighbours and a short prefix is unique. The
 * spoken form adds a check character. Reading accepts lower case, I and L for 1, O for 0,
 * and hyphens. */
#define ID_TEXT_SIZE 21 /* with the final NUL */
/* What people are shown of it: 40 bits, unique by far among a county's million records. */
#define ID_SHORT_SIZE 8
void id_format(const struct entry_id *id, char text[ID_TEXT_SIZE]);
/* All 20 characters, or the spoken form: 21, the last of which must be the check. */
MUST_USE bool id_parse(struct slice text, struct entry_id *id);
bool id_may_begin(struct slice text); /* whether some id's text may begin so */
/* Whether the id's text begins with `prefix` (1 to 20 characters, read as above). */
bool id_has_prefix(const struct entry_id *id, struct slice prefix);
char id_check_character(const char text[ID_TEXT_SIZE]); /* ISO 7064 MOD 37,36 */

#endif
