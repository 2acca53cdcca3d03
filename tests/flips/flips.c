/* flips.c - what a daemon makes of a store in which one bit was flipped.
 *
 * A store with some hundred records is made by the real engine. For each flip a child opens a
 * copy with one bit changed, asks everything that can be asked, verifies the logs, lets the
 * daemon's own repairs run, asks again and writes once. What it got is compared with what the
 * sound store answers:
 *
 *   same     every answer as it was, and nothing was noticed
 *   told     a trouble, a refusal or a problem of `log verify` said so
 *   refused  the store was not opened
 *   WRONG    an answer differs and nothing said so
 *   signal   the child died
 *   endless  it did not end
 *
 * The last three must not occur. FLIPS=N takes N places (every tenth part of the whole unless
 * given), SEED=n the same places again, FLIP=n one of them alone. TAP on stdout. */
#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include "crdt/hash.h"
#include "net/crypto.h"
#include "tests/unit/county_fixture.h"

enum {
    PERSONS = 120,
    QUESTIONS_MAX = 256,
    FLIPS_ALL = 2600, /* of them every thirteenth times three in a page's header */
    SECONDS_MAX = 20, /* a child */
    WORKERS = 2,
    PAGE_HEADER = 16,
    PAGE_SIZE = 4096,
    ROUNDS_MAX = 200,
};

struct question {
    char command[24];
    struct arg args[2];
    char value[64];
};

struct answer {
    enum status status;
    bool incomplete;
    size_t size;
    uint64_t sum;
};

struct result {
    enum status opened;
    enum status trouble; /* the first one that an answer met */
    bool told;           /* by health, by log verify or by an answer */
    bool rebuilt;
    size_t differs; /* questions whose answers differ, before repairs */
    size_t after;   /* and after them */
    size_t first;   /* the first such question, from 1 */
    bool write_failed;
    struct answer answers[QUESTIONS_MAX];
    struct answer again[QUESTIONS_MAX];
};

enum outcome { SAME, TOLD, MENDED, REFUSED, WRONG, SIGNAL, ENDLESS, OUTCOMES };
static const char *const outcome_names[OUTCOMES] = {
    "same", "told", "told and made anew", "refused", "WRONG", "signal", "endless"};

struct image {
    uint8_t *bytes;
    size_t size; /* of the pages in use */
    off_t file_size;
};

struct flips {
    struct county *county;
    struct question questions[QUESTIONS_MAX];
    size_t question_count;
    struct image image;
    char directory[200];
    struct result *shared; /* a row for each worker, and one for the sound store */
};

/* ---- the store ---- */

static void put_question(struct flips *flips, const char *command, const char *key,
                         const char *value)
{
    assert_true(flips->question_count < QUESTIONS_MAX);
    struct question *question = &flips->questions[flips->question_count++];
    snprintf(question->command, sizeof question->command, "%s", command);
    if (key == NULL)
        return;
    snprintf(question->value, sizeof question->value, "%s", value);
    question->args[0] = (struct arg){key, question->value};
}

/* People, visits, corrections, a long text, a voided record; in two townships. */
static void fill(struct flips *flips)
{
    struct county *county = flips->county;
    char name[32], address[200], long_text[1000], when[16];
    for (int i = 0; i < PERSONS; i++) {
        size_t at = i % 5 == 4 ? FAR : TOWN;
        const char *village = at == FAR ? FAR_VILLAGE_TEXT : VILLAGE_TEXT;
        snprintf(name, sizeof name, "王%d%c", i, 'A' + i % 26);
        memset(address, 'a' + i % 26, sizeof address);
        address[i % 9 == 0 ? 199 : 20 + i] = '\0';
        memset(long_text, 'A' + i % 26, sizeof long_text);
        long_text[i % 9 == 0 ? 999 : 60] = '\0';
        assert_int_equal(
            tell(county, at, "person.add",
                 ARGS({"name", name}, {"village", village}, {"address", address})),
            OK);
        char id[ID_TEXT_SIZE];
        snprintf(id, sizeof id, "%s", told_id(county));
        if (at == TOWN && i % 4 == 0)
            put_question(flips, "person.show", "id", id);
        snprintf(when, sizeof when, "2026-05-%02d", 1 + i % 28);
        for (int k = 0; k < 2; k++)
            assert_int_equal(
                tell(county, at, "visit.add",
                     ARGS({"person", id}, {"when", when}, {"method", "home"},
                          {"outcome", "met"}, {"health", address}, {"finances", address},
                          {"support", address}, {"safety", address}, {"needs", address},
                          {"note", long_text}, {"anyway", "yes"})),
                OK);
        if (i % 3 == 0)
            assert_int_equal(
                tell(county, at, "person.set", ARGS({"id", id}, {"tier", "high"})), OK);
        if (i % 40 == 20)
            county_link(county, HUB, TOWN, true);
    }
    county_link(county, HUB, FAR, true);
    county_wait(county);
}

