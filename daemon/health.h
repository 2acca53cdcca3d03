/* health.h - one record of what is wrong, which everything else reads: `linli status`,
 * `linli explain`, the journal, the service manager's STATUS.
 *
 * Each trouble has a stable code (shown as LL-Wnnnn), a severity, what it says, and the
 * next command to type. It also has a time it must last before it is shown, so that blips
 * stay hidden, and it hides the troubles that only follow from it. Computing it is pure:
 * facts and time in, troubles out; nothing here reads a clock or the network.
 *
 * In the texts NAME stands for the subject (a peer), COUNT for a number ("42", or "an
 * unknown number of"), AGE for a span ("26 h"), ADDRESS and HOST for what is dialled;
 * `linli explain` prints them as they are.
 * Numbers are never reused: 12xx peers, 21xx trust, 31xx storage, 41xx this machine. The
 * letter tells them from the LL-Ennnn of crdt/base.h. */
#ifndef LINLI_DAEMON_HEALTH_H
#define LINLI_DAEMON_HEALTH_H

#include "crdt/base.h"
#include "net/transport.h"

enum health_severity {
    HEALTH_NOTICE,  /* worth knowing, nothing is wrong     */
    HEALTH_WARNING, /* somebody should look within days    */
    HEALTH_ERROR,   /* somebody should look now            */
};

/* X(name, number, severity, text, next) */
#define HEALTH_TABLE(X)                                                                  \
    X(HEALTH_PEER_UNKNOWN, 1201, HEALTH_WARNING,                                         \
      "NAME is configured as a peer but no member of the roster has that name",          \
      "Compare the names: linli node show. A new roster comes with: linli node join")    \
    X(HEALTH_PEER_OFFLINE, 1203, HEALTH_NOTICE,                                          \
      "no link to NAME for AGE; COUNT records wait here and are saved on this disk",     \
      "Nothing is lost; it connects by itself. See: linli peer list")                    \
    X(HEALTH_PEER_SILENT, 1204, HEALTH_WARNING,                                          \
      "NAME silent for AGE (limit 24 h); COUNT records wait here and are saved on this " \
      "disk",                                                                            \
      "Telephone there: is the machine on, is the line up? See: linli peer list")        \
    X(HEALTH_PEER_BACKLOG, 1205, HEALTH_WARNING,                                         \
      "COUNT records wait for NAME although it is connected, the oldest for AGE",        \
      "The link may be too slow. See: linli peer list")                                  \
    X(HEALTH_PEER_PAUSED, 1206, HEALTH_NOTICE,                                           \
      "NAME is paused by an operator; COUNT records wait here",                          \
      "When the reason is gone: linli peer resume NAME")                                 \
    X(HEALTH_PEER_REFUSED, 1207, HEALTH_WARNING,                                         \
      "NAME sent COUNT frames that were refused; records here are unaffected",           \
      "Compare versions: linli version, here and there. See: linli peer list")           \
    X(HEALTH_STRANGERS, 1208, HEALTH_NOTICE,                                             \
      "COUNT connections with keys that are unknown here were turned away",              \
      "If a new node is to join: bring the newest county.grant here and run: linli "     \
      "node join county.grant")                                                          \
    X(HEALTH_ALONE, 1209, HEALTH_NOTICE,                                                 \
      "no peer is known yet: records are saved on this disk and nowhere else",           \
      "Add a [peer] section to linli.conf, or wait to be connected to")                  \
    X(HEALTH_PEER_TURNS_AWAY, 1210, HEALTH_WARNING,                                      \
      "NAME turned this node away: there it is not known, or paused, or revoked",        \
      "Bring the newest county.grant to NAME and run there: linli node join "            \
      "county.grant")                                                                    \
    X(HEALTH_PEER_UNREACHABLE, 1211, HEALTH_NOTICE, "NAME does not answer at ADDRESS",   \
      "Check address, port and line: ping HOST; the address stands in linli.conf")       \
    X(HEALTH_PEER_IS_ANOTHER, 1212, HEALTH_WARNING,                                      \
      "another node, or no node, answers at ADDRESS where NAME should",                  \
      "Check the address of [peer NAME] in linli.conf")                                  \
    X(HEALTH_LOG_DIVERGED, 2101, HEALTH_ERROR,                                           \
      "a neighbour tells another history of COUNT logs than the one held here; ours "    \
      "stays as it is",                                                                  \
      "Report it to the county with the output of: linli log verify")                    \
    X(HEALTH_ENTRIES_REFUSED, 2102, HEALTH_WARNING,                                      \
      "COUNT entries are held but not shown because their authors wrote what is not "    \
      "acceptable",                                                                      \
      "See who wrote them: linli log verify")                                            \
    X(HEALTH_LOGS_WANTED, 2103, HEALTH_WARNING,                                          \
      "COUNT logs were announced and have not arrived for AGE",                          \
      "Their authors may be missing from the roster held here: linli node join "         \
      "NEW-GRANT")                                                                       \
    X(HEALTH_REVOKED, 2104, HEALTH_ERROR,                                                \
      "this node was revoked by the county: what is written here reaches nobody",        \
      "Call the county. Records on this disk stay readable")                             \
    X(HEALTH_DISK_FULL, 3101, HEALTH_ERROR,                                              \
      "the disk is full: new records are refused; everything saved is safe and "         \
      "readable",                                                                        \
      "Free some space; writing resumes by itself")                                      \
    X(HEALTH_STORE_TROUBLE, 3102, HEALTH_ERROR,                                          \
      "the store cannot be written: new records are refused",                            \
      "Keep the machine on and look at: journalctl -u linlid")                           \
    X(HEALTH_DISK_LOW, 3103, HEALTH_WARNING,                                             \
      "little free space is left on the store's disk (limit 256 MiB)",                   \
      "Free some space before records are refused")                                      \
    X(HEALTH_REFOLDING, 3104, HEALTH_NOTICE,                                             \
      "COUNT runs of entries are still being read again: answers are incomplete until "  \
      "then",                                                                            \
      "It ends by itself. See: linli status")                                            \
    X(HEALTH_CLOCK, 4101, HEALTH_WARNING,                                                \
      "this machine's clock stands before the county's founding",                        \
      "Set the clock: timedatectl. Records are unaffected")

