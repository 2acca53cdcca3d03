/* ask.h - asks the daemon and shows what it answers: what most commands are. */
#ifndef LINLI_TOOLS_ASK_H
#define LINLI_TOOLS_ASK_H

#include "tools/arguments.h"
#include "tools/client.h"

/* Arguments become the request, the reply becomes JSON or whatever the command renders.
 */
/* Says what is wrong with an argument, by the name under which it was typed. */
enum exit_code ask_refuse_argument(const struct invocation *invocation,
                                   const struct terminal *terminal, enum status status,
                                   const char *refused);

enum exit_code ask_run(const struct invocation *invocation,
                       const struct terminal *terminal);

/* The same with `args` (an encoded map) made by the caller. */
enum exit_code ask_with(const struct invocation *invocation,
                        const struct terminal *terminal, struct slice args);

/* What was given, as the request's args. Values of a set field are sent as a list, in `set`
 * as {"add": list, "remove": list} by the signs typed before them, + where none was. A sealed field
 * given as "-" is read from the terminal or from a pipe, so that it stands in no history
 * of commands. Days and moments are put in full, from `now_ms` (time_read in table.h).
 * ERR_FIELD_VALUE or ERR_LIMIT with the argument's key in `refused`. */
MUST_USE enum status ask_encode_args(const struct invocation *invocation, uint64_t now_ms,
                                     struct buffer *args, const char **refused);

/* --socket, else $LINLI_SOCKET, else the default. */
const char *ask_socket(const struct invocation *invocation);

/* What went wrong: at connecting (`error` is errno), at asking, and as the daemon said. */
void ask_fail_to_open(struct failure *failure, const struct invocation *invocation,
                      enum status status, int error);
void ask_fail_to_ask(struct failure *failure, const struct invocation *invocation,
                     enum status status, const struct client *client);
void ask_fail_by_reply(struct failure *failure, const struct invocation *invocation,
                       const struct client_reply *reply);

/* Nothing answers at `socket`: how a daemon comes to be there, on a machine whose daemon keeps
 * its files in `directory`. */
void ask_advise_start(struct failure *failure, const char *socket, const char *directory);

#endif