static void ask_everything(struct flips *flips)
{
    static const char *const plain[] = {"person.list",     "visit.list", "visit.due",
                                        "report.coverage", "log.show",   "log.strayed",
                                        "log.forks",       "node.show",  "digest"};
    struct county *county = flips->county;
    for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
        put_question(flips, plain[i], NULL, NULL);
    put_question(flips, "person.find", "text", "王7");
    assert_int_equal(ask(county, TOWN, "log.show", NO_ARGS), OK);
    for (size_t i = 0, count = count_of(county, "logs"); i < count; i++) {
        struct slice text, value = part(element(county, "logs", i), "log");
        char name[64];
        assert_true(codec_take_text(&value, &text));
        snprintf(name, sizeof name, "%.*s", (int)text.size, (const char *)text.data);
        put_question(flips, "log.show", "log", name);
    }
}

static void take_image(struct flips *flips)
{
    struct county *county = flips->county;
    char path[256];
    struct store_txn *txn;
    (void)txn;
    node_close(county->nodes[TOWN].node);
    snprintf(path, sizeof path, "%s/store/data.mdb", county->nodes[TOWN].directory);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    flips->image.file_size = lseek(fd, 0, SEEK_END);
    uint8_t *bytes = malloc((size_t)flips->image.file_size);
    assert_int_equal(pread(fd, bytes, (size_t)flips->image.file_size, 0),
                     flips->image.file_size);
    close(fd);
    /* The last page number stands in the newer of the two meta pages, 128 bytes in. */
    uint64_t last = 0;
    for (size_t page = 0; page < 2; page++) {
        uint64_t of = get_le64(bytes + page * PAGE_SIZE + PAGE_HEADER + 120);
        last = of > last ? of : last;
    }
    flips->image.bytes = bytes;
    flips->image.size = (size_t)(last + 1) * PAGE_SIZE;
    assert_true(flips->image.size <= (size_t)flips->image.file_size);
}

/* ---- a child ---- */

static uint64_t sum_of(struct slice bytes)
{
    uint64_t sum = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < bytes.size; i++)
        sum = (sum ^ bytes.data[i]) * UINT64_C(1099511628211);
    return sum;
}

static bool answers_equal(const struct answer *a, const struct answer *b)
{
    return a->status == b->status && a->size == b->size && a->sum == b->sum &&
           a->incomplete == b->incomplete;
}

static enum status child_ask(struct flips *flips, const char *command,
                             const struct arg *args, struct answer *answer)
{
    struct county *county = flips->county;
    struct county_reader reader = {county, TOWN};
    struct query_sources sources = county_sources(&reader);
    struct query query = {.sources = &sources,
                          .wall_ms = county->now_ms,
                          .steady_ms = county->now_ms - START_MS,
                          .arena = &county->arena,
                          .scratch = &county->scratch,
                          .data = &county->data};
    struct store_txn *txn;
    county_args(county, args);
    buffer_clear(&county->data);
    enum status status = node_read(county->nodes[TOWN].node, &txn);
    if (status == OK) {
        status =
            query_answer(&query, txn, slice_text(command), buffer_slice(&county->args));
        store_abort(txn);
    }
    *answer = (struct answer){.status = status};
    if (status == OK) {
        answer->size = county->data.size;
        answer->sum = sum_of(buffer_slice(&county->data));
        answer->incomplete = query.incomplete.kind != INCOMPLETE_NOT;
    }
    arena_reset(&county->arena);
    arena_reset(&county->scratch);
    return status;
}

static bool child_verify(struct flips *flips)
{
    struct county *county = flips->county;
    struct node *node = county->nodes[TOWN].node;
    struct verification *verification = verification_begin(node_engine(node));
    bool more = true;
    while (more) {
        struct store_txn *txn;
        if (node_read(node, &txn) != OK)
            return false;
        more = verification_step(verification, node_engine(node), txn, &county->scratch);
        store_abort(txn);
    }
    buffer_clear(&county->data);
    verification_answer(verification, &county->data);
    verification_end(verification);
    return count_of(county, "problems") == 0;
}

