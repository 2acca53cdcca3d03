/* county_fixture.h - a hub and two townships in one process: real nodes with real stores, asked
 * through the daemon's own query and change, and linked by hand.
 *
 * Include after <cmocka.h>. Define _XOPEN_SOURCE 700 first: nftw clears the directories. */
#ifndef LINLI_TESTS_UNIT_COUNTY_FIXTURE_H
#define LINLI_TESTS_UNIT_COUNTY_FIXTURE_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crdt/codec.h"
#include "daemon/answer/change.h"
#include "daemon/answer/query.h"
#include "daemon/run/health.h"
#include "net/grant.h"

#define COUNTY UINT64_C(331123)
#define SHILIAN UINT64_C(331123103)
#define GAOPING UINT64_C(331123104)
#define VILLAGE_TEXT "331123103201"
#define OTHER_VILLAGE_TEXT "331123103202"
#define FAR_VILLAGE_TEXT "331123104201"
#define NODES 3
#define START_MS UINT64_C(1780300000000) /* 2026-06-01 15:46 in Beijing */

enum { HUB, TOWN, FAR };

static const struct {
    const char *name;
    uint64_t division;
} founded[NODES] = {{"county", COUNTY}, {"shilian", SHILIAN}, {"gaoping", GAOPING}};

struct county_node {
    char directory[128];
    struct node *node;
    struct node_keys keys;
    uint8_t seed[SEED_SIZE];
    struct health *health;
    bool up[NODES];
};

struct county {
    const char *account; /* who writes */
    char directory[64];
    struct county_node nodes[NODES];
    struct divisions divisions;
    struct config config;
    struct buffer grant;
    uint64_t now_ms;
    uint8_t chance;
    struct arena arena, scratch;
    struct buffer data; /* the last answer */
    struct buffer args; /* of the next request */
    char subject[480];  /* of the last refusal */
    struct incomplete incomplete;
    struct entry_id id; /* of the last write */
};

/* ---- founding ---- */

static inline void county_divisions(struct divisions *divisions)
{
    static const struct {
        uint64_t code;
        const char *name;
    } places[] = {
        {COUNTY, "遂昌县"},     {SHILIAN, "石练镇"},    {GAOPING, "高坪乡"},
        {331123103201, "柳村"}, {331123103202, "定溪"}, {331123104201, "茶树坪"},
    };
    divisions_init(divisions);
    for (size_t i = 0; i < ARRAY_SIZE(places); i++)
        assert_int_equal(
            divisions_add(divisions, places[i].code, slice_text(places[i].name)), OK);
    divisions_sort(divisions);
}

static inline void county_grant(struct county *county)
{
    static const uint8_t authority_seed[SEED_SIZE] = {9, 9, 9};
    static const uint8_t random[RANDOM_SIZE] = {7};
    struct genesis genesis = {
        .county = COUNTY, .name = "遂昌县", .created_ms = START_MS - 1000};
    struct request requests[NODES];
    struct node_keys authority;
    struct buffer encoded, empty;
    struct grant grant;
    crypto_node_keys(authority_seed, &authority);
    genesis.authority = authority.id;
    buffer_init(&encoded, GENESIS_SIZE_MAX);
    buffer_init(&empty, GRANT_SIZE_MAX);
    genesis_encode(&genesis, &encoded);
    grant_begin(&empty, buffer_slice(&encoded));
    for (size_t i = 0; i < NODES; i++) {
        const struct node_keys *keys = &county->nodes[i].keys;
        requests[i] = (struct request){.id = keys->id, .division = founded[i].division};
        memcpy(requests[i].curve_public, keys->curve_public, KEY_SIZE);
        memcpy(requests[i].box_public, keys->box_public, KEY_SIZE);
        snprintf(requests[i].name, sizeof requests[i].name, "%s", founded[i].name);
    }
    assert_int_equal(grant_decode(buffer_slice(&empty), &grant), OK);
    assert_int_equal(grant_admit(&grant, authority_seed, requests, NODES, START_MS - 500,
                                 random, &county->grant),
                     OK);
    buffer_deinit(&empty);
    buffer_deinit(&encoded);
}

static inline void county_open_node(struct county *county, size_t index)
{
    struct county_node *node = &county->nodes[index];
    uint8_t random[RANDOM_SIZE] = {(uint8_t)(index + 1), ++county->chance};
    struct node_options options = {
        .directory = node->directory,
        .without_sync = true,
        .map_size = 4 << 20,
        .seed = slice_of(node->seed, SEED_SIZE),
        .grant = buffer_slice(&county->grant),
    };
    assert_int_equal(node_open(&node->node, &options, random), OK);
}

