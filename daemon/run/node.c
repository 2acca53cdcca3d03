#include "daemon/run/node.h"

#include <stdlib.h>

#include "net/grant.h"

/* A batch ends at this many dirty pages, because LMDB keeps their memory for good: 8 MiB.
 */
#define BATCH_PAGES_MAX 2000
/* Rows not yet in the store count too; each dirties at most one page of the chains. */
#define BATCH_ROWS_MAX 8192

/* How often a transaction is tried again after its map was enlarged. Doubling from 64
 * MiB, more than a disk holds. */
#define GROWTHS_MAX 20

/* How long links stay cut after the store failed: long enough not to spin on a full disk.
 */
#define STORE_PAUSE_MS 5000

struct node {
    struct store *store;
    struct engine *engine;
    struct node_keys keys;
    struct genesis genesis;
    struct hash genesis_hash;
    enum status trouble;
    bool loaded;       /* the engine stands on the last commit */
    uint64_t retry_ms; /* steady; where it does not, when to load it again */
    unsigned rebuilds;
};

static void node_new_engine(struct node *node)
{
    struct engine_config config = {&node->keys, &node->genesis, &node->genesis_hash};

    if (node->engine != NULL)
        engine_destroy(node->engine);
    node->engine = engine_create(&config);
}

static enum status node_load(struct node *node)
{
    struct store_txn *txn;
    enum status status;

    node->loaded = false;
    status = store_begin_read(node->store, &txn);
    if (status != OK)
        return status;
    status = engine_load(node->engine, txn);
    store_abort(txn);
    node->loaded = status == OK;
    return status;
}

bool node_wants_rebuild(const struct node *node)
{
    for (enum store_table table = 0; table < STORE_TABLES; table++) {
        if (store_table_is_derived(table) && store_is_damaged(node->store, table))
            return true;
    }
    return false;
}

static enum status node_rebuild(struct node *node)
{
    enum status status = ERR_STORE_GROWN;

    node->loaded = false;
    for (int i = 0; i < GROWTHS_MAX && status == ERR_STORE_GROWN; i++) {
        struct store_txn *txn;
        status = store_begin(node->store, &txn);
        if (status != OK)
            return status;
        engine_rebuild(node->engine, txn);
        status = store_commit(txn);
    }
    if (status != OK)
        return status;
    for (enum store_table table = 0; table < STORE_TABLES; table++) {
        if (store_table_is_derived(table))
            store_forget_damage(node->store, table);
    }
    node->rebuilds++;
    return node_load(node);
}

static bool node_is_founded(struct node *node)
{
    struct store_txn *txn;
    bool founded;

    if (store_begin_read(node->store, &txn) != OK)
        return true; /* engine_load will name the trouble */
    founded = engine_is_founded(txn);
    store_abort(txn);
    return founded;
}

/* One attempt at the first start, with an engine that knows nothing yet. */
static enum status node_try_found(struct node *node, struct slice grant,
                                  const uint8_t random[RANDOM_SIZE])
{
    struct store_txn *txn;
    enum status status;

    node_new_engine(node);
    status = store_begin(node->store, &txn);
    if (status != OK)
        return status;
    status = engine_found(node->engine, txn, grant, random);
    if (status == OK || status == ERR_STORE_GROWN)
        return store_commit(txn);
    store_abort(txn);
    return status;
}

/* A store that was restored or copied never continues its logs. */
static enum status node_settle(struct node *node, const uint8_t random[RANDOM_SIZE])
{
    uint8_t identity[STORE_IDENTITY_SIZE];
    struct slice home = slice_of(identity, sizeof identity);
    struct store_txn *txn;
    enum status status;
    bool at_home;

    if (!store_identity(node->store, identity))
        return OK;
    status = store_begin_read(node->store, &txn);
    if (status != OK)
        return status;
    at_home = engine_is_at_home(txn, home);
    store_abort(txn);
    if (at_home)
        return OK;
    status = store_begin(node->store, &txn);
    if (status != OK)
        return status;
    engine_move_in(node->engine, txn, home, random);
    status = store_commit(txn);
    return status == OK || status == ERR_STORE_GROWN ? node_load(node) : status;
}

static enum status node_start(struct node *node, struct slice grant,
                              const uint8_t random[RANDOM_SIZE])
{
    enum status status = OK;

    if (!node_is_founded(node)) {
        status = ERR_STORE_GROWN;
        for (int i = 0; i < GROWTHS_MAX && status == ERR_STORE_GROWN; i++)
            status = node_try_found(node, grant, random);
    }
    if (status != OK)
        return status;
    node_new_engine(node);
    status = node_wants_rebuild(node) ? node_rebuild(node) : node_load(node);
    if (status == ERR_ROW_DAMAGED && node_wants_rebuild(node))
        status = node_rebuild(node);
    if (status == ERR_ROW_DAMAGED)
        status = ERR_STORE_DAMAGED; /* a row without which nothing starts */
    return status == OK ? node_settle(node, random) : status;
}

enum status node_open(struct node **out, const struct node_options *options,
                      const uint8_t random[RANDOM_SIZE])
{
    struct store_options store_options = {options->directory, options->without_sync,
                                          options->map_size, options->finding};
    struct node *node;
    struct grant grant;
    enum status status = grant_decode(options->grant, &grant);

    if (status != OK)
        return status;
    CHECK(options->seed.size == SEED_SIZE);
    node = checked_malloc(sizeof *node);
    *node = (struct node){.genesis = grant.genesis, .genesis_hash = grant.genesis_hash};
    crypto_node_keys(options->seed.data, &node->keys);
    status = store_open(&node->store, &store_options);
    if (status == OK)
        status = node_start(node, options->grant, random);
    if (status != OK) {
        node_close(node);
        return status;
    }
    *out = node;
    return OK;
}

