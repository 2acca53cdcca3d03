/* county.h - the authority's commands: they work on files, with no daemon and no network,
 * so that the root key can stay on a machine that is switched off. */
#ifndef LINLI_TOOLS_COUNTY_H
#define LINLI_TOOLS_COUNTY_H

#include "net/grant.h"
#include "tools/commands.h"

enum exit_code county_create_run(const struct invocation *invocation,
                                 const struct terminal *terminal);
/* tools/admit.c */
enum exit_code node_admit_run(const struct invocation *invocation,
                              const struct terminal *terminal);

/* tools/revoke.c */
enum exit_code node_revoke_run(const struct invocation *invocation,
                               const struct terminal *terminal);

/* tools/policy.c */
enum exit_code policy_set_run(const struct invocation *invocation,
                              const struct terminal *terminal);

/* ---- shared with tools/admit.c, tools/revoke.c and tools/member.c ---- */

/* A file whose bytes a decoded grant borrows, and what it says. */
struct grant_file {
    struct buffer bytes;
    struct grant grant;
    struct roster *roster; /* without secrets */
};
/* Reads, decodes and verifies. On failure `failure` is filled; to be closed either way.
 */
MUST_USE bool grant_file_open(struct grant_file *file, const char *path,
                              struct failure *failure);
void grant_file_close(struct grant_file *file);

/* A seed file of SEED_SIZE bytes. To be wiped by the caller. */
MUST_USE bool seed_read(uint8_t seed[SEED_SIZE], const char *path,
                        struct failure *failure);

/* A division code; false with `failure` filled where it is none. */
MUST_USE bool code_parse(uint64_t *code, const char *text, struct failure *failure);

/* Files' failures name the path and, where the system refused, its reason. */
void failure_of_file(struct failure *failure, enum status status, const char *path);

/* The value of an option that must be given; NULL with `failure` filled. */
const char *required_value(const struct invocation *invocation, const char *key,
                           struct failure *failure);

#endif
