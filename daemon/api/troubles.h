/* troubles.h - the table of what `linli status` and the journal tell people to look at.
 *
 * Each trouble has a stable code (shown as LL-Wnnnn), a severity, what it says, and the
 * next command to type. In the texts NAME stands for the subject (a peer), COUNT for a
 * number ("42", or "an unknown number of"), AGE for how long it is so ("26 h"), SPAN for
 * another span, WAY for "ahead of" or "behind", ADDRESS and HOST for what is dialled; `linli
 * explain` prints them as they are. A text without AGE gets it at its end. Numbers are never reused: 12xx
 * peers, 21xx trust, 31xx storage, 41xx this machine, 51xx people who wait. The letter tells them from the
 * LL-Ennnn of crdt/base.h. */
#ifndef LINLI_DAEMON_TROUBLES_H
#define LINLI_DAEMON_TROUBLES_H

#include "crdt/base.h"
#include "daemon/api/i18n.h"

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
      "COUNT connections with keys that are unknown or revoked here were turned away",   \
      "If a new node is to join: bring the newest county.grant here and run: linli "     \
      "node join county.grant. Who was revoked is shown by: linli node show")            \
    X(HEALTH_ALONE, 1209, HEALTH_NOTICE,                                                 \
      "no peer is known yet: records are saved on this disk and nowhere else",           \
      "Add a [peer] section to linli.conf, or wait to be connected to")                  \
    X(HEALTH_PEER_TURNS_AWAY, 1210, HEALTH_WARNING,                                      \
      "NAME turned this node away: there it is not known, or was revoked",               \
      "Bring the newest county.grant to NAME and run there: linli node join "            \
      "county.grant")                                                                    \
    X(HEALTH_PEER_UNREACHABLE, 1211, HEALTH_NOTICE, "NAME does not answer at ADDRESS",   \
      "Check address, port and line: ping HOST; the address stands in linli.conf")       \
    X(HEALTH_PEER_IS_ANOTHER, 1212, HEALTH_WARNING,                                      \
      "another node, or no node, answers at ADDRESS where NAME should",                  \
      "Check the address of [peer NAME] in linli.conf")                                  \
    X(HEALTH_PEER_CLOCK, 1213, HEALTH_WARNING,                                           \
      "NAME's clock is SPAN WAY this machine's",                                         \
      "Compare both with a telephone; set the wrong one: timedatectl")                   \
    X(HEALTH_PEER_NO_NAME, 1214, HEALTH_NOTICE,                                          \
      "NAME is not dialled: its host HOST has no address",                               \
      "Check the spelling in linli.conf, and that this machine can ask: getent ahosts "  \
      "HOST")                                                                            \
    X(HEALTH_PEER_REFUSES, 1215, HEALTH_NOTICE,                                          \
      "the machine at ADDRESS refuses the connection to NAME",                           \
      "Is linlid running at NAME, with that port as listen? Does a firewall refuse it? " \
      "There: systemctl status linlid")                                                  \
    X(HEALTH_PEER_NO_INTERFACE, 1216, HEALTH_WARNING,                                    \
      "NAME's address ADDRESS is link-local and names no interface of this machine",     \
      "Write the interface behind it, as in tcp://[fe80::1%eth0]:5100. See them: ip "    \
      "link")                                                                            \
    X(HEALTH_PEER_NO_ROUTE, 1217, HEALTH_NOTICE,                                         \
      "this machine has no way to NAME at ADDRESS",                                      \
      "Is the line up, is there a route? Try: ip route get HOST")                        \
    X(HEALTH_PEER_SHUTS_OUT, 1218, HEALTH_WARNING,                                       \
      "NAME knows this node and takes no link from it: it is paused there",              \
      "Call NAME. An operator's pause ends there with: linli peer resume; one after "    \
      "faults ends by itself")                                                           \
    X(HEALTH_LOG_DIVERGED, 2101, HEALTH_ERROR,                                           \
      "NAME's records have two histories: a neighbour tells another than the one held "  \
      "here; ours stays as it is",                                                       \
      "Call NAME: was a disk put back there, or copied to a second machine? It shows "   \
      "there: linli status")                                                             \
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
    X(HEALTH_STRAYED, 2105, HEALTH_WARNING,                                              \
      "this store was put back, or copied: COUNT entries written here since then are "   \
      "kept aside and reach nobody; what is written now does",                           \
      "See them: linli log strayed. Write them once more: linli log reclaim")            \
    X(HEALTH_SUSPECTED, 2106, HEALTH_WARNING,                                            \
      "NAME seems to hold another history of this node's records than this disk: what "  \
      "is written here may not arrive",                                                  \
      "Both are being compared; what comes out is shown here. Was this disk put back, "  \
      "or copied? See: linli log show")                                                  \
    X(HEALTH_CLONED, 2107, HEALTH_WARNING,                                               \
      "two machines run under NAME's key, for AGE; both are heard, in turns",            \
      "Call NAME: one is a copy. Stop it; a second machine needs a key of its own: "     \
      "linli node init")                                                                 \
    X(HEALTH_CLONED_SELF, 2108, HEALTH_WARNING,                                          \
      "another machine runs under this node's key: NAME hears both, for AGE",            \
      "One is a copy. Stop it; a second machine needs a key of its own: linli node "     \
      "init")                                                                            \
    X(HEALTH_CAME_BACK, 2109, HEALTH_NOTICE,                                             \
      "this store was put back, or copied: AGE ago the last of COUNT entries of its "    \
      "own came back from peers",                                                        \
      "Nothing is to be done; what is written now is in a log of its own: linli log "    \
      "show")                                                                            \
    X(HEALTH_PEER_STRAYED, 2110, HEALTH_WARNING,                                         \
      "NAME's disk was put back, or copied: entries written there are kept aside and "   \
      "reach nobody",                                                                    \
      "Call NAME. There: linli log strayed shows them, linli log reclaim writes them "   \
      "once more")                                                                       \
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
    X(HEALTH_REBUILT, 3105, HEALTH_WARNING,                                              \
      "a damaged row was found in the store; what could be affected is made anew from "  \
      "the logs",                                                                        \
      "Nothing is lost. Disks that do this once do it again: linli log verify")          \
    X(HEALTH_LOG_DAMAGED, 3106, HEALTH_ERROR,                                            \
      "entries held here cannot be read from the disk any more",                         \
      "See which: linli log verify. Peers hold what they were sent; what is readable "   \
      "here and not sent is in linli export. Then replace the disk")                     \
    X(HEALTH_PAGES_DAMAGED, 3107, HEALTH_ERROR,                                          \
      "pages of the store's file are damaged: answers may lack what stood on them",      \
      "Start anew, which makes anew what it can: systemctl restart linlid. Then see: "   \
      "linli log verify")                                                                \
    X(HEALTH_REFOLDING, 3104, HEALTH_NOTICE,                                             \
      "COUNT runs of entries are still being read again: answers are incomplete until "  \
      "then",                                                                            \
      "It ends by itself. See: linli status")                                            \
    X(HEALTH_CLOCK, 4101, HEALTH_WARNING,                                                \
      "this machine's clock stands before the county's founding",                        \
      "Set the clock: timedatectl. Records are unaffected")                              \
    X(HEALTH_CLOCK_APART, 4102, HEALTH_WARNING,                                          \
      "this machine's clock is SPAN WAY NAME's; most connected peers say so",            \
      "Compare it with a telephone and set it: timedatectl. Nothing is lost; of two "    \
      "changes at once the wrong one may be shown")                                      \
    X(HEALTH_LEAD_WAITS, 5101, HEALTH_WARNING,                                           \
      "COUNT red leads were not acknowledged within 2 h, the oldest for AGE",            \
      "See them: linli lead list --state open --level red. Then telephone, and: linli "  \
      "lead ack ID")

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

