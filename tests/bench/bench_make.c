/* bench_make DIRECTORY VISITS PERSONS - founds a county and writes a township's store.
 *
 * Persons first, then visits of persons at random, every entry in a commit of its own and
 * so in a run of its own with a signature of its own: what years of single writes leave
 * behind. Written through daemon/run/node.h, without waiting for the disk. DIRECTORY then
 * holds the hub's keys and grant, and the township's with its store. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/run/node.h"
#include "daemon/run/random.h"
#include "tests/bench/disk.h"
#include "tests/bench/founding.h"
#include "tests/bench/people.h"
#include "tests/bench/report.h"
#include "tools/files.h"

#define STAMPS_BEGIN_MS UINT64_C(1767225600000) /* 2026-01-01 */
#define STAMP_STEP_MS 9000 /* a county's day has thousands of visits */
#define PROGRESS_EVERY 250000

struct maker {
    struct node *node;
    struct effects effects;
    struct random_pool random;
    struct chance chance;
    uint64_t written;
};

static void read_file(const char *directory, const char *name, struct buffer *out)
{
    char path[PATH_SIZE_MAX];
    buffer_init(out, SIZE_MAX);
    if (path_join(path, directory, name) != OK || file_read(path, SIZE_MAX, out) != OK)
        give_up("cannot read %s/%s", directory, name);
}

static void maker_open(struct maker *maker, const char *directory)
{
    struct buffer seed, grant;
    uint8_t random[RANDOM_SIZE];
    read_file(directory, "node.key", &seed);
    read_file(directory, "county.grant", &grant);
    random_take(&maker->random, random, sizeof random);
    enum status status = node_open(&maker->node,
                                   &(struct node_options){.directory = directory,
                                                          .without_sync = true,
                                                          .seed = buffer_slice(&seed),
                                                          .grant = buffer_slice(&grant)},
                                   random);
    if (status != OK)
        give_up("cannot open a store in %s: %s", directory, status_words(status)->text);
    effects_init(&maker->effects);
    buffer_deinit(&grant);
    buffer_deinit(&seed);
}

static struct entry_id reply_id(const struct effects *effects)
{
    for (size_t i = 0; i < effects->count; i++) {
        if (effects->items[i].kind != EFFECT_REPLY)
            continue;
        if (effects->items[i].status != OK)
            give_up("a write was refused: %s (field %u)",
                    status_words(effects->items[i].status)->text,
                    (unsigned)effects->items[i].field);
        return effects->items[i].id;
    }
    give_up("a write was not answered");
}

/* One write, one event, one commit. */
static struct entry_id maker_write(struct maker *maker, const struct made_write *made)
{
    struct event event = {
        .kind = EVENT_WRITE,
        .write = &made->write,
        .wall_ms = STAMPS_BEGIN_MS + maker->written * STAMP_STEP_MS,
        .steady_ms = 1 + maker->written,
    };
    random_take(&maker->random, event.random, sizeof event.random);
    effects_clear(&maker->effects);
    enum status status = node_handle(maker->node, &event, 1, &maker->effects);
    if (status != OK)
        give_up("cannot write: %s", status_words(status)->text);
    if (++maker->written % PROGRESS_EVERY == 0)
        report_progress("  %" PRIu64 " entries written", maker->written);
    return reply_id(&maker->effects);
}

static void maker_write_all(struct maker *maker, uint64_t visits, uint64_t persons)
{
    struct entry_id *ids = checked_malloc(persons * sizeof *ids);
    struct made_write made;
    for (uint64_t i = 0; i < persons; i++) {
        made_person(&made, &maker->chance);
        ids[i] = maker_write(maker, &made);
    }
    for (uint64_t i = 0; i < visits; i++) {
        made_visit(&made, &maker->chance, &ids[chance_below(&maker->chance, persons)]);
        (void)maker_write(maker, &made);
    }
    free(ids);
}

static uint64_t number_of(const char *text)
{
    char *end;
    unsigned long long number = strtoull(text, &end, 10);
    if (*text == '\0' || *end != '\0' || number == 0)
        give_up("\"%s\" is no number", text);
    return number;
}

int main(int count, char **arguments)
{
    static struct maker maker = {.chance = {2026}};
    char directory[PATH_SIZE_MAX], store[PATH_SIZE_MAX];
    if (count != 4)
        give_up("usage: bench_make DIRECTORY VISITS PERSONS");
    uint64_t begin_ns = steady_ns();
    founding_make(arguments[1], 1);
    if (path_join(directory, arguments[1], TOWNSHIP) != OK ||
        path_join(store, directory, "store/data.mdb") != OK)
        give_up("the path %s is too long", arguments[1]);
    maker_open(&maker, directory);
    maker_write_all(&maker, number_of(arguments[2]), number_of(arguments[3]));
    node_close(maker.node);
    effects_deinit(&maker.effects);
    disk_sync_file(store);
    report_progress("  made %" PRIu64 " entries in %.1f s, %.0f MiB", maker.written,
                    (double)(steady_ns() - begin_ns) / 1e9,
                    (double)disk_store_bytes(directory) / (1 << 20));
    return 0;
}