/* Whether health says something of the store. */
static bool child_health(struct flips *flips)
{
    struct county *county = flips->county;
    struct county_reader reader = {county, TOWN};
    struct trouble_report report =
        county_report(&reader, county->now_ms, county->now_ms - START_MS, &county->arena);
    bool told = false;
    for (size_t i = 0; i < report.count; i++)
        told |= report.troubles[i].words->code / 100 == 31;
    arena_reset(&county->arena);
    return told;
}

static void child_round(struct flips *flips, struct answer *answers,
                        struct result *result)
{
    for (size_t i = 0; i < flips->question_count; i++) {
        const struct question *question = &flips->questions[i];
        struct arg args[] = {{question->args[0].key, question->value}, {NULL, NULL}};
        (void)child_ask(flips, question->command, args, &answers[i]);
        result->told |= answers[i].incomplete;
        if (result->trouble == OK && answers[i].status / 1000 == 3) {
            result->trouble = answers[i].status;
            result->told = true;
        }
    }
    if (!child_verify(flips))
        result->told = true;
    if (child_health(flips))
        result->told = true;
}

static enum status child_handle(struct flips *flips, struct event event,
                                enum status *reply)
{
    struct effects effects;
    effects_init(&effects);
    enum status status =
        node_handle(flips->county->nodes[TOWN].node, &event, 1, &effects);
    for (size_t i = 0; i < effects.count; i++) {
        if (effects.items[i].kind == EFFECT_REPLY)
            *reply = effects.items[i].status;
    }
    effects_deinit(&effects);
    return status;
}

static void child_settle(struct flips *flips, struct result *result)
{
    struct county *county = flips->county;
    enum status reply = OK;
    for (int i = 0; i < ROUNDS_MAX; i++) {
        county->now_ms += 100;
        if (child_handle(flips, county_event(county, EVENT_TICK), &reply) != OK)
            result->told = true;
        struct node *node = county->nodes[TOWN].node;
        if (!node_wants_rebuild(node) && !engine_folding(node_engine(node), NULL) &&
            engine_follow_left(node_engine(node)) == 0)
            break;
    }
    county->now_ms = START_MS + 10000000;
}

static void child_write(struct flips *flips, struct result *result)
{
    struct county *county = flips->county;
    struct node *node = county->nodes[TOWN].node;
    struct buffer encoded;
    struct write write;
    enum status reply = ERR_STORE;
    struct change change = {.engine = node_engine(node),
                            .divisions = &county->divisions,
                            .arena = &county->arena,
                            .scratch = &encoded,
                            .wall_ms = county->now_ms};
    buffer_init(&encoded, PAYLOAD_SIZE_MAX);
    for (int i = 0; i < 8 && !result->write_failed; i++) {
        struct event event = county_event(county, EVENT_WRITE);
        county_args(county,
                    ARGS({"name", "赵新"}, {"village", VILLAGE_TEXT}, {"anyway", "yes"}));
        enum status status = node_read(node, &change.txn);
        if (status == OK) {
            status = change_prepare(&change, slice_text("person.add"),
                                    buffer_slice(&county->args), &write);
            store_abort(change.txn);
        }
        if (status == OK) {
            write.account = (struct account){.uid = 1000, .name = slice_text("wang")};
            event.write = &write;
            status = child_handle(flips, event, &reply);
        }
        result->write_failed = status != OK || reply != OK;
    }
    buffer_deinit(&encoded);
    arena_reset(&county->arena);
}

static void child_run(struct flips *flips, struct result *result)
{
    struct county *county = flips->county;
    struct county_node *node = &county->nodes[TOWN];
    uint8_t random[RANDOM_SIZE] = {99};
    struct node_options options = {
        .directory = flips->directory,
        .without_sync = true,
        .map_size = 4 << 20,
        .seed = slice_of(node->seed, SEED_SIZE),
        .grant = buffer_slice(&county->grant),
    };
    node->node = NULL;
    county->now_ms = START_MS + 10000000;
    result->opened = node_open(&node->node, &options, random);
    if (result->opened != OK)
        return;
    child_round(flips, result->answers, result);
    bool same = true;
    for (size_t i = 0; i < flips->question_count; i++)
        same &= answers_equal(&result->answers[i], &flips->shared[WORKERS].answers[i]);
    child_settle(flips, result);
    if (same && !result->told && !node_wants_rebuild(node->node))
        memcpy(result->again, result->answers, sizeof result->again); /* as it was */
    else
        child_round(flips, result->again, result);
    child_write(flips, result);
    if (result->write_failed)
        result->told |= child_health(flips);
    node_close(node->node);
}

