/* base.h - what every file stands on: statuses, slices, buffers, the arena, CHECK.
 *
 * Three kinds of trouble are kept apart everywhere:
 *   - a broken promise of our own code: CHECK, always on, stops the process;
 *   - hostile or damaged bytes: a status, counted, never an abort;
 *   - the environment (disk, memory, network): a status, handled at the edge. */
#ifndef LINLI_CRDT_BASE_H
#define LINLI_CRDT_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Every failure an operator can meet: its stable number (shown as LL-Ennnn), what
 * happened, and what to do next. Numbers are never reused. 1xxx input, 2xxx peers and
 * trust, 3xxx storage, 4xxx configuration and start, 5xxx the command and its socket. */
#define STATUS_TABLE(X)                                                                  \
    X(OK, 0, "done", "")                                                                 \
    X(ERR_MALFORMED, 1001, "the bytes are not in the expected form",                     \
      "Nothing was stored. If this repeats, run: linli status")                          \
    X(ERR_LIMIT, 1002, "a limit was exceeded", "Make the input smaller and try again.")  \
    X(ERR_TEXT, 1003, "the text is not valid UTF-8 or holds control characters",         \
      "Type it again, or save the file as UTF-8.")                                       \
    X(ERR_FIELD_UNKNOWN, 1101, "there is no such field",                                 \
      "See the fields with: linli help REGISTER")                                        \
    X(ERR_FIELD_MISSING, 1102, "a required field is missing", "Add the field.")          \
    X(ERR_FIELD_TOO_LONG, 1103, "the value is too long for the field", "Shorten it.")    \
    X(ERR_FIELD_VALUE, 1104, "the value does not fit the field",                         \
      "See what it takes with --help.")                                                  \
    X(ERR_DATE, 1105, "no such date exists",                                             \
      "Write it as 2026-05-31, a moment as 2026-05-31 14:05.")                           \
    X(ERR_DIVISION, 1106, "the division is not in this county's table",                  \
      "Check the code: a township's has 9 digits, a village's 12.")                      \
    X(ERR_ID_NUMBER, 1107, "the identity number's check digit is wrong",                 \
      "Compare it with the card.")                                                       \
    X(ERR_ID_NUMBER_FORM, 1130, "an identity number has 17 digits and a digit or X",     \
      "Compare it with the card.")                                                       \
    X(ERR_ID_NUMBER_DAMAGED, 1131,                                                       \
      "a spreadsheet has rounded the identity number: its last digits are lost",         \
      "Take the number from the card; in a spreadsheet keep it as text.")                \
    X(ERR_ID_NUMBER_OLD, 1132, "15 digits are the identity number of an old card",       \
      "Take the 18 characters of the present card.")                                     \
    X(ERR_ID_NUMBER_DATE, 1133, "the birth date in the identity number does not exist",  \
      "Compare it with the card: digits 7 to 14 are year, month and day.")               \
    X(ERR_DATE_FORM, 1134, "a date is not written so here",                              \
      "Write it as 2026-05-31, a moment as 2026-05-31 14:05, in Beijing time.")          \
    X(ERR_VILLAGE_WANTED, 1135, "this is a larger place; a village is wanted",           \
      "Give the village's name or its 12 digits, which begin with that place's code.")   \
    X(ERR_FIELD_FIXED, 1108, "this field cannot be changed once written",                \
      "Void the record and enter a new one.")                                            \
    X(ERR_TOWNSHIP, 1109, "a person's records stay in the township of their entry",      \
      "Set the status to moved, then enter the person anew where they live now.")        \
    X(ERR_CONTRADICTS, 1120, "it contradicts what else was given",                       \
      "Compare the two and correct one of them.")                                        \
    X(ERR_AFTER_END, 1122, "it lies after the person's death",                           \
      "Compare the date with the person's. If both are right, add --anyway.")            \
    X(ERR_TO_COME, 1136, "it lies in time to come",                                      \
      "Compare the date. If it is right, add --anyway; it counts when it is due.")       \
    X(ERR_BEFORE_BIRTH, 1137, "it lies before the person's birth",                       \
      "Compare the date with the person's. If both are right, add --anyway.")            \
    X(ERR_TOO_OLD, 1138, "the person would be more than 130 years old",                  \
      "Compare the date with the card. If it is right, add --anyway.")                   \
    X(ERR_ID_NUMBER_BIRTH, 1139, "the identity number says another birth date",          \
      "Compare both with the card. If both are right, add --anyway.")                    \
    X(ERR_ID_NUMBER_SEX, 1140, "the identity number says the other sex",                 \
      "Compare both with the card. If both are right, add --anyway.")                    \
    X(ERR_DATE_ORDER, 1121, "the first day lies after the last",                         \
      "Give --from the earlier day and --to the later one.")                             \
    X(ERR_NOT_FOUND, 1201, "nothing found under that id or name",                        \
      "List what there is, then try again.")                                             \
    X(ERR_AMBIGUOUS, 1202, "the short id or name fits more than one",                    \
      "Give the id of the one that is meant, or a longer part of it.")                   \
    X(ERR_VOIDED, 1203, "the record was voided or replaced already",                     \
      "List the record to see what replaced it.")                                        \
    X(ERR_REPLACES_NONE, 1205,                                                           \
      "the record replaces no other, so nothing can be restored",                        \
      "To take it out, leave out --restore-amended.")                                    \
    X(ERR_ID_SHORT, 1206, "to write, an id needs at least four of its characters",       \
      "Type more of the id, or the whole name.")                                         \
    X(ERR_TAKEN, 1207, "another record has the same value already",                      \
      "Look at that record. If both are right, enter it again with --anyway.")           \
    X(ERR_DOUBLE, 1208, "the same was entered already",                                  \
      "Look at that record. If both happened, enter it again with --anyway.")            \
    X(ERR_ALIKE, 1213, "somebody of that name and birth is here already",                \
      "Look at that person. Two people: enter it again with --anyway. One who is here "  \
      "twice: linli person merge ID ID")                                                 \
    X(ERR_MERGED, 1214, "these are one person already",                                  \
      "See by which ids: linli person show ID")                                          \
    X(ERR_NOT_MERGED, 1215, "these two were not merged with each other",                 \
      "See with whom they were: linli person show ID")                                   \
    X(ERR_CLOSED, 1211, "this month was closed already",                                 \
      "See it with: linli report coverage --month MONTH")                                \
    X(ERR_NOT_ALL_HERE, 1212, "what is known here is not all there is",                  \
      "Wait until it has come. To close with what is here, add --anyway.")               \
    X(ERR_PEER_CONFIGURED, 1209, "the configuration names it as a peer",                 \
      "Take that section out of linli.conf, start linlid again, then forget it.")        \
    X(ERR_PEER_LINKED, 1210, "it is connected, so it is heard of at once again",         \
      "If it is not to connect: linli peer pause NAME. See: linli peer list")            \
    X(ERR_SETTLED, 1230, "nothing of it is in conflict any more",                        \
      "What is open is shown by: linli conflict list")                                   \
    X(ERR_ORDER_REQUESTED, 1220, "the order is requested; nobody is assigned yet",       \
      "From here: linli order assign, or cancel.")                                       \
    X(ERR_ORDER_ASSIGNED, 1221, "the order is assigned and not started yet",             \
      "From here: linli order start; or assign to another, or cancel.")                  \
    X(ERR_ORDER_STARTED, 1222, "the service is under way: the volunteer has signed in",  \
      "From here: linli order finish, or cancel.")                                       \
    X(ERR_ORDER_FINISHED, 1223, "the service is done and not confirmed yet",             \
      "From here: linli order confirm, or cancel.")                                      \
    X(ERR_ORDER_CONFIRMED, 1224, "the service is confirmed, which closes the order",     \
      "From here: linli order settle.")                                                  \
    X(ERR_ORDER_SETTLED, 1225, "the order is settled",                                   \
      "From here: linli order rate. If help is needed again, enter a new order.")        \
    X(ERR_ORDER_RATED, 1226, "the order is settled and rated; nothing can follow",       \
      "If help is needed again, enter a new order.")                                     \
    X(ERR_ORDER_CANCELLED, 1227, "the order was cancelled; nothing can follow",          \
      "If help is needed after all, enter a new order.")                                 \
    X(ERR_ORDER_WHOSE, 1228,                                                             \
      "two volunteers are assigned, entered without knowing of each other",              \
      "Say which one with --volunteer. As long as none has signed in, the order can be " \
      "assigned anew.")                                                                  \
    X(ERR_ORDER_PROXY, 1229,                                                             \
      "who recorded a service cannot confirm it in their own name",                      \
      "Let another account confirm it, or name who did in the person's stead: --proxy "  \
      "NAME")                                                                            \
    X(ERR_ORDER_SAME, 1231,                                                              \
      "volunteer, confirmer and auditor must be different persons",                      \
      "Let another account do it, or correct --by.")                                     \
    X(ERR_BY_STEP, 1241, "the field follows from the steps taken about the record",      \
      "Show the record: it says which step settles the conflict.")                       \
    X(ERR_LEAD_CLOSED, 1240, "the lead is closed: nothing more is to be done",           \
      "Look at it with: linli lead show ID. If something was done all the same, add "    \
      "--anyway.")                                                                       \
    X(ERR_NEED_MATCHED, 1248, "the need is matched already",                             \
      "To bind another one instead: linli need set ID --resource ID, or --project ID.")  \
    X(ERR_NEED_CLOSED, 1249, "the need is closed, so nothing is bound to it",            \
      "If it is open after all, take the reason back: linli need set ID --reason ''")    \
    X(ERR_UNREADABLE, 1204, "this node has no key for that township's records",          \
      "Ask that township or the county hub.")                                            \
    X(ERR_BAD_SIGNATURE, 2001, "a signature or a hash does not verify; refused",         \
      "Records here are unaffected. See: linli peer list")                               \
    X(ERR_UNKNOWN_AUTHOR, 2002, "the author is not in the roster held here",             \
      "It is fetched once the roster arrives. If it stays: linli node join NEW-GRANT")   \
    X(ERR_DIVERGED, 2003, "a log shows two histories",                                   \
      "Records here are unaffected. Report it to the county: linli log verify")          \
    X(ERR_BEYOND_CUT, 2004, "the entry lies beyond the end set for its log",             \
      "Kept as evidence; nothing to do here.")                                           \
    X(ERR_GAP, 2005, "earlier entries of that log are still missing",                    \
      "They are being fetched.")                                                         \
    X(ERR_DUPLICATE, 2006, "already held", "")                                           \
    X(ERR_OTHER_COUNTY, 2007, "this belongs to another county (genesis differs)",        \
      "Check that you have the right file; nothing was changed.")                        \
    X(ERR_NOT_MEMBER, 2008, "this node is not admitted by the roster held here",         \
      "At the authority: linli node admit REQUEST; here: linli node join GRANT")         \
    X(ERR_NO_KEY, 2009, "the key to read this is not held here", "")                     \
    X(ERR_UNDECRYPTABLE, 2010, "the payload does not decrypt under its key",             \
      "Its author is shown by: linli status")                                            \
    X(ERR_PERMISSION, 2011, "the author may not write there",                            \
      "A node writes within what it serves, and nothing once it was revoked. See: "      \
      "linli status, or ask the county.")                                                \
    X(ERR_VERSION, 2012, "the other side speaks another protocol version",               \
      "Upgrade the older of the two.")                                                   \
    X(ERR_STORE, 3001, "the store could not be read or written",                         \
      "Everything acknowledged is on disk. See: journalctl -u linlid")                   \
    X(ERR_DISK_FULL, 3002, "the disk is full: nothing was saved",                        \
      "Everything acknowledged earlier is safe and readable. Free some space; "          \
      "writing resumes by itself.")                                                      \
    X(ERR_STORE_GROWN, 3003, "the store's map was enlarged", "")                         \
    X(ERR_STORE_FORMAT, 3004, "the store was made by a newer or other format",           \
      "Nothing was written. Use the version of linlid that made it.")                    \
    X(ERR_STORE_DAMAGED, 3005, "the store's file is damaged or cut short",               \
      "If it runs, restart it first: what can be made anew is. If it does not start, "   \
      "move the directory store/ elsewhere and start again: peers send what they "       \
      "hold. Or restore a backup. Keep the damaged one.")                                \
    X(ERR_ROW_DAMAGED, 3008,                                                             \
      "a damaged row was found in the store; what can be is made anew from the logs",    \
      "Ask again in a moment; nothing is lost. If it stays: linli status")               \
    X(ERR_STORE_LOCKED, 3006, "another linlid has this store open",                      \
      "Stop the other one first: systemctl status linlid")                               \
    X(ERR_OTHER_NODE, 3007,                                                              \
      "the store belongs to another node: node.key is not its own",                      \
      "Put back the node.key that was there, or use that node's directory.")             \
    X(ERR_CONFIG, 4001, "the configuration has errors",                                  \
      "Correct what is named; check with: linlid --check-config")                        \
    X(ERR_FILE, 4002, "a file could not be read or written", "")                         \
    X(ERR_EXISTS, 4003, "it exists already; nothing was changed", "")                    \
    X(ERR_NOT_JOINED, 4004, "this node has not joined a county",                         \
      "Start with: linli node init, then node admit, then node join")                    \
    X(ERR_PORT_TAKEN, 4005, "another program listens there already",                     \
      "See which: ss -ltnp. Stop it, or give listen another port in linli.conf.")        \
    X(ERR_GRANT, 4006, "this is no whole grant: it was cut short, or is another file",   \
      "Copy county.grant from the authority once more; sha256sum must be the same "      \
      "there and here.")                                                                 \
    X(ERR_NO_DAEMON, 5001, "no daemon answers on the control socket",                    \
      "Start it: systemctl start linlid")                                                \
    X(ERR_USAGE, 5002, "the command line is not understood", "See: linli help")          \
    X(ERR_BUSY, 5003, "the daemon cannot take more requests now",                        \
      "Nothing was saved. Try again in a moment.")                                       \
    X(ERR_UNKNOWN_COMMAND, 5004, "the daemon does not know that command",                \
      "Command and daemon differ in version: linli version")