enum health_code {
#define HEALTH_ENUM(name, number, severity, text, next) name = (number),
    HEALTH_TABLE(HEALTH_ENUM)
#undef HEALTH_ENUM
};

/* One row of the table. All strings are static; never NULL. */
struct health_words {
    enum health_code code;
    enum health_severity severity;
    const char *text;
    const char *next;
};
const struct health_words *health_words(unsigned number); /* NULL where there is none */
void health_code_format(enum health_code code, char text[16]);   /* "LL-W1204" */
const char *health_severity_name(enum health_severity severity); /* "warning" */

/* ---- the facts ---- */

struct health_peer {
    const char *name;
    uint64_t heard_wall_ms; /* 0: never since the start */
    bool to_send_known;     /* false before the engine has met it */
    uint64_t to_send_entries;
    uint64_t oldest_unsent_wall_ms; /* 0: none */
    uint64_t refused_frames;
    const char *address; /* that is dialled, "tcp://HOST:PORT"; NULL: it dials us */
    enum dial_trouble dial_trouble;
    uint32_t number; /* 0: configured, but not in the roster */
    bool linked;
    bool paused;
};

struct health_facts {
    uint64_t wall_ms, steady_ms;
    uint64_t started_wall_ms;
    uint64_t founded_wall_ms; /* of the county */
    const struct health_peer *peers;
    size_t peer_count;
    uint64_t entries; /* held here */
    uint64_t diverged_logs, refused_entries, wanted_logs;
    uint64_t runs_to_fold;
    uint64_t handshakes_refused; /* of connections that came in, since the start */
    uint64_t disk_free_bytes;
    enum status store_trouble; /* OK, or why the last transaction failed */
    bool revoked;
};

/* ---- the troubles ---- */

#define HEALTH_NAME_SIZE 72
#define HEALTH_TEXT_SIZE 320
#define HEALTH_TROUBLES_MAX 64 /* the gravest are kept; nobody reads more at once */

struct trouble {
    const struct health_words *words;
    char subject[HEALTH_NAME_SIZE]; /* a peer's name, or empty */
    char text[HEALTH_TEXT_SIZE];    /* the table's text, filled in */
    char next[HEALTH_TEXT_SIZE];
    bool fresh; /* was not among the troubles of the update before: to be logged */
};

struct health; /* remembers since when things have been so */

struct health *health_create(void);
void health_destroy(struct health *health);

/* Takes the facts in; afterwards the functions below tell what they amount to. */
void health_update(struct health *health, const struct health_facts *facts);

size_t health_count(const struct health *health);
const struct trouble *health_at(const struct health *health,
                                size_t index); /* gravest first */

/* The line of daemon/verdict.h, `verdict` of the status reply. Lives until the next update. */
const char *health_verdict(const struct health *health);

/* Steady time at which a trouble will be old enough to show though nothing else happens;
 * UINT64_MAX: never. */
uint64_t health_due_ms(const struct health *health);

#endif
