#include "daemon/run/neighbours.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/answer/peer_list.h"
#include "daemon/run/log.h"

struct neighbour {
    uint32_t number;
    bool linked;    /* the transport has a link */
    bool told;      /* the engine knows of it */
    bool owes_down; /* the engine is to hear that it is gone */
    bool shut_out;
    uint64_t until_ms; /* of being shut out; UINT64_MAX: until let in */
    bool dialled;
    enum dial_trouble trouble; /* as last logged */
    uint64_t connection;       /* what waits goes over it; 0: any */
    struct buffer backlog;     /* frames, each after its length */
    size_t backlog_sent;       /* bytes of it that went out */
};

struct neighbours {
    const struct engine *engine;
    const struct config *config;
    struct transport *transport;
    struct neighbour *rows; /* sorted by number */
    size_t count, capacity;
    uint64_t retry_ms; /* when to try the backlogs again; UINT64_MAX: there are none */
    bool owing;        /* somebody may owe the engine an event */
};

struct neighbours *neighbours_create(const struct engine *engine,
                                     const struct config *config)
{
    struct neighbours *neighbours = checked_malloc(sizeof *neighbours);
    *neighbours =
        (struct neighbours){.engine = engine, .config = config, .retry_ms = UINT64_MAX};
    return neighbours;
}

void neighbours_destroy(struct neighbours *neighbours)
{
    if (neighbours == NULL)
        return;
    for (size_t i = 0; i < neighbours->count; i++)
        buffer_deinit(&neighbours->rows[i].backlog);
    free(neighbours->rows);
    free(neighbours);
}

void neighbours_use(struct neighbours *neighbours, struct transport *transport)
{
    neighbours->transport = transport;
}

/* ---- rows ---- */

static int row_compare(const void *key, const void *item)
{
    const uint32_t *number = key;
    const struct neighbour *row = item;
    return (*number > row->number) - (*number < row->number);
}

/* Where the number stands, or would stand. */
static bool row_place(const struct neighbours *neighbours, uint32_t number, size_t *place)
{
    return sorted_find(&number, neighbours->rows, neighbours->count,
                       sizeof *neighbours->rows, row_compare, place);
}

static struct neighbour *row_find(const struct neighbours *neighbours, uint32_t number)
{
    size_t place;
    return row_place(neighbours, number, &place) ? &neighbours->rows[place] : NULL;
}

/* Rows are for members only, so there are never more than the roster has. */
static struct neighbour *row_of(struct neighbours *neighbours, uint32_t number)
{
    size_t place;
    if (row_place(neighbours, number, &place))
        return &neighbours->rows[place];
    neighbours->rows = array_grow(neighbours->rows, &neighbours->capacity,
                                  neighbours->count + 1, sizeof *neighbours->rows);
    memmove(&neighbours->rows[place + 1], &neighbours->rows[place],
            (neighbours->count - place) * sizeof *neighbours->rows);
    neighbours->count++;
    neighbours->rows[place] = (struct neighbour){.number = number};
    buffer_init(&neighbours->rows[place].backlog,
                NEIGHBOUR_BACKLOG_BYTES_MAX + FRAME_SIZE_MAX);
    return &neighbours->rows[place];
}

/* ---- members and dialling ---- */

/* NULL: not a member that this node has anything to do with. */
static const struct member *member_of_key(const struct neighbours *neighbours,
                                          const uint8_t key[CURVE_KEY_SIZE])
{
    const struct roster *roster = engine_roster(neighbours->engine);
    const struct member *member = roster_by_curve(roster, key);
    if (member == NULL || member == engine_self(neighbours->engine) ||
        roster_revoked(roster, member->number))
        return NULL;
    return member;
}

static bool is_shut_out(const struct neighbours *neighbours, uint32_t number)
{
    const struct neighbour *row = row_find(neighbours, number);
    return row != NULL && row->shut_out;
}

bool neighbours_member(void *context, const uint8_t key[CURVE_KEY_SIZE], uint32_t *peer)
{
    const struct member *member = member_of_key(context, key);
    if (member == NULL || is_shut_out(context, member->number))
        return false;
    *peer = member->number;
    return true;
}

bool neighbours_shuts_out(void *context, const uint8_t key[CURVE_KEY_SIZE])
{
    const struct member *member = member_of_key(context, key);
    return member != NULL && is_shut_out(context, member->number);
}

