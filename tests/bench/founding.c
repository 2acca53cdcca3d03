#include "tests/bench/founding.h"

#include <string.h>
#include <time.h>

#include "net/grant.h"
#include "tests/bench/people.h"
#include "tests/bench/report.h"
#include "tools/files.h"

static const struct {
    uint64_t division;
    const char *name;
} townships_known[FOUNDING_TOWNSHIPS_MAX] = {
    {PEOPLE_TOWNSHIP, TOWNSHIP}, {331123001, "miaogao"},    {331123002, "yunfeng"},
    {331123102, "xinluwan"},     {331123103, "beijie"},     {331123104, "jinzhu"},
    {331123105, "dazhe"},        {331123107, "wangcunkou"}, {331123108, "huangshayao"},
    {331123200, "sanren"},       {331123201, "lianzhu"},    {331123202, "yingcun"},
    {331123203, "gaoping"},      {331123204, "hushan"},     {331123205, "caiyuan"},
    {331123206, "jiaotan"},      {331123207, "longyang"},   {331123208, "zhedaikou"},
    {331123209, "xifan"},        {331123210, "ankou"},
};

const char *founding_township_name(size_t index)
{
    CHECK(index < FOUNDING_TOWNSHIPS_MAX);
    return townships_known[index].name;
}

static void put_file(const char *directory, const char *name, struct slice content)
{
    char path[PATH_SIZE_MAX];
    if (path_join(path, directory, name) != OK || file_create(path, content) != OK)
        give_up("cannot write %s/%s", directory, name);
}

struct founded_node {
    char directory[PATH_SIZE_MAX];
    struct request request;
};

static void make_node(struct founded_node *node, const char *directory, const char *name,
                      uint64_t division)
{
    uint8_t seed[SEED_SIZE];
    struct node_keys keys;
    if (path_join(node->directory, directory, name) != OK ||
        directory_make(node->directory) != OK)
        give_up("cannot make %s/%s", directory, name);
    random_fill(seed, sizeof seed);
    crypto_node_keys(seed, &keys);
    node->request = (struct request){.id = keys.id, .division = division};
    memcpy(node->request.curve_public, keys.curve_public, KEY_SIZE);
    memcpy(node->request.box_public, keys.box_public, KEY_SIZE);
    memcpy(node->request.name, name, strlen(name) + 1);
    put_file(node->directory, "node.key", slice_of(seed, sizeof seed));
}

static uint64_t wall_ms(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_REALTIME, &now) == 0);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The county without any member, in `out`. */
static void make_county(const uint8_t authority_seed[SEED_SIZE], struct buffer *out)
{
    struct genesis genesis = {.county = PEOPLE_COUNTY, .created_ms = wall_ms()};
    uint8_t recovery_seed[SEED_SIZE];
    struct node_keys keys;
    struct buffer encoded;
    memcpy(genesis.name, "遂昌县", sizeof "遂昌县");
    random_fill(recovery_seed, sizeof recovery_seed);
    random_fill(genesis.nonce, sizeof genesis.nonce);
    crypto_node_keys(authority_seed, &keys);
    genesis.authority = keys.id;
    crypto_node_keys(recovery_seed, &keys);
    genesis.recovery = keys.id;
    buffer_init(&encoded, GENESIS_SIZE_MAX);
    genesis_encode(&genesis, &encoded);
    grant_begin(out, buffer_slice(&encoded));
    buffer_deinit(&encoded);
}

static void admit(const struct buffer *county, const uint8_t authority_seed[SEED_SIZE],
                  const struct request *requests, size_t count, struct buffer *out)
{
    struct grant grant;
    uint8_t random[RANDOM_SIZE];
    random_fill(random, sizeof random);
    enum status status = grant_decode(buffer_slice(county), &grant);
    if (status == OK)
        status =
            grant_admit(&grant, authority_seed, requests, count, wall_ms(), random, out);
    if (status != OK || out->overflow)
        give_up("cannot admit the nodes: %s", status_words(status)->text);
}

void founding_make(const char *directory, size_t townships)
{
    static struct founded_node nodes[1 + FOUNDING_TOWNSHIPS_MAX];
    struct request requests[1 + FOUNDING_TOWNSHIPS_MAX];
    uint8_t authority_seed[SEED_SIZE];
    struct buffer county, grant;
    CHECK(townships >= 1 && townships <= FOUNDING_TOWNSHIPS_MAX);
    crypto_init();
    random_fill(authority_seed, sizeof authority_seed);
    if (directory_make(directory) != OK)
        give_up("cannot make %s", directory);
    make_node(&nodes[0], directory, HUB, PEOPLE_COUNTY);
    for (size_t i = 0; i < townships; i++)
        make_node(&nodes[i + 1], directory, townships_known[i].name,
                  townships_known[i].division);
    for (size_t i = 0; i <= townships; i++)
        requests[i] = nodes[i].request;
    buffer_init(&county, GRANT_SIZE_MAX);
    buffer_init(&grant, GRANT_SIZE_MAX);
    make_county(authority_seed, &county);
    admit(&county, authority_seed, requests, townships + 1, &grant);
    for (size_t i = 0; i <= townships; i++)
        put_file(nodes[i].directory, "county.grant", buffer_slice(&grant));
    buffer_deinit(&grant);
    buffer_deinit(&county);
}