/* ---- what is wrong now ---- */

#define HEALTH_NAME_SIZE 72
#define HEALTH_TEXT_SIZE 320
#define HEALTH_COUNT_UNKNOWN UINT64_MAX
/* WAY */
#define HEALTH_AHEAD N_("ahead of")
#define HEALTH_BEHIND N_("behind")
#define HEALTH_TROUBLES_MAX 64 /* the gravest are kept; nobody reads more at once */

struct trouble {
    const struct health_words *words;
    char subject[HEALTH_NAME_SIZE]; /* a peer's name, or empty */
    char text[HEALTH_TEXT_SIZE];    /* the table's text, filled in, and for how long */
    uint64_t since_ms, age_ms; /* steady; since it was reported, where no more is known */
    char next[HEALTH_TEXT_SIZE];
    uint64_t count;      /* COUNT; HEALTH_COUNT_UNKNOWN where it is not known */
    uint64_t span_ms;    /* SPAN */
    const char *way;     /* WAY; NULL: neither stands in the texts */
    const char *address; /* ADDRESS, which HOST is a part of; NULL: none */
};

/* Words text and next from the table's row and the values beside them, in the language of
 * whoever reads (daemon/api/i18n.h): English in the daemon, and in the command what its
 * user reads, from the values that the daemon sends. */