/* ---- a flip ---- */

static void remove_directory(const char *directory)
{
    nftw(directory, county_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* `at` in bits; SIZE_MAX: none is flipped. The marker of a clean stop is not copied: as after
 * a power cut. */
static void lay_out(struct flips *flips, size_t at)
{
    char path[256];
    assert_int_equal(mkdir(flips->directory, 0700), 0);
    snprintf(path, sizeof path, "%s/store", flips->directory);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/store/data.mdb", flips->directory);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    if (at != SIZE_MAX)
        flips->image.bytes[at / 8] ^= (uint8_t)(1 << at % 8);
    assert_int_equal(pwrite(fd, flips->image.bytes, flips->image.size, 0),
                     (ssize_t)flips->image.size);
    if (at != SIZE_MAX)
        flips->image.bytes[at / 8] ^= (uint8_t)(1 << at % 8);
    assert_int_equal(ftruncate(fd, flips->image.file_size), 0);
    close(fd);
}

static pid_t begin_child(struct flips *flips, size_t worker, size_t at)
{
    struct result *result = &flips->shared[worker];
    memset(result, 0, sizeof *result);
    snprintf(flips->directory, sizeof flips->directory, "%s/flip%zu",
             flips->county->directory, worker);
    lay_out(flips, at);
    (void)fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child > 0)
        return child;
    int null = open("/dev/null", O_WRONLY);
    if (null >= 0 && getenv("FLIP") == NULL) {
        (void)dup2(null, 1);
        (void)dup2(null, 2);
    }
    /* Of its own time: on a busy machine a child may wait for long. */
    struct itimerval limit = {.it_value.tv_sec = SECONDS_MAX};
    (void)signal(SIGPROF, SIG_DFL);
    (void)setitimer(ITIMER_PROF, &limit, NULL);
    child_run(flips, result);
    _exit(0);
}

static enum outcome judge_child(struct flips *flips, size_t worker, int ended)
{
    const struct result *sound = &flips->shared[WORKERS];
    struct result *result = &flips->shared[worker];
    snprintf(flips->directory, sizeof flips->directory, "%s/flip%zu",
             flips->county->directory, worker);
    remove_directory(flips->directory);
    if (WIFSIGNALED(ended))
        return WTERMSIG(ended) == SIGPROF ? ENDLESS : SIGNAL;
    if (WEXITSTATUS(ended) != 0)
        return SIGNAL;
    if (result->opened != OK)
        return REFUSED;
    for (size_t i = 0; i < flips->question_count; i++) {
        bool differs = !answers_equal(&result->answers[i], &sound->answers[i]);
        bool after = !answers_equal(&result->again[i], &sound->answers[i]);
        result->differs += differs;
        result->after += after;
        if (result->first == 0 && (differs || after))
            result->first = i + 1;
    }
    if (result->differs + result->after == 0 && !result->write_failed && !result->told)
        return SAME;
    if (!result->told)
        return WRONG;
    return result->after == 0 ? MENDED : TOLD;
}

static uint64_t random_next(uint64_t *state) /* splitmix64 (Steele, Lea, Flood 2014) */
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static bool is_in_header(size_t flip)
{
    return flip % 13 >= 10; /* 600 of 2,600 */
}

static size_t place_of(const struct flips *flips, uint64_t seed, size_t flip)
{
    uint64_t state = seed * 1000003 + flip;
    size_t pages = flips->image.size / PAGE_SIZE;
    if (!is_in_header(flip))
        return (size_t)(random_next(&state) % (flips->image.size * 8));
    size_t page = (size_t)(random_next(&state) % pages);
    return page * PAGE_SIZE * 8 + (size_t)(random_next(&state) % (PAGE_HEADER * 8));
}

static void tell_flip(const struct flips *flips, size_t flip, size_t at,
                      enum outcome outcome, const struct result *result)
{
    printf("# %s: flip %zu, bit %zu of byte %zu of page %zu", outcome_names[outcome],
           flip, at % 8, at / 8 % PAGE_SIZE, at / 8 / PAGE_SIZE);
    if (outcome == WRONG && result->first > 0)
        printf("; %zu answers, the first of %s %s", result->differs,
               flips->questions[result->first - 1].command,
               flips->questions[result->first - 1].value);
    if (outcome == WRONG && result->write_failed)
        printf("; a write failed");
    if (outcome == TOLD)
        printf("; %zu then %zu answers differ, LL-E%04u, rebuilt %d", result->differs,
               result->after, (unsigned)result->trouble, result->rebuilt);
    if (outcome == REFUSED)
        printf("; LL-E%04u", (unsigned)result->opened);
    printf("\n");
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text != NULL && text[0] != '\0' ? strtoull(text, NULL, 10) : otherwise;
}

static void run_flips(struct flips *flips, size_t table[2][OUTCOMES])
{
    size_t count = (size_t)number_from("FLIPS", 200);
    uint64_t seed = number_from("SEED", (uint64_t)time(NULL) % 100000);
    bool verbose = getenv("VERBOSE") != NULL;
    size_t from = 0;
    if (getenv("FLIP") != NULL) {
        from = (size_t)number_from("FLIP", 0);
        count = from + 1;
    }
    printf("# SEED=%llu: %zu flips in %zu pages\n", (unsigned long long)seed,
           count - from, flips->image.size / PAGE_SIZE);
    pid_t children[WORKERS] = {0};
    size_t flip_of[WORKERS] = {0};
    size_t running = 0;
    for (size_t next = from; next < count || running > 0;) {
        size_t worker = 0;
        while (worker < WORKERS && children[worker] != 0)
            worker++;
        if (next < count && worker < WORKERS) {
            flip_of[worker] = next;
            children[worker] = begin_child(flips, worker, place_of(flips, seed, next));
            next++;
            running++;
            continue;
        }
        int ended = 0;
        pid_t child = waitpid(-1, &ended, 0);
        assert_true(child > 0);
        for (worker = 0; children[worker] != child;)
            worker++;
        children[worker] = 0;
        running--;
        size_t flip = flip_of[worker];
        enum outcome outcome = judge_child(flips, worker, ended);
        table[is_in_header(flip)][outcome]++;
        if (outcome >= WRONG || verbose)
            tell_flip(flips, flip, place_of(flips, seed, flip), outcome,
                      &flips->shared[worker]);
    }
}

static bool judge_sound(struct flips *flips)
{
    struct result *sound = &flips->shared[WORKERS];
    int ended = 0;
    pid_t child = begin_child(flips, WORKERS, SIZE_MAX);
    assert_int_equal(waitpid(child, &ended, 0), child);
    remove_directory(flips->directory);
    return ended == 0 && sound->opened == OK && !sound->told && !sound->write_failed &&
           memcmp(sound->answers, sound->again, sizeof sound->answers) == 0;
}

int main(void)
{
    static size_t table[2][OUTCOMES];
    struct flips *flips = calloc(1, sizeof *flips);
    void *state;
    assert_non_null(flips);
    if (access("/dev/shm", W_OK) == 0)
        (void)setenv("TMPDIR", "/dev/shm", 1);
    assert_int_equal(county_set_up(&state), 0);
    flips->county = state;
    flips->shared = mmap(NULL, (WORKERS + 1) * sizeof *flips->shared,
                         PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(flips->shared != MAP_FAILED);
    fill(flips);
    ask_everything(flips);
    take_image(flips);
    printf("1..2\n");
    bool sound = judge_sound(flips);
    printf("%sok 1 - a_sound_store_answers_and_says_nothing\n", sound ? "" : "not ");
    run_flips(flips, table);
    printf("# %-20s %9s %9s\n", "", "anywhere", "headers");
    for (size_t i = 0; i < OUTCOMES; i++)
        printf("# %-20s %9zu %9zu\n", outcome_names[i], table[0][i], table[1][i]);
    size_t bad = 0;
    for (size_t i = WRONG; i < OUTCOMES; i++)
        bad += table[0][i] + table[1][i];
    printf("%sok 2 - a_flipped_bit_is_harmless_or_told\n", bad > 0 ? "not " : "");
    remove_directory(flips->county->directory);
    return sound && bad == 0 ? 0 : 1;
}