static inline int county_set_up(void **state)
{
    struct county *county = calloc(1, sizeof *county);
    const char *base = getenv("TMPDIR");
    crypto_init();
    assert_non_null(county);
    snprintf(county->directory, sizeof county->directory, "%.40s/linli-county.XXXXXX",
             base != NULL ? base : "/tmp");
    assert_non_null(mkdtemp(county->directory));
    county->now_ms = START_MS;
    county->account = "wang";
    county_divisions(&county->divisions);
    arena_init(&county->arena);
    arena_init(&county->scratch);
    buffer_init(&county->data, CONTROL_REPLY_SIZE_MAX);
    buffer_init(&county->args, 1 << 20);
    buffer_init(&county->grant, GRANT_SIZE_MAX);
    for (size_t i = 0; i < NODES; i++) {
        struct county_node *node = &county->nodes[i];
        snprintf(node->directory, sizeof node->directory, "%s/%zu", county->directory, i);
        node->seed[0] = (uint8_t)(i + 1);
        crypto_node_keys(node->seed, &node->keys);
        node->health = health_create();
    }
    county_grant(county);
    for (size_t i = 0; i < NODES; i++)
        county_open_node(county, i);
    *state = county;
    return 0;
}

static inline int county_remove(const char *path, const struct stat *stat, int type,
                                struct FTW *where)
{
    (void)stat;
    (void)type;
    (void)where;
    return remove(path);
}

static inline int county_tear_down(void **state)
{
    struct county *county = *state;
    for (size_t i = 0; i < NODES; i++) {
        node_close(county->nodes[i].node);
        health_destroy(county->nodes[i].health);
    }
    buffer_deinit(&county->grant);
    buffer_deinit(&county->args);
    buffer_deinit(&county->data);
    arena_deinit(&county->scratch);
    arena_deinit(&county->arena);
    divisions_deinit(&county->divisions);
    nftw(county->directory, county_remove, 16, FTW_DEPTH | FTW_PHYS);
    free(county);
    return 0;
}

/* ---- events ---- */

static inline struct event county_event(struct county *county, enum event_kind kind)
{
    struct event event = {
        .kind = kind, .wall_ms = county->now_ms, .steady_ms = county->now_ms - START_MS};
    event.random[0] = ++county->chance;
    put_le64(event.random + 1, county->now_ms);
    return event;
}

static inline size_t county_node_numbered(const struct county *county, uint32_t number)
{
    for (size_t i = 0; i < NODES; i++) {
        if (engine_self(node_engine(county->nodes[i].node))->number == number)
            return i;
    }
    fail_msg("no node %u", (unsigned)number);
    return 0;
}

static inline void county_step(struct county *county, size_t index, struct event event,
                               int depth);

/* Frames reach their node at once, unless the two are not linked. */
static inline void county_release(struct county *county, size_t index,
                                  const struct effects *effects, int depth)
{
    uint32_t self = engine_self(node_engine(county->nodes[index].node))->number;
    assert_true(depth < 200);
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *effect = &effects->items[i];
        if (effect->kind != EFFECT_SEND)
            continue;
        size_t to = county_node_numbered(county, effect->peer);
        if (!county->nodes[index].up[to])
            continue;
        struct event event = county_event(county, EVENT_FRAME);
        event.peer = self;
        event.bytes = effect->bytes;
        county_step(county, to, event, depth + 1);
    }
}

static inline void county_step(struct county *county, size_t index, struct event event,
                               int depth)
{
    struct effects effects;
    effects_init(&effects);
    assert_int_equal(node_handle(county->nodes[index].node, &event, 1, &effects), OK);
    county_release(county, index, &effects, depth);
    effects_deinit(&effects);
}

static inline void county_tick_all(struct county *county)
{
    for (size_t i = 0; i < NODES; i++)
        county_step(county, i, county_event(county, EVENT_TICK), 0);
}

/* Lets a minute pass, in which the nodes do what they have to. */
static inline void county_wait(struct county *county)
{
    for (int i = 0; i < 60; i++) {
        county->now_ms += 1000;
        county_tick_all(county);
    }
}

