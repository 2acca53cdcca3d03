/* desk.h - what somebody at a simulated machine asks and enters through the daemon's own
 * commands: the answers of daemon/answer, and its reading of what is typed. */
#ifndef LINLI_TESTS_SIM_DESK_H
#define LINLI_TESTS_SIM_DESK_H

#include "daemon/answer/change.h"
#include "daemon/answer/query.h"
#include "tests/sim/world.h"

struct desk_arg {
    const char *key, *value; /* a key of NULL ends them */
};

/* What is kept between questions, so that asking costs no memory anew. */
struct desk {
    struct arena arena, scratch;
    struct buffer args, data, typed;
    struct incomplete incomplete; /* of the last answer */
};
void desk_init(struct desk *desk);
void desk_deinit(struct desk *desk);

/* The answer of a machine to a reading command, in desk->data until the next question. A list
 * is asked for to its end, its pieces one behind the other. `wall_ms` is the time that the
 * machine takes it to be. */
enum status desk_ask(struct desk *desk, struct machine *machine, uint64_t wall_ms,
                     const char *command, const struct desk_arg *args);

/* What a writing command would write at this machine now; NULL: it is refused. Token and
 * account are the caller's to give. */
struct job *desk_write(struct desk *desk, struct machine *machine, const char *command,
                       const struct desk_arg *args);

#endif
