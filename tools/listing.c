#include "tools/listing.h"

#include <stdlib.h>
#include <string.h>

#include "crdt/codec.h"
#include "daemon/api/protocol.h"
#include "tools/table.h"

void listing_init(struct listing *listing)
{
    *listing = (struct listing){.found = 0};
    buffer_init(&listing->rests_on, SIZE_MAX);
    buffer_init(&listing->places, SIZE_MAX);
}

void listing_deinit(struct listing *listing)
{
    buffer_deinit(&listing->rests_on);
    buffer_deinit(&listing->places);
    free(listing->codes);
}

void listing_put_places(const struct listing *listing, struct buffer *out)
{
    codec_put_array(out, listing->place_count);
    buffer_put(out, listing->places.data, listing->places.size);
}

/* Pieces name their places by code ascending, and most name the same ones. */
static void note_places(struct listing *listing, struct slice places)
{
    struct list_walk walk = list_walk_begin(places);
    struct slice place;
    uint64_t code;
    while (list_walk_next(&walk, &place)) {
        size_t at = 0;
        if (!map_uint(place, "code", &code))
            continue;
        while (at < listing->place_count && listing->codes[at] < code)
            at++;
        if (at < listing->place_count && listing->codes[at] == code)
            continue;
        /* `at` elements stand before it in the encoded list. */
        struct slice rest = buffer_slice(&listing->places), element;
        for (size_t i = 0; i < at; i++)
            CHECK(codec_take_any(&rest, &element));
        struct buffer grown;
        buffer_init(&grown, SIZE_MAX);
        buffer_put(&grown, listing->places.data, listing->places.size - rest.size);
        codec_put_raw(&grown, place);
        buffer_put(&grown, rest.data, rest.size);
        buffer_deinit(&listing->places);
        listing->places = grown;
        listing->codes = array_grow(listing->codes, &listing->place_capacity,
                                    listing->place_count + 1, sizeof *listing->codes);
        memmove(listing->codes + at + 1, listing->codes + at,
                (listing->place_count - at) * sizeof *listing->codes);
        listing->codes[at] = code;
        listing->place_count++;
    }
}

/* The same arguments, and behind which chain the piece begins. */
static void put_args(struct slice args, struct slice after, struct buffer *out)
{
    size_t count;
    CHECK(codec_take_map(&args, &count));
    buffer_clear(out);
    codec_put_map(out, count + (after.size > 0));
    buffer_put(out, args.data, args.size);
    if (after.size == 0)
        return;
    codec_put_cstring(out, "after");
    codec_put_text(out, after);
}

enum status listing_read(struct client *client, const char *request, struct slice args,
                         listing_each *each, void *context, struct listing *listing,
                         struct client_reply *reply)
{
    struct buffer piece_args, after;
    enum status status = OK;
    bool more = true;
    buffer_init(&piece_args, CONTROL_REQUEST_SIZE_MAX);
    buffer_init(&after, SIZE_MAX);
    while (more) {
        put_args(args, buffer_slice(&after), &piece_args);
        status = client_ask(client, request, buffer_slice(&piece_args), reply);
        if (status != OK || reply->status != OK)
            break;
        struct list_walk walk = list_walk_begin(map_list(reply->data, "records"));
        struct slice record, value, next = {0};
        if (listing->incomplete.kind == INCOMPLETE_NOT)
            listing->incomplete = reply->incomplete;
        if (listing->rests_on.size == 0) {
            struct slice rests_on = map_map(reply->data, "rests_on");
            buffer_put(&listing->rests_on, rests_on.data, rests_on.size);
        }
        note_places(listing, map_list(reply->data, "places"));
        more =
            codec_map_find(reply->data, "next", &value) && codec_take_text(&value, &next);
        buffer_clear(&after);
        buffer_put(&after, next.data, next.size);
        while (list_walk_next(&walk, &record)) {
            listing->found++;
            if (!each(context, record)) {
                more = false;
                break;
            }
        }
    }
    buffer_deinit(&piece_args);
    buffer_deinit(&after);
    return status;
}
