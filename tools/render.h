/* render.h - answers for people: lists, single records, acknowledgements. */
#ifndef LINLI_TOOLS_RENDER_H
#define LINLI_TOOLS_RENDER_H

#include "tools/commands.h"

/* The command's list in its columns, then how many and what they rest on. */
void render_list(const struct invocation *invocation, const struct terminal *terminal,
                 struct slice data);
/* One record, field by field; a conflict with both values, who and when, and the command
 * that settles it. */
void render_record(const struct invocation *invocation, const struct terminal *terminal,
                   struct slice data);
/* "Saved on this disk", and where: never that anybody else has it. */
void render_saved(const struct invocation *invocation, const struct terminal *terminal,
                  struct slice data);
void render_paused(const struct invocation *invocation, const struct terminal *terminal,
                   struct slice data);
void render_forgotten(const struct invocation *invocation,
                      const struct terminal *terminal, struct slice data);
void render_resumed(const struct invocation *invocation, const struct terminal *terminal,
                    struct slice data);
void render_joined(const struct invocation *invocation, const struct terminal *terminal,
                   struct slice data);
void render_log(const struct invocation *invocation, const struct terminal *terminal,
                struct slice data);
void render_forks(const struct invocation *invocation, const struct terminal *terminal,
                  struct slice data);
void render_reclaimed(const struct invocation *invocation,
                      const struct terminal *terminal, struct slice data);
void render_verified(const struct invocation *invocation, const struct terminal *terminal,
                     struct slice data);
enum exit_code judge_verified(struct slice data);
void render_digest(const struct invocation *invocation, const struct terminal *terminal,
                   struct slice data);

/* ", from N entries of N logs held on this disk", where the answer says so. */
void render_rests_on(const struct terminal *terminal, struct slice data);

/* tools/policy.c: a line on the statement that a figure rests on, where there is one. */
void render_policy_of(const struct terminal *terminal, struct slice data);

/* tools/care.c */
void render_coverage(const struct invocation *invocation, const struct terminal *terminal,
                     struct slice data);

/* tools/merge.c */
void render_merged(const struct invocation *invocation, const struct terminal *terminal,
                   struct slice data);
void render_unmerged(const struct invocation *invocation, const struct terminal *terminal,
                     struct slice data);

/* tools/conflict.c */
void render_conflicts(const struct invocation *invocation,
                      const struct terminal *terminal, struct slice data);
void render_settled(const struct invocation *invocation, const struct terminal *terminal,
                    struct slice data);
void render_closed(const struct invocation *invocation, const struct terminal *terminal,
                   struct slice data);

/* tools/status.c */
enum exit_code judge_status(struct slice data);
void render_status(const struct invocation *invocation, const struct terminal *terminal,
                   struct slice data);
enum exit_code status_run(const struct invocation *invocation,
                          const struct terminal *terminal);

#endif
