/* control_frame.h - the frames of daemon/api/protocol.h as bytes: requests read strictly,
 * replies written. */
#ifndef LINLI_DAEMON_CONTROL_FRAME_H
#define LINLI_DAEMON_CONTROL_FRAME_H

#include "daemon/control/control.h"

/* Sets command and args of `request`, which borrow from `frame` (without its length).
 * ERR_MALFORMED for what is no request, ERR_VERSION for another protocol. */
MUST_USE enum status control_frame_request(struct slice frame,
                                           struct control_request *request);

/* Appends a reply with its length. Incomplete is encoded already
 * (daemon/api/incomplete.h). Empty subject and incomplete become nil, empty data an
 * empty map. */
void control_frame_reply(struct buffer *out, enum status status, struct slice subject,
                         struct slice incomplete, struct slice data);

#endif