static void dial_one(struct neighbours *neighbours, const struct config_peer *peer,
                     const struct member *member)
{
    struct neighbour *row = row_of(neighbours, member->number);
    if (row->shut_out || row->dialled)
        return;
    enum status status = transport_dial(neighbours->transport, member->number,
                                        peer->address, member->curve_public);
    row->dialled = status == OK;
    if (status != OK)
        log_write(LOG_LEVEL_WARNING, "peer %s cannot be dialled at %s: %s", peer->name,
                  peer->address, status_words(status)->text);
}

void neighbours_dial(struct neighbours *neighbours)
{
    const struct roster *roster = engine_roster(neighbours->engine);
    const struct member *self = engine_self(neighbours->engine);
    for (size_t i = 0; i < neighbours->config->peer_count; i++) {
        const struct config_peer *peer = &neighbours->config->peers[i];
        const struct member *member = roster_by_name(roster, slice_text(peer->name));
        if (member != NULL && member != self && !roster_revoked(roster, member->number))
            dial_one(neighbours, peer, member);
    }
}

static const char *address_of(const struct neighbours *neighbours,
                              const struct member *member)
{
    for (size_t i = 0; i < neighbours->config->peer_count; i++) {
        if (strcmp(neighbours->config->peers[i].name, member->name) == 0)
            return neighbours->config->peers[i].address;
    }
    return "it called";
}

/* Says in the journal why a peer is not reached, once for each reason. */
static void log_dial_trouble(struct neighbours *neighbours, struct neighbour *row)
{
    enum dial_trouble trouble =
        row->dialled && !row->linked
            ? transport_dial_trouble(neighbours->transport, row->number, NULL)
            : DIAL_NO_TROUBLE;
    const struct member *member =
        roster_member(engine_roster(neighbours->engine), row->number);
    if (trouble != row->trouble && trouble != DIAL_NO_TROUBLE && member != NULL)
        log_write(LOG_LEVEL_INFO, "%s not connected (%s): %s", member->name,
                  address_of(neighbours, member), dial_trouble_words(trouble));
    row->trouble = trouble;
}

/* ---- what the engine is told ---- */

static void backlog_clear(struct neighbour *row)
{
    row->backlog_sent = 0;
    size_t limit = row->backlog.limit;
    buffer_deinit(&row->backlog);
    buffer_init(&row->backlog, limit);
}

static void log_link(const struct neighbours *neighbours, uint32_t peer, bool up)
{
    const struct member *member = roster_member(engine_roster(neighbours->engine), peer);
    if (member != NULL)
        log_write(LOG_LEVEL_INFO, "%s %s (%s)", member->name,
                  up ? "connected" : "lost: the connection ended",
                  address_of(neighbours, member));
}

bool neighbours_translate(struct neighbours *neighbours,
                          const struct transport_event *heard, enum event_kind *kind)
{
    struct neighbour *row = row_of(neighbours, heard->peer);
    bool told = row->told;
    switch (heard->kind) {
    case TRANSPORT_UP:
        log_link(neighbours, heard->peer, true);
        row->linked = true;
        row->told = !row->shut_out;
        *kind = EVENT_LINK_UP;
        return row->told;
    case TRANSPORT_DOWN:
        log_link(neighbours, heard->peer, false);
        row->linked = false;
        row->told = false;
        backlog_clear(row);
        *kind = EVENT_LINK_DOWN;
        return told;
    case TRANSPORT_FRAME: *kind = EVENT_FRAME; return told && !row->shut_out;
    }
    return false;
}

bool neighbours_owed(struct neighbours *neighbours, uint32_t *peer, enum event_kind *kind)
{
    for (size_t i = 0; neighbours->owing && i < neighbours->count; i++) {
        struct neighbour *row = &neighbours->rows[i];
        *peer = row->number;
        if (row->owes_down) {
            row->owes_down = false;
            *kind = EVENT_LINK_DOWN;
            return true;
        }
        /* The connection is still there after its pause: the cut did not end it. */
        if (row->linked && !row->told && !row->shut_out) {
            row->told = true;
            *kind = EVENT_LINK_UP;
            return true;
        }
    }
    neighbours->owing = false;
    return false;
}

/* ---- shutting out ---- */