void trouble_say(struct trouble *trouble);

/* What all of it amounts to, as one word. Only OK needs nobody's eye. */
enum health_level {
    HEALTH_OK,
    HEALTH_LEVEL_ALONE,   /* no other node is known yet           */
    HEALTH_LEVEL_LATE,    /* records wait longer than they should */
    HEALTH_LEVEL_LOOK,    /* somebody should look                 */
    HEALTH_LEVEL_TROUBLE, /* something is broken                  */
};
/* The verdict as values: which sentences it consists of, and what stands in them. */
#define VERDICT_TABLE(X)                                                                 \
    X(VERDICT_TROUBLE, "trouble")           /* that trouble's text                   */  \
    X(VERDICT_ALONE, "alone")               /* no peer is known                      */  \
    X(VERDICT_LATE, "late")                 /* some peers are late                   */  \
    X(VERDICT_NONE_REACHED, "none-reached") /* none of those that it dials, ever     */  \
    X(VERDICT_NONE_LINKED, "none-linked")   /* no peer                               */  \
    X(VERDICT_ALL_PAUSED, "all-paused")                                                  \
    X(VERDICT_LINKED, "linked") /* some peers, or all                    */
enum verdict_kind {
#define VERDICT_ENUM(name, text) name,
    VERDICT_TABLE(VERDICT_ENUM)
#undef VERDICT_ENUM
};
struct verdict {
    enum health_level level;
    enum verdict_kind kind;
    size_t trouble; /* of VERDICT_TROUBLE: its place in the report */
    uint64_t peers, linked, late, paused;
    uint64_t dialled;      /* those the configuration names, unless paused */
    uint64_t unmet;        /* not since the start: what waits for these is not counted */
    uint64_t waiting;      /* the most that waits for one peer: not yet elsewhere */
    uint64_t entries;      /* saved on this disk */
    uint64_t heard_age_ms; /* of the newest word of any peer; UINT64_MAX: none yet */
};

#define VERDICT_SIZE (HEALTH_TEXT_SIZE + 64)
/* The level in capitals, then sentences, as trouble_say. `about` is the text of the trouble
 * that it names. */
void verdict_say(const struct verdict *verdict, const char *about,
                 char text[VERDICT_SIZE]);
const char *verdict_kind_name(enum verdict_kind kind);

/* "45 s", "12 min", "26 h", "9 d": the largest unit of which there are two or more. */
void health_age_format(uint64_t age_ms, char text[24]);
const char *health_level_name(enum health_level level); /* "ok", "alone", … */

struct trouble_report {
    enum health_level level;
    struct verdict values;
    char verdict[VERDICT_SIZE]; /* the level in capitals, then sentences */
    struct trouble *troubles;   /* gravest first */
    size_t count;
};

#endif