enum status {
#define STATUS_ENUM(name, number, text, next) name = (number),
    STATUS_TABLE(STATUS_ENUM)
#undef STATUS_ENUM
};

/* One row of the table above. All strings are static; never NULL. */
struct status_words {
    enum status status;
    const char *name; /* "ERR_MALFORMED" */
    const char *text; /* what happened, English, to be passed through gettext */
    const char *next; /* what to do; "" where nothing is to be done */
};

/* Words for `status`. An unknown number yields the row of ERR_MALFORMED. */
const struct status_words *status_words(enum status status);

/* The table by index, for `linli explain`; NULL past its end. */
const struct status_words *status_words_at(size_t index);

#define MUST_USE __attribute__((warn_unused_result))

/* A promise of our own code. Stays on in production: state on disk is always good, so
 * stopping at once loses nothing. */
#define CHECK(condition)                                                                 \
    ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__))
_Noreturn void check_failed(const char *condition, const char *file, int line);

/* Borrowed bytes. Whoever returns one says until when it holds. */
struct slice {
    const uint8_t *data;
    size_t size;
};

struct slice slice_of(const void *data, size_t size);
struct slice slice_text(const char *text);
bool slice_equal(struct slice a, struct slice b);
int slice_compare(struct slice a, struct slice b); /* as memcmp, shorter first */

