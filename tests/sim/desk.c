#include "tests/sim/desk.h"

#include <stdio.h>

#include "crdt/codec.h"

#define ARGS_MAX 8
#define PIECES_MAX 1000

void desk_init(struct desk *desk)
{
    *desk = (struct desk){0};
    arena_init(&desk->arena);
    arena_init(&desk->scratch);
    buffer_init(&desk->args, CONTROL_REPLY_SIZE_MAX);
    buffer_init(&desk->data, SIZE_MAX);
    buffer_init(&desk->typed, PAYLOAD_SIZE_MAX);
}

void desk_deinit(struct desk *desk)
{
    arena_deinit(&desk->arena);
    arena_deinit(&desk->scratch);
    buffer_deinit(&desk->args);
    buffer_deinit(&desk->data);
    buffer_deinit(&desk->typed);
}

static void put_args(struct desk *desk, const struct desk_arg *args, const char *after)
{
    size_t count = 0;
    while (args[count].key != NULL) {
        count++;
    }
    buffer_clear(&desk->args);
    codec_put_map(&desk->args, count + (after[0] != '\0' ? 1 : 0));
    for (size_t i = 0; i < count; i++) {
        codec_put_cstring(&desk->args, args[i].key);
        codec_put_cstring(&desk->args, args[i].value);
    }
    if (after[0] != '\0') {
        codec_put_cstring(&desk->args, "after");
        codec_put_cstring(&desk->args, after);
    }
}

static struct query_sources sources_of(struct machine *machine)
{
    return (struct query_sources){
        .engine = node_engine(machine->node),
        .keys = node_keys(machine->node),
        .store = node_store(machine->node),
        .config = &machine->config,
        .divisions = &machine->world->county.places,
        .started_ms = 1,
    };
}

static struct query query_of(struct desk *desk, struct machine *machine,
                             const struct query_sources *sources, uint64_t wall_ms,
                             struct buffer *data)
{
    return (struct query){
        .sources = sources,
        .wall_ms = wall_ms,
        .steady_ms = machine_steady_ms(machine->world, machine),
        .arena = &desk->arena,
        .scratch = &desk->scratch,
        .data = data,
    };
}

/* Where the next piece of a list begins; "": there is none. */
static void take_next(struct slice piece, char *after, size_t size)
{
    struct slice value, text;
    after[0] = '\0';
    if (codec_map_find(piece, "next", &value) && codec_take_text(&value, &text)) {
        CHECK(text.size < size);
        snprintf(after, size, "%.*s", (int)text.size, (const char *)text.data);
    }
}

enum status desk_ask(struct desk *desk, struct machine *machine, uint64_t wall_ms,
                     const char *command, const struct desk_arg *args)
{
    struct query_sources sources = sources_of(machine);
    struct store_txn *txn;
    struct buffer piece;
    char after[80] = "";
    enum status status = OK;
    unsigned pieces = 0;
    buffer_clear(&desk->data);
    buffer_init(&piece, CONTROL_REPLY_SIZE_MAX);
    CHECK(node_read(machine->node, &txn) == OK);
    do {
        struct query query = query_of(desk, machine, &sources, wall_ms, &piece);
        buffer_clear(&piece);
        put_args(desk, args, after);
        status =
            query_answer(&query, txn, slice_text(command), buffer_slice(&desk->args));
        desk->incomplete = query.incomplete;
        if (status == OK) {
            CHECK(codec_check(buffer_slice(&piece)));
            buffer_put(&desk->data, piece.data, piece.size);
            take_next(buffer_slice(&piece), after, sizeof(after));
        }
        arena_reset(&desk->arena);
        arena_reset(&desk->scratch);
    } while (status == OK && after[0] != '\0' && ++pieces < PIECES_MAX);
    store_abort(txn);
    buffer_deinit(&piece);
    return status;
}

struct job *desk_write(struct desk *desk, struct machine *machine, const char *command,
                       const struct desk_arg *args)
{
    struct query_sources sources = sources_of(machine);
    uint64_t wall_ms = machine_wall_ms(machine->world, machine);
    struct buffer answer;
    struct write write;
    struct job *job = NULL;
    buffer_init(&answer, CONTROL_REPLY_SIZE_MAX);
    struct query query = query_of(desk, machine, &sources, wall_ms, &answer);
    struct change change = {
        .engine = sources.engine,
        .divisions = sources.divisions,
        .arena = &desk->arena,
        .scratch = &desk->typed,
        .wall_ms = wall_ms,
        .query = &query,
    };
    CHECK(node_read(machine->node, &change.txn) == OK);
    put_args(desk, args, "");
    if (change_prepare(&change, slice_text(command), buffer_slice(&desk->args), &write) ==
        OK) {
        job = job_create(0, machine->index);
        size_t count = write.count;
        const struct write_value *values = write.values;
        job->write = write;
        job->write.values = job->values;
        job->write.count = 0;
        job->write.reason = arena_copy(&job->arena, write.reason);
        for (size_t i = 0; i < count; i++) {
            job_add_value(job, values[i].field, values[i].remove, values[i].value);
        }
    }
    store_abort(change.txn);
    arena_reset(&desk->arena);
    arena_reset(&desk->scratch);
    buffer_deinit(&answer);
    return job;
}