static inline void county_link(struct county *county, size_t a, size_t b, bool up)
{
    struct event event = county_event(county, up ? EVENT_LINK_UP : EVENT_LINK_DOWN);
    county->nodes[a].up[b] = county->nodes[b].up[a] = up;
    event.peer = engine_self(node_engine(county->nodes[b].node))->number;
    county_step(county, a, event, 0);
    event = county_event(county, event.kind);
    event.peer = engine_self(node_engine(county->nodes[a].node))->number;
    county_step(county, b, event, 0);
    if (up)
        county_wait(county);
}

/* ---- asking ---- */

struct arg {
    const char *key, *value;
};
#define ARGS(...) ((const struct arg[]){__VA_ARGS__, {NULL, NULL}})
#define NO_ARGS ((const struct arg[]){{NULL, NULL}})

/* "-phones" takes a value out of a set. */
static inline const char *arg_name(const struct arg *arg)
{
    return arg->key[0] == '-' ? arg->key + 1 : arg->key;
}

/* {"add": values, "remove": values} */
static inline void county_put_change(struct county *county, const struct arg *args,
                                     size_t count)
{
    codec_put_map(&county->args, 2);
    for (int remove = 0; remove < 2; remove++) {
        size_t values = 0;
        for (size_t i = 0; i < count; i++)
            values += (args[i].key[0] == '-') == (remove == 1);
        codec_put_cstring(&county->args, remove ? "remove" : "add");
        codec_put_array(&county->args, values);
        for (size_t i = 0; i < count; i++) {
            if ((args[i].key[0] == '-') == (remove == 1))
                codec_put_cstring(&county->args, args[i].value);
        }
    }
}

/* Several with one key become a list. */
static inline void county_args(struct county *county, const struct arg *args)
{
    size_t keys = 0;
    buffer_clear(&county->args);
    for (size_t i = 0; args[i].key != NULL; i++)
        keys += i == 0 || strcmp(arg_name(&args[i]), arg_name(&args[i - 1])) != 0;
    codec_put_map(&county->args, keys);
    for (size_t i = 0; args[i].key != NULL;) {
        size_t same = 1;
        bool change = args[i].key[0] == '-';
        while (args[i + same].key != NULL &&
               strcmp(arg_name(&args[i]), arg_name(&args[i + same])) == 0)
            change |= args[i + same++].key[0] == '-';
        codec_put_cstring(&county->args, arg_name(&args[i]));
        if (change) {
            county_put_change(county, args + i, same);
            i += same;
            continue;
        }
        if (same > 1)
            codec_put_array(&county->args, same);
        for (size_t end = i + same; i < end; i++)
            codec_put_cstring(&county->args, args[i].value);
    }
}

struct county_reader {
    struct county *county;
    size_t index;
};

/* As the daemon's loop answers it: a copy looks. */
static inline struct trouble_report county_report(void *context, uint64_t wall_ms,
                                                  uint64_t steady_ms, struct arena *arena)
{
    const struct county_reader *reader = context;
    struct county_node *node = &reader->county->nodes[reader->index];
    const struct facts_sources sources = {
        .node = node->node, .config = &reader->county->config, .started_ms = 1};
    struct health_facts facts = facts_gather(&sources, wall_ms, steady_ms, arena);
    health_update(node->health, &facts);
    return *health_report(node->health);
}

static inline struct query_sources county_sources(struct county_reader *reader)
{
    struct node *node = reader->county->nodes[reader->index].node;
    return (struct query_sources){
        .engine = node_engine(node),
        .keys = node_keys(node),
        .store = node_store(node),
        .config = &reader->county->config,
        .divisions = &reader->county->divisions,
        .started_ms = 1,
        .report = county_report,
        .context = reader,
    };
}

static inline enum status ask(struct county *county, size_t index, const char *command,
                              const struct arg *args)
{
    struct county_reader reader = {county, index};
    struct query_sources sources = county_sources(&reader);
    struct query query = {
        .sources = &sources,
        .wall_ms = county->now_ms,
        .steady_ms = county->now_ms - START_MS,
        .arena = &county->arena,
        .scratch = &county->scratch,
        .data = &county->data,
    };
    struct store_txn *txn;
    county_args(county, args);
    buffer_clear(&county->data);
    assert_int_equal(node_read(county->nodes[index].node, &txn), OK);
    enum status status =
        query_answer(&query, txn, slice_text(command), buffer_slice(&county->args));
    store_abort(txn);
    snprintf(county->subject, sizeof county->subject, "%s", query.subject);
    county->incomplete = query.incomplete;
    if (status == OK)
        assert_true(codec_check(buffer_slice(&county->data)));
    arena_reset(&county->arena);
    arena_reset(&county->scratch);
    return status;
}