/* Bounded readers over a slice that shrinks from the front. On false nothing was taken,
 * so that calls chain to one failure exit with &&. */
MUST_USE bool slice_take(struct slice *in, size_t size, void *out);
MUST_USE bool slice_borrow(struct slice *in, size_t size, struct slice *out);
MUST_USE bool slice_take_u8(struct slice *in, uint8_t *out);
MUST_USE bool slice_take_u16(struct slice *in, uint16_t *out); /* little-endian */
MUST_USE bool slice_take_u32(struct slice *in, uint32_t *out);
MUST_USE bool slice_take_u64(struct slice *in, uint64_t *out);
/* LEB128, at most 10 bytes, shortest form only: a second spelling is refused. */
MUST_USE bool slice_take_varint(struct slice *in, uint64_t *out);

/* Bytes being written, owned, growing up to `limit`. Past the limit nothing more is
 * written and `overflow` stays true; the caller looks once, at the end. */
struct buffer {
    uint8_t *data;
    size_t size;
    size_t capacity;
    size_t limit;
    bool overflow;
};

void buffer_init(struct buffer *buffer, size_t limit);
void buffer_deinit(struct buffer *buffer);
void buffer_clear(struct buffer *buffer); /* keeps the memory */
void buffer_put(struct buffer *buffer, const void *data, size_t size);
void buffer_put_u8(struct buffer *buffer, uint8_t value);
void buffer_put_u16(struct buffer *buffer, uint16_t value); /* little-endian */
void buffer_put_u32(struct buffer *buffer, uint32_t value);
void buffer_put_u64(struct buffer *buffer, uint64_t value);
void buffer_put_varint(struct buffer *buffer, uint64_t value);
/* Borrows the content; dies with the next write to or deinit of the buffer. */
struct slice buffer_slice(const struct buffer *buffer);

