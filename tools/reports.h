/* reports.h - reports that put several answers beside each other: of places, of a household, of
 * half a year, of a plan's indicators; and what people look at rather than read, as SVG. */
#ifndef LINLI_TOOLS_REPORTS_H
#define LINLI_TOOLS_REPORTS_H

#include "tools/ask.h"
#include "tools/client.h"

/* ask_run, and where --svg names a file, a drawing of the answer into it (tools/chart.h). */
enum exit_code report_run(const struct invocation *invocation,
                          const struct terminal *terminal);
void render_place_report(const struct invocation *invocation,
                         const struct terminal *terminal, struct slice data);
void render_household(const struct invocation *invocation,
                      const struct terminal *terminal, struct slice data);

/* tools/half_year.c */
enum exit_code half_year_run(const struct invocation *invocation,
                             const struct terminal *terminal);
/* tools/indicators.c */
enum exit_code indicators_run(const struct invocation *invocation,
                              const struct terminal *terminal);

/* Asks for the coverage of a month, by places of a level ("village"). `division` NULL: all that
 * is readable. False with `failure` filled; slices of the reply live until the next question. */
MUST_USE bool report_ask_coverage(struct client *client, const char *month,
                                  const char *by, const char *division,
                                  struct client_reply *reply, struct failure *failure);
/* Opens the daemon that the invocation means; false with `failure` filled. */
MUST_USE bool report_open(struct client **client, const struct invocation *invocation,
                          struct failure *failure);

#endif