static inline enum status county_apply(struct county *county, size_t index,
                                       struct write *write)
{
    struct event event = county_event(county, EVENT_WRITE);
    struct effects effects;
    enum status status = ERR_STORE;
    write->account = (struct account){.uid = 1000, .name = slice_text(county->account)};
    event.write = write;
    effects_init(&effects);
    assert_int_equal(node_handle(county->nodes[index].node, &event, 1, &effects), OK);
    for (size_t i = 0; i < effects.count; i++) {
        const struct effect *effect = &effects.items[i];
        if (effect->kind != EFFECT_REPLY)
            continue;
        status = effect->status;
        county->id = effect->id;
        if (effect->field != FIELD_NONE)
            snprintf(county->subject, sizeof county->subject, "%s",
                     schema_field(schema_register(effect->reg), effect->field)->name);
    }
    county_release(county, index, &effects, 0);
    effects_deinit(&effects);
    return status;
}

/* A writing command, from arguments to the commit. */
static inline enum status tell(struct county *county, size_t index, const char *command,
                               const struct arg *args)
{
    struct buffer encoded;
    struct write write;
    struct county_reader reader = {county, index};
    struct query_sources sources = county_sources(&reader);
    struct query query = {
        .sources = &sources,
        .wall_ms = county->now_ms,
        .steady_ms = county->now_ms - START_MS,
        .arena = &county->arena,
        .scratch = &county->scratch,
    };
    struct change change = {
        .query = &query,
        .engine = node_engine(county->nodes[index].node),
        .divisions = &county->divisions,
        .arena = &county->arena,
        .scratch = &encoded,
        .wall_ms = county->now_ms,
    };
    buffer_init(&encoded, PAYLOAD_SIZE_MAX);
    county->now_ms += 10;
    county_args(county, args);
    assert_int_equal(node_read(county->nodes[index].node, &change.txn), OK);
    enum status status =
        change_prepare(&change, slice_text(command), buffer_slice(&county->args), &write);
    store_abort(change.txn);
    snprintf(county->subject, sizeof county->subject, "%s", change.subject);
    if (status == OK)
        status = county_apply(county, index, &write);
    arena_reset(&county->arena);
    buffer_deinit(&encoded);
    return status;
}

/* The id that the last write got, as text. */
static inline const char *told_id(const struct county *county)
{
    static char text[128][ID_TEXT_SIZE];
    static size_t next;
    char *out = text[next++ % 128];
    id_format(&county->id, out);
    return out;
}

/* ---- looking into answers ---- */

static inline size_t count_of(const struct county *county, const char *list)
{
    struct slice value;
    size_t count = 0;
    assert_true(codec_map_find(buffer_slice(&county->data), list, &value));
    assert_true(codec_take_array(&value, &count));
    return count;
}

static inline struct slice element(const struct county *county, const char *list,
                                   size_t index)
{
    struct slice value, found = {0};
    size_t count;
    assert_true(codec_map_find(buffer_slice(&county->data), list, &value));
    assert_true(codec_take_array(&value, &count));
    assert_true(index < count);
    for (size_t i = 0; i <= index; i++)
        assert_true(codec_take_any(&value, &found));
    return found;
}

static inline struct slice part(struct slice map, const char *key)
{
    struct slice value = {0};
    if (!codec_map_find(map, key, &value))
        fail_msg("there is no \"%s\"", key);
    return value;
}

static inline void assert_text(struct slice map, const char *key, const char *expected)
{
    struct slice value = part(map, key), text;
    if (expected == NULL) {
        assert_int_equal(codec_peek(value), CODEC_NIL);
        return;
    }
    if (!codec_take_text(&value, &text))
        fail_msg("\"%s\" is no text", key);
    if (!slice_equal(text, slice_text(expected)))
        fail_msg("\"%s\" is \"%.*s\", not \"%s\"", key, (int)text.size,
                 (const char *)text.data, expected);
}

static inline uint64_t number_of(struct slice map, const char *key)
{
    struct slice value = part(map, key);
    uint64_t number = 0;
    if (!codec_take_uint(&value, &number))
        fail_msg("\"%s\" is no number", key);
    return number;
}

#endif