size_t varint_size(uint64_t value);
void put_le32(uint8_t out[4], uint32_t value);
void put_le64(uint8_t out[8], uint64_t value);
uint64_t get_le64(const uint8_t in[8]);
void put_be32(uint8_t out[4], uint32_t value); /* big-endian: keys that sort */
uint32_t get_be32(const uint8_t in[4]);
void put_be64(uint8_t out[8], uint64_t value);
uint64_t get_be64(const uint8_t in[8]);

/* Scratch for one step: allocation never fails (CHECK), everything is freed at once by
 * arena_reset. Memory is zeroed and aligned for any type. */
struct arena {
    struct arena_block *blocks;
};

void arena_init(struct arena *arena);
void arena_deinit(struct arena *arena);
void arena_reset(struct arena *arena); /* keeps the newest block for reuse */
void *arena_alloc(struct arena *arena, size_t size);
struct slice arena_copy(struct arena *arena, struct slice from);

/* Heap memory or CHECK: a daemon without memory is restarted by its supervisor. */
void *checked_malloc(size_t size);
void *checked_realloc(void *memory, size_t size);

/* Makes room for `count` items of `size` bytes in `items`, whose memory has room for
 * `*capacity`; NULL and 0 are an array that has none yet. Where it is too small it at least
 * doubles, so that adding one by one copies each item a few times at most. Returns the items,
 * which may have moved; what is new is not set. */
void *array_grow(void *items, size_t *capacity, size_t count, size_t size);

/* Looks for `key` among `count` items of `size` bytes, sorted by `compare`, which is given the
 * key first, as by bsearch. Returns whether one equals it; `*place` is then the first such,
 * else where the key would stand. */
bool sorted_find(const void *key, const void *items, size_t count, size_t size,
                 int (*compare)(const void *key, const void *item), size_t *place);

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#endif
