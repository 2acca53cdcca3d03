/* linlid.h - a real daemon as a child process: configured, started, asked, measured, ended.
 *
 * What is still running when the benchmark ends, however it ends, is ended with it. */
#ifndef LINLI_TESTS_BENCH_LINLID_H
#define LINLI_TESTS_BENCH_LINLID_H

#include <sys/types.h>

#include "crdt/base.h"
#include "tools/client.h"

#define LINLID_PATH_SIZE 512
#define LINLID_SOCKET_SIZE 100

struct linlid {
    char directory[LINLID_PATH_SIZE]; /* of node.key, county.grant, linli.conf, store */
    char socket[LINLID_SOCKET_SIZE];
    const char *name; /* in the roster */
    pid_t pid;
    struct client *client;
};

struct linlid_options {
    const char *parent;  /* the node's directory is PARENT/NAME */
    const char *sockets; /* a directory with a short path */
    const char *name;
    unsigned listen_port;  /* 0: does not listen, unless it has no peer */
    const char *peer_name; /* NULL: dials nobody */
    unsigned peer_port;
};

/* Writes linli.conf, starts $LINLID (build/linlid) and waits until it answers. */
void linlid_start(struct linlid *linlid, const struct linlid_options *options);
void linlid_stop(struct linlid *linlid);

/* A port of 127.0.0.1 that was free a moment ago. */
unsigned linlid_free_port(void);

/* Gives up where the answer is not "done". Lives until the next question. */
struct slice linlid_ask(struct linlid *linlid, const char *command, struct slice args);
struct slice linlid_ask_one(struct linlid *linlid, const char *command, const char *key,
                            const char *value);

/* A number or a text of an encoded map, which must be there. */
uint64_t answer_uint(struct slice map, const char *key);
struct slice answer_text(struct slice map, const char *key);
struct slice answer_value(struct slice map, const char *key);

struct linlid_state {
    uint64_t entries, logs;
    uint64_t wanted_logs, unreadable_entries, refused_entries;
    uint64_t uncounted_entries;   /* still to be worked into the rows of reports */
    unsigned peers, peers_linked; /* linked: the hellos were said */
    unsigned peers_online;        /* and the digests were equal when last compared */
    uint64_t to_send;
    uint64_t bytes_in, bytes_out; /* of messages, all peers: above ZMTP and CURVE */
};
void linlid_look(struct linlid *linlid, struct linlid_state *state);

/* CPU time of all threads, those that ended included, and what it gave the disk; asking
 * costs the daemon nothing.
 *
 * `written_bytes` is what it handed to write(2) and its relatives, files only (sockets are
 * sent to): LMDB hands over every changed page once a commit and syncs it at once, so that
 * is what reaches the disk, but for the file system's own journal. `dirtied_bytes`, the
 * kernel's write_bytes, includes what is changed through a map; since ext4 has large
 * folios (Linux 6.16) it counts 64 KiB and more for one page of 4 KiB in them, so it only
 * tells nothing from something. */
struct usage {
    uint64_t cpu_ns;
    uint64_t written_bytes;
    uint64_t dirtied_bytes;
};
struct usage linlid_usage(const struct linlid *linlid);
uint64_t linlid_private_bytes(const struct linlid *linlid); /* RssAnon, now */

/* Samples RssAnon in a thread of its own. */
struct sampler;
struct sampler *sampler_start(const struct linlid *linlid, unsigned interval_ms);
uint64_t sampler_stop(struct sampler *sampler, size_t *samples); /* the highest, bytes */

#endif
