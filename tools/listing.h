/* listing.h - a register's list as the daemon gives it: in pieces, each asked for when the one
 * before was worked up, so that neither side ever holds the whole. */
#ifndef LINLI_TOOLS_LISTING_H
#define LINLI_TOOLS_LISTING_H

#include "daemon/api/incomplete.h"
#include "tools/client.h"

/* What came beside the records. */
struct listing {
    uint64_t found;
    struct incomplete incomplete; /* the first that a piece told of */
    struct buffer rests_on;       /* encoded, of the first piece: all of that is in it */
    struct buffer places;         /* encoded elements, each place once */
    uint64_t *codes;              /* of these, ascending */
    size_t place_count, place_capacity;
};

void listing_init(struct listing *listing);
void listing_deinit(struct listing *listing);
void listing_put_places(const struct listing *listing, struct buffer *out); /* a list */

/* One record, an encoded map that lives until it returns. False: no more of them. */
typedef bool listing_each(void *context, struct slice record);

/* Reads the whole list of `request` ("visit.list") with `args`, an encoded map. As
 * client_ask; a refusal is OK with `reply` set, and may come after some records. */
MUST_USE enum status listing_read(struct client *client, const char *request,
                                  struct slice args, listing_each *each, void *context,
                                  struct listing *listing, struct client_reply *reply);

#endif