void node_close(struct node *node)
{
    if (node->engine != NULL)
        engine_destroy(node->engine);
    if (node->store != NULL)
        store_close(node->store);
    crypto_wipe(&node->keys, sizeof node->keys);
    free(node);
}

/* ---- batches ---- */

/* Steps events until the batch is full; returns how many were taken. */
static size_t step_events(struct node *node, struct store_txn *txn,
                          const struct event *events, size_t count,
                          struct effects *effects)
{
    size_t taken = 0;

    while (taken < count) {
        engine_step(node->engine, txn, &events[taken++], effects);
        if (store_txn_dirty_pages(txn) >= BATCH_PAGES_MAX ||
            engine_rows_pending(node->engine) >= BATCH_ROWS_MAX ||
            store_txn_status(txn) != OK)
            break;
    }
    engine_end_batch(node->engine, txn, &events[taken - 1], effects);
    return taken;
}

/* One transaction over the first events. On OK `taken` says how many are done and their
 * effects stand; otherwise none is, and `effects` is as it was. */
static enum status try_batch(struct node *node, const struct event *events, size_t count,
                             struct effects *effects, size_t *taken)
{
    size_t effects_before = effects->count;
    struct store_txn *txn;
    enum status status = store_begin(node->store, &txn);

    if (status != OK)
        return status;
    *taken = step_events(node, txn, events, count, effects);
    if (engine_take_wrote(node->engine) || store_txn_status(txn) != OK)
        status = store_commit(txn);
    else
        store_abort(txn);
    if (status != OK)
        effects->count = effects_before;
    return status;
}

/* Nothing of these events happened. Whoever asked for a write is told; the links are cut
 * for a while, because the neighbours would send the same again at once. A roster that could
 * not be loaded names nobody: the peers of the events are cut off by their numbers. */
static void fail_events(const struct event *events, size_t count, enum status status,
                        struct node *node, struct effects *effects)
{
    for (size_t i = 0; i < count; i++) {
        bool asked = events[i].kind == EVENT_WRITE || events[i].kind == EVENT_PAUSE ||
                     events[i].kind == EVENT_RESUME || events[i].kind == EVENT_JOIN ||
                     events[i].kind == EVENT_RECLAIM || events[i].kind == EVENT_FORGET;
        bool linked = events[i].kind == EVENT_FRAME || events[i].kind == EVENT_LINK_UP;
        if (linked && roster_member(engine_roster(node->engine), events[i].peer) == NULL)
            effects_add(effects, EFFECT_DROP, events[i].peer)->pause_ms = STORE_PAUSE_MS;
        if (!asked)
            continue;
        struct effect *reply = effects_add(effects, EFFECT_REPLY, 0);
        reply->token =
            events[i].kind == EVENT_WRITE ? events[i].write->token : events[i].token;
        reply->status = status;
    }
    for (size_t i = 0; i < roster_count(engine_roster(node->engine)); i++) {
        uint32_t peer = roster_at(engine_roster(node->engine), i)->number;
        effects_add(effects, EFFECT_DROP, peer)->pause_ms = STORE_PAUSE_MS;
    }
}

enum status node_handle(struct node *node, const struct event *events, size_t count,
                        struct effects *effects)
{
    size_t taken = 0;
    int growths = 0;
    bool rebuilt = false;

    while (count > 0) {
        enum status status = OK;
        if (node_wants_rebuild(node) && !rebuilt) {
            status = node_rebuild(node);
            rebuilt = true;
        } else if (!node->loaded) {
            status = node_load(node);
        }
        if (status == OK)
            status = try_batch(node, events, count, effects, &taken);
        if (status == ERR_ROW_DAMAGED && node_wants_rebuild(node) && !rebuilt)
            continue; /* met just now */
        if (status == OK) {
            node->trouble = OK;
            events += taken;
            count -= taken;
            continue;
        }
        /* The engine went ahead of the store. Until it is loaded it takes no step: what it
         * wrote would continue entries that are not there. */
        enum status reloaded = node_load(node);
        if (status == ERR_STORE_GROWN && ++growths < GROWTHS_MAX && reloaded == OK)
            continue;
        if (status == ERR_STORE_GROWN && reloaded != OK)
            status = reloaded;
        node->retry_ms = events[0].steady_ms + STORE_PAUSE_MS;
        node->trouble = status;
        fail_events(events, count, status, node, effects);
        return status;
    }
    return OK;
}

unsigned node_rebuilds(const struct node *node)
{
    return node->rebuilds;
}

uint64_t node_wake_ms(const struct node *node)
{
    return node->loaded ? engine_wake_ms(node->engine) : node->retry_ms;
}

enum status node_read(struct node *node, struct store_txn **txn)
{
    return store_begin_read(node->store, txn);
}

struct engine *node_engine(struct node *node)
{
    return node->engine;
}

struct store *node_store(struct node *node)
{
    return node->store;
}

const struct node_keys *node_keys(const struct node *node)
{
    return &node->keys;
}

enum status node_trouble(const struct node *node)
{
    return node->trouble;
}