void neighbours_shut_out(struct neighbours *neighbours, uint32_t peer, uint64_t pause_ms,
                         uint64_t now_ms)
{
    struct neighbour *row = row_of(neighbours, peer);
    uint64_t until_ms = pause_ms < UINT64_MAX - now_ms ? now_ms + pause_ms : UINT64_MAX;
    /* After trouble with this node's store everybody is shut out for a while; a longer
     * penalty of a peer stays as it is. */
    if (!row->shut_out || until_ms > row->until_ms)
        row->until_ms = until_ms;
    row->shut_out = true;
    row->dialled = false;
    row->owes_down = row->owes_down || row->told;
    row->told = false;
    neighbours->owing = true;
    backlog_clear(row);
    transport_hang_up(neighbours->transport, peer);
}

void neighbours_let_in(struct neighbours *neighbours, uint32_t peer)
{
    struct neighbour *row = row_of(neighbours, peer);
    row->shut_out = false;
    neighbours->owing = true;
    neighbours_dial(neighbours);
}

/* ---- sending ---- */

static void backlog_add(struct neighbours *neighbours, struct neighbour *row,
                        struct slice frame, uint64_t now_ms)
{
    size_t waiting = row->backlog.size - row->backlog_sent;
    if (row->backlog_sent > 0) {
        memmove(row->backlog.data, row->backlog.data + row->backlog_sent, waiting);
        row->backlog.size = waiting;
        row->backlog_sent = 0;
    }
    if (waiting + frame.size > NEIGHBOUR_BACKLOG_BYTES_MAX) {
        log_write(LOG_LEVEL_DEBUG, "peer %u takes nothing; its link is dropped",
                  (unsigned)row->number);
        neighbours_shut_out(neighbours, row->number, NEIGHBOUR_OVERFLOW_MS, now_ms);
        return;
    }
    buffer_put_u32(&row->backlog, (uint32_t)frame.size);
    buffer_put(&row->backlog, frame.data, frame.size);
    neighbours->retry_ms = now_ms + NEIGHBOUR_RETRY_MS;
}

void neighbours_send(struct neighbours *neighbours, uint32_t peer, uint64_t connection,
                     struct slice frame, uint64_t now_ms)
{
    struct neighbour *row = row_find(neighbours, peer);
    /* Without a link the frame is lost as on any bad link; the engine hears of it. */
    if (row == NULL || !row->told)
        return;
    /* The backlog was to go over a connection that another machine under the same key had. */
    if (row->connection != connection)
        backlog_clear(row);
    row->connection = connection;
    if (row->backlog.size > 0 ||
        transport_send(neighbours->transport, peer, connection, frame) == ERR_BUSY)
        backlog_add(neighbours, row, frame, now_ms);
}

static void backlog_send(struct neighbours *neighbours, struct neighbour *row)
{
    while (row->backlog_sent < row->backlog.size) {
        struct slice rest = slice_of(row->backlog.data + row->backlog_sent,
                                     row->backlog.size - row->backlog_sent);
        struct slice frame;
        uint32_t size;
        CHECK(slice_take_u32(&rest, &size) && slice_borrow(&rest, size, &frame));
        if (transport_send(neighbours->transport, row->number, row->connection, frame) ==
            ERR_BUSY)
            return;
        row->backlog_sent = row->backlog.size - rest.size;
    }
    backlog_clear(row);
}

void neighbours_advance(struct neighbours *neighbours, uint64_t now_ms)
{
    bool dial = false, waiting = false;
    for (size_t i = 0; i < neighbours->count; i++) {
        struct neighbour *row = &neighbours->rows[i];
        log_dial_trouble(neighbours, row);
        if (row->shut_out && row->until_ms <= now_ms) {
            row->shut_out = false;
            neighbours->owing = true;
            dial = true;
        }
        if (row->backlog.size > 0)
            backlog_send(neighbours, row);
        waiting = waiting || row->backlog.size > 0;
    }
    neighbours->retry_ms = waiting ? now_ms + NEIGHBOUR_RETRY_MS : UINT64_MAX;
    if (dial)
        neighbours_dial(neighbours);
}

uint64_t neighbours_wake_ms(const struct neighbours *neighbours)
{
    uint64_t wake_ms = neighbours->owing ? 0 : neighbours->retry_ms;
    for (size_t i = 0; i < neighbours->count; i++) {
        const struct neighbour *row = &neighbours->rows[i];
        if (row->shut_out && row->until_ms < wake_ms)
            wake_ms = row->until_ms;
    }
    return wake_ms;
}
